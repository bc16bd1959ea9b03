//! What is kept: JSON documents by scope and key, in one SQLite file or in memory, and the locks around them.
//! Knows nothing of tokens, logins or settings, nor of what a document means.
//!
//! `disk` holds the file for one transaction at a time, `memory` stands in for it, `tx` is what a
//! transaction's work sees of either; `files`, `locks` and `database` are what they stand on.
#![forbid(unsafe_code)]

mod database;
mod disk;
mod files;
mod locks;
mod memory;
mod migrations;
#[cfg(all(test, unix))]
mod tests;
mod trouble;
mod tx;

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use serde::Serialize;

use crate::cancel::{Budget, Cancel, lock};
use crate::clock::Moment;
use crate::error::{Error, Result};

use disk::{Disk, Session};
use memory::{Changes, Memory};
use trouble::{Stop, Trouble};
use tx::{FILLER, OWN_SCOPE, STAMP};

pub use locks::FileLock;
pub use tx::Tx;

/// The folder in `data_dir` that is the library's own.
const FOLDER: &str = "libtrakt";
/// The text of the row that a full disk's commit can take the place of.
const FILLER_BYTES: usize = 16 * 1024;

/// How the store is, as `store` of `trakt_account` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Condition {
    /// It reads and writes.
    Ok,
    /// Nothing lasts: there is no data_dir, or its file can't be used ([`Store::trouble`] says why).
    Memory,
    /// It can't be written; reading works if there was a file.
    Readonly,
    /// The last write found no space; ends with the next one that does.
    Full,
    /// A newer version wrote it; it is left alone, and nothing lasts.
    Newer,
    /// It was damaged, is kept aside, and a new one has begun.
    CorruptMoved,
}

/// A keyed store of documents. Every transaction is its own: nothing is kept open between two, and the work of one
/// can't begin another, which would wait for it until its budget ends.
///
/// When the disk can't be used from the start, the documents live in memory; each write tries the disk again, and
/// the first that succeeds takes them all there. Once the disk has worked, its trouble is the error of the call:
/// what was stored isn't taken for absent.
pub struct Store {
    disk: Option<Disk>,
    memory: Memory,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    trouble: Option<Trouble>,
    /// The disk was used at least once.
    settled: bool,
    /// The disk couldn't be used from the start.
    in_memory: bool,
    /// A damaged file was moved aside.
    moved: bool,
}

/// Where a transaction takes place.
enum Place<'a> {
    Disk(&'a Disk),
    Memory,
}

impl Store {
    /// Opens the store in `data_dir`/libtrakt, both made (0700) if they aren't there; none: in memory.
    /// Waits at most `wait` for others who hold it; what is left to do then is done by the first transaction.
    /// It never fails: see [`Store::condition`].
    pub fn open(data_dir: Option<&Path>, wait: Duration) -> Store {
        let disk = data_dir.map(|dir| {
            let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
            Disk::new(dir.join(FOLDER))
        });
        let store = Store {
            disk,
            memory: Memory::default(),
            state: Mutex::default(),
        };
        let budget = Budget::new(Cancel::new(), wait);
        if let Some(disk) = &store.disk
            && let Err(Stop::Trouble(trouble)) = store.begin(disk, &budget, true)
        {
            store.note(trouble);
        }
        store
    }

    /// The client is closed: who removes its folder now, as an uninstaller does, finds it gone, whatever still runs.
    pub fn end(&self) {
        if let Some(disk) = &self.disk {
            disk.end();
        }
    }

    /// How the store is now.
    pub fn condition(&self) -> Condition {
        let state = lock(&self.state);
        match &state.trouble {
            _ if self.disk.is_none() => Condition::Memory,
            Some(Trouble::Newer) => Condition::Newer,
            Some(Trouble::Full) => Condition::Full,
            Some(Trouble::Readonly) => Condition::Readonly,
            Some(Trouble::Refused(_)) => Condition::Memory,
            Some(Trouble::Io(_) | Trouble::Corrupt) if state.in_memory => Condition::Memory,
            Some(Trouble::Io(_) | Trouble::Corrupt) => Condition::Readonly,
            None if state.moved => Condition::CorruptMoved,
            None => Condition::Ok,
        }
    }

    /// The error behind a condition other than `ok`; none for a store that was never meant to last.
    pub fn trouble(&self) -> Option<Error> {
        let state = lock(&self.state);
        match &state.trouble {
            Some(trouble) => Some(trouble.error()),
            None if state.moved => Some(Trouble::Corrupt.error()),
            None => None,
        }
    }

    /// The library's own folder in data_dir, whether it is there yet or not; none without a data_dir.
    pub fn dir(&self) -> Option<&Path> {
        self.disk.as_ref().map(Disk::folder)
    }

    /// Changes whenever anybody commits to the store, or puts another file in its place. It takes no lock and a few
    /// microseconds, so it can run ahead of a commit that is under way and never completes: whoever remembers what
    /// a transaction saw takes [`Tx::generation`] or [`Store::write_then`].
    pub fn generation(&self) -> u64 {
        match &self.disk {
            Some(disk) if !self.in_memory() => disk.generation(),
            _ => self.memory.generation(),
        }
    }

    /// One transaction that changes nothing.
    ///
    /// # Errors
    /// Those of `work`; `timeout`, `cancelled` or `closed` while waiting for others; `storage`,
    /// `storage_corrupt` or `storage_newer`.
    pub fn read<T>(&self, budget: &Budget, work: impl FnOnce(&Tx) -> Result<T>) -> Result<T> {
        let disk = match self.place()? {
            Place::Disk(disk) if !self.in_memory() => disk,
            _ => return self.memory.read(budget, work),
        };
        let mut session = match self.begin(disk, budget, false) {
            Ok(session) => session,
            Err(Stop::Ended(error)) => return Err(error),
            Err(Stop::Trouble(trouble)) if self.note(trouble.clone()) => {
                return self.memory.read(budget, work);
            }
            Err(Stop::Trouble(trouble)) => return Err(trouble.error()),
        };
        let tx = Tx::new(session.source(), Changes::new(), session.generation());
        let result = work(&tx);
        let found = tx.finish().trouble;
        self.after_work(&mut session, found);
        result
    }

    /// One transaction: all that `work` did is on the disk when this returns (`synchronous=FULL`), or nothing is.
    ///
    /// # Errors
    /// Those of `work`, and nothing has changed; `timeout`, `cancelled` or `closed` while waiting for others;
    /// `storage`, `storage_full`, `storage_corrupt` or `storage_newer`.
    pub fn write<T>(&self, budget: &Budget, work: impl FnOnce(&mut Tx) -> Result<T>) -> Result<T> {
        self.write_then(budget, work, |value, _| value)
    }

    /// The same; after the commit, and before anybody else can change the store, `then` gets what `work` gave and the
    /// generation that the commit led to: what others commit later has another.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write_then<T, R>(
        &self,
        budget: &Budget,
        work: impl FnOnce(&mut Tx) -> Result<T>,
        then: impl FnOnce(T, u64) -> R,
    ) -> Result<R> {
        self.commit(budget, false, work, then)
    }

    /// Sets space aside for one later commit: a row of some 16 KiB, which shows that the disk can be written now, and
    /// a spare file of 64 KiB, since a commit to a full disk needs space for its journal too. The transaction that
    /// says [`Tx::release_reserve`] can use both. In memory there is nothing to do.
    ///
    /// # Errors
    /// As [`Store::write`]; `storage_full` when there is no space to set aside.
    pub fn reserve(&self, budget: &Budget) -> Result<()> {
        let work = |tx: &mut Tx| {
            if tx.is_durable() {
                if tx.get::<String>(OWN_SCOPE, FILLER)?.is_none() {
                    tx.put(OWN_SCOPE, FILLER, &"0".repeat(FILLER_BYTES))?;
                }
                tx.put(OWN_SCOPE, STAMP, &(Moment::now(), tx.generation()))?;
            }
            Ok(())
        };
        self.commit(budget, true, work, |(), _| ())
    }

    /// Erases what is personal: every document of these scopes, and a damaged file that was kept aside. A full disk's
    /// reserve may go for it.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn erase(&self, budget: &Budget, scopes: &[&str]) -> Result<()> {
        if let Some(disk) = &self.disk {
            match disk.remove_corrupt() {
                Err(trouble) if !self.in_memory() => return Err(trouble.error()),
                _ => lock(&self.state).moved = false,
            }
        }
        self.write(budget, |tx| {
            for scope in scopes {
                tx.clear(scope)?;
            }
            tx.release_reserve();
            Ok(())
        })
    }

    /// Waits for a lock between all processes, library images and clients that use this store. `name` is a fixed file
    /// name such as `refresh.lock`. In memory, and where no file can be made, it is between the threads of this client.
    ///
    /// # Errors
    /// `timeout`, `cancelled`, `closed`; `storage` or `storage_full` when the lock's file can't be made or is refused.
    pub fn lock(&self, name: &str, budget: &Budget) -> Result<FileLock> {
        locks::until(budget, || self.try_lock(name).map_err(Stop::Ended)).map_err(|stop| match stop
        {
            Stop::Ended(error) => error,
            Stop::Trouble(trouble) => trouble.error(),
        })
    }

    /// The same without waiting; none when somebody holds it.
    ///
    /// # Errors
    /// `storage` or `storage_full` when the lock's file can't be made or is refused.
    pub fn try_lock(&self, name: &str) -> Result<Option<FileLock>> {
        check_name(name)?;
        match self.lock_place()? {
            Place::Memory => Ok(self.memory.try_lock(name)),
            Place::Disk(disk) => match disk.try_lock(name) {
                Ok(taken) => Ok(taken),
                Err(trouble) if self.locks_in_memory(&trouble) => Ok(self.memory.try_lock(name)),
                Err(trouble) => Err(trouble.error()),
            },
        }
    }

    /// Takes a lock from whoever holds it: their [`FileLock::is_current`] is false from now on. None when somebody was
    /// quicker.
    ///
    /// # Errors
    /// As [`Store::lock`].
    pub fn replace_lock(&self, name: &str, budget: &Budget) -> Result<Option<FileLock>> {
        check_name(name)?;
        match self.lock_place()? {
            Place::Memory => Ok(Some(self.memory.replace_lock(name))),
            Place::Disk(disk) => match disk.replace_lock(name, budget) {
                Ok(taken) => Ok(taken),
                Err(Stop::Ended(error)) => Err(error),
                Err(Stop::Trouble(trouble)) if self.locks_in_memory(&trouble) => {
                    Ok(Some(self.memory.replace_lock(name)))
                }
                Err(Stop::Trouble(trouble)) => Err(trouble.error()),
            },
        }
    }

    fn in_memory(&self) -> bool {
        lock(&self.state).in_memory
    }

    fn place(&self) -> Result<Place<'_>> {
        let Some(disk) = &self.disk else {
            return Ok(Place::Memory);
        };
        let state = lock(&self.state);
        match &state.trouble {
            // A newer version is at work there: it is never tried again.
            Some(Trouble::Newer) if state.in_memory => Ok(Place::Memory),
            Some(trouble @ Trouble::Newer) => Err(trouble.error()),
            _ => Ok(Place::Disk(disk)),
        }
    }

    fn lock_place(&self) -> Result<Place<'_>> {
        match self.place()? {
            Place::Disk(_) if self.in_memory() => Ok(Place::Memory),
            place => Ok(place),
        }
    }

    /// Whether a lock is taken within this client since the folder doesn't take files: nobody else can make one either.
    fn locks_in_memory(&self, trouble: &Trouble) -> bool {
        *trouble == Trouble::Readonly || !lock(&self.state).settled
    }

    /// Begins a session on the disk. While the documents are in memory its trouble stays, until they have moved.
    fn begin<'a>(&self, disk: &'a Disk, budget: &Budget, write: bool) -> Result<Session<'a>, Stop> {
        let session = disk.begin(budget, write)?;
        let mut state = lock(&self.state);
        if session.moved && !state.moved {
            log::warn!("{}", Trouble::Corrupt.error().message);
        }
        state.moved |= session.moved;
        if session.is_open() && !state.in_memory {
            state.settled = true;
            state.trouble = match state.trouble.take() {
                Some(Trouble::Full) => Some(Trouble::Full),
                _ => session.readonly.then_some(Trouble::Readonly),
            };
        }
        Ok(session)
    }

    /// Remembers the trouble; true when the documents live in memory, now or already.
    fn note(&self, trouble: Trouble) -> bool {
        let mut state = lock(&self.state);
        state.in_memory |= !state.settled;
        let in_memory = state.in_memory;
        let known = state.trouble.replace(trouble.clone());
        drop(state);
        if known.as_ref() != Some(&trouble) {
            log::warn!("{}", trouble.error().message);
        }
        in_memory
    }

    /// Takes in what the work met while it read.
    fn after_work(&self, session: &mut Session, found: Option<Trouble>) {
        let Some(found) = found else { return };
        if found != Trouble::Corrupt {
            self.note(found);
            return;
        }
        match session.move_aside() {
            Ok(()) => {
                log::warn!("{}", found.error().message);
                lock(&self.state).moved = true;
            }
            Err(trouble) => {
                self.note(trouble);
            }
        }
    }

    fn commit<T, R>(
        &self,
        budget: &Budget,
        reserve: bool,
        work: impl FnOnce(&mut Tx) -> Result<T>,
        then: impl FnOnce(T, u64) -> R,
    ) -> Result<R> {
        let Place::Disk(disk) = self.place()? else {
            return self.memory.write(budget, work, then);
        };
        let mut session = match self.begin(disk, budget, true) {
            Ok(session) => session,
            Err(Stop::Ended(error)) => return Err(error),
            Err(Stop::Trouble(trouble)) if self.note(trouble.clone()) => {
                return self.memory.write(budget, work, then);
            }
            Err(Stop::Trouble(trouble)) => return Err(trouble.error()),
        };
        let in_memory = self.in_memory();
        let carried = if in_memory {
            self.memory.carry()
        } else {
            Changes::new()
        };
        let mut tx = Tx::new(session.source(), carried, session.generation());
        let value = work(&mut tx);
        let done = tx.finish();
        self.after_work(&mut session, done.trouble);
        let value = value?;
        let spared = if reserve {
            session.keep_spare()
        } else {
            Ok(())
        };
        match spared.and_then(|()| session.commit(&done.changes, done.released)) {
            Ok(()) => {
                let mut state = lock(&self.state);
                state.moved |= session.moved;
                if in_memory {
                    state.settled = true;
                    state.in_memory = false;
                    self.memory.clear();
                }
                if in_memory || !done.changes.is_empty() {
                    state.trouble = session.readonly.then_some(Trouble::Readonly);
                }
                drop(state);
                Ok(then(value, session.generation()))
            }
            Err(trouble) => {
                self.note(trouble.clone());
                if in_memory {
                    return Ok(then(value, self.memory.accept(done.changes)));
                }
                Err(trouble.error())
            }
        }
    }
}

/// A lock's name becomes a file's name.
fn check_name(name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    if name.is_empty()
        || name.starts_with(['.'])
        || name.starts_with("store.")
        || !name.chars().all(plain)
    {
        return Err(Error::internal("a lock's name can't be a file's name"));
    }
    Ok(())
}
