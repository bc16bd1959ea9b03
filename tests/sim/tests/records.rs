//! History, ratings, watchlist, collection, and the page that shows them.

mod common;

use common::{Lab, Reply};
use serde_json::{Value, json};

struct Bench {
    lab: Lab,
    token: String,
}

impl Bench {
    /// An empty account without rate limits, of which `api.rs` tells.
    fn new() -> Self {
        let lab = Lab::new();
        let token = lab.issue().access;
        lab.control("/config", json!({"rate_limits": false, "history_items": 0}));
        Self { lab, token }
    }

    fn post(&self, path: &str, body: Value) -> Reply {
        self.lab.api("POST", path, &self.token, Some(body))
    }

    fn get(&self, path: &str) -> Value {
        self.lab.get(path, &self.token).json()
    }

    fn add(&self, body: Value) -> Value {
        let reply = self.post("/sync/history", body);
        assert_eq!(reply.status, 201, "{}", reply.text());
        reply.json()
    }

    fn plays(&self) -> Vec<Value> {
        let plays = self.lab.control("/history", json!({}))["plays"].clone();
        plays.as_array().unwrap().clone()
    }
}

fn count(list: &Value) -> usize {
    list.as_array().unwrap().len()
}

fn heat() -> Value {
    json!({"ids": {"imdb": "tt0113277"}})
}

#[test]
fn an_empty_account_is_empty() {
    let bench = Bench::new();
    for path in [
        "/sync/history",
        "/sync/playback",
        "/sync/ratings",
        "/sync/watchlist",
        "/sync/collection/movies",
        "/sync/collection/shows",
    ] {
        assert_eq!(bench.get(path), json!([]), "{path}");
    }
    bench.lab.assert_clean();
}

#[test]
fn plays_have_the_dates_they_are_given_and_are_never_refused_as_doubles() {
    let bench = Bench::new();
    let dated = |date: &str| {
        let mut item = heat();
        item["watched_at"] = json!(date);
        json!({"movies": [item]})
    };
    for date in [
        "2014-09-01T09:10:11.000Z",
        "2014-09-01T09:10:11Z",
        "released",
        "unknown",
    ] {
        let answer = bench.add(dated(date));
        assert_eq!(
            answer["added"],
            json!({"movies": 1, "episodes": 0}),
            "{date}"
        );
    }
    bench.add(json!({"movies": [heat()], "watched_at": "2020-01-01T00:00:00.000Z"}));
    let dates: Vec<Value> = bench
        .get("/sync/history/movies")
        .as_array()
        .unwrap()
        .iter()
        .map(|play| play["watched_at"].clone())
        .collect();
    assert_eq!(
        dates,
        [
            json!("2020-01-01T00:00:00.000Z"),
            json!("2014-09-01T09:10:11.000Z"),
            json!("2014-09-01T09:10:11.000Z"),
            json!("1995-12-15T00:00:00.000Z"),
            Value::Null,
        ]
    );
    bench.lab.assert_clean();
    for odd in ["2014-09-01T09:10:11+02:00", "2014-09-01 09:10", "soon", ""] {
        let before = bench.lab.violations().len();
        assert_eq!(bench.post("/sync/history", dated(odd)).status, 422, "{odd}");
        assert_eq!(bench.lab.violations().len(), before + 1);
    }
    let before = bench.lab.violations().len();
    let mut both = dated("released");
    both["watched_at"] = json!("unknown");
    bench.add(both);
    assert_eq!(
        bench.lab.violations().len(),
        before + 1,
        "two dates for one thing"
    );
    assert_eq!(bench.plays()[5]["watched_at"], "1995-12-15T00:00:00.000Z");
}

#[test]
fn shows_seasons_and_episodes_become_plays_of_episodes() {
    let bench = Bench::new();
    let dark =
        |seasons: Value| json!({"shows": [{"title": "Dark", "year": 2017, "seasons": seasons}]});
    let episodes = |body: Value| bench.add(body)["added"]["episodes"].clone();
    assert_eq!(episodes(json!({"shows": [{"ids": {"tvdb": 334_824}}]})), 26);
    assert_eq!(episodes(dark(json!([{"number": 2}]))), 8);
    assert_eq!(
        episodes(dark(
            json!([{"number": 1, "episodes": [{"number": 1}, {"number": 2}]}])
        )),
        2
    );
    assert_eq!(
        episodes(json!({"episodes": [{"ids": {"tvdb": 6_307_361}}]})),
        1
    );
    let specials = json!({"shows": [{"ids": {"trakt": 180_002}}]});
    assert_eq!(episodes(specials), 28, "specials aren't among a whole show");
    let special = json!({"shows": [{"ids": {"trakt": 180_002}, "seasons": [{"number": 0}]}]});
    assert_eq!(episodes(special), 2);
    let season = bench.get("/shows/dark/seasons")[0]["ids"]["trakt"].clone();
    assert_eq!(
        episodes(json!({"seasons": [{"ids": {"trakt": season}}]})),
        10
    );

    bench
        .lab
        .control("/config", json!({"page_limit_max": 1000}));
    let shows = bench.get("/sync/history/shows/180001?limit=1000");
    assert_eq!(count(&shows), 26 + 8 + 2 + 1 + 10);
    let lies = bench.get("/sync/history/episodes?limit=1000");
    let lies = lies.as_array().unwrap().iter();
    let lies = lies.filter(|play| play["episode"]["ids"]["tvdb"] == 6_307_361);
    assert_eq!(lies.count(), 4);
    bench.lab.assert_clean();
}

#[test]
fn dates_hold_for_what_is_inside() {
    let bench = Bench::new();
    bench.add(json!({"shows": [{
        "title": "Dark", "watched_at": "2020-01-01T00:00:00.000Z",
        "seasons": [
            {"number": 1, "episodes": [{"number": 1}]},
            {"number": 2, "watched_at": "2021-01-01T00:00:00.000Z", "episodes": [{"number": 1}]},
            {"number": 3, "episodes": [{"number": 1, "watched_at": "2022-01-01T00:00:00.000Z"}]},
        ],
    }]}));
    let years: Vec<String> = bench
        .plays()
        .iter()
        .map(|play| play["watched_at"].as_str().unwrap()[..4].to_owned())
        .collect();
    assert_eq!(years, ["2020", "2021", "2022"]);
}

#[test]
fn what_does_not_exist_is_echoed() {
    let bench = Bench::new();
    let body = json!({
        "movies": [{"ids": {"trakt": 900_000_000}}, heat()],
        "shows": [
            {"title": "No Such Show", "seasons": [{"number": 1}]},
            {"ids": {"tvdb": 334_824}, "seasons": [
                {"number": 1, "episodes": [{"number": 1}, {"number": 11}]},
                {"number": 9},
            ]},
        ],
        "episodes": [{"ids": {"trakt": 900_000_001}}],
        "seasons": [{"ids": {"trakt": 900_000_002}}],
    });
    let answer = bench.add(body.clone());
    assert_eq!(answer["added"], json!({"movies": 1, "episodes": 1}));
    let dark = json!({"ids": {"tvdb": 334_824}});
    assert_eq!(
        answer["not_found"],
        json!({
            "movies": [{"ids": {"trakt": 900_000_000}}],
            "shows": [{"title": "No Such Show", "seasons": [{"number": 1}]}],
            "seasons": [{"number": 9, "show": dark}, {"ids": {"trakt": 900_000_002}}],
            "episodes": [{"season": 1, "number": 11, "show": dark}, {"ids": {"trakt": 900_000_001}}],
        })
    );
    bench
        .lab
        .control("/config", json!({"nested_not_found": "shows"}));
    let shows = bench.add(body)["not_found"]["shows"].clone();
    assert_eq!(
        shows[1],
        json!({"ids": {"tvdb": 334_824}, "seasons": [
            {"number": 1, "episodes": [{"number": 11}]},
            {"number": 9},
        ]})
    );
    bench.lab.assert_clean();
}

#[test]
fn history_is_read_by_kind_thing_and_time() {
    let bench = Bench::new();
    let play = |date: &str| json!({"movies": [{"ids": {"imdb": "tt0113277"}, "watched_at": date}]});
    for day in ["01", "03", "02"] {
        bench.add(play(&format!("2020-01-{day}T00:00:00.000Z")));
    }
    bench.add(play("unknown"));
    bench.add(json!({"shows": [{"title": "Dark", "seasons": [{"number": 1, "episodes": [{"number": 1}]}]}]}));
    assert_eq!(count(&bench.get("/sync/history")), 5);
    assert_eq!(count(&bench.get("/sync/history/movies/480001")), 4);
    assert_eq!(count(&bench.get("/sync/history/movies/heat-1995")), 4);
    assert_eq!(count(&bench.get("/sync/history/movies/480002")), 0);
    assert_eq!(count(&bench.get("/sync/history/episodes")), 1);
    assert_eq!(count(&bench.get("/sync/history/shows/dark")), 1);
    let days = |query: &str| -> Vec<Value> {
        let plays = bench.get(&format!("/sync/history/movies?{query}"));
        let plays = plays.as_array().unwrap().iter();
        plays
            .map(|play| play["watched_at"].as_str().unwrap()[8..10].into())
            .collect()
    };
    assert_eq!(days("start_at=2020-01-02T00:00:00.000Z"), ["03", "02"]);
    assert_eq!(days("end_at=2020-01-02T00:00:00.000Z"), ["02", "01"]);
    assert_eq!(
        days("start_at=2020-01-02T00:00:00Z&end_at=2020-01-02T00:00:00Z"),
        ["02"]
    );
    let full = bench.get("/sync/history/movies?extended=full&limit=1");
    assert_eq!(full[0]["movie"]["runtime"], 170);
    assert_eq!(
        bench.get("/sync/history?limit=1")[0]["movie"]["runtime"],
        Value::Null
    );
    bench.lab.assert_clean();
}

#[test]
fn plays_go_by_id_or_with_their_thing() {
    let bench = Bench::new();
    bench.add(json!({"movies": [heat(), heat(), {"title": "Heat", "year": 1986}]}));
    bench.add(json!({"shows": [{"title": "Dark", "seasons": [{"number": 1}]}]}));
    let id = bench.plays()[0]["id"].clone();
    let remove = |body: Value| bench.post("/sync/history/remove", body).json();
    let gone = remove(json!({"ids": [id, 5]}));
    assert_eq!(gone["deleted"], json!({"movies": 1, "episodes": 0}));
    assert_eq!(gone["not_found"]["ids"], json!([5]));
    let gone = remove(json!({"movies": [heat()]}));
    assert_eq!(gone["deleted"]["movies"], 1);
    let episodes = json!({"shows": [{"title": "Dark", "seasons": [{"number": 1, "episodes": [{"number": 1}]}]}]});
    assert_eq!(remove(episodes)["deleted"]["episodes"], 1);
    let show = json!({"shows": [{"title": "Dark"}]});
    assert_eq!(remove(show)["deleted"]["episodes"], 9);
    let left = bench.plays();
    assert_eq!((left.len(), &left[0]["title"]), (1, &json!("Heat (1986)")));
    bench.lab.control("/config", json!({"history_items": 4}));
    let made_up = bench.get("/sync/history")[1]["id"].clone();
    assert_eq!(remove(json!({"ids": [made_up]}))["deleted"]["movies"], 1);
    assert_eq!(count(&bench.get("/sync/history")), 4);
    bench.lab.assert_clean();
    assert_eq!(
        bench
            .post("/sync/history/remove", json!({"ids": ["1"]}))
            .status,
        422
    );
    assert_eq!(bench.lab.violations().len(), 1);
}

#[test]
fn limits_of_the_account() {
    let bench = Bench::new();
    bench.lab.control(
        "/config",
        json!({"history_limit": 2, "ratings_limit": 1, "collection_limit": 1}),
    );
    bench.add(json!({"movies": [heat(), heat()]}));
    let over = bench.post("/sync/history", json!({"movies": [heat()]}));
    assert_eq!(
        (over.status, over.header("X-Account-Limit")),
        (420, Some("2"))
    );
    let body = json!({"movie": heat(), "progress": 90});
    assert_eq!(bench.post("/scrobble/stop", body).status, 420);
    assert_eq!(bench.post("/checkin", json!({"movie": heat()})).status, 420);
    let unknown = json!({"movies": [{"ids": {"trakt": 900_000_000}}]});
    assert_eq!(bench.add(unknown)["added"]["movies"], 0);
    let rated = |title: &str| json!({"movies": [{"title": title, "rating": 8}]});
    assert_eq!(bench.post("/sync/ratings", rated("Heat")).status, 201);
    assert_eq!(
        bench.post("/sync/ratings", rated("Heat")).status,
        201,
        "it changes"
    );
    assert_eq!(bench.post("/sync/ratings", rated("The Thing")).status, 420);
    let owned = |title: &str| json!({"movies": [{"title": title}]});
    assert_eq!(bench.post("/sync/collection", owned("Heat")).status, 201);
    assert_eq!(
        bench.post("/sync/collection", owned("The Thing")).status,
        420
    );
    bench.lab.assert_clean();
}

#[test]
fn ratings() {
    let bench = Bench::new();
    let answer = bench
        .post(
            "/sync/ratings",
            json!({
                "movies": [{"ids": {"imdb": "tt0113277"}, "rating": 9, "rated_at": "2020-01-01T00:00:00.000Z"},
                           {"ids": {"trakt": 900_000_000}, "rating": 3}],
                "shows": [{"title": "Dark", "rating": 10},
                          {"title": "Dark", "seasons": [{"number": 1, "rating": 7},
                                                        {"number": 2, "episodes": [{"number": 1, "rating": 6}]}]}],
            }),
        )
        .json();
    assert_eq!(
        answer["added"],
        json!({"movies": 1, "shows": 1, "seasons": 1, "episodes": 1})
    );
    assert_eq!(
        answer["not_found"]["movies"],
        json!([{"ids": {"trakt": 900_000_000}, "rating": 3}])
    );
    let movies = bench.get("/sync/ratings/movies");
    assert_eq!(
        (
            &movies[0]["rating"],
            &movies[0]["rated_at"],
            &movies[0]["movie"]["title"]
        ),
        (
            &json!(9),
            &json!("2020-01-01T00:00:00.000Z"),
            &json!("Heat")
        )
    );
    assert_eq!(count(&bench.get("/sync/ratings")), 4);
    assert_eq!(count(&bench.get("/sync/ratings/all/6,7")), 2);
    assert_eq!(count(&bench.get("/sync/ratings/episodes/7")), 0);
    bench.post(
        "/sync/ratings",
        json!({"movies": [{"title": "Heat", "rating": 2}]}),
    );
    let movies = bench.get("/sync/ratings/movies");
    assert_eq!((count(&movies), &movies[0]["rating"]), (1, &json!(2)));
    let body = json!({"movies": [heat()], "shows": [{"title": "One Piece"}]});
    let gone = bench.post("/sync/ratings/remove", body).json();
    assert_eq!(gone["deleted"]["movies"], 1);
    assert_eq!(gone["not_found"]["shows"], json!([{"title": "One Piece"}]));
    bench.lab.assert_clean();
    for rating in [json!(0), json!(11), json!("8"), json!(7.5), Value::Null] {
        let before = bench.lab.violations().len();
        let body = json!({"movies": [{"title": "Heat", "rating": rating}]});
        assert_eq!(bench.post("/sync/ratings", body).status, 422, "{rating}");
        assert_eq!(bench.lab.violations().len(), before + 1);
    }
    assert_eq!(
        bench
            .post("/sync/ratings", json!({"movies": [heat()]}))
            .status,
        422
    );
}

#[test]
fn the_watchlist_holds_what_was_named() {
    let bench = Bench::new();
    let body = json!({"movies": [heat()], "shows": [{"title": "Dark"}, {"title": "Dark", "seasons": [{"number": 1}]}]});
    let answer = bench.post("/sync/watchlist", body.clone()).json();
    assert_eq!(
        answer["added"],
        json!({"movies": 1, "shows": 1, "seasons": 1, "episodes": 0})
    );
    assert_eq!(
        bench.post("/sync/watchlist", body).json()["existing"]["seasons"],
        1
    );
    let all = bench.get("/sync/watchlist");
    let ranks: Vec<&Value> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["rank"])
        .collect();
    assert_eq!(ranks, [1, 2, 3]);
    assert_eq!(
        bench.get("/sync/watchlist/movies/rank/asc")[0]["movie"]["year"],
        1995
    );
    let body = json!({"movies": [{"title": "Heat", "year": 1995}]});
    let gone = bench.post("/sync/watchlist/remove", body).json();
    assert_eq!(
        (&gone["deleted"]["movies"], &gone["list"]["item_count"]),
        (&json!(1), &json!(2))
    );
    bench.lab.assert_clean();
}

#[test]
fn the_collection_gathers_shows() {
    let bench = Bench::new();
    let body = json!({
        "movies": [{"ids": {"imdb": "tt0113277"}, "collected_at": "2020-01-01T00:00:00.000Z", "media_type": "bluray"}],
        "shows": [{"title": "Dark", "seasons": [{"number": 1, "episodes": [{"number": 2}, {"number": 1}]}]}],
    });
    let answer = bench.post("/sync/collection", body.clone()).json();
    assert_eq!(answer["added"], json!({"movies": 1, "episodes": 2}));
    assert_eq!(
        bench.post("/sync/collection", body.clone()).json()["existing"]["episodes"],
        2
    );
    let movies = bench.get("/sync/collection/movies");
    assert_eq!(movies[0]["collected_at"], "2020-01-01T00:00:00.000Z");
    let shows = bench.get("/sync/collection/shows");
    assert_eq!(
        (count(&shows), &shows[0]["show"]["title"]),
        (1, &json!("Dark"))
    );
    let numbers: Vec<&Value> = shows[0]["seasons"][0]["episodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|episode| &episode["number"])
        .collect();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(count(&bench.get("/sync/collection/episodes")), 2);
    assert_eq!(count(&bench.get("/sync/collection/media")), 3);
    let before = bench.get("/sync/last_activities");
    bench.lab.advance(1000);
    let gone = bench
        .post("/sync/collection/remove", json!({"movies": [heat()]}))
        .json();
    assert_eq!(gone["deleted"], json!({"movies": 1, "episodes": 0}));
    let after = bench.get("/sync/last_activities");
    assert_ne!(
        before["movies"]["collected_at"],
        after["movies"]["collected_at"]
    );
    assert_eq!(
        before["episodes"]["collected_at"],
        after["episodes"]["collected_at"]
    );
    bench.lab.assert_clean();
}

#[test]
fn the_page_shows_the_account_and_escapes_it() {
    let bench = Bench::new();
    let page = bench.lab.browse("/");
    assert_eq!(page.status, 200);
    assert!(
        page.header("Content-Type")
            .unwrap()
            .starts_with("text/html")
    );
    assert!(page.text().contains("http-equiv=\"refresh\"") && !page.text().contains("<script"));
    bench.lab.control("/account", json!({"name": "<b>Me</b>"}));
    let odd = json!({"title": "Blitz <Uncut>", "year": 2012});
    bench.add(json!({"movies": [odd, heat()]}));
    bench.post("/scrobble/start", json!({"movie": odd, "progress": 5}));
    bench.post(
        "/scrobble/pause",
        json!({"show": {"title": "Dark"}, "episode": {"season": 1, "number": 2}, "progress": 33}),
    );
    bench.post(
        "/sync/ratings",
        json!({"movies": [{"title": "Face/Off", "rating": 7}]}),
    );
    bench.post(
        "/sync/watchlist",
        json!({"movies": [{"title": "Tom & Jerry"}]}),
    );
    let page = bench.lab.browse("/").text();
    for shown in [
        "&lt;b&gt;Me&lt;/b&gt;",
        "Heat (1995)",
        "Blitz &lt;Uncut&gt;",
        "Dark (2017) 1x02 Lies",
        "33.0 %",
        "7 of 10",
        "Tom &amp; Jerry",
        "History (2)",
        "scrobble, since",
    ] {
        assert!(page.contains(shown), "{shown}");
    }
    assert!(!page.contains("<Uncut>") && !page.contains("<b>Me"));
    bench.lab.assert_clean();
}
