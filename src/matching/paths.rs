//! A path or a stream's address taken apart: the file's name and the folders that it is in.
//! Knows nothing of what names mean.
#![forbid(unsafe_code)]

/// Longer paths say nothing more.
const LONGEST: usize = 4 * 1024;
/// Archives in archives are opened so deep.
const DEEPEST: usize = 3;

/// What a path or address is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// The file's name first, its folders behind it, the nearest one first; without a host.
    pub names: Vec<String>,
    /// Whether it comes from the web, where names are often made by programs.
    pub is_stream: bool,
}

/// The parts of a path or address; none of what names no file.
pub fn parts(file: &str) -> Parts {
    // Several files that play as one: the first tells; a comma in a name is doubled there.
    match file.strip_prefix("stack://") {
        Some(files) => {
            let first = files.split(" , ").next().unwrap_or(files);
            within(&first.replace(",,", ","), DEEPEST)
        }
        None => within(file, DEEPEST),
    }
}

fn within(file: &str, deep: usize) -> Parts {
    let file = shortened(file);
    let Some((scheme, rest)) = file.split_once("://") else {
        return of_names(file.split(['/', '\\']).map(str::to_owned), false);
    };
    let is_stream = matches!(scheme, "http" | "https");
    let path = match scheme {
        "plugin" | "pvr" | "upnp" | "udp" | "rtp" | "rtsp" | "rtmp" => return Parts::default(),
        "zip" | "rar" | "archive" | "bluray" | "udf" | "iso9660" if deep > 0 => {
            let (container, inside) = rest.split_once('/').unwrap_or((rest, ""));
            let outside = within(&decoded(container), deep - 1);
            let mut parts = of_names(inside.split('/').map(decoded), outside.is_stream);
            parts.names.extend(outside.names);
            return parts;
        }
        // Kodi puts headers behind a `|`.
        "http" | "https" | "dav" | "davs" | "ftp" | "ftps" => {
            rest.split(['?', '#', '|']).next().unwrap_or(rest)
        }
        _ => rest,
    };
    let without_host = path.split_once(['/', '\\']).map_or("", |(_, path)| path);
    of_names(without_host.split(['/', '\\']).map(decoded), is_stream)
}

fn of_names(names: impl DoubleEndedIterator<Item = String>, is_stream: bool) -> Parts {
    Parts {
        names: names.rev().filter(|name| !name.trim().is_empty()).collect(),
        is_stream,
    }
}

/// No more of a text than is worth to be read.
pub fn shortened(text: &str) -> &str {
    let end = (0..=LONGEST.min(text.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(0);
    &text[..end]
}

/// Undoes percent-encoding; a `%` that encodes nothing stays.
fn decoded(part: &str) -> String {
    let bytes = part.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digit = |ahead: usize| {
            let letter = bytes.get(at + ahead).copied().map(char::from)?;
            letter
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        };
        match (bytes[at], digit(1), digit(2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(high << 4 | low);
                at += 3;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_file_comes_first_and_then_its_folders() {
        for (file, names) in [
            ("/films/Heat/a.mkv", vec!["a.mkv", "Heat", "films"]),
            ("C:\\films\\a.mkv", vec!["a.mkv", "films", "C:"]),
            ("\\\\nas\\films\\a.mkv", vec!["a.mkv", "films", "nas"]),
            ("smb://me:secret@nas/films/a.mkv", vec!["a.mkv", "films"]),
            ("file:///films/a%20b.mkv", vec!["a b.mkv", "films"]),
            ("smb://nas/100% Wolf.mkv", vec!["100% Wolf.mkv"]),
            ("https://x.example/f/a%2Bb.mkv?t=/c#d", vec!["a+b.mkv", "f"]),
            ("http://x.example/a.mkv|User-Agent=b/c", vec!["a.mkv"]),
            ("http://x.example/%+5%zz%", vec!["%+5%zz%"]),
            (
                "stack:///f/a,, b CD1.avi , /f/a,, b CD2.avi",
                vec!["a, b CD1.avi", "f"],
            ),
            (
                "bluray://udf%3a%2f%2fsmb%253a%252f%252fnas%252ff%252fa.iso%2f/BDMV/1.mpls",
                vec!["1.mpls", "BDMV", "a.iso", "f"],
            ),
            (
                "zip://%2ff%2fa.zip/b/c.mkv",
                vec!["c.mkv", "b", "a.zip", "f"],
            ),
            ("plugin://plugin.video.x/play?id=1", vec![]),
            ("https://x.example", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(parts(file).names, names, "{file}");
        }
        assert!(parts("https://x.example/a").is_stream && !parts("ftp://x.example/a").is_stream);
    }

    proptest! {
        #[test]
        fn any_text_is_taken_apart(text in "(?s).{0,200}", scheme in "(zip|bluray|stack|smb|http|x)?") {
            for file in [text.clone(), format!("{scheme}://{text}")] {
                let empty = parts(&file).names.iter().any(|name| name.trim().is_empty());
                prop_assert!(!empty);
            }
        }
    }
}
