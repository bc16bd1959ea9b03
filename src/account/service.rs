//! The linked account as hosts ask for it: its state, its settings from Trakt or from the store, what it may do, unlinking.
//! Knows nothing of how settings are read field by field.
#![forbid(unsafe_code)]

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::account::limits::{self, LimitCheck};
use crate::account::permissions::{self, PermissionCheck};
use crate::account::settings::{Account, Settings, User, UserRef, same_user};
use crate::account::{limits::Limits, permissions::Permissions, raw};
use crate::cancel::Budget;
use crate::client::Core;
use crate::clock::{self, Moment};
use crate::error::{Error, Result, Status};
use crate::http::{Answer, Host, Method, Request, Retry};
use crate::link::driver;
use crate::link::tokens;
use crate::scrobble::driver as scrobbler;
use crate::secret::Secret;
use crate::state::{StoredSettings, TroubleKind, View};
use crate::store::Condition;

/// Settings that haven't changed are written again only to keep their age right, and not more often than this.
const AGE_MS: i64 = 60 * 1_000;
/// How long a call that needs no network waits for the store.
pub const GLANCE: Duration = Duration::from_millis(250);

/// How the account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum AccountState {
    /// Nothing is linked.
    None,
    /// Linked, and nothing is in the way.
    Linked,
    /// The session at Trakt has ended: the user has to link again.
    RelinkNeeded,
    /// Trakt locked or deactivated the account.
    Locked,
    /// Cloudflare blocks requests.
    Blocked,
    /// Trakt refuses the key or the app.
    AppRefused,
}

/// The tokens, as far as a host may know.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TokenInfo {
    /// Until when the access token is good, RFC 3339; null when Trakt didn't say.
    pub expires_at: Option<String>,
    /// Whether it can be renewed.
    pub refreshable: bool,
}

/// What `trakt_account` says. Never a token.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AccountInfo {
    /// How the account is.
    pub state: AccountState,
    /// Whether calls can work.
    pub linked: bool,
    /// A stable word for why the state is what it is.
    pub reason: Option<String>,
    /// Since when it is linked, RFC 3339.
    pub since: Option<String>,
    /// Who it is; null until that was read.
    pub user: Option<UserRef>,
    /// The tokens, as far as a host may know; null without.
    pub token: Option<TokenInfo>,
    /// When Trakt answered last, RFC 3339.
    pub last_contact_at: Option<String>,
    /// The last thing that went wrong, until something goes right.
    #[cfg_attr(test, schemars(with = "Option<crate::methods::ErrorShape>"))]
    pub last_error: Option<Error>,
    /// Trakt's clock minus this machine's; null until it was learnt since the machine started.
    pub clock_skew_ms: Option<i64>,
    /// How the store is.
    pub store: Condition,
    /// Whether a device login is running.
    pub pending_login: bool,
}

/// What `trakt_account` says.
pub fn info(core: &Core, view: &View) -> AccountInfo {
    let state = match (view.trouble(), &view.pair) {
        (Some(TroubleKind::RelinkNeeded), _) => AccountState::RelinkNeeded,
        (_, None) => AccountState::None,
        (Some(TroubleKind::Locked), _) => AccountState::Locked,
        (Some(TroubleKind::Blocked), _) => AccountState::Blocked,
        (Some(TroubleKind::AppRefused), _) => AccountState::AppRefused,
        (None, Some(_)) => AccountState::Linked,
    };
    let (last_contact_ms, last_error) = core.contact();
    AccountInfo {
        state,
        linked: state != AccountState::Locked
            && view
                .pair
                .as_ref()
                .is_some_and(|pair| !pair.access_dead || pair.refresh.is_some()),
        reason: view
            .account
            .trouble
            .as_ref()
            .and_then(|trouble| trouble.reason.clone()),
        since: view.account.since_ms.map(clock::rfc3339),
        user: view.account.user.clone(),
        token: view.pair.as_ref().map(|pair| TokenInfo {
            expires_at: pair.expires_ms().map(clock::rfc3339),
            refreshable: pair.refresh.is_some(),
        }),
        last_contact_at: last_contact_ms.map(clock::rfc3339),
        last_error,
        clock_skew_ms: view.skew_ms(),
        store: core.store.condition(),
        pending_login: view
            .login
            .as_ref()
            .is_some_and(crate::link::device::Login::running),
    }
}

/// Which settings: plain ones, or with more in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Extended {
    /// With the user's browsing preferences.
    Browsing,
}

/// Where settings come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Source {
    /// From Trakt, just now.
    Network,
    /// From the store.
    Stored,
}

/// What `trakt_get_settings` says.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SettingsReply {
    /// Trakt's JSON, its own tokens in their own order.
    #[cfg_attr(test, schemars(with = "serde_json::Map<String, serde_json::Value>"))]
    pub settings: Box<RawValue>,
    /// Who it is, read for use.
    pub user: User,
    /// How the user wants to see things, read for use.
    pub account: Account,
    /// How much the account may have, read for use.
    pub limits: Limits,
    /// What the account may do, read for use.
    pub permissions: Permissions,
    /// When Trakt answered so, RFC 3339.
    pub fetched_at: String,
    /// Where this comes from.
    pub source: Source,
    /// Whether Trakt was asked for newer ones and couldn't answer.
    pub stale: bool,
    /// Why it couldn't.
    #[cfg_attr(test, schemars(with = "Option<crate::methods::ErrorShape>"))]
    pub error: Option<Error>,
}

fn stored(view: &View, extended: Option<Extended>) -> Option<&StoredSettings> {
    match extended {
        None => view.settings.as_ref(),
        Some(Extended::Browsing) => view.browsing.as_ref(),
    }
}

/// Settings that were just read, with what is kept of them.
pub struct Fetched {
    raw: Box<RawValue>,
    read: Settings,
    stored: StoredSettings,
}

impl Fetched {
    fn reply(self) -> SettingsReply {
        reply(self.raw, self.read, &self.stored, Source::Network, None)
    }
}

fn stored_reply(settings: &StoredSettings, error: Option<Error>) -> Result<SettingsReply> {
    let read = Settings::read(settings.raw.expose())?;
    let raw = RawValue::from_string(settings.raw.expose().to_owned())
        .map_err(|_| Error::internal("the stored settings can't be read"))?;
    Ok(reply(raw, read, settings, Source::Stored, error))
}

fn reply(
    raw: Box<RawValue>,
    read: Settings,
    settings: &StoredSettings,
    source: Source,
    error: Option<Error>,
) -> SettingsReply {
    SettingsReply {
        settings: raw,
        user: read.user,
        account: read.account,
        limits: read.limits,
        permissions: read.permissions,
        fetched_at: clock::rfc3339(settings.fetched.wall_ms),
        source,
        stale: error.is_some(),
        error,
    }
}

/// The settings, from the store while they are young enough, otherwise from Trakt.
///
/// # Errors
/// `not_linked`; with `max_age_ms` 0 whatever kept Trakt from answering, otherwise what isn't retryable or has no stored copy to fall back on.
pub fn get_settings(
    core: &Arc<Core>,
    extended: Option<Extended>,
    max_age_ms: u64,
    offline: bool,
    budget: &Budget,
) -> Result<SettingsReply> {
    let view = core.state.sync(budget);
    if view.pair.is_none() {
        return Err(tokens::not_linked(&view));
    }
    let kept = stored(&view, extended);
    if offline {
        let kept =
            kept.ok_or_else(|| Error::new(Status::NotFound, "no settings are stored yet"))?;
        return stored_reply(kept, None);
    }
    if let Some(kept) = kept {
        let age = age_ms(kept, &view);
        if age.is_some_and(|age| u64::try_from(age).is_ok_and(|age| age < max_age_ms))
            && let Ok(reply) = stored_reply(kept, None)
        {
            return Ok(reply);
        }
    }
    match fetch(core, extended, budget) {
        Ok(fetched) => Ok(fetched.reply()),
        Err(error) if max_age_ms == 0 || !error.retryable() => Err(error),
        Err(error) => match stored(&core.state.cached(), extended) {
            Some(kept) => stored_reply(kept, Some(error)),
            None => Err(error),
        },
    }
}

/// How old stored settings are; nothing if the clock says that they come from the future.
fn age_ms(settings: &StoredSettings, view: &View) -> Option<i64> {
    let now = Moment::now();
    let corrected = Moment {
        wall_ms: now.wall_ms.saturating_add(view.skew_ms().unwrap_or(0)),
        ..now
    };
    Some(corrected.since(&settings.fetched)).filter(|age| *age >= 0)
}

/// Asks Trakt, and stores what it says.
///
/// # Errors
/// Whatever kept Trakt from answering; `bad_reply` for an answer that names no user.
pub fn fetch(core: &Arc<Core>, extended: Option<Extended>, budget: &Budget) -> Result<Fetched> {
    let query = match extended {
        None => Vec::new(),
        Some(Extended::Browsing) => vec![("extended".into(), "browsing".into())],
    };
    let request = Request {
        query,
        ..Request::new(Host::Api, Method::Get, "/users/settings")
    };
    let before = core
        .state
        .cached()
        .pair
        .as_ref()
        .map(|pair| pair.link_id.clone());
    let outcome = crate::api::call(core, &request, Retry::Read, budget);
    if let Err(error) = &outcome
        && error.status == Status::Forbidden
    {
        tokens::note_app_refused(core, None)?;
    }
    let answer = outcome?;
    let (raw, read) = read_answer(&answer).inspect_err(|error| core.note_error(error))?;
    let user = read.user.short();
    let fetched = core.received(&answer);
    let fresh = StoredSettings {
        raw: Secret::new(raw.get()),
        fetched,
    };
    let view = core.state.cached();
    let known = stored(&view, extended).is_some_and(|kept| {
        kept.raw == fresh.raw
            && (0..AGE_MS).contains(&fresh.fetched.since(&kept.fetched))
            && view.account.user.as_ref() == Some(&user)
    });
    if !known {
        core.state.update(budget, |view| {
            // Linked anew meanwhile: this answer may be about somebody else.
            if view.pair.as_ref().map(|pair| &pair.link_id) != before.as_ref() {
                return Ok(());
            }
            if view
                .account
                .user
                .as_ref()
                .is_some_and(|old| !same_user(old, &user))
            {
                view.settings = None;
                view.browsing = None;
            }
            view.account.user = Some(user.clone());
            match extended {
                None => view.settings = Some(fresh.clone()),
                Some(Extended::Browsing) => view.browsing = Some(fresh.clone()),
            }
            Ok(())
        })?;
    }
    Ok(Fetched {
        raw,
        read,
        stored: fresh,
    })
}

/// Trakt's own text, and what it says.
fn read_answer(answer: &Answer) -> Result<(Box<RawValue>, Settings)> {
    let failed = |error: Error| error.http_status(answer.status);
    let raw = raw::compact(&answer.body).map_err(failed)?;
    let read = Settings::read(raw.get()).map_err(failed)?;
    Ok((raw, read))
}

/// The newest stored settings of either kind.
fn newest(view: &View) -> Option<Settings> {
    let newest = match (&view.settings, &view.browsing) {
        (Some(plain), Some(browsing)) if browsing.fetched.since(&plain.fetched) > 0 => browsing,
        (Some(plain), _) => plain,
        (None, Some(browsing)) => browsing,
        (None, None) => return None,
    };
    Settings::read(newest.raw.expose()).ok()
}

/// Whether one more fits under a limit.
///
/// # Errors
/// `invalid_argument` for a name that can be no limit.
pub fn check_limit(core: &Core, limit: &str, have: u64, budget: &Budget) -> Result<LimitCheck> {
    let settings = newest(&core.state.sync(budget));
    limits::check(
        settings.as_ref().map(|settings| &settings.limits),
        settings.as_ref().and_then(|settings| settings.user.vip),
        limit,
        have,
    )
}

/// Whether the account may do something.
///
/// # Errors
/// `invalid_argument` for a name that can be no permission.
pub fn check_permission(core: &Core, permission: &str, budget: &Budget) -> Result<PermissionCheck> {
    let settings = newest(&core.state.sync(budget));
    permissions::check(
        settings.as_ref().map(|settings| &settings.permissions),
        permission,
    )
}

/// What `trakt_unlink` says.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Unlinked {
    /// Whether Trakt has confirmed that the session is over.
    pub revoked: bool,
    /// Why it hasn't: a status name, or `not_linked`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Revokes, then forgets the account and everything personal.
///
/// # Errors
/// A store that can't be erased; `cancelled` and `closed`.
pub fn unlink(core: &Arc<Core>, budget: &Budget) -> Result<Unlinked> {
    driver::cancel(core, budget)?;
    scrobbler::settle_left(core);
    let (revoked, reason) = tokens::unlink(core, budget)?;
    core.forget_contact();
    scrobbler::account_changed(core);
    Ok(Unlinked { revoked, reason })
}
