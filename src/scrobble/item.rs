//! What is played or marked: a film, an episode, several in one file, or only a name, with ids that can't be mixed up.
//! Knows nothing of players nor of how Trakt is asked.
#![forbid(unsafe_code)]

use serde::{Deserialize, Deserializer, Serialize};

use crate::error::{Error, Result};

/// Ids as a host has them: text or number, with or without imdb's `tt`; what can't be an id is dropped.
/// `trakt`, `tmdb` and `tvdb` are numbers at Trakt, `imdb` and `slug` text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Ids {
    /// Trakt's own.
    #[serde(deserialize_with = "number", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<TextOrNumber>"))]
    pub trakt: Option<u64>,
    /// Trakt's name in addresses.
    #[serde(deserialize_with = "slug", skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// `tt` and digits.
    #[serde(deserialize_with = "imdb", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<TextOrNumber>"))]
    pub imdb: Option<String>,
    /// The Movie Database.
    #[serde(deserialize_with = "number", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<TextOrNumber>"))]
    pub tmdb: Option<u64>,
    /// TheTVDB.
    #[serde(deserialize_with = "number", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<TextOrNumber>"))]
    pub tvdb: Option<u64>,
}

impl Ids {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether both name the same thing: one id in common and none that differs in Trakt's own order of trust
    /// (trakt, imdb, tmdb, tvdb, slug): the first that both have decides. None when they have none in common.
    pub fn agrees(&self, other: &Self) -> Option<bool> {
        fn both<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> Option<bool> {
            Some(one? == other?)
        }
        both(self.trakt.as_ref(), other.trakt.as_ref())
            .or_else(|| both(self.imdb.as_ref(), other.imdb.as_ref()))
            .or_else(|| both(self.tmdb.as_ref(), other.tmdb.as_ref()))
            .or_else(|| both(self.tvdb.as_ref(), other.tvdb.as_ref()))
            .or_else(|| both(self.slug.as_ref(), other.slug.as_ref()))
    }

    /// Whether any id is the same in both.
    pub fn shares(&self, other: &Self) -> bool {
        fn both<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
            one.is_some() && one == other
        }
        both(self.trakt.as_ref(), other.trakt.as_ref())
            || both(self.imdb.as_ref(), other.imdb.as_ref())
            || both(self.tmdb.as_ref(), other.tmdb.as_ref())
            || both(self.tvdb.as_ref(), other.tvdb.as_ref())
            || both(self.slug.as_ref(), other.slug.as_ref())
    }
}

/// Text or number, for the schemas.
#[cfg(test)]
#[derive(schemars::JsonSchema)]
#[serde(untagged)]
#[allow(dead_code)]
enum TextOrNumber {
    Text(String),
    Number(u64),
}

fn value<'de, D: Deserializer<'de>>(reader: D) -> std::result::Result<Option<String>, D::Error> {
    Ok(match serde_json::Value::deserialize(reader)? {
        serde_json::Value::String(text) => Some(text.trim().to_owned()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

fn number<'de, D: Deserializer<'de>>(reader: D) -> std::result::Result<Option<u64>, D::Error> {
    Ok(value(reader)?
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .filter(|number| (1..=i64::MAX.unsigned_abs()).contains(number)))
}

fn imdb<'de, D: Deserializer<'de>>(reader: D) -> std::result::Result<Option<String>, D::Error> {
    Ok(value(reader)?.and_then(|text| {
        let digits = text
            .strip_prefix("tt")
            .or_else(|| text.strip_prefix("TT"))
            .unwrap_or(&text);
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.len() <= 12;
        let id = digits.parse::<u64>().ok().filter(|id| plain && *id > 0)?;
        Some(format!("tt{id:07}"))
    }))
}

fn slug<'de, D: Deserializer<'de>>(reader: D) -> std::result::Result<Option<String>, D::Error> {
    Ok(match serde_json::Value::deserialize(reader)? {
        serde_json::Value::String(text) => Some(text.trim().to_ascii_lowercase()),
        _ => None,
    }
    .filter(|text| {
        text.len() <= 200
            && text.bytes().any(|byte| byte.is_ascii_lowercase())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    }))
}

macro_rules! typed_ids {
    ($($(#[doc = $about:literal])+ $name:ident;)*) => {$(
        $(#[doc = $about])+
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Ids);
    )*};
}

typed_ids! {
    /// Ids of a film.
    MovieIds;
    /// Ids of a show; never an episode's.
    ShowIds;
    /// Ids of one episode; never its show's.
    EpisodeIds;
}

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum ItemType {
    /// A film.
    Movie,
    /// One episode.
    Episode,
    /// Several episodes in one file.
    Episodes,
    /// A season; for marks.
    Season,
    /// A show; for marks.
    Show,
    /// Only a name is known.
    File,
    /// A music video: ignored.
    MusicVideo,
    /// Anything else: ignored.
    Unknown,
}

/// A show as an episode names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ShowItem {
    /// Its title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The year of its first episode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub year: Option<u16>,
    /// The show's ids.
    #[serde(skip_serializing_if = "Ids::is_empty")]
    pub ids: Ids,
}

/// The programme of a live channel that is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Live {
    /// The channel's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// When the programme began, RFC 3339; absent: the guide doesn't say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<String>,
    /// When it ends, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<String>,
}

/// What is played or marked, as the host says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Item {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: ItemType,
    /// Title of the film, episode or show; of a file what the player shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The film's or show's year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub year: Option<u16>,
    /// Ids of the film, the EPISODE or the show itself, by type.
    #[serde(default, skip_serializing_if = "Ids::is_empty")]
    pub ids: Ids,
    /// The episode's or season's show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub show: Option<ShowItem>,
    /// The episode's season; 0 are specials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub season: Option<u32>,
    /// The episode's number in its season; of a season its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// The episode's number over all seasons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number_abs: Option<u32>,
    /// The parts of `episodes`, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub episodes: Vec<Item>,
    /// Of a part: where it begins in the file, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_ms: Option<u64>,
    /// Of a part: where it ends in the file, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_ms: Option<u64>,
    /// The path or address that is played: for the exclusions and, without anything better, for its name. Never sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Genres, for the exclusions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub genres: Vec<String>,
    /// Tags, for the exclusions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The host or its user doesn't want it recorded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub excluded: bool,
    /// Live television.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Live>,
    /// In `history.add`: when it was watched, if not as the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watched_at: Option<String>,
}

/// A film.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Movie {
    /// Its title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its year.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub year: Option<u16>,
    /// Its ids.
    pub ids: MovieIds,
}

/// A show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Show {
    /// Its title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its first year.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub year: Option<u16>,
    /// Its ids.
    pub ids: ShowIds,
}

/// An episode: by its show with season and number or with its absolute number, or by ids of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Episode {
    /// Its show.
    pub show: Show,
    /// Its season.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub season: Option<u32>,
    /// Its number there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// Its number over all seasons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number_abs: Option<u32>,
    /// Its own title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its own ids.
    pub ids: EpisodeIds,
}

/// One thing that Trakt knows or that has to be found there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thing {
    /// A film.
    Movie(Movie),
    /// An episode.
    Episode(Episode),
    /// A season of a show; only marks.
    Season {
        /// Its show.
        show: Show,
        /// Its number.
        number: u32,
    },
    /// A whole show; only marks.
    Show(Show),
    /// Only a name: what it is has to be found out.
    Named {
        /// The path or address.
        file: Option<String>,
        /// What the player shows as its title.
        title: Option<String>,
    },
}

impl Thing {
    /// Whether Trakt can be told of it without asking what it is.
    pub fn is_known(&self) -> bool {
        match self {
            Self::Movie(movie) => !movie.ids.0.is_empty(),
            Self::Show(show) | Self::Season { show, .. } => !show.ids.0.is_empty(),
            Self::Episode(episode) => {
                let placed = episode.number.is_some() && episode.season.is_some();
                !episode.ids.0.is_empty()
                    || (!episode.show.ids.0.is_empty() && (placed || episode.number_abs.is_some()))
            }
            Self::Named { .. } => false,
        }
    }
}

impl Item {
    /// The things in it: one, or the parts of `episodes`, or those that its name tells, in their order; none for what is
    /// ignored.
    ///
    /// # Errors
    /// `invalid_argument` naming the key that is missing for the type.
    pub fn things(&self) -> Result<Vec<Thing>> {
        let missing =
            |key: &str, of: &str| Error::argument(format!("`{key}` of the {of} is missing"));
        Ok(vec![match self.kind {
            ItemType::MusicVideo | ItemType::Unknown => return Ok(Vec::new()),
            ItemType::Episodes => {
                if self.episodes.is_empty() {
                    return Err(missing("episodes", "item"));
                }
                if self
                    .episodes
                    .iter()
                    .any(|part| part.kind != ItemType::Episode)
                {
                    return Err(Error::argument(
                        "`episodes` holds something that is no episode",
                    ));
                }
                // One each: bounds belong to parts, whatever a name says of more episodes.
                let first = |part: &Self| Ok(part.things()?.into_iter().next());
                let parts: Result<Vec<_>> = self.episodes.iter().map(first).collect();
                return Ok(parts?.into_iter().flatten().collect());
            }
            ItemType::Movie if self.is_by_name() && said(self.file.as_ref()).is_none() => {
                return Err(missing("title", "film"));
            }
            ItemType::Movie if self.is_by_name() => return Ok(self.by_name()),
            ItemType::Movie => Thing::Movie(Movie {
                title: said(self.title.as_ref()),
                year: known(self.year),
                ids: MovieIds(self.ids.clone()),
            }),
            ItemType::Show if said(self.title.as_ref()).is_none() && self.ids.is_empty() => {
                return Err(missing("title", "show"));
            }
            ItemType::Show => Thing::Show(Show {
                title: said(self.title.as_ref()),
                year: known(self.year),
                ids: ShowIds(self.ids.clone()),
            }),
            ItemType::Season => Thing::Season {
                show: self.show().ok_or_else(|| missing("show", "season"))?,
                number: self.number.ok_or_else(|| missing("number", "season"))?,
            },
            ItemType::Episode => {
                let show = self.show();
                let placed = self.number_abs.is_some() || self.number.is_some();
                if self.ids.is_empty() && !(show.is_some() && placed) {
                    match said(self.file.as_ref()) {
                        Some(_) => return Ok(self.by_name()),
                        None if show.is_none() => return Err(missing("show", "episode")),
                        None => return Err(missing("number", "episode")),
                    }
                }
                Thing::Episode(Episode {
                    show: show.unwrap_or_default(),
                    season: self
                        .season
                        .or(self.number.filter(|_| self.number_abs.is_none()).map(|_| 1)),
                    number: self.number,
                    number_abs: self.number_abs,
                    title: said(self.title.as_ref()),
                    ids: EpisodeIds(self.ids.clone()),
                })
            }
            ItemType::File
                if said(self.file.as_ref())
                    .or(said(self.title.as_ref()))
                    .is_none() =>
            {
                return Err(missing("file", "item"));
            }
            ItemType::File => return Ok(self.by_name()),
        }])
    }

    /// Whether nothing but a name says what it is.
    pub fn is_by_name(&self) -> bool {
        let no_show = self.show().is_none() || (self.number.is_none() && self.number_abs.is_none());
        match self.kind {
            ItemType::File => true,
            ItemType::Movie => said(self.title.as_ref()).is_none() && self.ids.is_empty(),
            ItemType::Episode => self.ids.is_empty() && no_show,
            _ => false,
        }
    }

    /// What the name says, or the name alone if it says nothing.
    fn by_name(&self) -> Vec<Thing> {
        let (file, title) = (self.file.as_deref(), self.title.as_deref());
        let things = crate::matching::names::things(file, title);
        if !things.is_empty() {
            return things;
        }
        vec![Thing::Named {
            file: self.file.clone(),
            title: self.title.clone(),
        }]
    }

    fn show(&self) -> Option<Show> {
        let show = self.show.as_ref()?;
        let title = said(show.title.as_ref());
        (title.is_some() || !show.ids.is_empty()).then(|| Show {
            title,
            year: known(show.year),
            ids: ShowIds(show.ids.clone()),
        })
    }
}

/// A text that says something: media centers hand on empty ones for what they don't know.
fn said(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty()).cloned()
}

/// A year that is one: media centers say 0 for what they don't know.
fn known(year: Option<u16>) -> Option<u16> {
    year.filter(|year| (1870..=2200).contains(year))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::error::Status;

    fn ids(value: Value) -> Ids {
        serde_json::from_value(value).unwrap()
    }

    fn item(value: Value) -> Item {
        serde_json::from_value(value).unwrap()
    }

    fn things(value: Value) -> Vec<Thing> {
        item(value).things().unwrap()
    }

    fn refused(value: Value) -> String {
        let error = item(value).things().unwrap_err();
        assert_eq!(error.status, Status::InvalidArgument);
        error.message
    }

    #[test]
    fn ids_are_taken_as_hosts_have_them() {
        for said in [
            json!("tt0113277"),
            json!(" tt0113277 "),
            json!("TT0113277"),
            json!("0113277"),
            json!("113277"),
            json!("tt113277"),
            json!(113277),
        ] {
            let imdb = ids(json!({ "imdb": said })).imdb;
            assert_eq!(imdb.as_deref(), Some("tt0113277"), "{said}");
        }
        let long = ids(json!({"imdb": "tt10872600"})).imdb;
        assert_eq!(long.as_deref(), Some("tt10872600"));
        for said in [json!(949), json!("949"), json!(" 949 "), json!("0949")] {
            let same = ids(json!({"tmdb": said, "tvdb": said, "trakt": said}));
            let all = (same.tmdb, same.tvdb, same.trakt);
            assert_eq!(all, (Some(949), Some(949), Some(949)), "{said}");
        }
        let slug = ids(json!({"slug": " Heat-1995 "})).slug;
        assert_eq!(slug.as_deref(), Some("heat-1995"));
    }

    #[test]
    fn what_can_be_no_id_is_dropped_and_nothing_else() {
        for said in [
            json!(0),
            json!("0"),
            json!(""),
            json!("  "),
            json!("-1"),
            json!(-1),
            json!(1.5),
            json!("tt"),
            json!("tt0000000"),
            json!("nm0000001"),
            json!("+5"),
            json!("1 2"),
            json!("99999999999999999999"),
            json!(null),
            json!(true),
            json!([949]),
            json!({"id": 949}),
        ] {
            let read = ids(json!({"trakt": said, "imdb": said, "tmdb": said, "tvdb": said}));
            assert!(read.is_empty(), "{said}: {read:?}");
        }
        for said in [json!(""), json!("1995"), json!(5), json!("a/b"), json!("ä")] {
            assert!(ids(json!({ "slug": said })).is_empty(), "{said}");
        }
        let rest = ids(json!({"imdb": "", "tmdb": "949", "tvdb": 0, "plex": {"guid": "x"}}));
        assert_eq!(rest, ids(json!({"tmdb": 949})));
        assert_eq!(serde_json::to_value(&rest).unwrap(), json!({"tmdb": 949}));
    }

    #[test]
    fn the_first_common_id_decides_whether_two_agree() {
        let agree = |one: Value, other: Value| ids(one).agrees(&ids(other));
        assert_eq!(
            agree(
                json!({"trakt": 1, "tmdb": 2}),
                json!({"trakt": 1, "tmdb": 3})
            ),
            Some(true)
        );
        assert_eq!(
            agree(
                json!({"trakt": 1, "tmdb": 2}),
                json!({"trakt": 4, "tmdb": 2})
            ),
            Some(false)
        );
        assert_eq!(
            agree(json!({"imdb": 5}), json!({"imdb": "tt0000005", "tvdb": 1})),
            Some(true)
        );
        assert_eq!(agree(json!({"tmdb": 2}), json!({"tvdb": 2})), None);
        assert_eq!(agree(json!({}), json!({})), None);
    }

    #[test]
    fn a_show_s_ids_and_an_episode_s_own_stay_apart() {
        let one = json!({"type": "episode", "season": 1, "number": 2, "ids": {"tvdb": 6307361},
            "show": {"title": "Dark", "year": 2017, "ids": {"tvdb": 334824}}});
        let things = things(one);
        let [Thing::Episode(episode)] = things.as_slice() else {
            panic!("{things:?}");
        };
        assert_eq!(episode.ids.0.tvdb, Some(6_307_361));
        assert_eq!(episode.show.ids.0.tvdb, Some(334_824));
    }

    #[test]
    fn what_trakt_can_be_told_of_needs_ids() {
        let known = |value: Value| things(value)[0].is_known();
        assert!(known(json!({"type": "movie", "ids": {"tmdb": 949}})));
        assert!(!known(
            json!({"type": "movie", "title": "Heat", "year": 1995})
        ));
        assert!(known(json!({"type": "episode", "ids": {"tvdb": 6307361}})));
        let show = json!({"ids": {"tvdb": 334824}});
        assert!(known(
            json!({"type": "episode", "show": show, "season": 0, "number": 2})
        ));
        assert!(known(
            json!({"type": "episode", "show": show, "number_abs": 12})
        ));
        // Without a season there is one.
        assert!(known(json!({"type": "episode", "show": show, "number": 2})));
        assert!(!known(
            json!({"type": "episode", "show": {"title": "Dark"}, "season": 1, "number": 2})
        ));
        assert!(known(json!({"type": "season", "show": show, "number": 1})));
        assert!(!known(json!({"type": "show", "title": "Dark"})));
        assert!(!known(json!({"type": "file", "file": "movie.mkv"})));
    }

    #[test]
    fn each_type_is_read_or_says_what_is_missing() {
        for kind in ["music_video", "unknown"] {
            assert!(things(json!({"type": kind, "title": "x", "ids": {"imdb": 5}})).is_empty());
        }
        for (value, key) in [
            (json!({"type": "movie"}), "`title` of the film"),
            (
                json!({"type": "movie", "title": " ", "file": ""}),
                "`title` of the film",
            ),
            (json!({"type": "show", "title": ""}), "`title` of the show"),
            (
                json!({"type": "season", "number": 1}),
                "`show` of the season",
            ),
            (
                json!({"type": "season", "show": {"title": "Dark"}}),
                "`number` of the season",
            ),
            (
                json!({"type": "episode", "season": 1, "number": 1}),
                "`show` of the episode",
            ),
            (
                json!({"type": "episode", "show": {"title": ""}, "number": 1}),
                "`show` of the episode",
            ),
            (
                json!({"type": "episode", "show": {"title": "Dark"}}),
                "`number` of the episode",
            ),
            (json!({"type": "file", "title": ""}), "`file` of the item"),
            (json!({"type": "episodes"}), "`episodes` of the item"),
        ] {
            let message = refused(value);
            assert!(message.starts_with(key), "{message}");
        }
        let mixed = json!({"type": "episodes", "episodes": [{"type": "movie", "title": "Heat"}]});
        assert!(refused(mixed).contains("no episode"));
    }

    #[test]
    fn what_a_media_center_doesn_t_know_counts_for_nothing() {
        let film = json!({"type": "movie", "title": "", "year": 0, "file": "/f/Heat (1995).mkv"});
        assert_eq!(
            things(film),
            things(json!({"type": "file", "file": "/f/Heat (1995).mkv"}))
        );
        let film = json!({"type": "movie", "title": "Heat", "year": 0});
        assert_eq!(
            things(film),
            things(json!({"type": "movie", "title": "Heat"}))
        );
        let show = json!({"type": "episode", "show": {"title": "Dark", "year": 0}, "season": 1, "number": 2, "title": ""});
        let same = json!({"type": "episode", "show": {"title": "Dark"}, "season": 1, "number": 2});
        assert_eq!(things(show), things(same));
    }

    #[test]
    fn episodes_keep_their_order_and_stay_as_many_as_they_are() {
        let part = |number: u32| json!({"type": "episode", "show": {"title": "Dark"}, "season": 1, "number": number});
        let several = things(json!({"type": "episodes", "episodes": [part(2), part(1), part(3)]}));
        let numbers: Vec<_> = several
            .iter()
            .map(|thing| match thing {
                Thing::Episode(episode) => episode.number,
                _ => None,
            })
            .collect();
        assert_eq!(numbers, [Some(2), Some(1), Some(3)]);
        // A name tells two, but the host says that it is one part.
        let by_name = json!({"type": "episode", "file": "/tv/Dark S01E04E05.mkv"});
        let parts = json!({"type": "episodes", "episodes": [part(1), by_name, part(6)]});
        assert_eq!(things(parts).len(), 3);
    }

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,20}".prop_map(Value::from),
            "(tt|TT)?[0-9]{0,25}".prop_map(Value::from),
        ]
    }

    proptest! {
        #[test]
        fn any_id_is_one_or_none(trakt in any_value(), imdb in any_value(), tmdb in any_value(), tvdb in any_value(), slug in any_value()) {
            let read = ids(json!({"trakt": trakt, "imdb": imdb, "tmdb": tmdb, "tvdb": tvdb, "slug": slug}));
            for number in [read.trakt, read.tmdb, read.tvdb].into_iter().flatten() {
                prop_assert!((1..=i64::MAX.unsigned_abs()).contains(&number));
            }
            if let Some(imdb) = &read.imdb {
                prop_assert!(imdb.len() >= 9 && imdb.starts_with("tt") && imdb[2..].bytes().all(|byte| byte.is_ascii_digit()));
            }
            // What was read is read the same again.
            prop_assert_eq!(ids(serde_json::to_value(&read).unwrap()), read);
        }

        #[test]
        fn no_item_panics(
            kind in prop::sample::select(vec!["movie", "episode", "episodes", "season", "show", "file", "music_video", "unknown"]),
            title in prop::option::of(".{0,10}"), year in prop::option::of(any::<u16>()), id in any_value(),
            show in prop::option::of(".{0,10}"), season in prop::option::of(any::<u32>()), number in prop::option::of(any::<u32>()),
            absolute in prop::option::of(any::<u32>()), file in prop::option::of(".{0,40}"), parts in 0_usize..4,
        ) {
            let mut value = json!({"type": kind, "ids": {"tmdb": id}});
            let all = [
                ("title", json!(title)), ("year", json!(year)), ("season", json!(season)), ("number", json!(number)),
                ("number_abs", json!(absolute)), ("file", json!(file)), ("show", json!(show.map(|title| json!({"title": title})))),
            ];
            for (key, said) in all {
                if !said.is_null() {
                    value[key] = said;
                }
            }
            let part = json!({"type": "episode", "ids": {"tvdb": 5}});
            value["episodes"] = json!(vec![part; parts]);
            let item = item(value);
            match item.things() {
                Ok(things) if kind == "episodes" => prop_assert_eq!(things.len(), parts),
                Ok(things) => prop_assert_eq!(things.is_empty(), matches!(kind, "music_video" | "unknown")),
                Err(error) => prop_assert_eq!(error.status, Status::InvalidArgument),
            }
        }
    }
}
