//! The engine by the hard cases that a person would name, and by properties that hold whatever a host reports.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
/// So that a thousandth of a percent is a second.
const FILM: u64 = 100_000 * SECOND;

fn owner() -> Owner {
    Owner {
        account: Some("account".into()),
        link_id: Some("link".into()),
    }
}

fn item(value: Value) -> Item {
    serde_json::from_value(value).unwrap()
}

fn heat() -> Item {
    item(json!({"type": "movie", "title": "Heat", "year": 1995, "ids": {"imdb": "tt0113277"}}))
}

fn dark(number: u32) -> Item {
    item(
        json!({"type": "episode", "show": {"title": "Dark", "ids": {"tvdb": 334_824}}, "season": 1, "number": number}),
    )
}

fn double() -> Item {
    item(json!({"type": "episodes", "episodes": [dark(1), dark(2)]}))
}

/// A host, its clock, and what the engine asks for; what is looked up is answered as soon as that.
struct Lab {
    engine: Engine,
    now: Moment,
    out: Vec<Action>,
    /// How long Trakt says that things are.
    runtime_ms: Option<u64>,
    answers: bool,
}

impl Lab {
    fn new() -> Self {
        let mut lab = Self {
            engine: Engine::default(),
            now: Moment {
                boot_id: "boot".into(),
                boot_ms: 24 * HOUR,
                wall_ms: 1_800_000_000_000,
            },
            out: Vec::new(),
            runtime_ms: None,
            answers: true,
        };
        lab.input(Input::Account(Some(owner())));
        lab
    }

    fn input(&mut self, input: Input) {
        let out = self.engine.step(&self.now, input);
        for action in &out {
            // Nothing is saved of what has ended, and only what plays is shown as playing.
            let open = |serial: u64| self.engine.sessions.iter().any(|it| it.serial == serial);
            match action {
                Action::Save(session) => assert!(open(session.serial)),
                Action::Live(live) => assert!(open(live.serial) || live.show == Show::Clear),
                _ => {}
            }
        }
        self.out.extend(out.iter().cloned());
        for action in out {
            if let Action::Look {
                serial,
                part,
                thing,
                runtime,
            } = action
                && self.answers
            {
                let runtime_ms = self.runtime_ms.filter(|_| runtime);
                self.input(Input::Looked {
                    serial,
                    part,
                    looked: Looked::Known { thing, runtime_ms },
                });
            }
        }
    }

    /// Time passes, with all that is due on its way.
    fn pass(&mut self, ms: u64) {
        let end = self.now.plus(ms);
        for _ in 0..10_000 {
            let Some(due) = self.engine.due_in_ms(&self.now) else {
                break;
            };
            if due > left(&self.now, &end) {
                break;
            }
            self.now = self.now.plus(due);
            self.input(Input::Tick);
        }
        self.now = end;
    }

    fn report(&mut self, event: EventType, position_ms: Option<u64>, item: Option<Item>) -> Report {
        self.report_of("a", event, position_ms, item)
    }

    fn report_of(
        &mut self,
        session: &str,
        event: EventType,
        position_ms: Option<u64>,
        item: Option<Item>,
    ) -> Report {
        self.whole(Event {
            event,
            session: session.into(),
            position_ms,
            duration_ms: Some(FILM),
            at: self.now.clone(),
            item,
        })
    }

    fn whole(&mut self, event: Event) -> Report {
        let before = self.out.len();
        self.input(Input::Event(Box::new(event)));
        let reports: Vec<Report> = self.out[before..]
            .iter()
            .filter_map(|action| match action {
                Action::Reply(report) => Some(report.clone()),
                _ => None,
            })
            .collect();
        assert_eq!(reports.len(), 1);
        reports[0].clone()
    }

    /// Starts a film at that many percent.
    fn start(&mut self, percent: f64) -> Report {
        self.report(EventType::Started, Some(at(percent)), Some(heat()))
    }

    /// Plays on from one percentage to another, reporting as hosts do.
    fn play(&mut self, from: f64, to: f64) {
        let mut position = at(from);
        while position < at(to) {
            let step = (at(to) - position).min(10 * SECOND);
            position += step;
            self.pass(step);
            self.report(EventType::Progress, Some(position), None);
        }
    }

    fn records(&self, plays: bool) -> Vec<Record> {
        self.out
            .iter()
            .filter_map(|action| match action {
                Action::Play(record) if plays => Some(record.as_ref().clone()),
                Action::Progress(record) if !plays => Some(record.as_ref().clone()),
                _ => None,
            })
            .collect()
    }

    fn plays(&self) -> Vec<Record> {
        self.records(true)
    }

    fn kept(&self) -> Vec<f64> {
        let kept = self.records(false);
        kept.into_iter().map(|record| record.progress).collect()
    }

    fn shown(&self) -> Vec<Show> {
        self.out
            .iter()
            .filter_map(|action| match action {
                Action::Live(live) => Some(live.show),
                _ => None,
            })
            .collect()
    }

    fn saved(&self) -> Vec<Session> {
        self.out
            .iter()
            .filter_map(|action| match action {
                Action::Save(session) => Some(session.as_ref().clone()),
                _ => None,
            })
            .collect()
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn at(percent: f64) -> u64 {
    (percent * 1_000_000.0).round() as u64
}

#[test]
fn a_film_from_beginning_to_end() {
    let mut lab = Lab::new();
    assert_eq!(
        lab.start(0.0),
        Report {
            session: "a".into(),
            state: Stands::Playing,
            reason: None,
            counts: false,
            progress: Some(0.0),
        }
    );
    assert_eq!(lab.shown(), [Show::Start(0.0)]);
    lab.play(0.0, 1.0);
    let ended = lab.report(EventType::Ended, None, None);
    assert_eq!((ended.state, ended.counts), (Stands::Ended, true));
    let plays = lab.plays();
    assert_eq!((plays.len(), plays[0].progress), (1, 100.0));
    assert_eq!(plays[0].ended, lab.now);
    assert_eq!(lab.shown(), [Show::Start(0.0)]);
    assert!(lab.engine.is_idle());
    assert_eq!(lab.engine.due_in_ms(&lab.now), None);
}

#[test]
fn duration_unknown_or_zero() {
    for duration in [None, Some(0)] {
        let mut lab = Lab::new();
        let event = |lab: &Lab, event, position, item| Event {
            event,
            session: "a".into(),
            position_ms: Some(position),
            duration_ms: duration,
            at: lab.now.clone(),
            item,
        };
        let started = event(&lab, EventType::Started, 0, Some(heat()));
        let begun = lab.whole(started);
        assert_eq!(
            (begun.state, begun.reason),
            (Stands::Playing, Some(Reason::NoDuration))
        );
        assert_eq!(begun.progress, None);
        assert!(
            lab.shown().is_empty(),
            "nothing is shown before the length is known"
        );
        // Trakt knows how long it is, a minute later.
        lab.runtime_ms = Some(FILM);
        lab.pass(61 * SECOND);
        let progress = event(&lab, EventType::Progress, at(0.061), None);
        assert_eq!(lab.whole(progress).reason, Some(Reason::NoDuration));
        assert_eq!(lab.shown().len(), 1);
        let ended = event(&lab, EventType::Ended, FILM, None);
        assert!(lab.whole(ended).counts);
        assert_eq!(lab.plays().len(), 1);
    }
}

#[test]
fn ended_without_any_duration() {
    let mut lab = Lab::new();
    let event = |lab: &Lab, event, item| Event {
        event,
        session: "a".into(),
        position_ms: Some(HOUR),
        duration_ms: None,
        at: lab.now.clone(),
        item,
    };
    let started = event(&lab, EventType::Started, Some(heat()));
    lab.whole(started);
    lab.pass(10 * SECOND);
    let ended = event(&lab, EventType::Ended, None);
    let ended = lab.whole(ended);
    assert_eq!(
        (ended.state, ended.reason),
        (Stands::Ended, Some(Reason::NoDuration))
    );
    assert!(!ended.counts && lab.plays().is_empty() && lab.kept().is_empty());
}

#[test]
fn a_position_that_jumps_back() {
    let mut lab = Lab::new();
    lab.start(0.0);
    lab.play(85.0, 85.1);
    lab.pass(10 * SECOND);
    assert!(!lab.report(EventType::Progress, Some(at(30.0)), None).counts);
    assert!(!lab.report(EventType::Stopped, Some(at(31.0)), None).counts);
    assert!(lab.plays().is_empty());
    assert_eq!(lab.kept(), [31.0]);
}

#[test]
fn two_sessions_at_once() {
    let mut lab = Lab::new();
    lab.report_of("a", EventType::Started, Some(at(5.0)), Some(heat()));
    lab.pass(10 * SECOND);
    lab.report_of("b", EventType::Started, Some(at(10.0)), Some(dark(1)));
    assert_eq!(lab.shown(), [Show::Start(5.0), Show::Start(10.0)]);
    // The one that started last is shown, whatever the other does.
    lab.report_of("a", EventType::Paused, Some(at(6.0)), None);
    lab.pass(5 * SECOND);
    lab.report_of("a", EventType::Resumed, Some(at(6.0)), None);
    lab.pass(5 * SECOND);
    assert_eq!(lab.shown().len(), 2);
    // Both count, each once.
    assert!(
        lab.report_of("b", EventType::Stopped, Some(at(90.0)), None)
            .counts
    );
    lab.pass(5 * SECOND);
    assert_eq!(
        lab.shown()[2..],
        [Show::Start(6.0)],
        "the other one is shown again"
    );
    assert!(lab.report_of("a", EventType::Ended, None, None).counts);
    assert_eq!(lab.plays().len(), 2);
}

#[test]
fn pause_and_resume_in_quick_succession() {
    let mut lab = Lab::new();
    lab.start(50.0);
    for _ in 0..5 {
        lab.report(EventType::Paused, Some(at(50.0)), None);
        lab.pass(SECOND);
        lab.report(EventType::Resumed, Some(at(50.0)), None);
        lab.pass(SECOND);
    }
    assert_eq!(lab.shown(), [Show::Start(50.0)]);
    lab.report(EventType::Paused, Some(at(50.0)), None);
    lab.pass(2 * SECOND);
    assert_eq!(lab.shown(), [Show::Start(50.0), Show::Pause(50.0)]);
    lab.report(EventType::Resumed, Some(at(50.0)), None);
    lab.pass(2 * SECOND);
    assert_eq!(lab.shown()[2..], [Show::Start(50.0)]);
}

#[test]
fn seek_to_the_end() {
    let mut lab = Lab::new();
    lab.start(10.0);
    lab.pass(10 * SECOND);
    assert!(lab.report(EventType::Seeked, Some(at(99.9)), None).counts);
    lab.pass(5 * SECOND);
    assert!(lab.report(EventType::Ended, None, None).counts);
    assert_eq!(lab.plays().len(), 1);
}

#[test]
fn credits_skipped() {
    let mut lab = Lab::new();
    lab.start(0.0);
    lab.play(93.0, 93.05);
    let stopped = lab.report(EventType::Stopped, Some(at(93.05)), None);
    assert!(stopped.counts);
    assert_eq!(lab.plays()[0].progress, 93.05);
}

#[test]
fn a_stop_at_79_9_and_80_and_80_1_percent() {
    for (percent, counts) in [(79.9, false), (79.999, false), (80.0, true), (80.1, true)] {
        let mut lab = Lab::new();
        lab.start(0.0);
        lab.play(70.0, 70.01);
        let stopped = lab.report(EventType::Stopped, Some(at(percent)), None);
        assert_eq!(stopped.counts, counts, "{percent}");
        assert_eq!(lab.plays().len(), usize::from(counts), "{percent}");
        assert_eq!(lab.kept().len(), usize::from(!counts), "{percent}");
    }
    // Rounded up, this would be a play at Trakt.
    assert_eq!(told(79.999), 79.99);
    assert_eq!(told(79.99), 79.99);
    assert_eq!(told(0.999), 0.99);
}

#[test]
fn a_stop_under_1_percent() {
    let mut lab = Lab::new();
    lab.start(0.0);
    lab.pass(10 * SECOND);
    lab.report(EventType::Stopped, Some(at(0.99)), None);
    assert!(lab.plays().is_empty() && lab.kept().is_empty());
    assert_eq!(lab.shown(), [Show::Start(0.0), Show::Clear]);
    // Never shown, nothing to clear.
    let mut lab = Lab::new();
    lab.answers = false;
    lab.start(0.0);
    lab.report(EventType::Stopped, Some(at(0.5)), None);
    assert!(lab.shown().is_empty());
}

#[test]
fn a_pause_under_1_percent() {
    let mut lab = Lab::new();
    lab.start(0.0);
    lab.pass(SECOND);
    lab.report(EventType::Paused, Some(at(0.5)), None);
    lab.pass(HOUR);
    assert_eq!(lab.shown(), [Show::Start(0.0), Show::Clear]);
    lab.report(EventType::Resumed, Some(at(0.5)), None);
    lab.pass(2 * SECOND);
    assert_eq!(lab.shown()[2..], [Show::Start(0.5)]);
}

#[test]
fn a_pause_above_80_percent() {
    let mut lab = Lab::new();
    lab.start(0.0);
    lab.play(85.0, 85.1);
    let seen = lab.shown().len();
    lab.report(EventType::Paused, Some(at(85.1)), None);
    let paused = lab.now.clone();
    lab.pass(29 * MINUTE);
    let since = &lab.shown()[seen..];
    assert_eq!(since, [Show::Clear], "it is never sent as a pause");
    assert!(lab.plays().is_empty());
    // Gone on in between: nothing has happened.
    lab.report(EventType::Resumed, Some(at(85.1)), None);
    lab.play(85.1, 85.2);
    assert!(lab.plays().is_empty());
    // Left: it counts, with the moment of the pause.
    lab.report(EventType::Paused, Some(at(85.2)), None);
    let paused_again = lab.now.clone();
    assert_ne!(paused, paused_again);
    lab.pass(30 * MINUTE);
    assert_eq!(lab.plays().len(), 1);
    assert_eq!(lab.plays()[0].ended, paused_again);
    // Once.
    lab.pass(HOUR);
    lab.report(EventType::Resumed, Some(at(85.2)), None);
    lab.play(85.2, 85.3);
    lab.report(EventType::Ended, None, None);
    assert_eq!(lab.plays().len(), 1);
}

#[test]
fn stopped_while_paused_above_80_percent() {
    let mut lab = Lab::new();
    lab.start(0.0);
    lab.play(90.0, 90.01);
    lab.report(EventType::Paused, Some(at(90.01)), None);
    let paused = lab.now.clone();
    lab.pass(10 * MINUTE);
    assert!(lab.report(EventType::Stopped, Some(at(90.01)), None).counts);
    assert_eq!(lab.plays()[0].ended, paused);
}

#[test]
fn play_again_after_finishing() {
    let mut lab = Lab::new();
    lab.start(0.0);
    lab.play(99.0, 99.1);
    lab.report(EventType::Ended, None, None);
    lab.pass(10 * SECOND);
    lab.start(0.0);
    lab.play(99.0, 99.1);
    lab.report(EventType::Ended, None, None);
    let plays = lab.plays();
    assert_eq!(plays.len(), 2);
    assert_ne!(plays[0].key, plays[1].key);
}

#[test]
fn play_again_within_the_same_session() {
    let mut lab = Lab::new();
    lab.start(0.0);
    lab.play(90.0, 90.01);
    lab.report(EventType::Paused, Some(at(90.01)), None);
    lab.pass(31 * MINUTE);
    assert_eq!(lab.plays().len(), 1);
    lab.report(EventType::Resumed, Some(at(90.01)), None);
    // Back, but not far enough to be a second time.
    lab.report(EventType::Seeked, Some(at(20.0)), None);
    lab.report(EventType::Seeked, Some(at(95.0)), None);
    assert!(!lab.report(EventType::Progress, Some(at(95.0)), None).counts);
    lab.report(EventType::Seeked, Some(at(19.9)), None);
    lab.play(94.0, 94.01);
    assert!(lab.report(EventType::Stopped, Some(at(94.1)), None).counts);
    let plays = lab.plays();
    assert_eq!(plays.len(), 2);
    assert_ne!(plays[0].key, plays[1].key);
}

#[test]
fn begun_behind_80_percent() {
    // For a moment only.
    let mut lab = Lab::new();
    lab.start(85.0);
    lab.play(85.0, 85.05);
    assert!(!lab.report(EventType::Stopped, Some(at(85.05)), None).counts);
    assert!(lab.plays().is_empty() && lab.kept().is_empty());
    assert_eq!(
        lab.shown(),
        [Show::Start(85.0), Show::Clear],
        "a stop would count"
    );
    // For a minute: if it hasn't counted lately.
    let mut lab = Lab::new();
    lab.start(85.0);
    lab.play(85.0, 85.06);
    assert!(lab.report(EventType::Stopped, Some(at(85.06)), None).counts);
    assert!(lab.plays()[0].unless_counted);
    // To the end: its last minutes after a crash, or its credits for the second time.
    let mut lab = Lab::new();
    lab.start(99.0);
    assert!(lab.report(EventType::Ended, None, None).counts);
    assert!(lab.plays()[0].unless_counted);
}

#[test]
fn the_next_item_starts_before_the_old_one_s_stop_arrives() {
    let mut lab = Lab::new();
    lab.report_of("one", EventType::Started, Some(0), Some(dark(1)));
    lab.pass(10 * SECOND);
    lab.report_of("one", EventType::Progress, Some(at(95.0)), None);
    lab.pass(SECOND);
    lab.report_of("two", EventType::Started, Some(0), Some(dark(2)));
    lab.pass(SECOND);
    assert!(
        lab.report_of("one", EventType::Stopped, Some(at(95.0)), None)
            .counts
    );
    lab.pass(5 * SECOND);
    lab.report_of("two", EventType::Progress, Some(at(0.01)), None);
    lab.pass(5 * SECOND);
    assert_eq!(lab.plays().len(), 1);
    assert_eq!(
        lab.shown(),
        [Show::Start(0.0), Show::Start(0.0)],
        "the new one stays shown"
    );
}

#[test]
fn a_playlist_that_goes_on_under_the_same_name() {
    let mut lab = Lab::new();
    lab.report(EventType::Started, Some(0), Some(dark(1)));
    lab.play(95.0, 95.01);
    // "Up next" has put another one in, and no stop was reported: twice, by `started` and by another item.
    lab.report(EventType::Started, Some(0), Some(dark(2)));
    lab.play(95.0, 95.01);
    lab.report(EventType::Progress, Some(0), Some(dark(3)));
    lab.play(40.0, 40.01);
    lab.report(EventType::Stopped, Some(at(40.01)), None);
    let items: Vec<Item> = lab.plays().into_iter().map(|play| play.item).collect();
    assert_eq!(items, [dark(1), dark(2)]);
    assert_eq!(lab.kept(), [40.01]);
}

#[test]
fn suspend_in_the_middle() {
    // Asleep while it plays; then it goes on.
    let mut lab = Lab::new();
    lab.start(50.0);
    lab.play(50.0, 50.05);
    let seen = lab.shown().len();
    lab.now = lab.now.plus(8 * HOUR);
    lab.input(Input::Tick);
    assert_eq!(
        lab.engine.infos()[0].progress,
        Some(50.05),
        "nothing is assumed of that time"
    );
    lab.report(EventType::Progress, Some(at(50.06)), None);
    lab.pass(5 * SECOND);
    assert_eq!(
        lab.shown()[seen..],
        [Show::Start(50.06)],
        "Trakt's status had run out"
    );
    assert_eq!(
        lab.engine.due_in_ms(&lab.now).map(|due| due <= SAVE_MS),
        Some(true)
    );
    // Asleep behind the threshold, and stopped in the morning: it ended last night.
    let mut lab = Lab::new();
    lab.start(0.0);
    lab.play(90.0, 90.02);
    let evening = lab.now.clone();
    lab.now = lab.now.plus(8 * HOUR);
    lab.report(EventType::Stopped, None, None);
    assert_eq!(lab.plays()[0].ended, evening);
    assert_eq!(lab.plays()[0].progress, 90.02);
}

#[test]
fn the_host_dies_in_the_middle() {
    for (percent, plays, kept) in [(79.0, 0, 1), (81.0, 1, 0), (0.5, 0, 0)] {
        let mut lab = Lab::new();
        lab.start(0.0);
        lab.pass(10 * SECOND);
        lab.report(EventType::Progress, Some(at(percent)), None);
        lab.pass(31 * SECOND);
        let last = lab.saved().pop().unwrap();
        let text = serde_json::to_string(&last).unwrap();
        let restarted = Moment {
            boot_id: "another".into(),
            boot_ms: 5,
            wall_ms: lab.now.wall_ms + 86_400_000,
        };
        let settled = settle(serde_json::from_str(&text).unwrap(), &restarted);
        let count = |test: fn(&Action) -> bool| settled.iter().filter(|it| test(it)).count();
        assert_eq!(
            count(|it| matches!(it, Action::Play(_))),
            plays,
            "{percent}"
        );
        assert_eq!(
            count(|it| matches!(it, Action::Progress(_))),
            kept,
            "{percent}"
        );
        for action in &settled {
            if let Action::Play(record) = action {
                assert_eq!(record.ended, last.last, "the last moment that is known");
            }
        }
        // The same play has the same name if the host lives after all.
        lab.report(EventType::Stopped, Some(at(percent)), None);
        for (one, other) in lab
            .plays()
            .iter()
            .zip(settled.iter().filter_map(|it| match it {
                Action::Play(record) => Some(record),
                _ => None,
            }))
        {
            assert_eq!(one.key, other.key);
        }
    }
}

#[test]
fn it_is_saved_at_the_start_at_80_percent_at_a_pause_and_every_30_seconds() {
    let mut lab = Lab::new();
    lab.start(79.99);
    assert_eq!(
        lab.saved().last().map(|it| it.position_ms),
        Some(Some(at(79.99)))
    );
    let seen = lab.saved().len();
    lab.pass(5 * SECOND);
    lab.report(EventType::Progress, Some(at(79.995)), None);
    assert_eq!(lab.saved().len(), seen);
    lab.pass(5 * SECOND);
    lab.report(EventType::Progress, Some(at(80.0)), None);
    assert_eq!(lab.saved().len(), seen + 1);
    lab.pass(5 * SECOND);
    lab.report(EventType::Paused, Some(at(80.005)), None);
    assert_eq!(lab.saved().len(), seen + 2);
    lab.report(EventType::Resumed, Some(at(80.005)), None);
    lab.play(80.005, 80.1);
    assert_eq!(lab.saved().len(), seen + 5);
}

#[test]
fn clock_changes() {
    let mut lab = Lab::new();
    lab.start(0.0);
    lab.play(0.0, 0.02);
    // The wall clock goes ten years back, and on to next year.
    for shift in [-315_360_000_000_i64, 400 * 24 * 3_600_000] {
        lab.now.wall_ms += shift;
        lab.play(0.02, 0.04);
    }
    lab.report(EventType::Paused, Some(at(50.0)), None);
    lab.now.wall_ms += 3_600_000 * 24;
    lab.pass(SECOND);
    assert!(
        lab.plays().is_empty(),
        "no time has passed by the machine's own clock"
    );
    lab.report(EventType::Resumed, Some(at(50.0)), None);
    assert!(lab.report(EventType::Ended, None, None).counts);
    assert_eq!(lab.plays().len(), 1);
}

#[test]
fn a_film_left_paused_overnight() {
    let mut lab = Lab::new();
    lab.start(0.0);
    lab.play(60.0, 60.01);
    lab.report(EventType::Paused, Some(at(60.01)), None);
    lab.pass(9 * HOUR);
    assert!(lab.plays().is_empty() && lab.kept().is_empty());
    let shown = lab.shown().len();
    lab.report(EventType::Resumed, Some(at(60.01)), None);
    lab.pass(2 * SECOND);
    assert_eq!(lab.shown()[shown..], [Show::Start(60.01)]);
    lab.play(90.0, 90.01);
    assert!(lab.report(EventType::Ended, None, None).counts);
    assert_eq!(lab.plays().len(), 1);
    assert_eq!(lab.plays()[0].ended, lab.now);
}

#[test]
fn several_episodes_in_a_file_count_each_at_its_end() {
    let mut lab = Lab::new();
    let begun = lab.report(EventType::Started, Some(0), Some(double()));
    assert_eq!(begun.progress, Some(0.0));
    lab.pass(10 * SECOND);
    let half = lab.report(EventType::Seeked, Some(at(25.0)), None);
    assert_eq!(half.progress, Some(50.0), "each has its own progress");
    lab.report(EventType::Seeked, Some(at(49.99)), None);
    lab.play(49.99, 50.01);
    let plays = lab.plays();
    assert_eq!(
        (plays.len(), &plays[0].item, plays[0].progress),
        (1, &dark(1), 100.0)
    );
    assert_eq!(plays[0].ended, earlier(&lab.now, at(0.01)));
    assert_eq!(lab.engine.infos()[0].item, dark(2));
    assert_eq!(lab.shown().last(), Some(&Show::Start(0.0)));
    lab.play(99.9, 99.91);
    lab.report(EventType::Ended, None, None);
    let items: Vec<Item> = lab.plays().into_iter().map(|play| play.item).collect();
    assert_eq!(items, [dark(1), dark(2)]);
}

#[test]
fn an_episode_that_is_jumped_over_or_out_of_doesn_t_count() {
    let three = item(json!({"type": "episodes", "episodes": [dark(1), dark(2), dark(3)]}));
    let mut lab = Lab::new();
    lab.report(EventType::Started, Some(at(5.0)), Some(three));
    lab.pass(10 * SECOND);
    lab.report(EventType::Seeked, Some(at(90.0)), None);
    assert_eq!(lab.kept().len(), 1, "where the first was left is kept");
    assert!(lab.report(EventType::Ended, None, None).counts);
    let items: Vec<Item> = lab.plays().into_iter().map(|play| play.item).collect();
    assert_eq!(items, [dark(3)]);
}

#[test]
fn back_over_the_bound_of_an_episode_that_counted() {
    let mut lab = Lab::new();
    lab.report(EventType::Started, Some(at(49.0)), Some(double()));
    lab.pass(10 * SECOND);
    lab.report(EventType::Seeked, Some(at(10.0)), None);
    lab.report(EventType::Seeked, Some(at(49.99)), None);
    lab.play(49.99, 50.01);
    assert_eq!(lab.plays().len(), 1);
    for _ in 0..3 {
        lab.report(EventType::Seeked, Some(at(49.995)), None);
        lab.play(49.995, 50.01);
    }
    assert_eq!(lab.plays().len(), 1);
}

#[test]
fn live_television_goes_by_the_clock() {
    let programme = |lab: &Lab, from: i64, to: i64, number: u32| {
        let moment = |ms: i64| crate::clock::rfc3339(lab.now.wall_ms + ms * 60_000);
        let mut item = dark(number);
        item.live = Some(super::super::item::Live {
            channel: Some("One".into()),
            starts_at: Some(moment(from)),
            ends_at: Some(moment(to)),
        });
        item
    };
    let watch = |lab: &mut Lab, minutes: u64| {
        for _ in 0..minutes * 6 {
            lab.pass(10 * SECOND);
            lab.report(EventType::Progress, Some(5), None);
        }
    };
    // Half of it was watched, and it was left at the end.
    let mut lab = Lab::new();
    let first = programme(&lab, -20, 40, 1);
    let begun = lab.report(EventType::Started, Some(5), Some(first));
    assert_eq!(begun.progress.map(f64::round), Some(33.0));
    watch(&mut lab, 31);
    assert!(lab.report(EventType::Stopped, None, None).counts);
    // Too little of it.
    let mut lab = Lab::new();
    let first = programme(&lab, -45, 15, 1);
    lab.report(EventType::Started, Some(5), Some(first));
    watch(&mut lab, 10);
    assert!(!lab.report(EventType::Stopped, None, None).counts);
    // Paused until it is over: the rest was recorded by the player, but watched by nobody so far.
    let mut lab = Lab::new();
    let first = programme(&lab, 0, 60, 1);
    lab.report(EventType::Started, Some(5), Some(first));
    watch(&mut lab, 35);
    lab.report(EventType::Paused, Some(5), None);
    lab.pass(30 * MINUTE);
    lab.report(EventType::Resumed, Some(5), None);
    watch(&mut lab, 1);
    assert!(!lab.report(EventType::Stopped, None, None).counts);
    assert!(lab.plays().is_empty());
    // The programme changes without any event but another item.
    let mut lab = Lab::new();
    let (first, second) = (programme(&lab, 0, 30, 1), programme(&lab, 30, 60, 2));
    lab.report(EventType::Started, Some(5), Some(first.clone()));
    let end = lab.now.plus(30 * MINUTE);
    watch(&mut lab, 31);
    assert_eq!(lab.plays().len(), 1, "it is over when the guide says so");
    assert_eq!(lab.plays()[0].ended, end);
    lab.report(EventType::Progress, Some(5), Some(second.clone()));
    watch(&mut lab, 28);
    lab.report(EventType::Stopped, None, None);
    let items: Vec<Item> = lab.plays().into_iter().map(|play| play.item).collect();
    assert_eq!(items, [first, second]);
}

#[test]
fn the_watching_status_waits_for_its_delay() {
    let mut lab = Lab::new();
    lab.input(Input::Options(Box::new(Options {
        watching_delay_ms: 60_000,
        ..Options::default()
    })));
    lab.start(10.0);
    lab.play(10.0, 10.05);
    assert!(lab.shown().is_empty());
    lab.play(10.05, 10.06);
    assert_eq!(lab.shown(), [Show::Start(10.06)]);
    // Stopped before: it was never shown, and is kept all the same.
    lab.start(20.0);
    lab.pass(10 * SECOND);
    lab.report(EventType::Stopped, Some(at(20.01)), None);
    assert_eq!(lab.shown().len(), 1);
    assert_eq!(lab.kept().last(), Some(&20.01));
}

#[test]
fn a_jump_while_paused_begins_the_pause_anew() {
    let mut lab = Lab::new();
    lab.start(0.0);
    lab.play(10.0, 10.05);
    lab.report(EventType::Paused, Some(at(10.05)), None);
    lab.pass(HOUR);
    lab.report(EventType::Seeked, Some(at(85.0)), None);
    lab.pass(29 * MINUTE);
    assert!(lab.plays().is_empty(), "somebody looks for a place");
    lab.pass(MINUTE);
    assert_eq!(lab.plays().len(), 1);
}

#[test]
fn a_pause_that_can_t_be_shown_is_tried_again() {
    let mut lab = Lab::new();
    lab.start(10.0);
    lab.play(10.0, 10.05);
    lab.report(EventType::Paused, Some(at(10.05)), None);
    lab.pass(10 * SECOND);
    assert_eq!(lab.shown().last(), Some(&Show::Pause(10.05)));
    let (seen, serial) = (lab.shown().len(), lab.engine.sessions[0].serial);
    lab.input(Input::NotShown {
        serial,
        again: true,
    });
    lab.pass(30 * SECOND);
    assert_eq!(lab.shown().len(), seen);
    lab.pass(MINUTE);
    assert_eq!(lab.shown()[seen..], [Show::Pause(10.05)]);
}

#[test]
fn what_can_t_be_shown_is_tried_again_later_or_not() {
    for again in [true, false] {
        let mut lab = Lab::new();
        lab.start(10.0);
        let serial = lab.engine.sessions[0].serial;
        lab.input(Input::NotShown { serial, again });
        assert!(!lab.engine.infos()[0].watching);
        lab.play(10.0, 10.05);
        assert_eq!(lab.shown().len(), 1);
        lab.play(10.05, 10.07);
        assert_eq!(lab.shown().len(), if again { 2 } else { 1 });
    }
}

#[test]
fn excluded_things_are_reported_with_their_reason_and_leave_nothing() {
    let mut lab = Lab::new();
    let mut film = heat();
    film.file = Some("https://example.com/heat.mkv".into());
    let mut options = Options::default();
    lab.report(EventType::Started, Some(at(50.0)), Some(film));
    assert_eq!(lab.shown().len(), 1);
    options.exclude.http = true;
    lab.input(Input::Options(Box::new(options)));
    assert_eq!(lab.shown().last(), Some(&Show::Clear));
    assert!(matches!(
        lab.out
            .iter()
            .rev()
            .find(|it| matches!(it, Action::Save(_) | Action::Forget { .. })),
        Some(Action::Forget { .. })
    ));
    lab.pass(10 * SECOND);
    let ended = lab.report(EventType::Ended, None, None);
    assert_eq!(
        (ended.state, ended.reason),
        (Stands::Ignored, Some(Reason::ExcludedHttp))
    );
    assert!(!ended.counts && lab.plays().is_empty() && lab.kept().is_empty());
    assert_eq!(lab.engine.due_in_ms(&lab.now), None);
}

#[test]
fn another_account_gets_nothing_of_what_this_one_began() {
    let mut lab = Lab::new();
    lab.start(50.0);
    lab.pass(SECOND);
    lab.input(Input::Account(None));
    assert_eq!(lab.engine.infos()[0].reason, Some(Reason::NotLinked));
    let another = Owner {
        account: Some("another".into()),
        link_id: Some("later".into()),
    };
    lab.input(Input::Account(Some(another)));
    lab.pass(SECOND);
    assert_eq!(
        lab.report(EventType::Ended, None, None).reason,
        Some(Reason::NotLinked)
    );
    assert!(lab.plays().is_empty());
    // Linked again with the same account, it goes on.
    lab.input(Input::Account(Some(owner())));
    lab.start(50.0);
    lab.input(Input::Account(None));
    lab.input(Input::Account(Some(Owner {
        link_id: Some("new".into()),
        ..owner()
    })));
    assert!(lab.report(EventType::Ended, None, None).counts);
}

#[test]
fn a_close_settles_what_plays() {
    let mut lab = Lab::new();
    lab.report_of("a", EventType::Started, Some(0), Some(heat()));
    lab.report_of("b", EventType::Started, Some(0), Some(dark(1)));
    lab.pass(10 * SECOND);
    lab.report_of("a", EventType::Progress, Some(at(85.0)), None);
    lab.report_of("b", EventType::Progress, Some(at(30.0)), None);
    lab.input(Input::Close);
    assert_eq!((lab.plays().len(), lab.kept()), (1, vec![30.0]));
    assert!(lab.engine.is_idle());
}

#[test]
fn sessions_that_are_never_ended_don_t_pile_up() {
    let mut lab = Lab::new();
    for number in 0..200 {
        lab.report_of(
            &number.to_string(),
            EventType::Started,
            Some(0),
            Some(heat()),
        );
        lab.pass(SECOND);
        lab.report_of(
            &number.to_string(),
            EventType::Progress,
            Some(at(90.0)),
            None,
        );
    }
    assert_eq!(lab.engine.infos().len(), MOST_SESSIONS);
    assert_eq!(lab.plays().len(), 200 - MOST_SESSIONS);
}

#[test]
fn what_is_no_thing_of_trakt_s_is_ignored() {
    for (kind, reason) in [
        ("music_video", Reason::MusicVideo),
        ("unknown", Reason::UnknownType),
    ] {
        let mut lab = Lab::new();
        let what = item(json!({"type": kind}));
        let begun = lab.report(EventType::Started, Some(0), Some(what));
        assert_eq!((begun.state, begun.reason), (Stands::Ignored, Some(reason)));
        lab.pass(10 * SECOND);
        assert!(!lab.report(EventType::Ended, None, None).counts);
        assert!(lab.plays().is_empty() && lab.saved().is_empty());
    }
}

/// An event as chance has it.
#[derive(Clone, Debug)]
struct Any {
    event: EventType,
    session: u8,
    position: Option<u64>,
    duration: Option<u64>,
    item: Option<u8>,
    /// Passes before it.
    pass_ms: u64,
    /// By so much the wall clock jumps.
    jump_ms: i64,
    /// So long before now it happened; beyond now if negative.
    ago_ms: i64,
    /// Whether what is due is done on its way.
    ticks: bool,
    also: u8,
}

fn any_event() -> impl Strategy<Value = EventType> {
    prop_oneof![
        2 => Just(EventType::Started),
        8 => Just(EventType::Progress),
        2 => Just(EventType::Paused),
        2 => Just(EventType::Resumed),
        2 => Just(EventType::Seeked),
        1 => Just(EventType::Stopped),
        1 => Just(EventType::Ended),
    ]
}

fn any_position() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![
        1 => Just(None),
        1 => Just(Some(u64::MAX)),
        1 => any::<u64>().prop_map(Some),
        10 => (0..=FILM).prop_map(Some),
        4 => (FILM / 5 * 4 - 20_000..=FILM / 5 * 4 + 20_000).prop_map(Some),
    ]
}

prop_compose! {
    fn any_report()(
        event in any_event(),
        session in 0u8..3,
        position in any_position(),
        duration in prop_oneof![6 => Just(Some(FILM)), 1 => Just(None), 1 => any::<u64>().prop_map(Some)],
        item in prop::option::of(0u8..7),
        pass_ms in prop_oneof![8 => 0u64..30_000, 2 => 0u64..4_000_000, 1 => any::<u64>()],
        jump_ms in prop_oneof![12 => Just(0i64), 1 => any::<i64>()],
        ago_ms in prop_oneof![12 => Just(0i64), 1 => 0i64..100_000, 1 => any::<i64>()],
        ticks in any::<bool>(),
        also in any::<u8>(),
    ) -> Any {
        Any { event, session, position, duration, item, pass_ms, jump_ms, ago_ms, ticks, also }
    }
}

fn any_item(number: u8) -> Item {
    match number {
        0 => heat(),
        1 => dark(1),
        2 => double(),
        3 => item(json!({"type": "file", "file": "/x.mkv"})),
        4 => item(json!({"type": "music_video"})),
        5 => item(json!({"type": "episodes", "episodes": [
            {"type": "episode", "show": {"title": "A"}, "season": 1, "number": 1, "start_ms": 1_000, "end_ms": u64::MAX},
            {"type": "episode", "show": {"title": "A"}, "season": 1, "number": 2, "start_ms": 50_000_000},
            {"type": "episode", "show": {"title": "A"}, "season": 1, "number": 3}]})),
        _ => {
            let mut live = dark(9);
            live.live = serde_json::from_value(json!({
                "starts_at": "2027-01-15T08:00:00Z", "ends_at": "2027-01-15T08:40:00Z"}))
            .unwrap();
            live
        }
    }
}

/// What holds of the actions of any run.
fn check(out: &[Action]) -> std::result::Result<(), TestCaseError> {
    let mut keys = std::collections::BTreeSet::new();
    let mut shown: Option<u64> = None;
    let mut last = std::collections::BTreeMap::new();
    for action in out {
        match action {
            Action::Play(record) => {
                prop_assert!(
                    keys.insert(record.key.clone()),
                    "a play counts twice: {record:?}"
                );
                prop_assert!((COUNTS..=100.0).contains(&record.progress), "{record:?}");
            }
            Action::Progress(record) => {
                prop_assert!((LEAST..COUNTS).contains(&record.progress), "{record:?}");
            }
            Action::Live(live) => {
                match live.show {
                    Show::Start(progress) => {
                        prop_assert!((0.0..=100.0).contains(&progress));
                        shown = Some(live.serial);
                    }
                    Show::Pause(progress) => {
                        prop_assert!((LEAST..COUNTS).contains(&progress), "{live:?}");
                        prop_assert!(
                            last.get(&live.serial) == Some(&true),
                            "paused before it started"
                        );
                    }
                    Show::Clear => {
                        prop_assert!(
                            last.get(&live.serial) == Some(&true),
                            "cleared before it started"
                        );
                        prop_assert_eq!(shown, Some(live.serial), "cleared what another one shows");
                    }
                }
                // A pause that could not be shown is shown once more.
                last.insert(live.serial, live.show != Show::Clear);
            }
            _ => {}
        }
    }
    Ok(())
}

fn run(reports: &[Any]) -> std::result::Result<Lab, TestCaseError> {
    let mut lab = Lab::new();
    for report in reports {
        if report.ticks {
            // A whole century is passed in one piece.
            lab.pass(report.pass_ms.min(4_000_000));
        } else {
            lab.now = lab.now.plus(report.pass_ms);
        }
        lab.now.wall_ms = lab.now.wall_ms.saturating_add(report.jump_ms);
        match report.also {
            0..8 => lab.input(Input::Options(Box::new(Options {
                movies: report.also % 2 == 0,
                min_duration_ms: 1_000,
                watching_delay_ms: 5_000,
                ..Options::default()
            }))),
            8..12 => lab.input(Input::Account(None)),
            12..24 => lab.input(Input::Account(Some(owner()))),
            24..30 => lab.input(Input::NotShown {
                serial: u64::from(report.also - 23),
                again: report.also % 2 == 0,
            }),
            30..34 => lab.answers = !lab.answers,
            34..38 => lab.runtime_ms = Some(HOUR),
            38..40 => lab.input(Input::Looked {
                serial: u64::from(report.session),
                part: usize::from(report.also),
                looked: Looked::Unmatched,
            }),
            40 => lab.input(Input::Close),
            _ => {}
        }
        let ago = report.ago_ms;
        let at = match u64::try_from(ago) {
            Ok(ago) => earlier(&lab.now, ago),
            Err(_) => lab.now.plus(ago.unsigned_abs()),
        };
        let item = report.item.map(any_item);
        let item = match report.event {
            EventType::Started => Some(item.unwrap_or_else(heat)),
            _ => item,
        };
        lab.whole(Event {
            event: report.event,
            session: report.session.to_string(),
            position_ms: report.position,
            duration_ms: report.duration,
            at,
            item,
        });
        // What is due can be done, and then isn't due any more.
        let mut dues = 0;
        while lab.engine.due_in_ms(&lab.now) == Some(0) {
            lab.input(Input::Tick);
            dues += 1;
            prop_assert!(dues < 5, "something stays due: {:?}", lab.engine);
        }
        prop_assert!(lab.engine.infos().len() <= MOST_SESSIONS);
        if let Some(due) = lab.engine.due_in_ms(&lab.now) {
            prop_assert!(
                due <= LONG_PAUSE_MS.max(40 * MINUTE) || lab.now.wall_ms < 1_799_000_000_000
            );
        }
    }
    Ok(lab)
}

/// What a session of one film comes to, told from its reports in another way: milliseconds, and no state but the reports.
fn oracle(reports: &[(EventType, u64, u64)], ticks: bool) -> (usize, bool) {
    // Each: the event, the time since the one before, the position.
    let high = |position: u64| position >= FILM / 5 * 4;
    let mut plays = 0;
    let mut played = 0;
    let mut since_count: Vec<u64> = Vec::new();
    let mut paused_for: Option<u64> = None;
    let counts = |plays: usize, positions: &[u64], played: u64, out: bool| {
        let low = positions.iter().any(|position| *position < FILM / 5);
        match plays {
            0 => !high(positions[0]) || low || out || played >= 60_000,
            _ => low,
        }
    };
    for (index, (event, passed, position)) in reports.iter().enumerate() {
        let known = plays;
        if index > 0 {
            let before = reports[index - 1].2;
            match &mut paused_for {
                Some(paused) => {
                    *paused += passed;
                    let due = *paused >= 30 * MINUTE && high(before);
                    if due && counts(plays, &since_count, played, false) {
                        plays += 1;
                        since_count = vec![FILM];
                    }
                }
                None if *passed <= 60_000 => played += passed,
                // Longer than that it only played if the position says so.
                None if *event != EventType::Seeked
                    && *position >= before
                    && *position - before <= 2 * passed + 15_000 =>
                {
                    played += (*position - before).min(*passed);
                }
                None => {}
            }
        }
        since_count.push(*position);
        match event {
            EventType::Paused | EventType::Seeked
                if paused_for.is_some() && position.abs_diff(reports[index - 1].2) > 15_000 =>
            {
                paused_for = Some(0);
            }
            EventType::Paused => paused_for = paused_for.or(Some(0)),
            EventType::Started | EventType::Progress | EventType::Resumed => paused_for = None,
            EventType::Seeked => {}
            EventType::Stopped | EventType::Ended => {
                let out = *event == EventType::Ended;
                let counts = (out || high(*position)) && counts(plays, &since_count, played, out);
                // Without ticks a pause that was too long is noticed by the report that ends it.
                let noticed = !ticks && plays > known;
                return (plays + usize::from(counts), counts || noticed);
            }
        }
    }
    (plays, false)
}

prop_compose! {
    fn one_film()(
        first in 0..=FILM,
        between in prop::collection::vec(
            (prop_oneof![
                6 => Just(EventType::Progress), 2 => Just(EventType::Paused),
                2 => Just(EventType::Resumed), 1 => Just(EventType::Seeked)],
             prop_oneof![8 => 0u64..60_000, 1 => 60_001u64..5_000_000],
             prop_oneof![0..=FILM, FILM / 5 * 4 - 2..=FILM / 5 * 4 + 2, FILM / 5 - 2..=FILM / 5 + 2, FILM / 5 * 4..=FILM]),
            0..15),
        last in (prop_oneof![Just(EventType::Stopped), Just(EventType::Ended)], 0u64..100_000, 0..=FILM),
    ) -> Vec<(EventType, u64, u64)> {
        let mut all = vec![(EventType::Started, 0, first)];
        all.extend(between);
        all.push(last);
        all
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn whatever_is_reported_nothing_counts_twice_and_nothing_is_sent_that_trakt_refuses(
        reports in prop::collection::vec(any_report(), 1..60)
    ) {
        let mut lab = run(&reports)?;
        lab.input(Input::Close);
        check(&lab.out)?;
        prop_assert!(lab.engine.is_idle());
        prop_assert_eq!(lab.engine.due_in_ms(&lab.now), None);
    }

    #[test]
    fn a_film_counts_exactly_when_the_rule_says_so(reports in one_film(), ticks in any::<bool>()) {
        let mut lab = Lab::new();
        let mut last = None;
        for (event, passed, position) in &reports {
            if ticks {
                lab.pass(*passed);
            } else {
                lab.now = lab.now.plus(*passed);
            }
            let item = (*event == EventType::Started).then(heat);
            last = Some(lab.report(*event, Some(*position), item));
        }
        let (plays, counts) = oracle(&reports, ticks);
        prop_assert_eq!(lab.plays().len(), plays);
        prop_assert_eq!(last.map(|report| report.counts), Some(counts));
    }

    #[test]
    fn a_session_that_was_saved_is_settled_at_most_as_it_would_have_been(
        reports in prop::collection::vec(any_report(), 1..40)
    ) {
        let lab = run(&reports)?;
        let known: std::collections::BTreeSet<_> = lab.plays().into_iter().map(|it| it.key).collect();
        for session in lab.saved() {
            let text = serde_json::to_string(&session).unwrap();
            let back: Session = serde_json::from_str(&text).unwrap();
            let settled = settle(back, &lab.now.plus(5));
            for action in &settled {
                let part = match action {
                    Action::Play(record) => (COUNTS..=100.0).contains(&record.progress),
                    Action::Progress(record) => (LEAST..COUNTS).contains(&record.progress),
                    Action::Live(live) => live.show == Show::Clear,
                    _ => false,
                };
                prop_assert!(part, "{action:?}");
            }
            let plays = settled.iter().filter(|it| matches!(it, Action::Play(_))).count();
            prop_assert!(plays <= 1, "{known:?}");
        }
    }
}
