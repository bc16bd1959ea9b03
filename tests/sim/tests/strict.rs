//! Every breach of the protocol is answered as Trakt would and recorded.

mod common;

use common::{Lab, address, raw};
use serde_json::json;

fn device_code(lab: &Lab, change: impl Fn(&mut Vec<(&str, String)>), body: &str) -> (u16, String) {
    let url = lab.sim.auth_url();
    send(lab, url, "POST /oauth/device/code", change, body)
}

fn settings(lab: &Lab, change: impl Fn(&mut Vec<(&str, String)>), body: &str) -> (u16, String) {
    let token = lab.issue().access;
    let with_token = |headers: &mut Vec<(&str, String)>| {
        headers.push(("Authorization", format!("Bearer {token}")));
        change(headers);
    };
    let url = lab.sim.api_url();
    send(lab, url, "GET /users/settings", with_token, body)
}

fn send(
    lab: &Lab,
    url: &str,
    request: &str,
    change: impl Fn(&mut Vec<(&str, String)>),
    body: &str,
) -> (u16, String) {
    let mut headers = vec![
        ("Host", address(url).to_owned()),
        ("Content-Type", "application/json".to_owned()),
        ("User-Agent", "lab/1.0".to_owned()),
        ("trakt-api-version", "2".to_owned()),
        ("trakt-api-key", lab.sim.client_id().to_owned()),
    ];
    change(&mut headers);
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    raw(url, request, &headers, body)
}

fn without(name: &'static str) -> impl Fn(&mut Vec<(&str, String)>) {
    move |headers| headers.retain(|(key, _)| *key != name)
}

fn with(name: &'static str, value: &'static str) -> impl Fn(&mut Vec<(&str, String)>) {
    move |headers| {
        headers.retain(|(key, _)| *key != name);
        headers.push((name, value.to_owned()));
    }
}

fn good_body(lab: &Lab) -> String {
    json!({"client_id": lab.sim.client_id()}).to_string()
}

/// One violation of this kind was recorded, and no other.
fn assert_only(lab: &Lab, kind: &str, word: &str) {
    let violations = lab.violations();
    assert_eq!(violations.len(), 1, "{violations:?}");
    assert_eq!(violations[0].0, kind, "{violations:?}");
    assert!(violations[0].1.contains(word), "{violations:?}");
    lab.control("/reset", json!({}));
}

#[test]
fn good_requests_leave_no_mark() {
    let lab = Lab::new();
    assert_eq!(device_code(&lab, |_| {}, &good_body(&lab)).0, 200);
    let charset = with("Content-Type", "application/json; charset=utf-8");
    assert_eq!(device_code(&lab, charset, &good_body(&lab)).0, 200);
    assert_eq!(settings(&lab, |_| {}, "").0, 200);
    lab.assert_clean();
}

#[test]
fn headers_of_oauth_calls() {
    let lab = Lab::new();
    let body = good_body(&lab);
    let (status, page) = device_code(&lab, without("User-Agent"), &body);
    assert_eq!(status, 403);
    assert!(page.contains("Sorry, you have been blocked"));
    assert_only(&lab, "headers", "User-Agent");
    device_code(&lab, with("User-Agent", "nameless"), &body);
    assert_only(&lab, "headers", "Name/Version");

    let form = with("Content-Type", "application/x-www-form-urlencoded");
    let (status, text) = device_code(&lab, form, &body);
    assert_eq!(
        (status, text.as_str()),
        (
            400,
            r#"{"error":"invalid_request","error_description":"client_id is required"}"#
        )
    );
    assert_only(&lab, "headers", "Content-Type");

    assert_eq!(
        device_code(&lab, without("trakt-api-version"), &body).0,
        200
    );
    assert_only(&lab, "headers", "trakt-api-version");
    assert_eq!(device_code(&lab, without("trakt-api-key"), &body).0, 200);
    assert_only(&lab, "headers", "trakt-api-key");
    lab.control("/config", json!({"oauth_api_key": false}));
    assert_eq!(device_code(&lab, without("trakt-api-key"), &body).0, 200);
    lab.assert_clean();
    let bearer = with("Authorization", "Bearer x");
    assert_eq!(device_code(&lab, bearer, &body).0, 400);
    assert_only(&lab, "headers", "Authorization");
    device_code(&lab, with("Host", "auth.example.com"), &body);
    assert_only(&lab, "headers", "Host");
    let twice = |headers: &mut Vec<(&str, String)>| {
        headers.push(("trakt-api-version", "2".to_owned()));
    };
    device_code(&lab, twice, &body);
    assert_only(&lab, "headers", "more than once");
}

#[test]
fn bodies_of_oauth_calls() {
    let lab = Lab::new();
    let id = lab.sim.client_id().to_owned();
    for (body, word) in [
        (
            json!({"client_id": id, "colour": "red"}).to_string(),
            "colour",
        ),
        (json!({"client_id": [id]}).to_string(), "no text"),
        ("{\"client_id\":".to_owned(), "no JSON"),
        ("[]".to_owned(), "no JSON object"),
        (String::new(), "empty"),
    ] {
        let (status, text) = device_code(&lab, |_| {}, &body);
        assert_eq!(status, 400, "{body}");
        assert!(text.contains("invalid_request"), "{text}");
        let violations = lab.violations();
        assert_eq!(violations[0].0, "body");
        assert!(violations[0].1.contains(word), "{violations:?}");
        lab.control("/reset", json!({}));
    }
    let (status, text) = device_code(&lab, |_| {}, "{\"client_id\":\"unknown\"}");
    assert_eq!(status, 400);
    assert!(text.contains("invalid_client"));
    assert_only(&lab, "client", "client_id");

    let reply = lab.auth("/oauth/token", json!({"grant_type": "password"}));
    assert_eq!(reply.json()["error"], "unsupported_grant_type");
    assert_eq!(lab.violations()[0].0, "body");
}

#[test]
fn each_host_keeps_to_its_paths() {
    let lab = Lab::new();
    let body = good_body(&lab);
    let api = lab.sim.api_url();
    let auth = lab.sim.auth_url();
    assert_eq!(
        send(&lab, api, "POST /oauth/device/code", |_| {}, &body).0,
        404
    );
    assert_only(&lab, "host", "belongs to the auth host");
    assert_eq!(send(&lab, auth, "GET /users/settings", |_| {}, "").0, 404);
    assert_only(&lab, "host", "auth host");
    assert_eq!(send(&lab, auth, "GET /oauth/token", |_| {}, "").0, 404);
    assert_only(&lab, "method", "GET");
}

#[test]
fn headers_of_api_calls() {
    let lab = Lab::new();
    assert_eq!(settings(&lab, without("User-Agent"), "").0, 403);
    assert_only(&lab, "headers", "User-Agent");
    assert_eq!(settings(&lab, without("Content-Type"), "").0, 412);
    assert_only(&lab, "headers", "Content-Type");
    assert_eq!(settings(&lab, with("trakt-api-version", "1"), "").0, 412);
    assert_only(&lab, "headers", "trakt-api-version");
    assert_eq!(settings(&lab, without("trakt-api-key"), "").0, 403);
    assert_only(&lab, "headers", "trakt-api-key");
    let (status, text) = settings(&lab, with("trakt-api-key", "wrong"), "");
    assert_eq!(status, 403);
    assert!(text.starts_with('{'));
    assert_only(&lab, "client", "not registered");
    lab.control("/config", json!({"forbidden_style": "text"}));
    let (_, text) = settings(&lab, with("trakt-api-key", "wrong"), "");
    assert_eq!(text, "Forbidden");
    lab.control("/reset", json!({}));
    assert_eq!(settings(&lab, |_| {}, "{}").0, 400);
    assert_only(&lab, "body", "GET");
    assert_eq!(settings(&lab, with("Authorization", "Basic x"), "").0, 401);
    assert_only(&lab, "headers", "Bearer");
}

#[test]
fn secrets_in_the_wrong_place_are_noticed() {
    let lab = Lab::new();
    let tokens = lab.issue();
    let path = format!("/sync/history?x={}", tokens.access);
    lab.get(&path, &tokens.access);
    assert_only(&lab, "leak", "access token");
    lab.get("/movies/trending?client_id=1", "");
    assert_only(&lab, "leak", "query");
    let tokens = lab.issue();
    assert_eq!(lab.probe(&tokens.refresh), 401);
    let kinds: Vec<String> = lab.violations().into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["leak", "leak"]);
    lab.control("/reset", json!({}));
    let tokens = lab.issue();
    let body = json!({"movies": [{"title": lab.sim.client_secret()}]});
    lab.api("POST", "/sync/watchlist", &tokens.access, Some(body));
    assert_only(&lab, "leak", "secret");
}

#[test]
fn bodies_of_api_calls() {
    let lab = Lab::new();
    let token = lab.issue().access;
    for body in [
        json!({"colour": "red"}),
        json!({"movies": [{"colour": "red"}]}),
        json!({"movies": [7]}),
        json!([]),
    ] {
        lab.advance(1000);
        let reply = lab.api("POST", "/sync/history", &token, Some(body));
        assert_eq!(reply.status, 400);
        assert_eq!(lab.violations().pop().unwrap().0, "body");
    }
    assert_eq!(lab.violations().len(), 4);
}
