//! The log records of a client: a ring of the last thousand, pulled by the host.
//! Knows nothing of what is logged; who logs keeps secrets out.
#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use serde::Serialize;

use crate::cancel::lock;
use crate::clock;

/// How many records are kept.
pub const CAPACITY: usize = 1_000;
/// Longer messages are cut.
const LONGEST: usize = 2_000;

/// One record.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Record {
    /// When, RFC 3339 in UTC by this machine's clock.
    pub at: String,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
    /// Which part of the library.
    pub target: String,
    /// What happened, in English, without secrets.
    pub message: String,
}

struct Kept {
    records: VecDeque<Record>,
    lost: u64,
}

/// The records that nobody has taken yet; the oldest go when there are too many.
pub struct Ring {
    level: log::LevelFilter,
    kept: Mutex<Kept>,
}

impl Ring {
    /// Keeps records up to that level.
    pub fn new(level: log::LevelFilter) -> Self {
        Self {
            level,
            kept: Mutex::new(Kept {
                records: VecDeque::new(),
                lost: 0,
            }),
        }
    }

    fn push(&self, record: &log::Record<'_>) {
        let mut message = record.args().to_string();
        if message.len() > LONGEST {
            let end = (0..=LONGEST)
                .rev()
                .find(|&at| message.is_char_boundary(at))
                .unwrap_or(0);
            message.truncate(end);
        }
        let mut kept = lock(&self.kept);
        if kept.records.len() == CAPACITY {
            kept.records.pop_front();
            kept.lost += 1;
        }
        kept.records.push_back(Record {
            at: clock::rfc3339(clock::wall_ms()),
            level: record.level().as_str().to_ascii_lowercase(),
            target: record.target().to_owned(),
            message,
        });
    }

    /// Takes what waits, and how many older records were dropped since the last time.
    pub fn take(&self) -> (Vec<Record>, u64) {
        let mut kept = lock(&self.kept);
        let lost = std::mem::take(&mut kept.lost);
        (std::mem::take(&mut kept.records).into(), lost)
    }
}

thread_local! {
    /// The client that this thread works for.
    static RING: RefCell<Option<Arc<Ring>>> = const { RefCell::new(None) };
}

/// Records of this thread go to that client's ring until the guard is dropped.
#[must_use]
pub fn enter(ring: &Arc<Ring>) -> Entered {
    let before = RING.with(|current| current.replace(Some(Arc::clone(ring))));
    Entered { before }
}

/// Restores what was before.
pub struct Entered {
    before: Option<Arc<Ring>>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let before = self.before.take();
        let _ = RING.try_with(|current| current.replace(before));
    }
}

/// Hands each record to the ring of the client that the thread works for.
struct Router;

impl log::Log for Router {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        // Below `warn` these print bytes from the wire.
        let noisy = ["ureq", "rustls"]
            .iter()
            .any(|name| metadata.target().starts_with(name));
        !(noisy && metadata.level() > log::Level::Warn)
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let _ = RING.try_with(|current| {
            if let Ok(current) = current.try_borrow()
                && let Some(ring) = current.as_ref()
                && record.level() <= ring.level
            {
                ring.push(record);
            }
        });
    }

    fn flush(&self) {}
}

/// Makes the rings the target of this library image's `log`. The C boundary calls it; a Rust host has a logger of its own.
pub fn install() {
    static ROUTER: Router = Router;
    if log::set_logger(&ROUTER).is_ok() {
        log::set_max_level(log::LevelFilter::Trace);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(level: log::Level, target: &str, message: &str) {
        log::Log::log(
            &Router,
            &log::Record::builder()
                .level(level)
                .target(target)
                .args(format_args!("{message}"))
                .build(),
        );
    }

    #[test]
    fn records_go_to_the_client_the_thread_works_for() {
        let (mine, other) = (
            Arc::new(Ring::new(log::LevelFilter::Debug)),
            Arc::new(Ring::new(log::LevelFilter::Off)),
        );
        let _entered = enter(&mine);
        say(log::Level::Info, "trakt::http", "one");
        {
            let _entered = enter(&other);
            say(log::Level::Error, "trakt::http", "not kept");
        }
        say(log::Level::Trace, "trakt::http", "too fine");
        say(log::Level::Debug, "ureq::run", "wire bytes");
        say(log::Level::Warn, "rustls::conn", "two");
        let (records, lost) = mine.take();
        assert_eq!(
            records
                .iter()
                .map(|record| record.message.as_str())
                .collect::<Vec<_>>(),
            ["one", "two"]
        );
        assert_eq!(lost, 0);
        assert!(other.take().0.is_empty());
    }

    #[test]
    fn the_oldest_records_go_first_and_are_counted() {
        let ring = Arc::new(Ring::new(log::LevelFilter::Info));
        let _entered = enter(&ring);
        for number in 0..=CAPACITY {
            say(
                log::Level::Info,
                "trakt",
                &format!("{number} {}", "ü".repeat(3_000)),
            );
        }
        let (records, lost) = ring.take();
        assert_eq!((records.len(), lost), (CAPACITY, 1));
        assert!(records[0].message.starts_with("1 ") && records[0].message.len() <= LONGEST);
    }
}
