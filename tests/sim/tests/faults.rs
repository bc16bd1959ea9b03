//! Each kind of fault, seen from the client's end of the socket.

mod common;

use std::io::{ErrorKind, Read, Write};

use common::{Lab, Tokens, connect, read_all};
use serde_json::{Value, json};

const PATH: &str = "/sync/last_activities";

/// A simulator with a token and one fault on `PATH`.
fn lab_with(mut fault: Value) -> (Lab, String) {
    let lab = Lab::new();
    let token = lab.issue().access;
    fault["match"] = json!({"host": "api", "method": "GET", "path": PATH});
    lab.control("/fault", fault);
    (lab, token)
}

#[test]
fn made_answers() {
    let (lab, token) = lab_with(json!({
        "kind": "status", "status": 503, "headers": {"Retry-After": 30}, "body": "{\"a\":1}"
    }));
    let reply = lab.get(PATH, &token);
    assert_eq!((reply.status, reply.text().as_str()), (503, "{\"a\":1}"));
    assert_eq!(reply.header("Retry-After"), Some("30"));
    let entry = &lab.log(PATH)[0];
    assert_eq!(
        (&entry["fault"], &entry["status"]),
        (&json!("status"), &json!(503))
    );
    assert_eq!(entry["processed"], Value::Null);

    for (fault, status, start, server) in [
        (
            json!({"kind": "html"}),
            403,
            "<!DOCTYPE html>",
            Some("cloudflare"),
        ),
        (
            json!({"kind": "html", "status": 429}),
            429,
            "<!DOCTYPE html>",
            Some("cloudflare"),
        ),
        (
            json!({"kind": "text1010"}),
            403,
            "error code: 1010",
            Some("cloudflare"),
        ),
        (json!({"kind": "empty", "status": 502}), 502, "", None),
    ] {
        lab.control("/fault", fault.clone());
        let reply = lab.get(PATH, &token);
        assert_eq!(reply.status, status, "{fault}");
        assert!(reply.text().starts_with(start), "{fault}");
        assert_eq!(reply.header("server"), server, "{fault}");
    }
    lab.control(
        "/fault",
        json!({"kind": "redirect", "status": 307, "location": "http://a/b"}),
    );
    let reply = lab.get(PATH, &token);
    assert_eq!(
        (reply.status, reply.header("Location")),
        (307, Some("http://a/b"))
    );
    lab.control("/fault", json!({"kind": "raw", "text": "what is this"}));
    assert!(lab.try_api("GET", PATH, &token, None).is_err());
    assert_eq!(
        lab.probe(&token),
        200,
        "faults strike once unless told otherwise"
    );
    lab.assert_clean();
}

#[test]
fn times_after_and_routes() {
    let lab = Lab::new();
    let token = lab.issue().access;
    lab.control(
        "/fault",
        json!({"kind": "status", "status": 500, "times": 2, "after": 1, "match": {"path": "/sync/*"}}),
    );
    assert_eq!(lab.get("/users/settings", &token).status, 200);
    let statuses: Vec<u16> = (0..4).map(|_| lab.probe(&token)).collect();
    assert_eq!(statuses, [200, 500, 500, 200]);

    let id = lab.control(
        "/fault",
        json!({"kind": "empty", "status": 500, "times": 0}),
    )["fault"]
        .clone();
    assert_eq!([lab.probe(&token), lab.probe(&token)], [500, 500]);
    let fired = lab.control("/fault/wait", json!({"fault": id, "fired": 2}));
    assert_eq!(fired["fired"], 2);
    lab.control("/fault/clear", json!({"fault": id}));
    assert_eq!(lab.probe(&token), 200);
    assert!(
        lab.sim
            .try_control("/fault/clear", json!({"fault": id}))
            .is_err()
    );
    for wrong in [
        json!({"kind": "nothing"}),
        json!({"kind": "late"}),
        json!({"kind": "lost", "tiems": 2}),
    ] {
        assert!(lab.sim.try_control("/fault", wrong).is_err());
    }
}

/// A fault on a refresh: what the client sees, and whether the token was spent.
fn refresh_under(fault: Value) -> (bool, bool) {
    let lab = Lab::new();
    let tokens = lab.issue();
    let mut fault = fault;
    fault["match"] = json!({"host": "auth", "method": "POST", "path": "/oauth/token"});
    lab.control("/fault", fault);
    let answered = lab
        .try_auth("/oauth/token", lab.refresh_body(&tokens))
        .is_ok();
    let state = lab.control("/state", json!({}));
    let spent = state["tokens"][0]["refresh_alive"] == false;
    (answered, spent)
}

#[test]
fn lost_and_cut_answers_spend_the_token_and_cut_requests_do_not() {
    assert_eq!(refresh_under(json!({"kind": "lost"})), (false, true));
    assert_eq!(
        refresh_under(json!({"kind": "cut", "keep": 20})),
        (false, true)
    );
    assert_eq!(
        refresh_under(json!({"kind": "cut", "keep": 0})),
        (false, true)
    );
    assert_eq!(refresh_under(json!({"kind": "chunked_cut"})), (false, true));
    assert_eq!(refresh_under(json!({"kind": "cut_before"})), (false, false));
    assert_eq!(refresh_under(json!({"kind": "reset"})), (false, false));
    assert_eq!(
        refresh_under(json!({"kind": "reset", "processed": true})),
        (false, true)
    );
    assert_eq!(
        refresh_under(json!({"kind": "status", "status": 502})),
        (true, false)
    );
    assert_eq!(
        refresh_under(json!({"kind": "html", "status": 502, "processed": true})),
        (true, true)
    );
}

#[test]
fn a_cut_answer_keeps_so_many_bytes() {
    let (lab, token) = lab_with(json!({"kind": "cut", "keep": 10}));
    let mut socket = lab.open_get(PATH, &token);
    let text = read_all(&mut socket).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let length: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("Content-Length: "))
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(body.len(), 10);
    assert!(length > 10);
}

#[test]
fn a_chunked_answer_never_ends() {
    let (lab, token) = lab_with(json!({"kind": "chunked_cut"}));
    let mut socket = lab.open_get(PATH, &token);
    let text = read_all(&mut socket).unwrap();
    assert!(text.contains("Transfer-Encoding: chunked"), "{text}");
    assert!(!text.ends_with("0\r\n\r\n"), "{text}");
}

#[test]
fn closed_without_a_byte_or_reset() {
    for kind in ["lost", "cut_before"] {
        let (lab, token) = lab_with(json!({"kind": kind}));
        let mut socket = lab.open_get(PATH, &token);
        assert_eq!(read_all(&mut socket).unwrap(), "", "{kind}");
        let entry = lab.wait_log(PATH, true);
        assert_eq!(entry["status"], Value::Null);
        assert_eq!(entry["processed"] == 200, kind == "lost");
    }
    let (lab, token) = lab_with(json!({"kind": "reset"}));
    let mut socket = lab.open_get(PATH, &token);
    let error = read_all(&mut socket).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn silence_lasts_until_the_fault_is_removed() {
    let (lab, token) = lab_with(json!({"kind": "silence"}));
    let mut socket = lab.open_get(PATH, &token);
    let entry = lab.wait_log(PATH, false);
    assert_eq!(
        (&entry["done_ms"], &entry["processed"]),
        (&Value::Null, &Value::Null)
    );
    lab.control("/fault/clear", json!({}));
    assert_eq!(read_all(&mut socket).unwrap(), "");
    assert_eq!(lab.wait_log(PATH, true)["client_gone"], false);
}

#[test]
fn a_client_that_goes_away_is_noticed() {
    let (lab, token) = lab_with(json!({"kind": "silence"}));
    let socket = lab.open_get(PATH, &token);
    lab.wait_log(PATH, false);
    drop(socket);
    assert_eq!(lab.wait_log(PATH, true)["client_gone"], true);
}

#[test]
fn late_is_processed_at_once_and_delay_is_not() {
    for (kind, at_once) in [("late", true), ("delay", false)] {
        let (lab, token) = lab_with(json!({"kind": kind, "delay_ms": 3_600_000}));
        let mut socket = lab.open_get(PATH, &token);
        let entry = lab.wait_log(PATH, false);
        assert_eq!(entry["processed"] == 200, at_once, "{kind}");
        assert_eq!(entry["status"], Value::Null);
        lab.control("/fault/clear", json!({}));
        let mut start = [0; 12];
        socket.read_exact(&mut start).unwrap();
        assert_eq!(&start, b"HTTP/1.1 200");
    }
    let (lab, token) = lab_with(json!({"kind": "late", "delay_ms": 30}));
    assert_eq!(lab.probe(&token), 200);
    let entry = lab.wait_log(PATH, true);
    let took = entry["done_ms"].as_i64().unwrap() - entry["at_ms"].as_i64().unwrap();
    assert!(took >= 30, "{took}");
}

#[test]
fn a_delayed_request_is_processed_though_its_client_has_gone() {
    let lab = Lab::new();
    let tokens = lab.issue();
    let fault = json!({"kind": "delay", "delay_ms": 3_600_000, "match": {"path": "/oauth/token"}});
    lab.control("/fault", fault);
    let body = lab.refresh_body(&tokens).to_string();
    let mut socket = connect(lab.sim.auth_url());
    let request = format!(
        "POST /oauth/token HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
         User-Agent: lab/1\r\ntrakt-api-version: 2\r\ntrakt-api-key: {}\r\nContent-Length: {}\r\n\r\n{body}",
        common::address(lab.sim.auth_url()),
        lab.sim.client_id(),
        body.len()
    );
    socket.write_all(request.as_bytes()).unwrap();
    lab.wait_log("/oauth/token", false);
    drop(socket);
    let entry = lab.wait_log("/oauth/token", true);
    assert_eq!(
        (&entry["processed"], &entry["client_gone"]),
        (&json!(200), &json!(true))
    );
}

#[test]
fn answers_drip() {
    let (lab, token) = lab_with(json!({"kind": "drip", "bytes_per_tick": 200, "tick_ms": 1}));
    let reply = lab.get(PATH, &token);
    assert_eq!(reply.status, 200);
    assert!(reply.json()["all"].is_string());
    lab.control("/fault", json!({"kind": "drip", "tick_ms": 3_600_000}));
    let mut socket = lab.open_get("/users/me", &token);
    let mut start = [0; 12];
    socket.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 200");
    drop(socket);
    assert_eq!(lab.wait_log("/users/me", true)["client_gone"], true);
}

#[test]
fn dates_headers_and_bodies_are_changed() {
    let lab = Lab::new();
    let token = lab.issue().access;
    let fault = |fault: Value| lab.control("/fault", fault);
    fault(json!({"kind": "date", "value": "Tue, 01 Jan 2030 00:00:00 GMT"}));
    fault(json!({"kind": "headers", "headers": {"X-Extra": "yes"}}));
    fault(json!({"kind": "status", "status": 500}));
    let reply = lab.get(PATH, &token);
    assert_eq!(reply.status, 500);
    assert_eq!(reply.header("Date"), Some("Tue, 01 Jan 2030 00:00:00 GMT"));
    assert_eq!(reply.header("X-Extra"), Some("yes"));

    let plain = lab.get(PATH, &token);
    fault(json!({"kind": "date", "offset_ms": 604_800_000}));
    let shifted = lab.get(PATH, &token);
    assert_ne!(plain.header("Date"), shifted.header("Date"));
    fault(json!({"kind": "date", "value": ""}));
    assert_eq!(lab.get(PATH, &token).header("Date"), None);

    fault(json!({"kind": "bom"}));
    assert!(lab.get(PATH, &token).body.starts_with(b"\xef\xbb\xbf{"));
    fault(json!({"kind": "gzip"}));
    assert_eq!(lab.get(PATH, &token).json(), plain.json());
    fault(json!({"kind": "gzip"}));
    let mut socket = lab.open_get("/users/me", &token);
    let mut start = [0; 512];
    let read = socket.read(&mut start).unwrap();
    let head = String::from_utf8_lossy(&start[..read]).into_owned();
    assert!(head.contains("Content-Encoding: gzip"), "{head}");
    lab.assert_clean();
}

#[test]
fn huge_answers() {
    for fault in [
        json!({"kind": "huge", "bytes": 3_000_000}),
        json!({"kind": "huge", "bytes": 3_000_000, "length": true}),
        json!({"kind": "huge", "bytes": 3_000_000, "gzip": true}),
    ] {
        let (lab, token) = lab_with(fault.clone());
        let reply = lab.get(PATH, &token);
        assert_eq!(reply.body.len(), 3_000_000, "{fault}");
        assert!(reply.json()["pad"].is_string());
    }
}

#[test]
fn connections_can_fail_before_any_request() {
    let lab = Lab::new();
    let token = lab.issue().access;
    let id = lab.control(
        "/fault",
        json!({"kind": "handshake_silence", "match": {"host": "api"}}),
    );
    let mut socket = lab.open_get(PATH, &token);
    lab.control("/fault/wait", json!({"fault": id["fault"]}));
    assert_eq!(lab.log(PATH).len(), 0);
    lab.control("/fault/clear", json!({}));
    // The request was never read: the kernel may say so by a reset.
    let end = read_all(&mut socket);
    assert!(end.is_err() || end.unwrap().is_empty());
    lab.control("/fault", json!({"kind": "handshake_close"}));
    let mut socket = connect(lab.sim.api_url());
    assert_eq!(read_all(&mut socket).unwrap(), "");
    assert_eq!(lab.probe(&token), 200);
}

#[test]
fn violations_are_recorded_under_faults_too() {
    let lab = Lab::new();
    lab.control("/fault", json!({"kind": "status", "status": 500}));
    let reply = lab.auth("/oauth/device/code", json!({"client_id": "unknown"}));
    assert_eq!(reply.status, 500);
    assert_eq!(lab.violations()[0].0, "client");
}

#[test]
fn a_token_from_a_login_is_gone_when_its_answer_is_lost() {
    let lab = Lab::new();
    let code = lab.ask_code();
    lab.control("/approve", json!({}));
    lab.control(
        "/fault",
        json!({"kind": "lost", "match": {"path": "/oauth/device/token"}}),
    );
    let body = lab.poll_body(&code["device_code"]);
    assert!(lab.try_auth("/oauth/device/token", body).is_err());
    lab.advance(5000);
    assert_eq!(lab.poll(&code["device_code"]).status, 409);
    let issued: Tokens = lab.issue();
    assert_eq!(lab.probe(&issued.access), 200);
}
