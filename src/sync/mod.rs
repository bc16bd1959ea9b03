//! What can be asked of an account's records at Trakt, at once and without the outbox.
//! Knows nothing of players.
#![forbid(unsafe_code)]

pub mod checkin;
pub mod playback;
