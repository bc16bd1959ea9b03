//! Settings, lists, limits, rates and account states as a client sees them.

mod common;

use common::{Lab, address, raw};
use serde_json::{Value, json};
use trakt_sim::Options;

#[test]
fn each_shape_of_the_settings_has_its_marks() {
    let lab = Lab::new();
    let token = lab.issue().access;
    let mut seen = Vec::new();
    for shape in ["s1", "s2", "s3", "s4", "s5", "s6", "s7"] {
        lab.control("/settings", json!({"shape": shape}));
        let body = lab.get("/users/settings?extended=browsing", &token).body;
        let bom = body.starts_with(b"\xef\xbb\xbf");
        assert_eq!(bom, shape == "s1");
        let json: Value = serde_json::from_slice(&body[if bom { 3 } else { 0 }..]).unwrap();
        assert_eq!(json["user"]["username"], "simulated", "{shape}");
        let has = |path: &str| !json.pointer(path).unwrap_or(&Value::Null).is_null();
        seen.push((
            shape,
            has("/user/ids/uuid"),
            has("/limits"),
            has("/permissions"),
            has("/connections"),
            has("/browsing"),
        ));
    }
    assert_eq!(
        seen,
        [
            ("s1", false, false, false, true, false),
            ("s2", false, false, false, true, false),
            ("s3", true, true, false, true, false),
            ("s4", true, true, false, true, false),
            ("s5", true, true, true, true, false),
            ("s6", true, true, true, true, true),
            ("s7", true, true, true, false, true),
        ]
    );
    lab.assert_clean();
}

#[test]
fn settings_follow_the_account_and_can_be_anything() {
    let lab = Lab::new();
    let token = lab.issue().access;
    let settings = |lab: &Lab| lab.get("/users/settings", &token);
    lab.control("/account", json!({"username": "Other", "vip": true}));
    let json = settings(&lab).json();
    assert_eq!(json["user"]["username"], "Other");
    assert_eq!(json["user"]["ids"]["slug"], "other");
    assert_eq!(json["limits"]["list"]["count"], 100);
    assert_eq!(json["browsing"], Value::Null);

    let limits = json!({"new": {"count": 1}});
    let permissions = json!({"commenting": false});
    lab.control(
        "/settings",
        json!({"limits": limits, "permissions": permissions}),
    );
    let json = settings(&lab).json();
    assert_eq!(
        (&json["limits"], &json["permissions"]),
        (&limits, &permissions)
    );

    let odd = "{\"user\":{\"username\":\"ä\"},\"n\":12345678901234567890.50} ";
    lab.control("/settings", json!({"raw": odd}));
    assert_eq!(settings(&lab).text(), odd);
    lab.control("/settings", json!({"shape": "s5"}));
    let text = settings(&lab).text();
    assert!(text.contains("r=pg\\u0026s=256"), "escapes stay as written");
    assert!(
        text.contains("\"commenting\":true"),
        "a shape begins afresh"
    );
    assert!(
        lab.sim
            .try_control("/settings", json!({"shape": "s8"}))
            .is_err()
    );
}

#[test]
fn favorites_and_lists_have_as_many_entries_as_a_test_wants() {
    let lab = Lab::new();
    let token = lab.issue().access;
    lab.control("/config", json!({"favorites_items": 3, "lists": [5, 250]}));
    let favorites = lab.get("/sync/favorites?page=1&limit=1", &token);
    assert_eq!(favorites.number("X-Pagination-Item-Count"), 3);
    let lists = lab.get("/users/me/lists?page=1&limit=100", &token).json();
    assert_eq!(lists.as_array().unwrap().len(), 2);
    assert_eq!(lists[1]["item_count"], 250);
    lab.assert_clean();
}

#[test]
fn the_picture_of_the_account_is_where_the_settings_say() {
    let lab = Lab::new();
    let token = lab.issue().access;
    let url = lab.get("/users/settings", &token).json()["user"]["images"]["avatar"]["full"].clone();
    let path = url
        .as_str()
        .and_then(|url| url.strip_prefix(lab.sim.auth_url()));
    let picture = lab.browse(path.unwrap());
    assert_eq!(picture.status, 200);
    assert_eq!(picture.header("Content-Type"), Some("image/png"));
    lab.assert_clean();
}

#[test]
fn history_is_paged_and_the_same_each_time() {
    let lab = Lab::new();
    let token = lab.issue().access;
    let mut ids = Vec::new();
    for page in 1..=4 {
        let reply = lab.get(&format!("/sync/history?page={page}"), &token);
        assert_eq!(reply.number("X-Pagination-Page"), page);
        assert_eq!(reply.number("X-Pagination-Limit"), 100);
        assert_eq!(reply.number("X-Pagination-Page-Count"), 3);
        assert_eq!(reply.number("X-Pagination-Item-Count"), 257);
        let items = reply.json();
        ids.extend(
            items
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["id"].as_i64().unwrap()),
        );
    }
    assert_eq!(ids.len(), 257);
    assert!(ids.is_sorted_by(|a, b| a > b));
    assert!(ids[256] > 1 << 53);
    let clamped = lab.get("/sync/history?limit=1000", &token);
    assert_eq!(clamped.number("X-Pagination-Limit"), 250);
    let movies = lab.get("/sync/history/movies?limit=250", &token).json();
    assert!(
        movies
            .as_array()
            .unwrap()
            .iter()
            .all(|item| item["type"] == "movie")
    );
    assert_eq!(lab.get("/sync/history?page=0", &token).status, 400);
    lab.control("/config", json!({"pagination_headers": false}));
    assert_eq!(
        lab.get("/sync/history", &token).header("X-Pagination-Page"),
        None
    );
    lab.assert_clean();
}

#[test]
fn plays_are_added_and_removed() {
    let lab = Lab::new();
    let token = lab.issue().access;
    let body = json!({"movies": [{"ids": {"trakt": 1}}, {"ids": {"trakt": 900_000_000}}]});
    let reply = lab.api("POST", "/sync/history", &token, Some(body));
    assert_eq!(reply.status, 201);
    let answer = reply.json();
    assert_eq!(answer["added"], json!({"movies": 1, "episodes": 0}));
    assert_eq!(
        answer["not_found"]["movies"][0]["ids"]["trakt"],
        900_000_000
    );
    let newest = lab.get("/sync/history?limit=1", &token).json()[0].clone();
    assert_eq!(newest["movie"]["ids"]["trakt"], 1);
    let activities = lab.get("/sync/last_activities", &token).json();
    assert_eq!(activities["movies"]["watched_at"], newest["watched_at"]);

    lab.advance(1000);
    let body = json!({"ids": [newest["id"], 5]});
    let gone = lab
        .api("POST", "/sync/history/remove", &token, Some(body))
        .json();
    assert_eq!(gone["deleted"]["movies"], 1);
    assert_eq!(gone["not_found"]["ids"], json!([5]));
    lab.advance(1000);
    let nameless = json!({"movies": [{"year": 1999}]});
    assert_eq!(
        lab.api("POST", "/sync/history", &token, Some(nameless))
            .status,
        422
    );
    assert_eq!(lab.violations().len(), 1);
    assert_eq!(lab.violations()[0].0, "body");
}

#[test]
fn the_watchlist_ends_at_its_limit() {
    let lab = Lab::new();
    let token = lab.issue().access;
    lab.control(
        "/settings",
        json!({"limits": {"watchlist": {"item_count": 2}}}),
    );
    let add = |ids: &[u64]| {
        lab.advance(1000);
        let movies: Vec<Value> = ids.iter().map(|id| json!({"ids": {"trakt": id}})).collect();
        lab.api(
            "POST",
            "/sync/watchlist",
            &token,
            Some(json!({"movies": movies})),
        )
    };
    let reply = add(&[1, 2]);
    assert_eq!(reply.status, 201);
    assert_eq!(reply.json()["list"]["item_count"], 2);
    assert_eq!(add(&[1]).json()["existing"]["movies"], 1);
    let over = add(&[3]);
    assert_eq!(over.status, 420);
    assert_eq!(over.header("X-Account-Limit"), Some("2"));
    assert_eq!(over.header("X-VIP-User"), Some("false"));
    assert!(over.header("X-Upgrade-URL").is_some());
    lab.control("/config", json!({"account_limit_headers": false}));
    let bare = add(&[3]);
    assert_eq!((bare.status, bare.header("X-Account-Limit")), (420, None));
    assert_eq!(
        lab.get("/sync/watchlist", &token)
            .number("X-Pagination-Item-Count"),
        2
    );

    lab.advance(1000);
    let noted = json!({"movies": [{"ids": {"trakt": 1}, "notes": "soon"}]});
    let vip = lab.api("POST", "/sync/watchlist", &token, Some(noted.clone()));
    assert_eq!(vip.status, 426);
    assert!(vip.header("X-Upgrade-URL").is_some());
    lab.control("/config", json!({"vip_headers": false}));
    lab.advance(1000);
    let vip = lab.api("POST", "/sync/watchlist", &token, Some(noted));
    assert_eq!((vip.status, vip.header("X-Upgrade-URL")), (426, None));
    lab.advance(1000);
    let body = json!({"movies": [{"ids": {"trakt": 1}}]});
    let gone = lab
        .api("POST", "/sync/watchlist/remove", &token, Some(body))
        .json();
    assert_eq!(gone["deleted"]["movies"], 1);
    lab.assert_clean();
}

#[test]
fn tokens_decide() {
    let lab = Lab::new();
    for token in ["", "unknown"] {
        let reply = lab.get("/users/settings", token);
        assert_eq!((reply.status, reply.text().as_str()), (401, ""));
    }
    let tokens = lab.issue();
    lab.control("/tokens/expire_access", json!({}));
    assert_eq!(lab.probe(&tokens.access), 401);
    assert_eq!(lab.refresh(&tokens).status, 200);
    let tokens = lab.issue();
    lab.control("/tokens/end_session", json!({}));
    assert_eq!(lab.probe(&tokens.access), 401);
    assert_eq!(
        lab.refresh(&tokens).json()["error_description"],
        "session not found"
    );
    assert_eq!(lab.get("/movies/trending", "").status, 200);
    assert_eq!(lab.get("/no/such/path", "").status, 404);
    lab.assert_clean();
}

#[test]
fn a_locked_account_is_423() {
    let lab = Lab::new();
    let token = lab.issue().access;
    lab.control("/account", json!({"locked": true}));
    let reply = lab.get("/users/settings", &token);
    assert_eq!(reply.status, 423);
    assert_eq!(reply.header("X-Account-Locked"), Some("true"));
    assert_eq!(reply.header("X-Account-Deactivated"), Some("false"));
    lab.control("/config", json!({"account_locked_headers": false}));
    lab.control("/account", json!({"locked": false, "deactivated": true}));
    let reply = lab.get("/users/settings", &token);
    assert_eq!(
        (reply.status, reply.header("X-Account-Locked")),
        (423, None)
    );
    lab.assert_clean();
}

#[test]
fn writes_keep_their_distance() {
    let lab = Lab::new();
    lab.control("/config", json!({"write_interval_ms": 60_000}));
    let token = lab.issue().access;
    let write = || lab.api("POST", "/sync/history", &token, Some(json!({"movies": []})));
    assert_eq!(write().status, 201);
    let reply = write();
    assert_eq!(reply.status, 429);
    assert!((40..=60).contains(&reply.number("Retry-After")));
    let bucket: Value = serde_json::from_str(reply.header("X-Ratelimit").unwrap()).unwrap();
    assert_eq!(bucket["name"], "AUTHED_API_POST_LIMIT");
    assert_eq!(
        (&bucket["limit"], &bucket["remaining"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(lab.violations()[0].0, "write_rate");
    lab.control(
        "/config",
        json!({"retry_after": "date", "rate_limit_headers": false}),
    );
    let reply = write();
    assert!(reply.header("Retry-After").unwrap().ends_with(" GMT"));
    assert_eq!(reply.header("X-Ratelimit"), None);
    lab.advance(60_000);
    assert_eq!(write().status, 201);
    lab.control("/config", json!({"rate_limits": false}));
    assert_eq!(write().status, 201);
    assert_eq!(lab.violations().len(), 2);
}

#[test]
fn reads_have_a_window() {
    let lab = Lab::new();
    lab.control("/config", json!({"get_limit": 2}));
    let token = lab.issue().access;
    assert_eq!(
        [lab.probe(&token), lab.probe(&token), lab.probe(&token)],
        [200, 200, 429]
    );
    assert_eq!(
        lab.get("/movies/trending", "").status,
        200,
        "another bucket"
    );
    assert_eq!(lab.violations()[0].0, "read_rate");
    lab.advance(300_000);
    assert_eq!(lab.probe(&token), 200);
}

#[test]
fn verbs_and_small_answers() {
    let lab = Lab::with(Options {
        vip: true,
        ..Options::default()
    });
    let token = lab.issue().access;
    let me = lab.get("/users/me?extended=full", &token).json();
    assert_eq!((&me["vip"], &me["deleted"]), (&json!(true), &json!(false)));
    lab.control("/config", json!({"old_profile": true}));
    let old = lab.get("/users/simulated", &token).json();
    assert_eq!(
        (&old["deleted"], &old["ids"]["trakt"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(lab.get("/users/me/watching", &token).status, 204);
    assert_eq!(lab.get("/users/settings/plex", &token).status, 200);

    let playback = lab.get("/sync/playback/episodes", &token).json();
    assert_eq!(playback.as_array().unwrap().len(), 1);
    let path = format!("/sync/playback/{}", playback[0]["id"]);
    assert_eq!(lab.api("DELETE", &path, &token, None).status, 204);
    lab.advance(1000);
    assert_eq!(lab.api("DELETE", &path, &token, None).status, 404);
    lab.advance(1000);
    let body = json!({"user": {"name": "New Name"}});
    assert_eq!(
        lab.api("PUT", "/users/settings", &token, Some(body)).status,
        201
    );
    let settings = lab.get("/users/settings", &token).json();
    assert_eq!(settings["user"]["name"], "New Name");
    lab.advance(1000);
    assert_eq!(lab.api("DELETE", "/users/me", &token, None).status, 405);
    lab.assert_clean();
}

#[test]
fn connections_are_kept_and_chunked_bodies_are_read() {
    let lab = Lab::new();
    let token = lab.issue().access;
    for _ in 0..3 {
        lab.probe(&token);
    }
    let numbers: Vec<Value> = lab
        .log("/sync/last_activities")
        .iter()
        .map(|entry| entry["connection"].clone())
        .collect();
    assert!(
        numbers.iter().all(|number| *number == numbers[0]),
        "{numbers:?}"
    );

    let auth = lab.sim.auth_url();
    let body = json!({"client_id": lab.sim.client_id()}).to_string();
    let (first, second) = body.split_at(20);
    let chunked = format!(
        "POST /oauth/device/code HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
         User-Agent: lab/1\r\ntrakt-api-version: 2\r\ntrakt-api-key: {}\r\nConnection: close\r\n\
         Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
        address(auth),
        lab.sim.client_id(),
        first.len(),
        second.len()
    );
    let mut socket = common::connect(auth);
    std::io::Write::write_all(&mut socket, chunked.as_bytes()).unwrap();
    let answer = common::read_all(&mut socket).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    lab.assert_clean();
    assert_eq!(raw(auth, "nonsense", &[], "").0, 400);
    assert_eq!(lab.violations()[0].0, "http");
}
