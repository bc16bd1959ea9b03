//! An answer as it comes from the wire, decoded: a status, header lines, an empty line, a body. Whatever it is, it means something.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trakt::clock::Moment;
use trakt::error::Status;
use trakt::http::{
    Answer, Headers, Kind, classify, date_skew_ms, kind, oauth_error, retry_after_ms,
};
use trakt::link::device::{AnswerView, PollAnswer, read_code_answer, read_poll_answer};

fn answer(wire: &[u8]) -> Option<Answer> {
    let end = wire.windows(2).position(|two| two == b"\n\n")?;
    let head = std::str::from_utf8(&wire[..end]).ok()?;
    let mut lines = head.lines();
    let status = lines.next()?.trim().parse().ok()?;
    let headers: Headers = lines.filter_map(|line| line.split_once(':')).collect();
    Some(Answer {
        status,
        headers,
        body: wire[end + 2..].to_vec(),
        at: Moment {
            boot_id: "one".into(),
            boot_ms: 1_000,
            wall_ms: 1_790_000_000_000,
        },
        took_ms: 1_000,
    })
}

fuzz_target!(|wire: &[u8]| {
    let Some(answer) = answer(wire) else {
        return;
    };
    let is_page = kind(&answer) == Kind::Html;
    let wait = retry_after_ms(&answer.headers, &answer.at);
    assert!(wait.is_none_or(|wait| wait <= 3_600_000));
    if let Some(skew) = date_skew_ms(&answer, None) {
        // As far as it goes, the second answer says what the first did.
        assert_eq!(date_skew_ms(&answer, Some(skew)), Some(skew));
    }
    oauth_error(&answer);
    match classify(&answer) {
        Ok(()) => assert!((200..300).contains(&answer.status) && !is_page),
        Err(error) => {
            assert_ne!(error.status, Status::Ok);
            assert_eq!(error.http_status, Some(answer.status));
            assert!(error.message.len() < 512 && !error.message.chars().any(char::is_control));
        }
    }
    let view = AnswerView {
        status: answer.status,
        content_type: answer.headers.get("Content-Type"),
        retry_after_ms: wait,
        body: &answer.body,
        cloudflare: is_page,
    };
    read_code_answer(Ok(view));
    match read_poll_answer(Ok(view)) {
        PollAnswer::Token(_) => assert!((200..300).contains(&answer.status)),
        PollAnswer::Dropped => panic!("an answer is no torn down request"),
        _ => {}
    }
});
