//! Options and parameters: JSON text from a host to a typed value, each mistake named by its key.
//! Knows nothing of what the keys mean.
#![forbid(unsafe_code)]

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize as _, Deserializer};
use serde_json::value::RawValue;

use crate::error::{Error, Result, Status};

/// The longest text that a host may hand in, in bytes.
pub const MAX_TEXT: usize = 4 * 1024 * 1024;

/// Reads an object of options; no text at all (or NULL at the C boundary) stands for `{}`.
///
/// # Errors
/// `invalid_json` for what is no JSON; `invalid_argument` for what is no object, a `null`, a wrong type or
/// a missing key; `unknown_option` for a key that `T` doesn't have. `T` must deny unknown fields.
pub fn options<T: DeserializeOwned>(text: Option<&str>) -> Result<T> {
    options_or_null(text, &[])
}

/// The same; the keys in `nullable` may be null, which their types have to take.
///
/// # Errors
/// As [`options`].
pub fn options_or_null<T: DeserializeOwned>(text: Option<&str>, nullable: &[&str]) -> Result<T> {
    let text = text.unwrap_or("{}");
    if text.len() > MAX_TEXT {
        return Err(Error::argument(format!(
            "the JSON text is longer than {MAX_TEXT} bytes"
        )));
    }
    let keys: std::collections::BTreeMap<String, &RawValue> =
        serde_json::from_str(text).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => Error::argument("the JSON text must be an object"),
            _ => Error::new(
                Status::InvalidJson,
                format!("the text is no JSON: {}", position(&error)),
            ),
        })?;
    let is_wrong = |key: &String| !nullable.contains(&key.as_str());
    if let Some((key, _)) = keys
        .iter()
        .find(|(key, value)| value.get() == "null" && is_wrong(key))
    {
        return Err(Error::argument(format!(
            "`{}` must not be null",
            shown(key)
        )));
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let message = error.inner().to_string();
        if let Some(key) = named(&message, "unknown field `") {
            return Error::new(
                Status::UnknownOption,
                format!("there is no option `{}`", shown(key)),
            );
        }
        if let Some(key) = named(&message, "missing field `") {
            return Error::argument(format!("`{key}` is missing"));
        }
        if let Some(key) = named(&message, "duplicate field `") {
            return Error::argument(format!("`{key}` is given twice"));
        }
        Error::argument(format!(
            "`{}` has the wrong type or is out of range",
            shown(&path)
        ))
    })
}

/// Reads a nested object; a list isn't taken for one, as serde would with structures whose keys are all optional.
///
/// # Errors
/// As `T`'s own.
pub fn object<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    reader: D,
) -> std::result::Result<T, D::Error> {
    let text = Box::<RawValue>::deserialize(reader)?;
    if !text.get().starts_with('{') {
        return Err(D::Error::custom("not an object"));
    }
    serde_json::from_str(text.get()).map_err(D::Error::custom)
}

/// Where the text breaks, without repeating what it says: it may hold a secret.
fn position(error: &serde_json::Error) -> String {
    format!("line {}, column {}", error.line(), error.column())
}

fn named<'a>(message: &'a str, before: &str) -> Option<&'a str> {
    let rest = message.strip_prefix(before)?;
    rest.find('`').map(|end| &rest[..end])
}

/// A key as a message may show it: short, and nothing but plain characters.
fn shown(key: &str) -> String {
    key.chars()
        .take(64)
        .map(|c| if c.is_ascii_graphic() { c } else { '?' })
        .collect()
}

/// Writes a value as JSON on one line.
///
/// # Errors
/// `internal`, if the value can't be written, which only a defect explains.
pub fn write<T: serde::Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|_| Error::internal("a value could not be written as JSON"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[serde(deserialize_with = "object")]
        inner: Options,
    }

    #[test]
    fn a_list_is_no_object_inside_either() {
        let read = |text: &str| options::<Outer>(Some(text));
        assert_eq!(
            read(r#"{"inner":{"wait_ms":5}}"#).unwrap().inner.wait_ms,
            Some(5)
        );
        for text in [r#"{"inner":[]}"#, r#"{"inner":[5,"a"]}"#, r#"{"inner":5}"#] {
            let error = read(text).unwrap_err();
            assert_eq!(error.status, Status::InvalidArgument, "{text}");
            assert!(error.message.contains("`inner`"), "{error}");
        }
        let error = read(r#"{"inner":{"wait":5}}"#).unwrap_err();
        assert_eq!(error.status, Status::UnknownOption, "{error}");
    }

    #[derive(Debug, Deserialize, PartialEq, Default)]
    #[serde(deny_unknown_fields, default)]
    struct Options {
        wait_ms: Option<u32>,
        name: Option<String>,
    }

    fn fails(text: &str) -> Error {
        options::<Options>(Some(text)).unwrap_err()
    }

    #[test]
    fn no_text_is_no_options() {
        assert_eq!(options::<Options>(None).unwrap(), Options::default());
        assert_eq!(
            options::<Options>(Some(r#"{"wait_ms":5}"#))
                .unwrap()
                .wait_ms,
            Some(5)
        );
    }

    #[test]
    fn each_mistake_has_its_status_and_names_the_key() {
        assert_eq!(fails("{").status, Status::InvalidJson);
        assert_eq!(fails("").status, Status::InvalidJson);
        assert_eq!(fails("{} x").status, Status::InvalidJson);
        assert_eq!(fails("[]").status, Status::InvalidArgument);
        assert_eq!(fails("null").status, Status::InvalidArgument);
        assert_eq!(fails("5").status, Status::InvalidArgument);
        for text in [
            r#"{"wait_ms":null}"#,
            r#"{"wait_ms":"5"}"#,
            r#"{"wait_ms":-1}"#,
            r#"{"wait_ms":1e99}"#,
        ] {
            let error = fails(text);
            assert_eq!(error.status, Status::InvalidArgument, "{text}");
            assert!(
                error.message.contains("wait_ms"),
                "{text}: {}",
                error.message
            );
        }
        let error = fails(r#"{"wait":5}"#);
        assert_eq!(error.status, Status::UnknownOption);
        assert!(error.message.contains("`wait`"));
        assert_eq!(
            fails(&format!("{{\"name\":\"{}\"}}", "x".repeat(MAX_TEXT))).status,
            Status::InvalidArgument
        );
        assert_eq!(fails(&"[".repeat(100_000)).status, Status::InvalidArgument);
    }
}
