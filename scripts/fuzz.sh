#!/usr/bin/env bash
# Runs every fuzz target of the project, one after another: fuzz.sh [TIME each, default 30s].
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:-30s}

found=0
while IFS=: read -r file name; do
  found=$((found + 1))
  echo "--- $name in $(dirname "$file") for $time"
  # What a target with goroutines covers differs each time, so that shortening its inputs would take most of the time and achieve nothing.
  go test "./$(dirname "$file")" -run '^$' -fuzz "^$name\$" -fuzztime "$time" -fuzzminimizetime 1s
done < <(grep -rhoE --include='*_test.go' --with-filename '^func Fuzz[A-Za-z0-9_]+' framework game web robot | sed 's/:func /:/' | sort -u)
[ "$found" -gt 0 ] || { echo "no fuzz targets found" >&2; exit 1; }
echo "$found fuzz targets ran"
