//! The one registry behind `trakt_call`, `trakt_submit` and the named functions: a method's name, its typed parameters, the call into the core, its typed reply.
//! Knows nothing of threads.
#![forbid(unsafe_code)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::account::limits::LimitCheck;
use crate::account::permissions::PermissionCheck;
use crate::account::service::{self, AccountInfo, Extended, SettingsReply, Unlinked};
use crate::cancel::Budget;
use crate::client::{Core, random_id, short_hash};
use crate::config::Config;
use crate::error::{Error, Result, Status};
use crate::events::Event;
use crate::json;
use crate::link::authorize::{self, AuthorizeUrl};
use crate::link::device;
use crate::link::driver::{self, LoginSnapshot};
use crate::logs::Record;
use crate::matching;
use crate::outbox::entry::Kind as Mark;
use crate::outbox::{marks, methods as outbox};
use crate::qr;
use crate::request;
use crate::scrobble::driver as scrobbler;
use crate::scrobble::engine::Report;
use crate::scrobble::event::PlayerEvent;
use crate::scrobble::rules::{Options, OptionsChange};
use crate::sync::{checkin, playback};
use crate::worker::Lane;

/// How long a call that changes the store waits for it.
const STORE_TIME: Duration = Duration::from_secs(5);

type Run = Box<dyn FnOnce(&Arc<Core>, &Budget) -> Result<String> + Send>;

/// A method with its parameters read, ready to run.
pub struct Prepared {
    /// Needs no network: it runs on the caller's own thread, which then waits for nothing but what it was told to.
    pub offline: bool,
    /// Which threads it runs on when it needs one.
    pub lane: Lane,
    /// How long it may take, where that is not the configured total.
    time: Option<Duration>,
    /// Runs it; the reply's data.
    pub run: Run,
}

impl Prepared {
    /// How long it may take in all.
    pub fn total(&self, config: &Config) -> Duration {
        self.time.unwrap_or(config.timeouts.total)
    }
}

/// Where and how long a method runs.
struct Place {
    offline: bool,
    lane: Lane,
    time: Option<Duration>,
}

impl Place {
    /// On a worker, within the configured total.
    const NETWORK: Self = Self {
        offline: false,
        lane: Lane::Calls,
        time: None,
    };
    /// On the caller's thread, within the configured total; on a login thread when submitted.
    const LOGIN: Self = Self {
        offline: true,
        lane: Lane::Login,
        time: None,
    };
    /// On the caller's thread, within the configured total; when submitted it may wait long, so that it takes no
    /// thread from the login that it waits for.
    const WAIT: Self = Self {
        offline: true,
        lane: Lane::Calls,
        time: None,
    };
    /// On the caller's thread, with a glance at the store.
    const OFFLINE: Self = Self {
        offline: true,
        lane: Lane::Calls,
        time: Some(service::GLANCE),
    };
    /// On the caller's thread, with work in the store.
    const STORE: Self = Self {
        offline: true,
        lane: Lane::Calls,
        time: Some(STORE_TIME),
    };
}

macro_rules! methods {
    ($($(#[doc = $about:literal])+ $name:literal: $params:ty $([null: $($null:literal),+])? => $reply:ty, $place:expr, $run:expr;)*) => {
        /// The names of all methods, in the order of their names.
        const NAMES: &[(&str, &str)] = &[$(($name, concat!($($about),+)),)*];

        /// Finds a method and reads its parameters.
        ///
        /// # Errors
        /// `unknown_method`; as [`json::options`] for the parameters.
        pub fn prepare(name: &str, params: Option<&str>) -> Result<Prepared> {
            match name {
                $($name => {
                    let params: $params = json::options_or_null(params, &[$($($null),+)?])?;
                    let place: Place = $place;
                    let run: fn(&Arc<Core>, $params, &Budget) -> Result<$reply> = $run;
                    Ok(Prepared {
                        offline: place.offline,
                        lane: place.lane,
                        time: place.time,
                        run: Box::new(move |core, budget| json::write(&run(core, params, budget)?)),
                    })
                })*
                _ => Err(Error::new(Status::UnknownMethod, "there is no method of that name; `methods` lists them")),
            }
        }

        /// The JSON Schemas of parameters and reply of each method.
        #[cfg(test)]
        fn schemas() -> Vec<(&'static str, &'static str, &'static [&'static str], schemars::Schema, schemars::Schema)> {
            vec![$(($name, concat!($($about),+), &[$($($null),+)?], schemars::schema_for!($params), schemars::SchemaGenerator::from(schemars::generate::SchemaSettings::default().for_serialize()).into_root_schema_for::<$reply>()),)*]
        }
    };
}

methods! {
    /// The state of the account, without network.
    "account.get": NoParams => AccountInfo, Place::OFFLINE, |core, _, budget| {
        let view = core.state.sync(budget);
        Ok(service::info(core, &view))
    };
    /// Revokes the tokens, then forgets the account and everything personal. Takes at most 10 s.
    "account.unlink": NoParams => Unlinked, Place { offline: false, lane: Lane::Login, time: Some(Duration::from_secs(10)) }, |core, _, budget| {
        service::unlink(core, budget)
    };
    /// Finishes the authorization-code login with the URL that the browser was led back to, or with the bare code.
    "authorize.finish": FinishParams => AccountInfo, Place { offline: false, lane: Lane::Login, time: None }, |core, params, budget| {
        authorize::finish(core, &params.url, budget)
    };
    /// The URL that the user opens to link an account by authorization code.
    "authorize.url": UrlParams => AuthorizeUrl, Place::OFFLINE, |core, params, _| {
        authorize::url(core, params.signup, params.prompt.is_some())
    };
    /// Checks in to what is being watched elsewhere: Trakt counts it when its runtime is over.
    "checkin": checkin::Params => checkin::CheckedIn, Place::NETWORK, checkin::check_in;
    /// Ends what is being watched at Trakt.
    "checkin.cancel": NoParams => checkin::Cancelled, Place::NETWORK, |core, _, budget| checkin::cancel(core, budget);
    /// Adds to the collection; sent by the outbox.
    "collection.add": marks::ItemsParams => marks::Queued, Place::STORE, |core, params, budget| marks::add(core, Mark::CollectionAdd, &params, budget);
    /// Removes from the collection; sent by the outbox.
    "collection.remove": marks::ItemsParams => marks::Queued, Place::STORE, |core, params, budget| marks::add(core, Mark::CollectionRemove, &params, budget);
    /// Ends the device login at once.
    "device.cancel": NoParams => LoginSnapshot, Place::LOGIN, |core, _, budget| driver::cancel(core, budget);
    /// Advances the device login and returns its snapshot; waits at most `wait_ms` for it to change.
    "device.poll": WaitParams => LoginSnapshot, Place::WAIT, |core, params, budget| {
        driver::poll(core, params.wait(), budget)
    };
    /// Starts a device login.
    "device.start": StartParams => LoginSnapshot, Place::LOGIN, |core, params, budget| {
        let wait = Duration::from_millis(params.wait_ms.into());
        let replace = params.replace;
        driver::start(core, &params.into_options(), wait, replace, budget)
    };
    /// What happened since the last time; waits at most `wait_ms` for something.
    "events.next": WaitParams => EventsReply, Place::WAIT, |core, params, budget| next_events(core, params.wait(), budget);
    /// Marks as watched: films, episodes, seasons, whole shows; sent by the outbox, hundreds in few requests.
    "history.add": marks::HistoryParams => marks::Queued, Place::STORE, |core, params, budget| marks::add_history(core, &params, budget);
    /// Marks as not watched: all plays of these go; sent by the outbox.
    "history.remove": marks::ItemsParams => marks::Queued, Place::STORE, |core, params, budget| marks::add(core, Mark::HistoryRemove, &params, budget);
    /// Any other endpoint of the API.
    "http.request": request::Params => request::HttpReply, Place::NETWORK, request::run;
    /// Whether one more fits under a limit of the account, without network.
    "limit.check": LimitParams => LimitCheck, Place::OFFLINE, |core, params, budget| {
        service::check_limit(core, &params.limit, params.have, budget)
    };
    /// The log records since the last time.
    "log.next": NoParams => LogReply, Place::OFFLINE, |core, _, _| {
        let (records, lost) = core.ring.take();
        Ok(LogReply { records, lost })
    };
    /// Forgets what is remembered of an item: a correction, and what was found.
    "match.forget": matching::methods::ItemParams => matching::methods::ForgetReply, Place::OFFLINE, matching::methods::forget;
    /// What an item is taken for, and what its file name says; without network.
    "match.get": matching::methods::ItemParams => matching::methods::GetReply, Place::OFFLINE, matching::methods::get;
    /// What an item could be: Trakt's search.
    "match.search": matching::methods::SearchParams => matching::methods::SearchReply, Place::NETWORK, matching::methods::look;
    /// Corrects what an item is taken for, for good; refused entries of it are tried again.
    "match.set": matching::methods::SetParams => matching::methods::SetReply, Place::OFFLINE, matching::methods::set;
    /// What methods there are.
    "methods": NoParams => MethodsReply, Place::OFFLINE, |_, _, _| {
        Ok(MethodsReply { methods: NAMES.iter().map(|(name, about)| MethodInfo { name: (*name).into(), about: about.trim().into() }).collect() })
    };
    /// Throws entries of the outbox away, whether they wait or were refused. No network.
    "outbox.discard": outbox::IdsParams => outbox::Discarded, Place::STORE, |core, params, budget| outbox::discard(core, &params, budget);
    /// What waits to be sent to Trakt and what Trakt refused, page by page, and what keeps it from being sent. No network.
    "outbox.list": outbox::ListParams => outbox::ListReply, Place::STORE, |core, params, budget| outbox::list(core, &params, budget);
    /// Puts refused entries of the outbox back to where they wait, and has everything tried now. No network.
    "outbox.retry": outbox::IdsParams => outbox::Retried, Place::STORE, |core, params, budget| outbox::retry(core, &params, budget);
    /// Whether the account may do something, without network.
    "permission.check": PermissionParams => PermissionCheck, Place::OFFLINE, |core, params, budget| {
        service::check_permission(core, &params.permission, budget)
    };
    /// What is half watched, as Trakt has it: all of it, the newest first.
    "playback.list": playback::ListParams => playback::ListReply, Place::NETWORK, |core, params, budget| playback::list(core, &params, budget);
    /// Forgets where something was stopped.
    "playback.remove": playback::RemoveParams => playback::Removed, Place::NETWORK, |core, params, budget| playback::remove(core, &params, budget);
    /// Whether the options of this client leave items out that don't play, such as those that are marked watched by hand, and why. No network.
    "player.check": scrobbler::CheckParams => scrobbler::Checked, Place::OFFLINE, |core, params, _| scrobbler::check(core, &params);
    /// Tells what a player does: the library decides what Trakt is told, and tells it. Returns at once. No network.
    "player.event": PlayerEvent [null: "position_ms", "duration_ms"] => Report, Place::OFFLINE, |core, params, _| scrobbler::event(core, params);
    /// What plays, and what is made of it. No network.
    "player.get": NoParams => scrobbler::Sessions, Place::OFFLINE, |core, _, _| Ok(scrobbler::sessions(core));
    /// Sets how this client scrobbles, as long as it is open: what isn't given stays as it is. All options as they are then. No network.
    "player.options": OptionsChange => Options, Place::OFFLINE, |core, params, _| scrobbler::options(core, params);
    /// A text, such as a web address, as a QR code: its rows, and a PNG file in `dir`. No network.
    "qr.write": QrParams => QrReply, Place::OFFLINE, |_, params, _| write_qr(&params);
    /// Takes a rating back; sent by the outbox.
    "rating.remove": marks::ItemParams => marks::Queued, Place::STORE, |core, params, budget| marks::unrate(core, &params, budget);
    /// Rates from 1 to 10; sent by the outbox.
    "rating.set": marks::RatingParams => marks::Queued, Place::STORE, |core, params, budget| marks::rate(core, &params, budget);
    /// The user's settings, limits and permissions, from the store while they are young enough, otherwise from Trakt.
    "settings.get": SettingsParams => SettingsReply, Place::NETWORK, |core, params, budget| {
        service::get_settings(core, params.extended, params.max_age_ms, params.offline, budget)
    };
    /// Puts on the watchlist; sent by the outbox.
    "watchlist.add": marks::ItemsParams => marks::Queued, Place::STORE, |core, params, budget| marks::add(core, Mark::WatchlistAdd, &params, budget);
    /// Takes off the watchlist; sent by the outbox.
    "watchlist.remove": marks::ItemsParams => marks::Queued, Place::STORE, |core, params, budget| marks::add(core, Mark::WatchlistRemove, &params, budget);
}

/// No parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct NoParams {}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct FinishParams {
    /// The redirected URL, or a bare code.
    url: String,
}

/// What the sign-in page may be asked for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
enum Prompt {
    /// Ask for the password even if the browser is signed in.
    Login,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct UrlParams {
    /// Show the page for a new account first.
    #[serde(default)]
    signup: bool,
    /// `login`: ask for the password even if the browser is signed in.
    prompt: Option<Prompt>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct WaitParams {
    /// How long to wait for a change, in milliseconds; 0 doesn't wait.
    #[serde(default)]
    wait_ms: u32,
}

impl WaitParams {
    fn wait(&self) -> Duration {
        Duration::from_millis(self.wait_ms.into())
    }
}

const fn start_wait_ms() -> u32 {
    20_000
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct StartParams {
    /// How long to wait for the code, in milliseconds; 0 returns at once in state `starting`.
    #[serde(default = "start_wait_ms")]
    wait_ms: u32,
    /// A folder for QR pictures: each code gets a new PNG file there.
    qr_dir: Option<String>,
    /// Go on by itself; otherwise the login is driven by polls.
    #[serde(default)]
    background: bool,
    /// Ask for a new code when one expires, at most 5 times.
    #[serde(default)]
    renew: bool,
    /// Whether a login that runs may be replaced; by default this client's own may, another's may not.
    replace: Option<bool>,
}

impl StartParams {
    fn into_options(self) -> device::Options {
        device::Options {
            qr_dir: self.qr_dir,
            background: self.background,
            renew: self.renew,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct LimitParams {
    /// Its dotted name, such as `list.count`.
    limit: String,
    /// How many there are now.
    have: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct PermissionParams {
    /// Its name, such as `commenting`.
    permission: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct QrParams {
    /// The text; at most about 2,300 bytes.
    text: String,
    /// The folder for the PNG file; made if need be. The same text gets the same file, another text another one.
    dir: Option<String>,
}

const fn settings_max_age_ms() -> u64 {
    3_600_000
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct SettingsParams {
    /// `browsing`: with the browsing preferences.
    extended: Option<Extended>,
    /// Stored settings younger than this are good enough, in milliseconds; 0 asks Trakt.
    #[serde(default = "settings_max_age_ms")]
    max_age_ms: u64,
    /// Only what is stored.
    #[serde(default)]
    offline: bool,
}

/// Events.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct EventsReply {
    /// The events that nobody has taken yet, the oldest first.
    events: Vec<Event>,
}

/// Log records.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct LogReply {
    /// The records that nobody has taken yet, the oldest first.
    records: Vec<Record>,
    /// How many older ones were dropped.
    lost: u64,
}

/// One method.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct MethodInfo {
    /// Its name.
    name: String,
    /// What it does.
    about: String,
}

/// All methods.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct MethodsReply {
    /// In the order of their names.
    methods: Vec<MethodInfo>,
}

/// A QR code.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct QrReply {
    /// The modules, row by row from the top, `1` for dark and `0` for light, without a quiet zone.
    rows: Vec<String>,
    /// The PNG file: quiet zone 4, at least 400 px; null without `dir`. It stays until the host removes it.
    png_path: Option<String>,
}

/// An error inside a reply, for the schemas.
#[cfg(test)]
#[derive(schemars::JsonSchema)]
#[allow(dead_code, missing_docs)]
pub struct ErrorShape {
    code: String,
    message: String,
    retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upgrade_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
}

/// How often a waiting taker looks whether somebody else has changed the store.
const LOOK: Duration = Duration::from_millis(250);

fn next_events(core: &Arc<Core>, wait: Duration, budget: &Budget) -> Result<EventsReply> {
    let until = Instant::now() + wait;
    loop {
        let seen = core.events.signal.version();
        core.state.sync(&Budget::new(budget.cancel.clone(), LOOK));
        let events = core.events.take();
        if !events.is_empty() || Instant::now() >= until {
            return Ok(EventsReply { events });
        }
        core.events
            .signal
            .wait_past(seen, until.min(Instant::now() + LOOK), &budget.cancel)?;
    }
}

fn write_qr(params: &QrParams) -> Result<QrReply> {
    let rows = qr::rows(&params.text)?;
    let Some(dir) = &params.dir else {
        return Ok(QrReply {
            rows,
            png_path: None,
        });
    };
    // The name follows from the text: media centers cache pictures by name.
    let name = format!("libtrakt-qr-text-{}.png", short_hash(&params.text));
    let path = Path::new(dir).join(name);
    if !path.exists() {
        // Whole or not at all: a file that was cut off would be taken for good ever after.
        let new = path.with_extension(format!("{}.new", random_id()));
        qr::write(&new, &params.text)?;
        std::fs::rename(&new, &path).map_err(|_| {
            let _ = std::fs::remove_file(&new);
            Error::new(Status::Storage, "the folder for QR files can't be written")
        })?;
    }
    Ok(QrReply {
        rows,
        png_path: Some(path.to_string_lossy().into_owned()),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The schemas are documentation and what the tests of other languages check replies against.
    /// `LIBTRAKT_WRITE_SCHEMAS=1 cargo test --lib methods` writes them.
    #[test]
    fn the_committed_schemas_are_those_of_the_types() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/methods");
        let write = std::env::var_os("LIBTRAKT_WRITE_SCHEMAS").is_some();
        let mut expected = std::collections::BTreeSet::new();
        for (name, about, nullable, params, reply) in schemas() {
            let mut params = params.to_value();
            let kept: Vec<_> = nullable
                .iter()
                .map(|key| (key, params["properties"][key].clone()))
                .collect();
            without_null(&mut params);
            for (key, schema) in kept {
                params["properties"][key] = schema;
            }
            let schema = serde_json::json!({ "method": name, "about": about.trim(), "params": params, "reply": reply });
            let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
            let path = folder.join(format!("{name}.json"));
            if write {
                fs::write(&path, &text).unwrap();
            }
            assert_eq!(
                fs::read_to_string(&path).unwrap_or_default(),
                text,
                "{} is out of date",
                path.display()
            );
            expected.insert(format!("{name}.json"));
        }
        let found: std::collections::BTreeSet<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".json"))
            .collect();
        assert_eq!(found, expected);
    }

    /// An option may be left out, but never be null: what serde makes of `Option` says otherwise.
    fn without_null(schema: &mut serde_json::Value) {
        use serde_json::Value;
        match schema {
            Value::Object(object) => {
                if let Some(Value::Array(types)) = object.get_mut("type") {
                    types.retain(|name| name != "null");
                    if let [only] = types.as_slice() {
                        let only = only.clone();
                        object.insert("type".into(), only);
                    }
                }
                if let Some(Value::Array(any)) = object.get_mut("anyOf") {
                    any.retain(|one| one["type"] != "null");
                }
                object.values_mut().for_each(without_null);
            }
            Value::Array(values) => values.iter_mut().for_each(without_null),
            _ => {}
        }
    }

    #[test]
    fn every_listed_method_is_found_and_no_other() {
        for (name, about) in NAMES {
            let found = prepare(name, Some("{\"no_such_option\":1}"))
                .map(|_| ())
                .unwrap_err();
            assert_eq!(found.status, Status::UnknownOption, "{name}");
            assert!(about.trim().ends_with('.'), "{name}");
        }
        assert_eq!(
            prepare("no.such", None).map(|_| ()).unwrap_err().status,
            Status::UnknownMethod
        );
        let mut sorted: Vec<_> = NAMES.iter().map(|(name, _)| name).collect();
        sorted.sort();
        assert_eq!(
            sorted,
            NAMES.iter().map(|(name, _)| name).collect::<Vec<_>>()
        );
    }
}
