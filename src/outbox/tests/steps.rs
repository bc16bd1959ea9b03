//! Steps against the simulated Trakt: lost answers, refusals, other accounts, two senders. Waits are shortened for tests.

use std::path::Path;
use std::time::{Duration, Instant};

use trakt_sim::{Options, Sim};

use super::super::{add, owner};
use super::*;
use crate::cancel::{Budget, Cancel};
use crate::client::Client;
use crate::clock::{Moment, parse_rfc3339, wall_ms};

const LIMIT: Duration = Duration::from_secs(60);
const STOP: &str = "/scrobble/stop";
const HISTORY: &str = "/sync/history";

fn budget() -> Budget {
    Budget::new(Cancel::new(), LIMIT)
}

fn start() -> Sim {
    let sim = Sim::start(Options::default()).unwrap();
    sim.control("/config", json!({"history_items": 0}));
    sim
}

/// A client, whose account is linked in no time.
struct Lab<'a> {
    sim: &'a Sim,
    client: Client,
}

impl<'a> Lab<'a> {
    fn open(sim: &'a Sim, folder: Option<&Path>) -> Self {
        let mut config = json!({
            "client_id": sim.client_id(),
            "client_secret": sim.client_secret(),
            "redirect_uri": sim.redirect_uri(),
            "auth_url": sim.auth_url(),
            "api_url": sim.api_url(),
        });
        if let Some(folder) = folder {
            config["data_dir"] = folder.to_str().into();
        }
        let client = Client::open(&config.to_string()).unwrap();
        Self { sim, client }
    }

    fn linked(sim: &'a Sim, folder: Option<&Path>) -> Self {
        let lab = Self::open(sim, folder);
        lab.link();
        lab
    }

    fn link(&self) {
        let url = self.data("authorize.url", json!({}));
        let back = self.sim.control("/authorize", json!({"url": url["url"]}));
        self.data("authorize.finish", json!({"url": back["location"]}));
        self.ask();
    }

    /// A call that works; right after one that failed its error would be repeated.
    fn ask(&self) {
        let until = Instant::now() + LIMIT;
        let params = json!({"max_age_ms": 0}).to_string();
        while !self
            .client
            .call("settings.get", Some(&params))
            .as_str()
            .starts_with("{\"status\":0,")
        {
            assert!(Instant::now() < until);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn data(&self, method: &str, params: Value) -> Value {
        let reply = self.client.call(method, Some(&params.to_string()));
        let mut envelope: Value = serde_json::from_str(reply.as_str()).unwrap();
        assert_eq!(envelope["status"], 0, "{method}: {envelope}");
        envelope["data"].take()
    }

    fn list(&self) -> Value {
        self.data("outbox.list", json!({}))
    }

    fn add(&self, entries: Vec<NewEntry>) -> Vec<u64> {
        add(self.client.core(), entries, &budget()).unwrap()
    }

    /// Waits until the outbox looks as it should.
    fn until(&self, what: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + LIMIT;
        loop {
            let list = self.list();
            if what(&list) {
                return list;
            }
            assert!(Instant::now() < until, "{list}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn until_empty(&self) {
        self.until(|list| list["waiting"] == 0 && list["refused"] == 0);
    }

    fn fault(&self, kind: &str, path: &str, more: Value) {
        let mut fault =
            json!({"kind": kind, "match": {"host": "api", "method": "POST", "path": path}});
        for (key, value) in more.as_object().unwrap() {
            fault[key] = value.clone();
        }
        self.sim.control("/fault", fault);
    }

    fn plays(&self) -> Vec<Value> {
        let all = self.sim.control("/history", json!({}));
        all["plays"].as_array().unwrap().clone()
    }

    /// How many requests went to that path.
    fn sent(&self, path: &str) -> usize {
        let log = self.sim.control(
            "/log",
            json!({"host": "api", "method": "POST", "path": path}),
        );
        log["requests"].as_array().unwrap().len()
    }

    /// How Trakt came to have so many plays, by the events.
    fn recorded(&self, count: usize) -> Vec<String> {
        let until = Instant::now() + LIMIT;
        let mut how = Vec::new();
        while how.len() < count && Instant::now() < until {
            let events = self.data("events.next", json!({"wait_ms": 1_000}));
            let all = events["events"].as_array().unwrap();
            how.extend(
                all.iter()
                    .filter(|event| event["type"] == "play.recorded")
                    .map(|event| event["data"]["how"].as_str().unwrap().to_owned()),
            );
        }
        how
    }

    fn assert_clean(&self) {
        let found = self.sim.control("/violations", json!({}));
        assert_eq!(found["violations"], json!([]));
    }
}

/// A play that ended so long ago.
fn play(item: Item, ago_ms: i64) -> NewEntry {
    let now = Moment::now();
    let ended_ms = now.wall_ms - ago_ms;
    let boot_ms = now.boot_ms.checked_sub(ago_ms.unsigned_abs());
    NewEntry {
        key: Some(format!("{item:?} {ended_ms}")),
        progress: Some(95.5),
        ended: boot_ms.map(|boot_ms| Moment {
            boot_ms,
            wall_ms: ended_ms,
            ..now
        }),
        ..watched(Kind::Play, item, ended_ms)
    }
}

fn at(play: &Value) -> i64 {
    parse_rfc3339(play["watched_at"].as_str().unwrap()).unwrap()
}

const HOUR: i64 = 3_600_000;

#[test]
fn a_fresh_play_is_scrobbled_and_an_older_one_goes_to_the_history_at_its_time() {
    let sim = start();
    let lab = Lab::linked(&sim, None);
    let old = play(movie(7), HOUR);
    let Some(WatchedAt::At(then)) = old.watched_at else {
        panic!("no moment");
    };
    lab.add(vec![old, play(episode(3, 1, 2), 0)]);
    lab.until_empty();
    let plays = lab.plays();
    // The fresh one first.
    assert_eq!(plays[0]["action"], "scrobble");
    assert_eq!(plays[0]["type"], "episode");
    assert_eq!(
        (plays[1]["action"].as_str(), at(&plays[1])),
        (Some("watch"), then)
    );
    assert_eq!((plays.len(), lab.sent(STOP), lab.sent(HISTORY)), (2, 1, 1));
    assert_eq!(lab.recorded(2), ["scrobble", "history"]);
    lab.assert_clean();
}

#[test]
fn a_scrobble_whose_answer_was_lost_is_found_and_not_sent_again() {
    for kind in ["lost", "cut", "chunked_cut", "empty"] {
        let sim = start();
        let lab = Lab::linked(&sim, None);
        let more = match kind {
            "cut" => json!({"keep": 5}),
            "empty" => json!({"processed": true, "status": 201}),
            _ => json!({}),
        };
        lab.fault(kind, STOP, more);
        lab.add(vec![play(movie(7), 0)]);
        lab.until_empty();
        let sent = (lab.plays().len(), lab.sent(STOP), lab.sent(HISTORY));
        assert_eq!(sent, (1, 1, 0), "{kind}");
        assert_eq!(lab.recorded(1), ["scrobble"], "{kind}");
    }
}

#[test]
fn a_scrobble_that_never_arrived_goes_to_the_history_at_its_own_time() {
    for (kind, more) in [
        ("cut_before", json!({})),
        ("reset", json!({})),
        ("html", json!({"status": 503})),
        ("html", json!({"status": 403})),
        ("text1010", json!({})),
        ("status", json!({"status": 502})),
        ("raw", json!({"text": "nonsense"})),
        ("redirect", json!({"location": "http://127.0.0.1:9/"})),
    ] {
        let sim = start();
        let lab = Lab::linked(&sim, None);
        lab.fault(kind, STOP, more);
        let new = play(movie(7), 2_000);
        let Some(WatchedAt::At(then)) = new.watched_at else {
            panic!("no moment");
        };
        lab.add(vec![new]);
        lab.until_empty();
        let plays = lab.plays();
        assert_eq!(plays.len(), 1, "{kind}");
        assert_eq!(
            (plays[0]["action"].as_str(), at(&plays[0])),
            (Some("watch"), then)
        );
        assert_eq!(lab.recorded(1), ["history"], "{kind}");
    }
}

#[test]
fn a_batch_whose_answer_was_lost_is_found_and_what_is_missing_is_sent() {
    for (kind, more, again) in [
        ("lost", json!({}), 0),
        ("cut", json!({"keep": 9}), 0),
        ("cut_before", json!({}), 1),
        ("html", json!({"status": 502}), 1),
        ("status", json!({"status": 201, "body": "[]"}), 1),
    ] {
        let sim = start();
        let lab = Lab::linked(&sim, None);
        lab.fault(kind, HISTORY, more);
        let items = (1..40).map(movie).chain((1..40).map(|n| episode(3, 1, n)));
        let plays: Vec<_> = items
            .enumerate()
            .map(|(n, item)| play(item, HOUR * (n as i64 + 1)))
            .collect();
        let mut times: Vec<_> = plays.iter().map(|new| new.watched_at.clone()).collect();
        lab.add(plays);
        lab.until_empty();
        assert_eq!(
            (lab.plays().len(), lab.sent(HISTORY)),
            (78, 1 + again),
            "{kind}"
        );
        let mut there: Vec<_> = lab
            .plays()
            .iter()
            .map(|play| Some(WatchedAt::At(at(play))))
            .collect();
        let key = |at: &Option<WatchedAt>| format!("{at:?}");
        times.sort_by_key(key);
        there.sort_by_key(key);
        assert_eq!(there, times, "{kind}");
    }
}

#[test]
fn a_mark_without_a_moment_isn_t_doubled_either() {
    let sim = start();
    let lab = Lab::linked(&sim, None);
    let heat = json!({"type": "movie", "title": "Heat", "year": 1995});
    let dark = json!({"type": "episode", "show": {"title": "Dark"}, "season": 1, "number": 2});
    for at in ["released", "unknown"] {
        lab.fault("lost", HISTORY, json!({}));
        lab.data(
            "history.add",
            json!({"items": [heat, dark], "watched_at": at}),
        );
        lab.until_empty();
    }
    assert_eq!((lab.plays().len(), lab.sent(HISTORY)), (4, 2));
}

#[test]
fn what_trakt_has_just_recorded_is_done() {
    let sim = start();
    let lab = Lab::linked(&sim, None);
    lab.add(vec![play(movie(7), 0)]);
    lab.until_empty();
    lab.add(vec![play(movie(7), 1)]);
    lab.until_empty();
    assert_eq!((lab.plays().len(), lab.sent(STOP)), (1, 2));
    assert_eq!(lab.recorded(2), ["scrobble", "conflict"]);
}

#[test]
fn a_scrobble_that_trakt_takes_for_a_pause_or_refuses_goes_to_the_history() {
    let sim = start();
    let lab = Lab::linked(&sim, None);
    sim.control("/config", json!({"at_the_end": "pause"}));
    lab.add(vec![play(movie(7), 0)]);
    lab.until_empty();
    lab.fault("status", STOP, json!({"status": 422}));
    lab.add(vec![play(movie(8), 0)]);
    lab.until_empty();
    assert_eq!(
        (lab.plays().len(), lab.sent(STOP), lab.sent(HISTORY)),
        (2, 2, 2)
    );
}

#[test]
fn what_is_refused_for_good_is_set_apart_and_the_others_go_on() {
    let reasons = [
        (404, STOP, "not_found"),
        (420, STOP, "account_limit"),
        (426, STOP, "vip_only"),
        (420, HISTORY, "account_limit"),
        (422, HISTORY, "rejected"),
        (400, HISTORY, "rejected"),
        (412, HISTORY, "rejected"),
        (426, HISTORY, "vip_only"),
    ];
    let sim = start();
    let lab = Lab::linked(&sim, None);
    for (status, path, reason) in reasons {
        let headers =
            json!({"X-Upgrade-URL": "https://app.trakt.tv/vip", "X-Account-Limit": "100"});
        lab.fault(
            "status",
            path,
            json!({"status": status, "headers": headers}),
        );
        let ago = if path == STOP { 0 } else { HOUR };
        let id = lab.add(vec![play(movie(7), ago)])[0];
        let list = lab.until(|list| list["refused"] == 1);
        let shown = &list["entries"][0];
        assert_eq!(
            (&shown["id"], &shown["reason"]),
            (&json!(id), &json!(reason))
        );
        assert_eq!(shown["error"]["http_status"], status);
        if status == 420 || status == 426 {
            assert_eq!(shown["error"]["upgrade_url"], "https://app.trakt.tv/vip");
        }
        let before = lab.plays().len();
        lab.add(vec![play(movie(8), HOUR * 2)]);
        let list = lab.until(|list| list["waiting"] == 0);
        assert_eq!(
            (list["refused"].as_u64(), lab.plays().len()),
            (Some(1), before + 1)
        );
        let events = lab.data("events.next", json!({}));
        let told = events["events"].as_array().unwrap();
        // Told before the play that came after it was sent.
        let refusal = told.iter().find(|event| event["type"] == "outbox.refused");
        assert_eq!(refusal.unwrap()["data"]["reason"], reason);
        // Nobody is in the way now.
        assert_eq!(
            lab.data("outbox.retry", json!({"ids": [id, 99_999]})),
            json!({"retried": 1})
        );
        lab.until_empty();
        assert_eq!(lab.plays().len(), before + 2, "{status} {path}");
    }
}

#[test]
fn what_trakt_doesn_t_know_is_set_apart_alone() {
    for nested in ["episodes", "shows"] {
        let sim = start();
        let lab = Lab::linked(&sim, None);
        sim.control("/config", json!({"nested_not_found": nested}));
        let dark = json!({"title": "Dark", "year": 2017});
        let good = item(json!({"type": "episode", "show": dark, "season": 1, "number": 2}));
        let bad = item(json!({"type": "episode", "show": dark, "season": 1, "number": 999}));
        let nowhere = item(json!({"type": "episode", "show": dark, "season": 88, "number": 2}));
        let ids = lab.add(vec![
            play(movie(7), HOUR),
            play(movie(900_000_001), HOUR),
            play(good, HOUR),
            play(bad, HOUR),
            play(nowhere, HOUR),
            play(episode(900_000_001, 1, 1), HOUR),
        ]);
        let list = lab.until(|list| list["waiting"] == 0);
        let refused: Vec<_> = list["entries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (one["id"].as_u64().unwrap(), one["reason"].clone()))
            .collect();
        let expected = [1, 3, 4, 5].map(|at| (ids[at], json!("not_found")));
        assert_eq!(
            (refused, lab.plays().len()),
            (expected.to_vec(), 2),
            "{nested}"
        );
        assert_eq!(
            lab.data("outbox.discard", json!({"all": true})),
            json!({"discarded": 4})
        );
        lab.until_empty();
    }
}

#[test]
fn one_that_is_refused_as_written_doesn_t_take_the_others_with_it() {
    let sim = start();
    let lab = Lab::linked(&sim, None);
    lab.fault("status", HISTORY, json!({"status": 422, "times": 2}));
    let ids = lab.add([1, 2, 3].map(|n| play(movie(n), HOUR)).to_vec());
    // All together, then each alone: the first of them is to blame.
    let list = lab.until(|list| list["waiting"] == 0);
    assert_eq!(list["refused"], 1);
    assert_eq!(list["entries"][0]["id"], ids[0]);
    assert_eq!((lab.plays().len(), lab.sent(HISTORY)), (2, 4));
}

#[test]
fn what_the_counts_don_t_explain_is_looked_for_and_never_sent_on_a_guess() {
    let sim = start();
    let lab = Lab::linked(&sim, None);
    let odd = json!({"added": {"movies": 0, "episodes": 0}, "not_found": {}}).to_string();
    lab.fault("status", HISTORY, json!({"status": 201, "body": odd}));
    let id = lab.add(vec![play(movie(7), HOUR)])[0];
    let list = lab.until(|list| list["refused"] == 1);
    assert_eq!(list["entries"][0]["reason"], "not_found");
    assert_eq!((lab.plays().len(), lab.sent(HISTORY)), (0, 1));
    lab.data("outbox.retry", json!({"ids": [id]}));
    lab.until_empty();
    assert_eq!((lab.plays().len(), lab.sent(HISTORY)), (1, 2));
    // The same answer, and it was recorded.
    lab.fault(
        "status",
        HISTORY,
        json!({"status": 201, "body": odd, "processed": true}),
    );
    lab.add(vec![play(movie(8), HOUR)]);
    lab.until_empty();
    assert_eq!((lab.plays().len(), lab.sent(HISTORY)), (2, 3));
}

#[test]
fn a_locked_account_holds_everything_and_goes_on_by_itself() {
    let sim = start();
    let lab = Lab::linked(&sim, None);
    sim.control("/account", json!({"locked": true}));
    lab.add(vec![play(movie(7), 0)]);
    let list = lab.until(|list| list["refused"] == 1);
    assert_eq!(list["entries"][0]["reason"], "account_locked");
    lab.add(vec![play(movie(8), HOUR)]);
    lab.until(|list| list["paused"] == "locked");
    sim.control("/account", json!({"locked": false}));
    lab.data("outbox.retry", json!({"ids": []}));
    lab.until_empty();
    assert_eq!(lab.plays().len(), 2);
}

#[test]
fn a_pause_that_trakt_asks_for_is_kept() {
    let sim = start();
    let lab = Lab::linked(&sim, None);
    lab.fault(
        "status",
        HISTORY,
        json!({"status": 429, "headers": {"Retry-After": "3600"}}),
    );
    lab.add(vec![play(movie(7), HOUR)]);
    let list = lab.until(|list| list["paused"] == "rate_limited");
    let left = list["next_try_in_ms"].as_u64().unwrap();
    assert!((3_000_000..=3_600_000).contains(&left), "{left}");
    lab.data("outbox.retry", json!({"all": true}));
    lab.list();
    assert_eq!(lab.sent(HISTORY), 1);
}

#[test]
fn offline_everything_waits_and_a_call_that_works_sends_it() {
    let sim = start();
    let lab = Lab::linked(&sim, None);
    lab.fault("cut_before", HISTORY, json!({"times": 0}));
    lab.add((1..30).map(|n| play(movie(n), HOUR)).collect());
    let list = lab.until(|list| list["paused"] == "offline");
    assert_eq!(list["waiting"], 29);
    assert!(list["error"]["code"].is_string());
    sim.control("/fault/clear", json!({}));
    lab.ask();
    lab.until_empty();
    assert_eq!(lab.plays().len(), 29);
}

#[test]
fn another_account_neither_sees_nor_sends_what_waits() {
    let sim = start();
    let folder = tempfile::tempdir().unwrap();
    let lab = Lab::linked(&sim, Some(folder.path()));
    let first = sim.control("/state", json!({}))["account"].clone();
    lab.fault("cut_before", HISTORY, json!({"times": 0}));
    lab.add(vec![play(movie(7), HOUR)]);
    lab.until(|list| list["paused"] == "offline");
    lab.data("account.unlink", json!({}));
    assert_eq!(lab.list()["paused"], "not_linked");
    assert_eq!(lab.list()["waiting"], 0);
    let refused = add(lab.client.core(), vec![play(movie(9), HOUR)], &budget());
    assert_eq!(refused.unwrap_err().code(), "not_linked");
    sim.control("/fault/clear", json!({}));
    sim.control(
        "/account",
        json!({"username": "other", "uuid": "other-uuid"}),
    );
    lab.link();
    assert_eq!(lab.list()["waiting"], 0);
    lab.add(vec![play(movie(8), HOUR)]);
    lab.until_empty();
    assert_eq!(lab.plays().len(), 1, "of this account");
    lab.data("account.unlink", json!({}));
    sim.control(
        "/account",
        json!({"username": first["username"], "uuid": first["uuid"]}),
    );
    lab.link();
    lab.until_empty();
    let plays = lab.plays();
    assert_eq!(
        (plays.len(), &plays[0]["movie"]["ids"]["trakt"]),
        (1, &json!(7))
    );
}

#[test]
fn of_two_clients_on_one_store_each_play_is_sent_by_one() {
    let sim = start();
    let folder = tempfile::tempdir().unwrap();
    let one = Lab::linked(&sim, Some(folder.path()));
    let two = Lab::open(&sim, Some(folder.path()));
    for round in 0..3u64 {
        for (lab, n) in [(&one, 0), (&two, 1)] {
            let id = round * 2 + n + 1;
            lab.add(vec![play(movie(id), 0), play(episode(id, 1, 1), HOUR)]);
        }
    }
    one.until_empty();
    two.until_empty();
    let mut seen: Vec<_> = one
        .plays()
        .iter()
        .map(|play| play["title"].to_string())
        .collect();
    assert_eq!(seen.len(), 12);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 12);
}

#[test]
fn marks_go_out_in_few_requests_and_opposite_ones_in_their_order() {
    let sim = start();
    let lab = Lab::linked(&sim, None);
    let items: Vec<_> = (1..=300)
        .map(|n| json!({"type": "movie", "ids": {"trakt": n}}))
        .collect();
    let queued = lab.data(
        "history.add",
        json!({"items": items, "watched_at": "2020-05-01T10:00:00Z"}),
    );
    assert_eq!(queued["queued"], 300);
    lab.until_empty();
    assert_eq!((lab.plays().len(), lab.sent(HISTORY)), (300, 3));
    let some = json!({"items": items[..10]});
    lab.data("history.remove", some.clone());
    lab.data("history.add", some.clone());
    lab.data("history.remove", json!({"items": items[..5]}));
    lab.data("watchlist.add", some.clone());
    lab.data("watchlist.remove", some);
    lab.until_empty();
    assert_eq!(lab.plays().len(), 295);
    assert_eq!(
        lab.sent("/sync/watchlist"),
        0,
        "the newer mark took its place"
    );
    lab.assert_clean();
}

#[test]
fn a_fresh_play_doesn_t_overtake_a_removal() {
    let sim = start();
    let lab = Lab::linked(&sim, None);
    lab.fault("cut_before", "/sync/history/remove", json!({}));
    lab.data(
        "history.remove",
        json!({"items": [{"type": "movie", "ids": {"trakt": 7}}]}),
    );
    lab.until(|list| list["paused"] == "offline");
    lab.add(vec![play(movie(7), 0)]);
    lab.until_empty();
    assert_eq!(lab.plays().len(), 1);
}

fn progress(item: Item, ago_ms: i64) -> NewEntry {
    NewEntry {
        kind: Kind::Progress,
        key: None,
        progress: Some(33.0),
        ..play(item, ago_ms)
    }
}

#[test]
fn progress_is_kept_by_trakt_unless_it_has_something_newer() {
    let sim = start();
    let lab = Lab::linked(&sim, None);
    lab.add(vec![progress(movie(7), 0)]);
    lab.until_empty();
    let kept = |lab: &Lab<'_>| {
        let all = lab.sim.control("/playback", json!({}));
        all["playback"].as_array().unwrap().len()
    };
    assert_eq!(kept(&lab), 1);
    // An older place of the same film, a place of what was played since, and one that is news.
    lab.add(vec![play(movie(8), 0)]);
    lab.until_empty();
    let stops = lab.sent(STOP);
    lab.add(vec![
        progress(movie(7), HOUR),
        progress(movie(8), HOUR),
        progress(episode(1, 1, 1), HOUR),
    ]);
    lab.until_empty();
    assert_eq!((kept(&lab), lab.sent(STOP)), (2, stops + 1));
    assert_eq!(lab.recorded(1), ["scrobble"]);
}

#[test]
fn an_absolute_number_gets_its_place_before_it_goes_to_the_history() {
    let sim = start();
    let lab = Lab::linked(&sim, None);
    let of = |show: Value, number: u32| {
        item(json!({"type": "episode", "show": {"ids": show}, "number_abs": number}))
    };
    let dark = || json!({"tvdb": 334_824});
    lab.add(vec![
        play(of(dark(), 2), HOUR),
        play(of(json!({"slug": "dark"}), 3), HOUR),
    ]);
    lab.until_empty();
    let told: Vec<_> = lab
        .plays()
        .iter()
        .map(|play| play["episode"]["number"].clone())
        .collect();
    assert_eq!(told, [2, 3]);
    lab.add(vec![play(of(dark(), 1), 0), play(of(dark(), 9_999), HOUR)]);
    let list = lab.until(|list| list["waiting"] == 0);
    assert_eq!(list["entries"][0]["reason"], "unmatched");
    assert_eq!((lab.plays().len(), lab.sent(STOP)), (3, 1));
    lab.assert_clean();
}

#[test]
fn only_a_name_is_set_apart_as_unmatched() {
    let sim = start();
    let lab = Lab::linked(&sim, None);
    let file = item(json!({"type": "file", "file": "/films/Qqqq zzzz.mkv"}));
    lab.add(vec![play(file, HOUR), play(movie(7), HOUR)]);
    let list = lab.until(|list| list["waiting"] == 0);
    assert_eq!(list["entries"][0]["reason"], "unmatched");
    assert_eq!(lab.plays().len(), 1);
}

#[test]
fn an_attempt_of_a_process_that_died_is_looked_for() {
    use super::super::queue::{self, Queue};
    use crate::outbox::entry::How;
    let sim = start();
    let lab = Lab::linked(&sim, None);
    // As if it had been killed right before and right after the request.
    for arrived in [false, true] {
        let core = lab.client.core();
        let before = lab.plays().len();
        let new = play(movie(if arrived { 8 } else { 7 }), HOUR);
        if arrived {
            let at = new.watched_at.clone();
            let Some(WatchedAt::At(ms)) = at else {
                panic!("no moment")
            };
            let body =
                json!({"movies": [{"ids": {"trakt": 8}, "watched_at": crate::clock::rfc3339(ms)}]});
            lab.data(
                "http.request",
                json!({"method": "POST", "path": HISTORY, "body": body}),
            );
        }
        let whose = owner(&core.state.cached()).unwrap();
        core.store
            .write(&budget(), |tx| {
                let queue = Queue::of(&core.scope, &whose).unwrap();
                let id = queue.add(tx, new, wall_ms())?.unwrap();
                let mut it = queue.find(tx, id)?.unwrap();
                it.attempt = Some(queue::attempt(How::History, Some(0)));
                it.attempts = 1;
                queue.put(tx, &it)
            })
            .unwrap();
        crate::scrobble::driver::kick(core);
        lab.until_empty();
        assert_eq!(lab.plays().len(), before + 1);
    }
    assert_eq!(lab.sent(HISTORY), 2);
}
