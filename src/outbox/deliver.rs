//! One step of sending: what is next, the request, and what its answer makes of the entries.
//! Knows nothing of threads; whoever calls comes back when the step says so. See the module's page for what a kill leaves.
#![forbid(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::absolute::Seasons;
use super::batch::{self, Op, Verdict};
use super::body::{self, Action};
use super::check::{self, Line};
use super::entry::{Entry, How, Kind, Owner, Refused, RefusedReason, WatchedAt};
use super::queue::{self, Counts, Place, Queue, meta_scope};
use super::{now_ms, tell};
use crate::account::service;
use crate::api;
use crate::cancel::Budget;
use crate::client::{Core, short_hash};
use crate::clock::{Moment, boot_ms, parse_rfc3339, rfc3339};
use crate::error::{Error, Result, Status};
use crate::events::Kind as Event;
use crate::http::{Host, Method, Request, Retry, TOO_LATE};
use crate::scrobble::item::Thing;
use crate::secret::Secret;
use crate::state::{TroubleKind, View};
use crate::store::Tx;

/// Between processes and images: whoever holds an account's lock of this name sends.
const LOCK: &str = "outbox.lock";
/// How long until the lock is tried again.
const ELSEWHERE: Duration = Duration::from_secs(2);
/// So long after its end a play goes as a scrobble.
const FRESH_MS: i64 = 30 * 1_000;
/// So many entries are looked at for one batch.
const WINDOW: usize = 300;
/// The first wait after trouble; each next one is twice as long.
const FIRST_WAIT_MS: u64 = if cfg!(test) { 200 } else { 5_000 };
/// The longest wait without a Retry-After.
const LAST_WAIT_MS: u64 = 10 * 60 * 1_000;
/// The longest Retry-After that is believed.
const MOST_WAIT_MS: u64 = 24 * 60 * 60 * 1_000;
/// Nothing is tried again sooner.
const LEAST_WAIT_MS: i64 = if cfg!(test) { 100 } else { 5_000 };
/// So long after it went out, a request whose end nobody saw has arrived or never will.
const LANDED_MS: i64 = if cfg!(test) { 500 } else { 10_000 };
/// The same for one whose end was seen.
const OVER_MS: i64 = if cfg!(test) { 300 } else { 5_000 };
/// The same when it ended without a word of Trakt's own: a gateway gave up, or nobody waited any longer (503: again in 30 s).
const LATE_MS: i64 = if cfg!(test) { 400 } else { 30_000 };
/// So many windows of the history are read in one step.
const MOST_WINDOWS: usize = 8;
/// How long that may take: Trakt answers in pages.
const CHECK_TIME: Duration = Duration::from_secs(300);
/// What fails so often in company goes alone.
const COMPANY_TRIES: u32 = 4;
/// What fails so often alone, over some hours, is refused if Trakt works otherwise.
const LONELY_TRIES: u32 = 40;
/// So many pages of the history are read for one answer.
const MOST_PAGES: u32 = 500;
const PAGE: usize = 100;
const PAUSE: &str = "pause";

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Something was done; there may be more.
    Sent,
    /// Nothing waits, or nothing that could be sent before somebody does something.
    Idle,
    /// Something waits; the next try makes sense in so long.
    Wait(Duration),
}

/// Why nothing is sent for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Paused {
    /// There is no way to Trakt.
    Offline,
    /// No account is linked.
    NotLinked,
    /// The session has ended: the user has to link again.
    RelinkNeeded,
    /// The account is locked.
    Locked,
    /// Cloudflare blocks requests.
    Blocked,
    /// Trakt asked for a pause.
    RateLimited,
    /// Trakt refuses the app.
    AppRefused,
    /// Trakt is in trouble.
    ServerError,
}

impl Paused {
    fn by(error: &Error) -> Self {
        match error.status {
            Status::NotLinked if error.reason.as_deref() == Some("relink_needed") => {
                Self::RelinkNeeded
            }
            Status::NotLinked => Self::NotLinked,
            Status::AccountLocked => Self::Locked,
            Status::Blocked => Self::Blocked,
            Status::RateLimited => Self::RateLimited,
            Status::Forbidden => Self::AppRefused,
            Status::ServerError | Status::BadReply | Status::NotFound | Status::Rejected => {
                Self::ServerError
            }
            _ => Self::Offline,
        }
    }
}

/// The back-off after trouble, as all who use the store keep to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pause {
    /// Whose.
    who: String,
    /// Why.
    pub why: Paused,
    /// What went wrong.
    pub error: Error,
    /// Troubles in a row.
    in_a_row: u32,
    /// Since when.
    at: Moment,
    /// How long.
    wait_ms: u64,
}

impl Pause {
    /// Milliseconds until the next try; a clock that jumped ends it.
    pub fn left_ms(&self, now: &Moment) -> u64 {
        let passed = now.since(&self.at);
        match u64::try_from(passed) {
            Ok(passed) => self.wait_ms.saturating_sub(passed),
            Err(_) => 0,
        }
    }
}

/// What keeps entries from being sent whatever is tried, as long as nobody does something.
pub fn unable(view: &View) -> Option<Paused> {
    let alive = |pair: &crate::state::Pair| !pair.access_dead || pair.refresh.is_some();
    match &view.pair {
        Some(pair) if alive(pair) => None,
        _ if view.trouble() == Some(TroubleKind::RelinkNeeded) => Some(Paused::RelinkNeeded),
        Some(_) => Some(Paused::RelinkNeeded),
        None => Some(Paused::NotLinked),
    }
}

/// The pause of that account, if there is one.
///
/// # Errors
/// As [`Tx::get`].
pub fn pause(tx: &Tx<'_>, scope: &str, who: &str) -> Result<Option<Pause>> {
    let pause: Option<Pause> = tx.get(&meta_scope(scope), PAUSE)?;
    Ok(pause.filter(|pause| pause.who == who))
}

/// What a step looks at.
struct Look {
    counts: Counts,
    others: bool,
    pause: Option<Pause>,
    /// Fresh entries that nobody has tried, in their order.
    fresh: Vec<Entry>,
    head: Vec<Entry>,
    progress: Option<Entry>,
}

fn look(tx: &Tx<'_>, core: &Core, queue: &Queue, now: &Moment) -> Result<Look> {
    let counts = queue.counts(tx)?;
    let mut fresh = Vec::new();
    for one in &counts.fresh {
        if (0..=FRESH_MS).contains(&now.since(&one.ended))
            && let Some(entry) = queue.find(tx, one.id)?
            && entry.attempts == 0
            && entry.refused.is_none()
        {
            fresh.push(entry);
        }
    }
    let head = match counts.waiting {
        0 => Vec::new(),
        _ => queue.scan(tx, Place::Waiting, 0, WINDOW)?,
    };
    let progress = match counts.progress {
        0 => None,
        // The newest first: Trakt dates what it gets late from then on, and what is older then no longer matters.
        _ => queue
            .scan(tx, Place::Progress, 0, queue::MOST_PROGRESS)?
            .into_iter()
            .max_by_key(|entry| (entry.watched_ms(), entry.id)),
    };
    Ok(Look {
        others: queue.others_wait(tx)?,
        pause: pause(tx, &core.scope, queue.who())?,
        fresh,
        head,
        progress,
        counts,
    })
}

/// What to do next.
#[derive(Debug, PartialEq)]
enum Next<'a> {
    Nothing,
    /// As a scrobble, now.
    Scrobble(&'a Entry),
    /// Read the history for these.
    Check(Vec<&'a Entry>),
    /// In one request.
    Batch(Op, Vec<&'a Entry>),
    /// Progress that is no longer fresh.
    Late(&'a Entry),
}

fn is_in_doubt(entry: &Entry) -> bool {
    entry
        .attempt
        .as_ref()
        .is_some_and(|attempt| attempt.how != How::Write)
}

fn next(look: &Look) -> Next<'_> {
    let first = look.head.first();
    // A removal that waits may be about the very thing that was played since.
    if look.counts.removes == 0
        && let Some(play) = look.fresh.iter().find(|entry| entry.kind == Kind::Play)
    {
        return Next::Scrobble(play);
    }
    if let Some(progress) = look.fresh.iter().find(|entry| entry.kind == Kind::Progress) {
        return Next::Scrobble(progress);
    }
    match (first, &look.progress) {
        (Some(first), _) if is_in_doubt(first) => {
            let doubtful = look.head.iter().filter(|entry| is_in_doubt(entry));
            Next::Check(doubtful.take(batch::MOST).collect())
        }
        (Some(first), _) if look.fresh.iter().any(|fresh| fresh.id == first.id) => {
            Next::Scrobble(first)
        }
        (Some(first), _) => match Op::of(first.kind) {
            Some(op) => Next::Batch(op, batch::pick(&look.head)),
            None => Next::Late(first),
        },
        (None, Some(progress)) => Next::Late(progress),
        (None, None) => Next::Nothing,
    }
}

/// One step of sending: at most one write to Trakt, with what has to be read before it.
///
/// # Errors
/// `cancelled` and `closed` by the budget; trouble with the store. What keeps Trakt from being told is no error: it waits.
pub fn step(core: &Arc<Core>, budget: &Budget) -> Result<Step> {
    let view = core.state.sync(budget);
    let Some(owner) = super::owner(&view) else {
        return Ok(Step::Idle);
    };
    let queue = super::queue_of(&core.scope, &owner)?;
    let waits = core
        .store
        .read(budget, |tx| queue.waits(tx, &core.scope, &owner))?;
    super::settle(core, Some(queue.who()).filter(|_| !waits));
    let _stepping = Stepping::begin(core);
    if !waits || unable(&view).is_some() {
        return Ok(Step::Idle);
    }
    let name = format!("{LOCK}.{}", short_hash(&core.scope));
    let Some(_sending) = core.store.try_lock(&name)? else {
        return Ok(Step::Wait(ELSEWHERE));
    };
    // Whoever had the lock before may have sent what was seen above.
    let sender = Sender {
        core,
        queue: &queue,
        owner: &owner,
        budget,
    };
    sender.step(&view)
}

/// As long as it lives, what Trakt answers is an answer to the step.
struct Stepping<'a>(&'a Core);

impl<'a> Stepping<'a> {
    fn begin(core: &'a Core) -> Self {
        core.outbox.stepping.store(true, Ordering::Release);
        Self(core)
    }
}

impl Drop for Stepping<'_> {
    fn drop(&mut self) {
        self.0.outbox.stepping.store(false, Ordering::Release);
    }
}

/// One step's surroundings.
struct Sender<'a> {
    core: &'a Arc<Core>,
    queue: &'a Queue,
    owner: &'a Owner,
    budget: &'a Budget,
}

impl Sender<'_> {
    fn look(&self) -> Result<Look> {
        let now = Moment::now();
        let scope = &self.core.scope;
        let (look, adopt) = self.core.store.read(self.budget, |tx| {
            let adopt = self.queue.can_adopt(tx, scope, self.owner)?;
            Ok((look(tx, self.core, self.queue, &now)?, adopt))
        })?;
        if !adopt {
            return Ok(look);
        }
        self.core.store.write(self.budget, |tx| {
            self.queue.adopt(tx, scope, self.owner)?;
            self::look(tx, self.core, self.queue, &now)
        })
    }

    fn step(&self, view: &View) -> Result<Step> {
        let mut look = self.look()?;
        if let Some(pause) = &look.pause {
            let now = Moment::now();
            let left = pause.left_ms(&now);
            let passed = now.since(&pause.at);
            let early = pause.why != Paused::RateLimited
                && self.core.outbox.try_now.load(Ordering::Acquire)
                && !(0..LEAST_WAIT_MS).contains(&passed);
            if left > 0 && !early {
                let soon = self.core.outbox.try_now.load(Ordering::Acquire);
                let wait = match u64::try_from(LEAST_WAIT_MS.saturating_sub(passed)) {
                    Ok(least) if soon && pause.why != Paused::RateLimited => left.min(least),
                    _ => left,
                };
                return Ok(Step::Wait(Duration::from_millis(wait.max(1))));
            }
        }
        self.core.outbox.try_now.store(false, Ordering::Release);
        // Whose the entries are, whether a locked account works again, and what time it is: Trakt's settings say all three.
        let unknown = self.owner.account.is_none() && look.others;
        let unsure = view.skew_ms().is_none() && look.head.iter().any(|e| e.uncorrected.is_some());
        if unknown || look.counts.locked > 0 || unsure {
            if let Err(error) = service::fetch(self.core, None, self.budget) {
                return self.wait(&[], &error);
            }
            if unknown {
                return Ok(Step::Sent);
            }
        }
        if look.counts.locked > 0 {
            self.commit(|tx| {
                let locked = |entry: &Entry| {
                    entry
                        .refused
                        .as_ref()
                        .is_some_and(|refused| refused.reason == RefusedReason::AccountLocked)
                };
                self.queue.put_back_where(tx, locked)?;
                Ok(())
            })?;
            look = self.look()?;
        }
        match next(&look) {
            Next::Nothing => {
                super::settle(self.core, Some(self.queue.who()));
                Ok(Step::Idle)
            }
            Next::Scrobble(entry) => self.scrobble(entry),
            Next::Check(entries) => self.check(&entries),
            Next::Batch(op, entries) => self.batch(op, &entries),
            Next::Late(entry) => self.late(entry),
        }
    }

    /// A transaction for which a full disk gives up what matters least.
    fn write<T>(&self, work: impl Fn(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        match self.core.store.write(self.budget, &work) {
            Err(error) if error.status == Status::StorageFull => {
                self.core.store.write(self.budget, |tx| {
                    self.queue.make_room(tx)?;
                    work(tx)
                })
            }
            result => result,
        }
    }

    /// Changes entries, and tells hosts of the counts.
    fn commit(&self, change: impl Fn(&mut Tx<'_>) -> Result<()>) -> Result<()> {
        let (before, counts) = self.write(|tx| {
            let before = self.queue.counts(tx)?;
            change(tx)?;
            Ok((before, self.queue.counts(tx)?))
        })?;
        if (before.all_waiting(), before.refused) != (counts.all_waiting(), counts.refused) {
            tell(self.core, &counts);
        }
        Ok(())
    }

    fn skew_ms(&self) -> Option<i64> {
        self.core.state.cached().skew_ms()
    }

    /// What it is at Trakt; none when nothing there fits.
    fn known(&self, entry: &Entry) -> Result<Option<Thing>> {
        if entry.is_found() {
            return Ok(Some(entry.thing.clone()));
        }
        super::known(self.core, &entry.thing, self.budget)
    }

    /// Commits that the entries go out now; those that are still there, as they are now.
    fn attempt(&self, how: How, entries: &[&Entry]) -> Result<Vec<Entry>> {
        let skew_ms = self.skew_ms();
        let tried_ms = now_ms(&self.core.state.cached());
        let attempt = queue::attempt(how, skew_ms);
        let mut resolved = Vec::new();
        let mut seasons = Seasons::default();
        for entry in entries {
            let mut entry = (*entry).clone();
            let mut thing = match self.known(&entry) {
                Ok(thing) => thing,
                // Trakt can't be asked for such a name.
                Err(error) if error.status == Status::Rejected => None,
                // What is known by now goes without waiting for the others.
                Err(_) if !resolved.is_empty() => break,
                Err(error) => return Err(error),
            };
            if let Some(Thing::Episode(episode)) = &thing
                && how != How::Scrobble
                && entry.kind != Kind::Progress
                && !batch::can_tell(&Thing::Episode(episode.clone()))
            {
                let placed = match seasons.place(self.core, episode, self.budget) {
                    Err(_) if !resolved.is_empty() => break,
                    placed => placed?,
                };
                thing = placed.map(Thing::Episode);
            }
            if let (Some(ended), Some(skew)) = (&entry.uncorrected, skew_ms) {
                let now = Moment::now();
                if now.boot_id == ended.boot_id
                    && matches!(entry.watched_at, Some(WatchedAt::At(_)))
                {
                    let at = now.wall_ms.saturating_add(skew) - now.since(ended);
                    entry.watched_at = Some(WatchedAt::At(at));
                }
                entry.uncorrected = None;
            }
            resolved.push((entry, thing));
        }
        let (going, unmatched) = self.write(|tx| {
            let mut going = Vec::new();
            let mut unmatched = Vec::new();
            for (entry, thing) in &resolved {
                // Somebody may have thrown it away, or put a newer one in its place.
                let Some(now) = self.queue.find(tx, entry.id)? else {
                    continue;
                };
                if now.refused.is_some() {
                    continue;
                }
                let mut going_out = entry.clone();
                match thing {
                    Some(thing) => going_out.thing = thing.clone(),
                    None => {
                        let refused = refused(RefusedReason::Unmatched, None, tried_ms);
                        self.queue.refuse(tx, entry, refused)?;
                        unmatched.push(entry.clone());
                        continue;
                    }
                }
                going_out.attempt = Some(attempt.clone());
                going_out.attempts = going_out.attempts.saturating_add(1);
                going_out.last_try_ms = Some(tried_ms);
                self.queue.put(tx, &going_out)?;
                going.push(going_out);
            }
            Ok((going, unmatched))
        })?;
        for entry in &unmatched {
            self.announce(entry, &Outcome::Refused(RefusedReason::Unmatched, None));
        }
        if !unmatched.is_empty() {
            super::changed(self.core, self.owner, self.budget);
        }
        Ok(going)
    }

    fn post(&self, path: &str, body: &Value, not_after_ms: Option<u64>) -> Result<api::Said> {
        let request = Request {
            body: Some(Secret::new(body.to_string())),
            not_after_ms,
            ..Request::new(Host::Api, Method::Post, path)
        };
        let link = self.owner.link_id.as_deref();
        api::ask_as(self.core, link, &request, Retry::Once, self.budget)
    }

    fn get(&self, path: &str, query: Vec<(String, String)>) -> Result<crate::http::Answer> {
        let request = Request {
            query,
            ..Request::new(Host::Api, Method::Get, path)
        };
        let link = self.owner.link_id.as_deref();
        let said = api::ask_as(self.core, link, &request, Retry::Read, self.budget)?;
        said.meaning.map(|()| said.answer)
    }

    /// A play or progress that has just ended.
    fn scrobble(&self, entry: &Entry) -> Result<Step> {
        let how = match entry.kind {
            Kind::Play => How::Scrobble,
            _ => How::Write,
        };
        let going = match self.attempt(how, &[entry]) {
            Ok(going) => going,
            Err(error) => return self.held_up(&error),
        };
        let Some(entry) = going.first() else {
            return Ok(Step::Sent);
        };
        // Looking it up may have taken long, a night's sleep of the machine among it, and so may connecting; Trakt would date
        // it by its arrival.
        let passed = now_ms(&self.core.state.cached())
            .saturating_sub(entry.watched_ms().unwrap_or(i64::MAX));
        let left = match entry.kind {
            Kind::Play => FRESH_MS.saturating_sub(passed),
            _ => FRESH_MS,
        };
        let Ok(left) = u64::try_from(left) else {
            return self.settle(&[(entry, Outcome::Again(None))]);
        };
        let percent = entry.progress.unwrap_or(100.0);
        let Some(body) = body::scrobble(&entry.thing, percent) else {
            return self.settle(&[(entry, Outcome::Refused(RefusedReason::Unmatched, None))]);
        };
        let not_after_ms = boot_ms().saturating_add(left);
        let said = match self.post("/scrobble/stop", &body, Some(not_after_ms)) {
            Ok(said) => said,
            Err(error) if error.reason.as_deref() == Some(TOO_LATE) => {
                return self.settle(&[(entry, Outcome::Again(None))]);
            }
            Err(error) => return self.trouble(&[entry], &error),
        };
        let outcome = match said.meaning {
            Ok(()) => match body::read_scrobble(&said.answer.body).map(|it| it.action) {
                Some(Action::Scrobble) => Outcome::Done("scrobble"),
                Some(_) if entry.kind == Kind::Progress => Outcome::Done("scrobble"),
                // Trakt doesn't count it: the history does.
                Some(_) => Outcome::Again(None),
                None => {
                    let error = Error::new(Status::BadReply, "the answer is no scrobble's")
                        .http_status(said.answer.status);
                    return self.trouble(&[entry], &error);
                }
            },
            Err(error) if error.status == Status::Conflict => Outcome::Done("conflict"),
            Err(error) => match (reason(&error), entry.kind) {
                (Some(RefusedReason::Rejected), Kind::Play) => Outcome::Again(Some(error)),
                (Some(RefusedReason::Rejected), _) => Outcome::Done("rejected"),
                (Some(RefusedReason::AccountLocked), _) | (None, _) => {
                    return self.trouble(&[entry], &error);
                }
                (Some(reason), _) => Outcome::Refused(reason, Some(error)),
            },
        };
        self.settle(&[(entry, outcome)])
    }

    /// Many entries in one request.
    fn batch(&self, op: Op, entries: &[&Entry]) -> Result<Step> {
        let how = match op {
            Op::History => How::History,
            _ => How::Write,
        };
        let going = match self.attempt(how, entries) {
            Ok(going) => going,
            Err(error) => return self.held_up(&error),
        };
        let (told, untold): (Vec<_>, Vec<_>) = going
            .into_iter()
            .partition(|entry| batch::can_tell(&entry.thing));
        if !untold.is_empty() {
            let unmatched = |entry| (entry, Outcome::Refused(RefusedReason::Unmatched, None));
            self.settle(&untold.iter().map(unmatched).collect::<Vec<_>>())?;
        }
        if told.is_empty() {
            return Ok(Step::Sent);
        }
        let all: Vec<&Entry> = told.iter().collect();
        let said = match self.post(op.path(), &batch::body(op, &told), None) {
            Ok(said) => said,
            Err(error) => return self.trouble(&all, &error),
        };
        let outcomes: Vec<Outcome> = match said.meaning {
            Ok(()) => {
                let answer: Value = serde_json::from_slice(&said.answer.body).unwrap_or_default();
                let Some(verdicts) = batch::judge(op, &told, &answer) else {
                    let error = Error::new(Status::BadReply, "the answer isn't what was expected")
                        .http_status(said.answer.status);
                    return self.trouble(&all, &error);
                };
                verdicts
                    .iter()
                    .map(|verdict| match verdict {
                        Verdict::Done => Outcome::Done("history"),
                        Verdict::NotFound => Outcome::Refused(RefusedReason::NotFound, None),
                        Verdict::Unclear => Outcome::Unclear,
                    })
                    .collect()
            }
            // Nobody knows of which of them.
            Err(error) if error.status == Status::Conflict && op == Op::History => {
                told.iter().map(|_| Outcome::Unclear).collect()
            }
            Err(error) if error.status == Status::Conflict => {
                told.iter().map(|_| Outcome::Done("conflict")).collect()
            }
            Err(error) => match reason(&error) {
                Some(RefusedReason::AccountLocked | RefusedReason::NotFound) | None => {
                    return self.trouble(&all, &error);
                }
                // One of them is to blame; alone each shows whether it is the one.
                Some(RefusedReason::Rejected) if told.len() > 1 => {
                    told.iter().map(|_| Outcome::Alone(error.clone())).collect()
                }
                Some(reason) => told
                    .iter()
                    .map(|_| Outcome::Refused(reason, Some(error.clone())))
                    .collect(),
            },
        };
        self.settle(&told.iter().zip(outcomes).collect::<Vec<_>>())
    }

    /// Looks in Trakt's history for entries whose tries are in doubt.
    fn check(&self, entries: &[&Entry]) -> Result<Step> {
        let patient = Budget::new(self.core.closing.clone(), CHECK_TIME);
        let now = Moment::now();
        Sender {
            budget: &patient,
            ..*self
        }
        .check_at(&now, self.few(entries, &now))
    }

    /// Those whose places in the history can be read in one step.
    fn few<'e>(&self, entries: &'e [&'e Entry], now: &Moment) -> &'e [&'e Entry] {
        let skew_ms = self.skew_ms().unwrap_or(0);
        let mut windows = Vec::new();
        for (at, entry) in entries.iter().enumerate() {
            windows.extend(check::window(entry, now, skew_ms));
            if check::merged(windows.clone()).len() > MOST_WINDOWS {
                return &entries[..at];
            }
        }
        entries
    }

    fn check_at(&self, now: &Moment, entries: &[&Entry]) -> Result<Step> {
        let wait = |entry: &Entry| {
            let attempt = entry.attempt.as_ref()?;
            let (time, since) = match &attempt.ended {
                Some(ended) if attempt.late => (LATE_MS, ended),
                Some(ended) => (OVER_MS, ended),
                None => (LANDED_MS, &attempt.at),
            };
            let passed = now.since(since);
            // A clock that went back between two starts: the wait is over as far as anybody can say.
            (0..time).contains(&passed).then_some(time - passed)
        };
        if let Some(wait) = entries.iter().filter_map(|entry| wait(entry)).max() {
            let wait = Duration::from_millis(wait.unsigned_abs());
            return Ok(Step::Wait(wait));
        }
        let skew_ms = self.skew_ms().unwrap_or(0);
        let mut outcomes = Vec::new();
        for (kind, of_kind) in [("movies", true), ("episodes", false)] {
            let mine: Vec<&Entry> = entries
                .iter()
                .copied()
                .filter(|entry| matches!(entry.thing, Thing::Movie(_)) == of_kind)
                .collect();
            if mine.is_empty() {
                continue;
            }
            let lines = match self.history(kind, &mine, now, skew_ms) {
                Ok(lines) => lines,
                Err(error) => return self.wait(&[], &error),
            };
            let mut taken = vec![false; lines.len()];
            for entry in mine {
                let found = check::find(entry, &lines, &taken, now, skew_ms);
                if let Some(at) = found {
                    taken[at] = true;
                }
                let attempt = entry.attempt.as_ref();
                outcomes.push((
                    entry,
                    match found {
                        Some(_) if attempt.is_some_and(|it| it.how == How::Scrobble) => {
                            Outcome::Done("scrobble")
                        }
                        Some(_) => Outcome::Done("history"),
                        None if attempt.is_some_and(|it| it.answered) => {
                            Outcome::Refused(RefusedReason::NotFound, None)
                        }
                        None => Outcome::Again(entry.last_error.clone()),
                    },
                ));
            }
        }
        self.settle(&outcomes)
    }

    /// All lines of the history in which those entries would be.
    fn history(
        &self,
        kind: &str,
        entries: &[&Entry],
        now: &Moment,
        skew_ms: i64,
    ) -> Result<Vec<Line>> {
        let windows: Option<Vec<_>> = entries
            .iter()
            .map(|entry| check::window(entry, now, skew_ms))
            .collect();
        let queries = match windows {
            Some(windows) => check::merged(windows)
                .into_iter()
                .map(|window| {
                    vec![
                        ("start_at".to_owned(), rfc3339(window.from_ms)),
                        ("end_at".to_owned(), rfc3339(window.to_ms)),
                    ]
                })
                .collect(),
            // Marks without a moment: with the day of release in each line.
            None => vec![vec![("extended".to_owned(), "full".to_owned())]],
        };
        let mut lines = Vec::new();
        for query in queries {
            lines.extend(self.pages(&format!("/sync/history/{kind}"), &query)?);
        }
        Ok(lines)
    }

    fn pages(&self, path: &str, query: &[(String, String)]) -> Result<Vec<Line>> {
        let mut lines = Vec::new();
        for page in 1..=MOST_PAGES {
            let mut query = query.to_vec();
            query.push(("page".into(), page.to_string()));
            query.push(("limit".into(), PAGE.to_string()));
            let answer = self.get(path, query)?;
            let some = check::read_page(&answer.body).ok_or_else(|| {
                Error::new(Status::BadReply, "the history isn't a list").http_status(answer.status)
            })?;
            let last = is_last_page(&answer, page, some.len());
            lines.extend(some);
            if last {
                return Ok(lines);
            }
        }
        Err(Error::new(
            Status::BadReply,
            "the history has more pages than can be read",
        ))
    }

    /// Progress that is no longer fresh: only if Trakt has nothing newer.
    fn late(&self, entry: &Entry) -> Result<Step> {
        let at = entry.watched_ms().unwrap_or(entry.created_ms);
        let thing = match self.known(entry) {
            Ok(Some(thing)) => thing,
            Ok(None) => {
                let refused = Outcome::Refused(RefusedReason::Unmatched, None);
                return self.settle(&[(entry, refused)]);
            }
            Err(error) => return self.held_up(&error),
        };
        let kind = match thing {
            Thing::Movie(_) => "movies",
            _ => "episodes",
        };
        let since = [("start_at".to_owned(), rfc3339(at))];
        let newer = self
            .pages(&format!("/sync/history/{kind}"), &since)
            .map(|lines| lines.iter().any(|line| check::is_of(line, &thing)))
            .and_then(|played| Ok(played || self.is_playback_newer(kind, &thing, at)?));
        match newer {
            Ok(true) => self.settle(&[(entry, Outcome::Done("superseded"))]),
            Ok(false) => self.scrobble(entry),
            Err(error) => self.wait(&[], &error),
        }
    }

    fn is_playback_newer(&self, kind: &str, thing: &Thing, at: i64) -> Result<bool> {
        for page in 1..=MOST_PAGES {
            let query = vec![
                ("page".to_owned(), page.to_string()),
                ("limit".to_owned(), PAGE.to_string()),
            ];
            let answer = self.get(&format!("/sync/playback/{kind}"), query)?;
            let list: Vec<Value> = serde_json::from_slice(&answer.body).map_err(|_| {
                Error::new(Status::BadReply, "the playbacks aren't a list")
                    .http_status(answer.status)
            })?;
            let newer = list.iter().any(|one| {
                let mut one = one.clone();
                let paused = one["paused_at"].as_str().and_then(parse_rfc3339);
                one["watched_at"] = one["paused_at"].take();
                let line: Option<Line> = serde_json::from_value(one).ok();
                paused.is_some_and(|paused| paused > at)
                    && line.is_some_and(|line| check::is_of(&line, thing))
            });
            if newer {
                return Ok(true);
            }
            if is_last_page(&answer, page, list.len()) {
                break;
            }
        }
        Ok(false)
    }

    /// What an answer, or the history, made of entries.
    fn settle(&self, outcomes: &[(&Entry, Outcome)]) -> Result<Step> {
        let at_ms = now_ms(&self.core.state.cached());
        self.commit(|tx| {
            tx.delete(&meta_scope(&self.core.scope), PAUSE)?;
            for (entry, outcome) in outcomes {
                // What was thrown away or replaced meanwhile is none of ours any more.
                let Some(mut now) = self.queue.find(tx, entry.id)? else {
                    continue;
                };
                match outcome {
                    Outcome::Done(_) => self.queue.done(tx, &now)?,
                    Outcome::Refused(reason, error) => {
                        if !now.attempt.as_ref().is_some_and(|it| it.answered) {
                            now.attempt = None;
                        }
                        now.last_error.clone_from(error);
                        let refused = refused(*reason, error.clone(), at_ms);
                        self.queue.refuse(tx, &now, refused)?;
                    }
                    Outcome::Again(error) => {
                        now.attempt = None;
                        now.last_error.clone_from(error);
                        self.queue.put(tx, &now)?;
                    }
                    Outcome::Alone(error) => {
                        now.attempt = None;
                        now.alone = true;
                        now.last_error = Some(error.clone());
                        self.queue.put(tx, &now)?;
                    }
                    Outcome::Unclear => {
                        if let Some(attempt) = &mut now.attempt {
                            (attempt.over, attempt.answered) = (true, true);
                            attempt.ended = Some(Moment::now());
                        }
                        self.queue.put(tx, &now)?;
                    }
                    Outcome::Stuck(error) => {
                        now.last_error = Some(error.clone());
                        let refused = refused(RefusedReason::Rejected, Some(error.clone()), at_ms);
                        self.queue.refuse(tx, &now, refused)?;
                    }
                }
            }
            Ok(())
        })?;
        for (entry, outcome) in outcomes {
            self.announce(entry, outcome);
        }
        Ok(Step::Sent)
    }

    fn announce(&self, entry: &Entry, outcome: &Outcome) {
        let id = entry.id.to_string();
        match outcome {
            Outcome::Done(how) if entry.kind == Kind::Play => {
                let at = entry.watched_ms().map(rfc3339);
                let data =
                    json!({"id": entry.id, "item": entry.item, "watched_at": at, "how": how});
                self.core.events.push_with(Event::PlayRecorded, id, data);
            }
            Outcome::Stuck(error) => {
                let refused = Outcome::Refused(RefusedReason::Rejected, Some(error.clone()));
                self.announce(entry, &refused);
            }
            Outcome::Refused(reason, _) => {
                let data = json!({"id": entry.id, "kind": entry.kind, "item": entry.item, "title": entry.title(), "reason": reason});
                self.core.events.push_with(Event::OutboxRefused, id, data);
            }
            _ => {}
        }
    }

    /// Nothing was sent: what it is couldn't be asked, or the store couldn't say that it goes out.
    fn held_up(&self, error: &Error) -> Result<Step> {
        match error.status {
            Status::Storage
            | Status::StorageFull
            | Status::StorageCorrupt
            | Status::StorageNewer
            | Status::Internal => Err(error.clone()),
            _ => self.trouble(&[], error),
        }
    }

    /// A request that failed for a passing reason: everything waits.
    fn trouble(&self, entries: &[&Entry], error: &Error) -> Result<Step> {
        if matches!(error.status, Status::Cancelled | Status::Closed) {
            // What became of it nobody knows; it is looked for when there is time again.
            return Err(error.clone());
        }
        if let [entry] = entries
            && may_be_to_blame(error)
            && entry.attempts >= LONELY_TRIES
            && service::fetch(self.core, None, self.budget).is_ok()
        {
            return self.settle(&[(*entry, Outcome::Stuck(error.clone()))]);
        }
        self.wait(entries, error)
    }

    /// Begins or prolongs the pause.
    fn wait(&self, entries: &[&Entry], error: &Error) -> Result<Step> {
        self.budget.cancel.check()?;
        let at_ms = now_ms(&self.core.state.cached());
        let why = Paused::by(error);
        let unsent = !may_have_arrived(error);
        // Whose these are isn't linked any more; who is has entries of their own.
        let relinked = error.reason.as_deref() == Some(api::RELINKED);
        let scope = meta_scope(&self.core.scope);
        let wait_ms = self.write(|tx| {
            let before = pause(tx, &self.core.scope, self.queue.who())?;
            let company = entries.len() > 1 && may_be_to_blame(error);
            let in_a_row = before.map_or(0, |before| before.in_a_row).saturating_add(1);
            let wait_ms = wait_ms(in_a_row, error);
            let pause = Pause {
                who: self.queue.who().to_owned(),
                why,
                error: error.clone(),
                in_a_row,
                at: Moment::now(),
                wait_ms,
            };
            if !relinked {
                tx.put(&scope, PAUSE, &pause)?;
            }
            for entry in entries {
                let Some(mut now) = self.queue.find(tx, entry.id)? else {
                    continue;
                };
                now.last_error = Some(error.clone());
                now.alone |= company && now.attempts >= COMPANY_TRIES;
                if unsent {
                    now.attempt = None;
                } else if let Some(attempt) = &mut now.attempt {
                    attempt.over = true;
                    attempt.ended = Some(Moment::now());
                    attempt.late = matches!(error.status, Status::Timeout | Status::ServerError);
                }
                if error.status == Status::AccountLocked {
                    let refused = refused(RefusedReason::AccountLocked, Some(error.clone()), at_ms);
                    self.queue.refuse(tx, &now, refused)?;
                } else {
                    self.queue.put(tx, &now)?;
                }
            }
            Ok(wait_ms)
        })?;
        if relinked {
            return Ok(Step::Sent);
        }
        super::changed(self.core, self.owner, self.budget);
        Ok(Step::Wait(Duration::from_millis(wait_ms)))
    }
}

/// What became of an entry.
#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    /// Trakt has it; how.
    Done(&'static str),
    /// Trakt won't have it.
    Refused(RefusedReason, Option<Error>),
    /// It isn't there: it is sent as a history entry.
    Again(Option<Error>),
    /// As that, and without company.
    Alone(Error),
    /// The answer doesn't say.
    Unclear,
    /// It fails again and again, and everything else works.
    Stuck(Error),
}

fn refused(reason: RefusedReason, error: Option<Error>, at_ms: i64) -> Refused {
    Refused {
        reason,
        error,
        at_ms,
    }
}

/// What an error refuses for good; none for what passes.
fn reason(error: &Error) -> Option<RefusedReason> {
    Some(match error.status {
        Status::NotFound => RefusedReason::NotFound,
        Status::AccountLimit => RefusedReason::AccountLimit,
        Status::Rejected => RefusedReason::Rejected,
        Status::AccountLocked => RefusedReason::AccountLocked,
        Status::VipOnly => RefusedReason::VipOnly,
        _ => return None,
    })
}

/// Whether Trakt may have done what a request asked for that failed so.
fn may_have_arrived(error: &Error) -> bool {
    !matches!(
        error.status,
        Status::Dns
            | Status::TlsClock
            | Status::Proxy
            | Status::NotLinked
            | Status::Forbidden
            | Status::RateLimited
            | Status::Blocked
            | Status::Busy
            | Status::AccountLocked
            | Status::NotFound
            | Status::Rejected
    )
}

/// Whether what was asked for may be why Trakt fails, rather than Trakt itself.
fn may_be_to_blame(error: &Error) -> bool {
    matches!(
        error.status,
        Status::ServerError | Status::BadReply | Status::NotFound
    )
}

/// How long to wait after that much trouble in a row.
fn wait_ms(in_a_row: u32, error: &Error) -> u64 {
    let asked = error.retry_after_ms.filter(|_| {
        matches!(
            error.status,
            Status::RateLimited | Status::ServerError | Status::Blocked
        )
    });
    let own = FIRST_WAIT_MS
        .saturating_mul(1 << in_a_row.saturating_sub(1).min(16))
        .min(LAST_WAIT_MS);
    asked.map_or(own, |asked| {
        asked.clamp(own.min(LAST_WAIT_MS), MOST_WAIT_MS)
    })
}

/// Whether a page is the last: by the header, else by its being short.
pub fn is_last_page(answer: &crate::http::Answer, page: u32, length: usize) -> bool {
    let header = |name: &str| {
        answer
            .headers
            .get(name)
            .and_then(|value| value.parse::<u32>().ok())
            .filter(|number| *number > 0)
    };
    if length == 0 {
        return true;
    }
    match header("X-Pagination-Page-Count") {
        Some(pages) => page >= pages,
        None => length < PAGE,
    }
}
