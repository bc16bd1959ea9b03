//! The store without a disk: the same documents, transactions and locks, for one client and as long as it lives.
//! Knows nothing of files.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use zeroize::Zeroizing;

use crate::cancel::{Budget, lock};
use crate::error::Result;

use super::locks::{FileLock, MemoryLocks, Queue};
use super::tx::{Source, Tx};

/// The JSON text of a document; it may hold secrets.
pub(super) type Text = Zeroizing<String>;
/// Documents by scope and key.
pub(super) type Documents = BTreeMap<(String, String), Text>;
/// What a transaction does to them: a new text, or none any more.
pub(super) type Changes = BTreeMap<(String, String), Option<Text>>;

/// Documents and locks in memory.
#[derive(Default)]
pub(super) struct Memory {
    queue: Arc<Queue>,
    documents: Mutex<Documents>,
    generation: AtomicU64,
    locks: MemoryLocks,
}

impl Memory {
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub fn read<T>(&self, budget: &Budget, work: impl FnOnce(&Tx) -> Result<T>) -> Result<T> {
        let _turn = self.queue.enter(budget)?;
        let documents = lock(&self.documents);
        work(&Tx::new(
            Source::Memory(&documents),
            Changes::new(),
            self.generation(),
        ))
    }

    pub fn write<T, R>(
        &self,
        budget: &Budget,
        work: impl FnOnce(&mut Tx) -> Result<T>,
        then: impl FnOnce(T, u64) -> R,
    ) -> Result<R> {
        let _turn = self.queue.enter(budget)?;
        let mut documents = lock(&self.documents);
        let mut tx = Tx::new(
            Source::Memory(&documents),
            Changes::new(),
            self.generation(),
        );
        let value = work(&mut tx)?;
        let changes = tx.finish().changes;
        self.apply(&mut documents, changes);
        drop(documents);
        Ok(then(value, self.generation()))
    }

    /// Takes in what couldn't be put on the disk.
    pub fn accept(&self, changes: Changes) -> u64 {
        self.apply(&mut lock(&self.documents), changes);
        self.generation()
    }

    fn apply(&self, documents: &mut Documents, changes: Changes) {
        if changes.is_empty() {
            return;
        }
        for (name, change) in changes {
            match change {
                Some(text) => documents.insert(name, text),
                None => documents.remove(&name),
            };
        }
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// All documents, as the changes that put them somewhere else.
    pub fn carry(&self) -> Changes {
        lock(&self.documents)
            .iter()
            .map(|(name, text)| (name.clone(), Some(text.clone())))
            .collect()
    }

    pub fn clear(&self) {
        lock(&self.documents).clear();
    }

    pub fn try_lock(&self, name: &str) -> Option<FileLock> {
        self.locks.try_take(name)
    }

    pub fn replace_lock(&self, name: &str) -> FileLock {
        self.locks.replace(name)
    }
}
