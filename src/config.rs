//! A client's configuration: read once at open, checked, and from then on unchanged.
//! Knows nothing of what the parts do with it.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use ureq::http::Uri;

use crate::error::{Error, Result, Status};
use crate::json;
use crate::secret::Secret;

/// What device-code pairs are issued for, and the default `redirect_uri`.
pub const OOB_REDIRECT_URI: &str = "urn:ietf:wg:oauth:2.0:oob";
const DEFAULT_AUTH_URL: &str = "https://auth.trakt.tv";
const DEFAULT_API_URL: &str = "https://api.trakt.tv";

/// The keys as a host writes them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Written {
    client_id: Option<String>,
    client_secret: Option<String>,
    redirect_uri: Option<String>,
    data_dir: Option<String>,
    auth_url: Option<String>,
    api_url: Option<String>,
    app_name: Option<String>,
    app_version: Option<String>,
    proxy: Option<String>,
    ca_file: Option<String>,
    timeouts_ms: Option<WrittenTimeouts>,
    log_level: Option<LogLevel>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct WrittenTimeouts {
    resolve: u32,
    connect: u32,
    read: u32,
    total: u32,
}

impl Default for WrittenTimeouts {
    fn default() -> Self {
        Self {
            resolve: 5_000,
            connect: 10_000,
            read: 15_000,
            total: 30_000,
        }
    }
}

/// How much the log ring keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What failed.
    Error,
    /// What is in the way.
    Warn,
    /// What happened.
    Info,
    /// Each request and decision.
    Debug,
    /// Everything.
    Trace,
}

impl From<LogLevel> for log::LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Off => Self::Off,
            LogLevel::Error => Self::Error,
            LogLevel::Warn => Self::Warn,
            LogLevel::Info => Self::Info,
            LogLevel::Debug => Self::Debug,
            LogLevel::Trace => Self::Trace,
        }
    }
}

/// The longest each step of a call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Name lookup.
    pub resolve: Duration,
    /// TCP connect and TLS handshake.
    pub connect: Duration,
    /// Each single read.
    pub read: Duration,
    /// The whole call with limiter, locks, refresh and retries.
    pub total: Duration,
}

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The app's id at Trakt.
    pub client_id: String,
    /// The app's secret, where it has one; Trakt is dropping it for sign-in.
    pub client_secret: Option<Secret>,
    /// Where the authorization-code login leads back to.
    pub redirect_uri: String,
    /// The folder that holds the library's own folder; without it everything is in memory.
    pub data_dir: Option<PathBuf>,
    /// Origin of the OAuth host, without a trailing slash.
    pub auth_url: String,
    /// Origin of the API host, without a trailing slash.
    pub api_url: String,
    /// `NAME/VERSION libtrakt/VERSION`, as each request carries it.
    pub user_agent: String,
    /// `None`: from the environment. `Some("")`: none. Else the proxy's URL, which may hold a password.
    pub proxy: Option<Secret>,
    /// Certificates that are trusted besides the built-in and the system's.
    pub ca_file: Option<PathBuf>,
    /// The longest each step may take.
    pub timeouts: Timeouts,
    /// How much the log ring keeps.
    pub log_level: LogLevel,
}

impl Config {
    /// Reads and checks the configuration.
    ///
    /// # Errors
    /// As [`json::options`] for the text's form; `config` for a value that can't be used, naming its key.
    pub fn read(text: &str) -> Result<Self> {
        let written: Written = json::options(Some(text))?;
        let client_id = match written.client_id {
            Some(id) if header_safe(&id) => id,
            Some(_) => {
                return Err(bad(
                    "client_id",
                    "must be 1 to 512 visible ASCII characters",
                ));
            }
            None => {
                return Err(bad(
                    "client_id",
                    "is required: register an app at Trakt to get one",
                ));
            }
        };
        let client_secret = match written.client_secret.map(Secret::new) {
            Some(secret) if !header_safe(secret.expose()) => {
                return Err(bad(
                    "client_secret",
                    "must be 1 to 512 visible ASCII characters, or absent",
                ));
            }
            secret => secret,
        };
        let redirect_uri = written
            .redirect_uri
            .unwrap_or_else(|| OOB_REDIRECT_URI.into());
        if !header_safe(&redirect_uri) || !redirect_uri.contains(':') {
            return Err(bad(
                "redirect_uri",
                "must be an absolute URI of visible ASCII characters",
            ));
        }
        let data_dir = match written.data_dir {
            None => None,
            Some(dir) if dir.is_empty() || dir.contains('\0') => {
                return Err(bad(
                    "data_dir",
                    "must be the path of a folder, or absent for memory only",
                ));
            }
            Some(dir) => Some(PathBuf::from(dir)),
        };
        let ca_file = match written.ca_file {
            None => None,
            Some(file) if file.is_empty() || file.contains('\0') => {
                return Err(bad("ca_file", "must be the path of a PEM file, or absent"));
            }
            Some(file) => Some(PathBuf::from(file)),
        };
        let proxy = written.proxy.map(Secret::new);
        if let Some(proxy) = proxy.as_ref().filter(|proxy| !proxy.is_empty()) {
            check_proxy(proxy.expose())?;
        }
        let timeouts = written.timeouts_ms.unwrap_or_default();
        for (key, value) in [
            ("timeouts_ms.resolve", timeouts.resolve),
            ("timeouts_ms.connect", timeouts.connect),
            ("timeouts_ms.read", timeouts.read),
            ("timeouts_ms.total", timeouts.total),
        ] {
            if !(1..=3_600_000).contains(&value) {
                return Err(bad(key, "must be between 1 and 3600000"));
            }
        }
        Ok(Self {
            auth_url: origin(
                "auth_url",
                written.auth_url.as_deref().unwrap_or(DEFAULT_AUTH_URL),
            )?,
            api_url: origin(
                "api_url",
                written.api_url.as_deref().unwrap_or(DEFAULT_API_URL),
            )?,
            user_agent: user_agent(written.app_name.as_deref(), written.app_version.as_deref())?,
            client_id,
            client_secret,
            redirect_uri,
            data_dir,
            proxy,
            ca_file,
            timeouts: Timeouts {
                resolve: Duration::from_millis(timeouts.resolve.into()),
                connect: Duration::from_millis(timeouts.connect.into()),
                read: Duration::from_millis(timeouts.read.into()),
                total: Duration::from_millis(timeouts.total.into()),
            },
            log_level: written.log_level.unwrap_or(LogLevel::Info),
        })
    }
}

fn bad(key: &str, why: &str) -> Error {
    Error::new(Status::Config, format!("`{key}` {why}"))
}

fn header_safe(text: &str) -> bool {
    (1..=512).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// `NAME/VERSION libtrakt/VERSION`: Cloudflare refuses requests without a User-Agent.
fn user_agent(name: Option<&str>, version: Option<&str>) -> Result<String> {
    let own = concat!("libtrakt/", env!("CARGO_PKG_VERSION"));
    let token = |key: &str, text: &str| {
        if (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
        {
            Ok(text.to_owned())
        } else {
            Err(bad(
                key,
                "must be 1 to 64 letters, digits or `-._+~`, without spaces",
            ))
        }
    };
    match (name, version) {
        (None, None) => Ok(own.into()),
        // Trakt wants `Name/Version`.
        (Some(name), None) => Ok(format!("{}/0 {own}", token("app_name", name)?)),
        (Some(name), Some(version)) => Ok(format!(
            "{}/{} {own}",
            token("app_name", name)?,
            token("app_version", version)?
        )),
        (None, Some(_)) => Err(bad("app_version", "needs `app_name` beside it")),
    }
}

/// The origin of a host: `https`, or `http` for loopback alone.
fn origin(key: &str, url: &str) -> Result<String> {
    let uri: Uri = url.parse().map_err(|_| bad(key, "is no URL"))?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(bad(
            key,
            "must be an absolute URL such as https://api.trakt.tv",
        ));
    };
    if authority.as_str().contains('@')
        || !matches!(uri.path(), "" | "/")
        || uri.query().is_some()
        || url.contains('#')
    {
        return Err(bad(key, "must be an origin alone: scheme, host and port"));
    }
    let host = authority.host();
    if host.is_empty()
        || host == "[]"
        || (authority.as_str().len() > host.len() && authority.port_u16().is_none())
    {
        return Err(bad(key, "has no usable host or port"));
    }
    let port = authority
        .port_u16()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    match scheme {
        "https" => Ok(format!("https://{}{port}", host.to_ascii_lowercase())),
        "http" if host.eq_ignore_ascii_case("localhost") => Ok(format!("http://127.0.0.1{port}")),
        "http" if is_loopback(host) => Ok(format!("http://{host}{port}")),
        "http" => Err(bad(
            key,
            "must be https: plain http is for 127.0.0.0/8, [::1] and localhost alone",
        )),
        _ => Err(bad(key, "must begin with https://")),
    }
}

/// Whether a host, as a URL has it, is literally this machine.
pub fn is_loopback(host: &str) -> bool {
    match host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(v6) => v6
            .parse::<std::net::Ipv6Addr>()
            .is_ok_and(|address| address.is_loopback()),
        None => host
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback()),
    }
}

fn check_proxy(url: &str) -> Result<()> {
    let scheme = url
        .split_once("://")
        .map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        Some("http" | "https" | "socks4" | "socks4a" | "socks5" | "socks5h" | "socks") | None => {}
        Some(_) => {
            return Err(bad(
                "proxy",
                "must begin with http://, https:// or socks5://",
            ));
        }
    }
    // The message of the proxy's own parser could repeat the password.
    ureq::Proxy::new(url)
        .map(|_| ())
        .map_err(|_| bad("proxy", "is no proxy URL such as http://host:3128"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config> {
        Config::read(text)
    }

    #[test]
    fn defaults() {
        let config = read(r#"{"client_id":"abc"}"#).unwrap();
        assert_eq!(config.auth_url, "https://auth.trakt.tv");
        assert_eq!(config.api_url, "https://api.trakt.tv");
        assert_eq!(config.redirect_uri, OOB_REDIRECT_URI);
        assert_eq!(config.timeouts.total, Duration::from_secs(30));
        assert!(config.user_agent.starts_with("libtrakt/"));
        assert!(config.proxy.is_none() && config.data_dir.is_none());
    }

    #[test]
    fn a_user_agent_names_host_and_library() {
        let own = concat!("libtrakt/", env!("CARGO_PKG_VERSION"));
        for (keys, agent) in [
            ("", own.to_owned()),
            (r#","app_name":"Player""#, format!("Player/0 {own}")),
            (
                r#","app_name":"Player","app_version":"2.1""#,
                format!("Player/2.1 {own}"),
            ),
        ] {
            let config = read(&format!(r#"{{"client_id":"a"{keys}}}"#)).unwrap();
            assert_eq!(config.user_agent, agent);
        }
    }

    #[test]
    fn http_is_for_loopback_alone() {
        for (url, origin) in [
            ("http://localhost:80", Some("http://127.0.0.1:80")),
            ("http://127.3.2.1:8080/", Some("http://127.3.2.1:8080")),
            ("http://[::1]:1", Some("http://[::1]:1")),
            ("https://Example.COM", Some("https://example.com")),
            ("http://example.com", None),
            ("http://127.0.0.1.example.com", None),
            ("http://localhost.example.com", None),
            ("http://127.0.0.1@example.com", None),
            ("http://2130706433", None),
            ("http://0x7f.1", None),
            ("ftp://127.0.0.1", None),
            ("https://user:pw@example.com", None),
            ("https://example.com/path", None),
            ("https://example.com?x=1", None),
            ("https://example.com:99999", None),
            ("https://example.com:", None),
            ("https://", None),
            ("example.com", None),
            ("", None),
        ] {
            let text = format!(r#"{{"client_id":"a","api_url":"{url}"}}"#);
            match (read(&text), origin) {
                (Ok(config), Some(origin)) => assert_eq!(config.api_url, origin, "{url}"),
                (Err(error), None) => assert_eq!(error.status, Status::Config, "{url}: {error}"),
                (result, _) => panic!("{url}: {result:?}"),
            }
        }
    }

    #[test]
    fn each_bad_value_names_its_key() {
        for (text, status, key) in [
            ("{}", Status::Config, "client_id"),
            (r#"{"client_id":""}"#, Status::Config, "client_id"),
            (r#"{"client_id":"a\nb"}"#, Status::Config, "client_id"),
            (r#"{"client_id":5}"#, Status::InvalidArgument, "client_id"),
            (
                r#"{"client_id":"a","client_secret":""}"#,
                Status::Config,
                "client_secret",
            ),
            (
                r#"{"client_id":"a","data_dir":""}"#,
                Status::Config,
                "data_dir",
            ),
            (
                r#"{"client_id":"a","proxy":"ftp://x"}"#,
                Status::Config,
                "proxy",
            ),
            (
                r#"{"client_id":"a","app_name":"two words"}"#,
                Status::Config,
                "app_name",
            ),
            (
                r#"{"client_id":"a","app_version":"1"}"#,
                Status::Config,
                "app_version",
            ),
            (
                r#"{"client_id":"a","timeouts_ms":{"total":0}}"#,
                Status::Config,
                "timeouts_ms.total",
            ),
            (
                r#"{"client_id":"a","timeouts_ms":{"all":1}}"#,
                Status::UnknownOption,
                "all",
            ),
            (
                r#"{"client_id":"a","log_level":"loud"}"#,
                Status::InvalidArgument,
                "log_level",
            ),
            (
                r#"{"client_id":"a","client_ident":"a"}"#,
                Status::UnknownOption,
                "client_ident",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.status, status, "{text}: {error}");
            assert!(
                error.message.contains(&format!("`{key}")),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn a_proxy_password_is_not_repeated() {
        let error = read(r#"{"client_id":"a","proxy":"http://user:hunter22@[bad"}"#).unwrap_err();
        assert!(!error.message.contains("hunter22"));
    }
}
