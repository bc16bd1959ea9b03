//! Everything about the simulated service that can be chosen: lifetimes, and which of two behaviours
//! where Trakt's documentation and its observed behaviour differ.
//! Knows nothing of how the choices are carried out.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The service's choices; `POST /config` changes any of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Life of an access token in seconds.
    pub access_lifetime_s: i64,
    /// Life of a device code in seconds.
    pub device_expires_s: i64,
    /// Seconds between two polls of a device code.
    pub device_interval_s: i64,
    /// What `created_at` says in a token answer.
    pub created_at: CreatedAt,
    /// Whether token calls need the client secret.
    pub secret_required: bool,
    /// Status and headers of OAuth errors.
    pub oauth_error_style: OauthErrorStyle,
    /// The body of the 400 that means "not yet".
    pub pending_style: PendingStyle,
    /// The body of a revocation's 200.
    pub revoke_style: RevokeStyle,
    /// Whether a refresh must carry the redirect_uri that the pair was issued for.
    pub strict_redirect_uri: bool,
    /// Whether a refresh spends the refresh token; false: the old one is sent back.
    pub rotate_refresh: bool,
    /// Whether a refresh ends the old access token at once.
    pub refresh_kills_access: bool,
    /// Whether the code flow must use PKCE.
    pub require_pkce: bool,
    /// Whether OAuth calls must carry `trakt-api-key`, as the OpenAPI document of July 2026 says.
    pub oauth_api_key: bool,
    /// The `verification_url` to send; null: `{auth_url}/activate`.
    pub verification_url: Option<String>,
    /// Whether polls that come too early are refused and recorded.
    pub poll_limit: bool,
    /// How much too early a poll or a write may come before it counts, for the machine's own jitter.
    pub slack_ms: i64,
    /// The answer to a poll that comes too early.
    pub slow_down_style: SlowDownStyle,
    /// Seconds by which an early poll lengthens that code's interval (RFC 8628 says 5).
    pub slow_down_adds_s: i64,
    /// Whether the API's rate limits are enforced.
    pub rate_limits: bool,
    /// Milliseconds between two writes of a user.
    pub write_interval_ms: i64,
    /// Reads in a window.
    pub get_limit: i64,
    /// The window of reads in seconds.
    pub get_period_s: i64,
    /// What a 429 says about waiting.
    pub retry_after: RetryAfter,
    /// Whether API answers carry `X-Ratelimit`.
    pub rate_limit_headers: bool,
    /// Whether 420 carries its headers.
    pub account_limit_headers: bool,
    /// Whether 423 carries its headers.
    pub account_locked_headers: bool,
    /// Whether 426 carries its header.
    pub vip_headers: bool,
    /// The body of Trakt's own 403.
    pub forbidden_style: ForbiddenStyle,
    /// The status of an accepted `POST /sync/history`: 201 by the documentation, 200 by the contract.
    pub history_status: u16,
    /// How many entries the generated history has; 0: a new account without plays and playback.
    pub history_items: usize,
    /// Whether only the catalogue's films and shows exist; otherwise any number names a generated one.
    pub strict_catalogue: bool,
    /// What a stop at exactly 80 % is.
    pub at_eighty: AtEighty,
    /// What a stop above it comes to.
    pub at_the_end: AtTheEnd,
    /// Seconds in which a second scrobble of the same thing is a conflict; null: as long as it lasts.
    pub conflict_window_s: Option<i64>,
    /// Whether `/scrobble/pause` is there.
    pub pause_exists: bool,
    /// Where an unknown episode of a known show is echoed.
    pub nested_not_found: NestedNotFound,
    /// How many plays the account may hold; null: what the settings name, if they do.
    pub history_limit: Option<i64>,
    /// The same for ratings.
    pub ratings_limit: Option<i64>,
    /// The same for the collection.
    pub collection_limit: Option<i64>,
    /// How many favorites there are.
    pub favorites_items: usize,
    /// The user's lists: how many entries each has.
    pub lists: Vec<usize>,
    /// The page length when none is asked for.
    pub page_limit_default: usize,
    /// The longest page; more is clamped.
    pub page_limit_max: usize,
    /// Whether paged answers carry the `X-Pagination-*` headers.
    pub pagination_headers: bool,
    /// Whether profiles lack `deleted` and `ids.trakt`, as older ones do.
    pub old_profile: bool,
    /// The certificate that the HTTPS hosts show to new connections.
    pub certificate: Certificate,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            access_lifetime_s: 604_800,
            device_expires_s: 600,
            device_interval_s: 5,
            created_at: CreatedAt::Now,
            secret_required: false,
            oauth_error_style: OauthErrorStyle::New,
            pending_style: PendingStyle::Empty,
            revoke_style: RevokeStyle::Json,
            strict_redirect_uri: true,
            rotate_refresh: true,
            refresh_kills_access: false,
            require_pkce: true,
            oauth_api_key: true,
            verification_url: None,
            poll_limit: true,
            slack_ms: 50,
            slow_down_style: SlowDownStyle::Status,
            slow_down_adds_s: 0,
            rate_limits: true,
            write_interval_ms: 1000,
            get_limit: 500,
            get_period_s: 300,
            retry_after: RetryAfter::Seconds,
            rate_limit_headers: true,
            account_limit_headers: true,
            account_locked_headers: true,
            vip_headers: true,
            forbidden_style: ForbiddenStyle::Json,
            history_status: 201,
            history_items: 257,
            strict_catalogue: false,
            at_eighty: AtEighty::Scrobble,
            at_the_end: AtTheEnd::Scrobble,
            conflict_window_s: None,
            pause_exists: true,
            nested_not_found: NestedNotFound::Episodes,
            history_limit: None,
            ratings_limit: None,
            collection_limit: None,
            favorites_items: 0,
            lists: Vec::new(),
            page_limit_default: 100,
            page_limit_max: 250,
            pagination_headers: true,
            old_profile: false,
            certificate: Certificate::Good,
        }
    }
}

impl Config {
    /// The configuration with the keys of `changes` replaced; an unknown key or a wrong type is refused.
    pub fn changed(&self, changes: &Value) -> Result<Self, String> {
        let mut whole = serde_json::to_value(self).map_err(|error| error.to_string())?;
        if let (Some(whole), Some(changes)) = (whole.as_object_mut(), changes.as_object()) {
            for (key, value) in changes {
                whole.insert(key.clone(), value.clone());
            }
        }
        serde_json::from_value(whole).map_err(|error| format!("config: {error}"))
    }
}

/// What `created_at` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreatedAt {
    /// The simulated date.
    Now,
    /// Nothing: the key is missing.
    Absent,
    /// A year ago.
    Past,
    /// In a year.
    Future,
}

/// Status and headers of OAuth errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OauthErrorStyle {
    /// 400 and JSON.
    New,
    /// 401, `WWW-Authenticate` and the same JSON.
    Old,
}

/// The body of the 400 that means "not yet".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PendingStyle {
    /// No body under a JSON content type.
    Empty,
    /// A page.
    Html,
    /// `authorization_pending`.
    Json,
    /// Text that is no JSON under a JSON content type.
    Text,
}

/// The body of a revocation's 200.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevokeStyle {
    /// `{}`.
    Json,
    /// Nothing.
    Empty,
}

/// The answer to a poll that comes too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SlowDownStyle {
    /// 429.
    #[serde(rename = "429")]
    Status,
    /// 400 with `slow_down`.
    #[serde(rename = "json")]
    Json,
}

/// What a stop at exactly 80 % is: Trakt doesn't say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtEighty {
    /// A play.
    Scrobble,
    /// A place to go on.
    Pause,
}

/// What a stop near the end comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtTheEnd {
    /// A play.
    Scrobble,
    /// Nothing: the answer is `pause` with progress 0 and id 0, as was seen.
    Pause,
}

/// Where an unknown season or episode of a known show is echoed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NestedNotFound {
    /// Under `seasons` and `episodes`, each with its numbers and its `show`.
    Episodes,
    /// Under `shows`, with nothing but the unknown `seasons` in it.
    Shows,
}

/// What a 429 says about waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// Seconds.
    Seconds,
    /// An HTTP date.
    Date,
    /// Nothing.
    None,
}

/// The body of Trakt's own 403.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForbiddenStyle {
    /// A JSON error.
    Json,
    /// Nothing.
    Empty,
    /// The nine bytes `Forbidden`.
    Text,
}

/// Which certificate the HTTPS hosts show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certificate {
    /// Valid, of the own CA.
    Good,
    /// Its time is over.
    Expired,
    /// Its time hasn't come.
    NotYetValid,
    /// For another name.
    WrongName,
    /// Of a CA that nobody knows.
    UnknownCa,
}
