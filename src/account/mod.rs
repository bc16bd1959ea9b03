//! What an account is and may do, read from Trakt's own JSON.
//! Pure: knows nothing of network, store or clock.
#![forbid(unsafe_code)]

pub mod limits;
pub mod permissions;
pub mod raw;
pub mod service;
pub mod settings;

use crate::error::{Error, Result};

/// The longest name of a limit or permission, in bytes.
const MAX_NAME: usize = 128;

/// Refuses a name that can't be one: empty, too long, or with anything but visible ASCII.
fn check_name(key: &str, name: &str) -> Result<()> {
    if name.len() <= MAX_NAME
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_graphic())
    {
        Ok(())
    } else {
        Err(Error::argument(format!(
            "`{key}` must be 1 to {MAX_NAME} visible ASCII characters"
        )))
    }
}
