//! One transaction as its work sees it: documents as they are, with the changes made so far on top.
//! Knows nothing of how they are committed; until then nothing is written anywhere.
#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::path::Path;

use rusqlite::Connection;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::error::{Error, Result};

use super::database;
use super::memory::{Changes, Documents, Text};
use super::trouble::Trouble;

/// Scope of the store's own documents; no account's scope is without a space.
pub(super) const OWN_SCOPE: &str = "store";
/// Some 16 KiB that a transaction can give up.
pub(super) const FILLER: &str = "reserve";
/// What changes with each reserve, so that each is a real commit.
pub(super) const STAMP: &str = "reserved";

/// Where documents are read from.
pub(super) enum Source<'a> {
    /// There is no file yet.
    Nothing,
    /// The open file, and its folder.
    File(&'a Connection, &'a Path),
    /// Memory.
    Memory(&'a Documents),
}

/// A transaction under way. Documents are JSON, named by a scope and a key.
pub struct Tx<'a> {
    source: Source<'a>,
    changes: Changes,
    generation: u64,
    released: bool,
    trouble: RefCell<Option<Trouble>>,
}

/// What is left of a transaction when its work is done.
pub(super) struct Finished {
    pub changes: Changes,
    pub released: bool,
    pub trouble: Option<Trouble>,
}

impl<'a> Tx<'a> {
    pub(super) fn new(source: Source<'a>, changes: Changes, generation: u64) -> Self {
        Self {
            source,
            changes,
            generation,
            released: false,
            trouble: RefCell::new(None),
        }
    }

    pub(super) fn finish(self) -> Finished {
        Finished {
            changes: self.changes,
            released: self.released,
            trouble: self.trouble.into_inner(),
        }
    }

    /// Reads a document. One that `T` can't be made of, because an older or a newer version wrote it, is none.
    ///
    /// # Errors
    /// `storage` or `storage_corrupt` when the file can't be read.
    pub fn get<T: DeserializeOwned>(&self, scope: &str, key: &str) -> Result<Option<T>> {
        let name = (scope.to_owned(), key.to_owned());
        if let Some(change) = self.changes.get(&name) {
            return Ok(change.as_ref().and_then(|text| parse(key, text.as_bytes())));
        }
        match &self.source {
            Source::Nothing => Ok(None),
            Source::Memory(documents) => Ok(documents
                .get(&name)
                .and_then(|text| parse(key, text.as_bytes()))),
            Source::File(connection, folder) => database::get(connection, scope, key)
                .map(|text| text.and_then(|text| parse(key, &text)))
                .map_err(|error| self.failed(&error, folder)),
        }
    }

    /// Writes a document, over the one of that name.
    ///
    /// # Errors
    /// `internal`, if the value can't be JSON.
    pub fn put<T: Serialize>(&mut self, scope: &str, key: &str, value: &T) -> Result<()> {
        let text: Text = Zeroizing::new(crate::json::write(value)?);
        self.changes
            .insert((scope.to_owned(), key.to_owned()), Some(text));
        Ok(())
    }

    /// Removes a document; none of that name is fine.
    ///
    /// # Errors
    /// None today.
    pub fn delete(&mut self, scope: &str, key: &str) -> Result<()> {
        self.changes
            .insert((scope.to_owned(), key.to_owned()), None);
        Ok(())
    }

    /// The keys of a scope, in order.
    ///
    /// # Errors
    /// `storage` or `storage_corrupt` when the file can't be read.
    pub fn keys(&self, scope: &str) -> Result<Vec<String>> {
        let mut keys: BTreeSet<String> = match &self.source {
            Source::Nothing => BTreeSet::new(),
            Source::Memory(documents) => documents
                .keys()
                .filter(|(its, _)| its == scope)
                .map(|(_, key)| key.clone())
                .collect(),
            Source::File(connection, folder) => database::keys(connection, scope)
                .map_err(|error| self.failed(&error, folder))?
                .into_iter()
                .collect(),
        };
        for ((its, key), change) in &self.changes {
            if its == scope {
                match change {
                    Some(_) => keys.insert(key.clone()),
                    None => keys.remove(key),
                };
            }
        }
        Ok(keys.into_iter().collect())
    }

    /// The documents of a scope whose keys come after `after` (`""`: from the first), in the order of their keys, at
    /// most `most` of them. One that `T` can't be made of is passed over.
    ///
    /// # Errors
    /// `storage` or `storage_corrupt` when the file can't be read.
    pub fn scan<T: DeserializeOwned>(
        &self,
        scope: &str,
        after: &str,
        most: usize,
    ) -> Result<Vec<(String, T)>> {
        let beyond = (scope.to_owned(), after.to_owned());
        let mine = || {
            let from = (Bound::Excluded(&beyond), Bound::Unbounded);
            self.changes
                .range(from)
                .take_while(|((its, _), _)| its == scope)
        };
        // What was removed here makes room for as many more.
        let enough = most.saturating_add(mine().count());
        let mut texts: BTreeMap<String, Text> = match &self.source {
            Source::Nothing => BTreeMap::new(),
            Source::Memory(documents) => documents
                .range((Bound::Excluded(&beyond), Bound::Unbounded))
                .take_while(|((its, _), _)| its == scope)
                .take(enough)
                .map(|((_, key), text)| (key.clone(), text.clone()))
                .collect(),
            Source::File(connection, folder) => database::scan(connection, scope, after, enough)
                .map_err(|error| self.failed(&error, folder))?
                .into_iter()
                .collect(),
        };
        for ((_, key), change) in mine() {
            match change {
                Some(text) => texts.insert(key.clone(), text.clone()),
                None => texts.remove(key),
            };
        }
        Ok(texts
            .into_iter()
            .take(most)
            .filter_map(|(key, text)| Some((parse(&key, text.as_bytes())?, key)))
            .map(|(value, key)| (key, value))
            .collect())
    }

    /// Removes every document of a scope.
    ///
    /// # Errors
    /// `storage` or `storage_corrupt` when the file can't be read.
    pub fn clear(&mut self, scope: &str) -> Result<()> {
        for key in self.keys(scope)? {
            self.delete(scope, &key)?;
        }
        Ok(())
    }

    /// The generation that this transaction reads: what [`super::Store::generation`] says until the next commit.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Uses up what [`super::Store::reserve`] set aside: its row goes in this transaction, and if the disk is full
    /// all the same, the spare file goes before the commit is tried again. A transaction that doesn't say this
    /// leaves both to the one that does.
    pub fn release_reserve(&mut self) {
        self.changes
            .insert((OWN_SCOPE.to_owned(), FILLER.to_owned()), None);
        self.released = true;
    }

    /// Whether a commit ends on the disk.
    pub(super) fn is_durable(&self) -> bool {
        !matches!(self.source, Source::Memory(_))
    }

    fn failed(&self, error: &rusqlite::Error, folder: &Path) -> Error {
        let trouble = database::trouble(error, folder);
        let error = trouble.error();
        *self.trouble.borrow_mut() = Some(trouble);
        error
    }
}

/// The value of a text, or none; the parser's own message could repeat what the text says, so it isn't logged.
fn parse<T: DeserializeOwned>(key: &str, text: &[u8]) -> Option<T> {
    match serde_json::from_slice(text) {
        Ok(value) => Some(value),
        Err(error) => {
            log::warn!(
                "the stored document `{key}` can't be read (line {}, column {}) and is taken for absent",
                error.line(),
                error.column()
            );
            None
        }
    }
}
