#!/bin/sh
# Checks the format of everything in C and C++ but the generated header. With --fix it formats.
# Usage: tests/c/format.sh [--fix]
set -eu
cd "$(dirname "$0")/../.."
how="--dry-run -Werror"
[ "${1:-}" != --fix ] || how=-i
# shellcheck disable=SC2086
git ls-files -z '*.c' '*.h' '*.cpp' '*.hpp' ':!include/trakt.h' | xargs -0 clang-format $how
