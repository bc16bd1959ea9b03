//! HTTP/1.1 by hand: reading requests, writing answers byte by byte.
//! By hand because a fault must own every byte of an answer and of a connection.
//! Knows nothing of Trakt.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const HEAD_LIMIT: usize = 64 * 1024;
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// A request as it came in.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method as sent.
    pub method: String,
    /// The path without the query, not decoded.
    pub path: String,
    /// What follows `?`, not decoded; empty when there is none.
    pub query: String,
    /// Headers in their order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
    /// Whether the connection may carry another request.
    pub keep_alive: bool,
}

impl Request {
    /// The first header of that name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// How often a header was sent.
    pub fn header_count(&self, name: &str) -> usize {
        self.headers.iter().filter(|(key, _)| key == name).count()
    }

    /// The query's keys and values, decoded, in their order.
    pub fn query_pairs(&self) -> Vec<(String, String)> {
        form_pairs(&self.query)
    }

    /// One value of the query, decoded.
    pub fn query_value(&self, name: &str) -> Option<String> {
        self.query_pairs()
            .into_iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }
}

/// Keys and values of `application/x-www-form-urlencoded` text.
pub fn form_pairs(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            (form_decode(key), form_decode(value))
        })
        .collect()
}

fn form_decode(text: &str) -> String {
    percent_decode(&text.replace('+', " "))
}

/// Text with its `%XX` resolved; what is no such escape stays as it is.
pub fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escape = (byte == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .filter(|hex| hex.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match escape {
            Some(decoded) => {
                out.push(decoded);
                at += 3;
            }
            None => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Text encoded for a query value.
pub fn percent_encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// An answer before it is written.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Headers in their order; length and connection are added when it is written.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// An answer without a body, under the content type of JSON as Trakt sends it.
    pub fn empty(status: u16) -> Self {
        Self::text(status, "application/json; charset=utf-8", "")
    }

    /// An answer of JSON text.
    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::text(status, "application/json; charset=utf-8", body)
    }

    /// A page.
    pub fn html(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::text(status, "text/html; charset=UTF-8", body)
    }

    /// An answer of any content type.
    pub fn text(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("Content-Type".into(), content_type.into())],
            body: body.into(),
        }
    }

    /// The answer with one more header; one of the same name is replaced.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.set(name, value);
        self
    }

    /// Sets a header; one of the same name is replaced.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.headers
            .retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        self.headers.push((name.into(), value.into()));
    }

    /// The head on the wire. `framing` is the header that tells where the body ends.
    pub fn head(&self, framing: &str, keep_alive: bool) -> Vec<u8> {
        let mut text = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if !framing.is_empty() {
            text.push_str(framing);
            text.push_str("\r\n");
        }
        text.push_str(if keep_alive {
            "Connection: keep-alive\r\n\r\n"
        } else {
            "Connection: close\r\n\r\n"
        });
        text.into_bytes()
    }

    /// The framing header of an answer that is sent whole.
    pub fn length_header(&self) -> String {
        if self.status == 204 || self.status == 304 {
            String::new()
        } else {
            format!("Content-Length: {}", self.body.len())
        }
    }
}

/// The standard phrase of a status.
pub fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        418 => "I'm a teapot",
        420 => "Enhance Your Calm",
        422 => "Unprocessable Content",
        423 => "Locked",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Status",
    }
}

/// Why no request could be read.
#[derive(Debug)]
pub enum ReadError {
    /// The peer closed the connection, between two requests or inside one.
    Closed,
    /// What came is no HTTP/1.x, or too large.
    Bad(&'static str),
}

impl From<io::Error> for ReadError {
    fn from(_: io::Error) -> Self {
        Self::Closed
    }
}

/// Reads one request; `buffer` keeps what belongs to the next.
pub async fn read_request<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
) -> Result<Request, ReadError> {
    let (mut request, head_length, framing) = loop {
        if let Some(parsed) = parse_head(buffer)? {
            break parsed;
        }
        if buffer.len() > HEAD_LIMIT {
            return Err(ReadError::Bad("the head is too large"));
        }
        read_more(stream, buffer).await?;
    };
    buffer.drain(..head_length);
    let waits = request
        .header("expect")
        .is_some_and(|value| value.eq_ignore_ascii_case("100-continue"));
    if waits && buffer.is_empty() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        stream.flush().await?;
    }
    request.body = match framing {
        Framing::None => Vec::new(),
        Framing::Length(length) => {
            while buffer.len() < length {
                read_more(stream, buffer).await?;
            }
            buffer.drain(..length).collect()
        }
        Framing::Chunked => read_chunks(stream, buffer).await?,
    };
    Ok(request)
}

enum Framing {
    None,
    Length(usize),
    Chunked,
}

fn parse_head(buffer: &[u8]) -> Result<Option<(Request, usize, Framing)>, ReadError> {
    let mut fields = [httparse::EMPTY_HEADER; 96];
    let mut head = httparse::Request::new(&mut fields);
    let length = match head.parse(buffer) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(ReadError::Bad("this is no HTTP request")),
    };
    let headers: Vec<(String, String)> = head
        .headers
        .iter()
        .map(|field| {
            (
                field.name.to_ascii_lowercase(),
                String::from_utf8_lossy(field.value).into_owned(),
            )
        })
        .collect();
    let target = origin_form(head.path.unwrap_or("/"));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Request {
        method: head.method.unwrap_or_default().to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: Vec::new(),
        keep_alive: head.version == Some(1),
    };
    if let Some(connection) = request.header("connection") {
        let connection = connection.to_ascii_lowercase();
        request.keep_alive =
            connection.contains("keep-alive") || (request.keep_alive && connection != "close");
    }
    let framing = framing_of(&request)?;
    Ok(Some((request, length, framing)))
}

/// A proxy sends the whole URL where a client sends the path.
fn origin_form(target: &str) -> &str {
    match target.split_once("://") {
        Some((_, rest)) if !target.starts_with('/') => {
            rest.find('/').map_or("/", |slash| &rest[slash..])
        }
        _ => target,
    }
}

fn framing_of(request: &Request) -> Result<Framing, ReadError> {
    let chunked = request.header("transfer-encoding").is_some();
    match (chunked, request.header("content-length")) {
        (true, Some(_)) => Err(ReadError::Bad("a length and chunks at once")),
        (true, None) => Ok(Framing::Chunked),
        (false, None) => Ok(Framing::None),
        (false, Some(length)) => match length.parse::<usize>() {
            Ok(length) if length <= BODY_LIMIT => Ok(Framing::Length(length)),
            _ => Err(ReadError::Bad("the body is too large")),
        },
    }
}

async fn read_chunks<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
) -> Result<Vec<u8>, ReadError> {
    let mut body = Vec::new();
    loop {
        let (used, size) = loop {
            match httparse::parse_chunk_size(buffer) {
                Ok(httparse::Status::Complete(found)) => break found,
                Ok(httparse::Status::Partial) => read_more(stream, buffer).await?,
                Err(_) => return Err(ReadError::Bad("a chunk without a size")),
            }
        };
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if size > BODY_LIMIT - body.len().min(BODY_LIMIT) {
            return Err(ReadError::Bad("the body is too large"));
        }
        while buffer.len() < used + size + 2 {
            read_more(stream, buffer).await?;
        }
        body.extend_from_slice(&buffer[used..used + size]);
        buffer.drain(..used + size + 2);
        if size == 0 {
            return Ok(body);
        }
    }
}

async fn read_more<S: AsyncRead + Unpin>(
    stream: &mut S,
    buffer: &mut Vec<u8>,
) -> Result<(), ReadError> {
    match stream.read_buf(buffer).await? {
        0 => Err(ReadError::Closed),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded_and_broken_escapes_stay() {
        let pairs = form_pairs("a=1+2&b=%C3%A4&c&d=%zz%4");
        let texts: Vec<(&str, &str)> = pairs
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        assert_eq!(texts, [("a", "1 2"), ("b", "ä"), ("c", ""), ("d", "%zz%4")]);
        assert_eq!(percent_encode("a b/ä"), "a%20b%2F%C3%A4");
    }

    #[test]
    fn a_proxys_target_loses_its_host() {
        assert_eq!(origin_form("http://127.0.0.1:1/a?b"), "/a?b");
        assert_eq!(origin_form("http://127.0.0.1:1"), "/");
        assert_eq!(origin_form("/a?u=http://x/"), "/a?u=http://x/");
    }
}
