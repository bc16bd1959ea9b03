//! The record that tests assert on: every request with its times and answer, every violation.
//! Knows nothing of what a request means.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::http::Request;

/// One request on the auth or the API host.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// Number of the request, from 1, never reused.
    pub n: u64,
    /// Real milliseconds since the start, when the whole request had arrived.
    pub at_ms: i64,
    /// The same moment on the simulated clock.
    pub sim_ms: i64,
    /// Number of the connection that carried it.
    pub connection: u64,
    /// `auth` or `api`.
    pub host: &'static str,
    /// The method as sent.
    pub method: String,
    /// The path as sent, without the query.
    pub path: String,
    /// The query as sent.
    pub query: String,
    /// Headers, names in lower case; repeated ones are joined by `, `.
    pub headers: Map<String, Value>,
    /// The body as text.
    pub body: String,
    /// Which token the request bears: `access_n`, `unknown`, or null.
    pub bearer: Option<String>,
    /// The status that was sent; null as long as none was.
    pub status: Option<u16>,
    /// The status that the service itself came to, sent or not; null when it never saw the request.
    pub processed: Option<u16>,
    /// The kind of the fault that hit the request.
    pub fault: Option<&'static str>,
    /// What was wrong with the request.
    pub violations: Vec<String>,
    /// Real milliseconds when the exchange was over, answered or not.
    pub done_ms: Option<i64>,
    /// The client went away while it was kept waiting.
    pub client_gone: bool,
}

/// A breach of the protocol.
#[derive(Debug, Clone, Serialize)]
pub struct Violation {
    /// Number of the request; 0 when it came through the control API.
    pub n: u64,
    /// A stable word for the rule: `headers`, `body`, `host`, `poll_rate` …
    pub kind: &'static str,
    /// What was wrong, in words.
    pub text: String,
}

/// All requests and violations since the start or the last reset.
#[derive(Debug, Default)]
pub struct Log {
    last: u64,
    entries: Vec<Entry>,
    violations: Vec<Violation>,
}

impl Log {
    /// Notes a request; gives its number.
    pub fn arrived(
        &mut self,
        host: &'static str,
        connection: u64,
        request: &Request,
        bearer: Option<String>,
        at_ms: i64,
        sim_ms: i64,
    ) -> u64 {
        self.last += 1;
        let mut headers = Map::new();
        for (name, value) in &request.headers {
            let joined = match headers.get(name).and_then(Value::as_str) {
                Some(before) => format!("{before}, {value}"),
                None => value.clone(),
            };
            headers.insert(name.clone(), json!(joined));
        }
        self.entries.push(Entry {
            n: self.last,
            at_ms,
            sim_ms,
            connection,
            host,
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            headers,
            body: String::from_utf8_lossy(&request.body).into_owned(),
            bearer,
            status: None,
            processed: None,
            fault: None,
            violations: Vec::new(),
            done_ms: None,
            client_gone: false,
        });
        self.last
    }

    /// The entry of a request, unless a reset has removed it.
    pub fn entry(&mut self, n: u64) -> Option<&mut Entry> {
        let at = self
            .entries
            .binary_search_by_key(&n, |entry| entry.n)
            .ok()?;
        self.entries.get_mut(at)
    }

    /// Records a breach of the protocol by request `n`.
    pub fn violation(&mut self, n: u64, kind: &'static str, text: impl Into<String>) {
        let text = text.into();
        if let Some(entry) = self.entry(n) {
            entry.violations.push(text.clone());
        }
        self.violations.push(Violation { n, kind, text });
    }

    /// Every breach so far.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// The requests that fit.
    pub fn matching(&self, filter: &Filter) -> Vec<&Entry> {
        self.entries
            .iter()
            .filter(|entry| filter.fits(entry))
            .collect()
    }

    /// Number of the last request.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Forgets everything but the count, so that numbers are never used twice.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.violations.clear();
    }
}

/// Which requests are asked for; `None` and empty mean any.
#[derive(Debug, Default, Clone)]
pub struct Filter {
    /// `auth`, `api` or `any`.
    pub host: Option<String>,
    /// The method or `*`.
    pub method: Option<String>,
    /// The path, or its beginning followed by `*`.
    pub path: Option<String>,
    /// Only requests after this number.
    pub since: u64,
    /// Only requests whose exchange is over.
    pub done: bool,
}

impl Filter {
    fn fits(&self, entry: &Entry) -> bool {
        entry.n > self.since
            && (!self.done || entry.done_ms.is_some())
            && route_fits(
                self.host.as_deref().unwrap_or("any"),
                self.method.as_deref().unwrap_or("*"),
                self.path.as_deref().unwrap_or("*"),
                (entry.host, &entry.method, &entry.path),
            )
    }
}

/// Whether a request (host, method, path) belongs to a route; `any`, `*` and a trailing `*` are wild.
pub fn route_fits(host: &str, method: &str, path: &str, request: (&str, &str, &str)) -> bool {
    let host_fits = matches!(host, "any" | "*" | "") || host == request.0;
    let method_fits = matches!(method, "*" | "") || method.eq_ignore_ascii_case(request.1);
    let path_fits = match path.strip_suffix('*') {
        Some(start) => request.2.starts_with(start),
        None => path.is_empty() || path == request.2,
    };
    host_fits && method_fits && path_fits
}
