//! JSON text whose objects can be changed while order, digits and escapes of the rest stay as written.
//! Knows nothing of what the text means.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// JSON that remembers how it was written.
#[derive(Debug, Clone)]
pub enum Ordered {
    /// An object, keys in their order.
    Object(Vec<(String, Ordered)>),
    /// Anything else, as written.
    Text(String),
}

impl Ordered {
    /// Reads JSON text.
    pub fn parse(text: &str) -> serde_json::Result<Self> {
        if text.trim_start().starts_with('{') {
            let Fields(fields) = serde_json::from_str(text)?;
            let fields: serde_json::Result<Vec<_>> = fields
                .into_iter()
                .map(|(key, raw)| Ok((key, Self::parse(raw.get())?)))
                .collect();
            Ok(Self::Object(fields?))
        } else {
            let raw: Box<RawValue> = serde_json::from_str(text)?;
            Ok(Self::Text(raw.get().to_owned()))
        }
    }

    /// The value at a path of keys.
    pub fn get_mut(&mut self, path: &[&str]) -> Option<&mut Self> {
        let Some((first, rest)) = path.split_first() else {
            return Some(self);
        };
        match self {
            Self::Object(fields) => fields
                .iter_mut()
                .find(|(key, _)| key == first)
                .and_then(|(_, value)| value.get_mut(rest)),
            Self::Text(_) => None,
        }
    }

    /// Replaces the value at a path, if there is one.
    pub fn replace(&mut self, path: &[&str], value: &Value) {
        if let Some(place) = self.get_mut(path) {
            *place = Self::Text(value.to_string());
        }
    }

    /// Sets a key of this object, at its end when it is new.
    pub fn set(&mut self, key: &str, value: Self) {
        if let Self::Object(fields) = self {
            match fields.iter_mut().find(|(name, _)| name == key) {
                Some((_, place)) => *place = value,
                None => fields.push((key.to_owned(), value)),
            }
        }
    }

    /// Removes a key of this object.
    pub fn remove(&mut self, key: &str) {
        if let Self::Object(fields) = self {
            fields.retain(|(name, _)| name != key);
        }
    }
}

impl fmt::Display for Ordered {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => out.write_str(text),
            Self::Object(fields) => {
                out.write_str("{")?;
                for (n, (key, value)) in fields.iter().enumerate() {
                    let comma = if n > 0 { "," } else { "" };
                    write!(out, "{comma}{}:{value}", Value::from(key.as_str()))?;
                }
                out.write_str("}")
            }
        }
    }
}

struct Fields(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_digits_and_escapes_stay() {
        let text = r#"{"z":{"b":1.50,"a":"x\u0026y"},"a":[1, 2],"m":null}"#;
        let mut json = Ordered::parse(text).unwrap();
        assert_eq!(json.to_string(), text);
        json.replace(&["z", "b"], &Value::from(2));
        json.replace(&["z", "missing"], &Value::from(3));
        json.remove("m");
        json.set("new", Ordered::Text("true".into()));
        assert_eq!(
            json.to_string(),
            r#"{"z":{"b":2,"a":"x\u0026y"},"a":[1, 2],"new":true}"#
        );
    }
}
