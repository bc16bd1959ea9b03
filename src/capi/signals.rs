//! Threads that leave the host's signals alone.
//! Knows nothing of what the threads do.

use std::mem::MaybeUninit;

/// Runs `start` with all signals blocked on this thread and restores the mask afterwards. A thread inherits the
/// mask of the one that starts it, so one that is started in here never runs a signal handler of the host:
/// `with_all_blocked(|| std::thread::Builder::new().name("trakt-worker".into()).spawn(work))`.
pub fn with_all_blocked<T>(start: impl FnOnce() -> T) -> T {
    let _restore = Restore::block_all();
    start()
}

/// The mask to go back to, also when `start` panics. None when it could not be changed.
struct Restore(Option<libc::sigset_t>);

impl Restore {
    fn block_all() -> Self {
        let mut all = MaybeUninit::<libc::sigset_t>::uninit();
        let mut before = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: sigfillset initializes `all`; pthread_sigmask reads it and, when it returns 0, has initialized `before`.
        unsafe {
            libc::sigfillset(all.as_mut_ptr());
            let changed =
                libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) == 0;
            Self(changed.then(|| before.assume_init()))
        }
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // SAFETY: `before` is the mask that this thread had.
            unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before, std::ptr::null_mut()) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(signal: i32) -> bool {
        let mut mask = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: with no new mask, pthread_sigmask only writes the present one.
        unsafe {
            libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), mask.as_mut_ptr());
            libc::sigismember(mask.as_ptr(), signal) == 1
        }
    }

    #[test]
    fn a_thread_started_inside_blocks_signals_and_the_starter_does_not() {
        let signals = [libc::SIGTERM, libc::SIGALRM, libc::SIGCHLD, libc::SIGPROF];
        let thread = with_all_blocked(|| std::thread::spawn(move || signals.map(blocks)));
        assert_eq!(thread.join().unwrap(), [true; 4]);
        assert_eq!(signals.map(blocks), [false; 4]);
    }

    #[test]
    fn the_mask_comes_back_after_a_panic() {
        let result = std::panic::catch_unwind(|| with_all_blocked(|| panic!("on purpose")));
        assert!(result.is_err());
        assert!(!blocks(libc::SIGTERM));
    }
}
