//! The device login as a pure function: `step(login, now, input) -> (login, action)`.
//! Knows nothing of threads, sockets, the store or the clock: time, randomness and answers come in, requests go out as actions.
#![forbid(unsafe_code)]

mod answer;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use answer::{
    AnswerView, CodeAnswer, CodeReply, PollAnswer, read_code_answer, read_poll_answer,
};

use super::percent_encode;
use super::token_reply::TokenReply;
use crate::account::settings::UserRef;
use crate::clock::Moment;
use crate::error::{Error, Status};
use crate::qr;
use crate::secret::Secret;

/// For how long a code is asked for before the login fails, in milliseconds.
pub const START_LIFE_MS: u64 = 10 * 60 * 1000;
/// How often a new code is asked for by itself when one expires.
pub const MAX_RENEWALS: u32 = 5;
/// What `slow_down` and 429 add to the interval, in milliseconds (RFC 8628, 3.5).
pub const SLOW_DOWN_MS: u64 = 5_000;
/// How long Trakt may be silent once the time is up, in milliseconds.
pub const GRACE_MS: u64 = 30_000;
/// After this a request under way is given up for lost, in milliseconds: twice what a request may take.
pub const LOST_MS: u64 = 60_000;
/// The longest `Retry-After` that is believed, in milliseconds: a date in it may be read by a wrong clock.
pub const MAX_RETRY_AFTER_MS: u64 = 10 * 60 * 1000;
/// The first wait after trouble, in milliseconds; it doubles up to the longest.
const FIRST_BACK_OFF_MS: u64 = 1_000;
const LONGEST_BACK_OFF_MS: u64 = 30_000;
/// What `next_poll_in_ms` says while a request is under way.
const UNDER_WAY_MS: u64 = 100;

/// Where a login stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum State {
    /// There is no login.
    Idle,
    /// A code is being asked for.
    Starting,
    /// There is a code, and the user hasn't answered yet.
    Pending,
    /// The user said yes.
    Authorized,
    /// The user said no.
    Denied,
    /// The code ran out.
    Expired,
    /// The code was used before.
    AlreadyUsed,
    /// Trakt doesn't know the code.
    Invalid,
    /// The host ended it.
    Cancelled,
    /// Trakt refused, or couldn't be reached in time.
    Failed,
}

impl State {
    /// Whether only a new start leads on from here.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Starting | Self::Pending)
    }
}

/// What the host asked for at the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// The login goes on by itself, not only when it is polled.
    pub background: bool,
    /// A new code is asked for by itself when one expires, at most five times.
    pub renew: bool,
    /// Where each code gets a PNG.
    pub qr_dir: Option<String>,
}

/// A span of time from a moment on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timer {
    /// When it began.
    pub from: Moment,
    /// How long it runs, in milliseconds.
    pub ms: u64,
}

impl Timer {
    fn new(from: &Moment, ms: u64) -> Self {
        Self {
            from: from.clone(),
            ms,
        }
    }

    fn elapsed(&self, now: &Moment) -> u64 {
        u64::try_from(now.since(&self.from)).unwrap_or(0)
    }

    /// Milliseconds until it is done; never more than it runs, whatever the clock did.
    pub fn left(&self, now: &Moment) -> u64 {
        self.ms.saturating_sub(self.elapsed(now))
    }

    /// Whether it has run out.
    pub fn done(&self, now: &Moment) -> bool {
        self.left(now) == 0
    }

    /// Milliseconds since it ran out.
    fn overdue(&self, now: &Moment) -> u64 {
        self.elapsed(now).saturating_sub(self.ms)
    }
}

/// A request under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flight {
    /// Which one it is.
    pub number: u64,
    /// When it was sent.
    pub sent: Moment,
}

/// Names a request, so that its answer finds the login it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The login that it was sent for.
    pub login_id: String,
    /// Its number in this login.
    pub number: u64,
}

/// What the user is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// What the user types.
    pub user_code: String,
    /// Where, as Trakt sent it.
    pub verification_url: String,
    /// The same with the code in it: what the QR code holds.
    pub verification_url_complete: String,
    /// The QR code's modules, unless the URL is too long for one.
    pub qr_rows: Option<Vec<String>>,
    /// The QR code as a file, set by whoever wrote it.
    pub qr_png_path: Option<String>,
    /// Its life, in milliseconds.
    pub life_ms: u64,
}

/// A login, as it is stored. It holds the device code: Debug hides that, serde doesn't.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// Names the login, over all its codes.
    pub login_id: String,
    /// Where it stands.
    pub state: State,
    /// What the host asked for.
    pub options: Options,
    /// What the polls ask about; gone when the login has ended.
    pub device_code: Option<Secret>,
    /// What the user is shown; kept when the login has ended.
    pub code: Option<Code>,
    /// The least time between two polls in milliseconds, never less than before; 0 until there is a code.
    pub interval_ms: u64,
    /// `starting`: when the login gives up. `pending`: when the code runs out.
    pub deadline: Timer,
    /// Runs from the first request after the deadline: Trakt's last time to say something.
    pub grace: Option<Timer>,
    /// Runs from the first poll after the deadline for the code's whole life: no clock, however wrong, makes it live longer.
    pub last_chance: Option<Timer>,
    /// When the next request may go out.
    pub due: Timer,
    /// The request under way.
    pub in_flight: Option<Flight>,
    /// How many requests were sent.
    pub requests: u64,
    /// How many of them were polls.
    pub polls: u64,
    /// How much trouble there was in a row.
    pub troubles: u32,
    /// How many codes were asked for after the first.
    pub renewals: u32,
    /// Passing trouble.
    pub last_error: Option<Error>,
    /// What ended the login.
    pub error: Option<Error>,
}

/// What happens to a login.
#[derive(Clone, Debug)]
pub enum Input {
    /// A new login takes the place of this one. (For the first one there is [`start`].)
    Start {
        /// Its name: random, never used before.
        login_id: String,
        /// What the host asked for.
        options: Options,
    },
    /// Time has passed.
    Tick,
    /// The request for a code has ended.
    Code {
        /// Which one.
        ticket: Ticket,
        /// How.
        answer: CodeAnswer,
        /// Random, -200 to 200: thousandths by which a back-off is longer.
        jitter: i32,
    },
    /// A poll has ended.
    Poll {
        /// Which one.
        ticket: Ticket,
        /// How.
        answer: PollAnswer,
        /// Random, -200 to 200: thousandths by which a back-off is longer.
        jitter: i32,
    },
    /// Another client, process or start of the machine drives from now on; what the last one had under way is unknown.
    TakenOver,
    /// The host ends the login.
    Cancel,
}

/// What is to be done, once the login that came with it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing more: the login has ended.
    Nothing,
    /// Nothing until [`Login::next_step_in_ms`], or until the request under way has ended.
    Wait,
    /// Ask Trakt for a code.
    RequestCode(Ticket),
    /// Ask Trakt about this device code.
    Poll(Ticket, Secret),
    /// Store these tokens, together with the login.
    Authorized(TokenReply),
    /// Give these tokens back: they came too late.
    Revoke(TokenReply),
}

/// The first step of a login.
pub fn start(login_id: String, options: Options, now: &Moment) -> (Login, Action) {
    let mut login = Login {
        login_id,
        state: State::Starting,
        options,
        device_code: None,
        code: None,
        interval_ms: 0,
        deadline: Timer::new(now, START_LIFE_MS),
        grace: None,
        last_chance: None,
        due: Timer::new(now, 0),
        in_flight: None,
        requests: 0,
        polls: 0,
        troubles: 0,
        renewals: 0,
        last_error: None,
        error: None,
    };
    let action = login.send(now);
    (login, action)
}

/// What a login becomes at `now` by `input`, and what is to be done then.
pub fn step(login: &Login, now: &Moment, input: Input) -> (Login, Action) {
    let mut login = login.clone();
    login.follow_the_machine(now);
    let action = match input {
        Input::Start { login_id, options } => return start(login_id, options, now),
        Input::Tick => login.tick(now),
        Input::Code {
            ticket,
            answer,
            jitter,
        } => login.code_answered(now, &ticket, answer, jitter),
        Input::Poll {
            ticket,
            answer,
            jitter,
        } => login.poll_answered(now, &ticket, answer, jitter),
        Input::TakenOver => {
            login.taken_over(now);
            login.at_rest()
        }
        Input::Cancel => {
            if !login.state.is_final() {
                login.last_error = None;
                login.finish(State::Cancelled, None);
            }
            login.at_rest()
        }
    };
    (login, action)
}

impl Login {
    /// Whether it goes on: there is a code to wait for, or one is being asked for.
    pub fn running(&self) -> bool {
        !self.state.is_final()
    }

    /// What a host can tell apart, without what only time changes.
    pub fn visible(
        &self,
    ) -> (
        &str,
        State,
        Option<&Code>,
        u64,
        Option<&Error>,
        Option<&Error>,
    ) {
        (
            &self.login_id,
            self.state,
            self.code.as_ref(),
            self.interval_ms,
            self.last_error.as_ref(),
            self.error.as_ref(),
        )
    }

    /// Milliseconds until the next [`Input::Tick`] leads on; nothing once the login has ended.
    pub fn next_step_in_ms(&self, now: &Moment) -> Option<u64> {
        if self.state.is_final() {
            return None;
        }
        if let Some(flight) = &self.in_flight {
            return Some(Timer::new(&flight.sent, LOST_MS).left(now));
        }
        let mut next = self.due.left(now);
        if let Some(grace) = &self.grace {
            next = next.min(grace.left(now));
        } else if self.state == State::Starting {
            next = next.min(self.deadline.left(now));
        }
        Some(next)
    }

    fn tick(&mut self, now: &Moment) -> Action {
        if self.state.is_final() {
            return Action::Nothing;
        }
        if let Some(flight) = &self.in_flight {
            if !Timer::new(&flight.sent, LOST_MS).done(now) {
                return Action::Wait;
            }
            self.in_flight = None;
            let lost = Error::new(Status::Timeout, "a request to Trakt never came back");
            return self.troubled(now, lost, 0);
        }
        if self.grace.as_ref().is_some_and(|grace| grace.done(now)) {
            return self.run_out(now, None);
        }
        if self.due.done(now) {
            return self.send(now);
        }
        // Trakt wants no request before the time is up.
        if self.state == State::Starting && self.grace.is_none() && self.deadline.done(now) {
            return self.run_out(now, None);
        }
        Action::Wait
    }

    /// Sends the request that the state asks for. It is recorded before it goes out: who finds the record knows
    /// that Trakt may have been asked at that moment.
    fn send(&mut self, now: &Moment) -> Action {
        if self.deadline.done(now) && self.grace.is_none() {
            // A code is asked for at the deadline once more, but after a gap, as of a suspended machine, the network needs time.
            let gap = self.deadline.overdue(now) > GRACE_MS;
            let grace = match self.state {
                State::Starting if !gap => 0,
                _ => GRACE_MS,
            };
            self.grace = Some(Timer::new(now, grace));
        }
        self.requests += 1;
        let ticket = Ticket {
            login_id: self.login_id.clone(),
            number: self.requests,
        };
        self.in_flight = Some(Flight {
            number: self.requests,
            sent: now.clone(),
        });
        self.due = Timer::new(now, self.least_wait_ms());
        match (&self.device_code, &self.code) {
            (Some(device_code), Some(code)) => {
                if self.deadline.done(now) && self.last_chance.is_none() {
                    self.last_chance = Some(Timer::new(now, code.life_ms));
                }
                self.polls += 1;
                Action::Poll(ticket, device_code.clone())
            }
            _ => Action::RequestCode(ticket),
        }
    }

    fn code_answered(
        &mut self,
        now: &Moment,
        ticket: &Ticket,
        answer: CodeAnswer,
        jitter: i32,
    ) -> Action {
        if !self.landed(State::Starting, ticket) {
            return self.at_rest();
        }
        match answer {
            CodeAnswer::Code(reply) => self.show(now, reply),
            CodeAnswer::Refused(error) => self.finish(State::Failed, Some(error)),
            CodeAnswer::Dropped => self.wait(now, 0),
            CodeAnswer::Trouble(error) => self.troubled(now, error, jitter),
        }
    }

    /// A code is there.
    fn show(&mut self, now: &Moment, reply: CodeReply) -> Action {
        let complete = complete_url(&reply.verification_url, &reply.user_code);
        self.state = State::Pending;
        self.device_code = Some(reply.device_code);
        self.code = Some(Code {
            qr_rows: qr::rows(&complete).ok(),
            qr_png_path: None,
            user_code: reply.user_code,
            verification_url: reply.verification_url,
            verification_url_complete: complete,
            life_ms: reply.expires_in_ms,
        });
        self.interval_ms = self.interval_ms.max(reply.interval_ms);
        self.deadline = Timer::new(now, reply.expires_in_ms);
        self.answered();
        self.wait(now, 0)
    }

    fn poll_answered(
        &mut self,
        now: &Moment,
        ticket: &Ticket,
        answer: PollAnswer,
        jitter: i32,
    ) -> Action {
        match answer {
            // A token counts whichever poll of this login brought it, as long as the login lives.
            PollAnswer::Token(token) => self.token_came(ticket, token),
            _ if !self.landed(State::Pending, ticket) => self.at_rest(),
            PollAnswer::Dropped => self.wait(now, 0),
            PollAnswer::Pending => {
                self.answered();
                self.not_yet(now, 0)
            }
            PollAnswer::SlowDown(error) => {
                self.answered();
                self.interval_ms = self.interval_ms.saturating_add(SLOW_DOWN_MS);
                let retry_after = retry_after_ms(&error).unwrap_or(0);
                self.last_error = Some(error);
                self.not_yet(now, retry_after)
            }
            PollAnswer::Denied(status) => {
                let denied = "the user refused to link the account";
                self.decided(State::Denied, Status::CodeDenied, denied, status)
            }
            PollAnswer::AlreadyUsed(status) => {
                let used = "this code was used before";
                self.decided(State::AlreadyUsed, Status::CodeAlreadyUsed, used, status)
            }
            // Trakt forgets a code some time after it ran out.
            PollAnswer::Invalid(status) if self.deadline.done(now) => {
                self.answered();
                self.run_out(now, Some(status))
            }
            PollAnswer::Invalid(status) => {
                let unknown = "Trakt doesn't know this code";
                self.decided(State::Invalid, Status::CodeInvalid, unknown, status)
            }
            PollAnswer::Expired(status) => {
                self.answered();
                self.run_out(now, Some(status))
            }
            PollAnswer::Refused(error) => {
                self.answered();
                self.finish(State::Failed, Some(error))
            }
            PollAnswer::Trouble(error) => self.troubled(now, error, jitter),
        }
    }

    fn token_came(&mut self, ticket: &Ticket, token: TokenReply) -> Action {
        if ticket.login_id != self.login_id {
            return Action::Revoke(token);
        }
        match self.state {
            State::Starting | State::Pending => {
                self.answered();
                self.finish(State::Authorized, None);
                Action::Authorized(token)
            }
            // Trakt gives a code's tokens out once: these are the ones that are stored.
            State::Authorized => Action::Nothing,
            _ => Action::Revoke(token),
        }
    }

    /// Takes the request under way as ended, if it is this one and still wanted.
    fn landed(&mut self, state: State, ticket: &Ticket) -> bool {
        let number = self.in_flight.as_ref().map(|flight| flight.number);
        let wanted = self.state == state
            && ticket.login_id == self.login_id
            && number == Some(ticket.number);
        if wanted {
            self.in_flight = None;
        }
        wanted
    }

    /// Trakt said something: no trouble, no silence.
    fn answered(&mut self) {
        self.troubles = 0;
        self.last_error = None;
        self.grace = None;
    }

    /// Trakt says that the code lives, which counts for more than the clock here, but not for ever.
    fn not_yet(&mut self, now: &Moment, wait: u64) -> Action {
        let over = |timer: &Timer| timer.done(now);
        if self.last_chance.as_ref().is_some_and(over) {
            return self.run_out(now, None);
        }
        self.wait(now, wait)
    }

    /// Passing trouble: the state stays, unless the time was up already.
    fn troubled(&mut self, now: &Moment, error: Error, jitter: i32) -> Action {
        self.troubles = self.troubles.saturating_add(1);
        if self.state == State::Pending && error.status == Status::RateLimited {
            self.interval_ms = self.interval_ms.saturating_add(SLOW_DOWN_MS);
        }
        let retry_after = retry_after_ms(&error);
        self.last_error = Some(error);
        if self.is_over(now) {
            return self.run_out(now, None);
        }
        let left = self.deadline.left(now);
        match retry_after {
            Some(wait) => self.wait(now, wait),
            // At the deadline Trakt is asked once more.
            None if left > 0 => self.wait(now, back_off_ms(self.troubles, jitter).min(left)),
            None => self.wait(now, back_off_ms(self.troubles, jitter)),
        }
    }

    /// Whether trouble at this moment is the end.
    fn is_over(&mut self, now: &Moment) -> bool {
        if !self.deadline.done(now) {
            return false;
        }
        match &self.grace {
            Some(grace) => grace.done(now),
            // The deadline passed while the request was under way. A code gets its last poll; so does a start that slept.
            None if self.state == State::Pending => false,
            None if self.deadline.overdue(now) > GRACE_MS => {
                self.grace = Some(Timer::new(now, GRACE_MS));
                false
            }
            None => true,
        }
    }

    /// The time is up: a code expires (and is renewed where the host wants that), a start fails.
    fn run_out(&mut self, now: &Moment, http_status: Option<u16>) -> Action {
        if self.state == State::Starting {
            let error = self.last_error.clone().unwrap_or_else(|| {
                Error::new(Status::Timeout, "Trakt gave no code within 10 minutes")
            });
            return self.finish(State::Failed, Some(error));
        }
        if self.options.renew && self.renewals < MAX_RENEWALS {
            self.renewals += 1;
            self.state = State::Starting;
            self.device_code = None;
            self.code = None;
            self.deadline = Timer::new(now, START_LIFE_MS);
            self.last_chance = None;
            self.answered();
            return self.send(now);
        }
        let mut error = Error::new(Status::CodeExpired, "the code ran out before it was used");
        error.http_status = http_status;
        self.finish(State::Expired, Some(error))
    }

    /// Trakt's last word about the code.
    fn decided(&mut self, state: State, status: Status, message: &str, http_status: u16) -> Action {
        self.answered();
        self.finish(
            state,
            Some(Error::new(status, message).http_status(http_status)),
        )
    }

    fn finish(&mut self, state: State, error: Option<Error>) -> Action {
        self.state = state;
        self.error = error;
        self.device_code = None;
        self.in_flight = None;
        Action::Nothing
    }

    /// The next request goes out after `ms`, but no sooner than the state allows.
    fn wait(&mut self, now: &Moment, ms: u64) -> Action {
        self.due = Timer::new(now, ms.max(self.least_wait_ms()));
        Action::Wait
    }

    /// Between two requests, counted from the end of the first.
    fn least_wait_ms(&self) -> u64 {
        match self.state {
            State::Pending => self.interval_ms,
            _ => FIRST_BACK_OFF_MS * 8 / 10,
        }
    }

    fn at_rest(&self) -> Action {
        if self.state.is_final() {
            Action::Nothing
        } else {
            Action::Wait
        }
    }

    /// Nobody here knows what was under way, so Trakt is left alone for one interval.
    fn taken_over(&mut self, now: &Moment) {
        let lost = self.in_flight.take().is_some();
        if self.state == State::Pending || (self.state == State::Starting && lost) {
            let left = self.due.left(now);
            self.wait(now, left);
        }
    }

    /// After a new start of the machine, whose clock counts from elsewhere, every timer goes on with what the wall
    /// clock says is left of it. That clock may be wrong: so no timer gets longer, and nothing ends by it alone.
    fn follow_the_machine(&mut self, now: &Moment) {
        if self.state.is_final() || self.due.from.boot_id == now.boot_id {
            return;
        }
        for timer in [&mut self.deadline, &mut self.due] {
            *timer = Timer::new(now, timer.left(now));
        }
        self.grace = None;
        self.last_chance = None;
        if self.state == State::Starting {
            self.deadline.ms = self.deadline.ms.max(GRACE_MS);
        }
        self.taken_over(now);
    }
}

/// The n-th trouble in a row waits min(1 s · 2^(n-1), 30 s) and `jitter` thousandths of that, at most a fifth.
fn back_off_ms(troubles: u32, jitter: i32) -> u64 {
    let doublings = troubles.saturating_sub(1).min(16);
    let wait = (FIRST_BACK_OFF_MS << doublings).min(LONGEST_BACK_OFF_MS);
    wait.saturating_add_signed(i64::from(jitter.clamp(-200, 200)) * wait.cast_signed() / 1000)
}

fn retry_after_ms(error: &Error) -> Option<u64> {
    error.retry_after_ms.map(|ms| ms.min(MAX_RETRY_AFTER_MS))
}

/// `url`, without trailing `/`, plus `/` and the code; before the query or fragment, where there is one.
fn complete_url(url: &str, user_code: &str) -> String {
    let (path, rest) = url.split_at(url.find(['?', '#']).unwrap_or(url.len()));
    let path = path.trim_end_matches('/');
    format!("{path}/{}{rest}", percent_encode(user_code))
}

/// Who drives a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Driver {
    /// This client.
    #[serde(rename = "self")]
    SelfDriven,
    /// Another client or process.
    #[serde(rename = "other")]
    Other,
    /// Nobody, at the moment.
    #[serde(rename = "none")]
    None,
}

/// What a host sees of a login. Everything but `state`, `polls` and `driver` is null where it is unknown or has no meaning.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Snapshot<'a> {
    /// Names the login.
    pub login_id: Option<&'a str>,
    /// Where it stands.
    pub state: State,
    /// What the user types.
    pub user_code: Option<&'a str>,
    /// Where, as Trakt sent it.
    pub verification_url: Option<&'a str>,
    /// The same with the code in it.
    pub verification_url_complete: Option<&'a str>,
    /// The QR code's modules: rows of 0 and 1, without a quiet zone.
    pub qr_rows: Option<&'a [String]>,
    /// The QR code's file.
    pub qr_png_path: Option<&'a str>,
    /// Milliseconds until the next request may go out; small while one is under way; null when the login has ended.
    pub next_poll_in_ms: Option<u64>,
    /// Milliseconds until the code runs out; null without a code and when the login has ended.
    pub expires_in_ms: Option<u64>,
    /// The least time between two polls.
    pub interval_ms: Option<u64>,
    /// How many polls were sent.
    pub polls: u64,
    /// Who drives it.
    pub driver: Driver,
    /// Passing trouble.
    #[cfg_attr(test, schemars(with = "Option<crate::methods::ErrorShape>"))]
    pub last_error: Option<&'a Error>,
    /// What ended the login.
    #[cfg_attr(test, schemars(with = "Option<crate::methods::ErrorShape>"))]
    pub error: Option<&'a Error>,
    /// The account, once it was read.
    pub account: Option<&'a UserRef>,
}

impl Snapshot<'_> {
    /// What a host sees when there is no login.
    pub fn idle() -> Self {
        Self {
            login_id: None,
            state: State::Idle,
            user_code: None,
            verification_url: None,
            verification_url_complete: None,
            qr_rows: None,
            qr_png_path: None,
            next_poll_in_ms: None,
            expires_in_ms: None,
            interval_ms: None,
            polls: 0,
            driver: Driver::None,
            last_error: None,
            error: None,
            account: None,
        }
    }
}

/// What a host sees of `login` at `now`; `account` is for the caller to fill in.
pub fn snapshot<'a>(login: &'a Login, now: &Moment, driver: Driver) -> Snapshot<'a> {
    let code = login.code.as_ref();
    let next_poll_in_ms = match &login.in_flight {
        _ if login.state.is_final() => None,
        Some(_) => Some(UNDER_WAY_MS),
        None => Some(login.due.left(now)),
    };
    Snapshot {
        login_id: Some(&login.login_id),
        state: login.state,
        user_code: code.map(|code| code.user_code.as_str()),
        verification_url: code.map(|code| code.verification_url.as_str()),
        verification_url_complete: code.map(|code| code.verification_url_complete.as_str()),
        qr_rows: code.and_then(|code| code.qr_rows.as_deref()),
        qr_png_path: code.and_then(|code| code.qr_png_path.as_deref()),
        next_poll_in_ms,
        expires_in_ms: (login.state == State::Pending).then(|| login.deadline.left(now)),
        interval_ms: (login.interval_ms > 0).then_some(login.interval_ms),
        polls: login.polls,
        driver,
        last_error: login.last_error.as_ref(),
        error: login.error.as_ref(),
        account: None,
    }
}
