//! Reads the JSON of a pair of tokens, whatever its fields look like.
//! Knows nothing of how long a token is then used nor where it is kept.
#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::collections::HashMap;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::error::{Error, Result, Status};
use crate::secret::Secret;

/// The longest token that is taken for one, in bytes.
pub const MAX_TOKEN: usize = 64 * 1024;
/// A hundred years: what is longer can't be meant, and would overflow sums of milliseconds.
const MAX_LIFE_S: i64 = 100 * 365 * 24 * 3600;
/// The last second of the year 9999.
const MAX_UNIX_S: i64 = 253_402_300_799;

/// What the token endpoints answer. Only the access token is certain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenReply {
    /// What authorizes requests.
    pub access_token: Secret,
    /// What brings the next pair, once.
    pub refresh_token: Option<Secret>,
    /// `bearer`, in every answer that was ever seen.
    pub token_type: Option<String>,
    /// What the tokens may be used for, such as `public`.
    pub scope: Option<String>,
    /// Life of the access token in seconds, more than 0.
    pub expires_in_s: Option<i64>,
    /// When Trakt made it, in seconds since 1970 by Trakt's clock.
    pub created_at: Option<i64>,
}

impl TokenReply {
    /// Reads a body. A byte order mark is skipped; a field other than the access token that can't be read is
    /// missing, and only that one. Numbers may come as text or with a fraction.
    ///
    /// # Errors
    /// `bad_reply` for what is no JSON object, or one without an access token of 1 byte to 64 KiB of visible ASCII.
    pub fn read(body: &[u8]) -> Result<Self> {
        let fields = Fields::read(body).ok_or_else(|| bad_reply("the answer is no JSON object"))?;
        let access_token = fields
            .token("access_token")
            .ok_or_else(|| bad_reply("the answer has no usable access token"))?;
        Ok(Self {
            access_token,
            refresh_token: fields.token("refresh_token"),
            token_type: fields.text("token_type"),
            scope: fields.text("scope"),
            expires_in_s: fields.whole("expires_in").map(|s| s.min(MAX_LIFE_S)),
            created_at: fields.whole("created_at").filter(|s| *s <= MAX_UNIX_S),
        })
    }
}

fn bad_reply(message: &str) -> Error {
    Error::new(Status::BadReply, message)
}

/// The fields of a JSON object, each read on its own.
pub(super) struct Fields<'a>(HashMap<Cow<'a, str>, &'a RawValue>);

impl<'a> Fields<'a> {
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        serde_json::from_slice(body).ok().map(Self)
    }

    fn value<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        serde_json::from_str(self.0.get(key)?.get()).ok()
    }

    /// A string that isn't empty.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.value::<String>(key).filter(|text| !text.is_empty())
    }

    /// A secret of visible ASCII: it goes into a header or a request as it is.
    pub(super) fn token(&self, key: &str) -> Option<Secret> {
        self.value::<Secret>(key).filter(|token| {
            let text = token.expose();
            !text.is_empty()
                && text.len() <= MAX_TOKEN
                && text.bytes().all(|byte| byte.is_ascii_graphic())
        })
    }

    /// A number above 0, also if it came as text.
    pub(super) fn number(&self, key: &str) -> Option<f64> {
        let number = self.value::<f64>(key).or_else(|| {
            self.value::<String>(key)
                .and_then(|text| text.trim().parse().ok())
        })?;
        (number.is_finite() && number > 0.0).then_some(number)
    }

    /// A whole number above 0; a fraction is cut off.
    fn whole(&self, key: &str) -> Option<i64> {
        // Seconds are far below 2^53, and `as` saturates at i64::MAX, which the callers' limits catch.
        #[allow(clippy::cast_possible_truncation)]
        self.number(key)
            .map(|number| number as i64)
            .filter(|n| *n > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> TokenReply {
        TokenReply::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_whole_answer_is_read() {
        let reply = read(
            r#"{"access_token":"dbaf9757","token_type":"bearer","expires_in":86400,"refresh_token":"76ba4c5c","scope":"public","created_at":1487889741}"#,
        );
        assert_eq!(reply.access_token.expose(), "dbaf9757");
        assert_eq!(reply.refresh_token.unwrap().expose(), "76ba4c5c");
        assert_eq!(reply.token_type.as_deref(), Some("bearer"));
        assert_eq!(reply.scope.as_deref(), Some("public"));
        assert_eq!(reply.expires_in_s, Some(86_400));
        assert_eq!(reply.created_at, Some(1_487_889_741));
    }

    #[test]
    fn only_the_access_token_is_needed() {
        for text in [
            r#"{"access_token":"a"}"#,
            "\u{feff}{\"access_token\":\"a\"}",
            r#" {"access_token":"a","refresh_token":null,"token_type":5,"scope":[],"expires_in":{},"created_at":true,"new":{"x":[1]}} "#,
            r#"{"access_token":"a","refresh_token":"","expires_in":0,"created_at":-5}"#,
            r#"{"access_token":"a","refresh_token":"with\nline","expires_in":-1,"created_at":"soon"}"#,
            r#"{"access_token":"a","expires_in":"NaN","created_at":9999999999999}"#,
        ] {
            let reply = read(text);
            assert_eq!(reply.access_token.expose(), "a", "{text}");
            assert_eq!(
                (reply.refresh_token, reply.expires_in_s, reply.created_at),
                (None, None, None),
                "{text}"
            );
            assert_eq!((reply.token_type, reply.scope), (None, None), "{text}");
        }
    }

    #[test]
    fn numbers_may_come_in_any_shape() {
        for (written, seconds) in [
            ("7200", 7200),
            ("7200.0", 7200),
            ("7200.9", 7200),
            ("7.2e3", 7200),
            ("\"7200\"", 7200),
            ("\" 7200.5 \"", 7200),
            ("7776000", 7_776_000),
            ("1e300", MAX_LIFE_S),
        ] {
            let reply = read(&format!(r#"{{"access_token":"a","expires_in":{written}}}"#));
            assert_eq!(reply.expires_in_s, Some(seconds), "{written}");
        }
    }

    #[test]
    fn what_has_no_usable_access_token_is_a_bad_reply() {
        let long = format!(r#"{{"access_token":"{}"}}"#, "x".repeat(MAX_TOKEN + 1));
        for text in [
            "",
            "{}",
            "[]",
            "null",
            "\"access_token\"",
            "<html>",
            r#"{"access_token":"a""#,
            r#"{"access_token":""}"#,
            r#"{"access_token":null}"#,
            r#"{"access_token":5}"#,
            r#"{"access_token":"a b"}"#,
            r#"{"access_token":"a\r\nX: y"}"#,
            r#"{"access_token":"ä"}"#,
            &long,
        ] {
            assert_eq!(
                TokenReply::read(text.as_bytes()).unwrap_err().status,
                Status::BadReply,
                "{text:.40}"
            );
        }
        assert!(
            TokenReply::read(
                format!(r#"{{"access_token":"{}"}}"#, "x".repeat(MAX_TOKEN)).as_bytes()
            )
            .is_ok()
        );
    }

    #[test]
    fn nothing_secret_is_printed() {
        let body = r#"{"access_token":"sesame-one","refresh_token":"sesame-two","expires_in":5}"#;
        assert!(!format!("{:?}", read(body)).contains("sesame"));
        let error = TokenReply::read(br#"{"access_token":"sesame one","refresh_token":"sesame"}"#)
            .unwrap_err();
        assert!(!format!("{error:?} {error}").contains("sesame"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Err(error) = TokenReply::read(&body) {
                prop_assert_eq!(error.status, Status::BadReply);
            }
        }

        #[test]
        fn any_values_are_read_field_by_field(expires in ".{0,12}", created in any::<f64>(), refresh in ".{0,12}") {
            let body = serde_json::json!({
                "access_token": "a", "expires_in": expires, "created_at": created, "refresh_token": refresh,
            });
            let reply = TokenReply::read(body.to_string().as_bytes()).unwrap();
            prop_assert!(reply.expires_in_s.is_none_or(|s| s > 0 && s <= MAX_LIFE_S));
            prop_assert!(reply.created_at.is_none_or(|s| s > 0 && s <= MAX_UNIX_S));
        }
    }
}
