//! Drives scrobbling: the background thread, its clock, the live requests, the saved sessions, around the pure steps of
//! `engine`. Knows nothing of what counts.
//!
//! A host's call runs one step under a lock that is never held over anything that waits, and leaves to the thread what
//! follows from it. The thread writes first, then looks up, sends what counts, then what is only shown.
#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::engine::{Action, Engine, Event, Info, Input, Live, Looked, Report};
use super::event::{EventType, PlayerEvent};
use super::item::{Item, Thing};
use super::rules::{Options, OptionsChange, Reason};
use super::saved::{self, Keeper, Pending, Written};
use super::{live, lookup};
use crate::cancel::{Budget, Cancel, Signal, lock};
use crate::client::Core;
use crate::clock::{Moment, parse_rfc3339};
use crate::error::{Error, Result, Status};
use crate::events::Kind;
use crate::outbox::{self, Owner};
use crate::worker::Lane;

/// A suspended machine stops the clock of a wait, but not that of what is waited for: so it looks at least this often.
const LOOK: Duration = Duration::from_secs(600);
/// The next try when the store can't be read or written.
const AGAIN: Duration = Duration::from_secs(5);
/// While something plays and no account is linked, one is looked for so often.
const LOOK_FOR_ACCOUNT: Duration = Duration::from_secs(10);
/// How long the end of a client waits for the store.
const CLOSE_WAIT: Duration = Duration::from_millis(250);
/// How long unlinking waits for what was played before to be stored.
const SETTLE_WAIT: Duration = Duration::from_secs(5);
/// The longest name of a playback, in bytes.
const LONGEST_SESSION: usize = 200;

#[derive(Default)]
struct Inner {
    engine: Engine,
    account: Option<Owner>,
    /// To be written.
    pending: Pending,
    /// To be looked up.
    looks: VecDeque<Look>,
    /// To be shown: the newest of each session.
    live: VecDeque<Live>,
    /// The store may have sessions whose clients are gone.
    settle: bool,
    /// The thread runs, or is about to.
    running: bool,
    /// When it wakes by itself, while it sleeps.
    wakes: Option<Instant>,
    /// There was no thread for it: again when a call ends.
    refused: bool,
    /// When an account was looked for last, while there is none.
    looked: Option<Instant>,
    /// So many plays have just been written: they go before what is shown.
    fresh: usize,
    /// The thread works, and may wait for Trakt: what comes meanwhile is stored beside it.
    asking: bool,
    /// That is under way.
    storing: bool,
}

struct Look {
    serial: u64,
    part: usize,
    thing: Thing,
    runtime: bool,
}

/// The part of a client that scrobbles.
#[derive(Default)]
pub struct Scrobbler {
    inner: Mutex<Inner>,
    /// Who writes has it, whatever the store takes; no host's call does.
    keeper: Mutex<Keeper>,
    /// Changes with each kick.
    signal: Arc<Signal>,
}

impl Inner {
    /// One step, with what follows from it put where it belongs; the answer to an event.
    fn step(&mut self, core: &Core, now: &Moment, input: Input) -> Option<Report> {
        let mut report = None;
        for action in self.engine.step(now, input) {
            if let Action::Play(record) | Action::Progress(record) = &action {
                // What counts or is kept tells Trakt more than what was to be shown before it.
                self.live.retain(|live| live.session != record.session);
            }
            match self.pending.take(action) {
                None => {}
                Some(Action::Reply(reply)) => report = Some(reply),
                Some(Action::Live(live)) => {
                    self.live.retain(|other| other.serial != live.serial);
                    self.live.push_back(*live);
                }
                Some(Action::Look {
                    serial,
                    part,
                    thing,
                    runtime,
                }) => {
                    self.looks
                        .retain(|look| (look.serial, look.part) != (serial, part));
                    self.looks.push_back(Look {
                        serial,
                        part,
                        thing: *thing,
                        runtime,
                    });
                }
                Some(Action::Tell(info)) => {
                    let session = info.session.clone();
                    let data = json!(info);
                    core.events.push_with(Kind::PlayerChanged, session, data);
                }
                Some(_) => {}
            }
        }
        let engine = &self.engine;
        self.looks.retain(|look| engine.is_open(look.serial));
        report
    }

    /// Takes in whose plays are recorded now.
    fn account(&mut self, core: &Core, now: &Moment) {
        let account = outbox::owner(&core.state.cached());
        if account != self.account {
            self.account.clone_from(&account);
            self.step(core, now, Input::Account(account));
        }
    }

    /// Whether it is time for the thread to find out if another process has linked an account.
    fn may_be_linked(&mut self) -> bool {
        let lately = |looked: Instant| looked.elapsed() < LOOK_FOR_ACCOUNT;
        if self.account.is_some() || self.looked.is_some_and(lately) {
            return false;
        }
        self.looked = Some(Instant::now());
        true
    }

    /// Whether the thread has to do something sooner than it would by itself.
    fn is_due(&self, now: &Moment) -> bool {
        if !self.pending.is_empty() || !self.looks.is_empty() || !self.live.is_empty() {
            return true;
        }
        let Some(due) = self.engine.due_in_ms(now) else {
            return false;
        };
        let at = Instant::now() + Duration::from_millis(due).min(LOOK);
        !self.running || self.wakes.is_none_or(|wakes| at < wakes)
    }
}

/// A host reports. Never waits for network, disk or a lock that is held over either.
///
/// # Errors
/// `invalid_argument` for a session, moment or item that can't be.
pub fn event(core: &Arc<Core>, event: PlayerEvent) -> Result<Report> {
    let now = Moment::now();
    let event = read(event, &now)?;
    let (report, is_due, beside) = {
        let mut inner = lock(&core.scrobbler.inner);
        inner.account(core, &now);
        let report = inner.step(core, &now, Input::Event(Box::new(event)));
        let beside = inner.asking && !inner.storing && !inner.pending.is_empty();
        inner.storing |= beside;
        (report, inner.may_be_linked() || inner.is_due(&now), beside)
    };
    if is_due {
        kick(core);
    }
    if beside {
        store_beside(core);
    }
    report.ok_or_else(|| Error::internal("an event was not answered"))
}

/// Stores what was played while the thread waits for Trakt, which may take long.
fn store_beside(core: &Arc<Core>) {
    let core_too = Arc::clone(core);
    let store = move || {
        let core = &core_too;
        let budget = Budget::new(core.closing.clone(), core.config.timeouts.total);
        loop {
            let written = write(core, &mut lock(&core.scrobbler.keeper), &budget);
            let failed = written.is_err();
            let written = written.unwrap_or_else(|error| {
                log::warn!("what was played can't be stored yet: {error}");
                Written::default()
            });
            let more = {
                let mut inner = lock(&core.scrobbler.inner);
                inner.fresh += written.plays;
                inner.settle |= written.slot_taken;
                // What has come meanwhile found this busy.
                inner.storing = !failed && !inner.pending.is_empty();
                inner.storing
            };
            tell_outbox(core, &written, &budget);
            if !more {
                break;
            }
        }
    };
    if let Err(error) = core.workers.spawn(Lane::Calls, &core.closing, store) {
        log::debug!("there is no thread for what was played now: {error}");
        lock(&core.scrobbler.inner).storing = false;
    }
}

/// The event with its moment on both clocks.
fn read(event: PlayerEvent, now: &Moment) -> Result<Event> {
    if !(1..=LONGEST_SESSION).contains(&event.session.len()) {
        return Err(Error::argument(format!(
            "`session` must have 1 to {LONGEST_SESSION} bytes"
        )));
    }
    if event.event == EventType::Started && event.item.is_none() {
        return Err(Error::argument("`item` is missing"));
    }
    if let Some(item) = &event.item {
        item.things()?;
    }
    let at = match &event.at {
        None => now.clone(),
        Some(text) => {
            let at = parse_rfc3339(text)
                .ok_or_else(|| Error::argument("`at` is no moment in RFC 3339"))?;
            let ago = u64::try_from(now.wall_ms.saturating_sub(at)).unwrap_or(0);
            // Before this start of the machine only the wall clock can tell.
            let since_boot = ago <= now.boot_ms;
            Moment {
                boot_id: if since_boot {
                    now.boot_id.clone()
                } else {
                    String::new()
                },
                boot_ms: now.boot_ms.saturating_sub(ago),
                wall_ms: now.wall_ms.saturating_sub_unsigned(ago),
            }
        }
    };
    Ok(Event {
        event: event.event,
        session: event.session,
        position_ms: event.position_ms,
        duration_ms: event.duration_ms,
        at,
        item: event.item,
    })
}

/// What plays.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Sessions {
    /// In the order in which they started.
    sessions: Vec<Info>,
}

/// What plays.
pub fn sessions(core: &Core) -> Sessions {
    Sessions {
        sessions: lock(&core.scrobbler.inner).engine.infos(),
    }
}

/// Parameters of `player.check`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CheckParams {
    /// Films and episodes, as in `player.event`.
    items: Vec<Item>,
}

/// Reply of `player.check`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Checked {
    /// Of each item why the options leave it out; null if they don't.
    reasons: Vec<Option<Reason>>,
}

/// What the options say of things that don't play. Of several episodes in one file the first counts.
///
/// # Errors
/// `invalid_argument` for an item that can't be.
pub fn check(core: &Core, params: &CheckParams) -> Result<Checked> {
    let options = lock(&core.scrobbler.inner).engine.options().clone();
    let reason = |item: &Item| Ok(options.reason(item, item.things()?.first(), None));
    Ok(Checked {
        reasons: params.items.iter().map(reason).collect::<Result<_>>()?,
    })
}

/// Changes how the user wants it; all options as they are now.
///
/// # Errors
/// `invalid_argument` for a glob that is none; then nothing has changed.
pub fn options(core: &Arc<Core>, change: OptionsChange) -> Result<Options> {
    let now = Moment::now();
    let (options, is_due) = {
        let mut inner = lock(&core.scrobbler.inner);
        let mut options = inner.engine.options().clone();
        change.apply(&mut options)?;
        inner.account(core, &now);
        let changed = Input::Options(Box::new(options.clone()));
        inner.step(core, &now, changed);
        (options, inner.is_due(&now))
    };
    if is_due {
        kick(core);
    }
    Ok(options)
}

/// A client opens: what other clients left, or what waits, is taken up by the thread.
pub fn resume(core: &Arc<Core>, budget: &Budget) {
    let view = core.state.cached();
    let left = core.store.read(budget, |tx| {
        let sessions = saved::any(tx, &core.scope)?;
        let waiting = match outbox::owner(&view) {
            Some(owner) => outbox::is_waiting(tx, &core.scope, &owner)?,
            None => false,
        };
        Ok((sessions, waiting))
    });
    // A store that can't be read yet is looked at again by the thread.
    let (sessions, waiting) = left.unwrap_or((true, true));
    lock(&core.scrobbler.inner).settle = sessions;
    if sessions || waiting {
        kick(core);
    }
}

/// Before the account is unlinked: what clients that are gone have left is settled, since it is about to be erased.
pub fn settle_left(core: &Core) {
    let budget = Budget::new(Cancel::new(), SETTLE_WAIT);
    match keeper(core, &budget).map(|mut keeper| keeper.settle(core, &budget)) {
        Some(Ok(_)) => {}
        Some(Err(error)) => log::warn!("what was played before could not be settled: {error}"),
        None => log::warn!("what was played before could not be settled in time"),
    }
}

/// The account was unlinked, or another one linked: what plays is none of the new one's.
pub fn account_changed(core: &Core) {
    let now = Moment::now();
    lock(&core.scrobbler.inner).account(core, &now);
}

/// A client closes: its sessions are settled, with a fast write to the store. What can't be written now is left to
/// [`finish`], and to the saved sessions.
pub fn close(core: &Core) {
    {
        let mut inner = lock(&core.scrobbler.inner);
        let now = Moment::now();
        inner.account(core, &now);
        if !inner.engine.is_idle() {
            inner.step(core, &now, Input::Close);
        }
        inner.looks.clear();
        inner.live.clear();
    }
    finish(core);
}

/// Writes what could not be written before, and gives up the client's place if nothing is left.
pub fn finish(core: &Core) {
    let budget = Budget::new(Cancel::new(), CLOSE_WAIT);
    let Some(mut keeper) = keeper(core, &budget) else {
        return;
    };
    match write(core, &mut keeper, &budget) {
        Ok(_) => keeper.release(),
        Err(error) => log::warn!("what was played could not be stored: {error}"),
    }
}

/// The keeper, when whoever has it is done in time.
fn keeper<'a>(core: &'a Core, budget: &Budget) -> Option<MutexGuard<'a, Keeper>> {
    loop {
        match core.scrobbler.keeper.try_lock() {
            Ok(keeper) => return Some(keeper),
            Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => {
                budget.check().ok()?;
                budget.cancel.sleep(Duration::from_millis(2)).ok()?;
            }
        }
    }
}

/// Makes sure that the background thread runs and looks at what there is to do. Never waits.
pub fn kick(core: &Arc<Core>) {
    {
        let mut inner = lock(&core.scrobbler.inner);
        if std::mem::replace(&mut inner.running, true) {
            // While the lock is held: the thread looks at the signal under it before it ends.
            core.scrobbler.signal.bump();
            return;
        }
        inner.refused = false;
    }
    let core_too = Arc::clone(core);
    let spawned = core
        .workers
        .spawn_for_reply(Lane::Scrobble, &core.closing, move |free| {
            let panicked = Panicked(&core_too);
            run(&core_too, free);
            std::mem::forget(panicked);
        });
    if let Err(error) = spawned {
        log::debug!("there is no thread for scrobbling now: {error}");
        let mut inner = lock(&core.scrobbler.inner);
        inner.running = false;
        inner.refused = error.status == Status::Busy;
    }
}

/// A call has ended: there may be a thread for what found none.
pub fn call_ended(core: &Arc<Core>) {
    let refused = lock(&core.scrobbler.inner).refused;
    if refused {
        kick(core);
    }
}

/// A thread that panicked is in nobody's way.
struct Panicked<'a>(&'a Core);

impl Drop for Panicked<'_> {
    fn drop(&mut self) {
        lock(&self.0.scrobbler.inner).running = false;
    }
}

/// Works until nothing is left or the client closes. `free`: the thread can be had again.
fn run(core: &Arc<Core>, free: &dyn Fn()) {
    let work = Work { core };
    while !core.closing.is_ended() {
        let seen = core.scrobbler.signal.version();
        lock(&core.scrobbler.inner).wakes = None;
        let wait = match work.next() {
            Ok(Next::Now) => continue,
            Ok(Next::In(wait)) => Some(wait),
            Ok(Next::Never) => None,
            Err(error) => {
                log::info!("scrobbling is held up: {error}");
                Some(AGAIN)
            }
        };
        let until = {
            let mut inner = lock(&core.scrobbler.inner);
            let due = inner.engine.due_in_ms(&Moment::now());
            let due = due.map(Duration::from_millis);
            match wait.into_iter().chain(due).min() {
                None if core.scrobbler.signal.version() == seen => {
                    // In this order: whoever kicks from now on finds the lane free.
                    free();
                    inner.running = false;
                    return;
                }
                None => continue,
                Some(wait) => {
                    let until = Instant::now() + wait.min(LOOK);
                    inner.wakes = Some(until);
                    until
                }
            }
        };
        let ended = core.scrobbler.signal.wait_past(seen, until, &core.closing);
        if ended.is_err() {
            break;
        }
    }
    // Whoever closed may not have waited for a write that was under way.
    finish(core);
}

/// What the thread does after something was done.
enum Next {
    /// Looks again.
    Now,
    /// Looks again after that time, if nothing happens before.
    In(Duration),
    /// Nothing is left.
    Never,
}

/// As long as it lives, the thread works, and may wait for Trakt.
struct Asking<'a>(&'a Core);

impl<'a> Asking<'a> {
    fn begin(core: &'a Core) -> Self {
        lock(&core.scrobbler.inner).asking = true;
        Self(core)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        lock(&self.0.scrobbler.inner).asking = false;
    }
}

struct Work<'a> {
    core: &'a Arc<Core>,
}

impl Work<'_> {
    /// Does the next thing that is due.
    fn next(&self) -> Result<Next> {
        let core = self.core;
        // From before what is pending is written: nothing can come in between.
        let _asking = Asking::begin(core);
        let budget = Budget::new(core.closing.clone(), core.config.timeouts.total);
        core.state.sync(&budget);
        {
            let now = Moment::now();
            let mut inner = lock(&core.scrobbler.inner);
            inner.account(core, &now);
            inner.step(core, &now, Input::Tick);
        }
        // What can't be written is no reason to leave the rest undone.
        let held_up = match self.write(&budget) {
            Ok(()) => None,
            Err(error) if saved::is_passing(&error) => {
                log::warn!("what was played can't be stored yet: {error}");
                Some(AGAIN)
            }
            Err(error) => return Err(error),
        };
        let fresh = {
            let fresh = &mut lock(&core.scrobbler.inner).fresh;
            std::mem::replace(fresh, fresh.saturating_sub(1))
        };
        if fresh > 0 {
            if outbox::step(core, &budget)? == outbox::Step::Sent {
                return Ok(Next::Now);
            }
            lock(&core.scrobbler.inner).fresh = 0;
        }
        let look = lock(&core.scrobbler.inner).looks.pop_front();
        if let Some(look) = look {
            self.look(look, &budget)?;
            return Ok(Next::Now);
        }
        let live = lock(&core.scrobbler.inner).live.pop_front();
        if let Some(live) = live {
            self.live(&live, &budget);
            return Ok(Next::Now);
        }
        Ok(match (outbox::step(core, &budget)?, held_up) {
            (outbox::Step::Sent, _) => Next::Now,
            (outbox::Step::Idle, None) => Next::Never,
            (outbox::Step::Idle, Some(again)) => Next::In(again),
            (outbox::Step::Wait(time), again) => Next::In(again.map_or(time, |it| it.min(time))),
        })
    }

    /// Writes what is pending, and settles what the dead have left.
    fn write(&self, budget: &Budget) -> Result<()> {
        let core = self.core;
        let mut keeper = lock(&core.scrobbler.keeper);
        let written = write(core, &mut keeper, budget)?;
        tell_outbox(core, &written, budget);
        {
            let mut inner = lock(&core.scrobbler.inner);
            inner.fresh += written.plays;
            // Whoever had the slot before may have left something.
            inner.settle |= written.slot_taken;
            if !inner.settle {
                return Ok(());
            }
        }
        let (settled, shown) = keeper.settle(core, budget)?;
        drop(keeper);
        {
            let mut inner = lock(&core.scrobbler.inner);
            inner.settle = false;
            inner.live.extend(shown);
            inner.fresh += settled.plays;
        }
        tell_outbox(core, &settled, budget);
        Ok(())
    }

    fn look(&self, look: Look, budget: &Budget) -> Result<()> {
        let core = self.core;
        let looked = match lookup::look(core, &look.thing, look.runtime, budget) {
            Ok(looked) => looked,
            Err(error) => {
                core.closing.check()?;
                log::info!("what plays can't be looked up now: {error}");
                Looked::Failed
            }
        };
        let input = Input::Looked {
            serial: look.serial,
            part: look.part,
            looked,
        };
        lock(&core.scrobbler.inner).step(core, &Moment::now(), input);
        Ok(())
    }

    fn live(&self, live: &Live, budget: &Budget) {
        let core = self.core;
        let Err(error) = live::send(core, live, budget) else {
            return;
        };
        if core.closing.is_ended() {
            return;
        }
        log::info!("Trakt can't be shown what plays: {error}");
        let input = Input::NotShown {
            serial: live.serial,
            again: error.retryable(),
        };
        lock(&core.scrobbler.inner).step(core, &Moment::now(), input);
    }
}

fn tell_outbox(core: &Core, written: &Written, budget: &Budget) {
    for owner in &written.owners {
        outbox::changed(core, owner, budget);
    }
}

/// Writes what is pending; it stays pending if that fails.
fn write(core: &Core, keeper: &mut Keeper, budget: &Budget) -> Result<Written> {
    let pending = std::mem::take(&mut lock(&core.scrobbler.inner).pending);
    if pending.is_empty() {
        return Ok(Written::default());
    }
    let written = keeper.write(core, &pending, budget);
    if written.is_err() {
        lock(&core.scrobbler.inner).pending.put_back(pending);
    }
    written
}
