#!/usr/bin/env bash
# Makes the secrets that compose.yaml hands to the containers, once: those that are there stay. Another directory than docker/secrets may be named.
set -euo pipefail
cd "$(dirname "$0")"
dir=${1:-secrets}
umask 077
mkdir -p "$dir"

# secret NAME VALUE: readable in the container, whose user is another.
secret() { [ -e "$dir/$1" ] || { printf '%s\n' "$2" >"$dir/$1" && chmod 644 "$dir/$1"; }; }
random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

for key in sql_password gossip link token gm keypoint_read; do
  secret "$key" "$(random)"
done
secret sql_dsn "game:$(cat "$dir/sql_password")@tcp(mysql:3306)/game"
secret redis_url redis://redis:6379/0
