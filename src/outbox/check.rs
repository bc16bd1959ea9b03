//! Was it recorded? Trakt's history, read against an entry whose try is in doubt.
//! Knows nothing of the network nor of the store; pure.
#![forbid(unsafe_code)]

use serde::Deserialize;
use serde_json::Value;

use super::body;
use super::entry::{Attempt, Entry, How, WatchedAt};
use super::subject;
use crate::clock::{Moment, parse_rfc3339};
use crate::scrobble::item::{Ids, Thing};

/// Trakt writes whole seconds; a moment may be cut or rounded.
const EXACT_MS: i64 = 1_000;
/// A scrobble is recorded with the moment at which it reached Trakt: at most so long before that of the try, the clocks
/// being what they are, …
const BEFORE_MS: i64 = 2 * 60 * 1_000;
/// … and at most so long after it.
const AFTER_MS: i64 = 5 * 60 * 1_000;
/// Windows that are closer than this are read as one.
const NEAR_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// One line of Trakt's history.
#[derive(Clone, Debug, Deserialize)]
pub struct Line {
    /// When; of plays that nobody knows the time of null.
    #[serde(default)]
    pub watched_at: Option<String>,
    /// `scrobble`, `checkin` or `watch`.
    #[serde(default)]
    pub action: String,
    /// The film.
    #[serde(default)]
    movie: Value,
    /// The episode.
    #[serde(default)]
    episode: Value,
    /// Its show.
    #[serde(default)]
    show: Value,
}

/// Reads a page of the history; none for what is no such page. A line that can't be read is none.
pub fn read_page(page: &[u8]) -> Option<Vec<Line>> {
    let lines: Vec<Value> = serde_json::from_slice(page).ok()?;
    Some(
        lines
            .into_iter()
            .filter_map(|line| serde_json::from_value(line).ok())
            .collect(),
    )
}

/// From when to when, in milliseconds since 1970, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// From.
    pub from_ms: i64,
    /// To.
    pub to_ms: i64,
}

impl Window {
    fn around(ms: i64, before: i64, after: i64) -> Self {
        Self {
            from_ms: ms.saturating_sub(before),
            to_ms: ms.saturating_add(after),
        }
    }

    fn has(&self, ms: i64) -> bool {
        (self.from_ms..=self.to_ms).contains(&ms)
    }
}

/// The moment of a try by Trakt's clock, as well as that is known: within one start of the machine its own clock leads
/// back to it, whatever the wall clock did.
fn tried_ms(attempt: &Attempt, now: &Moment, skew_ms: i64) -> i64 {
    if attempt.at.boot_id == now.boot_id {
        now.wall_ms
            .saturating_add(skew_ms)
            .saturating_sub(now.since(&attempt.at))
    } else {
        attempt
            .at
            .wall_ms
            .saturating_add(attempt.skew_ms.unwrap_or(skew_ms))
    }
}

/// Where in the history the entry would be; none when its moment doesn't say, so that all of it has to be read.
pub fn window(entry: &Entry, now: &Moment, skew_ms: i64) -> Option<Window> {
    let attempt = entry.attempt.as_ref()?;
    match (attempt.how, &entry.watched_at) {
        (How::Scrobble, _) => {
            let at = tried_ms(attempt, now, skew_ms);
            Some(Window::around(at, BEFORE_MS, AFTER_MS))
        }
        (_, Some(WatchedAt::At(ms))) => Some(Window::around(*ms, EXACT_MS, EXACT_MS)),
        (_, None) => Some(Window::around(entry.created_ms, EXACT_MS, EXACT_MS)),
        (_, Some(WatchedAt::Released | WatchedAt::Unknown)) => None,
    }
}

/// Few windows that hold all of these.
pub fn merged(mut windows: Vec<Window>) -> Vec<Window> {
    windows.sort_by_key(|window| window.from_ms);
    let mut merged: Vec<Window> = Vec::new();
    for window in windows {
        match merged.last_mut() {
            Some(last) if window.from_ms <= last.to_ms.saturating_add(NEAR_MS) => {
                last.to_ms = last.to_ms.max(window.to_ms);
            }
            _ => merged.push(window),
        }
    }
    merged
}

/// Whether something was watched on the day of its release, as far as the line says when that was.
fn is_release(line: &Line, at: Option<i64>) -> bool {
    let released = [&line.movie["released"], &line.episode["first_aired"]]
        .into_iter()
        .find_map(Value::as_str);
    let Some(released) = released else {
        return true;
    };
    let day = format!("{released}T00:00:00Z");
    let released = parse_rfc3339(released).or_else(|| parse_rfc3339(&day));
    match (released, at) {
        (Some(released), Some(at)) => released.abs_diff(at) <= DAY_MS.unsigned_abs(),
        // Marked without a moment, by another mark.
        (Some(_), None) => false,
        (None, _) => true,
    }
}

/// The line that is the entry, if there is one among those that aren't taken for another: its index.
pub fn find(
    entry: &Entry,
    lines: &[Line],
    taken: &[bool],
    now: &Moment,
    skew_ms: i64,
) -> Option<usize> {
    let window = window(entry, now, skew_ms);
    let scrobbled = entry
        .attempt
        .as_ref()
        .is_some_and(|attempt| attempt.how == How::Scrobble);
    let is_it = |line: &Line| {
        let at = line.watched_at.as_deref().and_then(parse_rfc3339);
        let in_time = match (&window, &entry.watched_at) {
            (Some(window), _) => at.is_some_and(|at| window.has(at)),
            (None, Some(WatchedAt::Unknown)) => at.is_none_or(|at| at < DAY_MS),
            (None, _) => is_release(line, at),
        };
        let in_its_way = match line.action.as_str() {
            "scrobble" => scrobbled,
            "checkin" => false,
            "watch" => !scrobbled,
            _ => true,
        };
        in_time && in_its_way && is_of(line, &entry.thing)
    };
    // A whole show takes many lines, and none of them for itself alone.
    let whole = matches!(entry.thing, Thing::Show(_) | Thing::Season { .. });
    lines
        .iter()
        .enumerate()
        .find(|(at, line)| (whole || !taken.get(*at).copied().unwrap_or(false)) && is_it(line))
        .map(|(at, _)| at)
}

/// Whether something of Trakt's has those ids, or without any in common that title and year.
pub fn names(media: &Value, ids: &Ids, title: Option<&str>, year: Option<u16>) -> bool {
    if !media.is_object() {
        return false;
    }
    let its: Ids = serde_json::from_value(media["ids"].clone()).unwrap_or_default();
    if let Some(same) = its.agrees(ids) {
        return same;
    }
    let (Some(title), Some(theirs)) = (title, media["title"].as_str()) else {
        return false;
    };
    let years = (year.map(u64::from), media["year"].as_u64());
    let same_year = match years {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    same_year && subject::plain(title) == subject::plain(theirs)
}

/// The same for what Trakt has taken for the thing by any of its ids: one of the others may be wrong.
fn is_told(media: &Value, ids: &Ids, title: Option<&str>, year: Option<u16>) -> bool {
    let its: Ids = serde_json::from_value(media["ids"].clone()).unwrap_or_default();
    its.shares(ids) || names(media, ids, title, year)
}

/// Whether the line is about the thing.
pub fn is_of(line: &Line, thing: &Thing) -> bool {
    match thing {
        Thing::Movie(movie) => is_told(
            &line.movie,
            &movie.ids.0,
            movie.title.as_deref(),
            movie.year,
        ),
        Thing::Show(show) => is_told(&line.show, &show.ids.0, show.title.as_deref(), show.year),
        Thing::Season { show, number } => {
            is_told(&line.show, &show.ids.0, show.title.as_deref(), show.year)
                && line.episode["season"].as_u64() == Some((*number).into())
        }
        Thing::Episode(episode) => {
            let show = &episode.show;
            let of_show = || is_told(&line.show, &show.ids.0, show.title.as_deref(), show.year);
            // As it was told: by its place in the show, else by its own ids, else by its absolute number.
            if let Some((_, season, number)) = body::placed(episode) {
                return of_show()
                    && line.episode["season"].as_u64() == Some(season.into())
                    && line.episode["number"].as_u64() == Some(number.into());
            }
            let its: Ids = serde_json::from_value(line.episode["ids"].clone()).unwrap_or_default();
            if its.shares(&episode.ids.0) {
                return true;
            }
            if let Some(same) = its.agrees(&episode.ids.0) {
                return same;
            }
            let absolute = line.episode["number_abs"].as_u64();
            of_show() && absolute.is_some() && absolute == episode.number_abs.map(u64::from)
        }
        Thing::Named { .. } => false,
    }
}
