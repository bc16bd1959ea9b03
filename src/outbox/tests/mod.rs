//! Tests of the outbox: its pure parts, its documents, and its steps against the simulated Trakt.

mod pure;
mod steps;
mod stored;

use serde_json::{Value, json};

use super::entry::{Entry, Kind, NewEntry, WatchedAt};
use crate::scrobble::item::{Item, Thing};

/// An item of a host's JSON.
fn item(value: Value) -> Item {
    serde_json::from_value(value).unwrap()
}

fn movie(trakt: u64) -> Item {
    item(json!({"type": "movie", "ids": {"trakt": trakt}}))
}

fn episode(show: u64, season: u32, number: u32) -> Item {
    item(
        json!({"type": "episode", "show": {"ids": {"trakt": show}}, "season": season, "number": number}),
    )
}

fn thing(item: &Item) -> Thing {
    item.things().unwrap().remove(0)
}

fn new(kind: Kind, item: Item) -> NewEntry {
    let thing = thing(&item);
    NewEntry::new(kind, item, thing)
}

fn watched(kind: Kind, item: Item, ms: i64) -> NewEntry {
    NewEntry {
        watched_at: Some(WatchedAt::At(ms)),
        ..new(kind, item)
    }
}

fn entry(id: u64, kind: Kind, item: Item) -> Entry {
    Entry {
        id,
        key: id.to_string(),
        kind,
        created_ms: 1_700_000_000_000,
        thing: thing(&item),
        item,
        watched_at: None,
        uncorrected: None,
        progress: None,
        rating: None,
        attempt: None,
        attempts: 0,
        alone: false,
        last_try_ms: None,
        last_error: None,
        refused: None,
    }
}
