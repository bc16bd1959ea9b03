//! Makes a history from a seed: who plays what, when, and what goes wrong.
//! Only a plan: `run` carries it out, and what a dead host should have done doesn't happen.

use std::fmt;

use serde_json::{Value, json};

use crate::items::{self, Item};
use crate::random::Random;
use crate::world::HOSTS;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// One playback.
#[derive(Debug, Clone)]
pub struct Play {
    /// The host's name for it.
    pub session: String,
    /// What is in the file, with where each part ends in milliseconds; one part as a rule.
    pub parts: Vec<(Item, i64)>,
    /// How long the file lasts.
    pub duration_ms: i64,
    /// As the host says it.
    pub item: Value,
}

/// What happens.
#[derive(Debug, Clone)]
pub enum Action {
    /// The player reports.
    Event {
        /// Number of the play.
        play: usize,
        /// The event's name.
        name: &'static str,
        /// Where it is.
        position_ms: i64,
    },
    /// Marked as watched by hand.
    Mark {
        /// What.
        items: Vec<Item>,
        /// When: `None` is now; else milliseconds since 1970, or Trakt's words.
        watched_at: Option<Value>,
    },
    /// The host dies before its n-th step from now.
    DieIn(i64),
    /// The host is killed.
    Kill,
    /// The host is started, if it doesn't run, and opens a client.
    Open,
    /// The host closes its client and ends.
    Quit,
    /// Something goes wrong at Trakt, as its control API has it.
    Fault(Value),
    /// Nothing goes wrong any more at Trakt.
    Repair,
    /// The host loses its network, or gets it back.
    Offline(bool),
    /// The host's disk is full, or not any more.
    DiskFull(bool),
    /// The account is unlinked.
    Unlink,
    /// An account is linked.
    Link(usize),
}

/// What happens when, and to whom.
#[derive(Debug, Clone)]
pub struct Step {
    /// Milliseconds since the beginning of the history.
    pub at_ms: i64,
    /// The host.
    pub host: usize,
    /// What.
    pub action: Action,
}

/// A whole history.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where it comes from.
    pub seed: u64,
    /// How many hosts share the store.
    pub hosts: usize,
    /// How Trakt is, as its control API has it: what the documentation leaves open.
    pub trakt: Value,
    /// By how much the hosts' wall clocks are wrong, in milliseconds.
    pub wall_off_ms: i64,
    /// What is played.
    pub plays: Vec<Play>,
    /// In the order of time.
    pub steps: Vec<Step>,
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.at_ms / SECOND;
        let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
        let (minutes, rest) = (seconds / 60 % 60, self.at_ms % MINUTE);
        write!(
            out,
            "{days}d {hours:02}:{minutes:02}:{:06.3} host {} ",
            rest as f64 / 1000.0,
            self.host
        )?;
        match &self.action {
            Action::Event {
                play,
                name,
                position_ms,
            } => {
                write!(out, "play {play} {name} at {position_ms} ms")
            }
            Action::Mark { items, watched_at } => {
                let titles: Vec<&str> = items.iter().map(|item| item.title.as_str()).collect();
                write!(out, "marks {titles:?} as watched at {watched_at:?}")
            }
            other => write!(out, "{other:?}"),
        }
    }
}

struct Planner {
    random: Random,
    plays: Vec<Play>,
    steps: Vec<Step>,
    /// Until when each host is busy.
    free: [i64; HOSTS],
}

impl Planner {
    fn add(&mut self, at_ms: i64, host: usize, action: Action) {
        self.steps.push(Step {
            at_ms,
            host,
            action,
        });
    }

    fn event(
        &mut self,
        at_ms: i64,
        host: usize,
        play: usize,
        name: &'static str,
        position_ms: i64,
    ) {
        self.add(
            at_ms,
            host,
            Action::Event {
                play,
                name,
                position_ms,
            },
        );
    }

    fn play_of(&mut self, parts: Vec<Item>) -> Play {
        let random = &mut self.random;
        let mut ends = Vec::new();
        let mut duration_ms = 0;
        // Fewer reports tell as much: most of what is played is an excerpt.
        let share = *random.pick(&[1, 3, 6, 10]);
        for item in parts {
            // The file is seldom exactly as long as Trakt thinks.
            duration_ms += item.minutes * MINUTE / share
                + random.range(-30, 30) * SECOND
                + random.range(0, 999);
            ends.push((item, duration_ms));
        }
        let item = match ends.as_slice() {
            [(one, _)] => one.json.clone(),
            several => {
                let mut start = 0;
                let mut episodes = Vec::new();
                for (item, end) in several {
                    let mut part = item.json.clone();
                    part["start_ms"] = json!(start);
                    part["end_ms"] = json!(end);
                    start = *end;
                    episodes.push(part);
                }
                json!({"type": "episodes", "episodes": episodes, "file": "/shows/two.mkv"})
            }
        };
        let session = format!("session-{}", self.plays.len());
        Play {
            session,
            parts: ends,
            duration_ms,
            item,
        }
    }

    /// One playback from where to where; when it ends.
    fn watch(&mut self, begin: i64, host: usize, parts: Vec<Item>) -> i64 {
        let play = self.play_of(parts);
        let duration = play.duration_ms;
        let index = self.plays.len();
        self.plays.push(play);
        let random = &mut self.random;
        let from = match random.range(0, 9) {
            0 => duration * random.range(5, 70) / 100,
            1 => duration * random.range(82, 95) / 100,
            _ => 0,
        };
        let exactly = |thousandths: i64| duration * thousandths / 1000;
        let (to, ends) = match random.range(0, 19) {
            0..=8 => (duration, true),
            9..=11 => (exactly(random.range(850, 990)), false),
            12 => (exactly(799), false),
            // 80 % to the millisecond, from above.
            13 => ((duration * 4 + 4) / 5, false),
            14 => (exactly(801), false),
            15 => (exactly(5), false),
            16 => (exactly(random.range(15, 200)), false),
            _ => (exactly(random.range(300, 780)), false),
        };
        let (from, to) = if to > from { (from, to) } else { (0, to) };
        let step = (duration / 40).clamp(5 * SECOND, 55 * SECOND);
        let (mut now, mut at) = (begin, from);
        self.event(now, host, index, "started", at);
        while at < to {
            let random = &mut self.random;
            let go = step.min(to - at);
            match random.range(0, 99) {
                0 | 1 => {
                    let length = *random.pick(&[
                        SECOND,
                        20 * SECOND,
                        10 * MINUTE,
                        29 * MINUTE + 40 * SECOND,
                        31 * MINUTE,
                        9 * HOUR,
                    ]);
                    self.event(now, host, index, "paused", at);
                    now += length;
                    self.event(now, host, index, "resumed", at);
                    now += 1;
                }
                2 => {
                    at = (at + self.random.range(-10, 5) * MINUTE).clamp(0, to);
                    self.event(now, host, index, "seeked", at);
                    now += 1;
                }
                _ => {
                    now += go;
                    at += go;
                    if at < to {
                        self.event(now, host, index, "progress", at);
                    }
                }
            }
        }
        if !ends && self.random.percent(20) {
            self.event(now, host, index, "paused", at);
            now += *self.random.pick(&[5 * SECOND, 20 * MINUTE, 45 * MINUTE]);
        }
        self.event(now, host, index, if ends { "ended" } else { "stopped" }, at);
        now
    }

    fn something(&mut self) -> Vec<Item> {
        let random = &mut self.random;
        match random.range(0, 19) {
            0..=2 => items::episodes(random),
            3 => vec![items::unknown(random)],
            // Again what was played before.
            4..=6 if !self.plays.is_empty() => {
                let again = random.pick(&self.plays);
                again.parts.iter().map(|(item, _)| item.clone()).collect()
            }
            _ => vec![items::any(random)],
        }
    }

    /// What somebody does with a host for an hour or a night.
    fn sitting(&mut self, host: usize) {
        let pause = *self.random.weighted(&[
            (5, 5 * SECOND),
            (5, 10 * MINUTE),
            (4, 3 * HOUR),
            (3, 20 * HOUR),
            (1, 4 * DAY),
            (1, 40 * DAY),
        ]);
        let begin = self.free[host] + pause + self.random.range(0, 59_999);
        let what = self.something();
        let mut end = self.watch(begin, host, what.clone());
        if self.random.percent(25)
            && let Some(next) = items::after(&what[0], &mut self.random)
        {
            // The next one starts before or just after the end of the one before.
            let begin = end + self.random.range(-2, 5) * SECOND;
            end = end.max(self.watch(begin, host, vec![next]));
        }
        if self.random.percent(20) {
            let at = end + self.random.range(0, 60) * SECOND;
            self.marks(at, host);
            end = at;
        }
        self.free[host] = end;
    }

    fn marks(&mut self, at: i64, host: usize) {
        let random = &mut self.random;
        let count = *random.pick(&[1, 1, 3, 12, 130]);
        let marked: Vec<Item> = (0..count).map(|_| items::any(random)).collect();
        let mut items: Vec<Item> = Vec::new();
        for item in marked {
            if !items.iter().any(|other| other.thing == item.thing) {
                items.push(item);
            }
        }
        let watched_at = match random.range(0, 3) {
            0 => Some(json!("released")),
            1 => Some(json!("unknown")),
            // Some moment of some year, unlike any other.
            2 => Some(json!(
                1_400_000_000_000 + random.range(0, 300_000_000) * SECOND
            )),
            _ => None,
        };
        self.add(at, host, Action::Mark { items, watched_at });
    }

    fn somewhen(&mut self, last: i64) -> i64 {
        // Where something happens, not in the empty months between.
        let around = self.random.pick(&self.steps).at_ms;
        (around + self.random.range(-2000, 40_000)).clamp(0, last)
    }

    fn troubles(&mut self, hosts: usize, last: i64) {
        let host =
            |random: &mut Random| usize::try_from(random.range(0, hosts as i64 - 1)).unwrap_or(0);
        for _ in 0..self.random.range(0, 12) {
            let at = self.somewhen(last);
            let fault = fault(&mut self.random);
            self.add(at, 0, Action::Fault(fault));
        }
        for _ in 0..self.random.range(0, 2) {
            let at = self.somewhen(last);
            self.add(at, 0, Action::Repair);
        }
        for _ in 0..self.random.range(0, 4) {
            let (at, who) = (self.somewhen(last), host(&mut self.random));
            let back = at
                + *self
                    .random
                    .pick(&[20 * SECOND, 10 * MINUTE, 3 * HOUR, 2 * DAY]);
            self.add(at, who, Action::Offline(true));
            self.add(back, who, Action::Offline(false));
        }
        for _ in 0..self.random.range(0, 5) {
            let (at, who) = (self.somewhen(last), host(&mut self.random));
            let action = match self.random.range(0, 3) {
                0 => Action::Kill,
                1 => Action::Quit,
                _ => {
                    let most = *self.random.pick(&[20, 150, 1500]);
                    Action::DieIn(self.random.range(1, most))
                }
            };
            self.add(at, who, action);
            let back = at
                + *self
                    .random
                    .pick(&[SECOND, 20 * SECOND, 10 * MINUTE, 5 * HOUR]);
            self.add(back, who, Action::Open);
        }
        if self.random.percent(12) {
            let (at, who) = (self.somewhen(last), host(&mut self.random));
            let back = at + *self.random.pick(&[20 * SECOND, 30 * MINUTE, 5 * HOUR]);
            self.add(at, who, Action::DiskFull(true));
            self.add(back, who, Action::DiskFull(false));
        }
        if self.random.percent(20) {
            let (mut at, who) = (self.somewhen(last), host(&mut self.random));
            self.add(at, who, Action::Unlink);
            if self.random.percent(50) {
                at += self.random.range(1, 120) * MINUTE;
                self.add(at, who, Action::Link(1));
                at += self.random.range(1, 300) * MINUTE;
                self.add(at, who, Action::Unlink);
            }
            at += self.random.range(1, 120) * MINUTE;
            self.add(at, who, Action::Link(0));
        }
    }
}

/// What goes wrong with one or several requests: each kind that the simulated Trakt has.
fn fault(random: &mut Random) -> Value {
    let path = *random.weighted(&[
        (4, "/scrobble/stop"),
        (2, "/scrobble/*"),
        (4, "/sync/history"),
        (2, "/sync/history/*"),
        (3, "/sync/*"),
        (2, "/search/*"),
        (4, "/*"),
        (1, "/oauth/token"),
    ]);
    let mut fault = match random.range(0, 21) {
        0..=2 => json!({"kind": "status", "status": random.pick(&[500, 502, 503, 504, 520, 522]),
                        "processed": random.percent(50)}),
        3 => {
            json!({"kind": "status", "status": 429, "headers": {"Retry-After": random.range(1, 90)}})
        }
        4 => json!({"kind": "status", "status": random.pick(&[429, 403, 408])}),
        // For good: kept apart, and sent when somebody says so.
        5 => json!({"kind": "status", "status": random.pick(&[400, 404, 412, 420, 422, 423, 426])}),
        6 => json!({"kind": "html", "status": random.pick(&[502, 503, 504, 520, 524]),
                    "processed": random.percent(50)}),
        // Cloudflare stands before Trakt: what it refuses hasn't arrived.
        7 => match random.range(0, 1) {
            0 => json!({"kind": "html", "status": random.pick(&[403, 429, 200])}),
            _ => json!({"kind": "text1010"}),
        },
        8 => {
            json!({"kind": "empty", "status": random.pick(&[200, 201, 500]), "processed": random.percent(50)})
        }
        9 => json!({"kind": "redirect", "location": "http://127.0.0.1:9/elsewhere"}),
        10 => {
            json!({"kind": "raw", "text": random.pick(&["", "x", "HTTP/1.1 2", "HTTP/1.1 201 Created\r\nContent-Le"]),
                     "processed": random.percent(50)})
        }
        11 => json!({"kind": "huge", "bytes": 20_000_000, "length": random.percent(50)}),
        12 => json!({"kind": "cut", "keep": random.range(0, 60)}),
        13 => json!({"kind": "chunked_cut"}),
        14 => json!({"kind": "cut_before"}),
        15 | 16 => json!({"kind": "lost"}),
        17 => json!({"kind": "reset", "processed": random.percent(50)}),
        18 => json!({"kind": "silence", "processed": random.percent(50)}),
        19 => match random.range(0, 2) {
            0 => json!({"kind": "late", "delay_ms": random.range(500, 40_000)}),
            1 => json!({"kind": "delay", "delay_ms": random.range(500, 9_000)}),
            _ => {
                json!({"kind": "drip", "bytes_per_tick": 20, "tick_ms": random.range(100, 4000), "head": true})
            }
        },
        20 => match random.range(0, 3) {
            // A wrong hour would rightly be believed.
            3 => json!({"kind": "date", "value": random.pick(&["", "yesterday"])}),
            0 => json!({"kind": "gzip"}),
            1 => json!({"kind": "bom"}),
            _ => {
                json!({"kind": "headers", "headers": {"X-Pagination-Page-Count": "x", "X-Ratelimit": "{"}})
            }
        },
        _ => json!({"kind": random.pick(&["handshake_close", "handshake_silence"])}),
    };
    let name = fault["kind"].as_str().unwrap_or_default();
    fault["match"] = if name.starts_with("handshake") {
        json!({"host": "any"})
    } else {
        json!({"host": "any", "path": path})
    };
    fault["times"] = json!(random.weighted(&[(5, 1), (3, 3), (1, 12)]));
    fault["after"] = json!(random.weighted(&[(5, 0), (2, 1), (1, 4)]));
    fault
}

/// What the documentation of Trakt leaves open, or says in several ways.
fn trakt(random: &mut Random) -> Value {
    // Without headers only a short page tells that it is the last one.
    let (headers, page) = *random.pick(&[(true, 10), (true, 250), (false, 250)]);
    json!({
        "strict_catalogue": true,
        "history_items": random.pick(&[0, 0, 257]),
        // Without a window a second scrobble is a second play: nothing but the library's own care is in its way.
        "conflict_window_s": random.pick(&[json!(0), json!(60), Value::Null]),
        "at_eighty": random.pick(&["scrobble", "pause"]),
        "at_the_end": random.weighted(&[(9, "scrobble"), (1, "pause")]),
        "pause_exists": random.percent(80),
        "nested_not_found": random.pick(&["episodes", "shows"]),
        "history_status": random.pick(&[200, 201]),
        "page_limit_max": page,
        "pagination_headers": headers,
        "created_at": random.pick(&["now", "absent"]),
        "retry_after": random.pick(&["seconds", "date", "none"]),
        "rate_limit_headers": random.percent(50),
        "account_limit_headers": random.percent(50),
    })
}

impl Plan {
    /// The history of a seed.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let hosts = if random.percent(60) { HOSTS } else { 1 };
        let sittings = random.range(3, 18);
        let mut planner = Planner {
            random,
            plays: Vec::new(),
            steps: Vec::new(),
            free: [0; HOSTS],
        };
        for _ in 0..sittings {
            let host = planner.random.range(0, hosts as i64 - 1);
            planner.sitting(usize::try_from(host).unwrap_or(0));
        }
        let last = planner
            .steps
            .iter()
            .map(|step| step.at_ms)
            .max()
            .unwrap_or(0);
        let trakt = trakt(&mut planner.random);
        let off = [
            (16, 0),
            (1, 2 * HOUR),
            (1, -3 * HOUR),
            (1, -400 * DAY),
            (1, 30 * DAY),
        ];
        let wall_off_ms = *planner.random.weighted(&off);
        if planner.random.percent(90) {
            planner.troubles(hosts, last);
        }
        planner.steps.sort_by_key(|step| step.at_ms);
        Self {
            seed,
            hosts,
            trakt,
            wall_off_ms,
            plays: planner.plays,
            steps: planner.steps,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_makes_the_same_history_each_time() {
        let text = |seed| format!("{:?}", Plan::new(seed));
        assert_eq!(text(7), text(7));
        assert_ne!(text(7), text(8));
    }

    #[test]
    fn every_kind_of_fault_and_of_action_comes_up() {
        let mut kinds = BTreeSet::new();
        let mut actions = BTreeSet::new();
        for step in (0..300).flat_map(|seed| Plan::new(seed).steps) {
            if let Action::Fault(fault) = &step.action {
                kinds.insert(fault["kind"].to_string());
            }
            let name = format!("{:?}", step.action);
            let name = name.split([' ', '(']).next().unwrap_or_default();
            actions.insert(name.to_owned());
        }
        assert_eq!(kinds.len(), 22, "{kinds:?}");
        assert_eq!(actions.len(), 12, "{actions:?}");
    }
}
