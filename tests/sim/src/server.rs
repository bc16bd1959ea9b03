//! The accept loops and the life of a connection: reads requests, lets them be answered and carries
//! out faults on the bytes and the socket.
//! Knows nothing of Trakt: checks are in `strict`, answers in `oauth`, `api` and `pages`.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::server::TlsStream;

use crate::clock::http_date;
use crate::control;
use crate::faults::{Drip, Hit, Hits, Huge, Kind, WrongDate};
use crate::http::{ReadError, Request, Response, read_request};
use crate::strict::Host;
use crate::tls::Tls;
use crate::world::Shared;
use crate::{api, oauth, pages, strict};

const BOM: &[u8] = b"\xef\xbb\xbf";
const CHUNK: usize = 64 * 1024;

/// A connection with its socket underneath.
trait Connection: AsyncRead + AsyncWrite + Unpin {
    fn socket(&self) -> &TcpStream;
}

impl Connection for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Connection for TlsStream<TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// Accepts connections of the auth or the API host for ever.
pub async fn serve(shared: Arc<Shared>, host: Host, listener: TcpListener, tls: Option<Arc<Tls>>) {
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        // A refused option only costs speed.
        let _ = socket.set_nodelay(true);
        let shared = shared.clone();
        let tls = tls.clone();
        tokio::spawn(async move {
            // An error here is the client's end of the connection: nobody is left to hear of it.
            let _ = connection(&shared, host, socket, tls.as_deref()).await;
        });
    }
}

async fn connection(
    shared: &Shared,
    host: Host,
    mut socket: TcpStream,
    tls: Option<&Tls>,
) -> io::Result<()> {
    let (number, hit, certificate) = {
        let mut world = shared.world();
        world.connections += 1;
        let hit = world.faults.hit_connection(host.name());
        (world.connections, hit, world.config.certificate)
    };
    shared.changed();
    if let Some((id, kind)) = hit {
        if kind == Kind::HandshakeSilence {
            wait(shared, &mut socket, &mut Vec::new(), id, None).await;
        }
        return Ok(());
    }
    match tls.and_then(|tls| tls.acceptor(certificate)) {
        None => requests(shared, host, number, socket).await,
        Some(acceptor) => {
            let stream = acceptor.accept(socket).await?;
            requests(shared, host, number, stream).await
        }
    }
}

async fn requests(
    shared: &Shared,
    host: Host,
    connection: u64,
    mut stream: impl Connection,
) -> io::Result<()> {
    let mut buffer = Vec::new();
    loop {
        let request = match read_request(&mut stream, &mut buffer).await {
            Ok(request) => request,
            Err(ReadError::Closed) => return Ok(()),
            Err(ReadError::Bad(text)) => {
                shared.world().log.violation(0, "http", text);
                let response = Response::text(400, "text/plain", text);
                return write_whole(&mut stream, &response, false, false).await;
            }
        };
        let mut exchange = Exchange::arrived(shared, host, connection, request);
        shared.changed();
        let result = exchange.run(&mut stream, &mut buffer).await;
        if let Some(entry) = shared.world().log.entry(exchange.n) {
            entry.client_gone |= result.is_err();
        }
        exchange.over();
        match result? {
            After::Keep => {}
            After::Close => {
                // The client may be gone already.
                let _ = stream.shutdown().await;
                return Ok(());
            }
            After::Drop => return Ok(()),
        }
    }
}

/// What becomes of the connection.
enum After {
    Keep,
    /// Ends in order.
    Close,
    /// Ends at once, for TLS without a farewell.
    Drop,
}

/// One request and its answer.
struct Exchange<'a> {
    shared: &'a Shared,
    host: Host,
    n: u64,
    request: Request,
    refused: Option<Response>,
    hits: Hits,
}

impl<'a> Exchange<'a> {
    fn arrived(shared: &'a Shared, host: Host, connection: u64, request: Request) -> Self {
        let mut world = shared.world();
        let (at_ms, sim_ms) = (world.clock.at_ms(), world.clock.sim_ms());
        let bearer = world.grants.bearer_name(&request);
        let n = world
            .log
            .arrived(host.name(), connection, &request, bearer, at_ms, sim_ms);
        let refused = strict::check(&mut world, n, host, &request);
        let hits = world
            .faults
            .hit_request((host.name(), &request.method, &request.path));
        if let Some(entry) = world.log.entry(n) {
            let trimming = hits.trimmings.first().map(Kind::name);
            entry.fault = hits.main.as_ref().map(|hit| hit.kind.name()).or(trimming);
        }
        drop(world);
        Self {
            shared,
            host,
            n,
            request,
            refused,
            hits,
        }
    }

    /// What the service itself answers.
    fn process(&mut self) -> Response {
        let mut world = self.shared.world();
        let clean = self.hits.main.is_none();
        let response = match self.refused.take() {
            Some(response) => response,
            None if self.host == Host::Api => api::answer(&mut world, &self.request),
            None if pages::is_page(&self.request.path) => {
                pages::answer(&mut world, self.n, &self.request)
            }
            None => oauth::answer(&mut world, self.n, &self.request, clean),
        };
        if let Some(entry) = world.log.entry(self.n) {
            entry.processed = Some(response.status);
        }
        drop(world);
        self.shared.changed();
        response
    }

    /// Adds `Date` and what faults do to headers; notes the answer as sent.
    fn finish(&self, mut response: Response) -> Response {
        let mut world = self.shared.world();
        let mut date = Some(http_date(world.clock.wall_ms()));
        for kind in &self.hits.trimmings {
            match kind {
                Kind::Date(WrongDate::Offset(offset)) => {
                    date = Some(http_date(world.clock.wall_ms() + offset));
                }
                Kind::Date(WrongDate::Value(text)) => {
                    date = (!text.is_empty()).then(|| text.clone());
                }
                Kind::Headers(headers) => {
                    for (name, value) in headers {
                        response.set(name, value.clone());
                    }
                }
                _ => {}
            }
        }
        let dated = |(name, _): &(String, String)| name.eq_ignore_ascii_case("date");
        if let Some(date) = date.filter(|_| !response.headers.iter().any(dated)) {
            response.set("Date", date);
        }
        if let Some(entry) = world.log.entry(self.n) {
            entry.status = Some(response.status);
        }
        drop(world);
        self.shared.changed();
        response
    }

    fn over(&self) {
        let mut world = self.shared.world();
        let now = world.clock.at_ms();
        if let Some(entry) = world.log.entry(self.n) {
            entry.done_ms = Some(now);
        }
        drop(world);
        self.shared.changed();
    }

    async fn run<C: Connection>(
        &mut self,
        stream: &mut C,
        buffer: &mut Vec<u8>,
    ) -> io::Result<After> {
        match self.hits.main.clone() {
            Some(hit) => self.run_fault(hit, stream, buffer).await,
            None => {
                let response = self.process();
                self.send(stream, response).await
            }
        }
    }

    async fn run_fault<C: Connection>(
        &mut self,
        hit: Hit,
        stream: &mut C,
        buffer: &mut Vec<u8>,
    ) -> io::Result<After> {
        if let Kind::Delay(delay_ms) = hit.kind {
            self.hold(stream, buffer, &hit, Some(delay_ms)).await;
        }
        let answer = if hit.processed {
            Some(self.process())
        } else {
            None
        };
        let own = answer.unwrap_or_else(|| Response::empty(200));
        match hit.kind {
            Kind::Answer(answer) => self.send(stream, answer.response()).await,
            Kind::Raw(text) => {
                stream.write_all(text.as_bytes()).await?;
                stream.flush().await?;
                Ok(After::Close)
            }
            Kind::Delay(_) | Kind::Date(_) | Kind::Headers(_) => self.send(stream, own).await,
            Kind::Late(delay_ms) => {
                self.hold(stream, buffer, &hit, Some(delay_ms)).await;
                self.send(stream, own).await
            }
            Kind::CutBefore | Kind::Lost => Ok(After::Drop),
            Kind::Cut(keep) => {
                let response = self.finish(own);
                let mut bytes = response.head(&response.length_header(), false);
                bytes.extend_from_slice(&response.body[..keep.min(response.body.len())]);
                stream.write_all(&bytes).await?;
                stream.flush().await?;
                Ok(After::Drop)
            }
            Kind::Drip(drip) => {
                let response = self.finish(own);
                self.drip(stream, buffer, hit.id, &drip, &response).await
            }
            Kind::Reset | Kind::HandshakeSilence | Kind::HandshakeClose => {
                stream.socket().set_zero_linger()?;
                Ok(After::Drop)
            }
            Kind::Silence => {
                self.hold(stream, buffer, &hit, None).await;
                Ok(After::Drop)
            }
            Kind::Gzip => {
                let mut response = own;
                response.body = gzip(&response.body)?;
                response.set("Content-Encoding", "gzip");
                self.send(stream, response).await
            }
            Kind::Bom => {
                let mut response = own;
                response.body = [BOM, &response.body].concat();
                self.send(stream, response).await
            }
            Kind::Huge(huge) => self.huge(stream, &huge).await,
            Kind::ChunkedCut => {
                let response = self.finish(own);
                let half = &response.body[..response.body.len().div_ceil(2)];
                let mut bytes = response.head("Transfer-Encoding: chunked", false);
                bytes.extend_from_slice(format!("{:x}\r\n", half.len().max(1)).as_bytes());
                bytes.extend_from_slice(half);
                stream.write_all(&bytes).await?;
                stream.flush().await?;
                Ok(After::Drop)
            }
        }
    }

    /// Sends an answer whole.
    async fn send<C: Connection>(&self, stream: &mut C, response: Response) -> io::Result<After> {
        let response = self.finish(response);
        let keep = self.request.keep_alive;
        write_whole(stream, &response, keep, self.request.method == "HEAD").await?;
        Ok(if keep { After::Keep } else { After::Close })
    }

    /// Waits for a time, the removal of the fault, or the client's end.
    async fn hold<C: Connection>(
        &self,
        stream: &mut C,
        buffer: &mut Vec<u8>,
        hit: &Hit,
        delay_ms: Option<u64>,
    ) {
        if wait(self.shared, stream, buffer, hit.id, delay_ms).await {
            if let Some(entry) = self.shared.world().log.entry(self.n) {
                entry.client_gone = true;
            }
            self.shared.changed();
        }
    }

    async fn drip<C: Connection>(
        &self,
        stream: &mut C,
        buffer: &mut Vec<u8>,
        fault: u64,
        drip: &Drip,
        response: &Response,
    ) -> io::Result<After> {
        let mut bytes = response.head(&response.length_header(), false);
        let mut sent = if drip.head { 0 } else { bytes.len() };
        bytes.extend_from_slice(&response.body);
        stream.write_all(&bytes[..sent]).await?;
        stream.flush().await?;
        while sent < bytes.len() {
            let gone = wait(self.shared, stream, buffer, fault, Some(drip.tick_ms)).await;
            if gone {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let end = bytes.len().min(sent + drip.bytes);
            stream.write_all(&bytes[sent..end]).await?;
            stream.flush().await?;
            sent = end;
        }
        Ok(After::Close)
    }

    async fn huge<C: Connection>(&self, stream: &mut C, huge: &Huge) -> io::Result<After> {
        let (open, close) = ("{\"pad\":\"", "\"}");
        let padding = huge.bytes.saturating_sub(open.len() + close.len());
        if huge.gzip {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(open.as_bytes())?;
            let block = vec![b'x'; CHUNK];
            let mut left = padding;
            while left > 0 {
                let part = left.min(CHUNK);
                encoder.write_all(&block[..part])?;
                left -= part;
            }
            encoder.write_all(close.as_bytes())?;
            let mut response = Response::json(200, encoder.finish()?);
            response.set("Content-Encoding", "gzip");
            return self.send(stream, response).await;
        }
        let response = self.finish(Response::empty(200));
        let framing = if huge.length {
            format!("Content-Length: {}", padding + open.len() + close.len())
        } else {
            "Transfer-Encoding: chunked".to_owned()
        };
        stream.write_all(&response.head(&framing, false)).await?;
        let block = vec![b'x'; CHUNK];
        write_piece(stream, open.as_bytes(), huge.length).await?;
        let mut left = padding;
        while left > 0 {
            let part = left.min(CHUNK);
            write_piece(stream, &block[..part], huge.length).await?;
            left -= part;
        }
        write_piece(stream, close.as_bytes(), huge.length).await?;
        if !huge.length {
            stream.write_all(b"0\r\n\r\n").await?;
        }
        stream.flush().await?;
        Ok(After::Close)
    }
}

async fn write_piece<C: Connection>(stream: &mut C, piece: &[u8], plain: bool) -> io::Result<()> {
    if plain {
        return stream.write_all(piece).await;
    }
    stream
        .write_all(format!("{:x}\r\n", piece.len()).as_bytes())
        .await?;
    stream.write_all(piece).await?;
    stream.write_all(b"\r\n").await
}

async fn write_whole<C: Connection>(
    stream: &mut C,
    response: &Response,
    keep_alive: bool,
    head_only: bool,
) -> io::Result<()> {
    let mut bytes = response.head(&response.length_header(), keep_alive);
    if !head_only && response.status != 204 {
        bytes.extend_from_slice(&response.body);
    }
    stream.write_all(&bytes).await?;
    stream.flush().await
}

fn gzip(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body)?;
    encoder.finish()
}

/// Waits for a time (none: without end) or until the fault is removed; true when the client went away.
async fn wait<C: Connection>(
    shared: &Shared,
    stream: &mut C,
    buffer: &mut Vec<u8>,
    fault: u64,
    delay_ms: Option<u64>,
) -> bool {
    let removed = async {
        let mut changes = shared.changes();
        while shared.world().faults.exists(fault) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    };
    let timer = async {
        match delay_ms {
            Some(delay_ms) => tokio::time::sleep(Duration::from_millis(delay_ms)).await,
            None => std::future::pending().await,
        }
    };
    let gone = async {
        // What arrives meanwhile belongs to the next request.
        while matches!(stream.read_buf(buffer).await, Ok(read) if read > 0) {}
    };
    tokio::select! {
        () = removed => false,
        () = timer => false,
        () = gone => true,
    }
}

/// Accepts connections of the control API for ever.
pub async fn serve_control(shared: Arc<Shared>, listener: TcpListener) {
    loop {
        let Ok((mut socket, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        // A refused option only costs speed.
        let _ = socket.set_nodelay(true);
        let shared = shared.clone();
        tokio::spawn(async move {
            let mut buffer = Vec::new();
            while let Ok(request) = read_request(&mut socket, &mut buffer).await {
                let response = control::answer(&shared, &request).await;
                let keep = request.keep_alive;
                let sent = write_whole(&mut socket, &response, keep, false).await;
                if sent.is_err() || !keep {
                    return;
                }
            }
        });
    }
}
