//! What is sent to Trakt for one thing, and what a scrobble's answer says.
//! Knows nothing of the network nor of the store.
#![forbid(unsafe_code)]

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::scrobble::item::{Episode, Ids, Movie, Show, Thing};

/// What ids are of: Trakt knows other ones for each.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Movie,
    Show,
    Episode,
}

fn ids(ids: &Ids, of: Of) -> Map<String, Value> {
    let mut map = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            map.insert(key.into(), value);
        }
    };
    put("trakt", ids.trakt.map(Value::from));
    if of != Of::Episode {
        put("slug", ids.slug.clone().map(Value::from));
    }
    put("imdb", ids.imdb.clone().map(Value::from));
    put("tmdb", ids.tmdb.map(Value::from));
    if of != Of::Movie {
        put("tvdb", ids.tvdb.map(Value::from));
    }
    map
}

/// Ids if there are any that Trakt can use; otherwise title and year. A title beside ids could lead Trakt to something else.
fn named(
    its: &Ids,
    of: Of,
    title: &Option<String>,
    year: Option<u16>,
) -> Option<Map<String, Value>> {
    let mut map = Map::new();
    let ids = ids(its, of);
    if !ids.is_empty() {
        map.insert("ids".into(), Value::Object(ids));
        return Some(map);
    }
    map.insert("title".into(), title.clone()?.into());
    if let Some(year) = year {
        map.insert("year".into(), year.into());
    }
    Some(map)
}

/// A film as Trakt is told of it.
pub fn movie(movie: &Movie) -> Option<Map<String, Value>> {
    named(&movie.ids.0, Of::Movie, &movie.title, movie.year)
}

/// A show as Trakt is told of it.
pub fn show(show: &Show) -> Option<Map<String, Value>> {
    named(&show.ids.0, Of::Show, &show.title, show.year)
}

/// An episode by its own ids.
pub fn episode(episode: &Episode) -> Option<Map<String, Value>> {
    let ids = ids(&episode.ids.0, Of::Episode);
    (!ids.is_empty()).then(|| {
        [("ids".to_owned(), Value::Object(ids))]
            .into_iter()
            .collect()
    })
}

/// Season and number of an episode that is told by its show.
pub fn placed(episode: &Episode) -> Option<(Map<String, Value>, u32, u32)> {
    // A show that only has a title is worth less than ids of the episode itself.
    if episode.show.ids.0.is_empty() && !episode.ids.0.is_empty() {
        return None;
    }
    Some((show(&episode.show)?, episode.season?, episode.number?))
}

/// What says at Trakt what is played; none for what can't be said: a name, a season, a show.
fn played(thing: &Thing) -> Option<Map<String, Value>> {
    let mut body = Map::new();
    match thing {
        Thing::Movie(it) => {
            body.insert("movie".into(), Value::Object(movie(it)?));
        }
        Thing::Episode(it) => {
            if let Some((show, season, number)) = placed(it) {
                body.insert("show".into(), Value::Object(show));
                body.insert(
                    "episode".into(),
                    json!({"season": season, "number": number}),
                );
            } else if let Some(own) = episode(it) {
                body.insert("episode".into(), Value::Object(own));
            } else {
                body.insert("show".into(), Value::Object(show(&it.show)?));
                body.insert("episode".into(), json!({"number_abs": it.number_abs?}));
            }
        }
        Thing::Season { .. } | Thing::Show(_) | Thing::Named { .. } => return None,
    }
    Some(body)
}

/// The body of `/scrobble/start`, `/scrobble/pause` and `/scrobble/stop`; `progress` in percent, 0 to 100.
/// None for what can't be scrobbled: a season, a show, something that isn't known yet.
pub fn scrobble(thing: &Thing, progress: f64) -> Option<Value> {
    let mut body = played(thing)?;
    let progress = if progress.is_finite() { progress } else { 0.0 };
    // Two digits are what Trakt shows; more only make the body longer.
    let rounded = (progress.clamp(0.0, 100.0) * 100.0).round() / 100.0;
    body.insert("progress".into(), rounded.into());
    Some(Value::Object(body))
}

/// The body of `/checkin`; none for what can't be checked in to.
pub fn checkin(thing: &Thing, message: Option<&str>, sharing: Option<&Value>) -> Option<Value> {
    let mut body = played(thing)?;
    if let Some(message) = message {
        body.insert("message".into(), message.into());
    }
    if let Some(sharing) = sharing {
        body.insert("sharing".into(), sharing.clone());
    }
    Some(Value::Object(body))
}

/// What Trakt made of a scrobble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is being watched.
    Start,
    /// Its progress is kept.
    Pause,
    /// It is in the history.
    Scrobble,
}

/// The answer of `/scrobble/…`.
#[derive(Clone, Debug, PartialEq)]
pub struct Scrobbled {
    /// What Trakt made of it, which isn't always what was asked for.
    pub action: Action,
    /// The play's id in the history, or the playback's; 0 is none.
    pub id: i64,
    /// How far, as Trakt has it, in percent.
    pub progress: Option<f64>,
}

/// Reads the answer of a scrobble; none for what is no such answer.
pub fn read_scrobble(body: &[u8]) -> Option<Scrobbled> {
    #[derive(Deserialize)]
    struct Raw {
        action: String,
        #[serde(default)]
        id: Value,
        #[serde(default)]
        progress: Value,
    }
    let raw: Raw = serde_json::from_slice(body).ok()?;
    let progress = raw.progress.as_f64();
    Some(Scrobbled {
        action: match raw.action.as_str() {
            "start" => Action::Start,
            "pause" => Action::Pause,
            "scrobble" => Action::Scrobble,
            // The contract's list of words lacks `scrobble` and has this instead, for either outcome.
            "stop" if progress.is_some_and(|progress| progress < 80.0) => Action::Pause,
            "stop" => Action::Scrobble,
            _ => return None,
        },
        id: raw.id.as_i64().unwrap_or(0),
        progress,
    })
}
