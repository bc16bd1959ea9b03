#!/bin/sh
# Compiles the tests of trakt.hpp against a built library and runs them. They print nothing when they pass.
# Usage: tests/cpp/run.sh LIB_DIR [plain|asan]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
lib_dir=$(cd "${1:?usage: tests/cpp/run.sh LIB_DIR [plain|asan]}" && pwd)
mode=${2:-plain}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ln -s "$lib_dir/libtrakt.so" "$work/libtrakt.so"
ln -s "$lib_dir/libtrakt.so" "$work/libtrakt.so.1"

flags="-g -O1"
[ "$mode" != asan ] || flags="$flags -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"

failed=0
for name in wrapper older; do
    # shellcheck disable=SC2086
    ${CXX:-g++} -std=c++17 -fno-exceptions -fno-rtti -Wall -Wextra -pedantic -Wshadow -Wconversion -Werror $flags \
        "-I$here/../../include" "$here/$name.cpp" -o "$work/$name" "-L$work" -ltrakt "-Wl,-rpath,$work" -lpthread
    if (cd "$work" && timeout 600 "./$name") >"$work/out" 2>&1 && [ ! -s "$work/out" ]; then
        echo "ok   $mode $name"
    else
        echo "FAIL $mode $name"
        sed 's/^/     /' "$work/out"
        failed=1
    fi
done
exit $failed
