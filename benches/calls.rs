//! The figures of single calls, as one line of JSON for `figures.py`: time and allocations of a poll, and the settings from a local
//! server by the library and by libcurl in turn, so that both see the same machine.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ffi::CStr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use common::{Curl, Loaded, Target};
use serde_json::{Value, json};
use trakt::capi::functions as c;

/// Below what a client may ask in five minutes.
const READS: usize = 400;
const POLLS: usize = 20_000;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, counting what each thread asks of it.
struct Counting;

fn count(size: usize) {
    // A thread that is being torn down counts no longer.
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
    let _ = BYTES.try_with(|bytes| bytes.set(bytes.get() + size));
}

// SAFETY: everything is handed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn nanoseconds(work: impl FnOnce()) -> u64 {
    let begun = Instant::now();
    work();
    u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Median, quarters and 99th percentile in microseconds.
fn spread(mut times: Vec<u64>) -> Value {
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize] as f64 / 1_000.0;
    json!({"median_us": at(0.5), "quarter_us": at(0.25), "three_quarters_us": at(0.75), "p99_us": at(0.99)})
}

/// Allocations of one poll, by the same code linked into this binary. The reply itself is one `malloc` more.
fn allocations(target: &Target, pending: bool) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let config = target.config(folder.path());
    // SAFETY: NUL-terminated text, NULL where it may be, replies freed once.
    unsafe {
        let client = c::trakt_client_open(config.as_ptr(), std::ptr::null_mut());
        if pending {
            let reply = c::trakt_device_start(client, std::ptr::null());
            assert!(
                CStr::from_ptr(reply)
                    .to_str()
                    .is_ok_and(|text| text.contains("pending"))
            );
            c::trakt_string_free(reply);
        }
        let poll = || c::trakt_string_free(c::trakt_device_poll(client, 0));
        for _ in 0..100 {
            poll();
        }
        let before = (ALLOCATIONS.get(), BYTES.get());
        for _ in 0..100 {
            poll();
        }
        let (count, bytes) = (ALLOCATIONS.get() - before.0, BYTES.get() - before.1);
        c::trakt_client_close(client, 5_000);
        json!({"allocations": count as f64 / 100.0, "bytes": bytes as f64 / 100.0})
    }
}

fn polls(loaded: &Loaded, target: &Target, pending: bool) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let client = loaded.open(&target.config(folder.path()));
    if pending {
        loaded.start_login(client);
    }
    for _ in 0..1_000 {
        loaded.poll(client);
    }
    let times = (0..POLLS).map(|_| nanoseconds(|| loaded.poll(client)));
    let mut figures = spread(times.collect());
    loaded.close(client);
    if let (Some(figures), Value::Object(more)) =
        (figures.as_object_mut(), allocations(target, pending))
    {
        figures.extend(more);
    }
    figures
}

/// libcurl on a thread of its own, as a host needs it whose screen must not wait.
struct Threaded {
    ask: Sender<()>,
    answered: Receiver<()>,
}

impl Threaded {
    fn new(target: &Target) -> Self {
        let (ask, asked) = channel();
        let (answer, answered) = channel();
        let target = target.for_curl();
        std::thread::spawn(move || {
            let mut curl = Curl::new(&target);
            while asked.recv().is_ok() {
                curl.get_settings();
                if answer.send(()).is_err() {
                    break;
                }
            }
        });
        Self { ask, answered }
    }

    fn get_settings(&self) {
        self.ask.send(()).expect("the thread");
        self.answered.recv().expect("the thread");
    }
}

/// One request each in turn, the order changing, over several clients.
fn round_trips(loaded: &Loaded, target: &Target, clients: usize) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let config = target.config(folder.path());
    let first = loaded.open(&config);
    loaded.link(first, target);
    loaded.close(first);
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..clients {
        let client = loaded.open(&config);
        let mut curl = Curl::new(&target.for_curl());
        let threaded = Threaded::new(target);
        let mut get = |way: usize| match way {
            0 => loaded.get_settings(client),
            1 => curl.get_settings(),
            _ => threaded.get_settings(),
        };
        for round in 0..20 {
            get(round % 3);
        }
        for round in 0..READS {
            for turn in 0..3 {
                let way = (round + turn) % 3;
                times[way].push(nanoseconds(|| get(way)));
            }
        }
        loaded.close(client);
    }
    let [ours, curl, threaded] = times.map(spread);
    let median = |of: &Value| of["median_us"].as_f64().unwrap_or(f64::NAN);
    json!({
        "requests": READS * clients,
        "ratio": median(&ours) / median(&curl),
        "threaded_ratio": median(&ours) / median(&threaded),
        "libtrakt": ours,
        "libcurl": curl,
        "threaded": threaded,
    })
}

fn main() {
    let loaded = Loaded::load();
    let fast = Target::fast();
    let figures = json!({
        "poll_idle": polls(&loaded, &fast, false),
        "poll_pending": polls(&loaded, &fast, true),
        "settings_fast_server": round_trips(&loaded, &fast, 5),
        "settings_trakt_sim": round_trips(&loaded, &Target::simulated(), 5),
        "settings_far_server": round_trips(&loaded, &Target::after(Duration::from_millis(20)), 1),
    });
    println!("{figures}");
}
