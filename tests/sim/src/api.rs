//! The API's endpoints: settings, profile, history, watchlist, playback, last activities, trending.
//! Enough of Trakt for a client's account and for any request by name.
//! Requests arrive here checked by `strict`; knows nothing of faults and sockets.

use serde_json::{Map, Value, json};

use crate::clock::{http_date, iso_date};
use crate::config::{Config, ForbiddenStyle, RetryAfter};
use crate::grants::{Access, bearer};
use crate::http::{Request, Response};
use crate::world::World;

const UPGRADE_URL: &str = "https://trakt.tv/vip";
const MEDIA: [&str; 4] = ["movies", "shows", "seasons", "episodes"];
/// Trakt's ids of plays need 64 bits: the generated ones begin where a double loses count.
const FIRST_PLAY_ID: i64 = 9_007_199_254_740_993;
/// Media with a Trakt id from here on don't exist.
const FIRST_UNKNOWN_ID: i64 = 900_000_000;
/// 2026-01-01T00:00:00Z, the newest generated play.
const NEWEST_PLAY_MS: i64 = 1_767_225_600_000;
const HOUR_MS: i64 = 3_600_000;
const MINUTE_MS: i64 = 60_000;

/// Trakt's own refusal of a key or an app.
pub fn forbidden(config: &Config) -> Response {
    match config.forbidden_style {
        ForbiddenStyle::Json => Response::json(
            403,
            r#"{"error":"forbidden","error_description":"invalid API key or unapproved app"}"#,
        ),
        ForbiddenStyle::Empty => Response::empty(403),
        ForbiddenStyle::Text => Response::text(403, "text/plain", "Forbidden"),
    }
}

/// 429 until a simulated moment.
pub fn limited(world: &World, name: &str, until_ms: i64) -> Response {
    let wait_s = (until_ms - world.clock.sim_ms() + 999)
        .div_euclid(1000)
        .max(1);
    let mut response = Response::empty(429);
    match world.config.retry_after {
        RetryAfter::Seconds => response.set("Retry-After", wait_s.to_string()),
        RetryAfter::Date => {
            let date = http_date(world.clock.wall_ms() + wait_s * 1000);
            response.set("Retry-After", date);
        }
        RetryAfter::None => {}
    }
    if world.config.rate_limit_headers {
        let bucket = bucket_text(world, name, 0, until_ms);
        response.set("X-Ratelimit", bucket);
    }
    response
}

fn bucket_text(world: &World, name: &str, remaining: i64, until_ms: i64) -> String {
    let (period, limit) = if name.ends_with("POST_LIMIT") {
        (world.config.write_interval_ms.div_euclid(1000).max(1), 1)
    } else {
        (world.config.get_period_s, world.config.get_limit)
    };
    let until = iso_date(world.clock.wall_of(until_ms));
    format!(
        "{{\"name\":\"{name}\",\"period\":{period},\"limit\":{limit},\"remaining\":{remaining},\"until\":\"{until}\"}}"
    )
}

/// What is wrong with the keys of a body; `None` when nothing is, or when the path isn't known.
pub fn unknown_key(method: &str, path: &str, body: &Map<String, Value>) -> Option<String> {
    let media_with = |also: &'static str| [&MEDIA[..], &[also]].concat();
    let known = match (method, path) {
        ("POST", "/sync/history") => media_with("watched_at"),
        ("POST", "/sync/history/remove") => media_with("ids"),
        ("POST", "/sync/watchlist" | "/sync/watchlist/remove") => MEDIA.to_vec(),
        ("PUT", "/users/settings") => vec!["user", "browsing"],
        _ => return None,
    };
    let inner = |key: &str| -> Option<&[&str]> {
        Some(match key {
            "user" => &["name", "about", "location", "private", "dob"],
            "browsing" => &[
                "genres",
                "spoilers",
                "watchnow",
                "dark_knight",
                "watch_only_once",
                "show_rating_prompt",
                "locale",
            ],
            _ if MEDIA.contains(&key) => &[
                "title",
                "year",
                "ids",
                "watched_at",
                "seasons",
                "episodes",
                "number",
                "notes",
            ],
            _ => return None,
        })
    };
    for (key, value) in body {
        if !known.contains(&key.as_str()) {
            return Some(format!("unknown key {key}"));
        }
        let Some(allowed) = inner(key) else { continue };
        let items = value
            .as_array()
            .map_or(std::slice::from_ref(value), Vec::as_slice);
        for item in items {
            let Some(item) = item.as_object() else {
                return Some(format!("{key} holds what is no object"));
            };
            if let Some(wrong) = item.keys().find(|name| !allowed.contains(&name.as_str())) {
                return Some(format!("unknown key {key}.{wrong}"));
            }
        }
    }
    None
}

/// Whether a path takes a JSON object by POST or PUT.
pub fn takes_body(method: &str, path: &str) -> bool {
    matches!(
        (method, path),
        (
            "POST",
            "/sync/history" | "/sync/history/remove" | "/sync/watchlist" | "/sync/watchlist/remove"
        ) | ("PUT", "/users/settings")
    )
}

/// Answers a call of the API host.
pub fn answer(world: &mut World, request: &Request) -> Response {
    if world.account.app_refused {
        return forbidden(&world.config);
    }
    let path = request.path.trim_matches('/').to_owned();
    let parts: Vec<&str> = path.split('/').collect();
    let Some(route) = route(&parts) else {
        return Response::empty(404);
    };
    let authed = match authorize(world, request) {
        Ok(authed) => authed,
        Err(_) if route == Route::Trending => false,
        Err(refused) => return refused,
    };
    let response = call(world, request, route, &parts);
    with_bucket(world, request, response, authed)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    /// `GET /` is refused with a key.
    Root,
    Settings,
    Plex,
    Profile,
    Watching,
    LastActivities,
    History,
    HistoryRemove,
    Watchlist,
    WatchlistRemove,
    Favorites,
    Lists,
    Playback,
    Trending,
}

fn route(parts: &[&str]) -> Option<Route> {
    let media = |word: &str| MEDIA.contains(&word);
    Some(match parts {
        [""] => Route::Root,
        ["users", "settings"] => Route::Settings,
        ["users", "settings", "plex"] => Route::Plex,
        ["users", _] => Route::Profile,
        ["users", _, "watching"] => Route::Watching,
        ["sync", "last_activities"] => Route::LastActivities,
        ["sync", "history", "remove"] => Route::HistoryRemove,
        ["sync", "history"] => Route::History,
        ["sync", "history", kind] | ["sync", "history", kind, _] if media(kind) => Route::History,
        ["sync", "watchlist", "remove"] => Route::WatchlistRemove,
        ["sync", "watchlist"] => Route::Watchlist,
        ["sync", "watchlist", kind, ..] if media(kind) && parts.len() <= 5 => Route::Watchlist,
        ["sync", "favorites"] => Route::Favorites,
        ["users", "me", "lists"] => Route::Lists,
        ["sync", "playback"] | ["sync", "playback", _] => Route::Playback,
        ["movies" | "shows", "trending"] => Route::Trending,
        _ => return None,
    })
}

/// 401 without a living token, 423 for a locked account.
fn authorize(world: &World, request: &Request) -> Result<bool, Response> {
    let now = world.clock.sim_ms();
    let alive =
        bearer(request).is_some_and(|token| world.grants.access(token, now) == Access::Alive);
    if !alive {
        return Err(Response::empty(401));
    }
    let account = &world.account;
    if account.locked || account.deactivated {
        let mut response = Response::empty(423);
        if world.config.account_locked_headers {
            response.set("X-Account-Locked", account.locked.to_string());
            response.set("X-Account-Deactivated", account.deactivated.to_string());
        }
        return Err(response);
    }
    Ok(true)
}

fn with_bucket(world: &World, request: &Request, response: Response, authed: bool) -> Response {
    let reads = matches!(request.method.as_str(), "GET" | "HEAD");
    if !world.config.rate_limit_headers || !world.config.rate_limits || !reads {
        return response;
    }
    let (window, name) = if authed {
        (world.user_reads, "AUTHED_API_GET_LIMIT")
    } else {
        (world.client_reads, "UNAUTHED_API_GET_LIMIT")
    };
    let remaining = (world.config.get_limit - window.used).max(0);
    let until = window.since_ms + world.config.get_period_s * 1000;
    let text = bucket_text(world, name, remaining, until);
    response.with("X-Ratelimit", text)
}

fn call(world: &mut World, request: &Request, route: Route, parts: &[&str]) -> Response {
    let method = request.method.as_str();
    let body = || serde_json::from_slice(&request.body).unwrap_or(Value::Null);
    match (route, method) {
        (Route::Root, _) => Response::empty(412),
        (Route::Settings, "GET" | "HEAD") => {
            let browsing = extended(request).iter().any(|word| word == "browsing");
            Response::json(200, world.settings.body(&world.account, browsing))
        }
        (Route::Settings, "PUT") => put_settings(world, &body()),
        (Route::Plex, "GET") if world.account.vip => {
            Response::json(200, r#"{"webhook_url":"https://webhooks.trakt.tv/0"}"#)
        }
        (Route::Plex, "GET") => vip_only(world),
        (Route::Profile, "GET") => profile(world, request, parts.get(1).copied()),
        (Route::Watching, "GET") => Response::empty(204),
        (Route::LastActivities, "GET") => Response::json(200, last_activities(world).to_string()),
        (Route::History, "GET") => history(world, request, parts),
        (Route::History, "POST") => add_history(world, &body()),
        (Route::HistoryRemove, "POST") => remove_history(world, &body()),
        (Route::Watchlist, "GET") => {
            let items = of_kind(&world.watchlist, parts.get(2).copied());
            page(world, request, items)
        }
        (Route::Watchlist, "POST") => add_watchlist(world, &body()),
        (Route::WatchlistRemove, "POST") => remove_watchlist(world, &body()),
        (Route::Favorites, "GET") => page(world, request, favorites(world)),
        (Route::Lists, "GET") => page(world, request, lists(world)),
        (Route::Playback, "GET") => {
            let items = of_kind(&world.playback, parts.get(2).copied());
            page(world, request, items)
        }
        (Route::Playback, "DELETE") => delete_playback(world, parts.get(2).copied()),
        (Route::Trending, "GET") => {
            let kind = parts.first().copied().unwrap_or_default();
            page(world, request, trending(kind))
        }
        _ => Response::empty(405),
    }
}

fn extended(request: &Request) -> Vec<String> {
    let value = request.query_value("extended").unwrap_or_default();
    value.split(',').map(str::to_owned).collect()
}

fn put_settings(world: &mut World, body: &Value) -> Response {
    if let Some(name) = body["user"]["name"].as_str() {
        name.clone_into(&mut world.account.name);
    }
    let mut response = Response::empty(201);
    response.headers.clear();
    response
}

fn vip_only(world: &World) -> Response {
    let response = Response::empty(426);
    if world.config.vip_headers {
        response.with("X-Upgrade-URL", UPGRADE_URL)
    } else {
        response
    }
}

fn profile(world: &World, request: &Request, id: Option<&str>) -> Response {
    let account = &world.account;
    if id != Some("me") && id != Some(account.slug.as_str()) {
        return Response::empty(404);
    }
    let mut ids = json!({"slug": account.slug});
    let mut profile = json!({
        "username": account.username,
        "private": false,
        "name": account.name,
        "vip": account.vip,
        "vip_ep": false,
    });
    if !world.config.old_profile {
        ids["trakt"] = json!(4096);
        profile["deleted"] = json!(false);
        profile["director"] = json!(false);
    }
    profile["ids"] = ids;
    if extended(request).iter().any(|word| word == "full") {
        profile["joined_at"] = json!("2012-03-04T05:06:07.000Z");
        profile["location"] = json!("Lisbon");
        profile["about"] = Value::Null;
        profile["gender"] = Value::Null;
        profile["age"] = Value::Null;
    }
    Response::json(200, profile.to_string())
}

/// A page of a list, as the query asks for it.
fn page(world: &World, request: &Request, items: Vec<Value>) -> Response {
    let asked = |name: &str, default: usize| match request.query_value(name) {
        None => Some(default),
        Some(text) => text.parse::<usize>().ok().filter(|number| *number > 0),
    };
    let default = world.config.page_limit_default;
    let (Some(number), Some(limit)) = (asked("page", 1), asked("limit", default)) else {
        return Response::empty(400);
    };
    let limit = limit.min(world.config.page_limit_max);
    let count = items.len();
    let shown: Vec<Value> = items
        .into_iter()
        .skip(limit.saturating_mul(number - 1))
        .take(limit)
        .collect();
    let mut response = Response::json(200, Value::from(shown).to_string());
    if world.config.pagination_headers {
        response.set("X-Pagination-Page", number.to_string());
        response.set("X-Pagination-Limit", limit.to_string());
        response.set("X-Pagination-Page-Count", count.div_ceil(limit).to_string());
        response.set("X-Pagination-Item-Count", count.to_string());
    }
    response
}

/// Entries of one kind (`movies`), or all.
fn of_kind(items: &[Value], kind: Option<&str>) -> Vec<Value> {
    let one = kind.map(|kind| kind.trim_end_matches('s'));
    items
        .iter()
        .filter(|item| one.is_none_or(|one| item["type"] == one))
        .cloned()
        .collect()
}

fn movie(n: usize) -> Value {
    json!({
        "title": format!("Film {n}"),
        "year": 1950 + n % 75,
        "ids": {"trakt": n, "slug": format!("film-{n}"), "imdb": format!("tt{n:07}"), "tmdb": 10_000 + n},
    })
}

fn show(n: usize) -> Value {
    json!({
        "title": format!("Series {n}"),
        "year": 1990 + n % 35,
        "ids": {"trakt": n, "slug": format!("series-{n}"), "tvdb": 20_000 + n, "imdb": format!("tt{n:07}"), "tmdb": 30_000 + n},
    })
}

fn favorites(world: &World) -> Vec<Value> {
    let one = |n| json!({"rank": n + 1, "id": 80_000 + n, "listed_at": iso_date(NEWEST_PLAY_MS), "type": "movie", "movie": movie(n + 1)});
    (0..world.config.favorites_items).map(one).collect()
}

fn lists(world: &World) -> Vec<Value> {
    let sizes = world.config.lists.iter().enumerate();
    sizes
        .map(|(n, size)| {
            json!({
                "name": format!("List {n}"),
                "privacy": "private",
                "item_count": size,
                "updated_at": iso_date(NEWEST_PLAY_MS),
                "ids": {"trakt": 90_000 + n, "slug": format!("list-{n}")},
            })
        })
        .collect()
}

/// A play of the generated history; 0 is the newest.
fn generated_play(n: usize, count: usize) -> Value {
    let back = i64::try_from(n).unwrap_or(0);
    let id = FIRST_PLAY_ID + i64::try_from(count).unwrap_or(0) - 1 - back;
    let watched_at = iso_date(NEWEST_PLAY_MS - back * 3 * HOUR_MS);
    let mut play = json!({"id": id, "watched_at": watched_at, "action": "scrobble"});
    if n.is_multiple_of(2) {
        play["type"] = json!("movie");
        play["movie"] = movie(n + 1);
    } else {
        play["type"] = json!("episode");
        play["episode"] = json!({
            "season": 1 + n / 20,
            "number": 1 + n % 20,
            "title": format!("Part {n}"),
            "ids": {"trakt": 50_000 + n, "tvdb": 60_000 + n, "imdb": null, "tmdb": 70_000 + n},
        });
        play["show"] = show(1 + n / 40);
    }
    play
}

fn history(world: &World, request: &Request, parts: &[&str]) -> Response {
    let count = world.config.history_items;
    let mut items = world.history.clone();
    items.extend((0..count).map(|n| generated_play(n, count)));
    let mut items = of_kind(&items, parts.get(2).copied());
    if let Some(id) = parts.get(3) {
        items.retain(|item| {
            let media = &item[item["type"].as_str().unwrap_or_default()];
            media["ids"]["trakt"].as_i64() == id.parse().ok() || media["ids"]["slug"] == *id
        });
    }
    page(world, request, items)
}

/// The media of a body: kind (`movies`) and item.
fn media_of(body: &Value) -> Vec<(&'static str, Value)> {
    MEDIA
        .iter()
        .flat_map(|kind| {
            let items = body[*kind].as_array().cloned().unwrap_or_default();
            items.into_iter().map(|item| (*kind, item))
        })
        .collect()
}

fn is_unknown(item: &Value) -> bool {
    item["ids"]["trakt"]
        .as_i64()
        .is_some_and(|id| id >= FIRST_UNKNOWN_ID)
}

fn is_nameless(item: &Value) -> bool {
    let has_id = item["ids"].as_object().is_some_and(|ids| !ids.is_empty());
    !has_id && !item["title"].is_string() && !item["number"].is_number()
}

fn counts(kinds: &[&str], items: &[(&'static str, Value)]) -> Value {
    let of = |kind: &str| items.iter().filter(|(found, _)| *found == kind).count();
    kinds
        .iter()
        .map(|kind| ((*kind).to_owned(), json!(of(kind))))
        .collect::<Map<String, Value>>()
        .into()
}

fn echoes(items: &[(&'static str, Value)]) -> Value {
    let of = |kind: &str| -> Vec<Value> {
        let kept = items.iter().filter(|(found, _)| *found == kind);
        kept.map(|(_, item)| item.clone()).collect()
    };
    MEDIA
        .iter()
        .map(|kind| ((*kind).to_owned(), json!(of(kind))))
        .collect::<Map<String, Value>>()
        .into()
}

type Media = Vec<(&'static str, Value)>;

/// Media of a body, apart those that don't exist; 422 when one can't be told at all.
fn sorted_media(body: &Value) -> Result<(Media, Media), Response> {
    let media = media_of(body);
    if media.iter().any(|(_, item)| is_nameless(item)) {
        return Err(Response::empty(422));
    }
    Ok(media.into_iter().partition(|(_, item)| !is_unknown(item)))
}

fn next_id(world: &mut World) -> i64 {
    world.last_item += 1;
    FIRST_PLAY_ID + 1_000_000 + world.last_item
}

fn now_text(world: &World) -> String {
    iso_date(world.clock.wall_ms())
}

fn add_history(world: &mut World, body: &Value) -> Response {
    let (found, missing) = match sorted_media(body) {
        Ok(sorted) => sorted,
        Err(refused) => return refused,
    };
    let now = now_text(world);
    for (kind, item) in &found {
        let one = kind.trim_end_matches('s');
        let watched_at = [&item["watched_at"], &body["watched_at"]]
            .into_iter()
            .find(|value| value.is_string())
            .cloned()
            .unwrap_or_else(|| json!(now));
        let id = next_id(world);
        let mut play = json!({"id": id, "watched_at": watched_at, "action": "watch", "type": one});
        play[one] = item.clone();
        world.history.insert(0, play);
    }
    let answer = json!({
        "added": counts(&["movies", "episodes"], &found),
        "not_found": echoes(&missing),
    });
    Response::json(world.config.history_status, answer.to_string())
}

fn remove_history(world: &mut World, body: &Value) -> Response {
    let ids: Vec<i64> = body["ids"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_i64)
        .collect();
    let media = media_of(body);
    let (gone, kept): (Vec<Value>, Vec<Value>) = world.history.drain(..).partition(|play| {
        let kind = play["type"].as_str().unwrap_or_default();
        ids.contains(&play["id"].as_i64().unwrap_or(0))
            || media.iter().any(|(found, item)| {
                found.trim_end_matches('s') == kind && item["ids"] == play[kind]["ids"]
            })
    });
    world.history = kept;
    let of = |kind: &str| gone.iter().filter(|play| play["type"] == kind).count();
    let missing: Vec<i64> = ids
        .into_iter()
        .filter(|id| !gone.iter().any(|play| play["id"] == *id))
        .collect();
    let mut not_found = echoes(&[]);
    not_found["ids"] = json!(missing);
    let answer = json!({
        "deleted": {"movies": of("movie"), "episodes": of("episode")},
        "not_found": not_found,
    });
    Response::json(200, answer.to_string())
}

fn in_watchlist(world: &World, kind: &str, item: &Value) -> Option<usize> {
    let one = kind.trim_end_matches('s');
    world
        .watchlist
        .iter()
        .position(|entry| entry["type"] == one && entry[one]["ids"] == item["ids"])
}

fn add_watchlist(world: &mut World, body: &Value) -> Response {
    let (found, missing) = match sorted_media(body) {
        Ok(sorted) => sorted,
        Err(refused) => return refused,
    };
    let notes = found.iter().any(|(_, item)| item["notes"].is_string());
    if notes && !world.account.vip {
        return vip_only(world);
    }
    let (existing, new): (Media, Media) = found
        .into_iter()
        .partition(|(kind, item)| in_watchlist(world, kind, item).is_some());
    let limit = world
        .settings
        .limit(&world.account, "watchlist", "item_count");
    let count = i64::try_from(world.watchlist.len() + new.len()).unwrap_or(i64::MAX);
    if let Some(limit) = limit.filter(|limit| count > *limit) {
        return over_limit(world, limit);
    }
    let now = now_text(world);
    for (kind, item) in &new {
        let one = kind.trim_end_matches('s');
        let id = next_id(world);
        let mut entry = json!({"id": id, "listed_at": now, "notes": item["notes"], "type": one});
        entry[one] = item.clone();
        world.watchlist.insert(0, entry);
    }
    for (rank, entry) in world.watchlist.iter_mut().enumerate() {
        entry["rank"] = json!(rank + 1);
    }
    let answer = json!({
        "added": counts(&MEDIA, &new),
        "existing": counts(&MEDIA, &existing),
        "not_found": echoes(&missing),
        "list": {"updated_at": now, "item_count": world.watchlist.len()},
    });
    Response::json(201, answer.to_string())
}

fn over_limit(world: &World, limit: i64) -> Response {
    let mut response = Response::empty(420);
    if world.config.account_limit_headers {
        response.set("X-Upgrade-URL", UPGRADE_URL);
        response.set("X-VIP-User", world.account.vip.to_string());
        response.set("X-Account-Limit", limit.to_string());
    }
    response
}

fn remove_watchlist(world: &mut World, body: &Value) -> Response {
    let (mut gone, mut missing) = (Vec::new(), Vec::new());
    for (kind, item) in media_of(body) {
        match in_watchlist(world, kind, &item) {
            Some(place) => {
                world.watchlist.remove(place);
                gone.push((kind, item));
            }
            None => missing.push((kind, item)),
        }
    }
    let answer = json!({
        "deleted": counts(&MEDIA, &gone),
        "not_found": echoes(&missing),
        "list": {"updated_at": now_text(world), "item_count": world.watchlist.len()},
    });
    Response::json(200, answer.to_string())
}

/// The playback entries of a fresh account.
pub fn first_playback() -> Vec<Value> {
    let paused = |minutes: i64| iso_date(NEWEST_PLAY_MS - minutes * MINUTE_MS);
    vec![
        json!({"id": FIRST_PLAY_ID + 11, "progress": 41.25, "paused_at": paused(5), "type": "movie", "movie": movie(7)}),
        json!({
            "id": FIRST_PLAY_ID + 12, "progress": 9.5, "paused_at": paused(90), "type": "episode",
            "episode": {"season": 0, "number": 1, "title": null, "ids": {"trakt": 50_900, "tvdb": null, "imdb": null, "tmdb": null}},
            "show": show(9),
        }),
    ]
}

fn delete_playback(world: &mut World, id: Option<&str>) -> Response {
    let place = world
        .playback
        .iter()
        .position(|item| Some(item["id"].to_string().as_str()) == id);
    match place {
        Some(place) => {
            world.playback.remove(place);
            Response::empty(204)
        }
        None => Response::empty(404),
    }
}

fn trending(kind: &str) -> Vec<Value> {
    (1..=120)
        .map(|n| match kind {
            "movies" => json!({"watchers": 500 - n, "movie": movie(n)}),
            _ => json!({"watchers": 500 - n, "show": show(n)}),
        })
        .collect()
}

fn last_activities(world: &World) -> Value {
    let old = iso_date(NEWEST_PLAY_MS);
    let latest = |items: &[Value], key: &str| {
        let newest = items.first().and_then(|item| item[key].as_str());
        newest.unwrap_or(old.as_str()).to_owned()
    };
    let watched = latest(&world.history, "watched_at");
    let listed = latest(&world.watchlist, "listed_at");
    let media = json!({
        "watched_at": watched, "collected_at": old, "rated_at": old, "watchlisted_at": listed,
        "favorited_at": old, "commented_at": old, "paused_at": old, "hidden_at": old,
    });
    json!({
        "all": watched.clone().max(listed.clone()),
        "movies": media,
        "episodes": {"watched_at": watched, "collected_at": old, "rated_at": old,
            "watchlisted_at": listed, "commented_at": old, "paused_at": old},
        "shows": {"rated_at": old, "watchlisted_at": listed, "favorited_at": old,
            "commented_at": old, "hidden_at": old, "dropped_at": old},
        "seasons": {"rated_at": old, "watchlisted_at": listed, "commented_at": old, "hidden_at": old},
        "comments": {"liked_at": old, "blocked_at": old},
        "lists": {"liked_at": old, "updated_at": old, "commented_at": old},
        "watchlist": {"updated_at": listed},
        "favorites": {"updated_at": old},
        "collaborations": {"updated_at": old},
        "account": {"settings_at": old, "followed_at": old, "following_at": old,
            "pending_at": old, "requested_at": old},
        "saved_filters": {"updated_at": old},
        "notes": {"updated_at": old},
    })
}
