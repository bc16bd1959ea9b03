//! Ratings, watchlist and collection: reading, adding, removing, and their limits.
//! Requests arrive here checked by `bodies`.

use serde_json::{Value, json};

use crate::api;
use crate::catalogue::{Kind, Media};
use crate::clock::{iso_date, read_date};
use crate::http::{Request, Response};
use crate::records::{Listed, Records, group};
use crate::wanted::{Depth, Wanted, counts};
use crate::world::World;

/// One of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// 1 to 10.
    Ratings,
    /// To be watched.
    Watchlist,
    /// Owned.
    Collection,
}

impl List {
    /// The list of a path's word.
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "ratings" => Some(Self::Ratings),
            "watchlist" => Some(Self::Watchlist),
            "collection" => Some(Self::Collection),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ratings => "ratings",
            Self::Watchlist => "watchlist",
            Self::Collection => "collection",
        }
    }

    /// The key of an entry's date; in the last activities, that of its group.
    fn dates(self) -> (&'static str, &'static str) {
        match self {
            Self::Ratings => ("rated_at", "rated_at"),
            Self::Watchlist => ("listed_at", "watchlisted_at"),
            Self::Collection => ("collected_at", "collected_at"),
        }
    }

    fn depth(self) -> Depth {
        match self {
            Self::Collection => Depth::Episodes,
            Self::Ratings | Self::Watchlist => Depth::Whole,
        }
    }

    fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Collection => &[Kind::Movie, Kind::Episode],
            Self::Ratings | Self::Watchlist => &Kind::ALL,
        }
    }

    fn limit(self, world: &World) -> Option<i64> {
        let config = match self {
            Self::Ratings => world.config.ratings_limit,
            Self::Watchlist => None,
            Self::Collection => world.config.collection_limit,
        };
        let settings = || {
            world
                .settings
                .limit(&world.account, self.name(), "item_count")
        };
        config.or_else(settings)
    }

    /// Its entries, the newest first.
    pub fn entries(self, records: &Records) -> &[Listed] {
        match self {
            Self::Ratings => &records.ratings,
            Self::Watchlist => &records.watchlist,
            Self::Collection => &records.collection,
        }
    }

    fn entries_mut(self, records: &mut Records) -> &mut Vec<Listed> {
        match self {
            Self::Ratings => &mut records.ratings,
            Self::Watchlist => &mut records.watchlist,
            Self::Collection => &mut records.collection,
        }
    }
}

/// `GET /sync/{list}[/type[/more]]`; `more` is a rating, or the order of the watchlist.
pub fn read(
    world: &World,
    request: &Request,
    list: List,
    kind: Option<&str>,
    more: Option<&str>,
) -> Response {
    let records = world.records();
    let full = api::is_full(request);
    let entries = list.entries(records);
    if list == List::Collection {
        return api::page(world, request, collection(entries, kind, full));
    }
    let wanted = kind.and_then(Kind::of);
    let ratings: Vec<&str> = more
        .map(|more| more.split(',').collect())
        .unwrap_or_default();
    let rated = |entry: &Listed| {
        list != List::Ratings
            || ratings.is_empty()
            || ratings.contains(&entry.rating.to_string().as_str())
    };
    let shown = entries.iter().enumerate().filter(|(_, entry)| {
        wanted.is_none_or(|wanted| wanted == entry.media.kind) && rated(entry)
    });
    let rows = shown.map(|(n, entry)| {
        let mut row = json!({"type": entry.media.kind.one()});
        row[list.dates().0] = json!(iso_date(entry.at));
        if list == List::Ratings {
            row["rating"] = entry.rating.clone();
        } else {
            row["rank"] = json!(n + 1);
            row["id"] = json!(entry.id);
            row["notes"] = entry.notes.clone();
        }
        entry.media.put_into(&mut row, full);
        row
    });
    api::page(world, request, rows.collect())
}

/// The collection: films and episodes as they are, or shows with what they have of each season.
fn collection(entries: &[Listed], kind: Option<&str>, full: bool) -> Vec<Value> {
    let one = |entry: &Listed| {
        let mut row = json!({
            "collected_at": iso_date(entry.at),
            "updated_at": iso_date(entry.updated_at),
        });
        if kind == Some("media") {
            row["type"] = json!(entry.media.kind.one());
        }
        entry.media.put_into(&mut row, full);
        row
    };
    let of = |kind: Kind| entries.iter().filter(move |entry| entry.media.kind == kind);
    match kind {
        Some("movies") => of(Kind::Movie).map(one).collect(),
        Some("episodes") => of(Kind::Episode).map(one).collect(),
        Some("shows") => {
            let mut shows: Vec<i64> = Vec::new();
            for entry in of(Kind::Episode) {
                if let Some(id) = entry.media.show_id.filter(|id| !shows.contains(id)) {
                    shows.push(id);
                }
            }
            let all = |id: i64| of(Kind::Episode).filter(move |one| one.media.show_id == Some(id));
            shows
                .into_iter()
                .map(|id| show_row(all(id).collect()))
                .collect()
        }
        _ => entries.iter().map(one).collect(),
    }
}

fn show_row(episodes: Vec<&Listed>) -> Value {
    let latest = |moment: fn(&Listed) -> i64| {
        let newest = episodes.iter().map(|entry| moment(entry)).max();
        iso_date(newest.unwrap_or(0))
    };
    let number = |entry: &Listed, key: &str| entry.media.body[key].as_i64().unwrap_or(0);
    let mut seasons: Vec<i64> = episodes
        .iter()
        .map(|entry| number(entry, "season"))
        .collect();
    seasons.sort_unstable();
    seasons.dedup();
    let seasons = seasons.into_iter().map(|season| {
        let mut own: Vec<&&Listed> = episodes
            .iter()
            .filter(|entry| number(entry, "season") == season)
            .collect();
        own.sort_by_key(|entry| number(entry, "number"));
        let episodes = own.into_iter().map(
            |entry| json!({"number": number(entry, "number"), "collected_at": iso_date(entry.at)}),
        );
        json!({"number": season, "episodes": episodes.collect::<Value>()})
    });
    json!({
        "last_collected_at": latest(|entry| entry.at),
        "last_updated_at": latest(|entry| entry.updated_at),
        "show": episodes.first().and_then(|entry| entry.media.show.clone()),
        "seasons": seasons.collect::<Value>(),
    })
}

/// `POST /sync/{list}`.
pub fn add(world: &mut World, list: List, body: &Value) -> Response {
    let mut selection = world.selection(body, list.depth());
    let noted = |wanted: &Wanted| wanted.item["notes"].is_string();
    if list == List::Watchlist && selection.found.iter().any(noted) && !world.account.vip {
        return api::vip_only(world);
    }
    let present = |media: &Media| {
        let entries = list.entries(world.records()).iter();
        entries.clone().any(|entry| entry.media.same(media))
    };
    let existing: Vec<Kind> = selection
        .found
        .iter()
        .filter(|wanted| present(&wanted.media))
        .map(|wanted| wanted.media.kind)
        .collect();
    let new = selection.found.len() - existing.len();
    let count = i64::try_from(list.entries(world.records()).len() + new).unwrap_or(i64::MAX);
    if let Some(limit) = list.limit(world).filter(|limit| new > 0 && count > *limit) {
        return api::over_limit(world, limit);
    }
    if list != List::Ratings {
        selection.found.retain(|wanted| !present(&wanted.media));
    }
    let now = world.clock.wall_ms();
    for wanted in &selection.found {
        let date = wanted.item[list.dates().0]
            .as_str()
            .and_then(|text| match text {
                "released" => wanted.media.released,
                text => read_date(text),
            });
        let entry = Listed {
            id: world.next_id(),
            media: wanted.media.clone(),
            at: date.unwrap_or(now),
            updated_at: now,
            rating: wanted.item["rating"].clone(),
            notes: wanted.item["notes"].clone(),
        };
        let records = world.records_mut();
        touch(records, list, entry.media.kind, now);
        let entries = list.entries_mut(records);
        entries.retain(|old| !old.media.same(&entry.media));
        entries.insert(0, entry);
    }
    let mut answer = json!({
        "added": selection.counts(list.kinds()),
        "not_found": selection.not_found(),
    });
    if list != List::Ratings {
        answer["existing"] = counts(list.kinds(), existing.into_iter());
        answer["list"] = list_state(world, list, now);
    }
    Response::json(201, answer.to_string())
}

/// `POST /sync/{list}/remove`.
pub fn remove(world: &mut World, list: List, body: &Value) -> Response {
    let mut selection = world.selection(body, list.depth());
    let now = world.clock.wall_ms();
    let found = std::mem::take(&mut selection.found);
    for wanted in found {
        let records = world.records_mut();
        let entries = list.entries_mut(records);
        let before = entries.len();
        entries.retain(|entry| !entry.media.same(&wanted.media));
        if entries.len() < before {
            touch(records, list, wanted.media.kind, now);
            selection.found.push(wanted);
        } else {
            let mut echo = wanted.item;
            if let Some(echo) = echo.as_object_mut() {
                echo.remove("seasons");
            }
            selection.missing.push((wanted.media.kind, echo));
        }
    }
    let mut answer = json!({
        "deleted": selection.counts(list.kinds()),
        "not_found": selection.not_found(),
    });
    if list != List::Ratings {
        answer["list"] = list_state(world, list, now);
    }
    Response::json(200, answer.to_string())
}

fn touch(records: &mut Records, list: List, kind: Kind, now: i64) {
    records.touch(group(kind), list.dates().1, now);
    if list == List::Watchlist {
        records.touch("watchlist", "updated_at", now);
    }
}

fn list_state(world: &World, list: List, now: i64) -> Value {
    let count = list.entries(world.records()).len();
    json!({"updated_at": iso_date(now), "item_count": count})
}
