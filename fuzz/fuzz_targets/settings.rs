//! The body of `GET /users/settings`: whatever comes is read field by field or refused as a bad reply.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trakt::account::raw;
use trakt::account::settings::{Settings, same_user};
use trakt::account::{limits, permissions};
use trakt::error::Status;

fuzz_target!(|body: &[u8]| {
    let compact = match raw::compact(body) {
        Ok(compact) => compact,
        Err(error) => {
            assert_eq!(error.status, Status::BadReply);
            assert!(!error.message.chars().any(char::is_control));
            return;
        }
    };
    assert_eq!(
        raw::compact(compact.get().as_bytes()).map(|again| again.get().to_owned()),
        Ok(compact.get().to_owned())
    );
    // Without white space it is still the same JSON, where that can be compared at all.
    let text = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let value = |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).ok();
    assert_eq!(value(text), value(compact.get().as_bytes()));

    match Settings::read(compact.get()) {
        Ok(settings) => {
            let user = settings.user.short();
            assert!(user.username.is_some() || user.slug.is_some() || user.uuid.is_some());
            assert!(same_user(&user, &user));
            let text = serde_json::to_string(&settings).expect("it can be written");
            let written: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            if let Some(groups) = written["limits"].as_object() {
                for (group, kinds) in groups {
                    for kind in kinds.as_object().into_iter().flat_map(|kinds| kinds.keys()) {
                        let path = format!("{group}.{kind}");
                        let check = limits::check(Some(&settings.limits), user.vip, &path, 5);
                        if let Ok(check) = check {
                            assert_eq!(check.allowed, check.upgrade_url.is_none());
                        }
                    }
                }
            }
            if let Some(known) = written["permissions"].as_object() {
                for name in known.keys() {
                    if let Ok(check) = permissions::check(Some(&settings.permissions), name) {
                        assert_eq!(Some(check.allowed), known[name].as_bool());
                    }
                }
            }
        }
        Err(error) => assert_eq!(error.status, Status::BadReply),
    }
});
