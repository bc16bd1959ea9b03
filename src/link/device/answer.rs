//! What Trakt's answers to the two requests of a device login mean.
//! Knows nothing of what the login does next.
#![forbid(unsafe_code)]

use serde_json::Value;

use crate::account::limits::UPGRADE_URL;
use crate::error::{Error, Status};
use crate::link::plain_word;
use crate::link::token_reply::{Fields, TokenReply};
use crate::secret::Secret;

const DEFAULT_LIFE_S: f64 = 600.0;
const MAX_LIFE_S: f64 = 24.0 * 3600.0;
const DEFAULT_INTERVAL_S: f64 = 5.0;
const MAX_INTERVAL_S: f64 = 900.0;
/// The longest device code, user code and URL that are taken for one, in bytes.
const MAX_DEVICE_CODE: usize = 4096;
const MAX_USER_CODE: usize = 64;
const MAX_URL: usize = 1024;

/// An answer as this module needs it.
#[derive(Clone, Copy, Debug)]
pub struct AnswerView<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The `Content-Type` header.
    pub content_type: Option<&'a str>,
    /// The `Retry-After` header, from now.
    pub retry_after_ms: Option<u64>,
    /// The whole body.
    pub body: &'a [u8],
    /// Whether the `Server` header says Cloudflare and the body is a page or text.
    pub cloudflare: bool,
}

/// A code that Trakt handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeReply {
    /// What the polls ask about.
    pub device_code: Secret,
    /// What the user types.
    pub user_code: String,
    /// Where the user types it.
    pub verification_url: String,
    /// Its life from its receipt, 1 s to 24 h.
    pub expires_in_ms: u64,
    /// The least time between two polls, 1 s to 15 min.
    pub interval_ms: u64,
}

/// What an answer to the request for a code means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeAnswer {
    /// There is a code.
    Code(CodeReply),
    /// Trakt refuses, and would again.
    Refused(Error),
    /// Passing trouble.
    Trouble(Error),
    /// The request was torn down on this side, which says nothing of Trakt.
    Dropped,
}

/// What an answer to a poll means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PollAnswer {
    /// The user said yes.
    Token(TokenReply),
    /// The user hasn't answered yet.
    Pending,
    /// The same, and Trakt wants to be asked less often.
    SlowDown(Error),
    /// The user said no.
    Denied(u16),
    /// The code ran out.
    Expired(u16),
    /// The code was used before.
    AlreadyUsed(u16),
    /// Trakt doesn't know the code.
    Invalid(u16),
    /// Trakt refuses, and would again.
    Refused(Error),
    /// Passing trouble, which says nothing of the code.
    Trouble(Error),
    /// The request was torn down on this side, which says nothing of Trakt.
    Dropped,
}

/// Reads the answer to the request for a code, or the trouble on its way.
pub fn read_code_answer(answer: Result<AnswerView<'_>, &Error>) -> CodeAnswer {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) if was_dropped(error) => return CodeAnswer::Dropped,
        Err(error) => return CodeAnswer::Trouble(error.clone()),
    };
    let body = Body::of(&answer);
    match answer.status {
        200..=299 => match read_code(answer.body) {
            Some(reply) => CodeAnswer::Code(reply),
            None => CodeAnswer::Trouble(trouble(&answer, &body)),
        },
        status if refuses(status, &body) => CodeAnswer::Refused(refusal(&answer, &body)),
        _ => CodeAnswer::Trouble(trouble(&answer, &body)),
    }
}

/// Reads the answer to a poll, or the trouble on its way.
pub fn read_poll_answer(answer: Result<AnswerView<'_>, &Error>) -> PollAnswer {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) if was_dropped(error) => return PollAnswer::Dropped,
        Err(error) => return PollAnswer::Trouble(error.clone()),
    };
    let status = answer.status;
    let body = Body::of(&answer);
    match (status, body.word()) {
        (200..=299, _) => match TokenReply::read(answer.body) {
            Ok(token) => PollAnswer::Token(token),
            Err(_) => PollAnswer::Trouble(trouble(&answer, &body)),
        },
        (408, _) => PollAnswer::Trouble(trouble(&answer, &body)),
        (400..=499, _) if body == Body::Page => PollAnswer::Trouble(trouble(&answer, &body)),
        (429, _) => PollAnswer::SlowDown(trouble(&answer, &body)),
        (400..=499, Some("invalid_client")) => PollAnswer::Refused(refusal(&answer, &body)),
        (404, _) => PollAnswer::Invalid(status),
        (409, _) => PollAnswer::AlreadyUsed(status),
        (410, _) => PollAnswer::Expired(status),
        (418, _) => PollAnswer::Denied(status),
        (400..=499, Some("authorization_pending")) => PollAnswer::Pending,
        (400..=499, Some("slow_down")) => PollAnswer::SlowDown(slow_down(&answer)),
        (400..=499, Some("expired_token")) => PollAnswer::Expired(status),
        (400..=499, Some("access_denied")) => PollAnswer::Denied(status),
        (400, None) => PollAnswer::Pending,
        _ if refuses(status, &body) => PollAnswer::Refused(refusal(&answer, &body)),
        _ => PollAnswer::Trouble(trouble(&answer, &body)),
    }
}

fn was_dropped(error: &Error) -> bool {
    matches!(error.status, Status::Cancelled | Status::Closed)
}

/// What kind of body an answer has.
#[derive(PartialEq)]
enum Body {
    Empty,
    /// JSON; with the `error` of an object, where it has one.
    Json(Option<String>),
    /// HTML, or the line of text that Cloudflare sends instead.
    Page,
    /// Anything else.
    Text,
}

impl Body {
    fn of(answer: &AnswerView<'_>) -> Self {
        let body = answer.body;
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let body = body.trim_ascii();
        if body.is_empty() {
            return Self::Empty;
        }
        if let Some(fields) = Fields::read(body) {
            let word = fields.text("error");
            return Self::Json(word.map(|word| word.trim().to_ascii_lowercase()));
        }
        let html = answer
            .content_type
            .is_some_and(|kind| kind.to_ascii_lowercase().contains("html"));
        let cloudflare_text = body
            .get(..11)
            .is_some_and(|start| start.eq_ignore_ascii_case(b"error code:"));
        if html || body.starts_with(b"<") || cloudflare_text {
            return Self::Page;
        }
        match serde_json::from_slice::<Value>(body) {
            Ok(_) => Self::Json(None),
            Err(_) => Self::Text,
        }
    }

    fn word(&self) -> Option<&str> {
        match self {
            Self::Json(word) => word.as_deref().filter(|word| !word.is_empty()),
            _ => None,
        }
    }
}

/// Whether Trakt itself refuses for good; not Cloudflare or a proxy, and not for the moment.
fn refuses(status: u16, body: &Body) -> bool {
    matches!(status, 400..=499)
        && !matches!(status, 408 | 429)
        && matches!(body, Body::Json(_) | Body::Empty)
}

fn refusal(answer: &AnswerView<'_>, body: &Body) -> Error {
    let word = body.word();
    let (status, message) = match answer.status {
        _ if word == Some("invalid_client") => {
            (Status::Forbidden, "Trakt doesn't accept this app's key")
        }
        // At the OAuth endpoints it is the app that authenticates, not the user (RFC 6749, 5.2).
        401 | 403 => (Status::Forbidden, "Trakt refuses this app"),
        404 => (Status::NotFound, "Trakt doesn't know this address"),
        409 => (Status::Conflict, "Trakt says this was done already"),
        420 => (Status::AccountLimit, "a limit of the account is reached"),
        423 => (
            Status::AccountLocked,
            "Trakt has locked or deactivated the account",
        ),
        426 => (Status::VipOnly, "this is only for VIP members"),
        _ => (Status::Rejected, "Trakt refused the request"),
    };
    let mut error = Error::new(status, message).http_status(answer.status);
    error.reason = word.and_then(plain_word).map(str::to_owned);
    if matches!(status, Status::AccountLimit | Status::VipOnly) {
        error.upgrade_url = Some(UPGRADE_URL.to_owned());
    }
    error
}

/// The passing error that an answer is, which says nothing of the login.
fn trouble(answer: &AnswerView<'_>, body: &Body) -> Error {
    let page = *body == Body::Page;
    let (status, message) = match answer.status {
        429 => (Status::RateLimited, "Trakt asks for fewer requests"),
        408 | 500..=599 => (Status::ServerError, "Trakt is in trouble"),
        403 => (
            Status::Blocked,
            "a page came instead of Trakt's answer: the connection is blocked on the way",
        ),
        _ if page && answer.cloudflare => (
            Status::Blocked,
            "a page of Cloudflare came instead of Trakt's answer",
        ),
        _ if page => (
            Status::BadReply,
            "a page came instead of Trakt's answer; does this network want a sign-in?",
        ),
        _ => (Status::BadReply, "Trakt's answer can't be read"),
    };
    let mut error = Error::new(status, message).http_status(answer.status);
    error.retry_after_ms = answer.retry_after_ms;
    error
}

fn slow_down(answer: &AnswerView<'_>) -> Error {
    let mut error = Error::new(Status::RateLimited, "Trakt asks for fewer requests")
        .http_status(answer.status)
        .reason("slow_down");
    error.retry_after_ms = answer.retry_after_ms;
    error
}

fn read_code(body: &[u8]) -> Option<CodeReply> {
    let fields = Fields::read(body)?;
    let device_code = fields.token("device_code")?;
    let user_code = fields.text("user_code")?;
    let verification_url = fields.text("verification_url")?;
    let usable = device_code.expose().len() <= MAX_DEVICE_CODE
        && user_code.len() <= MAX_USER_CODE
        && !user_code.chars().any(char::is_control)
        && !user_code.trim().is_empty()
        && is_web_url(&verification_url);
    let seconds = |key, default: f64, max| fields.number(key).unwrap_or(default).clamp(1.0, max);
    // At most a day: far inside of what both types hold.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let ms = |seconds: f64| (seconds * 1000.0).ceil() as u64;
    usable.then(|| CodeReply {
        device_code,
        user_code,
        verification_url,
        expires_in_ms: ms(seconds("expires_in", DEFAULT_LIFE_S, MAX_LIFE_S)),
        interval_ms: ms(seconds("interval", DEFAULT_INTERVAL_S, MAX_INTERVAL_S)),
    })
}

/// Whether a user can open it: `http` or `https`, a host, nothing odd in it.
fn is_web_url(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else {
        return false;
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    url.len() <= MAX_URL
        && (scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http"))
        && !host.is_empty()
        && !url
            .chars()
            .any(|c| c.is_control() || c.is_whitespace() || matches!(c, '"' | '<' | '>' | '\\'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TOKEN: &str = r#"{"access_token":"a-token","token_type":"bearer","expires_in":86400,"refresh_token":"r-token"}"#;
    const PAGE: &str = "<!DOCTYPE html><html><body>Sorry, you have been blocked</body></html>";
    const JSON: &str = "application/json; charset=utf-8";

    fn view<'a>(status: u16, content_type: &'a str, body: &'a str) -> AnswerView<'a> {
        AnswerView {
            status,
            content_type: (!content_type.is_empty()).then_some(content_type),
            retry_after_ms: None,
            body: body.as_bytes(),
            cloudflare: false,
        }
    }

    fn poll(status: u16, body: &str) -> PollAnswer {
        read_poll_answer(Ok(view(status, JSON, body)))
    }

    fn poll_error(answer: PollAnswer) -> Error {
        match answer {
            PollAnswer::Refused(error)
            | PollAnswer::Trouble(error)
            | PollAnswer::SlowDown(error) => error,
            other => panic!("{other:?}"),
        }
    }

    fn is_trouble(answer: &PollAnswer, expected: Status, http: Option<u16>) -> bool {
        matches!(answer, PollAnswer::Trouble(error) if error.status == expected && error.http_status == http)
    }

    #[test]
    fn poll_200_is_authorized() {
        for status in [200, 201] {
            let PollAnswer::Token(token) = poll(status, TOKEN) else {
                panic!("no token")
            };
            assert_eq!(token.access_token.expose(), "a-token");
        }
    }

    #[test]
    fn poll_200_that_cannot_be_read_is_trouble() {
        for body in ["", "{}", "null", "{\"access_token\":\"a", "garbage"] {
            assert!(
                is_trouble(&poll(200, body), Status::BadReply, Some(200)),
                "{body}"
            );
        }
        assert!(is_trouble(&poll(204, ""), Status::BadReply, Some(204)));
        assert!(is_trouble(&poll(200, PAGE), Status::BadReply, Some(200)));
    }

    #[test]
    fn poll_400_with_empty_or_no_json_or_authorization_pending_is_pending() {
        for body in [
            "",
            " \r\n",
            "\u{feff}",
            "Bad Request",
            "{\"error\":\"invalid_cl",
            "null",
            "\"\"",
            "{}",
            r#"{"error":""}"#,
            r#"{"error":5}"#,
            r#"{"error":"authorization_pending"}"#,
            r#"{"error":"Authorization_Pending","error_description":"wait"}"#,
        ] {
            assert_eq!(poll(400, body), PollAnswer::Pending, "{body}");
        }
        assert_eq!(
            read_poll_answer(Ok(view(400, "text/html", ""))),
            PollAnswer::Pending
        );
        let behind_cloudflare = AnswerView {
            cloudflare: true,
            ..view(400, JSON, "garbage")
        };
        assert_eq!(read_poll_answer(Ok(behind_cloudflare)), PollAnswer::Pending);
    }

    #[test]
    fn poll_400_slow_down_and_429_slow_down() {
        for (status, body) in [
            (400, r#"{"error":"slow_down"}"#),
            (429, ""),
            (429, "{}"),
            (429, "too many"),
            (429, r#"{"error":"slow_down"}"#),
        ] {
            let answer = AnswerView {
                retry_after_ms: Some(7_000),
                ..view(status, JSON, body)
            };
            let answer = read_poll_answer(Ok(answer));
            assert!(matches!(answer, PollAnswer::SlowDown(_)), "{status} {body}");
            let error = poll_error(answer);
            assert_eq!(error.status, Status::RateLimited);
            assert_eq!(error.retry_after_ms, Some(7_000));
        }
    }

    #[test]
    fn poll_statuses_that_end_the_login() {
        for body in [
            "",
            "{}",
            "Not Found",
            r#"{"error":"whatever"}"#,
            r#"{"error":"invalid_grant"}"#,
        ] {
            assert_eq!(poll(404, body), PollAnswer::Invalid(404));
            assert_eq!(poll(409, body), PollAnswer::AlreadyUsed(409));
            assert_eq!(poll(410, body), PollAnswer::Expired(410));
            assert_eq!(poll(418, body), PollAnswer::Denied(418));
        }
        assert_eq!(
            poll(400, r#"{"error":"expired_token"}"#),
            PollAnswer::Expired(400)
        );
        assert_eq!(
            poll(400, r#"{"error":"access_denied"}"#),
            PollAnswer::Denied(400)
        );
        assert_eq!(
            poll(403, r#"{"error":"access_denied"}"#),
            PollAnswer::Denied(403)
        );
    }

    #[test]
    fn poll_refusals_of_trakt_have_their_code() {
        for (status, body, expected, reason) in [
            (401, "{}", Status::Forbidden, None),
            (
                403,
                r#"{"error":"forbidden"}"#,
                Status::Forbidden,
                Some("forbidden"),
            ),
            (403, "", Status::Forbidden, None),
            (
                400,
                r#"{"error":"invalid_client"}"#,
                Status::Forbidden,
                Some("invalid_client"),
            ),
            (
                401,
                r#"{"error":"invalid_client"}"#,
                Status::Forbidden,
                Some("invalid_client"),
            ),
            (
                404,
                r#"{"error":"invalid_client"}"#,
                Status::Forbidden,
                Some("invalid_client"),
            ),
            (
                400,
                r#"{"error":"invalid_request","error_description":"client_id is required"}"#,
                Status::Rejected,
                Some("invalid_request"),
            ),
            (
                400,
                r#"{"error":"<b>odd words</b>"}"#,
                Status::Rejected,
                None,
            ),
            (405, "", Status::Rejected, None),
            (412, "{}", Status::Rejected, None),
            (422, "{}", Status::Rejected, None),
            (423, "{}", Status::AccountLocked, None),
        ] {
            let answer = poll(status, body);
            assert!(matches!(answer, PollAnswer::Refused(_)), "{status} {body}");
            let error = poll_error(answer);
            assert_eq!(
                (error.status, error.http_status, error.reason.as_deref()),
                (expected, Some(status), reason),
                "{body}"
            );
        }
        for (status, expected) in [(420, Status::AccountLimit), (426, Status::VipOnly)] {
            let error = poll_error(poll(status, ""));
            assert_eq!(error.status, expected);
            assert_eq!(error.upgrade_url.as_deref(), Some(UPGRADE_URL));
        }
    }

    #[test]
    fn poll_pages_of_any_status_are_trouble() {
        for status in [200, 301, 302, 400, 401, 404, 405, 409, 410, 418, 422] {
            let answer = read_poll_answer(Ok(view(status, "text/html", PAGE)));
            assert!(
                is_trouble(&answer, Status::BadReply, Some(status)),
                "{status} {answer:?}"
            );
            let by_cloudflare = AnswerView {
                cloudflare: true,
                ..view(status, "text/html", PAGE)
            };
            let answer = read_poll_answer(Ok(by_cloudflare));
            assert!(
                is_trouble(&answer, Status::Blocked, Some(status)),
                "{status} {answer:?}"
            );
            // A page that claims to be JSON.
            assert!(
                matches!(poll(status, PAGE), PollAnswer::Trouble(_)),
                "{status}"
            );
        }
        for (content_type, body) in [
            ("text/html", PAGE),
            ("text/plain", "error code: 1010"),
            ("text/plain", "Forbidden"),
            ("", "Forbidden"),
        ] {
            let answer = read_poll_answer(Ok(view(403, content_type, body)));
            assert!(is_trouble(&answer, Status::Blocked, Some(403)), "{body}");
        }
        let answer = read_poll_answer(Ok(view(429, "text/html", PAGE)));
        assert!(is_trouble(&answer, Status::RateLimited, Some(429)));
        for status in [500, 502, 503, 504, 520, 521, 522, 524] {
            let answer = read_poll_answer(Ok(view(status, "text/html", PAGE)));
            assert!(is_trouble(&answer, Status::ServerError, Some(status)));
        }
    }

    #[test]
    fn poll_trouble_of_any_other_kind_is_trouble() {
        for status in [408, 500, 503, 522] {
            for body in ["", "{}", r#"{"error":"access_denied"}"#, "text"] {
                assert!(is_trouble(
                    &poll(status, body),
                    Status::ServerError,
                    Some(status)
                ));
            }
        }
        for status in [100, 204, 301, 302, 307, 401, 405, 422, 600] {
            assert!(
                is_trouble(&poll(status, "text"), Status::BadReply, Some(status)),
                "{status}"
            );
        }
        for status in [
            Status::Network,
            Status::Timeout,
            Status::Dns,
            Status::Tls,
            Status::TlsClock,
            Status::Proxy,
            Status::BadReply,
            Status::StorageFull,
        ] {
            let error = Error::new(status, "trouble");
            assert_eq!(
                read_poll_answer(Err(&error)),
                PollAnswer::Trouble(error.clone())
            );
            assert_eq!(
                read_code_answer(Err(&error)),
                CodeAnswer::Trouble(error.clone())
            );
        }
    }

    #[test]
    fn a_request_torn_down_here_is_nobodys_fault() {
        for error in [Error::cancelled(), Error::closed()] {
            assert_eq!(read_poll_answer(Err(&error)), PollAnswer::Dropped);
            assert_eq!(read_code_answer(Err(&error)), CodeAnswer::Dropped);
        }
    }

    #[test]
    fn retry_after_is_told_with_trouble() {
        let answer = AnswerView {
            retry_after_ms: Some(30_000),
            ..view(503, "text/html", PAGE)
        };
        assert_eq!(
            poll_error(read_poll_answer(Ok(answer))).retry_after_ms,
            Some(30_000)
        );
    }

    fn code(status: u16, body: &str) -> CodeAnswer {
        read_code_answer(Ok(view(status, JSON, body)))
    }

    #[test]
    fn a_code_is_read() {
        let body = r#"{"device_code":"d9c126a7","user_code":"5055CC52","verification_url":"https://trakt.tv/activate","expires_in":600,"interval":5}"#;
        let expected = CodeReply {
            device_code: Secret::new("d9c126a7"),
            user_code: "5055CC52".into(),
            verification_url: "https://trakt.tv/activate".into(),
            expires_in_ms: 600_000,
            interval_ms: 5_000,
        };
        assert_eq!(code(200, body), CodeAnswer::Code(expected.clone()));
        assert_eq!(
            code(201, &format!("\u{feff}{body}")),
            CodeAnswer::Code(expected)
        );
        assert!(!format!("{:?}", code(200, body)).contains("d9c126a7"));
    }

    #[test]
    fn numbers_of_a_code_may_be_odd() {
        for (expires_in, interval, life_ms, interval_ms) in [
            ("600", "5", 600_000, 5_000),
            ("\"600\"", "\"5\"", 600_000, 5_000),
            ("600.0", "2.5", 600_000, 2_500),
            ("0", "0", 600_000, 5_000),
            ("-1", "-1", 600_000, 5_000),
            ("null", "[]", 600_000, 5_000),
            ("\"soon\"", "\"NaN\"", 600_000, 5_000),
            ("1e300", "1e300", 86_400_000, 900_000),
            ("0.001", "0.001", 1_000, 1_000),
        ] {
            let body = format!(
                r#"{{"device_code":"d","user_code":"u","verification_url":"http://x","expires_in":{expires_in},"interval":{interval}}}"#
            );
            let CodeAnswer::Code(reply) = code(200, &body) else {
                panic!("{body}")
            };
            assert_eq!(
                (reply.expires_in_ms, reply.interval_ms),
                (life_ms, interval_ms),
                "{body}"
            );
        }
        let body = r#"{"device_code":"d","user_code":"u","verification_url":"http://x"}"#;
        assert!(
            matches!(code(200, body), CodeAnswer::Code(reply) if reply.expires_in_ms == 600_000 && reply.interval_ms == 5_000)
        );
    }

    #[test]
    fn what_lacks_a_part_of_a_code_is_trouble() {
        for body in [
            "",
            "{}",
            "[]",
            r#"{"user_code":"u","verification_url":"http://x"}"#,
            r#"{"device_code":"","user_code":"u","verification_url":"http://x"}"#,
            r#"{"device_code":5,"user_code":"u","verification_url":"http://x"}"#,
            r#"{"device_code":"d","user_code":"","verification_url":"http://x"}"#,
            r#"{"device_code":"d","user_code":" ","verification_url":"http://x"}"#,
            r#"{"device_code":"d","user_code":"a\u0007b","verification_url":"http://x"}"#,
            r#"{"device_code":"d","user_code":"u"}"#,
            r#"{"device_code":"d","user_code":"u","verification_url":"trakt.tv/activate"}"#,
            r#"{"device_code":"d","user_code":"u","verification_url":"javascript://x"}"#,
            r#"{"device_code":"d","user_code":"u","verification_url":"https://"}"#,
            r#"{"device_code":"d","user_code":"u","verification_url":"https:///activate"}"#,
            r#"{"device_code":"d","user_code":"u","verification_url":"https://x y"}"#,
        ] {
            let answer = code(200, body);
            assert!(
                matches!(&answer, CodeAnswer::Trouble(error) if error.status == Status::BadReply),
                "{body}: {answer:?}"
            );
        }
    }

    #[test]
    fn refusals_of_a_code_have_their_status() {
        for (status, body, expected) in [
            (400, r#"{"error":"invalid_client"}"#, Status::Forbidden),
            (400, r#"{"error":"invalid_request"}"#, Status::Rejected),
            (400, "", Status::Rejected),
            (401, "{}", Status::Forbidden),
            (403, "{}", Status::Forbidden),
            (403, "", Status::Forbidden),
            (404, "{}", Status::NotFound),
            (426, "{}", Status::VipOnly),
        ] {
            let answer = code(status, body);
            assert!(
                matches!(&answer, CodeAnswer::Refused(error) if error.status == expected && error.http_status == Some(status)),
                "{status} {body}: {answer:?}"
            );
        }
    }

    #[test]
    fn trouble_with_a_code_passes() {
        for (status, content_type, body, expected) in [
            (200, "text/html", PAGE, Status::BadReply),
            (302, "text/html", PAGE, Status::BadReply),
            (400, "text/html", PAGE, Status::BadReply),
            (400, "text/plain", "no", Status::BadReply),
            (403, "text/html", PAGE, Status::Blocked),
            (403, "text/plain", "Forbidden", Status::Blocked),
            (404, "text/html", PAGE, Status::BadReply),
            (408, JSON, "{}", Status::ServerError),
            (429, JSON, "{}", Status::RateLimited),
            (429, "text/html", PAGE, Status::RateLimited),
            (503, JSON, "{}", Status::ServerError),
        ] {
            let answer = read_code_answer(Ok(view(status, content_type, body)));
            assert!(
                matches!(&answer, CodeAnswer::Trouble(error) if error.status == expected),
                "{status} {body}: {answer:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_read(
            status in any::<u16>(),
            content_type in prop::option::of(".{0,20}"),
            body in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..200),
                r#"\{"error":"[a-z_]{0,24}"\}"#.prop_map(String::into_bytes),
            ],
            cloudflare in any::<bool>(),
        ) {
            let view = AnswerView { status, content_type: content_type.as_deref(), retry_after_ms: None, body: &body, cloudflare };
            let poll = read_poll_answer(Ok(view));
            let code = read_code_answer(Ok(view));
            if !(200..500).contains(&status) {
                prop_assert!(matches!(poll, PollAnswer::Trouble(_)));
                prop_assert!(matches!(code, CodeAnswer::Trouble(_)));
            }
        }
    }
}
