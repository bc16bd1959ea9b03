//! The clients of this process: opened, found by their numbers, closed one by one or all together.
//! Knows nothing of what they do, only that some may still be at it after they were closed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::capi::fork;
use crate::capi::handle::Table;
use crate::capi::status::trakt_client;
use crate::client::Client;
use crate::error::Result;

static CLIENTS: Table<Client> = Table::new();

/// Opens a client and gives it a number.
pub fn open(config_json: &str) -> Result<trakt_client> {
    crate::logs::install();
    // The first client sets up what all share; a child must not inherit that half done.
    static SHARED: AtomicBool = AtomicBool::new(false);
    fork::watch();
    let _no_fork = (!SHARED.load(Ordering::Acquire)).then(fork::hold);
    let client = Client::open(config_json)?;
    SHARED.store(true, Ordering::Release);
    CLIENTS.insert(client)
}

/// The client of a number.
pub fn get(number: trakt_client) -> Result<Client> {
    CLIENTS.get(number)
}

/// Closes a client; returns how much of its work still runs after `wait_ms`.
pub fn close(number: trakt_client, wait_ms: u32) -> Result<u32> {
    let client = CLIENTS.remove(number)?;
    for earlier in CLIENTS.take_aside() {
        end(earlier, 0);
    }
    Ok(end(client, wait_ms))
}

/// Closes all clients, those closed before with work left included; returns how much still runs after `wait_ms`.
pub fn shutdown(wait_ms: u32) -> u32 {
    let until = Instant::now() + Duration::from_millis(wait_ms.into());
    let mut clients = CLIENTS.remove_all();
    clients.extend(CLIENTS.take_aside());
    // All are told before any is waited for.
    for client in &clients {
        client.close(0);
    }
    clients
        .into_iter()
        .map(|client| {
            let left = until.saturating_duration_since(Instant::now());
            end(client, u32::try_from(left.as_millis()).unwrap_or(wait_ms))
        })
        .fold(0, u32::saturating_add)
}

/// Closes a client that has no number any more, and keeps it for a shutdown to wait for while work of it runs:
/// that may be a refresh whose answer must not be lost.
fn end(client: Client, wait_ms: u32) -> u32 {
    let running = client.close(wait_ms);
    if running > 0 {
        CLIENTS.set_aside(client);
    }
    running
}
