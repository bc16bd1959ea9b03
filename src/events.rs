//! What happened, for hosts that pull: one entry per kind, the newest counts, none is lost.
//! Knows nothing of why something happened.
#![forbid(unsafe_code)]

use std::sync::{Arc, Mutex};

use serde::Serialize;

use crate::cancel::{Signal, lock};
use crate::clock;

/// Who made a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum By {
    /// This client.
    #[serde(rename = "self")]
    Me,
    /// Another client or process on the same store.
    Other,
}

/// The kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Kind {
    /// An account was linked.
    #[serde(rename = "account.linked")]
    AccountLinked,
    /// The account was unlinked.
    #[serde(rename = "account.unlinked")]
    AccountUnlinked,
    /// The account's state or user changed.
    #[serde(rename = "account.changed")]
    AccountChanged,
    /// The session has ended: the user has to link again.
    #[serde(rename = "account.relink_needed")]
    AccountRelinkNeeded,
    /// The login's snapshot changed.
    #[serde(rename = "login.changed")]
    LoginChanged,
    /// The tokens were renewed.
    #[serde(rename = "token.refreshed")]
    TokenRefreshed,
    /// The settings at Trakt changed.
    #[serde(rename = "settings.changed")]
    SettingsChanged,
    /// Cloudflare blocks requests.
    #[serde(rename = "service.blocked")]
    ServiceBlocked,
    /// Requests come through again.
    #[serde(rename = "service.restored")]
    ServiceRestored,
    /// The machine's clock is wrong by more than five minutes.
    #[serde(rename = "clock.wrong")]
    ClockWrong,
    /// The store can't be used as it should; `trakt_account` says how by `store`.
    #[serde(rename = "store.trouble")]
    StoreTrouble,
}

/// One event.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Event {
    /// What happened.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// When, RFC 3339 in UTC by this machine's clock.
    pub at: String,
    /// Who did it.
    pub by: By,
}

/// The events that nobody has taken yet.
#[derive(Default)]
pub struct Events {
    waiting: Mutex<Vec<Event>>,
    /// Changes with each event.
    pub signal: Arc<Signal>,
}

impl Events {
    /// Notes an event; one of the same kind that waits is replaced.
    pub fn push(&self, kind: Kind, by: By) {
        {
            let mut waiting = lock(&self.waiting);
            waiting.retain(|event| event.kind != kind);
            waiting.push(Event {
                kind,
                at: clock::rfc3339(clock::wall_ms()),
                by,
            });
        }
        self.signal.bump();
    }

    /// Takes what waits; each event goes to one taker.
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut *lock(&self.waiting))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_coalesced_per_kind_and_taken_once() {
        let events = Events::default();
        events.push(Kind::LoginChanged, By::Other);
        events.push(Kind::AccountLinked, By::Me);
        events.push(Kind::LoginChanged, By::Me);
        let taken: Vec<_> = events
            .take()
            .into_iter()
            .map(|event| (event.kind, event.by))
            .collect();
        assert_eq!(
            taken,
            [(Kind::AccountLinked, By::Me), (Kind::LoginChanged, By::Me)]
        );
        assert!(events.take().is_empty());
    }
}
