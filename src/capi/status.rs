//! The numbers and types of the C header.
//! Knows nothing of the functions; the names of the core are in [`crate::error::Status`], and tests hold the two together.

/// Version of the interface that this header describes. It grows when something is added; nothing
/// is ever taken away or changed. A host compares it with trakt_abi_version(): the library must
/// have at least the version that the host was compiled with.
pub const TRAKT_ABI_VERSION: u32 = 1;

/// A client: a number, never a pointer. 0 is never a client. Numbers of closed clients are
/// recognised and refused.
#[allow(non_camel_case_types)]
pub type trakt_client = u64;

/// What `status` in a reply means. Numbers are never reused, and new ones may be added: treat an
/// unknown one as a failure. Functions take and return them as int32_t.
#[allow(non_camel_case_types)]
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum trakt_status {
    /// It worked: the reply has `data`.
    TRAKT_OK = 0,
    /// A parameter is missing, of the wrong type or out of range; the message names it.
    TRAKT_INVALID_ARGUMENT = 1,
    /// The client number is stale, closed or invented.
    TRAKT_INVALID_HANDLE = 2,
    /// The text is no JSON.
    TRAKT_INVALID_JSON = 3,
    /// There is no method of that name.
    TRAKT_UNKNOWN_METHOD = 4,
    /// There is no option of that name; the message names it.
    TRAKT_UNKNOWN_OPTION = 5,
    /// The call makes no sense now: a client from before a fork, no URL asked for before.
    TRAKT_WRONG_STATE = 6,
    /// Too much is running already. Retryable.
    TRAKT_BUSY = 7,
    /// The client was closed while the call ran.
    TRAKT_CLOSED = 8,
    /// The configuration can't be used; the message names the key.
    TRAKT_CONFIG = 9,
    /// The network failed. Retryable.
    TRAKT_NETWORK = 20,
    /// No answer in time. Retryable.
    TRAKT_TIMEOUT = 21,
    /// The host name can't be resolved. Retryable.
    TRAKT_DNS = 22,
    /// The TLS connection failed, or the certificate was refused.
    TRAKT_TLS = 23,
    /// The certificate's dates fail because this machine's clock is wrong. Retryable.
    TRAKT_TLS_CLOCK = 24,
    /// The proxy can't be reached or refuses. Retryable.
    TRAKT_PROXY = 25,
    /// No account is linked, or its session has ended.
    TRAKT_NOT_LINKED = 40,
    /// Trakt refuses: the key or the app, or this account may not do it.
    TRAKT_FORBIDDEN = 41,
    /// Trakt doesn't know it.
    TRAKT_NOT_FOUND = 42,
    /// Too many requests. Retryable.
    TRAKT_RATE_LIMITED = 43,
    /// Trakt itself is in trouble. Retryable.
    TRAKT_SERVER_ERROR = 44,
    /// The answer isn't the JSON that was expected. Retryable.
    TRAKT_BAD_REPLY = 45,
    /// Trakt has locked or deactivated the account.
    TRAKT_ACCOUNT_LOCKED = 46,
    /// Only for VIP members.
    TRAKT_VIP_ONLY = 47,
    /// A limit of the account is reached.
    TRAKT_ACCOUNT_LIMIT = 48,
    /// It was there already.
    TRAKT_CONFLICT = 49,
    /// Trakt refuses the request as written.
    TRAKT_REJECTED = 50,
    /// A page of Cloudflare came instead of Trakt's answer. Retryable.
    TRAKT_BLOCKED = 51,
    /// The code ran out. 60 to 63 appear only as `error.code` inside a login's snapshot.
    TRAKT_CODE_EXPIRED = 60,
    /// The user said no.
    TRAKT_CODE_DENIED = 61,
    /// The code was used before.
    TRAKT_CODE_ALREADY_USED = 62,
    /// Trakt doesn't know the code.
    TRAKT_CODE_INVALID = 63,
    /// The redirected URL doesn't belong to the login that was asked for.
    TRAKT_STATE_MISMATCH = 64,
    /// The store can't be read or written.
    TRAKT_STORAGE = 70,
    /// The disk is full.
    TRAKT_STORAGE_FULL = 71,
    /// The store was damaged.
    TRAKT_STORAGE_CORRUPT = 72,
    /// The store was written by a newer version of the library.
    TRAKT_STORAGE_NEWER = 73,
    /// The call was cancelled.
    TRAKT_CANCELLED = 90,
    /// Reserved: no memory.
    TRAKT_OUT_OF_MEMORY = 98,
    /// A defect of the library.
    TRAKT_INTERNAL = 99,
}
