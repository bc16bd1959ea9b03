//! What `/users/settings` answers: one of the seven known shapes with the account written into it,
//! or any text that a test wants. Knows nothing of requests.

use serde_json::{Value, json};

use crate::ordered::Ordered;
use crate::world::Account;

const SHAPES: [(&str, &str); 7] = [
    ("s1", include_str!("shapes/s1.json")),
    ("s2", include_str!("shapes/s2.json")),
    ("s3", include_str!("shapes/s3.json")),
    ("s4", include_str!("shapes/s4.json")),
    ("s5", include_str!("shapes/s5.json")),
    ("s6", include_str!("shapes/s6.json")),
    ("s7", include_str!("shapes/s7.json")),
];
const BROWSING: &str = include_str!("shapes/browsing.json");
/// TraktSharp's recorded answer of 2015 begins with a byte order mark.
const BOM: &str = "\u{feff}";

/// Which settings are answered.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `s1` to `s7`.
    pub shape: String,
    /// Text to send byte for byte instead.
    pub raw: Option<String>,
    /// Limits instead of the shape's.
    pub limits: Option<Value>,
    /// Permissions instead of the shape's.
    pub permissions: Option<Value>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            shape: "s6".into(),
            raw: None,
            limits: None,
            permissions: None,
        }
    }
}

/// Whether there is a shape of that name.
pub fn is_shape(name: &str) -> bool {
    SHAPES.iter().any(|(known, _)| *known == name)
}

impl Settings {
    /// The body to send.
    pub fn body(&self, account: &Account, browsing: bool) -> String {
        if let Some(raw) = &self.raw {
            return raw.clone();
        }
        let mark = if self.shape == "s1" { BOM } else { "" };
        format!("{mark}{}", self.filled(account, browsing))
    }

    /// A limit such as `watchlist.item_count` by what would be answered now.
    pub fn limit(&self, account: &Account, group: &str, count: &str) -> Option<i64> {
        let text = self.filled(account, false).to_string();
        let settings: Value = serde_json::from_str(&text).ok()?;
        settings["limits"][group][count].as_i64()
    }

    fn filled(&self, account: &Account, browsing: bool) -> Ordered {
        let mut json = shape(&self.shape);
        for (path, value) in [
            (&["user", "username"][..], json!(account.username)),
            (&["user", "name"], json!(account.name)),
            (&["user", "vip"], json!(account.vip)),
            (&["user", "ids", "slug"], json!(account.slug)),
            (&["user", "ids", "uuid"], json!(account.uuid)),
        ] {
            json.replace(path, &value);
        }
        if let Some(avatar) = json.get_mut(&["user", "images", "avatar", "full"]) {
            // Trakt writes this sign as an escape.
            let text = json!(account.avatar).to_string().replace('&', "\\u0026");
            *avatar = Ordered::Text(text);
        }
        if account.vip {
            json.get_mut(&["limits"]).into_iter().for_each(raise_limits);
        }
        for (key, value) in [("limits", &self.limits), ("permissions", &self.permissions)] {
            if let Some(value) = value {
                json.set(key, Ordered::Text(value.to_string()));
            }
        }
        if browsing && matches!(self.shape.as_str(), "s6" | "s7") {
            json.set("browsing", browsing_of(&self.shape));
        }
        json
    }
}

fn shape(name: &str) -> Ordered {
    let text = SHAPES
        .iter()
        .find(|(known, _)| *known == name)
        .map_or("{}", |(_, text)| text);
    Ordered::parse(text).expect("the shapes are JSON: a test reads each")
}

fn browsing_of(shape: &str) -> Ordered {
    let mut json = Ordered::parse(BROWSING).expect("it is JSON: a test reads it");
    if shape == "s7"
        && let Some(progress) = json.get_mut(&["progress"])
    {
        progress.remove("collected");
    }
    json
}

/// The larger numbers of who pays: 100 lists, 5000 entries.
fn raise_limits(limits: &mut Ordered) {
    if let Ordered::Object(groups) = limits {
        for (_, group) in groups {
            group.replace(&["count"], &json!(100));
            group.replace(&["item_count"], &json!(5000));
        }
    }
}
