//! Things half watched: reading and forgetting them.
//! They come from `scrobble`.

use serde_json::{Value, json};

use crate::api;
use crate::catalogue::Kind;
use crate::http::{Request, Response};
use crate::records::{FIRST_PLAY_ID, Paused, group};
use crate::world::World;

/// What is half watched; an account without a generated history has none but its own.
pub fn all(world: &World) -> Vec<&Paused> {
    let own = |paused: &Paused| paused.id > FIRST_PLAY_ID + 1_000_000;
    let shown = |paused: &&Paused| world.config.history_items > 0 || own(paused);
    world.records().playback.iter().filter(shown).collect()
}

/// `GET /sync/playback[/type]`.
pub fn read(world: &World, request: &Request, kind: Option<&str>) -> Response {
    let (start, end) = match api::period(request) {
        Ok(period) => period,
        Err(refused) => return refused,
    };
    let full = api::is_full(request);
    let kind = kind.and_then(Kind::of);
    let fits = |paused: &&Paused| {
        kind.is_none_or(|kind| kind == paused.media.kind)
            && start.is_none_or(|start| paused.paused_at >= start)
            && end.is_none_or(|end| paused.paused_at <= end)
    };
    let paused = all(world).into_iter().filter(fits);
    let entries = paused.map(|paused| paused.entry(full)).collect();
    api::page(world, request, entries)
}

/// `DELETE /sync/playback/{id}`.
pub fn delete(world: &mut World, id: &str) -> Response {
    let now = world.clock.wall_ms();
    let records = world.records_mut();
    let place = records
        .playback
        .iter()
        .position(|paused| paused.id.to_string() == id);
    match place {
        Some(place) => {
            let gone = records.playback.remove(place);
            records.touch(group(gone.media.kind), "paused_at", now);
            Response::empty(204)
        }
        None => Response::empty(404),
    }
}

/// As the control API shows it.
pub fn describe(world: &World) -> Value {
    let paused = all(world).into_iter().map(|paused| {
        let mut entry = paused.entry(false);
        entry["title"] = json!(paused.media.title());
        entry
    });
    paused.collect()
}
