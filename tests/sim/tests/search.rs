//! Search, look-ups by id, summaries, and what a test adds to the catalogue.

mod common;

use common::Lab;
use serde_json::{Value, json};

fn titles(rows: &Value) -> Vec<String> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| {
        let media = &row[row["type"].as_str().unwrap()];
        format!(
            "{} {}",
            media["title"].as_str().unwrap_or_default(),
            media["year"]
        )
    })
    .collect()
}

#[test]
fn words_find_films_and_shows() {
    let lab = Lab::new();
    let search = |path: &str| lab.get(path, "").json();
    let heat = search("/search/movie?query=heat");
    let mut found = titles(&heat);
    found.sort();
    assert_eq!(found, ["Heat 1986", "Heat 1995"]);
    assert!(heat[0]["score"].as_f64().unwrap() >= heat[1]["score"].as_f64().unwrap());
    assert_eq!(heat[0]["movie"]["runtime"], Value::Null);
    let full = search("/search/movie?query=heat&extended=full");
    assert!(full[0]["movie"]["runtime"].is_i64());
    assert_eq!(count(&search("/search/show?query=heat")), 0);
    assert_eq!(
        titles(&search("/search/movie,show?query=doctor%20who%20rose"))[0],
        "Doctor Who 1963"
    );
    assert_eq!(
        search("/search/episode?query=Encounter")[0]["show"]["year"],
        1987
    );
    assert_eq!(count(&search("/search/person?query=pacino")), 0);
    let alias = "Chihiros%20Reise%20ins%20Zauberland";
    assert_eq!(
        titles(&search(&format!("/search/movie?query={alias}"))),
        ["Spirited Away 2001"]
    );
    let by_title = format!("/search/movie?query={alias}&fields=title");
    assert_eq!(count(&search(&by_title)), 0);
    let page = lab.get("/search/movie?query=the%20thing&limit=1&page=2", "");
    assert_eq!(
        (count(&page.json()), page.number("X-Pagination-Item-Count")),
        (1, 2)
    );
    let default = lab.get("/search/movie?query=heat", "");
    assert_eq!(default.number("X-Pagination-Limit"), 50);
    lab.assert_clean();
    assert_eq!(lab.get("/search/planet?query=heat", "").status, 400);
    assert_eq!(lab.get("/search/movie", "").status, 400);
    assert_eq!(lab.violations()[0].0, "query");
}

fn count(rows: &Value) -> usize {
    rows.as_array().unwrap().len()
}

#[test]
fn signs_of_the_query_language_must_be_escaped() {
    let lab = Lab::new();
    let search = |query: &str| lab.get(&format!("/search/movie,show?query={query}"), "");
    for (escaped, first) in [
        ("Mission%5C%3A%20Impossible", "Mission: Impossible 1996"),
        ("Face%5C%2FOff", "Face/Off 1997"),
        (
            "%5C%28500%5C%29%20Days%20of%20Summer",
            "(500) Days of Summer 2009",
        ),
        ("%5C%5BREC%5C%5D", "[REC] 2007"),
        ("M%5C*A%5C*S%5C*H", "M*A*S*H 1972"),
        ("9%5C-1%5C-1", "9-1-1 2018"),
        ("Tom%20%26%20Jerry", "Tom & Jerry 2021"),
    ] {
        assert_eq!(titles(&search(escaped).json())[0], first);
    }
    lab.assert_clean();
    for (raw, status) in [
        ("Mission%3A%20Impossible", 200),
        ("Face%2FOff", 400),
        ("%5BREC", 400),
        ("heat%20-1995", 200),
    ] {
        let before = lab.violations().len();
        let reply = search(raw);
        assert_eq!(reply.status, status, "{raw}");
        assert_eq!(lab.violations().len(), before + 1, "{raw}");
        assert_eq!(lab.violations()[before].0, "query");
    }
    assert_eq!(
        count(&search("Mission%3A%20Impossible").json()),
        0,
        "a field that isn't there"
    );
    assert_eq!(count(&search("thing%20-the").json()), 0, "an exclusion");
}

#[test]
fn exact_titles() {
    let lab = Lab::new();
    let rows = lab.get("/search/movie/exact?query=the%20thing", "").json();
    assert_eq!(titles(&rows), ["The Thing 1982", "The Thing 2011"]);
    let none = lab.get("/search/movie/exact?query=thing", "").json();
    assert_eq!(count(&none), 0);
    lab.assert_clean();
}

#[test]
fn ids_name_several_things() {
    let lab = Lab::new();
    let by_id = |path: &str| lab.get(&format!("/search/{path}"), "").json();
    let imdb = by_id("imdb/tt0113277");
    assert_eq!(
        (titles(&imdb), &imdb[0]["score"]),
        (vec!["Heat 1995".into()], &Value::Null)
    );
    let types: Vec<Value> = by_id("tmdb/949")
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["type"].clone())
        .collect();
    assert_eq!(types, ["movie", "episode"]);
    assert_eq!(count(&by_id("tmdb/949?type=movie")), 1);
    let show = by_id("tvdb/334824?type=show");
    assert_eq!(titles(&show), ["Dark 2017"]);
    let episode = by_id("tvdb/6307361?type=episode");
    assert_eq!(
        (
            &episode[0]["episode"]["number"],
            &episode[0]["show"]["title"]
        ),
        (&json!(2), &json!("Dark"))
    );
    assert_eq!(count(&by_id("trakt/480001")), 2);
    assert_eq!(by_id("trakt/7")[0]["movie"]["title"], "Film 7");
    assert_eq!(by_id("imdb/tt99999999"), json!([]));
    lab.assert_clean();
}

#[test]
fn summaries() {
    let lab = Lab::new();
    let get = |path: &str| lab.get(path, "").json();
    for id in ["480001", "heat-1995", "tt0113277"] {
        let movie = get(&format!("/movies/{id}?extended=full"));
        assert_eq!(
            (&movie["year"], &movie["runtime"]),
            (&json!(1995), &json!(170))
        );
        assert_eq!(get(&format!("/movies/{id}"))["runtime"], Value::Null);
    }
    assert_eq!(get("/shows/dark?extended=full")["aired_episodes"], 26);
    assert_eq!(count(&get("/shows/dark/seasons")), 3);
    assert_eq!(count(&get("/shows/dark/seasons/2")), 8);
    let episode = get("/shows/81797/seasons/1/episodes/1");
    assert_eq!(episode["season"], 1, "a generated show: {episode}");
    let absolute = get("/shows/one-piece/seasons/2/episodes/1?extended=full");
    assert_eq!(
        (&absolute["number_abs"], &absolute["runtime"]),
        (&json!(9), &json!(24))
    );
    assert_eq!(
        get("/movies/spirited-away-2001/aliases")[0]["title"],
        "Chihiros Reise ins Zauberland"
    );
    for path in [
        "/movies/900000000",
        "/movies/no-such-film",
        "/shows/dark/seasons/4",
        "/shows/dark/seasons/1/episodes/11",
    ] {
        assert_eq!(lab.get(path, "").status, 404, "{path}");
    }
    lab.assert_clean();
}

#[test]
fn a_test_adds_what_it_needs() {
    let lab = Lab::new();
    let added = lab.control(
        "/media",
        json!({"show": {"title": "Mine", "year": 2026, "ids": {"tvdb": 123}, "runtime": 10, "aliases": ["Meins"],
            "seasons": [{"number": 1, "episodes": [{"number": 1, "title": "One", "ids": {"tvdb": 321}}]}]}}),
    );
    assert!(added["show"]["ids"]["trakt"].is_i64());
    assert_eq!(
        titles(&lab.get("/search/show?query=meins", "").json()),
        ["Mine 2026"]
    );
    let rows = lab.get("/search/tvdb/321", "").json();
    assert_eq!(rows[0]["episode"]["title"], "One");
    for wrong in [
        json!({"movie": {"title": "No year or ids"}}),
        json!({"movie": {"title": "x", "year": 1, "ids": {}, "colour": 1}}),
        json!({"film": {}}),
    ] {
        assert!(lab.sim.try_control("/media", wrong).is_err());
    }
    let all = lab.control("/media", json!({}));
    assert_eq!(all["media"].as_array().unwrap().len(), 26);
}
