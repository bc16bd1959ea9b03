//! The life of a token pair: when it is refreshed, that only one refresh runs at a time, and what its answers mean.
//! Knows nothing of how the account was linked.
#![forbid(unsafe_code)]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::cancel::{Awaited, Budget, Cancel, lock};
use crate::client::Core;
use crate::clock::Moment;
use crate::config::Config;
use crate::error::{Error, Result, Status};
use crate::http::{self, Answer, Host, Method, Request};
use crate::link::token_reply::TokenReply;
use crate::secret::Secret;
use crate::state::{Pair, RefreshFailure, Trouble, TroubleKind, View};
use crate::store::FileLock;

/// Between processes and images: whoever holds it may spend the refresh token.
pub const REFRESH_LOCK: &str = "refresh.lock";
/// What an access token without `expires_in` is taken to live.
const LIFE_UNKNOWN_S: i64 = 86_400;
/// An early refresh that failed is tried again after this long.
const EARLY_AGAIN_MS: i64 = 5 * 60 * 1_000;
/// A refused app is asked again after this long, or when the configuration changes.
const REFUSED_AGAIN_MS: i64 = 24 * 3_600 * 1_000;
/// A 401 to a pair that an earlier 401 has brought is no reason for another refresh until the pair is so old.
const UNAUTHORIZED_AGAIN_MS: i64 = 60 * 1_000;
/// A call repeats the error of a refresh that failed less than this ago.
const SETTLE_MS: i64 = 1_000;
/// Why an app is refused: Trakt's word for it at the token endpoint, and any other refusal, which says nothing of the tokens.
const INVALID_CLIENT: &str = "invalid_client";
const FORBIDDEN: &str = "forbidden";
/// Longer than one refresh of somebody else can take.
const LOCK_PATIENCE: Duration = Duration::from_secs(20);

/// Why a refresh is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Half of the life is gone; the access token still works.
    Half,
    /// The life is over.
    RunOut,
    /// Trakt answered 401.
    Unauthorized,
}

/// What the moment says of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing to do.
    No,
    /// Refresh beside the next call.
    Half,
    /// Refresh before the next call.
    RunOut,
}

impl Pair {
    /// The access token's life in milliseconds.
    fn life_ms(&self) -> i64 {
        self.life_s
            .unwrap_or(LIFE_UNKNOWN_S)
            .max(1)
            .saturating_mul(1_000)
    }

    /// How long ago the pair arrived: by the machine's own clock; after a restart by the wall clock, corrected by its skew.
    /// Negative when a clock that is wrong says that it arrives in the future.
    fn age_ms(&self, now: &Moment, skew_ms: Option<i64>) -> i64 {
        let corrected = Moment {
            wall_ms: now.wall_ms.saturating_add(skew_ms.unwrap_or(0)),
            ..now.clone()
        };
        corrected.since(&self.received)
    }

    /// Whether it is time for a refresh, by age alone. A pair from the future counts as new: a 401 tells.
    pub fn due(&self, now: &Moment, skew_ms: Option<i64>) -> Due {
        let (age, life) = (self.age_ms(now, skew_ms), self.life_ms());
        if self.life_s.is_some() && age >= life {
            Due::RunOut
        } else if age >= life / 2 {
            Due::Half
        } else {
            Due::No
        }
    }

    /// When the access token runs out, in milliseconds since 1970 by Trakt's clock.
    pub fn expires_ms(&self) -> Option<i64> {
        self.life_s
            .map(|_| self.received.wall_ms.saturating_add(self.life_ms()))
    }
}

/// The same text for the same app and hosts: a refused app is asked again when it changes.
pub fn fingerprint(config: &Config) -> String {
    crate::client::short_hash(&format!(
        "{}\n{}\n{}\n{}",
        config.auth_url,
        config.client_id,
        config.client_secret.as_ref().map_or("", Secret::expose),
        config.user_agent
    ))
}

type Flight = Arc<Awaited<Result<()>>>;

/// The part of a client that looks after its tokens.
#[derive(Default)]
pub struct Tokens {
    /// The one refresh that runs in this client.
    flight: Mutex<Option<Flight>>,
    /// When a refresh for age succeeded last, by the machine's own clock.
    last_age: Mutex<Option<Moment>>,
    /// Held while a pair could not be written: nobody else may spend the refresh token that it replaced.
    held: Mutex<Option<FileLock>>,
}

/// What went wrong with the last refresh of this pair, if none has succeeded since.
fn failure<'a>(view: &'a View, pair: &Pair) -> Option<&'a RefreshFailure> {
    let failure = view.account.refresh_failure.as_ref();
    failure.filter(|failure| failure.pair_id == pair.id)
}

/// The same for one that is to be left alone: with this configuration it failed less than `pause_ms` ago, or Trakt has
/// asked for more time.
fn failed_lately(
    core: &Core,
    view: &View,
    pair: &Pair,
    now: &Moment,
    pause_ms: i64,
) -> Option<Error> {
    let failure =
        failure(view, pair).filter(|failure| failure.config == fingerprint(&core.config))?;
    let asked = failure
        .error
        .retry_after_ms
        .and_then(|ms| i64::try_from(ms).ok());
    let pause = pause_ms.max(asked.unwrap_or(0));
    let past = now.since(&failure.at);
    // A clock that went back is no reason to wait until it is right.
    let left = (0..pause).contains(&past).then_some(pause - past)?;
    let error = failure.error.clone();
    Some(error.retry_after_ms(u64::try_from(left).unwrap_or(0)))
}

/// Whether a refresh for age was so short a time ago that age is no reason for another: a clock that jumps to and fro
/// must not spend a refresh token at each jump.
fn refreshed_lately(core: &Core, view: &View, pair: &Pair, now: &Moment) -> bool {
    failure(view, pair).is_none()
        && lock(&core.tokens.last_age)
            .as_ref()
            .is_some_and(|last| now.since(last) < pair.life_ms() / 10)
}

#[derive(Serialize)]
struct RefreshBody<'a> {
    refresh_token: &'a str,
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
    redirect_uri: &'a str,
    grant_type: &'a str,
}

#[derive(Serialize)]
struct RevokeBody<'a> {
    token: &'a str,
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
}

/// Nothing is linked, or what was linked has ended.
pub fn not_linked(view: &View) -> Error {
    match &view.account.trouble {
        Some(trouble) if trouble.kind == TroubleKind::RelinkNeeded => Error::new(
            Status::NotLinked,
            "the session at Trakt has ended; the account has to be linked again",
        )
        .reason("relink_needed"),
        _ => Error::new(Status::NotLinked, "no account is linked"),
    }
}

fn app_refused() -> Error {
    Error::new(
        Status::Forbidden,
        "Trakt refuses this app's key; the account stays linked and is tried again later",
    )
    .reason(INVALID_CLIENT)
}

/// Whether Trakt has refused the app at the token endpoint, with this configuration and less than a day ago.
fn is_app_refused(core: &Core, view: &View, now: &Moment) -> bool {
    view.account.trouble.as_ref().is_some_and(|trouble| {
        trouble.kind == TroubleKind::AppRefused
            && trouble.reason.as_deref() == Some(INVALID_CLIENT)
            && trouble.config == fingerprint(&core.config)
            && (0..REFUSED_AGAIN_MS).contains(&now.since(&trouble.at))
    })
}

/// Whether a success elsewhere ends the trouble: all that isn't about the tokens themselves.
pub fn is_passing(trouble: &Trouble) -> bool {
    match trouble.kind {
        TroubleKind::Locked | TroubleKind::Blocked => true,
        TroubleKind::AppRefused => trouble.reason.as_deref() != Some(INVALID_CLIENT),
        TroubleKind::RelinkNeeded => false,
    }
}

/// The pair to use for a call. Refreshes it before, if its life is over, or starts a refresh beside the call, if half of it is gone.
///
/// # Errors
/// `not_linked`; `forbidden` while the app is refused; what went wrong with a refresh that had to come first.
pub fn for_call(core: &Arc<Core>, budget: &Budget) -> Result<Pair> {
    let view = core.state.sync(budget);
    release_when_saved(core);
    let Some(pair) = view.pair.clone() else {
        return Err(not_linked(&view));
    };
    if pair.access_dead {
        return refreshed(core, &view, &pair, Why::Unauthorized, budget);
    }
    let now = Moment::now();
    match pair.due(&now, view.skew_ms()) {
        Due::No => Ok(pair),
        // A pair that Trakt refuses to refresh is used up to its first 401.
        _ if pair.refresh.is_none() || refreshed_lately(core, &view, &pair, &now) => Ok(pair),
        Due::Half => {
            if !is_app_refused(core, &view, &now)
                && failed_lately(core, &view, &pair, &now, EARLY_AGAIN_MS).is_none()
                && let Err(error) = start(core, &pair.id, Why::Half)
            {
                log::debug!("the early refresh could not be started: {error}");
            }
            Ok(pair)
        }
        Due::RunOut => refreshed(core, &view, &pair, Why::RunOut, budget),
    }
}

/// What to do after Trakt answered 401 to `used`: another pair to repeat the call with.
///
/// # Errors
/// `not_linked` when no other pair can be had; what went wrong with the refresh.
pub fn after_unauthorized(core: &Arc<Core>, used: &Pair, budget: &Budget) -> Result<Pair> {
    let view = core.state.sync(budget);
    let Some(pair) = view.pair.clone() else {
        return Err(not_linked(&view));
    };
    if pair.id != used.id {
        return Ok(pair);
    }
    let age = pair.age_ms(&Moment::now(), view.skew_ms());
    if pair.after_unauthorized && (0..UNAUTHORIZED_AGAIN_MS).contains(&age) {
        return Err(Error::new(
            Status::NotLinked,
            "Trakt refuses the access token that it has just given; nothing is forgotten",
        )
        .http_status(401)
        .reason("unauthorized"));
    }
    core.state.update(budget, |view| {
        if let Some(pair) = view.pair.as_mut().filter(|pair| pair.id == used.id) {
            pair.access_dead = true;
            if pair.refresh.is_none() {
                end_session(view, "unauthorized", core);
            }
        }
        Ok(())
    })?;
    let view = core.state.cached();
    let Some(pair) = view.pair.clone() else {
        return Err(not_linked(&view));
    };
    if pair.id != used.id {
        return Ok(pair);
    }
    refreshed(core, &view, &pair, Why::Unauthorized, budget)
}

/// Refreshes and returns the pair that is there afterwards.
fn refreshed(
    core: &Arc<Core>,
    view: &View,
    pair: &Pair,
    why: Why,
    budget: &Budget,
) -> Result<Pair> {
    if pair.refresh.is_none() {
        return Err(not_linked(view));
    }
    let now = Moment::now();
    if is_app_refused(core, view, &now) {
        return Err(app_refused());
    }
    if let Some(error) = failed_lately(core, view, pair, &now, SETTLE_MS) {
        return Err(error);
    }
    let flight = start(core, &pair.id, why)?;
    flight.wait(budget)??;
    let view = core.state.sync(budget);
    match view.pair.clone() {
        Some(now) if now.id != pair.id => Ok(now),
        Some(now) if !now.access_dead && why != Why::Unauthorized => Ok(now),
        _ => Err(not_linked(&view)),
    }
}

/// Joins the refresh that runs, or starts one. It goes on when its caller is cancelled or the client is closed.
fn start(core: &Arc<Core>, pair_id: &str, why: Why) -> Result<Flight> {
    let mut current = lock(&core.tokens.flight);
    if let Some(flight) = current.as_ref() {
        return Ok(Arc::clone(flight));
    }
    let (core_too, pair_id) = (Arc::clone(core), pair_id.to_owned());
    let flight = core.workers.spend(move || {
        let _landing = Landing(&core_too);
        refresh_locked(&core_too, &pair_id, why)
            .inspect_err(|error| log::info!("refreshing the tokens failed: {error}"))
    })?;
    *current = Some(Arc::clone(&flight));
    Ok(flight)
}

/// No refresh runs any more, also if its thread panics.
struct Landing<'a>(&'a Core);

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        *lock(&self.0.tokens.flight) = None;
    }
}

/// Takes the lock between processes, looks whether somebody else has refreshed meanwhile, and refreshes.
fn refresh_locked(core: &Arc<Core>, pair_id: &str, why: Why) -> Result<()> {
    let budget = Budget::new(core.closing.clone(), LOCK_PATIENCE);
    let mut lock_held = take_lock(core, &budget)?;
    let outcome = refresh(core, pair_id, why, &budget);
    if core.state.unsaved_pair() {
        *lock(&core.tokens.held) = lock_held.take();
    }
    outcome
}

/// The lock between processes; `None` when this client holds it already.
fn take_lock(core: &Core, budget: &Budget) -> Result<Option<FileLock>> {
    if lock(&core.tokens.held).is_some() {
        return Ok(None);
    }
    core.store.lock(REFRESH_LOCK, budget).map(Some)
}

/// Gives the lock back that was kept because a pair could not be written.
fn release_when_saved(core: &Core) {
    if lock(&core.tokens.held).is_some() && !core.state.unsaved_pair() {
        *lock(&core.tokens.held) = None;
    }
}

/// One refresh, by whoever holds the lock.
fn refresh(core: &Arc<Core>, pair_id: &str, why: Why, budget: &Budget) -> Result<()> {
    let view = core.state.sync(budget);
    let Some(pair) = view.pair.clone() else {
        return Ok(());
    };
    let Some(refresh_token) = pair.refresh.clone() else {
        return Ok(());
    };
    if pair.id != pair_id {
        return Ok(());
    }
    if let Err(error) = core.store.reserve(budget) {
        budget.cancel.check()?;
        if why == Why::Half {
            return failed(core, &pair, error);
        }
        log::warn!("no space could be set aside for the new tokens: {error}");
    }
    budget.cancel.check()?;
    let body = crate::json::write(&RefreshBody {
        refresh_token: refresh_token.expose(),
        client_id: &core.config.client_id,
        client_secret: core.config.client_secret.as_ref().map(Secret::expose),
        redirect_uri: &pair.redirect_uri,
        grant_type: "refresh_token",
    })?;
    let answer = match core.http.spend(&oauth("/oauth/token", body)) {
        Ok(answer) => answer,
        Err(error) => return failed(core, &pair, error),
    };
    let outcome = settle(core, &pair, &refresh_token, why, &answer);
    // Not before the new pair is safe.
    core.note_answer(&answer);
    outcome
}

/// What the answer to a refresh means for the account, written down at once.
fn settle(
    core: &Arc<Core>,
    pair: &Pair,
    refresh_token: &Secret,
    why: Why,
    answer: &Answer,
) -> Result<()> {
    match read_token_answer(answer) {
        Ok(reply) => {
            let new = make_pair(
                &reply,
                &pair.link_id,
                &pair.redirect_uri,
                core.received(answer),
            );
            // A server that hands out no new refresh token keeps the old one good.
            let new = Pair {
                refresh: new.refresh.or_else(|| Some(refresh_token.clone())),
                after_unauthorized: why == Why::Unauthorized,
                ..new
            };
            if why != Why::Unauthorized {
                *lock(&core.tokens.last_age) = Some(Moment::now());
            }
            let kept = core.state.commit(|view| {
                let ours = view
                    .pair
                    .as_ref()
                    .is_some_and(|current| current.id == pair.id);
                if ours {
                    view.pair = Some(new.clone());
                    if !matches!(view.trouble(), Some(TroubleKind::Locked)) {
                        view.account.trouble = None;
                    }
                    view.account.last_error = None;
                    view.account.refresh_failure = None;
                }
                Ok(ours)
            })?;
            if !kept {
                // Unlinked meanwhile: what has just been given must not live on.
                let _ = core.http.spend(&revoke_request(core, &new.access)?);
            }
            log::info!("the tokens were refreshed");
            Ok(())
        }
        Err(error) if error.reason.as_deref() == Some("invalid_grant") => {
            core.state.commit(|view| {
                if view
                    .pair
                    .as_ref()
                    .is_some_and(|current| current.id == pair.id)
                {
                    refuse_refresh(view, core);
                }
                Ok(())
            })?;
            Ok(())
        }
        Err(error) if error.status == Status::Forbidden => {
            note_app_refused(core, error.reason.as_deref())?;
            failed(core, pair, error)
        }
        Err(error) => failed(core, pair, error),
    }
}

/// A refresh that failed for a passing reason: said, and tried again later.
fn failed(core: &Core, pair: &Pair, error: Error) -> Result<()> {
    let failure = RefreshFailure {
        pair_id: pair.id.clone(),
        config: fingerprint(&core.config),
        at: Moment::now(),
        error: error.clone(),
    };
    core.state.commit(|view| {
        if view.pair.as_ref().is_some_and(|now| now.id == pair.id) {
            view.account.refresh_failure = Some(failure.clone());
        }
        Ok(())
    })?;
    Err(error)
}

/// Trakt has refused the refresh token: the access token is used up to its first 401.
fn refuse_refresh(view: &mut View, core: &Core) {
    let dead = view.pair.as_mut().is_none_or(|pair| {
        pair.refresh = None;
        pair.access_dead
    });
    view.account.refresh_failure = None;
    view.account.trouble = Some(trouble(
        core,
        TroubleKind::RelinkNeeded,
        Some("invalid_grant"),
    ));
    if dead {
        view.pair = None;
    }
}

/// The access token is refused and there is nothing to refresh it with.
fn end_session(view: &mut View, reason: &str, core: &Core) {
    let reason = match &view.account.trouble {
        Some(trouble) if trouble.kind == TroubleKind::RelinkNeeded => trouble.reason.clone(),
        _ => Some(reason.to_owned()),
    };
    view.pair = None;
    view.account.trouble = Some(trouble(core, TroubleKind::RelinkNeeded, reason.as_deref()));
}

/// Trouble of the account as of now.
pub fn trouble(core: &Core, kind: TroubleKind, reason: Option<&str>) -> Trouble {
    Trouble {
        kind,
        reason: reason.map(str::to_owned),
        at: Moment::now(),
        config: fingerprint(&core.config),
    }
}

/// Trakt refuses the app: nothing is forgotten. `reason`: what the token endpoint said; none where another has refused.
///
/// # Errors
/// Those of the store's budget.
pub fn note_app_refused(core: &Core, reason: Option<&str>) -> Result<()> {
    let reason = reason.unwrap_or(FORBIDDEN);
    core.state.commit(|view| {
        // What the token endpoint has said stays until it says otherwise.
        let stays = view
            .account
            .trouble
            .as_ref()
            .is_some_and(|known| !is_passing(known) && reason == FORBIDDEN);
        if view.pair.is_some() && !stays && view.trouble() != Some(TroubleKind::RelinkNeeded) {
            view.account.trouble = Some(trouble(core, TroubleKind::AppRefused, Some(reason)));
        }
        Ok(())
    })
}

/// A POST to the OAuth host.
pub fn oauth(path: &str, body: String) -> Request {
    Request {
        body: Some(Secret::new(body)),
        ..Request::new(Host::Auth, Method::Post, path)
    }
}

/// Revokes an access token, and with it its session.
///
/// # Errors
/// `internal` only.
pub fn revoke_request(core: &Core, access: &Secret) -> Result<Request> {
    let body = crate::json::write(&RevokeBody {
        token: access.expose(),
        client_id: &core.config.client_id,
        client_secret: core.config.client_secret.as_ref().map(Secret::expose),
    })?;
    Ok(oauth("/oauth/revoke", body))
}

/// What the token endpoint says: a pair, or an error whose `reason` is `invalid_grant` or `invalid_client` where it is that.
///
/// # Errors
/// What the answer means.
pub fn read_token_answer(answer: &Answer) -> Result<TokenReply> {
    if (200..300).contains(&answer.status) {
        http::classify(answer)?;
        return TokenReply::read(&answer.body).map_err(|error| error.http_status(answer.status));
    }
    let said = http::oauth_error(answer).map(|oauth| oauth.error);
    let status = answer.status;
    match said.as_deref() {
        Some("invalid_grant") if matches!(status, 400 | 401) => {
            Err(Error::new(Status::NotLinked, "Trakt has ended the session")
                .http_status(status)
                .reason("invalid_grant"))
        }
        Some("invalid_client" | "unauthorized_client") => Err(app_refused().http_status(status)),
        _ => {
            match http::classify(answer) {
                // What means something at the API says nothing of tokens: those that end come with a word.
                Err(error)
                    if matches!(
                        error.status,
                        Status::NotLinked | Status::NotFound | Status::Conflict
                    ) =>
                {
                    Err(Error::new(
                        Status::BadReply,
                        format!("Trakt's token endpoint refuses without saying why ({status})"),
                    )
                    .http_status(status))
                }
                Err(error) => Err(error),
                Ok(()) => Err(Error::new(Status::BadReply, "Trakt's answer can't be read")
                    .http_status(status)),
            }
        }
    }
}

/// A pair from an answer. `received`: when it arrived, by a corrected clock.
pub fn make_pair(reply: &TokenReply, link_id: &str, redirect_uri: &str, received: Moment) -> Pair {
    if let Some(created) = reply.created_at
        && created.saturating_mul(1_000).abs_diff(received.wall_ms) > 3_600_000
    {
        log::warn!(
            "the tokens' created_at is more than an hour off this machine's clock; their age is counted from their receipt"
        );
    }
    Pair {
        id: crate::client::random_id(),
        link_id: link_id.to_owned(),
        access: reply.access_token.clone(),
        refresh: reply.refresh_token.clone(),
        redirect_uri: redirect_uri.to_owned(),
        life_s: reply.expires_in_s.filter(|&life| life > 0),
        created_at: reply.created_at,
        received,
        access_dead: false,
        after_unauthorized: false,
    }
}

/// What a new link leaves behind: the access token of the one that it replaced, to be revoked.
pub fn replace_pair(view: &mut View, pair: Pair) -> Option<Secret> {
    let old = view.pair.take().map(|old| old.access);
    let skew = view.account.skew.take();
    view.account = crate::state::AccountDoc {
        since_ms: Some(pair.received.wall_ms),
        skew,
        ..Default::default()
    };
    view.settings = None;
    view.browsing = None;
    view.pair = Some(pair);
    old
}

/// After a link: if the new pair is in memory only, nobody else may spend the old one's refresh token.
pub fn hold_if_unsaved(core: &Core) {
    // Tried in any case: should the disk turn read-only, the lock's file must be there for all to share.
    if let Ok(Some(taken)) = core.store.try_lock(REFRESH_LOCK)
        && core.state.unsaved_pair()
        && lock(&core.tokens.held).is_none()
    {
        *lock(&core.tokens.held) = Some(taken);
    }
}

/// Revokes the tokens and forgets the account, whatever Trakt says; `Ok(true)` if Trakt has confirmed.
/// The second value says why it hasn't.
pub fn unlink(core: &Arc<Core>, budget: &Budget) -> Result<(bool, Option<String>)> {
    // While the lock is held no refresh of anybody can bring the account back.
    let patience = Budget {
        cancel: budget.cancel.clone(),
        deadline: budget.deadline.min(Instant::now() + Duration::from_secs(4)),
    };
    let locked = take_lock(core, &patience).map(Arc::new);
    if let Err(error) = &locked {
        budget.cancel.check()?;
        log::warn!("another process is busy with the tokens: {error}");
    }
    let mut view = core.state.sync(budget);
    let mut outcome = match &view.pair {
        None => (false, Some("not_linked".to_owned())),
        Some(_) => (false, None),
    };
    if let Some(pair) = view.pair.clone()
        && locked.is_ok()
        && pair.refresh.is_some()
        && (pair.access_dead || pair.due(&Moment::now(), view.skew_ms()) == Due::RunOut)
    {
        // An expired access token can't be revoked; on a thread of its own, because what is spent is never torn down.
        let (core_too, still_locked) = (Arc::clone(core), locked.clone());
        let refreshing = core.workers.spend(move || {
            // Nobody else may spend the token, also when the caller has gone.
            let _still_locked = still_locked;
            let budget = Budget::new(core_too.closing.clone(), LOCK_PATIENCE);
            refresh(&core_too, &pair.id, Why::RunOut, &budget)
        })?;
        let patience = Budget {
            cancel: budget.cancel.clone(),
            deadline: budget.deadline.min(Instant::now() + Duration::from_secs(4)),
        };
        if let Err(error) | Ok(Err(error)) = refreshing.wait(&patience) {
            budget.cancel.check()?;
            log::info!("the expired token can't be renewed to be revoked: {error}");
        }
        view = core.state.sync(budget);
    }
    if let Some(pair) = &view.pair {
        let short = Budget {
            cancel: budget.cancel.clone(),
            deadline: budget.deadline.min(Instant::now() + Duration::from_secs(5)),
        };
        outcome = match core
            .http
            .exchange(&revoke_request(core, &pair.access)?, &short)
            .and_then(|answer| {
                core.note_answer(&answer);
                http::classify(&answer)
            }) {
            Ok(()) => (true, None),
            Err(error) => {
                budget.cancel.check()?;
                (false, Some(error.code().to_owned()))
            }
        };
    }
    let erased = core
        .state
        .erase(&Budget::new(Cancel::new(), Duration::from_secs(5)));
    *lock(&core.tokens.last_age) = None;
    *lock(&core.tokens.held) = None;
    drop(locked);
    erased?;
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pair(life_s: Option<i64>, received: Moment) -> Pair {
        Pair {
            id: "p".into(),
            link_id: "l".into(),
            access: Secret::new("a"),
            refresh: Some(Secret::new("r")),
            redirect_uri: "urn:ietf:wg:oauth:2.0:oob".into(),
            life_s,
            created_at: None,
            received,
            access_dead: false,
            after_unauthorized: false,
        }
    }

    fn moment(boot_id: &str, boot_ms: u64, wall_ms: i64) -> Moment {
        Moment {
            boot_id: boot_id.into(),
            boot_ms,
            wall_ms,
        }
    }

    #[test]
    fn half_and_run_out_for_each_lifetime() {
        for life in [7_200, 86_400, 604_800, 7_776_000] {
            let pair = pair(Some(life), moment("a", 0, 0));
            let at = |share: f64| moment("a", (life as f64 * 1_000.0 * share) as u64, 0);
            assert_eq!(pair.due(&at(0.49), None), Due::No);
            assert_eq!(pair.due(&at(0.5), None), Due::Half);
            assert_eq!(pair.due(&at(0.99), None), Due::Half);
            assert_eq!(pair.due(&at(1.0), None), Due::RunOut);
        }
    }

    #[test]
    fn the_wall_clock_counts_after_a_restart_and_is_corrected() {
        let week = 7 * 86_400_000;
        let pair = pair(Some(86_400), moment("a", 5, 1_000_000));
        // The wall clock is a week ahead, and that is known.
        assert_eq!(
            pair.due(&moment("b", 0, 1_000_000 + week), Some(-week)),
            Due::No
        );
        // A week behind: the pair would be from the future.
        assert_eq!(pair.due(&moment("b", 0, 1_000_000 - week), None), Due::No);
        // Within one start the wall clock says nothing.
        assert_eq!(pair.due(&moment("a", 10, 1_000_000 + week), None), Due::No);
    }

    proptest! {
        #[test]
        fn age_never_overflows(life in any::<Option<i64>>(), boot in any::<u64>(), wall in any::<i64>(), skew in any::<Option<i64>>(), same in any::<bool>()) {
            let pair = pair(life, moment("a", 7, 9));
            let _ = pair.due(&moment(if same { "a" } else { "b" }, boot, wall), skew);
            let _ = pair.expires_ms();
        }
    }
}
