//! Matches as hosts see them: what is remembered of an item, candidates, a person's correction.
//! Knows nothing of screens.
#![forbid(unsafe_code)]

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::remembered::{self, Remembered, Source};
use super::resolve::{self, Known};
use super::search::{self, Candidate, What};
use super::titles::same;
use crate::cancel::Budget;
use crate::client::Core;
use crate::clock;
use crate::error::{Error, Result};
use crate::outbox::{self, subject};
use crate::scrobble::item::{
    Episode, EpisodeIds, Ids, Item, Movie, MovieIds, Show, ShowIds, ShowItem, Thing,
};

/// An item.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ItemParams {
    /// As in `player.event`.
    item: Item,
}

/// What to look for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SearchParams {
    /// An item, as in `player.event`: what could it be?
    item: Option<Item>,
    /// Words instead of an item's title.
    query: Option<String>,
    /// Films or shows; absent: as the item is, without one films.
    #[serde(rename = "type")]
    what: Option<What>,
}

/// A film, show or episode at Trakt.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct EpisodeItem {
    /// The episode's own ids.
    ids: Ids,
    /// Its title.
    title: Option<String>,
}

/// What an item is at Trakt: a film, a show (for all episodes of the item's show), one episode of a show, or an episode. For a
/// show or season only a show will do; for a file of several episodes a show, or the place of its first episode there, with which
/// the others follow.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MatchItem {
    /// A film, by ids.
    movie: Option<ShowItem>,
    /// A show, by ids.
    show: Option<ShowItem>,
    /// With `show` and `number`: this item is that episode there, and begins with it if it holds several.
    season: Option<u32>,
    /// With `show` and `season`.
    number: Option<u32>,
    /// An episode, by its own ids.
    episode: Option<EpisodeItem>,
}

/// A correction.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SetParams {
    /// As in `player.event`.
    item: Item,
    /// What it is.
    #[serde(rename = "match", deserialize_with = "crate::json::object")]
    is: MatchItem,
}

/// What a file's name says.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Parsed {
    /// What it is.
    #[serde(rename = "type")]
    what: ParsedType,
    /// Title of the film or show.
    title: Option<String>,
    /// Its year.
    year: Option<u16>,
    /// The season.
    season: Option<u32>,
    /// The first episode in the file.
    number: Option<u32>,
    /// The same, counted over all seasons.
    number_abs: Option<u32>,
    /// How many episodes the file holds; 0 for a film.
    episodes: usize,
}

/// What a file's name says that it is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
enum ParsedType {
    /// A film.
    Movie,
    /// One or more episodes.
    Episode,
}

/// What an item is taken for.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Match {
    /// Title of the film or show.
    title: Option<String>,
    /// Its year.
    year: Option<u16>,
    /// Ids of the film, or of the show.
    ids: Ids,
    /// Of an episode.
    season: Option<u32>,
    /// Of an episode.
    number: Option<u32>,
    /// The episode's own ids.
    episode_ids: Option<Ids>,
}

/// Reply of `match.get`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct GetReply {
    /// What its name says; null for an item that says it itself, and for a name that says nothing.
    parsed: Option<Parsed>,
    /// What it is taken for; null when it would have to be looked for, or was looked for without success.
    #[serde(rename = "match")]
    is: Option<Match>,
    /// Who says so: a person's correction, or Trakt's search and the item's own ids; null without a match.
    source: Option<Source>,
}

/// Reply of `match.search`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SearchReply {
    /// The likeliest first; those with the very title before all others.
    candidates: Vec<Candidate>,
}

/// Reply of `match.set`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SetReply {
    /// How many refused entries of the outbox are tried again because of it.
    retried: u64,
}

/// Reply of `match.forget`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ForgetReply {
    /// Whether anything was known of it, of one of its parts, or of their show.
    forgotten: bool,
}

fn all(item: &Item) -> Result<Vec<Thing>> {
    let things = item.things()?;
    match things.is_empty() {
        true => Err(Error::argument("`item` is nothing that Trakt knows")),
        false => Ok(things),
    }
}

/// `match.get`.
///
/// # Errors
/// `invalid_argument`; those of the store.
pub fn get(core: &Arc<Core>, params: ItemParams, budget: &Budget) -> Result<GetReply> {
    let things = all(&params.item)?;
    let thing = &things[0];
    let by_name = params.item.is_by_name() && !matches!(thing, Thing::Named { .. });
    let known = core
        .store
        .read(budget, |tx| resolve::known(tx, &core.scope, thing))?;
    let (is, source) = match known {
        Known::Is(thing, _, source) => (Some(shown(&thing)), Some(source)),
        Known::Nothing | Known::NotYet => (None, None),
    };
    Ok(GetReply {
        parsed: by_name.then(|| parsed(thing, things.len())),
        is,
        source,
    })
}

fn parsed(thing: &Thing, parts: usize) -> Parsed {
    let is = shown(thing);
    let (what, episodes, number_abs) = match thing {
        Thing::Episode(episode) => (ParsedType::Episode, parts, episode.number_abs),
        _ => (ParsedType::Movie, 0, None),
    };
    Parsed {
        what,
        title: is.title,
        year: is.year,
        season: is.season,
        number: is.number,
        number_abs,
        episodes,
    }
}

fn shown(thing: &Thing) -> Match {
    let of_show = |show: &Show| Match {
        title: show.title.clone(),
        year: show.year,
        ids: show.ids.0.clone(),
        season: None,
        number: None,
        episode_ids: None,
    };
    match thing {
        Thing::Movie(movie) => Match {
            title: movie.title.clone(),
            year: movie.year,
            ids: movie.ids.0.clone(),
            season: None,
            number: None,
            episode_ids: None,
        },
        Thing::Show(show) => of_show(show),
        Thing::Season { show, number } => Match {
            season: Some(*number),
            ..of_show(show)
        },
        Thing::Episode(episode) => Match {
            season: episode.season,
            number: episode.number,
            episode_ids: Some(episode.ids.0.clone()).filter(|ids| !ids.is_empty()),
            ..of_show(&episode.show)
        },
        Thing::Named { title, .. } => Match {
            title: title.clone(),
            ..of_show(&Show::default())
        },
    }
}

/// `match.search`.
///
/// # Errors
/// `invalid_argument`; as [`search::by_words`].
pub fn look(core: &Arc<Core>, params: SearchParams, budget: &Budget) -> Result<SearchReply> {
    let things = params.item.as_ref().map(all).transpose()?;
    let (of_item, title) = match things.as_ref().and_then(|things| things.first()) {
        None => (What::Movie, None),
        Some(Thing::Movie(movie)) => (What::Movie, movie.title.clone()),
        Some(Thing::Named { title, .. }) => (What::Movie, title.clone()),
        Some(Thing::Show(show) | Thing::Season { show, .. }) => (What::Show, show.title.clone()),
        Some(Thing::Episode(episode)) => (What::Show, episode.show.title.clone()),
    };
    let words = params
        .query
        .or(title)
        .filter(|words| !words.trim().is_empty())
        .ok_or_else(|| Error::argument("`query` is missing: the item has no title to look for"))?;
    let what = params.what.unwrap_or(of_item);
    let mut candidates = search::by_words(core, what, &words, budget)?;
    candidates.sort_by_key(|candidate| !same(&candidate.title, &words));
    Ok(SearchReply { candidates })
}

impl MatchItem {
    fn thing(self) -> Result<Thing> {
        let several = Error::argument(
            "`match` must hold one of `movie`, `show` (with `season` and `number` or without both) and `episode`",
        );
        let known = |ids: &Ids| match ids.is_empty() {
            true => Err(Error::argument("`ids` of the match holds no id")),
            false => Ok(()),
        };
        match (
            self.movie,
            self.show,
            self.episode,
            self.season,
            self.number,
        ) {
            (Some(movie), None, None, None, None) => {
                known(&movie.ids)?;
                Ok(Thing::Movie(Movie {
                    title: movie.title,
                    year: movie.year,
                    ids: MovieIds(movie.ids),
                }))
            }
            (None, Some(show), None, season, number) => {
                known(&show.ids)?;
                let show = Show {
                    title: show.title,
                    year: show.year,
                    ids: ShowIds(show.ids),
                };
                match (season, number) {
                    (None, None) => Ok(Thing::Show(show)),
                    (Some(_), Some(_)) => Ok(Thing::Episode(Episode {
                        show,
                        season,
                        number,
                        ..Episode::default()
                    })),
                    _ => Err(several),
                }
            }
            (None, None, Some(episode), None, None) => {
                known(&episode.ids)?;
                Ok(Thing::Episode(Episode {
                    title: episode.title,
                    ids: EpisodeIds(episode.ids),
                    ..Episode::default()
                }))
            }
            _ => Err(several),
        }
    }
}

/// `match.set`.
///
/// # Errors
/// `invalid_argument`; those of the store.
pub fn set(core: &Arc<Core>, params: SetParams, budget: &Budget) -> Result<SetReply> {
    let asked = all(&params.item)?;
    let matches = matches(&asked, &params.is.thing()?)?;
    let of_show = matches.iter().any(|(_, is)| matches!(is, Thing::Show(_)));
    let at_ms = clock::wall_ms();
    let retried = change(core, &asked, of_show, budget, |tx| {
        for (name, is) in &matches {
            let found = Remembered {
                source: Source::Set,
                thing: Some(is.clone()),
                runtime_ms: None,
                at_ms,
            };
            remembered::put(tx, &core.scope, name, &found)?;
        }
        Ok(())
    })?;
    Ok(SetReply { retried })
}

/// What is to be remembered under which names, for each part of an item.
fn matches(asked: &[Thing], is: &Thing) -> Result<Vec<(String, Thing)>> {
    let refused = |thing: &Thing| match (thing, is) {
        (Thing::Show(_), Thing::Movie(_) | Thing::Episode(_)) => {
            Some("a show's `match` must be a show")
        }
        (Thing::Season { .. }, Thing::Movie(_) | Thing::Episode(_)) => {
            Some("a season's `match` must be a show")
        }
        (Thing::Movie(_) | Thing::Named { .. }, Thing::Show(_)) => {
            Some("`match` needs `season` and `number`: the item is no episode of a show")
        }
        _ => None,
    };
    if let Some(why) = asked.iter().find_map(refused) {
        return Err(Error::argument(why));
    }
    let mut matches = Vec::new();
    for (ahead, thing) in (0..).zip(asked) {
        let (name, is) = match (is, resolve::family(thing)) {
            (Thing::Show(_), Some(family)) => (family, is.clone()),
            (Thing::Episode(first), _) if asked.len() > 1 && first.number.is_some() => {
                let number = first.number.and_then(|number| number.checked_add(ahead));
                let one = Episode {
                    number,
                    ..first.clone()
                };
                (subject::of(thing), Thing::Episode(one))
            }
            _ if asked.len() > 1 => {
                return Err(Error::argument(
                    "the item holds several episodes: `match` must be their show, or the show with `season` and `number` of the first one",
                ));
            }
            _ => (subject::of(thing), is.clone()),
        };
        matches.push((name, is));
    }
    Ok(matches)
}

/// `match.forget`.
///
/// # Errors
/// `invalid_argument`; those of the store.
pub fn forget(core: &Arc<Core>, params: ItemParams, budget: &Budget) -> Result<ForgetReply> {
    let asked = all(&params.item)?;
    let forgotten = core.store.write(budget, |tx| {
        let mut known = false;
        for name in asked.iter().flat_map(names) {
            known |= remembered::forget(tx, &core.scope, &name)?;
        }
        Ok(known)
    })?;
    Ok(ForgetReply { forgotten })
}

/// What a thing's match may be remembered under: itself, and the show that it belongs to.
fn names(thing: &Thing) -> impl Iterator<Item = String> {
    [Some(subject::of(thing)), resolve::family(thing)]
        .into_iter()
        .flatten()
}

/// Changes what is remembered, and puts back what was refused for it, in one transaction.
fn change(
    core: &Arc<Core>,
    asked: &[Thing],
    of_show: bool,
    budget: &Budget,
    change: impl Fn(&mut crate::store::Tx<'_>) -> Result<()>,
) -> Result<u64> {
    let owner = outbox::owner(&core.state.sync(budget));
    let own: Vec<_> = asked.iter().map(subject::of).collect();
    let families: Vec<_> = asked.iter().filter_map(resolve::family).collect();
    let retried = core.store.write(budget, |tx| {
        change(tx)?;
        let Some(owner) = &owner else { return Ok(0) };
        outbox::retry_where(tx, &core.scope, owner, |entry| {
            let asked = entry.asked();
            own.contains(&subject::of(&asked))
                || (of_show && resolve::family(&asked).is_some_and(|its| families.contains(&its)))
        })
    })?;
    if let Some(owner) = owner.filter(|_| retried > 0) {
        outbox::changed(core, &owner, budget);
        crate::scrobble::driver::kick(core);
    }
    Ok(retried)
}
