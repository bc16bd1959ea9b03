//! Carries a plan out with real processes and compares what Trakt has in the end with the truth.
//! Knows how hosts are told what a plan says; what counts is told by `truth`.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::items::Thing;
use crate::plan::{Action, Plan, Step};
use crate::truth::{self, Before, End, Entry, Expected, Report, Span, When};
use crate::world::{Answer, HOSTS, Programs, Result, World};

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
/// A request that can't be repeated is given so much time before its client is gone.
const CLOSE_WAIT_MS: i64 = 2000;
/// In the end everything is sent within so much time.
const DRAIN_MS: i64 = 26 * 60 * MINUTE;
/// Tries to link an account, which faults may spoil.
const LINK_TRIES: usize = 5;

/// What a history showed.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What is wrong; empty: nothing.
    pub wrong: Vec<String>,
    /// What was done, for people.
    pub done: Vec<String>,
    /// What Trakt had to know, and may know.
    pub expected: Vec<Expected>,
    /// How many entries Trakt had.
    pub entries: usize,
    /// How many hosts died.
    pub deaths: usize,
    /// How many requests a fault hit.
    pub faults: usize,
    /// How much time went by for the hosts, in milliseconds.
    pub lived_ms: i64,
    /// The simulated Trakt's requests, for people.
    pub log: Vec<String>,
}

/// A playback that a host has begun and not ended.
struct Session {
    host: usize,
    life: usize,
    reports: Vec<Report>,
    /// The link it began under; none: nobody was linked.
    link: Option<usize>,
    links: usize,
    /// The disk was full in the meantime.
    disk_full: bool,
    /// The same was played elsewhere in the meantime.
    shared: bool,
}

struct Run<'a> {
    plan: &'a Plan,
    world: World,
    begun_ms: i64,
    /// How often each host was started.
    lives: [usize; HOSTS],
    /// Whether the running host has a client.
    open: [bool; HOSTS],
    full: [bool; HOSTS],
    sessions: BTreeMap<usize, Session>,
    linked: Option<usize>,
    links: usize,
    /// When an account was linked last.
    relinked_ms: i64,
    /// Where each thing was left, by whose account, when its last playback says so without doubt.
    places: BTreeMap<Thing, Option<(usize, f64)>>,
    out: Outcome,
}

/// Carries out a plan in an empty folder.
pub fn run(plan: &Plan, folder: &Path, programs: &Programs, logs: bool) -> Outcome {
    let world = match World::new(folder, programs.clone(), plan.seed, plan.wall_off_ms, logs) {
        Ok(world) => world,
        Err(error) => {
            return Outcome {
                wrong: vec![error],
                ..Outcome::default()
            };
        }
    };
    let begun_ms = world.clock.wall_ms();
    let mut run = Run {
        plan,
        world,
        begun_ms,
        lives: [0; HOSTS],
        open: [false; HOSTS],
        full: [false; HOSTS],
        sessions: BTreeMap::new(),
        linked: None,
        links: 0,
        relinked_ms: 0,
        places: BTreeMap::new(),
        out: Outcome::default(),
    };
    if let Err(error) = run.all() {
        run.out.wrong.push(error);
    }
    let crashes = std::mem::take(&mut run.world.crashes);
    run.out.wrong.extend(crashes);
    run.out.lived_ms = run.world.clock.wall_ms() - begun_ms;
    if let Ok(log) = run.world.control("/log", &json!({})) {
        run.read_log(&log["requests"]);
    }
    run.out
}

impl Run<'_> {
    fn all(&mut self) -> Result<()> {
        let mut config = self.plan.trakt.clone();
        config["device_interval_s"] = json!(1);
        self.world.control("/config", &config)?;
        self.link(0, 0)?;
        let start = self.world.clock.wall_ms();
        let plan = self.plan;
        for host in 0..plan.hosts {
            self.open(host)?;
        }
        for step in &plan.steps {
            self.world.pass_until(start + step.at_ms)?;
            self.bury();
            self.step(step)?;
        }
        self.finish()
    }

    fn note(&mut self, text: &str) {
        let at = self.world.clock.wall_ms() - self.begun_ms;
        self.out
            .done
            .push(format!("{:12.3} {text}", at as f64 / 1000.0));
    }

    fn step(&mut self, step: &Step) -> Result<()> {
        let host = step.host;
        match &step.action {
            Action::Event {
                play,
                name,
                position_ms,
            } => self.event(host, *play, name, *position_ms)?,
            Action::Mark { items, watched_at } => {
                let list: Vec<&Value> = items.iter().map(|item| &item.json).collect();
                let mut params = json!({"items": list});
                if let Some(value) = watched_at {
                    params["watched_at"] = match value.as_i64() {
                        Some(ms) => json!(rfc3339(ms)),
                        None => value.clone(),
                    };
                }
                self.mark(host, step, &params)?;
            }
            Action::DieIn(steps) if self.world.runs(host) => {
                self.note(&format!("{step}"));
                self.world.die_in(host, *steps);
            }
            Action::DieIn(_) => {}
            Action::Kill => {
                self.note(&format!("{step}"));
                let now = self.world.clock.wall_ms();
                self.world.kill(host);
                self.died(host, now);
            }
            Action::Open => {
                self.note(&format!("{step}"));
                self.open(host)?;
            }
            Action::Quit => {
                self.note(&format!("{step}"));
                self.quit(host)?;
            }
            Action::Fault(fault) => {
                self.note(&format!("{step}"));
                self.world.control("/fault", fault)?;
            }
            Action::Repair => {
                self.note("repair");
                self.world.control("/fault/clear", &json!({}))?;
            }
            Action::Offline(offline) => {
                self.note(&format!("{step}"));
                self.world.offline(host, *offline);
            }
            Action::DiskFull(full) => {
                self.note(&format!("{step}"));
                self.world.disk_full(host, *full);
                self.full[host] = *full;
                for session in self.sessions.values_mut() {
                    session.disk_full |= *full && session.host == host;
                }
            }
            Action::Unlink => {
                self.note(&format!("{step}"));
                self.unlink(host)?;
            }
            Action::Link(account) => {
                self.note(&format!("{step}"));
                self.link(host, *account)?;
            }
        }
        Ok(())
    }

    // what hosts do

    fn ask(&mut self, host: usize, order: &Value) -> Result<Option<Answer>> {
        let answer = self.world.ask(host, order)?;
        if answer.is_none() && self.open[host] {
            let at = self
                .world
                .died_ms(host)
                .unwrap_or_else(|| self.world.clock.wall_ms());
            self.died(host, at);
        }
        Ok(answer)
    }

    fn call(&mut self, host: usize, method: &str, params: &Value) -> Result<Option<Answer>> {
        self.ask(host, &json!({"call": [method, params]}))
    }

    fn event(
        &mut self,
        host: usize,
        play: usize,
        name: &'static str,
        position_ms: i64,
    ) -> Result<()> {
        let life = self.lives[host];
        let ours = |session: &Session| session.host == host && session.life == life;
        let known = self.sessions.get(&play).is_some_and(ours);
        if !self.open[host] || (name != "started" && !known) {
            return Ok(());
        }
        let what = &self.plan.plays[play];
        let mut event = json!({
            "event": name,
            "session": what.session,
            "position_ms": position_ms,
            "duration_ms": what.duration_ms,
        });
        if name == "started" {
            event["item"] = what.item.clone();
            let (link, links, disk_full) = (self.linked, self.links, self.full[host]);
            let things = |play: usize| {
                self.plan.plays[play]
                    .parts
                    .iter()
                    .map(|(item, _)| item.thing)
            };
            let mut shared = false;
            for (other, session) in &mut self.sessions {
                if things(*other).any(|thing| things(play).any(|own| own == thing)) {
                    session.shared = true;
                    shared = true;
                }
            }
            let session = Session {
                host,
                life,
                reports: Vec::new(),
                link,
                links,
                disk_full,
                shared,
            };
            self.sessions.insert(play, session);
            for (item, _) in &what.parts {
                self.places.insert(item.thing, None);
            }
        }
        let asked_ms = self.world.clock.wall_ms();
        let answer = self.world.ask(host, &json!({"event": event}))?;
        let now = self.world.clock.wall_ms();
        let at = answer.as_ref().map_or(
            Span {
                from_ms: asked_ms,
                to_ms: now,
            },
            |answer| Span {
                from_ms: answer.from_ms,
                to_ms: answer.to_ms,
            },
        );
        let reply = answer
            .as_ref()
            .map_or(Value::Null, |answer| answer.reply.clone());
        if name != "progress" || answer.is_none() {
            let title: Vec<&str> = what
                .parts
                .iter()
                .map(|(item, _)| item.title.as_str())
                .collect();
            let percent = position_ms as f64 * 100.0 / what.duration_ms as f64;
            self.note(&format!(
                "host {host} {name} {} {title:?} at {percent:.3} %: {reply}",
                what.session
            ));
        }
        if let Some(session) = self.sessions.get_mut(&play) {
            session.reports.push(Report {
                name,
                position_ms,
                at,
            });
        }
        match answer {
            None => {
                let at = self.world.died_ms(host).unwrap_or(now);
                self.died(host, at);
            }
            Some(answer) if answer.reply["status"] != 0 => {
                return Err(format!("an event was refused: {event} {}", answer.reply));
            }
            Some(_) if matches!(name, "stopped" | "ended") => {
                // It may still die before this is on the disk: settled with the next step, see `bury`.
                self.world.rest()?;
                if self.world.died_ms(host).is_none() {
                    self.end(play, End::Reported);
                }
            }
            Some(_) => {}
        }
        Ok(())
    }

    fn mark(&mut self, host: usize, step: &Step, params: &Value) -> Result<()> {
        let Action::Mark { items, watched_at } = &step.action else {
            return Ok(());
        };
        if !self.open[host] {
            return Ok(());
        }
        let asked_ms = self.world.clock.wall_ms();
        let answer = self.call(host, "history.add", params)?;
        let to_ms = self.world.clock.wall_ms();
        let reply = answer
            .as_ref()
            .map_or(Value::Null, |answer| answer.reply.clone());
        self.note(&format!("{step}: {reply}"));
        let excuses = ["not_linked", "storage", "storage_full", "busy", "timeout"];
        let excused = reply.is_null() || excuses.iter().any(|code| reply["error"]["code"] == *code);
        if reply["status"] != 0 && !excused {
            return Err(format!("a mark was refused: {reply}"));
        }
        let Some(account) = self.linked else {
            return Ok(());
        };
        let must = answer
            .as_ref()
            .is_some_and(|answer| answer.reply["status"] == 0);
        for item in items {
            self.places.insert(item.thing, None);
            let when = match watched_at {
                None => When::Marked(Span {
                    from_ms: asked_ms,
                    to_ms,
                }),
                Some(Value::String(word)) => When::Word(word.clone()),
                Some(ms) => {
                    let ms = ms.as_i64().unwrap_or(0);
                    When::Marked(Span {
                        from_ms: ms,
                        to_ms: ms,
                    })
                }
            };
            // The same mark a second time is no other mark.
            let again = self
                .out
                .expected
                .iter()
                .any(|one| one.thing == item.thing && one.when == when && one.must);
            let title = item.title.clone();
            let named = item.json.clone();
            let must = must && !again && item.thing != Thing::Unknown;
            self.out.expected.push(Expected {
                thing: item.thing,
                account,
                when,
                must,
                named,
                title,
            });
        }
        Ok(())
    }

    fn open(&mut self, host: usize) -> Result<()> {
        if self.open[host] {
            return Ok(());
        }
        if !self.world.runs(host) {
            self.world.start(host)?;
            self.lives[host] += 1;
            self.full[host] = false;
        }
        let config = self.world.config();
        match self.world.ask(host, &json!({"open": config}))? {
            Some(answer) if answer.reply.is_null() => self.open[host] = true,
            Some(answer) => return Err(format!("no client: {}", answer.reply)),
            None => {}
        }
        Ok(())
    }

    fn quit(&mut self, host: usize) -> Result<()> {
        if !self.open[host] {
            return Ok(());
        }
        let from_ms = self.world.clock.wall_ms();
        let answer = self.ask(host, &json!({"close": CLOSE_WAIT_MS}))?;
        let to_ms = self.world.clock.wall_ms();
        if answer.is_some() {
            self.open[host] = false;
            self.end_all(host, End::Closed(Span { from_ms, to_ms }));
            self.world.kill(host);
        }
        Ok(())
    }

    /// Sees who has died meanwhile.
    fn bury(&mut self) {
        for host in self.world.deaths() {
            let at = self
                .world
                .died_ms(host)
                .unwrap_or_else(|| self.world.clock.wall_ms());
            self.died(host, at);
        }
    }

    fn died(&mut self, host: usize, at_ms: i64) {
        self.note(&format!(
            "host {host} is dead since {:.3}",
            (at_ms - self.begun_ms) as f64 / 1000.0
        ));
        self.out.deaths += 1;
        self.open[host] = false;
        self.end_all(host, End::Died(at_ms));
    }

    fn end_all(&mut self, host: usize, end: End) {
        let of_host = self
            .sessions
            .iter()
            .filter(|(_, session)| session.host == host);
        let plays: Vec<usize> = of_host.map(|(play, _)| *play).collect();
        for play in plays {
            self.end(play, end);
        }
    }

    fn end(&mut self, play: usize, end: End) {
        let Some(session) = self.sessions.remove(&play) else {
            return;
        };
        let what = &self.plan.plays[play];
        let began = session
            .reports
            .first()
            .map_or(0, |report| report.at.from_ms);
        let ended = session.reports.last().map_or(0, |report| report.at.to_ms);
        let before = |part: usize| {
            let item = &what.parts[part].0;
            let ago = |ms| truth::counted_before(&self.out.expected, item.thing, &item.json, ms);
            // Unlinking forgets what has counted.
            let forgotten = self.relinked_ms > began - 12 * 60 * 60 * SECOND;
            match ago(began) {
                Before::Yes if forgotten => Before::Perhaps,
                Before::No if self.plays_elsewhere(item.thing) => Before::Perhaps,
                before if before == ago(ended) => before,
                _ => Before::Perhaps,
            }
        };
        let same_link = session.links == self.links;
        let verdicts = match end {
            // What was saved last may be as old as the full disk.
            _ if session.disk_full => truth::possible(what, &session.reports),
            _ => {
                let mut verdicts = truth::judge(what, &session.reports, end, before);
                if !same_link {
                    // What counted for nobody may count once more for who is linked now.
                    verdicts.extend(truth::possible(what, &session.reports));
                }
                verdicts
            }
        };
        self.left(play, &session, end, same_link && verdicts.is_empty());
        let what = &self.plan.plays[play];
        for verdict in verdicts {
            let item = &what.parts[verdict.part].0;
            if item.thing == Thing::Unknown {
                continue;
            }
            // Who was linked when it began, or is now: without a break it must be there, else it may.
            let accounts: Vec<usize> = match (same_link, session.link) {
                (true, Some(account)) => vec![account],
                (true, None) => vec![],
                (false, before) => {
                    let mut both: Vec<usize> = before.into_iter().chain(self.linked).collect();
                    both.dedup();
                    both
                }
            };
            for account in accounts {
                let conflict = self.conflicts(item.thing, item.minutes, verdict.at);
                let must = verdict.must && same_link && !session.disk_full && !conflict;
                let when = When::Played(verdict.at);
                let title = format!("{} ({})", item.title, what.session);
                let named = item.json.clone();
                self.out.expected.push(Expected {
                    thing: item.thing,
                    account,
                    when,
                    must,
                    named,
                    title,
                });
            }
        }
    }

    /// Notes where something was left, if nothing speaks against Trakt's knowing it.
    fn left(&mut self, play: usize, session: &Session, end: End, clear: bool) {
        let what = &self.plan.plays[play];
        let place = match (session.reports.last(), self.linked, what.parts.as_slice()) {
            (Some(last), Some(account), [(_, end_ms)])
                if clear
                    && end == End::Reported
                    && last.name == "stopped"
                    && !session.shared
                    && !session.disk_full =>
            {
                let percent = last.position_ms as f64 * 100.0 / *end_ms as f64;
                (1.0..80.0).contains(&percent).then_some((account, percent))
            }
            _ => None,
        };
        for (item, _) in &what.parts {
            self.places.insert(item.thing, place);
        }
    }

    /// What Trakt says about where things were left.
    fn compare_places(&mut self, account: usize) -> Result<()> {
        // A place that Trakt refuses as written isn't worth keeping.
        let refused = |step: &Step| match &step.action {
            Action::Fault(fault) => [400, 412, 422]
                .iter()
                .any(|status| fault["status"] == *status),
            _ => false,
        };
        if self.plan.steps.iter().any(refused) {
            return Ok(());
        }
        let playback = self.world.control("/playback", &json!({}))?;
        let known: BTreeMap<Thing, f64> = playback["playback"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|place| {
                (
                    entry(place).thing,
                    place["progress"].as_f64().unwrap_or(0.0),
                )
            })
            .collect();
        for (thing, place) in &self.places {
            let Some((whose, percent)) = place else {
                continue;
            };
            let right = known
                .get(thing)
                .is_some_and(|there| (there - percent).abs() < 0.02);
            if *whose == account && *thing != Thing::Unknown && !right {
                let found = known.get(thing);
                self.out.wrong.push(format!(
                    "left at {percent:.2} %, Trakt says {found:?}: {thing:?}"
                ));
            }
        }
        Ok(())
    }

    /// Whether Trakt may take a scrobble for one that it has: 409, which is as good as recorded.
    fn conflicts(&self, thing: Thing, minutes: i64, at: Span) -> bool {
        let window_ms = match &self.plan.trakt["conflict_window_s"] {
            Value::Null => minutes * MINUTE,
            seconds => seconds.as_i64().unwrap_or(0) * SECOND,
        };
        let before = |one: &Expected| match one.when {
            When::Played(other) => {
                one.thing == thing && other.to_ms + window_ms + MINUTE > at.from_ms
            }
            _ => false,
        };
        window_ms > 0 && (self.plays_elsewhere(thing) || self.out.expected.iter().any(before))
    }

    /// Whether something else has it that still plays: it may have counted there, and is judged later.
    fn plays_elsewhere(&self, thing: Thing) -> bool {
        self.sessions.keys().any(|other| {
            let mut parts = self.plan.plays[*other].parts.iter();
            parts.any(|(other, _)| other.thing == thing)
        })
    }

    // accounts

    fn link(&mut self, host: usize, account: usize) -> Result<()> {
        self.world.control("/fault/clear", &json!({}))?;
        self.world.control("/account", &user(account))?;
        for _ in 0..LINK_TRIES {
            self.world.offline(host, false);
            self.open(host)?;
            if self.login(host)? {
                self.linked = Some(account);
                self.links += 1;
                self.relinked_ms = self.world.clock.wall_ms();
                return self.pull(host);
            }
        }
        Err("no account could be linked".into())
    }

    fn login(&mut self, host: usize) -> Result<bool> {
        let Some(begun) = self.call(host, "device.start", &json!({}))? else {
            return Ok(false);
        };
        let code = begun.reply["data"]["user_code"].clone();
        if code.is_null() {
            return Err(format!("no code: {}", begun.reply));
        }
        self.world
            .control("/approve", &json!({"user_code": code}))?;
        for _ in 0..60 {
            let Some(polled) = self.call(host, "device.poll", &json!({"wait_ms": 2000}))? else {
                return Ok(false);
            };
            let data = &polled.reply["data"];
            if data["state"] == "authorized" && !data["account"].is_null() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn unlink(&mut self, host: usize) -> Result<()> {
        self.open(host)?;
        if self.call(host, "account.unlink", &json!({}))?.is_none() {
            self.open(host)?;
            let Some(account) = self.call(host, "account.get", &json!({}))? else {
                return Err("no account after an unlink that was cut".into());
            };
            if account.reply["data"]["linked"] != false {
                return Ok(());
            }
        }
        self.linked = None;
        self.links += 1;
        self.pull(host)
    }

    /// The other hosts pull their events, as hosts do all the time, and so learn of the account.
    fn pull(&mut self, but: usize) -> Result<()> {
        for host in (0..HOSTS).filter(|host| *host != but) {
            if self.open[host] {
                self.call(host, "events.next", &json!({"wait_ms": 0}))?;
            }
        }
        Ok(())
    }

    // the end

    fn finish(&mut self) -> Result<()> {
        self.note("the end: everything works again");
        self.world.control("/fault/clear", &json!({}))?;
        for host in 0..HOSTS {
            self.world.offline(host, false);
            self.world.disk_full(host, false);
            self.full[host] = false;
            if self.open[host] {
                self.world.pass_until(self.world.clock.wall_ms() + MINUTE)?;
                self.quit(host)?;
            }
            self.world.kill(host);
        }
        let mut accounts: Vec<usize> = self.out.expected.iter().map(|one| one.account).collect();
        accounts.extend(self.linked);
        accounts.sort_unstable();
        accounts.dedup();
        // The one that is linked first.
        accounts.sort_by_key(|account| Some(*account) != self.linked);
        for account in accounts {
            self.open(0)?;
            let state = self.data(0, "account.get", &json!({}))?;
            if self.linked != Some(account) || state["state"] != "linked" {
                self.note(&format!(
                    "links account {account} again: {}",
                    state["state"]
                ));
                self.link(0, account)?;
            }
            self.drain()?;
            self.data(0, "outbox.retry", &json!({"all": true}))?;
            self.drain()?;
            self.only_unknown_refused()?;
            let entries = self.history(account)?;
            self.out.entries += entries.len();
            let wrong = truth::compare(&self.out.expected, account, &entries);
            self.out.wrong.extend(wrong);
            self.compare_places(account)?;
        }
        let violations = self.world.control("/violations", &json!({}))?;
        for violation in violations["violations"].as_array().into_iter().flatten() {
            // Who is killed between the answer to a refresh and its commit can't know that it came.
            if violation["kind"] != "refresh_reuse" || self.out.deaths == 0 {
                self.out
                    .wrong
                    .push(format!("a rule of Trakt was broken: {violation}"));
            }
        }
        Ok(())
    }

    fn data(&mut self, host: usize, method: &str, params: &Value) -> Result<Value> {
        let answer = self
            .call(host, method, params)?
            .ok_or("the host died in the end")?;
        answer
            .data()
            .cloned()
            .ok_or_else(|| format!("{method}: {}", answer.reply))
    }

    fn drain(&mut self) -> Result<()> {
        let begun = self.world.clock.wall_ms();
        loop {
            let outbox = self.data(0, "outbox.list", &json!({"limit": 5}))?;
            let now = self.world.clock.wall_ms();
            if outbox["waiting"] == 0 {
                return Ok(());
            }
            if outbox["paused"] == "relink_needed"
                && let Some(account) = self.linked
            {
                self.note("the answer to a refresh was lost: links again");
                self.link(0, account)?;
            }
            if now - begun > DRAIN_MS {
                return Err(format!("the outbox doesn't get empty: {outbox}"));
            }
            // The longer it takes the less often it is asked.
            self.world
                .pass_until(now + (20 * SECOND).max((now - begun) / 10))?;
        }
    }

    fn only_unknown_refused(&mut self) -> Result<()> {
        let outbox = self.data(0, "outbox.list", &json!({"state": "refused", "limit": 500}))?;
        for entry in outbox["entries"].as_array().into_iter().flatten() {
            let unknown = self
                .plan
                .plays
                .iter()
                .flat_map(|play| &play.parts)
                .any(|(item, _)| {
                    let same = |key: &str| item.json[key] == entry["item"][key];
                    item.thing == Thing::Unknown
                        && (same("title") && same("ids")
                            || !item.json["file"].is_null() && same("file"))
                });
            if !unknown {
                self.out
                    .wrong
                    .push(format!("refused although Trakt knows it: {entry}"));
            }
        }
        Ok(())
    }

    fn history(&mut self, account: usize) -> Result<Vec<Entry>> {
        self.world.control("/account", &user(account))?;
        let history = self.world.control("/history", &json!({}))?;
        let list = history["plays"].as_array().cloned().unwrap_or_default();
        Ok(list.iter().map(entry).collect())
    }

    fn read_log(&mut self, requests: &Value) {
        for request in requests.as_array().into_iter().flatten() {
            self.out.faults += usize::from(!request["fault"].is_null());
            let ms = request["sim_ms"].as_f64().unwrap_or(0.0);
            self.out.log.push(format!(
                "{:12.3} {} {} {} {} -> {} {} {} {}",
                ms / 1000.0,
                request["n"],
                request["method"].as_str().unwrap_or_default(),
                request["path"].as_str().unwrap_or_default(),
                request["query"],
                request["status"],
                request["processed"],
                request["fault"],
                request["body"].as_str().unwrap_or_default(),
            ));
        }
    }
}

/// The user of the simulated Trakt with that number.
fn user(account: usize) -> Value {
    let names = ["simulated", "somebody-else"];
    let uuids = [
        "5f2b6c1e9a0d47338c61f4be2d907a85c3e4f016",
        "0c3b9f1d77e24a06b5d8a94c1f6e2038d45a7b91",
    ];
    json!({"username": names[account], "slug": names[account], "uuid": uuids[account]})
}

fn entry(play: &Value) -> Entry {
    let kind = play["type"].as_str().unwrap_or_default();
    let trakt = play[kind]["ids"]["trakt"].as_i64();
    let thing = match (kind, trakt) {
        ("movie", Some(id)) => Thing::Movie(id),
        ("episode", Some(id)) => Thing::Episode(id),
        _ => Thing::Unknown,
    };
    Entry {
        thing,
        watched_ms: play["watched_at"].as_str().and_then(read_rfc3339),
        scrobbled: play["action"] == "scrobble",
        text: play.to_string(),
    }
}

/// `2014-09-01T09:10:11.000Z`.
fn rfc3339(ms: i64) -> String {
    let days = ms.div_euclid(86_400_000);
    let of_day = ms.rem_euclid(86_400_000);
    let (year, month, day) = civil(days);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        of_day / 3_600_000,
        of_day / 60_000 % 60,
        of_day / 1000 % 60,
        of_day % 1000
    )
}

fn read_rfc3339(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let fraction = text.get(19..)?.strip_prefix('.').map_or(0, |rest| {
        let digits: String = rest.chars().take(3).filter(char::is_ascii_digit).collect();
        format!("{digits:0<3}").parse().unwrap_or(0)
    });
    let seconds = number(11, 13)? * 3600 + number(14, 16)? * 60 + number(17, 19)?;
    Some((days(number(0, 4)?, number(5, 7)?, number(8, 10)?) * 86_400 + seconds) * 1000 + fraction)
}

/// Days since 1970 of a date, counting years from March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil(days_since_1970: i64) -> (i64, i64, i64) {
    let mut year = 1970 + days_since_1970.div_euclid(366);
    while days(year + 1, 1, 1) <= days_since_1970 {
        year += 1;
    }
    let month = (1..=12)
        .rev()
        .find(|month| days(year, *month, 1) <= days_since_1970)
        .unwrap_or(1);
    (year, month, days_since_1970 - days(year, month, 1) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_they_are_written() {
        for ms in [
            0,
            951_782_400_123,
            1_409_562_611_042,
            1_795_380_000_999,
            1_735_689_599_000,
        ] {
            assert_eq!(read_rfc3339(&rfc3339(ms)), Some(ms), "{}", rfc3339(ms));
        }
        assert_eq!(rfc3339(1_409_562_611_042), "2014-09-01T09:10:11.042Z");
        assert_eq!(
            read_rfc3339("2014-09-01T09:10:11Z"),
            Some(1_409_562_611_000)
        );
    }
}
