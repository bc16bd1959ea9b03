//! Numbers for clients: a table of slots with generations, so that a stale number is recognised and never followed.
//! Knows nothing of what a client does.

use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use crate::cancel::lock;
use crate::capi::status::trakt_client;
use crate::error::{Error, Result, Status};

/// The index is below this bit, the generation (from 1) above.
const INDEX_BITS: u32 = 32;
/// Numbers stay below 2^53, so that they pass through any JSON and any script. A slot that has used up its generations is retired.
const LAST_GENERATION: u64 = (1 << (53 - INDEX_BITS)) - 1;

struct Slot<T> {
    generation: u64,
    client: Option<T>,
}

struct Slots<T> {
    slots: Vec<Slot<T>>,
    free: Vec<usize>,
    aside: Vec<T>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            aside: Vec::new(),
        }
    }
}

/// The table of one process. A forked child finds its parent's, leaves it alone with its locks, and makes its own.
struct Owned<T> {
    process: u32,
    /// Indexes below belong to the processes before this one.
    first_index: u64,
    slots: Mutex<Slots<T>>,
    /// The parent's table: never looked at again, but leak checkers see that it isn't lost.
    _parents: *const Self,
}

/// Where the clients of this process are found.
pub struct Table<T: 'static> {
    owned: AtomicPtr<Owned<T>>,
    /// Grows with each new slot, also in a child, so that no two tables have an index in common.
    next_index: AtomicU64,
}

impl<T: Clone + Send + 'static> Table<T> {
    /// No client yet.
    pub const fn new() -> Self {
        Self {
            owned: AtomicPtr::new(ptr::null_mut()),
            next_index: AtomicU64::new(0),
        }
    }

    /// A number for a new client.
    ///
    /// # Errors
    /// `busy` when there are no numbers left, which takes 2^53 clients.
    pub fn insert(&self, client: T) -> Result<trakt_client> {
        let owned = self.own_or_new(std::process::id());
        let mut table = lock(&owned.slots);
        let position = match table.free.pop() {
            Some(position) => position,
            None => {
                if self.next_index.fetch_add(1, Ordering::Relaxed) >> INDEX_BITS != 0 {
                    return Err(Error::new(Status::Busy, "there are too many clients"));
                }
                table.slots.push(Slot {
                    generation: 1,
                    client: None,
                });
                table.slots.len() - 1
            }
        };
        let slot = &mut table.slots[position];
        slot.client = Some(client);
        Ok(slot.generation << INDEX_BITS | (owned.first_index + position as u64))
    }

    /// The client of a number.
    ///
    /// # Errors
    /// `wrong_state` for a number of the process that this one was forked from, `invalid_handle` for any other that is no client.
    pub fn get(&self, number: trakt_client) -> Result<T> {
        let (owned, position, generation) = self.find(number, std::process::id())?;
        let table = lock(&owned.slots);
        table
            .slots
            .get(position)
            .filter(|slot| slot.generation == generation)
            .and_then(|slot| slot.client.clone())
            .ok_or_else(invalid)
    }

    /// Takes the client of a number out: from now on the number is stale.
    ///
    /// # Errors
    /// As [`Table::get`].
    pub fn remove(&self, number: trakt_client) -> Result<T> {
        let (owned, position, generation) = self.find(number, std::process::id())?;
        let mut table = lock(&owned.slots);
        let client = table
            .slots
            .get_mut(position)
            .filter(|slot| slot.generation == generation)
            .and_then(|slot| slot.client.take())
            .ok_or_else(invalid)?;
        table.retire(position);
        Ok(client)
    }

    /// Takes all clients of this process out.
    pub fn remove_all(&self) -> Vec<T> {
        let Some(owned) = self.own(std::process::id()) else {
            return Vec::new();
        };
        let mut table = lock(&owned.slots);
        let mut clients = Vec::new();
        for position in 0..table.slots.len() {
            if let Some(client) = table.slots[position].client.take() {
                clients.push(client);
                table.retire(position);
            }
        }
        clients
    }

    /// Keeps a client that has no number any more, for [`Table::take_aside`].
    pub fn set_aside(&self, client: T) {
        lock(&self.own_or_new(std::process::id()).slots)
            .aside
            .push(client);
    }

    /// Takes out what this process has set aside.
    pub fn take_aside(&self) -> Vec<T> {
        self.own(std::process::id())
            .map(|owned| std::mem::take(&mut lock(&owned.slots).aside))
            .unwrap_or_default()
    }

    /// This process' table, if it has made one. Takes no lock.
    fn own(&self, process: u32) -> Option<&'static Owned<T>> {
        // SAFETY: the pointer is NULL or a table that was leaked on purpose: it lives for ever.
        unsafe { self.owned.load(Ordering::Acquire).as_ref() }
            .filter(|owned| owned.process == process)
    }

    fn own_or_new(&self, process: u32) -> &'static Owned<T> {
        loop {
            let there = self.owned.load(Ordering::Acquire);
            // SAFETY: as in `own`.
            if let Some(owned) = unsafe { there.as_ref() }
                && owned.process == process
            {
                return owned;
            }
            let fresh = Box::into_raw(Box::new(Owned {
                process,
                first_index: self.next_index.load(Ordering::Relaxed),
                slots: Mutex::new(Slots::default()),
                _parents: there,
            }));
            if self
                .owned
                .compare_exchange(there, fresh, Ordering::AcqRel, Ordering::Acquire)
                .is_err()
            {
                // SAFETY: another thread was faster; nobody else has seen `fresh`.
                drop(unsafe { Box::from_raw(fresh) });
            }
        }
    }

    /// Which table, position and generation a number means. Takes no lock.
    fn find(&self, number: trakt_client, process: u32) -> Result<(&'static Owned<T>, usize, u64)> {
        let (generation, index) = (number >> INDEX_BITS, number & ((1 << INDEX_BITS) - 1));
        if generation == 0 || generation > LAST_GENERATION {
            return Err(invalid());
        }
        let first_own = match self.own(process) {
            Some(owned) => owned.first_index,
            None => self.next_index.load(Ordering::Relaxed),
        };
        if index < first_own {
            return Err(Error::new(
                Status::WrongState,
                "the client belongs to the process before the fork; open one in this process",
            ));
        }
        let owned = self.own(process).ok_or_else(invalid)?;
        let position = usize::try_from(index - first_own).map_err(|_| invalid())?;
        Ok((owned, position, generation))
    }
}

impl<T> Slots<T> {
    /// Makes a slot ready for its next client, unless its generations are used up.
    fn retire(&mut self, position: usize) {
        let slot = &mut self.slots[position];
        slot.generation += 1;
        if slot.generation <= LAST_GENERATION {
            self.free.push(position);
        }
    }
}

/// A test's tables end with it; the library's own is static and stays.
#[cfg(test)]
impl<T: 'static> Drop for Table<T> {
    fn drop(&mut self) {
        let mut next: *const Owned<T> = *self.owned.get_mut();
        while !next.is_null() {
            // SAFETY: made by `Box::into_raw`, each in one chain; nobody uses the table any more.
            next = unsafe { Box::from_raw(next.cast_mut()) }._parents;
        }
    }
}

fn invalid() -> Error {
    Error::new(
        Status::InvalidHandle,
        "there is no client with this number: it was closed or never opened",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn status<T>(result: Result<T>) -> Option<Status> {
        result.err().map(|error| error.status)
    }

    #[test]
    fn a_number_is_good_until_it_is_closed_and_never_again() {
        let table = Table::new();
        assert_eq!(status(table.get(0)), Some(Status::InvalidHandle));
        let first = table.insert("a").unwrap();
        assert_eq!(first, 1 << 32);
        assert_eq!(table.get(first), Ok("a"));
        assert_eq!(table.remove(first), Ok("a"));
        assert_eq!(status(table.remove(first)), Some(Status::InvalidHandle));
        let second = table.insert("b").unwrap();
        assert_eq!(second, 2 << 32);
        assert_eq!(status(table.get(first)), Some(Status::InvalidHandle));
        assert_eq!(table.remove_all(), ["b"]);
        assert_eq!(status(table.get(second)), Some(Status::InvalidHandle));
    }

    #[test]
    fn a_slot_is_retired_when_its_generations_are_used_up() {
        let table = Table::new();
        let number = table.insert(()).unwrap();
        let owned = table.own(std::process::id()).unwrap();
        lock(&owned.slots).slots[0].generation = LAST_GENERATION;
        let last = LAST_GENERATION << INDEX_BITS;
        assert!(last < 1 << 53);
        assert_eq!(status(table.get(number)), Some(Status::InvalidHandle));
        assert_eq!(table.get(last), Ok(()));
        assert_eq!(table.remove(last), Ok(()));
        let next = table.insert(()).unwrap();
        assert_eq!(next, 1 << INDEX_BITS | 1);
        assert_eq!(status(table.get(1 << 53)), Some(Status::InvalidHandle));
    }

    #[test]
    fn another_process_recognises_old_numbers_and_has_its_own() {
        let (parent, child) = (std::process::id(), std::process::id() + 1);
        let table = Table::new();
        let old = table.insert("parent").unwrap();
        assert_eq!(status(table.find(old, child)), Some(Status::WrongState));
        // What a fork may leave behind: a lock that nobody will ever open again.
        let held = lock(&table.own(parent).unwrap().slots);
        let own = table.own_or_new(child);
        assert_eq!(own.first_index, 1);
        assert_eq!(status(table.find(old, child)), Some(Status::WrongState));
        assert_eq!(
            status(table.find(1 << 32 | 5, parent + 2)),
            Some(Status::InvalidHandle)
        );
        let (found, position, generation) = table.find(1 << 32 | 1, child).unwrap();
        assert!(ptr::eq(found, own));
        assert_eq!((position, generation), (0, 1));
        drop(held);
    }

    proptest! {
        #[test]
        fn any_number_is_a_client_exactly_while_it_is_open(
            steps in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>(), any::<u64>()), 1..200)
        ) {
            let table = Table::new();
            let mut open = BTreeMap::new();
            let mut seen = Vec::new();
            for (value, (opens, which, invented)) in steps.into_iter().enumerate() {
                if opens || seen.is_empty() {
                    let number = table.insert(value).unwrap();
                    prop_assert!(!seen.contains(&number));
                    open.insert(number, value);
                    seen.push(number);
                } else {
                    let number = seen[which.index(seen.len())];
                    prop_assert_eq!(table.remove(number).ok(), open.remove(&number));
                }
                for number in seen.iter().copied().chain([invented]) {
                    prop_assert_eq!(table.get(number).ok(), open.get(&number).copied());
                }
            }
        }
    }
}
