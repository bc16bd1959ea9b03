#!/bin/sh
# Runs the examples in C and C++ against the simulated Trakt: a link that is approved, the account that is still linked
# at the next start, a link that is denied.
# Usage: tests/cpp/examples.sh LIB_DIR
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
lib_dir=$(cd "${1:?usage: tests/cpp/examples.sh LIB_DIR}" && pwd)
cd "$root"
cargo build -q -p trakt-sim
sim_program=${CARGO_TARGET_DIR:-target}/debug/trakt-sim

work=$(mktemp -d)
ln -s "$lib_dir/libtrakt.so" "$work/libtrakt.so"
ln -s "$lib_dir/libtrakt.so" "$work/libtrakt.so.1"
# The simulator ends with its standard input, which this shell holds open.
mkfifo "$work/in" "$work/out"
"$sim_program" <"$work/in" >"$work/out" &
sim=$!
exec 3>"$work/in" 4<"$work/out"
trap 'exec 3>&-; wait $sim; rm -rf "$work"' EXIT
read -r started <&4
field() { printf '%s\n' "$started" | sed "s/.*\"$1\":\"\([^\"]*\)\".*/\1/"; }
# control PATH [JSON]
control() {
    [ $# -gt 1 ] || set -- "$1" '{}'
    curl -sS --noproxy '*' --fail --data "$2" "$(field control_url)$1"
}

flags="-Wall -Wextra -pedantic -Werror -Iinclude -Iexamples -L$work -ltrakt -Wl,-rpath,$work"
# shellcheck disable=SC2086
cc -std=c99 examples/link.c -o "$work/link_c" $flags
# shellcheck disable=SC2086
c++ -std=c++17 bindings/cpp/examples/link.cpp -o "$work/link_cpp" $flags
# shellcheck disable=SC2086
c++ -std=c++17 bindings/cpp/examples/play.cpp -o "$work/play_cpp" $flags

config() {
    printf '{"client_id":"%s","client_secret":"%s","auth_url":"%s","api_url":"%s","proxy":"","data_dir":"%s"}' \
        "$(field client_id)" "$(field client_secret)" "$(field auth_url)" "$(field api_url)" "$1"
}
fail() {
    echo "FAIL $1" >&2
    cat "$work/said" >&2
    exit 1
}
# link PROGRAM FOLDER DECISION: runs it until its code was polled for once, decides, and gives its exit status.
link() {
    before=$(control '/log?path=/oauth/device/token' | grep -o '"at_ms"' | wc -l)
    "$work/$1" "$(config "$2")" >"$work/said" 2>&1 &
    running=$!
    control "/log/wait?path=/oauth/device/token&count=$((before + 1))&timeout_ms=60000" | grep -q '"timeout":true' && fail "$1 never polled"
    control "/$3" >/dev/null
    wait $running
}

control /config '{"device_interval_s":1}' >/dev/null
for program in link_c link_cpp; do
    mkdir "$work/$program.data"
    link $program "$work/$program.data" approve || fail "$program approved"
    for text in "and type  " "/activate/" "left" "Linked: " "list.count: " "commenting: "; do
        grep -qF "$text" "$work/said" || fail "$program doesn't say \"$text\""
    done
    [ "$(grep -c '107;30m' "$work/said")" -gt 10 ] || fail "$program shows no QR code"

    "$work/$program" "$(config "$work/$program.data")" >"$work/said" 2>&1 || fail "$program linked before"
    grep -q "Linked: " "$work/said" || fail "$program linked before"
    if grep -q "and type" "$work/said"; then fail "$program asks again though it is linked"; fi

    mkdir "$work/$program.denied"
    if link $program "$work/$program.denied" deny; then fail "$program denied"; fi
    grep -q "code_denied" "$work/said" || fail "$program denied"
    echo "ok   $program"
done
# A film is played with the account that was just linked.
control /config '{"history_items":0}' >/dev/null
"$work/play_cpp" "$(config "$work/link_cpp.data")" >"$work/said" 2>&1 || fail "play_cpp"
for text in "started  playing" "it counts" "Trakt has it (scrobble)" "Heat (scrobble)"; do
    grep -qF "$text" "$work/said" || fail "play_cpp doesn't say \"$text\""
done
if "$work/play_cpp" "$(config "$work/empty.data")" >"$work/said" 2>&1; then fail "play_cpp without an account"; fi
echo "ok   play_cpp"
control /violations | grep -q '"violations":\[\]' || { control /violations; exit 1; }
