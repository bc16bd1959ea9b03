//! `http.request`: any endpoint of the API that has no method of its own, guarded so that nothing but the API can be reached.
//! Knows nothing of what endpoints there are.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::account::raw;
use crate::cancel::Budget;
use crate::client::Core;
use crate::error::{Error, Result};
use crate::http::{Host, Method, Request, Retry};
use crate::secret::Secret;

/// The longest path and query.
const LONGEST: usize = 8_192;
/// What of an answer's headers is passed on.
const HEADERS: &[&str] = &[
    "x-pagination-",
    "x-sort-",
    "x-applied-",
    "x-ratelimit",
    "x-account-",
    "x-vip-",
    "x-upgrade-url",
    "x-start-date",
    "x-end-date",
    "retry-after",
    "last-modified",
    "etag",
];

/// Its parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Params {
    /// `GET`, `POST`, `PUT` or `DELETE`.
    method: HttpMethod,
    /// Begins with one `/`; already encoded where it needs to be.
    path: String,
    /// A flat map of text, numbers and truth values; encoded by the library.
    #[serde(default)]
    query: BTreeMap<String, QueryValue>,
    /// The JSON body; not with `GET`.
    #[cfg_attr(test, schemars(with = "Option<serde_json::Value>"))]
    body: Option<Box<RawValue>>,
    /// Whether a `POST` may be sent again when its answer was lost.
    #[serde(default)]
    idempotent: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
enum HttpMethod {
    Get,
    Post,
    Put,
    Delete,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
enum QueryValue {
    Text(String),
    Truth(bool),
    Integer(i64),
    Number(f64),
}

/// Its reply.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct HttpReply {
    /// The HTTP status, 200 to 299: anything else is an error with `http_status`.
    status: u16,
    /// Pagination, limits and the like; names in lower case.
    headers: BTreeMap<String, String>,
    /// Trakt's JSON untouched but for white space between tokens; null when there is none.
    #[cfg_attr(test, schemars(with = "serde_json::Value"))]
    body: Option<Box<RawValue>>,
}

/// Checks a path: nothing in it may lead anywhere but to the API.
///
/// # Errors
/// `invalid_argument`, naming `path`.
pub fn check_path(path: &str) -> Result<()> {
    let refuse = |why: &str| Err(Error::argument(format!("`path` {why}")));
    if !path.starts_with('/') || path.starts_with("//") {
        return refuse("must begin with one `/`");
    }
    if path.len() > LONGEST {
        return refuse("is too long");
    }
    if !path.bytes().all(|byte| byte.is_ascii_graphic())
        || path.contains(['\\', '?', '#', '"', '<', '>', '^', '`', '{', '|', '}'])
    {
        return refuse(
            "must be visible ASCII without `\\`, `?`, `#`: encode what needs it, and give the query as `query`",
        );
    }
    let decoded = decode(path)
        .ok_or_else(|| Error::argument("`path` has a `%` without two digits of hex behind it"))?;
    if decoded
        .iter()
        .any(|byte| byte.is_ascii_control() || *byte == b'\\')
    {
        return refuse("must not hide control characters or `\\`");
    }
    // As the server may see it: parameters of segments, dots and doubled slashes are gone, letters are small.
    let text = String::from_utf8_lossy(&decoded).to_ascii_lowercase();
    if text.contains("..") {
        return refuse("must not contain `..`");
    }
    let first = text
        .split('/')
        .map(|segment| segment.split_once(';').map_or(segment, |(name, _)| name))
        .find(|name| !matches!(*name, "" | "."))
        .unwrap_or("");
    if first.starts_with("oauth") {
        return refuse("must not lead to `/oauth`: the library does that itself");
    }
    Ok(())
}

/// Undoes percent-encoding, however often it was done.
fn decode(path: &str) -> Option<Vec<u8>> {
    let mut bytes = path.as_bytes().to_vec();
    for round in 0.. {
        let mut out = Vec::with_capacity(bytes.len());
        let mut at = 0;
        while at < bytes.len() {
            let hex = (bytes[at] == b'%')
                .then(|| bytes.get(at + 1..at + 3))
                .flatten()
                .and_then(|digits| {
                    let text = std::str::from_utf8(digits).ok()?;
                    digits
                        .iter()
                        .all(u8::is_ascii_hexdigit)
                        .then(|| u8::from_str_radix(text, 16).ok())
                        .flatten()
                });
            match hex {
                Some(byte) => {
                    out.push(byte);
                    at += 3;
                }
                None if bytes[at] == b'%' && round == 0 => return None,
                None => {
                    out.push(bytes[at]);
                    at += 1;
                }
            }
        }
        if out == bytes {
            break;
        }
        bytes = out;
    }
    Some(bytes)
}

fn build(params: Params) -> Result<(Request, Retry)> {
    check_path(&params.path)?;
    let method = match params.method {
        HttpMethod::Get => Method::Get,
        HttpMethod::Post => Method::Post,
        HttpMethod::Put => Method::Put,
        HttpMethod::Delete => Method::Delete,
    };
    if params.method == HttpMethod::Get && params.body.is_some() {
        return Err(Error::argument("`body` can't be sent with GET"));
    }
    let mut query = Vec::with_capacity(params.query.len());
    for (key, value) in params.query {
        let value = match value {
            QueryValue::Text(text) => text,
            QueryValue::Truth(truth) => truth.to_string(),
            QueryValue::Integer(number) => number.to_string(),
            QueryValue::Number(number) => number.to_string(),
        };
        if key.is_empty() || key.len() + value.len() > LONGEST {
            return Err(Error::argument("`query` has an empty key or is too long"));
        }
        query.push((key, value));
    }
    // PUT and DELETE say the same thing twice without doing it twice.
    let repeatable = params.method != HttpMethod::Post || params.idempotent;
    let retry = if repeatable { Retry::Read } else { Retry::Once };
    let body = params.body.map(|body| Secret::new(body.get()));
    Ok((
        Request {
            query,
            body,
            ..Request::new(Host::Api, method, params.path)
        },
        retry,
    ))
}

/// Sends the request as the linked user.
///
/// # Errors
/// `invalid_argument` for what is not allowed; whatever an answer outside 200 to 299 means.
pub fn run(core: &Arc<Core>, params: Params, budget: &Budget) -> Result<HttpReply> {
    let (request, retry) = build(params)?;
    let answer = crate::api::call(core, &request, retry, budget)?;
    let headers = answer
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .filter(|(name, _)| HEADERS.iter().any(|wanted| name.starts_with(wanted)))
        .collect();
    let body = if answer.body.iter().all(u8::is_ascii_whitespace) {
        None
    } else {
        let read = raw::compact(&answer.body).map_err(|error| error.http_status(answer.status));
        Some(read.inspect_err(|error| core.note_error(error))?)
    };
    Ok(HttpReply {
        status: answer.status,
        headers,
        body,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;
    use proptest::prelude::*;

    #[test]
    fn only_the_api_can_be_reached() {
        for path in [
            "/users/me",
            "/search/movie",
            "/users/a%20b/lists",
            "/shows/%C3%A9",
            "/sync/history/remove",
            "/movies/oauth",
        ] {
            assert!(check_path(path).is_ok(), "{path}");
        }
        for path in [
            "",
            "users/me",
            "//evil.example/x",
            "/\\evil",
            "/a\\b",
            "/a?b",
            "/a#b",
            "/../oauth/token",
            "/a/../b",
            "/oauth",
            "/oauth/token",
            "/OAuth/token",
            "/%6fauth/token",
            "/%256fauth/token",
            "/%2525256fauth/token",
            "/./oauth/token",
            "/.;/oauth/token",
            "/;a=b/oauth/token",
            "/oauth;a=b/token",
            "/oauth%3fa/token",
            "/a\nb",
            "/a b",
            "/a%0d%0ab",
            "/a%00",
            "/%2e%2e/x",
            "/a%",
            "/a%zz",
            "/a%5cb",
            "/é",
            "/%2foauth/token",
        ] {
            assert_eq!(
                check_path(path).map_err(|error| error.status),
                Err(Status::InvalidArgument),
                "{path}"
            );
        }
    }

    fn built(text: &str) -> Result<(Request, Retry)> {
        crate::json::options::<Params>(Some(text)).and_then(build)
    }

    #[test]
    fn parameters_are_checked() {
        assert!(
            built(r#"{"method":"GET","path":"/a","query":{"page":1,"q":"x y","b":true}}"#).is_ok()
        );
        for text in [
            r#"{"method":"PATCH","path":"/a"}"#,
            r#"{"method":"GET","path":"/a","body":{}}"#,
            r#"{"method":"GET","path":"/a","query":{"a":[1]}}"#,
            r#"{"method":"GET","path":"/a","query":{"a":{"b":1}}}"#,
            r#"{"method":"GET"}"#,
            r#"{"path":"/a"}"#,
        ] {
            assert_eq!(
                built(text).map(|_| ()).unwrap_err().status,
                Status::InvalidArgument,
                "{text}"
            );
        }
        let headers = r#"{"method":"GET","path":"/a","headers":{"a":"b"}}"#;
        assert_eq!(
            built(headers).map(|_| ()).unwrap_err().status,
            Status::UnknownOption
        );
    }

    #[test]
    fn only_a_post_that_is_not_idempotent_is_sent_once() {
        assert!(matches!(
            built(r#"{"method":"POST","path":"/a"}"#).unwrap().1,
            Retry::Once
        ));
        assert!(matches!(
            built(r#"{"method":"POST","path":"/a","idempotent":true}"#)
                .unwrap()
                .1,
            Retry::Read
        ));
        assert!(matches!(
            built(r#"{"method":"DELETE","path":"/a"}"#).unwrap().1,
            Retry::Read
        ));
    }

    proptest! {
        #[test]
        fn no_path_panics(path in ".{0,40}") {
            let _ = check_path(&path);
        }
    }
}
