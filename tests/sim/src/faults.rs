//! Faults that tests inject per route: which request they hit and what becomes of its answer.
//! Knows nothing of sockets (`server` carries them out) nor of what a request means.

use serde_json::{Map, Value, json};

use crate::http::{Response, percent_decode};
use crate::log::route_fits;

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// This answer instead of the true one.
    Answer(Answer),
    /// These bytes instead of an answer, then the end of the connection.
    Raw(String),
    /// The true answer breaks off after so many bytes of its body.
    Cut(usize),
    /// The connection ends before the request is processed.
    CutBefore,
    /// The request is processed and the connection ends without a byte.
    Lost,
    /// Processed at once, answered later.
    Late(u64),
    /// Processed and answered later.
    Delay(u64),
    /// The answer comes in small pieces.
    Drip(Drip),
    /// The connection is reset.
    Reset,
    /// Nothing at all until the fault is removed.
    Silence,
    /// Nothing from the very beginning of the connection: no TLS handshake, nothing read.
    HandshakeSilence,
    /// The connection is closed as soon as it is accepted.
    HandshakeClose,
    /// A wrong `Date`.
    Date(WrongDate),
    /// The answer in gzip.
    Gzip,
    /// The answer with a byte order mark before it.
    Bom,
    /// That many bytes of JSON.
    Huge(Huge),
    /// The answer in chunks, the last of which never comes.
    ChunkedCut,
    /// The true answer with other or more headers.
    Headers(Vec<(String, String)>),
}

/// An answer that replaces the true one.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    name: &'static str,
    status: u16,
    headers: Vec<(String, String)>,
    content_type: &'static str,
    body: String,
}

impl Answer {
    /// The answer to send.
    pub fn response(&self) -> Response {
        let mut response = Response::text(
            self.status,
            self.content_type,
            self.body.as_bytes().to_vec(),
        );
        for (name, value) in &self.headers {
            response.set(name, value.clone());
        }
        response
    }
}

/// How an answer drips.
#[derive(Debug, Clone, PartialEq)]
pub struct Drip {
    /// Bytes at a time.
    pub bytes: usize,
    /// Real milliseconds between them.
    pub tick_ms: u64,
    /// Whether the head drips too.
    pub head: bool,
}

/// A huge answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Huge {
    /// Bytes of JSON.
    pub bytes: usize,
    /// Sent as gzip, which makes it small on the wire.
    pub gzip: bool,
    /// Announced by `Content-Length`; otherwise in chunks.
    pub length: bool,
}

/// A `Date` that isn't the simulated one.
#[derive(Debug, Clone, PartialEq)]
pub enum WrongDate {
    /// Off by so many milliseconds.
    Offset(i64),
    /// This text; empty: no header at all.
    Value(String),
}

impl Kind {
    /// The kind's name in the control API and the log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Answer(answer) => answer.name,
            Self::Raw(_) => "raw",
            Self::Cut(_) => "cut",
            Self::CutBefore => "cut_before",
            Self::Lost => "lost",
            Self::Late(_) => "late",
            Self::Delay(_) => "delay",
            Self::Drip(_) => "drip",
            Self::Reset => "reset",
            Self::Silence => "silence",
            Self::HandshakeSilence => "handshake_silence",
            Self::HandshakeClose => "handshake_close",
            Self::Date(_) => "date",
            Self::Gzip => "gzip",
            Self::Bom => "bom",
            Self::Huge(_) => "huge",
            Self::ChunkedCut => "chunked_cut",
            Self::Headers(_) => "headers",
        }
    }

    /// Whether it only touches headers and so goes together with another fault.
    fn is_trimming(&self) -> bool {
        matches!(self, Self::Date(_) | Self::Headers(_))
    }

    /// Whether it hits connections instead of requests.
    fn is_handshake(&self) -> bool {
        matches!(self, Self::HandshakeSilence | Self::HandshakeClose)
    }

    /// Whether the service sees the request unless `processed` says otherwise.
    fn processes(&self) -> bool {
        !matches!(
            self,
            Self::Answer(_)
                | Self::Raw(_)
                | Self::CutBefore
                | Self::Reset
                | Self::Silence
                | Self::Huge(_)
        )
    }
}

/// A fault and how often it has struck.
#[derive(Debug)]
struct Fault {
    id: u64,
    host: String,
    method: String,
    path: String,
    left: Option<u64>,
    after: u64,
    fired: u64,
    processed: bool,
    kind: Kind,
}

impl Fault {
    fn fits(&self, request: (&str, &str, &str)) -> bool {
        route_fits(&self.host, &self.method, &self.path, request)
    }

    /// Counts a request that fits; true when the fault strikes.
    fn strikes(&mut self) -> bool {
        if self.left == Some(0) {
            return false;
        }
        if self.after > 0 {
            self.after -= 1;
            return false;
        }
        if let Some(left) = &mut self.left {
            *left -= 1;
        }
        self.fired += 1;
        true
    }
}

/// What hits one request.
#[derive(Debug, Clone)]
pub struct Hit {
    /// Number of the fault.
    pub id: u64,
    /// What it does.
    pub kind: Kind,
    /// Whether the service sees the request all the same.
    pub processed: bool,
}

/// Everything that hits one request.
#[derive(Debug, Clone, Default)]
pub struct Hits {
    /// The fault that decides.
    pub main: Option<Hit>,
    /// Faults that only touch headers.
    pub trimmings: Vec<Kind>,
}

/// All faults, in the order in which they were injected.
#[derive(Debug, Default)]
pub struct Faults {
    last: u64,
    list: Vec<Fault>,
}

impl Faults {
    /// Injects a fault; gives its number.
    pub fn add(&mut self, call: &Map<String, Value>) -> Result<u64, String> {
        let empty = Map::new();
        let route = match call.get("match") {
            None => &empty,
            Some(value) => value.as_object().ok_or("match must be an object")?,
        };
        known_keys(route, &["host", "method", "path"])?;
        let (kind, keys) = kind_of(call)?;
        let common = ["match", "times", "after", "kind", "processed"];
        known_keys(call, &[&common[..], keys].concat())?;
        self.last += 1;
        self.list.push(Fault {
            id: self.last,
            host: text(route, "host")?.unwrap_or_else(|| "any".into()),
            method: text(route, "method")?.unwrap_or_else(|| "*".into()),
            path: text(route, "path")?.unwrap_or_else(|| "*".into()),
            left: match number(call, "times")?.unwrap_or(1) {
                0 => None,
                times => Some(times),
            },
            after: number(call, "after")?.unwrap_or(0),
            fired: 0,
            processed: match call.get("processed") {
                None => kind.processes(),
                Some(value) => value.as_bool().ok_or("processed must be true or false")?,
            },
            kind,
        });
        Ok(self.last)
    }

    /// Removes one fault, or all of them; false when there is none of that number.
    pub fn clear(&mut self, id: Option<u64>) -> bool {
        let before = self.list.len();
        self.list
            .retain(|fault| id.is_some_and(|id| fault.id != id));
        id.is_none() || self.list.len() < before
    }

    /// Whether a fault hasn't been removed.
    pub fn exists(&self, id: u64) -> bool {
        self.list.iter().any(|fault| fault.id == id)
    }

    /// How often a fault has struck; `None` when it was removed.
    pub fn fired(&self, id: u64) -> Option<u64> {
        self.list
            .iter()
            .find(|fault| fault.id == id)
            .map(|fault| fault.fired)
    }

    /// What hits a request (host, method, path). Each call counts.
    pub fn hit_request(&mut self, request: (&str, &str, &str)) -> Hits {
        let mut hits = Hits::default();
        for fault in &mut self.list {
            let wanted = fault.kind.is_trimming() || hits.main.is_none();
            let strikes =
                wanted && !fault.kind.is_handshake() && fault.fits(request) && fault.strikes();
            if !strikes {
                continue;
            }
            if fault.kind.is_trimming() {
                hits.trimmings.push(fault.kind.clone());
            } else {
                hits.main = Some(Hit {
                    id: fault.id,
                    kind: fault.kind.clone(),
                    processed: fault.processed,
                });
            }
        }
        hits
    }

    /// What hits a new connection to a host.
    pub fn hit_connection(&mut self, host: &str) -> Option<(u64, Kind)> {
        self.list
            .iter_mut()
            .filter(|fault| fault.kind.is_handshake())
            .filter(|fault| matches!(fault.host.as_str(), "any" | "*" | "") || fault.host == host)
            .find_map(|fault| fault.strikes().then(|| (fault.id, fault.kind.clone())))
    }

    /// The faults for `GET /state`.
    pub fn describe(&self) -> Value {
        self.list
            .iter()
            .map(|fault| {
                json!({
                    "fault": fault.id,
                    "kind": fault.kind.name(),
                    "match": {"host": fault.host, "method": fault.method, "path": fault.path},
                    "times_left": fault.left,
                    "after": fault.after,
                    "fired": fault.fired,
                    "processed": fault.processed,
                })
            })
            .collect()
    }
}

/// The kind that a call asks for, and the keys that belong to it.
fn kind_of(call: &Map<String, Value>) -> Result<(Kind, &'static [&'static str]), String> {
    let name = text(call, "kind")?.ok_or("kind is missing")?;
    let status = |default: u16| -> Result<u16, String> {
        let status = number(call, "status")?.unwrap_or_else(|| u64::from(default));
        u16::try_from(status)
            .ok()
            .filter(|status| (100..1000).contains(status))
            .ok_or_else(|| "status must be three digits".into())
    };
    let needed = |key: &'static str| number(call, key)?.ok_or_else(|| format!("{key} is missing"));
    Ok(match name.as_str() {
        "status" => {
            let answer = Answer {
                name: "status",
                status: status(500)?,
                headers: headers(call)?,
                content_type: "application/json; charset=utf-8",
                body: body(call)?,
            };
            (Kind::Answer(answer), &["status", "headers", "body"])
        }
        "html" => {
            let status = status(403)?;
            let answer = Answer {
                name: "html",
                status,
                headers: cloudflare_headers(headers(call)?),
                content_type: "text/html; charset=UTF-8",
                body: cloudflare_page(status),
            };
            (Kind::Answer(answer), &["status", "headers"])
        }
        "text1010" => {
            let answer = Answer {
                name: "text1010",
                status: status(403)?,
                headers: cloudflare_headers(headers(call)?),
                content_type: "text/plain; charset=UTF-8",
                body: "error code: 1010".into(),
            };
            (Kind::Answer(answer), &["status", "headers"])
        }
        "empty" => {
            let answer = Answer {
                name: "empty",
                status: status(200)?,
                headers: headers(call)?,
                content_type: "application/json; charset=utf-8",
                body: String::new(),
            };
            (Kind::Answer(answer), &["status", "headers"])
        }
        "redirect" => {
            let location = text(call, "location")?.ok_or("location is missing")?;
            let mut all = headers(call)?;
            all.push(("Location".into(), location));
            let answer = Answer {
                name: "redirect",
                status: status(302)?,
                headers: all,
                content_type: "text/html; charset=UTF-8",
                body: String::new(),
            };
            (Kind::Answer(answer), &["status", "location", "headers"])
        }
        "raw" => (
            Kind::Raw(text(call, "text")?.ok_or("text is missing")?),
            &["text"],
        ),
        "cut" => (
            Kind::Cut(size(number(call, "keep")?.unwrap_or(0))),
            &["keep"],
        ),
        "cut_before" => (Kind::CutBefore, &[]),
        "lost" => (Kind::Lost, &[]),
        "late" => (Kind::Late(needed("delay_ms")?), &["delay_ms"]),
        "delay" => (Kind::Delay(needed("delay_ms")?), &["delay_ms"]),
        "drip" => {
            let drip = Drip {
                bytes: size(number(call, "bytes_per_tick")?.unwrap_or(1).max(1)),
                tick_ms: number(call, "tick_ms")?.unwrap_or(100),
                head: flag(call, "head")?,
            };
            (Kind::Drip(drip), &["bytes_per_tick", "tick_ms", "head"])
        }
        "reset" => (Kind::Reset, &[]),
        "silence" => (Kind::Silence, &[]),
        "handshake_silence" => (Kind::HandshakeSilence, &[]),
        "handshake_close" => (Kind::HandshakeClose, &[]),
        "date" => {
            let wrong = match (text(call, "value")?, call.get("offset_ms")) {
                (Some(value), None) => WrongDate::Value(value),
                (None, Some(offset)) => {
                    WrongDate::Offset(offset.as_i64().ok_or("offset_ms must be a whole number")?)
                }
                _ => return Err("date takes either offset_ms or value".into()),
            };
            (Kind::Date(wrong), &["offset_ms", "value"])
        }
        "gzip" => (Kind::Gzip, &[]),
        "bom" => (Kind::Bom, &[]),
        "huge" => {
            let huge = Huge {
                bytes: size(needed("bytes")?),
                gzip: flag(call, "gzip")?,
                length: flag(call, "length")?,
            };
            (Kind::Huge(huge), &["bytes", "gzip", "length"])
        }
        "chunked_cut" => (Kind::ChunkedCut, &[]),
        "headers" => (Kind::Headers(headers(call)?), &["headers"]),
        other => return Err(format!("unknown kind {other:?}")),
    })
}

fn cloudflare_headers(given: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut all = vec![
        ("server".to_owned(), "cloudflare".to_owned()),
        ("CF-RAY".to_owned(), "8f0c1d2e3a4b5c6d-FRA".to_owned()),
    ];
    all.extend(given);
    all
}

/// A page such as Cloudflare puts before a service.
pub fn cloudflare_page(status: u16) -> String {
    let (title, text) = match status {
        403 => (
            "Attention Required! | Cloudflare",
            "Sorry, you have been blocked",
        ),
        429 => (
            "Access denied | Cloudflare",
            "Error 1015: You are being rate limited",
        ),
        _ => ("Cloudflare", "The web server reported an error"),
    };
    format!(
        "<!DOCTYPE html>\n<html lang=\"en-US\">\n<head><title>{title}</title></head>\n\
         <body><h1>{text}</h1><p>Status {status}. Cloudflare Ray ID: 8f0c1d2e3a4b5c6d</p></body>\n</html>\n"
    )
}

/// The answer to a client that doesn't say who it is.
pub fn blocked() -> Response {
    let mut response = Response::html(403, cloudflare_page(403));
    for (name, value) in cloudflare_headers(Vec::new()) {
        response.set(&name, value);
    }
    response
}

/// Refuses keys that nobody reads, so that a misspelt one is noticed.
pub fn known_keys(call: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match call.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(format!(
            "unknown key {key:?}; known are {}",
            known.join(", ")
        )),
        None => Ok(()),
    }
}

/// A text of a call.
pub fn text(call: &Map<String, Value>, key: &str) -> Result<Option<String>, String> {
    match call.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("{key} must be text")),
    }
}

/// A whole number of a call, not negative; query values come as text.
pub fn number(call: &Map<String, Value>, key: &str) -> Result<Option<u64>, String> {
    let value = match call.get(key) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => percent_decode(text).parse().ok(),
        Some(value) => value.as_u64(),
    };
    value
        .map(Some)
        .ok_or_else(|| format!("{key} must be a whole number"))
}

/// A yes or no of a call; query values come as text.
pub fn flag(call: &Map<String, Value>, key: &str) -> Result<bool, String> {
    match call.get(key) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(Value::String(text)) if text == "1" || text == "true" => Ok(true),
        Some(Value::String(text)) if text == "0" || text == "false" => Ok(false),
        Some(_) => Err(format!("{key} must be true or false")),
    }
}

fn headers(call: &Map<String, Value>) -> Result<Vec<(String, String)>, String> {
    let Some(value) = call.get("headers") else {
        return Ok(Vec::new());
    };
    let map = value.as_object().ok_or("headers must be an object")?;
    map.iter()
        .map(|(name, value)| match value {
            Value::String(text) => Ok((name.clone(), text.clone())),
            Value::Number(number) => Ok((name.clone(), number.to_string())),
            Value::Bool(flag) => Ok((name.clone(), flag.to_string())),
            _ => Err(format!("header {name} must be text")),
        })
        .collect()
}

/// The body: text byte for byte, or JSON that is written out.
fn body(call: &Map<String, Value>) -> Result<String, String> {
    Ok(match call.get("body") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(json) => json.to_string(),
    })
}

fn size(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
