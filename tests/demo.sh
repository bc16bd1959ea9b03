#!/usr/bin/env bash
# The demo of the README, on nothing configured: approved by itself, and approved on its page as a person would.
set -euo pipefail
cd "$(dirname "$0")/.."
unset TRAKT_CLIENT_ID TRAKT_CLIENT_SECRET
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

check() { # FILE
    local line
    for line in '^Open   http://127.0.0.1:[0-9]+/activate$' '^Enter  [0-9A-Z]{4} [0-9A-Z]{4}$' '^Linked as ' '^  list.count +[0-9]+$' '^  commenting +yes$'; do
        grep -Eq "$line" "$1" || { echo "the demo does not show: $line" >&2; cat "$1" >&2; exit 1; }
    done
}

cargo run --quiet --example link -- --approve >"$work/approved"
check "$work/approved"

# A pipe to read from line by line: the page is opened as soon as its address is shown.
mkfifo "$work/shown"
cargo run --quiet --example link >"$work/shown" &
demo=$!
while IFS= read -r line; do
    printf '%s\n' "$line"
    if [[ $line =~ ^Or\ +(http://127\.0\.0\.1:[0-9]+/activate/[0-9A-Z]+)$ ]]; then
        python3 tests/press_approve.py "${BASH_REMATCH[1]}" >&2
    fi
done <"$work/shown" >"$work/by_hand"
wait "$demo"
check "$work/by_hand"
echo "the demo: linked by --approve and by its page"
