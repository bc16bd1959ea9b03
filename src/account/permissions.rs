//! What an account may do: comment, like, follow and whatever Trakt adds.
//! Knows no permission by name: what Trakt doesn't refuse is allowed.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::check_name;
use super::raw::Object;
use crate::error::Result;

/// The account's permissions by Trakt's own names, also such as are not known yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Permissions(BTreeMap<String, bool>);

impl Permissions {
    /// Reads what can be read: what is neither true nor false is left out.
    pub(super) fn read(permissions: &Object) -> Self {
        let known = permissions
            .keys()
            .filter_map(|name| Some((name.to_owned(), permissions.get(name)?)));
        Self(known.collect())
    }

    /// What Trakt says of a permission, if anything.
    pub fn get(&self, name: &str) -> Option<bool> {
        self.0.get(name).copied()
    }
}

/// Whether the account may do something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PermissionCheck {
    /// Whether it may; true when Trakt doesn't say.
    pub allowed: bool,
    /// Whether the refusal may pass: Trakt takes a permission away for a while, so a refusal always may.
    pub temporary: bool,
}

/// Whether the account may do `permission`, such as `commenting`.
///
/// # Errors
/// `invalid_argument` for a name with anything but visible ASCII.
pub fn check(permissions: Option<&Permissions>, permission: &str) -> Result<PermissionCheck> {
    check_name("permission", permission)?;
    let allowed = permissions
        .and_then(|permissions| permissions.get(permission))
        .unwrap_or(true);
    Ok(PermissionCheck {
        allowed,
        temporary: !allowed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;

    #[test]
    fn only_a_refusal_of_trakt_refuses() {
        let permissions = Permissions::read(
            &Object::read(r#"{"commenting":false,"liking":true,"following":null,"x":"false"}"#)
                .unwrap(),
        );
        let checked =
            |name| serde_json::to_string(&check(Some(&permissions), name).unwrap()).unwrap();
        assert_eq!(
            checked("commenting"),
            r#"{"allowed":false,"temporary":true}"#
        );
        for name in ["liking", "following", "x", "absent", "Commenting"] {
            assert_eq!(
                checked(name),
                r#"{"allowed":true,"temporary":false}"#,
                "{name}"
            );
        }
        assert!(check(None, "commenting").unwrap().allowed);
    }

    #[test]
    fn a_name_is_visible_ascii() {
        for name in ["", "a b", "é", "a\0", "\n"] {
            let error = check(None, name).unwrap_err();
            assert_eq!(error.status, Status::InvalidArgument, "{name:?}");
            assert!(error.message.contains("`permission`"), "{error}");
        }
    }
}
