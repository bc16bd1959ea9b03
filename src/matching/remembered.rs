//! What was found at Trakt or set by a person, by the name of what was asked for.
//! Knows nothing of how it was found.
#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};

use crate::client::short_hash;
use crate::error::Result;
use crate::scrobble::item::Thing;
use crate::store::Tx;

/// So many are kept; beyond that those that were found longest ago go, never what a person has set.
const MOST: usize = 5_000;
/// So many go at once.
const AT_ONCE: usize = 500;

/// Where a match comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Source {
    /// A person has set it.
    Set,
    /// Trakt's search found it.
    Search,
}

/// One match.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Remembered {
    /// Where it comes from.
    pub source: Source,
    /// What it is; none: Trakt has nothing that fits.
    pub thing: Option<Thing>,
    /// How long it runs, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime_ms: Option<u64>,
    /// Since when, in milliseconds since 1970.
    pub at_ms: i64,
}

/// Where an account's matches are kept.
fn scope_of(scope: &str) -> String {
    format!("{scope} matches")
}

/// What is remembered under a name.
///
/// # Errors
/// As [`Tx::get`].
pub fn get(tx: &Tx<'_>, scope: &str, name: &str) -> Result<Option<Remembered>> {
    tx.get(&scope_of(scope), &short_hash(name))
}

/// Remembers it under that name.
///
/// # Errors
/// As [`Tx::put`] and [`Tx::keys`].
pub fn put(tx: &mut Tx<'_>, scope: &str, name: &str, match_: &Remembered) -> Result<()> {
    let matches = scope_of(scope);
    if tx.keys(&matches)?.len() >= MOST {
        let mut found: Vec<(String, Remembered)> = tx.scan(&matches, "", usize::MAX)?;
        found.retain(|(_, old)| old.source == Source::Search);
        found.sort_by_key(|(_, old)| old.at_ms);
        for (key, _) in found.into_iter().take(AT_ONCE) {
            tx.delete(&matches, &key)?;
        }
    }
    tx.put(&matches, &short_hash(name), match_)
}

/// Remembers what a search found, unless a person has set something there meanwhile.
///
/// # Errors
/// As [`get`] and [`put`].
pub fn put_found(tx: &mut Tx<'_>, scope: &str, name: &str, found: &Remembered) -> Result<()> {
    match get(tx, scope, name)? {
        Some(known) if known.source == Source::Set => Ok(()),
        _ => put(tx, scope, name, found),
    }
}

/// Forgets what is remembered under a name; whether there was anything.
///
/// # Errors
/// As [`Tx::get`].
pub fn forget(tx: &mut Tx<'_>, scope: &str, name: &str) -> Result<bool> {
    let known = get(tx, scope, name)?.is_some();
    tx.delete(&scope_of(scope), &short_hash(name))?;
    Ok(known)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cancel::{Budget, Cancel};
    use crate::store::Store;

    #[test]
    fn a_search_leaves_alone_what_a_person_has_set() {
        let budget = Budget::new(Cancel::new(), Duration::from_secs(60));
        let store = Store::open(None, Duration::from_secs(60));
        let of = |source, at_ms| Remembered {
            source,
            thing: None,
            runtime_ms: None,
            at_ms,
        };
        let after = |source| {
            store
                .write(&budget, |tx| {
                    put(tx, "a", "movie heat", &of(source, 1))?;
                    put_found(tx, "a", "movie heat", &of(Source::Search, 2))?;
                    get(tx, "a", "movie heat")
                })
                .unwrap()
                .unwrap()
        };
        assert_eq!(after(Source::Set), of(Source::Set, 1));
        assert_eq!(after(Source::Search), of(Source::Search, 2));
    }
}
