//! What an account has written down: plays, what it watches now, playback, lists, and when each of
//! these last changed.
//! Knows nothing of requests.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::catalogue::{Kind, Media, generated_movie, generated_show};
use crate::clock::iso_date;
use crate::world::World;

/// Trakt's ids of plays need 64 bits: the generated ones begin where a double loses count.
pub const FIRST_PLAY_ID: i64 = 9_007_199_254_740_993;
/// 2026-01-01T00:00:00Z, the newest generated play and the date of all that never changed.
pub const NEWEST_PLAY_MS: i64 = 1_767_225_600_000;
const MINUTE_MS: i64 = 60_000;

/// A play in the history.
#[derive(Debug, Clone)]
pub struct Play {
    /// Its id.
    pub id: i64,
    /// When it was watched; `None` is "unknown".
    pub watched_at: Option<i64>,
    /// `scrobble`, `checkin` or `watch`.
    pub action: &'static str,
    /// What was watched.
    pub media: Media,
    /// When it was written down.
    pub recorded_at: i64,
}

impl Play {
    /// As the history shows it.
    pub fn entry(&self, full: bool) -> Value {
        let mut entry = json!({
            "id": self.id,
            "watched_at": self.watched_at.map(iso_date),
            "action": self.action,
            "type": self.media.kind.one(),
        });
        self.media.put_into(&mut entry, full);
        entry
    }
}

/// What is being watched.
#[derive(Debug, Clone)]
pub struct Watching {
    /// `scrobble` or `checkin`.
    pub action: &'static str,
    /// What it is.
    pub media: Media,
    /// When it began.
    pub started_at: i64,
    /// Simulated moment when it is over by itself.
    pub ends_ms: i64,
    /// Id of the play that a check-in becomes.
    pub id: i64,
}

/// A place in something half watched.
#[derive(Debug, Clone)]
pub struct Paused {
    /// Its id.
    pub id: i64,
    /// Percent.
    pub progress: f64,
    /// When it was left.
    pub paused_at: i64,
    /// What it is.
    pub media: Media,
}

impl Paused {
    /// As `/sync/playback` shows it.
    pub fn entry(&self, full: bool) -> Value {
        let mut entry = json!({
            "id": self.id,
            "progress": self.progress,
            "paused_at": iso_date(self.paused_at),
            "type": self.media.kind.one(),
        });
        self.media.put_into(&mut entry, full);
        entry
    }
}

/// An entry of the ratings, the watchlist or the collection.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its id.
    pub id: i64,
    /// What it is.
    pub media: Media,
    /// When it was rated, listed or collected.
    pub at: i64,
    /// When it was written down.
    pub updated_at: i64,
    /// A rating, or null.
    pub rating: Value,
    /// Notes, or null.
    pub notes: Value,
}

/// Everything of one account.
#[derive(Debug, Clone, Default)]
pub struct Records {
    /// Plays in the order in which they came in.
    pub plays: Vec<Play>,
    /// Plays of the generated history that were removed.
    pub removed: BTreeSet<i64>,
    /// What is being watched.
    pub watching: Option<Watching>,
    /// What is half watched, the newest first.
    pub playback: Vec<Paused>,
    /// Ratings, the newest first.
    pub ratings: Vec<Listed>,
    /// The watchlist, the newest first.
    pub watchlist: Vec<Listed>,
    /// The collection, the newest first.
    pub collection: Vec<Listed>,
    /// When something last changed: by group and key.
    pub activities: BTreeMap<(&'static str, &'static str), i64>,
}

impl Records {
    /// Those of a new account, where the generated history and two things half watched are.
    pub fn generated() -> Self {
        let episode = generated_show(9).episode(0, 1);
        let movie = generated_movie(7).media();
        let paused = |n: i64, progress: f64, minutes: i64, media: Media| Paused {
            id: FIRST_PLAY_ID + n,
            progress,
            paused_at: NEWEST_PLAY_MS - minutes * MINUTE_MS,
            media,
        };
        let mut playback = vec![paused(11, 41.25, 5, movie)];
        playback.extend(episode.map(|episode| paused(12, 9.5, 90, episode)));
        Self {
            playback,
            ..Self::default()
        }
    }

    /// Notes that something changed.
    pub fn touch(&mut self, group: &'static str, key: &'static str, at: i64) {
        self.activities.insert((group, key), at);
    }

    /// Forgets the place in something.
    pub fn forget_place(&mut self, media: &Media) {
        self.playback.retain(|paused| !paused.media.same(media));
    }
}

/// The group of a kind in the last activities.
pub fn group(kind: Kind) -> &'static str {
    kind.many()
}

/// What time alone brings about: what is being watched comes to its end, and a check-in becomes a play.
pub fn settle(world: &mut World) {
    let now = world.clock.sim_ms();
    let over = |watching: &mut Watching| watching.ends_ms <= now;
    let Some(over) = world.records_mut().watching.take_if(over) else {
        return;
    };
    if over.action == "checkin" {
        let recorded_at = world.clock.wall_of(over.ends_ms);
        let records = world.records_mut();
        records.touch(group(over.media.kind), "watched_at", recorded_at);
        records.plays.push(Play {
            id: over.id,
            watched_at: Some(over.started_at),
            action: over.action,
            media: over.media,
            recorded_at,
        });
    }
}

/// The answer of `/sync/last_activities`.
pub fn last_activities(world: &World) -> Value {
    let activities = &world.records().activities;
    let groups: [(&str, &[&str]); 12] = [
        (
            "movies",
            &[
                "watched_at",
                "collected_at",
                "rated_at",
                "watchlisted_at",
                "favorited_at",
                "commented_at",
                "paused_at",
                "hidden_at",
            ],
        ),
        (
            "episodes",
            &[
                "watched_at",
                "collected_at",
                "rated_at",
                "watchlisted_at",
                "commented_at",
                "paused_at",
            ],
        ),
        (
            "shows",
            &[
                "rated_at",
                "watchlisted_at",
                "favorited_at",
                "commented_at",
                "hidden_at",
                "dropped_at",
            ],
        ),
        (
            "seasons",
            &["rated_at", "watchlisted_at", "commented_at", "hidden_at"],
        ),
        ("comments", &["liked_at", "blocked_at"]),
        ("lists", &["liked_at", "updated_at", "commented_at"]),
        ("watchlist", &["updated_at"]),
        ("favorites", &["updated_at"]),
        ("collaborations", &["updated_at"]),
        (
            "account",
            &[
                "settings_at",
                "followed_at",
                "following_at",
                "pending_at",
                "requested_at",
            ],
        ),
        ("saved_filters", &["updated_at"]),
        ("notes", &["updated_at"]),
    ];
    let newest = activities.values().copied().max().unwrap_or(NEWEST_PLAY_MS);
    let mut answer = json!({"all": iso_date(newest)});
    for (group, keys) in groups {
        for key in keys {
            let at = activities.get(&(group, *key)).copied();
            answer[group][key] = json!(iso_date(at.unwrap_or(NEWEST_PLAY_MS)));
        }
    }
    answer
}
