//! libtrakt: a Trakt client for media centers.
//!
//! The map of the house, from the top down:
//! [`error`], [`cancel`], [`clock`], [`json`] and [`secret`] are what everything stands on.

pub mod cancel;
pub mod clock;
pub mod config;
pub mod error;
pub mod json;
pub mod secret;
