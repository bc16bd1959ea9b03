//! What a client knows of its account: the store's documents, kept until somebody changes them, and the events that follow from a change.
//! Knows nothing of Trakt; what can't be written is kept in memory and written again later.
#![forbid(unsafe_code)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::account::settings::UserRef;
use crate::cancel::{Budget, Cancel, Signal, lock};
use crate::clock::{COUNTS_SUSPEND, Moment};
use crate::error::{Error, Result, Status};
use crate::events::{By, Events, Kind};
use crate::link::device::Login;
use crate::secret::Secret;
use crate::store::{Store, Tx};

/// A clock that is off by more than this is reported.
const CLOCK_WRONG_MS: i64 = 5 * 60 * 1000;
/// How long a write that must not be lost may wait for the store.
const PATIENT: Duration = Duration::from_secs(15);

/// What is personal beside the documents below: their scopes begin with the account's.
const PERSONAL: [&str; 3] = ["sessions", "counted", "matches"];

/// An access token with the refresh token that replaces it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// Names this pair; another one after each refresh.
    pub id: String,
    /// Names the link; stays over refreshes.
    pub link_id: String,
    /// Good for calls.
    pub access: Secret,
    /// Good for one refresh; gone when Trakt has refused it.
    pub refresh: Option<Secret>,
    /// What the pair was issued for: a refresh must send just that.
    pub redirect_uri: String,
    /// Seconds that the access token lives, as Trakt said.
    pub life_s: Option<i64>,
    /// When Trakt says that it was made, in Unix seconds; a cross-check only.
    pub created_at: Option<i64>,
    /// When it arrived; the wall clock in it is corrected by what was known of its skew then.
    pub received: Moment,
    /// Whether Trakt has answered 401 to the access token.
    pub access_dead: bool,
    /// Whether it was asked for because of a 401 to the one before.
    #[serde(default)]
    pub after_unauthorized: bool,
}

/// What keeps an account from working.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TroubleKind {
    /// The session has ended: the user has to link again.
    RelinkNeeded,
    /// Trakt locked or deactivated the account.
    Locked,
    /// Cloudflare blocks requests.
    Blocked,
    /// Trakt refuses the key or the app.
    AppRefused,
}

/// What keeps an account from working, and since when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trouble {
    /// What it is.
    pub kind: TroubleKind,
    /// A stable word for what exactly happened.
    pub reason: Option<String>,
    /// When it was noticed.
    pub at: Moment,
    /// Stands for the configuration that it was noticed with.
    pub config: String,
}

/// A refresh that failed for a passing reason, until one succeeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefreshFailure {
    /// The pair that it was for.
    pub pair_id: String,
    /// Stands for the configuration that it was tried with.
    pub config: String,
    /// When it failed.
    pub at: Moment,
    /// Why.
    pub error: Error,
}

/// How far the wall clock is off: Trakt's time is the wall clock plus `ms`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Skew {
    /// Milliseconds to add.
    pub ms: i64,
    /// The start of the machine in which it was learnt: the clock may be right again after the next.
    pub boot_id: String,
    /// When it was learnt; what the clock has jumped since then counts against it.
    #[serde(default)]
    pub at: Option<Moment>,
}

/// Two clocks that differ by so much less or more than before are as they were.
const JUMP_MS: i64 = 1_000;

impl Skew {
    /// As it was learnt at a moment.
    pub fn learnt(ms: i64, at: Moment) -> Self {
        Self {
            ms,
            boot_id: at.boot_id.clone(),
            at: Some(at),
        }
    }

    /// Milliseconds to add to what the wall clock shows at a moment; none in another start of the machine.
    fn at(&self, moment: &Moment) -> Option<i64> {
        if self.boot_id != moment.boot_id {
            return None;
        }
        let jumped = self.at.as_ref().map_or(0, |at| {
            let shown = moment.wall_ms.saturating_sub(at.wall_ms);
            shown.saturating_sub(moment.since(at))
        });
        let jumped =
            Some(jumped).filter(|ms| COUNTS_SUSPEND && ms.unsigned_abs() > JUMP_MS.unsigned_abs());
        Some(self.ms.saturating_sub(jumped.unwrap_or(0)))
    }
}

/// Everything about the account but its tokens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountDoc {
    /// Who it is, once that was read.
    pub user: Option<UserRef>,
    /// When it was linked, in milliseconds since 1970.
    pub since_ms: Option<i64>,
    /// What keeps it from working.
    pub trouble: Option<Trouble>,
    /// When Trakt answered last, in milliseconds since 1970.
    pub last_contact_ms: Option<i64>,
    /// The last thing that went wrong, until something goes right.
    pub last_error: Option<Error>,
    /// The last refresh, if it failed; what goes right beside it doesn't end it.
    pub refresh_failure: Option<RefreshFailure>,
    /// How far the wall clock is off.
    pub skew: Option<Skew>,
}

impl AccountDoc {
    fn skew_at(&self, moment: &Moment) -> Option<i64> {
        self.skew.as_ref().and_then(|skew| skew.at(moment))
    }
}

/// An answer of `/users/settings`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredSettings {
    /// Trakt's own text without white space between tokens.
    pub raw: Secret,
    /// When it arrived.
    pub fetched: Moment,
}

/// All documents of one account.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// The tokens.
    pub pair: Option<Pair>,
    /// Everything about the account but its tokens.
    pub account: AccountDoc,
    /// The device login that runs or ended last.
    pub login: Option<Login>,
    /// The settings as a plain request answers them.
    pub settings: Option<StoredSettings>,
    /// The settings with `extended=browsing`.
    pub browsing: Option<StoredSettings>,
}

const PAIR: &str = "pair";
const ACCOUNT: &str = "account";
const LOGIN: &str = "login";
const SETTINGS: &str = "settings";
const BROWSING: &str = "settings.browsing";

impl View {
    fn load(tx: &Tx<'_>, scope: &str) -> Result<Self> {
        Ok(Self {
            pair: tx.get(scope, PAIR)?,
            account: tx.get(scope, ACCOUNT)?.unwrap_or_default(),
            login: tx.get(scope, LOGIN)?,
            settings: tx.get(scope, SETTINGS)?,
            browsing: tx.get(scope, BROWSING)?,
        })
    }

    fn save(&self, before: &View, tx: &mut Tx<'_>, scope: &str) -> Result<()> {
        fn put<T: Serialize + PartialEq>(
            tx: &mut Tx<'_>,
            scope: &str,
            key: &str,
            before: Option<&T>,
            now: Option<&T>,
        ) -> Result<()> {
            match now {
                _ if now == before => Ok(()),
                Some(value) => tx.put(scope, key, value),
                None => tx.delete(scope, key),
            }
        }
        if before.pair != self.pair {
            // What was set aside for the tokens is used now.
            tx.release_reserve();
        }
        put(tx, scope, PAIR, before.pair.as_ref(), self.pair.as_ref())?;
        put(
            tx,
            scope,
            ACCOUNT,
            Some(&before.account),
            Some(&self.account),
        )?;
        put(tx, scope, LOGIN, before.login.as_ref(), self.login.as_ref())?;
        put(
            tx,
            scope,
            SETTINGS,
            before.settings.as_ref(),
            self.settings.as_ref(),
        )?;
        put(
            tx,
            scope,
            BROWSING,
            before.browsing.as_ref(),
            self.browsing.as_ref(),
        )
    }

    fn pair_id(&self) -> Option<String> {
        self.pair.as_ref().map(|pair| pair.id.clone())
    }

    /// The trouble's kind, if there is trouble.
    pub fn trouble(&self) -> Option<TroubleKind> {
        self.account.trouble.as_ref().map(|trouble| trouble.kind)
    }

    /// Milliseconds to add to the wall clock, as far as this start of the machine has learnt it.
    pub fn skew_ms(&self) -> Option<i64> {
        self.account.skew_at(&Moment::now())
    }

    /// The same for who has nothing but a transaction, and at another moment.
    ///
    /// # Errors
    /// As [`Tx::get`].
    pub fn skew_in(tx: &Tx<'_>, scope: &str, moment: &Moment) -> Result<Option<i64>> {
        let account: Option<AccountDoc> = tx.get(scope, ACCOUNT)?;
        Ok(account.and_then(|account| account.skew_at(moment)))
    }
}

/// Which documents are newer in memory than in the store, because writing them failed.
#[derive(Clone, Default)]
struct Unsaved {
    pair: bool,
    account: bool,
    login: bool,
    settings: bool,
    browsing: bool,
    /// The pair that the store had then: what came in its place meanwhile is newer than all of this but the login.
    over: Option<String>,
}

impl Unsaved {
    fn all(over: Option<String>) -> Self {
        Self {
            pair: true,
            account: true,
            login: true,
            settings: true,
            browsing: true,
            over,
        }
    }

    fn any(&self) -> bool {
        self.pair || self.account || self.login || self.settings || self.browsing
    }

    fn note(&mut self, before: &View, now: &View) {
        if !self.any() {
            self.over = before.pair_id();
        }
        self.pair |= before.pair != now.pair;
        self.account |= before.account != now.account;
        self.login |= before.login != now.login;
        self.settings |= before.settings != now.settings;
        self.browsing |= before.browsing != now.browsing;
    }

    /// Drops what doesn't count any more now that the store has this.
    fn compare(&mut self, stored: &View) {
        if self.over != stored.pair_id() {
            *self = Self {
                login: self.login,
                over: stored.pair_id(),
                ..Self::default()
            };
        }
    }

    fn apply(&self, memory: &View, view: &mut View) {
        if self.pair {
            view.pair.clone_from(&memory.pair);
        }
        if self.account {
            view.account = memory.account.clone();
        }
        if self.login {
            view.login.clone_from(&memory.login);
        }
        if self.settings {
            view.settings.clone_from(&memory.settings);
        }
        if self.browsing {
            view.browsing.clone_from(&memory.browsing);
        }
    }
}

struct Inner {
    view: Arc<View>,
    /// The store's generation that `view` was read at.
    generation: Option<u64>,
    unsaved: Unsaved,
    /// Counts changes of `unsaved`, so that a success clears only what it has written.
    unsaved_version: u64,
    condition: crate::store::Condition,
}

/// The account's documents of one client, in step with the store.
pub struct State {
    store: Arc<Store>,
    scope: String,
    inner: Mutex<Inner>,
    events: Arc<Events>,
    /// Changes with each change of a document.
    pub changed: Arc<Signal>,
}

impl State {
    /// Reads what the store has; a store that can't be read counts as empty until it can.
    pub fn open(store: Arc<Store>, scope: String, events: Arc<Events>, budget: &Budget) -> Self {
        let state = Self {
            inner: Mutex::new(Inner {
                view: Arc::default(),
                generation: None,
                unsaved: Unsaved::default(),
                unsaved_version: 0,
                condition: store.condition(),
            }),
            store,
            scope,
            events,
            changed: Arc::default(),
        };
        if let Ok((view, generation)) = state.store.read(budget, |tx| {
            Ok((View::load(tx, &state.scope)?, tx.generation()))
        }) {
            let mut inner = lock(&state.inner);
            inner.view = Arc::new(view);
            inner.generation = Some(generation);
        }
        state
    }

    /// The documents as they were read last, without looking at the store.
    pub fn cached(&self) -> Arc<View> {
        Arc::clone(&lock(&self.inner).view)
    }

    /// Whether anything could not be written yet.
    pub fn unsaved(&self) -> bool {
        lock(&self.inner).unsaved.any()
    }

    /// Whether the tokens could not be written yet.
    pub fn unsaved_pair(&self) -> bool {
        lock(&self.inner).unsaved.pair
    }

    /// The documents as they are now: read again if anybody changed the store; what could not be written before is written now.
    /// If the store can't be read within the budget, what was read last.
    pub fn sync(&self, budget: &Budget) -> Arc<View> {
        // Before the lock: a host's call waits for it, and must not wait for the disk.
        let generation = self.store.generation();
        let (stale, unsaved) = {
            let inner = lock(&self.inner);
            (inner.generation != Some(generation), inner.unsaved.any())
        };
        if unsaved {
            let _ = self.update(budget, |_| Ok(()));
        } else if stale {
            let read = self.store.read(budget, |tx| {
                let mut view = View::load(tx, &self.scope)?;
                self.overlay(&mut view);
                self.install(view, Some(tx.generation()), By::Other);
                Ok(())
            });
            if let Err(error) = read {
                log::debug!("the store could not be read: {error}");
            }
        }
        self.look_at_store();
        self.cached()
    }

    /// Puts what could not be written in the place of what the store has; returns how often that has changed.
    fn overlay(&self, view: &mut View) -> u64 {
        let mut inner = lock(&self.inner);
        inner.unsaved.compare(view);
        inner.unsaved.apply(&inner.view, view);
        inner.unsaved_version
    }

    /// Changes documents in one transaction. `change` may run twice. If the store can't be written the change is kept in memory,
    /// counts at once, and is written with the next change or call.
    ///
    /// # Errors
    /// What `change` says (then nothing has changed), or `cancelled` and `closed` by the budget.
    pub fn update<T>(&self, budget: &Budget, change: impl Fn(&mut View) -> Result<T>) -> Result<T> {
        let mut refused = false;
        let work = |tx: &mut Tx| {
            let stored = View::load(tx, &self.scope)?;
            let mut view = stored.clone();
            let unsaved_version = self.overlay(&mut view);
            self.install(view.clone(), Some(tx.generation()), By::Other);
            let out = change(&mut view).inspect_err(|_| refused = true)?;
            view.save(&stored, tx, &self.scope)?;
            Ok((out, view, unsaved_version))
        };
        // Nobody sees a change before it is on the disk, nor an older one after a newer.
        let then = |(out, mut view, unsaved_version), generation| {
            {
                let mut inner = lock(&self.inner);
                if inner.unsaved_version == unsaved_version {
                    inner.unsaved = Unsaved::default();
                } else {
                    inner.unsaved.apply(&inner.view, &mut view);
                }
            }
            self.install(view, Some(generation), By::Me);
            out
        };
        let result = match self.store.write_then(budget, work, then) {
            Ok(out) => Ok(out),
            Err(error) if refused || matches!(error.status, Status::Cancelled | Status::Closed) => {
                Err(error)
            }
            Err(error) => {
                log::warn!("a change could not be stored and is kept in memory: {error}");
                loop {
                    let before = self.cached();
                    let mut view = (*before).clone();
                    let out = change(&mut view);
                    if out.is_err() || self.keep(&before, view) {
                        break out;
                    }
                }
            }
        };
        self.look_at_store();
        result
    }

    /// As [`State::update`], for what must not be lost: waits for the store longer than any call and can't be cancelled.
    pub fn commit<T>(&self, change: impl Fn(&mut View) -> Result<T>) -> Result<T> {
        self.update(&Budget::new(Cancel::new(), PATIENT), change)
    }

    /// Keeps what could not be written; false if the documents have changed since `before`.
    fn keep(&self, before: &Arc<View>, view: View) -> bool {
        let now = Arc::new(view);
        {
            let mut inner = lock(&self.inner);
            if !Arc::ptr_eq(&inner.view, before) {
                return false;
            }
            inner.unsaved.note(before, &now);
            inner.unsaved_version += 1;
            inner.view = Arc::clone(&now);
        }
        self.tell(before, &now, By::Me);
        true
    }

    /// Puts new documents in the place of the old and tells what changed. `generation`: `None` leaves it as it is.
    fn install(&self, view: View, generation: Option<u64>, by: By) {
        let now = Arc::new(view);
        let before = {
            let mut inner = lock(&self.inner);
            if generation.is_some() {
                inner.generation = generation;
            }
            std::mem::replace(&mut inner.view, Arc::clone(&now))
        };
        self.tell(&before, &now, by);
    }

    fn tell(&self, before: &View, now: &View, by: By) {
        if before != now {
            for kind in changes(before, now) {
                self.events.push(kind, by);
            }
            self.changed.bump();
        }
    }

    /// Tells once when the store gets into trouble.
    fn look_at_store(&self) {
        let condition = self.store.condition();
        let changed = {
            let mut inner = lock(&self.inner);
            let changed = inner.condition != condition;
            inner.condition = condition;
            changed
        };
        if changed {
            self.events.push(Kind::StoreTrouble, By::Me);
        }
    }

    /// Erases everything of this account, in the store and in memory. A store that can't be written is erased with the next call.
    ///
    /// # Errors
    /// What kept the store from being erased.
    pub fn erase(&self, budget: &Budget) -> Result<()> {
        let mut scopes = vec![self.scope.clone()];
        scopes.extend(PERSONAL.map(|more| format!("{} {more}", self.scope)));
        let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
        let erased = self.store.erase(budget, &scopes);
        {
            let mut inner = lock(&self.inner);
            let over = if inner.unsaved.any() {
                inner.unsaved.over.take()
            } else {
                inner.view.pair_id()
            };
            inner.unsaved = if erased.is_err() {
                Unsaved::all(over)
            } else {
                Unsaved::default()
            };
            inner.unsaved_version += 1;
        }
        self.install(View::default(), None, By::Me);
        self.look_at_store();
        erased
    }
}

fn changes(before: &View, now: &View) -> Vec<Kind> {
    let mut kinds = Vec::new();
    let link = |view: &View| view.pair.as_ref().map(|pair| pair.link_id.clone());
    match (link(before), link(now)) {
        (old, Some(new)) if old.as_ref() != Some(&new) => kinds.push(Kind::AccountLinked),
        (Some(_), None) if now.trouble() != Some(TroubleKind::RelinkNeeded) => {
            kinds.push(Kind::AccountUnlinked)
        }
        (Some(_), Some(_))
            if before.pair.as_ref().map(|pair| &pair.id)
                != now.pair.as_ref().map(|pair| &pair.id) =>
        {
            kinds.push(Kind::TokenRefreshed);
        }
        _ => {}
    }
    let (old, new) = (before.trouble(), now.trouble());
    if new == Some(TroubleKind::RelinkNeeded) && old != new {
        kinds.push(Kind::AccountRelinkNeeded);
    }
    if new == Some(TroubleKind::Blocked) && old != new {
        kinds.push(Kind::ServiceBlocked);
    }
    if old == Some(TroubleKind::Blocked) && new != old {
        kinds.push(Kind::ServiceRestored);
    }
    if old != new || before.account.user != now.account.user {
        kinds.push(Kind::AccountChanged);
    }
    if before.login.as_ref().map(Login::visible) != now.login.as_ref().map(Login::visible) {
        kinds.push(Kind::LoginChanged);
    }
    let text =
        |settings: &Option<StoredSettings>| settings.as_ref().map(|stored| stored.raw.clone());
    let was_read = |view: &View| view.settings.is_some() || view.browsing.is_some();
    if was_read(now)
        && (text(&before.settings) != text(&now.settings)
            || text(&before.browsing) != text(&now.browsing))
    {
        kinds.push(Kind::SettingsChanged);
    }
    let wrong = |view: &View| view.skew_ms().is_some_and(|ms| ms.abs() > CLOCK_WRONG_MS);
    if wrong(now) && !wrong(before) {
        kinds.push(Kind::ClockWrong);
    }
    kinds
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_clock_that_jumps_doesn_t_take_what_is_known_of_it_along() {
        let at = |boot: &str, boot_ms: u64, wall_ms: i64| Moment {
            boot_id: boot.into(),
            boot_ms,
            wall_ms,
        };
        let skew = Skew::learnt(5_000, at("a", 1_000_000, 50_000_000));
        assert_eq!(skew.at(&at("a", 1_600_000, 50_600_000)), Some(5_000));
        assert_eq!(skew.at(&at("a", 400_000, 49_400_000)), Some(5_000));
        // A day ahead, ten minutes later, or five hours back.
        let day = if COUNTS_SUSPEND { 86_400_000 } else { 0 };
        assert_eq!(
            skew.at(&at("a", 1_600_000, 50_600_000 + day)),
            Some(5_000 - day)
        );
        let hours = if COUNTS_SUSPEND { 18_000_000 } else { 0 };
        assert_eq!(
            skew.at(&at("a", 1_600_000, 50_600_000 - hours)),
            Some(5_000 + hours)
        );
        // What two readings differ by is no jump.
        assert_eq!(skew.at(&at("a", 1_600_000, 50_600_700)), Some(5_000));
        assert_eq!(skew.at(&at("b", 1_600_000, 50_600_000)), None);
        let old: Skew = serde_json::from_str(r#"{"ms":7,"boot_id":"a"}"#).unwrap();
        assert_eq!(old.at(&at("a", 0, 0)), Some(7));
    }

    fn pair(id: &str) -> Pair {
        Pair {
            id: id.into(),
            link_id: "link".into(),
            access: Secret::new("a"),
            refresh: Some(Secret::new("r")),
            redirect_uri: "urn:ietf:wg:oauth:2.0:oob".into(),
            life_s: None,
            created_at: None,
            received: Moment::now(),
            access_dead: false,
            after_unauthorized: false,
        }
    }

    fn budget() -> Budget {
        Budget::new(Cancel::new(), PATIENT)
    }

    fn no_time() -> Budget {
        Budget::new(Cancel::new(), Duration::ZERO)
    }

    fn open(folder: &std::path::Path) -> State {
        let store = Arc::new(Store::open(Some(folder), PATIENT));
        State::open(store, "scope".into(), Arc::default(), &budget())
    }

    fn linked(id: &str) -> impl Fn(&mut View) -> Result<()> {
        move |view| {
            view.pair = Some(pair(id));
            Ok(())
        }
    }

    fn id(view: &View) -> Option<&str> {
        view.pair.as_ref().map(|pair| pair.id.as_str())
    }

    #[test]
    fn what_can_t_be_written_counts_at_once_and_is_written_later() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (open(folder.path()), open(folder.path()));
        one.commit(linked("first")).unwrap();
        two.commit(|_| one.update(&no_time(), linked("second")))
            .unwrap();
        assert_eq!(id(&one.cached()), Some("second"));
        assert_eq!(id(&two.sync(&budget())), Some("first"));
        assert!(one.unsaved_pair());
        one.sync(&budget());
        assert!(!one.unsaved());
        assert_eq!(id(&two.sync(&budget())), Some("second"));
    }

    #[test]
    fn of_two_changes_that_can_t_be_written_neither_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (open(folder.path()), open(folder.path()));
        one.commit(linked("first")).unwrap();
        let beside = Cell::new(true);
        let contact = |view: &mut View| {
            // Between what this change is made from and its end there is another one.
            if beside.take() {
                one.update(&no_time(), linked("second"))?;
            }
            view.account.last_contact_ms = Some(5);
            Ok(())
        };
        two.commit(|_| one.update(&no_time(), contact)).unwrap();
        for view in [one.cached(), one.sync(&budget()), two.sync(&budget())] {
            assert_eq!(id(&view), Some("second"));
            assert_eq!(view.account.last_contact_ms, Some(5));
        }
    }

    #[test]
    fn a_pair_that_came_meanwhile_is_never_overwritten_by_what_was_kept_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (open(folder.path()), open(folder.path()));
        one.commit(linked("first")).unwrap();
        let dead = |view: &mut View| {
            view.pair.as_mut().unwrap().access_dead = true;
            Ok(())
        };
        two.commit(|view| {
            one.update(&no_time(), dead)?;
            linked("second")(view)
        })
        .unwrap();
        assert!(one.cached().pair.as_ref().unwrap().access_dead);
        for view in [one.sync(&budget()), two.sync(&budget())] {
            assert_eq!(id(&view), Some("second"));
            assert!(!view.pair.as_ref().unwrap().access_dead);
        }
    }
}
