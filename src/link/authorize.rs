//! Drives the authorization-code login: one URL at a time, its state and verifier in memory, the code spent once.
//! The URL, PKCE and the reading of the redirect are in `code`.
#![forbid(unsafe_code)]

use std::sync::Arc;

use serde::Serialize;

use crate::account::service::{self, AccountInfo};
use crate::cancel::{Budget, lock};
use crate::client::{Core, random_id};
use crate::clock::Moment;
use crate::error::{Error, Result, Status};
use crate::http::Answer;
use crate::link::{code, driver, tokens};
use crate::secret::Secret;

/// What `trakt_authorize_url` says.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AuthorizeUrl {
    /// What the user opens.
    pub url: String,
    /// What the redirect will carry, so that a host can tell its own redirects.
    pub state: String,
    /// How long the URL is good for.
    pub expires_in_ms: u64,
}

#[derive(Serialize)]
struct ExchangeBody<'a> {
    code: &'a str,
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
    redirect_uri: &'a str,
    grant_type: &'a str,
    code_verifier: &'a str,
}

/// Makes a URL to open; one that was asked for before is no longer good.
///
/// # Errors
/// `internal` if the system has no randomness.
pub fn url(core: &Core, signup: bool, prompt_login: bool) -> Result<AuthorizeUrl> {
    let (mut state, mut verifier) = ([0; 32], [0; 32]);
    getrandom::fill(&mut state)
        .and_then(|()| getrandom::fill(&mut verifier))
        .map_err(|_| Error::internal("the system gives no random numbers"))?;
    let now = Moment::now();
    let pending = code::Pending::new(&state, &verifier, &now);
    let prompt = prompt_login.then_some("login");
    let url = code::authorize_url(
        &core.config.auth_url,
        &core.config.client_id,
        &core.config.redirect_uri,
        &pending,
        signup,
        prompt,
    );
    let reply = AuthorizeUrl {
        url,
        state: pending.state.expose().to_owned(),
        expires_in_ms: pending.expires_in_ms(&now),
    };
    *lock(&core.code) = Some(pending);
    Ok(reply)
}

/// Exchanges the code of a redirected URL for tokens. The exchange goes on when its caller is cancelled.
///
/// # Errors
/// `wrong_state` when no URL was asked for; as [`code::read_redirect`]; what Trakt says to the code.
pub fn finish(core: &Arc<Core>, redirected: &str, budget: &Budget) -> Result<AccountInfo> {
    let (code, verifier) = {
        let mut slot = lock(&core.code);
        let Some(pending) = slot.as_ref() else {
            return Err(Error::new(
                Status::WrongState,
                "no authorize URL was asked for before",
            ));
        };
        let read = code::read_redirect(
            redirected,
            &core.config.redirect_uri,
            pending,
            &Moment::now(),
        );
        let verifier = pending.verifier.clone();
        // A text that isn't ours at all leaves the login as it is; anything that carried our state was its one chance.
        if !matches!(&read, Err(error) if matches!(error.status, Status::InvalidArgument | Status::StateMismatch))
        {
            *slot = None;
        }
        (read?, verifier)
    };
    let core_too = Arc::clone(core);
    core.workers
        .spend(move || exchange(&core_too, &code, &verifier))?
        .wait(budget)??;
    if let Err(error) = service::fetch(core, None, budget) {
        budget.cancel.check()?;
        log::info!("the account can't be read yet: {error}");
    }
    Ok(service::info(core, &core.state.cached()))
}

fn exchange(core: &Arc<Core>, code: &Secret, verifier: &Secret) -> Result<()> {
    let budget = Budget::new(core.closing.clone(), core.config.timeouts.total);
    if let Err(error) = core.store.reserve(&budget) {
        core.closing.check()?;
        if core
            .state
            .cached()
            .pair
            .as_ref()
            .is_some_and(|pair| !pair.access_dead)
        {
            return Err(error);
        }
        log::warn!("no space could be set aside for the tokens: {error}");
    }
    let redirect_uri = core.config.redirect_uri.clone();
    let body = crate::json::write(&ExchangeBody {
        code: code.expose(),
        client_id: &core.config.client_id,
        client_secret: core.config.client_secret.as_ref().map(Secret::expose),
        redirect_uri: &redirect_uri,
        grant_type: "authorization_code",
        code_verifier: verifier.expose(),
    })?;
    let answer = core
        .http
        .spend(&tokens::oauth("/oauth/token", body))
        .inspect_err(|error| core.note_error(error))?;
    let outcome = settle(core, &answer, &redirect_uri);
    // Not before the tokens are safe.
    core.note_answer(&answer);
    outcome
}

/// Stores the tokens that an answer brings.
fn settle(core: &Arc<Core>, answer: &Answer, redirect_uri: &str) -> Result<()> {
    let reply =
        tokens::read_token_answer(answer).map_err(|error| match error.reason.as_deref() {
            Some("invalid_grant") => Error {
                status: Status::CodeInvalid,
                message: "Trakt refuses the code; ask for a new URL".into(),
                reason: None,
                ..error
            },
            _ => error,
        })?;
    let pair = tokens::make_pair(&reply, &random_id(), redirect_uri, core.received(answer));
    let old = core
        .state
        .commit(|view| Ok(tokens::replace_pair(view, pair.clone())))?;
    tokens::hold_if_unsaved(core);
    if let Some(old) = old {
        driver::revoke_beside(core, old);
    }
    Ok(())
}
