//! What is played in a history: films and episodes that the simulated Trakt knows, in the many ways in which a host names
//! them, and some that it doesn't know. Knows nothing of how they are played.

use serde_json::{Value, json};

use crate::random::Random;

/// What Trakt has an entry for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Thing {
    /// A film, by its Trakt id.
    Movie(i64),
    /// An episode, by its Trakt id.
    Episode(i64),
    /// Nothing that Trakt knows.
    Unknown,
}

/// One thing as a host names it.
#[derive(Debug, Clone)]
pub struct Item {
    /// What it is.
    pub thing: Thing,
    /// How long it lasts.
    pub minutes: i64,
    /// As the host says it.
    pub json: Value,
    /// For people.
    pub title: String,
}

struct Film {
    title: &'static str,
    year: i64,
    trakt: i64,
    imdb: &'static str,
    tmdb: i64,
    minutes: i64,
}

struct Series {
    title: &'static str,
    year: i64,
    trakt: i64,
    tvdb: i64,
    season: i64,
    first: i64,
    episodes: i64,
    minutes: i64,
}

const fn film(
    title: &'static str,
    year: i64,
    trakt: i64,
    imdb: &'static str,
    tmdb: i64,
    minutes: i64,
) -> Film {
    Film {
        title,
        year,
        trakt,
        imdb,
        tmdb,
        minutes,
    }
}

// Of the simulated Trakt's catalogue.
const FILMS: [Film; 10] = [
    film("Heat", 1995, 480_001, "tt0113277", 949, 170),
    film("Heat", 1986, 480_002, "tt0093164", 35_893, 101),
    film("The Thing", 1982, 480_003, "tt0084787", 1091, 109),
    film("The Thing", 2011, 480_004, "tt0905372", 60_935, 103),
    film("Ocean's Eleven", 2001, 480_006, "tt0240772", 161, 116),
    film("Mission: Impossible", 1996, 480_007, "tt0117060", 954, 110),
    film("Face/Off", 1997, 480_008, "tt0119094", 754, 139),
    film("[REC]", 2007, 480_010, "tt1038988", 8329, 78),
    film("Spirited Away", 2001, 480_011, "tt0245429", 129, 125),
    film("Blitz <Uncut>", 2012, 480_015, "tt9900015", 990_015, 30),
];

const fn series(
    title: &'static str,
    (year, season, minutes): (i64, i64, i64),
    (trakt, tvdb): (i64, i64),
    (first, episodes): (i64, i64),
) -> Series {
    Series {
        title,
        year,
        trakt,
        tvdb,
        season,
        first,
        episodes,
        minutes,
    }
}

const SERIES: [Series; 5] = [
    series("Dark", (2017, 1, 50), (180_001, 334_824), (7_300_001, 10)),
    series(
        "Star Trek: The Next Generation",
        (1987, 2, 45),
        (180_002, 71_470),
        (7_300_035, 22),
    ),
    series(
        "Doctor Who",
        (2005, 1, 45),
        (180_004, 78_804),
        (7_300_063, 5),
    ),
    series("M*A*S*H", (1972, 1, 25), (180_008, 70_994), (7_300_138, 6)),
    series("9-1-1", (2018, 1, 43), (180_009, 334_876), (7_300_144, 10)),
];

/// Any item; a known one.
pub fn any(random: &mut Random) -> Item {
    if random.percent(50) {
        movie(random)
    } else {
        episode(random)
    }
}

fn movie(random: &mut Random) -> Item {
    let film = random.pick(&FILMS);
    let digits = &film.imdb[2..];
    let whole = json!({"type": "movie", "title": film.title, "year": film.year});
    let mut json = whole.clone();
    match random.range(0, 9) {
        0 => json["ids"] = json!({"trakt": film.trakt}),
        1 => json["ids"] = json!({"imdb": film.imdb, "tmdb": film.tmdb.to_string()}),
        2 => json["ids"] = json!({"imdb": digits, "tvdb": "-1"}),
        3 => json["ids"] = json!({"tmdb": film.tmdb, "imdb": ""}),
        4 => json = json!({"type": "movie", "ids": {"tmdb": film.tmdb}}),
        5 => {}
        6 => json["ids"] = json!({"trakt": 0, "imdb": "none"}),
        7 => {
            let name = film.title.replace(['/', ':', '<', '>', '[', ']'], "");
            if name == film.title {
                json =
                    json!({"type": "file", "file": format!("/films/{name} ({}).mkv", film.year)});
            }
        }
        _ => json["ids"] = json!({"imdb": film.imdb}),
    }
    Item {
        thing: Thing::Movie(film.trakt),
        minutes: film.minutes,
        json,
        title: format!("{} ({})", film.title, film.year),
    }
}

fn numbered(series: &Series, number: i64, random: &mut Random) -> Item {
    let trakt = series.first + number - 1;
    let show = json!({"title": series.title, "year": series.year});
    let mut json =
        json!({"type": "episode", "show": show, "season": series.season, "number": number});
    match random.range(0, 7) {
        0 => json["show"]["ids"] = json!({"trakt": series.trakt}),
        1 => json["ids"] = json!({"trakt": trakt}),
        2 => json = json!({"type": "episode", "ids": {"trakt": trakt.to_string()}}),
        3 => {}
        4 if series.title == "Dark" => {
            let file = format!(
                "/shows/Dark/Dark.S{:02}E{number:02}.1080p.mkv",
                series.season
            );
            json = json!({"type": "file", "file": file});
        }
        _ => json["show"]["ids"] = json!({"tvdb": series.tvdb.to_string()}),
    }
    Item {
        thing: Thing::Episode(trakt),
        minutes: series.minutes,
        json,
        title: format!("{} {}x{number:02}", series.title, series.season),
    }
}

fn episode(random: &mut Random) -> Item {
    let series = random.pick(&SERIES);
    let number = random.range(1, series.episodes);
    numbered(series, number, random)
}

/// Two or three episodes that follow each other, for one file.
pub fn episodes(random: &mut Random) -> Vec<Item> {
    let series = random.pick(&SERIES);
    let count = random.range(2, 3);
    let first = random.range(1, series.episodes - count + 1);
    (first..first + count)
        .map(|number| with_show(series, number))
        .collect()
}

/// The next episode after another one; a playlist.
pub fn after(item: &Item, random: &mut Random) -> Option<Item> {
    let Thing::Episode(trakt) = item.thing else {
        return None;
    };
    let of = |series: &&Series| (series.first..series.first + series.episodes - 1).contains(&trakt);
    let series = SERIES.iter().find(of)?;
    Some(numbered(series, trakt - series.first + 2, random))
}

fn with_show(series: &Series, number: i64) -> Item {
    let show = json!({"title": series.title, "year": series.year, "ids": {"tvdb": series.tvdb}});
    Item {
        thing: Thing::Episode(series.first + number - 1),
        minutes: series.minutes,
        json: json!({"type": "episode", "show": show, "season": series.season, "number": number}),
        title: format!("{} {}x{number:02}", series.title, series.season),
    }
}

/// Something that Trakt doesn't know.
pub fn unknown(random: &mut Random) -> Item {
    let json = match random.range(0, 2) {
        0 => {
            json!({"type": "movie", "title": "Nobody's Film", "year": 2020, "ids": {"trakt": 900_000_007}})
        }
        1 => json!({"type": "movie", "title": "Zqxw Vbnm Plok", "year": 1931}),
        _ => json!({"type": "file", "file": "/inbox/zqxwvbnm.mkv"}),
    };
    Item {
        thing: Thing::Unknown,
        minutes: 40,
        json,
        title: "something unknown".into(),
    }
}
