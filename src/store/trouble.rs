//! What can be wrong with the store's folder and files, and the error a host gets for it.
//! Knows nothing of transactions.
#![forbid(unsafe_code)]

use std::io;
use std::path::Path;

use crate::error::{Error, Status};

/// Why the disk doesn't do what the store needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// A file or folder isn't what we would have made: a link, another owner. The sentence says which.
    Refused(String),
    /// Nothing can be written.
    Readonly,
    /// There is no space.
    Full,
    /// A newer version wrote the file.
    Newer,
    /// The file is damaged.
    Corrupt,
    /// Anything else that the system reports. The sentence says what.
    Io(String),
}

impl Trouble {
    /// The system's answer about one file; only its name is shown, not where it is.
    pub fn io(path: &Path, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Self::Readonly,
            kind => Self::Io(format!("{}: {kind}", name(path))),
        }
    }

    /// A file that isn't used because of what it is.
    pub fn refused(path: &Path, why: &str) -> Self {
        Self::Refused(format!("{} {why}", name(path)))
    }

    /// What a host gets.
    pub fn error(&self) -> Error {
        match self {
            Self::Refused(what) => {
                Error::new(Status::Storage, format!("the store isn't used: {what}"))
            }
            Self::Readonly => Error::new(
                Status::Storage,
                "the store can't be written: its folder is read-only",
            ),
            Self::Full => Error::new(
                Status::StorageFull,
                "the store can't be written: the disk is full",
            ),
            Self::Newer => Error::new(
                Status::StorageNewer,
                "the store was written by a newer version and is left alone",
            ),
            Self::Corrupt => Error::new(
                Status::StorageCorrupt,
                "the store was damaged; it is moved aside and a new one begins",
            ),
            Self::Io(what) => Error::new(Status::Storage, format!("the store fails: {what}")),
        }
    }
}

/// The file's name, as a message may show it.
fn name(path: &Path) -> String {
    path.file_name().map_or_else(
        || "the folder".into(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// Why a step didn't happen: trouble with the disk, or the call's own end.
#[derive(Debug)]
pub(super) enum Stop {
    /// Cancelled, closed or out of time.
    Ended(Error),
    /// The disk.
    Trouble(Trouble),
}

impl From<Trouble> for Stop {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}
