//! Season and number of an episode that is known by its absolute number alone: the history takes nothing else.
//! Knows nothing of entries.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::api;
use crate::cancel::Budget;
use crate::client::Core;
use crate::error::{Error, Result, Status};
use crate::http::{Host, Method, Request, Retry};
use crate::scrobble::item::{Episode, Ids, Show};

/// The episodes of shows that were read already.
#[derive(Default)]
pub struct Seasons(BTreeMap<String, Vec<Value>>);

impl Seasons {
    /// The episode with season and number; none when Trakt's show has no such number.
    ///
    /// # Errors
    /// What kept Trakt from being asked.
    pub fn place(
        &mut self,
        core: &Arc<Core>,
        episode: &Episode,
        budget: &Budget,
    ) -> Result<Option<Episode>> {
        let Some(absolute) = episode.number_abs else {
            return Ok(None);
        };
        let Some(name) = show_name(core, &episode.show, budget)? else {
            return Ok(None);
        };
        if !self.0.contains_key(&name) {
            let episodes = episodes(core, &name, budget)?;
            self.0.insert(name.clone(), episodes);
        }
        let found = self
            .0
            .get(&name)
            .into_iter()
            .flatten()
            .find(|one| one["number_abs"].as_u64() == Some(absolute.into()));
        let number = |key: &str| {
            let number = found?[key].as_u64()?;
            u32::try_from(number).ok()
        };
        Ok(match (number("season"), number("number")) {
            (Some(season), Some(number)) => Some(Episode {
                season: Some(season),
                number: Some(number),
                ..episode.clone()
            }),
            _ => None,
        })
    }
}

/// All episodes of a show: with its seasons where they come along, else season by season.
fn episodes(core: &Arc<Core>, show: &str, budget: &Budget) -> Result<Vec<Value>> {
    let path = format!("/shows/{show}/seasons");
    let list = |value: Option<Value>| match value {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    };
    let mut all = Vec::new();
    for season in list(get(core, &path, &[("extended", "full,episodes")], budget)?) {
        match (season["episodes"].as_array(), season["number"].as_u64()) {
            (Some(episodes), _) => all.extend(episodes.iter().cloned()),
            (None, Some(number)) => {
                let path = format!("{path}/{number}");
                all.extend(list(get(core, &path, &[("extended", "full")], budget)?));
            }
            (None, None) => {}
        }
    }
    Ok(all)
}

/// What names a show in an address: Trakt's id, its slug or imdb's; other ids have to be looked up.
fn show_name(core: &Arc<Core>, show: &Show, budget: &Budget) -> Result<Option<String>> {
    let ids = &show.ids.0;
    let own = |ids: &Ids| {
        ids.trakt
            .map(|id| id.to_string())
            .or_else(|| ids.slug.clone())
            .or_else(|| ids.imdb.clone())
    };
    if let Some(name) = own(ids) {
        return Ok(Some(name));
    }
    for (source, id) in [("tvdb", ids.tvdb), ("tmdb", ids.tmdb)] {
        let Some(id) = id else { continue };
        let path = format!("/search/{source}/{id}");
        let found = get(core, &path, &[("type", "show")], budget)?.unwrap_or_default();
        let its = found[0]["show"]["ids"].clone();
        let its: Ids = serde_json::from_value(its).unwrap_or_default();
        if let Some(name) = own(&its) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// An answer; none when Trakt doesn't know it.
fn get(
    core: &Arc<Core>,
    path: &str,
    query: &[(&str, &str)],
    budget: &Budget,
) -> Result<Option<Value>> {
    let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let request = Request {
        query: query.iter().map(own).collect(),
        ..Request::new(Host::Api, Method::Get, path)
    };
    match api::call(core, &request, Retry::Read, budget) {
        Ok(answer) => serde_json::from_slice(&answer.body).map(Some).map_err(|_| {
            Error::new(Status::BadReply, "the answer is no JSON").http_status(answer.status)
        }),
        Err(error) if error.status == Status::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
