//! What plays and how long it is, as Trakt knows it.
//! Knows nothing of sessions.
#![forbid(unsafe_code)]

use std::sync::Arc;

use super::engine::Looked;
use super::item::Thing;
use crate::cancel::Budget;
use crate::client::Core;
use crate::error::Result;
use crate::matching::{self, Resolution};

/// Finds out what a thing is at Trakt and, if asked for, how long. May ask Trakt.
///
/// # Errors
/// What kept it from being found out.
pub fn look(core: &Arc<Core>, thing: &Thing, runtime: bool, budget: &Budget) -> Result<Looked> {
    let (found, usual) = match matching::resolve(core, thing, budget)? {
        Resolution::Known { thing, runtime_ms } => (thing, runtime_ms),
        Resolution::Unmatched => return Ok(Looked::Unmatched),
    };
    let runtime_ms = match runtime {
        true => matching::runtime(core, &found, budget)?,
        false => usual,
    };
    Ok(Looked::Known {
        thing: found,
        runtime_ms,
    })
}
