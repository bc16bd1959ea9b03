//! What an answer means: its status and the kind of its body, read as an error with a stable code.
//! Knows nothing of the network, of retries, or of what was asked; every header and byte may be garbage.
#![forbid(unsafe_code)]

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::message::{Answer, Headers};
pub use crate::account::limits::UPGRADE_URL;
use crate::clock::Moment;
use crate::error::{Error, Result, Status};

/// What a body is, whatever its Content-Type says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One JSON value.
    Json,
    /// A page.
    Html,
    /// Anything else.
    Text,
    /// Nothing, or only white space.
    Empty,
}

/// The kind of an answer's body.
pub fn kind(answer: &Answer) -> Kind {
    let body = answer.body.trim_ascii();
    if body.is_empty() {
        Kind::Empty
    } else if serde_json::from_slice::<IgnoredAny>(body).is_ok() {
        Kind::Json
    } else if is_page(answer) {
        Kind::Html
    } else {
        Kind::Text
    }
}

/// Whether the body is a page, without reading all of it.
fn is_page(answer: &Answer) -> bool {
    let body = answer.body.trim_ascii_start();
    match body.first() {
        None | Some(b'{' | b'[' | b'"') => false,
        Some(b'<') => true,
        Some(_) => answer
            .headers
            .get("Content-Type")
            .is_some_and(|value| value.to_ascii_lowercase().contains("html")),
    }
}

/// Whether Cloudflare answered with a page or a text of its own.
pub fn is_cloudflare(answer: &Answer) -> bool {
    let server = answer.headers.get("Server").unwrap_or_default();
    server.to_ascii_lowercase().contains("cloudflare")
        && matches!(kind(answer), Kind::Html | Kind::Text)
}

/// Whether the page asks for a browser: Cloudflare's way to say no with any status.
fn is_challenge(answer: &Answer) -> bool {
    if answer
        .headers
        .get("cf-mitigated")
        .is_some_and(|value| value.eq_ignore_ascii_case("challenge"))
    {
        return true;
    }
    const MARKS: [&str; 4] = [
        "/cdn-cgi/challenge-platform",
        "cf-chl-",
        "cf_chl_opt",
        "Attention Required! | Cloudflare",
    ];
    let head = &answer.body[..answer.body.len().min(65_536)];
    is_page(answer)
        && MARKS.iter().any(|mark| {
            head.windows(mark.len())
                .any(|window| window == mark.as_bytes())
        })
}

/// The error of the OAuth endpoints.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct OauthError {
    /// The stable word, such as `invalid_grant`.
    pub error: String,
    /// Trakt's own sentence.
    #[serde(
        default,
        rename = "error_description",
        deserialize_with = "text_or_none"
    )]
    pub description: Option<String>,
}

/// A text, or nothing for a value of any other type.
fn text_or_none<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Value {
        Text(String),
        Other(IgnoredAny),
    }
    Ok(match Value::deserialize(reader)? {
        Value::Text(text) => Some(text),
        Value::Other(_) => None,
    })
}

/// The OAuth error in the body of an answer that isn't 2xx, if there is one.
pub fn oauth_error(answer: &Answer) -> Option<OauthError> {
    if (200..300).contains(&answer.status) {
        return None;
    }
    serde_json::from_slice::<OauthError>(&answer.body)
        .ok()
        .filter(|error| !error.error.is_empty())
}

/// What an answer means for the caller.
///
/// # Errors
/// By status and kind of body, with what the headers say of limits, upgrades and when to come back. 2xx is no error,
/// unless the body is a page: then it is `bad_reply`, or `blocked` for one of Cloudflare's. Messages never repeat the body.
pub fn classify(answer: &Answer) -> Result<()> {
    let status = answer.status;
    let error = |code, message: &str| Error::new(code, message).http_status(status);
    if is_challenge(answer) {
        let blocked = error(
            Status::Blocked,
            "Cloudflare asks for a browser instead of passing the request on to Trakt",
        );
        return Err(later(blocked, answer));
    }
    Err(match status {
        200..=299 if is_page(answer) => error(
            Status::BadReply,
            "a web page came instead of Trakt's answer",
        ),
        200..=299 => return Ok(()),
        400 | 401
            if oauth_error(answer).is_some_and(|oauth| {
                matches!(
                    oauth.error.as_str(),
                    "invalid_client" | "unauthorized_client"
                )
            }) =>
        {
            error(
                Status::Forbidden,
                "Trakt refuses the app: check client_id and client_secret",
            )
            .reason("invalid_client")
        }
        401 => error(
            Status::NotLinked,
            "Trakt doesn't accept the access token (401)",
        )
        .reason("unauthorized"),
        403 => match kind(answer) {
            Kind::Json | Kind::Empty => error(
                Status::Forbidden,
                "Trakt refuses: the key or the app isn't accepted, or this account may not do it (403)",
            ),
            Kind::Html | Kind::Text => later(
                error(
                    Status::Blocked,
                    "Cloudflare, in front of Trakt, refuses this request (403)",
                ),
                answer,
            ),
        },
        404 => error(Status::NotFound, "Trakt doesn't know it (404)"),
        409 => error(Status::Conflict, "Trakt has it already (409)"),
        408 | 500..=599 => later(
            error(
                Status::ServerError,
                &format!("Trakt is in trouble or overloaded ({status})"),
            ),
            answer,
        ),
        420 => {
            let mut error = error(
                Status::AccountLimit,
                "a limit of the account is reached (420)",
            );
            error.limit = whole_number(&answer.headers, "X-Account-Limit");
            error.upgrade_url = Some(upgrade_url(&answer.headers));
            error.reason = truth(&answer.headers, "X-VIP-User")
                .map(|vip| if vip { "vip_user" } else { "free_user" }.into());
            error
        }
        423 if truth(&answer.headers, "X-Account-Deactivated") == Some(true) => error(
            Status::AccountLocked,
            "the account is deactivated: its user has to write to Trakt's support (423)",
        )
        .reason("account_deactivated"),
        423 => error(
            Status::AccountLocked,
            "the account is locked: its user has to write to Trakt's support (423)",
        )
        .reason("account_locked"),
        426 => {
            let mut error = error(Status::VipOnly, "only for VIP members (426)");
            error.upgrade_url = Some(upgrade_url(&answer.headers));
            error
        }
        429 => later(
            error(Status::RateLimited, "too many requests (429)"),
            answer,
        ),
        300..=399 => error(
            Status::BadReply,
            &format!("Trakt sends elsewhere ({status}), which is not followed"),
        ),
        400..=499 => {
            let mut error = error(
                Status::Rejected,
                &format!("Trakt refuses the request as written ({status})"),
            );
            error.reason = oauth_error(answer)
                .map(|oauth| oauth.error)
                .filter(|word| is_plain_word(word));
            error
        }
        _ => error(
            Status::BadReply,
            &format!("{status} is no status that an answer can have"),
        ),
    })
}

/// A word that a message or reason may repeat.
fn is_plain_word(word: &str) -> bool {
    (1..=40).contains(&word.len())
        && word
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

fn later(mut error: Error, answer: &Answer) -> Error {
    error.retry_after_ms = retry_after_ms(&answer.headers, &answer.at);
    error
}

fn upgrade_url(headers: &Headers) -> String {
    headers
        .get("X-Upgrade-URL")
        .filter(|url| {
            url.len() <= 2048
                && url.bytes().all(|byte| byte.is_ascii_graphic())
                && url.parse::<ureq::http::Uri>().is_ok_and(|uri| {
                    uri.scheme_str() == Some("https")
                        && uri.authority().is_some_and(|authority| {
                            !authority.host().is_empty() && !authority.as_str().contains('@')
                        })
                })
        })
        .unwrap_or(UPGRADE_URL)
        .to_owned()
}

fn whole_number(headers: &Headers, name: &str) -> Option<i64> {
    headers
        .get(name)?
        .parse()
        .ok()
        .filter(|number: &i64| *number >= 0)
}

fn truth(headers: &Headers, name: &str) -> Option<bool> {
    match headers.get(name)?.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Some(true),
        "false" | "0" | "no" => Some(false),
        _ => None,
    }
}

/// The longest time that `Retry-After` is believed: one hour, in milliseconds.
pub const MAX_RETRY_AFTER_MS: u64 = 3_600_000;

/// How long Trakt asks to wait, from `now` on and one hour at most: seconds, or a date (against the answer's own Date where it has one,
/// since this machine's clock may be wrong).
pub fn retry_after_ms(headers: &Headers, now: &Moment) -> Option<u64> {
    let value = headers.get("Retry-After")?;
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        value
            .parse::<u64>()
            .map_or(u64::MAX, |seconds| seconds.saturating_mul(1000))
    } else if let Some(seconds) = value
        .parse::<f64>()
        .ok()
        .filter(|seconds| seconds.is_finite() && *seconds >= 0.0)
    {
        // A few servers send fractions.
        std::time::Duration::try_from_secs_f64(seconds)
            .ok()
            .and_then(|wait| u64::try_from(wait.as_millis()).ok())
            .unwrap_or(u64::MAX)
    } else {
        let until = http_date_ms(value)?;
        let from = headers
            .get("Date")
            .and_then(http_date_ms)
            .unwrap_or(now.wall_ms);
        u64::try_from(until.saturating_sub(from)).unwrap_or(0)
    };
    Some(wait.min(MAX_RETRY_AFTER_MS))
}

/// The server's clock minus this machine's wall clock, in milliseconds. A date has whole seconds, and was written somewhen
/// between request and answer: what is known (or no skew at all) is kept as far as that doesn't contradict it.
pub fn date_skew_ms(answer: &Answer, known: Option<i64>) -> Option<i64> {
    let least = http_date_ms(answer.headers.get("Date")?)?.saturating_sub(answer.at.wall_ms);
    let most = least
        .saturating_add(answer.took_ms.max(0))
        .saturating_add(999);
    Some(known.unwrap_or(0).clamp(least, most))
}

/// Milliseconds since 1970 of an HTTP date in any of its three forms (RFC 9110, 5.6.7).
fn http_date_ms(text: &str) -> Option<i64> {
    let (mut year, mut month, mut day, mut clock) = (None, None, None, None);
    for word in text
        .split([' ', ',', '-'])
        .filter(|word| !word.is_empty())
        .take(8)
    {
        if let Some((hour, rest)) = word.split_once(':') {
            let (minute, second) = rest.split_once(':')?;
            // 60 is a leap second.
            clock = Some(time::Time::from_hms(
                number(hour)?,
                number(minute)?,
                number::<u8>(second)?.min(59),
            ));
        } else if word.bytes().all(|byte| byte.is_ascii_digit()) {
            if word.len() == 4 {
                year = number::<i32>(word);
            } else if day.is_none() {
                day = number::<u8>(word);
            } else {
                year =
                    number::<i32>(word).map(|short| short + if short < 70 { 2000 } else { 1900 });
            }
        } else if month.is_none() {
            month = month_of(word);
        }
    }
    let date = time::Date::from_calendar_date(year?, month?, day?).ok()?;
    let moment = date.with_time(clock?.ok()?).assume_utc();
    moment.unix_timestamp().checked_mul(1000)
}

fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    if text.len() > 4 {
        return None;
    }
    text.parse().ok()
}

fn month_of(word: &str) -> Option<time::Month> {
    const NAMES: [&str; 12] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    let index = NAMES
        .iter()
        .position(|name| word.eq_ignore_ascii_case(name))?;
    time::Month::try_from(u8::try_from(index + 1).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
        Answer {
            status,
            headers: headers.iter().copied().collect(),
            body: body.as_bytes().to_vec(),
            at: at(784_111_777_000),
            took_ms: 0,
        }
    }

    fn at(wall_ms: i64) -> Moment {
        Moment {
            boot_id: "test".into(),
            boot_ms: 1,
            wall_ms,
        }
    }

    fn fails(status: u16, headers: &[(&str, &str)], body: &str) -> Error {
        classify(&answer(status, headers, body)).unwrap_err()
    }

    const PAGE: &str = "<!DOCTYPE html><html><body>Sorry, you have been blocked</body></html>";

    #[test]
    fn status_and_kind_of_body_decide() {
        use Status::{
            AccountLimit, AccountLocked, BadReply, Blocked, Conflict, Forbidden, NotFound,
            NotLinked, RateLimited, Rejected, ServerError, VipOnly,
        };
        for (status, body, expected) in [
            (301, "", BadReply),
            (304, "", BadReply),
            (400, "", Rejected),
            (401, "", NotLinked),
            (401, PAGE, NotLinked),
            (403, "", Forbidden),
            (403, " \r\n", Forbidden),
            (403, r#"{"error":"forbidden"}"#, Forbidden),
            (403, PAGE, Blocked),
            (403, "Forbidden", Blocked),
            (403, "error code: 1010", Blocked),
            (404, "", NotFound),
            (404, PAGE, NotFound),
            (405, "", Rejected),
            (406, "", Rejected),
            (408, "", ServerError),
            (409, "", Conflict),
            (410, "", Rejected),
            (412, "", Rejected),
            (418, "", Rejected),
            (420, "", AccountLimit),
            (422, "{}", Rejected),
            (423, "", AccountLocked),
            (426, "", VipOnly),
            (429, "", RateLimited),
            (429, "error code: 1015", RateLimited),
            (429, PAGE, RateLimited),
            (500, "", ServerError),
            (503, PAGE, ServerError),
            (520, PAGE, ServerError),
            (524, "error code: 524", ServerError),
            (200, PAGE, BadReply),
            (100, "", BadReply),
            (600, "", BadReply),
            (0, "", BadReply),
        ] {
            let error = fails(status, &[], body);
            assert_eq!(error.status, expected, "{status} {body}");
            assert_eq!(error.http_status, Some(status));
        }
        for (status, body) in [
            (200, "{}"),
            (200, ""),
            (201, "[]"),
            (204, ""),
            (200, "text"),
        ] {
            assert_eq!(classify(&answer(status, &[], body)), Ok(()));
        }
        // A page by its header alone, and JSON that is called one.
        let html = [("content-type", "text/HTML; charset=UTF-8")];
        assert_eq!(fails(200, &html, "hello").status, BadReply);
        assert_eq!(classify(&answer(200, &html, "{}")), Ok(()));
    }

    #[test]
    fn a_challenge_is_blocked_with_any_status() {
        let challenge =
            "<html><script src=\"/cdn-cgi/challenge-platform/h/g/orchestrate\"></script>";
        for status in [200, 401, 403, 404, 429, 503] {
            assert_eq!(fails(status, &[], challenge).status, Status::Blocked);
            assert_eq!(
                fails(status, &[("CF-Mitigated", "challenge")], "").status,
                Status::Blocked
            );
        }
        // A show of that name is no challenge.
        let json = r#"{"title":"/cdn-cgi/challenge-platform"}"#;
        assert_eq!(classify(&answer(200, &[], json)), Ok(()));
    }

    #[test]
    fn limits_say_where_to_go() {
        let plain = fails(420, &[], "");
        assert_eq!(
            (
                plain.limit,
                plain.upgrade_url.as_deref(),
                plain.reason.as_deref()
            ),
            (None, Some(UPGRADE_URL), None)
        );
        let full = fails(
            420,
            &[
                ("x-upgrade-url", "https://trakt.tv/vip?from=api"),
                ("X-VIP-User", " False"),
                ("X-Account-Limit", " 100 "),
            ],
            "",
        );
        assert_eq!(full.limit, Some(100));
        assert_eq!(
            full.upgrade_url.as_deref(),
            Some("https://trakt.tv/vip?from=api")
        );
        assert_eq!(full.reason.as_deref(), Some("free_user"));
        for url in [
            "http://trakt.tv/vip",
            "javascript:alert(1)",
            "",
            "https://",
            "https://trakt.tv@evil.example/",
            "trakt.tv",
        ] {
            let error = fails(426, &[("X-Upgrade-URL", url)], "");
            assert_eq!(error.upgrade_url.as_deref(), Some(UPGRADE_URL), "{url}");
        }
        assert_eq!(fails(420, &[("X-Account-Limit", "many")], "").limit, None);
        assert_eq!(fails(420, &[("X-Account-Limit", "-5")], "").limit, None);
        for (headers, reason) in [
            (&[][..], "account_locked"),
            (&[("X-Account-Locked", "true")][..], "account_locked"),
            (
                &[
                    ("X-Account-Locked", "false"),
                    ("X-Account-Deactivated", "True"),
                ][..],
                "account_deactivated",
            ),
        ] {
            assert_eq!(fails(423, headers, "").reason.as_deref(), Some(reason));
        }
    }

    #[test]
    fn oauth_errors_are_read_from_any_shape() {
        let read = |body: &str| oauth_error(&answer(400, &[], body));
        assert_eq!(
            read(r#"{"error":"invalid_grant","error_description":"session not found"}"#),
            Some(OauthError {
                error: "invalid_grant".into(),
                description: Some("session not found".into())
            })
        );
        for body in [
            r#"{"error":"slow_down"}"#,
            r#"{"error":"slow_down","error_description":null,"more":[1]}"#,
            r#"{"error":"slow_down","error_description":5}"#,
            r#" {"error":"slow_down","error_description":{"a":"b"}} "#,
        ] {
            assert_eq!(
                read(body),
                Some(OauthError {
                    error: "slow_down".into(),
                    description: None
                }),
                "{body}"
            );
        }
        for body in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"error":null}"#,
            r#"{"error":{"code":1}}"#,
            r#"{"error":""}"#,
            PAGE,
            r#"{"error":"cut"#,
        ] {
            assert_eq!(read(body), None, "{body}");
        }
        assert_eq!(
            oauth_error(&answer(200, &[], r#"{"error":"invalid_grant"}"#)),
            None
        );
        for status in [400, 401] {
            let error = fails(status, &[], r#"{"error":"invalid_client"}"#);
            assert_eq!(error.status, Status::Forbidden);
        }
        let grant = fails(400, &[], r#"{"error":"invalid_grant"}"#);
        assert_eq!(grant.status, Status::Rejected);
        assert_eq!(grant.reason.as_deref(), Some("invalid_grant"));
        let odd = fails(400, &[], r#"{"error":"My Secret"}"#);
        assert_eq!(odd.reason, None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let read = |value: &str, wall_ms: i64| {
            retry_after_ms(
                &[("retry-after", value)].into_iter().collect(),
                &at(wall_ms),
            )
        };
        assert_eq!(read("5", 0), Some(5_000));
        assert_eq!(read(" 120 ", 0), Some(120_000));
        assert_eq!(read("0", 0), Some(0));
        assert_eq!(read("1.5", 0), Some(1_500));
        assert_eq!(read("999999999999999999999", 0), Some(MAX_RETRY_AFTER_MS));
        for date in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(read(date, 784_111_777_000 - 30_000), Some(30_000), "{date}");
            assert_eq!(read(date, 784_111_777_000 + 30_000), Some(0), "{date}");
            assert_eq!(read(date, 0), Some(MAX_RETRY_AFTER_MS), "{date}");
        }
        for garbage in [
            "",
            "-5",
            "soon",
            "NaN",
            "inf",
            "Sun, 99 Nov 1994 08:49:37 GMT",
            "1:2",
            "::",
        ] {
            assert_eq!(read(garbage, 0), None, "{garbage}");
        }
        // A machine that woke up in 1970 believes the answer's own clock.
        let headers: Headers = [
            ("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("Date", "Sun, 06 Nov 1994 08:49:30 GMT"),
        ]
        .into_iter()
        .collect();
        assert_eq!(retry_after_ms(&headers, &at(0)), Some(7_000));
        assert_eq!(
            fails(429, &[("Retry-After", "300")], PAGE).retry_after_ms,
            Some(300_000)
        );
        assert_eq!(
            fails(503, &[("Retry-After", "30")], "").retry_after_ms,
            Some(30_000)
        );
        assert_eq!(fails(429, &[], "").retry_after_ms, None);
    }

    #[test]
    fn the_servers_clock_is_compared() {
        let date = [("Date", "Sun, 06 Nov 1994 08:49:47 GMT")];
        let compared = answer(200, &date, "");
        assert_eq!(date_skew_ms(&compared, None), Some(10_000));
        assert_eq!(date_skew_ms(&compared, Some(10_400)), Some(10_400));
        assert_eq!(date_skew_ms(&compared, Some(20_000)), Some(10_999));
        let slow = Answer {
            took_ms: 15_000,
            ..answer(200, &[("Date", "Sun, 06 Nov 1994 08:49:22 GMT")], "")
        };
        assert_eq!(date_skew_ms(&slow, None), Some(0));
        let slept = Answer {
            took_ms: 3_600_000,
            ..answer(200, &[("Date", "Sun, 06 Nov 1994 07:50:00 GMT")], "")
        };
        assert_eq!(date_skew_ms(&slept, Some(700)), Some(700));
        assert_eq!(
            date_skew_ms(&answer(200, &[("Date", "today")], ""), None),
            None
        );
        assert_eq!(date_skew_ms(&answer(200, &[], ""), None), None);
    }

    proptest! {
        #[test]
        fn any_answer_has_a_meaning(
            status in 0u16..1000,
            headers in proptest::collection::vec((
                prop_oneof!["Retry-After", "Date", "X-Upgrade-URL", "X-Account-Limit", "X-VIP-User", "Content-Type", "cf-mitigated", "[a-z-]{1,12}"],
                prop_oneof![".{0,40}", "[A-Z][a-z]{2},? [0-9]{1,4}[ -][A-Z][a-z]{2}[ -][0-9]{1,4} [0-9]{1,3}:[0-9]{1,3}:[0-9]{1,3} GMT", "-?[0-9.]{0,30}"],
            ), 0..6),
            body in prop_oneof![proptest::collection::vec(any::<u8>(), 0..200), "[\\[{<\"]?.{0,40}".prop_map(String::into_bytes)],
        ) {
            let answer = Answer { status, headers: headers.into_iter().collect(), body, at: at(1_700_000_000_000), took_ms: 0 };
            let _ = date_skew_ms(&answer, None);
            let found = kind(&answer);
            prop_assert_eq!(found == Kind::Empty, answer.body.trim_ascii().is_empty());
            match classify(&answer) {
                Ok(()) => prop_assert!((200..300).contains(&status) && found != Kind::Html),
                Err(error) => {
                    prop_assert_eq!(error.http_status, Some(status));
                    prop_assert!(error.retry_after_ms.unwrap_or(0) <= MAX_RETRY_AFTER_MS);
                    prop_assert!(error.upgrade_url.is_none_or(|url| url.starts_with("https://")));
                    prop_assert!(error.limit.unwrap_or(0) >= 0);
                }
            }
        }

        #[test]
        fn dates_are_read_back(seconds in 0i64..4_102_444_800) {
            let moment = time::OffsetDateTime::from_unix_timestamp(seconds).unwrap();
            let text = format!(
                "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                &moment.weekday().to_string()[..3], moment.day(), &moment.month().to_string()[..3],
                moment.year(), moment.hour(), moment.minute(), moment.second()
            );
            prop_assert_eq!(http_date_ms(&text), Some(seconds * 1000));
        }
    }
}
