//! What the file looks like, as the steps from an empty file to today's.
//! Knows nothing of what is kept in it.
#![forbid(unsafe_code)]

use rusqlite::{Connection, Result};

/// Each step brings a file from the version before to its own, counted from 1. `user_version` of a file is
/// the oldest reader that copes, so a step is only for what older readers can't cope with: documents are read
/// tolerantly, and what is merely new in them needs none.
const STEPS: &[&str] = &["CREATE TABLE document (
        scope TEXT NOT NULL,
        key TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (scope, key)
    ) WITHOUT ROWID"];

/// The version that this library reads and writes.
pub(super) const VERSION: u32 = STEPS.len() as u32;

/// The version of an open file.
pub(super) fn version(connection: &Connection) -> Result<u32> {
    connection
        .query_row("PRAGMA user_version", [], |row| row.get::<_, i32>(0))
        .map(i32::cast_unsigned)
}

/// Brings a file up to `VERSION`, all steps or none.
pub(super) fn migrate(connection: &Connection) -> Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let from = version(connection)?;
    for step in STEPS.iter().skip(from as usize) {
        connection.execute_batch(step)?;
    }
    connection.pragma_update(None, "user_version", VERSION)?;
    connection.execute_batch("COMMIT")
}
