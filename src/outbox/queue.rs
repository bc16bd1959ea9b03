//! The entries as documents: added, found, taken out and set apart inside somebody's transaction.
//! Knows nothing of Trakt. Nothing here reads more than it needs: counts are kept, and each account has scopes of its own.
//!
//! Keys are numbers of 16 digits, so that the order of keys is the order of the entries. Of one account there are
//! `outbox` (what waits), `progress` (progress that waits: it gives way to everything else), `refused` (what Trakt refused
//! for good) and `keys` (which entry tells a thing). `meta` has the next number and, for each account, its counts.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::entry::{Attempt, Entry, Kind, NewEntry, Owner, Refused, RefusedReason, WatchedAt};
use super::subject;
use crate::client::short_hash;
use crate::clock::{Moment, rfc3339};
use crate::error::{Error, Result, Status};
use crate::scrobble::item::Thing;
use crate::store::Tx;

/// So much progress waits at most; beyond that the oldest goes.
pub const MOST_PROGRESS: usize = 200;
/// So many entries wait at most of one account.
const MOST_WAITING: u64 = 500_000;
/// Entries that may still be fresh, the newest of them.
const MOST_FRESH: usize = 8;
/// So many of the last plays that Trakt has are remembered, against being told again.
const MOST_DONE: usize = 64;
/// So much progress goes at once to make room.
const PROGRESS_GONE: usize = 20;

const META: &str = "meta";

/// An entry that was fresh when it was added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fresh {
    /// Which.
    pub id: u64,
    /// When playback ended.
    pub ended: Moment,
}

/// What is known of an account's entries without reading them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// What waits, without progress.
    pub waiting: u64,
    /// Progress that waits.
    pub progress: u64,
    /// What was refused.
    pub refused: u64,
    /// What of that was refused because the account is locked.
    pub locked: u64,
    /// `history.remove` that waits: nothing may overtake it.
    pub removes: u64,
    /// No `history.remove` that waits is newer than this.
    pub newest_remove: u64,
    /// Entries that may still be fresh, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fresh: Vec<Fresh>,
    /// Keys of the last plays that are done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    done: Vec<String>,
}

impl Counts {
    /// All that waits.
    pub fn all_waiting(&self) -> u64 {
        self.waiting + self.progress
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Meta {
    next: u64,
    owners: BTreeMap<String, Counts>,
}

/// Where an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Waits.
    Waiting,
    /// Waits, as progress.
    Progress,
    /// Refused.
    Refused,
}

impl Place {
    fn of(entry: &Entry) -> Self {
        match entry.kind {
            _ if entry.refused.is_some() => Self::Refused,
            Kind::Progress => Self::Progress,
            _ => Self::Waiting,
        }
    }
}

/// The entries of one account, by the names of its scopes.
#[derive(Clone, Debug)]
pub struct Queue {
    meta: String,
    who: String,
    waiting: String,
    progress: String,
    refused: String,
    keys: String,
}

/// What one account's scopes are named by.
fn name_of(owner: &Owner) -> Option<String> {
    let by_link = || owner.link_id.as_ref().map(|link| format!("link {link}"));
    owner.account.clone().or_else(by_link)
}

/// The scope of what belongs to no account.
pub fn meta_scope(scope: &str) -> String {
    format!("outbox.meta {}", short_hash(scope))
}

fn key_of(id: u64) -> String {
    format!("{id:016}")
}

impl Queue {
    /// The entries of that account under the base scope; none for an owner that names nobody.
    pub fn of(scope: &str, owner: &Owner) -> Option<Self> {
        name_of(owner).map(|who| Self::named(scope, who))
    }

    fn named(scope: &str, who: String) -> Self {
        let short = short_hash(&format!("{scope} {who}"));
        Self {
            meta: meta_scope(scope),
            who,
            waiting: format!("outbox {short}"),
            progress: format!("outbox.progress {short}"),
            refused: format!("outbox.refused {short}"),
            keys: format!("outbox.keys {short}"),
        }
    }

    /// What stands for the account.
    pub fn who(&self) -> &str {
        &self.who
    }

    fn scope(&self, place: Place) -> &str {
        match place {
            Place::Waiting => &self.waiting,
            Place::Progress => &self.progress,
            Place::Refused => &self.refused,
        }
    }

    fn read_meta(&self, tx: &Tx<'_>) -> Result<Meta> {
        Ok(tx.get(&self.meta, META)?.unwrap_or_default())
    }

    /// The counts.
    ///
    /// # Errors
    /// As [`Tx::get`].
    pub fn counts(&self, tx: &Tx<'_>) -> Result<Counts> {
        let mut meta = self.read_meta(tx)?;
        Ok(meta.owners.remove(&self.who).unwrap_or_default())
    }

    /// Whether entries wait that are somebody else's, or whose nobody knows.
    ///
    /// # Errors
    /// As [`Tx::get`].
    pub fn others_wait(&self, tx: &Tx<'_>) -> Result<bool> {
        let meta = self.read_meta(tx)?;
        let others = meta.owners.iter().filter(|(who, _)| **who != self.who);
        Ok(others
            .into_iter()
            .any(|(_, counts)| counts.all_waiting() > 0))
    }

    /// Whether there is something to send, or to find out whose it is.
    ///
    /// # Errors
    /// As [`Tx::get`].
    pub fn waits(&self, tx: &Tx<'_>, scope: &str, owner: &Owner) -> Result<bool> {
        let counts = self.counts(tx)?;
        Ok(counts.all_waiting() > 0
            || counts.locked > 0
            || self.can_adopt(tx, scope, owner)?
            || (owner.account.is_none() && self.others_wait(tx)?))
    }

    fn change(&self, tx: &mut Tx<'_>, change: impl FnOnce(&mut Counts)) -> Result<()> {
        let mut meta = self.read_meta(tx)?;
        let counts = meta.owners.entry(self.who.clone()).or_default();
        change(counts);
        if *counts == Counts::default() {
            meta.owners.remove(&self.who);
        }
        tx.put(&self.meta, META, &meta)
    }

    /// One entry, wherever it is.
    ///
    /// # Errors
    /// As [`Tx::get`].
    pub fn find(&self, tx: &Tx<'_>, id: u64) -> Result<Option<Entry>> {
        for place in [Place::Waiting, Place::Progress, Place::Refused] {
            if let Some(entry) = tx.get(self.scope(place), &key_of(id))? {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// Entries in one place behind a number (0: from the first), in their order.
    ///
    /// # Errors
    /// As [`Tx::scan`].
    pub fn scan(&self, tx: &Tx<'_>, place: Place, after: u64, most: usize) -> Result<Vec<Entry>> {
        let after = match after {
            0 => String::new(),
            id => key_of(id),
        };
        let found: Vec<(String, Entry)> = tx.scan(self.scope(place), &after, most)?;
        Ok(found.into_iter().map(|(_, entry)| entry).collect())
    }

    /// Adds an entry; none when its key is there already, or was there and is done.
    ///
    /// # Errors
    /// `storage_full` when too much waits; as [`Tx::get`].
    pub fn add(&self, tx: &mut Tx<'_>, new: NewEntry, created_ms: i64) -> Result<Option<u64>> {
        let mut meta = self.read_meta(tx)?;
        let counts = meta.owners.entry(self.who.clone()).or_default();
        let key = short_hash(&match &new.key {
            Some(key) => key.clone(),
            None => own_key(&new),
        });
        let known: Option<u64> = tx.get(&self.keys, &key)?;
        if new.key.is_some() && (known.is_some() || counts.done.contains(&key)) {
            return Ok(None);
        }
        if counts.waiting >= MOST_WAITING {
            return Err(Error::new(
                Status::StorageFull,
                format!("{MOST_WAITING} entries wait to be sent to Trakt; no more are taken"),
            ));
        }
        if let Some(known) = known
            && let Some(old) = self.find(tx, known)?
        {
            let is_older =
                matches!(&new.watched_at, Some(WatchedAt::At(ms)) if old.watched_ms() > Some(*ms));
            if new.kind == Kind::Progress && is_older {
                // Of a host that died before the one that is known, and was settled only now.
                return Ok(None);
            }
            if !matches!(
                new.kind,
                Kind::HistoryAdd | Kind::HistoryRemove | Kind::Play
            ) {
                // A newer mark takes the place of the one that waits. One that is on its way is let go: what becomes of
                // it no longer matters, since this one is sent after it.
                self.remove(tx, &old)?;
                meta = self.read_meta(tx)?;
            } else if counts.newest_remove < old.id {
                // With a removal between the two both count.
                let back = old.refused.is_some() && new.kind != Kind::Play;
                if back {
                    self.put_back(tx, &old)?;
                }
                return Ok(back.then_some(old.id));
            }
        }
        let superseded = match new.kind {
            Kind::Play => tx.get(&self.keys, &short_hash(&progress_key(&new.thing)))?,
            _ => None,
        };
        if let Some(id) = superseded
            && let Some(old) = self.find(tx, id)?
        {
            self.remove(tx, &old)?;
            meta = self.read_meta(tx)?;
        }
        let id = meta.next.max(1);
        meta.next = id + 1;
        let counts = meta.owners.entry(self.who.clone()).or_default();
        match new.kind {
            Kind::Progress => counts.progress += 1,
            _ => counts.waiting += 1,
        }
        if new.kind == Kind::HistoryRemove {
            counts.removes += 1;
            counts.newest_remove = id;
        }
        let moment = new.moment.as_ref().or(new.ended.as_ref());
        let uncorrected = moment.cloned().filter(|_| !new.corrected);
        if let Some(ended) = new.ended {
            counts.fresh.push(Fresh { id, ended });
            let from = counts.fresh.len().saturating_sub(MOST_FRESH);
            counts.fresh.drain(..from);
        }
        let too_much = counts.progress > MOST_PROGRESS as u64;
        tx.put(&self.meta, META, &meta)?;
        let mut item = new.item;
        if !matches!(new.thing, Thing::Named { .. }) {
            item.file = None;
        }
        item.genres = Vec::new();
        item.tags = Vec::new();
        (item.live, item.watched_at, item.start_ms, item.end_ms) = (None, None, None, None);
        let entry = Entry {
            id,
            key: key.clone(),
            kind: new.kind,
            created_ms,
            item,
            thing: new.thing,
            watched_at: new.watched_at,
            uncorrected,
            progress: new.progress,
            rating: new.rating,
            attempt: None,
            attempts: 0,
            alone: false,
            last_try_ms: None,
            last_error: None,
            refused: None,
        };
        tx.put(self.scope(Place::of(&entry)), &key_of(id), &entry)?;
        tx.put(&self.keys, &key, &id)?;
        if too_much {
            self.drop_progress(tx, 1)?;
        }
        Ok(Some(id))
    }

    /// Drops the oldest progress; how much went.
    ///
    /// # Errors
    /// As [`Tx::scan`].
    fn drop_progress(&self, tx: &mut Tx<'_>, most: usize) -> Result<usize> {
        let oldest = self.scan(tx, Place::Progress, 0, most)?;
        for entry in &oldest {
            self.remove(tx, entry)?;
        }
        Ok(oldest.len())
    }

    /// Gives up what matters least, for something that matters more: the oldest progress, and what is set aside for
    /// commits to a full disk.
    ///
    /// # Errors
    /// As [`Tx::scan`].
    pub fn make_room(&self, tx: &mut Tx<'_>) -> Result<()> {
        self.drop_progress(tx, PROGRESS_GONE)?;
        tx.release_reserve();
        Ok(())
    }

    /// Takes an entry out, wherever it is.
    ///
    /// # Errors
    /// As [`Tx::get`].
    pub fn remove(&self, tx: &mut Tx<'_>, entry: &Entry) -> Result<()> {
        let place = Place::of(entry);
        tx.delete(self.scope(place), &key_of(entry.id))?;
        if tx.get::<u64>(&self.keys, &entry.key)? == Some(entry.id) {
            tx.delete(&self.keys, &entry.key)?;
        }
        self.change(tx, |counts| {
            leave(counts, entry, place);
            counts.fresh.retain(|fresh| fresh.id != entry.id);
        })
    }

    /// As [`Queue::remove`], for what Trakt has: a play isn't taken again.
    ///
    /// # Errors
    /// As [`Tx::get`].
    pub fn done(&self, tx: &mut Tx<'_>, entry: &Entry) -> Result<()> {
        self.remove(tx, entry)?;
        if entry.kind != Kind::Play {
            return Ok(());
        }
        self.change(tx, |counts| {
            counts.done.push(entry.key.clone());
            let from = counts.done.len().saturating_sub(MOST_DONE);
            counts.done.drain(..from);
        })
    }

    /// Writes an entry that has changed and stays where it is.
    ///
    /// # Errors
    /// As [`Tx::put`].
    pub fn put(&self, tx: &mut Tx<'_>, entry: &Entry) -> Result<()> {
        tx.put(self.scope(Place::of(entry)), &key_of(entry.id), entry)
    }

    /// Sets an entry apart.
    ///
    /// # Errors
    /// As [`Tx::get`].
    pub fn refuse(&self, tx: &mut Tx<'_>, entry: &Entry, refused: Refused) -> Result<()> {
        let place = Place::of(entry);
        tx.delete(self.scope(place), &key_of(entry.id))?;
        let mut apart = entry.clone();
        let locked = refused.reason == RefusedReason::AccountLocked;
        apart.refused = Some(refused);
        self.put(tx, &apart)?;
        self.change(tx, |counts| {
            leave(counts, entry, place);
            counts.fresh.retain(|fresh| fresh.id != entry.id);
            counts.refused += 1;
            counts.locked += u64::from(locked);
        })
    }

    /// Puts a refused entry back to where it waits, in its old place in the order.
    ///
    /// # Errors
    /// As [`Tx::get`].
    pub fn put_back(&self, tx: &mut Tx<'_>, entry: &Entry) -> Result<()> {
        tx.delete(&self.refused, &key_of(entry.id))?;
        let mut back = entry.clone();
        back.refused = None;
        back.alone = false;
        // What was found for it may have been corrected since.
        back.thing = entry.asked();
        if let Some(attempt) = &mut back.attempt {
            // It is looked for once more, and sent again if it isn't there.
            attempt.answered = false;
        }
        self.put(tx, &back)?;
        self.change(tx, |counts| {
            leave(counts, entry, Place::Refused);
            match back.kind {
                Kind::Progress => counts.progress += 1,
                _ => counts.waiting += 1,
            }
            if back.kind == Kind::HistoryRemove {
                counts.removes += 1;
                counts.newest_remove = counts.newest_remove.max(back.id);
            }
        })
    }

    /// Puts back those refused entries that `wanted` says; how many.
    ///
    /// # Errors
    /// As [`Tx::scan`].
    pub fn put_back_where(
        &self,
        tx: &mut Tx<'_>,
        mut wanted: impl FnMut(&Entry) -> bool,
    ) -> Result<u64> {
        let mut back = 0;
        let mut after = 0;
        loop {
            let some = self.scan(tx, Place::Refused, after, 500)?;
            let Some(last) = some.last() else {
                return Ok(back);
            };
            after = last.id;
            for entry in some.iter().filter(|entry| wanted(entry)) {
                self.put_back(tx, entry)?;
                back += 1;
            }
        }
    }

    /// Takes over what was kept under the link while nobody knew whose it is; whether there was anything.
    ///
    /// # Errors
    /// As [`Tx::scan`].
    pub fn adopt(&self, tx: &mut Tx<'_>, scope: &str, owner: &Owner) -> Result<bool> {
        let Some(nameless) = self.nameless(scope, owner) else {
            return Ok(false);
        };
        let mut meta = self.read_meta(tx)?;
        let Some(found) = meta.owners.remove(&nameless.who) else {
            return Ok(false);
        };
        let counts = meta.owners.entry(self.who.clone()).or_default();
        counts.waiting += found.waiting;
        counts.progress += found.progress;
        counts.refused += found.refused;
        counts.locked += found.locked;
        counts.removes += found.removes;
        counts.newest_remove = counts.newest_remove.max(found.newest_remove);
        counts.fresh.extend(found.fresh);
        tx.put(&self.meta, META, &meta)?;
        for place in [Place::Waiting, Place::Progress, Place::Refused] {
            for entry in nameless.scan(tx, place, 0, usize::MAX)? {
                tx.delete(nameless.scope(place), &key_of(entry.id))?;
                tx.delete(&nameless.keys, &entry.key)?;
                tx.put(self.scope(place), &key_of(entry.id), &entry)?;
                tx.put(&self.keys, &entry.key, &entry.id)?;
            }
        }
        Ok(true)
    }

    /// Whether [`Queue::adopt`] has something to do.
    ///
    /// # Errors
    /// As [`Tx::get`].
    pub fn can_adopt(&self, tx: &Tx<'_>, scope: &str, owner: &Owner) -> Result<bool> {
        let Some(nameless) = self.nameless(scope, owner) else {
            return Ok(false);
        };
        Ok(self.read_meta(tx)?.owners.contains_key(&nameless.who))
    }

    fn nameless(&self, scope: &str, owner: &Owner) -> Option<Self> {
        owner.account.as_ref()?;
        Self::of(
            scope,
            &Owner {
                account: None,
                link_id: owner.link_id.clone(),
            },
        )
    }
}

/// What an entry no longer counts for when it leaves a place.
fn leave(counts: &mut Counts, entry: &Entry, place: Place) {
    let count = match place {
        Place::Waiting => &mut counts.waiting,
        Place::Progress => &mut counts.progress,
        Place::Refused => &mut counts.refused,
    };
    *count = count.saturating_sub(1);
    if place == Place::Waiting && entry.kind == Kind::HistoryRemove {
        counts.removes = counts.removes.saturating_sub(1);
        if counts.removes == 0 {
            counts.newest_remove = 0;
        }
    }
    let locked = |refused: &Refused| refused.reason == RefusedReason::AccountLocked;
    if place == Place::Refused && entry.refused.as_ref().is_some_and(locked) {
        counts.locked = counts.locked.saturating_sub(1);
    }
}

fn progress_key(thing: &Thing) -> String {
    format!("progress {}", subject::of(thing))
}

/// The key of an entry that has none of its own: what would say the same, or the opposite.
fn own_key(new: &NewEntry) -> String {
    let subject = subject::of(&new.thing);
    match new.kind {
        Kind::Progress => progress_key(&new.thing),
        Kind::RatingSet | Kind::RatingRemove => format!("rating {subject}"),
        Kind::WatchlistAdd | Kind::WatchlistRemove => format!("watchlist {subject}"),
        Kind::CollectionAdd | Kind::CollectionRemove => format!("collection {subject}"),
        // Every one counts, in its order: an add and a remove don't make up for each other.
        Kind::HistoryRemove => format!("history.remove {subject} {}", crate::client::random_id()),
        Kind::Play | Kind::HistoryAdd => {
            let at = match &new.watched_at {
                Some(WatchedAt::At(ms)) => rfc3339(*ms),
                Some(WatchedAt::Released) => "released".into(),
                _ => "unknown".into(),
            };
            format!("history.add {subject} {at}")
        }
    }
}

/// A new attempt.
pub fn attempt(how: super::entry::How, skew_ms: Option<i64>) -> Attempt {
    Attempt {
        how,
        at: Moment::now(),
        skew_ms,
        over: false,
        ended: None,
        late: false,
        answered: false,
    }
}
