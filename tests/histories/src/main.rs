//! Runs random histories: `trakt-histories [--seed N] [--count N] [--first N] [--jobs N] [--minutes M] …`, see `USAGE`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use trakt_histories::clock;
use trakt_histories::plan::Plan;
use trakt_histories::run::{self, Outcome};
use trakt_histories::world::Programs;

const USAGE: &str = "usage: trakt-histories [options]
  --seed N      this history alone, with all that is known of it when it fails
  --first N     the first of several seeds (the time of day)
  --count N     how many histories (100)
  --minutes M   as many as there is time for
  --jobs N      so many at once (one per processor)
  --stop N      end after so many that failed (10)
  --shrink      leave out what a failing one doesn't need
  --brief       don't tell the first failing one in full
  --show        print the history, whether it fails or not
LIBTRAKT_LIBRARY and TRAKT_SIM name the release library and the simulated Trakt.";

struct Options {
    first: u64,
    count: u64,
    minutes: Option<f64>,
    jobs: usize,
    stop: usize,
    shrink: bool,
    show: bool,
    brief: bool,
}

fn options() -> Result<Options, String> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let mut options = Options {
        first: now * 1000,
        count: 100,
        minutes: None,
        jobs,
        stop: 10,
        shrink: false,
        show: false,
        brief: false,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let mut number = || {
            let given = arguments.next().and_then(|text| text.parse::<f64>().ok());
            given.ok_or_else(|| format!("{name} wants a number\n{USAGE}"))
        };
        match name.as_str() {
            "--seed" => {
                options.first = number()? as u64;
                options.count = 1;
            }
            "--first" => options.first = number()? as u64,
            "--count" => options.count = number()? as u64,
            "--minutes" => {
                options.minutes = Some(number()?);
                options.count = u64::MAX;
            }
            "--jobs" => options.jobs = number()? as usize,
            "--stop" => options.stop = number()? as usize,
            "--shrink" => options.shrink = true,
            "--show" => options.show = true,
            "--brief" => options.brief = true,
            _ => return Err(USAGE.into()),
        }
    }
    Ok(options)
}

fn named(variable: &str) -> Result<PathBuf, String> {
    let path =
        std::env::var_os(variable).ok_or_else(|| format!("{variable} is not set\n{USAGE}"))?;
    std::fs::canonicalize(&path).map_err(|error| format!("{variable}: {error}"))
}

fn programs(folder: &Path) -> Result<Programs, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    Ok(Programs {
        preload: clock::preload(folder).map_err(|error| error.to_string())?,
        library: named("LIBTRAKT_LIBRARY")?,
        sim: named("TRAKT_SIM")?,
        host: own.with_file_name("trakt-histories-host"),
    })
}

/// In memory where that is possible: no disk is worn by thousands of histories.
fn folder() -> std::io::Result<tempfile::TempDir> {
    let memory = Path::new("/dev/shm");
    let builder = || tempfile::Builder::new().prefix("trakt-history-").to_owned();
    builder()
        .tempdir_in(memory)
        .or_else(|_| builder().tempdir())
}

/// Carries it out; with what the library logged, when asked for.
fn once(plan: &Plan, programs: &Programs, logs: bool) -> (Outcome, String) {
    let folder = match folder() {
        Ok(folder) => folder,
        Err(error) => {
            return (
                Outcome {
                    wrong: vec![error.to_string()],
                    ..Outcome::default()
                },
                String::new(),
            );
        }
    };
    let outcome = run::run(plan, folder.path(), programs, logs);
    let mut log = String::new();
    for host in 0..plan.hosts {
        let text = std::fs::read_to_string(folder.path().join(format!("host-{host}.log")))
            .unwrap_or_default();
        if !text.is_empty() {
            log += &format!("--- the library's log in host {host}\n{text}");
        }
    }
    (outcome, log)
}

/// Leaves out of a failing plan what it doesn't need in order to fail.
fn shrink(plan: &Plan, programs: &Programs) -> Plan {
    let mut best = plan.clone();
    let mut size = best.steps.len() / 2;
    while size > 0 {
        let mut at = 0;
        while at < best.steps.len() {
            let mut fewer = best.clone();
            let end = (at + size).min(fewer.steps.len());
            fewer.steps.drain(at..end);
            if once(&fewer, programs, false).0.wrong.is_empty() {
                at += size;
            } else {
                best = fewer;
            }
        }
        size /= 2;
    }
    best
}

fn tell(plan: &Plan, programs: &Programs, shrinks: bool, first: Option<Outcome>) {
    let shrunk = if shrinks {
        shrink(plan, programs)
    } else {
        plan.clone()
    };
    let (mut outcome, log) = once(&shrunk, programs, true);
    println!("--- history {} once more, with logs", plan.seed);
    if let Some(first) = first
        && outcome.wrong.is_empty()
    {
        println!(
            "--- nothing is wrong this time: what follows is of the first time, but for the library's logs"
        );
        outcome = first;
    }
    for (index, play) in shrunk.plays.iter().enumerate() {
        println!("play {index}: {} ms, {}", play.duration_ms, play.item);
    }
    println!("--- what was done");
    outcome.done.iter().for_each(|line| println!("{line}"));
    println!("--- what Trakt was asked");
    outcome.log.iter().for_each(|line| println!("{line}"));
    println!("{log}--- what was expected");
    outcome.expected.iter().for_each(|one| println!("{one:?}"));
    println!("--- what is wrong");
    outcome.wrong.iter().for_each(|line| println!("{line}"));
}

fn main() -> ExitCode {
    match histories() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[derive(Default)]
struct Sum {
    histories: usize,
    plays: usize,
    entries: usize,
    deaths: usize,
    faults: usize,
    lived_ms: i64,
    failed: Vec<u64>,
    first: Option<Outcome>,
}

fn histories() -> Result<bool, String> {
    let options = options()?;
    let folder = folder().map_err(|error| error.to_string())?;
    let programs = programs(folder.path())?;
    let (begun, next, ended) = (Instant::now(), AtomicU64::new(0), AtomicBool::new(false));
    let sum = Mutex::new(Sum::default());
    println!("histories from seed {}", options.first);
    let work = || {
        while !ended.load(SeqCst) {
            let number = next.fetch_add(1, SeqCst);
            let over = options
                .minutes
                .is_some_and(|m| begun.elapsed() > Duration::from_secs_f64(m * 60.0));
            if number >= options.count || over {
                break;
            }
            let plan = Plan::new(options.first + number);
            let (outcome, _) = once(&plan, &programs, false);
            let Ok(mut sum) = sum.lock() else { break };
            sum.histories += 1;
            sum.plays += outcome.expected.len();
            sum.entries += outcome.entries;
            sum.deaths += outcome.deaths;
            sum.faults += outcome.faults;
            sum.lived_ms += outcome.lived_ms;
            if !outcome.wrong.is_empty() {
                sum.failed.push(plan.seed);
                println!("FAIL history {}", plan.seed);
                outcome.wrong.iter().for_each(|line| println!("    {line}"));
                sum.first.get_or_insert(outcome);
                ended.fetch_or(sum.failed.len() >= options.stop, SeqCst);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.max(1) {
            scope.spawn(work);
        }
    });
    let mut sum = sum.into_inner().map_err(|error| error.to_string())?;
    if options.show || (!options.brief && !sum.failed.is_empty()) {
        for seed in sum
            .failed
            .clone()
            .into_iter()
            .chain(options.show.then_some(options.first))
            .take(1)
        {
            tell(
                &Plan::new(seed),
                &programs,
                options.shrink,
                sum.first.take(),
            );
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{} plays and marks, {} entries in Trakt's history, {} hosts died, {} requests hit by faults, {:.1} years lived, {:.0} histories a minute",
        sum.plays,
        sum.entries,
        sum.deaths,
        sum.faults,
        sum.lived_ms as f64 / 1000.0 / 86_400.0 / 365.0,
        sum.histories as f64 / seconds * 60.0,
    );
    println!(
        "{} passed, {} failed in {seconds:.0} s",
        sum.histories - sum.failed.len(),
        sum.failed.len()
    );
    Ok(sum.failed.is_empty() && sum.histories > 0)
}
