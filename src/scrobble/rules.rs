//! What the user doesn't want recorded: switches, and exclusions by path, genre, tag and length.
//! Knows nothing of positions nor of what counts.
#![forbid(unsafe_code)]

use std::borrow::Cow;

use glob::{MatchOptions, Pattern};
use serde::{Deserialize, Serialize};

use super::item::{Item, ItemType, Thing};
use crate::error::{Error, Result};

/// Why a playback isn't recorded, as a host is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Reason {
    /// Live television is excluded.
    ExcludedLive,
    /// Addresses of the web are excluded.
    ExcludedHttp,
    /// Paths of plug-ins are excluded.
    ExcludedPlugin,
    /// Its path begins with one that is excluded.
    ExcludedPrefix,
    /// Its path fits a pattern that is excluded.
    ExcludedGlob,
    /// One of its genres is excluded.
    ExcludedGenre,
    /// One of its tags is excluded.
    ExcludedTag,
    /// The host says that it is excluded.
    ExcludedByHost,
    /// It is shorter than what is recorded.
    TooShort,
    /// It is a music video.
    MusicVideo,
    /// It is nothing that Trakt knows.
    UnknownType,
    /// Films aren't recorded.
    MoviesOff,
    /// Episodes aren't recorded.
    EpisodesOff,
    /// Nothing is recorded.
    Disabled,
    /// No account is linked, or another one than when it began.
    NotLinked,
    /// There is no such playback, and the event doesn't say what is played.
    UnknownSession,
    /// How long it is isn't known (yet).
    NoDuration,
}

/// What isn't recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Exclude {
    /// Live television.
    pub live: bool,
    /// Addresses that begin with `http://` or `https://`.
    pub http: bool,
    /// Paths that begin with `plugin://`.
    pub plugin: bool,
    /// Folders and addresses, each with all that is in it.
    pub prefixes: Vec<String>,
    /// Patterns: `?` is one character, `*` any in one folder, `**` any folders, `[ab]` a choice. One
    /// without a `/` is compared with the file's name, one with a `/` with the whole path.
    pub globs: Vec<String>,
    /// Genres, whatever the case.
    pub genres: Vec<String>,
    /// Tags, whatever the case.
    pub tags: Vec<String>,
}

/// How a client scrobbles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Options {
    /// Whether anything is recorded.
    pub enabled: bool,
    /// Whether films are.
    pub movies: bool,
    /// Whether episodes are.
    pub episodes: bool,
    /// How long something has to play before Trakt shows it as being watched, in milliseconds.
    pub watching_delay_ms: u64,
    /// What is shorter isn't recorded, in milliseconds; 0: everything is.
    pub min_duration_ms: u64,
    /// What isn't recorded.
    pub exclude: Exclude,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            enabled: true,
            movies: true,
            episodes: true,
            watching_delay_ms: 0,
            min_duration_ms: 0,
            exclude: Exclude::default(),
        }
    }
}

/// New values for some options.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OptionsChange {
    /// Whether anything is recorded; true at first.
    enabled: Option<bool>,
    /// Whether films are; true at first.
    movies: Option<bool>,
    /// Whether episodes are; true at first.
    episodes: Option<bool>,
    /// How long something has to play before Trakt shows it as being watched, in milliseconds; 0 at first.
    watching_delay_ms: Option<u64>,
    /// What is shorter isn't recorded, in milliseconds; 0 at first: everything is.
    min_duration_ms: Option<u64>,
    /// What isn't recorded; a key that is left out stays as it is.
    #[serde(deserialize_with = "crate::json::object")]
    exclude: ExcludeChange,
}

/// New values for some exclusions.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ExcludeChange {
    /// Live television.
    live: Option<bool>,
    /// Addresses that begin with `http://` or `https://`.
    http: Option<bool>,
    /// Paths that begin with `plugin://`.
    plugin: Option<bool>,
    /// Folders and addresses, each with all that is in it.
    prefixes: Option<Vec<String>>,
    /// Patterns: `?` is one character, `*` any in one folder, `**` any folders, `[ab]` a choice. One
    /// without a `/` is compared with the file's name, one with a `/` with the whole path.
    globs: Option<Vec<String>>,
    /// Genres, whatever the case.
    genres: Option<Vec<String>>,
    /// Tags, whatever the case.
    tags: Option<Vec<String>>,
}

impl OptionsChange {
    /// The options with the given keys replaced.
    ///
    /// # Errors
    /// `invalid_argument` for a glob that is none.
    pub fn apply(self, options: &mut Options) -> Result<()> {
        fn set<T>(place: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *place = value;
            }
        }
        let exclude = self.exclude;
        for (index, glob) in exclude.globs.iter().flatten().enumerate() {
            if Pattern::new(&plain(glob)).is_err() {
                return Err(Error::argument(format!(
                    "`exclude.globs[{index}]` is no pattern: a bracket is left open, or `**` isn't a folder's whole name"
                )));
            }
        }
        set(&mut options.enabled, self.enabled);
        set(&mut options.movies, self.movies);
        set(&mut options.episodes, self.episodes);
        set(&mut options.watching_delay_ms, self.watching_delay_ms);
        set(&mut options.min_duration_ms, self.min_duration_ms);
        set(&mut options.exclude.live, exclude.live);
        set(&mut options.exclude.http, exclude.http);
        set(&mut options.exclude.plugin, exclude.plugin);
        set(&mut options.exclude.prefixes, exclude.prefixes);
        set(&mut options.exclude.globs, exclude.globs);
        set(&mut options.exclude.genres, exclude.genres);
        set(&mut options.exclude.tags, exclude.tags);
        Ok(())
    }
}

impl Options {
    /// Why this isn't recorded; none when it is. `thing` is what plays of it, `duration_ms` how long the whole is.
    pub fn reason(
        &self,
        item: &Item,
        thing: Option<&Thing>,
        duration_ms: Option<u64>,
    ) -> Option<Reason> {
        let file = item.file.as_deref().unwrap_or_default();
        let too_short = duration_ms.is_some_and(|duration| duration < self.min_duration_ms);
        if !self.enabled {
            return Some(Reason::Disabled);
        }
        if let Some(reason) = kind_reason(item, thing) {
            return Some(reason);
        }
        match thing {
            Some(Thing::Movie(_)) if !self.movies => Some(Reason::MoviesOff),
            Some(Thing::Episode(_)) if !self.episodes => Some(Reason::EpisodesOff),
            _ if item.excluded => Some(Reason::ExcludedByHost),
            _ => self
                .exclude
                .reason(item, file)
                .or(too_short.then_some(Reason::TooShort)),
        }
    }
}

fn kind_reason(item: &Item, thing: Option<&Thing>) -> Option<Reason> {
    match (item.kind, thing) {
        (ItemType::MusicVideo, _) => Some(Reason::MusicVideo),
        (_, Some(Thing::Movie(_) | Thing::Episode(_) | Thing::Named { .. })) => None,
        _ => Some(Reason::UnknownType),
    }
}

impl Exclude {
    fn reason(&self, item: &Item, file: &str) -> Option<Reason> {
        let files = files(file);
        let any = |test: &dyn Fn(&str) -> bool| files.iter().any(|file| test(file));
        let named = |names: &[String], has: &[String]| {
            names.iter().any(|name| {
                let name = name.trim().to_lowercase();
                has.iter().any(|has| has.trim().to_lowercase() == name)
            })
        };
        if self.live && (item.live.is_some() || any(&is_channel)) {
            Some(Reason::ExcludedLive)
        } else if self.http && any(&|file| matches!(scheme(file), Some("http" | "https"))) {
            Some(Reason::ExcludedHttp)
        } else if self.plugin && any(&|file| scheme(file) == Some("plugin")) {
            Some(Reason::ExcludedPlugin)
        } else if any(&|file| self.prefixes.iter().any(|prefix| is_in(file, prefix))) {
            Some(Reason::ExcludedPrefix)
        } else if any(&|file| self.globs.iter().any(|glob| fits(file, glob))) {
            Some(Reason::ExcludedGlob)
        } else if named(&self.genres, &item.genres) {
            Some(Reason::ExcludedGenre)
        } else if named(&self.tags, &item.tags) {
            Some(Reason::ExcludedTag)
        } else {
            None
        }
    }
}

/// The files of a path: Kodi's `stack://one , other` holds several, with each comma of a name doubled.
fn files(file: &str) -> Vec<Cow<'_, str>> {
    match file.strip_prefix("stack://") {
        Some(list) => list
            .split(" , ")
            .map(|part| Cow::Owned(part.replace(",,", ",")))
            .collect(),
        None => vec![Cow::Borrowed(file)],
    }
}

/// What stands before `://`, if that is one of those that are looked for here.
fn scheme(path: &str) -> Option<&'static str> {
    let (scheme, _) = path.split_once("://")?;
    ["http", "https", "plugin", "pvr", "smb"]
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(scheme))
}

/// Whether it is television as it is sent; a recording is a film or an episode like others.
fn is_channel(path: &str) -> bool {
    let place = path.split_once("://").map_or("", |(_, place)| place);
    let is_recording = place
        .get(..10)
        .is_some_and(|start| start.eq_ignore_ascii_case("recordings"));
    scheme(path) == Some("pvr") && !is_recording
}

fn is_drive(path: &str) -> bool {
    let bytes = path.as_bytes();
    bytes.len() >= 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':'
}

/// Whether upper and lower case are the same there: Windows and its shares.
fn is_windows(path: &str) -> bool {
    is_drive(path) || path.starts_with("\\\\") || scheme(path) == Some("smb")
}

/// The path as it is compared: with `/` alone, without a user's name and password, in small letters where case doesn't matter.
fn plain(path: &str) -> String {
    let mut path = match path.split_once("://") {
        Some((scheme, rest)) => {
            let (host, folder) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = host.rsplit('@').next().unwrap_or(host);
            format!(
                "{}://{}{folder}",
                scheme.to_ascii_lowercase(),
                host.to_ascii_lowercase()
            )
        }
        None => path.to_owned(),
    };
    if is_windows(&path) {
        path = path.to_lowercase();
        if scheme(&path).is_none() {
            path = path.replace('\\', "/");
        }
    }
    path
}

/// Whether a path is the prefix, or in it.
fn is_in(path: &str, prefix: &str) -> bool {
    let (path, prefix) = (plain(path), plain(prefix.trim()));
    let folder = prefix.trim_end_matches('/');
    let folder = if folder.ends_with(':') {
        &prefix
    } else {
        folder
    };
    match path.strip_prefix(folder) {
        _ if prefix.is_empty() => false,
        Some(rest) => rest.is_empty() || folder.ends_with('/') || rest.starts_with('/'),
        None => prefix.ends_with("://") && path.starts_with(&prefix),
    }
}

/// Whether a path fits a pattern; one without a `/` is about the file's name.
fn fits(path: &str, glob: &str) -> bool {
    let windows = is_windows(path);
    let (mut path, mut glob) = (plain(path), plain(glob.trim()));
    if glob.is_empty() {
        return false;
    }
    if !glob.contains('/') {
        let cut = path.find(['?', '#']).filter(|_| path.contains("://"));
        path.truncate(cut.unwrap_or(path.len()));
        path = path.rsplit('/').next().unwrap_or_default().to_owned();
    }
    if windows {
        glob = glob.to_lowercase();
    }
    let within_folders = MatchOptions {
        require_literal_separator: true,
        ..MatchOptions::new()
    };
    Pattern::new(&glob).is_ok_and(|pattern| pattern.matches_with(&path, within_folders))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(file: &str) -> Item {
        serde_json::from_value(serde_json::json!({"type": "movie", "title": "Heat", "file": file}))
            .unwrap()
    }

    fn reason(options: &Options, item: &Item) -> Option<Reason> {
        options.reason(item, item.things().unwrap().first(), Some(7_200_000))
    }

    fn excluding(change: impl FnOnce(&mut Exclude)) -> Options {
        let mut options = Options::default();
        change(&mut options.exclude);
        options
    }

    #[test]
    fn by_default_everything_that_trakt_knows_is_recorded() {
        let options = Options::default();
        for file in [
            "/films/Heat.mkv",
            "https://a/b.mkv",
            "plugin://x/?y",
            "pvr://a",
        ] {
            assert_eq!(reason(&options, &item(file)), None, "{file}");
        }
        for (kind, why) in [
            ("music_video", Reason::MusicVideo),
            ("unknown", Reason::UnknownType),
        ] {
            let item: Item = serde_json::from_value(serde_json::json!({"type": kind})).unwrap();
            assert_eq!(reason(&options, &item), Some(why));
        }
    }

    #[test]
    fn switches_hosts_and_lengths_exclude() {
        let film = item("/x.mkv");
        let off = |change: fn(&mut Options)| {
            let mut options = Options::default();
            change(&mut options);
            reason(&options, &film)
        };
        assert_eq!(off(|it| it.enabled = false), Some(Reason::Disabled));
        assert_eq!(off(|it| it.movies = false), Some(Reason::MoviesOff));
        assert_eq!(off(|it| it.episodes = false), None);
        assert_eq!(off(|it| it.min_duration_ms = 7_200_000), None);
        assert_eq!(
            off(|it| it.min_duration_ms = 7_200_001),
            Some(Reason::TooShort)
        );
        let mut flagged = film;
        flagged.excluded = true;
        assert_eq!(
            reason(&Options::default(), &flagged),
            Some(Reason::ExcludedByHost)
        );
    }

    #[test]
    fn where_it_comes_from_excludes() {
        let live = excluding(|it| it.live = true);
        let mut programme = item("/x");
        programme.live = serde_json::from_str("{}").unwrap();
        assert_eq!(reason(&live, &programme), Some(Reason::ExcludedLive));
        assert_eq!(
            reason(&live, &item("PVR://channels/1")),
            Some(Reason::ExcludedLive)
        );
        let recording = item("pvr://recordings/tv/active/Heat.pvr");
        assert_eq!(reason(&live, &recording), None);
        let http = excluding(|it| it.http = true);
        for file in ["http://a/b", "HTTPS://a/b"] {
            assert_eq!(reason(&http, &item(file)), Some(Reason::ExcludedHttp));
        }
        assert_eq!(reason(&http, &item("/http/b")), None);
        let plugin = excluding(|it| it.plugin = true);
        assert_eq!(
            reason(&plugin, &item("plugin://video.x/?a=1")),
            Some(Reason::ExcludedPlugin)
        );
    }

    #[test]
    fn a_prefix_is_a_folder_with_all_that_is_in_it() {
        for (prefix, file, excluded) in [
            ("/films/kids", "/films/kids/a.mkv", true),
            ("/films/kids/", "/films/kids/a.mkv", true),
            ("/films/kids", "/films/kids", true),
            ("/films/kids", "/films/kids2/a.mkv", false),
            ("/films/kids", "/films/Kids/a.mkv", false),
            ("/", "/a.mkv", true),
            ("", "/a.mkv", false),
            ("C:\\Films\\Kids", "c:\\films\\kids\\a.mkv", true),
            ("C:/Films", "C:\\FILMS\\a.mkv", true),
            ("C:\\", "c:/a.mkv", true),
            ("\\\\NAS\\Films", "\\\\nas\\films\\a.mkv", true),
            ("smb://NAS/Films", "smb://me:secret@nas/films/a.mkv", true),
            ("nfs://nas/Films", "nfs://nas/films/a.mkv", false),
            ("plugin://video.x", "plugin://video.x/?a", true),
            ("plugin://", "plugin://video.x/?a", true),
            ("/films/kids", "stack:///b/1.mkv , /films/kids/2.mkv", true),
            ("/a, b", "stack:///c/1.mkv , /a,, b/2.mkv", true),
        ] {
            let options = excluding(|it| it.prefixes = vec![prefix.into()]);
            let found = reason(&options, &item(file)) == Some(Reason::ExcludedPrefix);
            assert_eq!(found, excluded, "{prefix} {file}");
        }
    }

    #[test]
    fn a_glob_is_about_the_name_or_with_a_slash_about_the_path() {
        for (glob, file, excluded) in [
            ("*trailer*", "/films/Heat/Heat-trailer.mkv", true),
            ("*trailer*", "/trailer/Heat.mkv", false),
            ("*.iso", "/films/Heat.iso", true),
            ("/films/*/Heat.mkv", "/films/a/Heat.mkv", true),
            ("/films/*/Heat.mkv", "/films/a/b/Heat.mkv", false),
            ("**/kids/**", "/films/kids/a/b.mkv", true),
            ("H?at.m[kp][v4]", "/films/Heat.mp4", true),
            ("*.MKV", "/films/Heat.mkv", false),
            ("*-Trailer.*", "smb://nas/films/Heat-Trailer.mkv", true),
            ("*-TRAILER.*", "c:\\films\\Heat-Trailer.mkv", true),
            ("**/Kids/**", "\\\\NAS\\Films\\Kids\\a.mkv", true),
            ("C:\\Films\\**", "c:\\films\\a\\b.mkv", true),
            ("smb://nas/*/Kids/**", "smb://NAS/films/kids/b.mkv", true),
            ("*.mkv", "http://a/b/Heat.mkv?token=/x", true),
            ("", "/films/Heat.mkv", false),
        ] {
            let options = excluding(|it| it.globs = vec![glob.into()]);
            let found = reason(&options, &item(file)) == Some(Reason::ExcludedGlob);
            assert_eq!(found, excluded, "{glob} {file}");
        }
    }

    #[test]
    fn genres_and_tags_exclude_whatever_their_case() {
        let mut film = item("/x.mkv");
        film.genres = vec!["Science Fiction".into()];
        film.tags = vec!["Kids".into()];
        let genre = excluding(|it| it.genres = vec!["science fiction ".into()]);
        assert_eq!(reason(&genre, &film), Some(Reason::ExcludedGenre));
        let tag = excluding(|it| it.tags = vec!["KIDS".into()]);
        assert_eq!(reason(&tag, &film), Some(Reason::ExcludedTag));
        assert_eq!(
            reason(&excluding(|it| it.tags = vec!["kid".into()]), &film),
            None
        );
    }

    #[test]
    fn given_keys_replace_and_others_stay() {
        let mut options = Options::default();
        let change = |text: &str| serde_json::from_str::<OptionsChange>(text).unwrap();
        change(r#"{"movies":false,"exclude":{"live":true,"tags":["a"]}}"#)
            .apply(&mut options)
            .unwrap();
        change(r#"{"exclude":{"tags":["b"]}}"#)
            .apply(&mut options)
            .unwrap();
        assert!(!options.movies && options.episodes && options.exclude.live);
        assert_eq!(options.exclude.tags, ["b"]);
        let before = options.clone();
        assert!(
            change(r#"{"enabled":false,"exclude":{"globs":["ok","[a"]}}"#)
                .apply(&mut options)
                .is_err()
        );
        assert_eq!(options, before);
    }
}
