//! How much of something an account may have, as Trakt's settings say it.
//! Knows no number of its own: what Trakt doesn't tell is not limited.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::check_name;
use super::raw::Object;
use crate::error::{Error, Result};

/// Where a user can lift a limit, when Trakt doesn't say it.
pub const UPGRADE_URL: &str = "https://app.trakt.tv/vip";

/// The account's limits by group and kind: `list` → `count` → 2. Groups and kinds are Trakt's own,
/// also such as are not known yet; so are the numbers, up to 2^63-1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Limits(BTreeMap<String, BTreeMap<String, i64>>);

impl Limits {
    /// Reads what can be read: a group that is no object and a kind that is no integer are left out.
    pub(super) fn read(limits: &Object) -> Self {
        let groups = limits.keys().filter_map(|group| {
            limits.raw_object(group)?;
            let kinds = limits.object(group);
            let kinds = kinds
                .keys()
                .filter_map(|kind| Some((kind.to_owned(), kinds.get(kind)?)))
                .collect();
            Some((group.to_owned(), kinds))
        });
        Self(groups.collect())
    }

    /// The number under a dotted path such as `list.count`.
    pub fn get(&self, path: &str) -> Option<i64> {
        let (group, kind) = path.split_once('.')?;
        self.0.get(group)?.get(kind).copied()
    }
}

/// Whether one more fits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LimitCheck {
    /// Whether one more may be added; true when the limit isn't known.
    pub allowed: bool,
    /// Whether Trakt told this limit.
    pub known: bool,
    /// The limit; null when it isn't known.
    pub limit: Option<u64>,
    /// How many there are, as the caller said.
    pub have: u64,
    /// How many more fit; null when the limit isn't known.
    pub remaining: Option<u64>,
    /// Whether the account is VIP; null when that isn't known.
    pub vip: Option<bool>,
    /// Where the user can lift the limit; there whenever `allowed` is false, and only then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upgrade_url: Option<String>,
}

/// Whether one more of `limit` (a dotted path such as `list.count`) fits beside the `have` there are.
/// A negative limit is none: Trakt has no meaning for it, so it isn't known.
///
/// # Errors
/// `invalid_argument` for what is no dotted path of visible ASCII.
pub fn check(
    limits: Option<&Limits>,
    vip: Option<bool>,
    limit: &str,
    have: u64,
) -> Result<LimitCheck> {
    check_name("limit", limit)?;
    if limit.split('.').any(str::is_empty) {
        return Err(Error::argument(
            "`limit` must be a dotted path such as list.count",
        ));
    }
    let number = limits
        .and_then(|limits| limits.get(limit))
        .and_then(|number| u64::try_from(number).ok());
    let allowed = number.is_none_or(|number| have < number);
    Ok(LimitCheck {
        allowed,
        known: number.is_some(),
        limit: number,
        have,
        remaining: number.map(|number| number.saturating_sub(have)),
        vip,
        upgrade_url: (!allowed).then(|| UPGRADE_URL.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::Status;

    fn limits(text: &str) -> Limits {
        Limits::read(&Object::read(text).unwrap())
    }

    fn checked(limits: Option<&Limits>, vip: Option<bool>, limit: &str, have: u64) -> String {
        serde_json::to_string(&check(limits, vip, limit, have).unwrap()).unwrap()
    }

    #[test]
    fn at_the_limit_nothing_more_fits() {
        let limits = limits(r#"{"list":{"count":2,"item_count":100}}"#);
        assert_eq!(
            checked(Some(&limits), Some(false), "list.count", 2),
            r#"{"allowed":false,"known":true,"limit":2,"have":2,"remaining":0,"vip":false,"upgrade_url":"https://app.trakt.tv/vip"}"#
        );
        assert_eq!(
            checked(Some(&limits), Some(true), "list.item_count", 99),
            r#"{"allowed":true,"known":true,"limit":100,"have":99,"remaining":1,"vip":true}"#
        );
    }

    #[test]
    fn what_is_not_known_is_allowed() {
        let limits = limits(r#"{"list":{"count":2},"list.count":{"x":1},"odd":{"a.b":7}}"#);
        let unknown =
            r#"{"allowed":true,"known":false,"limit":null,"have":5,"remaining":null,"vip":null}"#;
        assert_eq!(checked(None, None, "list.count", 5), unknown);
        for name in [
            "list",
            "list.size",
            "lists.count",
            "list.count.x",
            "LIST.COUNT",
        ] {
            assert_eq!(checked(Some(&limits), None, name, 5), unknown, "{name}");
        }
        assert_eq!(limits.get("odd.a.b"), Some(7));
    }

    #[test]
    fn odd_numbers() {
        let limits = limits(
            r#"{"n":{"zero":0,"minus":-1,"max":9223372036854775807,"over":9223372036854775808,"half":1.5,"text":"2"}}"#,
        );
        let check = |name: &str, have| check(Some(&limits), None, name, have).unwrap();
        let zero = check("n.zero", 0);
        assert!(!zero.allowed && zero.known && zero.upgrade_url.is_some());
        for name in ["n.minus", "n.over", "n.half", "n.text"] {
            let unknown = check(name, u64::MAX);
            assert!(unknown.allowed && !unknown.known, "{name}");
        }
        let max = check("n.max", 1);
        assert_eq!(max.limit, Some(9_223_372_036_854_775_807));
        assert_eq!(max.remaining, Some(9_223_372_036_854_775_806));
        let over = check("n.max", u64::MAX);
        assert!(!over.allowed);
        assert_eq!(over.remaining, Some(0));
        assert_eq!(limits.get("n.minus"), Some(-1));
    }

    #[test]
    fn a_name_is_a_dotted_path_of_visible_ascii() {
        for name in [
            "",
            ".",
            "list.",
            ".count",
            "list..count",
            "list count",
            "list.côunt",
            "a\n",
            "a\0",
        ] {
            let error = check(None, None, name, 0).unwrap_err();
            assert_eq!(error.status, Status::InvalidArgument, "{name:?}");
            assert!(error.message.contains("`limit`"), "{error}");
        }
        assert!(check(None, None, &"x".repeat(128), 0).is_ok());
        assert!(check(None, None, &"x".repeat(129), 0).is_err());
    }

    proptest! {
        #[test]
        fn a_check_says_how_many_fit(number in 0..=i64::MAX, have in any::<u64>(), vip in any::<Option<bool>>()) {
            let limits = limits(&format!(r#"{{"any":{{"kind":{number}}}}}"#));
            let check = check(Some(&limits), vip, "any.kind", have).unwrap();
            prop_assert_eq!(check.allowed, check.remaining != Some(0));
            prop_assert_eq!(check.allowed, check.upgrade_url.is_none());
            prop_assert_eq!(check.remaining, Some((number as u64).saturating_sub(have)));
            prop_assert_eq!((check.known, check.vip), (true, vip));
        }
    }
}
