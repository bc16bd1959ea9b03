//! How connections are made: name lookup, proxies, TCP, TLS, and the agents that keep them.
//! Knows nothing of Trakt.
#![forbid(unsafe_code)]

use std::fmt;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use ureq::config::Config as AgentConfig;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectProxyConnector, ConnectionDetails, Connector, NextTimeout, SocksConnector,
    TcpConnector, Transport,
};
use ureq::{Agent, Timeout};

use super::tls::{TlsConnector, Trust};
use super::trouble::{ProxyTrouble, TooLate};
use crate::cancel::{Cancel, lock};
use crate::clock::boot_ms;

/// How long a looked-up address is used again.
const NAME_AGE: Duration = Duration::from_secs(30);
/// How many agents wait for their next exchange.
const MAX_FREE: usize = 4;

/// One agent, used by one exchange at a time. Its connection outlives the exchange.
pub(super) struct PooledAgent {
    /// The agent. Its clones are the same agent.
    pub(super) agent: Agent,
    connects: Arc<AtomicU64>,
    names: Arc<NameCache>,
    not_after_ms: Arc<AtomicU64>,
}

impl PooledAgent {
    /// The last moment for anything to go out, from now on.
    pub(super) fn set_not_after(&self, boot_ms: Option<u64>) {
        self.not_after_ms
            .store(boot_ms.unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// How many connections it has begun to make.
    pub(super) fn connects(&self) -> u64 {
        self.connects.load(Ordering::Relaxed)
    }

    /// What ends a name lookup early, from now on.
    pub(super) fn set_cancel(&self, cancel: Option<Cancel>) {
        *lock(&self.names.cancel) = cancel;
    }
}

/// Makes agents, and keeps those that wait.
pub(super) struct AgentPool {
    config: AgentConfig,
    trust: Arc<Trust>,
    known: Arc<Mutex<Vec<CachedName>>>,
    free: Mutex<Vec<PooledAgent>>,
}

impl AgentPool {
    pub(super) fn new(config: AgentConfig, trust: Trust) -> Self {
        Self {
            config,
            trust: Arc::new(trust),
            known: Arc::default(),
            free: Mutex::default(),
        }
    }

    /// The agent that was used last, or a fresh one.
    pub(super) fn take(&self) -> PooledAgent {
        let free = lock(&self.free).pop();
        free.unwrap_or_else(|| self.fresh())
    }

    /// An agent without connections.
    pub(super) fn fresh(&self) -> PooledAgent {
        let connects = Arc::new(AtomicU64::new(0));
        let names = Arc::new(NameCache {
            known: self.known.clone(),
            cancel: Mutex::default(),
        });
        let not_after_ms = Arc::new(AtomicU64::new(u64::MAX));
        let chain =
            ().chain(CountConnects(connects.clone()))
                .chain(ViaProxy(SocksConnector::default()))
                .chain(ViaProxy(ConnectProxyConnector::default()))
                .chain(TcpConnector::default())
                .chain(TlsConnector(self.trust.clone()))
                .chain(InTime(not_after_ms.clone()));
        PooledAgent {
            agent: Agent::with_parts(self.config.clone(), chain, CachingResolver(names.clone())),
            connects,
            names,
            not_after_ms,
        }
    }

    /// Keeps an agent for the next exchange.
    pub(super) fn give_back(&self, pooled: PooledAgent) {
        pooled.set_cancel(None);
        let mut free = lock(&self.free);
        if free.len() < MAX_FREE {
            free.push(pooled);
        }
    }

    /// Forgets connections and addresses: after trouble, nothing old is trusted.
    pub(super) fn forget(&self) {
        lock(&self.known).clear();
        let old = std::mem::take(&mut *lock(&self.free));
        drop(old);
    }
}

/// What is left of the time for connecting.
pub(super) fn remaining(details: &ConnectionDetails) -> Result<NextTimeout, ureq::Error> {
    use ureq::unversioned::transport::time::{Duration as Span, Instant as Point};
    let mut timeout = details.timeout;
    let now = (details.current_time)();
    if let (Span::Exact(after), Point::Exact(start), Point::Exact(now)) =
        (timeout.after, details.now, now)
    {
        let left = after.saturating_sub(now.saturating_duration_since(start));
        if left.is_zero() {
            return Err(ureq::Error::Timeout(timeout.reason));
        }
        timeout.after = Span::Exact(left);
    }
    Ok(timeout)
}

/// A step that goes through a proxy: its trouble is the proxy's, not Trakt's.
#[derive(Debug)]
struct ViaProxy<C>(C);

impl<In: Transport, C: Connector<In>> Connector<In> for ViaProxy<C> {
    type Out = C::Out;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        self.0
            .connect(details, chained)
            .map_err(ProxyTrouble::from_error)
    }
}

/// Counts attempts, so that a kept connection can be told from a new one.
#[derive(Debug)]
struct CountConnects(Arc<AtomicU64>);

impl<In: Transport> Connector<In> for CountConnects {
    type Out = In;

    fn connect(
        &self,
        _: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<In>, ureq::Error> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(chained)
    }
}

/// Lets nothing out after a moment, however long it took to get a connection.
#[derive(Debug)]
struct InTime(Arc<AtomicU64>);

impl<In: Transport> Connector<In> for InTime {
    type Out = InTimeTransport<In>;

    fn connect(
        &self,
        _: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        let not_after_ms = self.0.clone();
        Ok(chained.map(|connection| InTimeTransport {
            connection,
            not_after_ms,
        }))
    }
}

/// A connection that carries a request only while it is in time.
#[derive(Debug)]
struct InTimeTransport<T> {
    connection: T,
    not_after_ms: Arc<AtomicU64>,
}

impl<T: Transport> Transport for InTimeTransport<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.connection.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        // What stops inside a request is no request: the server has never got the end of it.
        if boot_ms() > self.not_after_ms.load(Ordering::Relaxed) {
            return Err(ureq::Error::Other(Box::new(TooLate)));
        }
        self.connection.transmit_output(amount, timeout)
    }

    fn maybe_await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.connection.maybe_await_input(timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.connection.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.connection.is_open()
    }

    fn is_tls(&self) -> bool {
        self.connection.is_tls()
    }
}

struct CachedName {
    name: String,
    addresses: Vec<SocketAddr>,
    at: Instant,
}

struct NameCache {
    known: Arc<Mutex<Vec<CachedName>>>,
    cancel: Mutex<Option<Cancel>>,
}

/// Looks names up. Each exchange asks, also on a kept connection, so addresses are remembered for a while;
/// a lookup that hangs is left behind on its thread at the time limit or when the call is ended.
struct CachingResolver(Arc<NameCache>);

impl fmt::Debug for CachingResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CachingResolver")
    }
}

impl Resolver for CachingResolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &AgentConfig,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let name = uri
            .scheme()
            .zip(uri.authority())
            .and_then(|(scheme, authority)| DefaultResolver::host_and_port(scheme, authority))
            .ok_or(ureq::Error::HostNotFound)?;
        let found = match literal(&name) {
            Some(address) => vec![address],
            None => self.0.look_up(name, timeout)?,
        };
        let mut result = self.empty();
        for address in config.ip_family().keep_wanted(found.into_iter()).take(16) {
            result.push(address);
        }
        if result.is_empty() {
            return Err(ureq::Error::HostNotFound);
        }
        Ok(result)
    }
}

fn literal(name: &str) -> Option<SocketAddr> {
    let (host, port) = name.rsplit_once(':')?;
    let host = host
        .strip_prefix('[')
        .map_or(host, |rest| rest.strip_suffix(']').unwrap_or(rest));
    Some(SocketAddr::new(
        host.parse::<IpAddr>().ok()?,
        port.parse().ok()?,
    ))
}

impl NameCache {
    fn look_up(&self, name: String, timeout: NextTimeout) -> Result<Vec<SocketAddr>, ureq::Error> {
        {
            let mut known = lock(&self.known);
            known.retain(|entry| entry.at.elapsed() < NAME_AGE);
            if let Some(entry) = known.iter().find(|entry| entry.name == name) {
                return Ok(entry.addresses.clone());
            }
        }
        let (send, receive) = mpsc::sync_channel::<Option<Vec<SocketAddr>>>(2);
        let cancel = lock(&self.cancel).clone();
        let _hook = cancel.map(|cancel| {
            let send = send.clone();
            cancel.on_end(move || drop(send.try_send(None)))
        });
        let asked = name.clone();
        std::thread::Builder::new()
            .name("trakt-lookup".into())
            .spawn(move || {
                let found = asked.to_socket_addrs().map(Iterator::collect).ok();
                // Nobody listens any more when the lookup took too long.
                drop(send.try_send(found));
            })
            .map_err(|_| ureq::Error::ConnectionFailed)?;
        let found = match receive.recv_timeout(*timeout.after) {
            Ok(found) => found.ok_or(ureq::Error::HostNotFound)?,
            Err(_) => return Err(ureq::Error::Timeout(Timeout::Resolve)),
        };
        if found.is_empty() {
            return Err(ureq::Error::HostNotFound);
        }
        let mut known = lock(&self.known);
        known.retain(|entry| entry.name != name);
        known.push(CachedName {
            name,
            addresses: found.clone(),
            at: Instant::now(),
        });
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;

    fn names() -> NameCache {
        NameCache {
            known: Arc::default(),
            cancel: Mutex::default(),
        }
    }

    fn timeout(after: Duration) -> NextTimeout {
        NextTimeout {
            after: after.into(),
            ..NextTimeout::default()
        }
    }

    #[test]
    fn a_lookup_ends_with_its_call_and_is_remembered_otherwise() {
        let long = timeout(Duration::from_secs(60));
        let ended = names();
        let cancel = Cancel::new();
        cancel.end(Status::Cancelled);
        *lock(&ended.cancel) = Some(cancel);
        assert!(ended.look_up("localhost:80".into(), long).is_err());
        assert!(lock(&ended.known).is_empty());

        let names = names();
        let found = names.look_up("localhost:80".into(), long).unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback()));
        assert_eq!(lock(&names.known).len(), 1);
        // What is remembered needs no time.
        let again = names.look_up("localhost:80".into(), timeout(Duration::ZERO));
        assert_eq!(again.unwrap(), found);
    }

    #[test]
    fn addresses_need_no_lookup() {
        assert_eq!(literal("127.0.0.1:80"), "127.0.0.1:80".parse().ok());
        assert_eq!(literal("[::1]:443"), "[::1]:443".parse().ok());
        assert_eq!(literal("localhost:80"), None);
        assert_eq!(literal("trakt.tv"), None);
    }
}
