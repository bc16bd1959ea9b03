//! The client as the C boundary sees it, against the simulated Trakt: every method waiting and not, its replies against their
//! schemas, requests that are taken, cancelled or never existed, and full lanes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use jsonschema::Validator;
use serde_json::{Value, json};
use trakt::client::Client;
use trakt::reply::Reply;
use trakt_sim::{Options, Sim};

/// No test waits longer than this for anything.
const LIMIT: Duration = Duration::from_secs(60);
const LIMIT_MS: u32 = 60_000;

/// The schemas of one method.
struct Schemas {
    params: Validator,
    reply: Validator,
}

fn schemas() -> BTreeMap<String, Schemas> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/methods");
    let mut schemas = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let all: Value = serde_json::from_str(&text).unwrap();
        let of = |key: &str| jsonschema::validator_for(&all[key]).unwrap();
        let name = all["method"].as_str().unwrap().to_owned();
        let (params, reply) = (of("params"), of("reply"));
        schemas.insert(name, Schemas { params, reply });
    }
    schemas
}

fn assert_valid(validator: &Validator, value: &Value, what: &str) {
    let errors: Vec<_> = validator
        .iter_errors(value)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{what}: {errors:?} in {value}");
}

/// An envelope with its form checked.
fn envelope(reply: &Reply) -> Value {
    let text = reply.as_str();
    assert!(!text.contains(['\n', '\r']), "{text}");
    let envelope: Value = serde_json::from_str(text).unwrap();
    let status = envelope["status"].as_i64().unwrap();
    assert!(
        text.starts_with(&format!("{{\"status\":{status},")),
        "{text}"
    );
    if status == 0 {
        assert!(envelope["data"].is_object(), "{text}");
    } else {
        let error = &envelope["error"];
        assert!(error["code"].is_string(), "{text}");
        assert!(error["retryable"].is_boolean(), "{text}");
        assert!(
            error["message"].as_str().is_some_and(|it| !it.is_empty()),
            "{text}"
        );
    }
    envelope
}

fn data(reply: &Reply) -> Value {
    let mut envelope = envelope(reply);
    assert_eq!(envelope["status"], 0, "{}", reply.as_str());
    envelope["data"].take()
}

fn code(reply: &Reply) -> String {
    envelope(reply)["error"]["code"]
        .as_str()
        .unwrap_or_else(|| panic!("no error: {}", reply.as_str()))
        .to_owned()
}

/// A simulator, and a client in memory whose calls are checked against the schemas.
struct Lab {
    sim: Sim,
    client: Client,
    schemas: BTreeMap<String, Schemas>,
}

impl Lab {
    fn new() -> Self {
        let sim = Sim::start(Options::default()).unwrap();
        let client = open(&sim);
        let schemas = schemas();
        Self {
            sim,
            client,
            schemas,
        }
    }

    /// With an account linked by authorization code, which takes no time.
    fn linked() -> Self {
        let lab = Self::new();
        let url = lab.data("authorize.url", json!({}));
        let back = lab.sim.control("/authorize", json!({"url": url["url"]}));
        let account = lab.data("authorize.finish", json!({"url": back["location"]}));
        assert_eq!(account["state"], "linked");
        lab
    }

    fn check(&self, method: &str, data: &Value) {
        assert_valid(&self.schemas[method].reply, data, method);
    }

    fn call(&self, method: &str, params: &Value) -> Reply {
        assert_valid(&self.schemas[method].params, params, method);
        self.client.call(method, Some(&params.to_string()))
    }

    /// The data of a call that works, as its schema says.
    fn data(&self, method: &str, params: Value) -> Value {
        let data = data(&self.call(method, &params));
        self.check(method, &data);
        data
    }

    fn submit(&self, method: &str, params: Value) -> Reply {
        assert_valid(&self.schemas[method].params, &params, method);
        self.client.submit(method, Some(&params.to_string()))
    }

    fn submitted(&self, method: &str, params: Value) -> u64 {
        data(&self.submit(method, params))["request"]
            .as_u64()
            .unwrap()
    }

    /// As [`Lab::data`], by submit and result.
    fn taken(&self, method: &str, params: Value) -> Value {
        let request = self.submitted(method, params);
        let data = data(&self.client.result(request, LIMIT_MS));
        self.check(method, &data);
        data
    }

    /// Requests for the settings get no answer until [`Lab::let_go`].
    fn hold(&self) {
        self.sim.control(
            "/fault",
            json!({"kind": "late", "delay_ms": 3_600_000, "times": 0, "match": {"host": "api", "path": "/users/settings"}}),
        );
    }

    /// Sends the answers that were held back.
    fn let_go(&self) {
        self.sim.control("/fault/clear", json!({}));
    }

    /// Waits until so many requests for the settings have arrived.
    fn arrived(&self, count: usize) {
        let waited = self.sim.control(
            "/log/wait",
            json!({"path": "/users/settings", "count": count, "timeout_ms": LIMIT_MS}),
        );
        assert_eq!(waited["timeout"], Value::Null, "{waited}");
    }

    /// Nothing that the client sent was wrong.
    fn assert_clean(&self) {
        let found = self.sim.control("/violations", json!({}));
        assert_eq!(found["violations"], json!([]));
    }
}

fn open(sim: &Sim) -> Client {
    // As the C boundary does: without it nothing is logged.
    trakt::logs::install();
    let config = json!({
        "client_id": sim.client_id(),
        "client_secret": sim.client_secret(),
        "redirect_uri": sim.redirect_uri(),
        "auth_url": sim.auth_url(),
        "api_url": sim.api_url(),
        "app_name": "client-test",
        "app_version": "1.0",
        "log_level": "trace",
    });
    Client::open(&config.to_string()).unwrap()
}

fn no_cache() -> Value {
    json!({"max_age_ms": 0})
}

/// Runs every method that there is, each in the way of `run`, and checks what it says.
fn run_every_method(lab: &Lab, run: impl Fn(&str, Value) -> Value) {
    let names: BTreeSet<String> = run("methods", json!({}))["methods"]
        .as_array()
        .unwrap()
        .iter()
        .map(|method| method["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, lab.schemas.keys().cloned().collect());
    let left = std::cell::RefCell::new(names);
    let run = |method: &str, params: Value| {
        left.borrow_mut().remove(method);
        run(method, params)
    };
    run("methods", json!({}));

    // By device code.
    lab.sim.control("/config", json!({"device_interval_s": 1}));
    assert_eq!(run("account.get", json!({}))["state"], "none");
    assert_eq!(run("device.poll", json!({}))["state"], "idle");
    let started = run("device.start", json!({"wait_ms": LIMIT_MS}));
    assert_eq!(started["state"], "pending");
    assert_eq!(started["user_code"].as_str().map(str::len), Some(8));
    assert_eq!(run("device.cancel", json!({}))["state"], "cancelled");
    let again = run(
        "device.start",
        json!({"wait_ms": LIMIT_MS, "replace": true}),
    );
    assert_ne!(again["login_id"], started["login_id"]);
    lab.sim.control("/approve", json!({}));
    let until = Instant::now() + LIMIT;
    let linked = loop {
        let snapshot = run("device.poll", json!({"wait_ms": 1_000}));
        if snapshot["state"] == "authorized" && !snapshot["account"].is_null() {
            break snapshot;
        }
        assert!(Instant::now() < until, "{snapshot}");
    };
    assert_eq!(linked["account"]["username"], "simulated");
    let events = run("events.next", json!({"wait_ms": 0}));
    let kinds: BTreeSet<_> = events["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect();
    assert!(
        kinds.contains("account.linked") && kinds.contains("login.changed"),
        "{events}"
    );

    // What the account may do.
    let settings = run("settings.get", no_cache());
    assert_eq!(settings["source"], "network");
    assert_eq!(settings["settings"]["user"]["username"], "simulated");
    let kept = run("settings.get", json!({"offline": true}));
    assert_eq!(kept["source"], "stored");
    assert_eq!(kept["settings"], settings["settings"]);
    let browsing = run(
        "settings.get",
        json!({"extended": "browsing", "max_age_ms": 0}),
    );
    assert!(browsing["settings"]["browsing"].is_object());
    let limit = run("limit.check", json!({"limit": "list.count", "have": 1}));
    assert_eq!(limit["known"], true);
    assert_eq!(
        limit["limit"],
        settings["settings"]["limits"]["list"]["count"]
    );
    let permission = run("permission.check", json!({"permission": "commenting"}));
    assert_eq!(permission["allowed"], true);
    let folder = tempfile::tempdir().unwrap();
    let upgrade = run(
        "qr.write",
        json!({"text": "https://app.trakt.tv/vip", "dir": folder.path()}),
    );
    assert!(Path::new(upgrade["png_path"].as_str().unwrap()).exists());
    let page = run(
        "http.request",
        json!({"method": "GET", "path": "/sync/history", "query": {"page": 1, "limit": 3}}),
    );
    assert_eq!(page["status"], 200);
    assert_eq!(page["headers"]["x-pagination-item-count"], "257");
    assert!(page["body"][0]["id"].as_u64().unwrap() > 1 << 53);

    // What it has to be told, and what goes there at once.
    let heat =
        json!({"type": "movie", "title": "Heat", "year": 1995, "ids": {"imdb": "tt0113277"}});
    let items = json!({"items": [heat]});
    let marks = [
        (
            "history.add",
            json!({"items": [heat], "watched_at": "released"}),
        ),
        ("history.remove", items.clone()),
        ("watchlist.add", items.clone()),
        ("watchlist.remove", items.clone()),
        ("collection.add", items.clone()),
        ("collection.remove", items),
        ("rating.set", json!({"item": heat, "rating": 9})),
        ("rating.remove", json!({"item": heat})),
    ];
    for (method, params) in marks {
        let queued = run(method, params);
        assert_eq!(queued["queued"], 1, "{method}");
    }
    let waiting = run("outbox.list", json!({"state": "waiting", "limit": 500}));
    assert_eq!(waiting["next"], Value::Null);
    assert!(run("outbox.retry", json!({"all": true}))["retried"].is_u64());
    assert!(run("outbox.discard", json!({"all": true}))["discarded"].is_u64());
    let named = json!({"item": {"type": "file", "file": "/films/Heat (1995).mkv"}});
    assert_eq!(run("match.get", named.clone())["parsed"]["title"], "Heat");
    let found = run("match.search", named.clone());
    assert_eq!(found["candidates"][0]["title"], "Heat");
    let is = json!({"movie": {"ids": found["candidates"][0]["ids"]}});
    let corrected = json!({"item": named["item"], "match": is});
    assert_eq!(run("match.set", corrected)["retried"], 0);
    assert_eq!(run("match.get", named.clone())["source"], "set");
    assert_eq!(run("match.forget", named)["forgotten"], true);
    let started = json!({"event": "started", "session": "a", "item": heat,
        "position_ms": 0, "duration_ms": 10_200_000, "at": "2026-01-01T00:00:00Z"});
    assert_eq!(run("player.event", started)["state"], "playing");
    let options = run("player.options", json!({"exclude": {"tags": ["Kids"]}}));
    assert_eq!(options["exclude"]["tags"], json!(["Kids"]));
    let of_kids = json!({"type": "movie", "title": "Up", "tags": ["Kids"]});
    let checked = run("player.check", json!({"items": [of_kids, heat]}));
    assert_eq!(checked["reasons"], json!(["excluded_tag", null]));
    assert_eq!(run("player.get", json!({}))["sessions"][0]["session"], "a");
    let nothing =
        json!({"event": "stopped", "session": "a", "position_ms": null, "duration_ms": null});
    assert_eq!(run("player.event", nothing)["state"], "ended");
    let checked_in = run("checkin", json!({"item": heat, "message": "again"}));
    assert_eq!(checked_in["movie"]["title"], "Heat");
    assert_eq!(run("checkin.cancel", json!({}))["cancelled"], true);
    let playbacks = run("playback.list", json!({"type": "movies"}));
    let first = &playbacks["items"][0];
    assert_eq!(first["type"], "movie", "{playbacks}");
    run("playback.remove", json!({"id": first["id"]}));

    // The end of the account, and another by authorization code.
    assert_eq!(run("account.unlink", json!({}))["revoked"], true);
    let url = run("authorize.url", json!({"prompt": "login", "signup": true}));
    let back = lab.sim.control("/authorize", json!({"url": url["url"]}));
    let account = run("authorize.finish", json!({"url": back["location"]}));
    assert_eq!(account["state"], "linked");
    let log = run("log.next", json!({}));
    assert!(!log["records"].as_array().unwrap().is_empty());
    assert_eq!(log["lost"], 0);

    assert_eq!(*left.borrow(), BTreeSet::new(), "methods that were not run");
    lab.assert_clean();
    assert_eq!(lab.client.close(LIMIT_MS), 0);
}

#[test]
fn every_method_called() {
    let lab = Lab::new();
    run_every_method(&lab, |method, params| lab.data(method, params));
}

#[test]
fn every_method_submitted() {
    let lab = Lab::new();
    run_every_method(&lab, |method, params| lab.taken(method, params));
}

#[test]
fn every_shape_of_the_settings_is_as_the_schema_says() {
    let lab = Lab::linked();
    for shape in ["s1", "s2", "s3", "s4", "s5", "s6", "s7"] {
        lab.sim.control("/settings", json!({"shape": shape}));
        let settings = lab.data("settings.get", no_cache());
        assert_eq!(settings["user"]["username"], "simulated", "{shape}");
        let limit = lab.data("limit.check", json!({"limit": "list.count", "have": 0}));
        assert_eq!(
            limit["known"],
            settings["settings"]["limits"]["list"]["count"].is_u64(),
            "{shape}"
        );
    }
    lab.assert_clean();
}

#[test]
fn each_method_refuses_what_it_doesn_t_know_in_the_same_words_both_ways() {
    let lab = Lab::new();
    for (method, schemas) in &lab.schemas {
        for (params, expected) in [
            ("{\"colour\":1}", "unknown_option"),
            ("{\"colour\":", "invalid_json"),
            ("[]", "invalid_argument"),
            ("null", "invalid_argument"),
            ("{\"wait_ms\":null}", "invalid_argument"),
        ] {
            let called = lab.client.call(method, Some(params));
            assert_eq!(code(&called), expected, "{method} {params}");
            assert_eq!(lab.client.submit(method, Some(params)), called);
            if let Ok(params) = serde_json::from_str(params) {
                assert!(!schemas.params.is_valid(&params), "{method} {params}");
            }
        }
    }
    assert_eq!(code(&lab.client.call("no.such", None)), "unknown_method");
    assert_eq!(code(&lab.client.submit("no.such", None)), "unknown_method");
    assert_eq!(code(&lab.call("settings.get", &no_cache())), "not_linked");
}

#[test]
fn a_reply_is_handed_out_once() {
    let lab = Lab::new();
    let request = lab.submitted("methods", json!({}));
    assert_eq!(code(&lab.client.result(request + 1, 0)), "invalid_argument");
    assert_eq!(code(&lab.client.cancel_request(0)), "invalid_argument");
    lab.check("methods", &data(&lab.client.result(request, LIMIT_MS)));
    assert_eq!(code(&lab.client.result(request, 0)), "invalid_argument");
    assert_eq!(
        code(&lab.client.cancel_request(request)),
        "invalid_argument"
    );
    let another = lab.submitted("methods", json!({}));
    assert!(another > request, "numbers aren't used again");
}

#[test]
fn of_many_takers_one_gets_the_reply() {
    let lab = Lab::linked();
    lab.hold();
    let request = lab.submitted("settings.get", no_cache());
    lab.arrived(1);
    let replies: Vec<_> = std::thread::scope(|scope| {
        let takers: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| lab.client.result(request, LIMIT_MS)))
            .collect();
        lab.let_go();
        takers
            .into_iter()
            .map(|taker| taker.join().unwrap())
            .collect()
    });
    let (taken, refused): (Vec<_>, Vec<_>) = replies
        .iter()
        .map(envelope)
        .partition(|reply| reply["error"]["code"] != "invalid_argument");
    assert_eq!((taken.len(), refused.len()), (1, 7), "{taken:?}");
    lab.check("settings.get", &taken[0]["data"]);
}

#[test]
fn a_running_request_says_so_without_waiting_and_can_be_cancelled_alone() {
    let lab = Lab::linked();
    lab.hold();
    let [one, other] = [(); 2].map(|()| lab.submitted("settings.get", no_cache()));
    lab.arrived(2);
    assert_eq!(
        data(&lab.client.result(one, 0)),
        json!({"state": "running"})
    );
    assert_eq!(
        data(&lab.client.cancel_request(one)),
        json!({"cancelled": true})
    );
    assert_eq!(
        data(&lab.client.cancel_request(one)),
        json!({"cancelled": false})
    );
    assert_eq!(code(&lab.client.result(one, 0)), "cancelled");
    assert_eq!(
        data(&lab.client.result(other, 0)),
        json!({"state": "running"})
    );
    lab.client.cancel();
    assert_eq!(code(&lab.client.result(other, LIMIT_MS)), "cancelled");
    lab.let_go();
    assert_eq!(lab.data("settings.get", no_cache())["stale"], false);
}

#[test]
fn replies_that_nobody_takes_are_limited_to_64() {
    let lab = Lab::new();
    let submit = || {
        // A full lane is busy for a moment only.
        let until = Instant::now() + LIMIT;
        loop {
            let reply = lab.submit("log.next", json!({}));
            let envelope = envelope(&reply);
            if envelope["status"] == 0 {
                return Ok(envelope["data"]["request"].as_u64().unwrap());
            }
            assert_eq!(envelope["error"]["code"], "busy");
            assert_eq!(envelope["error"]["retryable"], true);
            if envelope["error"]["message"]
                .as_str()
                .unwrap()
                .starts_with("64 ")
            {
                return Err(());
            }
            assert!(Instant::now() < until);
            std::thread::yield_now();
        }
    };
    let requests: Vec<_> = (0..64).map(|_| submit().unwrap()).collect();
    assert_eq!(submit(), Err(()));
    assert!(!data(&lab.call("methods", &json!({})))["methods"].is_null());
    lab.check("log.next", &data(&lab.client.result(requests[7], LIMIT_MS)));
    let one_more = submit().unwrap();
    assert_eq!(submit(), Err(()));
    for request in requests.iter().filter(|it| **it != requests[7]) {
        lab.check("log.next", &data(&lab.client.result(*request, LIMIT_MS)));
    }
    lab.check("log.next", &data(&lab.client.result(one_more, LIMIT_MS)));
    assert!(submit().is_ok());
}

#[test]
fn a_full_lane_is_busy_and_logins_are_not_behind_it() {
    let lab = Lab::linked();
    lab.hold();
    let held: Vec<_> = (0..4)
        .map(|_| lab.submitted("settings.get", no_cache()))
        .collect();
    assert_eq!(code(&lab.submit("settings.get", no_cache())), "busy");
    assert_eq!(code(&lab.call("settings.get", &no_cache())), "busy");
    assert_eq!(
        lab.taken("device.start", json!({"wait_ms": LIMIT_MS}))["state"],
        "pending"
    );
    assert_eq!(lab.data("device.cancel", json!({}))["state"], "cancelled");
    assert_eq!(lab.data("account.get", json!({}))["state"], "linked");
    data(&lab.client.cancel_request(held[0]));
    let next = lab.submitted("settings.get", no_cache());
    lab.let_go();
    assert_eq!(code(&lab.client.result(held[0], 0)), "cancelled");
    let settings = data(&lab.client.result(next, LIMIT_MS));
    assert_eq!(settings["source"], "network");
}

#[test]
fn one_call_after_the_other_is_never_busy() {
    let lab = Lab::linked();
    for _ in 0..300 {
        lab.taken("device.poll", json!({}));
        lab.taken("limit.check", json!({"limit": "list.count", "have": 1}));
        lab.data("settings.get", json!({}));
    }
}

/// Lets callers wait in every way there is on a server that says nothing, ends them, and gives what each was told.
fn freed(lab: &Lab, end: impl Fn()) -> Vec<String> {
    lab.hold();
    let begun = Instant::now();
    let codes = std::thread::scope(|scope| {
        let submitted = lab.submitted("settings.get", no_cache());
        let mut waiting = Vec::new();
        for _ in 0..2 {
            waiting
                .push(scope.spawn(|| lab.client.call("settings.get", Some("{\"max_age_ms\":0}"))));
        }
        waiting.push(scope.spawn(|| lab.client.next_events(LIMIT_MS)));
        waiting.push(scope.spawn(move || lab.client.result(submitted, LIMIT_MS)));
        lab.arrived(3);
        // A caller that comes only now isn't among those that are ended, so there may have to be another end.
        while !waiting.iter().all(|caller| caller.is_finished()) {
            end();
            std::thread::yield_now();
        }
        waiting
            .into_iter()
            .map(|caller| code(&caller.join().unwrap()))
            .collect()
    });
    assert!(begun.elapsed() < LIMIT / 2, "{:?}", begun.elapsed());
    codes
}

#[test]
fn cancel_frees_every_caller_and_the_client_works_on() {
    let lab = Lab::linked();
    lab.data("events.next", json!({}));
    assert_eq!(freed(&lab, || lab.client.cancel()), ["cancelled"; 4]);
    lab.let_go();
    assert_eq!(lab.data("settings.get", no_cache())["source"], "network");
    lab.assert_clean();
}

#[test]
fn close_frees_every_caller_and_leaves_nothing_behind() {
    let lab = Lab::linked();
    lab.data("events.next", json!({}));
    let ended = freed(&lab, || assert_eq!(lab.client.close(LIMIT_MS), 0));
    assert_eq!(ended, ["closed"; 4]);
    assert_eq!(code(&lab.client.call("account.get", None)), "closed");
    assert_eq!(code(&lab.client.submit("settings.get", None)), "closed");
    assert_eq!(lab.client.close(0), 0);
}
