//! Strings in and out: checked when they come in, allocated with malloc and wiped before they are freed when they go out.
//! Knows nothing of what they say.

use std::ffi::c_char;

use zeroize::Zeroize;

use crate::error::{Error, Result};
use crate::json::MAX_TEXT;

/// Text that may be absent: NULL is `None`.
///
/// # Errors
/// `invalid_argument`, naming the parameter, for text that is too long or no UTF-8.
///
/// # Safety
/// `text` is NULL or points to readable bytes that end with a NUL, or that go on for more than [`MAX_TEXT`] bytes,
/// and that stay as they are for `'a`.
pub unsafe fn optional<'a>(name: &str, text: *const c_char) -> Result<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise; nothing is read behind the limit, so a missing NUL isn't followed for ever.
    let bytes = unsafe {
        let length = libc::strnlen(text, MAX_TEXT + 1);
        std::slice::from_raw_parts(text.cast::<u8>(), length)
    };
    if bytes.len() > MAX_TEXT {
        return Err(Error::argument(format!(
            "`{name}` is longer than {MAX_TEXT} bytes"
        )));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(Error::argument(format!("`{name}` is not UTF-8"))),
    }
}

/// Text that must be there.
///
/// # Errors
/// As [`optional`], and `invalid_argument` for NULL.
///
/// # Safety
/// As [`optional`].
pub unsafe fn required<'a>(name: &str, text: *const c_char) -> Result<&'a str> {
    // SAFETY: the caller's promise.
    unsafe { optional(name, text) }?
        .ok_or_else(|| Error::argument(format!("`{name}` must not be NULL")))
}

/// A copy for the caller to own, NUL-terminated; NULL when there is no memory.
pub fn out(text: &str) -> *mut c_char {
    // SAFETY: malloc takes any size.
    let copy = unsafe { libc::malloc(text.len() + 1) }.cast::<u8>();
    if !copy.is_null() {
        // SAFETY: `copy` has room for the text and one NUL, and is nobody else's yet.
        unsafe {
            copy.copy_from_nonoverlapping(text.as_ptr(), text.len());
            copy.add(text.len()).write(0);
        }
    }
    copy.cast()
}

/// Wipes and frees what [`out`] made; NULL is nothing to do.
///
/// # Safety
/// `text` is NULL or came from [`out`], wasn't freed, and still ends with a NUL.
pub unsafe fn free(text: *mut c_char) {
    if text.is_null() {
        return;
    }
    // SAFETY: the caller's promise: nobody else has the text now.
    unsafe {
        std::slice::from_raw_parts_mut(text.cast::<u8>(), libc::strlen(text)).zeroize();
        libc::free(text.cast());
    }
}

/// The status that an envelope begins with, or -1 for what is no envelope. Reads no further than that number.
///
/// # Safety
/// `reply` is NULL or points to readable bytes that end with a NUL.
pub unsafe fn status(reply: *const c_char) -> i32 {
    const START: &[u8] = br#"{"status":"#;
    const DIGITS: usize = 9;
    if reply.is_null() {
        return -1;
    }
    // SAFETY: the caller's promise; strnlen stops at the NUL.
    let bytes = unsafe {
        let length = libc::strnlen(reply, START.len() + DIGITS + 1);
        std::slice::from_raw_parts(reply.cast::<u8>(), length)
    };
    let number = bytes.strip_prefix(START).and_then(|rest| {
        let end = rest.iter().position(|byte| !byte.is_ascii_digit())?;
        let (digits, behind) = rest.split_at(end);
        matches!(behind[0], b',' | b'}')
            .then(|| std::str::from_utf8(digits).ok()?.parse().ok())
            .flatten()
    });
    number.unwrap_or(-1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::ffi::{CStr, CString};

    fn status_of(text: &[u8]) -> i32 {
        let text = CString::new(text).unwrap();
        // SAFETY: NUL-terminated.
        unsafe { status(text.as_ptr()) }
    }

    #[test]
    fn a_status_is_read_and_nothing_else_is_taken_for_one() {
        assert_eq!(status_of(br#"{"status":0,"data":{}}"#), 0);
        assert_eq!(status_of(br#"{"status":21,"error":{}}"#), 21);
        assert_eq!(status_of(br#"{"status":99}"#), 99);
        for text in [
            &b""[..],
            b"{",
            b"null",
            br#"{"status":"#,
            br#"{"status":}"#,
            br#"{"status":-1,"#,
            br#"{"status":"0","#,
            br#"{"status":1.5}"#,
            br#"{"status":12"#,
            br#"{"status":99999999999999999999,"#,
            br#"{ "status":0}"#,
            br#"{"data":{},"status":0}"#,
            b"\xff\xfe",
        ] {
            assert_eq!(status_of(text), -1, "{}", String::from_utf8_lossy(text));
        }
        // SAFETY: NULL is allowed.
        assert_eq!(unsafe { status(std::ptr::null()) }, -1);
    }

    #[test]
    fn text_that_never_ends_is_refused_without_being_followed() {
        let endless = vec![b'x'; MAX_TEXT + 1];
        // SAFETY: more than MAX_TEXT readable bytes.
        let error = unsafe { required("config_json", endless.as_ptr().cast()) }.unwrap_err();
        assert!(error.message.contains("`config_json`"), "{error}");
        let longest = CString::new(vec![b'x'; MAX_TEXT]).unwrap();
        // SAFETY: NUL-terminated.
        assert!(unsafe { required("config_json", longest.as_ptr()) }.is_ok());
    }

    proptest! {
        #[test]
        fn text_in_is_what_utf8_says(bytes in prop::collection::vec(1u8.., 0..64)) {
            let text = CString::new(bytes.clone()).unwrap();
            // SAFETY: NUL-terminated.
            let read = unsafe { required("options_json", text.as_ptr()) };
            match std::str::from_utf8(&bytes) {
                Ok(expected) => prop_assert_eq!(read.unwrap(), expected),
                Err(_) => prop_assert!(read.unwrap_err().message.contains("`options_json`")),
            }
        }

        #[test]
        fn text_out_is_the_same_text(text in "[^\0]{0,200}") {
            let copy = out(&text);
            prop_assert!(!copy.is_null());
            // SAFETY: `out` made it; it is freed once.
            unsafe {
                prop_assert_eq!(CStr::from_ptr(copy).to_str(), Ok(text.as_str()));
                free(copy);
            }
        }
    }
}
