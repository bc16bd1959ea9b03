//! The processes of one history: the simulated Trakt and the hosts, each with the one store, under one clock.
//! Knows how they are started, told something and killed; not what is played.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::clock::Clock;
use crate::host::{Heard, Host};

/// How many hosts there may be.
pub const HOSTS: usize = 2;
/// No answer takes longer by the clock of the processes.
const LONGEST_ANSWER_MS: i64 = 10 * 60_000;
/// What the library may need for an answer when it has nothing to wait for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why a history can't go on.
pub type Result<T> = std::result::Result<T, String>;

/// Where the programs are.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The library for LD_PRELOAD.
    pub preload: PathBuf,
    /// The release library.
    pub library: PathBuf,
    /// The simulated Trakt.
    pub sim: PathBuf,
    /// The host.
    pub host: PathBuf,
}

/// An answer, with the true time before and after in milliseconds.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The library's reply, or what it is for functions without one.
    pub reply: Value,
    /// When the call began.
    pub from_ms: i64,
    /// When it ended.
    pub to_ms: i64,
}

impl Answer {
    /// The data of a reply that is `ok`.
    pub fn data(&self) -> Option<&Value> {
        (self.reply["status"] == 0).then(|| &self.reply["data"])
    }
}

/// The world of one history.
pub struct World {
    /// Its time.
    pub clock: Clock,
    folder: PathBuf,
    programs: Programs,
    sim: Child,
    announced: Value,
    agent: ureq::Agent,
    hosts: [Option<Host>; HOSTS],
    wall_off_ms: i64,
    logs: bool,
    /// Hosts that died by themselves, and not of a kill -9.
    pub crashes: Vec<String>,
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.sim.kill();
        let _ = self.sim.wait();
    }
}

impl World {
    /// A simulated Trakt, and no host yet; their wall clocks will be off by that much. With `logs` the hosts write down
    /// what the library logs.
    pub fn new(
        folder: &Path,
        programs: Programs,
        seed: u64,
        wall_off_ms: i64,
        logs: bool,
    ) -> Result<Self> {
        let trouble = |what: &'static str| move |error: io::Error| format!("{what}: {error}");
        let clock = Clock::new(folder).map_err(trouble("the clock"))?;
        let mut command = Command::new(&programs.sim);
        clock.rule(&mut command, &programs.preload, 0);
        let errors = File::create(folder.join("sim.log")).map_err(trouble("sim.log"))?;
        let mut sim = command
            .args(["--seed", &seed.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .map_err(trouble("trakt-sim"))?;
        let mut line = String::new();
        let out = sim.stdout.take().ok_or("no pipe")?;
        BufReader::new(out)
            .read_line(&mut line)
            .map_err(trouble("trakt-sim"))?;
        let announced = serde_json::from_str(&line).map_err(|error| error.to_string())?;
        let agent = ureq::Agent::config_builder()
            .proxy(None)
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build()
            .into();
        let folder = folder.to_owned();
        let hosts = [const { None }; HOSTS];
        Ok(Self {
            clock,
            folder,
            programs,
            sim,
            announced,
            agent,
            hosts,
            wall_off_ms,
            logs,
            crashes: Vec::new(),
        })
    }

    /// Where the hosts keep their store.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// A call of the simulated Trakt's control API.
    pub fn control(&self, path: &str, body: &Value) -> Result<Value> {
        let url = format!(
            "{}{path}",
            self.announced["control_url"].as_str().unwrap_or_default()
        );
        let mut answer = self
            .agent
            .post(&url)
            .header("Content-Type", "application/json")
            .send(body.to_string())
            .map_err(|error| format!("trakt-sim {path}: {error}"))?;
        let text = answer
            .body_mut()
            .with_config()
            .limit(256 << 20)
            .read_to_string()
            .map_err(|error| format!("trakt-sim {path}: {error}"))?;
        if answer.status() != 200 {
            return Err(format!("trakt-sim {path} {body}: {text}"));
        }
        serde_json::from_str(&text).map_err(|error| format!("trakt-sim {path}: {error}"))
    }

    /// What the library needs to talk to it.
    pub fn config(&self) -> Value {
        let mut config = json!({"data_dir": self.data_dir(), "log_level": "debug"});
        for key in ["client_id", "client_secret", "auth_url", "api_url"] {
            config[key] = self.announced[key].clone();
        }
        config
    }

    fn pids(&self) -> Vec<i32> {
        let sim = i32::try_from(self.sim.id()).unwrap_or(0);
        let hosts = self.hosts.iter().flatten().map(Host::pid);
        std::iter::once(sim).chain(hosts).collect()
    }

    /// Place of a host's process at the clock.
    fn place(host: usize) -> usize {
        host + 1
    }

    /// Starts a host whose process isn't running, without a client.
    pub fn start(&mut self, host: usize) -> Result<()> {
        let mut command = Command::new(&self.programs.host);
        self.clock
            .rule(&mut command, &self.programs.preload, Self::place(host));
        self.clock.wall_off_ms(Self::place(host), self.wall_off_ms);
        command.env("LIBTRAKT_LIBRARY", &self.programs.library);
        if self.logs {
            command.env("HISTORIES_LOGS", "1");
        }
        let log = self.folder.join(format!("host-{host}.log"));
        let started = Host::start(command, &log).map_err(|error| format!("the host: {error}"))?;
        self.hosts[host] = Some(started);
        Ok(())
    }

    /// Whether a host runs.
    pub fn runs(&self, host: usize) -> bool {
        self.hosts[host].is_some()
    }

    /// When a host's last process died, in milliseconds since 1970, if it died by itself.
    pub fn died_ms(&self, host: usize) -> Option<i64> {
        let by_its_clock = self.clock.died_ms(Self::place(host))?;
        Some(by_its_clock - self.wall_off_ms)
    }

    /// Kills a host, if it runs.
    pub fn kill(&mut self, host: usize) {
        if let Some(mut dead) = self.hosts[host].take() {
            let crash = dead.kill();
            self.clock.bury(dead.pid());
            self.crashes
                .extend(crash.map(|status| format!("host {host} crashed: {status}")));
        }
    }

    /// Has a host die before its n-th step from now on.
    pub fn die_in(&self, host: usize, steps: i64) {
        self.clock.die_in(Self::place(host), steps);
    }

    /// Takes a host off the network, or back.
    pub fn offline(&self, host: usize, offline: bool) {
        self.clock.offline(Self::place(host), offline);
    }

    /// Fills a host's disk, or frees it.
    pub fn disk_full(&self, host: usize, full: bool) {
        self.clock.disk_full(Self::place(host), full);
    }

    /// Hosts that have died by themselves since the last look.
    pub fn deaths(&mut self) -> Vec<usize> {
        let dead = |host: &mut Option<Host>| host.as_mut().is_some_and(Host::is_dead);
        let dead: Vec<usize> = (0..HOSTS)
            .filter(|host| dead(&mut self.hosts[*host]))
            .collect();
        for host in &dead {
            self.kill(*host);
        }
        dead
    }

    /// Lets everything happen that happens until that moment, in milliseconds since 1970.
    pub fn pass_until(&self, to_ms: i64) -> Result<()> {
        let pids = self.pids();
        while !self
            .clock
            .advance(&pids, to_ms)
            .map_err(|error| error.to_string())?
        {}
        Ok(())
    }

    /// Lets everything happen that needs no time.
    pub fn rest(&self) -> Result<()> {
        self.clock
            .rest(&self.pids())
            .map(|_| ())
            .map_err(|error| error.to_string())
    }

    /// Gives a running host an order and lets time pass until it has answered; `None`: it died over it, or wasn't there.
    pub fn ask(&mut self, host: usize, order: &Value) -> Result<Option<Answer>> {
        let pids = self.pids();
        let Some(asked) = self.hosts[host].as_mut() else {
            return Ok(None);
        };
        let last = self.clock.wall_ms() + LONGEST_ANSWER_MS;
        let begun = Instant::now();
        asked.order(order);
        loop {
            let mut heard = asked.hear(1);
            let mut rest = None;
            if matches!(heard, Heard::Nothing) {
                // Asleep without an answer, it waits for time to pass.
                rest = Some(self.clock.rest(&pids).map_err(|error| error.to_string())?);
                heard = asked.hear(0);
            }
            match heard {
                Heard::Answer(answer) => {
                    let ms = |key: &str| answer[key].as_i64().unwrap_or(0) - self.wall_off_ms;
                    let (from_ms, to_ms) = (ms("from_ms"), ms("to_ms"));
                    return Ok(Some(Answer {
                        reply: answer["reply"].clone(),
                        from_ms,
                        to_ms,
                    }));
                }
                Heard::Death => {
                    self.kill(host);
                    return Ok(None);
                }
                Heard::Nothing => {
                    let goes_on = rest.is_some_and(|rest| rest.ends());
                    let late = rest.is_some_and(|rest| self.clock.skip_from(&rest, last));
                    if !goes_on || late || begun.elapsed() > PATIENCE {
                        return Err(format!(
                            "no answer to {order}: {}",
                            self.clock.describe(&pids)
                        ));
                    }
                }
            }
        }
    }
}
