//! One write a second to Trakt, over all clients and processes of an account: the moment of the last write is in the store.
//! Knows nothing of what is written.
#![forbid(unsafe_code)]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::cancel::{Budget, Cancel, Signal, lock};
use crate::clock::Moment;
use crate::error::{Error, Result, Status};
use crate::http::Pace;
use crate::store::Store;

const KEY: &str = "pace";
/// Trakt's limit for POST, PUT and DELETE of one user is one a second, counted at its end of the way.
const APART_MS: i64 = 1_050;

/// A write that ends later than this after it was claimed may have been late on its way to Trakt as well.
const PUNCTUAL_MS: i64 = 50;
/// A write that has no answer after this time holds up no other.
const HANGS_MS: i64 = 3_000;
/// How long the note that it was late may wait for the store.
const NOTE: Duration = Duration::from_millis(250);

/// The pace of one account.
pub struct WritePace {
    store: Arc<Store>,
    scope: String,
    /// When this client claimed the write that is on its way.
    claimed: Mutex<Option<Moment>>,
    /// A write of this client has ended.
    ended: Arc<Signal>,
    /// When it wrote last, if that could not be stored.
    unstored: Mutex<Option<Moment>>,
}

impl WritePace {
    /// The pace of the account that the scope names.
    pub fn new(store: Arc<Store>, scope: &str) -> Self {
        Self {
            store,
            // Beside what is the account's: whoever is unlinked and linked again has written just now all the same.
            scope: format!("{scope} pace"),
            claimed: Mutex::default(),
            ended: Arc::default(),
            unstored: Mutex::default(),
        }
    }

    /// Waits for the write that is on its way, which may arrive any time before its answer.
    fn wait_for_last(&self, budget: &Budget) -> Result<()> {
        loop {
            let seen = self.ended.version();
            let passed = lock(&self.claimed)
                .as_ref()
                .map_or(HANGS_MS, |claimed| Moment::now().since(claimed));
            let Ok(left @ 1..) = u64::try_from(HANGS_MS - passed) else {
                return Ok(());
            };
            budget.check()?;
            let until = Instant::now() + Duration::from_millis(left);
            self.ended
                .wait_past(seen, until.min(budget.deadline), &budget.cancel)?;
        }
    }

    /// Claims the next write, or says in how many milliseconds it may go.
    fn try_claim(&self, budget: &Budget) -> Result<u64> {
        self.store.write(budget, |tx| {
            let now = Moment::now();
            let stored = tx.get::<Moment>(&self.scope, KEY)?;
            let unstored = lock(&self.unstored).clone();
            let passed = [stored, unstored]
                .into_iter()
                .flatten()
                .map(|last| now.since(&last))
                .min();
            // A moment in the future is a clock that jumped: a whole second from now is safe.
            match passed {
                Some(passed) if passed < 0 => tx
                    .put(&self.scope, KEY, &now)
                    .map(|()| APART_MS.unsigned_abs()),
                Some(passed) if passed < APART_MS => Ok((APART_MS - passed).unsigned_abs()),
                _ => tx.put(&self.scope, KEY, &now).map(|()| 0),
            }
        })
    }

    /// Notes a write that was late: Trakt counts from its arrival, which nobody here knows; it was before now.
    fn note(&self, now: Moment) {
        let budget = Budget::new(Cancel::new(), NOTE);
        let noted = self
            .store
            .write(&budget, |tx| tx.put(&self.scope, KEY, &now));
        if let Err(error) = noted {
            *lock(&self.unstored) = Some(now);
            log::debug!("the moment of the last write can't be stored: {error}");
        }
    }
}

impl Pace for WritePace {
    fn claim_write(&self, budget: &Budget) -> Result<()> {
        loop {
            self.wait_for_last(budget)?;
            // Storing the claim may take its time on a slow disk: that is late as well.
            let asked = Moment::now();
            match self.try_claim(budget) {
                Ok(0) => {
                    *lock(&self.claimed) = Some(asked);
                    *lock(&self.unstored) = None;
                    return Ok(());
                }
                Ok(wait) => budget.wait(Duration::from_millis(wait), || {
                    Error::new(Status::RateLimited, "Trakt takes one write a second")
                })?,
                Err(error) => {
                    budget.check()?;
                    // A store that can't be written is no reason to be impolite.
                    log::debug!("the moment of the last write can't be stored: {error}");
                    budget.wait(Duration::from_millis(APART_MS.unsigned_abs()), || {
                        Error::new(Status::RateLimited, "Trakt takes one write a second")
                    })?;
                    *lock(&self.claimed) = Some(Moment::now());
                    *lock(&self.unstored) = Some(Moment::now());
                    return Ok(());
                }
            }
        }
    }

    fn write_ended(&self) {
        let now = Moment::now();
        let late = lock(&self.claimed)
            .as_ref()
            .is_some_and(|claimed| now.since(claimed) > PUNCTUAL_MS);
        if late {
            self.note(now);
        }
        *lock(&self.claimed) = None;
        self.ended.bump();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace() -> WritePace {
        WritePace::new(Arc::new(Store::open(None, Duration::ZERO)), "account")
    }

    fn budget(ms: u64) -> Budget {
        Budget::new(Cancel::new(), Duration::from_millis(ms))
    }

    #[test]
    fn a_write_on_its_way_holds_up_the_next_one() {
        let pace = pace();
        pace.claim_write(&budget(1_000)).unwrap();
        // More than the second that lies between two claims.
        assert!(pace.claim_write(&budget(1_500)).is_err());
        pace.write_ended();
        // That took long: a second counts from its end.
        let refused = pace.claim_write(&budget(500)).unwrap_err();
        assert_eq!(refused.status, Status::RateLimited);
        assert!(pace.claim_write(&budget(5_000)).is_ok());
    }

    #[test]
    fn a_write_that_hangs_holds_up_no_other_for_long() {
        let pace = pace();
        *lock(&pace.claimed) = Some(Moment {
            boot_ms: Moment::now().boot_ms.saturating_sub(3_000),
            ..Moment::now()
        });
        assert!(pace.claim_write(&budget(1_000)).is_ok());
    }
}
