//! Trakt's JSON as text: kept with its own tokens and order, and looked into key by key.
//! Knows nothing of what the keys mean.
#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::{Error, Result, Status};

/// How deep objects and arrays may be nested: with the envelope around them they stay below the
/// 128 levels at which common JSON parsers give up.
pub const MAX_DEPTH: usize = 120;

/// Trakt's JSON with its own tokens, in its own order, only the white space between tokens removed:
/// numbers keep every digit, strings their escapes, objects their repeated keys.
/// A byte order mark in front is dropped.
///
/// # Errors
/// `bad_reply` for what is not UTF-8, no JSON, or nested deeper than [`MAX_DEPTH`]; the message never
/// repeats the text, which may hold a token.
pub fn compact(bytes: &[u8]) -> Result<Box<RawValue>> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|_| bad_reply("is not UTF-8"))?;
    let valid: &RawValue = serde_json::from_str(text).map_err(|error| {
        bad_reply(&format!(
            "is no complete JSON (line {}, column {})",
            error.line(),
            error.column()
        ))
    })?;
    match without_space(valid.get())? {
        // Nothing to remove, as Trakt sends it: it need not be checked again.
        None => Ok(valid.to_owned()),
        Some(compact) => RawValue::from_string(compact).map_err(|_| bad_reply("is no JSON")),
    }
}

fn bad_reply(why: &str) -> Error {
    Error::new(Status::BadReply, format!("Trakt's answer {why}"))
}

/// Valid JSON without the white space between its tokens; nothing if there is none.
fn without_space(text: &str) -> Result<Option<String>> {
    let (mut in_string, mut escaped, mut depth) = (false, false, 0_usize);
    // What was kept of the text before `from`; white space and quotes are single bytes in UTF-8.
    let (mut out, mut from) = (String::new(), 0);
    for (at, byte) in text.bytes().enumerate() {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = byte == b'\\' && !escaped;
            continue;
        }
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {
                out.push_str(&text[from..at]);
                from = at + 1;
            }
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(bad_reply(&format!(
                        "is nested deeper than {MAX_DEPTH} levels"
                    )));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    if from == 0 {
        return Ok(None);
    }
    out.push_str(&text[from..]);
    Ok(Some(out))
}

/// An object, looked into key by key: a value that can't be read is lost alone.
/// Of a repeated key the last value counts; a key that is no text (half a surrogate pair) is left out.
#[derive(Default)]
pub(crate) struct Object<'a>(BTreeMap<Cow<'a, str>, &'a RawValue>);

impl<'a> Object<'a> {
    /// The object that `text` is; nothing if it is something else.
    pub fn read(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// A value as `T`; nothing if it is absent, null or of another type.
    pub fn get<T: Deserialize<'a>>(&self, key: &str) -> Option<T> {
        serde_json::from_str::<Option<T>>(self.0.get(key)?.get()).ok()?
    }

    /// The object under a key; an empty one if there is none.
    pub fn object(&self, key: &str) -> Object<'a> {
        self.0
            .get(key)
            .and_then(|value| Object::read(value.get()))
            .unwrap_or_default()
    }

    /// A value as Trakt wrote it, if it is an object.
    pub fn raw_object(&self, key: &str) -> Option<&'a RawValue> {
        self.0
            .get(key)
            .copied()
            .filter(|value| value.get().starts_with('{'))
    }

    /// Every key.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(AsRef::as_ref)
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut object = Object::default();
                while let Some((key, value)) = map.next_entry::<&RawValue, &RawValue>()? {
                    if let Ok(key) = serde_json::from_str::<String>(key.get()) {
                        object.0.insert(key.into(), value);
                    }
                }
                Ok(object)
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tokens_stay_as_trakt_wrote_them() {
        for (pretty, compacted) in [
            (" {\n \"a\" :\t1 }\r\n", r#"{"a":1}"#),
            (
                "[ 12345678901234567890.10E+5 , -0.0 , 1e999 ]",
                "[12345678901234567890.10E+5,-0.0,1e999]",
            ),
            (r#"{"z":1, "a":2, "z":3}"#, r#"{"z":1,"a":2,"z":3}"#),
            (
                r#"{"url": "r=pg\u0026s=256 \/ \" \\"}"#,
                r#"{"url":"r=pg\u0026s=256 \/ \" \\"}"#,
            ),
            (
                r#"[ " { a , b } \\\" [ " , " " ]"#,
                r#"[" { a , b } \\\" [ "," "]"#,
            ),
            (r#""\ud800""#, r#""\ud800""#),
            ("\"\u{a0}é\u{2028}\"", "\"\u{a0}é\u{2028}\""),
            ("\u{feff} null ", "null"),
        ] {
            assert_eq!(compact(pretty.as_bytes()).unwrap().get(), compacted);
        }
    }

    #[test]
    fn what_is_no_json_is_a_bad_reply_and_not_repeated() {
        for bytes in [
            &b""[..],
            b"   ",
            b"\xEF\xBB\xBF",
            b"\xEF\xBB",
            b"<html>hunter22</html>",
            b"{\"token\":\"hunter22\"",
            b"{\"token\":\"hunter22\"} x",
            b"{\"token\":\"hunter22\n\"}",
            b"{\"a\":\"hunter22\xff\"}",
            b"{'a':1}",
            b"[01]",
            b"[1,]",
            b"NaN",
            b"{\"a\":1}\0",
            b"\xff\xfe{\0}\0",
        ] {
            let error = compact(bytes).unwrap_err();
            assert_eq!(error.status, Status::BadReply, "{bytes:?}");
            assert!(!error.message.contains("hunter22"), "{error}");
        }
    }

    #[test]
    fn depth_is_limited() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(compact(nested(MAX_DEPTH).as_bytes()).is_ok());
        for levels in [MAX_DEPTH + 1, 200_000] {
            let error = compact(nested(levels).as_bytes()).unwrap_err();
            assert_eq!(error.status, Status::BadReply);
            assert!(compact("[".repeat(levels).as_bytes()).is_err());
            assert!(compact("{\"a\":".repeat(levels).as_bytes()).is_err());
        }
        assert!(compact(format!("\"{}\"", nested(500)).as_bytes()).is_ok());
    }

    #[test]
    fn an_object_loses_only_what_cannot_be_read() {
        let object = Object::read(
            r#"{"n":1,"n":2,"\ud800":3,"text":"\udc00","null":null,"o":{"x":[]},"huge":1e999,"caf\u00e9":true}"#,
        )
        .unwrap();
        assert_eq!(object.get::<i64>("n"), Some(2));
        assert_eq!(object.get::<String>("text"), None);
        assert_eq!(object.get::<String>("null"), None);
        assert_eq!(object.get::<i64>("huge"), None);
        assert_eq!(object.get::<bool>("café"), Some(true));
        assert_eq!(object.raw_object("o").unwrap().get(), r#"{"x":[]}"#);
        assert!(object.raw_object("n").is_none());
        assert_eq!(object.object("o").keys().collect::<Vec<_>>(), ["x"]);
        assert_eq!(object.object("n").keys().count(), 0);
        for text in ["[]", "null", "1", "\"{}\"", "{", ""] {
            assert!(Object::read(text).is_none(), "{text}");
        }
    }

    fn join(parts: Vec<Vec<String>>) -> Vec<String> {
        let mut tokens = Vec::new();
        for (index, part) in parts.into_iter().enumerate() {
            if index > 0 {
                tokens.push(",".to_owned());
            }
            tokens.extend(part);
        }
        tokens
    }

    /// The tokens of a JSON text, as odd as JSON allows.
    fn tokens() -> impl Strategy<Value = Vec<String>> {
        let string = r#""([ -!#-\[\]-~é€]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4}){0,12}""#;
        let scalar = prop_oneof![
            string,
            r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?",
            Just("null".to_owned()),
            Just("true".to_owned()),
            Just("false".to_owned()),
        ]
        .prop_map(|token| vec![token]);
        scalar.prop_recursive(6, 64, 6, move |inner| {
            let around = |open: &'static str, close: &'static str| {
                move |parts: Vec<Vec<String>>| {
                    let mut tokens = vec![open.to_owned()];
                    tokens.extend(join(parts));
                    tokens.push(close.to_owned());
                    tokens
                }
            };
            let member = (string, inner.clone()).prop_map(|(key, value)| {
                let mut tokens = vec![key, ":".to_owned()];
                tokens.extend(value);
                tokens
            });
            prop_oneof![
                prop::collection::vec(inner, 0..6).prop_map(around("[", "]")),
                prop::collection::vec(member, 0..6).prop_map(around("{", "}")),
            ]
        })
    }

    proptest! {
        #[test]
        fn only_white_space_between_tokens_goes(tokens in tokens(), spaces in prop::collection::vec("[ \t\r\n]{0,3}", 1..40)) {
            let plain = tokens.concat();
            let mut spaced = String::new();
            for (token, space) in tokens.iter().zip(spaces.iter().cycle()) {
                spaced.push_str(space);
                spaced.push_str(token);
            }
            spaced.push_str(&spaces[0]);
            let compacted = compact(spaced.as_bytes()).unwrap();
            prop_assert_eq!(compacted.get(), &plain);
            let again = compact(plain.as_bytes()).unwrap();
            prop_assert_eq!(again.get(), &plain);
        }

        #[test]
        fn a_cut_object_is_a_bad_reply(tokens in tokens(), at in any::<prop::sample::Index>()) {
            let text = format!("{{\"a\":{}}}", tokens.concat());
            let cut = &text.as_bytes()[..at.index(text.len())];
            prop_assert_eq!(compact(cut).unwrap_err().status, Status::BadReply);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(text) = compact(&bytes) {
                prop_assert!(serde_json::from_str::<&RawValue>(text.get()).is_ok());
            }
        }
    }
}
