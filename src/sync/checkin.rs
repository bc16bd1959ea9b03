//! Check-ins: what is being watched where nobody scrobbles it.
//! Knows nothing of players.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::num::NonZeroI64;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::api;
use crate::cancel::Budget;
use crate::client::Core;
use crate::clock::parse_rfc3339;
use crate::error::{Error, Result, Status};
use crate::http::{Host, Method, Request, Retry};
use crate::outbox::{self, body};
use crate::scrobble::item::Item;
use crate::secret::Secret;

/// Where Trakt tells others of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
enum Network {
    Twitter,
    Mastodon,
    Tumblr,
}

/// Parameters of `checkin`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Params {
    /// A film or an episode.
    item: Item,
    /// What Trakt says with it; absent: the user's own text.
    #[serde(default)]
    message: Option<String>,
    /// Where Trakt tells others: `twitter`, `mastodon`, `tumblr`; absent: as the user has set it.
    #[serde(default)]
    sharing: Option<BTreeMap<Network, bool>>,
}

/// Reply of `checkin`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CheckedIn {
    /// The play's number.
    id: i64,
    /// When it began, RFC 3339.
    watched_at: Option<String>,
    /// The film as Trakt knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    movie: Option<Map<String, Value>>,
    /// The episode as Trakt knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    episode: Option<Map<String, Value>>,
    /// Its show.
    #[serde(skip_serializing_if = "Option::is_none")]
    show: Option<Map<String, Value>>,
}

/// Checks in.
///
/// # Errors
/// `conflict` with `expires_at` while something is being watched; `not_found` for what Trakt doesn't know;
/// `invalid_argument` for what can't be checked in to; those of a call.
pub fn check_in(core: &Arc<Core>, params: Params, budget: &Budget) -> Result<CheckedIn> {
    let things = params.item.things()?;
    let [thing] = things.as_slice() else {
        return Err(Error::argument("`item` must be one film or one episode"));
    };
    let unknown = || Error::new(Status::NotFound, "nothing at Trakt fits the item");
    let thing = outbox::known(core, thing, budget)?.ok_or_else(unknown)?;
    let sharing = params.sharing.as_ref().map(|to| json!(to));
    let body = body::checkin(&thing, params.message.as_deref(), sharing.as_ref())
        .ok_or_else(|| Error::argument("`item` must be one film or one episode"))?;
    let request = Request {
        body: Some(Secret::new(body.to_string())),
        ..Request::new(Host::Api, Method::Post, "/checkin").promptly()
    };
    let said = api::ask(core, &request, Retry::Once, budget)?;
    let answer: Value = serde_json::from_slice(&said.answer.body).unwrap_or_default();
    said.meaning.map_err(|mut error| {
        if error.status == Status::Conflict {
            error.message = "something is being watched already (409)".into();
        }
        error.expires_ms = answer["expires_at"]
            .as_str()
            .and_then(parse_rfc3339)
            .and_then(NonZeroI64::new);
        error
    })?;
    let id = answer["id"].as_i64().ok_or_else(|| {
        Error::new(Status::BadReply, "the answer is no check-in's").http_status(said.answer.status)
    })?;
    let part = |key: &str| answer[key].as_object().cloned();
    Ok(CheckedIn {
        id,
        watched_at: answer["watched_at"].as_str().map(str::to_owned),
        movie: part("movie"),
        episode: part("episode"),
        show: part("show"),
    })
}

/// Reply of `checkin.cancel`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Cancelled {
    /// Always true, also when nothing was being watched.
    cancelled: bool,
}

/// Ends what is being watched.
///
/// # Errors
/// Those of a call.
pub fn cancel(core: &Arc<Core>, budget: &Budget) -> Result<Cancelled> {
    let request = Request::new(Host::Api, Method::Delete, "/checkin");
    api::call(core, &request, Retry::Read, budget)?;
    Ok(Cancelled { cancelled: true })
}
