//! The one place that talks to SQLite: opening, checking, reading a document, committing changes.
//! Knows nothing of locks; whoever calls holds the store's lock.
#![forbid(unsafe_code)]

use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Result};
use zeroize::Zeroizing;

use super::files;
use super::memory::Changes;
use super::migrations;
use super::trouble::Trouble;

/// Opens the file, which exists and was checked, and rolls back what a killed writer left.
///
/// SQLite's own locks are off on Unix: they are POSIX locks, which two copies of SQLite in one process take from
/// each other. The store's lock stands in for them. `synchronous` is FULL, and the folder is synced after each commit.
pub(super) fn open(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let connection = if cfg!(unix) {
        Connection::open_with_flags_and_vfs(path, flags, c"unix-none")?
    } else {
        Connection::open_with_flags(path, flags)?
    };
    connection.execute_batch(
        "PRAGMA cache_size = -256;
         PRAGMA temp_store = MEMORY;
         PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON;
         PRAGMA secure_delete = ON;
         PRAGMA synchronous = FULL;
         PRAGMA journal_mode = DELETE;",
    )?;
    Ok(connection)
}

/// Whether the pages hold together.
pub(super) fn is_sound(connection: &Connection) -> Result<bool> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    Ok(verdict == "ok")
}

/// Whether the documents are where this version expects them.
pub(super) fn has_documents(connection: &Connection) -> bool {
    connection
        .prepare("SELECT scope, key, value FROM document")
        .is_ok()
}

/// The text of one document; an empty one for what is no text.
pub(super) fn get(
    connection: &Connection,
    scope: &str,
    key: &str,
) -> Result<Option<Zeroizing<Vec<u8>>>> {
    connection
        .prepare("SELECT value FROM document WHERE scope = ?1 AND key = ?2")?
        .query_row([scope, key], |row| {
            let value = row.get_ref(0)?;
            Ok(Zeroizing::new(
                value
                    .as_bytes_or_null()
                    .ok()
                    .flatten()
                    .unwrap_or_default()
                    .to_vec(),
            ))
        })
        .optional()
}

/// The keys of one scope.
pub(super) fn keys(connection: &Connection, scope: &str) -> Result<Vec<String>> {
    connection
        .prepare("SELECT key FROM document WHERE scope = ?1")?
        .query_map([scope], |row| row.get(0))?
        .collect()
}

/// Key and text of the documents of one scope behind a key, in order, at most so many.
pub(super) fn scan(
    connection: &Connection,
    scope: &str,
    after: &str,
    most: usize,
) -> Result<Vec<(String, Zeroizing<String>)>> {
    connection
        .prepare(
            "SELECT key, value FROM document WHERE scope = ?1 AND key > ?2 ORDER BY key LIMIT ?3",
        )?
        .query_map(
            rusqlite::params![scope, after, i64::try_from(most).unwrap_or(i64::MAX)],
            |row| {
                let text = row.get_ref(1)?.as_bytes_or_null().ok().flatten();
                let text = String::from_utf8_lossy(text.unwrap_or_default()).into_owned();
                Ok((row.get(0)?, Zeroizing::new(text)))
            },
        )?
        .collect()
}

/// Commits all changes or none.
pub(super) fn apply(connection: &Connection, changes: &Changes) -> Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    {
        let mut put = connection.prepare(
            "INSERT INTO document (scope, key, value) VALUES (?1, ?2, ?3)
             ON CONFLICT (scope, key) DO UPDATE SET value = excluded.value",
        )?;
        let mut delete =
            connection.prepare("DELETE FROM document WHERE scope = ?1 AND key = ?2")?;
        for ((scope, key), change) in changes {
            match change {
                Some(text) => put.execute([scope.as_str(), key, text.as_str()])?,
                None => delete.execute([scope, key])?,
            };
        }
    }
    connection.execute_batch("COMMIT")
}

fn cause(error: &rusqlite::Error) -> Option<&rusqlite::ffi::Error> {
    match error {
        rusqlite::Error::SqliteFailure(cause, _)
        | rusqlite::Error::SqlInputError { error: cause, .. } => Some(cause),
        _ => None,
    }
}

/// What an error of SQLite means for the store. Where SQLite keeps the system's reason to itself, the folder is tried.
pub(super) fn trouble(error: &rusqlite::Error, folder: &Path) -> Trouble {
    let Some(cause) = cause(error) else {
        return Trouble::Io("SQLite gave an unexpected answer".into());
    };
    let unclear = || Trouble::Io(format!("SQLite error {}", cause.extended_code));
    match cause.code {
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Trouble::Corrupt,
        ErrorCode::DiskFull => Trouble::Full,
        ErrorCode::ReadOnly => Trouble::Readonly,
        ErrorCode::SystemIoFailure
            if matches!(
                cause.extended_code,
                rusqlite::ffi::SQLITE_IOERR_READ
                    | rusqlite::ffi::SQLITE_IOERR_SHORT_READ
                    | rusqlite::ffi::SQLITE_IOERR_FSTAT
            ) =>
        {
            unclear()
        }
        ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::PermissionDenied => {
            files::probe(folder).unwrap_or_else(unclear)
        }
        _ => unclear(),
    }
}

/// Brings the file up to date and says whether it can be used: `Newer` for one that can't.
pub(super) fn prepare(connection: &Connection, folder: &Path, check: bool) -> Result<(), Trouble> {
    let failed = |error: rusqlite::Error| trouble(&error, folder);
    let version = migrations::version(connection).map_err(failed)?;
    if version > migrations::VERSION {
        return Err(Trouble::Newer);
    }
    if check && !is_sound(connection).map_err(failed)? {
        return Err(Trouble::Corrupt);
    }
    if version < migrations::VERSION {
        migrations::migrate(connection).map_err(|error| match cause(&error) {
            // It has tables of its own that are in the way.
            Some(cause) if cause.code == ErrorCode::Unknown => Trouble::Corrupt,
            _ => failed(error),
        })?;
        files::sync_folder(folder)?;
    }
    if check && !has_documents(connection) {
        return Err(Trouble::Corrupt);
    }
    Ok(())
}
