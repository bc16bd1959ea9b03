//! The control API: what tests do to the simulated service, over HTTP or from Rust by the same code.
//! Lenient about headers and methods, strict about keys, so that a misspelt one is noticed.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::faults::{flag, known_keys, number, text};
use crate::grants::DeviceState;
use crate::http::{Request, Response};
use crate::log::Filter;
use crate::oauth;
use crate::settings::{self, Settings};
use crate::world::{Account, Client, OOB, Shared, World};
use crate::{history, playback, records, scrobble};

type Call = Map<String, Value>;
type Answer = Result<Value, String>;

const DEFAULT_WAIT_MS: u64 = 10_000;

/// Answers a call over HTTP: query and JSON body are taken together.
pub async fn answer(shared: &Shared, request: &Request) -> Response {
    let mut call = Call::new();
    for (key, value) in request.query_pairs() {
        call.insert(key, Value::from(value));
    }
    let result = match body_of(request) {
        Ok(body) => {
            call.extend(body);
            run(shared, &request.path, Value::Object(call)).await
        }
        Err(text) => Err(text),
    };
    match result {
        Ok(value) => Response::json(200, value.to_string()),
        Err(text) => Response::json(400, json!({"error": text}).to_string()),
    }
}

fn body_of(request: &Request) -> Result<Call, String> {
    if request.body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Call::new());
    }
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(body)) => Ok(body),
        Ok(_) => Err("the body must be a JSON object".into()),
        Err(error) => Err(format!("the body is no JSON: {error}")),
    }
}

/// Carries out a call. The path may have a query; `params` is an object or null.
pub async fn run(shared: &Shared, path: &str, params: Value) -> Answer {
    let mut call = Call::new();
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    for (key, value) in crate::http::form_pairs(query) {
        call.insert(key, Value::from(value));
    }
    match params {
        Value::Null => {}
        Value::Object(params) => call.extend(params),
        _ => return Err("parameters must be an object".into()),
    }
    let result = match path {
        "/log/wait" => log_wait(shared, &call).await,
        "/fault/wait" => fault_wait(shared, &call).await,
        "/quit" => {
            shared.quit();
            Ok(json!({}))
        }
        _ => at_once(&mut shared.world(), path, &call),
    };
    shared.changed();
    result
}

fn at_once(world: &mut World, path: &str, call: &Call) -> Answer {
    records::settle(world);
    match path {
        "/" | "/state" => no_keys(call).map(|()| state(world)),
        "/approve" => device(world, call, DeviceState::Approved),
        "/deny" => device(world, call, DeviceState::Denied),
        "/expire" => device(world, call, DeviceState::Expired),
        "/use_up" => device(world, call, DeviceState::Used),
        "/authorize" => authorize(world, call),
        "/account" => account(world, call),
        "/settings" => change_settings(world, call),
        "/clients" => client(world, call),
        "/clock" => clock(world, call),
        "/config" => {
            let config = world.config.changed(&Value::Object(call.clone()))?;
            world.configure(config);
            serde_json::to_value(&world.config).map_err(|error| error.to_string())
        }
        "/tokens/issue" => issue(world, call),
        "/tokens/expire_access" => {
            no_keys(call)?;
            let now = world.clock.sim_ms();
            for pair in pairs(world) {
                pair.expires_ms = pair.expires_ms.min(now);
            }
            Ok(json!({}))
        }
        "/tokens/end_session" => {
            no_keys(call)?;
            for session in 0..world.grants.sessions.len() {
                world.grants.end(session, "ended by the service");
            }
            Ok(json!({}))
        }
        "/fault" => {
            let id = world.faults.add(call)?;
            Ok(json!({"fault": id, "kind": call.get("kind")}))
        }
        "/fault/clear" => {
            known_keys(call, &["fault"])?;
            let id = number(call, "fault")?;
            if world.faults.clear(id) {
                Ok(json!({}))
            } else {
                Err("there is no such fault".into())
            }
        }
        "/log" => {
            known_keys(call, &["since", "host", "method", "path", "done"])?;
            let filter = filter(call)?;
            Ok(json!({"requests": world.log.matching(&filter), "last": world.log.last()}))
        }
        "/violations" => {
            no_keys(call)?;
            Ok(json!({"violations": world.log.violations()}))
        }
        "/history" => {
            no_keys(call)?;
            Ok(json!({"plays": history::describe(world)}))
        }
        "/watching" => {
            no_keys(call)?;
            Ok(json!({"watching": scrobble::describe(world, false)}))
        }
        "/playback" => {
            no_keys(call)?;
            Ok(json!({"playback": playback::describe(world)}))
        }
        "/media" => media(world, call),
        "/reset" => {
            no_keys(call)?;
            world.reset();
            Ok(json!({}))
        }
        other => Err(format!("there is no {other}")),
    }
}

fn no_keys(call: &Call) -> Result<(), String> {
    match call.keys().next() {
        Some(key) => Err(format!("unknown key {key:?}; none is expected")),
        None => Ok(()),
    }
}

fn pairs(world: &mut World) -> impl Iterator<Item = &mut crate::grants::Pair> {
    world
        .grants
        .sessions
        .iter_mut()
        .flat_map(|session| session.pairs.iter_mut())
}

fn state(world: &World) -> Value {
    let now = world.clock.sim_ms();
    let tokens: Vec<Value> = world
        .grants
        .sessions
        .iter()
        .enumerate()
        .flat_map(|(n, session)| {
            session.pairs.iter().map(move |pair| {
                json!({
                    "access": format!("access_{}", pair.n),
                    "refresh": format!("refresh_{}", pair.n),
                    "session": n + 1,
                    "access_alive": session.ended.is_none() && now < pair.expires_ms,
                    "refresh_alive": session.ended.is_none() && !pair.spent,
                    "expires_in_ms": pair.expires_ms - now,
                })
            })
        })
        .collect();
    let sessions: Vec<Value> = world
        .grants
        .sessions
        .iter()
        .enumerate()
        .map(|(n, session)| {
            json!({
                "session": n + 1,
                "client_id": session.client_id,
                "redirect_uri": session.redirect_uri,
                "pairs": session.pairs.len(),
                "ended": session.ended,
            })
        })
        .collect();
    let clients: Vec<Value> = world.clients.iter().map(describe_client).collect();
    json!({
        "codes": oauth::describe_devices(world),
        "tokens": tokens,
        "sessions": sessions,
        "account": describe_account(&world.account),
        "clients": clients,
        "clock": {
            "at_ms": world.clock.at_ms(),
            "sim_ms": now,
            "advanced_ms": world.clock.advanced_ms,
            "wall_offset_ms": world.clock.wall_offset_ms,
            "date": crate::clock::iso_date(world.clock.wall_ms()),
        },
        "faults": world.faults.describe(),
        "settings": {
            "shape": world.settings.shape,
            "raw": world.settings.raw.is_some(),
            "limits": world.settings.limits,
            "permissions": world.settings.permissions,
        },
        "config": world.config,
        "requests": world.log.last(),
        "connections": world.connections,
        "violations": world.log.violations().len(),
        "watchlist": world.records().watchlist.len(),
        "history": world.records().plays.len(),
    })
}

fn device(world: &mut World, call: &Call, state: DeviceState) -> Answer {
    known_keys(call, &["user_code"])?;
    let code = text(call, "user_code")?;
    let code = oauth::answer_device(world, code.as_deref(), state)?;
    Ok(json!({"user_code": code, "state": state.name()}))
}

fn authorize(world: &mut World, call: &Call) -> Answer {
    known_keys(call, &["url", "deny"])?;
    let url = text(call, "url")?.ok_or("url is missing")?;
    let start = format!("{}/oauth/authorize?", world.urls.auth);
    let Some(query) = url.strip_prefix(&start) else {
        let trouble = format!("the URL doesn't begin with {start}");
        world.log.violation(0, "authorize", trouble.clone());
        return Err(trouble);
    };
    let query = query.split('#').next().unwrap_or_default();
    let deny = flag(call, "deny")?;
    let asked = oauth::asked(world, 0, query)?;
    Ok(json!({"location": oauth::redirected(world, asked, !deny)}))
}

fn describe_account(account: &Account) -> Value {
    json!({
        "username": account.username,
        "name": account.name,
        "slug": account.slug,
        "uuid": account.uuid,
        "avatar": account.avatar,
        "vip": account.vip,
        "locked": account.locked,
        "deactivated": account.deactivated,
        "app_refused": account.app_refused,
    })
}

fn account(world: &mut World, call: &Call) -> Answer {
    let texts = ["username", "name", "slug", "uuid", "avatar"];
    let flags = ["vip", "locked", "deactivated", "app_refused"];
    known_keys(call, &[&texts[..], &flags].concat())?;
    let account = &mut world.account;
    if let Some(username) = text(call, "username")? {
        account.slug = username.to_lowercase();
        account.username = username;
    }
    let places = [
        ("name", &mut account.name),
        ("slug", &mut account.slug),
        ("uuid", &mut account.uuid),
        ("avatar", &mut account.avatar),
    ];
    for (key, place) in places {
        if let Some(value) = text(call, key)? {
            *place = value;
        }
    }
    let places = [
        ("vip", &mut account.vip),
        ("locked", &mut account.locked),
        ("deactivated", &mut account.deactivated),
        ("app_refused", &mut account.app_refused),
    ];
    for (key, place) in places {
        if call.contains_key(key) {
            *place = flag(call, key)?;
        }
    }
    Ok(describe_account(&world.account))
}

fn change_settings(world: &mut World, call: &Call) -> Answer {
    known_keys(call, &["shape", "raw", "limits", "permissions"])?;
    let settings = &mut world.settings;
    if let Some(shape) = text(call, "shape")? {
        if !settings::is_shape(&shape) {
            return Err(format!("there is no shape {shape:?}"));
        }
        *settings = Settings {
            shape,
            ..Settings::default()
        };
    }
    if call.contains_key("raw") {
        settings.raw = text(call, "raw")?;
    }
    if let Some(limits) = call.get("limits") {
        settings.limits = Some(limits.clone());
    }
    if let Some(permissions) = call.get("permissions") {
        settings.permissions = Some(permissions.clone());
    }
    let body = world.settings.body(&world.account, false);
    Ok(json!({"shape": world.settings.shape, "body": body}))
}

fn describe_client(client: &Client) -> Value {
    json!({
        "client_id": client.client_id,
        "client_secret": client.client_secret,
        "redirect_uris": client.redirect_uris,
        "name": client.name,
    })
}

/// Registers another app, or changes one that is named by its client id.
fn client(world: &mut World, call: &Call) -> Answer {
    known_keys(call, &["client_id", "redirect_uris", "name"])?;
    let place = match text(call, "client_id")? {
        Some(id) => world
            .clients
            .iter()
            .position(|client| client.client_id == id)
            .ok_or("there is no such client_id")?,
        None => {
            let client = Client {
                client_id: world.ids.next(),
                client_secret: world.ids.next(),
                redirect_uris: vec!["https://example.com/callback".into()],
                name: "another test app".into(),
            };
            world.clients.push(client);
            world.clients.len() - 1
        }
    };
    let client = &mut world.clients[place];
    if let Some(uris) = call.get("redirect_uris") {
        client.redirect_uris = serde_json::from_value(uris.clone())
            .map_err(|_| "redirect_uris must be a list of texts")?;
    }
    if let Some(name) = text(call, "name")? {
        client.name = name;
    }
    Ok(describe_client(client))
}

fn clock(world: &mut World, call: &Call) -> Answer {
    known_keys(call, &["advance_ms", "wall_offset_ms"])?;
    let whole = |key: &str| match call.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_i64() {
            Some(number) => Ok(Some(number)),
            None => Err(format!("{key} must be a whole number")),
        },
    };
    if let Some(advance) = whole("advance_ms")? {
        world.clock.advanced_ms = world.clock.advanced_ms.saturating_add(advance);
    }
    if let Some(offset) = whole("wall_offset_ms")? {
        world.clock.wall_offset_ms = offset;
    }
    Ok(json!({
        "sim_ms": world.clock.sim_ms(),
        "advanced_ms": world.clock.advanced_ms,
        "date": crate::clock::iso_date(world.clock.wall_ms()),
    }))
}

/// Adds a film or a show; without either, tells what there is.
fn media(world: &mut World, call: &Call) -> Answer {
    known_keys(call, &["movie", "show"])?;
    let show = |media: crate::catalogue::Media| {
        let mut entry = json!({"type": media.kind.one()});
        media.put_into(&mut entry, true);
        entry
    };
    if call.is_empty() {
        let titles = world.catalogue().titles().into_iter().map(show);
        return Ok(json!({"media": titles.collect::<Value>()}));
    }
    world.catalogue_mut().add(call).map(show)
}

fn issue(world: &mut World, call: &Call) -> Answer {
    known_keys(call, &["client_id", "redirect_uri"])?;
    let client_id = match text(call, "client_id")? {
        Some(id) => {
            world.client(&id).ok_or("there is no such client_id")?;
            id
        }
        None => world.clients[0].client_id.clone(),
    };
    let redirect_uri = text(call, "redirect_uri")?.unwrap_or_else(|| OOB.into());
    let session = world.grants.begin(&client_id, &redirect_uri);
    let pair = oauth::new_pair(world, session, None);
    serde_json::from_str(&oauth::token_text(world, &pair)).map_err(|error| error.to_string())
}

fn filter(call: &Call) -> Result<Filter, String> {
    Ok(Filter {
        host: text(call, "host")?,
        method: text(call, "method")?,
        path: text(call, "path")?,
        since: number(call, "since")?.unwrap_or(0),
        done: flag(call, "done")?,
    })
}

async fn log_wait(shared: &Shared, call: &Call) -> Answer {
    let keys = [
        "host",
        "method",
        "path",
        "count",
        "since",
        "timeout_ms",
        "done",
    ];
    known_keys(call, &keys)?;
    let filter = filter(call)?;
    let count = number(call, "count")?.unwrap_or(1);
    wait_for(shared, call, || {
        let world = shared.world();
        let found = world.log.matching(&filter);
        let enough = u64::try_from(found.len()).unwrap_or(u64::MAX) >= count;
        Ok((enough, json!({"requests": found, "last": world.log.last()})))
    })
    .await
}

async fn fault_wait(shared: &Shared, call: &Call) -> Answer {
    known_keys(call, &["fault", "fired", "timeout_ms"])?;
    let id = number(call, "fault")?.ok_or("fault is missing")?;
    let wanted = number(call, "fired")?.unwrap_or(1);
    wait_for(shared, call, || {
        let fired = shared.world().faults.fired(id);
        let fired = fired.ok_or("there is no such fault")?;
        Ok((fired >= wanted, json!({"fault": id, "fired": fired})))
    })
    .await
}

/// Looks again at each change until it is enough; afterwards what there is, with `timeout`.
async fn wait_for(
    shared: &Shared,
    call: &Call,
    look: impl Fn() -> Result<(bool, Value), String>,
) -> Answer {
    let limit = number(call, "timeout_ms")?.unwrap_or(DEFAULT_WAIT_MS);
    let end = tokio::time::Instant::now() + Duration::from_millis(limit);
    let mut changes = shared.changes();
    loop {
        let (enough, mut found) = look()?;
        if enough {
            return Ok(found);
        }
        let more = tokio::time::timeout_at(end, changes.changed()).await;
        if !matches!(more, Ok(Ok(()))) {
            found["timeout"] = json!(true);
            return Ok(found);
        }
    }
}
