//! What a host's calls cost, by criterion: a poll that has nothing to do, and the settings from a local server beside libcurl.
//! Needs the release library: `cargo rustc --release --lib --crate-type cdylib`, then `cargo bench --bench client`.
#![allow(missing_docs, reason = "criterion's macros make public functions")]

mod common;

use std::time::{Duration, Instant};

use common::{Curl, Loaded, Target};
use criterion::{Criterion, criterion_group, criterion_main};

/// A client asks Trakt at most 500 times in five minutes.
const READS: u64 = 400;

fn poll(criterion: &mut Criterion) {
    let (loaded, target) = (Loaded::load(), Target::fast());
    let folder = tempfile::tempdir().expect("a folder");
    let client = loaded.open(&target.config(folder.path()));
    let mut group = criterion.benchmark_group("device_poll");
    group.bench_function("idle", |bench| bench.iter(|| loaded.poll(client)));
    loaded.start_login(client);
    group.bench_function("pending", |bench| bench.iter(|| loaded.poll(client)));
    group.finish();
    loaded.close(client);
}

fn settings(criterion: &mut Criterion) {
    let loaded = Loaded::load();
    for (name, target) in [
        ("fast server", Target::fast()),
        ("trakt-sim", Target::simulated()),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let config = target.config(folder.path());
        let first = loaded.open(&config);
        loaded.link(first, &target);
        loaded.close(first);
        let mut group = criterion.benchmark_group(format!("settings from {name}"));
        group
            .sample_size(20)
            .measurement_time(Duration::from_secs(3));
        group.bench_function("libtrakt", |bench| {
            bench.iter_custom(|rounds| {
                let mut time = Duration::ZERO;
                let mut left = rounds;
                while left > 0 {
                    let client = loaded.open(&config);
                    loaded.get_settings(client);
                    let batch = left.min(READS);
                    let begun = Instant::now();
                    for _ in 0..batch {
                        loaded.get_settings(client);
                    }
                    time += begun.elapsed();
                    left -= batch;
                    loaded.close(client);
                }
                time
            });
        });
        let mut curl = Curl::new(&target.for_curl());
        curl.get_settings();
        group.bench_function("libcurl", |bench| bench.iter(|| curl.get_settings()));
        group.finish();
    }
}

criterion_group!(benches, poll, settings);
criterion_main!(benches);
