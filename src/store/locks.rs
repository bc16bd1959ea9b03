//! Locks between threads, library images and processes: a fair queue in the process, flock on a file between all.
//! Knows nothing of what they guard. POSIX locks are no use: two copies of the library in one process share them.
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::cancel::{Budget, lock};
use crate::capi::fork;
use crate::error::Result;

use super::files;
use super::trouble::{Stop, Trouble};

/// The first wait between two tries; each next one is twice as long.
const FIRST_POLL: Duration = Duration::from_micros(500);
/// The longest wait between two tries.
const LAST_POLL: Duration = Duration::from_millis(10);
/// How long the store stays free for other processes after it was ours without a break.
const BREATH: Duration = Duration::from_millis(12);
/// How long one process may go on without that.
const STREAK: Duration = Duration::from_millis(100);
/// How often a waiter in the queue looks at its budget.
const LOOK: Duration = Duration::from_millis(25);

/// Takes an flock without waiting; false when somebody holds it. It goes through rustix since std has none on Android.
#[cfg(unix)]
fn flock(file: &File) -> std::io::Result<bool> {
    use rustix::fs::{FlockOperation, flock};
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(unix))]
fn flock(file: &File) -> std::io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(std::fs::TryLockError::WouldBlock) => Ok(false),
        Err(std::fs::TryLockError::Error(error)) => Err(error),
    }
}

/// Closing alone doesn't free the lock while a forked child holds a duplicate of the descriptor.
fn unlock(file: &File) {
    #[cfg(unix)]
    let _ = rustix::fs::flock(file, rustix::fs::FlockOperation::Unlock);
    #[cfg(not(unix))]
    let _ = file.unlock();
}

/// One try for the lock on a file; none when somebody holds it. The lock counts only while the path names the file.
fn try_take(path: &Path) -> Result<Option<files::Opened>, Trouble> {
    for _ in 0..16 {
        let opened = files::open_or_create(path)?;
        if !flock(&opened.file).map_err(|error| Trouble::io(path, &error))? {
            return Ok(None);
        }
        if files::names(path, &opened.file) {
            return Ok(Some(opened));
        }
        unlock(&opened.file);
    }
    Ok(None)
}

/// Repeats a try until it succeeds or the budget ends.
pub(super) fn until<T>(
    budget: &Budget,
    mut attempt: impl FnMut() -> Result<Option<T>, Stop>,
) -> Result<T, Stop> {
    let mut pause = FIRST_POLL;
    loop {
        budget.cancel.check().map_err(Stop::Ended)?;
        if let Some(taken) = attempt()? {
            return Ok(taken);
        }
        budget.check().map_err(Stop::Ended)?;
        budget
            .cancel
            .sleep(pause.min(budget.left()))
            .map_err(Stop::Ended)?;
        pause = (pause * 2).min(LAST_POLL);
    }
}

/// First come, first served, among the threads of this image.
#[derive(Default)]
pub(super) struct Queue {
    line: Mutex<Line>,
    moved: Condvar,
}

#[derive(Default)]
struct Line {
    next: u64,
    waiting: VecDeque<u64>,
    taken: bool,
    /// Since when the turns have followed each other without a break, and when the last one ended.
    streak: Option<(Instant, Instant)>,
}

/// A thread's turn; ends when dropped.
pub(super) struct Turn(Arc<Queue>);

impl Queue {
    /// The queue of a folder, one for all stores of this image. In a forked child each store has its own: the
    /// parent's registry and queues may have been in use by threads that the child doesn't have.
    pub fn of(folder: &Path) -> Arc<Self> {
        static OWNER: AtomicU32 = AtomicU32::new(0);
        let process = std::process::id();
        let owner = OWNER.compare_exchange(0, process, Ordering::Relaxed, Ordering::Relaxed);
        if owner.is_err_and(|owner| owner != process) {
            return Arc::default();
        }
        static QUEUES: Mutex<(u32, BTreeMap<PathBuf, Weak<Queue>>)> =
            Mutex::new((0, BTreeMap::new()));
        let _no_fork = fork::hold();
        let mut of_process = lock(&QUEUES);
        if of_process.0 != std::process::id() {
            // A forked child can't wait for the turns of its parent's threads.
            *of_process = (std::process::id(), BTreeMap::new());
        }
        let queues = &mut of_process.1;
        queues.retain(|_, queue| queue.strong_count() > 0);
        if let Some(queue) = queues.get(folder).and_then(Weak::upgrade) {
            return queue;
        }
        let queue = Arc::new(Self::default());
        queues.insert(folder.to_owned(), Arc::downgrade(&queue));
        queue
    }

    /// Waits for this thread's turn.
    pub fn enter(self: &Arc<Self>, budget: &Budget) -> Result<Turn> {
        budget.cancel.check()?;
        let mut line = lock(&self.line);
        let ticket = line.next;
        line.next += 1;
        line.waiting.push_back(ticket);
        loop {
            if !line.taken && line.waiting.front() == Some(&ticket) {
                line.waiting.pop_front();
                line.taken = true;
                return Ok(Turn(self.clone()));
            }
            if let Err(error) = budget.check() {
                line.waiting.retain(|waiting| *waiting != ticket);
                self.moved.notify_all();
                return Err(error);
            }
            line = self
                .moved
                .wait_timeout(line, LOOK.min(budget.left()))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

#[cfg(test)]
impl Queue {
    /// How many threads wait.
    pub fn waiting(&self) -> usize {
        lock(&self.line).waiting.len()
    }
}

impl Turn {
    /// How long the store should stay free first, so that a process that polls for it gets its chance.
    pub fn breath(&self) -> Duration {
        let mut line = lock(&self.0.line);
        let now = Instant::now();
        let Some((since, ended)) = line.streak else {
            line.streak = Some((now, now));
            return Duration::ZERO;
        };
        let free = now.saturating_duration_since(ended);
        if free >= BREATH {
            line.streak = Some((now, ended));
            return Duration::ZERO;
        }
        if now.saturating_duration_since(since) < STREAK {
            return Duration::ZERO;
        }
        line.streak = Some((now, ended));
        BREATH - free
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut line = lock(&self.0.line);
        line.taken = false;
        if let Some((_, ended)) = &mut line.streak {
            *ended = Instant::now();
        }
        self.0.moved.notify_all();
    }
}

/// The store's lock: whoever holds it is alone with the file. Unlocked before the next thread's turn.
pub(super) struct StoreLock {
    file: Option<File>,
    /// Whether the lock file could only be read.
    pub readonly: bool,
    _turn: Turn,
}

impl StoreLock {
    /// Waits for the turn in this image, then for the lock. Where no lock file can be made and none is there, nobody can
    /// write either, and the turn is enough.
    pub fn take(queue: &Arc<Queue>, path: &Path, budget: &Budget) -> Result<Self, Stop> {
        let turn = queue.enter(budget).map_err(Stop::Ended)?;
        budget
            .cancel
            .sleep(turn.breath().min(budget.left()))
            .map_err(Stop::Ended)?;
        match until(budget, || try_take(path).map_err(Stop::from)) {
            Ok(opened) => Ok(Self {
                file: Some(opened.file),
                readonly: opened.readonly,
                _turn: turn,
            }),
            Err(Stop::Trouble(Trouble::Readonly)) => Ok(Self {
                file: None,
                readonly: true,
                _turn: turn,
            }),
            Err(stop) => Err(stop),
        }
    }
}

impl Drop for StoreLock {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            unlock(file);
        }
    }
}

/// A named lock between processes, library images and clients; free again when dropped, or when the process dies.
#[derive(Debug)]
pub struct FileLock(Held);

#[derive(Debug)]
enum Held {
    File {
        file: File,
        path: PathBuf,
    },
    Memory {
        holders: Holders,
        name: String,
        holder: u64,
    },
}

impl FileLock {
    /// Whether it still counts: false once somebody replaced it ([`super::Store::replace_lock`]).
    pub fn is_current(&self) -> bool {
        match &self.0 {
            Held::File { file, path } => files::names(path, file),
            Held::Memory {
                holders,
                name,
                holder,
            } => lock(holders).current.get(name) == Some(holder),
        }
    }

    /// One try for the lock on a file.
    pub(super) fn try_file(path: &Path) -> Result<Option<Self>, Trouble> {
        Ok(try_take(path)?.map(|opened| {
            Self(Held::File {
                file: opened.file,
                path: path.to_owned(),
            })
        }))
    }

    /// Puts a new lock file, locked already, in the place of the old one. Under the store's lock.
    pub(super) fn replace_file(path: &Path, folder: &Path) -> Result<Option<Self>, Trouble> {
        files::inspect(path)?;
        let new = folder.join("store.newlock");
        files::remove(&new)?;
        let file = files::create(&new).map_err(|error| Trouble::io(&new, &error))?;
        if !flock(&file).map_err(|error| Trouble::io(&new, &error))? {
            return Ok(None);
        }
        std::fs::rename(&new, path).map_err(|error| Trouble::io(path, &error))?;
        let path = path.to_owned();
        Ok(Some(Self(Held::File { file, path })))
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        match &self.0 {
            Held::File { file, .. } => unlock(file),
            Held::Memory {
                holders,
                name,
                holder,
            } => {
                let mut holders = lock(holders);
                if holders.current.get(name) == Some(holder) {
                    holders.current.remove(name);
                }
            }
        }
    }
}

type Holders = Arc<Mutex<Table>>;

#[derive(Default, Debug)]
struct Table {
    last: u64,
    current: BTreeMap<String, u64>,
}

/// The named locks of a store without files.
#[derive(Default)]
pub(super) struct MemoryLocks(Holders);

impl MemoryLocks {
    pub fn try_take(&self, name: &str) -> Option<FileLock> {
        let mut table = lock(&self.0);
        (!table.current.contains_key(name)).then(|| self.hand_over(&mut table, name))
    }

    pub fn replace(&self, name: &str) -> FileLock {
        self.hand_over(&mut lock(&self.0), name)
    }

    fn hand_over(&self, table: &mut Table, name: &str) -> FileLock {
        table.last += 1;
        table.current.insert(name.to_owned(), table.last);
        FileLock(Held::Memory {
            holders: self.0.clone(),
            name: name.to_owned(),
            holder: table.last,
        })
    }
}
