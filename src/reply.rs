//! The envelope that every call answers with, as one line of JSON.
//! Knows nothing of what the data mean.
#![forbid(unsafe_code)]

use crate::error::Error;
use crate::json;

/// What is said when not even an error can be written down.
pub(crate) const DEFECT: &str = r#"{"status":99,"error":{"code":"internal","message":"the library has a defect","retryable":false}}"#;

/// A whole envelope. `status` is always its first key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply(String);

impl Reply {
    /// `{"status":0,"data":…}`, with `data_json` as it is: it must be JSON on one line.
    pub fn ok(data_json: &str) -> Self {
        Self(format!(r#"{{"status":0,"data":{data_json}}}"#))
    }

    /// `{"status":…,"error":{…}}`.
    pub fn error(error: &Error) -> Self {
        match json::write(error) {
            Ok(object) => Self(format!(
                r#"{{"status":{},"error":{object}}}"#,
                error.status as i32
            )),
            Err(_) => Self(DEFECT.to_owned()),
        }
    }

    /// The envelope's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Hands the text over.
    pub fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;
    use proptest::prelude::*;

    #[test]
    fn data_stay_as_they_are() {
        assert_eq!(
            Reply::ok(r#"{"n":1.50}"#).as_str(),
            r#"{"status":0,"data":{"n":1.50}}"#
        );
    }

    #[test]
    fn what_is_said_at_worst_is_an_envelope_like_any_other() {
        let expected = Reply::error(&Error::internal("the library has a defect"));
        assert_eq!(expected.as_str(), DEFECT);
    }

    proptest! {
        #[test]
        fn an_error_is_one_line_without_nul_and_begins_with_its_status(
            number in prop::sample::select(&Status::ALL[1..]),
            message in any::<String>(),
        ) {
            let text = Reply::error(&Error::new(number, message.clone())).into_string();
            prop_assert!(!text.contains(['\n', '\0']));
            let start = format!("{{\"status\":{},", number as i32);
            prop_assert!(text.starts_with(&start));
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(value["error"]["message"].as_str(), Some(message.as_str()));
            prop_assert_eq!(value["error"]["code"].as_str(), Some(number.name()));
        }
    }
}
