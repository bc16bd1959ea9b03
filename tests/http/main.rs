//! The HTTP layer against servers and proxies that behave, misbehave and vanish.

mod server;

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use trakt::cancel::{Budget, Cancel};
use trakt::config::Config;
use trakt::error::{Error, Result, Status};
use trakt::http::{Answer, Host, Http, Method, Pace, Request, Retry, classify};
use trakt::secret::Secret;

use server::{Authority, LONG, Seen, Server, header, read_request, reply};

#[derive(Default)]
struct NoPace(AtomicUsize);

impl Pace for NoPace {
    fn claim_write(&self, _: &Budget) -> Result<()> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

fn try_open(origin: &str, options: &Value) -> Result<Http> {
    let mut config = json!({
        "client_id": "the-client-id", "app_name": "Test", "app_version": "1.2",
        "auth_url": origin, "api_url": origin, "proxy": "",
        "timeouts_ms": {"resolve": 60_000, "connect": 60_000, "read": 60_000, "total": 60_000},
    });
    for (key, value) in options.as_object().unwrap() {
        config[key] = value.clone();
    }
    Http::new(
        &Config::read(&config.to_string())?,
        Arc::new(NoPace::default()),
    )
}

fn open(origin: &str) -> Http {
    try_open(origin, &json!({})).unwrap()
}

fn long() -> Budget {
    Budget::new(Cancel::new(), LONG)
}

fn get(path: &str) -> Request {
    Request::new(Host::Api, Method::Get, path)
}

fn post(path: &str) -> Request {
    Request {
        body: Some(Secret::new(r#"{"a":1}"#)),
        ..Request::new(Host::Api, Method::Post, path)
    }
}

fn fetch(http: &Http) -> Result<Answer> {
    http.exchange(&get("/thing"), &long())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

const PAGE: &str = "<html><body>Sorry, you have been blocked</body></html>";

// What is sent.

#[test]
fn each_request_carries_what_trakt_wants() {
    let server = Server::answering(|_, _| reply("200 OK", "", "{}"));
    let http = open(&server.origin());
    let mut request = get("/search/movie");
    request.query = vec![("query".into(), "a b&c".into())];
    request.bearer = Some(Secret::new("the-token"));
    http.exchange(&request, &long()).unwrap();
    let mut request = post("/oauth/token");
    request.host = Host::Auth;
    http.spend(&request).unwrap();
    http.exchange(
        &Request::new(Host::Api, Method::Delete, "/checkin"),
        &long(),
    )
    .unwrap();
    http.exchange(&Request::new(Host::Api, Method::Post, "/empty"), &long())
        .unwrap();

    let mut removal = post("/sync/ratings");
    removal.method = Method::Delete;
    http.exchange(&removal, &long()).unwrap();

    let seen = server.seen.requests();
    let version = env!("CARGO_PKG_VERSION");
    for request in &seen {
        assert_eq!(header(request, "content-type"), Some("application/json"));
        assert_eq!(
            header(request, "user-agent"),
            Some(&*format!("Test/1.2 libtrakt/{version}"))
        );
        assert_eq!(header(request, "trakt-api-key"), Some("the-client-id"));
        assert_eq!(header(request, "trakt-api-version"), Some("2"));
        assert_eq!(header(request, "accept-encoding"), Some("gzip"));
        assert_eq!(header(request, "host"), Some(&*server.address.to_string()));
    }
    assert!(seen[0].starts_with("GET /search/movie?query=a%20b%26c HTTP/1.1\r\n"));
    assert_eq!(header(&seen[0], "authorization"), Some("Bearer the-token"));
    assert_eq!(header(&seen[0], "content-length"), None);
    assert_eq!(header(&seen[0], "transfer-encoding"), None);
    assert!(seen[0].ends_with("\r\n\r\n"));
    assert!(seen[1].starts_with("POST /oauth/token HTTP/1.1\r\n"));
    assert_eq!(header(&seen[1], "authorization"), None);
    assert!(seen[1].ends_with("\r\n\r\n{\"a\":1}"));
    assert!(seen[2].starts_with("DELETE /checkin HTTP/1.1\r\n"));
    assert_eq!(header(&seen[2], "transfer-encoding"), None);
    assert_eq!(header(&seen[3], "content-length"), Some("0"));
    assert!(seen[4].starts_with("DELETE /sync/ratings HTTP/1.1\r\n"));
    assert!(seen[4].ends_with("\r\n\r\n{\"a\":1}"));
}

#[test]
fn a_get_with_a_body_and_a_path_that_leads_away_are_refused() {
    let server = Server::answering(|_, _| reply("200 OK", "", "{}"));
    let http = open(&server.origin());
    let mut request = get("/thing");
    request.body = Some(Secret::new("{}"));
    for request in [request, get("//evil"), get("/\\evil"), get("@evil/")] {
        let error = http.exchange(&request, &long()).unwrap_err();
        assert_eq!(error.status, Status::InvalidArgument, "{error}");
    }
    let mut request = get("/thing");
    request.bearer = Some(Secret::new("bad\r\ntoken"));
    let error = http.exchange(&request, &long()).unwrap_err();
    assert_eq!(error.status, Status::InvalidArgument);
    assert!(!error.message.contains("bad"));
    assert_eq!(server.seen.count(), 0);
}

#[test]
fn a_redirect_is_an_answer_and_the_token_goes_nowhere_else() {
    let elsewhere = Server::answering(|_, _| reply("200 OK", "", "{}"));
    let target = elsewhere.origin();
    let server = Server::answering(move |_, _| {
        reply("302 Found", &format!("Location: {target}/stolen\r\n"), "")
    });
    let http = open(&server.origin());
    for method in [Method::Get, Method::Post, Method::Delete] {
        let mut request = Request::new(Host::Api, method, "/thing");
        request.bearer = Some(Secret::new("the-token"));
        let answer = http.exchange(&request, &long()).unwrap();
        assert_eq!(answer.status, 302);
        assert_eq!(classify(&answer).unwrap_err().status, Status::BadReply);
    }
    assert_eq!(elsewhere.seen.connections(), 0);
    assert_eq!(server.seen.count(), 3);
}

// What comes back.

#[test]
fn bodies_are_unpacked_and_lose_their_byte_order_mark() {
    let json = "\u{feff}{\"name\":\"ü\"}";
    let server = Server::answering(move |request, _| {
        let packed = gzip(json.as_bytes());
        match request.split(' ').nth(1).unwrap() {
            "/plain" => reply("200 OK", "", json),
            "/gzip" => reply("200 OK", "Content-Encoding: gzip\r\n", packed),
            "/twice" => reply(
                "200 OK",
                "Content-Encoding: GZIP\r\n",
                [gzip(&json.as_bytes()[..5]), gzip(&json.as_bytes()[5..])].concat(),
            ),
            "/empty" => reply("400 Bad Request", "Content-Encoding: gzip\r\n", ""),
            "/nothing" => Some(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
            "/half" => reply(
                "200 OK",
                "Content-Encoding: gzip\r\n",
                &packed[..packed.len() / 2],
            ),
            "/garbage" => reply(
                "200 OK",
                "Content-Encoding: gzip\r\n",
                "garbage that is no gzip",
            ),
            _ => reply("200 OK", "Content-Encoding: br\r\n", "x"),
        }
    });
    let http = open(&server.origin());
    for path in ["/plain", "/gzip", "/twice"] {
        let answer = http.exchange(&get(path), &long()).unwrap();
        assert_eq!(answer.body, "{\"name\":\"ü\"}".as_bytes(), "{path}");
        assert_eq!(answer.headers.get("content-encoding"), None);
    }
    for path in ["/empty", "/nothing"] {
        assert_eq!(http.exchange(&get(path), &long()).unwrap().body, b"");
    }
    for path in ["/half", "/garbage", "/brotli"] {
        let error = http.exchange(&get(path), &long()).unwrap_err();
        assert_eq!(error.status, Status::BadReply, "{path}");
    }
}

#[test]
fn a_body_that_stops_early_is_no_answer() {
    for text in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"a\":",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\n{\"a\":",
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"a\":",
    ] {
        let server = Server::raw(move |mut stream, _, seen| {
            seen.add(read_request(&mut stream).unwrap());
            stream.write_all(text.as_bytes()).unwrap();
        });
        let error = fetch(&open(&server.origin())).unwrap_err();
        assert_eq!(
            (error.status, error.reason.as_deref()),
            (Status::BadReply, Some("cut")),
            "{text}: {error}"
        );
        assert_eq!(server.seen.count(), 1);
    }
}

#[test]
fn a_body_that_ends_with_its_connection_is_read() {
    let server = Server::raw(|mut stream, _, seen| {
        seen.add(read_request(&mut stream).unwrap());
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"a\":1}")
            .unwrap();
    });
    assert_eq!(fetch(&open(&server.origin())).unwrap().body, b"{\"a\":1}");
}

#[test]
fn what_is_no_http_is_a_bad_reply() {
    for text in [
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    ] {
        let server = Server::raw(move |mut stream, _, seen| {
            seen.add(read_request(&mut stream).unwrap());
            stream.write_all(text.as_bytes()).unwrap();
        });
        let error = fetch(&open(&server.origin())).unwrap_err();
        assert_eq!(error.status, Status::BadReply, "{text}: {error}");
    }
    let endless = Server::raw(|mut stream, _, seen| {
        seen.add(read_request(&mut stream).unwrap());
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream.write_all(b"X-More: and more and more\r\n").is_ok() {}
    });
    let error = fetch(&open(&endless.origin())).unwrap_err();
    assert_eq!(error.status, Status::BadReply, "{error}");
}

#[test]
fn more_than_64_mib_is_refused_packed_or_not() {
    const LIMIT: usize = trakt::http::MAX_BODY;
    let server = Server::raw(|mut stream, _, seen| {
        while let Some(request) = read_request(&mut stream) {
            let zeros = vec![0; 1 << 20];
            let packed = gzip(&zeros);
            let (headers, piece, count, rest) = match request.split(' ').nth(1).unwrap() {
                "/fits" => ("", &zeros, 64, 0),
                "/too-much" => ("", &zeros, 64, 1),
                "/bomb-fits" => ("Content-Encoding: gzip\r\n", &packed, 64, 0),
                _ => ("Content-Encoding: gzip\r\n", &packed, 65, 0),
            };
            seen.add(request);
            let length = piece.len() * count + rest;
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n{headers}\r\n");
            let _ = stream.write_all(head.as_bytes());
            for _ in 0..count {
                let _ = stream.write_all(piece);
            }
            let _ = stream.write_all(&zeros[..rest]);
        }
    });
    let http = open(&server.origin());
    for path in ["/fits", "/bomb-fits"] {
        let answer = http.exchange(&get(path), &long()).unwrap();
        assert_eq!(answer.body.len(), LIMIT, "{path}");
    }
    for path in ["/too-much", "/bomb"] {
        let error = http.exchange(&get(path), &long()).unwrap_err();
        assert_eq!(error.status, Status::BadReply);
        assert!(error.message.contains("larger than 64 MiB"), "{error}");
    }
    // Loading it again would change nothing.
    let before = server.seen.count();
    http.send(&get("/bomb"), Retry::Read, &long()).unwrap_err();
    assert_eq!(server.seen.count(), before + 1);
}

// Time and cancel.

#[test]
fn a_silent_server_is_a_timeout() {
    let server = Server::raw(|mut stream, _, seen| {
        seen.add(read_request(&mut stream).unwrap());
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-").unwrap();
        read_request(&mut stream);
    });
    let options = json!({"timeouts_ms": {"resolve": 60_000, "connect": 60_000, "read": 200, "total": 60_000}});
    let error = fetch(&try_open(&server.origin(), &options).unwrap()).unwrap_err();
    assert_eq!(error.status, Status::Timeout);
    assert!(error.message.contains("silent"), "{error}");
}

#[test]
fn what_is_spent_has_a_time_limit_of_its_own() {
    let (send, receive) = mpsc::channel::<()>();
    let receive = Mutex::new(receive);
    let server = Server::answering(move |request, _| {
        if request.starts_with("POST") {
            // Answers only when the other call has given up.
            receive.lock().unwrap().recv().unwrap();
            return reply("200 OK", "", "{}");
        }
        None
    });
    let options =
        json!({"timeouts_ms": {"resolve": 60_000, "connect": 60_000, "read": 50, "total": 60_000}});
    let http = try_open(&server.origin(), &options).unwrap();
    std::thread::scope(|scope| {
        let spent = scope.spawn(|| http.spend(&post("/oauth/token")));
        server.seen.wait_for(1);
        let budget = Budget::new(Cancel::new(), LONG);
        let other = scope.spawn({
            let budget = budget.clone();
            let http = &http;
            move || http.exchange(&post("/slow"), &budget)
        });
        server.seen.wait_for(2);
        assert_eq!(other.join().unwrap().unwrap_err().status, Status::Timeout);
        send.send(()).unwrap();
        assert_eq!(spent.join().unwrap().unwrap().status, 200);
        send.send(()).unwrap();
    });
}

fn drip(mut stream: TcpStream, _: usize, seen: &Seen) {
    let Some(request) = read_request(&mut stream) else {
        return;
    };
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    seen.add(request);
    while stream.write_all(b"x").is_ok() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_dripping_body_ends_with_the_calls_time() {
    let server = Server::raw(drip);
    let http = open(&server.origin());
    let budget = Budget::new(Cancel::new(), Duration::from_millis(300));
    let error = http.exchange(&get("/thing"), &budget).unwrap_err();
    assert_eq!(error.status, Status::Timeout);
    let error = http.exchange(&get("/thing"), &budget).unwrap_err();
    assert_eq!(error.status, Status::Timeout);
    assert_eq!(server.seen.count(), 1);
}

/// Ends calls that wait, and checks that each comes back.
fn cancel_frees(http: &Http, seen: &Seen) {
    for status in [Status::Cancelled, Status::Closed] {
        let budget = long();
        let before = seen.count();
        std::thread::scope(|scope| {
            let call = scope.spawn(|| http.exchange(&get("/hang"), &budget));
            seen.wait_for(before + 1);
            let ended = Instant::now();
            budget.cancel.end(status);
            let error = call.join().unwrap().unwrap_err();
            // A tenth of a second is promised; the machine may be busy with other tests.
            assert!(ended.elapsed() < Duration::from_secs(2));
            assert_eq!(error.status, status);
        });
        let error = http.exchange(&get("/hang"), &budget).unwrap_err();
        assert_eq!((error.status, seen.count()), (status, before + 1));
    }
}

#[test]
fn cancel_ends_a_silence_before_the_head() {
    let server = Server::raw(|mut stream, _, seen| {
        while let Some(request) = read_request(&mut stream) {
            let hangs = request.contains("/hang");
            seen.add(request);
            if !hangs {
                stream
                    .write_all(&reply("200 OK", "", "{}").unwrap())
                    .unwrap();
            }
        }
    });
    let http = open(&server.origin());
    fetch(&http).unwrap();
    cancel_frees(&http, &server.seen);
    assert_eq!(fetch(&http).unwrap().status, 200);
}

#[test]
fn cancel_ends_a_dripping_body() {
    let server = Server::raw(drip);
    let http = open(&server.origin());
    cancel_frees(&http, &server.seen);
}

#[test]
fn cancel_ends_a_silent_tls_handshake() {
    let server = Server::raw(|mut stream, _, seen| {
        let mut byte = [0];
        std::io::Read::read_exact(&mut stream, &mut byte).unwrap();
        seen.add("hello".into());
        let _ = std::io::Read::read_to_end(&mut stream, &mut Vec::new());
    });
    let http = open(&format!("https://localhost:{}", server.address.port()));
    cancel_frees(&http, &server.seen);
}

#[test]
fn cancel_ends_the_wait_for_a_repeat_and_for_a_pause() {
    let server = Server::answering(|_, _| reply("503 Busy", "Retry-After: 50\r\n", ""));
    for paused in [false, true] {
        let http = open(&server.origin());
        if paused {
            http.send(&get("/thing"), Retry::Once, &long()).unwrap();
        }
        let before = server.seen.count();
        let budget = long();
        std::thread::scope(|scope| {
            let call = scope.spawn(|| http.send(&get("/thing"), Retry::Read, &budget));
            server.seen.wait_for(before + usize::from(!paused));
            let ended = Instant::now();
            budget.cancel.end(Status::Closed);
            assert_eq!(call.join().unwrap().unwrap_err().status, Status::Closed);
            assert!(ended.elapsed() < Duration::from_secs(2));
        });
        assert_eq!(server.seen.count(), before + usize::from(!paused));
    }
}

// The network's own trouble.

#[test]
fn what_goes_wrong_below_http_has_its_code() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let refusing = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let error = fetch(&open(&refusing)).unwrap_err();
    assert_eq!(error.status, Status::Network);
    assert!(error.message.contains("refuses"), "{error}");

    let mute = Server::raw(|mut stream, _, seen| seen.add(read_request(&mut stream).unwrap()));
    let error = fetch(&open(&mute.origin())).unwrap_err();
    assert_eq!(error.status, Status::Network, "{error}");

    let handshake = Server::raw(|_, _, _| {});
    let secure = format!("https://localhost:{}", handshake.address.port());
    let error = fetch(&open(&secure)).unwrap_err();
    assert_eq!(error.status, Status::Network, "{error}");
    assert_eq!(handshake.seen.connections(), 1);

    // Closing with bytes unread resets the connection.
    let resetting = Server::raw(|_, _, _| {});
    let error = http_post(&open(&resetting.origin())).unwrap_err();
    assert_eq!(error.status, Status::Network, "{error}");
}

fn http_post(http: &Http) -> Result<Answer> {
    http.exchange(&post("/thing"), &long())
}

#[test]
fn a_name_that_isnt_there_is_dns() {
    let options = json!({"timeouts_ms": {"resolve": 20_000, "connect": 20_000, "read": 20_000, "total": 20_000}});
    let http = try_open("https://libtrakt-test.invalid", &options).unwrap();
    let error = fetch(&http).unwrap_err();
    // Without any name server, the lookup may hang instead.
    assert!(
        matches!(error.status, Status::Dns | Status::Timeout),
        "{error}"
    );
    assert!(error.message.contains("libtrakt-test.invalid"), "{error}");
}

// Kept connections.

#[test]
fn reads_share_a_connection() {
    let server = Server::answering(|_, _| reply("200 OK", "", "{}"));
    let http = open(&server.origin());
    for _ in 0..5 {
        fetch(&http).unwrap();
    }
    assert_eq!(server.seen.connections(), 1);
    http.spend(&post("/oauth/token")).unwrap();
    http.spend(&post("/oauth/token")).unwrap();
    assert_eq!(server.seen.connections(), 3);
}

/// Answers the first request of each connection and swallows the second one.
fn goes_stale(mut stream: TcpStream, _: usize, seen: &Seen) {
    for request in 0..2 {
        let Some(text) = read_request(&mut stream) else {
            return;
        };
        seen.add(text);
        if request == 0 {
            stream
                .write_all(&reply("200 OK", "", "{}").unwrap())
                .unwrap();
        }
    }
}

#[test]
fn a_post_is_never_lost_to_a_stale_connection_nor_sent_twice() {
    let server = Server::raw(goes_stale);
    let http = open(&server.origin());
    fetch(&http).unwrap();
    http_post(&http).unwrap();
    http_post(&http).unwrap();
    http.spend(&post("/oauth/token")).unwrap();
    let posts = server
        .seen
        .requests()
        .iter()
        .filter(|request| request.starts_with("POST"))
        .count();
    assert_eq!((posts, server.seen.connections()), (3, 4));

    let mute = Server::raw(|mut stream, _, seen| seen.add(read_request(&mut stream).unwrap()));
    let http = open(&mute.origin());
    http_post(&http).unwrap_err();
    http.send(&post("/thing"), Retry::Once, &long())
        .unwrap_err();
    http.spend(&post("/oauth/token")).unwrap_err();
    assert_eq!(mute.seen.count(), 3);
}

#[test]
fn a_read_on_a_stale_connection_goes_out_again_at_once() {
    let server = Server::raw(goes_stale);
    let http = open(&server.origin());
    fetch(&http).unwrap();
    fetch(&http).unwrap();
    assert_eq!((server.seen.count(), server.seen.connections()), (3, 2));
}

// Limits, pauses, repeats.

#[test]
fn a_read_is_repeated_and_a_write_is_not() {
    let server = Server::answering(|_, number| match number {
        1 => reply("502 Bad Gateway", "", PAGE),
        _ => reply("200 OK", "", "{}"),
    });
    let http = open(&server.origin());
    let answer = http.send(&get("/thing"), Retry::Read, &long()).unwrap();
    assert_eq!((answer.status, server.seen.count()), (200, 2));

    let failing = Server::answering(|_, _| reply("500 Internal Server Error", "", ""));
    let http = open(&failing.origin());
    let answer = http.send(&post("/thing"), Retry::Once, &long()).unwrap();
    assert_eq!((answer.status, failing.seen.count()), (500, 1));
}

#[test]
fn right_after_trouble_nothing_is_sent_and_the_same_error_comes_back() {
    let server = Server::answering(|_, _| reply("500 Internal Server Error", "", ""));
    loop {
        let http = open(&server.origin());
        let started = Instant::now();
        http.send(&post("/thing"), Retry::Once, &long()).unwrap();
        let before = server.seen.count();
        let again = http.send(&get("/other"), Retry::Read, &long());
        // A machine that took a second for that proves nothing.
        if started.elapsed() < Duration::from_secs(1) {
            let again = again.unwrap_err();
            assert_eq!(
                (again.status, again.http_status, server.seen.count()),
                (Status::ServerError, Some(500), before)
            );
            assert!((1..=1_200).contains(&again.retry_after_ms.unwrap()));
            return;
        }
    }
}

#[test]
fn a_read_gives_up_after_two_repeats() {
    let server = Server::raw(|mut stream, _, seen| {
        seen.add(read_request(&mut stream).unwrap());
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut")
            .unwrap();
    });
    let http = open(&server.origin());
    let error = http.send(&get("/thing"), Retry::Read, &long()).unwrap_err();
    assert_eq!((error.status, server.seen.count()), (Status::BadReply, 3));
    assert!((3_200..=4_800).contains(&error.retry_after_ms.unwrap()));
}

#[test]
fn what_wont_change_is_not_repeated() {
    for (status, body, code) in [
        ("403 Forbidden", PAGE, Status::Blocked),
        ("404 Not Found", "", Status::NotFound),
        ("200 OK", PAGE, Status::BadReply),
        ("302 Found", "", Status::BadReply),
    ] {
        let server = Server::answering(move |_, _| reply(status, "", body));
        let http = open(&server.origin());
        let answer = http.send(&get("/thing"), Retry::Read, &long()).unwrap();
        assert_eq!(classify(&answer).unwrap_err().status, code);
        assert_eq!(server.seen.count(), 1, "{status}");
    }
}

#[test]
fn retry_after_is_kept_to_in_both_forms() {
    for headers in [
        "Retry-After: 1\r\n",
        "Date: Sun, 06 Nov 1994 08:49:36 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
    ] {
        let server = Server::answering(move |_, number| match number {
            1 => reply("429 Too Many Requests", headers, PAGE),
            _ => reply("200 OK", "", "{}"),
        });
        let http = open(&server.origin());
        let started = Instant::now();
        let answer = http.send(&get("/thing"), Retry::Read, &long()).unwrap();
        assert_eq!((answer.status, server.seen.count()), (200, 2));
        assert!(started.elapsed() >= Duration::from_millis(900));
    }
}

#[test]
fn a_pause_longer_than_the_call_comes_back_at_once() {
    for (status, code) in [
        ("429 Too Many Requests", Status::RateLimited),
        ("503 Busy", Status::ServerError),
    ] {
        let server = Server::answering(move |_, _| reply(status, "Retry-After: 300\r\n", PAGE));
        let http = open(&server.origin());
        let answer = http.send(&get("/thing"), Retry::Read, &long()).unwrap();
        assert_eq!(classify(&answer).unwrap_err().retry_after_ms, Some(300_000));
        for request in [get("/other"), post("/other")] {
            let error = http.send(&request, Retry::Once, &long()).unwrap_err();
            assert_eq!(error.status, code);
            assert_eq!(error.http_status, Some(answer.status));
            assert!((200_000..=300_000).contains(&error.retry_after_ms.unwrap()));
        }
        // The other host isn't meant.
        let mut request = get("/other");
        request.host = Host::Auth;
        http.send(&request, Retry::Once, &long()).unwrap();
        assert_eq!(server.seen.count(), 2);
    }
}

#[test]
fn reads_stay_within_trakts_limit() {
    let server = Server::answering(|_, _| reply("200 OK", "", "{}"));
    let http = open(&server.origin());
    for _ in 0..500 {
        http.send(&get("/thing"), Retry::Read, &long()).unwrap();
    }
    let error = http.send(&get("/thing"), Retry::Read, &long()).unwrap_err();
    assert_eq!(error.status, Status::RateLimited);
    assert!((60_000..=300_000).contains(&error.retry_after_ms.unwrap()));
    assert_eq!(server.seen.count(), 500);
    // Writes have a limit of their own.
    http.send(&post("/thing"), Retry::Once, &long()).unwrap();
}

#[test]
fn writes_to_the_api_keep_the_pace() {
    struct Refusing;
    impl Pace for Refusing {
        fn claim_write(&self, _: &Budget) -> Result<()> {
            Err(Error::new(Status::RateLimited, "one a second").retry_after_ms(700))
        }
    }
    let server = Server::answering(|_, _| reply("200 OK", "", "{}"));
    let origin = server.origin();
    let config = json!({"client_id": "a", "auth_url": origin, "api_url": origin}).to_string();
    let http = Http::new(&Config::read(&config).unwrap(), Arc::new(Refusing)).unwrap();
    for method in [Method::Post, Method::Put, Method::Delete] {
        let request = Request::new(Host::Api, method, "/thing");
        let error = http.send(&request, Retry::Once, &long()).unwrap_err();
        assert_eq!(
            (error.status, error.retry_after_ms),
            (Status::RateLimited, Some(700))
        );
    }
    assert_eq!(server.seen.count(), 0);
    http.send(&get("/thing"), Retry::Read, &long()).unwrap();
    let mut login = post("/oauth/device/code");
    login.host = Host::Auth;
    http.send(&login, Retry::Once, &long()).unwrap();
    assert_eq!(server.seen.count(), 2);
}

// TLS.

fn hello(_: &str, _: usize) -> Option<Vec<u8>> {
    reply("200 OK", "", "{}")
}

#[test]
fn a_ca_file_is_trusted_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let file = authority.file(&dir);
    for name in ["localhost", "127.0.0.1"] {
        let server = Server::tls(authority.signs(name, 2020, 2100), hello);
        let origin = format!("https://{name}:{}", server.address.port());
        let http = try_open(&origin, &json!({"ca_file": file})).unwrap();
        for _ in 0..3 {
            assert_eq!(fetch(&http).unwrap().body, b"{}");
        }
        assert_eq!(server.seen.connections(), 1, "the connection was not kept");

        let error = fetch(&open(&origin)).unwrap_err();
        assert_eq!(error.status, Status::Tls, "{error}");
        let other = Authority::new();
        let dir = tempfile::tempdir().unwrap();
        let wrong = try_open(&origin, &json!({"ca_file": other.file(&dir)})).unwrap();
        assert_eq!(fetch(&wrong).unwrap_err().status, Status::Tls);
    }
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let server = Server::tls(authority.signs("other.test", 2020, 2100), hello);
    let origin = format!("https://localhost:{}", server.address.port());
    let http = try_open(&origin, &json!({"ca_file": authority.file(&dir)})).unwrap();
    let error = fetch(&http).unwrap_err();
    assert_eq!(error.status, Status::Tls);
    assert!(error.message.contains("another host"), "{error}");
}

#[test]
fn dates_that_fail_point_at_the_clock() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    for (from, to, word) in [(2001, 2002, "expired"), (2200, 2300, "valid yet")] {
        let server = Server::tls(authority.signs("localhost", from, to), hello);
        let origin = format!("https://localhost:{}", server.address.port());
        let http = try_open(&origin, &json!({"ca_file": authority.file(&dir)})).unwrap();
        let error = fetch(&http).unwrap_err();
        assert_eq!(error.status, Status::TlsClock);
        assert!(error.message.contains(word), "{error}");
        // Neither the clock nor the certificate changes within a call.
        let connections = server.seen.connections();
        http.send(&get("/thing"), Retry::Read, &long()).unwrap_err();
        assert_eq!(server.seen.connections(), connections + 1);
    }
}

#[test]
fn a_server_without_tls_is_a_tls_error() {
    let server = Server::raw(|mut stream, _, _| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        let _ = std::io::Read::read_to_end(&mut stream, &mut Vec::new());
    });
    let http = open(&format!("https://localhost:{}", server.address.port()));
    assert_eq!(fetch(&http).unwrap_err().status, Status::Tls);
}

#[test]
fn an_unusable_ca_file_is_named() {
    let error = try_open(
        "https://localhost",
        &json!({"ca_file": "/nonexistent/ca.pem"}),
    )
    .err()
    .unwrap();
    assert_eq!(error.status, Status::Config);
    assert!(error.message.contains("`ca_file`"));
}

// Proxies.

/// A TLS server for `trakt.test` and the TEST-NET address, which only a proxy can reach.
struct Behind {
    server: Server,
    dir: tempfile::TempDir,
    authority: Authority,
}

impl Behind {
    fn new(name: &str) -> Behind {
        let authority = Authority::new();
        Behind {
            server: Server::tls(authority.signs(name, 2020, 2100), hello),
            dir: tempfile::tempdir().unwrap(),
            authority,
        }
    }

    fn address(&self) -> SocketAddr {
        self.server.address
    }

    fn through(&self, origin: &str, proxy: &str) -> Http {
        try_open(
            origin,
            &json!({"proxy": proxy, "ca_file": self.authority.file(&self.dir)}),
        )
        .unwrap()
    }
}

#[test]
fn an_http_proxy_carries_https_by_connect() {
    let behind = Behind::new("trakt.test");
    // user:p@ss
    let proxy = server::connect_proxy("Basic dXNlcjpwQHNz", behind.address());
    let port = proxy.address.port();
    let http = behind.through(
        "https://trakt.test",
        &format!("http://user:p%40ss@127.0.0.1:{port}"),
    );
    for _ in 0..2 {
        assert_eq!(fetch(&http).unwrap().status, 200);
    }
    http_post(&http).unwrap();
    let asked = proxy.seen.requests();
    assert!(asked[0].starts_with("CONNECT trakt.test:443 HTTP/1.1\r\n"));
    assert!(
        header(&asked[0], "user-agent")
            .unwrap()
            .contains("libtrakt")
    );
    // The tunnel is kept for reads; what it carries, the proxy can't see.
    assert_eq!((asked.len(), behind.server.seen.count()), (2, 3));
    assert!(
        asked
            .iter()
            .all(|request| !request.contains("trakt-api-key"))
    );

    for login in ["", "user:wrong@", "other:p%40ss@"] {
        let http = behind.through(
            "https://trakt.test",
            &format!("http://{login}127.0.0.1:{port}"),
        );
        let error = fetch(&http).unwrap_err();
        assert_eq!(error.status, Status::Proxy, "{error}");
        assert!(error.message.contains("password"), "{error}");
        assert!(!error.message.contains("wrong"), "{error}");
    }
    assert_eq!(behind.server.seen.count(), 3);
}

#[test]
fn a_proxy_may_itself_be_reached_by_https() {
    let behind = Behind::new("trakt.test");
    let proxy = server::https_connect_proxy(
        behind.authority.signs("localhost", 2020, 2100),
        behind.address(),
    );
    let url = format!("https://localhost:{}", proxy.address.port());
    let http = behind.through("https://trakt.test", &url);
    assert_eq!(fetch(&http).unwrap().status, 200);
    assert_eq!(proxy.seen.count(), 1);
    // A proxy whose certificate nobody trusts is the proxy's trouble.
    let stranger = try_open("https://trakt.test", &json!({"proxy": url})).unwrap();
    assert_eq!(fetch(&stranger).unwrap_err().status, Status::Proxy);
}

#[test]
fn a_socks_proxy_gets_the_name_or_the_address() {
    for (host, scheme, asked) in [
        ("trakt.test", "socks5h", "name:trakt.test"),
        ("192.0.2.1", "socks5", "address:192.0.2.1"),
    ] {
        let behind = Behind::new(host);
        let proxy = server::socks_proxy("user", "p@ss", behind.address());
        let port = proxy.address.port();
        let origin = format!("https://{host}");
        let http = behind.through(&origin, &format!("{scheme}://user:p%40ss@127.0.0.1:{port}"));
        assert_eq!(fetch(&http).unwrap().status, 200);
        assert_eq!(proxy.seen.requests(), [asked]);

        let http = behind.through(&origin, &format!("{scheme}://user:wrong@127.0.0.1:{port}"));
        let error = fetch(&http).unwrap_err();
        assert_eq!(error.status, Status::Proxy);
        assert!(error.message.contains("password"), "{error}");
    }
}

#[test]
fn a_proxy_that_fails_is_named() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let silent = Server::raw(|mut stream, _, _| {
        let _ = std::io::Read::read_to_end(&mut stream, &mut Vec::new());
    });
    let no_proxy = Server::raw(|mut stream, _, seen| {
        seen.add(read_request(&mut stream).unwrap());
        let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n");
    });
    for (url, word) in [
        (format!("http://{address}"), "reached"),
        (format!("socks5h://{address}"), "reached"),
        (format!("http://{}", silent.address), "in time"),
        (format!("socks5h://{}", silent.address), "in time"),
        (format!("http://{}", no_proxy.address), "refuses"),
    ] {
        let options = json!({
            "proxy": url,
            "timeouts_ms": {"resolve": 60_000, "connect": 300, "read": 60_000, "total": 60_000},
        });
        let http = try_open("https://trakt.test", &options).unwrap();
        let error = fetch(&http).unwrap_err();
        assert_eq!(error.status, Status::Proxy, "{url}: {error}");
        assert!(error.message.contains(word), "{url}: {error}");
    }
}

#[test]
fn loopback_is_never_asked_through_a_proxy() {
    let server = Server::answering(hello);
    let proxy = Server::answering(hello);
    let http = try_open(&server.origin(), &json!({"proxy": proxy.origin()})).unwrap();
    fetch(&http).unwrap();
    assert_eq!((server.seen.count(), proxy.seen.connections()), (1, 0));
}

#[test]
fn without_an_option_the_environment_names_the_proxy() {
    let proxy = server::connect_proxy("Basic dXNlcjpwQHNz", SocketAddr::from(([127, 0, 0, 1], 9)));
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "asks_as_the_environment_says", "--ignored"])
        .env_clear()
        .env("HTTPS_PROXY", proxy.origin())
        .env("NO_PROXY", "direct.test")
        .output()
        .unwrap();
    assert!(child.status.success(), "{child:?}");
    let asked = proxy.seen.requests();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].starts_with("CONNECT trakt.test:443 "));
}

#[test]
#[ignore = "run by the test above, with an environment of its own"]
fn asks_as_the_environment_says() {
    let ask = |origin: &str, mut options: Value| {
        options["timeouts_ms"] = json!({"resolve": 5_000, "total": 20_000});
        let config = json!({"client_id": "a", "api_url": origin});
        let mut config = config.as_object().unwrap().clone();
        config.extend(options.as_object().unwrap().clone());
        let config = Config::read(&Value::from(config).to_string()).unwrap();
        let http = Http::new(&config, Arc::new(NoPace::default())).unwrap();
        fetch(&http).unwrap_err().status
    };
    assert_eq!(ask("https://trakt.test", json!({})), Status::Proxy);
    for (origin, options) in [
        ("https://direct.test", json!({})),
        ("https://trakt.test", json!({"proxy": ""})),
    ] {
        assert_ne!(ask(origin, options), Status::Proxy, "{origin}");
    }
}

#[test]
fn cancel_ends_a_silent_proxy() {
    let proxy = Server::raw(|mut stream, _, seen| {
        seen.add(read_request(&mut stream).unwrap());
        let _ = std::io::Read::read_to_end(&mut stream, &mut Vec::new());
    });
    let http = try_open("https://trakt.test", &json!({"proxy": proxy.origin()})).unwrap();
    cancel_frees(&http, &proxy.seen);
}

// What is written down.

struct Kept(Mutex<mpsc::Sender<String>>);

impl log::Log for Kept {
    fn enabled(&self, metadata: &log::Metadata) -> bool {
        metadata.target().starts_with("trakt")
    }
    fn log(&self, record: &log::Record) {
        if self.enabled(record.metadata()) {
            let _ = self.0.lock().unwrap().send(record.args().to_string());
        }
    }
    fn flush(&self) {}
}

#[test]
fn the_log_has_method_path_and_status_and_no_secret() {
    let (send, receive) = mpsc::channel();
    log::set_boxed_logger(Box::new(Kept(Mutex::new(send)))).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let server =
        Server::answering(|_, _| reply("418 Teapot", "X-Secret: abcdefgh\r\n", "abcdefgh"));
    let http = open(&server.origin());
    let mut request = post("/written/down");
    request.query = vec![("q".into(), "abcdefgh".into())];
    request.bearer = Some(Secret::new("abcdefgh"));
    request.body = Some(Secret::new("{\"token\":\"abcdefgh\"}"));
    http.exchange(&request, &long()).unwrap();
    let mut found = false;
    for line in receive.try_iter() {
        assert!(!line.contains("abcdefgh"), "{line}");
        found |= line.starts_with("POST /written/down 418 in ");
    }
    assert!(found);
}
