//! What happened, for hosts that pull: one entry per kind (and per subject, where it has one), the newest counts.
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
    /// What is made of a playback changed; its data as in `player.get`.
    #[serde(rename = "player.changed")]
    PlayerChanged,
    /// A play counts and is in the outbox: `session`, `id`, `item`, `watched_at`.
    #[serde(rename = "play.counted")]
    PlayCounted,
    /// Trakt has a play: `id`, `item`, `watched_at`, `how`.
    #[serde(rename = "play.recorded")]
    PlayRecorded,
    /// The outbox changed: `waiting`, `refused`.
    #[serde(rename = "outbox.changed")]
    OutboxChanged,
    /// Trakt refused an entry for good: `id`, `kind`, `item`, `reason`.
    #[serde(rename = "outbox.refused")]
    OutboxRefused,
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
    /// What it is about, where the kind says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<serde_json::Value>,
    /// Tells events of one kind apart that don't replace each other.
    #[serde(skip)]
    subject: String,
}

/// So many events with data wait for a host that doesn't take them; beyond that the oldest go.
const MOST_WITH_DATA: usize = 500;

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
        self.add(kind, by, String::new(), None);
    }

    /// Notes an event that is about something; one of the same kind and subject that waits is replaced.
    pub fn push_with(&self, kind: Kind, subject: impl Into<String>, data: serde_json::Value) {
        self.add(kind, By::Me, subject.into(), Some(data));
    }

    fn add(&self, kind: Kind, by: By, subject: String, data: Option<serde_json::Value>) {
        {
            let mut waiting = lock(&self.waiting);
            waiting.retain(|event| event.kind != kind || event.subject != subject);
            waiting.push(Event {
                kind,
                at: clock::rfc3339(clock::wall_ms()),
                by,
                data,
                subject,
            });
            let with_data = waiting.iter().filter(|event| event.data.is_some()).count();
            if with_data > MOST_WITH_DATA
                && let Some(oldest) = waiting.iter().position(|event| event.data.is_some())
            {
                waiting.remove(oldest);
            }
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

    #[test]
    fn events_about_different_things_don_t_replace_each_other_and_are_bounded() {
        let events = Events::default();
        for session in ["a", "b", "a"] {
            events.push_with(Kind::PlayerChanged, session, session.into());
        }
        let about = |events: Vec<Event>| -> Vec<_> {
            events.into_iter().filter_map(|event| event.data).collect()
        };
        assert_eq!(about(events.take()), ["b", "a"]);
        events.push(Kind::AccountLinked, By::Me);
        for id in 0..=MOST_WITH_DATA {
            events.push_with(Kind::PlayRecorded, id.to_string(), id.into());
        }
        let taken = events.take();
        assert_eq!(taken[0].kind, Kind::AccountLinked);
        assert_eq!(about(taken)[0], 1);
    }
}
