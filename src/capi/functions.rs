//! The functions of the C header, in its order; their comments become the header's.
//! Knows nothing of how anything is done: each checks what came in and hands it to the core.
#![allow(clippy::missing_safety_doc)] // The comment of each function says what its pointers must be.

use std::ffi::c_char;

use serde::Serialize;
use zeroize::Zeroizing;

use crate::capi::status::{TRAKT_ABI_VERSION, trakt_client};
use crate::capi::{guard, life, text};
use crate::error::{Result, Status};
use crate::json;
use crate::reply::Reply;

/// The library's version, such as "0.1.0". For people; compare trakt_abi_version() instead.
///
/// - **Returns:** static text, never NULL; not to be freed.
/// - **Blocking:** never.
/// - **Threads:** any thread, any time.
/// - **Status:** none; it can't fail.
/// - **Since:** 0.1.0 (ABI 1).
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn trakt_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The version of the interface that the library has. A host that was compiled with this header can
/// use the library if `trakt_abi_version() >= TRAKT_ABI_VERSION`. Call it first when the library is
/// loaded at run time.
///
/// - **Returns:** the number, 1 or more.
/// - **Blocking:** never.
/// - **Threads:** any thread, any time.
/// - **Status:** none; it can't fail.
/// - **Since:** 0.1.0 (ABI 1).
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn trakt_abi_version() -> u32 {
    TRAKT_ABI_VERSION
}

/// How this library was built, for a bug report: `data` has `version`, `abi_version`, `target`,
/// `tls`, `http`, `sqlite`.
///
/// - **Returns:** a reply that the caller owns and gives to trakt_string_free(); NULL only when
///   there is no memory.
/// - **Blocking:** never.
/// - **Threads:** any thread, any time.
/// - **Status:** `ok`, `internal`.
/// - **Since:** 0.1.0 (ABI 1).
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn trakt_build_info() -> *mut c_char {
    #[derive(Serialize)]
    struct BuildInfo {
        version: &'static str,
        abi_version: u32,
        target: &'static str,
        tls: &'static str,
        http: &'static str,
        sqlite: &'static str,
    }
    guard::reply(|| {
        Ok(Reply::ok(&json::write(&BuildInfo {
            version: env!("CARGO_PKG_VERSION"),
            abi_version: TRAKT_ABI_VERSION,
            target: env!("TRAKT_TARGET"),
            tls: env!("TRAKT_TLS"),
            http: env!("TRAKT_HTTP"),
            sqlite: rusqlite::version(),
        })?))
    })
}

/// The name of a status number, which is what `error.code` in a reply says: "ok",
/// "invalid_argument" ...
///
/// - `status`: any number.
/// - **Returns:** static text, never NULL, not to be freed; "unknown" for a number that this
///   library doesn't have.
/// - **Blocking:** never.
/// - **Threads:** any thread, any time.
/// - **Status:** none; it can't fail.
/// - **Since:** 0.1.0 (ABI 1).
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn trakt_status_name(status: i32) -> *const c_char {
    Status::from_number(status)
        .map_or(c"unknown", Status::c_name)
        .as_ptr()
}

/// Opens a client. It uses no network: a linked account and a login that was under way are read
/// from the store.
///
/// `config_json` is an object; every key but `client_id` may be absent:
///
/// - `client_id`, `client_secret`: of your app at Trakt. Leave the secret out if your app has none.
/// - `redirect_uri`: default `urn:ietf:wg:oauth:2.0:oob`; trakt_authorize_url() needs a registered
///   one.
/// - `data_dir`: a folder, in which the library makes its own folder `libtrakt`. Absent: nothing is
///   kept.
/// - `app_name`, `app_version`: of your program, for the User-Agent `NAME/VERSION libtrakt/VERSION`.
/// - `proxy`: a URL such as `socks5://user:password@host:1080`; "" is none; absent: from the
///   environment.
/// - `ca_file`: a PEM file with certificates that are trusted besides the built-in ones and the
///   system's.
/// - `timeouts_ms`: `{"resolve":5000,"connect":10000,"read":15000,"total":30000}`. `read` is for
///   each single read, `total` for a whole call with its waits, locks and retries.
/// - `log_level`: `off`, `error`, `warn`, `info`, `debug` or `trace`: what the method `log.next`
///   hands out.
/// - `auth_url`, `api_url`: other hosts than Trakt's, for tests. Plain `http://` only for this
///   machine.
///
/// Parameters and result:
///
/// - `config_json`: required (NULL is `invalid_argument`); borrowed for the call.
/// - `reply`: where to put the reply that says why it failed, or NULL if you don't want to know. On
///   success `*reply` is NULL; on failure it is a reply that the caller owns and gives to
///   trakt_string_free().
/// - **Returns:** the client, to be closed by trakt_client_close(); 0 on failure.
/// - **Blocking:** at most 250 ms, for the store.
/// - **Threads:** any thread, any time.
/// - **Status:** in `*reply`: `invalid_argument`, `invalid_json`, `unknown_option`, `config`,
///   `busy`, `internal`. Trouble with the store is no failure: the client then runs in memory, and
///   trakt_account() says so by `store`.
/// - **Since:** 0.1.0 (ABI 1).
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trakt_client_open(
    config_json: *const c_char,
    reply: *mut *mut c_char,
) -> trakt_client {
    let mut number = 0;
    let mut failure = std::ptr::null_mut();
    // SAFETY: `config_json` is as the comment asks: NULL, or text that ends with a NUL and stays for the call.
    let opened =
        guard::caught(|| life::open(unsafe { text::required("config_json", config_json) }?));
    match opened.and_then(|opened| opened) {
        Ok(opened) => number = opened,
        Err(error) if !reply.is_null() => failure = guard::reply(|| Err(error)),
        Err(_) => {}
    }
    if !reply.is_null() {
        // SAFETY: `reply` is as the comment asks: NULL, or a place for a pointer.
        unsafe { reply.write(failure) };
    }
    number
}

/// Closes a client. Every call that waits on it, on whatever thread, returns at once with `closed`;
/// then this call waits for what the client still does, such as a token refresh whose answer must
/// not be lost. A login that is under way isn't ended by it: the next client on the same `data_dir`
/// goes on with it. From now on the number is stale.
///
/// - `client`: the client; anything else does nothing.
/// - `wait_ms`: how long to wait, in milliseconds; 0 = not at all. The work goes on if the time
///   isn't enough. A token that could not be stored before is written once more, which may take 250
///   ms beyond.
/// - **Returns:** how much of the client's work still runs; 0 also for a number that is no client.
/// - **Blocking:** at most `wait_ms`.
/// - **Threads:** any thread, any time, also while other threads use the client.
/// - **Status:** none.
/// - **Since:** 0.1.0 (ABI 1).
#[unsafe(no_mangle)]
pub extern "C" fn trakt_client_close(client: trakt_client, wait_ms: u32) -> u32 {
    guard::value(0, || life::close(client, wait_ms).unwrap_or(0))
}

/// Ends the calls that now run on this client: they return `cancelled` within 100 ms, whatever the
/// network does. The client stays usable, and a login that is under way stays under way. To end a
/// single request use trakt_cancel().
///
/// - `client`: the client; anything else does nothing.
/// - **Blocking:** never.
/// - **Threads:** any thread, any time; that is what it is for.
/// - **Status:** none.
/// - **Since:** 0.1.0 (ABI 1).
#[unsafe(no_mangle)]
pub extern "C" fn trakt_client_cancel(client: trakt_client) {
    guard::value((), || {
        if let Ok(client) = life::get(client) {
            client.cancel();
        }
    });
}

/// Closes every client of this process, and waits for what those still do that were closed before.
/// Only for the owner of the process, on its way out: a plug-in would close the clients of others.
/// Opening afterwards works again.
///
/// - `wait_ms`: how long to wait in all, in milliseconds; 0 = not at all.
/// - **Returns:** how much work still runs.
/// - **Blocking:** at most `wait_ms`.
/// - **Threads:** any thread, any time, but not from a destructor of a library or an atexit handler
///   with `wait_ms` > 0.
/// - **Status:** none.
/// - **Since:** 0.1.0 (ABI 1).
#[unsafe(no_mangle)]
pub extern "C" fn trakt_shutdown(wait_ms: u32) -> u32 {
    guard::value(0, || life::shutdown(wait_ms))
}

/// Starts a login by device code: asks Trakt for a code that the user types, or scans, on another
/// device. Show `user_code` and `verification_url` of the reply, or the QR code, and then call
/// trakt_device_poll() until the state is final. A linked account goes on working until another one
/// has been linked in its place.
///
/// `options_json` is an object, and so are its keys' defaults:
///
/// - `wait_ms` (20000): how long to wait for the code; 0 = return at once, in state `starting`.
/// - `qr_dir`: an existing folder; the QR code of each code is written there as a PNG, and
///   `qr_png_path` names it.
/// - `background` (false): true = the login goes on by itself, without trakt_device_poll().
/// - `renew` (false): true = a new code by itself when one runs out, at most 5 times.
/// - `replace` (true within a client): whether a login that is under way is given up for this one.
///   One that another client or process is driving is replaced only when it is given as true;
///   otherwise the reply is `wrong_state`, with the reason `login_elsewhere`.
///
/// `data` is the snapshot: `login_id`, `state`, `user_code`, `verification_url`,
/// `verification_url_complete` (with the code in it), `qr_rows` (strings of 0 and 1, without a
/// margin), `qr_png_path`, `next_poll_in_ms`, `expires_in_ms`, `interval_ms`, `polls`, `driver`
/// (`self`, `other`, `none`), `last_error` (trouble that passes), `error` (why it ended), `account`
/// (null until it was read). States: `idle`, `starting`, `pending`; final: `authorized`, `denied`,
/// `expired`, `already_used`, `invalid`, `cancelled`, `failed`. Without a network it is `starting`,
/// with `last_error`, and is tried on for 10 minutes.
///
/// - `client`: the client.
/// - `options_json`: an object; NULL = the defaults. Borrowed for the call.
/// - **Returns:** a reply that the caller owns and gives to trakt_string_free(); NULL only when
///   there is no memory.
/// - **Blocking:** at most the option `wait_ms`; beside that no network, and for the store's lock
///   at most `timeouts_ms.total`, as a rule a few milliseconds.
/// - **Threads:** any thread, any time.
/// - **Status:** `ok`, also when the login itself is in trouble; `invalid_argument`,
///   `invalid_handle`, `invalid_json`, `unknown_option`, `wrong_state`, `busy`, `closed`,
///   `cancelled`, `storage` and its kin, `internal`.
/// - **Since:** 0.1.0 (ABI 1).
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trakt_device_start(
    client: trakt_client,
    options_json: *const c_char,
) -> *mut c_char {
    guard::reply(|| {
        let client = life::get(client)?;
        // SAFETY: NULL, or text that ends with a NUL and stays for the call.
        let options = unsafe { text::optional("options_json", options_json) }?;
        Ok(client.call("device.start", options))
    })
}

/// Takes the login a step on and tells how it stands. Call it as often as you like, from as many
/// threads as you like: Trakt is asked no more often than it allows. The account's tokens are
/// safely stored before the state is `authorized`. After a restart the first call shows the login
/// that was under way, with its code.
///
/// - `client`: the client.
/// - `wait_ms`: how long to wait for the snapshot to change, in milliseconds; 0 = not at all, for a
///   host whose screen must not wait.
/// - **Returns:** a reply with the snapshot as described at trakt_device_start(), that the caller
///   owns and gives to trakt_string_free(); NULL only when there is no memory.
/// - **Blocking:** at most `wait_ms`, whatever the network and other users of the store do. Without
///   a login, or with one that has ended, it returns at once.
/// - **Threads:** any thread, any time.
/// - **Status:** `ok`, also for a login that failed: look at `state` and `error`; `invalid_handle`,
///   `wrong_state`, `busy`, `closed`, `cancelled`, `storage` and its kin, `internal`.
/// - **Since:** 0.1.0 (ABI 1).
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn trakt_device_poll(client: trakt_client, wait_ms: u32) -> *mut c_char {
    guard::reply(|| {
        let params = format!(r#"{{"wait_ms":{wait_ms}}}"#);
        Ok(life::get(client)?.call("device.poll", Some(&params)))
    })
}

/// Gives the login up. Should the user confirm it all the same, the token is revoked and not kept.
/// A linked account stays linked.
///
/// - `client`: the client.
/// - **Returns:** a reply with the snapshot as described at trakt_device_start(), that the caller
///   owns and gives to trakt_string_free(); NULL only when there is no memory.
/// - **Blocking:** no network; for the store's lock at most `timeouts_ms.total`, as a rule a few
///   milliseconds.
/// - **Threads:** any thread, any time.
/// - **Status:** `ok`, also when there is no login; `invalid_handle`, `wrong_state`, `busy`,
///   `timeout`, `closed`, `cancelled`, `storage` and its kin, `internal`.
/// - **Since:** 0.1.0 (ABI 1).
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn trakt_device_cancel(client: trakt_client) -> *mut c_char {
    guard::reply(|| Ok(life::get(client)?.call("device.cancel", None)))
}

/// Begins a login in the user's browser, for hosts that have one and a `redirect_uri` registered at
/// Trakt; with the default one Trakt shows the user a code to type in. Open `url` of the reply;
/// when the browser has come back to your `redirect_uri`, hand that whole URL to
/// trakt_authorize_finish().
///
/// `options_json` is an object: `signup` (true = show the sign-up page first) and `prompt`
/// (`"login"` = ask also someone who is signed in). `data` is `{"url","state","expires_in_ms"}`.
/// Only the last URL counts, for 15 minutes, and only in this client.
///
/// - `client`: the client.
/// - `options_json`: an object; NULL = none. Borrowed for the call.
/// - **Returns:** a reply that the caller owns and gives to trakt_string_free(); NULL only when
///   there is no memory.
/// - **Blocking:** never.
/// - **Threads:** any thread, any time.
/// - **Status:** `ok`, `invalid_argument`, `invalid_handle`, `invalid_json`, `unknown_option`,
///   `wrong_state`, `busy`, `closed`, `internal`.
/// - **Since:** 0.1.0 (ABI 1).
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trakt_authorize_url(
    client: trakt_client,
    options_json: *const c_char,
) -> *mut c_char {
    guard::reply(|| {
        let client = life::get(client)?;
        // SAFETY: NULL, or text that ends with a NUL and stays for the call.
        let options = unsafe { text::optional("options_json", options_json) }?;
        Ok(client.call("authorize.url", options))
    })
}

/// Ends a login in the user's browser: takes the code out of the URL and exchanges it for the
/// account's tokens, which are safely stored before this call returns.
///
/// - `client`: the client that gave the URL.
/// - `redirected_url`: the URL that the browser was sent to, or a bare code that the user typed.
///   Required (NULL is `invalid_argument`); borrowed for the call.
/// - **Returns:** a reply with `data` as trakt_account() has them, that the caller owns and gives
///   to trakt_string_free(); NULL only when there is no memory.
/// - **Blocking:** for Trakt, at most `timeouts_ms.total`. A cancelled exchange still goes on
///   behind the scenes, and its answer is kept.
/// - **Threads:** any thread, any time.
/// - **Status:** `ok`, `invalid_argument`, `invalid_handle`, `wrong_state` (no URL was asked for),
///   `state_mismatch`, `code_denied`, `rejected`, `forbidden`, `blocked`, `rate_limited`,
///   `server_error`, `bad_reply`, `network`, `timeout`, `dns`, `tls`, `tls_clock`, `proxy`, `busy`,
///   `closed`, `cancelled`, `storage` and its kin, `internal`.
/// - **Since:** 0.1.0 (ABI 1).
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trakt_authorize_finish(
    client: trakt_client,
    redirected_url: *const c_char,
) -> *mut c_char {
    #[derive(Serialize)]
    struct Params<'a> {
        url: &'a str,
    }
    guard::reply(|| {
        let client = life::get(client)?;
        // SAFETY: NULL, or text that ends with a NUL and stays for the call.
        let url = unsafe { text::required("redirected_url", redirected_url) }?;
        call_with(&client, "authorize.finish", &Params { url })
    })
}

/// How the account stands, without asking Trakt: whether one is linked, whose it is, and what is in
/// the way.
///
/// `data`: `state` (`none`, `linked`, `relink_needed`, `locked`, `blocked`, `app_refused`),
/// `linked` (true while calls can work), `reason`, `since`, `user` `{username,name,uuid,slug,vip}`,
/// `token` `{expires_at,refreshable}`, `last_contact_at`, `last_error`, `clock_skew_ms`, `store`
/// (`ok`, `memory`, `readonly`, `full`, `newer`, `corrupt_moved`), `pending_login`. There is never
/// a token in it.
///
/// - `client`: the client.
/// - **Returns:** a reply that the caller owns and gives to trakt_string_free(); NULL only when
///   there is no memory.
/// - **Blocking:** no network; at most 250 ms for the store's lock, as a rule well below a
///   millisecond.
/// - **Threads:** any thread, any time.
/// - **Status:** `ok`, also when no account is linked; `invalid_handle`, `wrong_state`, `busy`,
///   `timeout`, `closed`, `cancelled`, `internal`.
/// - **Since:** 0.1.0 (ABI 1).
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn trakt_account(client: trakt_client) -> *mut c_char {
    guard::reply(|| Ok(life::get(client)?.call("account.get", None)))
}

/// The user's settings at Trakt, from the store while they are fresh.
///
/// `options_json` is an object: `extended` (`"browsing"` = with the browsing settings),
/// `max_age_ms` (default 3600000: how old stored settings may be; 0 = ask Trakt in any case),
/// `offline` (true = only what is stored).
///
/// `data`: `settings` (Trakt's own JSON, digit by digit), and the same read for use: `user`,
/// `account`, `limits`, `permissions`; then `fetched_at`, `source` (`network` or `stored`),
/// `stale`, `error`. When Trakt can't be reached, stored settings come with `stale` true and the
/// reason in `error`, except with `max_age_ms` 0, which then fails. Any single field may be
/// missing.
///
/// - `client`: the client.
/// - `options_json`: an object; NULL = the defaults. Borrowed for the call.
/// - **Returns:** a reply that the caller owns and gives to trakt_string_free(); NULL only when
///   there is no memory. It may hold the user's e-mail address: don't log it.
/// - **Blocking:** for Trakt, at most `timeouts_ms.total`; with `offline` as trakt_account().
/// - **Threads:** any thread, any time.
/// - **Status:** `ok`, `invalid_argument`, `invalid_handle`, `invalid_json`, `unknown_option`,
///   `not_linked`, `not_found` (nothing is stored), `forbidden`, `account_locked`, `blocked`,
///   `rate_limited`, `server_error`, `bad_reply`, `network`, `timeout`, `dns`, `tls`, `tls_clock`,
///   `proxy`, `wrong_state`, `busy`, `closed`, `cancelled`, `storage` and its kin, `internal`.
/// - **Since:** 0.1.0 (ABI 1).
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trakt_get_settings(
    client: trakt_client,
    options_json: *const c_char,
) -> *mut c_char {
    guard::reply(|| {
        let client = life::get(client)?;
        // SAFETY: NULL, or text that ends with a NUL and stays for the call.
        let options = unsafe { text::optional("options_json", options_json) }?;
        Ok(client.call("settings.get", options))
    })
}

/// Whether one more would still be within a limit of the account, by the settings that are stored.
///
/// `data`:
/// `{"allowed":false,"known":true,"limit":2,"have":2,"remaining":0,"vip":false,"upgrade_url":"https://..."}`.
/// A limit that nobody knows allows: `{"allowed":true,"known":false,"limit":null}`. `upgrade_url`
/// is there whenever `allowed` is false.
///
/// - `client`: the client.
/// - `limit`: the limit as Trakt's settings name it, such as "list.count" or
///   "watchlist.item_count". Required (NULL is `invalid_argument`); borrowed for the call.
/// - `have`: how many there are already.
/// - **Returns:** a reply that the caller owns and gives to trakt_string_free(); NULL only when
///   there is no memory.
/// - **Blocking:** no network; as trakt_account().
/// - **Threads:** any thread, any time.
/// - **Status:** `ok`, `invalid_argument`, `invalid_handle`, `wrong_state`, `busy`, `timeout`,
///   `closed`, `cancelled`, `internal`.
/// - **Since:** 0.1.0 (ABI 1).
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trakt_check_limit(
    client: trakt_client,
    limit: *const c_char,
    have: u64,
) -> *mut c_char {
    #[derive(Serialize)]
    struct Params<'a> {
        limit: &'a str,
        have: u64,
    }
    guard::reply(|| {
        let client = life::get(client)?;
        // SAFETY: NULL, or text that ends with a NUL and stays for the call.
        let limit = unsafe { text::required("limit", limit) }?;
        call_with(&client, "limit.check", &Params { limit, have })
    })
}

/// Whether the account may do something, by the settings that are stored.
///
/// `data`: `{"allowed":false,"temporary":true}`. A permission that nobody knows is given.
///
/// - `client`: the client.
/// - `permission`: as Trakt's settings name it: "commenting", "liking", "following". Required (NULL
///   is `invalid_argument`); borrowed for the call.
/// - **Returns:** a reply that the caller owns and gives to trakt_string_free(); NULL only when
///   there is no memory.
/// - **Blocking:** no network; as trakt_account().
/// - **Threads:** any thread, any time.
/// - **Status:** `ok`, `invalid_argument`, `invalid_handle`, `wrong_state`, `busy`, `timeout`,
///   `closed`, `cancelled`, `internal`.
/// - **Since:** 0.1.0 (ABI 1).
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trakt_check_permission(
    client: trakt_client,
    permission: *const c_char,
) -> *mut c_char {
    #[derive(Serialize)]
    struct Params<'a> {
        permission: &'a str,
    }
    guard::reply(|| {
        let client = life::get(client)?;
        // SAFETY: NULL, or text that ends with a NUL and stays for the call.
        let permission = unsafe { text::required("permission", permission) }?;
        call_with(&client, "permission.check", &Params { permission })
    })
}

/// Takes the account's link back: revokes the token at Trakt, then forgets everything personal but
/// what waits in the outbox: that is sent if the same account is linked again, and shown and sent to
/// no other (`outbox.discard` before unlinking throws it away). It is forgotten also when Trakt can't
/// be reached: `data` is `{"revoked":true}`, or false with `reason`.
///
/// - `client`: the client.
/// - **Returns:** a reply that the caller owns and gives to trakt_string_free(); NULL only when
///   there is no memory.
/// - **Blocking:** for Trakt, at most 10 seconds.
/// - **Threads:** any thread, any time.
/// - **Status:** `ok`, also when no account is linked; `invalid_handle`, `wrong_state`, `busy`,
///   `closed`, `cancelled`, `storage` and its kin, `internal`.
/// - **Since:** 0.1.0 (ABI 1).
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn trakt_unlink(client: trakt_client) -> *mut c_char {
    guard::reply(|| Ok(life::get(client)?.call("account.unlink", None)))
}

/// Tells what a player does, and what plays: raw facts, from which the library decides what Trakt is
/// told, and when. Call it for each thing that happens, and every 5 to 15 seconds while it plays.
///
/// `event_json` is an object:
///
/// - `event`: `started`, `progress` (it plays on), `paused`, `resumed`, `seeked`, `stopped`, or
///   `ended` (it ran to its end by itself, so it counts as played to there; a stream that broke off
///   is `stopped`).
/// - `session`: your name for this playback, 1 to 200 bytes. `started` with a name that is in use
///   ends that playback first.
/// - `position_ms`, `duration_ms`: where it is, and how long it is. Absent or null: unknown; so is
///   a `duration_ms` of 0.
/// - `at`: when it happened, RFC 3339, if that isn't now.
/// - `item`: what plays; with `started`, and on others when that has changed. A film is
///   `{"type":"movie","title":"Heat","year":1995,"ids":{"imdb":"tt0113277"}}`; other types are
///   `episode`, `episodes` (several in one file), `file` (only a name), `music_video`, `unknown`.
///   docs/methods/player.event.json has them all.
///
/// `data`: `{"session":"a","state":"playing","reason":null,"counts":false,"progress":12.34}`.
/// `state` is `playing`, `paused`, `ended` or `ignored`, `reason` why it isn't recorded: a word
/// such as `excluded_http`, `not_linked` or `no_duration`. `counts`: whether it counts as watched,
/// as it ended, or if it ended now. `progress` in percent, null while the length is unknown.
///
/// - `client`: the client.
/// - `event_json`: an object. Required (NULL is `invalid_argument`); borrowed for the call.
/// - **Returns:** a reply that the caller owns and gives to trakt_string_free(); NULL only when
///   there is no memory.
/// - **Blocking:** never, neither for the network nor for the disk: as a rule some microseconds.
///   What follows is done in the background.
/// - **Threads:** any thread, any time. The events of one playback count in the order of the calls.
/// - **Status:** `ok`, also when it isn't recorded; `invalid_argument`, `invalid_handle`,
///   `invalid_json`, `unknown_option`, `wrong_state`, `closed`, `cancelled`, `internal`.
/// - **Since:** 0.1.0 (ABI 1).
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trakt_player_event(
    client: trakt_client,
    event_json: *const c_char,
) -> *mut c_char {
    guard::reply(|| {
        let client = life::get(client)?;
        // SAFETY: NULL, or text that ends with a NUL and stays for the call.
        let event = unsafe { text::required("event_json", event_json) }?;
        Ok(client.call("player.event", Some(event)))
    })
}

/// Calls a method by its name and waits for its reply. The functions above are such methods:
/// trakt_device_start() is `device.start`. `methods` lists what there is. `http.request` reaches
/// every other endpoint of Trakt, and `log.next` hands out log records.
///
/// - `client`: the client.
/// - `method`: the method's name. Required (NULL is `invalid_argument`); borrowed for the call.
/// - `params_json`: an object; NULL = no parameters. Borrowed for the call.
/// - **Returns:** a reply that the caller owns and gives to trakt_string_free(); NULL only when
///   there is no memory.
/// - **Blocking:** as the method says; what goes to Trakt at most `timeouts_ms.total`.
/// - **Threads:** any thread, any time.
/// - **Status:** `unknown_method`, `invalid_argument`, `invalid_handle`, `invalid_json`,
///   `unknown_option`, `wrong_state`, `busy`, `closed`, `cancelled`, `internal`, and what the
///   method says.
/// - **Since:** 0.1.0 (ABI 1).
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trakt_call(
    client: trakt_client,
    method: *const c_char,
    params_json: *const c_char,
) -> *mut c_char {
    guard::reply(|| {
        let client = life::get(client)?;
        // SAFETY: NULL, or text that ends with a NUL and stays for the call.
        let method = unsafe { text::required("method", method) }?;
        // SAFETY: as for `method`.
        let params = unsafe { text::optional("params_json", params_json) }?;
        guard::panic_for_a_test(method);
        Ok(client.call(method, params))
    })
}

/// Calls a method by its name and doesn't wait: `data` is `{"request":7}`. Ask for the reply with
/// trakt_result(); it is kept until it is taken, and with 64 of them not taken the next request is
/// `busy`.
///
/// - `client`: the client.
/// - `method`: the method's name. Required (NULL is `invalid_argument`); borrowed for the call.
/// - `params_json`: an object; NULL = no parameters. Borrowed for the call.
/// - **Returns:** a reply that the caller owns and gives to trakt_string_free(); NULL only when
///   there is no memory.
/// - **Blocking:** never.
/// - **Threads:** any thread, any time.
/// - **Status:** `ok`, `unknown_method`, `invalid_argument`, `invalid_handle`, `invalid_json`,
///   `unknown_option`, `wrong_state`, `busy`, `closed`, `internal`.
/// - **Since:** 0.1.0 (ABI 1).
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trakt_submit(
    client: trakt_client,
    method: *const c_char,
    params_json: *const c_char,
) -> *mut c_char {
    guard::reply(|| {
        let client = life::get(client)?;
        // SAFETY: NULL, or text that ends with a NUL and stays for the call.
        let method = unsafe { text::required("method", method) }?;
        // SAFETY: as for `method`.
        let params = unsafe { text::optional("params_json", params_json) }?;
        Ok(client.submit(method, params))
    })
}

/// The reply to a request of trakt_submit(), or `{"status":0,"data":{"state":"running"}}` while
/// there is none. A reply is handed out once; after that the request is unknown.
///
/// - `client`: the client.
/// - `request`: the number that trakt_submit() gave.
/// - `wait_ms`: how long to wait for the reply, in milliseconds; 0 = not at all.
/// - **Returns:** a reply that the caller owns and gives to trakt_string_free(); NULL only when
///   there is no memory.
/// - **Blocking:** at most `wait_ms`.
/// - **Threads:** any thread, any time.
/// - **Status:** of the method; `invalid_argument` for a request that is unknown or was taken;
///   `invalid_handle`, `wrong_state`, `closed`, `cancelled`, `internal`.
/// - **Since:** 0.1.0 (ABI 1).
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn trakt_result(client: trakt_client, request: u64, wait_ms: u32) -> *mut c_char {
    guard::reply(|| Ok(life::get(client)?.result(request, wait_ms)))
}

/// Ends one request of trakt_submit(), also before it runs. `data` is `{"cancelled":true}`, or
/// false when it had ended before; its reply can be taken with trakt_result() in either case.
///
/// - `client`: the client.
/// - `request`: the number that trakt_submit() gave.
/// - **Returns:** a reply that the caller owns and gives to trakt_string_free(); NULL only when
///   there is no memory.
/// - **Blocking:** never.
/// - **Threads:** any thread, any time.
/// - **Status:** `ok`, also for a request that has just ended; `invalid_argument` for one that is
///   unknown or was taken; `invalid_handle`, `wrong_state`, `closed`, `internal`.
/// - **Since:** 0.1.0 (ABI 1).
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn trakt_cancel(client: trakt_client, request: u64) -> *mut c_char {
    guard::reply(|| Ok(life::get(client)?.cancel_request(request)))
}

/// What has happened since the last call: `data` is `{"events":[...]}`, each with `type`, `at` and
/// `by` (`self` or `other`: another client or process on the same store). Types: `account.linked`,
/// `account.unlinked`, `account.changed`, `account.relink_needed`, `login.changed`,
/// `token.refreshed`, `settings.changed`, `service.blocked`, `service.restored`, `clock.wrong`,
/// `store.trouble`; ignore those you don't know. An event says that something changed, not to what:
/// ask for that. Events of one kind are merged, never dropped.
///
/// Those about plays say more, in `data`: `player.changed`, `play.counted`, `play.recorded`,
/// `outbox.changed`, `outbox.refused` (docs/methods/events.next.json). They are merged when they are
/// about the same play, and the newest 500 are kept for a host that doesn't take them; what they
/// tell of is in `outbox.list` all the same.
///
/// - `client`: the client.
/// - `wait_ms`: how long to wait for an event, in milliseconds; 0 = not at all. When the time is
///   up, the list is empty.
/// - **Returns:** a reply that the caller owns and gives to trakt_string_free(); NULL only when
///   there is no memory.
/// - **Blocking:** at most `wait_ms`.
/// - **Threads:** any thread, any time; each event goes to exactly one caller.
/// - **Status:** `ok`, `invalid_handle`, `wrong_state`, `closed`, `cancelled`, `internal`.
/// - **Since:** 0.1.0 (ABI 1).
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn trakt_next_events(client: trakt_client, wait_ms: u32) -> *mut c_char {
    guard::reply(|| Ok(life::get(client)?.next_events(wait_ms)))
}

/// The status of a reply, read without a JSON parser.
///
/// - `reply`: a reply of this library; anything else, NULL included, is -1. Borrowed for the call.
/// - **Returns:** the number as in enum trakt_status, or one that a newer library has added; -1 for
///   what is no reply.
/// - **Blocking:** never.
/// - **Threads:** any thread, any time.
/// - **Status:** none; it can't fail.
/// - **Since:** 0.1.0 (ABI 1).
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trakt_reply_status(reply: *const c_char) -> i32 {
    // SAFETY: NULL, or text that ends with a NUL and stays for the call.
    guard::value(-1, || unsafe { text::status(reply) })
}

/// Wipes and frees a text that this library gave to the caller.
///
/// - `text`: a text that a function returned as `char *` or put into `*reply`, and that wasn't
///   freed; NULL does nothing.
/// - **Blocking:** never.
/// - **Threads:** any thread, any time.
/// - **Status:** none; it can't fail.
/// - **Since:** 0.1.0 (ABI 1).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn trakt_string_free(text: *mut c_char) {
    // SAFETY: NULL, or a text of `text::out` that nobody else uses.
    guard::value((), || unsafe { text::free(text) });
}

/// Calls a method with parameters that the function itself has put together; the text may hold a
/// code, so it is wiped.
fn call_with<T: Serialize>(
    client: &crate::client::Client,
    method: &str,
    params: &T,
) -> Result<Reply> {
    let params = Zeroizing::new(json::write(params)?);
    Ok(client.call(method, Some(&params)))
}
