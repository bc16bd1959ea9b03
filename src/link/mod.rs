//! How an account gets linked: the device code, the authorization code, and the tokens that either brings.
//! Knows nothing of what the account is then used for.
#![forbid(unsafe_code)]

pub mod authorize;
pub mod code;
pub mod device;
pub mod driver;
pub mod token_reply;
pub mod tokens;

/// Percent-encodes everything but RFC 3986's unreserved characters.
fn percent_encode(text: &str) -> String {
    use std::fmt::Write as _;

    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing into a String can't fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// A word that a server sent, as a message or a `reason` may show it: short and plain, or not at all.
fn plain_word(text: &str) -> Option<&str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    (!text.is_empty() && text.len() <= 40 && text.chars().all(plain)).then_some(text)
}
