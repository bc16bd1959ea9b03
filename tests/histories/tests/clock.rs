//! The clock by which processes live: an hour of waiting takes no time and is an hour to them, in whatever way they
//! wait; what arrives meanwhile wakes them; it knows all waits that the library and the simulated Trakt use.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use trakt_histories::clock::{self, Clock};

const HOUR: Duration = Duration::from_secs(3600);
const DAY_MS: i64 = 24 * 3_600_000;

/// Runs one of the probes below in a process of its own.
fn start(clock: &Clock, folder: &Path, probe: &str) -> Child {
    let preload = clock::preload(folder).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    clock.rule(&mut command, &preload, 1);
    command
        .args(["--exact", "probe", "--nocapture", "--test-threads=1"])
        .env("PROBE", probe)
        .stdout(Stdio::piped())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Lets time pass until it has ended; what it said, and how many milliseconds it lived by its clock.
fn run(probe: &str) -> (String, i64) {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::new(folder.path()).unwrap();
    let mut child = start(&clock, folder.path(), probe);
    let pids = [i32::try_from(child.id()).unwrap()];
    let begun = clock.wall_ms();
    while child.try_wait().unwrap().is_none() {
        // No further than to the next limit of a wait: a child that has none is still at work.
        let rest = clock.rest(&pids).unwrap();
        if rest.ends() {
            clock.skip_from(&rest, begun + 30 * DAY_MS);
        }
    }
    let mut said = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    (said, clock.wall_ms() - begun)
}

fn said_hours(said: &str) -> Vec<f64> {
    let lines = said.lines().filter_map(|line| line.strip_prefix("waited "));
    lines.map(|hours| hours.parse().unwrap()).collect()
}

/// What runs inside such a process; without PROBE it is no test.
#[test]
fn probe() {
    match std::env::var("PROBE").as_deref() {
        Ok("waits") => waits(),
        Ok("woken") => woken(),
        Ok("steps") => (0..1000).for_each(|_| {
            std::fs::write(std::env::temp_dir().join("quick-clock-probe"), "x").unwrap();
        }),
        _ => {}
    }
}

fn timed(wait: impl FnOnce()) {
    let (instant, wall) = (Instant::now(), SystemTime::now());
    wait();
    let by_instant = instant.elapsed().as_secs_f64();
    let by_wall = wall.elapsed().unwrap().as_secs_f64();
    assert!((by_instant - by_wall).abs() < 1.0, "{by_instant} {by_wall}");
    println!("\nwaited {}", by_instant / 3600.0);
}

/// An hour each.
fn waits() {
    timed(|| thread::sleep(HOUR));
    timed(|| {
        let (lock, changed) = (Mutex::new(()), Condvar::new());
        let waited = changed.wait_timeout(lock.lock().unwrap(), HOUR).unwrap();
        assert!(waited.1.timed_out());
    });
    timed(|| {
        let (_keep, receiver) = mpsc::channel::<()>();
        receiver.recv_timeout(HOUR).unwrap_err();
    });
    timed(|| thread::park_timeout(HOUR));
    timed(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        stream.set_read_timeout(Some(HOUR)).unwrap();
        let error = stream.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    });
    timed(|| {
        // SAFETY: no descriptors at all.
        let ready = unsafe { libc::poll(std::ptr::null_mut(), 0, 3_600_000) };
        assert_eq!(ready, 0);
    });
    timed(|| {
        // SAFETY: room for one event of a descriptor of our own.
        unsafe {
            let queue = libc::epoll_create1(0);
            let mut event = libc::epoll_event { events: 0, u64: 0 };
            assert_eq!(libc::epoll_wait(queue, &raw mut event, 1, 3_600_000), 0);
            libc::close(queue);
        }
    });
}

/// Each would be an hour, and something happens after half of it.
fn woken() {
    let half = HOUR / 2;
    timed(|| {
        let pair = Arc::new((Mutex::new(false), Condvar::new()));
        let other = Arc::clone(&pair);
        thread::spawn(move || {
            thread::sleep(half);
            *other.0.lock().unwrap() = true;
            other.1.notify_one();
        });
        let waited = pair
            .1
            .wait_timeout_while(pair.0.lock().unwrap(), HOUR, |set| !*set)
            .unwrap();
        assert!(!waited.1.timed_out());
    });
    timed(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            thread::sleep(half);
            stream.write_all(b"x").unwrap();
        });
        let mut stream = TcpStream::connect_timeout(&address, HOUR).unwrap();
        stream.set_read_timeout(Some(HOUR)).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 1);
    });
}

#[test]
fn an_hour_of_waiting_takes_no_time_and_is_an_hour_to_who_waits() {
    let begun = Instant::now();
    let (said, lived_ms) = run("waits");
    let hours = said_hours(&said);
    assert_eq!(hours.len(), 7, "{said}");
    assert!(
        hours.iter().all(|hours| (1.0..1.001).contains(hours)),
        "{hours:?}"
    );
    assert!(lived_ms >= 7 * 3_600_000, "{lived_ms}");
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[test]
fn what_happens_meanwhile_wakes_who_waits() {
    let (said, _) = run("woken");
    let hours = said_hours(&said);
    assert_eq!(hours.len(), 2, "{said}");
    assert!(
        hours.iter().all(|hours| (0.5..0.501).contains(hours)),
        "{hours:?}"
    );
}

#[test]
fn a_process_dies_at_the_step_that_was_named_and_by_kill_9() {
    use std::os::unix::process::ExitStatusExt;
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::new(folder.path()).unwrap();
    let mut child = start(&clock, folder.path(), "steps");
    clock.die_in(1, 50);
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
    assert_eq!(clock.steps(1), 50);
}

/// What could wait with a limit, besides what `quick_clock.c` covers.
const UNCOVERED: [&str; 14] = [
    "ppoll",
    "select",
    "pselect",
    "epoll_pwait",
    "epoll_pwait2",
    "pthread_cond_timedwait",
    "pthread_cond_clockwait",
    "sem_timedwait",
    "sem_clockwait",
    "recvfrom",
    "recvmsg",
    "recvmmsg",
    "usleep",
    "timerfd_create",
];

#[test]
fn the_library_and_the_simulated_trakt_wait_only_in_ways_that_are_covered() {
    for variable in ["LIBTRAKT_LIBRARY", "TRAKT_SIM"] {
        let path = std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set"));
        let listed = Command::new("nm")
            .args(["-D", "--undefined-only", &path])
            .output()
            .unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        let imports: Vec<&str> = listed
            .lines()
            .filter_map(|line| line.split_whitespace().last()?.split('@').next())
            .collect();
        assert!(imports.contains(&"clock_gettime"), "{path}: {listed}");
        let uncovered: Vec<_> = imports
            .iter()
            .filter(|name| UNCOVERED.contains(name))
            .collect();
        assert!(uncovered.is_empty(), "{path}: {uncovered:?}");
    }
}
