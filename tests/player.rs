//! What a player reports, and what Trakt then has: the client with its thread and its store, against the simulated Trakt.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use trakt::client::Client;
use trakt::reply::Reply;
use trakt_sim::{Options, Sim};

/// No test waits longer than this for anything.
const LIMIT: Duration = Duration::from_secs(60);
const FILM_MS: u64 = 170 * 60_000;

fn heat() -> Value {
    json!({"type": "movie", "title": "Heat", "year": 1995, "ids": {"imdb": "tt0113277"}})
}

fn data(reply: &Reply) -> Value {
    let mut envelope: Value = serde_json::from_str(reply.as_str()).unwrap();
    assert_eq!(envelope["status"], 0, "{envelope}");
    envelope["data"].take()
}

fn open(sim: &Sim, folder: Option<&Path>) -> Client {
    let mut config = json!({
        "client_id": sim.client_id(),
        "client_secret": sim.client_secret(),
        "redirect_uri": sim.redirect_uri(),
        "auth_url": sim.auth_url(),
        "api_url": sim.api_url(),
        "log_level": "debug",
    });
    if let Some(folder) = folder {
        config["data_dir"] = json!(folder);
    }
    Client::open(&config.to_string()).unwrap()
}

fn link(sim: &Sim, client: &Client) {
    let url = data(&client.call("authorize.url", None));
    let back = sim.control("/authorize", json!({"url": url["url"]}));
    let params = json!({"url": back["location"]}).to_string();
    let account = data(&client.call("authorize.finish", Some(&params)));
    assert_eq!(account["state"], "linked");
}

struct Player<'a> {
    client: &'a Client,
    session: &'a str,
    item: Value,
    duration_ms: u64,
}

impl Player<'_> {
    fn report(&self, event: &str, percent: f64) -> Value {
        self.report_with(event, json!({"position_ms": self.at(percent)}))
    }

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss
    )]
    fn at(&self, percent: f64) -> u64 {
        (self.duration_ms as f64 * percent / 100.0).round() as u64
    }

    fn report_with(&self, event: &str, more: Value) -> Value {
        let mut params = json!({
            "event": event, "session": self.session, "duration_ms": self.duration_ms,
        });
        if event == "started" {
            params["item"] = self.item.clone();
        }
        for (key, value) in more.as_object().unwrap() {
            params[key] = value.clone();
        }
        data(&self.client.call("player.event", Some(&params.to_string())))
    }
}

fn player<'a>(client: &'a Client, session: &'a str) -> Player<'a> {
    Player {
        client,
        session,
        item: heat(),
        duration_ms: FILM_MS,
    }
}

/// Waits until something is so.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "{what} didn't happen");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn wait_for_request(sim: &Sim, path: &str, count: u64) -> Value {
    let found = sim.control(
        "/log/wait",
        json!({"path": path, "count": count, "done": true, "timeout_ms": 60_000}),
    );
    assert!(found["timeout"].is_null(), "{path}: {found}");
    found["requests"].clone()
}

fn plays(sim: &Sim) -> Vec<Value> {
    let mut history = sim.control("/history", json!({}));
    history["plays"].as_array_mut().unwrap().drain(..).collect()
}

fn wait_for_plays(sim: &Sim, count: usize) -> Vec<Value> {
    until("that many plays", || {
        Some(plays(sim)).filter(|plays| plays.len() >= count)
    })
}

fn wait_for_event(client: &Client, kind: &str) -> Value {
    until(kind, || {
        let events = data(&client.next_events(100));
        let all = events["events"].as_array().unwrap().clone();
        all.into_iter().find(|event| event["type"] == kind)
    })
}

/// Waits until the outbox is empty.
fn wait_until_sent(client: &Client) {
    until("an empty outbox", || {
        let list = data(&client.call("outbox.list", None));
        (list["waiting"] == 0).then_some(())
    });
}

fn assert_polite(sim: &Sim) {
    let violations = sim.control("/violations", json!({}));
    assert_eq!(violations["violations"], json!([]), "{violations}");
}

#[test]
fn a_film_is_shown_while_it_plays_and_recorded_when_it_ends() {
    let sim = Sim::start(Options::default()).unwrap();
    let client = open(&sim, None);
    link(&sim, &client);
    let player = player(&client, "a");
    let begun = player.report("started", 0.0);
    assert_eq!(
        begun,
        json!({"session": "a", "state": "playing", "reason": null, "counts": false, "progress": 0.0})
    );
    wait_for_request(&sim, "/scrobble/start", 1);
    let watching = sim.control("/watching", json!({}));
    assert_eq!(watching["watching"]["movie"]["title"], "Heat");
    let shown = data(&client.call("player.get", None));
    assert_eq!(shown["sessions"][0]["watching"], true, "{shown}");
    let later = player.report("progress", 79.99);
    assert_eq!(
        (&later["counts"], &later["progress"]),
        (&json!(false), &json!(79.99))
    );
    assert_eq!(player.report("progress", 80.0)["counts"], true);
    let ended = player.report("ended", 100.0);
    assert_eq!(
        ended,
        json!({"session": "a", "state": "ended", "reason": null, "counts": true, "progress": 100.0})
    );
    let counted = wait_for_event(&client, "play.counted");
    assert_eq!(
        (&counted["data"]["session"], &counted["data"]["item"]),
        (&json!("a"), &heat())
    );
    let plays = wait_for_plays(&sim, 1);
    assert_eq!(
        (
            plays.len(),
            &plays[0]["movie"]["title"],
            &plays[0]["action"]
        ),
        (1, &json!("Heat"), &json!("scrobble"))
    );
    assert!(sim.control("/watching", json!({}))["watching"].is_null());
    assert_eq!(
        data(&client.call("player.get", None))["sessions"],
        json!([])
    );
    wait_until_sent(&client);
    assert_polite(&sim);
}

#[test]
fn a_stop_in_the_middle_keeps_the_place() {
    let sim = Sim::start(Options::default()).unwrap();
    let client = open(&sim, None);
    link(&sim, &client);
    let player = player(&client, "a");
    player.report("started", 30.0);
    wait_for_request(&sim, "/scrobble/start", 1);
    let stopped = player.report("stopped", 42.5);
    assert_eq!(
        (&stopped["state"], &stopped["counts"]),
        (&json!("ended"), &json!(false))
    );
    wait_for_request(&sim, "/scrobble/stop", 1);
    let playback = sim.control("/playback", json!({}));
    assert_eq!(playback["playback"][0]["progress"], 42.5);
    assert!(plays(&sim).is_empty());
    wait_until_sent(&client);
    assert_polite(&sim);
}

#[test]
fn a_stop_at_once_clears_what_was_shown_and_sends_no_stop() {
    let sim = Sim::start(Options::default()).unwrap();
    let client = open(&sim, None);
    link(&sim, &client);
    let player = player(&client, "a");
    player.report("started", 0.0);
    wait_for_request(&sim, "/scrobble/start", 1);
    player.report("stopped", 0.5);
    until("the end of the watching status", || {
        sim.control("/watching", json!({}))["watching"]
            .is_null()
            .then_some(())
    });
    let stops = sim.control("/log", json!({"path": "/scrobble/stop"}));
    assert_eq!(stops["requests"], json!([]));
    assert_polite(&sim);
}

#[test]
fn a_pause_is_shown_and_a_resume_too() {
    let sim = Sim::start(Options::default()).unwrap();
    let client = open(&sim, None);
    link(&sim, &client);
    let player = player(&client, "a");
    player.report("started", 10.0);
    wait_for_request(&sim, "/scrobble/start", 1);
    player.report("paused", 11.0);
    wait_for_request(&sim, "/scrobble/pause", 1);
    player.report("resumed", 11.0);
    wait_for_request(&sim, "/scrobble/start", 2);
    assert_polite(&sim);
}

#[test]
fn without_an_account_nothing_is_recorded_and_with_one_it_is() {
    let sim = Sim::start(Options::default()).unwrap();
    let client = open(&sim, None);
    let player = player(&client, "a");
    let begun = player.report("started", 0.0);
    assert_eq!(
        (&begun["state"], &begun["reason"]),
        (&json!("ignored"), &json!("not_linked"))
    );
    link(&sim, &client);
    assert_eq!(player.report("progress", 50.0)["state"], "playing");
    player.report("ended", 100.0);
    wait_for_plays(&sim, 1);
}

#[test]
fn a_session_whose_client_is_gone_is_settled_by_the_next() {
    let sim = Sim::start(Options::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let client = open(&sim, Some(folder.path()));
    link(&sim, &client);
    player(&client, "a").report("started", 50.0);
    player(&client, "a").report("progress", 85.0);
    wait_for_request(&sim, "/scrobble/start", 1);
    // A close without time settles it as well.
    client.close(0);
    assert!(plays(&sim).is_empty());
    let next = open(&sim, Some(folder.path()));
    let plays = wait_for_plays(&sim, 1);
    assert_eq!(plays[0]["movie"]["title"], "Heat");
    wait_until_sent(&next);
    next.close(5_000);
    let last = open(&sim, Some(folder.path()));
    assert_eq!(data(&last.call("outbox.list", None))["waiting"], 0);
    assert_eq!(wait_for_plays(&sim, 1).len(), 1);
    assert_polite(&sim);
}

#[test]
fn events_that_make_no_sense_are_named() {
    let sim = Sim::start(Options::default()).unwrap();
    let client = open(&sim, None);
    let refused = |params: Value| {
        let reply = client.call("player.event", Some(&params.to_string()));
        let envelope: Value = serde_json::from_str(reply.as_str()).unwrap();
        assert_eq!(envelope["error"]["code"], "invalid_argument", "{envelope}");
        envelope["error"]["message"].as_str().unwrap().to_owned()
    };
    let long = "x".repeat(201);
    for (params, key) in [
        (json!({"event": "stopped", "session": ""}), "session"),
        (json!({"event": "stopped", "session": long}), "session"),
        (json!({"event": "started", "session": "a"}), "item"),
        (
            json!({"event": "stopped", "session": "a", "at": "yesterday"}),
            "at",
        ),
        (
            json!({"event": "started", "session": "a", "item": {"type": "movie"}}),
            "title",
        ),
        (
            json!({"event": "stopped", "session": "a", "position_ms": -1}),
            "position_ms",
        ),
    ] {
        let message = refused(params);
        assert!(message.contains(&format!("`{key}`")), "{message}");
    }
    let unknown = client.call(
        "player.event",
        Some(r#"{"event":"progress","session":"a","position_ms":null,"duration_ms":null}"#),
    );
    assert_eq!(data(&unknown)["reason"], "unknown_session");
}

#[test]
fn options_replace_what_is_given_and_take_effect_at_once() {
    let sim = Sim::start(Options::default()).unwrap();
    let client = open(&sim, None);
    link(&sim, &client);
    let options = |params: Value| data(&client.call("player.options", Some(&params.to_string())));
    let all = options(json!({}));
    assert_eq!(
        (&all["enabled"], &all["exclude"]["globs"]),
        (&json!(true), &json!([]))
    );
    let player = player(&client, "a");
    player.report("started", 10.0);
    wait_for_request(&sim, "/scrobble/start", 1);
    assert_eq!(options(json!({"movies": false}))["movies"], false);
    let excluded = player.report("progress", 11.0);
    assert_eq!(
        (&excluded["state"], &excluded["reason"]),
        (&json!("ignored"), &json!("movies_off"))
    );
    until("the end of the watching status", || {
        sim.control("/watching", json!({}))["watching"]
            .is_null()
            .then_some(())
    });
    player.report("ended", 100.0);
    assert_eq!(options(json!({}))["movies"], false);
    assert!(plays(&sim).is_empty());
}
