//! libtrakt: a Trakt client for media centers.
//!
//! The map of the house, from the top down; each part uses only what stands below it:
//!
//! * [`capi`] is the C boundary, the only `unsafe`; hosts in other languages see nothing else.
//! * [`client`] is a client with its calls; [`methods`] the registry of what can be called, [`request`] any endpoint without
//!   a method of its own, [`api`] a request to Trakt as the linked user.
//! * [`link`] is how an account gets linked and stays linked; [`account`] what it is and may do.
//! * [`matching`] finds out what an item is at Trakt.
//! * [`scrobble`] turns what a player does into what Trakt records; [`outbox`] keeps what Trakt has to be told until it knows;
//!   [`sync`] is what else can be asked of the account's records.
//! * [`state`] is what a client knows of its account, in step with the [`store`], one SQLite file, and the [`events`] that follow.
//! * [`http`] is the one door to Trakt, [`pace`] the write rate that all clients share, [`worker`] the threads.
//! * [`reply`], [`config`], [`json`], [`logs`], [`clock`], [`cancel`], [`secret`], [`qr`] and [`error`] are what everything
//!   stands on.

pub mod account;
pub mod api;
pub mod cancel;
pub mod capi;
pub mod client;
pub mod clock;
pub mod config;
pub mod error;
pub mod events;
pub mod http;
pub mod json;
pub mod link;
pub mod logs;
pub mod matching;
pub mod methods;
pub mod outbox;
pub mod pace;
pub mod qr;
pub mod reply;
pub mod request;
pub mod scrobble;
pub mod secret;
pub mod state;
pub mod store;
pub mod sync;
pub mod worker;
