//! A plain client for the tests of the simulator: ureq for ordinary calls, a bare socket where every
//! byte counts.
#![allow(dead_code)] // Each test file uses a part of it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use trakt_sim::{Options, Sim};
use ureq::Agent;
use ureq::http::Request;

/// No test waits longer than this for anything.
pub const LIMIT: Duration = Duration::from_secs(20);

pub const OOB: &str = "urn:ietf:wg:oauth:2.0:oob";

/// A simulator and a client that behaves.
pub struct Lab {
    pub sim: Sim,
    agent: Agent,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub fn number(&self, name: &str) -> usize {
        self.header(name).unwrap().parse().unwrap()
    }
}

/// A pair of tokens.
#[derive(Debug, Clone)]
pub struct Tokens {
    pub access: String,
    pub refresh: String,
}

impl Tokens {
    pub fn of(answer: &Value) -> Self {
        let text = |key: &str| answer[key].as_str().unwrap().to_owned();
        Self {
            access: text("access_token"),
            refresh: text("refresh_token"),
        }
    }
}

impl Lab {
    pub fn new() -> Self {
        Self::with(Options::default())
    }

    pub fn with(options: Options) -> Self {
        let sim = Sim::start(options).unwrap();
        let agent = agent(&sim);
        Self { sim, agent }
    }

    pub fn control(&self, path: &str, params: Value) -> Value {
        self.sim.control(path, params)
    }

    /// A call on the auth host with the headers that belong to it.
    pub fn auth(&self, path: &str, body: Value) -> Reply {
        self.try_auth(path, body).unwrap()
    }

    pub fn try_auth(&self, path: &str, body: Value) -> Result<Reply, ureq::Error> {
        let url = format!("{}{path}", self.sim.auth_url());
        self.send("POST", &url, None, Some(body))
    }

    /// A call on the API host with the headers that belong to it.
    pub fn api(&self, method: &str, path: &str, token: &str, body: Option<Value>) -> Reply {
        self.try_api(method, path, token, body).unwrap()
    }

    pub fn try_api(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> Result<Reply, ureq::Error> {
        let url = format!("{}{path}", self.sim.api_url());
        self.send(method, &url, Some(token), body)
    }

    pub fn get(&self, path: &str, token: &str) -> Reply {
        self.api("GET", path, token, None)
    }

    pub fn send(
        &self,
        method: &str,
        url: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Result<Reply, ureq::Error> {
        let mut request = Request::builder()
            .method(method)
            .uri(url)
            .header("Content-Type", "application/json")
            .header("User-Agent", "lab/1.0 (tests)")
            .header("trakt-api-version", "2")
            .header("trakt-api-key", self.sim.client_id());
        if let Some(token) = token.filter(|token| !token.is_empty()) {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let response = match body {
            Some(body) => self.agent.run(request.body(body.to_string()).unwrap())?,
            None => self.agent.run(request.body(()).unwrap())?,
        };
        read(response)
    }

    /// A browser's GET, without any of an app's headers.
    pub fn browse(&self, path: &str) -> Reply {
        let url = format!("{}{path}", self.sim.auth_url());
        read(self.agent.get(&url).call().unwrap()).unwrap()
    }

    /// A browser's form.
    pub fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let url = format!("{}{path}", self.sim.auth_url());
        let fields = fields.iter().copied();
        read(self.agent.post(&url).send_form(fields).unwrap()).unwrap()
    }

    pub fn ask_code(&self) -> Value {
        let reply = self.auth(
            "/oauth/device/code",
            json!({"client_id": self.sim.client_id()}),
        );
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json()
    }

    pub fn poll(&self, device_code: &Value) -> Reply {
        self.auth("/oauth/device/token", self.poll_body(device_code))
    }

    pub fn poll_body(&self, device_code: &Value) -> Value {
        json!({
            "code": device_code,
            "client_id": self.sim.client_id(),
            "client_secret": self.sim.client_secret(),
        })
    }

    /// Moves the simulated clock.
    pub fn advance(&self, ms: i64) {
        self.control("/clock", json!({"advance_ms": ms}));
    }

    /// A linked pair without a login.
    pub fn issue(&self) -> Tokens {
        Tokens::of(&self.control("/tokens/issue", json!({})))
    }

    pub fn refresh_body(&self, tokens: &Tokens) -> Value {
        json!({
            "grant_type": "refresh_token",
            "refresh_token": tokens.refresh,
            "client_id": self.sim.client_id(),
            "client_secret": self.sim.client_secret(),
            "redirect_uri": OOB,
        })
    }

    pub fn refresh(&self, tokens: &Tokens) -> Reply {
        self.auth("/oauth/token", self.refresh_body(tokens))
    }

    /// The status of a read with a token.
    pub fn probe(&self, token: &str) -> u16 {
        self.get("/sync/last_activities", token).status
    }

    pub fn violations(&self) -> Vec<(String, String)> {
        let answer = self.control("/violations", json!({}));
        let list = answer["violations"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        list.iter()
            .map(|entry| (text(&entry["kind"]), text(&entry["text"])))
            .collect()
    }

    /// Fails when anything was wrong so far.
    pub fn assert_clean(&self) {
        assert_eq!(self.violations(), []);
    }

    /// The requests of a path that the log holds.
    pub fn log(&self, path: &str) -> Vec<Value> {
        let answer = self.control("/log", json!({"path": path}));
        answer["requests"].as_array().unwrap().clone()
    }

    /// Waits until the log holds a request of that path.
    pub fn wait_log(&self, path: &str, done: bool) -> Value {
        let answer = self.control("/log/wait", json!({"path": path, "done": done}));
        assert_eq!(answer["timeout"], Value::Null, "{path} never came");
        answer["requests"][0].clone()
    }

    /// Sends a well-formed GET over a bare socket and leaves the answer to the caller.
    pub fn open_get(&self, path: &str, token: &str) -> TcpStream {
        let mut socket = connect(self.sim.api_url());
        let head = self.get_head(path, token);
        socket.write_all(head.as_bytes()).unwrap();
        socket
    }

    pub fn get_head(&self, path: &str, token: &str) -> String {
        format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             User-Agent: lab/1.0\r\ntrakt-api-version: 2\r\ntrakt-api-key: {}\r\n\
             Authorization: Bearer {token}\r\n\r\n",
            address(self.sim.api_url()),
            self.sim.client_id()
        )
    }
}

fn agent(sim: &Sim) -> Agent {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .allow_non_standard_methods(true)
        .timeout_global(Some(LIMIT))
        .proxy(None);
    if let Some(path) = sim.ca_file() {
        let pem = std::fs::read(path).unwrap();
        let root = ureq::tls::Certificate::from_pem(&pem).unwrap();
        let roots = ureq::tls::RootCerts::Specific(std::sync::Arc::new(vec![root]));
        config = config.tls_config(ureq::tls::TlsConfig::builder().root_certs(roots).build());
    }
    config.build().into()
}

fn read(mut response: ureq::http::Response<ureq::Body>) -> Result<Reply, ureq::Error> {
    Ok(Reply {
        status: response.status().as_u16(),
        headers: response
            .headers()
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes());
                (name.to_string(), value.into_owned())
            })
            .collect(),
        body: response
            .body_mut()
            .with_config()
            .limit(256 * 1024 * 1024)
            .read_to_vec()?,
    })
}

/// Host and port of an address.
pub fn address(url: &str) -> &str {
    url.split("://").nth(1).unwrap()
}

/// A socket that no test waits for without end.
pub fn connect(url: &str) -> TcpStream {
    let socket = TcpStream::connect(address(url)).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    socket
}

/// All that comes until the connection ends.
pub fn read_all(socket: &mut TcpStream) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Sends these headers and this body, gives status and body.
pub fn raw(url: &str, request: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    let mut socket = connect(url);
    let mut text = format!("{request} HTTP/1.1\r\nConnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    text.push_str(&format!("\r\n{body}"));
    socket.write_all(text.as_bytes()).unwrap();
    let answer = read_all(&mut socket).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, body.to_owned())
}
