//! What a thing is at Trakt: corrected by a person, known by its ids, remembered, or looked for, in this order.
//! Knows nothing of how Trakt is asked.
#![forbid(unsafe_code)]

use std::sync::Arc;

use super::remembered::{self, Remembered, Source};
use super::search::{self, Candidate, Choice, What};
use crate::cancel::Budget;
use crate::client::Core;
use crate::clock;
use crate::error::Result;
use crate::outbox::subject;
use crate::scrobble::item::{Episode, EpisodeIds, Movie, MovieIds, Show, ShowIds, Thing};
use crate::store::Tx;

/// For so long nothing that wasn't found is looked for again.
const NOT_FOUND_MS: i64 = 10 * 60 * 1_000;

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolution {
    /// Trakt can be told of this.
    Known {
        /// With ids.
        thing: Box<Thing>,
        /// How long it runs, where that is known already.
        runtime_ms: Option<u64>,
    },
    /// Nothing at Trakt fits.
    Unmatched,
}

/// What is in the store about a thing.
#[derive(Clone, Debug, PartialEq)]
pub enum Known {
    /// This.
    Is(Box<Thing>, Option<u64>, Source),
    /// It was looked for just now, and nothing fits.
    Nothing,
    /// It has to be looked for.
    NotYet,
}

/// What is known of a thing without asking Trakt: what a person set, then its own ids, then what was found before.
///
/// # Errors
/// As [`Tx::get`].
pub fn known(tx: &Tx<'_>, scope: &str, thing: &Thing) -> Result<Known> {
    let own = remembered::get(tx, scope, &subject::of(thing))?;
    let family = match family(thing) {
        Some(name) => remembered::get(tx, scope, &name)?,
        None => None,
    };
    for found in [&own, &family].into_iter().flatten() {
        if found.source == Source::Set
            && let Some(is) = found.thing.as_ref().and_then(|is| applied(thing, is))
        {
            return Ok(Known::Is(Box::new(is), found.runtime_ms, Source::Set));
        }
    }
    if thing.is_known() {
        let runtime_ms = own.and_then(|found| found.runtime_ms);
        return Ok(Known::Is(
            Box::new(thing.clone()),
            runtime_ms,
            Source::Search,
        ));
    }
    for found in [own, family].into_iter().flatten() {
        match found.thing.as_ref().map(|is| applied(thing, is)) {
            Some(Some(is)) => {
                return Ok(Known::Is(Box::new(is), found.runtime_ms, Source::Search));
            }
            Some(None) => {}
            None if clock::wall_ms().abs_diff(found.at_ms) < NOT_FOUND_MS.unsigned_abs() => {
                return Ok(Known::Nothing);
            }
            None => {}
        }
    }
    Ok(Known::NotYet)
}

/// The name of the show that an episode or season belongs to; what is known of it holds for all of them.
pub fn family(thing: &Thing) -> Option<String> {
    matches!(thing, Thing::Episode(_) | Thing::Season { .. }).then(|| subject::family(thing))
}

/// A thing with what was found in the place of what was asked for: a show's match keeps the episode.
fn applied(asked: &Thing, found: &Thing) -> Option<Thing> {
    match (asked, found) {
        (Thing::Episode(episode), Thing::Show(show)) => Some(Thing::Episode(Episode {
            show: show.clone(),
            ids: EpisodeIds::default(),
            ..episode.clone()
        })),
        (Thing::Season { number, .. }, Thing::Show(show)) => Some(Thing::Season {
            show: show.clone(),
            number: *number,
        }),
        (Thing::Season { .. } | Thing::Show(_), Thing::Movie(_) | Thing::Episode(_)) => None,
        (_, Thing::Named { .. }) => None,
        (Thing::Movie(_) | Thing::Named { .. }, Thing::Show(_) | Thing::Season { .. }) => None,
        _ => Some(found.clone()),
    }
}

/// What a thing is at Trakt; asks there only for what isn't known.
///
/// # Errors
/// As [`crate::api::call`]; those of the store when it can't be read.
pub fn resolve(core: &Arc<Core>, thing: &Thing, budget: &Budget) -> Result<Resolution> {
    match core
        .store
        .read(budget, |tx| known(tx, &core.scope, thing))?
    {
        Known::Is(thing, runtime_ms, _) => return Ok(Resolution::Known { thing, runtime_ms }),
        Known::Nothing => return Ok(Resolution::Unmatched),
        Known::NotYet => {}
    }
    let (name, what, title, year) = match thing {
        Thing::Movie(movie) => (subject::of(thing), What::Movie, &movie.title, movie.year),
        Thing::Show(show) | Thing::Season { show, .. } | Thing::Episode(Episode { show, .. }) => {
            (subject::family(thing), What::Show, &show.title, show.year)
        }
        Thing::Named { .. } => return Ok(Resolution::Unmatched),
    };
    let Some(title) = title else {
        return Ok(Resolution::Unmatched);
    };
    let found = match search::find(core, what, title, year, budget)? {
        Choice::One(candidate) => Some(*candidate),
        Choice::None => None,
    };
    remember(core, &name, found.as_ref(), budget);
    // What a person has set while it was looked for counts more.
    let now = core.store.read(budget, |tx| known(tx, &core.scope, thing));
    if let Ok(Known::Is(thing, runtime_ms, Source::Set)) = now {
        return Ok(Resolution::Known { thing, runtime_ms });
    }
    let is = found
        .as_ref()
        .and_then(|found| applied(thing, &thing_of(found)));
    Ok(match is {
        Some(is) if is.is_known() => Resolution::Known {
            thing: Box::new(is),
            // A show's is its episodes' usual one, good enough for a guess and no more.
            runtime_ms: found.and_then(|found| found.runtime_ms),
        },
        _ => Resolution::Unmatched,
    })
}

/// A candidate as a thing.
pub fn thing_of(found: &Candidate) -> Thing {
    let title = Some(found.title.clone());
    match found.what {
        What::Movie => Thing::Movie(Movie {
            title,
            year: found.year,
            ids: MovieIds(found.ids.clone()),
        }),
        What::Show => Thing::Show(Show {
            title,
            year: found.year,
            ids: ShowIds(found.ids.clone()),
        }),
    }
}

fn remember(core: &Core, name: &str, found: Option<&Candidate>, budget: &Budget) {
    let found = Remembered {
        source: Source::Search,
        thing: found.map(thing_of),
        runtime_ms: found.and_then(|found| found.runtime_ms),
        at_ms: clock::wall_ms(),
    };
    let put = core.store.write(budget, |tx| {
        remembered::put_found(tx, &core.scope, name, &found)
    });
    if let Err(error) = put {
        log::debug!("a match can't be remembered: {error}");
    }
}

/// How long a thing runs as Trakt knows it, in milliseconds; none when Trakt doesn't know.
///
/// # Errors
/// As [`crate::api::call`].
pub fn runtime(core: &Arc<Core>, thing: &Thing, budget: &Budget) -> Result<Option<u64>> {
    let (thing, known) = match resolve(core, thing, budget)? {
        Resolution::Known { thing, runtime_ms } => (thing, runtime_ms),
        Resolution::Unmatched => return Ok(None),
    };
    match &*thing {
        Thing::Movie(_) if known.is_some() => Ok(known),
        Thing::Movie(movie) => {
            let found = search::by_id(core, What::Movie, &movie.ids.0, budget)?;
            if found.is_some() {
                remember(core, &subject::of(&thing), found.as_ref(), budget);
            }
            Ok(found.and_then(|found| found.runtime_ms))
        }
        Thing::Episode(episode) => {
            let ids = &episode.show.ids.0;
            let (Some(season), Some(number)) = (episode.season, episode.number) else {
                return search::runtime_by_episode_id(core, &episode.ids.0, budget);
            };
            if ids.is_empty() {
                return search::runtime_by_episode_id(core, &episode.ids.0, budget);
            }
            let found = match ids.trakt {
                Some(_) => None,
                None => search::by_id(core, What::Show, ids, budget)?,
            };
            let usual = found.as_ref().and_then(|found| found.runtime_ms).or(known);
            let Some(show) = ids
                .trakt
                .or_else(|| found.and_then(|found| found.ids.trakt))
            else {
                return Ok(usual);
            };
            Ok(search::episode_runtime(core, show, season, number, budget)?.or(usual))
        }
        Thing::Season { .. } | Thing::Show(_) | Thing::Named { .. } => Ok(None),
    }
}
