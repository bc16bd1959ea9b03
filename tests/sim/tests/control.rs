//! The control API itself, the clock, the pages for a browser, HTTPS and the binary.

mod common;

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use common::{Lab, raw};
use serde_json::{Value, json};
use trakt_sim::{Options, Sim};

fn date(lab: &Lab) -> String {
    let reply = lab.get("/movies/trending?limit=1", "");
    reply.header("Date").unwrap().to_owned()
}

#[test]
fn the_clock_moves_dates_and_ages() {
    let lab = Lab::new();
    let before = date(&lab);
    lab.control(
        "/clock",
        json!({"wall_offset_ms": 400 * 24 * 3_600_000_i64}),
    );
    let shifted = date(&lab);
    assert_ne!(before[12..16], shifted[12..16], "the year changes");
    lab.control("/clock", json!({"wall_offset_ms": 0}));
    let code = lab.ask_code();
    lab.advance(500_000);
    let state = lab.control("/state", json!({}));
    assert_eq!(state["codes"][0]["state"], "pending");
    lab.advance(100_000);
    let state = lab.control("/state", json!({}));
    assert_eq!(state["codes"][0]["state"], "expired");
    assert_eq!(state["codes"][0]["user_code"], code["user_code"]);
    let entry = &lab.log("/oauth/device/code")[0];
    assert!(entry["sim_ms"].as_i64() >= entry["at_ms"].as_i64());
}

#[test]
fn http_and_rust_control_are_the_same() {
    let lab = Lab::new();
    let url = lab.sim.control_url();
    let (status, body) = raw(url, "POST /config", &[], "{\"device_interval_s\":1}");
    assert_eq!(status, 200);
    let config: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(config["device_interval_s"], 1);
    assert_eq!(lab.ask_code()["interval"], 1);
    let (_, log) = raw(
        url,
        "GET /log/wait?path=/oauth/*&count=1&timeout_ms=5000&done=1",
        &[],
        "",
    );
    let log: Value = serde_json::from_str(&log).unwrap();
    assert_eq!(log["requests"][0]["path"], "/oauth/device/code");
    assert_eq!(
        log["requests"][0]["headers"]["user-agent"],
        "lab/1.0 (tests)"
    );
    let (_, since) = raw(url, "GET /log?since=1", &[], "");
    assert_eq!(since, r#"{"last":1,"requests":[]}"#);
    for (request, body) in [
        ("POST /config", "{\"colour\":1}"),
        ("POST /config", "nonsense"),
        ("POST /nowhere", ""),
        ("POST /clock", "{\"advance\":1}"),
        ("POST /account", "{\"vip\":\"perhaps\"}"),
    ] {
        let (status, answer) = raw(url, request, &[], body);
        assert_eq!(status, 400, "{request}");
        assert!(answer.starts_with("{\"error\":"), "{answer}");
    }
}

#[test]
fn waiting_ends_with_what_there_is() {
    let lab = Lab::new();
    let answer = lab.control("/log/wait", json!({"path": "/nothing", "timeout_ms": 20}));
    assert_eq!(answer, json!({"requests": [], "last": 0, "timeout": true}));
}

#[test]
fn a_wait_is_woken_by_the_request() {
    let lab = Lab::new();
    let token = lab.issue().access;
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let params = json!({"path": "/users/me", "count": 2, "timeout_ms": 20_000});
            lab.control("/log/wait", params)
        });
        lab.get("/users/me", &token);
        lab.get("/users/me", &token);
        let answer = waiter.join().unwrap();
        assert_eq!(answer["requests"].as_array().unwrap().len(), 2);
        assert_eq!(answer["requests"][1]["bearer"], "access_1");
    });
}

#[test]
fn reset_forgets_everything_but_the_app() {
    let lab = Lab::new();
    let tokens = lab.issue();
    lab.ask_code();
    lab.auth("/oauth/device/code", json!({"client_id": "unknown"}));
    lab.control("/account", json!({"username": "other"}));
    lab.control("/config", json!({"rate_limits": false}));
    lab.control("/fault", json!({"kind": "status", "times": 0}));
    lab.advance(5000);
    lab.control("/reset", json!({}));
    lab.assert_clean();
    let state = lab.control("/state", json!({}));
    assert_eq!(state["account"]["username"], "simulated");
    assert_eq!(state["config"]["rate_limits"], true);
    assert_eq!(state["clock"]["advanced_ms"], 0);
    for empty in ["codes", "tokens", "sessions", "faults"] {
        assert_eq!(state[empty], json!([]), "{empty}");
    }
    assert_eq!(state["clients"][0]["client_id"], lab.sim.client_id());
    assert_eq!(lab.probe(&tokens.access), 401);
}

#[test]
fn a_seed_makes_ids_repeatable() {
    let id = |seed: Option<u64>| {
        let options = Options {
            seed,
            ..Options::default()
        };
        Sim::start(options).unwrap().client_id().to_owned()
    };
    assert_eq!(id(Some(7)), id(Some(7)));
    assert_ne!(id(Some(7)), id(Some(8)));
    assert_ne!(id(None), id(None));
}

#[test]
fn a_browser_approves_a_code() {
    let lab = Lab::new();
    let code = lab.ask_code();
    let typed = code["user_code"].as_str().unwrap().to_lowercase();
    assert!(
        lab.browse("/activate")
            .text()
            .contains("<label for=\"code\">")
    );
    let sent = lab.submit("/activate", &[("code", &format!(" {} ", &typed))]);
    let page = format!("/activate/{}", code["user_code"].as_str().unwrap());
    assert_eq!(
        (sent.status, sent.header("Location")),
        (303, Some(page.as_str()))
    );
    let text = lab.browse(&page).text();
    assert!(
        text.contains("libtrakt test app") && text.contains("lab/1.0"),
        "{text}"
    );
    assert!(text.contains(code["user_code"].as_str().unwrap()));
    assert!(
        lab.submit(&page, &[("decision", "approve")])
            .text()
            .contains("Approved")
    );
    assert_eq!(lab.poll(&code["device_code"]).status, 200);
    assert_eq!(lab.browse(&page).status, 409);
    assert_eq!(lab.browse("/activate/XXXXXXXX").status, 404);
    let attack = lab.browse("/activate/%3Cscript%3E").text();
    assert!(!attack.contains("<script"), "{attack}");
    lab.assert_clean();
}

#[test]
fn a_browser_denies_a_code() {
    let lab = Lab::new();
    let code = lab.ask_code();
    let page = format!("/activate/{}", code["user_code"].as_str().unwrap());
    assert!(
        lab.submit(&page, &[("decision", "deny")])
            .text()
            .contains("Denied")
    );
    assert_eq!(lab.poll(&code["device_code"]).status, 418);
}

#[test]
fn a_browser_gives_access_to_an_app() {
    let lab = Lab::new();
    let path = format!(
        "/oauth/authorize?response_type=code&client_id={}&redirect_uri=https%3A%2F%2Fexample.com%2Fcallback\
         &state=abc&code_challenge={}&code_challenge_method=S256",
        lab.sim.client_id(),
        "c".repeat(43)
    );
    assert!(
        lab.browse(&path)
            .text()
            .contains("https://example.com/callback")
    );
    let sent = lab.submit(&path, &[("decision", "approve")]);
    assert_eq!(sent.status, 302);
    let location = sent.header("Location").unwrap();
    assert!(
        location.starts_with("https://example.com/callback?code="),
        "{location}"
    );
    assert!(location.ends_with("&state=abc"), "{location}");
    let denied = lab.submit(&path, &[("decision", "deny")]);
    assert!(
        denied
            .header("Location")
            .unwrap()
            .contains("error=access_denied")
    );
    lab.assert_clean();
    assert_eq!(
        lab.browse("/oauth/authorize?response_type=code").status,
        400
    );
    assert_eq!(lab.violations()[0].0, "authorize");
}

#[test]
fn https_with_good_and_bad_certificates() {
    let lab = Lab::with(Options {
        https: true,
        ..Options::default()
    });
    assert!(lab.sim.auth_url().starts_with("https://127.0.0.1:"));
    lab.ask_code();
    let token = lab.issue().access;
    assert_eq!(lab.probe(&token), 200);
    let named = lab.sim.api_url().replace("127.0.0.1", "localhost");
    let url = format!("{named}/users/me");
    assert_eq!(
        lab.send("GET", &url, Some(&token), None).unwrap().status,
        200
    );
    for kind in ["lost", "cut", "reset", "cut_before"] {
        lab.control("/fault", json!({"kind": kind}));
        assert!(
            lab.try_api("GET", "/users/me", &token, None).is_err(),
            "{kind}"
        );
    }
    for (kind, trouble) in [
        ("expired", "Expired"),
        ("not_yet_valid", "NotValidYet"),
        ("wrong_name", "NotValidForName"),
        ("unknown_ca", "UnknownIssuer"),
    ] {
        lab.control("/config", json!({"certificate": kind}));
        let error = lab.try_api("GET", "/users/me", &token, None).unwrap_err();
        assert!(format!("{error:?}").contains(trouble), "{kind}: {error:?}");
    }
    lab.control("/config", json!({"certificate": "good"}));
    assert_eq!(lab.probe(&token), 200);
    let file = lab.sim.ca_file().unwrap().to_owned();
    assert!(file.exists());
    drop(lab);
    assert!(!file.exists());
}

#[test]
fn the_binary_announces_itself_and_ends_with_its_input() {
    for by_quit in [false, true] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_trakt-sim"))
            .args(["--vip", "--seed", "3"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let says: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(says["client_id"].as_str().unwrap().len(), 64);
        assert_eq!(says["client_secret"].as_str().unwrap().len(), 64);
        assert_eq!(says["redirect_uri"], "https://example.com/callback");
        assert_eq!(says["ca_file"], Value::Null);
        let control = says["control_url"].as_str().unwrap();
        let (_, state) = raw(control, "GET /state", &[], "");
        let state: Value = serde_json::from_str(&state).unwrap();
        assert_eq!(state["account"]["vip"], true);
        let mut input = child.stdin.take().unwrap();
        input.write_all(b"ignored\n").unwrap();
        if by_quit {
            assert_eq!(raw(control, "POST /quit", &[], "").0, 200);
            assert!(child.wait().unwrap().success());
        } else {
            drop(input);
            assert!(child.wait().unwrap().success());
        }
    }
}
