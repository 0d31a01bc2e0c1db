#!/usr/bin/env bash
# Runs every fuzz target of the project, one after another: fuzz.sh [TIME each, default 30s]. Inputs that reach new code are kept in the go
# command's cache; one that fails is put beside its test, as `go test -fuzz` does.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-30s}
cache=$(go env GOCACHE)/fuzz
binary=$(mktemp) log=$(mktemp)
trap 'rm -f "$binary" "$log"' EXIT

found=0
for package in $(grep -rlE --include='*_test.go' '^func Fuzz' framework game web robot | xargs -n1 dirname | sort -u); do
  CGO_ENABLED=0 go test -vet=off -c -fuzz . -o "$binary" "./$package" # once for all of a package's targets
  for name in $(grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$package"/*_test.go | sed 's/func //' | sort); do
    found=$((found + 1))
    echo "--- $name in $package for $time"
    # What a target with goroutines covers differs each time, so that shortening its inputs would take most of the time and achieve nothing.
    if ! (cd "$package" && "$binary" -test.run '^$' -test.fuzz "^$name\$" -test.fuzztime "$time" -test.fuzzminimizetime 1s \
      -test.fuzzcachedir "$cache/$package") 2>&1 | tee "$log"; then
      # Time may run out while a worker is given its next input, which the fuzzer then calls a failure, though no input has failed.
      grep -qx '    context deadline exceeded' "$log" && ! grep -q 'Failing input' "$log" || exit 1
    fi
  done
done
[ "$found" -gt 0 ] || { echo "no fuzz targets found" >&2; exit 1; }
echo "$found fuzz targets ran"
