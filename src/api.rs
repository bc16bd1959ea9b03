//! A request to Trakt as the linked user: tokens before it, a 401 after it, and what the answer says of the account.
//! Knows nothing of what is asked.
#![forbid(unsafe_code)]

use std::sync::Arc;

use crate::cancel::Budget;
use crate::client::Core;
use crate::error::{Error, Result, Status};
use crate::http::{Answer, Request, Retry, TOO_LATE};
use crate::link::tokens;
use crate::state::{Pair, TroubleKind, View};

/// An answer of Trakt's with what it means: its body is there for those who need it, whatever the status.
pub struct Said {
    /// The answer.
    pub answer: Answer,
    /// What it means: an error for everything but 2xx.
    pub meaning: Result<()>,
}

/// Sends the request with the account's access token; after a 401 once more with a fresh one.
///
/// # Errors
/// Everything but an answer of 2xx, by its meaning.
pub fn call(core: &Arc<Core>, request: &Request, retry: Retry, budget: &Budget) -> Result<Answer> {
    let said = ask(core, request, retry, budget)?;
    said.meaning.map(|()| said.answer)
}

/// The same for who reads the bodies of refusals, too: 409 says until when, 420 how many.
///
/// # Errors
/// What kept Trakt from answering, and a 401 that stays.
pub fn ask(core: &Arc<Core>, request: &Request, retry: Retry, budget: &Budget) -> Result<Said> {
    ask_as(core, None, request, retry, budget)
}

/// What an error's `reason` says when another account was linked than the one that the request is for.
pub const RELINKED: &str = "relinked";

/// The same for what only one account may be told, by the name of its link.
///
/// # Errors
/// As [`ask`]; `not_linked` with the reason [`RELINKED`], before anything is sent for the other account.
pub fn ask_as(
    core: &Arc<Core>,
    link: Option<&str>,
    request: &Request,
    retry: Retry,
    budget: &Budget,
) -> Result<Said> {
    let outcome = attempt(core, link, request, retry, budget);
    match &outcome {
        Err(error) if matches!(error.reason.as_deref(), Some(RELINKED | TOO_LATE)) => {}
        Err(error) => note_failure(core, error),
        Ok(said) => match &said.meaning {
            Err(error) => note_failure(core, error),
            Ok(()) => note_success(core),
        },
    }
    outcome
}

fn attempt(
    core: &Arc<Core>,
    link: Option<&str>,
    request: &Request,
    retry: Retry,
    budget: &Budget,
) -> Result<Said> {
    let is_meant = |pair: &Pair| match link {
        Some(link) if link != pair.link_id => {
            let error = Error::new(Status::NotLinked, "another account is linked by now");
            Err(error.reason(RELINKED))
        }
        _ => Ok(()),
    };
    let mut pair = tokens::for_call(core, budget)?;
    is_meant(&pair)?;
    let mut request = request.clone();
    request.bearer = Some(pair.access.clone());
    let mut answer = core.http.send(&request, retry, budget)?;
    core.note_answer(&answer);
    if answer.status == 401 {
        pair = tokens::after_unauthorized(core, &pair, budget)?;
        is_meant(&pair)?;
        request.bearer = Some(pair.access.clone());
        answer = core.http.send(&request, retry, budget)?;
        core.note_answer(&answer);
    }
    let meaning = core.http.judge(&request, &answer);
    Ok(Said { answer, meaning })
}

/// What an answer says of the account as a whole stays until another answer says otherwise.
fn note_failure(core: &Core, error: &Error) {
    if matches!(error.status, Status::Cancelled | Status::Closed) {
        return;
    }
    let kind = match error.status {
        Status::AccountLocked => Some(TroubleKind::Locked),
        Status::Blocked => Some(TroubleKind::Blocked),
        _ => None,
    };
    if let Some(kind) = kind
        && core.state.cached().pair.is_some()
        && core.state.cached().trouble() != Some(kind)
        && core.state.cached().trouble() != Some(TroubleKind::RelinkNeeded)
    {
        let _ = core.state.commit(|view| {
            if view.pair.is_some() && view.trouble() != Some(TroubleKind::RelinkNeeded) {
                view.account.trouble = Some(tokens::trouble(core, kind, error.reason.as_deref()));
            }
            Ok(())
        });
    }
    core.note_error(error);
}

fn note_success(core: &Arc<Core>) {
    let is_passing = |view: &View| {
        view.account
            .trouble
            .as_ref()
            .is_some_and(tokens::is_passing)
    };
    if is_passing(&core.state.cached()) {
        let _ = core.state.commit(|view| {
            if is_passing(view) {
                view.account.trouble = None;
            }
            Ok(())
        });
    }
    core.clear_error();
    crate::outbox::answered(core);
}
