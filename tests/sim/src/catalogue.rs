//! The films and shows that the simulated service knows, and how a request's ids find one.
//! Those of `catalogue.json` and of `/media` are real-looking; any other number names a generated one.
//! Knows nothing of accounts and of HTTP.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Media with a Trakt id from here on don't exist.
const FIRST_UNKNOWN_ID: i64 = 900_000_000;
const MINUTE_MS: i64 = 60_000;

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A film.
    Movie,
    /// A show as a whole.
    Show,
    /// A season as a whole.
    Season,
    /// An episode.
    Episode,
}

impl Kind {
    /// All kinds, in Trakt's order.
    pub const ALL: [Self; 4] = [Self::Movie, Self::Show, Self::Season, Self::Episode];

    /// `movie`.
    pub fn one(self) -> &'static str {
        match self {
            Self::Movie => "movie",
            Self::Show => "show",
            Self::Season => "season",
            Self::Episode => "episode",
        }
    }

    /// `movies`.
    pub fn many(self) -> &'static str {
        match self {
            Self::Movie => "movies",
            Self::Show => "shows",
            Self::Season => "seasons",
            Self::Episode => "episodes",
        }
    }

    /// The kind of `movies` or `movie`.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.one() == word || kind.many() == word)
    }
}

/// The ids of one thing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ids {
    /// Trakt's own; 0 in `/media`: one is given.
    #[serde(default)]
    pub trakt: i64,
    /// The name in addresses; films and shows only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// `tt0113277`.
    #[serde(default)]
    pub imdb: Option<String>,
    /// The Movie Database.
    #[serde(default)]
    pub tmdb: Option<i64>,
    /// TheTVDB; not of films.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tvdb: Option<i64>,
}

/// The keys of `Ids` in the order in which Trakt tries them.
const ID_ORDER: [&str; 5] = ["trakt", "imdb", "tmdb", "tvdb", "slug"];

impl Ids {
    fn has(&self, key: &str, value: &Value) -> bool {
        let number = value
            .as_i64()
            .or_else(|| value.as_str().and_then(|text| text.parse().ok()));
        match key {
            "trakt" => number == Some(self.trakt),
            "tmdb" => number.is_some() && number == self.tmdb,
            "tvdb" => number.is_some() && number == self.tvdb,
            "imdb" => value.is_string() && value.as_str() == self.imdb.as_deref(),
            "slug" => value.is_string() && value.as_str() == self.slug.as_deref(),
            _ => false,
        }
    }
}

/// A film.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Movie {
    title: String,
    year: Option<i64>,
    ids: Ids,
    #[serde(default = "two_hours")]
    runtime: i64,
    #[serde(default)]
    released: Option<String>,
    #[serde(default)]
    original_title: Option<String>,
    #[serde(default)]
    aliases: Vec<String>,
}

/// A show with all that belongs to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Show {
    title: String,
    year: Option<i64>,
    ids: Ids,
    #[serde(default = "three_quarters")]
    runtime: i64,
    #[serde(default)]
    original_title: Option<String>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    seasons: Vec<Season>,
    /// Made up: it has whatever season and episode is asked for.
    #[serde(skip)]
    generated: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Season {
    number: i64,
    #[serde(default)]
    ids: Ids,
    #[serde(default)]
    episodes: Vec<Episode>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Episode {
    number: i64,
    #[serde(default)]
    number_abs: Option<i64>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    ids: Ids,
    #[serde(default)]
    runtime: Option<i64>,
    #[serde(default)]
    first_aired: Option<String>,
}

fn two_hours() -> i64 {
    120
}

fn three_quarters() -> i64 {
    45
}

/// One thing, found: what entries are made of.
#[derive(Debug, Clone)]
pub struct Media {
    /// What it is.
    pub kind: Kind,
    /// Its Trakt id, unique within its kind.
    pub trakt: i64,
    /// As Trakt writes it.
    pub body: Value,
    /// With everything that `extended=full` adds.
    pub full: Value,
    /// The show of a season or an episode.
    pub show: Option<Value>,
    /// The show's Trakt id, its own for a show.
    pub show_id: Option<i64>,
    /// How long it lasts.
    pub runtime_ms: i64,
    /// When it came out.
    pub released: Option<i64>,
    /// Other titles.
    pub aliases: Vec<String>,
}

impl Media {
    /// Whether both are the same thing.
    pub fn same(&self, other: &Self) -> bool {
        self.kind == other.kind && self.trakt == other.trakt
    }

    /// Puts it into an entry: `movie`, or `episode` and `show`.
    pub fn put_into(&self, entry: &mut Value, full: bool) {
        let body = if full { &self.full } else { &self.body };
        entry[self.kind.one()] = body.clone();
        if let Some(show) = &self.show {
            entry["show"] = show.clone();
        }
    }

    /// `Heat (1995)` or `Dark 1x02 Lies`, for people.
    pub fn title(&self) -> String {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let whole = |body: &Value| match body["year"].as_i64() {
            Some(year) => format!("{} ({year})", text(&body["title"])),
            None => text(&body["title"]),
        };
        let show = self.show.as_ref().map(whole).unwrap_or_default();
        match self.kind {
            Kind::Movie | Kind::Show => whole(&self.body),
            Kind::Season => format!("{show} season {}", self.body["number"]),
            Kind::Episode => format!(
                "{show} {}x{:02} {}",
                self.body["season"],
                self.body["number"].as_i64().unwrap_or(0),
                text(&self.body["title"])
            ),
        }
    }
}

impl Movie {
    /// The film, found.
    pub fn media(&self) -> Media {
        let body = json!({"title": self.title, "year": self.year, "ids": self.ids});
        let mut full = body.clone();
        full["runtime"] = json!(self.runtime);
        full["released"] = json!(self.released);
        full["original_title"] = json!(self.original_title);
        Media {
            kind: Kind::Movie,
            trakt: self.ids.trakt,
            body,
            full,
            show: None,
            show_id: None,
            runtime_ms: self.runtime * MINUTE_MS,
            released: self
                .released
                .as_deref()
                .and_then(crate::clock::read_date)
                .or_else(|| january(self.year)),
            aliases: self.aliases.clone(),
        }
    }
}

impl Show {
    fn body(&self) -> Value {
        json!({"title": self.title, "year": self.year, "ids": self.ids})
    }

    /// The show as a whole.
    pub fn media(&self) -> Media {
        let mut full = self.body();
        full["runtime"] = json!(self.runtime);
        full["original_title"] = json!(self.original_title);
        let aired = self.seasons.iter().filter(|season| season.number > 0);
        full["aired_episodes"] = json!(aired.map(|season| season.episodes.len()).sum::<usize>());
        Media {
            kind: Kind::Show,
            trakt: self.ids.trakt,
            body: self.body(),
            full,
            show: None,
            show_id: Some(self.ids.trakt),
            runtime_ms: self.runtime * MINUTE_MS,
            released: january(self.year),
            aliases: self.aliases.clone(),
        }
    }

    /// Its seasons.
    pub fn seasons(&self) -> Vec<Media> {
        let seasons = self.seasons.iter();
        seasons.map(|season| self.season_media(season)).collect()
    }

    /// One of its seasons.
    pub fn season(&self, number: i64) -> Option<Media> {
        let found = self.seasons.iter().find(|season| season.number == number);
        match found {
            Some(season) => Some(self.season_media(season)),
            None if self.generated && (0..100).contains(&number) => {
                Some(self.season_media(&generated_season(self.ids.trakt, number)))
            }
            None => None,
        }
    }

    /// The episodes of one season, or of all but the specials.
    pub fn episodes(&self, season: Option<i64>) -> Vec<Media> {
        let generated;
        let mut seasons: Vec<&Season> = self
            .seasons
            .iter()
            .filter(|one| season.map_or(one.number > 0, |number| number == one.number))
            .collect();
        if let Some(number) = season.filter(|_| self.generated && seasons.is_empty()) {
            generated = generated_season(self.ids.trakt, number);
            seasons.push(&generated);
        }
        let all = seasons.into_iter().flat_map(|season| {
            let episodes = season.episodes.iter();
            episodes.map(|episode| self.episode_media(season.number, episode))
        });
        all.collect()
    }

    /// An episode by its numbers.
    pub fn episode(&self, season: i64, number: i64) -> Option<Media> {
        let found = self
            .seasons
            .iter()
            .filter(|one| one.number == season)
            .flat_map(|one| &one.episodes)
            .find(|episode| episode.number == number);
        match found {
            Some(episode) => Some(self.episode_media(season, episode)),
            None if self.generated && (0..100).contains(&season) && (1..100).contains(&number) => {
                let episode = generated_episode(self.ids.trakt, season, number);
                Some(self.episode_media(season, &episode))
            }
            None => None,
        }
    }

    /// An episode by its number counted from the first one.
    pub fn episode_abs(&self, number: i64) -> Option<Media> {
        let mut all = self
            .seasons
            .iter()
            .flat_map(|season| season.episodes.iter().map(move |one| (season.number, one)));
        let (season, episode) = all.find(|(_, episode)| episode.number_abs == Some(number))?;
        Some(self.episode_media(season, episode))
    }

    fn season_media(&self, season: &Season) -> Media {
        let body = json!({"number": season.number, "ids": season.ids});
        let mut full = body.clone();
        full["episode_count"] = json!(season.episodes.len());
        Media {
            kind: Kind::Season,
            trakt: season.ids.trakt,
            body,
            full,
            show: Some(self.body()),
            show_id: Some(self.ids.trakt),
            runtime_ms: self.runtime * MINUTE_MS,
            released: january(self.year),
            aliases: Vec::new(),
        }
    }

    fn episode_media(&self, season: i64, episode: &Episode) -> Media {
        let body = json!({
            "season": season, "number": episode.number, "title": episode.title, "ids": episode.ids,
        });
        let runtime = episode.runtime.unwrap_or(self.runtime);
        let mut full = body.clone();
        full["number_abs"] = json!(episode.number_abs);
        full["runtime"] = json!(runtime);
        full["first_aired"] = json!(episode.first_aired);
        Media {
            kind: Kind::Episode,
            trakt: episode.ids.trakt,
            body,
            full,
            show: Some(self.body()),
            show_id: Some(self.ids.trakt),
            runtime_ms: runtime * MINUTE_MS,
            released: episode
                .first_aired
                .as_deref()
                .and_then(crate::clock::read_date)
                .or_else(|| january(self.year)),
            aliases: Vec::new(),
        }
    }
}

fn january(year: Option<i64>) -> Option<i64> {
    year.and_then(|year| crate::clock::read_date(&format!("{year:04}-01-01")))
}

/// All that is known.
#[derive(Debug, Clone, Deserialize)]
pub struct Catalogue {
    movies: Vec<Movie>,
    shows: Vec<Show>,
    /// Whether nothing else exists.
    #[serde(skip)]
    pub strict: bool,
    #[serde(skip)]
    given: i64,
}

impl Default for Catalogue {
    fn default() -> Self {
        serde_json::from_str(include_str!("catalogue.json")).expect("catalogue.json is as declared")
    }
}

impl Catalogue {
    /// Every film and show, for people and searches.
    pub fn titles(&self) -> Vec<Media> {
        let shows = self.shows.iter().map(Show::media);
        self.movies.iter().map(Movie::media).chain(shows).collect()
    }

    /// Every episode.
    pub fn episodes(&self) -> impl Iterator<Item = Media> + '_ {
        self.shows.iter().flat_map(|show| {
            let seasons = show.seasons.iter();
            seasons.flat_map(move |season| {
                let episodes = season.episodes.iter();
                episodes.map(move |episode| show.episode_media(season.number, episode))
            })
        })
    }

    /// Adds a film (`movie`) or a show (`show`); Trakt ids that are missing are given.
    pub fn add(&mut self, call: &Map<String, Value>) -> Result<Media, String> {
        let wrong = |error: serde_json::Error| error.to_string();
        match (call.get("movie"), call.get("show")) {
            (Some(movie), None) => {
                let mut movie: Movie = serde_json::from_value(movie.clone()).map_err(wrong)?;
                self.give(&mut movie.ids);
                let media = movie.media();
                self.movies.push(movie);
                Ok(media)
            }
            (None, Some(show)) => {
                let mut show: Show = serde_json::from_value(show.clone()).map_err(wrong)?;
                self.give(&mut show.ids);
                for season in &mut show.seasons {
                    self.give(&mut season.ids);
                    for episode in &mut season.episodes {
                        self.give(&mut episode.ids);
                    }
                }
                let media = show.media();
                self.shows.push(show);
                Ok(media)
            }
            _ => Err("either movie or show is expected".into()),
        }
    }

    fn give(&mut self, ids: &mut Ids) {
        if ids.trakt == 0 {
            self.given += 1;
            ids.trakt = 890_000_000 + self.given;
        }
    }

    /// A film by what a request says of it.
    pub fn movie(&self, item: &Value) -> Option<Media> {
        let known = by_ids(&item["ids"], |key, value| {
            self.movies.iter().find(|movie| movie.ids.has(key, value))
        })
        .or_else(|| by_title(item, &self.movies, |movie| (&movie.title, movie.year)));
        known.map(Movie::media).or_else(|| {
            let id = self.made_up(item, "Film", generated_movie_id)?;
            Some(generated_movie(id).media())
        })
    }

    /// A show by what a request says of it.
    pub fn show(&self, item: &Value) -> Option<Show> {
        let known = by_ids(&item["ids"], |key, value| {
            self.shows.iter().find(|show| show.ids.has(key, value))
        })
        .or_else(|| by_title(item, &self.shows, |show| (&show.title, show.year)));
        if let Some(show) = known {
            return Some(show.clone());
        }
        self.made_up(item, "Series", generated_show_id)
            .map(generated_show)
    }

    /// A season or an episode by its own ids.
    pub fn part(&self, kind: Kind, item: &Value) -> Option<Media> {
        let ids = &item["ids"];
        let known = by_ids(ids, |key, value| {
            self.shows.iter().find_map(|show| {
                show.seasons.iter().find_map(|season| match kind {
                    Kind::Season => season
                        .ids
                        .has(key, value)
                        .then(|| show.season_media(season)),
                    _ => {
                        let mut episodes = season.episodes.iter();
                        let found = episodes.find(|episode| episode.ids.has(key, value))?;
                        Some(show.episode_media(season.number, found))
                    }
                })
            })
        });
        if known.is_some() {
            return known;
        }
        let id = self.made_up(item, "", generated_part_id)?;
        if kind == Kind::Season {
            return generated_show(id / 100 + 1).season(id % 100);
        }
        let (show, season, number) = numbers_of(id);
        let mut media = generated_show(show).episode(season, number)?;
        media.trakt = id;
        for body in [&mut media.body, &mut media.full] {
            body["ids"] = json!(generated_episode_ids(id));
        }
        Some(media)
    }

    /// What `movie`, `show` and `episode` of a request tell together.
    pub fn played(&self, body: &Value) -> Option<Media> {
        if body["movie"].is_object() {
            return self.movie(&body["movie"]);
        }
        let episode = &body["episode"];
        let own = || self.part(Kind::Episode, episode);
        if body["show"].is_object() {
            let show = self.show(&body["show"]);
            let numbers = (episode["season"].as_i64(), episode["number"].as_i64());
            let found = show.and_then(|show| match (numbers, episode["number_abs"].as_i64()) {
                ((Some(season), Some(number)), _) => show.episode(season, number),
                (_, Some(number)) => show.episode_abs(number),
                _ => None,
            });
            return found.or_else(own);
        }
        own()
    }

    /// A thing of any kind by its own ids or title.
    pub fn find(&self, kind: Kind, item: &Value) -> Option<Media> {
        match kind {
            Kind::Movie => self.movie(item),
            Kind::Show => self.show(item).map(|show| show.media()),
            Kind::Season | Kind::Episode => self.part(kind, item),
        }
    }

    /// Everything that has this id, as `/search/tmdb/949` wants it; generated things only by Trakt id.
    pub fn with_id(&self, key: &str, id: &str) -> Vec<Media> {
        let value = match id.parse::<i64>() {
            Ok(number) => json!(number),
            Err(_) => json!(id),
        };
        let has = |media: &Media| {
            let ids: Result<Ids, _> = serde_json::from_value(media.body["ids"].clone());
            ids.is_ok_and(|ids| ids.has(key, &value))
        };
        let all = self.titles().into_iter().chain(self.episodes());
        let found: Vec<Media> = all.filter(has).collect();
        if !found.is_empty() || key != "trakt" {
            return found;
        }
        let item = json!({"ids": {"trakt": value}});
        let kinds = [Kind::Movie, Kind::Show, Kind::Episode];
        let generated = kinds.into_iter().filter_map(|kind| self.find(kind, &item));
        generated.collect()
    }

    /// Whether the ids of an episode are those of a show.
    pub fn are_a_shows(&self, ids: &Value) -> bool {
        let shows = || self.shows.iter();
        let names = |own: &Ids| ID_ORDER.iter().any(|key| own.has(key, &ids[*key]));
        let episode = shows()
            .flat_map(|show| &show.seasons)
            .flat_map(|season| &season.episodes)
            .any(|episode| names(&episode.ids));
        !episode && shows().any(|show| names(&show.ids))
    }

    /// The number of a generated thing.
    fn made_up(
        &self,
        item: &Value,
        word: &str,
        number: impl Fn(&str, i64) -> Option<i64>,
    ) -> Option<i64> {
        let ids = &item["ids"];
        let exists = |id: &i64| (1..FIRST_UNKNOWN_ID).contains(id);
        if self.strict || ids["trakt"].as_i64().is_some_and(|id| !exists(&id)) {
            return None;
        }
        let of_id = |key: &str| {
            let value = &ids[key];
            let text = value
                .as_str()
                .map(|text| text.strip_prefix("tt").unwrap_or(text));
            let id = value
                .as_i64()
                .or_else(|| text.and_then(|text| text.parse().ok()))?;
            number(key, id).filter(exists)
        };
        let of_title = || {
            let title = item["title"].as_str().filter(|_| !word.is_empty())?;
            let number = title.strip_prefix(word)?.strip_prefix(' ')?;
            number.parse().ok().filter(exists)
        };
        ID_ORDER.iter().find_map(|key| of_id(key)).or_else(of_title)
    }
}

/// The first hit in the order in which Trakt tries ids.
fn by_ids<T>(ids: &Value, find: impl Fn(&str, &Value) -> Option<T>) -> Option<T> {
    ID_ORDER
        .iter()
        .filter(|key| !ids[**key].is_null())
        .find_map(|key| find(key, &ids[*key]))
}

/// The one with this title and year; the title alone when no year is given.
fn by_title<'a, T>(
    item: &Value,
    all: &'a [T],
    names: impl Fn(&T) -> (&String, Option<i64>),
) -> Option<&'a T> {
    let title = item["title"].as_str()?.to_lowercase();
    let year = item["year"].as_i64();
    let mut same = all
        .iter()
        .filter(|one| names(one).0.to_lowercase() == title);
    match year {
        Some(_) => same.find(|one| names(one).1 == year),
        None => same.next(),
    }
}

/// A made-up film.
pub fn generated_movie(n: i64) -> Movie {
    Movie {
        title: format!("Film {n}"),
        year: Some(1950 + n % 75),
        ids: Ids {
            trakt: n,
            slug: Some(format!("film-{n}")),
            imdb: Some(format!("tt{n:07}")),
            tmdb: Some(if n > 400_000_000 {
                n - 400_000_000
            } else {
                10_000 + n
            }),
            tvdb: None,
        },
        runtime: two_hours(),
        released: None,
        original_title: None,
        aliases: Vec::new(),
    }
}

fn generated_movie_id(key: &str, id: i64) -> Option<i64> {
    match key {
        "trakt" | "imdb" => Some(id),
        "tmdb" if id > 10_000 => Some(id - 10_000),
        "tmdb" => Some(400_000_000 + id),
        _ => None,
    }
}

/// A made-up show: as a whole it has two seasons of ten; by numbers it has any episode.
pub fn generated_show(n: i64) -> Show {
    let apart = |from: i64, otherwise: i64| {
        if (from + 1..from + 50_000_000).contains(&n) {
            n - from
        } else {
            otherwise + n
        }
    };
    Show {
        title: format!("Series {n}"),
        year: Some(1990 + n % 35),
        ids: Ids {
            trakt: n,
            slug: Some(format!("series-{n}")),
            imdb: Some(format!("tt{n:07}")),
            tmdb: Some(apart(500_000_000, 30_000)),
            tvdb: Some(apart(400_000_000, 20_000)),
        },
        runtime: three_quarters(),
        original_title: None,
        aliases: Vec::new(),
        seasons: vec![generated_season(n, 1), generated_season(n, 2)],
        generated: true,
    }
}

fn generated_show_id(key: &str, id: i64) -> Option<i64> {
    match key {
        "trakt" | "imdb" => Some(id),
        "tmdb" if id > 30_000 => Some(id - 30_000),
        "tmdb" => Some(500_000_000 + id),
        "tvdb" if id > 20_000 => Some(id - 20_000),
        "tvdb" => Some(400_000_000 + id),
        _ => None,
    }
}

fn generated_season(show: i64, number: i64) -> Season {
    let ids = Ids {
        trakt: (show - 1) * 100 + number,
        ..Ids::default()
    };
    let episodes = (1..=10).map(|one| generated_episode(show, number, one));
    Season {
        number,
        ids,
        episodes: episodes.collect(),
    }
}

fn generated_episode(show: i64, season: i64, number: i64) -> Episode {
    let id = episode_id(show, season, number);
    Episode {
        number,
        number_abs: None,
        title: Some(format!("Part {id}")),
        ids: generated_episode_ids(id),
        runtime: None,
        first_aired: None,
    }
}

fn generated_episode_ids(id: i64) -> Ids {
    Ids {
        trakt: id,
        slug: None,
        imdb: None,
        tmdb: Some(20_000 + id),
        tvdb: Some(10_000 + id),
    }
}

fn generated_part_id(key: &str, id: i64) -> Option<i64> {
    match key {
        "trakt" => Some(id),
        "tmdb" if id > 20_000 => Some(id - 20_000),
        "tvdb" if id > 10_000 => Some(id - 10_000),
        _ => None,
    }
}

/// The episodes that the generated history holds are numbered through from here, 20 a season and two
/// seasons a show; all others from `OTHER_EPISODES` on by their numbers.
const HISTORY_EPISODES: i64 = 50_000;
const OTHER_EPISODES: i64 = 200_000_000;

fn episode_id(show: i64, season: i64, number: i64) -> i64 {
    let in_history = (2 * show - 1..=2 * show).contains(&season) && number <= 20 && show < 1_000;
    if in_history {
        HISTORY_EPISODES + 20 * (season - 1) + number - 1
    } else {
        OTHER_EPISODES + (show * 10_000 + season * 100 + number) % 600_000_000
    }
}

fn numbers_of(id: i64) -> (i64, i64, i64) {
    if id >= OTHER_EPISODES {
        let rest = id - OTHER_EPISODES;
        return (rest / 10_000, rest / 100 % 100, (rest % 100).max(1));
    }
    let n = (id - HISTORY_EPISODES).max(0);
    if id >= HISTORY_EPISODES && n < 40_000 {
        (1 + n / 40, 1 + n / 20, 1 + n % 20)
    } else {
        (id, 1, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(kind: Kind, item: Value) -> String {
        let media = Catalogue::default().find(kind, &item);
        media.map_or_else(|| "nothing".into(), |media| media.title())
    }

    #[test]
    fn ids_are_tried_in_trakts_order() {
        let both = json!({"ids": {"trakt": 480_002, "imdb": "tt0113277"}});
        assert_eq!(found(Kind::Movie, both), "Heat (1986)");
        let both = json!({"ids": {"imdb": "tt0113277", "tmdb": 35_893}});
        assert_eq!(found(Kind::Movie, both), "Heat (1995)");
        let slug = json!({"title": "Heat", "year": 1995, "ids": {"slug": "heat-1986"}});
        assert_eq!(found(Kind::Movie, slug), "Heat (1986)");
        assert_eq!(
            found(Kind::Movie, json!({"title": "heat", "year": 1986})),
            "Heat (1986)"
        );
        assert_eq!(found(Kind::Movie, json!({"title": "Heat"})), "Heat (1995)");
        assert_eq!(
            found(Kind::Movie, json!({"title": "Heat", "year": 2001})),
            "nothing"
        );
        assert_eq!(
            found(Kind::Show, json!({"title": "Doctor Who", "year": 2005})),
            "Doctor Who (2005)"
        );
    }

    #[test]
    fn a_number_names_another_thing_under_another_kind() {
        let number = |id: i64| json!({"ids": {"trakt": id}});
        assert_eq!(found(Kind::Movie, number(480_001)), "Heat (1995)");
        let episode = found(Kind::Episode, number(480_001));
        assert_eq!(episode, "Same Numbers (2020) 1x01 Film's Number");
        assert_eq!(found(Kind::Show, number(180_001)), "Dark (2017)");
        let episode = found(Kind::Episode, number(180_001));
        assert_eq!(episode, "Same Numbers (2020) 1x02 Show's Number");
    }

    #[test]
    fn generated_things_agree_with_themselves() {
        let catalogue = Catalogue::default();
        for n in [1, 7, 999, 1_000, 12_345, 39_999] {
            let show = generated_show(n);
            for (season, number) in [(0, 1), (1, 1), (2 * n, 20), (3, 99)] {
                let Some(episode) = show.episode(season, number) else {
                    assert!(season >= 100);
                    continue;
                };
                let again = catalogue
                    .part(Kind::Episode, &json!({"ids": episode.body["ids"]}))
                    .unwrap();
                assert_eq!(again.body, episode.body);
                assert_eq!(again.show, episode.show);
            }
        }
        for id in [1, 9, 10_001, 60_000] {
            for key in ["trakt", "imdb", "tmdb"] {
                let value = if key == "imdb" {
                    json!(format!("tt{id:07}"))
                } else {
                    json!(id)
                };
                let movie = catalogue.movie(&json!({"ids": {key: value}})).unwrap();
                assert_eq!(movie.body["ids"][key], value);
                let show = catalogue.show(&json!({"ids": {key: value}})).unwrap();
                assert_eq!(show.media().body["ids"][key], value);
            }
        }
        let unknown = json!({"ids": {"trakt": 900_000_000, "tmdb": 5}});
        assert!(catalogue.movie(&unknown).is_none());
        let strict = Catalogue {
            strict: true,
            ..Catalogue::default()
        };
        assert!(strict.movie(&json!({"ids": {"trakt": 5}})).is_none());
        assert!(strict.movie(&json!({"ids": {"trakt": 480_001}})).is_some());
    }
}
