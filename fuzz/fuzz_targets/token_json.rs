//! The JSON of a pair of tokens and of a device code: whatever comes is read field by field or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trakt::error::Status;
use trakt::link::device::{AnswerView, CodeAnswer, PollAnswer, read_code_answer, read_poll_answer};
use trakt::link::token_reply::{MAX_TOKEN, TokenReply};

fuzz_target!(|body: &[u8]| {
    let answer = AnswerView {
        status: 200,
        content_type: Some("application/json"),
        retry_after_ms: None,
        body,
        cloudflare: false,
    };
    match TokenReply::read(body) {
        Ok(reply) => {
            for token in [Some(&reply.access_token), reply.refresh_token.as_ref()] {
                let text = token.map_or("none", |token| token.expose());
                assert!((1..=MAX_TOKEN).contains(&text.len()));
                assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
            }
            assert!(reply.expires_in_s.is_none_or(|life| life > 0));
            assert_eq!(read_poll_answer(Ok(answer)), PollAnswer::Token(reply));
        }
        Err(error) => {
            assert_eq!(error.status, Status::BadReply);
            assert!(matches!(
                read_poll_answer(Ok(answer)),
                PollAnswer::Trouble(_)
            ));
        }
    }
    match read_code_answer(Ok(answer)) {
        CodeAnswer::Code(code) => {
            assert!((1_000..=86_400_000).contains(&code.expires_in_ms));
            assert!((1_000..=900_000).contains(&code.interval_ms));
            assert!(!code.user_code.is_empty() && !code.device_code.is_empty());
        }
        CodeAnswer::Trouble(error) => assert!(error.retryable(), "{error}"),
        other => panic!("{other:?} of a status 200"),
    }
});
