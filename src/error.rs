//! What can go wrong, as stable numbers and names that hosts act on.
//! Knows nothing of where an error came from; secrets never get in here.
#![forbid(unsafe_code)]

use std::fmt;
use std::num::NonZeroI64;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::clock;

macro_rules! statuses {
    ($($(#[doc = $doc:literal])* $variant:ident = $number:literal, $name:literal, $retryable:literal;)*) => {
        /// The result of a call, as a number that is never reused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(i32)]
        pub enum Status {
            $($(#[doc = $doc])* $variant = $number,)*
        }

        impl Status {
            /// Every status, in the order of its number.
            pub const ALL: &'static [Status] = &[$(Status::$variant,)*];

            /// The stable name: what `error.code` carries.
            pub const fn name(self) -> &'static str {
                match self { $(Status::$variant => $name,)* }
            }

            /// The name with a NUL behind it, for the C boundary.
            pub(crate) const fn c_name(self) -> &'static std::ffi::CStr {
                match self {
                    $(Status::$variant => {
                        const NAME: &std::ffi::CStr = match std::ffi::CStr::from_bytes_with_nul(concat!($name, "\0").as_bytes()) {
                            Ok(name) => name,
                            Err(_) => c"",
                        };
                        NAME
                    })*
                }
            }

            /// What it means, for the table in the docs.
            #[cfg(test)]
            const fn meaning(self) -> &'static str {
                match self { $(Status::$variant => concat!($($doc),*),)* }
            }

            /// Whether the same call may succeed later without anybody doing anything.
            pub const fn retryable(self) -> bool {
                match self { $(Status::$variant => $retryable,)* }
            }

            /// The status of a number, if there is one.
            pub const fn from_number(number: i32) -> Option<Status> {
                match number { $($number => Some(Status::$variant),)* _ => None }
            }

            /// The status of a stable name, if there is one.
            pub fn from_name(name: &str) -> Option<Status> {
                match name { $($name => Some(Status::$variant),)* _ => None }
            }
        }
    };
}

statuses! {
    /// It worked.
    Ok = 0, "ok", false;
    /// A parameter is missing, of the wrong type or out of range; the message names it.
    InvalidArgument = 1, "invalid_argument", false;
    /// The client number is stale, closed or invented.
    InvalidHandle = 2, "invalid_handle", false;
    /// The text is no JSON.
    InvalidJson = 3, "invalid_json", false;
    /// There is no method of that name.
    UnknownMethod = 4, "unknown_method", false;
    /// There is no option of that name; the message names it.
    UnknownOption = 5, "unknown_option", false;
    /// The call makes no sense now (a client from before a fork, no URL asked for before).
    WrongState = 6, "wrong_state", false;
    /// Too much is running already.
    Busy = 7, "busy", true;
    /// The client was closed while the call ran.
    Closed = 8, "closed", false;
    /// The configuration can't be used; the message names the key.
    Config = 9, "config", false;
    /// The network failed.
    Network = 20, "network", true;
    /// No answer in time.
    Timeout = 21, "timeout", true;
    /// The host name can't be resolved.
    Dns = 22, "dns", true;
    /// The TLS connection failed, or the certificate was refused.
    Tls = 23, "tls", false;
    /// The certificate's dates fail because this machine's clock is wrong.
    TlsClock = 24, "tls_clock", true;
    /// The proxy can't be reached or refuses.
    Proxy = 25, "proxy", true;
    /// No account is linked, or its session has ended.
    NotLinked = 40, "not_linked", false;
    /// Trakt refuses: the key or the app, or this account may not do it.
    Forbidden = 41, "forbidden", false;
    /// Trakt doesn't know it.
    NotFound = 42, "not_found", false;
    /// Too many requests.
    RateLimited = 43, "rate_limited", true;
    /// Trakt itself is in trouble.
    ServerError = 44, "server_error", true;
    /// The answer isn't the JSON that was expected.
    BadReply = 45, "bad_reply", true;
    /// Trakt has locked or deactivated the account.
    AccountLocked = 46, "account_locked", false;
    /// Only for VIP members.
    VipOnly = 47, "vip_only", false;
    /// A limit of the account is reached.
    AccountLimit = 48, "account_limit", false;
    /// It was there already.
    Conflict = 49, "conflict", false;
    /// Trakt refuses the request as written.
    Rejected = 50, "rejected", false;
    /// A page of Cloudflare came instead of Trakt's answer.
    Blocked = 51, "blocked", true;
    /// The code ran out.
    CodeExpired = 60, "code_expired", false;
    /// The user said no.
    CodeDenied = 61, "code_denied", false;
    /// The code was used before.
    CodeAlreadyUsed = 62, "code_already_used", false;
    /// Trakt doesn't know the code.
    CodeInvalid = 63, "code_invalid", false;
    /// The redirected URL doesn't belong to the login that was asked for.
    StateMismatch = 64, "state_mismatch", false;
    /// The store can't be read or written.
    Storage = 70, "storage", false;
    /// The disk is full.
    StorageFull = 71, "storage_full", false;
    /// The store was damaged.
    StorageCorrupt = 72, "storage_corrupt", false;
    /// The store was written by a newer version.
    StorageNewer = 73, "storage_newer", false;
    /// The call was cancelled.
    Cancelled = 90, "cancelled", false;
    /// Reserved: no memory.
    OutOfMemory = 98, "out_of_memory", false;
    /// A defect of the library.
    Internal = 99, "internal", false;
}

/// An error as a host gets it: a stable status, a sentence for logs, and what else is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// The stable status.
    pub status: Status,
    /// English, for logs, without secrets.
    pub message: String,
    /// When trying again makes sense, in milliseconds from now.
    pub retry_after_ms: Option<u64>,
    /// The HTTP status behind it.
    pub http_status: Option<u16>,
    /// Where the user can lift the limit.
    pub upgrade_url: Option<String>,
    /// The limit that was reached.
    pub limit: Option<i64>,
    /// A stable word for what exactly happened, such as `relink_needed` or `account_deactivated`.
    pub reason: Option<String>,
    /// Until when a conflict lasts, in milliseconds since 1970; RFC 3339 for hosts.
    pub expires_ms: Option<NonZeroI64>,
}

/// What a function of the core returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error with nothing but its status and a sentence.
    pub fn new(status: Status, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            retry_after_ms: None,
            http_status: None,
            upgrade_url: None,
            limit: None,
            reason: None,
            expires_ms: None,
        }
    }

    /// The same, with the moment from which trying again makes sense.
    #[must_use]
    pub fn retry_after_ms(mut self, after: u64) -> Self {
        self.retry_after_ms = Some(after);
        self
    }

    /// The same, with the HTTP status behind it.
    #[must_use]
    pub fn http_status(mut self, status: u16) -> Self {
        self.http_status = Some(status);
        self
    }

    /// The same, with a stable word for what exactly happened.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// The stable name of its status.
    pub fn code(&self) -> &'static str {
        self.status.name()
    }

    /// Whether the same call may succeed later without anybody doing anything.
    pub fn retryable(&self) -> bool {
        self.status.retryable()
    }

    /// `invalid_argument`, with the sentence.
    pub fn argument(message: impl Into<String>) -> Self {
        Self::new(Status::InvalidArgument, message)
    }

    /// `cancelled`.
    pub fn cancelled() -> Self {
        Self::new(Status::Cancelled, "the call was cancelled")
    }

    /// `closed`.
    pub fn closed() -> Self {
        Self::new(Status::Closed, "the client was closed")
    }

    /// `internal`, with the sentence.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Status::Internal, message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.message)
    }
}

impl std::error::Error for Error {}

/// The `error` object of an envelope, a snapshot or an event.
impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("code", self.code())?;
        map.serialize_entry("message", &self.message)?;
        map.serialize_entry("retryable", &self.retryable())?;
        if let Some(after) = self.retry_after_ms {
            map.serialize_entry("retry_after_ms", &after)?;
        }
        if let Some(status) = self.http_status {
            map.serialize_entry("http_status", &status)?;
        }
        if let Some(url) = &self.upgrade_url {
            map.serialize_entry("upgrade_url", url)?;
        }
        if let Some(limit) = self.limit {
            map.serialize_entry("limit", &limit)?;
        }
        if let Some(reason) = &self.reason {
            map.serialize_entry("reason", reason)?;
        }
        if let Some(ms) = self.expires_ms {
            map.serialize_entry("expires_at", &clock::rfc3339(ms.get()))?;
        }
        map.end()
    }
}

/// Reads back what was serialized, for errors kept in the store.
impl<'de> serde::Deserialize<'de> for Error {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct Stored {
            code: String,
            message: String,
            retry_after_ms: Option<u64>,
            http_status: Option<u16>,
            upgrade_url: Option<String>,
            limit: Option<i64>,
            reason: Option<String>,
            expires_at: Option<String>,
        }
        let stored = Stored::deserialize(deserializer)?;
        Ok(Self {
            status: Status::from_name(&stored.code).unwrap_or(Status::Internal),
            message: stored.message,
            retry_after_ms: stored.retry_after_ms,
            http_status: stored.http_status,
            upgrade_url: stored.upgrade_url,
            limit: stored.limit,
            reason: stored.reason,
            expires_ms: stored
                .expires_at
                .as_deref()
                .and_then(clock::parse_rfc3339)
                .and_then(NonZeroI64::new),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `LIBTRAKT_WRITE_SCHEMAS=1 cargo test --lib error` writes it.
    #[test]
    fn the_committed_table_of_statuses_is_that_of_the_type() {
        let rows = Status::ALL.iter().map(|&status| {
            let again = if status.retryable() { "yes" } else { "" };
            let (number, name) = (status as i32, status.name());
            format!(
                "| {number} | `{name}` | {again} | {} |\n",
                status.meaning().trim()
            )
        });
        let text = format!(
            "# Statuses\n\nWhat `status` and `error.code` of a reply say. Numbers and names are never reused.\n\n\
             | number | name | retryable | meaning |\n|---|---|---|---|\n{}",
            rows.collect::<String>()
        );
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/statuses.md");
        if std::env::var_os("LIBTRAKT_WRITE_SCHEMAS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(committed, text, "docs/statuses.md is out of date");
    }

    #[test]
    fn numbers_and_names_lead_back() {
        for &status in Status::ALL {
            assert_eq!(Status::from_number(status as i32), Some(status));
            assert_eq!(Status::from_name(status.name()), Some(status));
            assert_eq!(status.c_name().to_str(), Ok(status.name()));
        }
        assert_eq!(Status::from_number(10), None);
    }

    #[test]
    fn an_error_survives_the_store() {
        let mut error = Error::new(Status::AccountLimit, "full")
            .http_status(420)
            .retry_after_ms(5)
            .reason("why");
        error.limit = Some(100);
        error.upgrade_url = Some("https://app.trakt.tv/vip".into());
        error.expires_ms = NonZeroI64::new(1_795_464_000_000);
        let text = serde_json::to_string(&error).unwrap();
        assert_eq!(serde_json::from_str::<Error>(&text).unwrap(), error);
    }
}
