#!/usr/bin/env bash
# Builds and tests the TypeScript client library in web/client. With the URL of a login web in GAME_LOGIN, two clients also play a match
# against each other on that stack, which must make matches of two: scripts/client.sh [install].
set -euo pipefail
cd "$(dirname "$0")/../web/client"

command -v npm >/dev/null || { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy nodejs npm; }

# node_modules is what the lock file says, unless one of both has changed since.
if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  npm ci --no-audit --no-fund
fi
[ "${1:-}" != install ] || exit 0

rm -rf dist
npm run --silent build
npm test --silent
if [ -n "${GAME_LOGIN:-}" ]; then npm run --silent match; fi
