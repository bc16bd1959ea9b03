//! What went wrong below HTTP, as an error with a stable code and a sentence that repeats nothing secret.
//! Knows nothing of retries.
#![forbid(unsafe_code)]

use std::fmt;
use std::io::ErrorKind;

use rustls::{CertificateError, Error as TlsError};
use ureq::Timeout;

use crate::error::{Error, Status};

/// What an answer that was cut is called in `reason`.
pub(super) const CUT: &str = "cut";
/// What an answer that is too large is called in `reason`.
pub(super) const TOO_LARGE: &str = "too_large";

/// What is not sent at all, because its moment has passed, has in `reason`.
pub const TOO_LATE: &str = "too_late";

/// How a proxy failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProxyTrouble {
    Unknown,
    Slow,
    WantsPassword,
    RefusesPassword,
    Refuses,
    Unreachable,
}

impl ProxyTrouble {
    /// Marks an error of the steps that talk to a proxy. The call's own time limit stays what it is.
    pub(super) fn from_error(error: ureq::Error) -> ureq::Error {
        let trouble = match &error {
            ureq::Error::Timeout(Timeout::Global | Timeout::PerCall) => return error,
            ureq::Error::Other(other) if other.is::<Self>() => return error,
            ureq::Error::Timeout(_) => Self::Slow,
            ureq::Error::HostNotFound => Self::Unknown,
            // The only word ureq gives for it.
            ureq::Error::ConnectProxyFailed(reason) if reason.contains("407") => {
                Self::WantsPassword
            }
            ureq::Error::Io(io) if io.kind() == ErrorKind::PermissionDenied => {
                Self::RefusesPassword
            }
            ureq::Error::ConnectProxyFailed(_) | ureq::Error::Protocol(_) => Self::Refuses,
            ureq::Error::Io(io)
                if matches!(io.kind(), ErrorKind::Other | ErrorKind::InvalidData) =>
            {
                Self::Refuses
            }
            _ => Self::Unreachable,
        };
        ureq::Error::Other(Box::new(trouble))
    }
}

impl fmt::Display for ProxyTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "the proxy's name can't be resolved",
            Self::Slow => "the proxy didn't answer in time",
            Self::WantsPassword => {
                "the proxy wants a user name and password, or refuses those in `proxy`"
            }
            Self::RefusesPassword => "the proxy refuses the user name or password",
            Self::Refuses => "the proxy refuses to connect",
            Self::Unreachable => "the proxy can't be reached",
        })
    }
}

impl std::error::Error for ProxyTrouble {}

/// A request's last moment to go out had passed.
#[derive(Debug)]
pub(super) struct TooLate;

impl fmt::Display for TooLate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it was too late to send it")
    }
}

impl std::error::Error for TooLate {}

/// How far an exchange had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// No complete head of an answer yet.
    Head,
    /// Inside the body.
    Body,
}

/// The library's error for one of ureq's. `host` is the bare name of the host that was asked.
pub(super) fn error(error: ureq::Error, stage: Stage, host: &str) -> Error {
    use ureq::Error as E;
    match error {
        E::Timeout(phase) => timeout(phase, host),
        E::HostNotFound => Error::new(Status::Dns, format!("the name {host} can't be resolved")),
        E::Io(io) => from_io(&io, stage, host),
        E::Other(other) if other.is::<TooLate>() => {
            Error::new(Status::Timeout, TooLate.to_string()).reason(TOO_LATE)
        }
        E::Other(other) => match other.downcast_ref::<ProxyTrouble>() {
            Some(trouble) => Error::new(Status::Proxy, trouble.to_string()),
            None => Error::new(Status::Network, format!("the connection to {host} failed")),
        },
        E::ConnectProxyFailed(_) | E::InvalidProxyUrl => {
            Error::new(Status::Proxy, ProxyTrouble::Refuses.to_string())
        }
        E::Tls(_) | E::TlsRequired => Error::new(
            Status::Tls,
            format!("a secure connection to {host} isn't possible"),
        ),
        E::BodyExceedsLimit(_) => too_large(),
        E::LargeResponseHeader(..) => Error::new(
            Status::BadReply,
            format!("the head of {host}'s answer is too large"),
        )
        .reason(TOO_LARGE),
        E::Protocol(_) | E::BodyStalled => Error::new(
            Status::BadReply,
            format!("{host} didn't answer in proper HTTP"),
        ),
        E::Http(_) | E::BadUri(_) | E::RequireHttpsOnly(_) => {
            Error::argument("the request can't be sent as it is")
        }
        _ => Error::new(Status::Network, format!("the connection to {host} failed")),
    }
}

/// `bad_reply` for a body over the limit.
pub(super) fn too_large() -> Error {
    Error::new(Status::BadReply, "the answer is larger than 64 MiB").reason(TOO_LARGE)
}

/// `bad_reply` for a body that stops before its end.
pub(super) fn cut() -> Error {
    Error::new(Status::BadReply, "the answer was cut").reason(CUT)
}

/// Whether a connection broke before an answer began, as one does that the server had closed meanwhile.
pub(super) fn is_broken_connection(error: &ureq::Error) -> bool {
    matches!(error, ureq::Error::Io(io) if tls_error(io).is_none() && matches!(
        io.kind(),
        ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof
            | ErrorKind::NotConnected
    ))
}

fn timeout(phase: Timeout, host: &str) -> Error {
    let what = match phase {
        Timeout::Resolve => format!("looking up {host} took too long"),
        Timeout::Connect => format!("connecting to {host} took too long"),
        Timeout::PerRead => format!("{host} went silent while its answer was awaited"),
        Timeout::PerWrite | Timeout::SendRequest | Timeout::SendBody => {
            format!("{host} took too long to accept the request")
        }
        _ => format!("{host} didn't answer within the call's time"),
    };
    Error::new(Status::Timeout, what)
}

fn from_io(io: &std::io::Error, stage: Stage, host: &str) -> Error {
    if let Some(error) = tls_error(io) {
        return tls(error, host);
    }
    let network = |what: &str| Error::new(Status::Network, format!("{host} {what}"));
    match io.kind() {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => timeout(Timeout::Connect, host),
        ErrorKind::ConnectionRefused => network("refuses connections"),
        ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NetworkDown
        | ErrorKind::AddrNotAvailable => network("can't be reached: there is no way to it"),
        _ if stage == Stage::Body => cut(),
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::NotConnected
        | ErrorKind::UnexpectedEof => network("closed the connection without an answer"),
        _ => network("can't be reached: the network failed"),
    }
}

fn tls_error(io: &std::io::Error) -> Option<&TlsError> {
    io.get_ref()?.downcast_ref()
}

fn tls(error: &TlsError, host: &str) -> Error {
    match error {
        TlsError::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        ) => Error::new(
            Status::TlsClock,
            format!(
                "by this machine's clock, the certificate of {host} isn't valid yet: check date and time"
            ),
        ),
        TlsError::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => Error::new(
            Status::TlsClock,
            format!(
                "by this machine's clock, the certificate of {host} has expired: check date and time"
            ),
        ),
        TlsError::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => Error::new(
            Status::Tls,
            format!(
                "the certificate of {host} comes from nobody who is trusted here: a proxy in between needs `ca_file`"
            ),
        ),
        TlsError::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => Error::new(
            Status::Tls,
            format!("the certificate is for another host than {host}"),
        ),
        TlsError::InvalidCertificate(_) => {
            Error::new(Status::Tls, format!("the certificate of {host} is refused"))
        }
        _ => Error::new(
            Status::Tls,
            format!("a secure connection to {host} isn't possible"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    fn status(error: ureq::Error) -> Status {
        super::error(error, Stage::Head, "trakt.test").status
    }

    #[test]
    fn each_kind_has_its_status() {
        let tls = |error| ureq::Error::Io(io::Error::new(ErrorKind::InvalidData, error));
        for (error, expected) in [
            (ureq::Error::HostNotFound, Status::Dns),
            (ureq::Error::Timeout(Timeout::Resolve), Status::Timeout),
            (
                ureq::Error::Io(ErrorKind::ConnectionRefused.into()),
                Status::Network,
            ),
            (ureq::Error::Io(ErrorKind::TimedOut.into()), Status::Timeout),
            (
                ureq::Error::Io(ErrorKind::UnexpectedEof.into()),
                Status::Network,
            ),
            (ureq::Error::ConnectionFailed, Status::Network),
            (ureq::Error::BodyExceedsLimit(5), Status::BadReply),
            (
                tls(TlsError::InvalidCertificate(CertificateError::Expired)),
                Status::TlsClock,
            ),
            (
                tls(TlsError::InvalidCertificate(CertificateError::NotValidYet)),
                Status::TlsClock,
            ),
            (
                tls(TlsError::InvalidCertificate(
                    CertificateError::UnknownIssuer,
                )),
                Status::Tls,
            ),
            (tls(TlsError::HandshakeNotComplete), Status::Tls),
            (
                ProxyTrouble::from_error(ureq::Error::Io(ErrorKind::ConnectionRefused.into())),
                Status::Proxy,
            ),
            (
                ProxyTrouble::from_error(ureq::Error::Timeout(Timeout::Connect)),
                Status::Proxy,
            ),
            (
                ProxyTrouble::from_error(ureq::Error::Timeout(Timeout::Global)),
                Status::Timeout,
            ),
            (
                ProxyTrouble::from_error(tls(TlsError::HandshakeNotComplete)),
                Status::Proxy,
            ),
        ] {
            let shown = format!("{error:?}");
            assert_eq!(status(error), expected, "{shown}");
        }
        let body = super::error(
            ureq::Error::Io(ErrorKind::UnexpectedEof.into()),
            Stage::Body,
            "x",
        );
        assert_eq!(
            (body.status, body.reason.as_deref()),
            (Status::BadReply, Some(CUT))
        );
    }

    #[test]
    fn nothing_that_came_along_is_repeated() {
        for error in [
            ureq::Error::BadUri("https://x/?token=abcdefgh".into()),
            ureq::Error::RequireHttpsOnly("http://x/abcdefgh".into()),
            ureq::Error::ConnectProxyFailed("abcdefgh".into()),
            ureq::Error::Other("abcdefgh".into()),
            ureq::Error::Io(io::Error::other("abcdefgh")),
            ProxyTrouble::from_error(ureq::Error::Io(io::Error::other("abcdefgh"))),
        ] {
            let found = super::error(error, Stage::Head, "trakt.test");
            assert!(!found.message.contains("abcdefgh"), "{found}");
        }
    }
}
