//! What has been handed out: device codes, authorization codes, sessions with their token pairs.
//! The rules of their life are here; how a request asks for them and what it is told is in `oauth`.

use crate::http::Request;

/// A device code and what became of it.
#[derive(Debug, Clone)]
pub struct Device {
    /// The secret that the client polls with.
    pub device_code: String,
    /// What the user types.
    pub user_code: String,
    /// The app that asked.
    pub client_id: String,
    /// The app's User-Agent, for the activation page.
    pub asked_by: String,
    /// Simulated moment when it ends.
    pub expires_ms: i64,
    /// Milliseconds between two polls.
    pub interval_ms: i64,
    /// Simulated moment of the last poll.
    pub polled_ms: Option<i64>,
    /// Number of polls.
    pub polls: u64,
    /// What the user or a test did with it.
    pub state: DeviceState,
}

/// What became of a device code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceState {
    /// Nobody has answered.
    Pending,
    /// The user said yes; the next poll gets the tokens.
    Approved,
    /// The user said no.
    Denied,
    /// Its time is over, by a test's order.
    Expired,
    /// The tokens were given out, or a test says so.
    Used,
}

impl DeviceState {
    /// The state's word in the control API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Used => "used",
        }
    }
}

impl Device {
    /// The state at a moment, the deadline included.
    pub fn state_at(&self, sim_ms: i64) -> DeviceState {
        let open = matches!(self.state, DeviceState::Pending | DeviceState::Approved);
        if open && sim_ms >= self.expires_ms {
            DeviceState::Expired
        } else {
            self.state
        }
    }
}

/// An authorization code.
#[derive(Debug, Clone)]
pub struct AuthCode {
    /// The code in the redirect.
    pub code: String,
    /// The app that asked.
    pub client_id: String,
    /// The address that it was sent to.
    pub redirect_uri: String,
    /// The PKCE challenge (S256).
    pub challenge: Option<String>,
    /// Simulated moment when it ends.
    pub expires_ms: i64,
    /// The session that it was exchanged for.
    pub session: Option<usize>,
}

/// One pair of tokens.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The number in `access_n` and `refresh_n`.
    pub n: usize,
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
    /// Simulated moment when the access token ends.
    pub expires_ms: i64,
    /// The refresh token was exchanged.
    pub spent: bool,
    /// The exchange was answered without a fault, so that the client has no reason to repeat it.
    pub spent_cleanly: bool,
}

/// The pairs that followed from one login.
#[derive(Debug, Clone)]
pub struct Session {
    /// The app.
    pub client_id: String,
    /// The redirect_uri that a refresh must carry.
    pub redirect_uri: String,
    /// All its pairs; the last one is the living one.
    pub pairs: Vec<Pair>,
    /// Why it ended.
    pub ended: Option<&'static str>,
}

/// Everything handed out.
#[derive(Debug, Default)]
pub struct Grants {
    /// Device codes, oldest first.
    pub devices: Vec<Device>,
    /// Authorization codes, oldest first.
    pub codes: Vec<AuthCode>,
    /// Sessions, oldest first.
    pub sessions: Vec<Session>,
    pairs: usize,
}

/// What an access token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It works.
    Alive,
    /// It is out of time, was replaced or revoked.
    Dead,
    /// It was never issued.
    Unknown,
}

impl Grants {
    /// The device code of a user code; the newest one when none is named.
    pub fn device_of(&mut self, user_code: Option<&str>) -> Option<&mut Device> {
        match user_code {
            None => self.devices.last_mut(),
            Some(code) => {
                let wanted = plain_code(code);
                self.devices
                    .iter_mut()
                    .rev()
                    .find(|device| device.user_code == wanted)
            }
        }
    }

    /// The device code that a client polls with.
    pub fn device(&mut self, device_code: &str) -> Option<&mut Device> {
        self.devices
            .iter_mut()
            .find(|device| device.device_code == device_code)
    }

    /// Starts a session; its number.
    pub fn begin(&mut self, client_id: &str, redirect_uri: &str) -> usize {
        self.sessions.push(Session {
            client_id: client_id.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            pairs: Vec::new(),
            ended: None,
        });
        self.sessions.len() - 1
    }

    /// Adds a pair to a session.
    pub fn issue(
        &mut self,
        session: usize,
        access: String,
        refresh: String,
        expires_ms: i64,
    ) -> Pair {
        self.pairs += 1;
        let pair = Pair {
            n: self.pairs,
            access,
            refresh,
            expires_ms,
            spent: false,
            spent_cleanly: false,
        };
        if let Some(session) = self.sessions.get_mut(session) {
            session.pairs.push(pair.clone());
        }
        pair
    }

    /// Ends a session: every token of it dies.
    pub fn end(&mut self, session: usize, why: &'static str) {
        if let Some(session) = self.sessions.get_mut(session) {
            session.ended.get_or_insert(why);
        }
    }

    /// Session and place of the newest pair with this refresh token.
    pub fn find_refresh(&self, token: &str) -> Option<(usize, usize)> {
        self.find(|pair| pair.refresh == token)
    }

    /// Session and place of the pair with this access token.
    pub fn find_access(&self, token: &str) -> Option<(usize, usize)> {
        self.find(|pair| pair.access == token)
    }

    fn find(&self, fits: impl Fn(&Pair) -> bool) -> Option<(usize, usize)> {
        self.sessions.iter().enumerate().find_map(|(n, session)| {
            let place = session.pairs.iter().rposition(&fits)?;
            Some((n, place))
        })
    }

    /// What an access token is good for at a moment.
    pub fn access(&self, token: &str, sim_ms: i64) -> Access {
        let Some((session, place)) = self.find_access(token) else {
            return Access::Unknown;
        };
        let session = &self.sessions[session];
        if session.ended.is_none() && sim_ms < session.pairs[place].expires_ms {
            Access::Alive
        } else {
            Access::Dead
        }
    }

    /// The name of the token that a request bears: `access_n`, `refresh_n` (a mistake) or `unknown`.
    pub fn bearer_name(&self, request: &Request) -> Option<String> {
        let token = bearer(request)?;
        let found = |place: Option<(usize, usize)>, word: &str| {
            place.map(|(session, at)| format!("{word}_{}", self.sessions[session].pairs[at].n))
        };
        found(self.find_access(token), "access")
            .or_else(|| found(self.find_refresh(token), "refresh"))
            .or_else(|| Some("unknown".into()))
    }

    /// Whether a text holds a secret that was handed out: its kind.
    pub fn secret_in(&self, text: &str) -> Option<&'static str> {
        let pairs = || self.sessions.iter().flat_map(|session| &session.pairs);
        if pairs().any(|pair| text.contains(&pair.access)) {
            Some("an access token")
        } else if pairs().any(|pair| text.contains(&pair.refresh)) {
            Some("a refresh token")
        } else if self
            .devices
            .iter()
            .any(|device| text.contains(&device.device_code))
        {
            Some("a device code")
        } else {
            None
        }
    }
}

/// The token of `Authorization: Bearer …`.
pub fn bearer(request: &Request) -> Option<&str> {
    request
        .header("authorization")
        .and_then(|value| value.strip_prefix("Bearer "))
}

/// A code as typed by a person: case, blanks and dashes don't matter.
pub fn plain_code(code: &str) -> String {
    code.chars()
        .filter(char::is_ascii_alphanumeric)
        .collect::<String>()
        .to_ascii_uppercase()
}
