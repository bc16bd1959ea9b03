//! What the benches share: a server that costs next to nothing, the release library as a host loads it, and libcurl asking the same.
#![allow(
    dead_code,
    missing_docs,
    reason = "each bench uses a part of it, and none is a library"
)]

use std::ffi::{CStr, CString, c_char, c_int, c_long, c_void};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use libloading::Library;
use serde_json::{Value, json};
use trakt_sim::{Options, Sim};

pub const CLIENT_ID: &str = "bench-client";
const SETTINGS: &str = include_str!("../../src/account/testdata/s6.json");

/// A Trakt that answers always the same after so much time. Its codes last for long, so that no poll is ever due.
fn start_server(delay: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(&stream, delay));
        }
    });
    url
}

fn answer(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn serve(stream: &TcpStream, delay: Duration) -> Option<()> {
    let code = answer(
        &json!({
            "device_code": "0123456789abcdef", "user_code": "ABCD1234",
            "verification_url": "https://trakt.tv/activate", "expires_in": 86_000, "interval": 900,
        })
        .to_string(),
    );
    let token = answer(
        &json!({
            "access_token": ACCESS_TOKEN, "refresh_token": "r".repeat(64), "token_type": "bearer",
            "scope": "public", "expires_in": 604_800,
        })
        .to_string(),
    );
    let settings = answer(SETTINGS);
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(stream);
    let (mut line, mut body) = (String::new(), Vec::new());
    loop {
        line.clear();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let reply = match line.split(' ').nth(1)? {
            "/oauth/device/code" => &code,
            "/oauth/token" => &token,
            _ => &settings,
        };
        let mut length = 0;
        loop {
            line.clear();
            reader.read_line(&mut line).ok()?;
            if line.trim_end().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().ok()?;
            }
        }
        body.resize(length, 0);
        reader.read_exact(&mut body).ok()?;
        if !delay.is_zero() {
            std::thread::sleep(delay);
        }
        (&mut &*stream).write_all(reply).ok()?;
    }
}

const ACCESS_TOKEN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Where a client and libcurl send their requests.
pub struct Target {
    pub auth_url: String,
    pub api_url: String,
    pub client_id: String,
    pub client_secret: String,
    pub redirect_uri: String,
    /// For libcurl.
    pub access_token: String,
    /// Turns the URL that a user opens into the one that the browser comes back with.
    sim: Option<Sim>,
}

impl Target {
    /// A server that answers at once.
    pub fn fast() -> Self {
        Self::after(Duration::ZERO)
    }

    /// A server that is so far away.
    pub fn after(delay: Duration) -> Self {
        let url = start_server(delay);
        Self {
            auth_url: url.clone(),
            api_url: url,
            client_id: CLIENT_ID.into(),
            client_secret: "bench-secret".into(),
            redirect_uri: "https://app.example/back".into(),
            access_token: ACCESS_TOKEN.into(),
            sim: None,
        }
    }

    /// The simulated Trakt.
    pub fn simulated() -> Self {
        let sim = Sim::start(Options::default()).expect("the simulator");
        sim.control("/config", json!({"rate_limits": false}));
        let issued = sim.control("/tokens/issue", json!({}));
        Self {
            auth_url: sim.auth_url().into(),
            api_url: sim.api_url().into(),
            client_id: sim.client_id().into(),
            client_secret: sim.client_secret().into(),
            redirect_uri: sim.redirect_uri().into(),
            access_token: issued["access_token"]
                .as_str()
                .expect("an access token")
                .into(),
            sim: Some(sim),
        }
    }

    pub fn config(&self, data_dir: &std::path::Path) -> CString {
        let config = json!({
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "redirect_uri": self.redirect_uri,
            "auth_url": self.auth_url,
            "api_url": self.api_url,
            "app_name": "bench",
            "app_version": "1.0",
            "data_dir": data_dir,
        });
        CString::new(config.to_string()).expect("no NUL")
    }

    pub fn for_curl(&self) -> CurlTarget {
        CurlTarget {
            url: format!("{}/users/settings", self.api_url),
            client_id: self.client_id.clone(),
            access_token: self.access_token.clone(),
        }
    }

    /// What a browser does with the URL of `trakt_authorize_url`.
    pub fn redirected(&self, url: &str) -> String {
        match &self.sim {
            Some(sim) => sim.control("/authorize", json!({"url": url}))["location"]
                .as_str()
                .expect("a location")
                .into(),
            None => {
                let state = url
                    .split(['?', '&'])
                    .find(|part| part.starts_with("state="));
                format!("{}?code=abc&{}", self.redirect_uri, state.expect("a state"))
            }
        }
    }
}

type Text = *mut c_char;

/// The release library, loaded the way a host loads it.
pub struct Loaded {
    open: unsafe extern "C" fn(*const c_char, *mut Text) -> u64,
    close: unsafe extern "C" fn(u64, u32) -> u32,
    authorize_url: unsafe extern "C" fn(u64, *const c_char) -> Text,
    authorize_finish: unsafe extern "C" fn(u64, *const c_char) -> Text,
    get_settings: unsafe extern "C" fn(u64, *const c_char) -> Text,
    device_start: unsafe extern "C" fn(u64, *const c_char) -> Text,
    device_poll: unsafe extern "C" fn(u64, u32) -> Text,
    status: unsafe extern "C" fn(*const c_char) -> c_int,
    free: unsafe extern "C" fn(Text),
}

impl Loaded {
    /// `LIBTRAKT_LIBRARY`, or where `cargo rustc --release --lib --crate-type cdylib` puts it.
    pub fn path() -> PathBuf {
        std::env::var_os("LIBTRAKT_LIBRARY").map_or_else(
            || {
                PathBuf::from(concat!(
                    env!("CARGO_MANIFEST_DIR"),
                    "/target/release/libtrakt.so"
                ))
            },
            PathBuf::from,
        )
    }

    pub fn load() -> Self {
        // SAFETY: the library has the functions of its header; it stays loaded.
        unsafe {
            let library = Box::leak(Box::new(
                Library::new(Self::path()).expect("the release library: build it first"),
            ));
            macro_rules! function {
                ($name:literal) => {
                    *library.get($name).expect("a function of the header")
                };
            }
            Self {
                open: function!(b"trakt_client_open"),
                close: function!(b"trakt_client_close"),
                authorize_url: function!(b"trakt_authorize_url"),
                authorize_finish: function!(b"trakt_authorize_finish"),
                get_settings: function!(b"trakt_get_settings"),
                device_start: function!(b"trakt_device_start"),
                device_poll: function!(b"trakt_device_poll"),
                status: function!(b"trakt_reply_status"),
                free: function!(b"trakt_string_free"),
            }
        }
    }

    pub fn open(&self, config: &CStr) -> u64 {
        // SAFETY: NUL-terminated; NULL for no reply.
        let client = unsafe { (self.open)(config.as_ptr(), std::ptr::null_mut()) };
        assert_ne!(client, 0);
        client
    }

    pub fn close(&self, client: u64) {
        // SAFETY: any number may be closed.
        unsafe { (self.close)(client, 5_000) };
    }

    fn data(&self, reply: Text) -> Value {
        // SAFETY: a reply of the library, freed once.
        let text = unsafe {
            let text = CStr::from_ptr(reply).to_str().expect("UTF-8").to_owned();
            (self.free)(reply);
            text
        };
        let mut envelope: Value = serde_json::from_str(&text).expect("an envelope");
        assert_eq!(envelope["status"], 0, "{text}");
        envelope["data"].take()
    }

    /// Links an account by authorization code.
    pub fn link(&self, client: u64, target: &Target) {
        // SAFETY: NULL for no options.
        let url = self.data(unsafe { (self.authorize_url)(client, std::ptr::null()) });
        let back = target.redirected(url["url"].as_str().expect("a URL"));
        let back = CString::new(back).expect("no NUL");
        // SAFETY: NUL-terminated.
        let account = self.data(unsafe { (self.authorize_finish)(client, back.as_ptr()) });
        assert_eq!(account["state"], "linked");
    }

    /// Starts a login whose code was given out.
    pub fn start_login(&self, client: u64) {
        // SAFETY: NULL for no options.
        let snapshot = self.data(unsafe { (self.device_start)(client, std::ptr::null()) });
        assert_eq!(snapshot["state"], "pending");
    }

    pub fn poll(&self, client: u64) {
        // SAFETY: a reply of the library, freed once.
        unsafe {
            let reply = (self.device_poll)(client, 0);
            assert_eq!((self.status)(reply), 0);
            (self.free)(reply);
        }
    }

    /// Asks Trakt for the settings and frees the reply.
    pub fn get_settings(&self, client: u64) {
        // SAFETY: NUL-terminated; a reply of the library, freed once.
        unsafe {
            let reply = (self.get_settings)(client, c"{\"max_age_ms\":0}".as_ptr());
            assert_eq!((self.status)(reply), 0, "{:?}", CStr::from_ptr(reply));
            (self.free)(reply);
        }
    }
}

/// What libcurl has to know of a target.
pub struct CurlTarget {
    url: String,
    client_id: String,
    access_token: String,
}

/// An easy handle of the system's libcurl that asks what the library asks, on one kept connection.
pub struct Curl {
    handle: *mut c_void,
    perform: unsafe extern "C" fn(*mut c_void) -> c_int,
    cleanup: unsafe extern "C" fn(*mut c_void),
    #[allow(clippy::box_collection, reason = "libcurl keeps its address")]
    body: Box<Vec<u8>>,
}

extern "C" fn take(data: *const u8, size: usize, count: usize, into: *mut c_void) -> usize {
    // SAFETY: libcurl gives so many bytes, and the buffer that it was told.
    unsafe { (*into.cast::<Vec<u8>>()).extend(std::slice::from_raw_parts(data, size * count)) };
    size * count
}

impl Curl {
    pub fn new(target: &CurlTarget) -> Self {
        const WRITEDATA: c_int = 10_001;
        const URL: c_int = 10_002;
        const WRITEFUNCTION: c_int = 20_011;
        const HTTPHEADER: c_int = 10_023;
        const NOSIGNAL: c_int = 99;
        const PROXY: c_int = 10_004;
        let mut body = Box::<Vec<u8>>::default();
        // SAFETY: libcurl's functions as its header declares them; it copies the URL, and the list stays.
        unsafe {
            let library = Box::leak(Box::new(
                Library::new("libcurl.so.4").expect("libcurl (Debian: libcurl4)"),
            ));
            let init: unsafe extern "C" fn() -> *mut c_void =
                *library.get(b"curl_easy_init").expect("curl_easy_init");
            let set: unsafe extern "C" fn(*mut c_void, c_int, ...) -> c_int =
                *library.get(b"curl_easy_setopt").expect("curl_easy_setopt");
            let append: unsafe extern "C" fn(*mut c_void, *const c_char) -> *mut c_void = *library
                .get(b"curl_slist_append")
                .expect("curl_slist_append");
            let handle = init();
            let mut headers = std::ptr::null_mut();
            for line in [
                "Content-Type: application/json".into(),
                "Accept-Encoding: gzip".into(),
                "trakt-api-version: 2".into(),
                format!("trakt-api-key: {}", target.client_id),
                format!("Authorization: Bearer {}", target.access_token),
                "User-Agent: bench/1.0 libcurl".into(),
            ] {
                let line = CString::new(line).expect("no NUL");
                headers = append(headers, line.as_ptr());
            }
            let url = CString::new(target.url.as_str()).expect("no NUL");
            let into: *mut Vec<u8> = &raw mut *body;
            for result in [
                set(handle, URL, url.as_ptr()),
                set(handle, HTTPHEADER, headers),
                set(handle, WRITEFUNCTION, take as *const c_void),
                set(handle, WRITEDATA, into),
                set(handle, NOSIGNAL, 1 as c_long),
                set(handle, PROXY, c"".as_ptr()),
            ] {
                assert_eq!(result, 0);
            }
            Self {
                handle,
                perform: *library
                    .get(b"curl_easy_perform")
                    .expect("curl_easy_perform"),
                cleanup: *library
                    .get(b"curl_easy_cleanup")
                    .expect("curl_easy_cleanup"),
                body,
            }
        }
    }

    /// Asks for the settings.
    pub fn get_settings(&mut self) {
        self.body.clear();
        // SAFETY: the handle is open, and what it writes to is there.
        assert_eq!(unsafe { (self.perform)(self.handle) }, 0);
        assert!(self.body.windows(6).any(|part| part == b"\"user\""));
    }
}

impl Drop for Curl {
    fn drop(&mut self) {
        // SAFETY: closed once.
        unsafe { (self.cleanup)(self.handle) };
    }
}
