//! The URL, or bare code, that a host hands in after the sign-in page: it brings a code or a plain refusal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trakt::clock::Moment;
use trakt::error::Status;
use trakt::link::code::{LIFE_MS, Pending, read_redirect};

fuzz_target!(|text: &str| {
    let now = Moment {
        boot_id: "one".into(),
        boot_ms: 1_000,
        wall_ms: 1_790_000_000_000,
    };
    let pending = Pending::new(&[1; 32], &[2; 32], &now);
    for redirect_uri in ["https://app.example/back", "urn:ietf:wg:oauth:2.0:oob"] {
        match read_redirect(text, redirect_uri, &pending, &now) {
            Ok(code) => {
                let code = code.expose();
                assert!(!code.is_empty() && code.bytes().all(|byte| byte.is_ascii_graphic()));
                // What is no bare code carries our state.
                if text.contains([':', '/', '?', '=']) {
                    assert!(text.contains('='));
                    assert!(text.contains('%') || text.contains(pending.state.expose()));
                }
            }
            Err(error) => {
                assert!(
                    matches!(
                        error.status,
                        Status::InvalidArgument
                            | Status::StateMismatch
                            | Status::CodeDenied
                            | Status::Rejected
                    ),
                    "{error}"
                );
                assert!(!error.message.contains(pending.state.expose()));
            }
        }
        let late = read_redirect(text, redirect_uri, &pending, &now.plus(LIFE_MS));
        assert_eq!(late.map_err(|error| error.status), Err(Status::WrongState));
    }
});
