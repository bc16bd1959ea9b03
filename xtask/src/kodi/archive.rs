//! Zip files whose bytes depend on the names and contents in them alone. Knows nothing of add-ons.
#![forbid(unsafe_code)]

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, System, ZipWriter};

use super::Files;

/// A zip with all files below one folder.
pub fn pack(folder: &str, files: &Files) -> Result<Vec<u8>, String> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .last_modified_time(DateTime::default())
        .system(System::Unix)
        .unix_permissions(0o644);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        let name = format!("{folder}/{name}");
        zip.start_file(&name, options)
            .map_err(|error| format!("{name}: {error}"))?;
        zip.write_all(content)
            .map_err(|error| format!("{name}: {error}"))?;
    }
    let zip = zip.finish().map_err(|error| format!("{folder}: {error}"))?;
    Ok(zip.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use zip::ZipArchive;

    fn files() -> Files {
        Files::from([
            ("b/c.txt".to_owned(), b"twice twice twice".to_vec()),
            ("a.txt".to_owned(), Vec::new()),
        ])
    }

    #[test]
    fn what_is_packed_comes_out_again_in_order() {
        let mut zip = ZipArchive::new(Cursor::new(pack("x", &files()).unwrap())).unwrap();
        let names: Vec<String> = zip
            .file_names()
            .map(|name| name.unwrap().into_owned())
            .collect();
        assert_eq!(names, ["x/a.txt", "x/b/c.txt"]);
        let mut content = String::new();
        let mut file = zip.by_name("x/b/c.txt").unwrap();
        file.read_to_string(&mut content).unwrap();
        assert_eq!(content, "twice twice twice");
        assert_eq!(file.unix_mode(), Some(0o100_644));
        assert_eq!(file.last_modified(), Some(DateTime::default()));
    }

    #[test]
    fn no_time_gets_into_it() {
        assert_eq!(pack("x", &files()).unwrap(), pack("x", &files()).unwrap());
        let zip = pack("x", &files()).unwrap();
        // Kodi's own reader wants sizes in the local header, not behind the data: bit 3 of the flags is off.
        assert_eq!(zip[6] & 8, 0);
    }
}
