//! What Trakt shows as being watched: started, paused, cleared. Nothing of it is kept; what can't be sent is dropped.
//! Knows nothing of when that is asked for.
#![forbid(unsafe_code)]

use std::sync::Arc;

use serde_json::Value;

use super::engine::{Live, Show};
use super::item::{Ids, Thing};
use crate::api;
use crate::cancel::Budget;
use crate::client::Core;
use crate::error::{Error, Result, Status};
use crate::http::{Answer, Host, Method, Request, Retry};
use crate::outbox::{body, subject};
use crate::secret::Secret;

/// Sends it.
///
/// # Errors
/// What kept Trakt from showing it. `not_found` with the reason `another_item` when it would have shown something else.
pub fn send(core: &Arc<Core>, live: &Live, budget: &Budget) -> Result<()> {
    match live.show {
        Show::Start(progress) => start(core, &live.thing, progress, budget),
        Show::Pause(progress) => pause(core, &live.thing, progress, budget),
        Show::Clear => clear(core, &live.thing, budget),
    }
}

fn start(core: &Arc<Core>, thing: &Thing, progress: f64, budget: &Budget) -> Result<()> {
    let answer = scrobble(core, "/scrobble/start", thing, progress, budget)?;
    if is_about(&answer, thing) {
        return Ok(());
    }
    log::warn!("Trakt took what plays for something else; it isn't shown as being watched");
    cancel(core, budget)?;
    Err(
        Error::new(Status::NotFound, "Trakt took what plays for something else")
            .reason("another_item"),
    )
}

/// Trakt's documents have had `/scrobble/pause` and have not; a stop below the threshold does the same.
fn pause(core: &Arc<Core>, thing: &Thing, progress: f64, budget: &Budget) -> Result<()> {
    match scrobble(core, "/scrobble/pause", thing, progress, budget) {
        Err(error) if error.status == Status::NotFound => {
            scrobble(core, "/scrobble/stop", thing, progress, budget).map(|_| ())
        }
        result => result.map(|_| ()),
    }
}

/// Ends what Trakt shows, if that is still this.
fn clear(core: &Arc<Core>, thing: &Thing, budget: &Budget) -> Result<()> {
    let request = Request::new(Host::Api, Method::Get, "/users/me/watching");
    let answer = api::call(core, &request, Retry::Read, budget)?;
    if answer.status == 204 || !is_about(&answer, thing) {
        return Ok(());
    }
    cancel(core, budget)
}

fn cancel(core: &Arc<Core>, budget: &Budget) -> Result<()> {
    let request = Request::new(Host::Api, Method::Delete, "/checkin").promptly();
    api::call(core, &request, Retry::Once, budget).map(|_| ())
}

fn scrobble(
    core: &Arc<Core>,
    path: &str,
    thing: &Thing,
    progress: f64,
    budget: &Budget,
) -> Result<Answer> {
    let Some(body) = body::scrobble(thing, progress) else {
        return Err(Error::new(
            Status::NotFound,
            "nobody knows yet what that is at Trakt",
        ));
    };
    let request = Request {
        body: Some(Secret::new(crate::json::write(&body)?)),
        ..Request::new(Host::Api, Method::Post, path).promptly()
    };
    api::call(core, &request, Retry::Once, budget)
}

/// Whether what Trakt answers can be about the thing; an answer that doesn't say is taken for one.
fn is_about(answer: &Answer, thing: &Thing) -> bool {
    let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    match thing {
        Thing::Movie(movie) if said["movie"].is_object() => {
            can_be(&said["movie"], &movie.ids.0, movie.title.as_deref())
        }
        Thing::Movie(_) => !said["episode"].is_object(),
        Thing::Episode(episode) if said["episode"].is_object() => {
            let number = |key: &str| said["episode"][key].as_u64();
            let same = |one: Option<u32>, other: Option<u64>| {
                one.zip(other)
                    .is_none_or(|(one, other)| u64::from(one) == other)
            };
            match body::placed(episode) {
                Some((_, season, place)) => {
                    let show = &episode.show;
                    can_be(&said["show"], &show.ids.0, show.title.as_deref())
                        && same(Some(season), number("season"))
                        && same(Some(place), number("number"))
                }
                None => can_be(&said["episode"], &episode.ids.0, None),
            }
        }
        Thing::Episode(_) => !said["movie"].is_object(),
        Thing::Season { .. } | Thing::Show(_) | Thing::Named { .. } => true,
    }
}

/// Asked for by ids, the ids decide: titles differ between languages. Asked for by its title, the title does.
fn can_be(media: &Value, ids: &Ids, title: Option<&str>) -> bool {
    let its: Ids = serde_json::from_value(media["ids"].clone()).unwrap_or_default();
    match (its.agrees(ids), title, media["title"].as_str()) {
        (Some(same), _, _) => same,
        (None, Some(asked), Some(answered)) if ids.is_empty() => {
            subject::plain(asked) == subject::plain(answered)
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::Moment;
    use crate::scrobble::item::Item;

    fn about(item: Value, said: Value) -> bool {
        let item: Item = serde_json::from_value(item).unwrap();
        let answer = Answer {
            status: 201,
            headers: [("", ""); 0].into_iter().collect(),
            body: said.to_string().into_bytes(),
            at: Moment::now(),
            took_ms: 0,
        };
        is_about(&answer, &item.things().unwrap()[0])
    }

    #[test]
    fn an_answer_about_something_else_is_noticed() {
        let heat = json!({"type": "movie", "title": "Heat", "ids": {"imdb": "tt0113277"}});
        let movie =
            |title: &str, imdb: &str| json!({"movie": {"title": title, "ids": {"imdb": imdb}}});
        assert!(about(heat.clone(), movie("Fuoco", "tt0113277")));
        assert!(!about(heat.clone(), movie("Heat", "tt0000001")));
        assert!(about(heat.clone(), json!({"movie": {"ids": {"trakt": 1}}})));
        assert!(!about(heat.clone(), json!({"episode": {}, "show": {}})));
        assert!(about(heat, json!({"action": "start"})));
        let named = json!({"type": "movie", "title": "Heat"});
        assert!(about(named.clone(), movie("HEAT", "tt0113277")));
        assert!(!about(named, movie("The Heat", "tt2404463")));
    }

    #[test]
    fn an_episode_is_told_by_its_show_and_place_or_by_its_own_ids() {
        let dark = json!({"type": "episode", "show": {"title": "Dark", "ids": {"tvdb": 5}}, "season": 1, "number": 2});
        let said = |tvdb: u64, season: u64, number: u64| json!({"show": {"title": "Dark", "ids": {"tvdb": tvdb}}, "episode": {"season": season, "number": number}});
        assert!(about(dark.clone(), said(5, 1, 2)));
        assert!(!about(dark.clone(), said(6, 1, 2)));
        assert!(!about(dark, said(5, 1, 3)));
        let own = json!({"type": "episode", "ids": {"tvdb": 77}});
        assert!(about(
            own.clone(),
            json!({"episode": {"ids": {"tvdb": 77}}})
        ));
        assert!(!about(own, json!({"episode": {"ids": {"tvdb": 78}}})));
    }
}
