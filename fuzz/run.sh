#!/usr/bin/env bash
# Runs every fuzz target for so many seconds, from its committed corpus: fuzz/run.sh SECONDS [TARGET...].
# Fails if one finds something. The corpus is only read; what is new, and what fails, is kept in fuzz/target/found.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:?fuzz/run.sh SECONDS [TARGET...]}
shift
host=$(rustc -vV | sed -n 's/^host: //p')
# The sanitizer is a flag of the compiler's that a stable release takes only so.
export RUSTC_BOOTSTRAP=1
mkdir -p target
cargo fuzz build >target/build.log 2>&1 || { cat target/build.log >&2; exit 1; }

mapfile -t targets < <(if [ $# -gt 0 ]; then printf '%s\n' "$@"; else cargo fuzz list; fi)
failed=0
for target in "${targets[@]}"; do
    found=target/found/$target
    log=$found/log
    mkdir -p "$found/corpus"
    verdict=ok
    # The first folder takes what is new, the second is only read.
    "target/$host/release/$target" "$found/corpus" "corpus/$target" -artifact_prefix="$found/" \
        -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 >"$log" 2>&1 || verdict=FAILED
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    echo "$target: $verdict, ${runs:-0} runs in $seconds s"
    if [ "$verdict" != ok ]; then
        failed=1
        tail -n 60 "$log"
    fi
done
exit "$failed"
