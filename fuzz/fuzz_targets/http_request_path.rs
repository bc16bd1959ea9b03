//! The `path` of `http.request`: what is taken leads to the API and to nothing else, however a server may read it.
#![no_main]

use http::Uri;
use libfuzzer_sys::fuzz_target;
use trakt::error::Status;
use trakt::request::check_path;

/// What is left when nothing is encoded any more.
fn decoded(path: &[u8]) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let [first, behind @ ..] = rest {
        match rest {
            [b'%', high, low, behind @ ..] if digit(high).is_some() && digit(low).is_some() => {
                let value = digit(high).unwrap_or(0) * 16 + digit(low).unwrap_or(0);
                out.push(u8::try_from(value).expect("two digits"));
                rest = behind;
            }
            _ => {
                out.push(*first);
                rest = behind;
            }
        }
    }
    if out == path { out } else { decoded(&out) }
}

/// The segments that a server would route by: without parameters, empty ones and dots.
fn segments(path: &[u8]) -> Vec<Vec<u8>> {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    for segment in path.split(|byte| matches!(byte, b'/' | b'\\')) {
        let name = segment.split(|byte| *byte == b';').next().unwrap_or(b"");
        match name {
            b"" | b"." => {}
            b".." => {
                kept.pop();
            }
            _ => kept.push(name.to_ascii_lowercase()),
        }
    }
    kept
}

fuzz_target!(|path: &str| {
    if let Err(error) = check_path(path) {
        assert_eq!(error.status, Status::InvalidArgument);
        assert!(error.message.contains("`path`"));
        assert!(error.message.len() < 256 && !error.message.chars().any(char::is_control));
        return;
    }
    for origin in [
        "https://api.trakt.tv",
        "http://127.0.0.1:8080",
        "http://[::1]:8080",
    ] {
        let expected: Uri = origin.parse().expect("an origin");
        let uri: Uri = format!("{origin}{path}").parse().expect("a URL");
        assert_eq!(uri.scheme(), expected.scheme());
        assert_eq!(uri.authority(), expected.authority());
        assert_eq!((uri.path(), uri.query()), (path, None));
    }
    let plain = decoded(path.as_bytes());
    assert!(!plain.iter().any(u8::is_ascii_control));
    let first = segments(&plain).into_iter().next().unwrap_or_default();
    assert!(
        !first.starts_with(b"oauth"),
        "{path} leads to the OAuth host's business"
    );
});
