//! Looking things up: search by words, by exact title, by id; and the summaries of films, shows,
//! seasons and episodes.
//! Knows nothing of accounts.

use serde_json::{Value, json};

use crate::api;
use crate::catalogue::{Kind, Media};
use crate::http::{Request, Response, percent_decode};
use crate::world::World;

/// Who takes part in an id search.
pub const SOURCES: [&str; 4] = ["trakt", "imdb", "tmdb", "tvdb"];
const PAGE: usize = 50;

/// A query, taken apart the way Lucene does.
#[derive(Debug, Default, PartialEq)]
struct Query {
    words: Vec<String>,
    excluded: Vec<String>,
    prefixes: Vec<String>,
    /// It asks for a field that doesn't exist, so nothing fits.
    field: bool,
    /// Something was meant as an operator, or should have been escaped.
    operators: Vec<char>,
    /// Lucene can't make sense of it.
    broken: bool,
}

impl Query {
    fn of(text: &str) -> Self {
        let mut query = Self::default();
        let mut open = Vec::new();
        let mut quotes = 0;
        let mut slashes = 0;
        let mut word = String::new();
        let mut excluded = false;
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '\\' => match letters.next() {
                    Some(escaped) => word.push(escaped),
                    None => query.broken = true,
                },
                '&' | '|' if letters.peek() == Some(&letter) => {
                    letters.next();
                    query.operators.push(letter);
                    query.take(&mut word, &mut excluded);
                }
                '+' | '-' | '!' | '(' | ')' | '{' | '}' | '[' | ']' | '^' | '"' | '~' | '*'
                | '?' | ':' | '/' => {
                    query.operators.push(letter);
                    match letter {
                        '-' | '!' if word.is_empty() => excluded = true,
                        '-' | '!' => word.push(letter),
                        '(' => open.push(')'),
                        '[' => open.push(']'),
                        '{' => open.push('}'),
                        ')' | ']' | '}' => query.broken |= open.pop() != Some(letter),
                        '"' => quotes += 1,
                        '/' => slashes += 1,
                        ':' => query.field = true,
                        '^' => {
                            query.broken |= !letters.peek().is_some_and(char::is_ascii_digit);
                        }
                        '*' | '?' => query.prefixes.push(std::mem::take(&mut word)),
                        _ => {}
                    }
                    if matches!(letter, '(' | ')' | '[' | ']' | '{' | '}' | '"' | '/' | ':') {
                        query.take(&mut word, &mut excluded);
                    }
                }
                letter if letter.is_whitespace() => query.take(&mut word, &mut excluded),
                letter => word.push(letter),
            }
        }
        query.take(&mut word, &mut excluded);
        query.broken |= !open.is_empty() || quotes % 2 == 1 || slashes % 2 == 1;
        query.prefixes = query.prefixes.iter().flat_map(|text| words(text)).collect();
        query
    }

    fn take(&mut self, word: &mut String, excluded: &mut bool) {
        let place = if std::mem::take(excluded) {
            &mut self.excluded
        } else {
            &mut self.words
        };
        place.extend(words(&std::mem::take(word)));
    }

    /// How well a title fits: 0 not at all, 1000 exactly.
    fn score(&self, title: &str) -> f64 {
        let own = words(title);
        let has = |word: &String| own.contains(word);
        if self.field || self.excluded.iter().any(has) || own.is_empty() {
            return 0.0;
        }
        let starts = |prefix: &&String| own.iter().any(|word| word.starts_with(prefix.as_str()));
        let hits = self.words.iter().filter(|word| has(word)).count()
            + self.prefixes.iter().filter(starts).count();
        let asked = self.words.len() + self.prefixes.len();
        // A few words: exact in a float.
        #[allow(clippy::cast_precision_loss)]
        let score = 2000.0 * hits as f64 / (asked + own.len()).max(1) as f64;
        score.min(1000.0)
    }
}

/// Letters and digits in lower case, word by word.
fn words(text: &str) -> Vec<String> {
    let lower = text.to_lowercase().replace(['\'', '’'], "");
    lower
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// What is wrong with the query of a search.
pub fn breach(request: &Request) -> Option<String> {
    let path = request.path.trim_start_matches('/');
    let parts: Vec<&str> = path.split('/').collect();
    let by_words = match parts.as_slice() {
        ["search", first] => !SOURCES.contains(first),
        ["search", _, "exact"] => true,
        _ => false,
    };
    if !by_words {
        return None;
    }
    let Some(text) = request.query_value("query") else {
        return Some("a search without a query".into());
    };
    let operators = Query::of(&text).operators;
    let first = operators.first()?;
    (parts.len() == 2).then(|| format!("{first:?} in a search isn't escaped: {text:?}"))
}

fn kinds(list: &str) -> Option<Vec<Kind>> {
    let words: Vec<&str> = list.split(',').collect();
    let known = ["movie", "show", "episode", "person", "list"];
    if words.iter().any(|word| !known.contains(word)) {
        return None;
    }
    // There are no people and no lists here.
    Some(words.into_iter().filter_map(Kind::of).collect())
}

fn row(media: &Media, score: Option<f64>, full: bool) -> Value {
    let mut row = json!({"type": media.kind.one(), "score": score});
    media.put_into(&mut row, full);
    row
}

/// Everything of these kinds.
fn candidates(world: &World, kinds: &[Kind]) -> Vec<Media> {
    let mut all = world.catalogue().titles();
    if kinds.contains(&Kind::Episode) {
        all.extend(world.catalogue().episodes());
    }
    all.retain(|media| kinds.contains(&media.kind));
    all
}

fn titles(media: &Media, fields: &[String]) -> Vec<String> {
    let field = |name: &str| fields.is_empty() || fields.iter().any(|field| field == name);
    let mut titles = Vec::new();
    let keys = match media.kind {
        Kind::Movie | Kind::Show => vec!["title", "original_title"],
        Kind::Season | Kind::Episode => vec!["title"],
    };
    for key in keys {
        if field(key) {
            titles.extend(media.full[key].as_str().map(str::to_owned));
        }
    }
    if field("aliases") {
        titles.extend(media.aliases.iter().cloned());
    }
    titles
}

fn found(world: &World, request: &Request, hits: Vec<(f64, Media)>) -> Response {
    let full = api::is_full(request);
    let rows = hits
        .iter()
        .map(|(score, media)| row(media, Some(*score), full));
    api::page_of(world, request, rows.collect(), PAGE)
}

/// `GET /search/{types}`.
pub fn by_words(world: &World, request: &Request, list: &str) -> Response {
    let (Some(kinds), Some(text)) = (kinds(list), request.query_value("query")) else {
        return Response::empty(400);
    };
    let query = Query::of(&text);
    if query.broken {
        return Response::empty(400);
    }
    let fields = request.query_value("fields").unwrap_or_default();
    let fields: Vec<String> = fields
        .split(',')
        .filter(|field| !field.is_empty())
        .map(str::to_owned)
        .collect();
    let score = |media: &Media| {
        let titles = titles(media, &fields).into_iter();
        titles.map(|title| query.score(&title)).fold(0.0, f64::max)
    };
    let mut hits: Vec<(f64, Media)> = candidates(world, &kinds)
        .into_iter()
        .map(|media| (score(&media), media))
        .filter(|(score, _)| *score > 0.0)
        .collect();
    hits.sort_by(|one, other| other.0.total_cmp(&one.0));
    found(world, request, hits)
}

/// `GET /search/{type}/exact`.
pub fn exact(world: &World, request: &Request, list: &str) -> Response {
    let (Some(kinds), Some(text)) = (kinds(list), request.query_value("query")) else {
        return Response::empty(400);
    };
    let wanted = words(&text);
    let same = |media: &Media| {
        let mut titles = titles(media, &[]).into_iter();
        titles.any(|title| words(&title) == wanted)
    };
    let hits = candidates(world, &kinds).into_iter().filter(same);
    found(world, request, hits.map(|media| (1000.0, media)).collect())
}

/// `GET /search/{trakt|imdb|tmdb|tvdb}/{id}`.
pub fn by_id(world: &World, request: &Request, source: &str, id: &str) -> Response {
    let kinds = match request.query_value("type") {
        None => Kind::ALL.to_vec(),
        Some(list) => match kinds(&list) {
            Some(kinds) => kinds,
            None => return Response::empty(400),
        },
    };
    let full = api::is_full(request);
    let hits = world.catalogue().with_id(source, &percent_decode(id));
    let hits = hits.iter().filter(|media| kinds.contains(&media.kind));
    let rows = hits.map(|media| row(media, None, full)).collect();
    api::page_of(world, request, rows, PAGE)
}

/// `GET /movies/{id}`, `/shows/{id}`, `/shows/{id}/seasons[/{n}[/episodes/{n}]]` and their `aliases`.
pub fn summary(world: &World, request: &Request, parts: &[&str]) -> Response {
    let full = api::is_full(request);
    let one = |media: Option<Media>| match media {
        Some(media) => {
            let body = if full { media.full } else { media.body };
            Response::json(200, body.to_string())
        }
        None => Response::empty(404),
    };
    let many = |all: Vec<Media>| {
        let rows = all
            .into_iter()
            .map(|media| if full { media.full } else { media.body });
        Response::json(200, rows.collect::<Value>().to_string())
    };
    let aliases = |media: Option<Media>| match media {
        Some(media) => {
            let rows = media
                .aliases
                .iter()
                .map(|title| json!({"title": title, "country": null}));
            Response::json(200, rows.collect::<Value>().to_string())
        }
        None => Response::empty(404),
    };
    let item = |id: &str| {
        let id = percent_decode(id);
        match id.parse::<i64>() {
            Ok(number) => json!({"ids": {"trakt": number}}),
            Err(_) => json!({"ids": {"imdb": id, "slug": id}}),
        }
    };
    let movie = |id: &str| world.catalogue().movie(&item(id));
    let show = |id: &str| world.catalogue().show(&item(id));
    let number = |text: &str| text.parse::<i64>().unwrap_or(-1);
    match parts {
        ["movies", id] => one(movie(id)),
        ["movies", id, "aliases"] => aliases(movie(id)),
        ["shows", id] => one(show(id).map(|show| show.media())),
        ["shows", id, "aliases"] => aliases(show(id).map(|show| show.media())),
        ["shows", id, "seasons"] => match show(id) {
            Some(show) => many(show.seasons()),
            None => Response::empty(404),
        },
        ["shows", id, "seasons", season] => {
            let season = number(season);
            match show(id).filter(|show| show.season(season).is_some()) {
                Some(show) => many(show.episodes(Some(season))),
                None => Response::empty(404),
            }
        }
        ["shows", id, "seasons", season, "episodes", episode] => {
            let (season, episode) = (number(season), number(episode));
            one(show(id).and_then(|show| show.episode(season, episode)))
        }
        _ => Response::empty(404),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_as_lucene_does() {
        let plain = Query::of(r"Mission\: Impossible");
        assert_eq!(plain.words, ["mission", "impossible"]);
        assert!(plain.operators.is_empty() && !plain.field);
        assert!(Query::of("Mission: Impossible").field);
        assert!(Query::of("Face/Off").broken);
        assert!(Query::of("(500 Days").broken);
        assert!(!Query::of("(500) Days").broken);
        assert_eq!(Query::of("alien -heat").excluded, ["heat"]);
        assert_eq!(Query::of("9-1-1").operators, ['-', '-']);
        assert!(Query::of(r"9\-1\-1").operators.is_empty());
        assert_eq!(Query::of("Tom & Jerry").operators, [] as [char; 0]);
        assert_eq!(Query::of("Tom && Jerry").operators, ['&']);
        assert!(Query::of("Heat\\").broken);
    }
}
