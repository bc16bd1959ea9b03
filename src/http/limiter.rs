//! How often may be asked: Trakt's read bucket, the pace of writes, and the pause that a Retry-After asks for.
//! Knows nothing of requests. Moments come in as milliseconds since the machine started.
#![forbid(unsafe_code)]

use std::collections::VecDeque;

use crate::cancel::Budget;
use crate::error::{Error, Result};

/// Reads that Trakt allows in [`READ_SPAN_MS`] (AUTHED_API_GET_LIMIT and UNAUTHED_API_GET_LIMIT since August 2026).
pub const READS: usize = 500;
/// Five minutes.
pub const READ_SPAN_MS: u64 = 300_000;

/// One write a second, over every client of the account: the moment of the last write is shared through the store.
pub trait Pace: Send + Sync {
    /// Waits until a write may go, and records it.
    ///
    /// # Errors
    /// `cancelled`, `closed`; `rate_limited` with `retry_after_ms` if the wait would pass the budget.
    fn claim_write(&self, budget: &Budget) -> Result<()>;

    /// The write that was claimed last has ended.
    fn write_ended(&self) {}
}

/// At most so many in any stretch of time of a given length.
#[derive(Debug)]
pub struct Window {
    most: usize,
    span_ms: u64,
    taken: VecDeque<u64>,
}

impl Window {
    /// At most `most` in any `span_ms`.
    pub fn new(most: usize, span_ms: u64) -> Self {
        Self {
            most,
            span_ms,
            taken: VecDeque::new(),
        }
    }

    /// Takes one, or says how many milliseconds to wait until there is one.
    pub fn take(&mut self, now_ms: u64) -> Result<(), u64> {
        while self
            .taken
            .front()
            .is_some_and(|taken| taken.saturating_add(self.span_ms) <= now_ms)
        {
            self.taken.pop_front();
        }
        match self.taken.front() {
            Some(oldest) if self.taken.len() >= self.most => {
                Err((oldest.saturating_add(self.span_ms) - now_ms).min(self.span_ms))
            }
            _ => {
                self.taken.push_back(now_ms);
                Ok(())
            }
        }
    }
}

/// A pause that Trakt asked for.
#[derive(Debug, Default)]
pub struct CoolDown {
    until_ms: u64,
    why: Option<Error>,
}

impl CoolDown {
    /// Nothing goes for `wait_ms` from now on; a longer pause already running stays.
    pub fn begin(&mut self, now_ms: u64, wait_ms: u64, why: Error) {
        let until_ms = now_ms.saturating_add(wait_ms);
        if until_ms > self.until_ms {
            self.until_ms = until_ms;
            self.why = Some(why);
        }
    }

    /// How many milliseconds are left, and the error that began it.
    pub fn left(&self, now_ms: u64) -> Option<(u64, Error)> {
        let left = self.until_ms.checked_sub(now_ms).filter(|left| *left > 0)?;
        Some((left, self.why.clone()?.retry_after_ms(left)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;
    use proptest::prelude::*;

    #[test]
    fn a_pause_ends_by_itself_and_is_never_shortened() {
        let limited = || Error::new(Status::RateLimited, "slow");
        let mut pause = CoolDown::default();
        assert_eq!(pause.left(0), None);
        pause.begin(1_000, 5_000, limited());
        pause.begin(2_000, 1_000, limited());
        let (left, error) = pause.left(2_000).unwrap();
        assert_eq!((left, error.retry_after_ms), (4_000, Some(4_000)));
        assert_eq!(pause.left(6_000), None);
        pause.begin(10_000, 0, limited());
        assert_eq!(pause.left(10_000), None);
    }

    proptest! {
        #[test]
        fn no_stretch_of_time_holds_more_than_allowed(
            most in 1usize..20, span in 1u64..1_000, steps in proptest::collection::vec(0u64..200, 1..200)
        ) {
            let mut window = Window::new(most, span);
            let (mut now, mut taken) = (0, Vec::new());
            for step in steps {
                now += step;
                match window.take(now) {
                    Ok(()) => taken.push(now),
                    Err(wait) => {
                        prop_assert!(wait > 0 && wait <= span);
                        // One millisecond earlier it is still too soon, then it goes.
                        if wait > 1 {
                            prop_assert!(window.take(now + wait - 1).is_err());
                        }
                        now += wait;
                        prop_assert_eq!(window.take(now), Ok(()));
                        taken.push(now);
                    }
                }
            }
            for (index, start) in taken.iter().enumerate() {
                let inside = taken[index..].iter().take_while(|moment| **moment < start + span).count();
                prop_assert!(inside <= most);
            }
        }
    }
}
