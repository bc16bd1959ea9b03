//! Each line of the protocol as a test of `step`, and what holds whatever happens.

use proptest::prelude::*;

use super::*;

/// A moment of the first start of the machine, in milliseconds; its wall clock runs along.
fn at(ms: u64) -> Moment {
    Moment {
        boot_id: "first".into(),
        boot_ms: 1_000_000 + ms,
        wall_ms: 1_800_000_000_000 + i64::try_from(ms).unwrap(),
    }
}

/// The same after a new start of the machine, with a wall clock that is `off_ms` off.
fn restarted(ms: u64, off_ms: i64) -> Moment {
    Moment {
        boot_id: "second".into(),
        boot_ms: ms,
        wall_ms: at(ms).wall_ms + off_ms,
    }
}

fn code_reply() -> CodeReply {
    CodeReply {
        device_code: Secret::new("device-code-1"),
        user_code: "5055CC52".into(),
        verification_url: "https://trakt.tv/activate".into(),
        expires_in_ms: 600_000,
        interval_ms: 5_000,
    }
}

fn token() -> TokenReply {
    TokenReply::read(br#"{"access_token":"a-token","refresh_token":"r-token"}"#).unwrap()
}

fn network() -> Error {
    Error::new(Status::Network, "no network")
}

/// A login under test: the last login and the last action.
struct Run {
    login: Login,
    action: Action,
}

impl Run {
    fn start(options: Options) -> Self {
        let (login, action) = start("login-1".into(), options, &at(0));
        Self { login, action }
    }

    /// A login whose code came at 0.
    fn pending(options: Options) -> Self {
        let mut it = Self::start(options);
        it.code(0, CodeAnswer::Code(code_reply()));
        assert_eq!(it.login.state, State::Pending);
        it
    }

    fn step(&mut self, now: &Moment, input: Input) -> &Action {
        (self.login, self.action) = step(&self.login, now, input);
        &self.action
    }

    fn tick(&mut self, ms: u64) -> &Action {
        self.step(&at(ms), Input::Tick)
    }

    fn ticket(&self) -> Ticket {
        Ticket {
            login_id: self.login.login_id.clone(),
            number: self.login.requests,
        }
    }

    fn code(&mut self, ms: u64, answer: CodeAnswer) -> &Action {
        let ticket = self.ticket();
        let input = Input::Code {
            ticket,
            answer,
            jitter: 0,
        };
        self.step(&at(ms), input)
    }

    fn answer_at(&mut self, now: &Moment, answer: PollAnswer) -> &Action {
        let ticket = self.ticket();
        let input = Input::Poll {
            ticket,
            answer,
            jitter: 0,
        };
        self.step(now, input)
    }

    fn answer(&mut self, ms: u64, answer: PollAnswer) -> &Action {
        self.answer_at(&at(ms), answer)
    }

    /// Sends the poll that is due and lets it end at the same moment.
    fn poll(&mut self, ms: u64, answer: PollAnswer) -> &Action {
        assert!(
            matches!(self.tick(ms), Action::Poll(..)),
            "a poll is due at {ms}: {:?}",
            self.login
        );
        self.answer(ms, answer)
    }

    fn due(&self, ms: u64) -> u64 {
        self.login.due.left(&at(ms))
    }

    fn error(&self) -> (Status, Option<u16>) {
        let error = self.login.error.as_ref().unwrap();
        (error.status, error.http_status)
    }
}

fn renewing() -> Options {
    Options {
        renew: true,
        ..Options::default()
    }
}

// ---- start

#[test]
fn a_start_asks_for_a_code_at_once() {
    let it = Run::start(Options::default());
    assert_eq!(it.login.state, State::Starting);
    assert_eq!(it.action, Action::RequestCode(it.ticket()));
    assert!(it.login.in_flight.is_some());
}

#[test]
fn a_code_makes_it_pending_and_the_first_poll_waits_one_interval() {
    let mut it = Run::start(Options::default());
    it.code(700, CodeAnswer::Code(code_reply()));
    assert_eq!(
        (it.login.state, &it.action),
        (State::Pending, &Action::Wait)
    );
    assert_eq!(it.tick(5_699), &Action::Wait);
    let action = it.tick(5_700).clone();
    assert_eq!(
        action,
        Action::Poll(it.ticket(), Secret::new("device-code-1"))
    );
    assert_eq!(it.login.deadline.left(&at(700)), 600_000);
}

#[test]
fn trouble_at_the_start_is_told_and_tried_again_with_back_off() {
    let mut it = Run::start(Options::default());
    let mut now = 0;
    for wait in [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
        it.code(now, CodeAnswer::Trouble(network()));
        assert_eq!(it.login.state, State::Starting);
        assert_eq!(it.login.last_error, Some(network()));
        assert_eq!(it.tick(now + wait - 1), &Action::Wait);
        now += wait;
        assert!(matches!(it.tick(now), Action::RequestCode(_)));
    }
    it.code(now, CodeAnswer::Code(code_reply()));
    assert_eq!(
        (it.login.state, &it.login.last_error),
        (State::Pending, &None)
    );
}

#[test]
fn a_start_gives_up_after_10_minutes_with_its_last_error() {
    let mut it = Run::start(Options::default());
    let mut now = 0;
    let mut last_try = 0;
    while it.login.state == State::Starting {
        it.code(now, CodeAnswer::Trouble(network()));
        if let Some(wait) = it.login.next_step_in_ms(&at(now)) {
            now += wait;
            last_try = now;
            assert!(matches!(it.tick(now), Action::RequestCode(_)));
        }
        assert!(now < 700_000);
    }
    assert_eq!(it.login.state, State::Failed);
    assert_eq!(it.login.error, Some(network()));
    assert!((600_000..601_000).contains(&last_try), "{last_try}");
}

#[test]
fn a_start_that_slept_gets_half_a_minute_more() {
    let mut it = Run::start(Options::default());
    it.code(0, CodeAnswer::Trouble(network()));
    assert!(matches!(it.tick(3_600_000), Action::RequestCode(_)));
    it.code(3_600_000, CodeAnswer::Trouble(network()));
    assert_eq!(it.login.state, State::Starting);
    assert!(matches!(it.tick(3_602_000), Action::RequestCode(_)));
    it.code(3_602_000, CodeAnswer::Code(code_reply()));
    assert_eq!(it.login.state, State::Pending);

    let mut it = Run::start(Options::default());
    // The request was under way when the machine fell asleep.
    it.code(3_600_000, CodeAnswer::Trouble(network()));
    assert_eq!(it.login.state, State::Starting);
    it.tick(3_629_000);
    it.code(3_631_000, CodeAnswer::Trouble(network()));
    assert_eq!(it.login.state, State::Failed);
}

#[test]
fn a_429_at_the_start_honours_retry_after() {
    let mut it = Run::start(Options::default());
    let limited = Error::new(Status::RateLimited, "slow").retry_after_ms(120_000);
    it.code(0, CodeAnswer::Trouble(limited));
    assert_eq!(it.login.state, State::Starting);
    assert_eq!(it.tick(119_999), &Action::Wait);
    assert!(matches!(it.tick(120_000), Action::RequestCode(_)));
    // Longer than the start may take: it ends without another request.
    let limited = Error::new(Status::RateLimited, "slow").retry_after_ms(86_400_000);
    it.code(120_000, CodeAnswer::Trouble(limited.clone()));
    assert_eq!(it.login.next_step_in_ms(&at(120_000)), Some(480_000));
    assert_eq!(it.tick(599_999), &Action::Wait);
    assert_eq!(it.tick(600_000), &Action::Nothing);
    assert_eq!(
        (it.login.state, it.login.error),
        (State::Failed, Some(limited))
    );
}

#[test]
fn a_refused_start_fails_with_the_mapped_code() {
    let mut it = Run::start(Options::default());
    let refused = Error::new(Status::Forbidden, "no").http_status(403);
    assert_eq!(it.code(0, CodeAnswer::Refused(refused)), &Action::Nothing);
    assert_eq!(it.login.state, State::Failed);
    assert_eq!(it.error(), (Status::Forbidden, Some(403)));
}

#[test]
fn a_request_torn_down_here_is_no_trouble() {
    let mut it = Run::start(Options::default());
    it.code(0, CodeAnswer::Dropped);
    assert_eq!((it.login.state, it.login.troubles), (State::Starting, 0));
    assert_eq!(it.login.last_error, None);
    assert!(it.login.next_step_in_ms(&at(0)).unwrap() <= 1_000);

    let mut it = Run::pending(Options::default());
    it.poll(5_000, PollAnswer::Dropped);
    assert_eq!((it.login.state, it.login.troubles), (State::Pending, 0));
    assert_eq!(it.due(5_000), 5_000);
}

#[test]
fn a_new_start_takes_the_place_of_any_login() {
    let mut it = Run::pending(renewing());
    let input = Input::Start {
        login_id: "login-2".into(),
        options: Options::default(),
    };
    assert!(matches!(it.step(&at(9_000), input), Action::RequestCode(_)));
    assert_eq!(
        it.login,
        start("login-2".into(), Options::default(), &at(9_000)).0
    );
}

// ---- answers to polls

#[test]
fn an_answer_of_200_is_authorized_and_brings_the_tokens() {
    let mut it = Run::pending(Options::default());
    let action = it.poll(5_000, PollAnswer::Token(token())).clone();
    assert_eq!(action, Action::Authorized(token()));
    assert_eq!(
        (it.login.state, &it.login.error),
        (State::Authorized, &None)
    );
    assert_eq!(it.login.device_code, None);
    assert_eq!(it.tick(99_000), &Action::Nothing);
}

#[test]
fn pending_clears_trouble_and_the_next_poll_is_counted_from_the_answer() {
    let mut it = Run::pending(Options::default());
    it.poll(5_000, PollAnswer::Trouble(network()));
    assert_eq!(it.login.last_error, Some(network()));
    assert!(matches!(it.tick(10_000), Action::Poll(..)));
    assert_eq!(it.tick(13_000), &Action::Wait);
    it.answer(14_000, PollAnswer::Pending);
    assert_eq!((it.login.troubles, &it.login.last_error), (0, &None));
    assert_eq!(it.tick(18_999), &Action::Wait);
    assert!(matches!(it.tick(19_000), Action::Poll(..)));
}

#[test]
fn slow_down_grows_the_interval_for_good_and_leaves_the_deadline() {
    let mut it = Run::pending(Options::default());
    let slow = Error::new(Status::RateLimited, "slow");
    it.poll(5_000, PollAnswer::SlowDown(slow.clone()));
    assert_eq!(
        (it.login.state, it.login.interval_ms),
        (State::Pending, 10_000)
    );
    assert_eq!(it.login.last_error, Some(slow.clone()));
    assert_eq!(it.due(5_000), 10_000);
    it.poll(15_000, PollAnswer::Pending);
    assert_eq!((it.login.interval_ms, it.due(15_000)), (10_000, 10_000));
    it.poll(25_000, PollAnswer::SlowDown(slow.retry_after_ms(60_000)));
    assert_eq!((it.login.interval_ms, it.due(25_000)), (15_000, 60_000));
    it.poll(85_000, PollAnswer::Pending);
    assert_eq!(it.due(85_000), 15_000);
    assert_eq!(it.login.deadline.left(&at(85_000)), 515_000);
}

#[test]
fn a_page_with_429_slows_down_as_well() {
    let mut it = Run::pending(Options::default());
    let limited = Error::new(Status::RateLimited, "page").retry_after_ms(300_000);
    it.poll(5_000, PollAnswer::Trouble(limited));
    assert_eq!((it.login.interval_ms, it.due(5_000)), (10_000, 300_000));
}

#[test]
fn a_retry_after_of_days_is_not_believed() {
    let mut it = Run::pending(Options::default());
    let limited = Error::new(Status::RateLimited, "slow").retry_after_ms(u64::MAX);
    it.poll(5_000, PollAnswer::SlowDown(limited));
    assert_eq!(it.due(5_000), MAX_RETRY_AFTER_MS);
}

#[test]
fn final_answers_end_the_login_with_their_code() {
    for (answer, state, status, http) in [
        (
            PollAnswer::Invalid(404),
            State::Invalid,
            Status::CodeInvalid,
            404,
        ),
        (
            PollAnswer::AlreadyUsed(409),
            State::AlreadyUsed,
            Status::CodeAlreadyUsed,
            409,
        ),
        (
            PollAnswer::Expired(410),
            State::Expired,
            Status::CodeExpired,
            410,
        ),
        (
            PollAnswer::Expired(400),
            State::Expired,
            Status::CodeExpired,
            400,
        ),
        (
            PollAnswer::Denied(418),
            State::Denied,
            Status::CodeDenied,
            418,
        ),
        (
            PollAnswer::Refused(Error::new(Status::Rejected, "no").http_status(422)),
            State::Failed,
            Status::Rejected,
            422,
        ),
    ] {
        let mut it = Run::pending(Options::default());
        it.poll(5_000, PollAnswer::Trouble(network()));
        assert_eq!(it.poll(10_000, answer), &Action::Nothing);
        assert_eq!(it.login.state, state);
        assert_eq!(it.error(), (status, Some(http)));
        assert_eq!(
            (&it.login.last_error, &it.login.device_code),
            (&None, &None)
        );
        assert_eq!(it.login.next_step_in_ms(&at(10_000)), None);
    }
}

#[test]
fn trouble_leaves_the_state_and_waits_the_larger_of_interval_and_back_off() {
    let mut it = Run::pending(Options::default());
    let mut now = 5_000;
    for wait in [5_000, 5_000, 5_000, 8_000, 16_000, 30_000, 30_000] {
        it.poll(now, PollAnswer::Trouble(network()));
        assert_eq!(
            (it.login.state, &it.login.last_error),
            (State::Pending, &Some(network()))
        );
        assert_eq!(it.due(now), wait);
        now += wait;
    }
    let busy = Error::new(Status::ServerError, "busy").retry_after_ms(40_000);
    it.poll(now, PollAnswer::Trouble(busy));
    assert_eq!(it.due(now), 40_000);
}

#[test]
fn jitter_is_a_fifth_at_most_and_never_shortens_the_interval() {
    for (troubles, jitter, wait) in [
        (1, 0, 1_000),
        (1, 200, 1_200),
        (1, -200, 800),
        (1, i32::MIN, 800),
        (3, 100, 4_400),
        (6, 0, 30_000),
        (6, i32::MAX, 36_000),
        (u32::MAX, 0, 30_000),
    ] {
        assert_eq!(back_off_ms(troubles, jitter), wait);
    }
    let mut it = Run::pending(Options::default());
    it.tick(5_000);
    let input = Input::Poll {
        ticket: it.ticket(),
        answer: PollAnswer::Trouble(network()),
        jitter: -200,
    };
    it.step(&at(5_000), input);
    assert_eq!(it.due(5_000), 5_000);
}

#[test]
fn one_request_at_a_time() {
    let mut it = Run::pending(Options::default());
    it.tick(5_000);
    let under_way = it.login.clone();
    assert_eq!(
        it.due(5_000),
        5_000,
        "whoever reads it meanwhile sees when the next may go"
    );
    assert_eq!(it.tick(64_999), &Action::Wait);
    assert_eq!(it.login, under_way);
    // It never came back.
    assert_eq!(it.tick(65_000), &Action::Wait);
    assert_eq!(
        it.login.last_error.as_ref().unwrap().status,
        Status::Timeout
    );
    assert_eq!(it.due(65_000), 5_000);
    assert!(matches!(it.tick(70_000), Action::Poll(..)));
}

#[test]
fn an_answer_to_another_request_changes_nothing() {
    let mut it = Run::pending(Options::default());
    let first = it.ticket();
    it.tick(5_000);
    let under_way = it.login.clone();
    let stranger = Ticket {
        login_id: "login-0".into(),
        number: it.login.requests,
    };
    for ticket in [first, stranger] {
        for answer in [
            PollAnswer::Expired(410),
            PollAnswer::Pending,
            PollAnswer::Trouble(network()),
        ] {
            let input = Input::Poll {
                ticket: ticket.clone(),
                answer,
                jitter: 0,
            };
            assert_eq!(it.step(&at(6_000), input), &Action::Wait);
            assert_eq!(it.login, under_way);
        }
        let input = Input::Code {
            ticket,
            answer: CodeAnswer::Code(code_reply()),
            jitter: 0,
        };
        it.step(&at(6_000), input);
        assert_eq!(it.login, under_way);
    }
}

// ---- cancel, late tokens

#[test]
fn cancel_ends_a_start_and_a_pending_login() {
    for mut it in [
        Run::start(Options::default()),
        Run::pending(Options::default()),
    ] {
        assert_eq!(it.step(&at(1_000), Input::Cancel), &Action::Nothing);
        assert_eq!((it.login.state, &it.login.error), (State::Cancelled, &None));
        assert_eq!(it.login.device_code, None);
        it.code(1_500, CodeAnswer::Code(code_reply()));
        assert_eq!(it.login.state, State::Cancelled);
    }
}

#[test]
fn a_token_after_cancel_is_given_back() {
    let mut it = Run::pending(Options::default());
    it.tick(5_000);
    it.step(&at(5_500), Input::Cancel);
    assert_eq!(
        it.answer(6_000, PollAnswer::Token(token())),
        &Action::Revoke(token())
    );
    assert_eq!(it.login.state, State::Cancelled);
}

#[test]
fn a_token_of_a_login_that_was_replaced_is_given_back() {
    let mut it = Run::pending(Options::default());
    it.tick(5_000);
    let old = it.ticket();
    let input = Input::Start {
        login_id: "login-2".into(),
        options: Options::default(),
    };
    it.step(&at(5_500), input);
    let new = it.login.clone();
    let input = Input::Poll {
        ticket: old,
        answer: PollAnswer::Token(token()),
        jitter: 0,
    };
    assert_eq!(it.step(&at(6_000), input), &Action::Revoke(token()));
    assert_eq!(it.login, new);
}

#[test]
fn a_late_token_of_the_same_login_counts() {
    let mut it = Run::pending(Options::default());
    it.tick(5_000);
    let first = it.ticket();
    it.step(&at(6_000), Input::TakenOver);
    it.tick(11_000);
    assert_ne!(it.ticket(), first);
    let input = Input::Poll {
        ticket: first,
        answer: PollAnswer::Token(token()),
        jitter: 0,
    };
    assert_eq!(
        it.step(&at(12_000), input.clone()),
        &Action::Authorized(token())
    );
    assert_eq!(it.login.state, State::Authorized);
    // What is stored isn't given back.
    assert_eq!(it.step(&at(13_000), input), &Action::Nothing);
}

// ---- deadline, resume

#[test]
fn at_the_deadline_a_last_poll_asks() {
    let mut it = Run::pending(Options::default());
    let mut now = 5_000;
    while now + 5_000 < 600_000 {
        it.poll(now, PollAnswer::Trouble(network()));
        now += it.due(now);
    }
    assert_eq!(now, 600_000, "the back-off ends at the deadline");
    assert_eq!(it.poll(600_000, PollAnswer::Expired(410)), &Action::Nothing);
    assert_eq!(it.login.state, State::Expired);
}

#[test]
fn past_the_deadline_404_is_expired() {
    let mut it = Run::pending(Options::default());
    it.poll(600_000, PollAnswer::Invalid(404));
    assert_eq!(it.login.state, State::Expired);
    assert_eq!(it.error(), (Status::CodeExpired, Some(404)));
}

#[test]
fn past_the_deadline_pending_goes_on() {
    let mut it = Run::pending(Options::default());
    for now in [600_000, 605_000, 660_000] {
        it.poll(now, PollAnswer::Pending);
        assert_eq!(it.login.state, State::Pending);
        assert_eq!(
            snapshot(&it.login, &at(now), Driver::SelfDriven).expires_in_ms,
            Some(0)
        );
    }
    let action = it.poll(665_000, PollAnswer::Token(token())).clone();
    assert_eq!(action, Action::Authorized(token()));
}

#[test]
fn past_the_deadline_pending_goes_on_for_one_more_life_of_the_code() {
    let mut it = Run::pending(Options::default());
    it.poll(600_000, PollAnswer::Pending);
    it.poll(1_199_000, PollAnswer::Pending);
    assert_eq!(it.login.state, State::Pending);
    it.poll(1_204_000, PollAnswer::Pending);
    assert_eq!(it.login.state, State::Expired);
}

#[test]
fn trouble_of_a_poll_from_before_the_deadline_leaves_the_last_one_to_come() {
    let mut it = Run::pending(Options::default());
    it.tick(599_000);
    it.answer(614_000, PollAnswer::Trouble(network()));
    assert_eq!(it.login.state, State::Pending);
    it.poll(619_000, PollAnswer::Expired(410));
    assert_eq!(it.login.state, State::Expired);
}

#[test]
fn past_the_deadline_half_a_minute_of_silence_ends_it() {
    let mut it = Run::pending(Options::default());
    it.poll(600_000, PollAnswer::Trouble(network()));
    assert_eq!(it.login.state, State::Pending);
    it.poll(605_000, PollAnswer::Pending); // an answer: the half minute begins anew
    it.poll(620_000, PollAnswer::Trouble(network()));
    it.poll(640_000, PollAnswer::Trouble(network()));
    assert_eq!(it.login.state, State::Pending);
    assert_eq!(it.login.next_step_in_ms(&at(640_000)), Some(5_000));
    assert_eq!(it.tick(650_000), &Action::Nothing);
    assert_eq!(it.login.state, State::Expired);
    assert_eq!(it.error(), (Status::CodeExpired, None));
    assert_eq!(it.login.last_error, Some(network()));
}

#[test]
fn a_poll_under_way_is_waited_for_past_the_half_minute() {
    let mut it = Run::pending(Options::default());
    it.poll(600_000, PollAnswer::Trouble(network()));
    it.tick(625_000);
    assert_eq!(it.tick(635_000), &Action::Wait);
    let action = it.answer(636_000, PollAnswer::Token(token())).clone();
    assert_eq!(action, Action::Authorized(token()));
}

#[test]
fn after_a_resume_a_last_poll_asks() {
    for (answer, state) in [
        (PollAnswer::Expired(410), State::Expired),
        (PollAnswer::Pending, State::Pending),
        (PollAnswer::Trouble(network()), State::Pending),
        (PollAnswer::Token(token()), State::Authorized),
    ] {
        let mut it = Run::pending(Options::default());
        it.poll(5_000, PollAnswer::Pending);
        it.poll(7_200_000, answer);
        assert_eq!(it.login.state, state);
    }
}

#[test]
fn a_jump_of_the_wall_clock_changes_nothing() {
    for jump in [-604_800_000, 604_800_000, i64::MIN / 2, i64::MAX / 2] {
        let jumped = |ms| Moment {
            wall_ms: jump,
            ..at(ms)
        };
        let mut it = Run::pending(Options::default());
        assert_eq!(it.step(&jumped(4_999), Input::Tick), &Action::Wait);
        assert!(matches!(
            it.step(&jumped(5_000), Input::Tick),
            Action::Poll(..)
        ));
        it.answer_at(&jumped(5_000), PollAnswer::Pending);
        let snapshot = snapshot(&it.login, &jumped(5_000), Driver::SelfDriven);
        assert_eq!(snapshot.expires_in_ms, Some(595_000));
        assert_eq!(snapshot.next_poll_in_ms, Some(5_000));
    }
}

// ---- take-over, restart

#[test]
fn who_takes_over_waits_one_interval() {
    let mut it = Run::pending(Options::default());
    it.tick(5_000);
    // The process died with a poll under way and another one takes over at 5.1 s.
    assert_eq!(it.step(&at(5_100), Input::TakenOver), &Action::Wait);
    assert_eq!(
        (it.login.state, &it.login.in_flight),
        (State::Pending, &None)
    );
    assert_eq!(it.tick(10_099), &Action::Wait);
    assert!(matches!(it.tick(10_100), Action::Poll(..)));
}

#[test]
fn who_takes_over_polls_no_sooner_than_was_due() {
    let mut it = Run::pending(Options::default());
    let slow = Error::new(Status::RateLimited, "slow").retry_after_ms(60_000);
    it.poll(5_000, PollAnswer::SlowDown(slow));
    it.step(&at(6_000), Input::TakenOver);
    assert_eq!(it.tick(64_999), &Action::Wait);
    assert!(matches!(it.tick(65_000), Action::Poll(..)));
}

#[test]
fn who_takes_over_a_start_goes_on_with_it() {
    let mut it = Run::start(Options::default());
    it.step(&at(100), Input::TakenOver);
    assert_eq!(it.tick(200), &Action::Wait);
    assert!(matches!(it.tick(1_100), Action::RequestCode(_)));
}

#[test]
fn a_final_login_is_not_taken_over() {
    let mut it = Run::pending(Options::default());
    it.step(&at(1_000), Input::Cancel);
    let ended = it.login.clone();
    assert_eq!(
        it.step(&restarted(2_000, 0), Input::TakenOver),
        &Action::Nothing
    );
    assert_eq!(it.login, ended);
}

#[test]
fn after_a_restart_of_the_machine_the_wall_clock_tells_what_is_left() {
    let mut it = Run::pending(Options::default());
    it.tick(5_000);
    let now = restarted(65_000, 0);
    let seen = snapshot(&it.login, &now, Driver::None);
    assert_eq!(
        (seen.state, seen.user_code),
        (State::Pending, Some("5055CC52"))
    );
    assert_eq!(seen.expires_in_ms, Some(535_000));
    // Trakt is left alone for one interval all the same.
    assert_eq!(it.step(&now, Input::TakenOver), &Action::Wait);
    assert_eq!(it.step(&restarted(69_999, 0), Input::Tick), &Action::Wait);
    assert!(matches!(
        it.step(&restarted(70_000, 0), Input::Tick),
        Action::Poll(..)
    ));
    assert_eq!(it.login.deadline.left(&restarted(70_000, 0)), 530_000);
}

#[test]
fn a_wall_clock_that_went_back_over_a_restart_makes_nothing_longer() {
    let mut it = Run::pending(Options::default());
    it.poll(5_000, PollAnswer::Pending);
    let hour = -3_600_000;
    it.step(&restarted(60_000, hour), Input::TakenOver);
    assert_eq!(it.login.deadline.left(&restarted(60_000, hour)), 600_000);
    assert_eq!(
        it.step(&restarted(64_999, hour), Input::Tick),
        &Action::Wait
    );
    assert!(matches!(
        it.step(&restarted(65_000, hour), Input::Tick),
        Action::Poll(..)
    ));
    // From then on the machine's own clock counts again.
    assert_eq!(
        it.login.deadline.left(&restarted(65_000, 7_777_777)),
        595_000
    );
}

#[test]
fn a_wall_clock_that_went_ahead_over_a_restart_ends_nothing() {
    let week = 604_800_000;
    let mut it = Run::pending(Options::default());
    it.step(&restarted(10_000, week), Input::TakenOver);
    assert_eq!(it.login.state, State::Pending);
    assert!(matches!(
        it.step(&restarted(15_000, week), Input::Tick),
        Action::Poll(..)
    ));
    it.answer_at(&restarted(15_000, week), PollAnswer::Pending);
    assert_eq!(it.login.state, State::Pending);
    it.step(&restarted(20_000, week), Input::Tick);
    let action = it.answer_at(&restarted(20_000, week), PollAnswer::Token(token()));
    assert_eq!(action, &Action::Authorized(token()));

    let mut it = Run::start(Options::default());
    it.step(&restarted(10_000, week), Input::TakenOver);
    assert!(matches!(
        it.step(&restarted(11_000, week), Input::Tick),
        Action::RequestCode(_)
    ));
    let input = Input::Code {
        ticket: it.ticket(),
        answer: CodeAnswer::Trouble(network()),
        jitter: 0,
    };
    it.step(&restarted(12_000, week), input);
    assert_eq!(it.login.state, State::Starting);
}

#[test]
fn a_second_wrong_clock_past_the_deadline_ends_nothing_either() {
    let week = 604_800_000;
    let mut it = Run::pending(Options::default());
    it.poll(600_000, PollAnswer::Pending);
    it.step(&restarted(610_000, week), Input::TakenOver);
    it.step(&restarted(615_000, week), Input::Tick);
    it.answer_at(&restarted(615_000, week), PollAnswer::Pending);
    assert_eq!(it.login.state, State::Pending);
}

// ---- renew

#[test]
fn renew_asks_for_a_new_code_at_most_five_times() {
    let mut it = Run::pending(renewing());
    let mut now = 0;
    for renewal in 1..=MAX_RENEWALS {
        now += 10_000;
        assert!(matches!(
            it.poll(now, PollAnswer::Expired(410)),
            Action::RequestCode(_)
        ));
        assert_eq!(
            (it.login.state, it.login.renewals),
            (State::Starting, renewal)
        );
        assert_eq!((&it.login.code, &it.login.device_code), (&None, &None));
        let mut reply = code_reply();
        reply.user_code = format!("CODE{renewal}");
        it.code(now, CodeAnswer::Code(reply));
        assert_eq!(it.login.state, State::Pending);
        assert_eq!(
            it.login.code.as_ref().unwrap().user_code,
            format!("CODE{renewal}")
        );
        assert_eq!(it.login.deadline.left(&at(now)), 600_000);
        assert_eq!(it.login.login_id, "login-1");
    }
    assert_eq!(
        it.poll(now + 10_000, PollAnswer::Expired(410)),
        &Action::Nothing
    );
    assert_eq!(it.login.state, State::Expired);
}

#[test]
fn a_token_for_the_code_before_counts() {
    let mut it = Run::pending(renewing());
    it.tick(600_000);
    let old = it.ticket();
    it.step(&at(601_000), Input::TakenOver);
    it.poll(606_000, PollAnswer::Expired(410));
    assert_eq!(it.login.state, State::Starting);
    let input = Input::Poll {
        ticket: old,
        answer: PollAnswer::Token(token()),
        jitter: 0,
    };
    assert_eq!(it.step(&at(607_000), input), &Action::Authorized(token()));
}

#[test]
fn renew_follows_silence_and_404_at_the_deadline_and_nothing_else() {
    let mut it = Run::pending(renewing());
    it.poll(600_000, PollAnswer::Trouble(network()));
    assert!(matches!(it.tick(630_000), Action::RequestCode(_)));

    let mut it = Run::pending(renewing());
    assert!(matches!(
        it.poll(600_000, PollAnswer::Invalid(404)),
        Action::RequestCode(_)
    ));

    for answer in [
        PollAnswer::Denied(418),
        PollAnswer::Invalid(404),
        PollAnswer::AlreadyUsed(409),
    ] {
        let mut it = Run::pending(renewing());
        assert_eq!(it.poll(5_000, answer), &Action::Nothing);
    }
}

#[test]
fn a_renewed_code_is_not_polled_more_often_than_the_one_before() {
    let mut it = Run::pending(renewing());
    it.poll(
        5_000,
        PollAnswer::SlowDown(Error::new(Status::RateLimited, "slow")),
    );
    it.poll(15_000, PollAnswer::Expired(410));
    it.code(15_000, CodeAnswer::Code(code_reply()));
    assert_eq!((it.login.interval_ms, it.due(15_000)), (10_000, 10_000));
}

#[test]
fn a_renewal_without_network_fails_after_10_minutes() {
    let mut it = Run::pending(renewing());
    it.poll(600_000, PollAnswer::Expired(410));
    it.code(600_000, CodeAnswer::Trouble(network()));
    assert_eq!(it.login.state, State::Starting);
    it.tick(1_200_000);
    it.code(1_200_000, CodeAnswer::Trouble(network()));
    assert_eq!(
        (it.login.state, it.login.error),
        (State::Failed, Some(network()))
    );
}

// ---- what a host sees

#[test]
fn a_snapshot_has_the_keys_of_the_contract_in_order() {
    let mut it = Run::pending(Options::default());
    it.login.code.as_mut().unwrap().qr_png_path = Some("/qr/1.png".into());
    it.poll(5_000, PollAnswer::Trouble(network()));
    let text = serde_json::to_string(&snapshot(&it.login, &at(6_000), Driver::SelfDriven)).unwrap();
    let rows =
        serde_json::to_string(&qr::rows("https://trakt.tv/activate/5055CC52").unwrap()).unwrap();
    assert_eq!(
        text,
        format!(
            "{{\"login_id\":\"login-1\",\"state\":\"pending\",\"user_code\":\"5055CC52\",\"verification_url\":\"https://trakt.tv/activate\",\
             \"verification_url_complete\":\"https://trakt.tv/activate/5055CC52\",\"qr_rows\":{rows},\"qr_png_path\":\"/qr/1.png\",\
             \"next_poll_in_ms\":4000,\"expires_in_ms\":594000,\"interval_ms\":5000,\"polls\":1,\"driver\":\"self\",\
             \"last_error\":{{\"code\":\"network\",\"message\":\"no network\",\"retryable\":true}},\"error\":null,\"account\":null}}"
        )
    );
}

#[test]
fn what_is_unknown_is_null() {
    let text = serde_json::to_string(&Snapshot::idle()).unwrap();
    assert_eq!(
        text,
        "{\"login_id\":null,\"state\":\"idle\",\"user_code\":null,\"verification_url\":null,\"verification_url_complete\":null,\
         \"qr_rows\":null,\"qr_png_path\":null,\"next_poll_in_ms\":null,\"expires_in_ms\":null,\"interval_ms\":null,\"polls\":0,\
         \"driver\":\"none\",\"last_error\":null,\"error\":null,\"account\":null}"
    );
    let mut it = Run::start(Options::default());
    let seen = snapshot(&it.login, &at(0), Driver::Other);
    assert_eq!(
        (seen.state, seen.user_code, seen.interval_ms),
        (State::Starting, None, None)
    );
    assert_eq!(
        (seen.next_poll_in_ms, seen.expires_in_ms),
        (Some(UNDER_WAY_MS), None)
    );
    it.step(&at(0), Input::Cancel);
    let seen = snapshot(&it.login, &at(0), Driver::None);
    assert_eq!(
        (seen.next_poll_in_ms, seen.expires_in_ms, seen.error),
        (None, None, None)
    );
}

#[test]
fn states_have_the_names_of_the_contract() {
    let states = [
        State::Idle,
        State::Starting,
        State::Pending,
        State::Authorized,
        State::Denied,
        State::Expired,
        State::AlreadyUsed,
        State::Invalid,
        State::Cancelled,
        State::Failed,
    ];
    assert_eq!(
        serde_json::to_string(&states).unwrap(),
        r#"["idle","starting","pending","authorized","denied","expired","already_used","invalid","cancelled","failed"]"#
    );
}

#[test]
fn the_device_code_is_never_shown() {
    let mut it = Run::pending(Options::default());
    it.tick(5_000);
    let now = at(5_000);
    let seen = serde_json::to_string(&snapshot(&it.login, &now, Driver::SelfDriven)).unwrap();
    for shown in [seen, format!("{:?}", it.login), format!("{:?}", it.action)] {
        assert!(!shown.contains("device-code"), "{shown}");
    }
    let stored = serde_json::to_string(&it.login).unwrap();
    assert!(stored.contains("device-code-1"), "the store needs it");
}

#[test]
fn the_complete_url_holds_the_code() {
    for (url, code, complete) in [
        (
            "https://trakt.tv/activate",
            "5055CC52",
            "https://trakt.tv/activate/5055CC52",
        ),
        (
            "https://trakt.tv/activate/",
            "5055CC52",
            "https://trakt.tv/activate/5055CC52",
        ),
        ("https://trakt.tv//", "A", "https://trakt.tv/A"),
        ("https://trakt.tv", "A-B", "https://trakt.tv/A-B"),
        ("https://x/a/?b=c/#d", "E", "https://x/a/E?b=c/#d"),
        ("https://x/a#d?", "E", "https://x/a/E#d?"),
        ("https://x/a", "E/ ?ü", "https://x/a/E%2F%20%3F%C3%BC"),
    ] {
        assert_eq!(complete_url(url, code), complete);
    }
}

// ---- what holds whatever happens

/// What the world does to a login.
#[derive(Clone, Debug)]
enum Event {
    /// Time passes, by the machine's clock and in truth.
    Pass(u64),
    /// Time passes up to the moment that the login waits for, or this much before or after it.
    Reach(i64),
    /// The wall clock is set.
    SetWall(i64),
    Tick,
    /// The request under way ends.
    Code(CodeAnswer, i32),
    Poll(PollAnswer, i32),
    /// An old request ends once more.
    Stale(PollAnswer),
    /// The process dies: what was stored before the last action counts, and another one takes over.
    Crash,
    /// The machine starts anew.
    Restart(u64),
    TakenOver,
    Cancel,
    Start(bool),
}

fn any_error() -> impl Strategy<Value = Error> {
    (
        prop::sample::select(vec![Status::Network, Status::RateLimited, Status::BadReply]),
        prop::option::of(prop_oneof![0u64..90_000, Just(u64::MAX)]),
    )
        .prop_map(|(status, retry_after_ms)| Error {
            retry_after_ms,
            ..Error::new(status, "trouble")
        })
}

fn any_poll_answer() -> impl Strategy<Value = PollAnswer> {
    prop_oneof![
        12 => Just(PollAnswer::Pending),
        3 => any_error().prop_map(PollAnswer::SlowDown),
        6 => any_error().prop_map(PollAnswer::Trouble),
        1 => Just(PollAnswer::Dropped),
        1 => Just(PollAnswer::Expired(410)),
        1 => prop::sample::select(vec![
            PollAnswer::Token(token()),
            PollAnswer::Denied(418),
            PollAnswer::AlreadyUsed(409),
            PollAnswer::Invalid(404),
            PollAnswer::Refused(network()),
        ]),
    ]
}

fn any_code_answer() -> impl Strategy<Value = CodeAnswer> {
    prop_oneof![
        8 => (1_000u64..700_000, 1_000u64..20_000).prop_map(|(expires_in_ms, interval_ms)| {
            CodeAnswer::Code(CodeReply { expires_in_ms, interval_ms, ..code_reply() })
        }),
        3 => any_error().prop_map(CodeAnswer::Trouble),
        1 => Just(CodeAnswer::Dropped),
    ]
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => prop_oneof![0u64..12_000, 0u64..700_000].prop_map(Event::Pass),
        8 => (-3i64..3).prop_map(Event::Reach),
        1 => any::<i64>().prop_map(Event::SetWall),
        8 => Just(Event::Tick),
        6 => (any_code_answer(), any::<i32>()).prop_map(|(answer, jitter)| Event::Code(answer, jitter)),
        10 => (any_poll_answer(), any::<i32>()).prop_map(|(answer, jitter)| Event::Poll(answer, jitter)),
        1 => any_poll_answer().prop_map(Event::Stale),
        2 => Just(Event::Crash),
        2 => prop_oneof![0u64..3_000, 0u64..100_000].prop_map(Event::Restart),
        1 => Just(Event::TakenOver),
        1 => prop::bool::weighted(0.2).prop_map(|cancel| if cancel { Event::Cancel } else { Event::Tick }),
        1 => any::<bool>().prop_map(Event::Start),
    ]
}

/// A machine with its clocks, a store and a login in it.
struct World {
    truth_ms: u64,
    now: Moment,
    login: Login,
    /// What the store holds: written before each request goes out.
    stored: Login,
    logins: u32,
    /// When Trakt got the last poll, in truth.
    last_poll: Option<u64>,
}

impl World {
    fn new() -> Self {
        let now = at(0);
        let (login, _) = start("login-0".into(), renewing(), &now);
        Self {
            truth_ms: 0,
            now,
            stored: login.clone(),
            login,
            logins: 0,
            last_poll: None,
        }
    }

    fn pass(&mut self, ms: u64) {
        self.truth_ms += ms;
        self.now = self.now.plus(ms);
    }

    fn ticket(&self) -> Ticket {
        Ticket {
            login_id: self.login.login_id.clone(),
            number: self
                .login
                .in_flight
                .as_ref()
                .map_or(0, |flight| flight.number),
        }
    }

    /// Lets an event happen; the inputs that the login got by it.
    fn happen(&mut self, event: Event) -> Option<Input> {
        Some(match event {
            Event::Pass(ms) => {
                self.pass(ms);
                return None;
            }
            Event::Reach(off) => {
                let wait = self.login.next_step_in_ms(&self.now).unwrap_or(0);
                self.pass(wait.saturating_add_signed(off));
                Input::Tick
            }
            Event::SetWall(ms) => {
                self.now.wall_ms = ms;
                return None;
            }
            Event::Tick => Input::Tick,
            Event::Code(answer, jitter) => Input::Code {
                ticket: self.ticket(),
                answer,
                jitter,
            },
            Event::Poll(answer, jitter) => Input::Poll {
                ticket: self.ticket(),
                answer,
                jitter,
            },
            Event::Stale(answer) => Input::Poll {
                ticket: Ticket {
                    login_id: self.login.login_id.clone(),
                    number: u64::MAX,
                },
                answer,
                jitter: 0,
            },
            Event::Crash => {
                self.login = self.stored.clone();
                Input::TakenOver
            }
            Event::Restart(down_ms) => {
                self.pass(down_ms);
                self.now.boot_ms = down_ms / 2;
                self.now.boot_id.push('+');
                self.login = self.stored.clone();
                Input::Tick
            }
            Event::TakenOver => Input::TakenOver,
            Event::Cancel => Input::Cancel,
            Event::Start(renew) => {
                self.logins += 1;
                Input::Start {
                    login_id: format!("login-{}", self.logins),
                    options: Options {
                        renew,
                        ..Options::default()
                    },
                }
            }
        })
    }

    fn take(&mut self, input: Input) -> Action {
        let (login, action) = step(&self.login, &self.now, input);
        self.login = login;
        self.stored = self.login.clone();
        action
    }
}

proptest! {
    #[test]
    fn trakt_never_sees_two_polls_closer_than_the_interval(events in prop::collection::vec(any_event(), 0..120)) {
        let mut world = World::new();
        let mut taken_over = None;
        for event in events {
            if matches!(event, Event::TakenOver | Event::Crash | Event::Restart(_)) {
                // The restart itself takes time, which is none of the new driver's.
                let down = if let Event::Restart(down_ms) = event { down_ms } else { 0 };
                taken_over = Some(world.truth_ms + down);
            }
            let starts = matches!(event, Event::Start(_));
            let Some(input) = world.happen(event) else { continue };
            if starts {
                taken_over = None;
            }
            if let Action::Poll(..) = world.take(input) {
                for before in world.last_poll.into_iter().chain(taken_over) {
                    let gap = world.truth_ms - before;
                    prop_assert!(gap >= world.login.interval_ms, "after {gap} ms: {:?}", world.login);
                }
                world.last_poll = Some(world.truth_ms);
            }
        }
    }

    /// As above, but what a step brought is stored only when something goes out: a crash forgets the rest.
    #[test]
    fn nor_when_answers_are_forgotten_by_a_crash(events in prop::collection::vec(any_event(), 0..120)) {
        let mut world = World::new();
        for event in events {
            let Some(input) = world.happen(event) else { continue };
            let (login, action) = step(&world.login, &world.now, input);
            world.login = login;
            if !matches!(action, Action::Wait) {
                world.stored = world.login.clone();
            }
            if let Action::Poll(..) = action {
                if let Some(last) = world.last_poll {
                    prop_assert!(world.truth_ms - last >= world.login.interval_ms);
                }
                world.last_poll = Some(world.truth_ms);
            }
        }
    }

    #[test]
    fn a_final_state_stays_until_a_start(events in prop::collection::vec(any_event(), 0..120)) {
        let mut world = World::new();
        for event in events {
            let Some(input) = world.happen(event) else { continue };
            let before = world.login.clone();
            let starts = matches!(input, Input::Start { .. });
            let action = world.take(input);
            if before.state.is_final() && !starts {
                prop_assert_eq!(&before, &world.login);
                prop_assert!(matches!(action, Action::Nothing | Action::Revoke(_)));
            }
            prop_assert_ne!(world.login.state, State::Idle);
            if world.login.state.is_final() {
                prop_assert!(world.login.device_code.is_none() && world.login.in_flight.is_none());
            }
        }
    }

    #[test]
    fn the_interval_never_shrinks_and_no_timer_gets_longer(events in prop::collection::vec(any_event(), 0..120)) {
        let mut world = World::new();
        for event in events {
            let Some(input) = world.happen(event) else { continue };
            let before = world.login.clone();
            world.take(input);
            let after = &world.login;
            if after.login_id == before.login_id {
                prop_assert!(after.interval_ms >= before.interval_ms);
                prop_assert!(after.polls >= before.polls && after.requests >= before.requests);
                if after.state == State::Pending && before.state == State::Pending {
                    prop_assert!(after.deadline.left(&world.now) <= before.deadline.left(&world.now));
                }
            }
            if let (State::Pending, Some(code)) = (after.state, &after.code) {
                prop_assert!(after.deadline.left(&world.now) <= code.life_ms);
            }
            let wait = after.due.left(&world.now);
            prop_assert!(wait <= MAX_RETRY_AFTER_MS.max(after.interval_ms), "{wait}");
        }
    }

    #[test]
    fn what_was_due_happens(events in prop::collection::vec(any_event(), 0..120)) {
        let mut world = World::new();
        for event in events {
            if let Some(input) = world.happen(event) {
                world.take(input);
            }
            match world.login.next_step_in_ms(&world.now) {
                Some(wait) => {
                    let (early, _) = step(&world.login, &world.now, Input::Tick);
                    if wait > 0 && world.login.due.from.boot_id == world.now.boot_id {
                        prop_assert_eq!(&early, &world.login, "a tick before its time changes nothing");
                    }
                    let then = world.now.plus(early.next_step_in_ms(&world.now).unwrap_or(0));
                    let (late, action) = step(&early, &then, Input::Tick);
                    if !early.state.is_final() {
                        prop_assert!(late != early, "a tick at its time does something: {action:?}");
                    }
                }
                None => prop_assert!(world.login.state.is_final()),
            }
        }
    }

    /// However little Trakt or the network says, a login that is ticked ends.
    #[test]
    fn every_login_ends(answers in prop::collection::vec(any_poll_answer(), 1..6), codes in prop::collection::vec(any_code_answer(), 1..6), renew in any::<bool>()) {
        let mut world = World::new();
        world.login.options.renew = renew;
        let mut steps = 0u32;
        while let Some(wait) = world.login.next_step_in_ms(&world.now) {
            steps += 1;
            prop_assert!(steps < 40_000 && world.truth_ms < 48 * 3_600_000, "{:?}", world.login);
            let turn = steps as usize;
            let input = match (&world.login.in_flight, world.login.state) {
                (Some(_), State::Starting) => Input::Code { ticket: world.ticket(), answer: codes[turn % codes.len()].clone(), jitter: 0 },
                (Some(_), _) => Input::Poll { ticket: world.ticket(), answer: answers[turn % answers.len()].clone(), jitter: 0 },
                (None, _) => {
                    world.pass(wait);
                    Input::Tick
                }
            };
            world.take(input);
        }
    }

    #[test]
    fn a_login_out_of_the_store_does_the_same(events in prop::collection::vec(any_event(), 0..80)) {
        let mut world = World::new();
        for event in events {
            let Some(input) = world.happen(event) else { continue };
            let text = serde_json::to_string(&world.login).unwrap();
            let read: Login = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(&read, &world.login);
            let (stored, stored_action) = step(&read, &world.now, input.clone());
            let action = world.take(input);
            prop_assert_eq!(&stored, &world.login);
            prop_assert_eq!(stored_action, action);
        }
    }

    #[test]
    fn a_snapshot_can_always_be_taken(events in prop::collection::vec(any_event(), 0..60)) {
        let mut world = World::new();
        for event in events {
            if let Some(input) = world.happen(event) {
                world.take(input);
            }
            let seen = snapshot(&world.login, &world.now, Driver::SelfDriven);
            prop_assert_eq!(seen.expires_in_ms.is_some(), seen.state == State::Pending);
            prop_assert_eq!(seen.next_poll_in_ms.is_none(), seen.state.is_final());
            prop_assert!(seen.state != State::Pending || (seen.user_code.is_some() && seen.qr_rows.is_some()));
            prop_assert_eq!(seen.error.is_some(), matches!(seen.state, State::Denied | State::Expired | State::AlreadyUsed | State::Invalid | State::Failed));
            let text = serde_json::to_string(&seen).unwrap();
            prop_assert!(!text.contains("device-code"));
        }
    }
}
