//! Device codes, token exchange, refresh and revocation as a client sees them.

mod common;

use common::{Lab, OOB, Reply, Tokens};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

fn error_of(reply: &Reply) -> String {
    reply.json()["error"].as_str().unwrap().to_owned()
}

#[test]
fn a_device_code_goes_from_pending_to_tokens_once() {
    let lab = Lab::new();
    let code = lab.ask_code();
    assert_eq!(code["expires_in"], 600);
    assert_eq!(code["interval"], 5);
    assert_eq!(code["user_code"].as_str().unwrap().len(), 8);
    let url = format!("{}/activate", lab.sim.auth_url());
    assert_eq!(code["verification_url"], url);

    let pending = lab.poll(&code["device_code"]);
    assert_eq!((pending.status, pending.text().as_str()), (400, ""));
    lab.control("/approve", json!({}));
    lab.advance(5000);
    let reply = lab.poll(&code["device_code"]);
    assert_eq!(reply.status, 200);
    let text = reply.text();
    let order = [
        "access_token",
        "token_type",
        "expires_in",
        "refresh_token",
        "scope",
        "created_at",
    ];
    let places: Vec<usize> = order.iter().map(|key| text.find(key).unwrap()).collect();
    assert!(places.is_sorted(), "{text}");
    assert_eq!(lab.probe(&Tokens::of(&reply.json()).access), 200);

    lab.advance(5000);
    assert_eq!(lab.poll(&code["device_code"]).status, 409);
    lab.assert_clean();
}

#[test]
fn each_end_of_a_code_has_its_status() {
    for (path, status) in [("/deny", 418), ("/expire", 410), ("/use_up", 409)] {
        let lab = Lab::new();
        let code = lab.ask_code();
        lab.control(path, json!({"user_code": code["user_code"]}));
        assert_eq!(lab.poll(&code["device_code"]).status, status, "{path}");
        lab.assert_clean();
    }
    let lab = Lab::new();
    let code = lab.ask_code();
    assert_eq!(lab.poll(&json!("no-such-code")).status, 404);
    lab.advance(600_000);
    assert_eq!(lab.poll(&code["device_code"]).status, 410);
    assert!(lab.sim.try_control("/approve", json!({})).is_err());
}

#[test]
fn a_poll_too_early_is_refused_and_recorded() {
    let lab = Lab::new();
    lab.control("/config", json!({"device_interval_s": 60}));
    let code = lab.ask_code();
    lab.poll(&code["device_code"]);
    lab.advance(30_000);
    let early = lab.poll(&code["device_code"]);
    assert_eq!(early.status, 429);
    assert!((10..=30).contains(&early.number("Retry-After")));
    assert_eq!(lab.violations()[0].0, "poll_rate");
    lab.advance(60_000);
    assert_eq!(lab.poll(&code["device_code"]).status, 400);
    assert_eq!(lab.violations().len(), 1);

    lab.control(
        "/config",
        json!({"slow_down_style": "json", "slow_down_adds_s": 60}),
    );
    assert_eq!(error_of(&lab.poll(&code["device_code"])), "slow_down");
    lab.advance(60_000);
    assert_eq!(error_of(&lab.poll(&code["device_code"])), "slow_down");
    lab.advance(180_000);
    assert_eq!(lab.poll(&code["device_code"]).text(), "");
}

#[test]
fn a_poll_that_a_fault_hits_counts_for_the_interval() {
    let lab = Lab::new();
    lab.control("/config", json!({"device_interval_s": 60}));
    let code = lab.ask_code();
    lab.control("/fault", json!({"kind": "status", "status": 500}));
    assert_eq!(lab.poll(&code["device_code"]).status, 500);
    assert_eq!(lab.poll(&code["device_code"]).status, 429);
}

#[test]
fn pending_comes_in_four_styles() {
    let lab = Lab::new();
    let code = lab.ask_code();
    for (style, kind, body) in [
        ("empty", "application/json", ""),
        ("text", "application/json", "Not yet."),
        ("html", "text/html", "<!DOCTYPE html>"),
        (
            "json",
            "application/json",
            r#"{"error":"authorization_pending""#,
        ),
    ] {
        lab.control("/config", json!({"pending_style": style}));
        let reply = lab.poll(&code["device_code"]);
        assert_eq!(reply.status, 400);
        assert!(reply.text().starts_with(body), "{style}");
        assert!(reply.header("Content-Type").unwrap().starts_with(kind));
        lab.advance(5000);
    }
    lab.assert_clean();
}

#[test]
fn a_refresh_token_works_once_and_its_reuse_ends_the_session() {
    let lab = Lab::new();
    let old = lab.issue();
    let reply = lab.refresh(&old);
    assert_eq!(reply.status, 200);
    let new = Tokens::of(&reply.json());
    assert_ne!(new.refresh, old.refresh);
    assert_eq!(lab.probe(&new.access), 200);
    lab.assert_clean();

    let again = lab.refresh(&old);
    assert_eq!(
        (again.status, error_of(&again).as_str()),
        (400, "invalid_grant")
    );
    assert_eq!(again.json()["error_description"], "session not found");
    assert_eq!(lab.probe(&old.access), 401);
    assert_eq!(lab.probe(&new.access), 401);
    assert_eq!(lab.refresh(&new).status, 400);
    let kinds: Vec<String> = lab.violations().into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["refresh_reuse"]);
}

#[test]
fn a_reuse_after_a_lost_answer_is_no_violation_but_ends_the_session_too() {
    let lab = Lab::new();
    let old = lab.issue();
    lab.control(
        "/fault",
        json!({"kind": "lost", "match": {"path": "/oauth/token"}}),
    );
    assert!(
        lab.try_auth("/oauth/token", lab.refresh_body(&old))
            .is_err()
    );
    assert_eq!(error_of(&lab.refresh(&old)), "invalid_grant");
    assert_eq!(lab.probe(&old.access), 401);
    lab.assert_clean();
}

#[test]
fn old_error_style_is_401_with_a_challenge() {
    let lab = Lab::new();
    lab.control("/config", json!({"oauth_error_style": "old"}));
    let tokens = lab.issue();
    lab.control("/tokens/end_session", json!({}));
    let reply = lab.refresh(&tokens);
    assert_eq!(reply.status, 401);
    assert_eq!(
        reply.header("WWW-Authenticate"),
        Some("Bearer realm=\"Doorkeeper\", error=\"invalid_grant\"")
    );
    assert_eq!(error_of(&reply), "invalid_grant");
}

#[test]
fn a_refresh_carries_the_redirect_uri_of_its_pair() {
    let lab = Lab::new();
    let tokens = lab.issue();
    let mut body = lab.refresh_body(&tokens);
    body["redirect_uri"] = json!(lab.sim.redirect_uri());
    assert_eq!(
        error_of(&lab.auth("/oauth/token", body.clone())),
        "invalid_grant"
    );
    body.as_object_mut().unwrap().remove("redirect_uri");
    let missing = lab.auth("/oauth/token", body.clone());
    assert_eq!(error_of(&missing), "invalid_request");
    assert_eq!(lab.violations().len(), 2);
    lab.control("/config", json!({"strict_redirect_uri": false}));
    assert_eq!(lab.auth("/oauth/token", body).status, 200);
}

#[test]
fn secrets_are_optional_but_must_be_right() {
    let lab = Lab::new();
    let tokens = lab.issue();
    let mut body = lab.refresh_body(&tokens);
    body["client_secret"] = json!("wrong");
    assert_eq!(
        error_of(&lab.auth("/oauth/token", body.clone())),
        "invalid_client"
    );
    assert_eq!(lab.violations().len(), 1);
    body.as_object_mut().unwrap().remove("client_secret");
    lab.control("/config", json!({"secret_required": true}));
    assert_eq!(
        error_of(&lab.auth("/oauth/token", body.clone())),
        "invalid_client"
    );
    lab.control("/config", json!({"secret_required": false}));
    assert_eq!(lab.auth("/oauth/token", body).status, 200);
    assert_eq!(lab.violations().len(), 1);
}

#[test]
fn token_answers_can_be_of_any_age() {
    let lab = Lab::new();
    let stamp = |style: &str| {
        lab.control("/config", json!({"created_at": style}));
        lab.control("/tokens/issue", json!({}))["created_at"].as_i64()
    };
    let (now, past, future) = (
        stamp("now").unwrap(),
        stamp("past").unwrap(),
        stamp("future"),
    );
    assert!(past < now - 360 * 24 * 3600 && future.unwrap() > now + 360 * 24 * 3600);
    assert_eq!(stamp("absent"), None);

    lab.control("/config", json!({"access_lifetime_s": 7200}));
    let tokens = lab.issue();
    lab.advance(7_100_000);
    assert_eq!(lab.probe(&tokens.access), 200);
    lab.advance(100_000);
    assert_eq!(lab.probe(&tokens.access), 401);
    assert_eq!(lab.refresh(&tokens).status, 200);
    lab.assert_clean();
}

#[test]
fn a_refresh_may_end_the_old_access_token_or_keep_the_refresh_token() {
    let lab = Lab::new();
    lab.control("/config", json!({"refresh_kills_access": true}));
    let old = lab.issue();
    assert_eq!(lab.refresh(&old).status, 200);
    assert_eq!(lab.probe(&old.access), 401);

    lab.control(
        "/config",
        json!({"refresh_kills_access": false, "rotate_refresh": false}),
    );
    let kept = lab.issue();
    let new = Tokens::of(&lab.refresh(&kept).json());
    assert_eq!(new.refresh, kept.refresh);
    assert_eq!(lab.probe(&kept.access), 200);
    assert_eq!(lab.refresh(&kept).status, 200);
    lab.assert_clean();
}

#[test]
fn revocation_ends_the_session() {
    let lab = Lab::new();
    let revoke = |token: &str| {
        lab.auth(
            "/oauth/revoke",
            json!({"token": token, "client_id": lab.sim.client_id(),
                "client_secret": lab.sim.client_secret()}),
        )
    };
    let tokens = lab.issue();
    let reply = revoke(&tokens.access);
    assert_eq!((reply.status, reply.text().as_str()), (200, "{}"));
    assert_eq!(lab.probe(&tokens.access), 401);
    assert_eq!(error_of(&lab.refresh(&tokens)), "invalid_grant");
    lab.control("/config", json!({"revoke_style": "empty"}));
    assert_eq!(revoke("unknown").text(), "");

    let expired = lab.issue();
    lab.control("/tokens/expire_access", json!({}));
    assert_eq!(revoke(&expired.access).status, 200);
    assert_eq!(
        lab.refresh(&expired).status,
        200,
        "an expired token revokes nothing"
    );
    lab.assert_clean();
    revoke(&expired.refresh);
    assert_eq!(lab.violations()[0].0, "revoke");
}

fn authorize_url(lab: &Lab, challenge: &str) -> String {
    format!(
        "{}/oauth/authorize?response_type=code&client_id={}&redirect_uri=https%3A%2F%2Fexample.com%2Fcallback\
         &state=s%20t&code_challenge={challenge}&code_challenge_method=S256",
        lab.sim.auth_url(),
        lab.sim.client_id()
    )
}

fn challenge(verifier: &str) -> String {
    use base64::Engine;
    let hash = digest(&SHA256, verifier.as_bytes());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash.as_ref())
}

fn code_in(location: &Value) -> String {
    let (_, rest) = location.as_str().unwrap().split_once("code=").unwrap();
    rest.split('&').next().unwrap().to_owned()
}

fn exchange_body(lab: &Lab, code: &str, verifier: &str) -> Value {
    json!({
        "grant_type": "authorization_code",
        "code": code,
        "client_id": lab.sim.client_id(),
        "redirect_uri": lab.sim.redirect_uri(),
        "code_verifier": verifier,
    })
}

#[test]
fn an_authorization_code_is_bound_to_its_verifier_and_works_once() {
    let lab = Lab::new();
    let verifier = "v".repeat(43);
    let url = authorize_url(&lab, &challenge(&verifier));
    let location = lab.control("/authorize", json!({"url": url}))["location"].clone();
    let text = location.as_str().unwrap();
    assert!(
        text.starts_with("https://example.com/callback?code="),
        "{text}"
    );
    assert!(text.ends_with("&state=s%20t"), "{text}");
    let code = code_in(&location);

    let reply = lab.auth("/oauth/token", exchange_body(&lab, &code, &verifier));
    assert_eq!(reply.status, 200, "{}", reply.text());
    let tokens = Tokens::of(&reply.json());
    assert_eq!(lab.probe(&tokens.access), 200);
    lab.assert_clean();

    let mut body = lab.refresh_body(&tokens);
    body["redirect_uri"] = json!(OOB);
    assert_eq!(lab.auth("/oauth/token", body.clone()).status, 400);
    body["redirect_uri"] = json!(lab.sim.redirect_uri());
    assert_eq!(lab.auth("/oauth/token", body).status, 200);

    let again = lab.auth("/oauth/token", exchange_body(&lab, &code, &verifier));
    assert_eq!(error_of(&again), "invalid_grant");
    assert_eq!(lab.probe(&tokens.access), 401);
}

#[test]
fn wrong_verifiers_and_redirects_are_refused() {
    let lab = Lab::new();
    let right = "r".repeat(64);
    for (verifier, with) in [
        ("w".repeat(64), right.clone()),
        ("short".into(), "short".into()),
        ("l".repeat(129), "l".repeat(129)),
        ("no spaces please ".repeat(4), "no spaces please ".repeat(4)),
    ] {
        let url = authorize_url(&lab, &challenge(&with));
        let location = lab.control("/authorize", json!({"url": url}))["location"].clone();
        let body = exchange_body(&lab, &code_in(&location), &verifier);
        assert_eq!(error_of(&lab.auth("/oauth/token", body)), "invalid_grant");
        assert_eq!(lab.violations().pop().unwrap().0, "pkce");
    }
    let url = authorize_url(&lab, &challenge(&right));
    let location = lab.control("/authorize", json!({"url": url}))["location"].clone();
    let mut body = exchange_body(&lab, &code_in(&location), &right);
    body["redirect_uri"] = json!("https://example.com/callback/");
    assert_eq!(error_of(&lab.auth("/oauth/token", body)), "invalid_grant");
    assert_eq!(lab.violations().pop().unwrap().0, "redirect_uri");
}

#[test]
fn authorize_urls_are_checked() {
    let lab = Lab::new();
    let good = authorize_url(&lab, &challenge(&"v".repeat(43)));
    for (from, to) in [
        ("response_type=code", "response_type=token"),
        ("client_id=", "client_id=x"),
        ("%2Fcallback", "%2Fcallback%2F"),
        ("S256", "plain"),
        ("code_challenge=", "code_challenge=x"),
        ("&state", "&colour=red&state"),
        ("/oauth/authorize", "/oauth/authorise"),
    ] {
        let bad = good.replacen(from, to, 1);
        let before = lab.violations().len();
        assert!(
            lab.sim
                .try_control("/authorize", json!({"url": bad}))
                .is_err(),
            "{bad}"
        );
        assert_eq!(lab.violations().len(), before + 1, "{bad}");
    }
    let denied = lab.control("/authorize", json!({"url": good, "deny": true}));
    let location = denied["location"].as_str().unwrap();
    assert!(location.contains("?error=access_denied&"), "{location}");
    assert!(location.ends_with("&state=s%20t"), "{location}");
}

#[test]
fn a_refused_app_is_told_so_everywhere() {
    let lab = Lab::new();
    let tokens = lab.issue();
    lab.control("/account", json!({"app_refused": true}));
    let body = json!({"client_id": lab.sim.client_id()});
    assert_eq!(
        error_of(&lab.auth("/oauth/device/code", body)),
        "invalid_client"
    );
    assert_eq!(error_of(&lab.refresh(&tokens)), "invalid_client");
    assert_eq!(lab.probe(&tokens.access), 403);
    lab.control("/account", json!({"app_refused": false}));
    assert_eq!(lab.refresh(&tokens).status, 200);
    lab.assert_clean();
}

#[test]
fn apps_have_codes_and_tokens_of_their_own() {
    let lab = Lab::new();
    let other = lab.control("/clients", json!({}));
    let code = lab.ask_code();
    lab.control("/approve", json!({}));
    let body = json!({"code": code["device_code"], "client_id": other["client_id"]});
    assert_eq!(lab.auth("/oauth/device/token", body).status, 404);
    let issued = lab.control("/tokens/issue", json!({"client_id": other["client_id"]}));
    assert_eq!(lab.refresh(&Tokens::of(&issued)).status, 400);
    let kinds: Vec<String> = lab.violations().into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["headers", "client"]);
}
