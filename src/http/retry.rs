//! When to ask again: back-off after trouble, pauses that Trakt asks for, and the one door that keeps to them.
//! Knows nothing of what is asked.
#![forbid(unsafe_code)]

use std::sync::Mutex;
use std::time::Duration;

use super::Http;
use super::classify::classify;
use super::limiter::CoolDown;
use super::message::{Answer, Host, Method, Request};
use super::trouble::{TOO_LARGE, TOO_LATE};
use crate::cancel::{Budget, lock};
use crate::clock::boot_ms;
use crate::error::{Error, Result, Status};

/// How often one call repeats a request at most.
const MAX_REPEATS: u32 = 2;
/// For so long after a failed try, a call gets that try's error instead of a try of its own.
const SETTLE_MS: u64 = 1_000;

/// Whether a request may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It changes nothing, or doing it twice does no harm.
    Read,
    /// Sent once and no more.
    Once,
}

/// The n-th trouble in a row waits min(1 s · 2^(n-1), 30 s) ± 20 %, in milliseconds; `random` is evenly spread.
pub fn back_off_ms(n: u32, random: u32) -> u64 {
    let whole = 1_000u64
        .saturating_mul(1 << n.saturating_sub(1).min(16))
        .min(30_000);
    // 80 % to 120 %, as thousandths.
    let share = 800 + u64::from(random) * 401 / (u64::from(u32::MAX) + 1);
    whole * share / 1_000
}

/// The trouble with one host, as far as it isn't over.
#[derive(Debug, Default)]
pub struct Backoff {
    in_a_row: u32,
    last_ms: u64,
    due_ms: u64,
    error: Option<Error>,
}

impl Backoff {
    /// A try ended in trouble; says how many milliseconds to wait before the next one of our own.
    pub fn trouble(&mut self, now_ms: u64, error: Error, random: u32) -> u64 {
        self.in_a_row = self.in_a_row.saturating_add(1);
        let wait = error
            .retry_after_ms
            .filter(|wait| *wait > 0)
            .unwrap_or_else(|| back_off_ms(self.in_a_row, random));
        self.last_ms = now_ms;
        self.due_ms = now_ms.saturating_add(wait);
        self.error = Some(error);
        wait
    }

    /// A try ended well.
    pub fn good(&mut self) {
        *self = Self::default();
    }

    /// How many milliseconds are left until the next try of our own; none while all is well.
    pub fn left(&self, now_ms: u64) -> Option<u64> {
        let due = self.error.as_ref().map(|_| self.due_ms)?;
        Some(due.saturating_sub(now_ms))
    }

    /// Whether a call of the host's is tried now.
    ///
    /// # Errors
    /// The last error, `http_status` included, if the last try ended less than a second ago.
    pub fn check(&self, now_ms: u64) -> Result<()> {
        let settled = self.last_ms.saturating_add(SETTLE_MS);
        match &self.error {
            Some(error) if now_ms < settled => Err(error
                .clone()
                .retry_after_ms(self.due_ms.max(settled) - now_ms)),
            _ => Ok(()),
        }
    }
}

/// What is known of one host.
#[derive(Debug, Default)]
pub(super) struct HostState(Mutex<(Backoff, CoolDown)>);

impl HostState {
    /// Remembers how a try ended; says how long to wait before the next one, if it was trouble.
    fn note(&self, result: &Result<Answer>) -> Option<u64> {
        if matches!(result, Err(error) if error.reason.as_deref() == Some(TOO_LATE)) {
            return None;
        }
        let now_ms = boot_ms();
        let mut state = lock(&self.0);
        let (back_off, pause) = &mut *state;
        let error = match result {
            Err(error) => Err(error.clone()),
            Ok(answer) => classify(answer),
        };
        match error {
            Err(error) if error.retryable() => {
                if let Some(wait) = error.retry_after_ms.filter(|_| result.is_ok()) {
                    pause.begin(now_ms, wait, error.clone());
                }
                Some(back_off.trouble(now_ms, error, random()))
            }
            // Nothing was learnt about the host.
            Err(error)
                if matches!(
                    error.status,
                    Status::Cancelled | Status::Closed | Status::InvalidArgument | Status::Internal
                ) =>
            {
                None
            }
            _ => {
                back_off.good();
                None
            }
        }
    }

    /// Waits for a pause to end; gives the last error while trouble is fresh.
    fn pass(&self, budget: &Budget, first: bool) -> Result<()> {
        let mut waited = !first;
        loop {
            budget.check()?;
            let now_ms = boot_ms();
            let left = {
                let state = lock(&self.0);
                let left = state.1.left(now_ms);
                if left.is_none() && !waited {
                    state.0.check(now_ms)?;
                }
                left
            };
            let Some((wait, why)) = left else {
                return Ok(());
            };
            budget.wait(Duration::from_millis(wait), || why)?;
            waited = true;
        }
    }
}

fn random() -> u32 {
    getrandom::u32().unwrap_or(u32::MAX / 2)
}

/// Whether the same request may well succeed in a moment.
fn is_worth_repeating(result: &Result<Answer>) -> bool {
    match result {
        Ok(answer) => matches!(answer.status, 408 | 429 | 500..=599),
        Err(error) => {
            matches!(
                error.status,
                Status::Network | Status::Timeout | Status::Dns | Status::Proxy | Status::BadReply
            ) && error.reason.as_deref() != Some(TOO_LARGE)
        }
    }
}

impl Http {
    /// The door for everything that isn't spent: keeps to Trakt's limits and pauses, and repeats reads inside the budget.
    /// Returns any HTTP answer once repeating is over, also 4xx and 5xx.
    ///
    /// # Errors
    /// Transport trouble, as [`Http::exchange`]; `rate_limited` or the error of a pause, with `retry_after_ms`, if waiting would pass the
    /// budget; the last error again, if the last try ended less than a second ago.
    pub fn send(&self, request: &Request, retry: Retry, budget: &Budget) -> Result<Answer> {
        let host = &self.hosts[request.host as usize];
        let mut repeats = 0;
        loop {
            host.pass(budget, repeats == 0)?;
            self.claim(request, budget)?;
            let result = self.exchange(request, budget);
            if request.host == Host::Api && request.method != Method::Get {
                self.pace.write_ended();
            }
            let Some(wait) = host.note(&result) else {
                return result;
            };
            let goes_on = retry == Retry::Read
                && repeats < MAX_REPEATS
                && is_worth_repeating(&result)
                && Duration::from_millis(wait) < budget.left();
            if !goes_on {
                return result.map_err(|error| error.retry_after_ms(wait));
            }
            log::debug!("{} {} again in {wait} ms", request.method, request.path);
            budget.cancel.sleep(Duration::from_millis(wait))?;
            repeats += 1;
        }
    }

    /// What an answer to [`Http::send`] means, with the wait of the back-off where Trakt names none.
    ///
    /// # Errors
    /// As [`classify`].
    pub fn judge(&self, request: &Request, answer: &Answer) -> Result<()> {
        classify(answer).map_err(|error| {
            let left = lock(&self.hosts[request.host as usize].0).0.left(boot_ms());
            match left {
                Some(left) if error.retryable() && error.retry_after_ms.is_none() => {
                    error.retry_after_ms(left)
                }
                _ => error,
            }
        })
    }

    /// Waits until Trakt's limits allow the request.
    fn claim(&self, request: &Request, budget: &Budget) -> Result<()> {
        match (request.host, request.method) {
            (Host::Auth, _) => Ok(()),
            (Host::Api, Method::Get) => loop {
                let Err(wait) = lock(&self.reads).take(boot_ms()) else {
                    return Ok(());
                };
                budget.wait(Duration::from_millis(wait), || {
                    Error::new(
                        Status::RateLimited,
                        "Trakt allows 500 reads in 5 minutes, and they are used up",
                    )
                })?;
            },
            (Host::Api, _) => self.pace.claim_write(budget),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn network() -> Error {
        Error::new(Status::Network, "down")
    }

    #[test]
    fn the_wait_doubles_up_to_half_a_minute() {
        let middle = u32::MAX / 2;
        for (n, wait) in [
            (0, 1_000),
            (1, 1_000),
            (2, 2_000),
            (3, 4_000),
            (5, 16_000),
            (6, 30_000),
            (u32::MAX, 30_000),
        ] {
            assert_eq!(back_off_ms(n, middle), wait, "{n}");
        }
        assert_eq!((back_off_ms(1, 0), back_off_ms(1, u32::MAX)), (800, 1_200));
    }

    #[test]
    fn fresh_trouble_is_repeated_and_old_trouble_is_tried() {
        let mut state = Backoff::default();
        assert_eq!(state.check(0), Ok(()));
        let error = Error::new(Status::ServerError, "down").http_status(503);
        let wait = state.trouble(10_000, error.clone(), u32::MAX);
        assert_eq!(wait, 1_200);
        let repeated = state.check(10_400).unwrap_err();
        assert_eq!(repeated, error.retry_after_ms(800));
        assert_eq!(state.check(11_000), Ok(()));
        // Looking doesn't end the trouble.
        assert_eq!(state.trouble(12_000, network(), 0), 1_600);
        state.good();
        assert_eq!(state.check(12_000), Ok(()));
        assert_eq!(state.trouble(13_000, network(), 0), 800);
    }

    #[test]
    fn a_retry_after_is_kept_to() {
        let mut state = Backoff::default();
        let limited = |wait| Error::new(Status::RateLimited, "slow").retry_after_ms(wait);
        assert_eq!(state.trouble(0, limited(300_000), 0), 300_000);
        assert_eq!(state.trouble(0, limited(0), 0), 1_600);
    }

    proptest! {
        #[test]
        fn waits_stay_within_a_fifth(n in 1u32..100, random: u32) {
            let whole = 1_000.0 * 2f64.powi(i32::try_from(n).unwrap() - 1);
            let whole = whole.min(30_000.0);
            let wait = back_off_ms(n, random) as f64;
            prop_assert!(wait >= whole * 0.8 - 1.0 && wait <= whole * 1.2 + 1.0);
        }

        #[test]
        fn trouble_is_repeated_for_a_second_and_no_longer(
            steps in proptest::collection::vec((0u64..3_000, any::<bool>(), any::<u32>()), 1..50)
        ) {
            let (mut state, mut now, mut last) = (Backoff::default(), 0, None);
            for (step, good, random) in steps {
                now += step;
                match (state.check(now), last) {
                    (Ok(()), Some(at)) => prop_assert!(now >= at + 1_000),
                    (Ok(()), None) => {}
                    (Err(error), Some(at)) => {
                        prop_assert!(now < at + 1_000);
                        prop_assert!(error.retry_after_ms.unwrap() >= at + 1_000 - now);
                        continue;
                    }
                    (Err(_), None) => prop_assert!(false, "no trouble, and still refused"),
                }
                if good {
                    state.good();
                    last = None;
                } else {
                    let wait = state.trouble(now, network(), random);
                    prop_assert!((800..=36_000).contains(&wait));
                    last = Some(now);
                }
            }
        }
    }
}
