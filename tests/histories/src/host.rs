//! A host process: starts `trakt-histories-host`, gives it orders, and sees it die.
//! Knows nothing of the clock it lives by, nor of what the orders mean.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

use serde_json::Value;

/// What came of waiting for an answer.
pub enum Heard {
    /// The answer.
    Answer(Value),
    /// Nothing yet.
    Nothing,
    /// The process is dead.
    Death,
}

/// A running host.
pub struct Host {
    child: Child,
    orders: ChildStdin,
    answers: ChildStdout,
    read: Vec<u8>,
}

impl Drop for Host {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Host {
    /// Starts a prepared command whose standard error goes into that file.
    pub fn start(mut command: Command, log: &Path) -> io::Result<Self> {
        let log = File::options().create(true).append(true).open(log)?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let (orders, answers) = (child.stdin.take(), child.stdout.take());
        let (Some(orders), Some(answers)) = (orders, answers) else {
            return Err(io::Error::other("no pipes"));
        };
        // SAFETY: a flag of a descriptor of our own.
        unsafe { libc::fcntl(answers.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
        Ok(Self {
            child,
            orders,
            answers,
            read: Vec::new(),
        })
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap_or(0)
    }

    /// Gives an order; to a dead process, in vain.
    pub fn order(&mut self, order: &Value) {
        let _ = writeln!(self.orders, "{order}");
    }

    /// Its answer, if it comes within those milliseconds of real time.
    pub fn hear(&mut self, wait_ms: i32) -> Heard {
        let mut one = libc::pollfd {
            fd: self.answers.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one descriptor of our own.
        unsafe { libc::poll(&raw mut one, 1, wait_ms) };
        let mut buffer = [0; 65536];
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return match serde_json::from_slice(&line) {
                    Ok(answer) => Heard::Answer(answer),
                    Err(error) => Heard::Answer(Value::String(error.to_string())),
                };
            }
            match self.answers.read(&mut buffer) {
                Ok(0) => return Heard::Death,
                Ok(length) => self.read.extend_from_slice(&buffer[..length]),
                Err(_) => return Heard::Nothing,
            }
        }
    }

    /// Whether it has died.
    pub fn is_dead(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// kill -9, and waits for its end; how it died, if it wasn't of that.
    pub fn kill(&mut self) -> Option<ExitStatus> {
        let _ = self.child.kill();
        let status = self.child.wait().ok()?;
        (status.signal() != Some(libc::SIGKILL)).then_some(status)
    }
}
