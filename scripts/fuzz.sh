#!/usr/bin/env bash
# Runs every fuzz target of the project: fuzz.sh [TIME each, default 30s]. Each has one core, and as many run at once as there are. Inputs that reach new
# code are kept in the go command's cache; one that fails is put beside its test, as `go test -fuzz` does.
set -euo pipefail
cd "$(dirname "$0")/.."
export time=${1:-30s} CGO_ENABLED=0
cache=$(go env GOCACHE)/fuzz
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# This module's code, and no library's, is watched for what inputs reach; -fuzz would have all libraries compiled anew for that.
watched=-gcflags=$(go list -m)/...=-d=libfuzzer
export cache work watched

# fuzz PACKAGE: all of its targets, one after another.
fuzz() {
  local package=$1 dir=$work/${1//\//_} name
  mkdir "$dir"
  go test -vet=off -c "$watched" -ldflags="-s -w" -o "$dir/test" "./$package" || return 1
  for name in $(grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$package"/*_test.go | sed 's/func //' | sort); do
    # What a target with goroutines covers differs each time, so that shortening its inputs would take most of the time and achieve nothing.
    if ! (cd "$package" && "$dir/test" -test.run '^$' -test.fuzz "^$name\$" -test.fuzztime "$time" -test.fuzzminimizetime 1s -test.parallel 1 \
      -test.fuzzcachedir "$cache/$package") >"$dir/log" 2>&1; then
      # Time may run out while a worker is given its next input, which the fuzzer then calls a failure, though no input has failed.
      grep -qx '    context deadline exceeded' "$dir/log" && ! grep -q 'Failing input' "$dir/log" || { echo "--- $name in $package"; cat "$dir/log"; return 1; }
    fi
    echo "$name in $package: $(grep -o 'execs: [0-9]*' "$dir/log" | tail -n 1)"
  done
  rm -r "$dir"
}
export -f fuzz

mapfile -t packages < <(grep -rlE --include='*_test.go' '^func Fuzz' framework game web robot | xargs -n1 dirname | sort -u)
[ "${#packages[@]}" -gt 0 ] || { echo "no fuzz targets found" >&2; exit 1; }
go build "$watched" "${packages[@]/#/./}"
printf '%s\0' "${packages[@]}" | xargs -0 -P "$(nproc)" -I '{}' bash -c 'set -eo pipefail; fuzz "{}" || exit 255' # 255: no other is begun
