//! The path or address that a player plays, and the title that it shows, on two lines: films and episodes with a title, or nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trakt::matching::names::things;
use trakt::scrobble::item::Thing;

fuzz_target!(|text: &str| {
    let (file, title) = match text.split_once('\n') {
        Some((file, title)) => (file, Some(title)),
        None => (text, None),
    };
    let found = things(Some(file), title);
    assert!(found.len() <= 12);
    for thing in &found {
        let title = match thing {
            Thing::Movie(movie) => &movie.title,
            Thing::Episode(episode) => {
                assert!(episode.number.or(episode.number_abs).is_some());
                &episode.show.title
            }
            other => panic!("{other:?}"),
        };
        assert!(title.as_ref().is_some_and(|title| !title.trim().is_empty()));
    }
});
