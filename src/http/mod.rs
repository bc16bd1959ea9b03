//! The one door to Trakt: headers, TLS, proxies, limits, retries, and what an answer means.
//! Knows nothing of accounts, logins or what the answers are for. Runs on worker threads: it waits for the network.
#![forbid(unsafe_code)]

use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use flate2::read::MultiGzDecoder;
use ureq::http::{HeaderValue, Request as WireRequest, Response};
use ureq::{Agent, AsSendBody, Body, Proxy};

use crate::cancel::Budget;
use crate::clock::Moment;
use crate::config::Config;
use crate::error::{Error, Result, Status};
use crate::secret::Secret;

pub mod classify;
pub mod limiter;
pub mod message;
pub mod retry;
mod tls;
mod transport;
mod trouble;
mod url;

pub use classify::{
    Kind, OauthError, UPGRADE_URL, classify, date_skew_ms, is_cloudflare, kind, oauth_error,
    retry_after_ms,
};
pub use limiter::Pace;
pub use message::{Answer, Headers, Host, Method, Request};
pub use retry::Retry;
pub use trouble::TOO_LATE;

use limiter::{READ_SPAN_MS, READS, Window};
use retry::HostState;
use transport::{AgentPool, PooledAgent};
use trouble::Stage;
use url::Origin;

/// The largest body that is accepted, decoded or not, in bytes.
pub const MAX_BODY: usize = 64 * 1024 * 1024;
/// How long a request that spends something may take.
pub const SPEND_TIME: Duration = Duration::from_secs(15);
/// How long a connection waits for its next request. Shorter than any server's own patience.
const IDLE_AGE: Duration = Duration::from_secs(15);

/// One client's way to Trakt.
pub struct Http {
    client_id: String,
    origins: [Origin; 2],
    proxy: Option<Proxy>,
    read_time: Duration,
    agents: AgentPool,
    hosts: [HostState; 2],
    reads: Mutex<Window>,
    pace: Arc<dyn Pace>,
}

impl Http {
    /// Prepares everything and connects to nothing.
    ///
    /// # Errors
    /// `config`, naming the key, if `ca_file` holds no certificate or can't be read, or `proxy` is none.
    pub fn new(config: &Config, pace: Arc<dyn Pace>) -> Result<Self> {
        let proxy = match &config.proxy {
            None => Proxy::try_from_env(),
            Some(url) if url.is_empty() => None,
            Some(url) => Some(
                Proxy::new(url.expose())
                    .map_err(|_| Error::new(Status::Config, "`proxy` is no proxy URL"))?,
            ),
        };
        let timeouts = &config.timeouts;
        let agents = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .https_only(true)
            .proxy(None)
            .user_agent(&config.user_agent)
            .timeout_resolve(Some(timeouts.resolve))
            .timeout_connect(Some(timeouts.connect))
            .timeout_per_write(Some(timeouts.read))
            // Two of each per connection with TLS, so smaller than usual.
            .input_buffer_size(64 * 1024)
            .output_buffer_size(16 * 1024)
            .max_response_header_size(32 * 1024)
            .max_idle_age(IDLE_AGE)
            .max_idle_connections(2)
            .max_idle_connections_per_host(1)
            .build();
        Ok(Self {
            client_id: config.client_id.clone(),
            origins: [
                Origin::new(&config.auth_url)?,
                Origin::new(&config.api_url)?,
            ],
            proxy,
            read_time: timeouts.read,
            agents: AgentPool::new(agents, tls::Trust::new(config.ca_file.as_deref())?),
            hosts: Default::default(),
            reads: Mutex::new(Window::new(READS, READ_SPAN_MS)),
            pace,
        })
    }

    /// One exchange, without limits and retries; ended by the budget's cancel and deadline. A GET that meets a kept connection
    /// which the server had closed meanwhile goes out once more on a new one; anything else gets a new connection from the start.
    ///
    /// # Errors
    /// `network`, `timeout`, `dns`, `tls`, `tls_clock`, `proxy`; `bad_reply` for an answer that was cut, is too large or is no HTTP;
    /// `cancelled`, `closed`; `invalid_argument` for a path that can't be sent. An HTTP status is never an error here.
    pub fn exchange(&self, request: &Request, budget: &Budget) -> Result<Answer> {
        let url = self.origin(request.host).url(request)?;
        let started = Instant::now();
        let result = self.on_pooled_agent(request, &url, budget);
        record(request, &result, started);
        result
    }

    /// One exchange that nothing tears down, for requests that spend something: refresh, device token, code exchange.
    /// It has an agent of its own and [`SPEND_TIME`], and no cancel ends it.
    ///
    /// # Errors
    /// As [`Http::exchange`], without `cancelled` and `closed`.
    pub fn spend(&self, request: &Request) -> Result<Answer> {
        let url = self.origin(request.host).url(request)?;
        let started = Instant::now();
        let pooled = self.agents.fresh();
        // A server that thinks for long has not lost the answer yet.
        let times = Times {
            total: SPEND_TIME,
            read: SPEND_TIME,
        };
        let result = self
            .run(&pooled, request, &url, times)
            .map_err(|fault| self.error(fault, request.host));
        record(request, &result, started);
        result
    }

    fn origin(&self, host: Host) -> &Origin {
        &self.origins[host as usize]
    }

    fn error(&self, fault: Fault, host: Host) -> Error {
        self.agents.forget();
        match fault {
            Fault::Transport(error, stage) => {
                trouble::error(error, stage, self.origin(host).host())
            }
            Fault::Answer(error) => error,
        }
    }

    fn on_pooled_agent(
        &self,
        request: &Request,
        url: &ureq::http::Uri,
        budget: &Budget,
    ) -> Result<Answer> {
        let mut pooled = self.agents.take();
        loop {
            budget.check()?;
            pooled.set_cancel(Some(budget.cancel.clone()));
            let before = pooled.connects();
            let times = Times {
                total: budget.left(),
                read: self.read_time,
            };
            let hook = budget.cancel.on_end({
                let agent = pooled.agent.clone();
                move || agent.shutdown()
            });
            let result = self.run(&pooled, request, url, times);
            drop(hook);
            // From here on the hook has run or never will: an agent that was shut down is not given back.
            budget.cancel.check()?;
            match result {
                Ok(answer) => {
                    self.agents.give_back(pooled);
                    return Ok(answer);
                }
                Err(Fault::Transport(error, Stage::Head))
                    if request.method == Method::Get
                        && pooled.connects() == before
                        && trouble::is_broken_connection(&error) =>
                {
                    self.agents.forget();
                    pooled = self.agents.fresh();
                }
                Err(fault) => return Err(self.error(fault, request.host)),
            }
        }
    }

    fn run(
        &self,
        pooled: &PooledAgent,
        request: &Request,
        url: &ureq::http::Uri,
        times: Times,
    ) -> Result<Answer, Fault> {
        pooled.set_not_after(request.not_after_ms);
        let builder = self.head(request, url)?;
        let body = request.body.as_ref().map(Secret::expose);
        let asked = Moment::now();
        let sent = match (request.method, body) {
            (Method::Get, Some(_)) => {
                return Err(Fault::Answer(Error::argument("a GET has no body")));
            }
            (Method::Get | Method::Delete, None) => {
                self.call(pooled, request, builder.body(()), times)
            }
            (_, body) => self.call(pooled, request, builder.body(body.unwrap_or("")), times),
        };
        let mut response = sent.map_err(|error| Fault::Transport(error, Stage::Head))?;
        let at = Moment::now();
        let took_ms = at.since(&asked);
        let body = read_body(&mut response)?;
        Ok(Answer {
            status: response.status().as_u16(),
            headers: response
                .headers()
                .iter()
                .map(|(key, value)| (key.as_str(), String::from_utf8_lossy(value.as_bytes())))
                .collect(),
            body,
            at,
            took_ms,
        })
    }

    /// The headers that Trakt wants on every request, OAuth included.
    fn head(
        &self,
        request: &Request,
        url: &ureq::http::Uri,
    ) -> Result<ureq::http::request::Builder, Fault> {
        let mut builder = WireRequest::builder()
            .method(request.method.name())
            .uri(url)
            .header("Content-Type", "application/json")
            .header("Accept-Encoding", "gzip")
            .header("trakt-api-version", "2")
            .header("trakt-api-key", &self.client_id);
        if let Some(token) = &request.bearer {
            let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose()))
                .map_err(|_| Fault::Answer(Error::argument("the access token can't be sent")))?;
            value.set_sensitive(true);
            builder = builder.header("Authorization", value);
        }
        Ok(builder)
    }

    fn call<B: AsSendBody>(
        &self,
        pooled: &PooledAgent,
        request: &Request,
        wire: Result<WireRequest<B>, ureq::http::Error>,
        times: Times,
    ) -> Result<Response<Body>, ureq::Error> {
        let origin = self.origin(request.host);
        let proxy = self.proxy.clone().filter(|_| !origin.is_loopback());
        // What can't be repeated must not be lost to a connection that the server has just closed.
        let idle_age = match request.method {
            Method::Get => IDLE_AGE,
            _ => Duration::ZERO,
        };
        let wire = pooled
            .agent
            .configure_request(wire?)
            .https_only(origin.is_https())
            .proxy(proxy)
            .max_idle_age(idle_age)
            .timeout_per_read(Some(times.read))
            .timeout_global(Some(times.total))
            .build();
        pooled.agent.run(wire)
    }
}

/// The longest an exchange may take.
#[derive(Clone, Copy)]
struct Times {
    total: Duration,
    /// Between two pieces of the answer.
    read: Duration,
}

/// Why there is no answer.
enum Fault {
    /// Below HTTP.
    Transport(ureq::Error, Stage),
    /// An answer came and can't be used, or the request can't be sent.
    Answer(Error),
}

fn record(request: &Request, result: &Result<Answer>, started: Instant) {
    let time = started.elapsed().as_millis();
    match result {
        Ok(answer) => log::debug!(
            "{} {} {} in {time} ms",
            request.method,
            request.path,
            answer.status
        ),
        Err(error) => log::debug!(
            "{} {} {} in {time} ms",
            request.method,
            request.path,
            error.code()
        ),
    }
}

/// Reads a body to its end, decoded, and takes what described its encoding out of the headers.
fn read_body(response: &mut Response<Body>) -> Result<Vec<u8>, Fault> {
    let raw = response
        .body_mut()
        .with_config()
        .limit(MAX_BODY as u64)
        .read_to_vec()
        .map_err(|error| Fault::Transport(error, Stage::Body))?;
    let headers = response.headers_mut();
    let ends_with_connection =
        !headers.contains_key("content-length") && !headers.contains_key("transfer-encoding");
    let encoding = headers.remove("content-encoding");
    let mut body = match encoding.as_ref().map(|value| value.as_bytes().trim_ascii()) {
        None | Some(b"") => raw,
        Some(name) if name.eq_ignore_ascii_case(b"identity") => raw,
        Some(name)
            if name.eq_ignore_ascii_case(b"gzip") || name.eq_ignore_ascii_case(b"x-gzip") =>
        {
            headers.remove("content-length");
            unpack(&raw).map_err(Fault::Answer)?
        }
        Some(_) => {
            return Err(Fault::Answer(Error::new(
                Status::BadReply,
                "the answer is packed in a way that wasn't asked for",
            )));
        }
    };
    if body.starts_with(b"\xEF\xBB\xBF") {
        body.drain(..3);
    }
    // A body that ends with its connection can be cut without a trace; JSON shows it all the same.
    let is_json = headers
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.to_ascii_lowercase().contains("json"));
    if ends_with_connection && is_json && response.status().is_success() && is_cut_json(&body) {
        return Err(Fault::Answer(trouble::cut()));
    }
    Ok(body)
}

fn is_cut_json(body: &[u8]) -> bool {
    !body.trim_ascii().is_empty()
        && serde_json::from_slice::<serde::de::IgnoredAny>(body).is_err_and(|error| error.is_eof())
}

fn unpack(raw: &[u8]) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    if raw.is_empty() {
        return Ok(body);
    }
    MultiGzDecoder::new(raw)
        .take(MAX_BODY as u64 + 1)
        .read_to_end(&mut body)
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => trouble::cut(),
            _ => Error::new(Status::BadReply, "the answer can't be unpacked"),
        })?;
    if body.len() > MAX_BODY {
        return Err(trouble::too_large());
    }
    Ok(body)
}
