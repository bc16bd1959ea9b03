//! Runs the simulated Trakt from the command line: one JSON line says where it listens; it ends
//! when its standard input does, or on `POST /quit`.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use serde_json::json;
use trakt_sim::{Options, Sim};

const USAGE: &str = "usage: trakt-sim [--https] [--vip] [--seed N] [--keep]
  --https   the auth and the API host speak HTTPS; `ca_file` in the first line is their CA
  --vip     the user pays for Trakt
  --seed N  the same ids and tokens in each run
  --keep    go on when standard input ends; only POST /quit ends it";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("trakt-sim: {text}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let mut options = Options::default();
    let mut keep = false;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--https" => options.https = true,
            "--vip" => options.vip = true,
            "--keep" => keep = true,
            "--seed" => {
                let seed = arguments.next().and_then(|seed| seed.parse().ok());
                options.seed = Some(seed.ok_or("--seed wants a number")?);
            }
            "--help" | "-h" => {
                println!("{USAGE}");
                return Ok(());
            }
            other => return Err(format!("unknown argument {other}\n{USAGE}")),
        }
    }
    let mut sim = Sim::start(options).map_err(|error| error.to_string())?;
    announce(&sim).map_err(|error| error.to_string())?;
    if !keep {
        let stop = sim.stopper();
        std::thread::spawn(move || {
            drain(io::stdin().lock());
            stop();
        });
    }
    sim.wait_for_quit();
    Ok(())
}

fn announce(sim: &Sim) -> io::Result<()> {
    let line = json!({
        "auth_url": sim.auth_url(),
        "api_url": sim.api_url(),
        "control_url": sim.control_url(),
        "client_id": sim.client_id(),
        "client_secret": sim.client_secret(),
        "redirect_uri": sim.redirect_uri(),
        "ca_file": sim.ca_file(),
    });
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Reads until the end; an error is an end too.
fn drain(mut input: impl Read) {
    let mut buffer = [0; 1024];
    while matches!(input.read(&mut buffer), Ok(read) if read > 0) {}
}
