//! What is it at Trakt? Ids are taken as they are; titles and file names are looked for there, the answer is checked, and what
//! was found, or corrected by a person, is remembered. Knows nothing of players nor of what is sent.
//!
//! `paths` takes paths apart, `names` reads them, `titles` compares titles, `search` asks Trakt, `remembered` keeps what is
//! known, `resolve` puts them together, `methods` is what hosts call.
#![forbid(unsafe_code)]

pub mod methods;
pub mod names;
pub mod paths;
pub mod remembered;
pub mod resolve;
pub mod search;
pub mod titles;

pub use resolve::{Resolution, resolve, runtime};
