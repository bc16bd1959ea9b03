//! What an entry is about, as text: the same for the same thing named in the same way.
//! Knows nothing of Trakt; that two texts differ doesn't prove that two things do.
#![forbid(unsafe_code)]

use crate::scrobble::item::{Ids, Movie, Show, Thing};

/// Names the thing.
pub fn of(thing: &Thing) -> String {
    match thing {
        Thing::Movie(Movie { title, year, ids }) => format!("movie {}", by(&ids.0, title, *year)),
        Thing::Show(it) => show(it),
        Thing::Season { show: it, number } => format!("{} season {number}", show(it)),
        Thing::Episode(episode) => match (episode.season, episode.number, episode.number_abs) {
            (Some(season), Some(number), _) if is_named(&episode.show) => {
                format!("{} episode {season} {number}", show(&episode.show))
            }
            (_, _, Some(number)) if is_named(&episode.show) => {
                format!("{} absolute {number}", show(&episode.show))
            }
            _ => format!("episode {}", by(&episode.ids.0, &episode.title, None)),
        },
        Thing::Named { file, title } => format!(
            "named {} {}",
            file.as_deref().unwrap_or_default(),
            title.as_deref().unwrap_or_default()
        ),
    }
}

/// Names the thing, or the show that it is a part of.
pub fn family(thing: &Thing) -> String {
    match thing {
        Thing::Show(it) | Thing::Season { show: it, .. } => show(it),
        Thing::Episode(episode) if is_named(&episode.show) => show(&episode.show),
        _ => of(thing),
    }
}

fn show(show: &Show) -> String {
    format!("show {}", by(&show.ids.0, &show.title, show.year))
}

fn is_named(show: &Show) -> bool {
    !show.ids.0.is_empty() || show.title.is_some()
}

/// The id that Trakt looks at first, else title and year.
fn by(ids: &Ids, title: &Option<String>, year: Option<u16>) -> String {
    if let Some(id) = ids.trakt {
        format!("trakt {id}")
    } else if let Some(id) = &ids.imdb {
        format!("imdb {id}")
    } else if let Some(id) = ids.tmdb {
        format!("tmdb {id}")
    } else if let Some(id) = ids.tvdb {
        format!("tvdb {id}")
    } else if let Some(id) = &ids.slug {
        format!("slug {id}")
    } else {
        let title = title.as_deref().unwrap_or_default();
        format!("{} {}", plain(title), year.unwrap_or(0))
    }
}

/// A title to be compared: small letters and digits alone.
pub fn plain(title: &str) -> String {
    title
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric())
        .collect()
}
