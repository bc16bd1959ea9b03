//! What is half watched, as Trakt keeps it.
//! Knows nothing of how it came about.
#![forbid(unsafe_code)]

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api;
use crate::cancel::Budget;
use crate::client::Core;
use crate::error::{Error, Result, Status};
use crate::http::{Host, Method, Request, Retry};
use crate::outbox::deliver::is_last_page;

/// So many pages are read at most.
const MOST_PAGES: u32 = 100;

/// Which things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Kind {
    /// Films.
    Movies,
    /// Episodes.
    Episodes,
}

/// Parameters of `playback.list`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ListParams {
    /// Only films, or only episodes; absent: both.
    #[serde(default, rename = "type")]
    kind: Option<Kind>,
}

/// Reply of `playback.list`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ListReply {
    /// Trakt's own entries: `id`, `progress` in percent, `paused_at`, `type`, and `movie`, or `episode` and `show`.
    items: Vec<serde_json::Map<String, Value>>,
}

/// Everything half watched.
///
/// # Errors
/// Those of a call; `bad_reply` for what is no list.
pub fn list(core: &Arc<Core>, params: &ListParams, budget: &Budget) -> Result<ListReply> {
    let path = match params.kind {
        None => "/sync/playback",
        Some(Kind::Movies) => "/sync/playback/movies",
        Some(Kind::Episodes) => "/sync/playback/episodes",
    };
    let mut items = Vec::new();
    for page in 1..=MOST_PAGES {
        let request = Request {
            query: vec![
                ("page".into(), page.to_string()),
                ("limit".into(), "100".into()),
            ],
            ..Request::new(Host::Api, Method::Get, path)
        };
        let answer = api::call(core, &request, Retry::Read, budget)?;
        let some: Vec<serde_json::Map<String, Value>> = serde_json::from_slice(&answer.body)
            .map_err(|_| {
                Error::new(Status::BadReply, "the playbacks aren't a list of objects")
                    .http_status(answer.status)
            })?;
        let last = is_last_page(&answer, page, some.len());
        items.extend(some);
        if last {
            break;
        }
    }
    Ok(ListReply { items })
}

/// Parameters of `playback.remove`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RemoveParams {
    /// The entry's `id`.
    id: u64,
}

/// Reply of `playback.remove`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Removed {
    /// Always true: what isn't there is an error.
    removed: bool,
}

/// Forgets one.
///
/// # Errors
/// `not_found`; those of a call.
pub fn remove(core: &Arc<Core>, params: &RemoveParams, budget: &Budget) -> Result<Removed> {
    let path = format!("/sync/playback/{}", params.id);
    let request = Request::new(Host::Api, Method::Delete, path);
    api::call(core, &request, Retry::Once, budget)?;
    Ok(Removed { removed: true })
}
