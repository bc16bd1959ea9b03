#!/bin/sh
# The headers with every compiler and standard that hosts use: alone, twice, and in two translation units.
# Usage: tests/c/matrix.sh
set -eu
here=$(cd "$(dirname "$0")" && pwd)
include=$here/../../include
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

count=0
# check COMPILER STANDARD LANGUAGE HEADER WARNINGS...
check() {
    compiler=$1 standard=$2 language=$3 header=$4
    shift 4
    printf '#include "%s"\n' "$header" >"$work/alone.$language"
    printf '#include "%s"\n#include "%s"\nint second(void);\nint second(void) { return TRAKT_OK; }\n' \
        "$header" "$header" >"$work/second.$language"
    printf '#include "%s"\nint second(void);\nint main(void) { return second() + TRAKT_ABI_VERSION - 1; }\n' \
        "$header" >"$work/first.$language"
    "$compiler" "-std=$standard" -Wall -Wextra -pedantic -Werror "$@" "-I$include" -fsyntax-only "$work/alone.$language"
    for unit in first second; do
        "$compiler" "-std=$standard" -Wall -Wextra -pedantic -Werror "$@" "-I$include" \
            -c "$work/$unit.$language" -o "$work/$unit.o"
    done
    # Inline functions of trakt.hpp refer to the library, which isn't needed here: nothing calls them.
    "$compiler" "$work/first.o" "$work/second.o" -o "$work/both" -Wl,--unresolved-symbols=ignore-all
    "$work/both"
    count=$((count + 1))
}

for compiler in gcc clang; do
    for standard in c99 c11 c17; do
        check $compiler $standard c trakt.h -Wstrict-prototypes -Wmissing-prototypes -Wc++-compat
    done
done
for compiler in g++ clang++; do
    for standard in c++11 c++14 c++17 c++20; do
        check $compiler $standard cpp trakt.h
    done
    for standard in c++17 c++20; do
        check $compiler $standard cpp trakt.hpp -Wshadow -Wconversion -fno-exceptions -fno-rtti
        check $compiler $standard cpp trakt.hpp -Wshadow -Wconversion
    done
done
# What older tools need beyond the promise: no trailing comma, no comments with two slashes.
printf '#include "trakt.h"\n' >"$work/old.c"
gcc -std=c90 -pedantic -Werror -Wall -Wextra "-I$include" -fsyntax-only "$work/old.c"
g++ -std=c++98 -Wno-long-long -Wall -Wextra -Werror "-I$include" -fsyntax-only -xc++ "$work/old.c"
echo "header matrix: $count combinations"
