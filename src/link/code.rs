//! The authorization-code login without its requests: PKCE, the URL to open, and what the redirected URL brings.
//! Knows nothing of browsers, sockets or where tokens go; randomness and time come in.
#![forbid(unsafe_code)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::{digest, hmac};
use ureq::http::Uri;

use super::{percent_encode, plain_word};
use crate::clock::Moment;
use crate::config::OOB_REDIRECT_URI;
use crate::error::{Error, Result, Status};
use crate::secret::Secret;

/// How long a URL that was asked for stays good, in milliseconds.
pub const LIFE_MS: u64 = 15 * 60 * 1000;
/// The longest redirected URL that is read, in bytes.
pub const MAX_REDIRECT: usize = 8 * 1024;

/// A login that waits for its redirected URL. It lives in memory, one at a time, and is good once:
/// whoever finishes the login takes it away.
#[derive(Clone, Debug)]
pub struct Pending {
    /// Ties the redirected URL to this login.
    pub state: Secret,
    /// Ties the code to this login (RFC 7636).
    pub verifier: Secret,
    /// When the URL was asked for.
    pub made: Moment,
}

impl Pending {
    /// A new login. `state` and `verifier` are fresh bytes of the system's random generator.
    pub fn new(state: &[u8; 32], verifier: &[u8; 32], now: &Moment) -> Self {
        Self {
            state: Secret::new(URL_SAFE_NO_PAD.encode(state)),
            verifier: Secret::new(URL_SAFE_NO_PAD.encode(verifier)),
            made: now.clone(),
        }
    }

    /// The S256 challenge of the verifier (RFC 7636, 4.2).
    pub fn challenge(&self) -> String {
        let hash = digest::digest(&digest::SHA256, self.verifier.expose().as_bytes());
        URL_SAFE_NO_PAD.encode(hash)
    }

    /// Milliseconds for which the URL is still good; 0 when it is over.
    pub fn expires_in_ms(&self, now: &Moment) -> u64 {
        let age = u64::try_from(now.since(&self.made)).unwrap_or(0);
        LIFE_MS.saturating_sub(age)
    }

    /// Whether `state` is this login's, in a time that says nothing of where it differs.
    fn has_state(&self, state: &str) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.verifier.expose().as_bytes());
        let ours = hmac::sign(&key, self.state.expose().as_bytes());
        hmac::verify(&key, state.as_bytes(), ours.as_ref()).is_ok()
    }
}

/// The URL that the user's browser opens.
///
/// `auth_url` is an origin without a trailing slash. `signup` shows the form for a new account first;
/// `prompt` (`login`) asks for the password even if the browser is signed in.
pub fn authorize_url(
    auth_url: &str,
    client_id: &str,
    redirect_uri: &str,
    pending: &Pending,
    signup: bool,
    prompt: Option<&str>,
) -> String {
    let challenge = pending.challenge();
    let mut query = vec![
        ("response_type", "code"),
        ("client_id", client_id),
        ("redirect_uri", redirect_uri),
        ("state", pending.state.expose()),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    if signup {
        query.push(("signup", "true"));
    }
    query.extend(prompt.map(|prompt| ("prompt", prompt)));
    let query: Vec<String> = query
        .into_iter()
        .map(|(key, value)| format!("{key}={}", percent_encode(value)))
        .collect();
    format!("{auth_url}/oauth/authorize?{}", query.join("&"))
}

/// The authorization code in what the user's browser ended at, or in what the user typed.
///
/// `text` is the redirected URL, its query alone, or a bare code (text without `:`, `/`, `?` and `=`).
/// A URL must carry the login's state; where the app has a registered `redirect_uri`, it must also lead there.
///
/// # Errors
/// * `wrong_state`: the 15 minutes are over.
/// * `invalid_argument`: empty, over 8 KiB, control characters or blanks inside, no code, a code given twice or
///   badly encoded, or a URL other than `redirect_uri`. The login may go on with better text.
/// * `state_mismatch`: the URL's state is missing, given twice or another's.
/// * `code_denied`: the user said no. `rejected`: Trakt refused otherwise; `reason` has its word for it.
pub fn read_redirect(
    text: &str,
    redirect_uri: &str,
    pending: &Pending,
    now: &Moment,
) -> Result<Secret> {
    if pending.expires_in_ms(now) == 0 {
        return Err(Error::new(
            Status::WrongState,
            "the sign-in page was opened more than 15 minutes ago; ask for a new URL",
        ));
    }
    let text = text.trim();
    if text.is_empty() {
        return Err(Error::argument("the redirected URL is empty"));
    }
    if text.len() > MAX_REDIRECT {
        return Err(Error::argument(format!(
            "the redirected URL is longer than {MAX_REDIRECT} bytes"
        )));
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Error::argument(
            "the redirected URL has blanks or control characters in it",
        ));
    }
    if !text.contains([':', '/', '?', '=']) {
        return usable_code(Secret::new(text));
    }

    let (base, parameters) = split(text);
    let state = parameters.only("state").ok().flatten();
    if !state.is_some_and(|state| pending.has_state(state.expose())) {
        return Err(Error::new(
            Status::StateMismatch,
            "the redirected URL doesn't belong to the sign-in page that was asked for",
        ));
    }
    if let Some(base) = base
        && redirect_uri != OOB_REDIRECT_URI
        && place(base) != place(split(redirect_uri).0.unwrap_or(redirect_uri))
    {
        return Err(Error::argument(
            "the URL doesn't lead to the configured `redirect_uri`",
        ));
    }
    if let Some(error) = parameters.only("error")? {
        return Err(refusal(error.expose()));
    }
    match parameters.only("code")? {
        Some(code) => usable_code(code),
        None => Err(Error::argument("the redirected URL carries no code")),
    }
}

/// What the sign-in page said instead of a code (RFC 6749, 4.1.2.1).
fn refusal(word: &str) -> Error {
    if word == "access_denied" {
        return Error::new(Status::CodeDenied, "the user refused to link the account");
    }
    match plain_word(word) {
        Some(word) => Error::new(
            Status::Rejected,
            format!("Trakt's sign-in page refused: {word}"),
        )
        .reason(word),
        None => Error::new(Status::Rejected, "Trakt's sign-in page refused"),
    }
}

/// RFC 6749, A.11: a code is of visible characters.
fn usable_code(code: Secret) -> Result<Secret> {
    let text = code.expose();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::argument("the code is empty or has odd characters"));
    }
    Ok(code)
}

/// What stands before the query (nothing, if the text is the query alone), and the parameters of query and fragment.
fn split(text: &str) -> (Option<&str>, Parameters<'_>) {
    let (text, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (base, query) = match text.split_once('?') {
        Some((base, query)) => (base, query),
        None if text.contains([':', '/']) => (text, ""),
        None => ("", text),
    };
    let parameters = [query, fragment]
        .iter()
        .flat_map(|part| part.split('&'))
        .filter_map(|pair| pair.split_once('='))
        .collect();
    ((!base.is_empty()).then_some(base), Parameters(parameters))
}

/// Parameters of a URL, still encoded.
struct Parameters<'a>(Vec<(&'a str, &'a str)>);

impl Parameters<'_> {
    /// The value of a parameter that may be there once.
    fn only(&self, key: &str) -> Result<Option<Secret>> {
        let mut values = self
            .0
            .iter()
            .filter(|(name, _)| decode(name).is_some_and(|name| name.expose() == key));
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some((_, value)), None) => decode(value).map(Some).ok_or_else(|| {
                Error::argument(format!("`{key}` in the redirected URL is badly encoded"))
            }),
            (Some(_), Some(_)) => Err(Error::argument(format!(
                "the redirected URL carries `{key}` twice"
            ))),
        }
    }
}

/// Undoes form encoding; nothing for a broken `%` or what is then no UTF-8.
fn decode(text: &str) -> Option<Secret> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let value = digit(rest.next())? * 16 + digit(rest.next())?;
                u8::try_from(value).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok().map(Secret::new)
}

/// Scheme, host, port and path in one spelling, so that a browser's version of a URL equals the registered one.
fn place(base: &str) -> (String, String, Option<u16>, String) {
    match base.parse::<Uri>() {
        Ok(uri) if uri.host().is_some() => {
            let scheme = uri.scheme_str().unwrap_or_default().to_ascii_lowercase();
            let default_port = match scheme.as_str() {
                "http" => Some(80),
                "https" => Some(443),
                _ => None,
            };
            (
                scheme,
                uri.host().unwrap_or_default().to_ascii_lowercase(),
                uri.port_u16().or(default_port),
                uri.path().trim_end_matches('/').to_owned(),
            )
        }
        // A scheme of an app's own, such as `myapp:/linked`: as it is.
        _ => (
            String::new(),
            String::new(),
            None,
            base.trim_end_matches('/').to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const REDIRECT: &str = "https://box.example/linked";

    fn at(minutes: u64) -> Moment {
        Moment {
            boot_id: "one".into(),
            boot_ms: minutes * 60_000,
            wall_ms: 0,
        }
    }

    fn pending() -> Pending {
        Pending::new(&[7; 32], &[9; 32], &at(0))
    }

    fn read(text: &str) -> Result<Secret> {
        read_redirect(text, REDIRECT, &pending(), &at(1))
    }

    /// `{S}` stands for the login's state.
    fn with_state(text: &str) -> String {
        text.replace("{S}", pending().state.expose())
    }

    #[test]
    fn the_challenge_is_the_one_of_rfc_7636() {
        let pending = Pending {
            verifier: Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            ..pending()
        };
        assert_eq!(
            pending.challenge(),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn state_and_verifier_are_43_characters_of_base64url() {
        let pending = pending();
        for secret in [&pending.state, &pending.verifier] {
            assert_eq!(secret.expose().len(), 43);
            assert!(
                secret
                    .expose()
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            );
        }
        assert_ne!(pending.state, pending.verifier);
        let shown = format!("{pending:?}");
        assert!(
            !shown.contains(pending.state.expose()) && !shown.contains(pending.verifier.expose())
        );
    }

    #[test]
    fn the_url_carries_everything_encoded() {
        let pending = pending();
        let url = authorize_url(
            "https://auth.trakt.tv",
            "id&x=ü",
            "https://box.example/a b?c=d",
            &pending,
            false,
            None,
        );
        assert_eq!(
            url,
            format!(
                "https://auth.trakt.tv/oauth/authorize?response_type=code&client_id=id%26x%3D%C3%BC\
                 &redirect_uri=https%3A%2F%2Fbox.example%2Fa%20b%3Fc%3Dd&state={}&code_challenge={}&code_challenge_method=S256",
                pending.state.expose(),
                pending.challenge()
            )
        );
        assert!(!url.contains(pending.verifier.expose()));
        let url = authorize_url("http://x", "i", "urn:y", &pending, true, Some("login"));
        assert!(url.ends_with("&code_challenge_method=S256&signup=true&prompt=login"));
    }

    #[test]
    fn a_redirected_url_with_our_state_brings_its_code() {
        for url in [
            "https://box.example/linked?code=abc123&state={S}",
            "https://box.example/linked?state={S}&code=abc123",
            "  https://box.example/linked?code=abc123&state={S}\n",
            "https://BOX.example:443/linked/?code=abc123&state={S}&utm=%zz",
            "HTTPS://box.example/linked?x&code=%61bc123&state={S}#_=_",
            "https://box.example/linked#code=abc123&state={S}",
            "https://box.example/linked?code=abc123#state={S}",
            "?code=abc123&state={S}",
            "code=abc123&state={S}",
        ] {
            let code = read(&with_state(url)).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!(code.expose(), "abc123", "{url}");
        }
    }

    #[test]
    fn a_redirect_uri_of_any_kind_is_found_again() {
        for (redirect_uri, url) in [
            (
                OOB_REDIRECT_URI,
                "https://trakt.tv/oauth/authorize/native?code=c&state={S}",
            ),
            (
                "http://127.0.0.1:8080/cb",
                "http://127.0.0.1:8080/cb?code=c&state={S}",
            ),
            (
                "https://box.example",
                "https://box.example/?code=c&state={S}",
            ),
            (
                "https://box.example/cb?from=trakt",
                "https://box.example/cb?from=trakt&code=c&state={S}",
            ),
            ("myapp:/linked", "myapp:/linked?code=c&state={S}"),
            ("myapp://linked", "myapp://linked/?code=c&state={S}"),
        ] {
            let code = read_redirect(&with_state(url), redirect_uri, &pending(), &at(1));
            assert_eq!(code.unwrap().expose(), "c", "{redirect_uri}");
        }
    }

    #[test]
    fn a_bare_code_is_taken_as_it_is() {
        assert_eq!(read("5055CC52").unwrap().expose(), "5055CC52");
        assert_eq!(read(" ab%2F-_.~\t").unwrap().expose(), "ab%2F-_.~");
    }

    #[test]
    fn what_is_no_answer_at_all_is_an_invalid_argument() {
        let long = with_state(&format!(
            "https://box.example/linked?code={}&state={{S}}",
            "x".repeat(MAX_REDIRECT)
        ));
        for text in [
            "",
            " \n",
            "two words",
            "line\nbreak",
            "nul\0code",
            "bell\u{7}",
            "\u{85}c\u{85}1",
            "códe",
            &long,
            &with_state("https://box.example/linked?state={S}"),
            &with_state("https://box.example/linked?code=&state={S}"),
            &with_state("https://box.example/linked?code=a&code=b&state={S}"),
            &with_state("https://box.example/linked?code=a&state={S}#code=a"),
            &with_state("https://box.example/linked?code=%6&state={S}"),
            &with_state("https://box.example/linked?code=%zz&state={S}"),
            &with_state("https://box.example/linked?code=%ff&state={S}"),
            &with_state("https://box.example/linked?code=a%0d%0ab&state={S}"),
            &with_state("https://box.example/linked?code=a+b&state={S}"),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.status, Status::InvalidArgument, "{text:.80}");
        }
    }

    #[test]
    fn another_place_than_the_redirect_uri_is_named() {
        for url in [
            "https://evil.example/linked?code=c&state={S}",
            "http://box.example/linked?code=c&state={S}",
            "https://box.example:8443/linked?code=c&state={S}",
            "https://box.example/other?code=c&state={S}",
        ] {
            let error = read(&with_state(url)).unwrap_err();
            assert_eq!(error.status, Status::InvalidArgument, "{url}");
            assert!(error.message.contains("redirect_uri"));
        }
    }

    #[test]
    fn a_url_without_our_state_is_a_mismatch() {
        for url in [
            "https://box.example/linked?code=c",
            "https://box.example/linked?code=c&state=",
            "https://box.example/linked?code=c&state=other",
            "https://box.example/linked?code=c&state={S}x",
            "https://box.example/linked?code=c&state={S}&state={S}",
            "https://box.example/linked?code=c&state={S}#state=other",
            "https://box.example/linked?code=c&state=%zz",
            "https://box.example/linked?error=access_denied",
            "https://evil.example/?code=c&state=other",
            "https://box.example/linked",
            "code=c",
            "a=b",
            "/",
        ] {
            let error = read(&with_state(url)).unwrap_err();
            assert_eq!(error.status, Status::StateMismatch, "{url}");
        }
    }

    #[test]
    fn what_the_sign_in_page_said_is_told() {
        let error = read(&with_state(
            "https://box.example/linked?error=access_denied&state={S}",
        ))
        .unwrap_err();
        assert_eq!(error.status, Status::CodeDenied);
        let error = read(&with_state(
            "https://box.example/linked?error=invalid_scope&code=c&state={S}",
        ))
        .unwrap_err();
        assert_eq!(
            (error.status, error.reason.as_deref()),
            (Status::Rejected, Some("invalid_scope"))
        );
        let error = read(&with_state(
            "https://box.example/linked?error=%3Cscript%3E&state={S}",
        ))
        .unwrap_err();
        assert_eq!((error.status, error.reason), (Status::Rejected, None));
    }

    #[test]
    fn after_15_minutes_it_is_over() {
        let url = with_state("https://box.example/linked?code=c&state={S}");
        assert_eq!(pending().expires_in_ms(&at(0)), LIFE_MS);
        assert!(read_redirect(&url, REDIRECT, &pending(), &at(14)).is_ok());
        for text in [url.as_str(), "barecode"] {
            let error = read_redirect(text, REDIRECT, &pending(), &at(15)).unwrap_err();
            assert_eq!(error.status, Status::WrongState);
        }
    }

    #[test]
    fn no_error_repeats_the_text() {
        for text in [
            "sesame sesame",
            "https://box.example/linked?code=sesame&state=sesame",
            "https://sesame.example/linked?code=sesame&state={S}",
            "https://box.example/linked?code=sesame%zz&state={S}",
        ] {
            let error = read(&with_state(text)).unwrap_err();
            assert!(!format!("{error:?}").contains("sesame"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,80}") {
            let _ = read(&text);
            let _ = read(&format!("https://box.example/linked?{text}"));
            let _ = read(&with_state(&format!("https://box.example/linked?state={{S}}&code={text}")));
        }

        #[test]
        fn no_other_state_passes(state in "[A-Za-z0-9_-]{0,60}") {
            prop_assume!(state != pending().state.expose());
            let error = read(&format!("https://box.example/linked?code=c&state={state}")).unwrap_err();
            prop_assert_eq!(error.status, Status::StateMismatch);
        }

        #[test]
        fn any_code_comes_back_as_it_was_sent(code in "[!-~]{1,60}") {
            let url = with_state(&format!("https://box.example/linked?code={}&state={{S}}", percent_encode(&code)));
            let read = read(&url).unwrap();
            prop_assert_eq!(read.expose(), code);
        }
    }
}
