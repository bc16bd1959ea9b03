//! A text as a QR code: rows of modules for hosts that draw, a PNG for hosts that show files.
//! Knows nothing of what the text means.
#![forbid(unsafe_code)]

use std::path::Path;

use qrcodegen::{QrCode, QrCodeEcc};

use crate::error::{Error, Result, Status};

/// The quiet zone that scanners want around a code, in modules (ISO/IEC 18004).
pub const QUIET_ZONE: u32 = 4;
/// The least width of a PNG that is still easy to scan off a television, in pixels.
pub const MIN_PIXELS: u32 = 400;
/// The widest PNG that is drawn, in pixels.
const MAX_PIXELS: u32 = 8192;

/// The modules, row by row from the top, `1` for dark and `0` for light, without a quiet zone.
///
/// # Errors
/// `invalid_argument` if the text is longer than a QR code holds (about 2,300 bytes).
pub fn rows(text: &str) -> Result<Vec<String>> {
    let code = encode(text)?;
    let row = |y| {
        (0..code.size())
            .map(|x| if code.get_module(x, y) { '1' } else { '0' })
            .collect()
    };
    Ok((0..code.size()).map(row).collect())
}

/// A black and white PNG with one bit a pixel: each module a square of the same whole number of pixels, `quiet`
/// light modules around, at least `min_px` pixels wide and high.
///
/// # Errors
/// `invalid_argument` if the text is longer than a QR code holds, or the picture would pass 8,192 pixels.
pub fn png(text: &str, min_px: u32, quiet: u32) -> Result<Vec<u8>> {
    let code = encode(text)?;
    let too_large = || Error::argument("the QR code would be too large a picture");
    if min_px > MAX_PIXELS || quiet > MAX_PIXELS {
        return Err(too_large());
    }
    let modules = code.size().unsigned_abs() + 2 * quiet;
    let scale = min_px.div_ceil(modules).max(1);
    let side = modules * scale;
    if side > MAX_PIXELS {
        return Err(too_large());
    }

    let module = |at: u32| i64::from(at / scale) - i64::from(quiet);
    let dark = |x: u32, y: u32| match (i32::try_from(module(x)), i32::try_from(module(y))) {
        (Ok(x), Ok(y)) => code.get_module(x, y), // light outside of the code
        _ => false,
    };
    let mut pixels = Vec::with_capacity((side.div_ceil(8) * side) as usize);
    for y in 0..side {
        for first in (0..side).step_by(8) {
            let light = (first..(first + 8).min(side)).filter(|x| !dark(*x, y));
            pixels.push(light.fold(0u8, |byte, x| byte | 0x80 >> (x - first)));
        }
    }

    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(&pixels))
        .map_err(|_| Error::internal("the QR code could not be written as PNG"))?;
    Ok(file)
}

/// Draws the text into a new PNG file at `path`, which only its owner may read; makes the folder if need be.
///
/// # Errors
/// As [`png()`]; `storage` if the file exists or can't be written.
pub fn write(path: &Path, text: &str) -> Result<()> {
    let storage =
        |what: &str| Error::new(Status::Storage, format!("the folder for QR files {what}"));
    let png = png(text, MIN_PIXELS, QUIET_ZONE)?;
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(|_| storage("can't be made"))?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options
        .open(path)
        .map_err(|_| storage("can't be written"))?;
    if std::io::Write::write_all(&mut file, &png).is_err() {
        let _ = std::fs::remove_file(path);
        return Err(storage("can't be written"));
    }
    Ok(())
}

/// At least 15 % of the modules may be unreadable; more where that makes the code no larger.
fn encode(text: &str) -> Result<QrCode> {
    QrCode::encode_text(text, QrCodeEcc::Medium)
        .map_err(|_| Error::argument("the text is too long for a QR code"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;
    use proptest::prelude::*;

    const URL: &str = "https://trakt.tv/activate/5055CC52";

    /// The side of a PNG and its pixels, `true` for dark.
    fn decode(file: &[u8]) -> (usize, Vec<Vec<bool>>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(file))
            .read_info()
            .unwrap();
        let info = reader.info();
        assert_eq!(info.color_type, png::ColorType::Grayscale);
        assert_eq!(info.bit_depth, png::BitDepth::One);
        assert_eq!(info.width, info.height);
        let side = info.width as usize;
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut bytes).unwrap();
        let pixels = bytes
            .chunks(side.div_ceil(8))
            .map(|row| {
                (0..side)
                    .map(|x| row[x / 8] & (0x80 >> (x % 8)) == 0)
                    .collect()
            })
            .collect();
        (side, pixels)
    }

    /// Every pixel shows the module that `rows` says, and the quiet zone is light.
    fn assert_shows(file: &[u8], rows: &[String], min_px: usize, quiet: usize) {
        let (side, pixels) = decode(file);
        let modules = rows.len() + 2 * quiet;
        let scale = side / modules;
        assert!(side >= min_px && side.is_multiple_of(modules));
        assert!(
            scale == 1 || (scale - 1) * modules < min_px,
            "no larger than needed"
        );
        assert_eq!(pixels.len(), side);
        for (y, row) in pixels.iter().enumerate() {
            for (x, dark) in row.iter().enumerate() {
                let module = |at: usize| (at / scale).checked_sub(quiet);
                let expected = module(y)
                    .zip(module(x))
                    .and_then(|(y, x)| rows.get(y)?.as_bytes().get(x))
                    .is_some_and(|module| *module == b'1');
                assert_eq!(*dark, expected, "at {x}, {y}");
            }
        }
    }

    #[test]
    fn rows_are_a_square_of_ones_and_zeros_with_three_finders() {
        let rows = rows(URL).unwrap();
        assert!(rows.len() >= 25 && rows.len() % 4 == 1);
        for row in &rows {
            assert_eq!(row.len(), rows.len());
            assert!(row.bytes().all(|module| matches!(module, b'0' | b'1')));
        }
        assert!(rows[0].starts_with("11111110") && rows[0].ends_with("01111111"));
        assert!(rows[rows.len() - 1].starts_with("11111110"));
        assert!(!rows[rows.len() - 1].ends_with("01111111"));
    }

    #[test]
    fn the_png_shows_the_rows_with_a_quiet_zone() {
        let file = png(URL, MIN_PIXELS, QUIET_ZONE).unwrap();
        assert!(file.len() < 4096, "{} bytes", file.len());
        assert_shows(&file, &rows(URL).unwrap(), 400, 4);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let long = "x".repeat(3_000);
        assert_eq!(rows(&long).unwrap_err().status, Status::InvalidArgument);
        assert_eq!(
            png(&long, 400, 4).unwrap_err().status,
            Status::InvalidArgument
        );
        assert_eq!(
            png(URL, u32::MAX, 4).unwrap_err().status,
            Status::InvalidArgument
        );
        assert_eq!(
            png(URL, 400, u32::MAX).unwrap_err().status,
            Status::InvalidArgument
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn any_text_that_fits_is_drawn_as_its_rows(text in ".{0,60}", min_px in 0u32..300, quiet in 0u32..8) {
            let rows = rows(&text).unwrap();
            let file = png(&text, min_px, quiet).unwrap();
            assert_shows(&file, &rows, min_px as usize, quiet as usize);
        }
    }
}
