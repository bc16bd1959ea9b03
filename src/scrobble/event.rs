//! What a host reports of its player: raw facts, no decisions.
//! Knows nothing of Trakt.
#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};

use super::item::Item;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum EventType {
    /// Playback began.
    Started,
    /// It plays on; every 5 to 15 seconds.
    Progress,
    /// It was paused.
    Paused,
    /// It goes on after a pause.
    Resumed,
    /// The position was changed.
    Seeked,
    /// It was stopped.
    Stopped,
    /// It ran to its end by itself.
    Ended,
}

/// One report of a host.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PlayerEvent {
    /// What happened.
    pub event: EventType,
    /// The host's own name for this playback; 1 to 200 bytes.
    pub session: String,
    /// Where it is, in milliseconds; absent: unknown.
    #[serde(default)]
    pub position_ms: Option<u64>,
    /// How long it is, in milliseconds; absent or 0: unknown.
    #[serde(default)]
    pub duration_ms: Option<u64>,
    /// When it happened, RFC 3339, by this machine's clock; absent, or in the future: now.
    #[serde(default)]
    pub at: Option<String>,
    /// What is played; must come with `started`.
    #[serde(default)]
    pub item: Option<Item>,
}
