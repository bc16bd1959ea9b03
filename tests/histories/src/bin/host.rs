//! A media center without a screen: loads libtrakt (LIBTRAKT_LIBRARY) and obeys orders, one JSON object a line, answering
//! each with a line. With HISTORIES_LOGS what the library logs goes to standard error.
//!
//! Orders: `{"open": config}`, `{"close": wait_ms}`, `{"event": {…}}`, `{"call": [method, params]}`, `{"submit": …}`,
//! `{"result": request}`. Answers: `{"reply": …, "from_ms": …, "to_ms": …}`, with the wall clock before and after.

use std::ffi::{CStr, CString, c_char};
use std::io::{BufRead, Write, stdin, stdout};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use libloading::{Library, Symbol};
use serde_json::{Value, json};

type Open = unsafe extern "C" fn(*const c_char, *mut *mut c_char) -> u64;
type Close = unsafe extern "C" fn(u64, u32) -> u32;
type Event = unsafe extern "C" fn(u64, *const c_char) -> *mut c_char;
type Call = unsafe extern "C" fn(u64, *const c_char, *const c_char) -> *mut c_char;
type Fetch = unsafe extern "C" fn(u64, u64, u32) -> *mut c_char;
type Free = unsafe extern "C" fn(*mut c_char);

struct Trakt<'a> {
    open: Symbol<'a, Open>,
    close: Symbol<'a, Close>,
    event: Symbol<'a, Event>,
    call: Symbol<'a, Call>,
    submit: Symbol<'a, Call>,
    result: Symbol<'a, Fetch>,
    free: Symbol<'a, Free>,
    client: u64,
}

impl<'a> Trakt<'a> {
    fn new(library: &'a Library) -> Result<Self, libloading::Error> {
        // SAFETY: the types are those of trakt.h.
        unsafe {
            Ok(Self {
                open: library.get(b"trakt_client_open")?,
                close: library.get(b"trakt_client_close")?,
                event: library.get(b"trakt_player_event")?,
                call: library.get(b"trakt_call")?,
                submit: library.get(b"trakt_submit")?,
                result: library.get(b"trakt_result")?,
                free: library.get(b"trakt_string_free")?,
                client: 0,
            })
        }
    }

    fn take(&self, text: *mut c_char) -> Value {
        if text.is_null() {
            return Value::Null;
        }
        // SAFETY: a reply of the library, ours until it is freed here.
        let value = unsafe { serde_json::from_slice(CStr::from_ptr(text).to_bytes()) };
        // SAFETY: as above.
        unsafe { (self.free)(text) };
        value.unwrap_or_else(|error| json!({"unreadable": error.to_string()}))
    }

    fn open(&mut self, config: &Value) -> Value {
        let mut reply = std::ptr::null_mut();
        // SAFETY: NUL-terminated text, borrowed for the call; `reply` is written to.
        self.client = unsafe { (self.open)(text(config).as_ptr(), &raw mut reply) };
        self.take(reply)
    }

    fn named(&self, function: &Call, order: &Value) -> Value {
        let (method, params) = (
            text_of(order[0].as_str().unwrap_or_default()),
            text(&order[1]),
        );
        // SAFETY: NUL-terminated texts, borrowed for the call.
        self.take(unsafe { function(self.client, method.as_ptr(), params.as_ptr()) })
    }

    fn obey(&mut self, order: &Value) -> Value {
        if let Some(config) = order.get("open") {
            self.open(config)
        } else if let Some(event) = order.get("event") {
            // SAFETY: NUL-terminated text, borrowed for the call.
            self.take(unsafe { (self.event)(self.client, text(event).as_ptr()) })
        } else if let Some(call) = order.get("call") {
            self.named(&self.call, call)
        } else if let Some(call) = order.get("submit") {
            self.named(&self.submit, call)
        } else if let Some(request) = order.get("result") {
            // SAFETY: numbers only.
            self.take(unsafe { (self.result)(self.client, request.as_u64().unwrap_or(0), 0) })
        } else if let Some(wait_ms) = order.get("close") {
            let wait_ms = u32::try_from(wait_ms.as_u64().unwrap_or(0)).unwrap_or(u32::MAX);
            // SAFETY: numbers only.
            json!(unsafe { (self.close)(self.client, wait_ms) })
        } else {
            json!({"unknown": order})
        }
    }

    fn log(&self) {
        let lines = self.named(&self.call, &json!(["log.next", {}]));
        for record in lines["data"]["records"].as_array().into_iter().flatten() {
            eprintln!("{record}");
        }
    }
}

fn text(value: &Value) -> CString {
    text_of(&value.to_string())
}

fn text_of(text: &str) -> CString {
    CString::new(text).unwrap_or_default()
}

fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(0)
}

fn main() -> ExitCode {
    let path = std::env::var_os("LIBTRAKT_LIBRARY").unwrap_or_else(|| "libtrakt.so".into());
    // SAFETY: a library without initializers of its own.
    let library = match unsafe { Library::new(&path) } {
        Ok(library) => library,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let mut trakt = match Trakt::new(&library) {
        Ok(trakt) => trakt,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let logs = std::env::var_os("HISTORIES_LOGS").is_some();
    let mut out = stdout().lock();
    for line in stdin().lock().lines().map_while(Result::ok) {
        let order: Value = serde_json::from_str(&line).unwrap_or_default();
        let from_ms = now_ms();
        let reply = trakt.obey(&order);
        let answer = json!({"reply": reply, "from_ms": from_ms, "to_ms": now_ms()});
        if logs {
            trakt.log();
        }
        if writeln!(out, "{answer}")
            .and_then(|()| out.flush())
            .is_err()
        {
            break;
        }
    }
    ExitCode::SUCCESS
}
