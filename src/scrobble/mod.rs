//! Scrobbling: from what a player does to what Trakt records.
//! Knows nothing of hosts.
//!
//! `event` is what hosts report, `item` what they play; `engine` decides, with `parts` and `rules`; `driver` wires it to
//! the world: `saved` are its sessions in the store, `live` what Trakt shows, `lookup` what Trakt knows.
#![forbid(unsafe_code)]

pub mod driver;
pub mod engine;
pub mod event;
pub mod item;
pub mod live;
pub mod lookup;
pub mod parts;
pub mod rules;
pub mod saved;
