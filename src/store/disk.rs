//! The store on a disk: one session per transaction, from taking the lock to giving it back.
//! Knows nothing of what to do without a disk.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;

use crate::cancel::Budget;
use crate::capi::fork;

use super::locks::{FileLock, Queue, StoreLock};
use super::memory::Changes;
use super::trouble::{Stop, Trouble};
use super::tx::Source;
use super::{database, files, migrations};

const DATABASE: &str = "store.db";
const JOURNAL: &str = "store.db-journal";
const WAL: &str = "store.db-wal";
const LOCK: &str = "store.lock";
const CORRUPT: &str = "store.corrupt";

/// Where the store is.
pub(super) struct Disk {
    folder: PathBuf,
    database: PathBuf,
    queue: Arc<Queue>,
    /// Whether this store has looked through all pages of the file once.
    checked: AtomicBool,
    /// A folder that is removed isn't made again.
    ending: AtomicBool,
}

impl Disk {
    /// The store in `folder`; nothing is touched yet.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            database: folder.join(DATABASE),
            queue: Queue::of(&folder),
            checked: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            folder,
        }
    }

    /// From now on a folder that is removed isn't made again.
    pub fn end(&self) {
        self.ending.store(true, Ordering::Release);
    }

    /// The folder to write in.
    fn make_folder(&self) -> Result<PathBuf, Trouble> {
        if self.ending.load(Ordering::Acquire) {
            return files::find_folder(&self.folder)?
                .ok_or_else(|| Trouble::Io("the folder was removed".into()));
        }
        files::make_folder(&self.folder)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn generation(&self) -> u64 {
        files::generation(&self.database)
    }

    /// Takes the lock and opens the file. To write, everything that is missing is made; to read, nothing there is
    /// as good as an empty file.
    pub fn begin(&self, budget: &Budget, write: bool) -> Result<Session<'_>, Stop> {
        let folder = if write {
            self.make_folder()?
        } else {
            match files::find_folder(&self.folder)? {
                Some(folder) => folder,
                None => return Ok(Session::without_file(self)),
            }
        };
        let lock = StoreLock::take(&self.queue, &folder.join(LOCK), budget)?;
        let mut session = Session {
            disk: self,
            readonly: lock.readonly || !files::is_writable(&folder),
            connection: None,
            moved: false,
            folder,
            _no_fork: Some(fork::hold()),
            _lock: Some(lock),
        };
        session.open(write)?;
        Ok(session)
    }

    /// One try for a named lock.
    pub fn try_lock(&self, name: &str) -> Result<Option<FileLock>, Trouble> {
        let folder = self.make_folder()?;
        FileLock::try_file(&folder.join(name))
    }

    /// Takes a named lock from whoever holds it.
    pub fn replace_lock(&self, name: &str, budget: &Budget) -> Result<Option<FileLock>, Stop> {
        let folder = self.make_folder()?;
        let _lock = StoreLock::take(&self.queue, &folder.join(LOCK), budget)?;
        Ok(FileLock::replace_file(&folder.join(name), &folder)?)
    }

    /// Removes the damaged file that was kept.
    pub fn remove_corrupt(&self) -> Result<(), Trouble> {
        match files::find_folder(&self.folder)? {
            Some(folder) => files::remove(&folder.join(CORRUPT)),
            None => Ok(()),
        }
    }
}

/// One transaction's hold of the file. Dropped: the file is closed, then the lock is free.
pub(super) struct Session<'a> {
    disk: &'a Disk,
    folder: PathBuf,
    connection: Option<Connection>,
    /// Whether nothing can be written.
    pub readonly: bool,
    /// Whether a damaged file was moved aside.
    pub moved: bool,
    /// A child forked in the middle would find SQLite's locks taken for ever.
    _no_fork: Option<fork::Hold>,
    _lock: Option<StoreLock>,
}

impl<'a> Session<'a> {
    fn without_file(disk: &'a Disk) -> Self {
        Self {
            disk,
            folder: disk.folder.clone(),
            connection: None,
            readonly: false,
            moved: false,
            _no_fork: None,
            _lock: None,
        }
    }

    /// Whether there is an open file.
    pub fn is_open(&self) -> bool {
        self.connection.is_some()
    }

    /// Where the transaction reads.
    pub fn source(&self) -> Source<'_> {
        match &self.connection {
            Some(connection) => Source::File(connection, &self.folder),
            None => Source::Nothing,
        }
    }

    /// Where the file stands now.
    pub fn generation(&self) -> u64 {
        files::generation(&self.folder.join(DATABASE))
    }

    /// Opens the file; a damaged one is moved aside first.
    fn open(&mut self, create: bool) -> Result<(), Trouble> {
        match self.try_open(create) {
            Err(Trouble::Corrupt) => {
                self.move_aside()?;
                self.try_open(create)
            }
            result => result,
        }
    }

    fn try_open(&mut self, create: bool) -> Result<(), Trouble> {
        let path = self.folder.join(DATABASE);
        let journal = files::inspect(&self.folder.join(JOURNAL))?;
        let opened = match files::open(&path)? {
            Some(opened) => opened,
            None if create => files::open_or_create(&path)?,
            None => return Ok(()),
        };
        self.readonly |= opened.readonly;
        match files::header(&opened.file) {
            Some(header) if header.user_version > migrations::VERSION => {
                return Err(Trouble::Newer);
            }
            // SQLite couldn't open it without shared memory.
            Some(header) if header.is_wal && journal.is_none() => return Err(Trouble::Corrupt),
            None if !create && opened.file.metadata().is_ok_and(|meta| meta.len() == 0) => {
                return Ok(());
            }
            _ => {}
        }
        let connection =
            database::open(&path).map_err(|error| database::trouble(&error, &self.folder))?;
        let check = !self.disk.checked.load(Ordering::Acquire);
        database::prepare(&connection, &self.folder, check)?;
        self.disk.checked.store(true, Ordering::Release);
        self.connection = Some(connection);
        Ok(())
    }

    /// Keeps a damaged file as the one copy aside, so that a new one can begin. The lock is held since the damage
    /// was found, so it can't be another's new file.
    pub fn move_aside(&mut self) -> Result<(), Trouble> {
        self.connection = None;
        if self.moved || self.readonly {
            return Err(Trouble::Corrupt);
        }
        let path = self.folder.join(DATABASE);
        std::fs::rename(&path, self.folder.join(CORRUPT))
            .map_err(|error| Trouble::io(&path, &error))?;
        self.moved = true;
        // They belong to the damaged file and would be played into the new one.
        files::remove(&self.folder.join(JOURNAL))?;
        files::remove(&self.folder.join(WAL))?;
        files::sync_folder(&self.folder)
    }

    /// Sets the spare file aside.
    pub fn keep_spare(&self) -> Result<(), Trouble> {
        if self.readonly {
            return Err(Trouble::Readonly);
        }
        files::keep_spare(&self.folder)
    }

    /// Commits all changes or none: into a new file if this one turns out to be damaged, and, when the transaction
    /// may spend the reserve, with the spare file's space if the disk is full.
    pub fn commit(&mut self, changes: &Changes, released: bool) -> Result<(), Trouble> {
        if changes.is_empty() {
            return Ok(());
        }
        if self.readonly {
            return Err(Trouble::Readonly);
        }
        let result = match self.apply(changes) {
            Err(Trouble::Full) if released && files::spend_spare(&self.folder) => {
                self.reopen()?;
                self.apply(changes)
            }
            Err(Trouble::Corrupt) => {
                if !self.moved {
                    self.move_aside()?;
                }
                self.reopen()?;
                self.apply(changes)
            }
            result => result,
        };
        if result.is_err() {
            self.connection = None;
        }
        result
    }

    fn reopen(&mut self) -> Result<(), Trouble> {
        self.connection = None;
        self.open(true)
    }

    fn apply(&self, changes: &Changes) -> Result<(), Trouble> {
        // Moved aside while the transaction's work read it.
        let Some(connection) = &self.connection else {
            return Err(Trouble::Corrupt);
        };
        database::apply(connection, changes)
            .map_err(|error| database::trouble(&error, &self.folder))?;
        files::sync_folder(&self.folder)
    }
}
