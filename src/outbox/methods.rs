//! The outbox as hosts see it: what waits, since when and why; try again, throw away.
//! Knows nothing of how it is sent.
#![forbid(unsafe_code)]

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::deliver::{self, Paused};
use super::entry::{Entry, Kind, Owner, RefusedReason, WatchedAt};
use super::queue::{Place, Queue};
use super::{queue_of, tell};
use crate::cancel::Budget;
use crate::client::Core;
use crate::clock::{Moment, rfc3339};
use crate::error::{Error, Result};
use crate::scrobble::driver::kick;
use crate::scrobble::item::Item;
use crate::store::Tx;

/// So many entries are listed when nobody says how many.
const fn usual_limit() -> u32 {
    100
}

/// Which entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Which {
    /// All.
    #[default]
    All,
    /// What waits to be sent.
    Waiting,
    /// What Trakt refused for good.
    Refused,
}

/// Parameters of `outbox.list`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ListParams {
    /// Which entries.
    #[serde(default)]
    state: Which,
    /// Only entries behind this number: the `next` of the page before.
    #[serde(default)]
    after: u64,
    /// At most so many, 1 to 500.
    #[serde(default = "usual_limit")]
    #[cfg_attr(test, schemars(range(min = 1, max = 500)))]
    limit: u32,
}

/// How an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum EntryState {
    /// It is sent as soon as that can be.
    Waiting,
    /// Trakt refused it for good.
    Refused,
}

/// One entry as it is shown.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Shown {
    /// Its number.
    id: u64,
    /// What Trakt has to be told.
    kind: Kind,
    /// How it is.
    state: EntryState,
    /// Why it was refused; null while it waits.
    reason: Option<RefusedReason>,
    /// What went wrong at the last try; null when nothing did.
    #[cfg_attr(test, schemars(with = "Option<crate::methods::ErrorShape>"))]
    error: Option<Error>,
    /// What it is about, as the host said it.
    item: Item,
    /// Its name for a person.
    title: String,
    /// When it was watched: RFC 3339, `released` or `unknown`; null for what isn't about watching.
    watched_at: Option<String>,
    /// How far, in percent; null for marks.
    progress: Option<f64>,
    /// 1 to 10; null without a rating.
    rating: Option<u8>,
    /// Since when it is in the outbox, RFC 3339.
    created_at: String,
    /// How often it was tried.
    attempts: u32,
    /// When it was tried last, RFC 3339; null before the first time.
    last_try_at: Option<String>,
}

impl From<Entry> for Shown {
    fn from(entry: Entry) -> Self {
        let title = entry.title();
        let (reason, refusal) = match entry.refused {
            Some(refused) => (Some(refused.reason), refused.error),
            None => (None, None),
        };
        Self {
            id: entry.id,
            kind: entry.kind,
            state: match reason {
                Some(_) => EntryState::Refused,
                None => EntryState::Waiting,
            },
            reason,
            error: refusal.or(entry.last_error),
            item: entry.item,
            title,
            watched_at: entry.watched_at.map(|at| match at {
                WatchedAt::At(ms) => rfc3339(ms),
                WatchedAt::Released => "released".into(),
                WatchedAt::Unknown => "unknown".into(),
            }),
            progress: entry.progress,
            rating: entry.rating,
            created_at: rfc3339(entry.created_ms),
            attempts: entry.attempts,
            last_try_at: entry.last_try_ms.map(rfc3339),
        }
    }
}

/// Reply of `outbox.list`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ListReply {
    /// In the order in which they were made.
    entries: Vec<Shown>,
    /// How many wait in all.
    waiting: u64,
    /// How many were refused in all.
    refused: u64,
    /// Why nothing is sent for now; null when nothing is in the way.
    paused: Option<Paused>,
    /// What is in the way.
    #[cfg_attr(test, schemars(with = "Option<crate::methods::ErrorShape>"))]
    error: Option<Error>,
    /// In how many milliseconds the next try comes by itself; null when there is none.
    next_try_in_ms: Option<u64>,
    /// What `after` of the next page is; null when this is the last.
    next: Option<u64>,
}

/// The entries of the account that is linked.
///
/// # Errors
/// `invalid_argument` for a limit out of range; those of the store.
pub fn list(core: &Arc<Core>, params: &ListParams, budget: &Budget) -> Result<ListReply> {
    if !(1..=500).contains(&params.limit) {
        return Err(Error::argument("`limit` must be 1 to 500"));
    }
    let view = core.state.sync(budget);
    let unable = deliver::unable(&view);
    let Some(owner) = super::owner(&view) else {
        return Ok(ListReply {
            entries: Vec::new(),
            waiting: 0,
            refused: 0,
            paused: unable,
            error: None,
            next_try_in_ms: None,
            next: None,
        });
    };
    adopt(core, &owner, budget)?;
    let queue = queue_of(&core.scope, &owner)?;
    let most = params.limit as usize;
    let places: &[Place] = match params.state {
        Which::All => &[Place::Waiting, Place::Progress, Place::Refused],
        Which::Waiting => &[Place::Waiting, Place::Progress],
        Which::Refused => &[Place::Refused],
    };
    let (mut entries, counts, pause) = core.store.read(budget, |tx| {
        let mut entries = Vec::new();
        for place in places {
            entries.extend(queue.scan(tx, *place, params.after, most + 1)?);
        }
        let pause = deliver::pause(tx, &core.scope, queue.who())?;
        Ok((entries, queue.counts(tx)?, pause))
    })?;
    entries.sort_by_key(|entry| entry.id);
    let more = entries.len() > most;
    entries.truncate(most);
    let next = entries.last().map(|entry| entry.id).filter(|_| more);
    let waits = counts.all_waiting() > 0;
    let pause = pause.filter(|_| waits && unable.is_none());
    Ok(ListReply {
        entries: entries.into_iter().map(Shown::from).collect(),
        waiting: counts.all_waiting(),
        refused: counts.refused,
        paused: unable.or(pause.as_ref().map(|pause| pause.why)),
        next_try_in_ms: pause.as_ref().map(|pause| pause.left_ms(&Moment::now())),
        error: pause.map(|pause| pause.error),
        next,
    })
}

/// Takes over what was made while nobody knew whose it is.
fn adopt(core: &Core, owner: &Owner, budget: &Budget) -> Result<()> {
    let queue = queue_of(&core.scope, owner)?;
    let scope = &core.scope;
    if core
        .store
        .read(budget, |tx| queue.can_adopt(tx, scope, owner))?
    {
        core.store
            .write(budget, |tx| queue.adopt(tx, scope, owner))?;
    }
    Ok(())
}

/// Parameters of `outbox.retry` and `outbox.discard`: one of the two.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct IdsParams {
    /// These entries.
    #[serde(default)]
    ids: Option<Vec<u64>>,
    /// All of them.
    #[serde(default)]
    all: bool,
}

impl IdsParams {
    fn check(&self) -> Result<()> {
        match (&self.ids, self.all) {
            (Some(_), false) | (None, true) => Ok(()),
            _ => Err(Error::argument("give either `ids` or `all`: true")),
        }
    }
}

/// Reply of `outbox.retry`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Retried {
    /// How many refused entries wait again.
    retried: u64,
}

/// Reply of `outbox.discard`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Discarded {
    /// How many entries were thrown away.
    discarded: u64,
}

/// Changes entries of the account that is linked; how many.
fn change(
    core: &Arc<Core>,
    budget: &Budget,
    change: impl Fn(&mut Tx<'_>, &Queue) -> Result<u64>,
) -> Result<u64> {
    let view = core.state.sync(budget);
    let Some(owner) = super::owner(&view) else {
        return Ok(0);
    };
    adopt(core, &owner, budget)?;
    let queue = queue_of(&core.scope, &owner)?;
    let (changed, counts) = core.store.write(budget, |tx| {
        let changed = change(tx, &queue)?;
        Ok((changed, queue.counts(tx)?))
    })?;
    if changed > 0 {
        tell(core, &counts);
    }
    Ok(changed)
}

/// Puts refused entries back to where they wait, and has everything tried now.
///
/// # Errors
/// `invalid_argument` without `ids` or `all`; those of the store.
pub fn retry(core: &Arc<Core>, params: &IdsParams, budget: &Budget) -> Result<Retried> {
    params.check()?;
    let retried = change(core, budget, |tx, queue| {
        let Some(ids) = &params.ids else {
            return queue.put_back_where(tx, |_| true);
        };
        let mut retried = 0;
        for id in ids {
            if let Some(entry) = queue.find(tx, *id)?
                && entry.refused.is_some()
            {
                queue.put_back(tx, &entry)?;
                retried += 1;
            }
        }
        Ok(retried)
    })?;
    core.outbox
        .try_now
        .store(true, std::sync::atomic::Ordering::Release);
    kick(core);
    Ok(Retried { retried })
}

/// Throws entries away, whether they wait or were refused.
///
/// # Errors
/// `invalid_argument` without `ids` or `all`; those of the store.
pub fn discard(core: &Arc<Core>, params: &IdsParams, budget: &Budget) -> Result<Discarded> {
    params.check()?;
    let discarded = change(core, budget, |tx, queue| {
        let mut discarded = 0;
        let Some(ids) = &params.ids else {
            for place in [Place::Waiting, Place::Progress, Place::Refused] {
                for entry in queue.scan(tx, place, 0, usize::MAX)? {
                    queue.remove(tx, &entry)?;
                    discarded += 1;
                }
            }
            return Ok(discarded);
        };
        for id in ids {
            if let Some(entry) = queue.find(tx, *id)? {
                queue.remove(tx, &entry)?;
                discarded += 1;
            }
        }
        Ok(discarded)
    })?;
    Ok(Discarded { discarded })
}
