/*
 * libtrakt: link a Trakt account from a media center, keep it linked, read what it may do.
 *
 * Licensed under MIT or Apache-2.0, at your option. This file is generated from the library's
 * source by `cargo run -p xtask -- header`; change it there.
 *
 * How it works
 * ------------
 *
 * Open a client, call functions on it, close it. A client is a number. Functions take JSON and
 * return JSON: text that you own and give back to trakt_string_free(). The library does all network
 * work on threads of its own, at most 8 per client, which end when there is nothing to do. It never
 * calls you: you ask for what is new.
 *
 * A complete program that links an account by device code and prints what it gets:
 *
 *     #include <stdio.h>
 *     #include <string.h>
 *     #include <trakt.h>
 *
 *     static int waits(const char *snapshot)
 *     {
 *         return trakt_reply_status(snapshot) == TRAKT_OK
 *             && (strstr(snapshot, "\"state\":\"starting\"") != NULL
 *                 || strstr(snapshot, "\"state\":\"pending\"") != NULL);
 *     }
 *
 *     static void print_and_free(char *reply)
 *     {
 *         puts(reply != NULL ? reply : "out of memory");
 *         trakt_string_free(reply);
 *     }
 *
 *     int main(void)
 *     {
 *         char *reply = NULL;
 *         trakt_client client = trakt_client_open(
 *             "{\"client_id\":\"YOUR_CLIENT_ID\",\"data_dir\":\"/var/lib/myplayer\"}", &reply);
 *         if (client == 0) {
 *             print_and_free(reply);
 *             return 1;
 *         }
 *         reply = trakt_device_start(client, NULL);
 *         while (waits(reply)) {
 *             print_and_free(reply);
 *             reply = trakt_device_poll(client, 5000);
 *         }
 *         print_and_free(reply);
 *         print_and_free(trakt_get_settings(client, NULL));
 *         return trakt_client_close(client, 2000) == 0 ? 0 : 1;
 *     }
 *
 * A program of your own reads the JSON with the parser that it has anyway.
 *
 * Replies
 * -------
 *
 *     {"status":0,"data":{...}}
 *     {"status":21,"error":{"code":"timeout","message":"...","retryable":true,"retry_after_ms":5000}}
 *
 * `status` is always the first key, so that trakt_reply_status() can read it without a parser; enum
 * trakt_status lists the numbers. `code` is the name of the status, and what you translate by;
 * `message` is English, for logs, and holds no secret. When `retryable` is true the same call may
 * succeed later without anybody doing anything: after `retry_after_ms`, where that is given.
 * `http_status`, `upgrade_url`, `limit`, `reason` and `expires_at` (until when what is in the way of a
 * `conflict` lasts) are there where they are known. Ignore keys that you don't know: later versions add
 * some.
 *
 * The library's own integers are below 2^53; Trakt's are passed on exactly, up to 2^63-1. Durations
 * are keys that end in `_ms`, in milliseconds; moments are RFC 3339 in UTC.
 *
 * Text and memory
 * ---------------
 *
 * Text in is UTF-8 with a NUL at its end, at most 4 MiB, and borrowed for the call: it may be gone
 * when the function has returned. Where options are taken, NULL means none; where text is required,
 * NULL is `invalid_argument`. JSON must be an object: an array, a `null`, a value of the wrong type or
 * an unknown key is refused, and the message names it.
 *
 * Text out (`char *`) is one line of JSON on malloc's heap. It is yours until you give it to
 * trakt_string_free(), which wipes it first. It is NULL only when there is no memory. Results of type
 * `const char *` are static and never freed.
 *
 * Threads, waiting, cancelling
 * ----------------------------
 *
 * Every function may be called from any thread at any time, also on one client from many threads at
 * once. Closing a client while other threads are inside calls on it is safe: those calls return
 * `closed` at once, and later ones `invalid_handle`.
 *
 * A caller never touches the network. It waits for one of the library's threads, and stops waiting
 * when its time is up, when trakt_client_cancel() or trakt_cancel() ends the call, or when the client
 * is closed; all of that takes at most 100 ms, whatever the network does. "Blocking" in each comment
 * says how long a function may wait. A user interface that must never wait uses trakt_submit() with
 * trakt_result(..., 0), and trakt_device_poll(..., 0).
 *
 * Requests that can't be repeated (the refresh of a token, the last poll of a login, the exchange of a
 * code) are never torn off in the middle: cancelling and closing free the caller, and the library
 * still stores the answer. So give trakt_client_close() a second or two when you can.
 *
 * Staying linked
 * --------------
 *
 * With a `data_dir` the account, and a login that is under way, survive the process, also when it is
 * killed. Several clients, processes and copies of the library may share a folder: they take turns,
 * and see what the others change. Tokens are renewed beside your calls when it is time.
 * trakt_account() tells how the account stands.
 *
 * Signals, forks, and the process
 * -------------------------------
 *
 * The library installs no signal handlers, its threads block all signals, and no write raises SIGPIPE.
 * It prints nothing, and leaves the working directory, the locale and the environment alone.
 *
 * After a fork without exec the child's calls on the parent's clients return `wrong_state`; the child
 * may open its own. So that it can, a fork first waits for those of the library's threads that are at
 * the store: as a rule some milliseconds, at most a second (pthread_atfork). The library stays mapped
 * once it is loaded (-z nodelete): dlclose is harmless at any time.
 *
 * Compatibility
 * -------------
 *
 * Functions, statuses and keys are only ever added, never changed or taken away, and TRAKT_ABI_VERSION
 * grows when functions are. The soname is libtrakt.so.1. The header is C99 and C++11 and needs
 * <stdint.h> alone.
 */

#ifndef TRAKT_H
#define TRAKT_H

#include <stdint.h>

/** The version of this header, to compare with at compile time. */
#define TRAKT_VERSION_MAJOR 0
#define TRAKT_VERSION_MINOR 1
#define TRAKT_VERSION_PATCH 0
#define TRAKT_VERSION_STRING "0.1.0"

/* A result that must not be thrown away: as a rule because it has to be freed. */
#ifndef TRAKT_MUST_USE
#if defined(__GNUC__) || defined(__clang__)
#define TRAKT_MUST_USE __attribute__((warn_unused_result))
#else
#define TRAKT_MUST_USE
#endif
#endif

/**
 * Version of the interface that this header describes. It grows when something is added; nothing
 * is ever taken away or changed. A host compares it with trakt_abi_version(): the library must
 * have at least the version that the host was compiled with.
 */
#define TRAKT_ABI_VERSION 1

/**
 * What `status` in a reply means. Numbers are never reused, and new ones may be added: treat an
 * unknown one as a failure. Functions take and return them as int32_t.
 */
typedef enum trakt_status {
    /** It worked: the reply has `data`. */
    TRAKT_OK = 0,
    /** A parameter is missing, of the wrong type or out of range; the message names it. */
    TRAKT_INVALID_ARGUMENT = 1,
    /** The client number is stale, closed or invented. */
    TRAKT_INVALID_HANDLE = 2,
    /** The text is no JSON. */
    TRAKT_INVALID_JSON = 3,
    /** There is no method of that name. */
    TRAKT_UNKNOWN_METHOD = 4,
    /** There is no option of that name; the message names it. */
    TRAKT_UNKNOWN_OPTION = 5,
    /** The call makes no sense now: a client from before a fork, no URL asked for before. */
    TRAKT_WRONG_STATE = 6,
    /** Too much is running already. Retryable. */
    TRAKT_BUSY = 7,
    /** The client was closed while the call ran. */
    TRAKT_CLOSED = 8,
    /** The configuration can't be used; the message names the key. */
    TRAKT_CONFIG = 9,
    /** The network failed. Retryable. */
    TRAKT_NETWORK = 20,
    /** No answer in time. Retryable. */
    TRAKT_TIMEOUT = 21,
    /** The host name can't be resolved. Retryable. */
    TRAKT_DNS = 22,
    /** The TLS connection failed, or the certificate was refused. */
    TRAKT_TLS = 23,
    /** The certificate's dates fail because this machine's clock is wrong. Retryable. */
    TRAKT_TLS_CLOCK = 24,
    /** The proxy can't be reached or refuses. Retryable. */
    TRAKT_PROXY = 25,
    /** No account is linked, or its session has ended. */
    TRAKT_NOT_LINKED = 40,
    /** Trakt refuses: the key or the app, or this account may not do it. */
    TRAKT_FORBIDDEN = 41,
    /** Trakt doesn't know it. */
    TRAKT_NOT_FOUND = 42,
    /** Too many requests. Retryable. */
    TRAKT_RATE_LIMITED = 43,
    /** Trakt itself is in trouble. Retryable. */
    TRAKT_SERVER_ERROR = 44,
    /** The answer isn't the JSON that was expected. Retryable. */
    TRAKT_BAD_REPLY = 45,
    /** Trakt has locked or deactivated the account. */
    TRAKT_ACCOUNT_LOCKED = 46,
    /** Only for VIP members. */
    TRAKT_VIP_ONLY = 47,
    /** A limit of the account is reached. */
    TRAKT_ACCOUNT_LIMIT = 48,
    /** It was there already. */
    TRAKT_CONFLICT = 49,
    /** Trakt refuses the request as written. */
    TRAKT_REJECTED = 50,
    /** A page of Cloudflare came instead of Trakt's answer. Retryable. */
    TRAKT_BLOCKED = 51,
    /** The code ran out. 60 to 63 appear only as `error.code` inside a login's snapshot. */
    TRAKT_CODE_EXPIRED = 60,
    /** The user said no. */
    TRAKT_CODE_DENIED = 61,
    /** The code was used before. */
    TRAKT_CODE_ALREADY_USED = 62,
    /** Trakt doesn't know the code. */
    TRAKT_CODE_INVALID = 63,
    /** The redirected URL doesn't belong to the login that was asked for. */
    TRAKT_STATE_MISMATCH = 64,
    /** The store can't be read or written. */
    TRAKT_STORAGE = 70,
    /** The disk is full. */
    TRAKT_STORAGE_FULL = 71,
    /** The store was damaged. */
    TRAKT_STORAGE_CORRUPT = 72,
    /** The store was written by a newer version of the library. */
    TRAKT_STORAGE_NEWER = 73,
    /** The call was cancelled. */
    TRAKT_CANCELLED = 90,
    /** Reserved: no memory. */
    TRAKT_OUT_OF_MEMORY = 98,
    /** A defect of the library. */
    TRAKT_INTERNAL = 99
} trakt_status;

/**
 * A client: a number, never a pointer. 0 is never a client. Numbers of closed clients are
 * recognised and refused.
 */
typedef uint64_t trakt_client;

#ifdef __cplusplus
extern "C" {
#endif /* __cplusplus */

/**
 * The library's version, such as "0.1.0". For people; compare trakt_abi_version() instead.
 *
 * - **Returns:** static text, never NULL; not to be freed.
 * - **Blocking:** never.
 * - **Threads:** any thread, any time.
 * - **Status:** none; it can't fail.
 * - **Since:** 0.1.0 (ABI 1).
 */
TRAKT_MUST_USE const char *trakt_version(void);

/**
 * The version of the interface that the library has. A host that was compiled with this header can
 * use the library if `trakt_abi_version() >= TRAKT_ABI_VERSION`. Call it first when the library is
 * loaded at run time.
 *
 * - **Returns:** the number, 1 or more.
 * - **Blocking:** never.
 * - **Threads:** any thread, any time.
 * - **Status:** none; it can't fail.
 * - **Since:** 0.1.0 (ABI 1).
 */
TRAKT_MUST_USE uint32_t trakt_abi_version(void);

/**
 * How this library was built, for a bug report: `data` has `version`, `abi_version`, `target`,
 * `tls`, `http`, `sqlite`.
 *
 * - **Returns:** a reply that the caller owns and gives to trakt_string_free(); NULL only when
 *   there is no memory.
 * - **Blocking:** never.
 * - **Threads:** any thread, any time.
 * - **Status:** `ok`, `internal`.
 * - **Since:** 0.1.0 (ABI 1).
 */
TRAKT_MUST_USE char *trakt_build_info(void);

/**
 * The name of a status number, which is what `error.code` in a reply says: "ok",
 * "invalid_argument" ...
 *
 * - `status`: any number.
 * - **Returns:** static text, never NULL, not to be freed; "unknown" for a number that this
 *   library doesn't have.
 * - **Blocking:** never.
 * - **Threads:** any thread, any time.
 * - **Status:** none; it can't fail.
 * - **Since:** 0.1.0 (ABI 1).
 */
TRAKT_MUST_USE const char *trakt_status_name(int32_t status);

/**
 * Opens a client. It uses no network: a linked account and a login that was under way are read
 * from the store.
 *
 * `config_json` is an object; every key but `client_id` may be absent:
 *
 * - `client_id`, `client_secret`: of your app at Trakt. Leave the secret out if your app has none.
 * - `redirect_uri`: default `urn:ietf:wg:oauth:2.0:oob`; trakt_authorize_url() needs a registered
 *   one.
 * - `data_dir`: a folder, in which the library makes its own folder `libtrakt`. Absent: nothing is
 *   kept.
 * - `app_name`, `app_version`: of your program, for the User-Agent `NAME/VERSION libtrakt/VERSION`.
 * - `proxy`: a URL such as `socks5://user:password@host:1080`; "" is none; absent: from the
 *   environment.
 * - `ca_file`: a PEM file with certificates that are trusted besides the built-in ones and the
 *   system's.
 * - `timeouts_ms`: `{"resolve":5000,"connect":10000,"read":15000,"total":30000}`. `read` is for
 *   each single read, `total` for a whole call with its waits, locks and retries.
 * - `log_level`: `off`, `error`, `warn`, `info`, `debug` or `trace`: what the method `log.next`
 *   hands out.
 * - `auth_url`, `api_url`: other hosts than Trakt's, for tests. Plain `http://` only for this
 *   machine.
 *
 * Parameters and result:
 *
 * - `config_json`: required (NULL is `invalid_argument`); borrowed for the call.
 * - `reply`: where to put the reply that says why it failed, or NULL if you don't want to know. On
 *   success `*reply` is NULL; on failure it is a reply that the caller owns and gives to
 *   trakt_string_free().
 * - **Returns:** the client, to be closed by trakt_client_close(); 0 on failure.
 * - **Blocking:** at most 250 ms, for the store.
 * - **Threads:** any thread, any time.
 * - **Status:** in `*reply`: `invalid_argument`, `invalid_json`, `unknown_option`, `config`,
 *   `busy`, `internal`. Trouble with the store is no failure: the client then runs in memory, and
 *   trakt_account() says so by `store`.
 * - **Since:** 0.1.0 (ABI 1).
 */
TRAKT_MUST_USE trakt_client trakt_client_open(const char *config_json, char **reply);

/**
 * Closes a client. Every call that waits on it, on whatever thread, returns at once with `closed`;
 * then this call waits for what the client still does, such as a token refresh whose answer must
 * not be lost. A login that is under way isn't ended by it: the next client on the same `data_dir`
 * goes on with it. From now on the number is stale.
 *
 * - `client`: the client; anything else does nothing.
 * - `wait_ms`: how long to wait, in milliseconds; 0 = not at all. The work goes on if the time
 *   isn't enough. A token that could not be stored before is written once more, which may take 250
 *   ms beyond.
 * - **Returns:** how much of the client's work still runs; 0 also for a number that is no client.
 * - **Blocking:** at most `wait_ms`.
 * - **Threads:** any thread, any time, also while other threads use the client.
 * - **Status:** none.
 * - **Since:** 0.1.0 (ABI 1).
 */
uint32_t trakt_client_close(trakt_client client, uint32_t wait_ms);

/**
 * Ends the calls that now run on this client: they return `cancelled` within 100 ms, whatever the
 * network does. The client stays usable, and a login that is under way stays under way. To end a
 * single request use trakt_cancel().
 *
 * - `client`: the client; anything else does nothing.
 * - **Blocking:** never.
 * - **Threads:** any thread, any time; that is what it is for.
 * - **Status:** none.
 * - **Since:** 0.1.0 (ABI 1).
 */
void trakt_client_cancel(trakt_client client);

/**
 * Closes every client of this process, and waits for what those still do that were closed before.
 * Only for the owner of the process, on its way out: a plug-in would close the clients of others.
 * Opening afterwards works again.
 *
 * - `wait_ms`: how long to wait in all, in milliseconds; 0 = not at all.
 * - **Returns:** how much work still runs.
 * - **Blocking:** at most `wait_ms`.
 * - **Threads:** any thread, any time, but not from a destructor of a library or an atexit handler
 *   with `wait_ms` > 0.
 * - **Status:** none.
 * - **Since:** 0.1.0 (ABI 1).
 */
uint32_t trakt_shutdown(uint32_t wait_ms);

/**
 * Starts a login by device code: asks Trakt for a code that the user types, or scans, on another
 * device. Show `user_code` and `verification_url` of the reply, or the QR code, and then call
 * trakt_device_poll() until the state is final. A linked account goes on working until another one
 * has been linked in its place.
 *
 * `options_json` is an object, and so are its keys' defaults:
 *
 * - `wait_ms` (20000): how long to wait for the code; 0 = return at once, in state `starting`.
 * - `qr_dir`: an existing folder; the QR code of each code is written there as a PNG, and
 *   `qr_png_path` names it.
 * - `background` (false): true = the login goes on by itself, without trakt_device_poll().
 * - `renew` (false): true = a new code by itself when one runs out, at most 5 times.
 * - `replace` (true within a client): whether a login that is under way is given up for this one.
 *   One that another client or process is driving is replaced only when it is given as true;
 *   otherwise the reply is `wrong_state`, with the reason `login_elsewhere`.
 *
 * `data` is the snapshot: `login_id`, `state`, `user_code`, `verification_url`,
 * `verification_url_complete` (with the code in it), `qr_rows` (strings of 0 and 1, without a
 * margin), `qr_png_path`, `next_poll_in_ms`, `expires_in_ms`, `interval_ms`, `polls`, `driver`
 * (`self`, `other`, `none`), `last_error` (trouble that passes), `error` (why it ended), `account`
 * (null until it was read). States: `idle`, `starting`, `pending`; final: `authorized`, `denied`,
 * `expired`, `already_used`, `invalid`, `cancelled`, `failed`. Without a network it is `starting`,
 * with `last_error`, and is tried on for 10 minutes.
 *
 * - `client`: the client.
 * - `options_json`: an object; NULL = the defaults. Borrowed for the call.
 * - **Returns:** a reply that the caller owns and gives to trakt_string_free(); NULL only when
 *   there is no memory.
 * - **Blocking:** at most the option `wait_ms`; beside that no network, and for the store's lock
 *   at most `timeouts_ms.total`, as a rule a few milliseconds.
 * - **Threads:** any thread, any time.
 * - **Status:** `ok`, also when the login itself is in trouble; `invalid_argument`,
 *   `invalid_handle`, `invalid_json`, `unknown_option`, `wrong_state`, `busy`, `closed`,
 *   `cancelled`, `storage` and its kin, `internal`.
 * - **Since:** 0.1.0 (ABI 1).
 */
TRAKT_MUST_USE char *trakt_device_start(trakt_client client, const char *options_json);

/**
 * Takes the login a step on and tells how it stands. Call it as often as you like, from as many
 * threads as you like: Trakt is asked no more often than it allows. The account's tokens are
 * safely stored before the state is `authorized`. After a restart the first call shows the login
 * that was under way, with its code.
 *
 * - `client`: the client.
 * - `wait_ms`: how long to wait for the snapshot to change, in milliseconds; 0 = not at all, for a
 *   host whose screen must not wait.
 * - **Returns:** a reply with the snapshot as described at trakt_device_start(), that the caller
 *   owns and gives to trakt_string_free(); NULL only when there is no memory.
 * - **Blocking:** at most `wait_ms`, whatever the network and other users of the store do. Without
 *   a login, or with one that has ended, it returns at once.
 * - **Threads:** any thread, any time.
 * - **Status:** `ok`, also for a login that failed: look at `state` and `error`; `invalid_handle`,
 *   `wrong_state`, `busy`, `closed`, `cancelled`, `storage` and its kin, `internal`.
 * - **Since:** 0.1.0 (ABI 1).
 */
TRAKT_MUST_USE char *trakt_device_poll(trakt_client client, uint32_t wait_ms);

/**
 * Gives the login up. Should the user confirm it all the same, the token is revoked and not kept.
 * A linked account stays linked.
 *
 * - `client`: the client.
 * - **Returns:** a reply with the snapshot as described at trakt_device_start(), that the caller
 *   owns and gives to trakt_string_free(); NULL only when there is no memory.
 * - **Blocking:** no network; for the store's lock at most `timeouts_ms.total`, as a rule a few
 *   milliseconds.
 * - **Threads:** any thread, any time.
 * - **Status:** `ok`, also when there is no login; `invalid_handle`, `wrong_state`, `busy`,
 *   `timeout`, `closed`, `cancelled`, `storage` and its kin, `internal`.
 * - **Since:** 0.1.0 (ABI 1).
 */
TRAKT_MUST_USE char *trakt_device_cancel(trakt_client client);

/**
 * Begins a login in the user's browser, for hosts that have one and a `redirect_uri` registered at
 * Trakt; with the default one Trakt shows the user a code to type in. Open `url` of the reply;
 * when the browser has come back to your `redirect_uri`, hand that whole URL to
 * trakt_authorize_finish().
 *
 * `options_json` is an object: `signup` (true = show the sign-up page first) and `prompt`
 * (`"login"` = ask also someone who is signed in). `data` is `{"url","state","expires_in_ms"}`.
 * Only the last URL counts, for 15 minutes, and only in this client.
 *
 * - `client`: the client.
 * - `options_json`: an object; NULL = none. Borrowed for the call.
 * - **Returns:** a reply that the caller owns and gives to trakt_string_free(); NULL only when
 *   there is no memory.
 * - **Blocking:** never.
 * - **Threads:** any thread, any time.
 * - **Status:** `ok`, `invalid_argument`, `invalid_handle`, `invalid_json`, `unknown_option`,
 *   `wrong_state`, `busy`, `closed`, `internal`.
 * - **Since:** 0.1.0 (ABI 1).
 */
TRAKT_MUST_USE char *trakt_authorize_url(trakt_client client, const char *options_json);

/**
 * Ends a login in the user's browser: takes the code out of the URL and exchanges it for the
 * account's tokens, which are safely stored before this call returns.
 *
 * - `client`: the client that gave the URL.
 * - `redirected_url`: the URL that the browser was sent to, or a bare code that the user typed.
 *   Required (NULL is `invalid_argument`); borrowed for the call.
 * - **Returns:** a reply with `data` as trakt_account() has them, that the caller owns and gives
 *   to trakt_string_free(); NULL only when there is no memory.
 * - **Blocking:** for Trakt, at most `timeouts_ms.total`. A cancelled exchange still goes on
 *   behind the scenes, and its answer is kept.
 * - **Threads:** any thread, any time.
 * - **Status:** `ok`, `invalid_argument`, `invalid_handle`, `wrong_state` (no URL was asked for),
 *   `state_mismatch`, `code_denied`, `rejected`, `forbidden`, `blocked`, `rate_limited`,
 *   `server_error`, `bad_reply`, `network`, `timeout`, `dns`, `tls`, `tls_clock`, `proxy`, `busy`,
 *   `closed`, `cancelled`, `storage` and its kin, `internal`.
 * - **Since:** 0.1.0 (ABI 1).
 */
TRAKT_MUST_USE char *trakt_authorize_finish(trakt_client client, const char *redirected_url);

/**
 * How the account stands, without asking Trakt: whether one is linked, whose it is, and what is in
 * the way.
 *
 * `data`: `state` (`none`, `linked`, `relink_needed`, `locked`, `blocked`, `app_refused`),
 * `linked` (true while calls can work), `reason`, `since`, `user` `{username,name,uuid,slug,vip}`,
 * `token` `{expires_at,refreshable}`, `last_contact_at`, `last_error`, `clock_skew_ms`, `store`
 * (`ok`, `memory`, `readonly`, `full`, `newer`, `corrupt_moved`), `pending_login`. There is never
 * a token in it.
 *
 * - `client`: the client.
 * - **Returns:** a reply that the caller owns and gives to trakt_string_free(); NULL only when
 *   there is no memory.
 * - **Blocking:** no network; at most 250 ms for the store's lock, as a rule well below a
 *   millisecond.
 * - **Threads:** any thread, any time.
 * - **Status:** `ok`, also when no account is linked; `invalid_handle`, `wrong_state`, `busy`,
 *   `timeout`, `closed`, `cancelled`, `internal`.
 * - **Since:** 0.1.0 (ABI 1).
 */
TRAKT_MUST_USE char *trakt_account(trakt_client client);

/**
 * The user's settings at Trakt, from the store while they are fresh.
 *
 * `options_json` is an object: `extended` (`"browsing"` = with the browsing settings),
 * `max_age_ms` (default 3600000: how old stored settings may be; 0 = ask Trakt in any case),
 * `offline` (true = only what is stored).
 *
 * `data`: `settings` (Trakt's own JSON, digit by digit), and the same read for use: `user`,
 * `account`, `limits`, `permissions`; then `fetched_at`, `source` (`network` or `stored`),
 * `stale`, `error`. When Trakt can't be reached, stored settings come with `stale` true and the
 * reason in `error`, except with `max_age_ms` 0, which then fails. Any single field may be
 * missing.
 *
 * - `client`: the client.
 * - `options_json`: an object; NULL = the defaults. Borrowed for the call.
 * - **Returns:** a reply that the caller owns and gives to trakt_string_free(); NULL only when
 *   there is no memory. It may hold the user's e-mail address: don't log it.
 * - **Blocking:** for Trakt, at most `timeouts_ms.total`; with `offline` as trakt_account().
 * - **Threads:** any thread, any time.
 * - **Status:** `ok`, `invalid_argument`, `invalid_handle`, `invalid_json`, `unknown_option`,
 *   `not_linked`, `not_found` (nothing is stored), `forbidden`, `account_locked`, `blocked`,
 *   `rate_limited`, `server_error`, `bad_reply`, `network`, `timeout`, `dns`, `tls`, `tls_clock`,
 *   `proxy`, `wrong_state`, `busy`, `closed`, `cancelled`, `storage` and its kin, `internal`.
 * - **Since:** 0.1.0 (ABI 1).
 */
TRAKT_MUST_USE char *trakt_get_settings(trakt_client client, const char *options_json);

/**
 * Whether one more would still be within a limit of the account, by the settings that are stored.
 *
 * `data`:
 * `{"allowed":false,"known":true,"limit":2,"have":2,"remaining":0,"vip":false,"upgrade_url":"https://..."}`.
 * A limit that nobody knows allows: `{"allowed":true,"known":false,"limit":null}`. `upgrade_url`
 * is there whenever `allowed` is false.
 *
 * - `client`: the client.
 * - `limit`: the limit as Trakt's settings name it, such as "list.count" or
 *   "watchlist.item_count". Required (NULL is `invalid_argument`); borrowed for the call.
 * - `have`: how many there are already.
 * - **Returns:** a reply that the caller owns and gives to trakt_string_free(); NULL only when
 *   there is no memory.
 * - **Blocking:** no network; as trakt_account().
 * - **Threads:** any thread, any time.
 * - **Status:** `ok`, `invalid_argument`, `invalid_handle`, `wrong_state`, `busy`, `timeout`,
 *   `closed`, `cancelled`, `internal`.
 * - **Since:** 0.1.0 (ABI 1).
 */
TRAKT_MUST_USE char *trakt_check_limit(trakt_client client, const char *limit, uint64_t have);

/**
 * Whether the account may do something, by the settings that are stored.
 *
 * `data`: `{"allowed":false,"temporary":true}`. A permission that nobody knows is given.
 *
 * - `client`: the client.
 * - `permission`: as Trakt's settings name it: "commenting", "liking", "following". Required (NULL
 *   is `invalid_argument`); borrowed for the call.
 * - **Returns:** a reply that the caller owns and gives to trakt_string_free(); NULL only when
 *   there is no memory.
 * - **Blocking:** no network; as trakt_account().
 * - **Threads:** any thread, any time.
 * - **Status:** `ok`, `invalid_argument`, `invalid_handle`, `wrong_state`, `busy`, `timeout`,
 *   `closed`, `cancelled`, `internal`.
 * - **Since:** 0.1.0 (ABI 1).
 */
TRAKT_MUST_USE char *trakt_check_permission(trakt_client client, const char *permission);

/**
 * Takes the account's link back: revokes the token at Trakt, then forgets everything personal but
 * what waits in the outbox: that is sent if the same account is linked again, and shown and sent to
 * no other (`outbox.discard` before unlinking throws it away). It is forgotten also when Trakt can't
 * be reached: `data` is `{"revoked":true}`, or false with `reason`.
 *
 * - `client`: the client.
 * - **Returns:** a reply that the caller owns and gives to trakt_string_free(); NULL only when
 *   there is no memory.
 * - **Blocking:** for Trakt, at most 10 seconds.
 * - **Threads:** any thread, any time.
 * - **Status:** `ok`, also when no account is linked; `invalid_handle`, `wrong_state`, `busy`,
 *   `closed`, `cancelled`, `storage` and its kin, `internal`.
 * - **Since:** 0.1.0 (ABI 1).
 */
TRAKT_MUST_USE char *trakt_unlink(trakt_client client);

/**
 * Tells what a player does, and what plays: raw facts, from which the library decides what Trakt is
 * told, and when. Call it for each thing that happens, and every 5 to 15 seconds while it plays.
 *
 * `event_json` is an object:
 *
 * - `event`: `started`, `progress` (it plays on), `paused`, `resumed`, `seeked`, `stopped`, or
 *   `ended` (it ran to its end by itself, so it counts as played to there; a stream that broke off
 *   is `stopped`).
 * - `session`: your name for this playback, 1 to 200 bytes. `started` with a name that is in use
 *   ends that playback first.
 * - `position_ms`, `duration_ms`: where it is, and how long it is. Absent or null: unknown; so is
 *   a `duration_ms` of 0.
 * - `at`: when it happened, RFC 3339, if that isn't now.
 * - `item`: what plays; with `started`, and on others when that has changed. A film is
 *   `{"type":"movie","title":"Heat","year":1995,"ids":{"imdb":"tt0113277"}}`; other types are
 *   `episode`, `episodes` (several in one file), `file` (only a name), `music_video`, `unknown`.
 *   docs/methods/player.event.json has them all.
 *
 * `data`: `{"session":"a","state":"playing","reason":null,"counts":false,"progress":12.34}`.
 * `state` is `playing`, `paused`, `ended` or `ignored`, `reason` why it isn't recorded: a word
 * such as `excluded_http`, `not_linked` or `no_duration`. `counts`: whether it counts as watched,
 * as it ended, or if it ended now. `progress` in percent, null while the length is unknown.
 *
 * - `client`: the client.
 * - `event_json`: an object. Required (NULL is `invalid_argument`); borrowed for the call.
 * - **Returns:** a reply that the caller owns and gives to trakt_string_free(); NULL only when
 *   there is no memory.
 * - **Blocking:** never, neither for the network nor for the disk: as a rule some microseconds.
 *   What follows is done in the background.
 * - **Threads:** any thread, any time. The events of one playback count in the order of the calls.
 * - **Status:** `ok`, also when it isn't recorded; `invalid_argument`, `invalid_handle`,
 *   `invalid_json`, `unknown_option`, `wrong_state`, `closed`, `cancelled`, `internal`.
 * - **Since:** 0.1.0 (ABI 1).
 */
TRAKT_MUST_USE char *trakt_player_event(trakt_client client, const char *event_json);

/**
 * Calls a method by its name and waits for its reply. The functions above are such methods:
 * trakt_device_start() is `device.start`. `methods` lists what there is. `http.request` reaches
 * every other endpoint of Trakt, and `log.next` hands out log records.
 *
 * - `client`: the client.
 * - `method`: the method's name. Required (NULL is `invalid_argument`); borrowed for the call.
 * - `params_json`: an object; NULL = no parameters. Borrowed for the call.
 * - **Returns:** a reply that the caller owns and gives to trakt_string_free(); NULL only when
 *   there is no memory.
 * - **Blocking:** as the method says; what goes to Trakt at most `timeouts_ms.total`.
 * - **Threads:** any thread, any time.
 * - **Status:** `unknown_method`, `invalid_argument`, `invalid_handle`, `invalid_json`,
 *   `unknown_option`, `wrong_state`, `busy`, `closed`, `cancelled`, `internal`, and what the
 *   method says.
 * - **Since:** 0.1.0 (ABI 1).
 */
TRAKT_MUST_USE char *trakt_call(trakt_client client, const char *method, const char *params_json);

/**
 * Calls a method by its name and doesn't wait: `data` is `{"request":7}`. Ask for the reply with
 * trakt_result(); it is kept until it is taken, and with 64 of them not taken the next request is
 * `busy`.
 *
 * - `client`: the client.
 * - `method`: the method's name. Required (NULL is `invalid_argument`); borrowed for the call.
 * - `params_json`: an object; NULL = no parameters. Borrowed for the call.
 * - **Returns:** a reply that the caller owns and gives to trakt_string_free(); NULL only when
 *   there is no memory.
 * - **Blocking:** never.
 * - **Threads:** any thread, any time.
 * - **Status:** `ok`, `unknown_method`, `invalid_argument`, `invalid_handle`, `invalid_json`,
 *   `unknown_option`, `wrong_state`, `busy`, `closed`, `internal`.
 * - **Since:** 0.1.0 (ABI 1).
 */
TRAKT_MUST_USE char *trakt_submit(trakt_client client, const char *method, const char *params_json);

/**
 * The reply to a request of trakt_submit(), or `{"status":0,"data":{"state":"running"}}` while
 * there is none. A reply is handed out once; after that the request is unknown.
 *
 * - `client`: the client.
 * - `request`: the number that trakt_submit() gave.
 * - `wait_ms`: how long to wait for the reply, in milliseconds; 0 = not at all.
 * - **Returns:** a reply that the caller owns and gives to trakt_string_free(); NULL only when
 *   there is no memory.
 * - **Blocking:** at most `wait_ms`.
 * - **Threads:** any thread, any time.
 * - **Status:** of the method; `invalid_argument` for a request that is unknown or was taken;
 *   `invalid_handle`, `wrong_state`, `closed`, `cancelled`, `internal`.
 * - **Since:** 0.1.0 (ABI 1).
 */
TRAKT_MUST_USE char *trakt_result(trakt_client client, uint64_t request, uint32_t wait_ms);

/**
 * Ends one request of trakt_submit(), also before it runs. `data` is `{"cancelled":true}`, or
 * false when it had ended before; its reply can be taken with trakt_result() in either case.
 *
 * - `client`: the client.
 * - `request`: the number that trakt_submit() gave.
 * - **Returns:** a reply that the caller owns and gives to trakt_string_free(); NULL only when
 *   there is no memory.
 * - **Blocking:** never.
 * - **Threads:** any thread, any time.
 * - **Status:** `ok`, also for a request that has just ended; `invalid_argument` for one that is
 *   unknown or was taken; `invalid_handle`, `wrong_state`, `closed`, `internal`.
 * - **Since:** 0.1.0 (ABI 1).
 */
TRAKT_MUST_USE char *trakt_cancel(trakt_client client, uint64_t request);

/**
 * What has happened since the last call: `data` is `{"events":[...]}`, each with `type`, `at` and
 * `by` (`self` or `other`: another client or process on the same store). Types: `account.linked`,
 * `account.unlinked`, `account.changed`, `account.relink_needed`, `login.changed`,
 * `token.refreshed`, `settings.changed`, `service.blocked`, `service.restored`, `clock.wrong`,
 * `store.trouble`; ignore those you don't know. An event says that something changed, not to what:
 * ask for that. Events of one kind are merged, never dropped.
 *
 * Those about plays say more, in `data`: `player.changed`, `play.counted`, `play.recorded`,
 * `outbox.changed`, `outbox.refused` (docs/methods/events.next.json). They are merged when they are
 * about the same play, and the newest 500 are kept for a host that doesn't take them; what they
 * tell of is in `outbox.list` all the same.
 *
 * - `client`: the client.
 * - `wait_ms`: how long to wait for an event, in milliseconds; 0 = not at all. When the time is
 *   up, the list is empty.
 * - **Returns:** a reply that the caller owns and gives to trakt_string_free(); NULL only when
 *   there is no memory.
 * - **Blocking:** at most `wait_ms`.
 * - **Threads:** any thread, any time; each event goes to exactly one caller.
 * - **Status:** `ok`, `invalid_handle`, `wrong_state`, `closed`, `cancelled`, `internal`.
 * - **Since:** 0.1.0 (ABI 1).
 */
TRAKT_MUST_USE char *trakt_next_events(trakt_client client, uint32_t wait_ms);

/**
 * The status of a reply, read without a JSON parser.
 *
 * - `reply`: a reply of this library; anything else, NULL included, is -1. Borrowed for the call.
 * - **Returns:** the number as in enum trakt_status, or one that a newer library has added; -1 for
 *   what is no reply.
 * - **Blocking:** never.
 * - **Threads:** any thread, any time.
 * - **Status:** none; it can't fail.
 * - **Since:** 0.1.0 (ABI 1).
 */
TRAKT_MUST_USE int32_t trakt_reply_status(const char *reply);

/**
 * Wipes and frees a text that this library gave to the caller.
 *
 * - `text`: a text that a function returned as `char *` or put into `*reply`, and that wasn't
 *   freed; NULL does nothing.
 * - **Blocking:** never.
 * - **Threads:** any thread, any time.
 * - **Status:** none; it can't fail.
 * - **Since:** 0.1.0 (ABI 1).
 */
void trakt_string_free(char *text);

#ifdef __cplusplus
} /* extern "C" */
#endif /* __cplusplus */

#endif  /* TRAKT_H */
