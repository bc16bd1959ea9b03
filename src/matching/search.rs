//! Trakt's search: asks, reads what came, and decides whether it is what was asked for.
//! Knows nothing of what is remembered.
#![forbid(unsafe_code)]

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::titles::{composed, same, split_year, without_note};
use crate::api;
use crate::cancel::Budget;
use crate::client::Core;
use crate::error::{Error, Result, Status};
use crate::http::{Host, Method, Request, Retry};
use crate::scrobble::item::Ids;

/// So many answers are looked at.
const MOST: usize = 25;
/// So many of them are asked for their other titles, when none has the one that was asked for.
const MOST_ALIASES: usize = 2;
/// A longer question finds no more.
const LONGEST_QUERY: usize = 200;

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum What {
    /// A film.
    Movie,
    /// A show.
    Show,
}

impl What {
    const fn name(self) -> &'static str {
        match self {
            Self::Movie => "movie",
            Self::Show => "show",
        }
    }
}

/// Something that Trakt has found.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Candidate {
    /// What it is.
    #[serde(rename = "type")]
    pub what: What,
    /// Its title.
    pub title: String,
    /// Its year; null when Trakt doesn't know it.
    pub year: Option<u16>,
    /// Its ids.
    pub ids: Ids,
    /// How well Trakt thinks that it fits; higher is better, and null without an opinion.
    pub score: Option<f64>,
    /// Its title in its own language.
    #[serde(skip)]
    original: Option<String>,
    /// How many people have rated it.
    #[serde(skip)]
    votes: u64,
    /// How long it runs.
    #[serde(skip)]
    pub runtime_ms: Option<u64>,
}

/// What becomes of a search.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// It is this one.
    One(Box<Candidate>),
    /// It could be several, or none fits.
    None,
}

/// A question as Lucene takes it literally.
pub fn escaped(query: &str) -> String {
    let mut out = String::with_capacity(query.len() + 8);
    for letter in query.chars().take(LONGEST_QUERY) {
        if r#"+-&|!(){}[]^"~*?:/\"#.contains(letter) {
            out.push('\\');
        }
        out.push(if letter.is_control() { ' ' } else { letter });
    }
    out
}

/// Asks Trakt for films or shows by words.
///
/// # Errors
/// As [`api::call`]; `bad_reply`.
pub fn by_words(
    core: &Arc<Core>,
    what: What,
    words: &str,
    budget: &Budget,
) -> Result<Vec<Candidate>> {
    if words.trim().is_empty() {
        return Ok(Vec::new());
    }
    let query = vec![
        ("query".to_owned(), escaped(&composed(words.trim()))),
        ("extended".to_owned(), "full".to_owned()),
        ("page".to_owned(), "1".to_owned()),
        ("limit".to_owned(), MOST.to_string()),
    ];
    let rows = rows(&get(
        core,
        &format!("/search/{}", what.name()),
        query,
        budget,
    )?)?;
    Ok(rows.iter().filter_map(|row| candidate(what, row)).collect())
}

/// Asks Trakt for the film or show that has one of the ids: the first, in Trakt's own order, that it knows.
///
/// # Errors
/// As [`api::call`]; `bad_reply`.
pub fn by_id(
    core: &Arc<Core>,
    what: What,
    ids: &Ids,
    budget: &Budget,
) -> Result<Option<Candidate>> {
    for (source, id) in sources(ids) {
        let query = vec![
            ("type".to_owned(), what.name().to_owned()),
            ("extended".to_owned(), "full".to_owned()),
        ];
        let rows = match get(core, &format!("/search/{source}/{id}"), query, budget) {
            Ok(text) => rows(&text)?,
            Err(error) if error.status == Status::NotFound => continue,
            Err(error) => return Err(error),
        };
        if let Some(found) = rows.iter().find_map(|row| candidate(what, row)) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// How long an episode runs, in milliseconds, by its show's id and its place there.
///
/// # Errors
/// As [`api::call`].
pub fn episode_runtime(
    core: &Arc<Core>,
    show: u64,
    season: u32,
    number: u32,
    budget: &Budget,
) -> Result<Option<u64>> {
    let path = format!("/shows/{show}/seasons/{season}/episodes/{number}");
    let query = vec![("extended".to_owned(), "full".to_owned())];
    match get(core, &path, query, budget) {
        Ok(text) => Ok(serde_json::from_slice(&text)
            .ok()
            .as_ref()
            .and_then(runtime)),
        Err(error) if error.status == Status::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// How long an episode runs by an id of its own.
///
/// # Errors
/// As [`api::call`]; `bad_reply`.
pub fn runtime_by_episode_id(core: &Arc<Core>, ids: &Ids, budget: &Budget) -> Result<Option<u64>> {
    for (source, id) in sources(ids) {
        let query = vec![
            ("type".to_owned(), "episode".to_owned()),
            ("extended".to_owned(), "full".to_owned()),
        ];
        match get(core, &format!("/search/{source}/{id}"), query, budget) {
            Ok(text) => {
                if let Some(runtime) = rows(&text)?.iter().find_map(|row| runtime(&row["episode"]))
                {
                    return Ok(Some(runtime));
                }
            }
            Err(error) if error.status == Status::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Looks for a title, and checks what comes: it must have that title, and that year or one next to it. Where nothing has it, a
/// note in brackets behind it isn't part of it.
///
/// # Errors
/// As [`api::call`]; `bad_reply`.
pub fn find(
    core: &Arc<Core>,
    what: What,
    title: &str,
    year: Option<u16>,
    budget: &Budget,
) -> Result<Choice> {
    let (name, in_title) = split_year(title);
    let year = year.or(in_title);
    if let Some(choice) = equal(core, what, &[name, title], year, budget)? {
        return Ok(choice);
    }
    let without = match without_note(name) {
        Some(name) => equal(core, what, &[name], year, budget)?,
        None => None,
    };
    Ok(without.unwrap_or(Choice::None))
}

/// Which one has the first of these titles, or another of them; none if nothing has.
fn equal(
    core: &Arc<Core>,
    what: What,
    titles: &[&str],
    year: Option<u16>,
    budget: &Budget,
) -> Result<Option<Choice>> {
    let Some(name) = titles.first() else {
        return Ok(None);
    };
    let candidates = by_words(core, what, name, budget)?;
    let fitting = called(&candidates, titles, year);
    if !fitting.is_empty() {
        return Ok(Some(choose(&fitting, year)));
    }
    // Files often have another of a film's titles.
    let mut aliased = Vec::new();
    let likely = candidates.iter().filter(|it| is_near(it.year, year));
    for candidate in likely.take(MOST_ALIASES) {
        if let Some(id) = candidate.ids.trakt
            && aliases(core, what, id, budget)?
                .iter()
                .any(|alias| same(alias, name))
        {
            aliased.push(candidate);
        }
    }
    Ok((!aliased.is_empty()).then(|| choose(&aliased, year)))
}

/// Those of about that year that have one of the titles; only if there is none, those whose title was that in their own language.
fn called<'a>(
    candidates: &'a [Candidate],
    titles: &[&str],
    year: Option<u16>,
) -> Vec<&'a Candidate> {
    let is = |its: &str| titles.iter().any(|title| same(its, title));
    let near: Vec<_> = candidates
        .iter()
        .filter(|it| is_near(it.year, year))
        .collect();
    let by_title: Vec<_> = near.iter().copied().filter(|it| is(&it.title)).collect();
    if !by_title.is_empty() {
        return by_title;
    }
    near.into_iter()
        .filter(|it| it.original.as_deref().is_some_and(is))
        .collect()
}

/// Which of those that have the title: the one of that year, else of the year next to it; without a year the only one, or one
/// that is far better known than the others.
pub fn choose(fitting: &[&Candidate], year: Option<u16>) -> Choice {
    let exact: Vec<_> = fitting
        .iter()
        .filter(|it| year.is_some() && it.year == year)
        .collect();
    let near: Vec<_> = fitting.iter().filter(|it| is_near(it.year, year)).collect();
    let among = if exact.is_empty() { near } else { exact };
    let mut known = among.clone();
    known.sort_by_key(|it| std::cmp::Reverse(it.votes));
    match known.as_slice() {
        [] => Choice::None,
        [one] => Choice::One(Box::new((**one).clone())),
        [best, next, ..] if best.votes >= 20 && best.votes / 20 >= next.votes => {
            Choice::One(Box::new((**best).clone()))
        }
        _ => Choice::None,
    }
}

/// Years differ by one between countries, and between a festival and the cinema.
fn is_near(its: Option<u16>, asked: Option<u16>) -> bool {
    match (its, asked) {
        (Some(its), Some(asked)) => its.abs_diff(asked) <= 1,
        (None, Some(_)) => false,
        (_, None) => true,
    }
}

fn aliases(core: &Arc<Core>, what: What, id: u64, budget: &Budget) -> Result<Vec<String>> {
    let text = match get(
        core,
        &format!("/{}s/{id}/aliases", what.name()),
        Vec::new(),
        budget,
    ) {
        Ok(text) => text,
        Err(error) if error.status == Status::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let titles = rows(&text)?;
    Ok(titles
        .iter()
        .filter_map(|row| row["title"].as_str().map(str::to_owned))
        .collect())
}

fn sources(ids: &Ids) -> impl Iterator<Item = (&'static str, String)> {
    [
        ("trakt", ids.trakt.map(|id| id.to_string())),
        ("imdb", ids.imdb.clone()),
        ("tmdb", ids.tmdb.map(|id| id.to_string())),
        ("tvdb", ids.tvdb.map(|id| id.to_string())),
    ]
    .into_iter()
    .filter_map(|(source, id)| Some((source, id?)))
}

fn get(
    core: &Arc<Core>,
    path: &str,
    query: Vec<(String, String)>,
    budget: &Budget,
) -> Result<Vec<u8>> {
    let request = Request {
        query,
        ..Request::new(Host::Api, Method::Get, path)
    };
    Ok(api::call(core, &request, Retry::Read, budget)?.body.clone())
}

fn rows(text: &[u8]) -> Result<Vec<Value>> {
    serde_json::from_slice(text)
        .map_err(|_| Error::new(Status::BadReply, "the answer is no list of what was found"))
}

fn runtime(full: &Value) -> Option<u64> {
    let minutes = full["runtime"].as_u64()?;
    (1..=24 * 60).contains(&minutes).then(|| minutes * 60_000)
}

fn candidate(what: What, row: &Value) -> Option<Candidate> {
    let full = &row[what.name()];
    let text = |key: &str| full[key].as_str().map(str::to_owned);
    Some(Candidate {
        what,
        title: text("title")?,
        year: full["year"].as_u64().and_then(|year| year.try_into().ok()),
        ids: serde_json::from_value(full["ids"].clone()).ok()?,
        score: row["score"].as_f64(),
        original: text("original_title"),
        votes: full["votes"].as_u64().unwrap_or(0),
        runtime_ms: runtime(full),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn film(title: &str, year: Option<u16>, votes: u64) -> Candidate {
        let row = json!({"type": "movie", "score": 10.5, "movie": {"title": title, "year": year, "votes": votes, "runtime": 170, "ids": {"trakt": votes + 1}}});
        candidate(What::Movie, &row).unwrap()
    }

    fn chosen(films: &[Candidate], year: Option<u16>) -> Option<u64> {
        match choose(&films.iter().collect::<Vec<_>>(), year) {
            Choice::One(one) => one.ids.trakt,
            Choice::None => None,
        }
    }

    #[test]
    fn a_question_is_taken_literally() {
        assert_eq!(escaped("Face/Off"), r"Face\/Off");
        assert_eq!(escaped("M*A*S*H (1970)"), r"M\*A\*S\*H \(1970\)");
        assert_eq!(escaped("tom & jerry\n"), r"tom \& jerry ");
        assert_eq!(escaped(&"x".repeat(1_000)).len(), LONGEST_QUERY);
    }

    #[test]
    fn the_year_decides_between_remakes() {
        let films = [film("Heat", Some(1986), 100), film("Heat", Some(1995), 90)];
        assert_eq!(chosen(&films, Some(1995)), Some(91));
        assert_eq!(chosen(&films, Some(1987)), Some(101));
        assert_eq!(chosen(&films, Some(2001)), None);
        assert_eq!(chosen(&films, None), None);
        assert_eq!(chosen(&films[..1], None), Some(101));
    }

    #[test]
    fn without_a_year_only_a_far_better_known_one_is_taken() {
        let films = [
            film("Dark", Some(2017), 50_000),
            film("Dark", Some(1988), 40),
        ];
        assert_eq!(chosen(&films, None), Some(50_001));
        let unknown = [film("Dark", Some(2017), 0), film("Dark", Some(1988), 0)];
        assert_eq!(chosen(&unknown, None), None);
    }

    #[test]
    fn a_title_counts_more_than_one_in_another_language() {
        let mut foreign = film("The Hunt", Some(2012), 90_000);
        foreign.original = Some("Jagten".into());
        let mut namesake = film("Other", Some(2012), 90_000);
        namesake.original = Some("Heat".into());
        let films = [film("Heat", Some(2013), 3), foreign, namesake];
        let ids = |title: &str, year| -> Vec<_> {
            let found = called(&films, &[title], year);
            found.iter().map(|it| it.title.as_str()).collect()
        };
        assert_eq!(ids("Heat", Some(2012)), ["Heat"]);
        assert_eq!(ids("jagten", None), ["The Hunt"]);
        // One of another year doesn't stand in the way of what fits.
        assert_eq!(ids("Heat", Some(2011)), ["Other"]);
        assert!(ids("Jagten", Some(1990)).is_empty());
    }

    #[test]
    fn what_trakt_says_is_read_with_gaps() {
        let found = film("Heat", None, 5);
        assert_eq!((found.year, found.runtime_ms), (None, Some(170 * 60_000)));
        assert_eq!(
            candidate(What::Movie, &json!({"show": {"title": "x", "ids": {}}})),
            None
        );
        assert!(rows(b"<html>").is_err());
    }
}
