#!/bin/sh
# Compiles the C tests against a built library and runs them. They print nothing when they pass.
# Usage: tests/c/run.sh LIB_DIR [plain|asan|valgrind] [NAME...]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
lib_dir=$(cd "${1:?usage: tests/c/run.sh LIB_DIR [plain|asan|valgrind] [NAME...]}" && pwd)
mode=${2:-plain}
[ $# -lt 2 ] && shift || shift 2
[ $# -gt 0 ] || set -- about arguments handles threads waiting fork load panic process memory json_scan

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The program asks for the library by its soname.
ln -s "$lib_dir/libtrakt.so" "$work/libtrakt.so"
ln -s "$lib_dir/libtrakt.so" "$work/libtrakt.so.1"

flags="-g -O1"
command=
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1
case $mode in
plain) ;;
asan) flags="$flags -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer" ;;
valgrind)
    export TEST_SLOW=1
    command="valgrind -q --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite
        --error-exitcode=99 --child-silent-after-fork=yes --fair-sched=yes"
    ;;
*)
    echo "there is no mode $mode" >&2
    exit 2
    ;;
esac

failed=0
for name; do
    if [ "$name" = memory ] && [ "$mode" != plain ]; then
        continue
    fi
    link="-L$work -ltrakt -Wl,-rpath,$work"
    [ "$name" != load ] || link=-ldl
    # shellcheck disable=SC2086
    ${CC:-gcc} -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -pedantic -Wstrict-prototypes -Werror $flags \
        "-I$here/../../include" "$here/$name.c" -o "$work/$name" $link -lpthread
    # shellcheck disable=SC2086
    if (cd "$work" && TRAKT_TEST_LIBRARY="$work/libtrakt.so" timeout 600 $command "./$name") >"$work/out" 2>&1 &&
        [ ! -s "$work/out" ]; then
        echo "ok   $mode $name"
    else
        echo "FAIL $mode $name"
        sed 's/^/     /' "$work/out"
        failed=1
    fi
done
exit $failed
