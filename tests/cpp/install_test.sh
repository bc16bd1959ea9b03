#!/bin/sh
# Installs the library into a prefix, moves the prefix, and builds and runs an outside C and an outside C++ project
# against it, once with find_package(trakt) and once with pkg-config.
# Usage: tests/cpp/install_test.sh
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for libdir in lib lib/triplet; do
    cd "$root"
    cargo run -q -p xtask -- install --prefix "$work/first" --libdir "$libdir" >/dev/null
    # Installing over it again must work, and moving it must not matter.
    cargo run -q -p xtask -- install --prefix "$work/first" --libdir "$libdir" >/dev/null
    rm -rf "$work/prefix" "$work/project"
    mv "$work/first" "$work/prefix"
    if grep -rqF "$work/first" "$work/prefix/include" "$work/prefix/$libdir/pkgconfig" "$work/prefix/$libdir/cmake"; then
        echo "the prefix is written down somewhere" >&2
        exit 1
    fi

    mkdir "$work/project"
    cd "$work/project"
    cat >host.c <<'END'
#include <stdio.h>
#include <trakt.h>
int main(void)
{
    char *reply = NULL;
    if (trakt_client_open("{}", &reply) != 0 || trakt_reply_status(reply) != TRAKT_CONFIG)
        return 1;
    trakt_string_free(reply);
    return trakt_abi_version() >= TRAKT_ABI_VERSION ? 0 : 1;
}
END
    cat >host.cpp <<'END'
#include <trakt.hpp>
int main()
{
    auto [client, failure] = trakt::Client::open("{}");
    return !client && failure.status() == TRAKT_CONFIG ? 0 : 1;
}
END
    cat >CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.16)
project(host C CXX)
find_package(trakt 0.1 REQUIRED)
add_executable(host_c host.c)
target_link_libraries(host_c PRIVATE trakt::trakt)
add_executable(host_cpp host.cpp)
target_link_libraries(host_cpp PRIVATE trakt::cpp)
END
    # CMake looks into PREFIX/lib by itself; anything else it has to be told.
    package="-Dtrakt_DIR=$work/prefix/$libdir/cmake/trakt"
    [ $libdir != lib ] || package="-DCMAKE_PREFIX_PATH=$work/prefix"
    cmake -S . -B build "$package" >cmake.log
    cmake --build build >>cmake.log
    ./build/host_c
    ./build/host_cpp
    # A version that is newer than the installed one is refused, and only that.
    mkdir version
    for wanted in 0.1 99; do
        printf 'cmake_minimum_required(VERSION 3.16)\nproject(version NONE)\nfind_package(trakt %s)\nmessage("found=${trakt_FOUND}")\n' \
            $wanted >version/CMakeLists.txt
        cmake -S version -B "version-$wanted" "$package" >"version-$wanted.log" 2>&1
    done
    grep -q 'found=1' version-0.1.log
    grep -q 'found=0' version-99.log

    export PKG_CONFIG_PATH="$work/prefix/$libdir/pkgconfig" LD_LIBRARY_PATH="$work/prefix/$libdir"
    [ "$(pkg-config --modversion trakt)" = "$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -n 1)" ]
    # shellcheck disable=SC2046
    cc -std=c99 -Wall -Wextra -pedantic -Werror host.c -o by_pkg_config_c $(pkg-config --cflags --libs trakt)
    # shellcheck disable=SC2046
    c++ -std=c++17 -Wall -Wextra -pedantic -Werror host.cpp -o by_pkg_config_cpp $(pkg-config --cflags --libs trakt)
    ./by_pkg_config_c
    ./by_pkg_config_cpp
    unset LD_LIBRARY_PATH

    # The examples are outside projects too.
    cmake -S "$root/bindings/cpp/examples" -B examples "$package" \
        -DCMAKE_C_FLAGS="-Wall -Wextra -Werror" -DCMAKE_CXX_FLAGS="-Wall -Wextra -Werror" >>cmake.log
    cmake --build examples >>cmake.log
    for file in "include/trakt.h" "include/trakt.hpp" "share/licenses/libtrakt/LICENSE-MIT" \
        "share/licenses/libtrakt/LICENSE-APACHE"; do
        [ -s "$work/prefix/$file" ]
    done
done
echo "install: C and C++ by CMake and by pkg-config"
