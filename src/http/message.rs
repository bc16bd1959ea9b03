//! What goes to Trakt and what comes back, as plain data.
//! Knows nothing of sockets, retries or what an answer means.
#![forbid(unsafe_code)]

use std::fmt;

use crate::clock::{Moment, boot_ms};
use crate::secret::Secret;

/// Which of Trakt's two hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// The OAuth host, `auth_url`.
    Auth,
    /// The API host, `api_url`.
    Api,
}

/// The HTTP methods that Trakt knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads; has no body.
    Get,
    /// Writes.
    Post,
    /// Replaces.
    Put,
    /// Removes.
    Delete,
}

impl Method {
    /// The method as it is sent.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is about a moment goes out within this time, or the machine has slept since.
const PROMPT_MS: u64 = 30_000;

/// One request. The headers are the library's own and can't be set.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where to.
    pub host: Host,
    /// What.
    pub method: Method,
    /// Encoded already; begins with exactly one `/`.
    pub path: String,
    /// Not encoded yet.
    pub query: Vec<(String, String)>,
    /// JSON text, which may hold secrets; never on a GET.
    pub body: Option<Secret>,
    /// The access token, where the call is a user's.
    pub bearer: Option<Secret>,
    /// The last moment (see [`boot_ms`]) for it to go out, for what Trakt dates by its arrival: the
    /// machine may fall asleep between deciding and sending.
    pub not_after_ms: Option<u64>,
}

impl Request {
    /// A request for a path, with nothing else.
    pub fn new(host: Host, method: Method, path: impl Into<String>) -> Self {
        Self {
            host,
            method,
            path: path.into(),
            query: Vec::new(),
            body: None,
            bearer: None,
            not_after_ms: None,
        }
    }

    /// The same, sent soon or not at all: it is about this moment.
    #[must_use]
    pub fn promptly(self) -> Self {
        Self {
            not_after_ms: Some(boot_ms().saturating_add(PROMPT_MS)),
            ..self
        }
    }
}

/// Header lines in the order in which they came.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// The first value of a name in any case, without white space around it.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    /// Every name and value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Headers {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(lines: T) -> Self {
        Self(
            lines
                .into_iter()
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
        )
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|(key, _)| key))
            .finish()
    }
}

/// One complete answer: a body that was cut is an error instead.
#[derive(Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The header lines.
    pub headers: Headers,
    /// The body, decoded and without a byte order mark. It may hold secrets.
    pub body: Vec<u8>,
    /// When the head of the answer was there.
    pub at: Moment,
    /// How long that took from when the request was made, in milliseconds; sleep of the machine counts.
    pub took_ms: i64,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body", &format_args!("[{} bytes]", self.body.len()))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_neither_headers_nor_body() {
        let answer = Answer {
            status: 200,
            headers: [("X-Token", "abcdefgh")].into_iter().collect(),
            body: b"abcdefgh".to_vec(),
            at: Moment::now(),
            took_ms: 0,
        };
        let request = Request {
            body: Some(Secret::new("abcdefgh")),
            bearer: Some(Secret::new("abcdefgh")),
            ..Request::new(Host::Api, Method::Post, "/path")
        };
        let text = format!("{answer:?} {request:?}");
        assert!(
            text.contains("X-Token") && text.contains("[8 bytes]"),
            "{text}"
        );
        assert!(!text.contains("abcdefgh"), "{text}");
        assert_eq!(answer.headers.get("x-TOKEN"), Some("abcdefgh"));
    }
}
