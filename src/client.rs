//! A client: its configuration, its parts, the calls that run in it, and its end.
//! Knows nothing of C and nothing of what the methods do.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::cancel::{Budget, Cancel, Signal, lock};
use crate::clock::{self, Moment};
use crate::config::Config;
use crate::error::{Error, Result, Status};
use crate::events::Events;
use crate::http::{Answer, Http};
use crate::link::code;
use crate::link::driver::{self, Driver};
use crate::link::tokens::Tokens;
use crate::logs::{self, Ring};
use crate::methods::{self, Prepared};
use crate::outbox::Outbox;
use crate::reply::Reply;
use crate::scrobble::driver as scrobbler;
use crate::state::{Skew, State};
use crate::store::Store;
use crate::worker::{Lane, Workers};

/// Opening waits for the store at most this long.
const OPEN_WAIT: Duration = Duration::from_millis(250);
/// Replies of submitted requests that nobody has taken.
const MOST_REQUESTS: usize = 64;
/// Contact with Trakt is written down at most this often; in between it is in memory.
const CONTACT_MS: i64 = 10 * 60 * 1_000;
/// The clock's skew is written down again when it has changed by more than this.
const SKEW_MS: i64 = 30 * 1_000;

/// Random text that names something: 16 characters of hex.
pub fn random_id() -> String {
    let mut bytes = [0; 8];
    if getrandom::fill(&mut bytes).is_err() {
        return short_hash(&format!(
            "{} {:?} {}",
            std::process::id(),
            Instant::now(),
            clock::wall_ms()
        ));
    }
    hex(&bytes)
}

/// Stands for a text where the text itself is too long or too private.
pub fn short_hash(text: &str) -> String {
    hex(&ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref()[..8])
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// What Trakt said last, as long as it isn't in the store.
#[derive(Default)]
struct Contact {
    at_ms: Option<i64>,
    /// What went wrong while nothing was linked.
    error: Option<Error>,
}

/// The parts of a client.
pub struct Core {
    /// The configuration.
    pub config: Config,
    /// Names the account in the store.
    pub scope: String,
    /// The store.
    pub store: Arc<Store>,
    /// The account's documents.
    pub state: State,
    /// The door to Trakt.
    pub http: Http,
    /// The threads.
    pub workers: Workers,
    /// What happened.
    pub events: Arc<Events>,
    /// The log records.
    pub ring: Arc<Ring>,
    /// Ended by close.
    pub closing: Cancel,
    /// The tokens' part.
    pub tokens: Tokens,
    /// The device login's part.
    pub driver: Driver,
    /// What the outbox has in memory.
    pub outbox: Outbox,
    /// What scrobbles.
    pub scrobbler: scrobbler::Scrobbler,
    /// The authorization-code login that was asked for.
    pub code: Mutex<Option<code::Pending>>,
    contact: Mutex<Contact>,
    jobs: Mutex<Jobs>,
}

impl Core {
    /// When an answer arrived, with a wall clock that is corrected as far as its skew is known.
    pub fn received(&self, answer: &Answer) -> Moment {
        let known = self.state.cached().skew_ms();
        let skew = crate::http::date_skew_ms(answer, known).or(known);
        Moment {
            wall_ms: answer.at.wall_ms.saturating_add(skew.unwrap_or(0)),
            ..answer.at.clone()
        }
    }

    /// Trakt has answered: when, and by which clock.
    pub fn note_answer(&self, answer: &Answer) {
        let view = self.state.cached();
        let skew = crate::http::date_skew_ms(answer, view.skew_ms());
        let now_ms = answer.at.wall_ms.saturating_add(skew.unwrap_or(0));
        lock(&self.contact).at_ms = Some(now_ms);
        let skew_news = skew.is_some_and(|skew| {
            view.skew_ms()
                .is_none_or(|known| known.abs_diff(skew) > SKEW_MS.unsigned_abs())
        });
        let contact_news = view
            .account
            .last_contact_ms
            .is_none_or(|last| now_ms.abs_diff(last) > CONTACT_MS.unsigned_abs());
        let news = skew_news || (contact_news && view.pair.is_some());
        if !news {
            return;
        }
        let _ = self.state.commit(|view| {
            if let Some(ms) = skew {
                view.account.skew = Some(Skew::learnt(ms, answer.at.clone()));
            }
            if view.pair.is_some() {
                view.account.last_contact_ms = Some(now_ms);
            }
            Ok(())
        });
    }

    /// Something went wrong: what `trakt_account` shows as `last_error`. The same thing again isn't written again.
    pub fn note_error(&self, error: &Error) {
        if matches!(
            error.status,
            Status::Cancelled
                | Status::Closed
                | Status::InvalidArgument
                | Status::NotFound
                | Status::Conflict
        ) {
            return;
        }
        let view = self.state.cached();
        if view.pair.is_none() {
            lock(&self.contact).error = Some(error.clone());
            return;
        }
        let known = view.account.last_error.as_ref().is_some_and(|last| {
            (last.status, last.http_status, &last.reason)
                == (error.status, error.http_status, &error.reason)
        });
        if !known {
            let _ = self.state.commit(|view| {
                if view.pair.is_some() {
                    view.account.last_error = Some(error.clone());
                }
                Ok(())
            });
        }
    }

    /// Something went right.
    pub fn clear_error(&self) {
        lock(&self.contact).error = None;
        if self.state.cached().account.last_error.is_some() {
            let _ = self.state.commit(|view| {
                view.account.last_error = None;
                Ok(())
            });
        }
    }

    /// The last contact with Trakt and the last error; what failed beside the calls when they go right.
    pub fn contact(&self) -> (Option<i64>, Option<Error>) {
        let view = self.state.cached();
        let contact = lock(&self.contact);
        let refresh = view.account.refresh_failure.as_ref();
        let error = view.account.last_error.clone();
        let error = error.or_else(|| refresh.map(|failure| failure.error.clone()));
        let error = match &view.pair {
            Some(_) => error,
            None => contact.error.clone().or(error),
        };
        (contact.at_ms.max(view.account.last_contact_ms), error)
    }

    /// Forgets what is in memory about an account that was unlinked.
    pub fn forget_contact(&self) {
        *lock(&self.contact) = Contact::default();
    }
}

/// One call or submitted request.
struct Job {
    cancel: Cancel,
    reply: Mutex<Option<Reply>>,
    signal: Arc<Signal>,
}

impl Job {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            cancel: Cancel::new(),
            reply: Mutex::default(),
            signal: Arc::default(),
        })
    }

    /// The first reply counts; a late one is dropped.
    fn finish(&self, reply: Reply) {
        let mut slot = lock(&self.reply);
        if slot.is_none() {
            *slot = Some(reply);
            drop(slot);
            self.signal.bump();
        }
    }

    /// Frees the waiter first, then ends the work.
    fn end(&self, status: Status) {
        let error = if status == Status::Closed {
            Error::closed()
        } else {
            Error::cancelled()
        };
        self.finish(Reply::error(&error));
        self.cancel.end(status);
    }

    fn wait(&self, until: Instant) -> Option<Reply> {
        let nobody = Cancel::new();
        loop {
            let seen = self.signal.version();
            if let Some(reply) = lock(&self.reply).clone() {
                return Some(reply);
            }
            if Instant::now() >= until {
                return None;
            }
            let _ = self.signal.wait_past(seen, until, &nobody);
        }
    }
}

#[derive(Default)]
struct Jobs {
    next: u64,
    /// All that runs, to be ended by cancel and close.
    running: BTreeMap<u64, Arc<Job>>,
    /// Submitted and not yet taken.
    submitted: BTreeMap<u64, Arc<Job>>,
    closed: bool,
}

/// A job is taken out of what runs, also if its thread panics.
struct Running<'a> {
    core: &'a Arc<Core>,
    id: u64,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        lock(&self.core.jobs).running.remove(&self.id);
        scrobbler::call_ended(self.core);
    }
}

/// One account of one app in one data folder. Clones are the same client.
#[derive(Clone)]
pub struct Client(Arc<Core>);

impl Client {
    /// Reads the configuration and the store; waits for no network, and at most 250 ms for the store.
    ///
    /// # Errors
    /// As [`Config::read`]. A store that can't be used is no error: the client then works in memory, and `account.get` says so.
    pub fn open(config_json: &str) -> Result<Self> {
        let config = Config::read(config_json)?;
        let ring = Arc::new(Ring::new(config.log_level.into()));
        let _entered = logs::enter(&ring);
        let opening = Budget::new(Cancel::new(), OPEN_WAIT);
        let store = Arc::new(Store::open(config.data_dir.as_deref(), opening.left()));
        let scope = format!("{} {}", config.auth_url, config.client_id);
        let events = Arc::new(Events::default());
        let pace = Arc::new(crate::pace::WritePace::new(Arc::clone(&store), &scope));
        let http = Http::new(&config, pace)?;
        let state = State::open(
            Arc::clone(&store),
            scope.clone(),
            Arc::clone(&events),
            &opening,
        );
        let for_threads = Arc::clone(&ring);
        let core = Arc::new(Core {
            scope,
            store,
            state,
            http,
            workers: Workers::new(move || std::mem::forget(logs::enter(&for_threads))),
            events,
            ring,
            closing: Cancel::new(),
            tokens: Tokens::default(),
            driver: Driver::default(),
            outbox: Outbox::default(),
            scrobbler: scrobbler::Scrobbler::default(),
            code: Mutex::default(),
            contact: Mutex::default(),
            jobs: Mutex::default(),
            config,
        });
        driver::resume(&core);
        scrobbler::resume(&core, &opening);
        log::info!("a client was opened");
        Ok(Self(core))
    }

    /// What the tests of the parts look at.
    #[cfg(test)]
    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.0
    }

    /// Calls a method by name and waits for its reply.
    pub fn call(&self, method: &str, params: Option<&str>) -> Reply {
        let prepared = match methods::prepare(method, params) {
            Ok(prepared) => prepared,
            Err(error) => return Reply::error(&error),
        };
        let (id, job) = match self.register() {
            Ok(registered) => registered,
            Err(error) => return Reply::error(&error),
        };
        if prepared.offline {
            let _running = Running { core: &self.0, id };
            let _entered = logs::enter(&self.0.ring);
            job.finish(run(&self.0, prepared, &job.cancel));
            return job
                .wait(Instant::now())
                .unwrap_or_else(|| Reply::error(&Error::internal("a call ended without a reply")));
        }
        // A method keeps to its own time; this is for one that doesn't.
        let until = Instant::now() + prepared.total(&self.0.config) + Duration::from_millis(500);
        if let Err(error) = self.dispatch(id, &job, prepared) {
            return Reply::error(&error);
        }
        job.wait(until).unwrap_or_else(|| {
            job.cancel.end(Status::Cancelled);
            Reply::error(&Error::new(
                Status::Timeout,
                "the call took longer than its total time",
            ))
        })
    }

    /// Starts a method and returns at once; data `{"request":7}`.
    pub fn submit(&self, method: &str, params: Option<&str>) -> Reply {
        let submitted = methods::prepare(method, params).and_then(|prepared| {
            let (id, job) = self.register()?;
            {
                let mut jobs = lock(&self.0.jobs);
                if jobs.submitted.len() >= MOST_REQUESTS {
                    jobs.running.remove(&id);
                    return Err(Error::new(
                        Status::Busy,
                        format!("{MOST_REQUESTS} requests wait for their replies to be taken"),
                    ));
                }
                jobs.submitted.insert(id, Arc::clone(&job));
            }
            self.dispatch(id, &job, prepared).inspect_err(|_| {
                lock(&self.0.jobs).submitted.remove(&id);
            })?;
            Ok(id)
        });
        match submitted {
            Ok(id) => Reply::ok(&format!("{{\"request\":{id}}}")),
            Err(error) => Reply::error(&error),
        }
    }

    /// The reply of a submitted request, once; data `{"state":"running"}` when there is none after that time.
    pub fn result(&self, request: u64, wait_ms: u32) -> Reply {
        let job = match lock(&self.0.jobs).submitted.get(&request) {
            Some(job) => Arc::clone(job),
            None => return Reply::error(&unknown_request(request)),
        };
        let Some(reply) = job.wait(Instant::now() + Duration::from_millis(wait_ms.into())) else {
            return Reply::ok("{\"state\":\"running\"}");
        };
        // Of several takers at once only one gets it.
        match lock(&self.0.jobs).submitted.remove(&request) {
            Some(_) => reply,
            None => Reply::error(&unknown_request(request)),
        }
    }

    /// What happened since the last time; waits at most that long for something.
    pub fn next_events(&self, wait_ms: u32) -> Reply {
        self.call("events.next", Some(&format!("{{\"wait_ms\":{wait_ms}}}")))
    }

    /// Ends one submitted request; data `{"cancelled":true}`, or false if it had ended before. Its reply has still to be taken.
    pub fn cancel_request(&self, request: u64) -> Reply {
        let job = match lock(&self.0.jobs).submitted.get(&request) {
            Some(job) => Arc::clone(job),
            None => return Reply::error(&unknown_request(request)),
        };
        let running = lock(&job.reply).is_none();
        job.end(Status::Cancelled);
        Reply::ok(&format!("{{\"cancelled\":{running}}}"))
    }

    /// Ends the calls that run now. A login and a refresh go on.
    pub fn cancel(&self) {
        let jobs: Vec<_> = lock(&self.0.jobs).running.values().cloned().collect();
        for job in jobs {
            job.end(Status::Cancelled);
        }
        scrobbler::call_ended(&self.0);
    }

    /// Frees every waiter at once, then waits at most that long for the client's threads; returns how many still run.
    pub fn close(&self, wait_ms: u32) -> u32 {
        let until = Instant::now() + Duration::from_millis(wait_ms.into());
        let jobs: Vec<_> = {
            let mut jobs = lock(&self.0.jobs);
            jobs.closed = true;
            jobs.running
                .values()
                .chain(jobs.submitted.values())
                .cloned()
                .collect()
        };
        for job in jobs {
            job.end(Status::Closed);
        }
        self.0.closing.end(Status::Closed);
        self.0.workers.close();
        driver::release(&self.0);
        self.write_unsaved();
        {
            let _entered = logs::enter(&self.0.ring);
            scrobbler::close(&self.0);
        }
        self.0.store.end();
        let running = self
            .0
            .workers
            .wait(until.saturating_duration_since(Instant::now()));
        self.write_unsaved();
        scrobbler::finish(&self.0);
        running
    }

    /// One more try to write what could not be written.
    fn write_unsaved(&self) {
        if self.0.state.unsaved() {
            let _entered = logs::enter(&self.0.ring);
            let _ = self.0.state.update(
                &Budget::new(Cancel::new(), Duration::from_millis(250)),
                |_| Ok(()),
            );
        }
    }

    fn register(&self) -> Result<(u64, Arc<Job>)> {
        let mut jobs = lock(&self.0.jobs);
        if jobs.closed {
            return Err(Error::closed());
        }
        jobs.next += 1;
        let id = jobs.next;
        let job = Job::new();
        jobs.running.insert(id, Arc::clone(&job));
        Ok((id, job))
    }

    fn dispatch(&self, id: u64, job: &Arc<Job>, prepared: Prepared) -> Result<()> {
        let (core, job_too) = (Arc::clone(&self.0), Arc::clone(job));
        let lane = prepared.lane;
        let spawned = self
            .0
            .workers
            .spawn_for_reply(lane, &job.cancel, move |free| {
                let _running = Running { core: &core, id };
                if job_too.cancel.is_ended() {
                    return;
                }
                let reply = run(&core, prepared, &job_too.cancel);
                free();
                job_too.finish(reply);
            });
        spawned.inspect_err(|_| {
            lock(&self.0.jobs).running.remove(&id);
        })
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

fn unknown_request(request: u64) -> Error {
    Error::argument(format!(
        "request {request} is unknown, or its reply was taken already"
    ))
}

fn run(core: &Arc<Core>, prepared: Prepared, cancel: &Cancel) -> Reply {
    let budget = Budget::new(cancel.clone(), prepared.total(&core.config));
    match catch_unwind(AssertUnwindSafe(|| (prepared.run)(core, &budget))) {
        Ok(Ok(data)) => Reply::ok(&data),
        Ok(Err(error)) => Reply::error(&error),
        Err(_) => Reply::error(&Error::internal(
            "the library has a defect: a call panicked",
        )),
    }
}

/// The lane of a method that has none of its own when it is submitted.
pub const DEFAULT_LANE: Lane = Lane::Calls;
