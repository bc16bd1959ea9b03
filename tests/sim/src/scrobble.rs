//! Scrobbling and check-ins: what is being watched, and when that becomes a play or a place to go on.
//! Requests arrive here checked by `bodies`; knows nothing of how histories are read.

use serde_json::{Value, json};

use crate::catalogue::Media;
use crate::clock::iso_date;
use crate::config::{AtEighty, AtTheEnd};
use crate::http::{Request, Response};
use crate::records::{Paused, Play, Watching, group};
use crate::world::World;

/// `POST /scrobble/start`, `pause` and `stop`.
pub fn scrobble(world: &mut World, verb: &str, body: &Value) -> Response {
    if verb == "pause" && !world.config.pause_exists {
        return Response::empty(404);
    }
    let Some(progress) = body["progress"].as_f64() else {
        return Response::empty(422);
    };
    let Some(media) = world.catalogue().played(body) else {
        return Response::empty(404);
    };
    let counts = match world.config.at_eighty {
        AtEighty::Scrobble => progress >= 80.0,
        AtEighty::Pause => progress > 80.0,
    };
    match verb {
        "start" => start(world, body, media, progress),
        _ if progress < 1.0 => Response::empty(422),
        "pause" if counts => Response::empty(422),
        "stop" if counts => count(world, body, media, progress),
        _ => pause(world, body, media, progress),
    }
}

fn start(world: &mut World, body: &Value, media: Media, progress: f64) -> Response {
    let answer = answer("start", 0, progress, body, &media);
    let length = media.runtime_ms;
    // Whole milliseconds are near enough.
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
    let left = (length as f64 * (100.0 - progress) / 100.0) as i64;
    let watching = Watching {
        action: "scrobble",
        started_at: world.clock.wall_ms(),
        ends_ms: world.clock.sim_ms() + left,
        id: 0,
        media,
    };
    let records = world.records_mut();
    records.forget_place(&watching.media);
    records.watching = Some(watching);
    answer
}

fn pause(world: &mut World, body: &Value, media: Media, progress: f64) -> Response {
    let id = world.next_id();
    let answer = answer("pause", id, progress, body, &media);
    let now = world.clock.wall_ms();
    stop_watching(world, &media);
    let kind = media.kind;
    let paused = Paused {
        id,
        progress,
        paused_at: now,
        media,
    };
    let records = world.records_mut();
    records.forget_place(&paused.media);
    records.playback.insert(0, paused);
    records.touch(group(kind), "paused_at", now);
    answer
}

fn count(world: &mut World, body: &Value, media: Media, progress: f64) -> Response {
    stop_watching(world, &media);
    if world.config.at_the_end == AtTheEnd::Pause {
        return answer("pause", 0, 0.0, body, &media);
    }
    let now = world.clock.wall_ms();
    let window = match world.config.conflict_window_s {
        Some(seconds) => seconds * 1000,
        None => media.runtime_ms,
    };
    let before = world.records().plays.iter().rev().find(|play| {
        play.action == "scrobble" && play.media.same(&media) && now - play.recorded_at < window
    });
    if let Some(play) = before {
        let conflict = json!({
            "watched_at": play.watched_at.map(iso_date),
            "expires_at": iso_date(play.recorded_at + window),
        });
        return Response::json(409, conflict.to_string());
    }
    if let Some(refused) = crate::history::over_limit(world, 1) {
        return refused;
    }
    let id = world.next_id();
    let answer = answer("scrobble", id, progress, body, &media);
    let records = world.records_mut();
    records.forget_place(&media);
    records.touch(group(media.kind), "watched_at", now);
    records.plays.push(Play {
        id,
        watched_at: Some(now),
        action: "scrobble",
        media,
        recorded_at: now,
    });
    answer
}

/// The end of watching this; something else goes on being watched.
fn stop_watching(world: &mut World, media: &Media) {
    let this = |watching: &mut Watching| watching.media.same(media);
    world.records_mut().watching.take_if(this);
}

fn answer(action: &str, id: i64, progress: f64, body: &Value, media: &Media) -> Response {
    let mut answer =
        json!({"id": id, "action": action, "progress": progress, "sharing": sharing(body)});
    media.put_into(&mut answer, false);
    Response::json(201, answer.to_string())
}

fn sharing(body: &Value) -> Value {
    let mut sharing = json!({"twitter": false, "mastodon": false, "tumblr": false});
    for key in ["twitter", "mastodon", "tumblr"] {
        if let Some(wanted) = body["sharing"][key].as_bool() {
            sharing[key] = json!(wanted);
        }
    }
    sharing
}

/// `POST /checkin`.
pub fn check_in(world: &mut World, body: &Value) -> Response {
    let Some(media) = world.catalogue().played(body) else {
        return Response::empty(404);
    };
    if let Some(watching) = &world.records().watching {
        let expires_at = iso_date(world.clock.wall_of(watching.ends_ms));
        return Response::json(409, json!({"expires_at": expires_at}).to_string());
    }
    if let Some(refused) = crate::history::over_limit(world, 1) {
        return refused;
    }
    let id = world.next_id();
    let now = world.clock.wall_ms();
    let mut answer = json!({"id": id, "watched_at": iso_date(now), "sharing": sharing(body)});
    media.put_into(&mut answer, false);
    let ends_ms = world.clock.sim_ms() + media.runtime_ms;
    world.records_mut().watching = Some(Watching {
        action: "checkin",
        started_at: now,
        ends_ms,
        id,
        media,
    });
    Response::json(201, answer.to_string())
}

/// `DELETE /checkin`: nothing is being watched any more, whether by a check-in or a scrobble.
pub fn cancel(world: &mut World) -> Response {
    world.records_mut().watching = None;
    Response::empty(204)
}

/// `GET /users/me/watching`.
pub fn watching(world: &World, request: &Request) -> Response {
    match describe(world, crate::api::is_full(request)) {
        Value::Null => Response::empty(204),
        watching => Response::json(200, watching.to_string()),
    }
}

/// What is being watched, or null.
pub fn describe(world: &World, full: bool) -> Value {
    let Some(watching) = &world.records().watching else {
        return Value::Null;
    };
    let mut answer = json!({
        "expires_at": iso_date(world.clock.wall_of(watching.ends_ms)),
        "started_at": iso_date(watching.started_at),
        "action": watching.action,
        "type": watching.media.kind.one(),
    });
    watching.media.put_into(&mut answer, full);
    answer
}
