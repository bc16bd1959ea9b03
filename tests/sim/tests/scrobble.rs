//! Scrobbling, check-ins, the watching status and playback.

mod common;

use common::{Lab, Reply};
use serde_json::{Value, json};

const MINUTE: i64 = 60_000;
/// Heat lasts 170 minutes.
const HEAT: i64 = 170 * MINUTE;

struct Bench {
    lab: Lab,
    token: String,
}

impl Bench {
    /// An empty account without rate limits, of which `api.rs` tells.
    fn new() -> Self {
        let lab = Lab::new();
        let token = lab.issue().access;
        lab.control("/config", json!({"rate_limits": false, "history_items": 0}));
        Self { lab, token }
    }

    fn config(&self, changes: Value) {
        self.lab.control("/config", changes);
    }

    fn post(&self, path: &str, body: Value) -> Reply {
        self.lab.api("POST", path, &self.token, Some(body))
    }

    fn get(&self, path: &str) -> Reply {
        self.lab.get(path, &self.token)
    }

    fn scrobble(&self, verb: &str, progress: f64) -> Reply {
        let body = json!({"movie": {"ids": {"imdb": "tt0113277"}}, "progress": progress});
        self.post(&format!("/scrobble/{verb}"), body)
    }

    fn plays(&self) -> Value {
        self.lab.control("/history", json!({}))["plays"].clone()
    }

    fn playback(&self) -> Value {
        self.get("/sync/playback").json()
    }
}

fn count(list: &Value) -> usize {
    list.as_array().unwrap().len()
}

#[test]
fn a_film_is_watched_paused_and_scrobbled() {
    let bench = Bench::new();
    assert_eq!(bench.get("/users/me/watching").status, 204);
    let reply = bench.scrobble("start", 10.0);
    assert_eq!(reply.status, 201);
    let started = reply.json();
    assert_eq!(
        (&started["id"], &started["action"]),
        (&json!(0), &json!("start"))
    );
    assert_eq!(started["movie"]["title"], "Heat");
    assert_eq!(started["sharing"]["twitter"], false);
    let watching = bench.get("/users/me/watching").json();
    assert_eq!(
        (
            &watching["action"],
            &watching["type"],
            &watching["movie"]["year"]
        ),
        (&json!("scrobble"), &json!("movie"), &json!(1995))
    );
    assert!(watching["started_at"].as_str().unwrap() < watching["expires_at"].as_str().unwrap());

    let before = bench.get("/sync/last_activities").json();
    bench.lab.advance(MINUTE);
    let paused = bench.scrobble("pause", 41.5).json();
    assert_eq!(
        (&paused["action"], &paused["progress"]),
        (&json!("pause"), &json!(41.5))
    );
    assert!(paused["id"].as_i64().unwrap() > 1 << 53);
    assert_eq!(bench.get("/users/me/watching").status, 204);
    let playback = bench.playback();
    assert_eq!(
        (&playback[0]["id"], &playback[0]["progress"]),
        (&paused["id"], &json!(41.5))
    );
    assert_eq!(playback[0]["movie"]["ids"]["imdb"], "tt0113277");
    let after = bench.get("/sync/last_activities").json();
    assert_ne!(before["movies"]["paused_at"], after["movies"]["paused_at"]);
    assert_eq!(after["all"], after["movies"]["paused_at"]);

    bench.scrobble("pause", 42.5);
    let playback = bench.playback();
    assert_eq!(
        (count(&playback), &playback[0]["progress"]),
        (1, &json!(42.5))
    );
    bench.scrobble("start", 42.5);
    assert_eq!(bench.playback(), json!([]), "a start removes the place");

    bench.scrobble("pause", 60.0);
    let stopped = bench.scrobble("stop", 95.0).json();
    assert_eq!(stopped["action"], "scrobble");
    assert!(stopped["id"].as_i64().unwrap() > 1 << 53);
    assert_eq!(bench.playback(), json!([]));
    let history = bench.get("/sync/history").json();
    assert_eq!(count(&history), 1);
    assert_eq!(
        (&history[0]["id"], &history[0]["action"]),
        (&stopped["id"], &json!("scrobble"))
    );
    let plays = bench.plays();
    assert_eq!(
        (count(&plays), &plays[0]["title"]),
        (1, &json!("Heat (1995)"))
    );
    assert_eq!(plays[0]["watched_at"], plays[0]["recorded_at"]);
    let activities = bench.get("/sync/last_activities").json();
    assert_eq!(activities["movies"]["watched_at"], history[0]["watched_at"]);
    bench.lab.assert_clean();
}

#[test]
fn thresholds() {
    let bench = Bench::new();
    let outcome = |verb: &str, progress: f64| {
        bench.lab.advance(2 * HEAT);
        let reply = bench.scrobble(verb, progress);
        match reply.status {
            201 => reply.json()["action"].as_str().unwrap().to_owned(),
            status => status.to_string(),
        }
    };
    for (verb, progress, wanted) in [
        ("start", 0.0, "start"),
        ("start", 100.0, "start"),
        ("pause", 0.99, "422"),
        ("pause", 1.0, "pause"),
        ("pause", 79.9, "pause"),
        ("pause", 80.0, "422"),
        ("pause", 80.1, "422"),
        ("stop", 0.0, "422"),
        ("stop", 0.99, "422"),
        ("stop", 1.0, "pause"),
        ("stop", 79.9, "pause"),
        ("stop", 80.0, "scrobble"),
        ("stop", 80.1, "scrobble"),
        ("stop", 100.0, "scrobble"),
    ] {
        assert_eq!(outcome(verb, progress), wanted, "{verb} {progress}");
    }
    bench.config(json!({"at_eighty": "pause"}));
    for (verb, progress, wanted) in [
        ("stop", 80.0, "pause"),
        ("pause", 80.0, "pause"),
        ("stop", 80.1, "scrobble"),
        ("pause", 80.1, "422"),
    ] {
        assert_eq!(outcome(verb, progress), wanted, "{verb} {progress}");
    }
    bench.lab.assert_clean();
}

#[test]
fn a_refused_stop_leaves_the_watching_status() {
    let bench = Bench::new();
    bench.scrobble("start", 0.0);
    assert_eq!(bench.scrobble("stop", 0.5).status, 422);
    assert_eq!(bench.get("/users/me/watching").status, 200);
    assert_eq!(
        bench
            .lab
            .api("DELETE", "/checkin", &bench.token, None)
            .status,
        204
    );
    assert_eq!(bench.get("/users/me/watching").status, 204);
    assert_eq!(bench.plays(), json!([]));
}

#[test]
fn the_same_thing_again_is_a_conflict_until_its_runtime_is_over() {
    let bench = Bench::new();
    assert_eq!(bench.scrobble("stop", 90.0).status, 201);
    bench.lab.advance(HEAT / 2);
    let reply = bench.scrobble("stop", 90.0);
    assert_eq!(reply.status, 409);
    let conflict = reply.json();
    assert_eq!(conflict["watched_at"], bench.plays()[0]["watched_at"]);
    assert!(conflict["expires_at"].as_str().unwrap() > conflict["watched_at"].as_str().unwrap());
    let other = json!({"movie": {"ids": {"imdb": "tt0093164"}}, "progress": 90});
    assert_eq!(
        bench.post("/scrobble/stop", other).status,
        201,
        "another film of that title"
    );
    bench.lab.advance(HEAT / 2);
    assert_eq!(bench.scrobble("stop", 90.0).status, 201);
    bench.config(json!({"conflict_window_s": 60}));
    bench.lab.advance(59_000);
    assert_eq!(bench.scrobble("stop", 90.0).status, 409);
    bench.lab.advance(2_000);
    assert_eq!(bench.scrobble("stop", 90.0).status, 201);
    assert_eq!(count(&bench.plays()), 4);
    bench.lab.assert_clean();
}

#[test]
fn watching_ends_by_itself_with_the_runtime() {
    let bench = Bench::new();
    bench.scrobble("start", 50.0);
    bench.lab.advance(HEAT / 2 - MINUTE);
    assert_eq!(bench.get("/users/me/watching").status, 200);
    bench.lab.advance(2 * MINUTE);
    assert_eq!(bench.get("/users/me/watching").status, 204);
    assert_eq!(
        bench.plays(),
        json!([]),
        "nothing is counted without a stop"
    );
    assert_eq!(
        bench.lab.control("/watching", json!({}))["watching"],
        Value::Null
    );
}

#[test]
fn a_stop_of_one_thing_leaves_the_other_watched() {
    let bench = Bench::new();
    bench.scrobble("start", 1.0);
    let next = json!({"movie": {"title": "The Thing", "year": 1982}, "progress": 0.0});
    bench.post("/scrobble/start", next);
    assert_eq!(bench.scrobble("stop", 99.0).json()["action"], "scrobble");
    let watching = bench.lab.control("/watching", json!({}))["watching"].clone();
    assert_eq!(watching["movie"]["year"], 1982);
}

#[test]
fn an_episode_is_told_in_each_way() {
    let bench = Bench::new();
    for (body, title) in [
        (json!({"episode": {"ids": {"tvdb": 6_307_361}}}), "Lies"),
        (
            json!({"show": {"ids": {"tvdb": 334_824}}, "episode": {"season": 1, "number": 2}}),
            "Lies",
        ),
        (
            json!({"show": {"title": "Dark", "year": 2017}, "episode": {"season": 2, "number": 1}}),
            "Beginnings and Endings",
        ),
        (
            json!({"show": {"title": "Doctor Who", "year": 2005}, "episode": {"season": 1, "number": 1}}),
            "Rose",
        ),
        (
            json!({"show": {"ids": {"tmdb": 37_854}}, "episode": {"number_abs": 31}}),
            "Episode 1",
        ),
        (
            json!({"show": {"ids": {"trakt": 180_002}}, "episode": {"season": 0, "number": 2}}),
            "Mission Logs: Year Two",
        ),
    ] {
        let mut body = body;
        body["progress"] = json!(20);
        let reply = bench.post("/scrobble/start", body.clone());
        assert_eq!(reply.status, 201, "{body}");
        let answer = reply.json();
        assert_eq!(answer["episode"]["title"], title, "{body}");
        assert!(answer["show"]["title"].is_string());
        assert_eq!(answer["movie"], Value::Null);
    }
    let third =
        json!({"show": {"ids": {"tmdb": 37_854}}, "episode": {"number_abs": 31}, "progress": 20});
    let episode = bench.post("/scrobble/start", third).json()["episode"].clone();
    assert_eq!(
        (&episode["season"], &episode["number"]),
        (&json!(3), &json!(1))
    );
    for unknown in [
        json!({"movie": {"ids": {"trakt": 900_000_000}}}),
        json!({"movie": {"title": "Heat", "year": 2020}}),
        json!({"show": {"title": "Dark"}, "episode": {"season": 1, "number": 11}}),
        json!({"show": {"title": "No Such Show"}, "episode": {"season": 1, "number": 1}}),
        json!({"show": {"title": "Dark"}, "episode": {"number_abs": 99}}),
    ] {
        let mut body = unknown;
        body["progress"] = json!(20);
        assert_eq!(
            bench.post("/scrobble/start", body.clone()).status,
            404,
            "{body}"
        );
    }
    bench.lab.assert_clean();
}

#[test]
fn generated_films_exist_unless_the_catalogue_is_strict() {
    let bench = Bench::new();
    let film = json!({"movie": {"ids": {"tmdb": 12_345}}, "progress": 20});
    let answer = bench.post("/scrobble/start", film.clone());
    assert_eq!(answer.json()["movie"]["ids"]["tmdb"], 12_345);
    bench.config(json!({"strict_catalogue": true}));
    assert_eq!(bench.post("/scrobble/start", film).status, 404);
    assert_eq!(bench.scrobble("start", 20.0).status, 201);
    bench.lab.assert_clean();
}

#[test]
fn bodies_are_checked() {
    let bench = Bench::new();
    let movie = json!({"ids": {"trakt": 1}});
    for (body, status) in [
        (json!({"movie": movie}), 422),
        (json!({"movie": movie, "progress": "50"}), 422),
        (json!({"movie": movie, "progress": 100.5}), 422),
        (json!({"movie": movie, "progress": -1}), 422),
        (json!({"movie": movie, "progress": 50, "colour": 1}), 400),
        (
            json!({"movie": {"ids": {"trakt": "1"}}, "progress": 50}),
            422,
        ),
        (
            json!({"movie": {"ids": {"imdb": "0113277"}}, "progress": 50}),
            422,
        ),
        (json!({"movie": {"ids": {"tmdb": 0}}, "progress": 50}), 422),
        (json!({"movie": {"ids": {}}, "progress": 50}), 422),
        (
            json!({"movie": {"title": "Heat", "year": "1995"}, "progress": 50}),
            422,
        ),
        (json!({"progress": 50}), 422),
        (
            json!({"episode": {"season": 1, "number": 1}, "progress": 50}),
            422,
        ),
        (json!({"show": {"title": "Dark"}, "progress": 50}), 422),
        (
            json!({"show": {"title": "Dark"}, "episode": {}, "progress": 50}),
            422,
        ),
        (
            json!({"show": {"title": "Dark"}, "episode": {"season": 1, "number": "1"}, "progress": 50}),
            422,
        ),
        (
            json!({"episode": {"ids": {"slug": "dark"}}, "progress": 50}),
            422,
        ),
        (
            json!({"movie": movie, "episode": {"ids": {"trakt": 1}}, "progress": 50}),
            422,
        ),
    ] {
        let before = bench.lab.violations().len();
        assert_eq!(
            bench.post("/scrobble/stop", body.clone()).status,
            status,
            "{body}"
        );
        let violations = bench.lab.violations();
        assert_eq!(violations.len(), before + 1, "{body}");
        assert_eq!(violations[before].0, "body", "{body}");
    }
}

#[test]
fn ids_of_a_show_in_an_episode_are_noticed() {
    let bench = Bench::new();
    let body = |ids: Value| json!({"episode": {"ids": ids}, "progress": 50});
    bench.post("/scrobble/start", body(json!({"imdb": "tt5753856"})));
    assert_eq!(bench.lab.violations().len(), 1);
    // The same number may well be an episode's.
    let reply = bench.post("/scrobble/start", body(json!({"tvdb": 334_824})));
    assert_eq!(reply.json()["episode"]["title"], "Show's Number");
    assert_eq!(bench.lab.violations().len(), 1);
}

#[test]
fn what_was_seen_in_the_wild() {
    let bench = Bench::new();
    bench.config(json!({"at_the_end": "pause"}));
    let answer = bench.scrobble("stop", 99.99).json();
    assert_eq!(
        (&answer["id"], &answer["action"], &answer["progress"]),
        (&json!(0), &json!("pause"), &json!(0.0))
    );
    assert_eq!((bench.plays(), bench.playback()), (json!([]), json!([])));
    bench.config(json!({"at_the_end": "scrobble", "pause_exists": false}));
    assert_eq!(bench.scrobble("pause", 50.0).status, 404);
    assert_eq!(bench.scrobble("stop", 50.0).json()["action"], "pause");
    bench.lab.assert_clean();
}

#[test]
fn a_check_in_becomes_a_play() {
    let bench = Bench::new();
    let heat = json!({"movie": {"ids": {"imdb": "tt0113277"}}, "message": "again", "sharing": {"twitter": true}});
    let reply = bench.post("/checkin", heat.clone());
    assert_eq!(reply.status, 201);
    let checked_in = reply.json();
    assert_eq!(checked_in["sharing"]["twitter"], true);
    assert!(checked_in["id"].as_i64().unwrap() > 1 << 53);
    let watching = bench.get("/users/me/watching").json();
    assert_eq!(watching["action"], "checkin");
    let again = bench.post("/checkin", heat.clone());
    assert_eq!(again.status, 409);
    assert_eq!(again.json(), json!({"expires_at": watching["expires_at"]}));
    bench.lab.advance(HEAT + 1000);
    assert_eq!(bench.get("/users/me/watching").status, 204);
    let history = bench.get("/sync/history").json();
    assert_eq!(
        (
            &history[0]["id"],
            &history[0]["action"],
            &history[0]["watched_at"]
        ),
        (
            &checked_in["id"],
            &json!("checkin"),
            &checked_in["watched_at"]
        )
    );

    assert_eq!(bench.post("/checkin", heat.clone()).status, 201);
    assert_eq!(
        bench
            .lab
            .api("DELETE", "/checkin", &bench.token, None)
            .status,
        204
    );
    bench.lab.advance(2 * HEAT);
    assert_eq!(count(&bench.plays()), 1, "a cancelled one doesn't");
    bench.scrobble("start", 50.0);
    assert_eq!(
        bench.post("/checkin", heat).status,
        409,
        "a scrobble is in the way as well"
    );
    let unknown = json!({"movie": {"ids": {"trakt": 900_000_000}}});
    assert_eq!(bench.post("/checkin", unknown).status, 404);
    bench.lab.assert_clean();
    bench.post(
        "/checkin",
        json!({"movie": {"ids": {"trakt": 1}}, "progress": 3}),
    );
    assert_eq!(bench.lab.violations().len(), 1);
}

#[test]
fn playback_is_filtered_paged_and_removed() {
    let bench = Bench::new();
    for (show, n) in [("Dark", 1), ("Dark", 2)] {
        let body =
            json!({"show": {"title": show}, "episode": {"season": 1, "number": n}, "progress": 30});
        bench.post("/scrobble/pause", body);
        bench.lab.advance(MINUTE);
    }
    bench.scrobble("stop", 30.0);
    assert_eq!(count(&bench.get("/sync/playback/episodes").json()), 2);
    assert_eq!(count(&bench.get("/sync/playback/movies").json()), 1);
    let page = bench.get("/sync/playback?page=2&limit=2");
    assert_eq!(
        (count(&page.json()), page.number("X-Pagination-Item-Count")),
        (1, 3)
    );
    let all = bench.playback();
    let at = all[1]["paused_at"].as_str().unwrap();
    let since = bench.get(&format!("/sync/playback?start_at={at}")).json();
    assert_eq!(count(&since), 2);
    let until = bench.get(&format!("/sync/playback?end_at={at}")).json();
    assert_eq!(count(&until), 2);
    assert_eq!(
        count(&bench.lab.control("/playback", json!({}))["playback"]),
        3
    );
    let path = format!("/sync/playback/{}", all[0]["id"]);
    assert_eq!(
        bench.lab.api("DELETE", &path, &bench.token, None).status,
        204
    );
    assert_eq!(
        bench.lab.api("DELETE", &path, &bench.token, None).status,
        404
    );
    assert_eq!(count(&bench.playback()), 2);
    bench.lab.assert_clean();
    assert_eq!(bench.get("/sync/playback?start_at=yesterday").status, 400);
    assert_eq!(bench.lab.violations()[0].0, "query");
}

#[test]
fn rates_and_locks_hold_here_as_well() {
    let lab = Lab::new();
    let token = lab.issue().access;
    lab.control("/config", json!({"write_interval_ms": 60_000}));
    let body = || Some(json!({"movie": {"ids": {"imdb": "tt0113277"}}, "progress": 20}));
    assert_eq!(
        lab.api("POST", "/scrobble/start", &token, body()).status,
        201
    );
    assert_eq!(
        lab.api("POST", "/scrobble/stop", &token, body()).status,
        429
    );
    assert_eq!(lab.api("DELETE", "/checkin", &token, None).status, 429);
    assert_eq!(lab.violations()[0].0, "write_rate");
    lab.control("/account", json!({"locked": true}));
    lab.advance(60_000);
    assert_eq!(
        lab.api("POST", "/scrobble/start", &token, body()).status,
        423
    );
    assert_eq!(lab.get("/users/me/watching", &token).status, 423);
    assert_eq!(lab.api("POST", "/scrobble/start", "", body()).status, 401);
}

#[test]
fn every_account_has_its_own_and_a_reset_forgets_all() {
    let bench = Bench::new();
    bench.scrobble("stop", 90.0);
    let uuid = bench.lab.control("/account", json!({}))["uuid"].clone();
    bench
        .lab
        .control("/account", json!({"username": "other", "uuid": "00ff"}));
    assert_eq!(bench.plays(), json!([]));
    bench.lab.control("/account", json!({"uuid": uuid}));
    assert_eq!(count(&bench.plays()), 1);
    bench.lab.control(
        "/media",
        json!({"movie": {"title": "New Film", "year": 2026, "ids": {"tmdb": 77}}}),
    );
    bench.lab.control("/reset", json!({}));
    assert_eq!(bench.plays(), json!([]));
    let all = bench.lab.control("/media", json!({}));
    assert!(!all.to_string().contains("New Film"));
}
