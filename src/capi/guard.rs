//! Keeps panics inside: each function of the boundary has a value for the case, and nothing is printed.
//! Knows nothing of what the functions do.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::ffi::c_char;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use zeroize::Zeroize;

use crate::capi::text;
use crate::error::{Error, Result};
use crate::reply::{DEFECT, Reply};

/// Threads of the library have names that begin so; their panics are nobody else's business.
const THREAD_PREFIX: &str = "trakt-";

/// Runs the body of a function that returns an envelope: an error becomes one, and so does a panic.
/// NULL only when there is no memory.
pub fn reply(body: impl FnOnce() -> Result<Reply>) -> *mut c_char {
    caught(|| {
        let mut text = body()
            .unwrap_or_else(|error| Reply::error(&error))
            .into_string();
        let out = text::out(&text);
        text.zeroize();
        out
    })
    .unwrap_or_else(|error| {
        caught(|| text::out(Reply::error(&error).as_str())).unwrap_or_else(|_| text::out(DEFECT))
    })
}

/// Runs the body of a function that returns a plain value: `otherwise` after a panic.
pub fn value<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    caught(body).unwrap_or(otherwise)
}

/// Runs `body`; a panic becomes `internal`, which says where it was but not what it said: that may hold a secret.
pub fn caught<T>(body: impl FnOnce() -> T) -> Result<T> {
    install_hook();
    let _inside = Inside::enter();
    catch_unwind(AssertUnwindSafe(body)).map_err(|payload| {
        discard(payload);
        let place = PLACE.take();
        Error::internal(format!(
            "the library has a defect{}",
            place
                .map(|place| format!(" at {place}"))
                .unwrap_or_default()
        ))
    })
}

/// Drops what a panic carried. Its own destructor may panic, and what that carries may too: that one is leaked.
fn discard(payload: Box<dyn Any + Send>) {
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(another);
    }
}

thread_local! {
    /// How many guarded bodies this thread is in.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// Where the last panic of this thread was.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

struct Inside;

impl Inside {
    fn enter() -> Self {
        DEPTH.set(DEPTH.get() + 1);
        Self
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

/// Makes our own panics silent, from the first call on; all others go where they went before.
/// A flag and not a `Once`: a fork in the middle must not leave the child waiting.
fn install_hook() {
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    if INSTALLED.load(Ordering::Relaxed) || INSTALLED.swap(true, Ordering::Relaxed) {
        return;
    }
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if DEPTH.get() > 0 {
            note_place(info);
        } else if !on_own_thread() {
            before(info);
        }
    }));
}

/// The file inside the library, without the folder that it was built in, and the line.
fn note_place(info: &PanicHookInfo<'_>) {
    if let Some(at) = info.location() {
        let file = at
            .file()
            .rsplit_once("src/")
            .map_or(at.file(), |(_, file)| file);
        PLACE.set(Some(format!("{file}:{}", at.line())));
    }
}

fn on_own_thread() -> bool {
    std::thread::current()
        .name()
        .is_some_and(|name| name.starts_with(THREAD_PREFIX))
}

/// Panics when a test asks for it by `LIBTRAKT_TEST=1` and the method `test.panic`, so that the release library
/// can be seen to keep a panic in. Without the variable there is no such method.
pub fn panic_for_a_test(method: &str) {
    if method == "test.panic" && std::env::var_os("LIBTRAKT_TEST").is_some_and(|value| value == "1")
    {
        panic!("on purpose");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Status;
    use std::ffi::CStr;

    fn taken(text: *mut c_char) -> String {
        // SAFETY: `reply` made it; it is freed once.
        unsafe {
            let copy = CStr::from_ptr(text).to_str().unwrap().to_owned();
            text::free(text);
            copy
        }
    }

    #[test]
    fn an_error_becomes_its_envelope() {
        let text = taken(reply(|| Err(Error::closed())));
        assert!(
            text.starts_with(r#"{"status":8,"error":{"code":"closed""#),
            "{text}"
        );
    }

    #[test]
    fn a_panic_becomes_internal_with_its_place_and_without_its_words() {
        let text = taken(reply(|| panic!("hunter22")));
        assert!(
            text.starts_with(r#"{"status":99,"error":{"code":"internal""#),
            "{text}"
        );
        assert!(
            text.contains("capi/guard.rs:") && !text.contains("hunter22"),
            "{text}"
        );
        assert_eq!(value(7, || panic!("hunter22")), 7);
        assert_eq!(DEPTH.get(), 0);
    }

    #[test]
    fn a_payload_that_panics_when_dropped_is_kept_in_too() {
        // Without size, so that what is left behind is no leak.
        struct Outer;
        struct Inner;
        impl Drop for Outer {
            fn drop(&mut self) {
                std::panic::panic_any(Inner);
            }
        }
        impl Drop for Inner {
            fn drop(&mut self) {
                panic!("on purpose");
            }
        }
        let error = caught(|| std::panic::panic_any(Outer)).unwrap_err();
        assert_eq!(error.status, Status::Internal);
    }
}
