//! What Trakt must know in the end, told from what the hosts reported and how they died: the rules of the documentation,
//! written down a second time. Knows nothing of the library's code.
//!
//! Where a death comes before a report can have reached the disk, both outcomes are right, and such a play *may* be
//! there; it still may not be there twice, nor at another time.

use serde_json::Value;

use crate::items::Thing;
use crate::plan::Play;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
/// What was reported so long before a death is on the disk.
const DURABLE: i64 = 2 * SECOND;
/// How old the saved state of a session may be while it plays: 30 s, and a report's distance.
const SAVED_EVERY: i64 = 30 * SECOND;
/// How far a position is guessed beyond the last report.
const GUESSED: i64 = 15 * SECOND;
/// A pause that makes a play count.
const LONG_PAUSE: i64 = 30 * MINUTE;
/// History entries carry the moment as the library corrects it by Trakt's `Date`, which has whole seconds, and by how long
/// an answer takes on a busy machine.
const EXACT: i64 = 2 * SECOND;
/// Scrobbles are sent within 30 s, and Trakt takes its own time for them, which a fault may delay by up to 10 s.
const FRESH: i64 = 41 * SECOND;

/// A moment that lies between two, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Not before.
    pub from_ms: i64,
    /// Not after.
    pub to_ms: i64,
}

/// When Trakt must say that it was watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// Played: then.
    Played(Span),
    /// Marked by hand: then.
    Marked(Span),
    /// Marked by one of Trakt's words.
    Word(String),
}

/// An entry that Trakt's history must have, or may have.
#[derive(Debug, Clone)]
pub struct Expected {
    /// Of what.
    pub thing: Thing,
    /// In whose history.
    pub account: usize,
    /// Watched when.
    pub when: When,
    /// Whether it must be there.
    pub must: bool,
    /// How the host named it: under other ids nobody can know that it is the same.
    pub named: Value,
    /// For people.
    pub title: String,
}

/// An entry that Trakt's history has.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Of what.
    pub thing: Thing,
    /// Watched when, in milliseconds since 1970; `None` when Trakt doesn't say.
    pub watched_ms: Option<i64>,
    /// Whether it came as a scrobble, with Trakt's own time.
    pub scrobbled: bool,
    /// As Trakt shows it.
    pub text: String,
}

/// What a player reported.
#[derive(Debug, Clone)]
pub struct Report {
    /// The event.
    pub name: &'static str,
    /// Where it was.
    pub position_ms: i64,
    /// When.
    pub at: Span,
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By its last report.
    Reported,
    /// The host closed its client.
    Closed(Span),
    /// The host died.
    Died(i64),
}

/// A part of a play that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Which part.
    pub part: usize,
    /// When it was watched.
    pub at: Span,
    /// Whether that is sure.
    pub must: bool,
}

/// When the same thing counted before a moment, as far as a session that begins behind 80 % cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// Not within the last twelve hours.
    No,
    /// Within them.
    Yes,
    /// Perhaps.
    Perhaps,
}

struct Visit {
    part: usize,
    began_high: bool,
    /// It began high and went back: what that means for counting isn't said.
    went_back: bool,
    played_ms: i64,
    percent: f64,
    last: Span,
    paused: Option<Span>,
    counted: bool,
    /// It may have counted in an earlier visit.
    in_doubt: bool,
    rewound: bool,
    /// Since when it has been at 80 % or more without a break.
    high_since: Option<Span>,
}

fn part_at(play: &Play, position_ms: i64) -> (usize, f64) {
    let mut start = 0;
    let last = play.parts.len() - 1;
    for (index, (_, end)) in play.parts.iter().enumerate() {
        if position_ms < *end || index == last {
            let share = (position_ms - start) as f64 / (*end - start) as f64;
            return (index, (share * 100.0).clamp(0.0, 100.0));
        }
        start = *end;
    }
    (last, 100.0)
}

impl Visit {
    fn new(part: usize, percent: f64, at: Span) -> Self {
        let high = percent >= 80.0;
        Self {
            part,
            began_high: high,
            went_back: false,
            played_ms: 0,
            percent,
            last: at,
            paused: None,
            counted: false,
            in_doubt: false,
            rewound: false,
            high_since: high.then_some(at),
        }
    }

    /// Whether leaving it now at 80 % or more counts, by itself or by running out.
    fn counts(&self, ran_out: bool, before: Before) -> Option<bool> {
        if self.counted && !self.rewound {
            return None;
        }
        if self.in_doubt {
            return Some(false);
        }
        if !self.began_high {
            return Some(true);
        }
        if self.went_back {
            return Some(false);
        }
        let enough = if ran_out { i64::MAX } else { self.played_ms };
        match (enough, before) {
            (..=55_000, _) | (_, Before::Yes) => None,
            (65_000.., Before::No) => Some(true),
            _ => Some(false),
        }
    }
}

/// What of a session counts. `before` tells of each part whether it had counted shortly before.
pub fn judge(
    play: &Play,
    reports: &[Report],
    end: End,
    before: impl Fn(usize) -> Before,
) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let Some(first) = reports.first() else {
        return verdicts;
    };
    let (part, percent) = part_at(play, first.position_ms);
    let mut visit = Visit::new(part, percent, first.at);
    let mut position = first.position_ms;
    for report in &reports[1..] {
        long_pause(&mut visit, report.at, &before, &mut verdicts);
        let ran_out = report.name == "ended";
        let (part, percent) = if ran_out && end == End::Reported {
            (play.parts.len() - 1, 100.0)
        } else {
            part_at(play, report.position_ms)
        };
        // The very end of a part is a part's end, not yet the next one's beginning for who stops there.
        if part != visit.part {
            let jumped = report.name == "seeked" || part != visit.part + 1;
            let must = visit.counts(!jumped, before(visit.part));
            let high = if jumped { visit.percent >= 80.0 } else { true };
            if let Some(must) = must.filter(|_| high) {
                let at = Span {
                    from_ms: visit.last.from_ms,
                    to_ms: report.at.to_ms,
                };
                verdicts.push(Verdict {
                    part: visit.part,
                    at,
                    must: must && !jumped,
                });
            }
            visit = Visit::new(part, percent, report.at);
            // Back in a part that has counted: as one session that goes back.
            let mut earlier = verdicts.iter().filter(|verdict| verdict.part == part);
            visit.in_doubt = earlier.clone().any(|verdict| !verdict.must);
            visit.counted = earlier.any(|verdict| verdict.must);
            visit.rewound = visit.counted && percent < 20.0;
        }
        let ahead = report.position_ms - position;
        if report.name != "seeked" && visit.paused.is_none() {
            visit.played_ms += ahead.max(0);
        }
        visit.went_back |= visit.began_high && percent < 80.0;
        visit.rewound |= visit.counted && percent < 20.0;
        visit.high_since = if percent >= 80.0 {
            visit.high_since.or(Some(report.at))
        } else {
            None
        };
        visit.percent = percent;
        visit.last = report.at;
        position = report.position_ms;
        match report.name {
            "paused" => visit.paused = visit.paused.or(Some(report.at)),
            "stopped" | "ended" => {}
            _ => visit.paused = None,
        }
    }
    match end {
        End::Reported => leave(&visit, reports, before, &mut verdicts),
        End::Closed(at) => {
            long_pause(&mut visit, at, &before, &mut verdicts);
            let guess = GUESSED as f64 / play.duration_ms as f64 * 100.0 * play.parts.len() as f64;
            settle(
                &visit,
                visit.last.from_ms,
                at.to_ms,
                guess,
                &before,
                &mut verdicts,
            );
        }
        End::Died(at_ms) => died(play, &mut visit, reports, at_ms, &before, &mut verdicts),
    }
    verdicts
}

/// What may count of a session whose saved state may be of any of its moments.
pub fn possible(play: &Play, reports: &[Report]) -> Vec<Verdict> {
    let (Some(first), Some(last)) = (reports.first(), reports.last()) else {
        return Vec::new();
    };
    let at = Span {
        from_ms: first.at.from_ms,
        to_ms: last.at.to_ms + GUESSED + SECOND,
    };
    // A guess beyond a report reaches into the next part at most.
    let reached = reports
        .iter()
        .map(|report| part_at(play, report.position_ms + GUESSED).0);
    let parts = 0..=reached.max().unwrap_or(0);
    let verdict = |part| Verdict {
        part,
        at,
        must: false,
    };
    // Whoever goes back may watch a part once more.
    let back = reports.windows(2);
    let visits = 1 + back
        .filter(|two| two[1].position_ms < two[0].position_ms)
        .count();
    parts
        .flat_map(|part| std::iter::repeat_n(verdict(part), visits))
        .collect()
}

fn long_pause(
    visit: &mut Visit,
    now: Span,
    before: &impl Fn(usize) -> Before,
    verdicts: &mut Vec<Verdict>,
) {
    let Some(paused) = visit.paused.filter(|_| visit.percent >= 80.0) else {
        return;
    };
    if now.to_ms - paused.from_ms < LONG_PAUSE - SECOND {
        return;
    }
    let counts = visit.counts(false, before(visit.part));
    let clear = now.from_ms - paused.to_ms > LONG_PAUSE + SECOND;
    if let Some(must) = counts {
        verdicts.push(Verdict {
            part: visit.part,
            at: paused,
            must: must && clear,
        });
    }
    visit.counted = counts == Some(true) && clear;
    visit.rewound = false;
    // Whether it counts when it goes on to the end isn't said for who began near the end.
    visit.in_doubt |= !visit.counted;
}

fn leave(
    visit: &Visit,
    reports: &[Report],
    before: impl Fn(usize) -> Before,
    verdicts: &mut Vec<Verdict>,
) {
    let Some(last) = reports.last() else { return };
    if visit.percent >= 80.0
        && let Some(must) = visit.counts(last.name == "ended", before(visit.part))
    {
        let at = visit.paused.unwrap_or(last.at);
        verdicts.push(Verdict {
            part: visit.part,
            at,
            must,
        });
    }
}

/// Ends a session whose last position is only about known: `guess` percent more may have been assumed.
fn settle(
    visit: &Visit,
    from_ms: i64,
    to_ms: i64,
    guess: f64,
    before: &impl Fn(usize) -> Before,
    verdicts: &mut Vec<Verdict>,
) {
    let guess = if visit.paused.is_some() { 0.0 } else { guess };
    if visit.percent + guess < 80.0 {
        return;
    }
    if let Some(must) = visit.counts(false, before(visit.part)) {
        let at = visit.paused.unwrap_or(Span { from_ms, to_ms });
        verdicts.push(Verdict {
            part: visit.part,
            at,
            must: must && visit.percent >= 80.0,
        });
    }
}

fn died(
    play: &Play,
    visit: &mut Visit,
    reports: &[Report],
    at_ms: i64,
    before: &impl Fn(usize) -> Before,
    verdicts: &mut Vec<Verdict>,
) {
    let durable = |at: &Span| at.to_ms + DURABLE <= at_ms;
    let Some(last) = reports.last() else { return };
    // Ended in good order before, or long paused.
    long_pause(
        visit,
        Span {
            from_ms: at_ms,
            to_ms: at_ms,
        },
        before,
        verdicts,
    );
    let ended = matches!(last.name, "stopped" | "ended");
    if ended && durable(&last.at) {
        let percent = if last.name == "ended" {
            100.0
        } else {
            visit.percent
        };
        visit.percent = percent;
        leave(visit, reports, before, verdicts);
        return;
    }
    // What was saved last is one of the reports of the last half a minute, or the last that had to be saved at once.
    let saved = reports
        .iter()
        .rposition(|report| {
            durable(&report.at)
                && (report.at.to_ms < at_ms - 2 * SAVED_EVERY
                    || matches!(report.name, "started" | "paused"))
        })
        .unwrap_or(0);
    let crossed = visit.high_since.filter(durable);
    let guess = |percent: f64| {
        percent + GUESSED as f64 / play.duration_ms as f64 * 100.0 * play.parts.len() as f64
    };
    let candidates = &reports[saved..];
    let same = candidates
        .iter()
        .all(|report| part_at(play, report.position_ms).0 == visit.part);
    let anywhere_high = candidates.iter().any(|report| {
        let (_, percent) = part_at(play, report.position_ms);
        guess(percent) >= 80.0 || report.name == "ended"
    });
    // A part that was left before its end was on the disk is settled as it was saved.
    let undurable: Vec<usize> = (0..verdicts.len())
        .filter(|index| {
            verdicts[*index].at.to_ms + DURABLE > at_ms
                || verdicts[*index].at.to_ms > candidates[0].at.from_ms
        })
        .collect();
    for index in undurable {
        verdicts[index].at.from_ms = verdicts[index].at.from_ms.min(candidates[0].at.from_ms);
        verdicts[index].must &= verdicts[index].at.to_ms + DURABLE <= at_ms;
    }
    let to_ms = last.at.to_ms + GUESSED + SECOND;
    if let Some(crossed) = crossed.filter(|_| visit.percent >= 80.0 && same) {
        // Having run out may be on the disk.
        let ran_out =
            (last.name == "ended" && visit.counts(true, Before::No).is_some()).then_some(false);
        if let Some(must) = visit.counts(false, before(visit.part)).or(ran_out) {
            let from_ms = crossed.from_ms.max(candidates[0].at.from_ms);
            let at = match visit.paused {
                // Stopped, or gone on, in the last moment: either is right.
                Some(paused) if durable(&paused) => Span {
                    from_ms: paused.from_ms,
                    to_ms: paused.to_ms,
                },
                Some(paused) => Span {
                    from_ms: from_ms.min(paused.from_ms),
                    to_ms,
                },
                None => Span { from_ms, to_ms },
            };
            // Who began near the end must have played a minute by what was saved.
            let since = last.position_ms - candidates[0].position_ms;
            let enough = !visit.began_high || visit.played_ms - since.max(0) >= 65_000;
            verdicts.push(Verdict {
                part: visit.part,
                at,
                must: must && enough,
            });
        }
    } else if anywhere_high && !visit.counted {
        let at = Span {
            from_ms: candidates[0].at.from_ms,
            to_ms,
        };
        verdicts.push(Verdict {
            part: visit.part,
            at,
            must: false,
        });
    }
}

/// Whether a thing had counted in the twelve hours before a moment.
pub fn counted_before(expected: &[Expected], thing: Thing, named: &Value, now_ms: i64) -> Before {
    let mut answer = Before::No;
    for one in expected.iter().filter(|one| one.thing == thing) {
        let When::Played(at) = one.when else { continue };
        if at.to_ms < now_ms - 12 * HOUR - MINUTE {
            continue;
        }
        if one.must && one.named == *named && at.from_ms > now_ms - 12 * HOUR + MINUTE {
            return Before::Yes;
        }
        answer = Before::Perhaps;
    }
    answer
}

fn fits(expected: &Expected, entry: &Entry) -> bool {
    if expected.thing != entry.thing {
        return false;
    }
    match (&expected.when, entry.watched_ms) {
        (When::Played(at), Some(ms)) if entry.scrobbled => {
            (at.from_ms - EXACT..=at.to_ms + FRESH).contains(&ms)
        }
        (When::Played(at) | When::Marked(at), Some(ms)) if !entry.scrobbled => {
            (at.from_ms - EXACT..=at.to_ms + EXACT).contains(&ms)
        }
        (When::Word(word), watched) => match word.as_str() {
            // Long before any history: the day it came out.
            "released" => watched.is_some_and(|ms| ms < 1_750_000_000_000),
            _ => watched.is_none_or(|ms| ms <= 0),
        },
        _ => false,
    }
}

/// What is wrong with a history: entries that may not be there (at all, twice, or at that time), and plays that are lost.
pub fn compare(expected: &[Expected], account: usize, entries: &[Entry]) -> Vec<String> {
    let mut expected: Vec<&Expected> = expected
        .iter()
        .filter(|one| one.account == account)
        .collect();
    expected.sort_by_key(|one| !one.must);
    let edges: Vec<Vec<usize>> = expected
        .iter()
        .map(|one| {
            (0..entries.len())
                .filter(|index| fits(one, &entries[*index]))
                .collect()
        })
        .collect();
    let mut taken: Vec<Option<usize>> = vec![None; entries.len()];
    let mut wrong = Vec::new();
    for (index, one) in expected.iter().enumerate() {
        let mut seen = vec![false; entries.len()];
        if !place(index, &edges, &mut taken, &mut seen) && one.must {
            wrong.push(format!(
                "lost for account {account}: {} {:?}",
                one.title, one.when
            ));
        }
    }
    for (entry, taker) in entries.iter().zip(&taken) {
        if taker.is_none() {
            wrong.push(format!(
                "twice, or at a wrong time, at account {account}: {}",
                entry.text
            ));
        }
    }
    wrong
}

/// Finds an entry for one that is expected, moving others if need be.
fn place(
    index: usize,
    edges: &[Vec<usize>],
    taken: &mut [Option<usize>],
    seen: &mut [bool],
) -> bool {
    for entry in &edges[index] {
        if seen[*entry] {
            continue;
        }
        seen[*entry] = true;
        let free = match taken[*entry] {
            None => true,
            Some(other) => place(other, edges, taken, seen),
        };
        if free {
            taken[*entry] = Some(index);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::items::Item;

    const LENGTH: i64 = 100 * MINUTE;

    fn play(parts: i64) -> Play {
        let part = |number: i64| {
            let item = Item {
                thing: Thing::Movie(number),
                minutes: 100,
                json: Value::Null,
                title: "x".into(),
            };
            (item, LENGTH * number)
        };
        let parts: Vec<_> = (1..=parts).map(part).collect();
        let duration_ms = LENGTH * parts.len() as i64;
        Play {
            session: "s".into(),
            parts,
            duration_ms,
            item: Value::Null,
        }
    }

    fn at(ms: i64) -> Span {
        Span {
            from_ms: ms,
            to_ms: ms,
        }
    }

    /// Reports as (event, percent of the first part, minute).
    fn reports(list: &[(&'static str, i64, i64)]) -> Vec<Report> {
        let report = |(name, percent, minute): &(&'static str, i64, i64)| Report {
            name,
            position_ms: LENGTH * percent / 100,
            at: at(minute * MINUTE),
        };
        list.iter().map(report).collect()
    }

    fn judged(list: &[(&'static str, i64, i64)], end: End) -> Vec<(i64, bool)> {
        let verdicts = judge(&play(1), &reports(list), end, |_| Before::No);
        verdicts
            .iter()
            .map(|verdict| (verdict.at.from_ms / MINUTE, verdict.must))
            .collect()
    }

    #[test]
    fn eighty_percent_count() {
        assert_eq!(
            judged(&[("started", 0, 0), ("stopped", 79, 79)], End::Reported),
            []
        );
        assert_eq!(
            judged(&[("started", 0, 0), ("stopped", 80, 80)], End::Reported),
            [(80, true)]
        );
        assert_eq!(
            judged(&[("started", 90, 0), ("ended", 100, 10)], End::Reported),
            [(10, true)]
        );
        assert_eq!(
            judged(&[("started", 90, 0), ("stopped", 90, 0)], End::Reported),
            []
        );
    }

    #[test]
    fn a_long_pause_counts_at_its_beginning_and_once() {
        let night = [
            ("started", 0, 0),
            ("paused", 85, 85),
            ("resumed", 85, 600),
            ("ended", 100, 615),
        ];
        assert_eq!(judged(&night, End::Reported), [(85, true)]);
        let short = [
            ("started", 0, 0),
            ("paused", 85, 85),
            ("resumed", 85, 90),
            ("ended", 100, 105),
        ];
        assert_eq!(judged(&short, End::Reported), [(105, true)]);
        let stopped = [("started", 0, 0), ("paused", 85, 85), ("stopped", 85, 95)];
        assert_eq!(judged(&stopped, End::Reported), [(85, true)]);
    }

    #[test]
    fn who_dies_behind_eighty_percent_has_watched() {
        let list = [
            ("started", 0, 0),
            ("progress", 79, 79),
            ("progress", 81, 81),
            ("progress", 83, 83),
        ];
        assert_eq!(judged(&list, End::Died(84 * MINUTE)), [(81, true)]);
        // The report of the crossing may not be on the disk.
        assert_eq!(
            judged(&list[..3], End::Died(81 * MINUTE + SECOND)),
            [(79, false)]
        );
        assert_eq!(judged(&list[..2], End::Died(80 * MINUTE)), []);
        // Begun behind it, with a minute played that may not be on the disk.
        let late = [("started", 90, 0), ("progress", 92, 2)];
        assert_eq!(judged(&late, End::Died(2 * MINUTE + SECOND)), [(0, false)]);
    }

    #[test]
    fn parts_count_when_they_run_out_and_not_when_they_are_skipped() {
        let parts = |list: &[(&'static str, i64, i64)]| {
            let verdicts = judge(&play(2), &reports(list), End::Reported, |_| Before::No);
            verdicts
                .iter()
                .map(|verdict| (verdict.part, verdict.must))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            parts(&[
                ("started", 0, 0),
                ("progress", 99, 99),
                ("progress", 101, 101),
                ("stopped", 110, 110)
            ]),
            [(0, true)]
        );
        assert_eq!(
            parts(&[
                ("started", 0, 0),
                ("progress", 99, 99),
                ("progress", 101, 101),
                ("ended", 200, 200)
            ]),
            [(0, true), (1, true)]
        );
        // Back behind the bound: the same part doesn't count twice.
        assert_eq!(
            parts(&[
                ("started", 0, 0),
                ("progress", 101, 101),
                ("seeked", 90, 102),
                ("progress", 101, 113),
                ("stopped", 110, 120),
            ]),
            [(0, true)]
        );
        assert_eq!(
            parts(&[
                ("started", 0, 0),
                ("progress", 20, 20),
                ("seeked", 150, 21),
                ("ended", 200, 71)
            ]),
            [(1, true)]
        );
    }

    #[test]
    fn lost_double_and_misdated_plays_are_noticed() {
        let expected = |must| Expected {
            thing: Thing::Movie(1),
            account: 0,
            when: When::Played(at(HOUR)),
            must,
            named: Value::Null,
            title: "x".into(),
        };
        let entry = |watched_ms| Entry {
            thing: Thing::Movie(1),
            watched_ms: Some(watched_ms),
            scrobbled: false,
            text: "x".into(),
        };
        let wrong = |must, entries: &[Entry]| compare(&[expected(must)], 0, entries).len();
        assert_eq!(wrong(true, &[entry(HOUR)]), 0);
        assert_eq!(wrong(true, &[]), 1);
        assert_eq!(wrong(false, &[]), 0);
        assert_eq!(wrong(true, &[entry(HOUR), entry(HOUR)]), 1);
        assert_eq!(wrong(true, &[entry(HOUR + MINUTE)]), 2);
        assert_eq!(compare(&[expected(true)], 1, &[entry(HOUR)]).len(), 1);
        // Trakt's own time for a scrobble is a little later, never earlier.
        let scrobble = |ms| Entry {
            scrobbled: true,
            ..entry(ms)
        };
        assert_eq!(wrong(true, &[scrobble(HOUR + 20 * SECOND)]), 0);
        assert_eq!(wrong(true, &[scrobble(HOUR - 20 * SECOND)]), 2);
    }
}
