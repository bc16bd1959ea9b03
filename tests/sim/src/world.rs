//! The state of the simulated service, all of it, behind one lock.
//! What is done with it is told by `oauth`, `api`, `pages` and `control`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::watch;

use crate::catalogue::Catalogue;
use crate::clock::Clock;
use crate::config::Config;
use crate::faults::Faults;
use crate::grants::Grants;
use crate::ids::Ids;
use crate::log::Log;
use crate::records::{FIRST_PLAY_ID, Records};
use crate::settings::Settings;
use crate::wanted::{Depth, Selection};

/// The redirect_uri of device logins.
pub const OOB: &str = "urn:ietf:wg:oauth:2.0:oob";

/// A registered app.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its public id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Its registered redirect addresses.
    pub redirect_uris: Vec<String>,
    /// Its name on the activation page.
    pub name: String,
}

/// The one user of the service.
#[derive(Debug, Clone)]
pub struct Account {
    /// The name to sign in with.
    pub username: String,
    /// The name to show.
    pub name: String,
    /// The name in addresses.
    pub slug: String,
    /// The id that never changes.
    pub uuid: String,
    /// The address of their picture.
    pub avatar: String,
    /// Pays for the service.
    pub vip: bool,
    /// Locked by the service: 423.
    pub locked: bool,
    /// Deactivated by the user: 423.
    pub deactivated: bool,
    /// The service refuses the app: 403, `invalid_client`.
    pub app_refused: bool,
}

impl Account {
    fn new(vip: bool, urls: &Urls) -> Self {
        Self {
            username: "simulated".into(),
            name: "Simulated User".into(),
            slug: "simulated".into(),
            uuid: "5f2b6c1e9a0d47338c61f4be2d907a85c3e4f016".into(),
            avatar: format!("{}{}?r=pg&s=256", urls.auth, crate::pages::AVATAR),
            vip,
            locked: false,
            deactivated: false,
            app_refused: false,
        }
    }
}

/// A window of the read limit.
#[derive(Debug, Clone, Copy, Default)]
pub struct Window {
    /// Simulated moment when it began.
    pub since_ms: i64,
    /// Requests in it.
    pub used: i64,
}

/// Where the three servers listen.
#[derive(Debug, Clone, Default)]
pub struct Urls {
    /// OAuth and pages.
    pub auth: String,
    /// The API.
    pub api: String,
    /// The control API.
    pub control: String,
}

/// Everything the service knows.
#[derive(Debug)]
pub struct World {
    /// Where the servers listen.
    pub urls: Urls,
    /// Its choices.
    pub config: Config,
    /// Its clock.
    pub clock: Clock,
    /// Its user.
    pub account: Account,
    /// Its apps; the first one is announced at the start.
    pub clients: Vec<Client>,
    /// What was handed out.
    pub grants: Grants,
    /// What `/users/settings` answers.
    pub settings: Settings,
    catalogue: Catalogue,
    /// What each account has written down, by its uuid.
    records: BTreeMap<String, Records>,
    new_account: Records,
    /// Counts ids of list and history entries.
    pub last_item: i64,
    /// Simulated moment of the user's last write.
    pub last_write_ms: Option<i64>,
    /// Reads of the user.
    pub user_reads: Window,
    /// Reads without a user.
    pub client_reads: Window,
    /// Faults to inject.
    pub faults: Faults,
    /// What happened.
    pub log: Log,
    /// Connections accepted so far.
    pub connections: u64,
    /// Source of ids.
    pub ids: Ids,
    vip_at_start: bool,
}

impl World {
    /// A fresh service with one app.
    pub fn new(urls: Urls, vip: bool, seed: Option<u64>) -> Self {
        let mut ids = Ids::new(seed);
        let client = Client {
            client_id: ids.next(),
            client_secret: ids.next(),
            redirect_uris: vec!["https://example.com/callback".into()],
            name: "libtrakt test app".into(),
        };
        Self {
            account: Account::new(vip, &urls),
            urls,
            config: Config::default(),
            clock: Clock::new(),
            clients: vec![client],
            grants: Grants::default(),
            settings: Settings::default(),
            catalogue: Catalogue::default(),
            records: BTreeMap::new(),
            new_account: Records::generated(),
            last_item: 0,
            last_write_ms: None,
            user_reads: Window::default(),
            client_reads: Window::default(),
            faults: Faults::default(),
            log: Log::default(),
            connections: 0,
            ids,
            vip_at_start: vip,
        }
    }

    /// Back to the start; addresses, the announced app and the count of requests stay.
    pub fn reset(&mut self) {
        self.configure(Config::default());
        self.clock.advanced_ms = 0;
        self.clock.wall_offset_ms = 0;
        self.account = Account::new(self.vip_at_start, &self.urls);
        self.clients.truncate(1);
        if let Some(client) = self.clients.first_mut() {
            client.redirect_uris = vec!["https://example.com/callback".into()];
        }
        self.grants = Grants::default();
        self.settings = Settings::default();
        self.catalogue = Catalogue::default();
        self.records.clear();
        self.last_item = 0;
        self.last_write_ms = None;
        self.user_reads = Window::default();
        self.client_reads = Window::default();
        self.faults.clear(None);
        self.log.clear();
    }

    /// A registered app.
    pub fn client(&self, client_id: &str) -> Option<&Client> {
        self.clients
            .iter()
            .find(|client| client.client_id == client_id)
    }

    /// What the account has written down.
    pub fn records(&self) -> &Records {
        self.records
            .get(&self.account.uuid)
            .unwrap_or(&self.new_account)
    }

    /// The same, to be changed.
    pub fn records_mut(&mut self) -> &mut Records {
        let new = &self.new_account;
        self.records
            .entry(self.account.uuid.clone())
            .or_insert_with(|| new.clone())
    }

    /// The films and shows.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The same, to be added to.
    pub fn catalogue_mut(&mut self) -> &mut Catalogue {
        &mut self.catalogue
    }

    /// Takes over another configuration.
    pub fn configure(&mut self, config: Config) {
        self.catalogue.strict = config.strict_catalogue;
        self.config = config;
    }

    /// The media that a body names.
    pub fn selection(&self, body: &Value, depth: Depth) -> Selection {
        Selection::of(&self.catalogue, body, depth, self.config.nested_not_found)
    }

    /// An id for an entry: one that needs 64 bits.
    pub fn next_id(&mut self) -> i64 {
        self.last_item += 1;
        FIRST_PLAY_ID + 1_000_000 + self.last_item
    }

    /// The address of the activation page as told to clients.
    pub fn verification_url(&self) -> String {
        match &self.config.verification_url {
            Some(url) => url.clone(),
            None => format!("{}/activate", self.urls.auth),
        }
    }
}

/// The world, shared by all connections, and word of its changes.
#[derive(Debug)]
pub struct Shared {
    world: Mutex<World>,
    changes: watch::Sender<u64>,
    quit: watch::Sender<bool>,
}

impl Shared {
    /// Shares a world.
    pub fn new(world: World) -> Self {
        Self {
            world: Mutex::new(world),
            changes: watch::Sender::new(0),
            quit: watch::Sender::new(false),
        }
    }

    /// The world, for a moment: never held over a wait.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells waiters that something changed.
    pub fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// Word of changes from now on.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Asks the simulator to end.
    pub fn quit(&self) {
        self.quit.send_replace(true);
    }

    /// Word that the simulator shall end.
    pub fn quitting(&self) -> watch::Receiver<bool> {
        self.quit.subscribe()
    }
}
