//! Many entries, one request: which go together, what is sent, and what the answer says of each.
//! Knows nothing of the network nor of the store; pure.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::body;
use super::check;
use super::entry::{Entry, Kind, WatchedAt};
use super::subject;
use crate::clock::rfc3339;
use crate::scrobble::item::{Ids, Thing};

/// So many entries go in one request.
pub const MOST: usize = 100;

/// A request that takes many entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Plays and marks.
    History,
    /// The opposite.
    HistoryRemove,
    /// Ratings.
    Rate,
    /// The opposite.
    Unrate,
    /// Onto the watchlist.
    Watchlist,
    /// The opposite.
    WatchlistRemove,
    /// Into the collection.
    Collection,
    /// The opposite.
    CollectionRemove,
}

impl Op {
    /// The request for a kind of entry; none for progress.
    pub fn of(kind: Kind) -> Option<Self> {
        Some(match kind {
            Kind::Play | Kind::HistoryAdd => Self::History,
            Kind::HistoryRemove => Self::HistoryRemove,
            Kind::RatingSet => Self::Rate,
            Kind::RatingRemove => Self::Unrate,
            Kind::WatchlistAdd => Self::Watchlist,
            Kind::WatchlistRemove => Self::WatchlistRemove,
            Kind::CollectionAdd => Self::Collection,
            Kind::CollectionRemove => Self::CollectionRemove,
            Kind::Progress => return None,
        })
    }

    /// Where it goes.
    pub const fn path(self) -> &'static str {
        match self {
            Self::History => "/sync/history",
            Self::HistoryRemove => "/sync/history/remove",
            Self::Rate => "/sync/ratings",
            Self::Unrate => "/sync/ratings/remove",
            Self::Watchlist => "/sync/watchlist",
            Self::WatchlistRemove => "/sync/watchlist/remove",
            Self::Collection => "/sync/collection",
            Self::CollectionRemove => "/sync/collection/remove",
        }
    }

    const fn is_removal(self) -> bool {
        matches!(
            self,
            Self::HistoryRemove | Self::Unrate | Self::WatchlistRemove | Self::CollectionRemove
        )
    }

    /// Whether one must not pass the other: they undo each other.
    fn opposes(self, other: Self) -> bool {
        matches!(
            (self, other),
            (Self::History, Self::HistoryRemove)
                | (Self::HistoryRemove, Self::History)
                | (Self::Rate, Self::Unrate)
                | (Self::Unrate, Self::Rate)
                | (Self::Watchlist, Self::WatchlistRemove)
                | (Self::WatchlistRemove, Self::Watchlist)
                | (Self::Collection, Self::CollectionRemove)
                | (Self::CollectionRemove, Self::Collection)
        )
    }
}

/// The entries that go together with the first: of its request, none of them passing one about the same film or show,
/// nor one that undoes what it does; nothing twice, so that the answer can be told apart.
pub fn pick(waiting: &[Entry]) -> Vec<&Entry> {
    let Some(first) = waiting.first() else {
        return Vec::new();
    };
    let Some(op) = Op::of(first.kind) else {
        return vec![first];
    };
    if first.alone {
        return vec![first];
    }
    let whole = |thing: &Thing| matches!(thing, Thing::Show(_) | Thing::Season { .. });
    let mut picked: Vec<&Entry> = Vec::new();
    let mut passed: BTreeSet<String> = BTreeSet::new();
    let mut subjects: BTreeSet<String> = BTreeSet::new();
    let mut families: BTreeSet<String> = BTreeSet::new();
    let mut whole_shows: BTreeSet<String> = BTreeSet::new();
    for entry in waiting {
        let its = Op::of(entry.kind);
        if its.is_some_and(|its| its.opposes(op)) || picked.len() >= MOST {
            break;
        }
        let (subject, family) = (subject::of(&entry.thing), subject::family(&entry.thing));
        let fits = its == Some(op)
            && (picked.is_empty() || (entry.attempt.is_none() && !entry.alone))
            && !passed.contains(&family)
            && !subjects.contains(&subject)
            // A whole show beside one of its episodes: nobody could say from the counts which was new.
            && !whole_shows.contains(&family)
            && !(whole(&entry.thing) && families.contains(&family));
        if fits {
            picked.push(entry);
            subjects.insert(subject);
            if whole(&entry.thing) {
                whole_shows.insert(family.clone());
            }
            families.insert(family);
        } else {
            passed.insert(family);
        }
    }
    picked
}

/// Whether a body can say what it is.
pub fn can_tell(thing: &Thing) -> bool {
    match thing {
        Thing::Movie(it) => body::movie(it).is_some(),
        Thing::Show(show) | Thing::Season { show, .. } => body::show(show).is_some(),
        Thing::Episode(it) => body::placed(it).is_some() || body::episode(it).is_some(),
        Thing::Named { .. } => false,
    }
}

/// What goes with each item.
fn details(op: Op, entry: &Entry) -> Map<String, Value> {
    let mut map = Map::new();
    let mut put = |key: &str, value: Value| map.insert(key.to_owned(), value);
    match op {
        Op::History => {
            let at = match &entry.watched_at {
                Some(WatchedAt::At(ms)) => rfc3339(*ms),
                Some(WatchedAt::Released) => "released".into(),
                Some(WatchedAt::Unknown) => "unknown".into(),
                None => rfc3339(entry.created_ms),
            };
            put("watched_at", at.into());
        }
        Op::Rate => {
            put("rating", entry.rating.unwrap_or(10).into());
            put("rated_at", rfc3339(entry.created_ms).into());
        }
        Op::Collection => {
            put("collected_at", rfc3339(entry.created_ms).into());
        }
        _ => {}
    }
    map
}

/// Finds the object of a list that has those values, or adds it.
fn slot(list: &mut Vec<Value>, named: Map<String, Value>) -> Option<&mut Map<String, Value>> {
    let told = ["title", "year", "ids", "number"];
    let same = |one: &Value| told.iter().all(|key| one.get(*key) == named.get(*key));
    let at = match list.iter().position(same) {
        Some(at) => at,
        None => {
            list.push(Value::Object(named));
            list.len() - 1
        }
    };
    list.get_mut(at)?.as_object_mut()
}

fn list_in<'a>(map: &'a mut Map<String, Value>, key: &str) -> Option<&'a mut Vec<Value>> {
    map.entry(key)
        .or_insert_with(|| Value::Array(Vec::new()))
        .as_array_mut()
}

fn number(number: u32) -> Map<String, Value> {
    [("number".to_owned(), Value::from(number))]
        .into_iter()
        .collect()
}

/// The body of a request. What [`can_tell`] says no to is left out.
pub fn body(op: Op, entries: &[Entry]) -> Value {
    let mut all = Map::new();
    for entry in entries {
        let _ = add(&mut all, &entry.thing, details(op, entry));
    }
    Value::Object(all)
}

fn add(all: &mut Map<String, Value>, thing: &Thing, details: Map<String, Value>) -> Option<()> {
    match thing {
        Thing::Movie(movie) => {
            let mut one = body::movie(movie)?;
            one.extend(details);
            list_in(all, "movies")?.push(Value::Object(one));
        }
        Thing::Show(show) => {
            let mut one = body::show(show)?;
            one.extend(details);
            list_in(all, "shows")?.push(Value::Object(one));
        }
        Thing::Season { show, number: n } => {
            let show = slot(list_in(all, "shows")?, body::show(show)?)?;
            let season = slot(list_in(show, "seasons")?, number(*n))?;
            season.extend(details);
        }
        Thing::Episode(episode) => match body::placed(episode) {
            Some((show, season, n)) => {
                let show = slot(list_in(all, "shows")?, show)?;
                let season = slot(list_in(show, "seasons")?, number(season))?;
                let mut one = number(n);
                one.extend(details);
                list_in(season, "episodes")?.push(Value::Object(one));
            }
            None => {
                let mut one = body::episode(episode)?;
                one.extend(details);
                list_in(all, "episodes")?.push(Value::Object(one));
            }
        },
        Thing::Named { .. } => return None,
    }
    Some(())
}

/// What an answer says of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Trakt has it.
    Done,
    /// Trakt doesn't know the item.
    NotFound,
    /// The answer doesn't say: the history has to be read.
    Unclear,
}

/// What the answer says of each entry, in their order; none for what is no answer of Trakt's.
pub fn judge(op: Op, entries: &[Entry], answer: &Value) -> Option<Vec<Verdict>> {
    answer.as_object()?;
    let missing: Vec<bool> = entries
        .iter()
        .map(|entry| is_missing(&entry.thing, &answer["not_found"]))
        .collect();
    let explained = |of: fn(&Thing) -> bool, key: &str| {
        let expected = entries
            .iter()
            .zip(&missing)
            .filter(|(entry, missing)| !**missing && of(&entry.thing))
            .count();
        let counted = ["added", "updated", "existing"]
            .iter()
            .filter_map(|group| answer[*group][key].as_u64())
            .sum::<u64>();
        counted >= expected as u64
    };
    let is_movie: fn(&Thing) -> bool = |thing| matches!(thing, Thing::Movie(_));
    let is_not_movie: fn(&Thing) -> bool = |thing| !matches!(thing, Thing::Movie(_));
    // Whole shows count as their episodes: with one of them in it any number can be right.
    let (movies, episodes) = (
        explained(is_movie, "movies"),
        explained(is_not_movie, "episodes"),
    );
    Some(
        entries
            .iter()
            .zip(&missing)
            .map(|(entry, missing)| match op {
                // What isn't known to Trakt isn't on its lists either.
                _ if op.is_removal() => Verdict::Done,
                _ if *missing => Verdict::NotFound,
                Op::History if is_movie(&entry.thing) && !movies => Verdict::Unclear,
                Op::History if is_not_movie(&entry.thing) && !episodes => Verdict::Unclear,
                _ => Verdict::Done,
            })
            .collect(),
    )
}

/// Whether `not_found`, which echoes what was sent, names the thing.
fn is_missing(thing: &Thing, not_found: &Value) -> bool {
    let list = |key: &str| not_found[key].as_array().map_or(&[][..], Vec::as_slice);
    match thing {
        Thing::Movie(movie) => list("movies")
            .iter()
            .any(|one| check::names(one, &movie.ids.0, movie.title.as_deref(), movie.year)),
        Thing::Show(show) => list("shows")
            .iter()
            .any(|one| check::names(one, &show.ids.0, show.title.as_deref(), show.year)),
        Thing::Season { show, number } => {
            let is_show =
                |one: &Value| check::names(one, &show.ids.0, show.title.as_deref(), show.year);
            list("shows").iter().filter(|one| is_show(one)).any(|one| {
                match one["seasons"].as_array() {
                    Some(seasons) => seasons
                        .iter()
                        .any(|season| season["number"] == json!(number)),
                    None => true,
                }
            }) || list("seasons")
                .iter()
                .any(|one| one["number"] == json!(number) && is_show(&one["show"]))
        }
        Thing::Episode(episode) => {
            let own = |one: &&Value| {
                let ids: Option<Ids> = serde_json::from_value(one["ids"].clone()).ok();
                ids.is_some_and(|ids| ids.agrees(&episode.ids.0) == Some(true))
            };
            let show = &episode.show;
            let is_show =
                |one: &Value| check::names(one, &show.ids.0, show.title.as_deref(), show.year);
            match body::placed(episode) {
                None => list("episodes").iter().any(|one| own(&one)),
                Some((_, season, number)) => {
                    let in_show = list("shows").iter().filter(|one| is_show(one)).any(|one| {
                        let Some(seasons) = one["seasons"].as_array() else {
                            return true;
                        };
                        seasons
                            .iter()
                            .filter(|one| one["number"] == json!(season))
                            .any(|one| match one["episodes"].as_array() {
                                Some(episodes) => {
                                    episodes.iter().any(|one| one["number"] == json!(number))
                                }
                                None => true,
                            })
                    });
                    in_show
                        || list("seasons")
                            .iter()
                            .any(|one| one["number"] == json!(season) && is_show(&one["show"]))
                        || list("episodes").iter().any(|one| {
                            one["season"] == json!(season)
                                && one["number"] == json!(number)
                                && is_show(&one["show"])
                        })
                }
            }
        }
        Thing::Named { .. } => false,
    }
}
