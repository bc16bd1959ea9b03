//! How a wait ends early: by cancel, close or its deadline.
//! Knows nothing of what is waited for.
#![forbid(unsafe_code)]

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Result, Status};

/// Locks, and goes on with the data of a thread that panicked: every change below is made in one piece.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

type Hook = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct State {
    ended: Option<Status>,
    next_hook: u64,
    hooks: Vec<(u64, Hook)>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// One call's way to be ended from outside. Clones are the same call.
#[derive(Clone, Default)]
pub struct Cancel(Arc<Shared>);

impl Cancel {
    /// A call that nobody has ended yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the call (`Status::Cancelled` or `Status::Closed`): every wait on it returns at once, every hook runs. The first word counts.
    pub fn end(&self, status: Status) {
        let hooks = {
            let mut state = lock(&self.0.state);
            if state.ended.is_some() {
                return;
            }
            state.ended = Some(status);
            std::mem::take(&mut state.hooks)
        };
        self.0.changed.notify_all();
        for (_, hook) in hooks {
            hook();
        }
    }

    /// An error if the call was ended.
    pub fn check(&self) -> Result<()> {
        match lock(&self.0.state).ended {
            None => Ok(()),
            Some(Status::Closed) => Err(Error::closed()),
            Some(_) => Err(Error::cancelled()),
        }
    }

    /// Whether the call was ended.
    pub fn is_ended(&self) -> bool {
        lock(&self.0.state).ended.is_some()
    }

    /// Sleeps for that long; ends at once with an error if the call is ended.
    pub fn sleep(&self, time: Duration) -> Result<()> {
        let until = Instant::now() + time;
        let mut state = lock(&self.0.state);
        loop {
            match state.ended {
                None => {}
                Some(Status::Closed) => return Err(Error::closed()),
                Some(_) => return Err(Error::cancelled()),
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            state = self
                .0
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Runs `hook` when the call is ended (at once if it was), unless the returned guard is dropped before.
    pub fn on_end(&self, hook: impl FnOnce() + Send + 'static) -> HookGuard {
        let mut state = lock(&self.0.state);
        if state.ended.is_some() {
            drop(state);
            hook();
            return HookGuard {
                cancel: self.clone(),
                id: 0,
            };
        }
        state.next_hook += 1;
        let id = state.next_hook;
        state.hooks.push((id, Box::new(hook)));
        HookGuard {
            cancel: self.clone(),
            id,
        }
    }
}

/// Takes a hook back when dropped.
#[must_use]
pub struct HookGuard {
    cancel: Cancel,
    id: u64,
}

impl Drop for HookGuard {
    fn drop(&mut self) {
        lock(&self.cancel.0.state)
            .hooks
            .retain(|(id, _)| *id != self.id);
    }
}

/// Tells waiters that something changed. A change is never missed: each has a number.
#[derive(Default)]
pub struct Signal {
    version: Mutex<u64>,
    changed: Condvar,
}

impl Signal {
    /// The number of the last change.
    pub fn version(&self) -> u64 {
        *lock(&self.version)
    }

    /// Something changed.
    pub fn bump(&self) {
        *lock(&self.version) += 1;
        self.changed.notify_all();
    }

    /// Waits for a change after `seen`, at most until `until`; returns the number of the last change.
    ///
    /// # Errors
    /// `cancelled` or `closed`, at once when the call is ended.
    pub fn wait_past(self: &Arc<Self>, seen: u64, until: Instant, cancel: &Cancel) -> Result<u64> {
        let waker = Arc::clone(self);
        let _hook = cancel.on_end(move || {
            // Taking the lock makes sure that the waiter below either sees the end or is already asleep.
            drop(lock(&waker.version));
            waker.changed.notify_all();
        });
        let mut version = lock(&self.version);
        loop {
            cancel.check()?;
            let left = until.saturating_duration_since(Instant::now());
            if *version > seen || left.is_zero() {
                return Ok(*version);
            }
            version = self
                .changed
                .wait_timeout(version, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

/// What another thread brings, however it ends. Whoever waits for it may leave.
pub struct Awaited<T> {
    value: Mutex<Option<T>>,
    signal: Arc<Signal>,
}

impl<T: Clone> Awaited<T> {
    /// Nothing has come yet.
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            value: Mutex::new(None),
            signal: Arc::default(),
        })
    }

    /// Brings it.
    pub fn set(&self, value: T) {
        *lock(&self.value) = Some(value);
        self.signal.bump();
    }

    /// Waits for it.
    ///
    /// # Errors
    /// `cancelled`, `closed` or `timeout` by the budget, and what was waited for goes on.
    pub fn wait(&self, budget: &Budget) -> Result<T> {
        loop {
            let seen = self.signal.version();
            if let Some(value) = lock(&self.value).clone() {
                return Ok(value);
            }
            budget.check()?;
            self.signal
                .wait_past(seen, budget.deadline, &budget.cancel)?;
        }
    }
}

/// How long one call may take in all, and what ends it early.
#[derive(Clone)]
pub struct Budget {
    /// What ends it early.
    pub cancel: Cancel,
    /// When its time is up.
    pub deadline: Instant,
}

impl Budget {
    /// That much time from now on.
    pub fn new(cancel: Cancel, time: Duration) -> Self {
        Self {
            cancel,
            deadline: Instant::now() + time,
        }
    }

    /// The time that is left.
    pub fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// An error if the call was ended or its time is up.
    pub fn check(&self) -> Result<()> {
        self.cancel.check()?;
        if self.left().is_zero() {
            return Err(Error::new(
                Status::Timeout,
                "the call took longer than its total time",
            ));
        }
        Ok(())
    }

    /// Waits that long. A wait that would pass the deadline returns at once with `error`,
    /// which then says by `retry_after_ms` when trying again makes sense.
    pub fn wait(&self, time: Duration, error: impl FnOnce() -> Error) -> Result<()> {
        if time > self.left() {
            self.cancel.check()?;
            return Err(error().retry_after_ms(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)));
        }
        self.cancel.sleep(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn an_end_frees_a_sleeper_and_runs_the_hooks_once() {
        let cancel = Cancel::new();
        let (send, receive) = mpsc::channel();
        let kept = cancel.on_end({
            let send = send.clone();
            move || send.send("kept").unwrap()
        });
        drop(cancel.on_end(move || send.send("dropped").unwrap()));
        let sleeper = std::thread::spawn({
            let cancel = cancel.clone();
            move || cancel.sleep(Duration::from_secs(3600))
        });
        cancel.end(Status::Cancelled);
        cancel.end(Status::Closed);
        assert_eq!(
            sleeper.join().unwrap().unwrap_err().status,
            Status::Cancelled
        );
        assert_eq!(receive.iter().collect::<Vec<_>>(), ["kept"]);
        drop(kept);
    }

    #[test]
    fn a_wait_past_the_deadline_returns_at_once() {
        let budget = Budget::new(Cancel::new(), Duration::from_secs(60));
        let error = budget
            .wait(Duration::from_secs(300), || {
                Error::new(Status::RateLimited, "slow")
            })
            .unwrap_err();
        assert_eq!(
            (error.status, error.retry_after_ms),
            (Status::RateLimited, Some(300_000))
        );
    }
}
