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

/// What an item is at Trakt: a film, a show (for all episodes of the item's show), one episode of a show, or an episode.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MatchItem {
    /// A film, by ids.
    movie: Option<ShowItem>,
    /// A show, by ids.
    show: Option<ShowItem>,
    /// With `show` and `number`: this one item is that episode.
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
    /// As in `player.event`. Of several episodes in one file `match` says which show it is, or season and number of the first.
    item: Item,
    /// What it is; of a show or season a show.
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
    /// What it is taken for; null when it would have to be looked for.
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
    /// Whether anything was known.
    forgotten: bool,
}

/// What an item is; never nothing.
fn all(item: &Item) -> Result<Vec<Thing>> {
    let all = item.things()?;
    match all.is_empty() {
        true => Err(Error::argument("`item` is nothing that Trakt knows")),
        false => Ok(all),
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
    let all = params.item.as_ref().map(all).transpose()?;
    let thing = all.and_then(|all| all.into_iter().next());
    let (of_item, title) = match &thing {
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
    let all = all(&params.item)?;
    let asked = &all[0];
    let is = params.is.thing()?;
    let of_show = matches!(is, Thing::Show(_));
    let corrections = match (asked, resolve::family(asked), is) {
        (Thing::Movie(_) | Thing::Named { .. }, _, Thing::Show(_)) => {
            return Err(Error::argument(
                "`match` needs `season` and `number`: the item is no episode of a show",
            ));
        }
        (_, Some(family), is @ Thing::Show(_)) => vec![(family, is)],
        (Thing::Show(_) | Thing::Season { .. }, _, _) => {
            return Err(Error::argument("a show's `match` must be a show"));
        }
        (_, _, is) if all.len() == 1 => vec![(subject::of(asked), is)],
        (_, _, Thing::Episode(first)) if first.number.is_some() => {
            let part = |(ahead, part): (u32, &Thing)| {
                let number = first.number.map(|number| number.saturating_add(ahead));
                let is = Episode {
                    number,
                    ..first.clone()
                };
                (subject::of(part), Thing::Episode(is))
            };
            (0..).zip(&all).map(part).collect()
        }
        _ => {
            return Err(Error::argument(
                "the item is several episodes: `match` must be their show, or season and number of the first",
            ));
        }
    };
    let retried = change(core, &all, of_show, budget, |tx| {
        for (name, is) in &corrections {
            let found = Remembered {
                source: Source::Set,
                thing: Some(is.clone()),
                runtime_ms: None,
                at_ms: clock::wall_ms(),
            };
            remembered::put(tx, &core.scope, name, &found)?;
        }
        Ok(())
    })?;
    Ok(SetReply { retried })
}

/// `match.forget`.
///
/// # Errors
/// `invalid_argument`; those of the store.
pub fn forget(core: &Arc<Core>, params: ItemParams, budget: &Budget) -> Result<ForgetReply> {
    let all = all(&params.item)?;
    let forgotten = core.store.write(budget, |tx| {
        let mut forgotten = false;
        for asked in &all {
            forgotten |= remembered::forget(tx, &core.scope, &subject::of(asked))?;
            if let Some(family) = resolve::family(asked) {
                forgotten |= remembered::forget(tx, &core.scope, &family)?;
            }
        }
        Ok(forgotten)
    })?;
    Ok(ForgetReply { forgotten })
}

/// Changes what is remembered, and puts back what was refused for it, in one transaction.
fn change(
    core: &Arc<Core>,
    all: &[Thing],
    of_show: bool,
    budget: &Budget,
    change: impl Fn(&mut crate::store::Tx<'_>) -> Result<()>,
) -> Result<u64> {
    let owner = outbox::owner(&core.state.sync(budget));
    let own: Vec<String> = all.iter().map(subject::of).collect();
    let family = all.first().and_then(resolve::family);
    let retried = core.store.write(budget, |tx| {
        change(tx)?;
        let Some(owner) = &owner else { return Ok(0) };
        outbox::retry_where(tx, &core.scope, owner, |entry| {
            let asked = entry.asked();
            own.contains(&subject::of(&asked))
                || (of_show && family.is_some() && resolve::family(&asked) == family)
        })
    })?;
    if let Some(owner) = owner.filter(|_| retried > 0) {
        outbox::changed(core, &owner, budget);
        crate::scrobble::driver::kick(core);
    }
    Ok(retried)
}
