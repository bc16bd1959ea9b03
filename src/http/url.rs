//! The two origins that requests may go to, and the URLs on them.
//! Knows nothing of connections.
#![forbid(unsafe_code)]

use ureq::http::Uri;

use super::message::Request;
use crate::config::is_loopback;
use crate::error::{Error, Result, Status};

/// One configured origin.
pub(super) struct Origin {
    text: String,
    parsed: Uri,
}

impl Origin {
    /// `text` is an origin as [`crate::config::Config`] has checked it.
    pub(super) fn new(text: &str) -> Result<Self> {
        let parsed: Uri = text
            .parse()
            .map_err(|_| Error::new(Status::Config, "`auth_url` or `api_url` is no origin"))?;
        Ok(Self {
            text: text.to_owned(),
            parsed,
        })
    }

    pub(super) fn is_https(&self) -> bool {
        self.parsed.scheme_str() == Some("https")
    }

    /// The host's name for messages.
    pub(super) fn host(&self) -> &str {
        self.parsed.host().unwrap_or_default()
    }

    /// Whether this is the machine itself, which is never asked through a proxy.
    pub(super) fn is_loopback(&self) -> bool {
        self.host().eq_ignore_ascii_case("localhost") || is_loopback(self.host())
    }

    /// The URL of a request; only ever one on this origin.
    ///
    /// # Errors
    /// `invalid_argument`, if the path isn't what it seems.
    pub(super) fn url(&self, request: &Request) -> Result<Uri> {
        let path = request.path.as_str();
        if !path.starts_with('/') || path.starts_with("//") {
            return Err(Error::argument("`path` must begin with one /"));
        }
        if !path
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !br#"\?#"<>^`{|}"#.contains(&byte))
        {
            return Err(Error::argument(
                "`path` has a character that must be percent-encoded",
            ));
        }
        let mut text = format!("{}{path}", self.text);
        for (index, (key, value)) in request.query.iter().enumerate() {
            text.push(if index == 0 { '?' } else { '&' });
            encode(key, &mut text);
            text.push('=');
            encode(value, &mut text);
        }
        let url: Uri = text.parse().map_err(|_| {
            Error::argument("`path` and `query` make no URL, or one that is too long")
        })?;
        if url.scheme() != self.parsed.scheme()
            || url.authority() != self.parsed.authority()
            || url.path() != path
        {
            return Err(Error::argument("`path` leads away from Trakt"));
        }
        Ok(url)
    }
}

/// Percent-encodes everything but the unreserved characters of RFC 3986.
fn encode(text: &str, into: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            into.push('%');
            into.push(char::from(HEX[usize::from(byte >> 4)]));
            into.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::{Host, Method};
    use super::*;
    use proptest::prelude::*;

    fn url(path: &str, query: &[(&str, &str)]) -> Result<String> {
        let mut request = Request::new(Host::Api, Method::Get, path);
        request.query = query
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        Origin::new("https://api.trakt.tv")
            .unwrap()
            .url(&request)
            .map(|url| url.to_string())
    }

    #[test]
    fn queries_are_encoded() {
        assert_eq!(
            url("/search/movie", &[("query", "a b&c=d/ü+"), ("", "")]).unwrap(),
            "https://api.trakt.tv/search/movie?query=a%20b%26c%3Dd%2F%C3%BC%2B&="
        );
        assert_eq!(
            url("/users/a%2Fb", &[]).unwrap(),
            "https://api.trakt.tv/users/a%2Fb"
        );
    }

    #[test]
    fn a_path_never_leads_elsewhere() {
        for path in [
            "",
            "x",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "@evil.example/",
            ".evil.example/",
            ":80@evil.example/",
            "/a?b",
            "/a#b",
            "/a b",
            "/a\r\nHost: evil",
            "/ü",
            "https://evil.example/",
        ] {
            let error = url(path, &[]).unwrap_err();
            assert_eq!(error.status, Status::InvalidArgument, "{path}");
        }
        for path in ["/", "/@evil.example", "/a//b", "/a:80", "/%2F%2Fevil"] {
            assert_eq!(
                url(path, &[]).unwrap(),
                format!("https://api.trakt.tv{path}")
            );
        }
        let long = "x".repeat(70_000);
        assert!(url("/a", &[("q", &long)]).is_err());
    }

    #[test]
    fn loopback_is_this_machine() {
        for (text, loopback) in [
            ("http://127.0.0.1:80", true),
            ("https://localhost:443", true),
            ("https://[::1]", true),
            ("https://api.trakt.tv", false),
            ("https://localhost.example", false),
        ] {
            assert_eq!(Origin::new(text).unwrap().is_loopback(), loopback, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_url_is_on_the_origin(path in "[/\\\\@:.?#a-z%0-9\\[\\] -]{0,30}|.{0,30}", key in ".{0,10}", value in ".{0,10}") {
            if let Ok(url) = url(&path, &[(&key, &value)]) {
                let start = format!("https://api.trakt.tv{path}?");
                prop_assert!(url.starts_with(&start), "{}", url);
                prop_assert!(url[start.len()..].bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%=".contains(&byte)));
            }
        }
    }
}
