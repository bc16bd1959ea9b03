//! The API's endpoints: which path is answered by whom, who may, and pages; settings and profile.
//! Requests arrive here checked by `strict`; knows nothing of faults and sockets.

use serde_json::{Value, json};

use crate::catalogue::{Kind, generated_movie, generated_show};
use crate::clock::{http_date, iso_date, read_date};
use crate::config::{Config, ForbiddenStyle, RetryAfter};
use crate::grants::{Access, bearer};
use crate::http::{Request, Response};
use crate::lists::{self, List};
use crate::records::{NEWEST_PLAY_MS, last_activities, settle};
use crate::world::World;
use crate::{history, playback, scrobble, search};

const UPGRADE_URL: &str = "https://trakt.tv/vip";

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
        Err(_) if route.is_public() => false,
        Err(refused) => return refused,
    };
    settle(world);
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
    Scrobble,
    Checkin,
    History,
    HistoryRemove,
    List(List),
    ListRemove(List),
    Favorites,
    Lists,
    Playback,
    Trending,
    SearchWords,
    SearchExact,
    SearchId,
    Summary,
}

impl Route {
    /// Whether it is answered without a token.
    fn is_public(self) -> bool {
        matches!(
            self,
            Self::Trending | Self::SearchWords | Self::SearchExact | Self::SearchId | Self::Summary
        )
    }
}

fn route(parts: &[&str]) -> Option<Route> {
    let media = |word: &str| Kind::ALL.iter().any(|kind| kind.many() == word);
    let filter = |list: List, word: &str| {
        let more: &[&str] = match list {
            List::Ratings => &["all"],
            List::Watchlist => &[],
            List::Collection => &["media"],
        };
        let fits = list != List::Collection || word != "seasons";
        fits && (media(word) || more.contains(&word))
    };
    Some(match parts {
        [""] => Route::Root,
        ["users", "settings"] => Route::Settings,
        ["users", "settings", "plex"] => Route::Plex,
        ["users", _] => Route::Profile,
        ["users", _, "watching"] => Route::Watching,
        ["users", "me", "lists"] => Route::Lists,
        ["scrobble", "start" | "pause" | "stop"] => Route::Scrobble,
        ["checkin"] => Route::Checkin,
        ["sync", "last_activities"] => Route::LastActivities,
        ["sync", "history", "remove"] => Route::HistoryRemove,
        ["sync", "history"] => Route::History,
        ["sync", "history", kind] | ["sync", "history", kind, _] if media(kind) => Route::History,
        ["sync", "favorites"] => Route::Favorites,
        ["sync", "playback"] | ["sync", "playback", _] => Route::Playback,
        ["sync", list, "remove"] => Route::ListRemove(List::of(list)?),
        ["sync", list] => Route::List(List::of(list)?),
        ["sync", list, kind, more @ ..] => {
            let list = List::of(list)?;
            let longest = match list {
                List::Ratings => 1,
                List::Watchlist => 2,
                List::Collection => 0,
            };
            if !filter(list, kind) || more.len() > longest {
                return None;
            }
            Route::List(list)
        }
        ["movies" | "shows", "trending"] => Route::Trending,
        ["search", source, _] if search::SOURCES.contains(source) => Route::SearchId,
        ["search", _, "exact"] => Route::SearchExact,
        ["search", _] => Route::SearchWords,
        ["movies" | "shows", _] | ["movies" | "shows", _, "aliases"] => Route::Summary,
        ["shows", _, "seasons"]
        | ["shows", _, "seasons", _]
        | ["shows", _, "seasons", _, "episodes", _] => Route::Summary,
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
        (Route::Watching, "GET") => match parts.get(1).copied() {
            Some(id) if id == "me" || id == world.account.slug => {
                scrobble::watching(world, request)
            }
            _ => Response::empty(404),
        },
        (Route::Scrobble, "POST") => {
            scrobble::scrobble(world, parts.get(1).copied().unwrap_or_default(), &body())
        }
        (Route::Checkin, "POST") => scrobble::check_in(world, &body()),
        (Route::Checkin, "DELETE") => scrobble::cancel(world),
        (Route::LastActivities, "GET") => Response::json(200, last_activities(world).to_string()),
        (Route::History, "GET") => {
            history::read(world, request, parts.get(2).copied(), parts.get(3).copied())
        }
        (Route::History, "POST") if parts.len() == 2 => history::add(world, &body()),
        (Route::HistoryRemove, "POST") => history::remove(world, &body()),
        (Route::List(list), "GET") => lists::read(
            world,
            request,
            list,
            parts.get(2).copied(),
            parts.get(3).copied(),
        ),
        (Route::List(list), "POST") if parts.len() == 2 => lists::add(world, list, &body()),
        (Route::ListRemove(list), "POST") => lists::remove(world, list, &body()),
        (Route::Favorites, "GET") => page(world, request, favorites(world)),
        (Route::Lists, "GET") => page(world, request, users_lists(world)),
        (Route::Playback, "GET") => playback::read(world, request, parts.get(2).copied()),
        (Route::Playback, "DELETE") => {
            playback::delete(world, parts.get(2).copied().unwrap_or_default())
        }
        (Route::SearchWords, "GET") => {
            search::by_words(world, request, parts.get(1).copied().unwrap_or_default())
        }
        (Route::SearchExact, "GET") => {
            search::exact(world, request, parts.get(1).copied().unwrap_or_default())
        }
        (Route::SearchId, "GET") => {
            let (source, id) = (parts.get(1).copied(), parts.get(2).copied());
            search::by_id(
                world,
                request,
                source.unwrap_or_default(),
                id.unwrap_or_default(),
            )
        }
        (Route::Summary, "GET") => search::summary(world, request, parts),
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

/// Whether the query asks for everything about the media.
pub fn is_full(request: &Request) -> bool {
    extended(request).iter().any(|word| word == "full")
}

/// A bound of a period; none when it isn't asked for.
pub type Moment = Option<i64>;

/// `start_at` and `end_at` of a query; 400 for what is no date.
pub fn period(request: &Request) -> Result<(Moment, Moment), Response> {
    let moment = |name: &str| match request.query_value(name) {
        None => Ok(None),
        Some(text) => read_date(&text)
            .map(Some)
            .ok_or_else(|| Response::empty(400)),
    };
    Ok((moment("start_at")?, moment("end_at")?))
}

fn put_settings(world: &mut World, body: &Value) -> Response {
    if let Some(name) = body["user"]["name"].as_str() {
        name.clone_into(&mut world.account.name);
    }
    let mut response = Response::empty(201);
    response.headers.clear();
    response
}

/// 426.
pub fn vip_only(world: &World) -> Response {
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
    if is_full(request) {
        profile["joined_at"] = json!("2012-03-04T05:06:07.000Z");
        profile["location"] = json!("Lisbon");
        profile["about"] = Value::Null;
        profile["gender"] = Value::Null;
        profile["age"] = Value::Null;
    }
    Response::json(200, profile.to_string())
}

/// A page of a list, as the query asks for it.
pub fn page(world: &World, request: &Request, items: Vec<Value>) -> Response {
    page_of(world, request, items, world.config.page_limit_default)
}

/// The same where a page is otherwise this long when no length is asked for.
pub fn page_of(world: &World, request: &Request, items: Vec<Value>, default: usize) -> Response {
    let asked = |name: &str, default: usize| match request.query_value(name) {
        None => Some(default),
        Some(text) => text.parse::<usize>().ok().filter(|number| *number > 0),
    };
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

fn movie(n: i64) -> Value {
    generated_movie(n).media().body
}

fn show(n: i64) -> Value {
    generated_show(n).media().body
}

fn favorites(world: &World) -> Vec<Value> {
    let one = |n| json!({"rank": n + 1, "id": 80_000 + n, "listed_at": iso_date(NEWEST_PLAY_MS), "type": "movie", "movie": movie(n + 1)});
    let count = i64::try_from(world.config.favorites_items).unwrap_or(0);
    (0..count).map(one).collect()
}

fn users_lists(world: &World) -> Vec<Value> {
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

/// 420.
pub fn over_limit(world: &World, limit: i64) -> Response {
    let mut response = Response::empty(420);
    if world.config.account_limit_headers {
        response.set("X-Upgrade-URL", UPGRADE_URL);
        response.set("X-VIP-User", world.account.vip.to_string());
        response.set("X-Account-Limit", limit.to_string());
    }
    response
}

fn trending(kind: &str) -> Vec<Value> {
    (1..=120)
        .map(|n| match kind {
            "movies" => json!({"watchers": 500 - n, "movie": movie(n)}),
            _ => json!({"watchers": 500 - n, "show": show(n)}),
        })
        .collect()
}
