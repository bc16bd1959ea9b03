//! What a file's path or a stream's address says: film or episodes, title, year, season, numbers.
//! Knows nothing of Trakt.
#![forbid(unsafe_code)]

use cinekey::{EpisodeNumbering, ExpectedKind, MediaKind, ParseContext, ParsedMedia};
use serde_json::json;

use super::paths::{Parts, parts, shortened};
use super::titles::{composed, same, split_year};
use crate::scrobble::item::{Episode, Ids, Movie, MovieIds, Show, ShowIds, Thing};

/// More episodes than these are no file's.
const MOST_EPISODES: usize = 12;
/// A year stands in a name no more often.
const MOST_YEARS: usize = 8;
/// What a season's folder is called.
const SEASON: [&str; 9] = [
    "season",
    "series",
    "staffel",
    "saison",
    "temporada",
    "stagione",
    "seizoen",
    "sezon",
    "säsong",
];
/// What lies beside a film, as people say it.
const BESIDE: [&str; 13] = [
    "trailer",
    "trailers",
    "teaser",
    "sample",
    "featurette",
    "featurettes",
    "making of",
    "behind the scenes",
    "deleted scene",
    "deleted scenes",
    "interview",
    "interviews",
    "gag reel",
];
/// What discs are called, in front of their number.
const DISC: [&str; 4] = ["disc", "disk", "dvd", "cd"];
/// Where shows are.
const SHELVES_OF_SHOWS: [&str; 6] = ["tv", "tv shows", "tvshows", "shows", "series", "serien"];
/// Endings of films; in the web anything else names a page or a playlist.
const ENDINGS: [&str; 16] = [
    "mkv", "mp4", "avi", "m4v", "mov", "ts", "m2ts", "wmv", "webm", "mpg", "mpeg", "vob", "iso",
    "ogm", "ogv", "divx",
];

/// The things that a name says are in the file: a film, or its episodes in their order; none if it says nothing.
/// The path counts more than the title that the player shows, unless only that one says which episode it is; a trailer stays
/// one under any title.
pub fn things(file: Option<&str>, title: Option<&str>) -> Vec<Thing> {
    let (file, title) = (file.map(composed), title.map(composed));
    let Some(by_path) = file.map_or(Some(Vec::new()), |file| read(&parts(&file))) else {
        return Vec::new();
    };
    let by_title = title
        .and_then(|title| {
            read(&Parts {
                names: vec![shortened(&title).replace(['/', '\\'], " ")],
                is_stream: false,
            })
        })
        .unwrap_or_default();
    if certainty(&by_title) > certainty(&by_path) {
        by_title
    } else {
        by_path
    }
}

/// How much was found: nothing, a title, a title with a year or an id, episodes.
fn certainty(things: &[Thing]) -> u8 {
    match things.first() {
        None => 0,
        Some(Thing::Movie(movie)) if movie.year.is_none() && movie.ids.0.is_empty() => 1,
        Some(Thing::Movie(_)) => 2,
        Some(_) => 3,
    }
}

/// What a name and its folders say; none: it is known to be no play of anything, a trailer or a day's programme.
fn read(parts: &Parts) -> Option<Vec<Thing>> {
    let Some(name) = parts.names.first().map(String::as_str) else {
        return Some(Vec::new());
    };
    let folders: Vec<&str> = parts.names[1..]
        .iter()
        .map(String::as_str)
        .filter(|folder| !is_disc(folder))
        .collect();
    let of_disc = parts.names.get(1).is_some_and(|folder| is_disc(folder));
    let mut found = by_name(name, &folders, of_disc)?;
    if is_beside_a_film(name, &folders, certainty(&found)) {
        return None;
    }
    // What is copied about keeps its full name in the folder: `Heat.1995.1080p.BluRay-GRP/grp-heat.mkv`.
    if certainty(&found) < 2
        && let Some((folder, rest)) = folders.split_first()
    {
        let media = cinekey::parse(folder);
        if media.resolution.is_some() || media.source.is_some() {
            let by_folder = understood(&media, folder, rest).unwrap_or_default();
            if certainty(&by_folder) >= 2 {
                found = by_folder;
            }
        }
    }
    if parts.is_stream && certainty(&found) < 2 && !is_video(name) {
        return Some(Vec::new());
    }
    Some(with_ids(found, name, &folders))
}

fn by_name(name: &str, folders: &[&str], of_disc: bool) -> Option<Vec<Thing>> {
    let season = folders.first().and_then(|folder| season_folder(folder));
    let of_folder = season.and_then(|(season, _)| season.try_into().ok());
    let outside = folders
        .get(usize::from(season.is_some())..)
        .unwrap_or_default();
    let by_number = season
        .and_then(|(season, show)| numbered(name, season, show.or(outside.first().copied())?));
    let mut plain = cinekey::parse(name);
    if plain.episode_numbering == Some(EpisodeNumbering::SeasonUnspecified) {
        plain.season = plain.season.or(of_folder);
    }
    if is_marked(&plain) {
        // `02 - Lies S01E02.mkv`: the number in front says the same, and the folder knows the show.
        if let Some(marked) = understood(&plain, name, outside) {
            return Some(
                by_number
                    .filter(|it| places(it) == places(&marked))
                    .unwrap_or(marked),
            );
        }
    } else if has_date(name) {
        // A day's programme has neither number nor title that Trakt could be asked for.
        return None;
    } else if by_number.is_some() {
        // On its second disc a season doesn't begin anew.
        return Some(by_number.filter(|_| !of_disc).unwrap_or_default());
    }
    if says_nothing(name) {
        let of_show = season.is_some()
            || folders
                .iter()
                .any(|it| SHELVES_OF_SHOWS.contains(&it.to_lowercase().as_str()));
        let Some((folder, rest)) = folders.split_first().filter(|_| !of_show) else {
            return Some(Vec::new());
        };
        // The folder may be an archive or a disc in one file.
        let title = match is_video(folder) {
            true => stem(folder),
            false => folder,
        };
        let found = understood(&cinekey::parse(title), title, rest).unwrap_or_default();
        let is_title = of_disc && !is_shelf(folder);
        return match certainty(&found) >= 2 || is_title {
            true => Some(found),
            false => Some(Vec::new()),
        };
    }
    let context = ParseContext {
        expected_kind: season.map(|_| ExpectedKind::Series),
        ancestors: folders.to_vec(),
    };
    let mut media = cinekey::parse_with_context(name, &context);
    media.season = media.season.or(of_folder);
    let plain = match media.kind {
        MediaKind::Movie => absolute(&media, name).or_else(|| plainly(name)),
        MediaKind::SeasonPack => called_season(&media, name),
        _ => None,
    };
    if plain.is_some() {
        return plain;
    }
    Some(understood(&media, name, outside).unwrap_or_else(|| untold(&media, name)))
}

/// Whether an episode stands in the name, as in `S01E02` or `1x02`, and its season is known.
fn is_marked(media: &ParsedMedia) -> bool {
    media.kind == MediaKind::Episode
        && media.season.is_some()
        && media.episode_numbering != Some(EpisodeNumbering::Absolute)
}

/// Seasons and numbers of episodes.
fn places(things: &[Thing]) -> Vec<(Option<u32>, Option<u32>)> {
    let place = |thing: &Thing| match thing {
        Thing::Episode(episode) => (episode.season, episode.number),
        _ => (None, None),
    };
    things.iter().map(place).collect()
}

fn is_disc(folder: &str) -> bool {
    matches!(
        folder.to_ascii_lowercase().as_str(),
        "video_ts" | "bdmv" | "stream" | "playlist"
    ) || is_counted(folder, &DISC)
}

/// `Disc 1`, `title_t00`: one of these words and a number, nothing else.
fn is_counted(name: &str, words: &[&str]) -> bool {
    let rest = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let word = rest.trim_end_matches([' ', '.', '_', '-']).to_lowercase();
    rest.len() < name.len() && words.contains(&word.as_str())
}

/// Whether a folder holds films or shows of any kind, so that its name is nobody's title.
fn is_shelf(folder: &str) -> bool {
    let folder = folder.trim().to_lowercase();
    SHELVES_OF_SHOWS.contains(&folder.as_str())
        || matches!(
            folder.as_str(),
            "films"
                | "film"
                | "filme"
                | "movies"
                | "movie"
                | "videos"
                | "video"
                | "anime"
                | "media"
                | "downloads"
                | "download"
                | "recordings"
                | "data"
                | "home"
                | "mnt"
                | "usb"
                | "dvd"
                | "dvds"
                | "blu-ray"
                | "bluray"
        )
        || folder.len() < 2
        || folder.ends_with(':')
}

/// Whether a file's name says nothing of its own: discs, and what programs call everything.
fn says_nothing(name: &str) -> bool {
    let stem = stem(name).to_ascii_lowercase();
    matches!(
        stem.as_str(),
        "movie"
            | "video"
            | "film"
            | "index"
            | "video_ts"
            | "bdmv"
            | "stream"
            | "playlist"
            | "main"
            | "master"
            | "watch"
            | "play"
            | "rarbg"
    ) || stem.starts_with("vts_")
        || is_counted(&stem, &DISC)
        || is_counted(&stem, &["title_t", "title", "part", "pt", "track"])
        || stem.bytes().all(|byte| byte.is_ascii_digit())
}

/// Trailers, samples and what else lies beside a film or show, by the names that media centers and people go by.
fn is_beside_a_film(name: &str, folders: &[&str], certainty: u8) -> bool {
    let is_episode = certainty > 2;
    let stem = stem(name).to_lowercase();
    let in_film = folders.first().is_some_and(|folder| is_dated(folder));
    let folder = folders.first().unwrap_or(&"").trim().to_lowercase();
    let by_folder = match folder.as_str() {
        "trailers" | "trailer" | "samples" | "sample" | "featurettes" | "behind the scenes"
        | "deleted scenes" => true,
        // There are films in folders of these names, and a show.
        "extras" | "bonus" | "interviews" | "scenes" | "shorts" | "clips" | "other" | "others" => {
            certainty < 2 || (!is_episode && folders.get(1).is_some_and(|above| is_dated(above)))
        }
        _ => false,
    };
    by_folder
        || has_suffix(&stem, is_episode)
        || (!is_episode
            && is_beside_by_words(
                &stem,
                in_film && !same(&stem, split_year(untagged(&folder)).0),
            ))
}

/// `Heat (1995)-trailer`, `heat.sample`, and what media centers understand behind a `-` alone.
fn has_suffix(stem: &str, is_episode: bool) -> bool {
    let unnumbered = stem.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let is_part = stem.len() - unnumbered.len() <= 2;
    let stem = if is_part { unnumbered } else { stem };
    let always = [
        "trailer",
        "sample",
        "featurette",
        "behindthescenes",
        "deletedscene",
        "deletedscenes",
    ];
    // Words of titles, too: `The-Interview`.
    let after_name = [
        "deleted",
        "interview",
        "scene",
        "short",
        "clip",
        "extra",
        "other",
    ];
    always.iter().any(|kind| {
        stem.strip_suffix(kind)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with(['-', '.', '_']))
    }) || after_name.iter().any(|kind| {
        stem.strip_suffix(kind)
            .and_then(|rest| rest.strip_suffix('-'))
            .is_some_and(|rest| !is_episode && rest.contains([' ', ')']) && !rest.ends_with(' '))
    })
}

/// `Heat.1995.Trailer.1080p`, `Heat (Making of) (1995)`; such words count behind a film's year or in brackets of their own, and
/// in the folder of another film as the whole name.
fn is_beside_by_words(stem: &str, in_film: bool) -> bool {
    let is_kind = |words: &str| {
        let words = words.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == ' ');
        BESIDE.contains(&words)
    };
    let words = |text: &str| {
        text.split(|letter: char| !letter.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let behind = format!(" {} ", words(behind_year(stem)));
    let in_brackets = stem
        .split(['(', '['])
        .skip(1)
        .any(|part| is_kind(&words(part.split([')', ']']).next().unwrap_or(part))));
    let only = words(stem);
    in_brackets
        || is_kind(behind.trim())
        || [
            "deleted", "scene", "short", "clip", "extra", "extras", "other",
        ]
        .contains(&behind.trim())
        || BESIDE
            .iter()
            .any(|kind| behind.contains(&format!(" {kind} ")))
        || (in_film && (is_kind(&only) || is_kind(only.strip_prefix("the ").unwrap_or(&only))))
}

/// What stands behind the last year of a name that begins with something else; nothing without a year.
fn behind_year(name: &str) -> &str {
    let is_word = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    (1..name.len().saturating_sub(3))
        .rev()
        .filter_map(|at| Some((at, name.get(at..at + 4)?)))
        .find(|(at, year)| {
            year.bytes().all(|byte| byte.is_ascii_digit())
                && year.parse().is_ok_and(|year| (1870..=2200).contains(&year))
                && !is_word(name[..*at].chars().last())
                && !is_word(name[at + 4..].chars().next())
                && name[..*at].contains(char::is_alphanumeric)
        })
        .map_or("", |(at, _)| &name[at + 4..])
}

/// Whether a folder's name ends with a year, as a film's does.
fn is_dated(folder: &str) -> bool {
    let (title, year) = split_year(untagged(folder));
    year.is_some() && !is_shelf(title)
}

fn stem(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, ending)) if (1..=4).contains(&ending.len()) && !stem.is_empty() => stem,
        _ => name,
    }
}

fn is_video(name: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, ending)| ENDINGS.contains(&ending.to_ascii_lowercase().as_str()))
}

/// A name without what stands behind it in brackets: `Dark (2017) {tvdb-334824} [1080p]`.
fn untagged(name: &str) -> &str {
    let mut name = name.trim_end();
    loop {
        let open = match name.chars().last() {
            Some('}') => '{',
            Some(']') => '[',
            _ => return name,
        };
        match name.rsplit_once(open) {
            Some((rest, _)) if !rest.trim().is_empty() => name = rest.trim_end(),
            _ => return name,
        }
    }
}

/// The number of a folder such as `Season 01`, `S1`, `2. Staffel`, `Specials`, and the show that stands in front of it, as in
/// `Dark Season 1`.
fn season_folder(name: &str) -> Option<(u32, Option<&str>)> {
    let name = split_year(untagged(name.trim())).0;
    let small = name.to_lowercase();
    if small == "specials" {
        return Some((0, None));
    }
    let number = |text: &str| {
        let text = text.trim_matches([' ', '_', '.', '-']);
        (text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| text.parse().ok())
            .flatten()
    };
    if let Some(number) = small.strip_prefix('s').and_then(number) {
        return Some((number, None));
    }
    for word in SEASON {
        let Some(at) = small.rfind(word) else {
            continue;
        };
        let (before, after) = (&small[..at], &small[at + word.len()..]);
        if !before.is_empty() && !before.ends_with([' ', '_', '.', '-']) {
            continue;
        }
        let digits = after
            .trim_start_matches([' ', '_', '.', '-'])
            .split(|letter: char| !letter.is_ascii_digit())
            .next();
        if let Some(season) = digits.and_then(number) {
            // Small letters can be longer than the capitals that they stand for.
            let show = name.get(..at).unwrap_or_default();
            let show = show.trim_matches([' ', '_', '.', '-']);
            let is_title = !matches!(
                show.to_lowercase().as_str(),
                "" | "complete" | "the complete" | "full"
            );
            return Some((season, is_title.then_some(show)));
        }
        let digits = before.bytes().take_while(u8::is_ascii_digit).count();
        let only_number = before[digits..]
            .trim_matches([' ', '_', '.', '-', 'ª', 'º', '°'])
            .len()
            <= 2;
        if after.is_empty()
            && only_number
            && let Some(season) = number(&before[..digits])
        {
            return Some((season, None));
        }
    }
    None
}

/// Whether a day stands in the name, as in `The.News.2024.03.05` and `The News 05.03.2024`.
fn has_date(name: &str) -> bool {
    let numbers: Vec<&str> = name
        .split(|letter: char| !letter.is_ascii_digit())
        .collect();
    let is = |text: &str, from: u32, to: u32| {
        text.parse()
            .is_ok_and(|number: u32| (from..=to).contains(&number))
    };
    numbers.windows(3).any(|three| {
        let (year, day) = match [three[0].len(), three[1].len(), three[2].len()] {
            [4, 2, 2] => (three[0], three[2]),
            [2, 2, 4] => (three[2], three[0]),
            _ => return false,
        };
        is(year, 1930, 2200)
            && is(three[1], 1, 12)
            && is(day, 1, 31)
            && [".", "-", "_", " "]
                .iter()
                .any(|between| name.contains(&three.join(between)))
    })
}

/// `Wonder Woman 1984 (2020).mkv`: what stands in front of the year is the title, whatever it looks like.
fn plainly(name: &str) -> Option<Vec<Thing>> {
    let (title, year) = split_year(untagged(stem(name)));
    let title = trimmed(title);
    if year.is_none() || title.is_empty() || title.starts_with('[') {
        return None;
    }
    Some(vec![movie(spaced(title), year)])
}

/// `Open Season 3 (2010).mkv`: what looks like a whole season is a film where a year stands behind it.
fn called_season(media: &ParsedMedia, name: &str) -> Option<Vec<Thing>> {
    let (title, _) = name.rsplit_once(&media.year?.to_string())?;
    let title = title.trim_end_matches(['(', '[', ' ', '.', '_', '-', ',']);
    let before = cinekey::parse(title);
    (before.kind == MediaKind::SeasonPack && before.title.is_some())
        .then(|| vec![movie(spaced(title), media.year)])
}

/// `2001 A Space Odyssey.mkv`: a name that would be all year is all title.
fn untold(media: &ParsedMedia, name: &str) -> Vec<Thing> {
    let title = spaced(trimmed(stem(name)));
    let is_title = media.kind == MediaKind::Movie && title.chars().any(char::is_alphabetic);
    match is_title {
        true => vec![movie(title, None)],
        false => Vec::new(),
    }
}

fn movie(title: String, year: Option<u16>) -> Thing {
    Thing::Movie(Movie {
        title: Some(title),
        year,
        ..Movie::default()
    })
}

fn trimmed(title: &str) -> &str {
    title.trim_matches([' ', '.', '_', '-', ','])
}

fn spaced(title: &str) -> String {
    match title.contains(' ') {
        true => title.to_owned(),
        false => title.replace(['.', '_'], " "),
    }
}

/// A title without the number of its disc: `Das Boot CD1`.
fn without_disc(title: &str) -> &str {
    let rest = title.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let number = title.len() - rest.len();
    let rest = rest.trim_end_matches([' ', '.', '_', '-']);
    let small = rest.to_ascii_lowercase();
    DISC.iter()
        .filter(|_| (1..=2).contains(&number))
        .find_map(|word| small.strip_suffix(word))
        .filter(|title| title.ends_with([' ', '.', '_', '-']))
        .map_or(title, |title| trimmed(&rest[..title.len()]))
}

/// The year of the nearest folder that has this title and a year.
fn year_of_folder(title: &str, folders: &[&str]) -> Option<u16> {
    folders.iter().find_map(|folder| {
        let (name, year) = split_year(untagged(folder));
        year.filter(|_| same(name, title))
    })
}

/// `02 - Lies.mkv` and `01-02 - Secrets.mkv` in a season's folder; none at all where the number could be the show's.
fn numbered(name: &str, season: u32, show: &str) -> Option<Vec<Thing>> {
    if is_shelf(show) {
        return None;
    }
    let show = show_of(show)?;
    let name = match behind_number_of_show(stem(name), show.title.as_deref()?) {
        Some(rest) => match number_in_front(rest) {
            Some(_) => rest,
            None => return Some(Vec::new()),
        },
        None => stem(name),
    };
    let (first, rest) = number_in_front(name)?;
    if !rest.is_empty() && !rest.starts_with([' ', '-', '.', '_']) {
        return None;
    }
    let last = rest
        .strip_prefix(['-', '+'])
        .and_then(number_in_front)
        .filter(|(last, rest)| {
            (first + 1..=first + 3).contains(last) && !rest.starts_with(char::is_alphanumeric)
        })
        .map_or(first, |(last, _)| last);
    // `413.avi`: the season once more in front of the number.
    let number = |number: u32| match number.checked_sub(season * 100) {
        Some(short @ 1..=99) if season > 0 && number >= 100 => short,
        _ => number,
    };
    let all = (first..=last).map(|one| episode(&show, Some(season), Some(number(one)), None));
    Some(all.collect())
}

/// What stands behind a show's title that holds a number: `05` of `12 Monkeys - 05`. Of a title that is nothing but a number
/// nobody can tell: `24 - 11.mkv`.
fn behind_number_of_show<'a>(name: &'a str, show: &str) -> Option<&'a str> {
    let rest = name
        .get(..show.len())
        .filter(|start| start.to_lowercase() == show.to_lowercase())
        .map(|_| &name[show.len()..])?;
    let separate = rest.starts_with([' ', '-', '.', '_']);
    if !separate || !show.contains(|letter: char| letter.is_ascii_digit()) {
        return None;
    }
    match show.contains(char::is_alphabetic) {
        true => Some(rest.trim_start_matches([' ', '-', '.', '_'])),
        false => Some(""),
    }
}

/// One to three digits in front of a name, and what is behind them.
fn number_in_front(name: &str) -> Option<(u32, &str)> {
    let digits = name.bytes().take_while(u8::is_ascii_digit).count();
    let number = (1..=3)
        .contains(&digits)
        .then(|| name[..digits].parse().ok())??;
    Some((number, &name[digits..]))
}

/// `[Group] Show - 1071 (1080p).mkv`: an absolute number that looks like a part of a film's title; without the brackets of those
/// who number so only one that is nothing else.
fn absolute(media: &ParsedMedia, name: &str) -> Option<Vec<Thing>> {
    let title = media.title.as_deref().filter(|_| media.year.is_none())?;
    let shortest = match name.trim_start().starts_with('[') {
        true => 2,
        false => 3,
    };
    let pieces: Vec<&str> = title.split(" - ").collect();
    let numbered = |piece: &str| {
        let piece = piece.trim();
        let is_number = piece.bytes().all(|byte| byte.is_ascii_digit());
        (is_number && (shortest..=4).contains(&piece.len()))
            .then(|| piece.parse().ok())
            .flatten()
            .filter(|number| shortest == 2 || !(1870..=2200).contains(number))
    };
    let (at, number) = [pieces.len().checked_sub(1)?, 1]
        .into_iter()
        .filter(|at| *at > 0)
        .find_map(|at| Some((at, numbered(pieces.get(at)?)?)))?;
    let show = show_of(&pieces[..at].join(" - "))?;
    Some(vec![episode(&show, None, None, Some(number))])
}

fn show_of(name: &str) -> Option<Show> {
    let media = cinekey::parse_with_context(
        name,
        &ParseContext {
            expected_kind: Some(ExpectedKind::Series),
            ancestors: Vec::new(),
        },
    );
    let (title, year) = split_year(untagged(name.trim()));
    let title = match media.title {
        Some(parsed) if year.is_none() => parsed,
        _ => title.to_owned(),
    };
    let title = trimmed(&title).to_owned();
    (!title.is_empty()).then(|| Show {
        title: Some(title),
        year: year.or(media.year),
        ..Show::default()
    })
}

fn episode(
    show: &Show,
    season: Option<u32>,
    number: Option<u32>,
    number_abs: Option<u32>,
) -> Thing {
    Thing::Episode(Episode {
        show: show.clone(),
        season,
        number,
        number_abs,
        ..Episode::default()
    })
}

/// What the parser found, with the folders' help where it found no title.
fn understood(media: &ParsedMedia, name: &str, folders: &[&str]) -> Option<Vec<Thing>> {
    let title = media
        .title
        .as_deref()
        .map(trimmed)
        .filter(|title| !title.is_empty());
    match media.kind {
        MediaKind::Episode => {
            let show = match title {
                Some(title) => {
                    let year = media
                        .year
                        .filter(|year| is_in_front(*year, name))
                        .or_else(|| year_of_folder(title, folders));
                    let title = match media.title_annotations.first() {
                        // `The Office (US)`: another show than the one without it.
                        Some(note) => format!("{title} ({note})"),
                        None => title.to_owned(),
                    };
                    Show {
                        year,
                        title: Some(title),
                        ..Show::default()
                    }
                }
                None => show_of(show_folder(folders)?)?,
            };
            let absolute = media.episode_numbering == Some(EpisodeNumbering::Absolute);
            let numbers = if absolute {
                &media.absolute_episodes
            } else {
                &media.episodes
            };
            if numbers.is_empty() || numbers.len() > MOST_EPISODES {
                return None;
            }
            let season = media.season.map_or(1, u32::from);
            let things = numbers.iter().map(|number| {
                let number = Some(u32::from(*number));
                match absolute {
                    true => episode(&show, None, None, number),
                    false => episode(&show, Some(season), number, None),
                }
            });
            Some(things.collect())
        }
        MediaKind::Movie => {
            let title = without_disc(title?);
            // `Heat (1995)/Heat.mkv`
            let year = media.year.or_else(|| year_of_folder(title, folders));
            Some(vec![movie(title.to_owned(), year)])
        }
        MediaKind::SeasonPack | MediaKind::Extra | MediaKind::Unknown => None,
    }
}

/// Whether a year stands in front of the episode's number, as a show's does; behind it stands the episode's own.
fn is_in_front(year: u16, name: &str) -> bool {
    let year = year.to_string();
    name.match_indices(&year).take(MOST_YEARS).any(|(at, _)| {
        let before = &name[..at];
        before.contains(char::is_alphanumeric) && cinekey::parse(before).kind != MediaKind::Episode
    })
}

/// The nearest folder that could be a show's.
fn show_folder<'a>(folders: &[&'a str]) -> Option<&'a str> {
    let folder = folders
        .iter()
        .find(|folder| season_folder(folder).is_none())?;
    (!is_shelf(folder)).then_some(folder)
}

/// Ids as people and programs write them into names: `{imdb-tt0113277}`, `[tvdbid-334824]`, `(tt0113277)`.
fn ids_in(name: &str) -> Ids {
    let mut ids = Ids::default();
    for tag in name.split(['{', '}', '[', ']', '(', ')']).skip(1) {
        let tag = tag.trim().to_ascii_lowercase();
        let (source, id) = match tag.split_once(['-', '=']) {
            Some((source, id)) => (source.trim_end_matches("id").to_owned(), id.to_owned()),
            None if tag.starts_with("tt") && tag.len() > 8 => ("imdb".to_owned(), tag),
            None => continue,
        };
        let read: Ids = serde_json::from_value(json!({ source: id })).unwrap_or_default();
        ids.imdb = ids.imdb.or(read.imdb);
        ids.tmdb = ids.tmdb.or(read.tmdb);
        ids.tvdb = ids.tvdb.or(read.tvdb);
    }
    ids
}

/// Whether a folder has the film's title and, where both have one, its year.
fn is_of(folder: &str, movie: &Movie) -> bool {
    let media = cinekey::parse(folder);
    let (title, year) = split_year(untagged(folder));
    let is_near = match (year.or(media.year), movie.year) {
        (Some(its), Some(asked)) => its.abs_diff(asked) <= 1,
        _ => true,
    };
    let its = [Some(title), media.title.as_deref()];
    let asked = movie.title.as_deref().unwrap_or_default();
    is_near && its.iter().flatten().any(|its| same(its, asked))
}

/// The same with the ids that stand in the film's name or folder, or in the show's folder: in an episode's own name nobody
/// knows whose they are.
fn with_ids(mut things: Vec<Thing>, name: &str, folders: &[&str]) -> Vec<Thing> {
    for thing in &mut things {
        match thing {
            Thing::Movie(movie) => {
                let own = ids_in(name);
                let folder = folders.first().filter(|folder| is_of(folder, movie));
                movie.ids = MovieIds(match own.is_empty() {
                    true => folder.map(|it| ids_in(it)).unwrap_or_default(),
                    false => own,
                });
            }
            Thing::Episode(episode) => {
                let of_show = show_folder(folders).map(ids_in);
                episode.show.ids = ShowIds(of_show.unwrap_or_default());
            }
            _ => {}
        }
    }
    things
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A thing in a few words: `Heat 1995`, `Dark 1x02`, `Frieren #12`.
    fn told(thing: &Thing) -> String {
        let named = |title: &Option<String>, year: Option<u16>| {
            let title = title.clone().unwrap_or_default();
            year.map_or(title.clone(), |year| format!("{title} {year}"))
        };
        match thing {
            Thing::Movie(movie) => named(&movie.title, movie.year),
            Thing::Episode(Episode {
                show,
                season,
                number,
                number_abs,
                ..
            }) => {
                let show = named(&show.title, show.year);
                match (season, number, number_abs) {
                    (Some(season), Some(number), _) => format!("{show} {season}x{number:02}"),
                    (_, _, Some(number)) => format!("{show} #{number}"),
                    _ => format!("{show} ?"),
                }
            }
            other => format!("{other:?}"),
        }
    }

    fn tells(file: &str) -> String {
        let all: Vec<_> = things(Some(file), None).iter().map(told).collect();
        all.join(", ")
    }

    #[test]
    fn names_say_what_is_in_the_file() {
        // `file => what it says`; one that says nothing has nothing behind the arrow.
        let table = include_str!("names.txt");
        let mut wrong = Vec::new();
        let mut lines = 0;
        for line in table
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with("# "))
        {
            let (file, expected) = line.split_once(" => ").expect(line);
            lines += 1;
            let said = tells(file);
            if said != expected.trim() {
                wrong.push(format!(
                    "{file}\n     said {said:?}\n expected {:?}",
                    expected.trim()
                ));
            }
        }
        assert!(
            wrong.is_empty(),
            "{} of {lines}:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
        assert!(lines >= 150, "{lines}");
    }

    #[test]
    fn ids_in_names_are_the_film_s_or_the_show_s() {
        let ids = |file: &str| match things(Some(file), None).first() {
            Some(Thing::Movie(movie)) => movie.ids.0.clone(),
            Some(Thing::Episode(episode)) => {
                assert!(episode.ids.0.is_empty(), "{file}");
                episode.show.ids.0.clone()
            }
            other => panic!("{file}: {other:?}"),
        };
        let imdb = Ids {
            imdb: Some("tt0113277".into()),
            ..Ids::default()
        };
        for file in [
            "/films/Heat (1995) {imdb-tt0113277}/Heat.mkv",
            "/films/Heat (1995)/Heat (1995) [imdbid-tt0113277].mkv",
            "/films/Heat (1995) [imdbid=tt0113277]/movie.mkv",
            "Heat (tt0113277).mkv",
        ] {
            assert_eq!(ids(file), imdb, "{file}");
        }
        let tvdb = Ids {
            tvdb: Some(334_824),
            ..Ids::default()
        };
        for file in [
            "/tv/Dark (2017) {tvdb-334824}/Season 01/Dark - S01E02.mkv",
            "/tv/Dark [tvdbid-334824]/Season 01/02 - Lies {tvdb-1}.mkv",
            "/tv/Dark {tvdb-334824}/Dark S01E02.mkv",
        ] {
            assert_eq!(ids(file), tvdb, "{file}");
        }
        for file in [
            "/films/Heat (1995) (tt0113277)/Heat.mkv",
            "/films/Heat.1995.1080p.BluRay.x264-GRP [tt0113277]/grp-heat.mkv",
            "/films/The Heat (1995) [imdbid-tt0113277]/heat.mkv",
        ] {
            assert_eq!(ids(file), imdb, "{file}");
        }
        // What lies in a film's or show's folder isn't all that film.
        for file in [
            "/films/Heat (1995) {tmdb-949}/Heat 2.mkv",
            "/films/Heat (1995) {tmdb-949}/Heat (1986).mkv",
            "/films/Heat (1995) {tmdb-949}/Collateral (2004).mkv",
            "/tv/One Piece (1999) {tmdb-37854}/One Piece 1071.mkv",
            "Dark S01E02 {tvdb-6307361}.mkv",
            "Heat (1995) {imdb-}.mkv",
            "Heat (1995) [1080p] (tt).mkv",
        ] {
            assert_eq!(ids(file), Ids::default(), "{file}");
        }
    }

    #[test]
    fn the_player_s_title_counts_where_the_path_says_less() {
        let told_by = |file: &str, title: &str| {
            things(Some(file), Some(title))
                .iter()
                .map(told)
                .collect::<Vec<_>>()
                .join(", ")
        };
        assert_eq!(
            told_by("https://cdn.example/a8f3/index.m3u8", "Dark S01E02"),
            "Dark 1x02"
        );
        assert_eq!(told_by("/x/Dark.S01E02.mkv", "Lies"), "Dark 1x02");
        assert_eq!(
            told_by("plugin://plugin.video.x/?id=5", "Heat (1995)"),
            "Heat 1995"
        );
        assert_eq!(told_by("/films/Heat (1995).mkv", "HEAT"), "Heat 1995");
        // A trailer and a day's programme stay what they are under any title.
        for file in [
            "/films/Trailers/Heat (1995).mkv",
            "/films/Heat (1995)/Heat (1995)-trailer.mkv",
            "/tv/heute-show/Season 2024/05.03.2024.mkv",
        ] {
            assert_eq!(told_by(file, "Heat (1995).mkv"), "", "{file}");
        }
        assert_eq!(told_by("/films/movie.mkv", "Heat (1995)"), "Heat 1995");
        assert_eq!(told_by("plugin://x/?id=5", "Heat (1995) - Trailer"), "");
        // Letters as macOS has them.
        assert_eq!(
            told_by("/films/Ame\u{301}lie (2001).mkv", ""),
            "Amélie 2001"
        );
        assert_eq!(told_by("/tv/Dark/Sa\u{308}song 2/02.mkv", ""), "Dark 2x02");
    }

    proptest! {
        #[test]
        fn any_name_is_read_without_panic(file in "(?s).{0,300}", title in proptest::option::of("(?s).{0,100}")) {
            let found = things(Some(&file), title.as_deref());
            prop_assert!(found.len() <= MOST_EPISODES);
            for thing in &found {
                let title = match thing {
                    Thing::Movie(movie) => &movie.title,
                    Thing::Episode(episode) => {
                        prop_assert!(episode.number.or(episode.number_abs).is_some());
                        &episode.show.title
                    }
                    other => return Err(TestCaseError::fail(format!("{other:?}"))),
                };
                prop_assert!(title.as_ref().is_some_and(|title| !title.trim().is_empty()));
            }
        }

        #[test]
        fn names_of_up_to_64_kb_end(part in "[ -~]{1,32}", scheme in "(zip://|https://|stack://)?", times in 1_usize..2_000) {
            let file = format!("{scheme}{}", part.repeat(times));
            let _ = things(Some(&file), Some(&file));
        }

        #[test]
        fn usual_names_are_read(title in "[A-Z][a-z]{3,9}( [A-Z][a-z]{3,9}){0,2}", season in 1_u32..20, number in 1_u32..30, year in 1950_u16..2026) {
            prop_assert_eq!(tells(&format!("/tv/{title}/{title} - S{season:02}E{number:02}.mkv")), format!("{title} {season}x{number:02}"));
            prop_assert_eq!(tells(&format!("/films/{title} ({year}).mkv")), format!("{title} {year}"));
        }
    }
}
