//! Small servers that misbehave on demand: plain, TLS, and proxies.
//! Knows nothing of Trakt.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Longer than any test waits for anything that is going to happen.
pub const LONG: Duration = Duration::from_secs(60);

pub trait Wire: Read + Write + Send {}
impl<T: Read + Write + Send> Wire for T {}

/// What the servers of one test have seen.
#[derive(Default)]
pub struct Seen {
    requests: Mutex<Vec<String>>,
    changed: Condvar,
    connections: AtomicUsize,
}

impl Seen {
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub fn add(&self, request: String) {
        self.requests.lock().unwrap().push(request);
        self.changed.notify_all();
    }

    /// Waits until that many requests have come.
    pub fn wait_for(&self, count: usize) {
        let (_found, result) = self
            .changed
            .wait_timeout_while(self.requests.lock().unwrap(), LONG, |found| {
                found.len() < count
            })
            .unwrap();
        assert!(!result.timed_out(), "the request never came");
    }
}

pub struct Server {
    pub address: SocketAddr,
    pub seen: Arc<Seen>,
}

impl Server {
    /// Gives every connection to `serve`, with its number from 1, on a thread of its own.
    pub fn raw(serve: impl Fn(TcpStream, usize, &Seen) + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let serve = Arc::new(serve);
        std::thread::spawn({
            let seen = seen.clone();
            move || {
                for stream in listener.incoming() {
                    let Ok(stream) = stream else { return };
                    let number = seen.connections.fetch_add(1, Ordering::SeqCst) + 1;
                    let (serve, seen) = (serve.clone(), seen.clone());
                    std::thread::spawn(move || serve(stream, number, &seen));
                }
            }
        });
        Server { address, seen }
    }

    /// Answers each request with what `answer` says, on connections that stay open. `None` closes without a word.
    pub fn answering(
        answer: impl Fn(&str, usize) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Server {
        Self::raw(move |mut stream, _, seen| talk(&mut stream, seen, &answer))
    }

    /// The same inside TLS.
    pub fn tls(
        config: Arc<ServerConfig>,
        answer: impl Fn(&str, usize) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Server {
        Self::raw(move |stream, _, seen| {
            let connection = ServerConnection::new(config.clone()).unwrap();
            talk(&mut StreamOwned::new(connection, stream), seen, &answer);
        })
    }

    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Reads requests and answers them until either side has had enough.
pub fn talk(stream: &mut dyn Wire, seen: &Seen, answer: &dyn Fn(&str, usize) -> Option<Vec<u8>>) {
    while let Some(request) = read_request(stream) {
        seen.add(request.clone());
        let Some(bytes) = answer(&request, seen.count()) else {
            return;
        };
        if stream.write_all(&bytes).is_err() || stream.flush().is_err() {
            return;
        }
    }
}

/// One request with its body.
pub fn read_request(stream: &mut dyn Wire) -> Option<String> {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => text.push(byte[0]),
            _ => return None,
        }
    }
    let head = String::from_utf8(text).unwrap();
    let length = header(&head, "content-length").map_or(0, |value| value.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(head + &String::from_utf8(body).unwrap())
}

/// A header of a request as it was sent.
pub fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    request
        .split("\r\n\r\n")
        .next()?
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

/// A complete answer on a connection that stays open.
pub fn reply(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    let body = body.as_ref();
    let mut text = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n",
        body.len()
    )
    .into_bytes();
    text.extend_from_slice(body);
    Some(text)
}

/// An authority and what it signs.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
}

impl Authority {
    pub fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Authority {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// A file to trust.
    pub fn file(&self, dir: &tempfile::TempDir) -> PathBuf {
        let path = dir.path().join("ca.pem");
        std::fs::write(&path, &self.pem).unwrap();
        path
    }

    /// A server's certificate for a name or address, good from the first of one year to the first of another.
    pub fn signs(&self, name: &str, from: i32, to: i32) -> Arc<ServerConfig> {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(to, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        Arc::new(
            ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(chain, key)
                .unwrap(),
        )
    }
}

/// Carries bytes both ways until both sides are done.
fn tunnel(client: TcpStream, target: SocketAddr) {
    let server = TcpStream::connect(target).unwrap();
    let copy = |mut from: TcpStream, mut to: TcpStream| {
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        })
    };
    let back = copy(server.try_clone().unwrap(), client.try_clone().unwrap());
    copy(client, server).join().unwrap();
    back.join().unwrap();
}

/// An HTTP proxy that takes one user and leads every name to `target`.
pub fn connect_proxy(authorization: &'static str, target: SocketAddr) -> Server {
    Server::raw(move |mut stream, _, seen| {
        let Some(request) = read_request(&mut stream) else {
            return;
        };
        seen.add(request.clone());
        if header(&request, "proxy-authorization") != Some(authorization) {
            let _ = stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
            return;
        }
        stream
            .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
            .unwrap();
        tunnel(stream, target);
    })
}

/// The same inside TLS: a proxy that is itself reached by https. Carries one connection's bytes in small steps.
pub fn https_connect_proxy(config: Arc<ServerConfig>, target: SocketAddr) -> Server {
    Server::raw(move |stream, _, seen| {
        let socket = stream.try_clone().unwrap();
        let connection = ServerConnection::new(config.clone()).unwrap();
        let mut stream = StreamOwned::new(connection, stream);
        let Some(request) = read_request(&mut stream) else {
            return;
        };
        seen.add(request);
        stream
            .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
            .unwrap();
        stream.flush().unwrap();
        let mut server = TcpStream::connect(target).unwrap();
        let step = Duration::from_millis(5);
        socket.set_read_timeout(Some(step)).unwrap();
        server.set_read_timeout(Some(step)).unwrap();
        let mut buffer = [0; 16_384];
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => return,
                Ok(amount) => server.write_all(&buffer[..amount]).unwrap(),
                Err(error) if is_quiet(&error) => {}
                Err(_) => return,
            }
            match server.read(&mut buffer) {
                Ok(0) => return,
                Ok(amount) => {
                    stream.write_all(&buffer[..amount]).unwrap();
                    stream.flush().unwrap();
                }
                Err(error) if is_quiet(&error) => {}
                Err(_) => return,
            }
        }
    })
}

fn is_quiet(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
    )
}

/// A SOCKS5 proxy that wants a user name and password, and leads everything to `target`.
/// What it was asked for is recorded as `name:HOST` or `address:IP`.
pub fn socks_proxy(user: &'static str, password: &'static str, target: SocketAddr) -> Server {
    Server::raw(move |mut stream, _, seen| {
        let greeting = read_some(&mut stream, 2);
        let methods = read_some(&mut stream, usize::from(greeting[1]));
        assert!(greeting[0] == 5 && methods.contains(&2));
        stream.write_all(&[5, 2]).unwrap();
        assert_eq!(read_some(&mut stream, 1), [1]);
        let login = [read_text(&mut stream), read_text(&mut stream)];
        let good = login == [user, password];
        stream.write_all(&[1, u8::from(!good)]).unwrap();
        if !good {
            return;
        }
        let request = read_some(&mut stream, 4);
        assert_eq!(request[..3], [5, 1, 0]);
        let asked = match request[3] {
            1 => {
                let ip: [u8; 4] = read_some(&mut stream, 4).try_into().unwrap();
                format!("address:{}", std::net::Ipv4Addr::from(ip))
            }
            3 => format!("name:{}", read_text(&mut stream)),
            other => panic!("address type {other}"),
        };
        read_some(&mut stream, 2);
        seen.add(asked);
        stream.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
        tunnel(stream, target);
    })
}

fn read_some(stream: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes).unwrap();
    bytes
}

fn read_text(stream: &mut TcpStream) -> String {
    let length = read_some(stream, 1)[0];
    String::from_utf8(read_some(stream, length.into())).unwrap()
}
