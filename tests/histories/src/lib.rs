//! Random histories of plays, faults, kills and restarts: does Trakt end up with every play, once, at its true time?
//!
//! `plan` makes a history from a seed, `run` carries it out with real processes (`world`: the simulated Trakt, `host`s
//! that load the release library) whose waiting `clock` skips, and `truth` says what Trakt must then know. Knows of the
//! library only what its C ABI promises.

pub mod clock;
pub mod host;
pub mod items;
pub mod plan;
pub mod random;
pub mod run;
pub mod truth;
pub mod world;
