//! An entry of the outbox: one thing that Trakt has to be told, with all that is known of it.
//! Knows nothing of how it is kept or sent.
#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};

use crate::clock::Moment;
use crate::error::Error;
use crate::scrobble::item::{Item, Thing};

/// What Trakt has to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Kind {
    /// It was watched, in a player.
    #[serde(rename = "play")]
    Play,
    /// It was stopped before it counts.
    #[serde(rename = "progress")]
    Progress,
    /// It was marked as watched by hand.
    #[serde(rename = "history.add")]
    HistoryAdd,
    /// It was marked as not watched.
    #[serde(rename = "history.remove")]
    HistoryRemove,
    /// It was rated.
    #[serde(rename = "rating.set")]
    RatingSet,
    /// Its rating was taken back.
    #[serde(rename = "rating.remove")]
    RatingRemove,
    /// Onto the watchlist.
    #[serde(rename = "watchlist.add")]
    WatchlistAdd,
    /// Off the watchlist.
    #[serde(rename = "watchlist.remove")]
    WatchlistRemove,
    /// Into the collection.
    #[serde(rename = "collection.add")]
    CollectionAdd,
    /// Out of the collection.
    #[serde(rename = "collection.remove")]
    CollectionRemove,
}

/// When something was watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WatchedAt {
    /// At that moment: milliseconds since 1970, the clock's known error corrected.
    At(i64),
    /// On the day of its release.
    Released,
    /// Nobody knows.
    Unknown,
}

/// How an entry was sent, as long as nobody knows what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// By `/scrobble/stop`: Trakt took its own time for it.
    Scrobble,
    /// By `/sync/history`, with its own time.
    History,
    /// By another write, which can be repeated without harm.
    Write,
}

/// A try whose outcome isn't known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// How it was sent.
    pub how: How,
    /// When.
    pub at: Moment,
    /// How far the wall clock was off then, as far as that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skew_ms: Option<i64>,
    /// The request has ended; without this it may still be on its way.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub over: bool,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Moment>,
    /// It ended without Trakt's own word: Trakt may still be at work on it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub late: bool,
    /// Trakt answered, and its answer doesn't say what became of this entry.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub answered: bool,
}

/// Why Trakt refused an entry for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum RefusedReason {
    /// Trakt doesn't know the item (404, `not_found`).
    NotFound,
    /// Nothing at Trakt fits the title or file name.
    Unmatched,
    /// A limit of the account (420).
    AccountLimit,
    /// Refused as written (400, 412, 422).
    Rejected,
    /// The account is locked (423); goes back by itself when it works again.
    AccountLocked,
    /// Only for VIP (426).
    VipOnly,
}

/// Why an entry was set apart, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    /// The reason.
    pub reason: RefusedReason,
    /// The error behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Error>,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
}

/// Whose an entry is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Stands for the account (a hash of its uuid, else its slug); none when it wasn't known yet.
    pub account: Option<String>,
    /// The link that it was made under.
    pub link_id: Option<String>,
}

/// What somebody wants Trakt to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEntry {
    /// What it is about.
    pub kind: Kind,
    /// Names what it tells, so that the same thing isn't kept twice: of a play account, item and start of the session.
    /// None: made of the kind and the thing; a newer entry then takes the place of the one that waits.
    pub key: Option<String>,
    /// As the host said it.
    pub item: Item,
    /// What it is.
    pub thing: Thing,
    /// When it was watched; of progress the moment when playback stopped.
    pub watched_at: Option<WatchedAt>,
    /// When playback ended, by both clocks: what is fresh goes as a scrobble.
    pub ended: Option<Moment>,
    /// The moment of `watched_at` by both clocks, where it is known so.
    pub moment: Option<Moment>,
    /// Whether `watched_at` was corrected by the clock's error, or that wasn't known yet: then it is done before sending,
    /// by `moment` or `ended`.
    pub corrected: bool,
    /// How far, in percent; plays and progress.
    pub progress: Option<f64>,
    /// 1 to 10.
    pub rating: Option<u8>,
}

impl NewEntry {
    /// One of a kind, with nothing but what it is about.
    pub fn new(kind: Kind, item: Item, thing: Thing) -> Self {
        Self {
            kind,
            key: None,
            item,
            thing,
            watched_at: None,
            ended: None,
            moment: None,
            corrected: true,
            progress: None,
            rating: None,
        }
    }
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Entry {
    /// Its number; grows.
    pub id: u64,
    /// Stands for what it tells, so that the same thing isn't kept twice.
    pub key: String,
    /// What Trakt has to be told.
    pub kind: Kind,
    /// When it was made, in milliseconds since 1970, the clock's known error corrected.
    pub created_ms: i64,
    /// As the host said it, to be shown; without its file where there is a better name.
    pub item: Item,
    /// What it is.
    pub thing: Thing,
    /// When it was watched; plays, marks, and of progress the moment when playback stopped.
    pub watched_at: Option<WatchedAt>,
    /// The moment behind `watched_at` by both clocks, as long as the wall clock's error wasn't known.
    pub uncorrected: Option<Moment>,
    /// How far, in percent; plays and progress.
    pub progress: Option<f64>,
    /// 1 to 10.
    pub rating: Option<u8>,
    /// A try in doubt.
    pub attempt: Option<Attempt>,
    /// How often it was tried.
    pub attempts: u32,
    /// Refused in company: from now on it is sent alone.
    pub alone: bool,
    /// When it was tried last, in milliseconds since 1970.
    pub last_try_ms: Option<i64>,
    /// What went wrong then.
    pub last_error: Option<Error>,
    /// Set when Trakt refused it for good.
    pub refused: Option<Refused>,
}

/// An entry as it is kept: nothing that follows from something else, no nulls.
#[derive(Serialize, Deserialize)]
struct Stored {
    id: u64,
    key: String,
    kind: Kind,
    created_ms: i64,
    item: Item,
    /// Only where it isn't what the item says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    thing: Option<Thing>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    watched_at: Option<WatchedAt>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uncorrected: Option<Moment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    progress: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rating: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attempt: Option<Attempt>,
    #[serde(default, skip_serializing_if = "is_zero")]
    attempts: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    alone: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_try_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_error: Option<Error>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refused: Option<Refused>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What an item says by itself that it is.
fn plain_thing(item: &Item) -> Option<Thing> {
    match item.things().ok()?.as_slice() {
        [thing] => Some(thing.clone()),
        _ => None,
    }
}

impl From<Entry> for Stored {
    fn from(entry: Entry) -> Self {
        let plain = plain_thing(&entry.item);
        Self {
            id: entry.id,
            key: entry.key,
            kind: entry.kind,
            created_ms: entry.created_ms,
            item: entry.item,
            thing: Some(entry.thing).filter(|thing| plain.as_ref() != Some(thing)),
            watched_at: entry.watched_at,
            uncorrected: entry.uncorrected,
            progress: entry.progress,
            rating: entry.rating,
            attempt: entry.attempt,
            attempts: entry.attempts,
            alone: entry.alone,
            last_try_ms: entry.last_try_ms,
            last_error: entry.last_error,
            refused: entry.refused,
        }
    }
}

impl From<Stored> for Entry {
    fn from(stored: Stored) -> Self {
        let thing = stored.thing.or_else(|| plain_thing(&stored.item));
        Self {
            id: stored.id,
            key: stored.key,
            kind: stored.kind,
            created_ms: stored.created_ms,
            thing: thing.unwrap_or(Thing::Named {
                file: None,
                title: stored.item.title.clone(),
            }),
            item: stored.item,
            watched_at: stored.watched_at,
            uncorrected: stored.uncorrected,
            progress: stored.progress,
            rating: stored.rating,
            attempt: stored.attempt,
            attempts: stored.attempts,
            alone: stored.alone,
            last_try_ms: stored.last_try_ms,
            last_error: stored.last_error,
            refused: stored.refused,
        }
    }
}

impl Entry {
    /// The moment of watching, where it is one.
    pub fn watched_ms(&self) -> Option<i64> {
        match self.watched_at {
            Some(WatchedAt::At(ms)) => Some(ms),
            _ => None,
        }
    }

    /// What it was before anything was found for it at Trakt: as its item says.
    pub fn asked(&self) -> Thing {
        let things = self.item.things().unwrap_or_default();
        let place = |thing: &Thing| match thing {
            Thing::Episode(episode) => (episode.season, episode.number, episode.number_abs),
            _ => (None, None, None),
        };
        match things.as_slice() {
            [one] => Some(one.clone()),
            several => several
                .iter()
                .find(|one| place(one) == place(&self.thing))
                .cloned(),
        }
        .unwrap_or_else(|| self.thing.clone())
    }

    /// Whether `thing` was found for what its item says; looked up once more, a correction would be applied twice.
    pub fn is_found(&self) -> bool {
        let things = self.item.things().unwrap_or_default();
        self.thing.is_known() && !things.contains(&self.thing)
    }

    /// Its name for a person: `Heat (1995)`, `Dark 1x02 Lies`.
    pub fn title(&self) -> String {
        let dated = |title: &Option<String>, year: Option<u16>| {
            let title = title.clone().unwrap_or_default();
            match year {
                Some(year) if !title.is_empty() => format!("{title} ({year})"),
                _ => title,
            }
        };
        let item = &self.item;
        let show = item
            .show
            .as_ref()
            .and_then(|show| show.title.clone())
            .unwrap_or_default();
        let text = match &self.thing {
            Thing::Movie(movie) => dated(&item.title.clone().or(movie.title.clone()), movie.year),
            Thing::Show(it) => dated(&item.title.clone().or(it.title.clone()), it.year),
            Thing::Season { show: it, number } => {
                let show = it.title.clone().unwrap_or(show);
                format!("{show} {number}")
            }
            Thing::Episode(episode) => {
                let show = episode.show.title.clone().unwrap_or(show);
                let place = match (episode.season, episode.number, episode.number_abs) {
                    (Some(season), Some(number), _) => format!("{season}x{number:02}"),
                    (_, _, Some(number)) => number.to_string(),
                    _ => String::new(),
                };
                let own = item.title.clone().or(episode.title.clone());
                format!("{show} {place} {}", own.unwrap_or_default())
            }
            Thing::Named { file, title } => {
                let name = |file: &String| {
                    let name = file.rsplit(['/', '\\']).next().unwrap_or_default();
                    name.split(['?', '#']).next().unwrap_or_default().to_owned()
                };
                title
                    .clone()
                    .or(file.as_ref().map(name))
                    .unwrap_or_default()
            }
        };
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}
