//! Sequences of calls through the C boundary, with handles, numbers and texts of any kind: every reply is an envelope, and nothing
//! is freed twice or kept. The clients are real, live in memory, and talk to ports where nobody listens.
//!
//! The input is fields, each ended by a NUL. The first field of a call says which function, which client and which number; the texts
//! that the function takes follow, a field each: an empty one is NULL, `~` is the empty text.
#![no_main]

use std::ffi::{CStr, CString, c_char};
use std::ptr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use trakt::capi::functions::*;

/// Ports that nobody listens on: each request fails at once.
const AUTH_URL: &str = "http://127.0.0.1:1";
const API_URL: &str = "http://127.0.0.1:2";
/// Long enough for a wait to be one, short enough for a fuzzer.
const LONGEST_WAIT_MS: u32 = 3;
const MOST_CALLS: usize = 24;
const MOST_CLIENTS: usize = 4;
const METHODS: [&str; 14] = [
    "account.get",
    "account.unlink",
    "authorize.finish",
    "authorize.url",
    "device.cancel",
    "device.poll",
    "device.start",
    "events.next",
    "http.request",
    "limit.check",
    "log.next",
    "methods",
    "permission.check",
    "settings.get",
];

/// A text of the library, freed once.
struct Text(*mut c_char);

impl Text {
    fn bytes(&self) -> &[u8] {
        assert!(!self.0.is_null());
        // SAFETY: the library's text, ended by a NUL and not freed yet.
        unsafe { CStr::from_ptr(self.0) }.to_bytes()
    }

    /// Checks the envelope; its data, null for an error.
    fn check(&self) -> Value {
        let bytes = self.bytes();
        // SAFETY: as above.
        let status = unsafe { trakt_reply_status(self.0) };
        // SAFETY: static text.
        let name = unsafe { CStr::from_ptr(trakt_status_name(status)) };
        let text = std::str::from_utf8(bytes).expect("UTF-8");
        assert!(!text.chars().any(char::is_control), "{text}");
        assert!(
            text.starts_with(&format!("{{\"status\":{status}")),
            "{text}"
        );
        let mut envelope: Value = serde_json::from_str(text).expect("JSON");
        assert_ne!(name, c"unknown", "{text}");
        assert_ne!(name, c"internal", "{text}");
        if status == 0 {
            assert!(
                envelope["data"].is_object() && envelope.get("error").is_none(),
                "{text}"
            );
        } else {
            let error = &envelope["error"];
            assert_eq!(error["code"].as_str(), name.to_str().ok(), "{text}");
            assert!(
                error["message"]
                    .as_str()
                    .is_some_and(|message| !message.is_empty())
            );
            assert!(error["retryable"].is_boolean() && envelope.get("data").is_none());
        }
        envelope["data"].take()
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        // SAFETY: freed here and nowhere else.
        unsafe { trakt_string_free(self.0) };
    }
}

/// The input, field by field.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let end = self.0.iter().position(|byte| *byte == 0);
        let (field, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest.get(1..).unwrap_or_default();
        Some(field)
    }

    fn text(&mut self) -> Option<CString> {
        let field = match self.next()? {
            b"" => return None,
            b"~" => b"",
            field => field,
        };
        Some(CString::new(field).expect("a field has no NUL"))
    }

    /// A method's name: a letter stands for one that there is.
    fn method(&mut self) -> Option<CString> {
        let text = self.text()?;
        match text.to_bytes() {
            [letter @ b'a'..=b'n'] => {
                Some(CString::new(METHODS[usize::from(letter - b'a')]).expect("a name"))
            }
            _ => Some(text),
        }
    }

    /// Parameters as they come, but for a wait that would stop the fuzzer.
    fn params(&mut self) -> Option<CString> {
        let text = self.text()?;
        let Ok(mut params) = serde_json::from_slice::<Value>(text.to_bytes()) else {
            return Some(text);
        };
        let longest = u64::from(LONGEST_WAIT_MS);
        match params.get_mut("wait_ms") {
            Some(wait) if wait.as_u64().is_some_and(|wait| wait > longest) => {
                *wait = longest.into();
                Some(CString::new(params.to_string()).expect("JSON escapes NUL"))
            }
            _ => Some(text),
        }
    }

    /// A configuration that reaches neither the network nor the disk; text that isn't an object stays as it is.
    fn config(&mut self) -> (Option<CString>, bool) {
        let Some(text) = self.text() else {
            return (None, false);
        };
        let Ok(Value::Object(mut config)) = serde_json::from_slice(text.to_bytes()) else {
            return (Some(text), false);
        };
        config.remove("data_dir");
        config.remove("ca_file");
        let fixed = json!({
            "auth_url": AUTH_URL,
            "api_url": API_URL,
            "proxy": "",
            "timeouts_ms": {"resolve": 20, "connect": 20, "read": 20, "total": 20},
        });
        config.extend(fixed.as_object().cloned().unwrap_or_default());
        let text = Value::Object(config).to_string();
        (Some(CString::new(text).expect("JSON escapes NUL")), true)
    }
}

fn pointer(text: &Option<CString>) -> *const c_char {
    text.as_ref().map_or(ptr::null(), |text| text.as_ptr())
}

fn open(fields: &mut Fields<'_>, with_reply: bool) -> Option<u64> {
    let (config, safe) = fields.config();
    let mut reply = ptr::dangling_mut();
    let place = if with_reply {
        &raw mut reply
    } else {
        ptr::null_mut()
    };
    // SAFETY: NULL or NUL-terminated; NULL or a place for a pointer.
    let client = unsafe { trakt_client_open(pointer(&config), place) };
    if client != 0 {
        assert!(safe, "what is no object is no configuration");
        assert!(!with_reply || reply.is_null());
        return Some(client);
    }
    if with_reply {
        let reply = Text(reply);
        assert!(reply.check().is_null());
    }
    None
}

/// What a sequence has opened and submitted.
#[derive(Default)]
struct World {
    clients: Vec<u64>,
    opened: usize,
    requests: Vec<u64>,
    kept: Vec<Text>,
}

impl World {
    /// One that was opened, closed or not, or one that never was.
    fn client(&self, pick: u8) -> u64 {
        const INVENTED: [u64; 5] = [0, 1, 1 << 32, 1 << 53, u64::MAX];
        let pick = usize::from(pick);
        match self.clients.len() {
            0 => INVENTED[pick % INVENTED.len()],
            known if pick % 8 < 7 => self.clients[pick % known],
            _ => self.clients[0] ^ (1 << (pick % 60)),
        }
    }

    fn request(&self, pick: u8) -> u64 {
        let pick = usize::from(pick);
        match self.requests.len() {
            known if known > 0 && pick % 8 < 7 => self.requests[pick % known],
            _ => [0, 1, u64::MAX][pick % 3],
        }
    }

    fn call(&mut self, head: &[u8], fields: &mut Fields<'_>) {
        let byte = |at: usize| head.get(at).copied().unwrap_or(0);
        let (function, client, number) = (byte(0), self.client(byte(1)), byte(2));
        let wait_ms = u32::from(number) % (LONGEST_WAIT_MS + 1);
        // SAFETY: every text is NULL or NUL-terminated and lives for the call; every other value may be anything.
        let reply = unsafe {
            match function % 26 {
                0 | 1 => {
                    if self.opened < MOST_CLIENTS {
                        self.opened += 1;
                        self.clients.extend(open(fields, number % 4 != 1));
                    }
                    return;
                }
                2 => {
                    trakt_client_close(client, wait_ms);
                    return;
                }
                3 => return trakt_client_cancel(client),
                4 => {
                    trakt_shutdown(wait_ms);
                    return;
                }
                5 => trakt_device_start(client, pointer(&fields.params())),
                6 => trakt_device_poll(client, wait_ms),
                7 => trakt_device_cancel(client),
                8 => trakt_authorize_url(client, pointer(&fields.params())),
                9 => trakt_authorize_finish(client, pointer(&fields.text())),
                10 => trakt_account(client),
                11 => trakt_get_settings(client, pointer(&fields.params())),
                12 => trakt_check_limit(client, pointer(&fields.text()), u64::from(number) << 56),
                13 => trakt_check_permission(client, pointer(&fields.text())),
                14 => trakt_unlink(client),
                15 | 16 => {
                    let method = fields.method();
                    trakt_call(client, pointer(&method), pointer(&fields.params()))
                }
                17 | 18 => {
                    let method = fields.method();
                    let reply = Text(trakt_submit(
                        client,
                        pointer(&method),
                        pointer(&fields.params()),
                    ));
                    self.requests.extend(reply.check()["request"].as_u64());
                    return;
                }
                19 | 20 => trakt_result(client, self.request(number), wait_ms),
                21 => trakt_cancel(client, self.request(number)),
                22 => trakt_next_events(client, wait_ms),
                23 => {
                    let status = trakt_reply_status(pointer(&fields.text()));
                    assert!(status >= -1);
                    return;
                }
                24 => {
                    let name = trakt_status_name(i32::from(number) * 1_000_003);
                    assert!(!CStr::from_ptr(name).is_empty());
                    return trakt_string_free(ptr::null_mut());
                }
                _ => trakt_build_info(),
            }
        };
        let reply = Text(reply);
        reply.check();
        if number % 2 == 0 {
            // Texts may be freed in any order, also after their client is closed.
            self.kept.push(reply);
        }
    }
}

/// A thread that has done its work is still on its way out for a moment, and what it holds then looks like a leak.
fn wait_for_threads() {
    static AT_FIRST: OnceLock<usize> = OnceLock::new();
    let count = || std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    let at_first = *AT_FIRST.get_or_init(count);
    let until = Instant::now() + Duration::from_secs(10);
    while count() > at_first {
        assert!(Instant::now() < until, "a thread is left behind");
        std::thread::yield_now();
    }
}

fuzz_target!(|input: &[u8]| {
    wait_for_threads();
    let mut fields = Fields(input);
    let mut world = World::default();
    for _ in 0..MOST_CALLS {
        let Some(head) = fields.next() else { break };
        world.call(head, &mut fields);
    }
    assert_eq!(trakt_shutdown(20_000), 0, "work is left behind");
    wait_for_threads();
    for client in &world.clients {
        let reply = Text(trakt_account(*client));
        reply.check();
        // SAFETY: a text of the library.
        assert_eq!(
            unsafe { trakt_reply_status(reply.0) },
            2,
            "a closed client is known"
        );
    }
    for text in world.kept {
        text.check();
    }
});
