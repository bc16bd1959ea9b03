//! A simulated Trakt, strict about every request: OAuth and pages on one loopback port, the API on
//! another, and a control API on a third by which tests act as the user, move the clock and inject
//! faults. For tests and demos only; it is never shipped. `README.md` tells how to use it.
//!
//! The map: `server` owns sockets and carries out `faults`; `http` is HTTP/1.1; `strict` checks
//! every request, `bodies` what it carries; `oauth`, `api`, `settings` and `pages` answer, for the API's
//! parts `scrobble`, `history`, `playback`, `lists` and `search`; `grants` are the rules of codes and
//! tokens, `catalogue` all films and shows, `wanted` those that a body names, `records` what an account
//! has written down; `home` is the page that shows it; `world` is all state; `control` changes it; `log`
//! remembers what happened.

mod api;
mod bodies;
mod catalogue;
mod clock;
mod config;
mod control;
mod faults;
mod grants;
mod history;
mod home;
mod http;
mod ids;
mod lists;
mod log;
mod oauth;
mod ordered;
mod pages;
mod playback;
mod records;
mod scrobble;
mod search;
mod server;
mod settings;
mod strict;
mod tls;
mod wanted;
mod world;

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;

use serde_json::Value;
use tokio::runtime::{Builder, Handle};

use crate::strict::Host;
use crate::tls::Tls;
use crate::world::{Shared, Urls, World};

/// How a simulator is started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// HTTPS on the auth and the API host, with an own CA; the control API stays HTTP.
    pub https: bool,
    /// The user pays for the service.
    pub vip: bool,
    /// Makes all ids and tokens repeatable; random ones without it.
    pub seed: Option<u64>,
}

/// A running simulator. Dropping it ends it.
#[derive(Debug)]
pub struct Sim {
    shared: Arc<Shared>,
    urls: Urls,
    client_id: String,
    client_secret: String,
    redirect_uri: String,
    ca_file: Option<PathBuf>,
    runtime: Handle,
    thread: Option<JoinHandle<()>>,
}

impl Sim {
    /// Starts a simulator on a thread of its own and three free loopback ports.
    ///
    /// # Errors
    /// No free port, no thread, or no place for the CA's file.
    pub fn start(options: Options) -> io::Result<Self> {
        let [auth, api, control] = [bind()?, bind()?, bind()?];
        let tls = if options.https {
            Some(Arc::new(Tls::new()?))
        } else {
            None
        };
        let scheme = if options.https { "https" } else { "http" };
        let urls = Urls {
            auth: url(scheme, &auth)?,
            api: url(scheme, &api)?,
            control: url("http", &control)?,
        };
        let ca_file = match &tls {
            Some(tls) => Some(write_ca(&tls.ca_pem)?),
            None => None,
        };
        let world = World::new(urls.clone(), options.vip, options.seed);
        let client = world.clients[0].clone();
        let shared = Arc::new(Shared::new(world));
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let servers = shared.clone();
        let thread = std::thread::Builder::new()
            .name("trakt-sim".into())
            .spawn(move || {
                runtime.block_on(async {
                    let listeners = [auth, api, control].map(tokio::net::TcpListener::from_std);
                    let [Ok(auth), Ok(api), Ok(control)] = listeners else {
                        return;
                    };
                    let mut quitting = servers.quitting();
                    let shared = || servers.clone();
                    tokio::spawn(server::serve(shared(), Host::Auth, auth, tls.clone()));
                    tokio::spawn(server::serve(shared(), Host::Api, api, tls));
                    tokio::spawn(server::serve_control(shared(), control));
                    // An error means that nobody is left to ask for the end.
                    let _ = quitting.wait_for(|quit| *quit).await;
                });
                runtime.shutdown_background();
            })?;
        Ok(Self {
            shared,
            urls,
            client_id: client.client_id,
            client_secret: client.client_secret,
            redirect_uri: client.redirect_uris.into_iter().next().unwrap_or_default(),
            ca_file,
            runtime: handle,
            thread: Some(thread),
        })
    }

    /// The auth host: OAuth calls and pages.
    pub fn auth_url(&self) -> &str {
        &self.urls.auth
    }

    /// The API host.
    pub fn api_url(&self) -> &str {
        &self.urls.api
    }

    /// The control API.
    pub fn control_url(&self) -> &str {
        &self.urls.control
    }

    /// The registered app's id.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The registered app's secret.
    pub fn client_secret(&self) -> &str {
        &self.client_secret
    }

    /// The registered app's redirect address.
    pub fn redirect_uri(&self) -> &str {
        &self.redirect_uri
    }

    /// The CA's certificate (PEM) when the hosts speak HTTPS. The file goes with the simulator.
    pub fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// Does what the HTTP control API does at that path; the path may carry a query. Blocks as long
    /// as the call itself waits (`/log/wait`).
    ///
    /// # Panics
    /// When the call is refused: a test with a misspelt call must fail.
    /// [`Sim::try_control`] gives the refusal instead.
    pub fn control(&self, path: &str, params: Value) -> Value {
        match self.try_control(path, params) {
            Ok(answer) => answer,
            Err(text) => panic!("the simulator refuses {path}: {text}"),
        }
    }

    /// As [`Sim::control`], with the refusal as text.
    ///
    /// # Errors
    /// What the HTTP control API answers with status 400.
    pub fn try_control(&self, path: &str, params: Value) -> Result<Value, String> {
        let (sender, receiver) = mpsc::channel();
        let shared = self.shared.clone();
        let path = path.to_owned();
        self.runtime.spawn(async move {
            // Who asked may have gone.
            let _ = sender.send(control::run(&shared, &path, params).await);
        });
        receiver
            .recv()
            .unwrap_or_else(|_| Err("the simulator has ended".into()))
    }

    /// Waits until somebody calls `POST /quit`.
    pub fn wait_for_quit(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic of the simulator was already reported by its thread.
            let _ = thread.join();
        }
    }

    /// A handle that ends the simulator from another thread.
    pub fn stopper(&self) -> impl FnOnce() + Send + 'static {
        let shared = self.shared.clone();
        move || shared.quit()
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.shared.quit();
        self.wait_for_quit();
        if let Some(path) = &self.ca_file {
            // A file that somebody else removed is gone all the same.
            let _ = std::fs::remove_file(path);
        }
    }
}

fn bind() -> io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn url(scheme: &str, listener: &TcpListener) -> io::Result<String> {
    Ok(format!("{scheme}://{}", listener.local_addr()?))
}

/// Writes the CA's certificate to a new file.
fn write_ca(pem: &str) -> io::Result<PathBuf> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("trakt-sim-ca-{}-{count}.pem", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, pem)?;
    Ok(path)
}
