//! What the body of an API call must look like: keys, types, ids, dates.
//! Knows what is written in the documentation, nothing of what a call brings about.

use serde_json::{Map, Value};

use crate::catalogue::{Catalogue, Kind};
use crate::clock::read_date;

/// Something wrong with a body.
#[derive(Debug)]
pub struct Breach {
    /// What it is.
    pub text: String,
    /// The status of the refusal; none when Trakt would let it pass.
    pub status: Option<u16>,
}

type Check = Result<(), Breach>;

fn refuse(status: u16, text: impl Into<String>) -> Check {
    Err(Breach {
        text: text.into(),
        status: Some(status),
    })
}

/// The calls that take a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Settings,
    Scrobble,
    Checkin,
    /// A list of media: its word in the path, and whether it is a removal.
    Sync(&'static str, bool),
}

fn form(method: &str, path: &str) -> Option<Form> {
    Some(match (method, path) {
        ("PUT", "/users/settings") => Form::Settings,
        ("POST", "/scrobble/start" | "/scrobble/pause" | "/scrobble/stop") => Form::Scrobble,
        ("POST", "/checkin") => Form::Checkin,
        ("POST", path) => {
            let words: Vec<&str> = path.trim_start_matches('/').split('/').collect();
            let lists = ["history", "ratings", "watchlist", "collection"];
            let of = |word: &str| lists.into_iter().find(|list| *list == word);
            match words.as_slice() {
                ["sync", list] => Form::Sync(of(list)?, false),
                ["sync", list, "remove"] => Form::Sync(of(list)?, true),
                _ => return None,
            }
        }
        _ => return None,
    })
}

/// Whether a path takes a JSON object by POST or PUT.
pub fn takes_body(method: &str, path: &str) -> bool {
    form(method, path).is_some()
}

/// What is wrong with a body: all that passes, and the first thing that doesn't.
pub fn breaches(
    catalogue: &Catalogue,
    method: &str,
    path: &str,
    body: &Map<String, Value>,
) -> Vec<Breach> {
    let mut checks = Checks {
        catalogue,
        notes: Vec::new(),
    };
    let result = match form(method, path) {
        None => Ok(()),
        Some(Form::Settings) => settings(body),
        Some(Form::Scrobble) => checks.scrobble(body),
        Some(Form::Checkin) => checks.checkin(body),
        Some(Form::Sync(list, removal)) => checks.sync(list, removal, body),
    };
    let mut notes = checks.notes;
    notes.extend(result.err());
    notes
}

fn settings(body: &Map<String, Value>) -> Check {
    keys("", body, &["user", "browsing"])?;
    let inner: [(&str, &[&str]); 2] = [
        ("user", &["name", "about", "location", "private", "dob"]),
        (
            "browsing",
            &[
                "genres",
                "spoilers",
                "watchnow",
                "dark_knight",
                "watch_only_once",
                "show_rating_prompt",
                "locale",
            ],
        ),
    ];
    for (key, allowed) in inner {
        if let Some(value) = body.get(key) {
            keys(key, object(key, value)?, allowed)?;
        }
    }
    Ok(())
}

struct Checks<'a> {
    catalogue: &'a Catalogue,
    notes: Vec<Breach>,
}

impl Checks<'_> {
    fn note(&mut self, text: impl Into<String>) {
        self.notes.push(Breach {
            text: text.into(),
            status: None,
        });
    }

    fn scrobble(&mut self, body: &Map<String, Value>) -> Check {
        let known = [
            "movie",
            "show",
            "episode",
            "progress",
            "sharing",
            "app_version",
            "app_date",
        ];
        keys("", body, &known)?;
        match body.get("progress") {
            Some(Value::Number(progress))
                if (0.0..=100.0).contains(&progress.as_f64().unwrap_or(-1.0)) => {}
            None => return refuse(422, "progress is required"),
            Some(other) => {
                return refuse(
                    422,
                    format!("progress is {other} instead of a number from 0 to 100"),
                );
            }
        }
        self.played(body)
    }

    fn checkin(&mut self, body: &Map<String, Value>) -> Check {
        let known = [
            "movie",
            "show",
            "episode",
            "sharing",
            "message",
            "app_version",
            "app_date",
        ];
        keys("", body, &known)?;
        text("", body, "message")?;
        self.played(body)
    }

    /// A film, an episode by its ids, or a show and an episode by its numbers.
    fn played(&mut self, body: &Map<String, Value>) -> Check {
        for key in ["app_version", "app_date"] {
            text("", body, key)?;
        }
        if let Some(sharing) = body.get("sharing") {
            let sharing = object("sharing", sharing)?;
            keys("sharing", sharing, &["twitter", "mastodon", "tumblr"])?;
            if sharing.values().any(|value| !value.is_boolean()) {
                return refuse(422, "sharing holds something other than true and false");
            }
        }
        match (body.get("movie"), body.get("show"), body.get("episode")) {
            (Some(movie), None, None) => {
                let movie = object("movie", movie)?;
                keys("movie", movie, &["title", "year", "ids"])?;
                self.named("movie", Kind::Movie, movie)
            }
            (None, show, Some(episode)) => {
                let episode = object("episode", episode)?;
                let known = ["ids", "season", "number", "number_abs", "title"];
                keys("episode", episode, &known)?;
                numbers("episode", episode)?;
                text("episode", episode, "title")?;
                self.ids("episode", Kind::Episode, episode)?;
                let numbered = episode.contains_key("number_abs")
                    || (episode.contains_key("season") && episode.contains_key("number"));
                if let Some(show) = show {
                    let show = object("show", show)?;
                    keys("show", show, &["title", "year", "ids"])?;
                    self.named("show", Kind::Show, show)?;
                    if !numbered && !has_ids(episode) {
                        return refuse(422, "episode has neither ids nor numbers");
                    }
                } else if !has_ids(episode) {
                    return refuse(422, "episode has neither ids nor a show");
                }
                Ok(())
            }
            _ => refuse(422, "either movie, or episode (and show) is expected"),
        }
    }

    fn sync(&mut self, list: &str, removal: bool, body: &Map<String, Value>) -> Check {
        let own: &[&str] = match list {
            "history" => &["watched_at"],
            "ratings" => &["rating", "rated_at"],
            "watchlist" => &["notes"],
            _ => &[
                "collected_at",
                "media_type",
                "resolution",
                "hdr",
                "audio",
                "audio_channels",
                "3d",
            ],
        };
        let mut top: Vec<&str> = Kind::ALL.iter().map(|kind| kind.many()).collect();
        match (list, removal) {
            ("history", true) => top.push("ids"),
            ("history", false) => top.push("watched_at"),
            _ => {}
        }
        keys("", body, &top)?;
        if let Some(ids) = body.get("ids") {
            let whole = |ids: &Vec<Value>| ids.iter().all(Value::is_i64);
            if !ids.as_array().is_some_and(whole) {
                return refuse(422, "ids is no list of whole numbers");
            }
        }
        date("", body, "watched_at")?;
        let form = Entries {
            own,
            // What a removal says beside the media is passed over.
            rating: list == "ratings" && !removal,
            dated_outside: body.contains_key("watched_at"),
        };
        for kind in Kind::ALL {
            for item in items(kind.many(), body.get(kind.many()))? {
                self.entry(kind, item, &form)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, kind: Kind, item: &Value, form: &Entries) -> Check {
        let name = kind.many();
        let item = object(name, item)?;
        let mut known = [form.own, &["ids"]].concat();
        match kind {
            Kind::Movie => known.extend(["title", "year"]),
            Kind::Show => known.extend(["title", "year", "seasons"]),
            Kind::Season | Kind::Episode => {}
        }
        keys(name, item, &known)?;
        match kind {
            Kind::Movie | Kind::Show => self.named(name, kind, item)?,
            Kind::Season | Kind::Episode => {
                self.ids(name, kind, item)?;
                if !has_ids(item) {
                    return refuse(422, format!("{name} without ids"));
                }
            }
        }
        self.said(name, item, form, !item.contains_key("seasons"))?;
        let dated = form.dated_outside || item.contains_key("watched_at");
        let inner = Entries {
            dated_outside: dated,
            ..*form
        };
        for season in items("seasons", item.get("seasons"))? {
            let season = object("seasons", season)?;
            keys(
                "seasons",
                season,
                &[form.own, &["number", "ids", "episodes"]].concat(),
            )?;
            numbers("seasons", season)?;
            if !season.contains_key("number") {
                return refuse(422, "a season without its number");
            }
            self.said("seasons", season, &inner, !season.contains_key("episodes"))?;
            let inner = Entries {
                dated_outside: dated || season.contains_key("watched_at"),
                ..*form
            };
            for episode in items("episodes", season.get("episodes"))? {
                let episode = object("episodes", episode)?;
                keys(
                    "episodes",
                    episode,
                    &[form.own, &["number", "ids"]].concat(),
                )?;
                numbers("episodes", episode)?;
                if !episode.contains_key("number") {
                    return refuse(422, "an episode of a season without its number");
                }
                self.said("episodes", episode, &inner, true)?;
            }
        }
        Ok(())
    }

    /// What an item says beside the media; `whole`: it is an entry itself.
    fn said(
        &mut self,
        name: &str,
        item: &Map<String, Value>,
        form: &Entries,
        whole: bool,
    ) -> Check {
        for key in ["watched_at", "rated_at", "collected_at"] {
            date(name, item, key)?;
        }
        text(name, item, "notes")?;
        let notes = item
            .get("notes")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if notes.chars().count() > 500 {
            return refuse(422, "notes of more than 500 letters");
        }
        if form.dated_outside && item.contains_key("watched_at") {
            self.note(format!("watched_at both in {name} and around it"));
        }
        let rating = item.get("rating");
        let fits = rating
            .and_then(Value::as_i64)
            .is_some_and(|rating| (1..=10).contains(&rating));
        match rating {
            Some(other) if !fits => refuse(422, format!("rating is {other} instead of 1 to 10")),
            None if form.rating && whole => refuse(422, format!("{name} without a rating")),
            _ => Ok(()),
        }
    }

    /// A film or a show: ids or a title.
    fn named(&mut self, name: &str, kind: Kind, item: &Map<String, Value>) -> Check {
        text(name, item, "title")?;
        match item.get("year") {
            None | Some(Value::Null) => {}
            Some(year) if year.is_i64() => {}
            Some(year) => return refuse(422, format!("{name}.year is {year} instead of a number")),
        }
        self.ids(name, kind, item)?;
        let titled = item
            .get("title")
            .and_then(Value::as_str)
            .is_some_and(|title| !title.trim().is_empty());
        if has_ids(item) || titled {
            Ok(())
        } else {
            refuse(422, format!("{name} has neither ids nor a title"))
        }
    }

    fn ids(&mut self, name: &str, kind: Kind, item: &Map<String, Value>) -> Check {
        let Some(ids) = item.get("ids") else {
            return Ok(());
        };
        let known = object(&format!("{name}.ids"), ids)?;
        for (key, value) in known {
            let name = format!("{name}.ids.{key}");
            let fits = match (key.as_str(), value) {
                (_, Value::Null) => true,
                // The contract writes this one as text.
                ("tmdb", Value::String(text)) if kind == Kind::Season => {
                    text.parse::<u32>().is_ok()
                }
                ("trakt" | "tmdb" | "tvdb", value) => value.as_i64().is_some_and(|id| id > 0),
                ("imdb", Value::String(text)) => text.strip_prefix("tt").is_some_and(|digits| {
                    !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
                }),
                ("slug", Value::String(text)) => {
                    !text.is_empty() && matches!(kind, Kind::Movie | Kind::Show)
                }
                ("imdb" | "slug", _) => false,
                _ => return refuse(422, format!("unknown key {name}")),
            };
            if !fits {
                return refuse(422, format!("{name} is {value}"));
            }
        }
        if kind == Kind::Episode && self.catalogue.are_a_shows(ids) {
            self.note(format!("{name}.ids are those of a show"));
        }
        Ok(())
    }
}

/// What may be said beside the media.
#[derive(Clone, Copy)]
struct Entries<'a> {
    own: &'a [&'a str],
    rating: bool,
    dated_outside: bool,
}

fn has_ids(item: &Map<String, Value>) -> bool {
    let ids = item.get("ids").and_then(Value::as_object);
    ids.is_some_and(|ids| ids.values().any(|id| !id.is_null()))
}

fn place(name: &str, key: &str) -> String {
    match name {
        "" => key.to_owned(),
        name => format!("{name}.{key}"),
    }
}

fn object<'a>(name: &str, value: &'a Value) -> Result<&'a Map<String, Value>, Breach> {
    value.as_object().ok_or_else(|| Breach {
        text: format!("{name} holds what is no object"),
        status: Some(400),
    })
}

fn items<'a>(name: &str, value: Option<&'a Value>) -> Result<&'a [Value], Breach> {
    match value {
        None => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(Breach {
            text: format!("{name} is no list"),
            status: Some(400),
        }),
    }
}

fn keys(name: &str, map: &Map<String, Value>, known: &[&str]) -> Check {
    match map.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => refuse(400, format!("unknown key {}", place(name, key))),
        None => Ok(()),
    }
}

fn text(name: &str, map: &Map<String, Value>, key: &str) -> Check {
    match map.get(key) {
        None | Some(Value::Null | Value::String(_)) => Ok(()),
        Some(value) => refuse(
            422,
            format!("{} is {value} instead of text", place(name, key)),
        ),
    }
}

fn numbers(name: &str, map: &Map<String, Value>) -> Check {
    for (key, least) in [("season", 0), ("number", 0), ("number_abs", 1)] {
        let fits = |value: &Value| value.as_i64().is_some_and(|number| number >= least);
        if let Some(value) = map.get(key).filter(|value| !fits(value)) {
            return refuse(422, format!("{} is {value}", place(name, key)));
        }
    }
    Ok(())
}

fn date(name: &str, map: &Map<String, Value>, key: &str) -> Check {
    let Some(value) = map.get(key) else {
        return Ok(());
    };
    let fits = value.as_str().is_some_and(|text| match text {
        "released" => key != "rated_at",
        "unknown" => key == "watched_at",
        text => text.ends_with('Z') && read_date(text).is_some(),
    });
    if fits {
        Ok(())
    } else {
        refuse(
            422,
            format!("{} is {value} instead of a date in UTC", place(name, key)),
        )
    }
}
