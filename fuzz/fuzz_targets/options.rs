//! Config and options as a host may write them: each text is taken or refused with a plain word.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use trakt::config::Config;
use trakt::error::{Error, Status};
use trakt::json;

/// One key of each type that options have.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Options {
    wait_ms: Option<u32>,
    max_age_ms: Option<u64>,
    background: bool,
    extended: Option<String>,
    query: BTreeMap<String, serde_json::Value>,
    timeouts_ms: Option<Inner>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only how it is read matters")]
struct Inner {
    total: u32,
}

fn check(error: &Error) {
    assert!(
        matches!(
            error.status,
            Status::InvalidJson | Status::InvalidArgument | Status::UnknownOption | Status::Config
        ),
        "{error}"
    );
    assert!(error.message.len() < 512, "{error}");
    assert!(!error.message.chars().any(char::is_control), "{error:?}");
}

fuzz_target!(|text: &str| {
    match Config::read(text) {
        Ok(config) => {
            for url in [&config.auth_url, &config.api_url] {
                let https = url.starts_with("https://");
                assert!(https || url.starts_with("http://127.") || url.starts_with("http://["));
            }
            assert!(!config.client_id.is_empty());
            assert!(config.user_agent.is_ascii());
        }
        Err(error) => check(&error),
    }
    if let Err(error) = json::options::<Options>(Some(text)) {
        check(&error);
    }
});
