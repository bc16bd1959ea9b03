//! The media that the body of a `/sync` call names: what is found as what it is, the rest as an echo.
//! Knows nothing of what is to be done with them.

use serde_json::{Map, Value, json};

use crate::catalogue::{Catalogue, Kind, Media, Show};
use crate::config::NestedNotFound;

/// Something found, with what the body says about it.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What it is.
    pub media: Media,
    /// Its item; a date that a show or a season has holds for all that is in it.
    pub item: Value,
}

/// How far a show or a season is taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Into episodes, which are what the history and the collection hold.
    Episodes,
    /// Not at all: ratings and the watchlist hold it as it is.
    Whole,
}

/// What a body names.
#[derive(Debug)]
pub struct Selection {
    /// What exists.
    pub found: Vec<Wanted>,
    /// What doesn't, as it was sent.
    pub missing: Vec<(Kind, Value)>,
    depth: Depth,
    nested: NestedNotFound,
}

const DATES: [&str; 3] = ["watched_at", "collected_at", "rated_at"];

impl Selection {
    /// Reads a body.
    pub fn of(catalogue: &Catalogue, body: &Value, depth: Depth, nested: NestedNotFound) -> Self {
        let mut selection = Self {
            found: Vec::new(),
            missing: Vec::new(),
            depth,
            nested,
        };
        for kind in Kind::ALL {
            for item in array(&body[kind.many()]) {
                let dated = inherit(item, body);
                match kind {
                    Kind::Show => match catalogue.show(item) {
                        Some(show) => selection.show(&show, item, &dated),
                        None => selection.missing.push((kind, item.clone())),
                    },
                    _ => match catalogue.find(kind, item) {
                        Some(media) if kind == Kind::Season && depth == Depth::Episodes => {
                            let show = json!({"ids": {"trakt": media.show_id}});
                            let number = media.body["number"].as_i64();
                            let episodes = catalogue.show(&show).map(|show| show.episodes(number));
                            selection.take_all(episodes.unwrap_or_default(), &dated);
                        }
                        Some(media) => selection.take(media, dated),
                        None => selection.missing.push((kind, item.clone())),
                    },
                }
            }
        }
        selection
    }

    fn take(&mut self, media: Media, item: Value) {
        self.found.push(Wanted { media, item });
    }

    fn take_all(&mut self, all: Vec<Media>, item: &Value) {
        for media in all {
            self.take(media, item.clone());
        }
    }

    fn show(&mut self, show: &Show, echo: &Value, dated: &Value) {
        if !dated["seasons"].is_array() {
            return match self.depth {
                Depth::Episodes => self.take_all(show.episodes(None), dated),
                Depth::Whole => self.take(show.media(), dated.clone()),
            };
        }
        let mut lost = Vec::new();
        for season in array(&dated["seasons"]) {
            let number = season["number"].as_i64().unwrap_or(-1);
            let dated = inherit(season, dated);
            let Some(media) = show.season(number) else {
                lost.push((Kind::Season, json!({"number": number}), season.clone()));
                continue;
            };
            if !season["episodes"].is_array() {
                match self.depth {
                    Depth::Episodes => self.take_all(show.episodes(Some(number)), &dated),
                    Depth::Whole => self.take(media, dated),
                }
                continue;
            }
            let mut lost_here = Vec::new();
            for episode in array(&season["episodes"]) {
                let wanted = episode["number"].as_i64().unwrap_or(-1);
                match show.episode(number, wanted) {
                    Some(media) => self.take(media, inherit(episode, &dated)),
                    None => lost_here.push(episode.clone()),
                }
            }
            match self.nested {
                NestedNotFound::Episodes => lost.extend(lost_here.into_iter().map(|episode| {
                    let echo = json!({"season": number, "number": episode["number"]});
                    (Kind::Episode, echo, episode)
                })),
                NestedNotFound::Shows if !lost_here.is_empty() => {
                    let season = json!({"number": number, "episodes": lost_here});
                    lost.push((Kind::Season, Value::Null, season));
                }
                NestedNotFound::Shows => {}
            }
        }
        self.lose(echo, lost);
    }

    fn lose(&mut self, show: &Value, lost: Vec<(Kind, Value, Value)>) {
        if lost.is_empty() {
            return;
        }
        let mut named: Map<String, Value> = Map::new();
        for key in ["title", "year", "ids"] {
            if let Some(value) = show.get(key) {
                named.insert(key.into(), value.clone());
            }
        }
        match self.nested {
            NestedNotFound::Episodes => {
                for (kind, mut echo, _) in lost {
                    echo["show"] = json!(named);
                    self.missing.push((kind, echo));
                }
            }
            NestedNotFound::Shows => {
                let seasons: Vec<Value> = lost.into_iter().map(|(_, _, season)| season).collect();
                named.insert("seasons".into(), json!(seasons));
                self.missing.push((Kind::Show, json!(named)));
            }
        }
    }

    /// `{"movies": 1, …}`: how many of each of these kinds were found.
    pub fn counts(&self, kinds: &[Kind]) -> Value {
        counts(kinds, self.found.iter().map(|wanted| wanted.media.kind))
    }

    /// `not_found` of an answer.
    pub fn not_found(&self) -> Value {
        let mut answer = json!({});
        for kind in Kind::ALL {
            let of_kind = self.missing.iter().filter(|(found, _)| *found == kind);
            let echoes: Vec<&Value> = of_kind.map(|(_, item)| item).collect();
            answer[kind.many()] = json!(echoes);
        }
        answer
    }
}

/// How many there are of each of these kinds.
pub fn counts(kinds: &[Kind], found: impl Iterator<Item = Kind>) -> Value {
    let mut answer = json!({});
    for kind in kinds {
        answer[kind.many()] = json!(0);
    }
    for kind in found {
        if let Some(count) = answer[kind.many()].as_i64() {
            answer[kind.many()] = json!(count + 1);
        }
    }
    answer
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn inherit(item: &Value, from: &Value) -> Value {
    let mut item = item.clone();
    for key in DATES {
        if item[key].is_null() && from[key].is_string() {
            item[key] = from[key].clone();
        }
    }
    item
}
