//! Which entries go together, what is sent, what an answer and the history say of them.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::super::batch::{self, Op, Verdict};
use super::super::body::{self, Action};
use super::super::check::{self, Line};
use super::super::entry::{Attempt, How};
use super::super::subject;
use super::*;
use crate::clock::{Moment, rfc3339};

const AT: i64 = 1_700_000_000_000;

fn ids(entries: &[&Entry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.id).collect()
}

#[test]
fn neighbours_of_a_kind_go_together_and_opposites_end_a_batch() {
    let waiting = [
        entry(1, Kind::Play, movie(1)),
        entry(2, Kind::RatingSet, movie(1)),
        entry(3, Kind::HistoryAdd, movie(2)),
        // Its rating would come after it.
        entry(4, Kind::HistoryAdd, movie(1)),
        entry(5, Kind::HistoryAdd, movie(2)),
        entry(6, Kind::HistoryRemove, movie(9)),
        entry(7, Kind::HistoryAdd, movie(3)),
    ];
    assert_eq!(ids(&batch::pick(&waiting)), [1, 3]);
    assert_eq!(ids(&batch::pick(&waiting[1..])), [2]);
    assert_eq!(ids(&batch::pick(&waiting[5..])), [6]);
    assert!(batch::pick(&[]).is_empty());
}

#[test]
fn a_whole_show_and_its_episodes_are_told_apart() {
    let show = item(json!({"type": "show", "ids": {"trakt": 1}}));
    let waiting = [
        entry(1, Kind::HistoryAdd, show.clone()),
        entry(2, Kind::HistoryAdd, episode(1, 1, 1)),
        entry(3, Kind::HistoryAdd, episode(2, 1, 1)),
    ];
    assert_eq!(ids(&batch::pick(&waiting)), [1, 3]);
    let waiting = [waiting[1].clone(), waiting[0].clone()];
    assert_eq!(ids(&batch::pick(&waiting)), [2]);
}

#[test]
fn what_was_refused_in_company_goes_alone() {
    let mut waiting = [1, 2, 3].map(|id| entry(id, Kind::HistoryAdd, movie(id)));
    waiting[1].alone = true;
    assert_eq!(ids(&batch::pick(&waiting)), [1, 3]);
    assert_eq!(ids(&batch::pick(&waiting[1..])), [2]);
}

#[test]
fn a_body_has_each_item_in_the_form_that_its_ids_ask_for() {
    let mut entries = vec![
        entry(1, Kind::HistoryAdd, movie(1)),
        entry(2, Kind::HistoryAdd, episode(7, 1, 2)),
        entry(3, Kind::HistoryAdd, episode(7, 2, 1)),
        entry(
            4,
            Kind::Play,
            item(json!({"type": "episode", "ids": {"tvdb": 5}})),
        ),
        entry(
            5,
            Kind::HistoryAdd,
            item(json!({"type": "season", "show": {"title": "Dark"}, "number": 0})),
        ),
        entry(
            6,
            Kind::HistoryAdd,
            item(json!({"type": "show", "title": "Dark", "year": 2017})),
        ),
    ];
    for (at, entry) in entries.iter_mut().enumerate() {
        entry.watched_at = Some(match at {
            0 => WatchedAt::Released,
            1 => WatchedAt::Unknown,
            _ => WatchedAt::At(AT),
        });
    }
    let at = "2023-11-14T22:13:20.000Z";
    let expected = json!({
        "movies": [{"ids": {"trakt": 1}, "watched_at": "released"}],
        "shows": [
            {"ids": {"trakt": 7}, "seasons": [
                {"number": 1, "episodes": [{"number": 2, "watched_at": "unknown"}]},
                {"number": 2, "episodes": [{"number": 1, "watched_at": at}]},
            ]},
            {"title": "Dark", "seasons": [{"number": 0, "watched_at": at}]},
            {"title": "Dark", "year": 2017, "watched_at": at},
        ],
        "episodes": [{"ids": {"tvdb": 5}, "watched_at": at}],
    });
    assert_eq!(batch::body(Op::History, &entries), expected);
    entries.truncate(1);
    entries[0].rating = Some(9);
    let rated = json!({"movies": [{"ids": {"trakt": 1}, "rating": 9, "rated_at": at}]});
    assert_eq!(batch::body(Op::Rate, &entries), rated);
    let plain = json!({"movies": [{"ids": {"trakt": 1}}]});
    assert_eq!(batch::body(Op::HistoryRemove, &entries), plain);
}

#[test]
fn a_scrobble_names_the_item_once_and_its_answer_decides() {
    let told = |value| body::scrobble(&thing(&item(value)), 81.23456);
    assert_eq!(
        told(json!({"type": "movie", "title": "Heat", "year": 1995, "ids": {"imdb": "tt0113277"}})),
        Some(json!({"movie": {"ids": {"imdb": "tt0113277"}}, "progress": 81.23}))
    );
    assert_eq!(
        told(json!({"type": "movie", "title": "Heat", "year": 1995})),
        Some(json!({"movie": {"title": "Heat", "year": 1995}, "progress": 81.23}))
    );
    let dark = json!({"title": "Dark", "ids": {"tvdb": "334824"}});
    assert_eq!(
        told(
            json!({"type": "episode", "show": dark, "season": 1, "number": 2, "ids": {"tvdb": 6}})
        ),
        Some(
            json!({"show": {"ids": {"tvdb": 334824}}, "episode": {"season": 1, "number": 2}, "progress": 81.23})
        )
    );
    assert_eq!(
        told(json!({"type": "episode", "show": dark, "number_abs": 12})),
        Some(
            json!({"show": {"ids": {"tvdb": 334824}}, "episode": {"number_abs": 12}, "progress": 81.23})
        )
    );
    assert_eq!(
        told(
            json!({"type": "episode", "show": {"title": "Dark"}, "season": 1, "number": 2, "ids": {"tvdb": 6}})
        ),
        Some(json!({"episode": {"ids": {"tvdb": 6}}, "progress": 81.23}))
    );
    let named = Thing::Named {
        file: Some("/x/y.mkv".into()),
        title: None,
    };
    assert_eq!(body::scrobble(&named, 81.0), None);

    let read = |text: &str| body::read_scrobble(text.as_bytes()).map(|it| it.action);
    assert_eq!(
        read(r#"{"action":"scrobble","id":9007199254740995}"#),
        Some(Action::Scrobble)
    );
    assert_eq!(
        read(r#"{"action":"pause","id":0,"progress":0.0}"#),
        Some(Action::Pause)
    );
    assert_eq!(
        read(r#"{"action":"stop","progress":81}"#),
        Some(Action::Scrobble)
    );
    assert_eq!(
        read(r#"{"action":"stop","progress":11.5}"#),
        Some(Action::Pause)
    );
    for odd in [
        "",
        "{}",
        "[]",
        "<html>",
        r#"{"action":"dance"}"#,
        r#"{"action":1}"#,
    ] {
        assert_eq!(read(odd), None, "{odd}");
    }
}

#[test]
fn not_found_is_read_in_each_form_in_which_trakt_may_echo_it() {
    let entries = [
        entry(1, Kind::HistoryAdd, movie(1)),
        entry(
            2,
            Kind::HistoryAdd,
            item(json!({"type": "movie", "title": "None", "year": 1990})),
        ),
        entry(3, Kind::HistoryAdd, episode(7, 1, 2)),
        entry(4, Kind::HistoryAdd, episode(7, 9, 2)),
        entry(5, Kind::HistoryAdd, episode(8, 1, 1)),
        entry(
            6,
            Kind::HistoryAdd,
            item(json!({"type": "episode", "ids": {"tvdb": 5}})),
        ),
    ];
    let show = |id: u64| json!({"ids": {"trakt": id}});
    let echoes = [
        json!({"movies": [{"title": "None", "year": 1990, "watched_at": "x"}], "shows": [show(8)],
               "seasons": [{"number": 9, "show": show(7)}], "episodes": [{"ids": {"tvdb": 5}}]}),
        json!({"movies": [{"title": "none!", "year": 1990, "ids": null}],
               "shows": [show(8), {"ids": {"trakt": 7}, "seasons": [{"number": 9}]}], "episodes": [{"ids": {"tvdb": 5}}]}),
        json!({"movies": [{"title": "None"}], "episodes": [{"ids": {"tvdb": 5}}, {"season": 9, "number": 2, "show": show(7)}],
               "shows": [{"ids": {"trakt": 7}, "seasons": [{"number": 9, "episodes": [{"number": 2}]}]}, show(8)]}),
    ];
    for echo in echoes {
        let answer = json!({"added": {"movies": 1, "episodes": 1}, "not_found": echo});
        use Verdict::{Done, NotFound};
        assert_eq!(
            batch::judge(Op::History, &entries, &answer).unwrap(),
            [Done, NotFound, Done, NotFound, NotFound, NotFound],
            "{answer}"
        );
    }
    // What the counts don't explain is for the history to say, and only there.
    let short = json!({"added": {"movies": 2, "episodes": 1}, "not_found": {}});
    let verdicts = batch::judge(Op::History, &entries, &short).unwrap();
    assert_eq!(verdicts[..2], [Verdict::Done; 2]);
    assert_eq!(verdicts[2..], [Verdict::Unclear; 4]);
    assert_eq!(
        batch::judge(Op::Watchlist, &entries, &short).unwrap(),
        [Verdict::Done; 6]
    );
    assert_eq!(
        batch::judge(Op::History, &entries, &json!({})).unwrap(),
        [Verdict::Unclear; 6]
    );
    assert_eq!(batch::judge(Op::History, &entries, &json!([])), None);
}

fn attempt(how: How, at: Moment) -> Option<Attempt> {
    Some(Attempt {
        how,
        at,
        skew_ms: None,
        over: true,
        ended: None,
        late: false,
        answered: false,
    })
}

fn line(value: Value) -> Line {
    check::read_page(json!([value]).to_string().as_bytes())
        .unwrap()
        .remove(0)
}

#[test]
fn a_line_of_the_history_is_an_entry_by_its_way_its_time_and_its_item() {
    let now = Moment::now();
    let heat =
        item(json!({"type": "movie", "title": "Heat", "year": 1995, "ids": {"imdb": "tt0113277"}}));
    let mut it = entry(1, Kind::Play, heat);
    it.watched_at = Some(WatchedAt::At(AT));
    it.attempt = attempt(How::History, now.clone());
    let its = json!({"title": "Heat", "year": 1995, "ids": {"trakt": 1, "imdb": "tt0113277"}});
    let other = json!({"title": "Heat", "year": 1995, "ids": {"trakt": 2, "imdb": "tt0093164"}});
    let nameless = json!({"title": "HEAT", "year": 1995, "ids": {"trakt": 1}});
    let at = rfc3339(AT);
    let found = |it: &Entry, value| check::find(it, &[line(value)], &[], &now, 0).is_some();
    assert!(found(
        &it,
        json!({"watched_at": at, "action": "watch", "movie": its})
    ));
    assert!(found(
        &it,
        json!({"watched_at": rfc3339(AT - 1_000), "movie": its})
    ));
    assert!(found(
        &it,
        json!({"watched_at": at, "action": "watch", "movie": nameless})
    ));
    for wrong in [
        json!({"watched_at": rfc3339(AT - 1_001), "action": "watch", "movie": its}),
        json!({"watched_at": rfc3339(AT + 2_000), "action": "watch", "movie": its}),
        json!({"watched_at": null, "action": "watch", "movie": its}),
        json!({"watched_at": at, "action": "scrobble", "movie": its}),
        json!({"watched_at": at, "action": "watch", "movie": other}),
        json!({"watched_at": at, "action": "watch", "episode": its, "show": its}),
        json!({"watched_at": at, "action": "watch"}),
    ] {
        assert!(!found(&it, wrong.clone()), "{wrong}");
    }
    // A scrobble is there with the moment of the try, by Trakt's clock.
    it.attempt = attempt(How::Scrobble, now.clone());
    let skew = 3_600_000;
    let scrobbled = |ms: i64| {
        let at = rfc3339(now.wall_ms + skew + ms);
        let lines = [line(
            json!({"watched_at": at, "action": "scrobble", "movie": its}),
        )];
        check::find(&it, &lines, &[], &now, skew).is_some()
    };
    assert!(scrobbled(0) && scrobbled(20_000) && scrobbled(-60_000));
    assert!(!scrobbled(-150_000) && !scrobbled(600_000) && !scrobbled(-skew));
}

#[test]
fn an_episode_is_found_as_it_was_told_and_a_line_only_once() {
    let now = Moment::now();
    let mut it = entry(1, Kind::HistoryAdd, episode(7, 1, 2));
    it.watched_at = Some(WatchedAt::At(AT));
    it.attempt = attempt(How::History, now.clone());
    let lines = [line(json!({
        "watched_at": rfc3339(AT), "action": "watch",
        "episode": {"season": 1, "number": 2, "number_abs": 2, "ids": {"trakt": 99, "tvdb": 5}},
        "show": {"title": "Dark", "ids": {"trakt": 7}},
    }))];
    let find = |it: &Entry, taken: &[bool]| check::find(it, &lines, taken, &now, 0);
    assert_eq!(find(&it, &[false]), Some(0));
    assert_eq!(find(&it, &[true]), None);
    for (other, expected) in [
        (episode(7, 2, 2), None),
        (episode(8, 1, 2), None),
        (
            item(json!({"type": "episode", "ids": {"tvdb": 5}})),
            Some(0),
        ),
        // The same number, and a show's.
        (item(json!({"type": "episode", "ids": {"trakt": 7}})), None),
        (
            item(json!({"type": "episode", "show": {"ids": {"trakt": 7}}, "number_abs": 2})),
            Some(0),
        ),
        (
            item(json!({"type": "season", "show": {"ids": {"trakt": 7}}, "number": 1})),
            Some(0),
        ),
        (
            item(json!({"type": "season", "show": {"ids": {"trakt": 7}}, "number": 2})),
            None,
        ),
        (item(json!({"type": "show", "title": "Dark"})), Some(0)),
        (movie(7), None),
    ] {
        it.thing = thing(&other);
        assert_eq!(find(&it, &[]), expected, "{other:?}");
    }
}

#[test]
fn a_mark_without_a_moment_is_found_where_trakt_puts_it() {
    let now = Moment::now();
    let mut it = entry(1, Kind::HistoryAdd, movie(1));
    it.attempt = attempt(How::History, now.clone());
    let found = |it: &Entry, at: Value| {
        let media = json!({"ids": {"trakt": 1}, "released": "1995-12-15"});
        let lines = [line(
            json!({"watched_at": at, "action": "watch", "movie": media}),
        )];
        check::find(it, &lines, &[], &now, 0).is_some()
    };
    it.watched_at = Some(WatchedAt::Unknown);
    assert_eq!(check::window(&it, &now, 0), None);
    assert!(found(&it, Value::Null) && found(&it, json!("1970-01-01T00:00:00.000Z")));
    assert!(!found(&it, json!("2020-01-01T00:00:00.000Z")));
    it.watched_at = Some(WatchedAt::Released);
    assert!(found(&it, json!("1995-12-15T08:00:00.000Z")));
    assert!(!found(&it, json!("2020-01-01T00:00:00.000Z")));
}

#[test]
fn windows_that_are_near_are_read_as_one() {
    let now = Moment::now();
    let window = |ms: i64| {
        let mut it = entry(1, Kind::HistoryAdd, movie(1));
        it.watched_at = Some(WatchedAt::At(ms));
        it.attempt = attempt(How::History, now.clone());
        check::window(&it, &now, 0).unwrap()
    };
    let day = 24 * 60 * 60 * 1_000;
    let merged = check::merged(vec![
        window(30 * day),
        window(0),
        window(day),
        window(31 * day),
    ]);
    let bounds: Vec<_> = merged.iter().map(|one| (one.from_ms, one.to_ms)).collect();
    assert_eq!(
        bounds,
        [(-1_000, day + 1_000), (30 * day - 1_000, 31 * day + 1_000)]
    );
}

#[test]
fn what_isn_t_a_page_of_the_history_is_none_and_odd_lines_are_passed_over() {
    assert!(check::read_page(b"<html>").is_none());
    assert!(check::read_page(b"{}").is_none());
    assert_eq!(
        check::read_page(b"[1, null, {\"watched_at\": 5}, {}]")
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn an_entry_says_its_name_and_is_kept_small() {
    let named = |value| entry(1, Kind::Play, item(value)).title();
    let show = json!({"title": "Dark", "year": 2017});
    assert_eq!(
        named(json!({"type": "movie", "title": "Heat", "year": 1995})),
        "Heat (1995)"
    );
    assert_eq!(
        named(json!({"type": "episode", "show": show, "season": 1, "number": 2, "title": "Lies"})),
        "Dark 1x02 Lies"
    );
    assert_eq!(
        named(json!({"type": "season", "show": show, "number": 3})),
        "Dark 3"
    );
    assert_eq!(named(json!({"type": "movie", "ids": {"trakt": 1}})), "");
    let mut it = entry(1, Kind::Play, episode(7, 1, 2));
    let text = serde_json::to_string(&it).unwrap();
    assert!(
        text.len() < 220 && !text.contains("null") && !text.contains("thing"),
        "{text}"
    );
    assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), it);
    it.thing = thing(&movie(5));
    let text = serde_json::to_string(&it).unwrap();
    assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), it);
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Play),
        Just(Kind::HistoryAdd),
        Just(Kind::HistoryRemove),
        Just(Kind::RatingSet),
        Just(Kind::WatchlistAdd),
        Just(Kind::WatchlistRemove),
    ]
}

fn items() -> impl Strategy<Value = Item> {
    prop_oneof![
        (1u64..6).prop_map(movie),
        (1u64..4, 1u32..3, 1u32..4)
            .prop_map(|(show, season, number)| episode(show, season, number)),
        (1u64..4).prop_map(|show| item(json!({"type": "show", "ids": {"trakt": show}}))),
    ]
}

fn waiting() -> impl Strategy<Value = Vec<Entry>> {
    proptest::collection::vec((kinds(), items(), any::<bool>()), 1..40).prop_map(|all| {
        let make = |(at, (kind, item, alone)): (usize, (Kind, Item, bool))| {
            let mut it = entry(at as u64 + 1, kind, item);
            it.alone = alone && at % 7 == 0;
            it.watched_at = Some(WatchedAt::At(AT + at as i64 * 60_000));
            it
        };
        all.into_iter().enumerate().map(make).collect()
    })
}

proptest! {
    /// Taking batch after batch, everything goes, nothing twice, and about one thing always in the order in which it was made.
    #[test]
    fn batches_take_everything_once_and_in_order(all in waiting()) {
        let mut left = all.clone();
        let mut sent: Vec<Entry> = Vec::new();
        while !left.is_empty() {
            let picked: Vec<Entry> = batch::pick(&left).into_iter().cloned().collect();
            prop_assert_eq!(picked[0].id, left[0].id);
            prop_assert!(picked.len() <= batch::MOST);
            let op = Op::of(picked[0].kind);
            prop_assert!(picked.iter().all(|one| Op::of(one.kind) == op));
            let subjects: BTreeSet<_> = picked.iter().map(|one| subject::of(&one.thing)).collect();
            prop_assert_eq!(subjects.len(), picked.len());
            left.retain(|one| picked.iter().all(|gone| gone.id != one.id));
            sent.extend(picked);
        }
        prop_assert_eq!(sent.len(), all.len());
        for (at, one) in sent.iter().enumerate() {
            for later in &sent[at + 1..] {
                let same = subject::family(&one.thing) == subject::family(&later.thing);
                let different = Op::of(one.kind) != Op::of(later.kind);
                let whole = |it: &Entry| matches!(it.thing, Thing::Show(_));
                if same && (different || whole(one) || whole(later)) && one.id > later.id {
                    prop_assert!(false, "{} went before {}", one.id, later.id);
                }
            }
        }
    }

    /// However Trakt splits a batch into known and unknown, each entry gets its own verdict.
    #[test]
    fn each_entry_gets_its_verdict(all in waiting(), known in proptest::collection::vec(any::<bool>(), 40)) {
        let mut all = all;
        all.retain(|it| !matches!(it.thing, Thing::Show(_)));
        for it in &mut all {
            it.kind = Kind::HistoryAdd;
        }
        let picked: Vec<Entry> = batch::pick(&all).into_iter().cloned().collect();
        let op = Op::History;
        let mut added = json!({"movies": 0, "episodes": 0});
        let mut not_found = json!({"movies": [], "shows": []});
        for (it, known) in picked.iter().zip(&known) {
            let key = if matches!(it.thing, Thing::Movie(_)) { "movies" } else { "episodes" };
            if *known {
                added[key] = (added[key].as_u64().unwrap() + 1).into();
            } else {
                let one = batch::body(op, std::slice::from_ref(it));
                for list in ["movies", "shows"] {
                    let echoed = one[list].as_array().cloned().unwrap_or_default();
                    not_found[list].as_array_mut().unwrap().extend(echoed);
                }
            }
        }
        let answer = json!({"added": added, "not_found": not_found});
        let verdicts = batch::judge(op, &picked, &answer).unwrap();
        for ((it, known), verdict) in picked.iter().zip(&known).zip(verdicts) {
            let expected = if *known { Verdict::Done } else { Verdict::NotFound };
            prop_assert_eq!(verdict, expected, "{:?} in {}", it.thing, answer);
        }
    }

    #[test]
    fn no_answer_and_no_page_panics(text in "\\PC{0,60}", body in any::<Vec<u8>>()) {
        let all = [entry(1, Kind::HistoryAdd, movie(1)), entry(2, Kind::HistoryAdd, episode(1, 1, 1))];
        let value: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        let _ = batch::judge(Op::History, &all, &json!({"added": value, "not_found": value}));
        let _ = batch::judge(Op::History, &all, &json!({"not_found": {"shows": [value], "movies": value}}));
        let _ = body::read_scrobble(&body);
        let _ = check::read_page(&body);
    }
}

#[test]
fn a_line_is_the_thing_s_by_any_of_its_ids() {
    let film = |ids: Value| -> Thing {
        let item: crate::scrobble::item::Item =
            serde_json::from_value(json!({"type": "movie", "ids": ids})).unwrap();
        item.things().unwrap().remove(0)
    };
    let line = line(
        json!({"id": 1, "movie": {"title": "Heat", "ids": {"imdb": "tt0113277", "tmdb": 949}}}),
    );
    // A library has a wrong imdb id; Trakt has taken the play by the other one.
    assert!(check::is_of(
        &line,
        &film(json!({"imdb": "tt9999999", "tmdb": 949}))
    ));
    assert!(!check::is_of(
        &line,
        &film(json!({"imdb": "tt9999999", "tmdb": 1}))
    ));
}
