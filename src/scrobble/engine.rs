//! What counts: the pure steps from what players report to what Trakt has to be told.
//! No clock, no threads, no I/O: whoever calls says when it is, and does what the steps ask for.
#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};

use super::event::EventType;
use super::item::{Item, Thing};
use super::parts;
use super::rules::{Options, Reason};
use crate::clock::{Moment, parse_rfc3339};
use crate::outbox::entry::Owner;

/// From here on it was watched.
pub const COUNTS: f64 = 80.0;
/// Trakt refuses less than this as a stop or pause.
const LEAST: f64 = 1.0;
/// Below this it is watched anew.
const ANEW: f64 = 20.0;
/// A playback that began behind the threshold has to play so long to count.
const LEAST_PLAYED_MS: u64 = 60_000;
/// Whoever pauses so long behind the threshold has watched it.
const LONG_PAUSE_MS: u64 = 30 * 60_000;
/// Pauses and resumes in quick succession are none.
const DEBOUNCE_MS: u64 = 2_000;
/// Longer without a report while playing: the machine slept, or the host hangs.
const GAP_MS: i64 = 60_000;
/// A position is assumed to have gone on at most this long after its report.
const GUESS_MS: u64 = 15_000;
/// A playing session is saved this often.
const SAVE_MS: u64 = 30_000;
/// What could not be looked up or shown is tried again after this long.
const AGAIN_MS: u64 = 60_000;
/// The end that Trakt expects may be off by so much, or by a twentieth of the length.
const DRIFT_MS: i64 = 60_000;
/// More sessions at once are a host that forgets to report their ends.
pub const MOST_SESSIONS: usize = 32;

/// What a host reports, with its moment on both clocks.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What happened.
    pub event: EventType,
    /// The host's name for the playback.
    pub session: String,
    /// Where it is.
    pub position_ms: Option<u64>,
    /// How long it is; 0 is unknown.
    pub duration_ms: Option<u64>,
    /// When it happened; never after now.
    pub at: Moment,
    /// What is played.
    pub item: Option<Item>,
}

/// What came of looking something up.
#[derive(Clone, Debug, PartialEq)]
pub enum Looked {
    /// That is what it is, and how long it is at Trakt.
    Known {
        /// What it is.
        thing: Box<Thing>,
        /// How long it is.
        runtime_ms: Option<u64>,
    },
    /// Trakt has nothing like it.
    Unmatched,
    /// Nobody could be asked.
    Failed,
}

/// What the engine is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A host reports.
    Event(Box<Event>),
    /// Time has passed.
    Tick,
    /// How the user wants it.
    Options(Box<Options>),
    /// Whose plays are recorded; none while no account is linked.
    Account(Option<Owner>),
    /// The answer to [`Action::Look`].
    Looked {
        /// The session's number.
        serial: u64,
        /// Which part of it.
        part: usize,
        /// What came of it.
        looked: Looked,
    },
    /// A live request wasn't taken.
    NotShown {
        /// The session's number.
        serial: u64,
        /// Whether it makes sense to try again.
        again: bool,
    },
    /// The client closes: every session ends where it is.
    Close,
}

/// A play that counts or progress that is kept: what goes into the outbox.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The host's name for the playback.
    pub session: String,
    /// Names this play: the same for the same one, also after a restart.
    pub key: String,
    /// Whose it is.
    pub owner: Owner,
    /// What was played, as the host said it; of several episodes the one.
    pub item: Item,
    /// What it is.
    pub thing: Thing,
    /// When it ended.
    pub ended: Moment,
    /// How far it went, in percent.
    pub progress: f64,
    /// Of a play: whether it counts only if the same thing hasn't counted lately.
    pub unless_counted: bool,
}

/// A request that shows Trakt what is going on, and isn't kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    /// The session's number.
    pub serial: u64,
    /// The host's name for the playback.
    pub session: String,
    /// What is played.
    pub thing: Thing,
    /// What is shown.
    pub show: Show,
}

/// What Trakt is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Show {
    /// It is being watched; percent.
    Start(f64),
    /// It is paused; percent.
    Pause(f64),
    /// It is no longer being watched.
    Clear,
}

/// What a step asks for, in that order.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The answer to an event.
    Reply(Report),
    /// It counts.
    Play(Box<Record>),
    /// It doesn't, and where it stopped is kept.
    Progress(Box<Record>),
    /// Trakt is to show something else.
    Live(Box<Live>),
    /// What it is, and how long, has to be found out.
    Look {
        /// The session's number.
        serial: u64,
        /// Which part of it.
        part: usize,
        /// What is known of it.
        thing: Box<Thing>,
        /// Whether its length matters.
        runtime: bool,
    },
    /// The session is to be saved, in one piece with what came before.
    Save(Box<Session>),
    /// The session is over, or isn't to be kept.
    Forget {
        /// The session's number.
        serial: u64,
    },
    /// Hosts are to be told how it stands.
    Tell(Box<Info>),
}

/// How a playback is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Stands {
    /// It plays.
    Playing,
    /// It is paused.
    Paused,
    /// It has ended.
    Ended,
    /// It isn't recorded; the reason says why.
    Ignored,
}

/// The answer to an event.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Report {
    /// The host's name for the playback.
    pub session: String,
    /// How it is.
    pub state: Stands,
    /// Why it isn't recorded, or not yet.
    pub reason: Option<Reason>,
    /// Whether it counts: as it ended, or if it ended now.
    pub counts: bool,
    /// How far, in percent; null while the length isn't known. Of several episodes that of the one that plays.
    pub progress: Option<f64>,
}

/// A playback as hosts are shown it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Info {
    /// The host's name for the playback.
    pub session: String,
    /// How it is.
    pub state: Stands,
    /// Why it isn't recorded, or not yet.
    pub reason: Option<Reason>,
    /// What is played; of several episodes the one.
    pub item: Item,
    /// How far, in percent; null while the length isn't known.
    pub progress: Option<f64>,
    /// Whether Trakt has been told that it is being watched.
    pub watching: bool,
    /// Whether it has counted.
    pub counted: bool,
}

/// What Trakt was shown last of a session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Shown {
    #[default]
    Nothing,
    /// Being watched, until then as Trakt sees it.
    Watching {
        ends: Moment,
    },
    Paused,
}

/// One of the things in a session, over all visits to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Part {
    thing: Thing,
    /// How long Trakt says that it is.
    #[serde(default)]
    runtime_ms: Option<u64>,
    /// Whether Trakt can be shown it: what it is was looked up.
    #[serde(default)]
    found: bool,
    #[serde(default)]
    unmatched: bool,
    /// When it was looked up last.
    #[serde(skip)]
    asked: Option<Moment>,
    /// Where this visit began.
    #[serde(default)]
    entry_ms: Option<u64>,
    /// The lowest position since then, or since it counted.
    #[serde(default)]
    lowest_ms: Option<u64>,
    /// How long it has played in this visit.
    #[serde(default)]
    played_ms: u64,
    /// How often it has counted.
    #[serde(default)]
    plays: u32,
}

/// One playback, with all that is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// The host's name for it.
    pub id: String,
    /// Its number within its client.
    pub serial: u64,
    /// Whose it is; set once an account is linked.
    owner: Option<Owner>,
    item: Item,
    parts: Vec<Part>,
    started: Moment,
    /// The part that plays.
    current: usize,
    /// Whether the part is known to be the one: where the parts lie depends on the length.
    located: bool,
    position_ms: Option<u64>,
    /// As the host says.
    duration_ms: Option<u64>,
    /// When the position was reported.
    last: Moment,
    /// Since when it has been paused.
    paused: Option<Moment>,
    /// The programme has ended, and what comes after it isn't known.
    over: bool,
    #[serde(default)]
    shown: Shown,
    /// Since when what Trakt is shown isn't what it should be.
    #[serde(skip)]
    differs: Option<Moment>,
    /// The next change is shown at once.
    #[serde(skip)]
    at_once: bool,
    /// It was shown as being watched before.
    #[serde(skip)]
    was_shown: bool,
    /// Nothing is shown before this.
    #[serde(skip)]
    not_before: Option<Moment>,
    /// Trakt refuses to show it.
    #[serde(skip)]
    never: bool,
    #[serde(skip)]
    saved: Option<Moment>,
    /// What was saved is older than this.
    #[serde(skip)]
    dirty: bool,
    #[serde(skip)]
    save_now: bool,
    #[serde(skip)]
    told: Option<Box<Info>>,
}

/// Whether a part counts as it ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    No,
    Yes,
    /// If it hasn't counted lately.
    UnlessCounted,
}

fn passed(at: &Moment, since: &Moment) -> u64 {
    u64::try_from(at.since(since)).unwrap_or(0)
}

fn left(now: &Moment, until: &Moment) -> u64 {
    passed(until, now)
}

/// The moment that much earlier on both clocks.
fn earlier(at: &Moment, ms: u64) -> Moment {
    Moment {
        boot_id: at.boot_id.clone(),
        boot_ms: at.boot_ms.saturating_sub(ms),
        wall_ms: at.wall_ms.saturating_sub_unsigned(ms),
    }
}

/// The progress as Trakt is told it: never rounded up, which could take it over a threshold.
fn told(progress: f64) -> f64 {
    // What is beside a whole hundredth by the arithmetic alone is that hundredth.
    (progress.clamp(0.0, 100.0) * 100.0 + 1e-7).floor() / 100.0
}

impl Session {
    fn new(serial: u64, id: String, item: Item, at: Moment) -> Self {
        let things = item.things().unwrap_or_default();
        let parts: Vec<Part> = things
            .into_iter()
            .map(|thing| Part {
                thing,
                runtime_ms: None,
                found: false,
                unmatched: false,
                asked: None,
                entry_ms: None,
                lowest_ms: None,
                played_ms: 0,
                plays: 0,
            })
            .collect();
        Self {
            id,
            serial,
            owner: None,
            item,
            located: parts.len() <= 1,
            parts,
            last: at.clone(),
            started: at,
            current: 0,
            position_ms: None,
            duration_ms: None,
            paused: None,
            over: false,
            shown: Shown::Nothing,
            differs: None,
            at_once: false,
            was_shown: false,
            not_before: None,
            never: false,
            saved: None,
            dirty: true,
            save_now: true,
            told: None,
        }
    }

    /// Names it among all that this machine has played.
    fn name(&self) -> String {
        let Moment {
            boot_id,
            boot_ms,
            wall_ms,
        } = &self.started;
        format!("{} {} {boot_id} {boot_ms} {wall_ms}", self.id, self.serial)
    }

    /// The programme's times by the wall clock.
    fn programme(&self) -> Option<(i64, i64)> {
        let live = self.item.live.as_ref()?;
        let starts = parse_rfc3339(live.starts_at.as_deref()?)?;
        let ends = parse_rfc3339(live.ends_at.as_deref()?)?;
        (starts < ends).then_some((starts, ends))
    }

    /// How long the whole is.
    fn length(&self) -> Option<u64> {
        if self.item.live.is_some() {
            let (starts, ends) = self.programme()?;
            return Some(ends.abs_diff(starts));
        }
        let said = self.duration_ms.filter(|duration| *duration > 0);
        said.or_else(|| {
            self.parts.iter().try_fold(0_u64, |sum, part| {
                Some(sum.saturating_add(part.runtime_ms.filter(|runtime| *runtime > 0)?))
            })
        })
        .filter(|length| *length > 0)
    }

    fn bounds(&self) -> Option<Vec<(u64, u64)>> {
        let length = self.length()?;
        Some(match self.parts.len() {
            0 => return None,
            1 => vec![(0, length)],
            _ => {
                let said: Vec<parts::Said> = self
                    .item
                    .episodes
                    .iter()
                    .map(|part| (part.start_ms, part.end_ms))
                    .collect();
                let said = if said.len() == self.parts.len() {
                    said
                } else {
                    vec![(None, None); self.parts.len()]
                };
                parts::bounds(&said, length)
            }
        })
    }

    /// How far a position is in a part.
    fn progress_of(&self, part: usize, position: Option<u64>) -> Option<f64> {
        let bounds = self.bounds()?;
        Some(parts::progress(*bounds.get(part)?, position?))
    }

    fn progress(&self) -> Option<f64> {
        self.progress_of(self.current, self.position_ms)
    }

    fn part_item(&self, part: usize) -> Item {
        match self.item.episodes.get(part) {
            Some(one) if self.parts.len() > 1 => {
                let mut one = one.clone();
                one.file = one.file.or_else(|| self.item.file.clone());
                one
            }
            _ => self.item.clone(),
        }
    }

    /// Where the programme is by the clock.
    fn clock_position(&self, at: &Moment) -> Option<u64> {
        let (starts, _) = self.programme()?;
        let passed = at.wall_ms.saturating_sub(starts);
        Some(u64::try_from(passed).unwrap_or(0))
    }

    fn slept(&self, at: &Moment) -> bool {
        self.paused.is_none() && at.since(&self.last) > GAP_MS
    }

    /// Where it is at a moment that no position was reported for.
    fn guess(&self, at: &Moment) -> Option<u64> {
        if self.item.live.is_some() {
            return match (&self.paused, self.slept(at)) {
                (Some(_), _) | (_, true) => self.position_ms,
                _ => self.clock_position(at),
            };
        }
        let position = self.position_ms?;
        if self.paused.is_some() || self.slept(at) {
            return Some(position);
        }
        let ahead = position.saturating_add(passed(at, &self.last).min(GUESS_MS));
        let end = self
            .bounds()
            .and_then(|bounds| Some(bounds.get(self.current)?.1));
        Some(end.map_or(ahead, |end| ahead.min(end).max(position)))
    }

    fn verdict(&self, part: usize, progress: f64, ran_out: bool) -> Verdict {
        let its = &self.parts[part];
        if progress < COUNTS {
            return Verdict::No;
        }
        let below = |position: Option<u64>, limit: f64| {
            self.progress_of(part, position)
                .is_some_and(|progress| progress < limit)
        };
        if self.item.live.is_some() {
            let length = self.bounds().map_or(0, |bounds| {
                bounds
                    .get(part)
                    .map_or(0, |(begin, end)| end.saturating_sub(*begin))
            });
            if its.played_ms.saturating_mul(2) < length {
                return Verdict::No;
            }
        }
        let anew = below(its.lowest_ms, ANEW);
        if its.plays > 0 {
            return if anew { Verdict::Yes } else { Verdict::No };
        }
        if anew || below(its.entry_ms, COUNTS) {
            Verdict::Yes
        } else if ran_out || its.played_ms >= LEAST_PLAYED_MS {
            Verdict::UnlessCounted
        } else {
            Verdict::No
        }
    }

    /// Whether it would count if it ended here.
    fn would_count(&self) -> bool {
        self.parts.get(self.current).is_some()
            && self
                .progress()
                .is_some_and(|progress| self.verdict(self.current, progress, false) != Verdict::No)
    }

    /// A visit to the current part begins.
    fn enter(&mut self, position: u64) {
        let current = self.current;
        let Some(part) = self.parts.get_mut(current) else {
            return;
        };
        part.entry_ms = Some(position);
        part.played_ms = 0;
        part.lowest_ms = Some(match part.lowest_ms {
            Some(lowest) if part.plays > 0 => lowest.min(position),
            _ => position,
        });
    }

    /// What a part that is left, or paused for long, comes to; whether Trakt is told by it that it isn't watched any more.
    fn settle_part(
        &mut self,
        part: usize,
        progress: Option<f64>,
        ran_out: bool,
        ended: &Moment,
        keep_progress: bool,
        out: &mut Vec<Action>,
    ) -> bool {
        let (Some(progress), Some(owner)) = (progress, self.owner.clone()) else {
            return false;
        };
        if part >= self.parts.len() {
            return false;
        }
        let verdict = self.verdict(part, progress, ran_out);
        let counts = verdict != Verdict::No;
        if !counts && (!keep_progress || !(LEAST..COUNTS).contains(&told(progress))) {
            return false;
        }
        let item = self.part_item(part);
        let key = format!("{} {part} {}", self.name(), self.parts[part].plays);
        let record = Box::new(Record {
            session: self.id.clone(),
            key,
            owner,
            item,
            thing: self.parts[part].thing.clone(),
            ended: ended.clone(),
            progress: told(progress),
            unless_counted: verdict == Verdict::UnlessCounted,
        });
        if counts {
            let end = self.bounds().and_then(|bounds| Some(bounds.get(part)?.1));
            let its = &mut self.parts[part];
            its.plays = its.plays.saturating_add(1);
            its.lowest_ms = self.position_ms.max(end);
            out.push(Action::Play(record));
        } else {
            out.push(Action::Progress(record));
        }
        true
    }

    /// Behind the threshold, paused for long: it was watched.
    fn long_pause(&mut self, at: &Moment, out: &mut Vec<Action>) {
        let Some(paused) = self.paused.clone() else {
            return;
        };
        if passed(at, &paused) < LONG_PAUSE_MS {
            return;
        }
        let progress = self.progress();
        let before = out.len();
        self.settle_part(self.current, progress, false, &paused, false, out);
        if out.len() > before {
            self.save_now = true;
        }
    }

    /// Takes in where it is at `at`. `seeked`: not by playing.
    fn move_to(
        &mut self,
        at: &Moment,
        position: Option<u64>,
        seeked: bool,
        records: bool,
        out: &mut Vec<Action>,
    ) {
        let elapsed = passed(at, &self.last);
        let playing = self.paused.is_none();
        let natural = playing
            && !seeked
            && self.position_ms.zip(position).is_some_and(|(from, to)| {
                to >= from && to - from <= elapsed.saturating_mul(2).saturating_add(GUESS_MS)
            });
        let played = match self.position_ms.zip(position) {
            _ if !playing => 0,
            _ if !self.slept(at) => elapsed,
            Some((from, to)) if natural && self.item.live.is_none() => elapsed.min(to - from),
            _ => 0,
        };
        if let Some(part) = self.parts.get_mut(self.current) {
            part.played_ms = part.played_ms.saturating_add(played);
        }
        let Some(position) = position else {
            self.last = at.clone();
            return;
        };
        self.dirty |= self.position_ms != Some(position);
        let was_high = self.progress().is_some_and(|progress| progress >= COUNTS);
        if let Some(bounds) = self.bounds() {
            let next = parts::at(&bounds, position);
            if !self.located {
                (self.located, self.current) = (true, next);
            } else if next != self.current {
                let from = self.current;
                let (progress, ran_out, ended) = if natural && next == from + 1 {
                    let beyond = position.saturating_sub(bounds[next].0).min(elapsed);
                    (Some(100.0), true, earlier(at, beyond))
                } else {
                    let ended = if self.slept(at) { &self.last } else { at };
                    (self.progress_of(from, self.guess(at)), false, ended.clone())
                };
                let ended = self.paused.clone().unwrap_or(ended);
                if records {
                    self.settle_part(from, progress, ran_out, &ended, true, out);
                }
                self.current = next;
                self.parts[next].entry_ms = None;
                // Trakt is told of the other one at once.
                self.shown = Shown::Nothing;
                self.at_once = true;
                self.save_now = true;
            }
        }
        self.position_ms = Some(position);
        self.last = at.clone();
        if self.located {
            match self.parts.get_mut(self.current) {
                Some(part) if part.entry_ms.is_some() => {
                    part.lowest_ms = Some(part.lowest_ms.map_or(position, |low| low.min(position)));
                }
                _ => self.enter(position),
            }
        }
        let is_high = self.progress().is_some_and(|progress| progress >= COUNTS);
        self.save_now |= is_high != was_high;
    }

    /// What it comes to as it ends. `position`: where, if that was reported.
    fn end(
        &mut self,
        how: End<'_>,
        position: Option<u64>,
        records: bool,
        out: &mut Vec<Action>,
    ) -> bool {
        let before = out.len();
        let was = self.position_ms;
        let at = match how {
            End::Stopped(at) | End::RanOut(at) => {
                self.long_pause_if(records, at, out);
                at.clone()
            }
            End::Settled(now) => {
                self.long_pause_if(records, now, out);
                self.last.clone()
            }
        };
        let slept = self.slept(&at);
        let last = self.last.clone();
        if !matches!(how, End::Settled(_)) {
            let clock = self.item.live.as_ref().and_then(|_| self.guess(&at));
            let reported = if self.item.live.is_some() {
                clock
            } else {
                position
            };
            let to = reported.or_else(|| self.guess(&at));
            self.move_to(&at, to, false, records, out);
        }
        let mut progress = self.progress();
        let mut ran_out = false;
        if matches!(how, End::RanOut(_)) && self.item.live.is_none() {
            let final_part = self.parts.len().saturating_sub(1);
            if self.current == final_part && self.length().is_some() {
                (progress, ran_out) = (Some(100.0), true);
            } else if self.length().is_some() && self.current + 1 == final_part {
                // The last reports were lost; it played on into the last one.
                let end = self.length();
                let elapsed = passed(&at, &last);
                let bounds = self.bounds().unwrap_or_default();
                let begin = bounds.get(final_part).map(|bound| bound.0);
                let ahead = |to: Option<u64>| to.zip(was).map(|(to, from)| to.saturating_sub(from));
                if ahead(end).is_some_and(|ahead| ahead <= elapsed.saturating_add(GUESS_MS)) {
                    if records {
                        self.settle_part(self.current, Some(100.0), true, &at, true, out);
                    }
                    self.current = final_part;
                    if let Some(begin) = begin {
                        self.enter(begin);
                        self.position_ms = end;
                    }
                    (progress, ran_out) = (Some(100.0), true);
                }
            }
        }
        let asleep = slept
            && !ran_out
            && was
                .zip(self.position_ms)
                .is_none_or(|(from, to)| to <= from.saturating_add(GUESS_MS));
        let ended = match &self.paused {
            Some(paused) => paused.clone(),
            None if asleep => last,
            None => at,
        };
        let told = records
            && !self.over
            && self.settle_part(self.current, progress, ran_out, &ended, true, out);
        let counted = out[before..]
            .iter()
            .any(|action| matches!(action, Action::Play(_)));
        if !told && matches!(self.shown, Shown::Watching { .. }) {
            self.clear(out);
        }
        counted
    }

    fn long_pause_if(&mut self, records: bool, at: &Moment, out: &mut Vec<Action>) {
        if records {
            self.long_pause(at, out);
        }
    }

    /// Trakt isn't to show it as being watched any more.
    fn clear(&mut self, out: &mut Vec<Action>) {
        self.shown = Shown::Nothing;
        self.show(Show::Clear, out);
    }

    fn show(&self, show: Show, out: &mut Vec<Action>) {
        if let Some(part) = self.parts.get(self.current) {
            out.push(Action::Live(Box::new(Live {
                serial: self.serial,
                session: self.id.clone(),
                thing: part.thing.clone(),
                show,
            })));
        }
    }

    /// Whether Trakt can show it as being watched, as soon as it is known what it is.
    fn can_be_shown(&self) -> bool {
        let part = self.parts.get(self.current);
        part.is_some_and(|part| !part.unmatched)
            && self.progress().is_some()
            && !self.never
            && !self.over
    }

    /// Whether an item is what plays here: the same things, and the same showing of them.
    fn plays(&self, item: &Item) -> bool {
        let starts = |item: &Item| item.live.as_ref().and_then(|live| live.starts_at.clone());
        self.item.kind == item.kind
            && self.item.things().ok() == item.things().ok()
            && self.item.live.is_some() == item.live.is_some()
            && starts(&self.item) == starts(item)
    }

    /// What Trakt is to be shown next; none while it shows what it should.
    fn wanted(&self, progress: f64, now: &Moment) -> Option<Show> {
        let progress = told(progress);
        match (&self.shown, self.paused.is_none()) {
            // Nobody knows whether it still plays.
            (_, true) if self.slept(now) => None,
            (Shown::Watching { ends }, true) if !self.drifted(now, ends) => None,
            (_, true) => Some(Show::Start(progress)),
            (Shown::Watching { .. }, false) if (LEAST..COUNTS).contains(&progress) => {
                Some(Show::Pause(progress))
            }
            // A pause that far would count at Trakt, and one that early is refused.
            (Shown::Watching { .. }, false) => Some(Show::Clear),
            (_, false) => None,
        }
    }

    /// What Trakt has shown doesn't end when this will.
    fn drifted(&self, now: &Moment, ends: &Moment) -> bool {
        let Some((end, length)) = self.ends(now).zip(self.part_length()) else {
            return false;
        };
        let most = DRIFT_MS.max(i64::try_from(length / 20).unwrap_or(i64::MAX));
        end.since(ends).saturating_abs() > most
    }

    fn part_length(&self) -> Option<u64> {
        let (begin, end) = *self.bounds()?.get(self.current)?;
        Some(end.saturating_sub(begin))
    }

    /// When the part ends if it plays on.
    fn ends(&self, now: &Moment) -> Option<Moment> {
        let (_, end) = *self.bounds()?.get(self.current)?;
        let left = end.saturating_sub(self.guess(now)?);
        Some(now.plus(left))
    }
}

/// How a session ends.
#[derive(Clone, Copy)]
enum End<'a> {
    /// Somebody stopped it, or something else plays in its place.
    Stopped(&'a Moment),
    /// It ran to its end.
    RanOut(&'a Moment),
    /// Its host isn't there any more; now is later.
    Settled(&'a Moment),
}

/// All sessions of one client.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    options: Options,
    account: Option<Owner>,
    /// In the order in which they started.
    sessions: Vec<Session>,
    serial: u64,
}

/// What a saved session whose client is gone comes to: from where it was known to be last.
pub fn settle(mut session: Session, now: &Moment) -> Vec<Action> {
    let mut out = Vec::new();
    session.end(End::Settled(now), None, true, &mut out);
    out
}

impl Engine {
    /// One step: what follows from the input at that moment.
    pub fn step(&mut self, now: &Moment, input: Input) -> Vec<Action> {
        let mut out = Vec::new();
        match input {
            Input::Event(event) => self.event(now, *event, &mut out),
            Input::Tick => {}
            Input::Options(options) => self.options = *options,
            Input::Account(account) => self.account = account,
            Input::Looked {
                serial,
                part,
                looked,
            } => self.looked(serial, part, looked),
            Input::NotShown { serial, again } => {
                if let Some(session) = self.by_serial(serial) {
                    session.shown = match session.shown {
                        // Trakt still shows that it plays.
                        Shown::Paused => Shown::Watching {
                            ends: now.plus(AGAIN_MS),
                        },
                        _ => Shown::Nothing,
                    };
                    session.never |= !again;
                    session.not_before = Some(now.plus(AGAIN_MS));
                }
            }
            Input::Close => {
                for mut session in std::mem::take(&mut self.sessions) {
                    let records = self.reason(&session).is_none();
                    session.end(End::Settled(now), None, records, &mut out);
                    forget(&session, &mut out);
                }
            }
        }
        self.after(now, &mut out);
        out
    }

    /// How the user wants it.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The sessions as hosts are shown them.
    pub fn infos(&self) -> Vec<Info> {
        self.sessions
            .iter()
            .map(|session| self.info(session))
            .collect()
    }

    /// Whether that session is open.
    pub fn is_open(&self, serial: u64) -> bool {
        self.sessions.iter().any(|session| session.serial == serial)
    }

    /// Whether no session is open.
    pub fn is_idle(&self) -> bool {
        self.sessions.is_empty()
    }

    /// In how many milliseconds something is due, if nothing happens before.
    pub fn due_in_ms(&self, now: &Moment) -> Option<u64> {
        let holder = self.holder();
        self.sessions
            .iter()
            .flat_map(|session| {
                let reason = self.reason(session);
                let records = reason.is_none();
                let shows = (Some(session.serial) == holder || !records)
                    .then_some(session.differs.as_ref())
                    .flatten()
                    .map(|_| left(now, &self.show_at(session)));
                let pause = session
                    .paused
                    .as_ref()
                    .filter(|_| records && session.would_count())
                    .map(|paused| LONG_PAUSE_MS.saturating_sub(passed(now, paused)));
                let save = (session.dirty && keeps(reason)).then(|| {
                    session
                        .saved
                        .as_ref()
                        .map_or(0, |saved| SAVE_MS.saturating_sub(passed(now, saved)))
                });
                let programme = session
                    .programme()
                    .filter(|_| records && session.paused.is_none() && !session.over)
                    .filter(|_| !session.slept(now))
                    .map(|(_, ends)| u64::try_from(ends.saturating_sub(now.wall_ms)).unwrap_or(0));
                [shows, pause, save, programme].into_iter().flatten()
            })
            .min()
    }

    fn by_serial(&mut self, serial: u64) -> Option<&mut Session> {
        self.sessions
            .iter_mut()
            .find(|session| session.serial == serial)
    }

    fn reason(&self, session: &Session) -> Option<Reason> {
        let same = |one: &Owner, other: &Owner| {
            (one.link_id.is_some() && one.link_id == other.link_id)
                || (one.account.is_some() && one.account == other.account)
        };
        let linked = match (&self.account, &session.owner) {
            (Some(account), Some(owner)) => same(account, owner),
            (account, None) => account.is_some(),
            (None, _) => false,
        };
        let thing = session.parts.get(session.current).map(|part| &part.thing);
        match self.options.reason(&session.item, thing, session.length()) {
            Some(Reason::Disabled) => Some(Reason::Disabled),
            _ if !linked => Some(Reason::NotLinked),
            reason => reason,
        }
    }

    /// The session that Trakt's watching status is about: the one that started last.
    fn holder(&self) -> Option<u64> {
        self.sessions
            .iter()
            .rev()
            .find(|session| self.reason(session).is_none() && session.can_be_shown())
            .map(|session| session.serial)
    }

    fn info(&self, session: &Session) -> Info {
        let reason = self.reason(session);
        let reason = reason.or(session.length().is_none().then_some(Reason::NoDuration));
        Info {
            session: session.id.clone(),
            state: match (reason, &session.paused) {
                (Some(reason), _) if reason != Reason::NoDuration => Stands::Ignored,
                (_, Some(_)) => Stands::Paused,
                _ => Stands::Playing,
            },
            reason,
            item: session.part_item(session.current),
            progress: session.progress().map(told),
            watching: matches!(session.shown, Shown::Watching { .. }),
            counted: session.parts.iter().any(|part| part.plays > 0),
        }
    }

    fn event(&mut self, now: &Moment, event: Event, out: &mut Vec<Action>) {
        let Event {
            event,
            session: id,
            position_ms,
            duration_ms,
            at,
            item,
        } = event;
        let is_end = matches!(event, EventType::Stopped | EventType::Ended);
        let mut at = if at.since(now) > 0 { now.clone() } else { at };
        let known = self.sessions.iter().position(|session| session.id == id);
        let mut current = known.map(|index| self.sessions.remove(index));
        if let Some(session) = &current
            && at.since(&session.last) < 0
        {
            at = session.last.clone();
        }
        let anew = current.as_ref().is_none_or(|session| {
            event == EventType::Started
                || (!is_end && item.as_ref().is_some_and(|item| !session.plays(item)))
        });
        if anew
            && item.is_some()
            && let Some(session) = current.take()
        {
            self.finish(session, End::Stopped(&at), None, out);
        }
        let mut session = match (current, item) {
            (Some(mut session), item) => {
                if let Some(item) = item.filter(|item| session.plays(item)) {
                    session.item = item;
                }
                session
            }
            (None, Some(item)) => {
                self.serial += 1;
                let mut session = Session::new(self.serial, id, item, at.clone());
                session.owner.clone_from(&self.account);
                session
            }
            (None, None) => {
                out.push(Action::Reply(Report {
                    session: id,
                    state: Stands::Ignored,
                    reason: Some(Reason::UnknownSession),
                    counts: false,
                    progress: None,
                }));
                return;
            }
        };
        if let Some(duration) = duration_ms.filter(|duration| *duration > 0) {
            session.duration_ms = Some(duration);
        }
        if is_end {
            let end = match event {
                EventType::Ended => End::RanOut(&at),
                _ => End::Stopped(&at),
            };
            self.finish(session, end, Some(position_ms), out);
            return;
        }
        let records = self.reason(&session).is_none();
        session.long_pause_if(records, &at, out);
        self.end_programme(&mut session, &at, out);
        let position = if session.item.live.is_some() {
            match session.paused {
                None if !session.over => session.clock_position(&at),
                _ => session.position_ms,
            }
        } else {
            position_ms.or_else(|| session.guess(&at))
        };
        let seeked = event == EventType::Seeked || event == EventType::Started;
        let jumped = session.position_ms.zip(position);
        let jumped = jumped.is_some_and(|(from, to)| from.abs_diff(to) > GUESS_MS);
        session.move_to(&at, position, seeked, records, out);
        match event {
            EventType::Paused if session.paused.is_none() => {
                session.paused = Some(at);
                session.save_now = true;
                session.dirty = true;
            }
            // Somebody is there: it isn't left since it was paused.
            EventType::Paused | EventType::Seeked if jumped && session.paused.is_some() => {
                session.paused = Some(at);
            }
            EventType::Paused | EventType::Seeked => {}
            _ => {
                session.dirty |= session.paused.is_some();
                session.paused = None;
            }
        }
        let info = self.info(&session);
        out.push(Action::Reply(Report {
            session: info.session,
            state: info.state,
            reason: info.reason,
            counts: records && session.would_count(),
            progress: info.progress,
        }));
        let place = self
            .sessions
            .partition_point(|other| other.serial < session.serial);
        self.sessions.insert(place, session);
        if self.sessions.len() > MOST_SESSIONS {
            let oldest = (0..self.sessions.len() - 1)
                .min_by_key(|index| -now.since(&self.sessions[*index].last));
            if let Some(index) = oldest {
                let forgotten = self.sessions.remove(index);
                let mut late = Vec::new();
                self.finish(forgotten, End::Settled(now), None, &mut late);
                out.extend(late);
            }
        }
    }

    /// Ends a session that was taken out. `reported`: by an event, with its position; the host is answered.
    fn finish(
        &mut self,
        mut session: Session,
        how: End<'_>,
        reported: Option<Option<u64>>,
        out: &mut Vec<Action>,
    ) {
        let reason = self.reason(&session);
        if let End::Stopped(at) | End::RanOut(at) = how {
            self.end_programme(&mut session, at, out);
        }
        let counted = session.end(how, reported.flatten(), reason.is_none(), out);
        let info = self.info(&session);
        let ran_out = matches!(how, End::RanOut(_)) && session.item.live.is_none();
        let progress = info.progress.map(|progress| {
            let whole = ran_out && session.current + 1 >= session.parts.len();
            if whole { 100.0 } else { progress }
        });
        if reported.is_some() {
            out.push(Action::Reply(Report {
                session: info.session.clone(),
                state: match reason {
                    Some(_) => Stands::Ignored,
                    None => Stands::Ended,
                },
                reason: info.reason,
                counts: counted,
                progress,
            }));
        }
        let ended = Info {
            state: match reason {
                Some(_) => Stands::Ignored,
                None => Stands::Ended,
            },
            progress,
            watching: false,
            ..info
        };
        forget(&session, out);
        out.push(Action::Tell(Box::new(ended)));
    }

    /// A programme that is over ended when the guide says so.
    fn end_programme(&self, session: &mut Session, at: &Moment, out: &mut Vec<Action>) {
        let Some((_, ends)) = session.programme() else {
            return;
        };
        if session.over || session.paused.is_some() || at.wall_ms < ends || session.slept(at) {
            return;
        }
        let late = at.wall_ms.abs_diff(ends);
        let ended = earlier(at, late.min(passed(at, &session.last)));
        let records = self.reason(session).is_none();
        let end = session.clock_position(&ended);
        let ahead = end
            .zip(session.position_ms)
            .map(|(to, from)| to.saturating_sub(from));
        // Gone on with after a pause beyond the end, or the clock has jumped: nobody has seen the rest.
        let watched = passed(&ended, &session.last).saturating_add(GUESS_MS);
        let (progress, ran_out) = match ahead {
            Some(ahead) if ahead > watched => (session.progress(), false),
            _ => {
                session.move_to(&ended, end, false, records, out);
                (Some(100.0), true)
            }
        };
        let told =
            records && session.settle_part(session.current, progress, ran_out, &ended, true, out);
        if told {
            session.shown = Shown::Nothing;
        } else if matches!(session.shown, Shown::Watching { .. }) {
            session.clear(out);
        }
        session.over = true;
        session.save_now = true;
    }

    fn looked(&mut self, serial: u64, part: usize, looked: Looked) {
        let Some(session) = self.by_serial(serial) else {
            return;
        };
        let Some(its) = session.parts.get_mut(part) else {
            return;
        };
        match looked {
            Looked::Known { thing, runtime_ms } => {
                its.thing = *thing;
                its.runtime_ms = runtime_ms.or(its.runtime_ms);
                its.found = true;
            }
            Looked::Unmatched => its.unmatched = true,
            Looked::Failed => its.found |= its.thing.is_known(),
        }
        if !session.located
            && let (Some(bounds), Some(position)) = (session.bounds(), session.position_ms)
        {
            session.located = true;
            session.current = parts::at(&bounds, position);
            session.enter(position);
        }
        session.dirty = true;
    }

    /// What follows for every session: long pauses, what is to be looked up, shown, saved and told.
    fn after(&mut self, now: &Moment, out: &mut Vec<Action>) {
        for index in 0..self.sessions.len() {
            let mut session = self.sessions.remove(index);
            match (&self.account, &session.owner) {
                (Some(account), None) => session.owner = Some(account.clone()),
                (Some(account), Some(owner))
                    if owner.account.is_none() && owner.link_id == account.link_id =>
                {
                    session.owner = Some(account.clone());
                }
                _ => {}
            }
            let records = self.reason(&session).is_none();
            session.long_pause_if(records, now, out);
            self.end_programme(&mut session, now, out);
            self.sessions.insert(index, session);
        }
        let holder = self.holder();
        let mut sessions = std::mem::take(&mut self.sessions);
        let mut started = None;
        // What isn't to be shown any more goes before something else is.
        for session in &mut sessions {
            if self.reason(session).is_none() {
                look(session, now, out);
            } else if matches!(session.shown, Shown::Watching { .. }) {
                session.clear(out);
            }
        }
        for session in &mut sessions {
            let is_holder = Some(session.serial) == holder;
            if self.show(session, is_holder, now, out) {
                started = Some(session.serial);
            }
        }
        for session in &mut sessions {
            if started.is_some_and(|started| started != session.serial) {
                session.shown = Shown::Nothing;
            }
            save(session, self.reason(session), now, out);
            let info = self.info(session);
            let news = |info: &Info| Info {
                progress: None,
                ..info.clone()
            };
            if session.told.as_deref().map(news) != Some(news(&info)) {
                session.told = Some(Box::new(info.clone()));
                out.push(Action::Tell(Box::new(info)));
            }
        }
        self.sessions = sessions;
    }

    /// When a change is to be shown.
    fn show_at(&self, session: &Session) -> Moment {
        let since = session.differs.as_ref().unwrap_or(&session.last);
        let at = if session.at_once {
            since.clone()
        } else if !session.was_shown && session.paused.is_none() {
            let delayed = session.started.plus(self.options.watching_delay_ms);
            if delayed.since(since) > 0 {
                delayed
            } else {
                since.clone()
            }
        } else {
            since.plus(DEBOUNCE_MS)
        };
        match &session.not_before {
            Some(not_before) if not_before.since(&at) > 0 => not_before.clone(),
            _ => at,
        }
    }

    /// Takes Trakt's watching status to where it should be; whether that is a start.
    fn show(
        &self,
        session: &mut Session,
        is_holder: bool,
        now: &Moment,
        out: &mut Vec<Action>,
    ) -> bool {
        let part = session.parts.get(session.current);
        let is_found = part.is_some_and(|part| part.found);
        let wanted = match session.progress() {
            Some(progress) if is_holder && is_found => session.wanted(progress, now),
            _ => None,
        };
        let Some(wanted) = wanted else {
            session.differs = None;
            session.at_once &= session.paused.is_none() && session.shown == Shown::Nothing;
            return false;
        };
        if session.differs.is_none() {
            session.differs = Some(session.last.clone());
        }
        if left(now, &self.show_at(session)) > 0 {
            return false;
        }
        session.differs = None;
        session.at_once = false;
        session.not_before = None;
        session.dirty = true;
        match (wanted, session.ends(now)) {
            (Show::Start(_), Some(ends)) => {
                let at = session.guess(now);
                let progress = session.progress_of(session.current, at).map_or(0.0, told);
                session.shown = Shown::Watching { ends };
                session.was_shown = true;
                session.show(Show::Start(progress), out);
                return true;
            }
            (Show::Start(_), None) => {}
            (Show::Pause(_), _) => {
                session.shown = Shown::Paused;
                session.show(wanted, out);
            }
            (Show::Clear, _) => session.clear(out),
        }
        false
    }
}

/// Whether what isn't recorded now may still become a play.
fn keeps(reason: Option<Reason>) -> bool {
    reason.is_none()
}

fn forget(session: &Session, out: &mut Vec<Action>) {
    out.push(Action::Forget {
        serial: session.serial,
    });
}

/// Has the part that plays looked up, if it is not known what or how long it is.
fn look(session: &mut Session, now: &Moment, out: &mut Vec<Action>) {
    let without_length = session.length().is_none();
    let (serial, current) = (session.serial, session.current);
    let is_live = session.item.live.is_some();
    for (index, part) in session.parts.iter_mut().enumerate() {
        let runtime = without_length && part.runtime_ms.is_none() && !is_live;
        let wanted = (index == current && !part.found) || runtime;
        let waits = part
            .asked
            .as_ref()
            .is_some_and(|asked| passed(now, asked) < AGAIN_MS);
        if wanted && !waits && !part.unmatched {
            part.asked = Some(now.clone());
            out.push(Action::Look {
                serial,
                part: index,
                thing: Box::new(part.thing.clone()),
                runtime,
            });
        }
    }
}

fn save(session: &mut Session, reason: Option<Reason>, now: &Moment, out: &mut Vec<Action>) {
    if !keeps(reason) {
        if session.saved.take().is_some() {
            forget(session, out);
        }
        return;
    }
    let old = session
        .saved
        .as_ref()
        .is_none_or(|saved| passed(now, saved) >= SAVE_MS);
    if session.save_now || (session.dirty && old) {
        session.save_now = false;
        session.dirty = false;
        session.saved = Some(now.clone());
        out.push(Action::Save(Box::new(session.clone())));
    }
}

#[cfg(test)]
mod tests;
