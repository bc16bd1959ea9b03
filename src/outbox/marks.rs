//! What a user marks by hand: watched or not, ratings, watchlist, collection. It goes into the outbox and no further.
//! Knows nothing of how it is sent.
#![forbid(unsafe_code)]

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::entry::{Kind, NewEntry, WatchedAt};
use super::now_ms;
use crate::cancel::Budget;
use crate::client::Core;
use crate::clock::{Moment, parse_rfc3339};
use crate::error::{Error, Result};
use crate::scrobble::item::Item;

/// Parameters of marks of many items.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ItemsParams {
    /// Films, episodes, seasons, shows.
    items: Vec<Item>,
}

/// Parameters of `history.add`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct HistoryParams {
    /// Films, episodes, seasons, shows; each may have a `watched_at` of its own.
    items: Vec<Item>,
    /// When they were watched: RFC 3339, `released` or `unknown`; absent: now.
    #[serde(default)]
    watched_at: Option<String>,
}

/// Parameters of `rating.remove`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ItemParams {
    /// A film, episode, season or show.
    item: Item,
}

/// Parameters of `rating.set`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RatingParams {
    /// A film, episode, season or show.
    item: Item,
    /// 1 to 10.
    #[cfg_attr(test, schemars(range(min = 1, max = 10)))]
    rating: u8,
}

/// What was put into the outbox.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Queued {
    /// How many entries; what waits there already is none.
    queued: usize,
    /// Their numbers.
    ids: Vec<u64>,
}

/// When something was watched, as a host says it.
fn read_moment(text: &str, key: &str) -> Result<WatchedAt> {
    match text {
        "released" => Ok(WatchedAt::Released),
        "unknown" => Ok(WatchedAt::Unknown),
        text => parse_rfc3339(text).map(WatchedAt::At).ok_or_else(|| {
            Error::argument(format!(
                "`{key}` is neither RFC 3339 nor `released` nor `unknown`"
            ))
        }),
    }
}

/// The entries of one item; `make` adds what belongs to the kind.
fn entries(kind: Kind, item: &Item, at: usize) -> Result<Vec<NewEntry>> {
    let things = item
        .things()
        .map_err(|error| Error::argument(format!("`items[{at}]`: {}", error.message)))?;
    if things.is_empty() {
        return Err(Error::argument(format!(
            "`items[{at}]` is of a type that Trakt doesn't know"
        )));
    }
    let several = things.len() > 1;
    Ok(things
        .into_iter()
        .enumerate()
        .map(|(part, thing)| {
            let own = item.episodes.get(part).filter(|_| several);
            NewEntry::new(kind, own.unwrap_or(item).clone(), thing)
        })
        .collect())
}

fn queued(core: &Arc<Core>, entries: Vec<NewEntry>, budget: &Budget) -> Result<Queued> {
    let ids = super::add(core, entries, budget)?;
    Ok(Queued {
        queued: ids.len(),
        ids,
    })
}

/// Marks items in a way that says nothing more.
///
/// # Errors
/// `invalid_argument` naming the item; `not_linked`; those of the store.
pub fn add(core: &Arc<Core>, kind: Kind, params: &ItemsParams, budget: &Budget) -> Result<Queued> {
    let mut all = Vec::new();
    for (at, item) in params.items.iter().enumerate() {
        all.extend(entries(kind, item, at)?);
    }
    queued(core, all, budget)
}

/// Marks items as watched.
///
/// # Errors
/// As [`add`].
pub fn add_history(core: &Arc<Core>, params: &HistoryParams, budget: &Budget) -> Result<Queued> {
    let common = params
        .watched_at
        .as_deref()
        .map(|text| read_moment(text, "watched_at"))
        .transpose()?;
    let view = core.state.sync(budget);
    let now = Moment::now();
    let mut all = Vec::new();
    for (at, item) in params.items.iter().enumerate() {
        let own = item
            .watched_at
            .as_deref()
            .map(|text| read_moment(text, &format!("items[{at}].watched_at")))
            .transpose()?;
        let said = own.or_else(|| common.clone());
        for mut entry in entries(Kind::HistoryAdd, item, at)? {
            if said.is_none() {
                entry.moment = Some(now.clone());
                entry.corrected = view.skew_ms().is_some();
            }
            let now_ms = now_ms(&view);
            entry.watched_at = Some(said.clone().unwrap_or(WatchedAt::At(now_ms)));
            all.push(entry);
        }
    }
    queued(core, all, budget)
}

/// Rates an item.
///
/// # Errors
/// `invalid_argument` for a rating out of range; otherwise as [`add`].
pub fn rate(core: &Arc<Core>, params: &RatingParams, budget: &Budget) -> Result<Queued> {
    if !(1..=10).contains(&params.rating) {
        return Err(Error::argument("`rating` must be 1 to 10"));
    }
    let mut all = entries(Kind::RatingSet, &params.item, 0)?;
    for entry in &mut all {
        entry.rating = Some(params.rating);
    }
    queued(core, all, budget)
}

/// Takes a rating back.
///
/// # Errors
/// As [`add`].
pub fn unrate(core: &Arc<Core>, params: &ItemParams, budget: &Budget) -> Result<Queued> {
    queued(core, entries(Kind::RatingRemove, &params.item, 0)?, budget)
}
