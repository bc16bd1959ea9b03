//! Sessions in the store, so that a play survives its host: who keeps each, and what counts of those whose keeper is gone.
//! Knows nothing of threads; who calls holds no lock that a host's call waits for.
//!
//! A client that saves sessions holds one of a few locks, its slot, as long as it lives. A session's document names slot
//! and client: if the slot is free, or somebody else has it, the client is gone.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::engine::{self, Action, Live, Record, Session};
use crate::cancel::Budget;
use crate::client::{Core, random_id, short_hash};
use crate::clock::{Moment, rfc3339};
use crate::error::{Error, Result, Status};
use crate::events::Kind as Event;
use crate::outbox::entry::{Kind, NewEntry, Owner, WatchedAt};
use crate::outbox::{self, subject};
use crate::state::View;
use crate::store::{FileLock, Tx};

/// So many clients at once can save sessions on one store.
const SLOTS: u8 = 32;
/// The same thing counting again within this time, from behind the threshold, is the same play.
const LATELY_MS: u64 = 12 * 60 * 60 * 1_000;
/// So many things that counted lately are remembered.
const MOST_COUNTED: usize = 500;
/// So many saved sessions are looked at.
const MOST: usize = 1_000;
const COUNTED: &str = "counted";

/// The scope of the saved sessions.
pub fn scope(scope: &str) -> String {
    format!("{scope} sessions")
}

/// The scope of what counted lately.
pub fn counted_scope(scope: &str) -> String {
    format!("{scope} counted")
}

#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    slot: u8,
    client: String,
    session: Session,
}

/// What is to be written.
#[derive(Default)]
pub struct Pending {
    /// Plays and progress, in their order.
    records: Vec<(Kind, Record)>,
    /// Sessions by their number: as they are, or gone.
    sessions: BTreeMap<u64, Option<Box<Session>>>,
}

impl Pending {
    /// Takes up what is to be written of a step's action; gives back what isn't.
    pub fn take(&mut self, action: Action) -> Option<Action> {
        match action {
            Action::Play(record) => self.records.push((Kind::Play, *record)),
            Action::Progress(record) => self.records.push((Kind::Progress, *record)),
            Action::Save(session) => {
                self.sessions.insert(session.serial, Some(session));
            }
            Action::Forget { serial } => {
                self.sessions.insert(serial, None);
            }
            other => return Some(other),
        }
        None
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.sessions.is_empty()
    }

    /// What could not be written comes before what has come since.
    pub fn put_back(&mut self, earlier: Self) {
        let since = std::mem::replace(self, earlier);
        self.records.extend(since.records);
        self.sessions.extend(since.sessions);
    }
}

/// A client's own place among those that save sessions.
#[derive(Default)]
pub struct Keeper {
    /// Names the client in its documents.
    client: String,
    slot: Option<(u8, FileLock)>,
    /// The sessions that have a document.
    saved: std::collections::BTreeSet<u64>,
}

/// What was written.
#[derive(Default)]
pub struct Written {
    /// How many plays count.
    pub plays: usize,
    /// Whose outbox has grown.
    pub owners: Vec<Owner>,
    /// The client has a slot since then; it may have been somebody's.
    pub slot_taken: bool,
}

impl Keeper {
    fn client(&mut self) -> &str {
        if self.client.is_empty() {
            self.client = random_id();
        }
        &self.client
    }

    /// The slot, taken if there is none yet. None while all are taken: then nothing is saved.
    fn slot(&mut self, core: &Core) -> Option<u8> {
        if let Some((slot, held)) = &self.slot
            && held.is_current()
        {
            return Some(*slot);
        }
        self.slot = (0..SLOTS).find_map(|slot| {
            let taken = core.store.try_lock(&lock_name(core, slot)).ok()??;
            Some((slot, taken))
        });
        self.slot.as_ref().map(|(slot, _)| *slot)
    }

    /// Gives the slot up, when nothing is left that would need it.
    pub fn release(&mut self) {
        self.slot = None;
    }

    /// Writes it all in one transaction: a play is in the outbox when its session is gone, and the other way round.
    ///
    /// # Errors
    /// Those of the store; then nothing was written.
    pub fn write(&mut self, core: &Core, pending: &Pending, budget: &Budget) -> Result<Written> {
        let any = pending.sessions.values().any(Option::is_some);
        let before = self.slot.as_ref().map(|(slot, _)| *slot);
        let slot = if any { self.slot(core) } else { None };
        let client = self.client().to_owned();
        let known = &self.saved;
        let gone = pending
            .sessions
            .iter()
            .any(|(serial, session)| session.is_none() && known.contains(serial));
        if pending.records.is_empty() && !gone && (slot.is_none() || !any) {
            return Ok(Written::default());
        }
        let entries = write_records(core, budget, &pending.records, |tx| {
            let scope = scope(&core.scope);
            for (serial, session) in &pending.sessions {
                let key = format!("{client} {serial:08}");
                match (session, slot) {
                    (Some(session), Some(slot)) => {
                        let session = session.as_ref().clone();
                        let client = client.clone();
                        tx.put(
                            &scope,
                            &key,
                            &Stored {
                                slot,
                                client,
                                session,
                            },
                        )?;
                    }
                    (Some(_), None) => {}
                    (None, _) => tx.delete(&scope, &key)?,
                }
            }
            Ok(())
        })?;
        for (serial, session) in &pending.sessions {
            match session {
                Some(_) if slot.is_some() => self.saved.insert(*serial),
                _ => self.saved.remove(serial),
            };
        }
        Ok(Written {
            slot_taken: slot.is_some() && slot != before,
            ..tell(core, &pending.records, entries)
        })
    }

    /// Ends the sessions whose clients are gone, from where they were known to be last. What Trakt may still show of them
    /// is given back.
    ///
    /// # Errors
    /// Those of the store.
    pub fn settle(&mut self, core: &Core, budget: &Budget) -> Result<(Written, Vec<Live>)> {
        let scope = scope(&core.scope);
        let found: Vec<(String, Stored)> =
            core.store.read(budget, |tx| tx.scan(&scope, "", MOST))?;
        let mut all = Written::default();
        let mut shown = Vec::new();
        for (key, stored) in found {
            if stored.client == self.client {
                continue;
            }
            let mine = self
                .slot
                .as_ref()
                .is_some_and(|(slot, held)| *slot == stored.slot && held.is_current());
            let held = if mine {
                None
            } else {
                core.store.try_lock(&lock_name(core, stored.slot))?
            };
            if !mine && held.is_none() {
                continue;
            }
            let mut pending = Pending::default();
            for action in engine::settle(stored.session, &Moment::now()) {
                if let Some(Action::Live(live)) = pending.take(action) {
                    // Its number is that of another one here.
                    shown.push(Live { serial: 0, ..*live });
                }
            }
            let mut there = false;
            let entries = write_records_if(
                core,
                budget,
                &pending.records,
                |tx| Ok(tx.get::<Stored>(&scope, &key)?.is_some()),
                |tx| {
                    there = true;
                    tx.delete(&scope, &key)
                },
            )?;
            drop(held);
            let written = tell(core, &pending.records, entries);
            all.plays += written.plays;
            all.owners.extend(written.owners);
        }
        Ok((all, shown))
    }
}

fn lock_name(core: &Core, slot: u8) -> String {
    format!("player.lock.{}.{slot}", short_hash(&core.scope))
}

/// Whether there are sessions of anybody in the store.
///
/// # Errors
/// As [`Tx::keys`].
pub fn any(tx: &Tx<'_>, base: &str) -> Result<bool> {
    Ok(!tx.keys(&scope(base))?.is_empty())
}

/// What became of each record: its number in the outbox and its moment; none if it is there already or doesn't count.
type Entries = Vec<Option<(u64, i64)>>;

fn write_records(
    core: &Core,
    budget: &Budget,
    records: &[(Kind, Record)],
    also: impl FnMut(&mut Tx<'_>) -> Result<()>,
) -> Result<Entries> {
    write_records_if(core, budget, records, |_| Ok(true), also)
}

fn write_records_if(
    core: &Core,
    budget: &Budget,
    records: &[(Kind, Record)],
    mut wanted: impl FnMut(&Tx<'_>) -> Result<bool>,
    mut also: impl FnMut(&mut Tx<'_>) -> Result<()>,
) -> Result<Entries> {
    let mut work = |tx: &mut Tx<'_>, room: bool| {
        if !wanted(tx)? {
            return Ok(vec![None; records.len()]);
        }
        if let (true, Some((_, record))) = (room, records.first()) {
            outbox::make_room(tx, &core.scope, &record.owner)?;
        }
        let entries = records
            .iter()
            .map(|(kind, record)| add(tx, core, *kind, record))
            .collect::<Result<Entries>>()?;
        also(tx)?;
        Ok(entries)
    };
    match core.store.write(budget, |tx| work(tx, false)) {
        Err(error) if error.status == Status::StorageFull && !records.is_empty() => {
            core.store.write(budget, |tx| work(tx, true))
        }
        result => result,
    }
}

/// One record into the outbox.
fn add(tx: &mut Tx<'_>, core: &Core, kind: Kind, record: &Record) -> Result<Option<(u64, i64)>> {
    let now = Moment::now();
    // By what was known of the clock then: since, it may have jumped, or the machine may have been off.
    let skew = View::skew_in(tx, &core.scope, &record.ended)?;
    let watched_ms = match skew {
        Some(skew) => record.ended.wall_ms.saturating_add(skew),
        None => now.wall_ms.saturating_sub(now.since(&record.ended)),
    };
    let now_ms = now
        .wall_ms
        .saturating_add(View::skew_in(tx, &core.scope, &now)?.unwrap_or(0));
    if kind == Kind::Play && !count(tx, core, record, watched_ms, now_ms)? {
        return Ok(None);
    }
    let mut new = NewEntry::new(kind, record.item.clone(), record.thing.clone());
    new.key = (kind == Kind::Play).then(|| record.key.clone());
    new.watched_at = Some(WatchedAt::At(watched_ms));
    new.ended = Some(record.ended.clone());
    new.corrected = skew.is_some();
    new.progress = Some(record.progress);
    match outbox::add_in(tx, &core.scope, &record.owner, new) {
        Ok(id) => Ok(id.map(|id| (id, watched_ms))),
        // Nobody knows whose it would be: there is nobody to tell it of.
        Err(error) if error.status == Status::NotLinked => Ok(None),
        Err(error) => Err(error),
    }
}

/// Notes that a thing counts; false if it doesn't, because it did lately.
fn count(
    tx: &mut Tx<'_>,
    core: &Core,
    record: &Record,
    watched_ms: i64,
    now_ms: i64,
) -> Result<bool> {
    let scope = counted_scope(&core.scope);
    let owner = record
        .owner
        .account
        .as_ref()
        .or(record.owner.link_id.as_ref());
    let what = short_hash(&format!("{owner:?} {}", subject::of(&record.thing)));
    let mut counted: Vec<(String, i64)> = tx.get(&scope, COUNTED)?.unwrap_or_default();
    let lately = |at: i64, than: i64| at.abs_diff(than) < LATELY_MS;
    counted.retain(|(_, at)| lately(*at, now_ms) || lately(*at, watched_ms));
    let known = |(known, at): &(String, i64)| *known == what && lately(*at, watched_ms);
    if record.unless_counted && counted.iter().any(known) {
        return Ok(false);
    }
    counted.push((what, watched_ms));
    let from = counted.len().saturating_sub(MOST_COUNTED);
    tx.put(&scope, COUNTED, &&counted[from..])?;
    Ok(true)
}

fn tell(core: &Core, records: &[(Kind, Record)], entries: Entries) -> Written {
    let mut written = Written::default();
    for ((kind, record), entry) in records.iter().zip(entries) {
        let Some((id, watched_ms)) = entry else {
            continue;
        };
        if !written.owners.contains(&record.owner) {
            written.owners.push(record.owner.clone());
        }
        if *kind == Kind::Play {
            written.plays += 1;
            let data = json!({
                "session": record.session,
                "id": id,
                "item": record.item,
                "watched_at": rfc3339(watched_ms),
            });
            core.events
                .push_with(Event::PlayCounted, id.to_string(), data);
        }
    }
    written
}

/// Whether an error is the store's own, so that trying again makes sense.
pub fn is_passing(error: &Error) -> bool {
    !matches!(error.status, Status::Cancelled | Status::Closed)
}
