//! Drives the device login: clocks, threads, locks and sockets around the pure steps of `device`.
//! One client drives at a time; the others look at the store and take over when it stops.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::account::service::GLANCE;
use crate::cancel::{Budget, Cancel, lock};
use crate::client::{Core, random_id, short_hash};
use crate::clock::Moment;
use crate::error::{Error, Result, Status};
use crate::http::Answer;
use crate::link::device::{self, Action, Driver as Who, Input, Login, Options, Snapshot, State};
use crate::link::tokens;
use crate::qr;
use crate::secret::Secret;
use crate::state::View;
use crate::store::FileLock;
use crate::worker::Lane;

/// Between processes and images: whoever holds an account's lock of this name sends its polls.
const LOGIN_LOCK: &str = "login.lock";
/// How often a client looks whether the one that drives has stopped, and whether the machine was suspended.
const LOOK: Duration = Duration::from_millis(250);

#[derive(Default)]
struct Inner {
    lock: Option<FileLock>,
    /// The request under way.
    in_flight: Option<InFlight>,
    /// The login that a thread of this client drives by itself.
    background: Option<String>,
    /// Whether the account that was just linked is being read.
    reading: bool,
}

/// A request under way. It is never torn down, but once its login has ended it no longer counts among the threads at work.
struct InFlight {
    login_id: String,
    outlived: Cancel,
}

impl Inner {
    fn is_in_flight(&self, login_id: &str) -> bool {
        self.in_flight
            .as_ref()
            .is_some_and(|flight| flight.login_id == login_id)
    }

    /// Nobody waits for the request under way any more.
    fn outlive_flight(&mut self) {
        if let Some(flight) = self.in_flight.take() {
            flight.outlived.end(Status::Cancelled);
        }
    }
}

/// The part of a client that drives a login.
#[derive(Default)]
pub struct Driver(Mutex<Inner>);

/// What a host is shown of the login, taken at one moment.
#[derive(Clone)]
pub struct LoginSnapshot {
    view: Arc<View>,
    now: Moment,
    who: Who,
}

impl LoginSnapshot {
    fn read<T>(&self, look: impl FnOnce(&Snapshot<'_>) -> T) -> T {
        let Some(login) = &self.view.login else {
            return look(&Snapshot::idle());
        };
        let mut snapshot = device::snapshot(login, &self.now, self.who);
        if login.state == State::Authorized {
            snapshot.account = self.view.account.user.as_ref();
        }
        look(&snapshot)
    }

    fn running(&self) -> bool {
        self.view.login.as_ref().is_some_and(Login::running)
    }

    /// Whether the account was linked and isn't known yet.
    fn unread(&self) -> bool {
        self.read(|snapshot| snapshot.state == State::Authorized && snapshot.account.is_none())
    }

    /// Whether a host that waits for news has none: all that is different is what time changes.
    fn same_for_a_host(&self, other: &Self) -> bool {
        let news = |snapshot: &Snapshot<'_>| {
            (
                snapshot.login_id.map(str::to_owned),
                snapshot.state,
                snapshot.user_code.map(str::to_owned),
                snapshot.qr_png_path.map(str::to_owned),
                snapshot.interval_ms,
                snapshot.driver,
                snapshot.last_error.cloned(),
                snapshot.error.cloned(),
                snapshot.account.cloned(),
            )
        };
        self.read(news) == other.read(news)
    }
}

impl Serialize for LoginSnapshot {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        self.read(|snapshot| snapshot.serialize(serializer))
    }
}

#[cfg(test)]
impl schemars::JsonSchema for LoginSnapshot {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Snapshot".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Snapshot::json_schema(generator)
    }
}

#[derive(Serialize)]
struct CodeBody<'a> {
    client_id: &'a str,
}

#[derive(Serialize)]
struct PollBody<'a> {
    code: &'a str,
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
}

/// Starts a login, and returns its snapshot once Trakt has answered or the time is up.
///
/// # Errors
/// `wrong_state` when a login runs that may not be replaced.
pub fn start(
    core: &Arc<Core>,
    options: &Options,
    wait: Duration,
    replace: Option<bool>,
    budget: &Budget,
) -> Result<LoginSnapshot> {
    // A store that somebody else keeps busy doesn't keep the login waiting: it begins in memory and is written down later.
    let patience = Budget {
        cancel: budget.cancel.clone(),
        deadline: budget.deadline.min(Instant::now() + wait.max(GLANCE)),
    };
    let view = core.state.sync(&patience);
    let running = view.login.as_ref().is_some_and(Login::running);
    if running && replace == Some(false) {
        return Err(
            Error::new(Status::WrongState, "a login is running already").reason("login_running")
        );
    }
    take_lock_to_start(core, running, replace, &patience)?;
    let (login, action) = device::start(random_id(), options.clone(), &Moment::now());
    let login_id = login.login_id.clone();
    let before = core
        .state
        .update(&patience, |view| Ok(view.login.replace(login.clone())))?;
    remove_qr(core, before.as_ref(), None);
    remove_qr(core, Some(&login), None);
    if !launch(core, &login_id, Job::Do(action)) {
        // It counts as lost, and goes out when there is a thread for it.
        step(core, &login_id, &Input::TakenOver)?;
    }
    if options.background {
        in_background(core, &login_id);
    }
    let until = Instant::now() + wait;
    loop {
        let seen = core.state.changed.version();
        let view = core.state.cached();
        let asking = view.login.as_ref().is_some_and(|login| {
            login.login_id == login_id
                && login.state == State::Starting
                && login.last_error.is_none()
        });
        if !asking || Instant::now() >= until {
            return Ok(snapshot(core, view));
        }
        core.state
            .changed
            .wait_past(seen, until.min(Instant::now() + LOOK), &budget.cancel)?;
    }
}

/// Two apps on one folder have a login each.
fn lock_name(core: &Core) -> String {
    format!("{LOGIN_LOCK}.{}", short_hash(&core.scope))
}

/// The lock is ours afterwards, or the login goes on under another driver's lock that was made worthless.
fn take_lock_to_start(
    core: &Core,
    running: bool,
    replace: Option<bool>,
    budget: &Budget,
) -> Result<()> {
    {
        let mut inner = lock(&core.driver.0);
        if inner.lock.as_ref().is_some_and(FileLock::is_current) {
            return Ok(());
        }
        inner.lock = None;
        if let Ok(Some(taken)) = core.store.try_lock(&lock_name(core)) {
            inner.lock = Some(taken);
            return Ok(());
        }
    }
    if running && replace != Some(true) {
        let message = "another client or process is driving a login; give `replace` to put a new one in its place";
        return Err(Error::new(Status::WrongState, message).reason("login_elsewhere"));
    }
    match core.store.replace_lock(&lock_name(core), budget) {
        Ok(taken) => lock(&core.driver.0).lock = taken,
        Err(error) => {
            budget.cancel.check()?;
            log::warn!("the login's lock can't be taken: {error}");
        }
    }
    Ok(())
}

/// Advances the login and returns its snapshot; waits at most that long for it to change.
///
/// # Errors
/// `cancelled` or `closed`.
pub fn poll(core: &Arc<Core>, wait: Duration, budget: &Budget) -> Result<LoginSnapshot> {
    let until = Instant::now() + wait;
    let mut first: Option<LoginSnapshot> = None;
    loop {
        let seen = core.state.changed.version();
        // A store that others keep busy is waited for: what was read before may be out of date.
        let view = core.state.sync(&Budget {
            cancel: budget.cancel.clone(),
            deadline: until,
        });
        budget.cancel.check()?;
        advance(core, &view);
        let now = snapshot(core, core.state.cached());
        // Who was linked is news that a host waits for as well.
        let reading = now.unread() && lock(&core.driver.0).reading;
        if !(now.running() || reading)
            || Instant::now() >= until
            || first
                .as_ref()
                .is_some_and(|first| !first.same_for_a_host(&now))
        {
            return Ok(now);
        }
        let next = now
            .read(|snapshot| snapshot.next_poll_in_ms)
            .unwrap_or(u64::MAX)
            .max(1);
        first.get_or_insert(now);
        let pause = LOOK.min(Duration::from_millis(next));
        core.state
            .changed
            .wait_past(seen, until.min(Instant::now() + pause), &budget.cancel)?;
    }
}

/// Ends the login at once.
///
/// # Errors
/// Those of the store's budget.
pub fn cancel(core: &Arc<Core>, budget: &Budget) -> Result<LoginSnapshot> {
    if core
        .state
        .sync(budget)
        .login
        .as_ref()
        .is_some_and(Login::running)
    {
        let now = Moment::now();
        core.state.update(budget, |view| {
            if let Some(login) = &view.login {
                view.login = Some(device::step(login, &now, Input::Cancel).0);
            }
            Ok(())
        })?;
    }
    remove_qr(core, core.state.cached().login.as_ref(), None);
    let mut inner = lock(&core.driver.0);
    inner.outlive_flight();
    inner.lock = None;
    drop(inner);
    Ok(snapshot(core, core.state.cached()))
}

/// Takes up a login that the store knows, when a client opens.
pub fn resume(core: &Arc<Core>) {
    if let Some(login) = &core.state.cached().login
        && login.running()
        && login.options.background
    {
        in_background(core, &login.login_id);
    }
}

/// What a host is shown of the login now.
fn snapshot(core: &Core, view: Arc<View>) -> LoginSnapshot {
    let who = match &lock(&core.driver.0).lock {
        _ if !view.login.as_ref().is_some_and(Login::running) => Who::None,
        Some(held) if held.is_current() => Who::SelfDriven,
        _ => Who::Other,
    };
    LoginSnapshot {
        view,
        now: Moment::now(),
        who,
    }
}

/// A thread of this client that goes on by itself until the login ends or the client closes.
fn in_background(core: &Arc<Core>, login_id: &str) {
    {
        let mut inner = lock(&core.driver.0);
        if inner.background.as_deref() == Some(login_id) {
            return;
        }
        inner.background = Some(login_id.to_owned());
    }
    let (core_too, login_id_too) = (Arc::clone(core), login_id.to_owned());
    let spawned = core.workers.spawn(Lane::Login, &core.closing, move || {
        loop {
            let seen = core_too.state.changed.version();
            let view = core_too.state.sync(&closing_budget(&core_too));
            let Some(login) = view
                .login
                .as_ref()
                .filter(|login| login.running() && login.login_id == login_id_too)
            else {
                break;
            };
            advance(&core_too, &view);
            // A suspended machine stops this wait's clock, but not the login's: so it looks at least every second.
            let next = login
                .next_step_in_ms(&Moment::now())
                .unwrap_or(1_000)
                .clamp(20, 1_000);
            if core_too
                .state
                .changed
                .wait_past(
                    seen,
                    Instant::now() + Duration::from_millis(next),
                    &core_too.closing,
                )
                .is_err()
            {
                break;
            }
        }
        let mut inner = lock(&core_too.driver.0);
        if inner.background.as_deref() == Some(login_id_too.as_str()) {
            inner.background = None;
        }
    });
    if let Err(error) = spawned {
        log::warn!("the login can't go on by itself: {error}");
        lock(&core.driver.0).background = None;
    }
}

/// What a thread of the login does next.
enum Job {
    /// This client drives from now on.
    TakeOver,
    /// Whatever is due.
    Tick,
    /// What a step has asked for.
    Do(Action),
}

/// Sends what is due, if this client drives or can take over. Never waits.
fn advance(core: &Arc<Core>, view: &View) {
    let job = {
        let mut inner = lock(&core.driver.0);
        let Some(login) = view.login.as_ref().filter(|login| login.running()) else {
            if inner.in_flight.is_none() {
                inner.lock = None;
            }
            return;
        };
        if core.closing.is_ended() || inner.is_in_flight(&login.login_id) {
            return;
        }
        if inner.lock.as_ref().is_some_and(FileLock::is_current) {
            if login.next_step_in_ms(&Moment::now()) != Some(0) {
                return;
            }
            Job::Tick
        } else {
            inner.lock = None;
            match core.store.try_lock(&lock_name(core)) {
                Ok(Some(taken)) => inner.lock = Some(taken),
                Ok(None) => return,
                Err(error) => {
                    log::debug!("the login's lock can't be taken: {error}");
                    return;
                }
            }
            Job::TakeOver
        }
    };
    let takes_over = matches!(job, Job::TakeOver);
    if let Some(login) = &view.login
        && !launch(core, &login.login_id, job)
        && takes_over
    {
        // What the last driver had under way is as unknown as before.
        lock(&core.driver.0).lock = None;
    }
}

/// Runs a job on a thread that no cancel tears down; false when there is no thread for it now.
fn launch(core: &Arc<Core>, login_id: &str, job: Job) -> bool {
    let outlived = Cancel::new();
    {
        let mut inner = lock(&core.driver.0);
        if inner.is_in_flight(login_id) {
            return true;
        }
        inner.outlive_flight();
        inner.in_flight = Some(InFlight {
            login_id: login_id.to_owned(),
            outlived: outlived.clone(),
        });
    }
    let (core_too, login_id_too) = (Arc::clone(core), login_id.to_owned());
    let spawned = core.workers.spawn(Lane::Spend, &outlived, move || {
        let _landed = Landed {
            core: &core_too,
            login_id: &login_id_too,
        };
        let outcome = match job {
            Job::TakeOver => step(&core_too, &login_id_too, &Input::TakenOver).map(|_| ()),
            Job::Tick => step(&core_too, &login_id_too, &Input::Tick)
                .and_then(|action| perform(&core_too, &login_id_too, action)),
            Job::Do(action) => perform(&core_too, &login_id_too, action),
        };
        if let Err(error) = outcome {
            log::info!("the login could not be advanced: {error}");
        }
    });
    if let Err(error) = spawned {
        log::debug!("the login could not be advanced: {error}");
        lock(&core.driver.0).in_flight = None;
        return false;
    }
    true
}

/// The request is no longer under way, also if its thread panics.
struct Landed<'a> {
    core: &'a Core,
    login_id: &'a str,
}

impl Drop for Landed<'_> {
    fn drop(&mut self) {
        land(self.core, self.login_id);
    }
}

fn land(core: &Core, login_id: &str) {
    {
        let mut inner = lock(&core.driver.0);
        if inner.is_in_flight(login_id) {
            inner.in_flight = None;
        }
    }
    if core.closing.is_ended() {
        release(core);
    }
    core.state.changed.bump();
}

/// Lets another client take over, unless a request of this one is still under way.
pub fn release(core: &Core) {
    let mut inner = lock(&core.driver.0);
    if inner.in_flight.is_none() {
        inner.lock = None;
    }
}

fn closing_budget(core: &Core) -> Budget {
    Budget::new(core.closing.clone(), core.config.timeouts.total)
}

/// One step of the login, written down before anything follows from it.
fn step(core: &Core, login_id: &str, input: &Input) -> Result<Action> {
    let now = Moment::now();
    core.state.update(&closing_budget(core), |view| {
        let Some(login) = view
            .login
            .as_ref()
            .filter(|login| login.login_id == login_id)
        else {
            return Ok(Action::Nothing);
        };
        let (login, action) = device::step(login, &now, input.clone());
        view.login = Some(login);
        Ok(action)
    })
}

/// Sends what a step asked for, and writes down what came back before anybody sees it.
fn perform(core: &Arc<Core>, login_id: &str, action: Action) -> Result<()> {
    core.closing.check()?;
    if !lock(&core.driver.0)
        .lock
        .as_ref()
        .is_some_and(FileLock::is_current)
    {
        return Ok(());
    }
    match action {
        Action::RequestCode(ticket) => {
            let body = crate::json::write(&CodeBody {
                client_id: &core.config.client_id,
            })?;
            // A code costs nothing: the next try brings another one.
            let request = tokens::oauth("/oauth/device/code", body);
            let result = core.http.exchange(&request, &closing_budget(core));
            note(core, &result);
            let answer = device::read_code_answer(answer_view(&result));
            finish_code(
                core,
                login_id,
                &Input::Code {
                    ticket,
                    answer,
                    jitter: jitter(),
                },
            )
        }
        Action::Poll(ticket, code) => {
            match reserve(core) {
                Err(error) => {
                    let answer = device::PollAnswer::Trouble(error);
                    finish_poll(core, login_id, ticket, answer, Moment::now())
                }
                Ok(()) => {
                    let body = crate::json::write(&PollBody {
                        code: code.expose(),
                        client_id: &core.config.client_id,
                        client_secret: core.config.client_secret.as_ref().map(Secret::expose),
                    })?;
                    let result = core.http.spend(&tokens::oauth("/oauth/device/token", body));
                    let received = match &result {
                        Ok(answer) => core.received(answer),
                        Err(_) => Moment::now(),
                    };
                    let answer = device::read_poll_answer(answer_view(&result));
                    let outcome = finish_poll(core, login_id, ticket, answer, received);
                    // Not before the tokens are safe.
                    note(core, &result);
                    outcome
                }
            }
        }
        _ => Ok(()),
    }
}

/// Sets space aside for the tokens. While an account is linked that still works, rather no new link than one that can't be kept.
fn reserve(core: &Core) -> Result<()> {
    if let Err(error) = core.store.reserve(&closing_budget(core)) {
        if core
            .state
            .cached()
            .pair
            .as_ref()
            .is_some_and(|pair| !pair.access_dead)
        {
            return Err(error);
        }
        log::warn!("no space could be set aside for the tokens: {error}");
    }
    Ok(())
}

fn note(core: &Core, result: &Result<Answer>) {
    match result {
        Ok(answer) => core.note_answer(answer),
        Err(error) => core.note_error(error),
    }
}

fn answer_view(result: &Result<Answer>) -> std::result::Result<device::AnswerView<'_>, &Error> {
    result.as_ref().map(|answer| device::AnswerView {
        status: answer.status,
        content_type: answer.headers.get("content-type"),
        retry_after_ms: crate::http::retry_after_ms(&answer.headers, &answer.at),
        body: &answer.body,
        cloudflare: crate::http::is_cloudflare(answer),
    })
}

/// A code has come, or hasn't: its QR file is there before the snapshot shows it.
fn finish_code(core: &Arc<Core>, login_id: &str, input: &Input) -> Result<()> {
    let now = Moment::now();
    let mut png = None;
    let view = core.state.cached();
    if let Some(login) = view
        .login
        .as_ref()
        .filter(|login| login.login_id == login_id)
        && let Some(dir) = &login.options.qr_dir
        && let Some(code) = device::step(login, &now, input.clone()).0.code
    {
        png = write_qr(core, Path::new(dir), &code.verification_url_complete)
            .inspect_err(|error| log::warn!("the QR file can't be written: {error}"))
            .ok();
        remove_qr(core, Some(login), png.as_deref());
    }
    core.state.commit(|view| {
        if let Some(login) = view
            .login
            .as_ref()
            .filter(|login| login.login_id == login_id)
        {
            let (mut login, _) = device::step(login, &now, input.clone());
            if let Some(code) = &mut login.code {
                code.qr_png_path = png.as_ref().map(|path| path.to_string_lossy().into_owned());
            }
            view.login = Some(login);
        }
        Ok(())
    })
}

fn finish_poll(
    core: &Arc<Core>,
    login_id: &str,
    ticket: device::Ticket,
    answer: device::PollAnswer,
    received: Moment,
) -> Result<()> {
    let now = Moment::now();
    let pair = match &answer {
        device::PollAnswer::Token(token) => Some(tokens::make_pair(
            token,
            &random_id(),
            crate::config::OOB_REDIRECT_URI,
            received,
        )),
        _ => None,
    };
    let input = Input::Poll {
        ticket,
        answer,
        jitter: jitter(),
    };
    // One transaction: the tokens are there before `authorized` shows.
    let (stored, old) = core.state.commit(|view| {
        let Some(login) = view
            .login
            .as_ref()
            .filter(|login| login.login_id == login_id)
        else {
            return Ok((false, None));
        };
        let (login, action) = device::step(login, &now, input.clone());
        view.login = Some(login);
        match (action, &pair) {
            (Action::Authorized(_), Some(pair)) => {
                Ok((true, tokens::replace_pair(view, pair.clone())))
            }
            _ => Ok((false, None)),
        }
    })?;
    match pair {
        Some(_) if stored => {
            tokens::hold_if_unsaved(core);
            lock(&core.driver.0).lock = None;
            read_account(core);
            if let Some(old) = old {
                revoke(core, &old);
            }
        }
        Some(pair) => {
            log::info!("a token arrived after the login had ended and is revoked");
            revoke(core, &pair.access);
        }
        None => {
            // A renewed code is asked for at once.
            let view = core.state.cached();
            if let Some(login) = view
                .login
                .as_ref()
                .filter(|login| login.login_id == login_id)
                && let (State::Starting, Some(flight)) = (login.state, &login.in_flight)
            {
                let ticket = device::Ticket {
                    login_id: login_id.to_owned(),
                    number: flight.number,
                };
                return perform(core, login_id, Action::RequestCode(ticket));
            }
        }
    }
    Ok(())
}

/// After a link: who it is. Nobody waits for it.
fn read_account(core: &Arc<Core>) {
    lock(&core.driver.0).reading = true;
    let core_too = Arc::clone(core);
    let spawned = core.workers.spawn(Lane::Login, &core.closing, move || {
        let fetched = crate::account::service::fetch(&core_too, None, &closing_budget(&core_too));
        lock(&core_too.driver.0).reading = false;
        core_too.state.changed.bump();
        if let Err(error) = fetched {
            log::info!("the account can't be read yet: {error}");
        }
    });
    if let Err(error) = spawned {
        lock(&core.driver.0).reading = false;
        log::info!("the account is not read now: {error}");
    }
}

/// Ends a session that another link has replaced, without having the caller wait for it.
pub fn revoke_beside(core: &Arc<Core>, access: Secret) {
    let (core_too, access_too) = (Arc::clone(core), access.clone());
    let spawned = core.workers.spawn(Lane::Spend, &Cancel::new(), move || {
        revoke(&core_too, &access_too);
    });
    // After a close there is no other thread than this one, and no caller that waits.
    if spawned.is_err() {
        revoke(core, &access);
    }
}

/// Ends a session that nobody uses any more. A close of the client doesn't keep it from that.
fn revoke(core: &Core, access: &Secret) {
    let revoked = tokens::revoke_request(core, access)
        .and_then(|request| core.http.spend(&request))
        .and_then(|answer| {
            core.note_answer(&answer);
            crate::http::classify(&answer)
        });
    if let Err(error) = revoked {
        log::info!("a session could not be revoked: {error}");
    }
}

/// Thousandths by which a back-off is longer, -200 to 200.
fn jitter() -> i32 {
    let mut bytes = [0; 2];
    if getrandom::fill(&mut bytes).is_err() {
        return 0;
    }
    i32::from(u16::from_le_bytes(bytes) % 401) - 200
}

/// How this account's QR files are called, so that the old ones can be found and those of others are left alone.
fn qr_prefix(core: &Core) -> String {
    let text = format!(
        "{}\n{}",
        core.scope,
        core.config
            .data_dir
            .as_deref()
            .unwrap_or(Path::new(""))
            .display()
    );
    format!("libtrakt-qr-{}-", short_hash(&text))
}

/// Each code gets a new file: media centers cache pictures by name.
fn write_qr(core: &Core, dir: &Path, url: &str) -> Result<PathBuf> {
    let path = dir.join(format!("{}{}.png", qr_prefix(core), random_id()));
    qr::write(&path, url)?;
    Ok(path)
}

/// Removes QR files of earlier codes, but for `keep`.
fn remove_qr(core: &Core, login: Option<&Login>, keep: Option<&Path>) {
    let Some(dir) = login.and_then(|login| login.options.qr_dir.as_deref()) else {
        return;
    };
    let Ok(entries) = std::fs::read_dir(dir) else {
        return;
    };
    let prefix = qr_prefix(core);
    for entry in entries.flatten() {
        let name = entry.file_name();
        let ours = name
            .to_str()
            .is_some_and(|name| name.starts_with(&prefix) && name.ends_with(".png"));
        if ours && keep != Some(entry.path().as_path()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}
