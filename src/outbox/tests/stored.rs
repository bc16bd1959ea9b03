//! The documents: counts, keys, order, what is replaced and what is given up.

use std::time::Duration;

use proptest::prelude::*;

use super::super::entry::{Owner, Refused, RefusedReason};
use super::super::queue::{Place, Queue};
use super::super::{add_in, make_room};
use super::*;
use crate::cancel::{Budget, Cancel};
use crate::clock::Moment;
use crate::store::Store;

const SCOPE: &str = "https://auth.example.test app";

fn owner(name: &str) -> Owner {
    Owner {
        account: Some(name.into()),
        link_id: Some("link".into()),
    }
}

fn budget() -> Budget {
    Budget::new(Cancel::new(), Duration::from_secs(60))
}

struct Shelf {
    store: Store,
    owner: Owner,
    queue: Queue,
}

impl Shelf {
    fn new() -> Self {
        Self {
            store: Store::open(None, Duration::ZERO),
            owner: owner("one"),
            queue: Queue::of(SCOPE, &owner("one")).unwrap(),
        }
    }

    fn add(&self, new: NewEntry) -> Option<u64> {
        self.store
            .write(&budget(), |tx| add_in(tx, SCOPE, &self.owner, new))
            .unwrap()
    }

    fn ids(&self, place: Place) -> Vec<u64> {
        let scan = |tx: &crate::store::Tx<'_>| self.queue.scan(tx, place, 0, usize::MAX);
        let all = self.store.read(&budget(), scan).unwrap();
        all.iter().map(|entry| entry.id).collect()
    }

    fn find(&self, id: u64) -> Option<Entry> {
        self.store
            .read(&budget(), |tx| self.queue.find(tx, id))
            .unwrap()
    }

    /// The counts are what is really there.
    fn check(&self) {
        let counts = self
            .store
            .read(&budget(), |tx| self.queue.counts(tx))
            .unwrap();
        let waiting = self.ids(Place::Waiting);
        assert_eq!(counts.waiting, waiting.len() as u64);
        assert_eq!(counts.progress, self.ids(Place::Progress).len() as u64);
        let refused = self.ids(Place::Refused);
        assert_eq!(counts.refused, refused.len() as u64);
        let of = |ids: &[u64], wanted: &dyn Fn(&Entry) -> bool| {
            ids.iter()
                .filter(|id| wanted(&self.find(**id).unwrap()))
                .count() as u64
        };
        let is_removal = |it: &Entry| it.kind == Kind::HistoryRemove;
        assert_eq!(counts.removes, of(&waiting, &is_removal));
        let newest = waiting
            .iter()
            .rfind(|id| is_removal(&self.find(**id).unwrap()));
        assert!(newest.is_none_or(|newest| *newest <= counts.newest_remove));
        let locked =
            |it: &Entry| it.refused.as_ref().unwrap().reason == RefusedReason::AccountLocked;
        assert_eq!(counts.locked, of(&refused, &locked));
    }
}

fn refused(reason: RefusedReason) -> Refused {
    Refused {
        reason,
        error: None,
        at_ms: 0,
    }
}

#[test]
fn a_play_is_taken_once_also_after_trakt_has_it() {
    let shelf = Shelf::new();
    let play = || NewEntry {
        key: Some("account film start".into()),
        ..watched(Kind::Play, movie(1), 5)
    };
    let id = shelf.add(play()).unwrap();
    assert_eq!(shelf.add(play()), None);
    let entry = shelf.find(id).unwrap();
    shelf
        .store
        .write(&budget(), |tx| shelf.queue.done(tx, &entry))
        .unwrap();
    assert_eq!(shelf.add(play()), None);
    let other = NewEntry {
        key: Some("account film another start".into()),
        ..play()
    };
    assert!(shelf.add(other).unwrap() > id);
    shelf.check();
}

#[test]
fn a_newer_mark_replaces_the_one_that_waits_and_history_keeps_its_order() {
    let shelf = Shelf::new();
    let first = shelf.add(new(Kind::WatchlistAdd, movie(1))).unwrap();
    let second = shelf.add(new(Kind::WatchlistRemove, movie(1))).unwrap();
    assert_eq!(shelf.ids(Place::Waiting), [second]);
    assert!(second > first);
    let rated = shelf.add(new(Kind::RatingSet, movie(1))).unwrap();
    let add = || watched(Kind::HistoryAdd, movie(1), 60_000);
    let added = shelf.add(add()).unwrap();
    assert_eq!(shelf.add(add()), None, "the same play");
    let removed = shelf.add(new(Kind::HistoryRemove, movie(1))).unwrap();
    let again = shelf.add(add()).unwrap();
    assert_eq!(
        shelf.ids(Place::Waiting),
        [second, rated, added, removed, again]
    );
    assert_eq!(shelf.add(add()), None, "the removal is older");
    shelf.check();
}

#[test]
fn progress_is_the_newest_of_each_thing_and_gives_way() {
    let shelf = Shelf::new();
    let progress = |id: u64| new(Kind::Progress, movie(id));
    shelf.add(progress(1)).unwrap();
    let newer = shelf.add(progress(1)).unwrap();
    assert_eq!(shelf.ids(Place::Progress), [newer]);
    let play = shelf.add(watched(Kind::Play, movie(1), 5)).unwrap();
    assert!(
        shelf.ids(Place::Progress).is_empty(),
        "it was played to its end since"
    );
    for id in 2..=260 {
        shelf.add(progress(id)).unwrap();
    }
    assert_eq!(shelf.ids(Place::Progress).len(), 200);
    shelf.check();
    shelf
        .store
        .write(&budget(), |tx| make_room(tx, SCOPE, &shelf.owner))
        .unwrap();
    assert_eq!(shelf.ids(Place::Progress).len(), 180);
    assert_eq!(shelf.ids(Place::Waiting), [play]);
    shelf.check();
}

#[test]
fn an_account_sees_its_own_and_takes_over_what_its_link_made_before_it_was_known() {
    let shelf = Shelf::new();
    let nameless = Owner {
        account: None,
        link_id: Some("link".into()),
    };
    let early = shelf
        .store
        .write(&budget(), |tx| {
            add_in(tx, SCOPE, &nameless, new(Kind::WatchlistAdd, movie(1)))
        })
        .unwrap()
        .unwrap();
    let other = Queue::of(SCOPE, &owner("two")).unwrap();
    let own = shelf.add(new(Kind::WatchlistAdd, movie(2))).unwrap();
    let adopt = |queue: &Queue, of: &Owner| {
        shelf
            .store
            .write(&budget(), |tx| queue.adopt(tx, SCOPE, of))
            .unwrap()
    };
    let stranger = Owner {
        account: Some("two".into()),
        link_id: Some("another link".into()),
    };
    assert!(!adopt(&other, &stranger));
    assert!(adopt(&shelf.queue, &shelf.owner));
    assert!(!adopt(&shelf.queue, &shelf.owner));
    assert_eq!(shelf.ids(Place::Waiting), [early, own]);
    shelf.check();
    // It is replaced as if it had been there from the start.
    let newer = shelf.add(new(Kind::WatchlistRemove, movie(1))).unwrap();
    assert_eq!(shelf.ids(Place::Waiting), [own, newer]);
    assert_eq!(shelf.queue.who(), "one");
    assert!(Queue::of(SCOPE, &Owner::default()).is_none());
}

#[test]
fn what_isn_t_needed_any_more_isn_t_kept() {
    let shelf = Shelf::new();
    let file = item(json!({
        "type": "movie", "title": "Heat", "file": "/private/heat.mkv", "genres": ["a"], "tags": ["b"],
        "live": {"channel": "c"}, "start_ms": 1, "watched_at": "unknown",
    }));
    let id = shelf.add(new(Kind::HistoryAdd, file)).unwrap();
    let kept = shelf.find(id).unwrap().item;
    assert_eq!(kept, item(json!({"type": "movie", "title": "Heat"})));
    let named = item(json!({"type": "file", "file": "/films/Ronin (1998).mkv"}));
    let id = shelf.add(new(Kind::HistoryAdd, named)).unwrap();
    assert_eq!(shelf.find(id).unwrap().title(), "Ronin (1998)");
}

#[test]
fn a_moment_that_could_not_be_corrected_is_kept_by_both_clocks() {
    let shelf = Shelf::new();
    let mut play = watched(Kind::Play, movie(1), 5);
    play.ended = Some(Moment::now());
    let sure = shelf.add(play.clone()).unwrap();
    assert_eq!(shelf.find(sure).unwrap().uncorrected, None);
    let mut unsure = watched(Kind::Play, movie(2), 5);
    unsure.corrected = false;
    unsure.ended.clone_from(&play.ended);
    let unsure = shelf.add(unsure).unwrap();
    assert_eq!(shelf.find(unsure).unwrap().uncorrected, play.ended);
}

#[derive(Clone, Debug)]
enum Act {
    Add(Kind, u64),
    Done(usize),
    Refuse(usize, bool),
    Back(usize),
    Discard(usize),
    Room,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let kind = prop_oneof![
        Just(Kind::Play),
        Just(Kind::Progress),
        Just(Kind::HistoryAdd),
        Just(Kind::HistoryRemove),
        Just(Kind::RatingSet),
        Just(Kind::RatingRemove),
        Just(Kind::CollectionAdd),
    ];
    let act = prop_oneof![
        4 => (kind, 1u64..5).prop_map(|(kind, id)| Act::Add(kind, id)),
        1 => any::<usize>().prop_map(Act::Done),
        1 => (any::<usize>(), any::<bool>()).prop_map(|(at, locked)| Act::Refuse(at, locked)),
        1 => any::<usize>().prop_map(Act::Back),
        1 => any::<usize>().prop_map(Act::Discard),
        1 => Just(Act::Room),
    ];
    proptest::collection::vec(act, 1..60)
}

proptest! {
    #[test]
    fn counts_are_right_whatever_happens(acts in acts()) {
        let shelf = Shelf::new();
        let mut time = 0;
        for act in acts {
            let waiting = [shelf.ids(Place::Waiting), shelf.ids(Place::Progress)].concat();
            let apart = shelf.ids(Place::Refused);
            let pick = |ids: &[u64], at: usize| {
                ids.get(at % ids.len().max(1)).map(|id| shelf.find(*id).unwrap())
            };
            match act {
                Act::Add(kind, id) => {
                    time += 1;
                    shelf.add(watched(kind, movie(id), time));
                }
                Act::Done(at) => {
                    if let Some(it) = pick(&waiting, at) {
                        shelf.store.write(&budget(), |tx| shelf.queue.done(tx, &it)).unwrap();
                    }
                }
                Act::Refuse(at, locked) => {
                    if let Some(it) = pick(&waiting, at) {
                        let reason = if locked { RefusedReason::AccountLocked } else { RefusedReason::NotFound };
                        shelf.store.write(&budget(), |tx| shelf.queue.refuse(tx, &it, refused(reason))).unwrap();
                    }
                }
                Act::Back(at) => {
                    if let Some(it) = pick(&apart, at) {
                        shelf.store.write(&budget(), |tx| shelf.queue.put_back(tx, &it)).unwrap();
                    }
                }
                Act::Discard(at) => {
                    if let Some(it) = pick(&[waiting, apart].concat(), at) {
                        shelf.store.write(&budget(), |tx| shelf.queue.remove(tx, &it)).unwrap();
                    }
                }
                Act::Room => {
                    let plays = shelf.ids(Place::Waiting);
                    shelf.store.write(&budget(), |tx| make_room(tx, SCOPE, &shelf.owner)).unwrap();
                    prop_assert_eq!(shelf.ids(Place::Waiting), plays);
                }
            }
            shelf.check();
        }
    }
}
