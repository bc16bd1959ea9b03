//! Keeps a fork away from moments at which the child would inherit something half done: SQLite's and our own locks of the
//! whole library image, which nobody in the child would ever open again.
//! Knows nothing of what those moments are for.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::cancel::lock;
use crate::capi::guard;

/// How long a fork waits for those moments to pass; as a rule it is a few milliseconds.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long such a moment is put off for a fork that waits. It ends, so that nobody can wait in a circle.
const COURTESY: Duration = Duration::from_millis(100);

struct Gate {
    /// How many threads are in such a moment.
    inside: u32,
    /// How many wait to fork.
    forking: u32,
}

/// Locked during a fork.
static GATE: Mutex<Gate> = Mutex::new(Gate {
    inside: 0,
    forking: 0,
});
static CHANGED: Condvar = Condvar::new();

thread_local! {
    /// How many holds this thread has.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// What the forking thread holds from just before the fork until just after it.
    static FORKING: RefCell<Option<MutexGuard<'static, Gate>>> = const { RefCell::new(None) };
}

/// A moment at which nobody forks; ends when dropped, on the thread that took it. May be taken again inside itself.
#[must_use]
pub struct Hold(std::marker::PhantomData<*const ()>);

/// Keeps forks away; waits briefly for those that are under way.
pub fn hold() -> Hold {
    let mut gate = lock(&GATE);
    if DEPTH.get() == 0 && gate.forking > 0 {
        gate = CHANGED
            .wait_timeout_while(gate, COURTESY, |gate| gate.forking > 0)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
    }
    gate.inside += 1;
    DEPTH.set(DEPTH.get() + 1);
    Hold(std::marker::PhantomData)
}

impl Drop for Hold {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
        let mut gate = lock(&GATE);
        gate.inside = gate.inside.saturating_sub(1);
        CHANGED.notify_all();
    }
}

/// From now on forks of this process wait. Needs to be called once; more often does nothing.
pub fn watch() {
    static WATCHING: AtomicBool = AtomicBool::new(false);
    if !WATCHING.swap(true, Ordering::AcqRel) {
        // SAFETY: the three functions stay where they are, for the library is never unmapped, and they don't unwind.
        unsafe { libc::pthread_atfork(Some(before), Some(after_in_parent), Some(after_in_child)) };
    }
}

unsafe extern "C" fn before() {
    guard::value((), || {
        let mut gate = lock(&GATE);
        gate.forking += 1;
        let gate = CHANGED
            .wait_timeout_while(gate, PATIENCE, |gate| gate.inside > 0)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
        FORKING.set(Some(gate));
    });
}

unsafe extern "C" fn after_in_parent() {
    guard::value((), || {
        if let Some(mut gate) = FORKING.take() {
            gate.forking -= 1;
            CHANGED.notify_all();
        }
    });
}

unsafe extern "C" fn after_in_child() {
    guard::value((), || {
        // Whoever else was inside or about to fork isn't in this process.
        if let Some(mut gate) = FORKING.take() {
            *gate = Gate {
                inside: 0,
                forking: 0,
            };
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fork_waits_until_everybody_has_left() {
        let (outer, inner) = (hold(), hold());
        let (say, heard) = std::sync::mpsc::channel();
        let forker = std::thread::spawn(move || {
            // SAFETY: what a fork calls, without the fork.
            unsafe { before() };
            say.send(lock_is_held()).unwrap();
            // SAFETY: as above.
            unsafe { after_in_parent() };
        });
        drop(inner);
        // Who is inside may come in again, also while the fork waits.
        drop(hold());
        assert!(heard.try_recv().is_err());
        drop(outer);
        assert!(heard.recv().unwrap());
        forker.join().unwrap();
        drop(hold());
    }

    fn lock_is_held() -> bool {
        GATE.try_lock().is_err()
    }
}
