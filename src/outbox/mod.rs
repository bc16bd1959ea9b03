//! The outbox: what Trakt has to be told, kept until it knows. Knows nothing of players.
//!
//! Nothing is lost and nothing is told twice, wherever the process ends:
//!
//! 1. An entry is committed before anything is sent ([`add`], [`add_in`]). Killed before: whoever made it still has it.
//! 2. Before each request its entries are committed with an `attempt`. Killed between the two: the history is read, they
//!    aren't there, they are sent.
//! 3. The request. Killed, or the answer lost: the history is read, and they are sent again only if they aren't there. A
//!    request that may still be on its way is given time to arrive first.
//! 4. What the answer says is committed with the entries' removal, in one transaction. Killed before: as 3.
//!
//! Writes that can be repeated without harm (ratings, lists, removals, progress) aren't looked for; they are sent again.
//! One sender at a time holds `outbox.lock`; entries are read after it was taken, so that no two send the same.
//!
//! `entry` is what is kept, `queue` how, `batch` which go together, `body` and `batch` what is sent and what the answer
//! says, `absolute` an episode's place, `check` how the history is read, `deliver` one step of sending, `marks` and `methods` what hosts call.
#![forbid(unsafe_code)]

pub mod absolute;
pub mod batch;
pub mod body;
pub mod check;
pub mod deliver;
pub mod entry;
pub mod marks;
pub mod methods;
pub mod queue;
pub mod subject;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::account::service::GLANCE;
use crate::cancel::{Budget, lock};
use crate::client::{Core, short_hash};
use crate::clock::{self, Moment};
use crate::error::{Error, Result, Status};
use crate::events::Kind as Event;
use crate::link::tokens;
use crate::matching::{self, Resolution};
use crate::scrobble::driver::kick;
use crate::scrobble::item::Thing;
use crate::state::{TroubleKind, View};
use crate::store::Tx;

pub use deliver::{Step, step};
pub use entry::{Entry, Kind, NewEntry, Owner, WatchedAt};
pub use queue::{Counts, Queue};

/// What the outbox has in memory.
#[derive(Default)]
pub struct Outbox {
    /// Something else has just worked: what waits is tried again before its time.
    try_now: AtomicBool,
    /// A step is under way: what Trakt answers to it is nothing else that worked.
    stepping: AtomicBool,
    /// Of whom nothing waits, as far as is known.
    settled: Mutex<Option<String>>,
}

/// Whose entries are made and sent now: those of the account that is linked, or was until its session ended.
/// None: nothing is recorded.
pub fn owner(view: &View) -> Option<Owner> {
    let link_id = view.pair.as_ref().map(|pair| pair.link_id.clone());
    let account = view.account.user.as_ref().and_then(|user| {
        let named = |kind: &str, id: &Option<String>| {
            id.as_ref().map(|id| short_hash(&format!("{kind} {id}")))
        };
        named("uuid", &user.uuid)
            .or_else(|| named("slug", &user.slug))
            .or_else(|| named("username", &user.username))
    });
    let ended = view.trouble() == Some(TroubleKind::RelinkNeeded);
    if link_id.is_none() && !(ended && account.is_some()) {
        return None;
    }
    Some(Owner { account, link_id })
}

/// Milliseconds since 1970, as right as they are known to be.
pub fn now_ms(view: &View) -> i64 {
    clock::wall_ms().saturating_add(view.skew_ms().unwrap_or(0))
}

/// Adds entries of the account that is linked, in one transaction, and has them sent. Their numbers, in their order,
/// without those that were there already. A full disk gives up the oldest progress for them.
///
/// # Errors
/// `not_linked`; those of the store.
pub fn add(core: &Arc<Core>, entries: Vec<NewEntry>, budget: &Budget) -> Result<Vec<u64>> {
    let view = core.state.sync(budget);
    let owner = owner(&view).ok_or_else(|| tokens::not_linked(&view))?;
    let ids = add_for(core, &owner, &entries, now_ms(&view), budget)?;
    changed(core, &owner, budget);
    kick(core);
    Ok(ids)
}

fn add_for(
    core: &Core,
    owner: &Owner,
    entries: &[NewEntry],
    created_ms: i64,
    budget: &Budget,
) -> Result<Vec<u64>> {
    let work = |tx: &mut Tx<'_>, room: bool| {
        let queue = queue_of(&core.scope, owner)?;
        if room {
            queue.make_room(tx)?;
        }
        let mut ids = Vec::new();
        for new in entries {
            ids.extend(queue.add(tx, new.clone(), created_ms)?);
        }
        Ok(ids)
    };
    match core.store.write(budget, |tx| work(tx, false)) {
        Err(error) if error.status == Status::StorageFull => {
            core.store.write(budget, |tx| work(tx, true))
        }
        result => result,
    }
}

/// Adds an entry inside somebody's transaction; none when its key is there already. The caller has it sent afterwards, by
/// [`changed`] and the scrobbler's thread. When the transaction finds the disk full: again, after [`make_room`].
///
/// # Errors
/// As [`Tx::get`]; `not_linked` for an owner that names nobody.
pub fn add_in(tx: &mut Tx<'_>, scope: &str, owner: &Owner, new: NewEntry) -> Result<Option<u64>> {
    let now = Moment::now();
    let skew = View::skew_in(tx, scope, &now)?;
    let created_ms = now.wall_ms.saturating_add(skew.unwrap_or(0));
    queue_of(scope, owner)?.add(tx, new, created_ms)
}

/// Gives up what matters less than a play, inside the transaction that a full disk refused: the oldest progress, and the
/// space that is set aside.
///
/// # Errors
/// As [`Tx::scan`]; `not_linked` for an owner that names nobody.
pub fn make_room(tx: &mut Tx<'_>, scope: &str, owner: &Owner) -> Result<()> {
    queue_of(scope, owner)?.make_room(tx)
}

/// Puts back those refused entries of an account that `wanted` says, inside somebody's transaction; how many.
///
/// # Errors
/// As [`Tx::scan`]; `not_linked` for an owner that names nobody.
pub fn retry_where(
    tx: &mut Tx<'_>,
    scope: &str,
    owner: &Owner,
    wanted: impl FnMut(&Entry) -> bool,
) -> Result<u64> {
    queue_of(scope, owner)?.put_back_where(tx, wanted)
}

fn queue_of(scope: &str, owner: &Owner) -> Result<Queue> {
    Queue::of(scope, owner)
        .ok_or_else(|| Error::new(Status::NotLinked, "nobody knows whose entry this would be"))
}

/// Whether anything of an account waits, or goes back by itself.
///
/// # Errors
/// As [`Tx::get`]; `not_linked` for an owner that names nobody.
pub fn is_waiting(tx: &Tx<'_>, scope: &str, owner: &Owner) -> Result<bool> {
    let counts = queue_of(scope, owner)?.counts(tx)?;
    Ok(counts.all_waiting() > 0 || counts.locked > 0)
}

/// Tells hosts how much waits and how much was refused.
pub fn changed(core: &Core, owner: &Owner, budget: &Budget) {
    let Ok(queue) = queue_of(&core.scope, owner) else {
        return;
    };
    if let Ok(counts) = core.store.read(budget, |tx| queue.counts(tx)) {
        tell(core, &counts);
    }
}

fn tell(core: &Core, counts: &Counts) {
    let data = json!({"waiting": counts.all_waiting(), "refused": counts.refused});
    core.events.push_with(Event::OutboxChanged, "", data);
}

/// Trakt has answered a call as it should: what waits because it didn't is tried again. With nothing waiting no thread is
/// taken from the calls.
pub fn answered(core: &Arc<Core>) {
    if core.outbox.stepping.load(Ordering::Acquire) {
        return;
    }
    let Some(owner) = owner(&core.state.cached()) else {
        return;
    };
    let Ok(queue) = queue_of(&core.scope, &owner) else {
        return;
    };
    if lock(&core.outbox.settled).as_deref() == Some(queue.who()) {
        return;
    }
    let budget = Budget::new(core.closing.clone(), GLANCE);
    let waits = core
        .store
        .read(&budget, |tx| queue.waits(tx, &core.scope, &owner));
    // A store that can't say may have something.
    if waits.unwrap_or(true) {
        core.outbox.try_now.store(true, Ordering::Release);
        kick(core);
    } else {
        settle(core, Some(queue.who()));
    }
}

/// Notes of whom nothing waits.
fn settle(core: &Core, who: Option<&str>) {
    *lock(&core.outbox.settled) = who.map(str::to_owned);
}

/// The thing as Trakt can be told of it; none when nothing at Trakt fits.
///
/// # Errors
/// What kept Trakt from being asked.
pub fn known(core: &Arc<Core>, thing: &Thing, budget: &Budget) -> Result<Option<Thing>> {
    Ok(match matching::resolve(core, thing, budget)? {
        Resolution::Known { thing, .. } => Some(*thing),
        Resolution::Unmatched => None,
    })
}
