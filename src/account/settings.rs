//! The user's settings (`GET /users/settings`), read field by field: whatever Trakt leaves out, nulls, retypes
//! or moves, only that field is lost. Knows nothing of where the text came from; never reads token or email.
#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::limits::Limits;
use super::permissions::Permissions;
use super::raw::{self, Object};
use crate::clock;
use crate::error::{Error, Result, Status};

/// What the settings say, read for use. A field that Trakt doesn't tell is null.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Settings {
    /// Who it is.
    pub user: User,
    /// How that user wants to see things.
    pub account: Account,
    /// How much the account may have.
    pub limits: Limits,
    /// What the account may do.
    pub permissions: Permissions,
    /// The browsing preferences as Trakt wrote them; there only if they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        test,
        schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")
    )]
    pub browsing: Option<Box<RawValue>>,
}

/// Who an account belongs to. At least one of `username`, `slug` and `uuid` is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct User {
    /// The name in addresses and mentions; a user can change it.
    pub username: Option<String>,
    /// The name to show.
    pub name: Option<String>,
    /// The id that stays when the user is renamed.
    pub uuid: Option<String>,
    /// The username as it stands in URLs.
    pub slug: Option<String>,
    /// Trakt's number of the user.
    pub trakt_id: Option<i64>,
    /// Whether the user pays for VIP.
    pub vip: Option<bool>,
    /// Whether the user is an executive producer, the higher kind of VIP.
    pub vip_ep: Option<bool>,
    /// Whether the user was VIP from the beginning.
    pub vip_og: Option<bool>,
    /// How many years the user has been VIP.
    pub vip_years: Option<i64>,
    /// URL of the picture behind a VIP's profile.
    pub vip_cover_image: Option<String>,
    /// Whether the profile is hidden from others.
    pub private: Option<bool>,
    /// When the user joined, RFC 3339 UTC.
    pub joined_at: Option<String>,
    /// Where the user says they live.
    pub location: Option<String>,
    /// What the user says about themself.
    pub about: Option<String>,
    /// The gender as the user wrote it.
    pub gender: Option<String>,
    /// The age in years.
    pub age: Option<i64>,
    /// Trakt's mark `director`.
    pub director: Option<bool>,
    /// URL of the user's picture.
    pub avatar: Option<String>,
}

/// How a user wants to see things.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Account {
    /// The time zone's name, such as `America/Los_Angeles`.
    pub timezone: Option<String>,
    /// The order of day, month and year: `mdy`, `dmy`, `ymd`, `ydm`, or what Trakt adds.
    pub date_format: Option<String>,
    /// Whether hours count to 24.
    pub time_24hr: Option<bool>,
    /// URL of the picture behind the profile.
    pub cover_image: Option<String>,
    /// Whether advertisements are shown.
    pub display_ads: Option<bool>,
}

/// A linked user in short, as `trakt_account` shows and the store keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct UserRef {
    /// The name in addresses and mentions; a user can change it.
    pub username: Option<String>,
    /// The name to show.
    pub name: Option<String>,
    /// The id that stays when the user is renamed.
    pub uuid: Option<String>,
    /// The username as it stands in URLs.
    pub slug: Option<String>,
    /// Whether the user pays for VIP.
    pub vip: Option<bool>,
}

impl Settings {
    /// Reads Trakt's JSON, compact or not.
    ///
    /// # Errors
    /// `bad_reply` for what is no JSON (as [`raw::compact`]), no object, or names no user: one usable of
    /// `user.username`, `user.ids.slug` and `user.ids.uuid` is all that is taken for granted.
    pub fn read(text: &str) -> Result<Self> {
        let compact = raw::compact(text.as_bytes())?;
        let settings = Object::read(compact.get())
            .ok_or_else(|| Error::new(Status::BadReply, "Trakt's settings are no JSON object"))?;
        let user = User::read(&settings.object("user"));
        if user.username.is_none() && user.slug.is_none() && user.uuid.is_none() {
            return Err(Error::new(
                Status::BadReply,
                "Trakt's settings name no user",
            ));
        }
        Ok(Self {
            user,
            account: Account::read(&settings.object("account")),
            limits: Limits::read(&settings.object("limits")),
            permissions: Permissions::read(&settings.object("permissions")),
            browsing: settings.raw_object("browsing").map(RawValue::to_owned),
        })
    }
}

impl User {
    fn read(user: &Object) -> Self {
        let ids = user.object("ids");
        let avatar = user.object("images").object("avatar");
        Self {
            username: user.get("username").and_then(not_blank),
            name: user.get("name"),
            uuid: ids.get("uuid").and_then(not_blank),
            slug: ids.get("slug").and_then(not_blank),
            trakt_id: ids.get("trakt"),
            vip: user.get("vip"),
            vip_ep: user.get("vip_ep"),
            vip_og: user.get("vip_og"),
            vip_years: user.get("vip_years"),
            vip_cover_image: user.get("vip_cover_image").and_then(image_url),
            private: user.get("private"),
            joined_at: user.get("joined_at").and_then(moment),
            location: user.get("location"),
            about: user.get("about"),
            gender: user.get("gender"),
            age: user.get("age"),
            director: user.get("director"),
            avatar: avatar.get("full").and_then(image_url),
        }
    }

    /// The user in short.
    pub fn short(&self) -> UserRef {
        UserRef {
            username: self.username.clone(),
            name: self.name.clone(),
            uuid: self.uuid.clone(),
            slug: self.slug.clone(),
            vip: self.vip,
        }
    }
}

impl Account {
    fn read(account: &Object) -> Self {
        Self {
            timezone: account.get("timezone"),
            date_format: account.get("date_format"),
            time_24hr: account.get("time_24hr"),
            cover_image: account.get("cover_image").and_then(image_url),
            display_ads: account.get("display_ads"),
        }
    }
}

/// Whether two are the same user: by uuid where both have one, else by slug, else by username.
/// Users who share none of these are taken for two, so that nobody sees another's data.
pub fn same_user(a: &UserRef, b: &UserRef) -> bool {
    if let (Some(a), Some(b)) = (&a.uuid, &b.uuid) {
        return a == b;
    }
    if let (Some(a), Some(b)) = (&a.slug, &b.slug) {
        return a == b;
    }
    match (&a.username, &b.username) {
        // The same name in other capitals is the same account at Trakt.
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
        _ => false,
    }
}

fn not_blank(text: String) -> Option<String> {
    (!text.trim().is_empty()).then_some(text)
}

/// A moment as every moment in a reply: RFC 3339 in UTC. Trakt may write an offset or the date alone.
fn moment(text: String) -> Option<String> {
    clock::parse_rfc3339(&text)
        .or_else(|| clock::parse_rfc3339(&format!("{text}T00:00:00Z")))
        .map(clock::rfc3339)
}

/// A picture's URL; Trakt writes some without their scheme. What leads elsewhere than to a web server is none.
fn image_url(text: String) -> Option<String> {
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return None;
    }
    let begins = |scheme: &str| {
        text.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    if begins("https://") || begins("http://") {
        return Some(text);
    }
    let rest = text.strip_prefix("//").unwrap_or(&text);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (name, port) = host.split_once(':').unwrap_or((host, "443"));
    let is_host = name.contains('.')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
        && port.parse::<u16>().is_ok();
    is_host.then(|| format!("https://{rest}"))
}

#[cfg(test)]
mod tests;
