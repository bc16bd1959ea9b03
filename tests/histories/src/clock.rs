//! Time for the processes of a history: it is the machine's, but that in which all of them would only wait is skipped.
//! The processes' half is `quick_clock.c`; knows nothing of what they do.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// How many processes a clock has places for.
pub const PROCESSES: usize = 16;
const WAITS: usize = 512;
/// Nothing that the processes do without waiting takes so long, whatever else the machine does.
const PATIENCE: Duration = Duration::from_secs(60);

/// Time goes on while it is found out that everybody waits: nobody's wait may end meanwhile.
const QUIET_NS: i64 = 5_000_000;
const STALE_NS: i64 = 4_000_000;

/// A moment at which everybody waits.
#[derive(Debug, Clone, Copy)]
pub struct Rest {
    at_ns: i64,
    /// When the first of them stops waiting by himself.
    next_ns: Option<i64>,
}

impl Rest {
    /// Whether somebody waits with a limit.
    pub fn ends(&self) -> bool {
        self.next_ns.is_some()
    }
}

#[repr(C)]
struct Process {
    steps: AtomicI64,
    dies_at: AtomicI64,
    wall_ns: AtomicI64,
    died_ms: AtomicI64,
    offline: AtomicU32,
    disk_full: AtomicU32,
}

#[repr(C)]
struct Wait {
    pid: AtomicI32,
    tid: AtomicI32,
    until_ns: AtomicI64,
}

#[repr(C)]
struct Shared {
    skipped_ns: AtomicI64,
    skips: AtomicU32,
    unused: AtomicU32,
    processes: [Process; PROCESSES],
    waits: [Wait; WAITS],
}

/// The library for LD_PRELOAD, compiled into that folder.
pub fn preload(folder: &Path) -> io::Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("quick_clock.c");
    let library = folder.join("quick_clock.so");
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let done = Command::new(compiler)
        .args([
            "-O1", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o",
        ])
        .args([&library, &source])
        .arg("-ldl")
        .status()?;
    if !done.success() {
        return Err(io::Error::other("quick_clock.c doesn't compile"));
    }
    Ok(library)
}

/// The clock of one history.
pub struct Clock {
    shared: *mut Shared,
    path: PathBuf,
}

// SAFETY: what is shared are atomics.
unsafe impl Send for Clock {}
// SAFETY: as above.
unsafe impl Sync for Clock {}

impl Drop for Clock {
    fn drop(&mut self) {
        // SAFETY: mapped in `new`, of that size.
        unsafe { libc::munmap(self.shared.cast(), size_of::<Shared>()) };
    }
}

impl Clock {
    /// A clock that agrees with the machine's, in a file of that folder.
    pub fn new(folder: &Path) -> io::Result<Self> {
        let path = folder.join("clock");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)?;
        file.set_len(size_of::<Shared>() as u64)?;
        // SAFETY: a new mapping of a file that is long enough.
        let map = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                size_of::<Shared>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if map == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            shared: map.cast(),
            path,
        })
    }

    fn shared(&self) -> &Shared {
        // SAFETY: mapped until drop; all of it is atomics, and zeroes are valid.
        unsafe { &*self.shared }
    }

    /// Has a process live by this clock, at that place.
    pub fn rule(&self, command: &mut Command, preload: &Path, place: usize) {
        command
            .env("LD_PRELOAD", preload)
            .env("QUICK_CLOCK", &self.path)
            .env("QUICK_CLOCK_PROCESS", place.to_string());
        let process = &self.shared().processes[place];
        for value in [
            &process.steps,
            &process.dies_at,
            &process.wall_ns,
            &process.died_ms,
        ] {
            value.store(0, SeqCst);
        }
        process.offline.store(0, SeqCst);
        process.disk_full.store(0, SeqCst);
    }

    /// Milliseconds since 1970.
    pub fn wall_ms(&self) -> i64 {
        (read(libc::CLOCK_REALTIME) + self.shared().skipped_ns.load(SeqCst)) / 1_000_000
    }

    /// Nanoseconds that only grow, as the processes see them.
    fn monotonic_ns(&self) -> i64 {
        read(libc::CLOCK_MONOTONIC) + self.shared().skipped_ns.load(SeqCst)
    }

    /// How many steps (writes, sends, receives, locks) a process has made.
    pub fn steps(&self, place: usize) -> i64 {
        self.shared().processes[place].steps.load(SeqCst)
    }

    /// Has a process die before the n-th step from now on.
    pub fn die_in(&self, place: usize, steps: i64) {
        let process = &self.shared().processes[place];
        process
            .dies_at
            .store(process.steps.load(SeqCst) + steps, SeqCst);
    }

    /// When a process died at its last step, in milliseconds since 1970; `None`: not of that.
    pub fn died_ms(&self, place: usize) -> Option<i64> {
        Some(self.shared().processes[place].died_ms.load(SeqCst)).filter(|ms| *ms != 0)
    }

    /// Takes a process off the network, or back.
    pub fn offline(&self, place: usize, offline: bool) {
        self.shared().processes[place]
            .offline
            .store(offline.into(), SeqCst);
    }

    /// Fills a process's disk, or frees it.
    pub fn disk_full(&self, place: usize, full: bool) {
        self.shared().processes[place]
            .disk_full
            .store(full.into(), SeqCst);
    }

    /// Puts a process's wall clock off.
    pub fn wall_off_ms(&self, place: usize, ms: i64) {
        self.shared().processes[place]
            .wall_ns
            .store(ms * 1_000_000, SeqCst);
    }

    /// Forgets the waits of a process that was killed.
    pub fn bury(&self, pid: i32) {
        for wait in &self.shared().waits {
            if wait.pid.load(SeqCst) == pid {
                wait.pid.store(0, SeqCst);
                wait.tid.store(0, SeqCst);
            }
        }
    }

    fn next_ns(&self) -> Option<i64> {
        let waits = self.shared().waits.iter();
        waits
            .filter(|wait| wait.pid.load(SeqCst) != 0)
            .map(|wait| wait.until_ns.load(SeqCst))
            .min()
    }

    fn skip(&self, ns: i64) {
        let shared = self.shared();
        shared.skipped_ns.fetch_add(ns, SeqCst);
        shared.skips.fetch_add(1, SeqCst);
        // SAFETY: wakes whoever waits on a word of our own mapping.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                shared.skips.as_ptr(),
                libc::FUTEX_WAKE,
                i32::MAX,
            )
        };
    }

    /// One step towards a moment (milliseconds from 1970), by these processes: waits until none of them has anything to
    /// do but to wait, then skips to the first limit of a wait, and no further than that moment. True when it is reached.
    ///
    /// # Errors
    /// When they never come to rest.
    pub fn advance(&self, pids: &[i32], to_ms: i64) -> io::Result<bool> {
        let rest = self.rest(pids)?;
        Ok(self.skip_from(&rest, to_ms))
    }

    /// Skips from a rest to the first limit of a wait, and no further than that moment. True when it is reached; false also
    /// when the rest is over.
    pub fn skip_from(&self, rest: &Rest, to_ms: i64) -> bool {
        let (now, wall) = (self.monotonic_ns(), self.wall_ms());
        if wall >= to_ms {
            return true;
        }
        if now - rest.at_ns >= STALE_NS {
            return false;
        }
        let target = now + (to_ms - wall) * 1_000_000;
        match rest.next_ns {
            Some(next) if next < target => {
                self.skip(next - now + 1);
                false
            }
            _ => {
                self.skip(target - now + 1);
                true
            }
        }
    }

    /// What the threads of these processes do, for people: state, system call, and how long they wait yet.
    pub fn describe(&self, pids: &[i32]) -> String {
        let mut all = String::new();
        let now = self.monotonic_ns();
        for pid in pids {
            for task in fs::read_dir(format!("/proc/{pid}/task"))
                .into_iter()
                .flatten()
                .flatten()
            {
                let task = task.path();
                let told = |name: &str| text(&task.join(name)).unwrap_or_default();
                let tid: i32 = task
                    .file_name()
                    .and_then(|name| name.to_str()?.parse().ok())
                    .unwrap_or(0);
                let mut waits = self.shared().waits.iter();
                let left = waits
                    .find(|wait| wait.tid.load(SeqCst) == tid)
                    .map(|wait| (wait.until_ns.load(SeqCst) - now) / 1_000_000);
                let (state, call, name) = (state_of(&told("stat")), told("wchan"), told("comm"));
                all += &format!("{pid}/{tid} {} {state:?} {call} {left:?} ms; ", name.trim());
            }
        }
        all
    }

    /// Waits until no thread of these processes has anything to do but to wait, for some milliseconds at least.
    ///
    /// # Errors
    /// When they never come to rest.
    pub fn rest(&self, pids: &[i32]) -> io::Result<Rest> {
        let begun = Instant::now();
        loop {
            let (at_ns, next_ns) = (self.monotonic_ns(), self.next_ns());
            match next_ns {
                // Soon enough by itself; unless who waits is dead.
                Some(next) if next - at_ns < QUIET_NS => {
                    if next < at_ns {
                        pids.iter()
                            .filter(|pid| is_dead(**pid))
                            .for_each(|pid| self.bury(*pid));
                    }
                    let left = u64::try_from(next - at_ns).unwrap_or(0);
                    std::thread::sleep(Duration::from_nanos(left.max(50_000)));
                }
                _ if rests(pids)
                    && self.next_ns() == next_ns
                    && self.monotonic_ns() - at_ns < STALE_NS =>
                {
                    return Ok(Rest { at_ns, next_ns });
                }
                _ => std::thread::sleep(Duration::from_micros(30)),
            }
            if begun.elapsed() > PATIENCE {
                let who = self.describe(pids);
                return Err(io::Error::other(format!(
                    "the processes don't come to rest: {who}"
                )));
            }
        }
    }
}

/// Whether a process has ended, or is one that nobody has asked about yet.
fn is_dead(pid: i32) -> bool {
    let stat = text(Path::new(&format!("/proc/{pid}/stat")));
    stat.is_none_or(|stat| state_of(&stat).is_none_or(|state| matches!(state, 'Z' | 'X')))
}

fn state_of(stat: &str) -> Option<char> {
    stat[stat.rfind(')')? + 1..].trim_start().chars().next()
}

/// Whether all threads sleep, and none of them has run in between two looks.
fn rests(pids: &[i32]) -> bool {
    threads(pids).is_some_and(|first| threads(pids) == Some(first))
}

/// The threads and how often each has run; `None` as soon as one isn't asleep.
fn threads(pids: &[i32]) -> Option<Vec<(i32, u64)>> {
    let mut all = Vec::new();
    for pid in pids {
        let tasks = match fs::read_dir(format!("/proc/{pid}/task")) {
            Ok(tasks) => tasks,
            // Killed and gone.
            Err(_) => continue,
        };
        for task in tasks {
            let task = task.ok()?.path();
            let stat = text(&task.join("stat"))?;
            match state_of(&stat)? {
                'S' => {}
                'Z' | 'X' => continue,
                _ => return None,
            }
            let runs = text(&task.join("schedstat"))?
                .split_whitespace()
                .nth(2)?
                .parse()
                .ok()?;
            all.push((task.file_name()?.to_str()?.parse().ok()?, runs));
        }
    }
    Some(all)
}

fn text(path: &Path) -> Option<String> {
    let mut buffer = [0; 512];
    let length = File::open(path).ok()?.read_at(&mut buffer, 0).ok()?;
    Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
}

fn read(id: libc::clockid_t) -> i64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: writes into `time`.
    unsafe { libc::clock_gettime(id, &raw mut time) };
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}
