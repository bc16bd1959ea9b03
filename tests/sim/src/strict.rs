//! The check of every request before anything is done with it: headers, body, rates, leaks.
//! What is wrong is recorded as a violation, and answered the way Trakt would.
//! Knows nothing of what a valid request brings about.

use serde_json::{Map, Value, json};

use crate::api;
use crate::bodies;
use crate::faults;
use crate::grants::{Access, bearer};
use crate::http::{Request, Response};
use crate::oauth;
use crate::pages;
use crate::search;
use crate::world::{Window, World};

/// One of the two hosts under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// OAuth and pages.
    Auth,
    /// The API.
    Api,
}

impl Host {
    /// The host's name in the log and in faults.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Api => "api",
        }
    }
}

/// Checks a request; the answer when it is refused.
pub fn check(world: &mut World, n: u64, host: Host, request: &Request) -> Option<Response> {
    if host == Host::Auth && pages::is_page(&request.path) {
        return None;
    }
    let mut check = Check {
        world,
        n,
        request,
        answer: None,
    };
    check.host_header(host);
    check.user_agent();
    check.no_leak();
    match host {
        Host::Auth => check.oauth_call(),
        Host::Api => check.api_call(),
    }
    check.answer
}

struct Check<'a> {
    world: &'a mut World,
    n: u64,
    request: &'a Request,
    answer: Option<Response>,
}

impl Check<'_> {
    /// Records a violation that is passed over.
    fn note(&mut self, kind: &'static str, text: impl Into<String>) {
        self.world.log.violation(self.n, kind, text);
    }

    /// Decides the answer, unless an earlier check has.
    fn refuse(&mut self, answer: Response) {
        self.answer.get_or_insert(answer);
    }

    fn violate(&mut self, kind: &'static str, text: impl Into<String>, answer: Response) {
        self.note(kind, text);
        self.refuse(answer);
    }

    fn host_header(&mut self, host: Host) {
        let url = match host {
            Host::Auth => &self.world.urls.auth,
            Host::Api => &self.world.urls.api,
        };
        let address = url.rsplit('/').next().unwrap_or_default().to_owned();
        let named = address.replace("127.0.0.1", "localhost");
        let sent = self.request.header("host").unwrap_or_default().to_owned();
        if self.request.header_count("host") != 1 || (sent != address && sent != named) {
            self.note("headers", format!("Host is {sent:?} instead of {address}"));
        }
        for name in [
            "content-type",
            "user-agent",
            "trakt-api-key",
            "trakt-api-version",
            "authorization",
        ] {
            if self.request.header_count(name) > 1 {
                self.note("headers", format!("{name} was sent more than once"));
            }
        }
    }

    fn user_agent(&mut self) {
        match self.request.header("user-agent").map(str::trim) {
            None | Some("") => self.violate("headers", "no User-Agent", faults::blocked()),
            Some(agent) if !is_product(agent) => {
                let text = format!("User-Agent {agent:?} doesn't begin with Name/Version");
                self.note("headers", text);
            }
            Some(_) => {}
        }
    }

    /// Keys and tokens belong into headers and bodies, and secrets to the auth host alone.
    fn no_leak(&mut self) {
        let query = &self.request.query;
        let suspicious = self.request.query_pairs().into_iter().find(|(key, _)| {
            matches!(
                key.to_ascii_lowercase().as_str(),
                "client_id"
                    | "client_secret"
                    | "access_token"
                    | "refresh_token"
                    | "token"
                    | "api_key"
                    | "apikey"
                    | "trakt-api-key"
            )
        });
        if let Some((key, _)) = suspicious {
            self.note("leak", format!("{key} in the query"));
        }
        let url = format!("{}?{query}", self.request.path);
        let known = self.world.grants.secret_in(&url).or_else(|| {
            self.world
                .clients
                .iter()
                .any(|client| {
                    url.contains(&client.client_secret) || url.contains(&client.client_id)
                })
                .then_some("a key of the app")
        });
        if let Some(what) = known {
            self.note("leak", format!("{what} in the address"));
        }
    }

    fn json_content(&mut self) -> bool {
        let media = self.request.header("content-type").unwrap_or_default();
        let media = media.split(';').next().unwrap_or_default().trim();
        media.eq_ignore_ascii_case("application/json")
    }

    fn version_header(&mut self) -> bool {
        let fits = self.request.header("trakt-api-version") == Some("2");
        if !fits {
            let sent = self
                .request
                .header("trakt-api-version")
                .unwrap_or("missing");
            let text = format!("trakt-api-version is {sent} instead of 2");
            self.note("headers", text);
        }
        fits
    }

    fn oauth_call(&mut self) {
        let path = self.request.path.as_str();
        let Some(form) = oauth::form(path) else {
            let text = format!(
                "{} {path} doesn't exist on the auth host",
                self.request.method
            );
            return self.violate("host", text, Response::empty(404));
        };
        if self.request.method != "POST" {
            let text = format!("{path} was called by {}", self.request.method);
            return self.violate("method", text, Response::empty(404));
        }
        if !self.request.query.is_empty() {
            self.note("query", "an OAuth call with a query");
        }
        self.version_header();
        if self.request.header("authorization").is_some() {
            let answer = oauth::refusal("invalid_request", "no Authorization is expected here");
            self.violate("headers", "Authorization on an OAuth call", answer);
        }
        match self.request.header("trakt-api-key").map(str::to_owned) {
            None if self.world.config.oauth_api_key => {
                self.note("headers", "no trakt-api-key on an OAuth call");
            }
            Some(key) if self.world.client(&key).is_none() => {
                self.note("headers", "trakt-api-key is no registered client id");
            }
            _ => {}
        }
        if !self.json_content() {
            let answer = oauth::refusal("invalid_request", "client_id is required");
            self.violate("headers", "Content-Type is not application/json", answer);
            return;
        }
        let body = match json_object(&self.request.body) {
            Ok(body) => body,
            Err(text) => {
                let answer = oauth::refusal("invalid_request", text);
                return self.violate("body", text, answer);
            }
        };
        self.oauth_body(form, &body);
        if path == "/oauth/device/token" {
            self.poll_rate(&body);
        }
    }

    fn oauth_body(&mut self, form: oauth::Form, body: &Map<String, Value>) {
        let grant = body.get("grant_type").and_then(Value::as_str);
        let Some((required, optional)) = form.keys(grant) else {
            let text = "grant_type is neither authorization_code nor refresh_token";
            let answer = oauth::refusal("unsupported_grant_type", text);
            return self.violate("body", text, answer);
        };
        for (key, value) in body {
            if !required.contains(&key.as_str()) && !optional.contains(&key.as_str()) {
                let text = format!("unknown key {key}");
                let answer = oauth::refusal("invalid_request", &text);
                self.violate("body", text, answer);
            } else if !value.is_string() {
                let text = format!("{key} is no text");
                let answer = oauth::refusal("invalid_request", &text);
                self.violate("body", text, answer);
            }
        }
        for key in required {
            if body
                .get(*key)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .is_empty()
            {
                let text = format!("{key} is required");
                let answer = oauth::refusal("invalid_request", &text);
                self.violate("body", text, answer);
            }
        }
        let sent = |key: &str| body.get(key).and_then(Value::as_str);
        let client = sent("client_id")
            .and_then(|id| self.world.client(id))
            .cloned();
        match (client, sent("client_secret")) {
            (None, _) => self.note("client", "client_id is not registered"),
            (Some(client), Some(secret)) if secret != client.client_secret => {
                self.note("client", "client_secret is wrong");
            }
            (Some(client), _) => {
                let key = self.request.header("trakt-api-key");
                if key.is_some_and(|key| key != client.client_id) {
                    self.note("headers", "trakt-api-key and client_id differ");
                }
            }
        }
    }

    /// Every poll counts, also one that a fault will hit.
    fn poll_rate(&mut self, body: &Map<String, Value>) {
        let now = self.world.clock.sim_ms();
        let config = self.world.config.clone();
        let code = body.get("code").and_then(Value::as_str).unwrap_or_default();
        let Some(device) = self.world.grants.device(code) else {
            return;
        };
        let since = device.polled_ms.map(|before| now - before);
        device.polled_ms = Some(now);
        device.polls += 1;
        let interval = device.interval_ms;
        let early = since.is_some_and(|since| since + config.slack_ms < interval);
        if !config.poll_limit || !early {
            return;
        }
        device.interval_ms += config.slow_down_adds_s * 1000;
        let wait_ms = interval - since.unwrap_or(0);
        let text = format!(
            "polled again after {} ms, the interval is {interval} ms",
            since.unwrap_or(0)
        );
        let answer = oauth::slow_down(self.world, wait_ms);
        self.violate("poll_rate", text, answer);
    }

    fn api_call(&mut self) {
        let path = self.request.path.as_str();
        if path == "/oauth" || path.starts_with("/oauth/") {
            let text = format!("{path} belongs to the auth host");
            return self.violate("host", text, Response::empty(404));
        }
        let whole = |secret: &str| {
            let headers = self
                .request
                .headers
                .iter()
                .map(|(_, value)| value.as_bytes());
            headers
                .chain([self.request.body.as_slice()])
                .any(|text| contains(text, secret.as_bytes()))
        };
        let leaked = self
            .world
            .clients
            .iter()
            .any(|client| whole(&client.client_secret))
            || self
                .world
                .grants
                .sessions
                .iter()
                .flat_map(|session| &session.pairs)
                .any(|pair| whole(&pair.refresh));
        if leaked {
            self.note("leak", "a secret of the auth host was sent to the API");
        }
        if !self.json_content() {
            let text = "Content-Type is not application/json";
            self.violate("headers", text, Response::empty(412));
        }
        if !self.version_header() {
            self.refuse(Response::empty(412));
        }
        let key = self.request.header("trakt-api-key").map(str::to_owned);
        let forbidden = api::forbidden(&self.world.config);
        match key {
            None => self.violate("headers", "no trakt-api-key", forbidden),
            Some(key) if self.world.client(&key).is_none() => {
                self.violate("client", "trakt-api-key is not registered", forbidden);
            }
            Some(_) => {}
        }
        if matches!(self.request.method.as_str(), "GET" | "HEAD") && !self.request.body.is_empty() {
            self.violate("body", "a GET with a body", Response::empty(400));
        }
        self.bearer_form();
        self.api_body();
        self.api_query();
        if self.answer.is_none() {
            self.rates();
        }
    }

    fn bearer_form(&mut self) {
        if self.request.header("authorization").is_none() {
            return;
        }
        match bearer(self.request) {
            Some(token) if !token.trim().is_empty() => {
                let name = self.world.grants.bearer_name(self.request);
                if name.is_some_and(|name| name.starts_with("refresh")) {
                    self.note("leak", "a refresh token as Bearer");
                }
            }
            _ => self.note("headers", "Authorization isn't `Bearer <token>`"),
        }
    }

    fn api_body(&mut self) {
        if !matches!(self.request.method.as_str(), "POST" | "PUT") {
            return;
        }
        if !bodies::takes_body(&self.request.method, &self.request.path) {
            return;
        }
        let body = match json_object(&self.request.body) {
            Ok(body) => body,
            Err(text) => return self.violate("body", text, Response::empty(400)),
        };
        let request = self.request;
        let catalogue = self.world.catalogue();
        for breach in bodies::breaches(catalogue, &request.method, &request.path, &body) {
            let Some(status) = breach.status else {
                self.note("body", breach.text);
                continue;
            };
            let error = json!({"error": "invalid_request", "error_description": breach.text});
            self.violate(
                "body",
                breach.text,
                Response::json(status, error.to_string()),
            );
        }
    }

    /// Searches whose words aren't escaped, and dates that are none.
    fn api_query(&mut self) {
        if self.request.method != "GET" {
            return;
        }
        if let Some(text) = search::breach(self.request) {
            self.note("query", text);
        }
        for key in ["start_at", "end_at"] {
            let sent = self.request.query_value(key);
            if let Some(text) = sent.filter(|text| crate::clock::read_date(text).is_none()) {
                self.note(
                    "query",
                    format!("{key} is {text:?} instead of a date in UTC"),
                );
            }
        }
    }

    fn rates(&mut self) {
        if !self.world.config.rate_limits {
            return;
        }
        let now = self.world.clock.sim_ms();
        let by_user = bearer(self.request)
            .is_some_and(|token| self.world.grants.access(token, now) == Access::Alive);
        let writes = matches!(self.request.method.as_str(), "POST" | "PUT" | "DELETE");
        if writes && by_user {
            self.write_rate(now);
        } else if !writes {
            self.read_rate(now, by_user);
        }
    }

    fn write_rate(&mut self, now: i64) {
        let config = self.world.config.clone();
        let since = self.world.last_write_ms.map(|before| now - before);
        match since {
            Some(since) if since + config.slack_ms < config.write_interval_ms => {
                let until = now - since + config.write_interval_ms;
                let answer = api::limited(self.world, "AUTHED_API_POST_LIMIT", until);
                let text = format!("a write {since} ms after the last one");
                self.violate("write_rate", text, answer);
            }
            _ => self.world.last_write_ms = Some(now),
        }
    }

    fn read_rate(&mut self, now: i64, by_user: bool) {
        let config = self.world.config.clone();
        let (window, name) = if by_user {
            (&mut self.world.user_reads, "AUTHED_API_GET_LIMIT")
        } else {
            (&mut self.world.client_reads, "UNAUTHED_API_GET_LIMIT")
        };
        let length = config.get_period_s * 1000;
        if now - window.since_ms >= length || window.used == 0 {
            *window = Window {
                since_ms: now,
                used: 0,
            };
        }
        window.used += 1;
        if window.used > config.get_limit {
            let until = window.since_ms + length;
            let text = format!("read number {} within the period", window.used);
            let answer = api::limited(self.world, name, until);
            self.violate("read_rate", text, answer);
        }
    }
}

fn json_object(body: &[u8]) -> Result<Map<String, Value>, &'static str> {
    if body.is_empty() {
        return Err("the body is empty");
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err("the body is no JSON object"),
        Err(_) => Err("the body is no JSON"),
    }
}

/// Whether a User-Agent begins with `Name/Version`.
fn is_product(agent: &str) -> bool {
    let product = agent.split(' ').next().unwrap_or_default();
    match product.split_once('/') {
        Some((name, version)) => {
            let token = |text: &str| {
                !text.is_empty()
                    && text
                        .bytes()
                        .all(|byte| byte.is_ascii_graphic() && byte != b'/')
            };
            token(name) && token(version)
        }
        None => false,
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && text.windows(part.len()).any(|window| window == part)
}
