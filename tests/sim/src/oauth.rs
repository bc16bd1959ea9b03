//! The OAuth endpoints: device codes, token exchange, refresh, revocation, and the rules of
//! `/oauth/authorize`. Requests arrive here checked by `strict`.
//! Knows nothing of pages, faults and sockets.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

use crate::clock::http_date;
use crate::config::{
    CreatedAt, OauthErrorStyle, PendingStyle, RetryAfter, RevokeStyle, SlowDownStyle,
};
use crate::grants::{AuthCode, Device, DeviceState, Pair, plain_code};
use crate::http::{Request, Response, form_pairs, percent_encode};
use crate::world::{Client, OOB, World};

const YEAR_S: i64 = 365 * 24 * 3600;
const AUTH_CODE_LIFE_MS: i64 = 600_000;
const GRANT_INVALID: &str = "The provided authorization grant is invalid, expired, revoked, does not match \
     the redirection URI used in the authorization request, or was issued to another client.";

/// The endpoints with a JSON body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `/oauth/device/code`
    DeviceCode,
    /// `/oauth/device/token`
    DeviceToken,
    /// `/oauth/token`
    Token,
    /// `/oauth/revoke`
    Revoke,
}

/// The endpoint of a path.
pub fn form(path: &str) -> Option<Form> {
    match path {
        "/oauth/device/code" => Some(Form::DeviceCode),
        "/oauth/device/token" => Some(Form::DeviceToken),
        "/oauth/token" => Some(Form::Token),
        "/oauth/revoke" => Some(Form::Revoke),
        _ => None,
    }
}

type Keys = (&'static [&'static str], &'static [&'static str]);

impl Form {
    /// The keys that a body must and may have; `None` for an unknown grant type.
    pub fn keys(self, grant_type: Option<&str>) -> Option<Keys> {
        Some(match self {
            Self::DeviceCode => (&["client_id"], &[]),
            Self::DeviceToken => (&["code", "client_id"], &["client_secret"]),
            Self::Revoke => (&["token", "client_id"], &["client_secret"]),
            Self::Token => match grant_type {
                Some("authorization_code") => (
                    &["grant_type", "code", "client_id", "redirect_uri"],
                    &["client_secret", "code_verifier"],
                ),
                Some("refresh_token") => (
                    &["grant_type", "refresh_token", "client_id"],
                    &["client_secret", "redirect_uri"],
                ),
                _ => return None,
            },
        })
    }
}

/// A plain OAuth error, 400.
pub fn refusal(error: &str, description: &str) -> Response {
    let error = Value::from(error);
    let description = Value::from(description);
    Response::json(
        400,
        format!("{{\"error\":{error},\"error_description\":{description}}}"),
    )
}

/// An OAuth error in the style that is configured.
fn error(world: &World, code: &str, description: &str) -> Response {
    let mut response = refusal(code, description);
    if world.config.oauth_error_style == OauthErrorStyle::Old {
        response.status = 401;
        response.set(
            "WWW-Authenticate",
            format!("Bearer realm=\"Doorkeeper\", error=\"{code}\""),
        );
    }
    response
}

/// The answer to a poll that comes too early.
pub fn slow_down(world: &World, wait_ms: i64) -> Response {
    match world.config.slow_down_style {
        SlowDownStyle::Json => refusal("slow_down", "Polling too fast."),
        SlowDownStyle::Status => {
            let response = Response::empty(429);
            match world.config.retry_after {
                RetryAfter::Seconds => {
                    response.with("Retry-After", ((wait_ms + 999) / 1000).to_string())
                }
                RetryAfter::Date => {
                    response.with("Retry-After", http_date(world.clock.wall_ms() + wait_ms))
                }
                RetryAfter::None => response,
            }
        }
    }
}

/// Answers a call of the auth host. `clean`: no fault keeps the answer from the client.
pub fn answer(world: &mut World, n: u64, request: &Request, clean: bool) -> Response {
    let Some(form) = form(&request.path) else {
        return Response::empty(404);
    };
    let Ok(body) = serde_json::from_slice::<Map<String, Value>>(&request.body) else {
        return refusal("invalid_request", "the body is no JSON object");
    };
    let body = Body(body);
    let client = match app(world, form, &body) {
        Ok(client) => client,
        Err(refused) => return refused,
    };
    match form {
        Form::DeviceCode => device_code(world, &client, request),
        Form::DeviceToken => device_token(world, &client, &body),
        Form::Revoke => revoke(world, n, &client, &body),
        Form::Token if body.get("grant_type") == "refresh_token" => {
            refresh(world, n, &client, &body, clean)
        }
        Form::Token => exchange(world, n, &client, &body),
    }
}

struct Body(Map<String, Value>);

impl Body {
    fn get(&self, key: &str) -> &str {
        self.find(key).unwrap_or_default()
    }

    fn find(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(Value::as_str)
    }
}

fn app(world: &World, form: Form, body: &Body) -> Result<Client, Response> {
    let invalid = |text: &str| Err(error(world, "invalid_client", text));
    if world.account.app_refused {
        return invalid("the app is not allowed to use the API");
    }
    let Some(client) = world.client(body.get("client_id")) else {
        return invalid("client_id is unknown");
    };
    match body.find("client_secret") {
        Some(secret) if secret != client.client_secret => invalid("client_secret is wrong"),
        None if world.config.secret_required && form != Form::DeviceCode => {
            invalid("client_secret is required")
        }
        _ => Ok(client.clone()),
    }
}

fn device_code(world: &mut World, client: &Client, request: &Request) -> Response {
    let now = world.clock.sim_ms();
    let device = Device {
        device_code: world.ids.next(),
        user_code: world.ids.next()[..8].to_ascii_uppercase(),
        client_id: client.client_id.clone(),
        asked_by: request.header("user-agent").unwrap_or_default().to_owned(),
        expires_ms: now + world.config.device_expires_s * 1000,
        interval_ms: world.config.device_interval_s * 1000,
        polled_ms: None,
        polls: 0,
        state: DeviceState::Pending,
    };
    let text = format!(
        "{{\"device_code\":\"{}\",\"user_code\":\"{}\",\"verification_url\":{},\"expires_in\":{},\"interval\":{}}}",
        device.device_code,
        device.user_code,
        Value::from(world.verification_url()),
        world.config.device_expires_s,
        world.config.device_interval_s,
    );
    world.grants.devices.push(device);
    Response::json(200, text)
}

fn device_token(world: &mut World, client: &Client, body: &Body) -> Response {
    let now = world.clock.sim_ms();
    let state = match world.grants.device(body.get("code")) {
        Some(device) if device.client_id == client.client_id => device.state_at(now),
        _ => return Response::empty(404),
    };
    match state {
        DeviceState::Pending => pending(world.config.pending_style),
        DeviceState::Denied => Response::empty(418),
        DeviceState::Expired => Response::empty(410),
        DeviceState::Used => Response::empty(409),
        DeviceState::Approved => {
            if let Some(device) = world.grants.device(body.get("code")) {
                device.state = DeviceState::Used;
            }
            let session = world.grants.begin(&client.client_id, OOB);
            let pair = new_pair(world, session, None);
            Response::json(200, token_text(world, &pair))
        }
    }
}

fn pending(style: PendingStyle) -> Response {
    match style {
        PendingStyle::Empty => Response::empty(400),
        PendingStyle::Text => Response::json(400, "Not yet."),
        PendingStyle::Json => refusal(
            "authorization_pending",
            "The user has not answered the request yet.",
        ),
        PendingStyle::Html => Response::html(
            400,
            "<!DOCTYPE html><html><head><title>400 Bad Request</title></head><body></body></html>",
        ),
    }
}

/// Issues the next pair of a session. `refresh`: the refresh token to keep.
pub fn new_pair(world: &mut World, session: usize, refresh: Option<String>) -> Pair {
    let expires_ms = world.clock.sim_ms() + world.config.access_lifetime_s * 1000;
    let access = world.ids.next();
    let refresh = refresh.unwrap_or_else(|| world.ids.next());
    world.grants.issue(session, access, refresh, expires_ms)
}

/// A token answer.
pub fn token_text(world: &World, pair: &Pair) -> String {
    let issued_s = world.clock.wall_ms().div_euclid(1000);
    let created = match world.config.created_at {
        CreatedAt::Now => Some(issued_s),
        CreatedAt::Past => Some(issued_s - YEAR_S),
        CreatedAt::Future => Some(issued_s + YEAR_S),
        CreatedAt::Absent => None,
    };
    let created = created.map_or_else(String::new, |at| format!(",\"created_at\":{at}"));
    format!(
        "{{\"access_token\":\"{}\",\"token_type\":\"bearer\",\"expires_in\":{},\"refresh_token\":\"{}\",\"scope\":\"public\"{created}}}",
        pair.access, world.config.access_lifetime_s, pair.refresh,
    )
}

fn refresh(world: &mut World, n: u64, client: &Client, body: &Body, clean: bool) -> Response {
    let gone = |world: &World| error(world, "invalid_grant", "session not found");
    let Some((number, place)) = world.grants.find_refresh(body.get("refresh_token")) else {
        return gone(world);
    };
    let session = world.grants.sessions[number].clone();
    let pair = session.pairs[place].clone();
    if session.client_id != client.client_id {
        world
            .log
            .violation(n, "client", "a refresh token of another client");
        return gone(world);
    }
    if let Some(refused) = wrong_redirect(world, n, &session.redirect_uri, body) {
        return refused;
    }
    if pair.spent {
        if pair.spent_cleanly {
            world
                .log
                .violation(n, "refresh_reuse", "a spent refresh token was sent again");
        }
        world.grants.end(number, "a spent refresh token came again");
    }
    if pair.spent || session.ended.is_some() {
        return gone(world);
    }
    let now = world.clock.sim_ms();
    let rotates = world.config.rotate_refresh;
    let kills = world.config.refresh_kills_access;
    let old = &mut world.grants.sessions[number].pairs[place];
    old.spent = rotates;
    old.spent_cleanly = clean;
    if kills {
        old.expires_ms = old.expires_ms.min(now);
    }
    let pair = new_pair(world, number, (!rotates).then_some(pair.refresh));
    Response::json(200, token_text(world, &pair))
}

/// A refresh must carry the redirect_uri of its pair.
fn wrong_redirect(world: &mut World, n: u64, expected: &str, body: &Body) -> Option<Response> {
    if !world.config.strict_redirect_uri || body.find("redirect_uri") == Some(expected) {
        return None;
    }
    let (text, refused) = match body.find("redirect_uri") {
        None => (
            "a refresh without redirect_uri".to_owned(),
            refusal("invalid_request", "redirect_uri is required"),
        ),
        Some(sent) => (
            format!("a refresh with redirect_uri {sent} instead of {expected}"),
            error(world, "invalid_grant", GRANT_INVALID),
        ),
    };
    world.log.violation(n, "redirect_uri", text);
    Some(refused)
}

fn exchange(world: &mut World, n: u64, client: &Client, body: &Body) -> Response {
    let now = world.clock.sim_ms();
    let wrong = |world: &World| error(world, "invalid_grant", GRANT_INVALID);
    let wanted = body.get("code");
    let Some(place) = world
        .grants
        .codes
        .iter()
        .position(|code| code.code == wanted)
    else {
        return wrong(world);
    };
    let code = world.grants.codes[place].clone();
    if let Some(session) = code.session {
        let text = "an authorization code was sent twice";
        world.log.violation(n, "code_reuse", text);
        world.grants.end(session, text);
        return wrong(world);
    }
    if code.client_id != client.client_id || now >= code.expires_ms {
        return wrong(world);
    }
    if body.get("redirect_uri") != code.redirect_uri {
        let text = format!(
            "redirect_uri {} instead of {}",
            body.get("redirect_uri"),
            code.redirect_uri
        );
        world.log.violation(n, "redirect_uri", text);
        return wrong(world);
    }
    if let Err(text) = verify(code.challenge.as_deref(), body.find("code_verifier")) {
        world.log.violation(n, "pkce", text);
        return wrong(world);
    }
    let session = world.grants.begin(&client.client_id, &code.redirect_uri);
    world.grants.codes[place].session = Some(session);
    let pair = new_pair(world, session, None);
    Response::json(200, token_text(world, &pair))
}

/// RFC 7636: the verifier's length and alphabet, and its SHA-256 against the challenge.
fn verify(challenge: Option<&str>, verifier: Option<&str>) -> Result<(), &'static str> {
    match (challenge, verifier) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err("a code_verifier without a code_challenge before"),
        (Some(_), None) => Err("code_verifier is missing"),
        (Some(challenge), Some(verifier)) => {
            let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
                return Err("code_verifier isn't 43 to 128 unreserved characters");
            }
            let hash = digest(&SHA256, verifier.as_bytes());
            if URL_SAFE_NO_PAD.encode(hash.as_ref()) == challenge {
                Ok(())
            } else {
                Err("code_verifier doesn't belong to code_challenge")
            }
        }
    }
}

fn revoke(world: &mut World, n: u64, client: &Client, body: &Body) -> Response {
    let token = body.get("token");
    if world.grants.find_refresh(token).is_some() {
        let text = "a refresh token was sent to be revoked; Trakt takes the access token";
        world.log.violation(n, "revoke", text);
    }
    if let Some((session, place)) = world.grants.find_access(token) {
        let found = &world.grants.sessions[session];
        if found.client_id != client.client_id {
            return error(world, "invalid_client", "the token belongs to another app");
        }
        if found.pairs[place].expires_ms > world.clock.sim_ms() {
            world.grants.end(session, "revoked");
        }
    }
    match world.config.revoke_style {
        RevokeStyle::Json => Response::json(200, "{}"),
        RevokeStyle::Empty => Response::empty(200),
    }
}

/// A request for authorization, as a browser brings it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The app.
    pub client: Client,
    /// Where the answer goes.
    pub redirect_uri: String,
    /// The client's own mark.
    pub state: Option<String>,
    challenge: Option<String>,
}

/// Reads the query of `/oauth/authorize`; what is wrong with it is recorded and told.
pub fn asked(world: &mut World, n: u64, query: &str) -> Result<Asked, String> {
    let result = check_asked(world, query);
    if let Err(text) = &result {
        world.log.violation(n, "authorize", text.clone());
    }
    result
}

fn check_asked(world: &World, query: &str) -> Result<Asked, String> {
    let pairs = form_pairs(query);
    let known = [
        "response_type",
        "client_id",
        "redirect_uri",
        "state",
        "signup",
        "prompt",
        "code_challenge",
        "code_challenge_method",
    ];
    for (n, (key, _)) in pairs.iter().enumerate() {
        if !known.contains(&key.as_str()) {
            return Err(format!("unknown parameter {key}"));
        }
        if pairs[..n].iter().any(|(before, _)| before == key) {
            return Err(format!("{key} was sent twice"));
        }
    }
    let get = |name: &str| {
        pairs
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    if get("response_type") != Some("code") {
        return Err("response_type isn't code".into());
    }
    let client = get("client_id")
        .and_then(|id| world.client(id))
        .ok_or("client_id is not registered")?;
    let redirect_uri = get("redirect_uri").unwrap_or_default();
    if !client.redirect_uris.iter().any(|uri| uri == redirect_uri) {
        return Err(format!("redirect_uri {redirect_uri} is not registered"));
    }
    if get("signup").is_some_and(|signup| signup != "true") {
        return Err("signup isn't true".into());
    }
    if get("prompt").is_some_and(|prompt| prompt != "login") {
        return Err("prompt isn't login".into());
    }
    let challenge = match (get("code_challenge"), get("code_challenge_method")) {
        (Some(challenge), Some("S256")) if challenge.len() == 43 => Some(challenge.to_owned()),
        (Some(_), Some("S256")) => return Err("code_challenge is no SHA-256 in base64url".into()),
        (Some(_), _) => return Err("code_challenge_method isn't S256".into()),
        (None, _) if world.config.require_pkce => return Err("code_challenge is missing".into()),
        (None, _) => None,
    };
    Ok(Asked {
        client: client.clone(),
        redirect_uri: redirect_uri.to_owned(),
        state: get("state").map(str::to_owned),
        challenge,
    })
}

/// The address that the browser is sent to after the user's answer.
pub fn redirected(world: &mut World, asked: Asked, approved: bool) -> String {
    let mut answer = if approved {
        let code = world.ids.next();
        world.grants.codes.push(AuthCode {
            code: code.clone(),
            client_id: asked.client.client_id,
            redirect_uri: asked.redirect_uri.clone(),
            challenge: asked.challenge,
            expires_ms: world.clock.sim_ms() + AUTH_CODE_LIFE_MS,
            session: None,
        });
        format!("code={code}")
    } else {
        "error=access_denied&error_description=The+user+denied+the+request.".to_owned()
    };
    if let Some(state) = asked.state {
        answer.push_str(&format!("&state={}", percent_encode(&state)));
    }
    let joint = if asked.redirect_uri.contains('?') {
        '&'
    } else {
        '?'
    };
    format!("{}{joint}{answer}", asked.redirect_uri)
}

/// The user's answer to a device code: approved, denied, or by a test's order expired or used up.
pub fn answer_device(
    world: &mut World,
    user_code: Option<&str>,
    state: DeviceState,
) -> Result<String, String> {
    let now = world.clock.sim_ms();
    let device = world
        .grants
        .device_of(user_code)
        .ok_or_else(|| match user_code {
            Some(code) => format!("no device code {}", plain_code(code)),
            None => "no device code was asked for yet".to_owned(),
        })?;
    let by_user = matches!(state, DeviceState::Approved | DeviceState::Denied);
    let before = device.state_at(now);
    if by_user && before != DeviceState::Pending && before != state {
        return Err(format!("the code is already {}", before.name()));
    }
    device.state = state;
    Ok(device.user_code.clone())
}

/// The device codes for `GET /state`.
pub fn describe_devices(world: &World) -> Value {
    let now = world.clock.sim_ms();
    world
        .grants
        .devices
        .iter()
        .map(|device| {
            json!({
                "user_code": device.user_code,
                "state": device.state_at(now).name(),
                "client_id": device.client_id,
                "asked_by": device.asked_by,
                "expires_in_ms": device.expires_ms - now,
                "interval_ms": device.interval_ms,
                "polls": device.polls,
            })
        })
        .collect()
}
