//! The history: reading it page by page, adding to it by hand, removing from it.
//! Requests arrive here checked by `bodies`; plays of players come from `scrobble`.

use serde_json::{Value, json};

use crate::api;
use crate::catalogue::{Kind, Media, generated_movie, generated_show};
use crate::clock::{iso_date, read_date};
use crate::http::{Request, Response};
use crate::records::{FIRST_PLAY_ID, NEWEST_PLAY_MS, Play, group};
use crate::wanted::{Depth, counts};
use crate::world::World;

const HOUR_MS: i64 = 3_600_000;
const PLAYED: [Kind; 2] = [Kind::Movie, Kind::Episode];

/// A play of the generated history; 0 is the newest.
fn generated_play(n: usize, count: usize) -> Option<Play> {
    let back = i64::try_from(n).ok()?;
    let watched_at = NEWEST_PLAY_MS - back * 3 * HOUR_MS;
    let media = if back % 2 == 0 {
        generated_movie(back + 1).media()
    } else {
        generated_show(1 + back / 40).episode(1 + back / 20, 1 + back % 20)?
    };
    Some(Play {
        id: FIRST_PLAY_ID + i64::try_from(count).ok()? - 1 - back,
        watched_at: Some(watched_at),
        action: "scrobble",
        media,
        recorded_at: watched_at,
    })
}

/// All plays: those that came in, newest first, and below them the generated ones.
pub fn plays(world: &World) -> Vec<Play> {
    let records = world.records();
    let mut plays = records.plays.clone();
    plays.sort_by_key(|play| std::cmp::Reverse((play.watched_at, play.id)));
    let count = world.config.history_items;
    let generated = (0..count).filter_map(|n| generated_play(n, count));
    plays.extend(generated.filter(|play| !records.removed.contains(&play.id)));
    plays
}

/// `GET /sync/history[/type[/id]]`.
pub fn read(world: &World, request: &Request, kind: Option<&str>, id: Option<&str>) -> Response {
    let (start, end) = match api::period(request) {
        Ok(period) => period,
        Err(refused) => return refused,
    };
    let full = api::is_full(request);
    let dated = start.is_some() || end.is_some();
    let fits = |play: &Play| {
        let at = play.watched_at;
        let in_time = start.is_none_or(|start| at >= Some(start))
            && end.is_none_or(|end| at <= Some(end))
            && (at.is_some() || !dated);
        in_time
            && kind
                .and_then(Kind::of)
                .is_none_or(|kind| is_of(&play.media, kind, id))
    };
    let plays = plays(world).into_iter().filter(fits);
    let entries = plays.map(|play| play.entry(full)).collect();
    api::page(world, request, entries)
}

/// Whether a play belongs to a kind: an episode to its show as well; and to the thing of that id.
fn is_of(media: &Media, kind: Kind, id: Option<&str>) -> bool {
    let number = id.and_then(|id| id.parse::<i64>().ok());
    let named = |body: &Value| {
        id.is_none_or(|id| body["ids"]["slug"] == id)
            || body["ids"]["trakt"]
                .as_i64()
                .is_some_and(|own| Some(own) == number)
    };
    match (kind, media.kind) {
        (Kind::Show, Kind::Episode) => media.show.as_ref().is_some_and(named),
        (Kind::Season, Kind::Episode) => id.is_none(),
        (kind, own) => kind == own && named(&media.body),
    }
}

/// 420 when so many more plays are too many.
pub fn over_limit(world: &World, more: usize) -> Option<Response> {
    let own = || {
        world
            .settings
            .limit(&world.account, "history", "item_count")
    };
    let limit = world.config.history_limit.or_else(own)?;
    let count = i64::try_from(world.records().plays.len() + more).unwrap_or(i64::MAX);
    (count > limit).then(|| api::over_limit(world, limit))
}

/// `POST /sync/history`: what is there already is added again.
pub fn add(world: &mut World, body: &Value) -> Response {
    let selection = world.selection(body, Depth::Episodes);
    if let Some(refused) =
        over_limit(world, selection.found.len()).filter(|_| !selection.found.is_empty())
    {
        return refused;
    }
    let now = world.clock.wall_ms();
    for wanted in &selection.found {
        let watched_at = match wanted.item["watched_at"].as_str() {
            None => Some(now),
            Some("unknown") => None,
            Some("released") => wanted.media.released,
            Some(text) => read_date(text),
        };
        let id = world.next_id();
        let records = world.records_mut();
        records.touch(group(wanted.media.kind), "watched_at", now);
        records.plays.push(Play {
            id,
            watched_at,
            action: "watch",
            media: wanted.media.clone(),
            recorded_at: now,
        });
    }
    let answer = json!({
        "added": selection.counts(&PLAYED),
        "not_found": selection.not_found(),
    });
    Response::json(world.config.history_status, answer.to_string())
}

/// `POST /sync/history/remove`: all plays of the media, and the plays of these ids.
pub fn remove(world: &mut World, body: &Value) -> Response {
    let ids: Vec<i64> = body["ids"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_i64)
        .collect();
    let selection = world.selection(body, Depth::Episodes);
    let goes = |play: &Play| {
        let named = || selection.found.iter();
        ids.contains(&play.id) || named().any(|wanted| wanted.media.same(&play.media))
    };
    let gone: Vec<Play> = plays(world).into_iter().filter(goes).collect();
    let now = world.clock.wall_ms();
    let records = world.records_mut();
    records.plays.retain(|play| !goes(play));
    records.removed.extend(gone.iter().map(|play| play.id));
    for play in &gone {
        records.touch(group(play.media.kind), "watched_at", now);
    }
    let unknown: Vec<i64> = ids
        .iter()
        .copied()
        .filter(|id| !gone.iter().any(|play| play.id == *id))
        .collect();
    let mut not_found = selection.not_found();
    not_found["ids"] = json!(unknown);
    let answer = json!({
        "deleted": counts(&PLAYED, gone.iter().map(|play| play.media.kind)),
        "not_found": not_found,
    });
    Response::json(200, answer.to_string())
}

/// Every play as the control API shows it, in the order in which they came in.
pub fn describe(world: &World) -> Value {
    let plays = world.records().plays.iter().map(|play| {
        let mut entry = play.entry(false);
        entry["title"] = json!(play.media.title());
        entry["recorded_at"] = json!(iso_date(play.recorded_at));
        entry
    });
    plays.collect()
}
