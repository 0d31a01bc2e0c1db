#!/usr/bin/env bash
# Lets robots play on a stack with a process for each node while, again and again, one node is killed with SIGKILL: each type in turn. The
# robots must get over it, and their invariants hold at the end. The stores are the ones of the environment (GAME_SQL_DSN, GAME_REDIS_URL), or
# embedded ones.
#
#	scripts/chaos.sh [--for 5m] [--every 20] [flags of "game robot"]
set -euo pipefail
cd "$(dirname "$0")/.."

time=5m every=20
while [ $# -gt 0 ]; do
  case $1 in
    --for) time=$2; shift 2 ;;
    --every) every=$2; shift 2 ;; # seconds
    *) break ;;
  esac
done

work=$(mktemp -d)
stack= robots=
finish() {
  code=$?
  for process in $robots $stack; do
    if kill -0 "$process" 2>/dev/null; then kill "$process"; wait "$process" || true; fi
  done
  [ "$code" = 0 ] || [ ! -f "$work/stack.log" ] || { cp "$work/stack.log" chaos.log; echo "the stack's log is chaos.log"; }
  rm -rf "$work"
  exit "$code"
}
trap finish EXIT

go build -o "$work/game" ./game
"$work/game" up --exec --data "$work/data" >"$work/stack.log" 2>&1 &
stack=$!
until grep -q '^ready in' "$work/stack.log"; do
  kill -0 "$stack" || { cat "$work/stack.log"; exit 1; }
  sleep 0.2
done

"$work/game" robot --for "$time" "$@" &
robots=$!
# Whose type was killed least often is next, the longest running of these; of a type any node.
declare -A killed=()
while sleep "$every" && kill -0 "$robots" 2>/dev/null; do
  next=
  for type in $(ps -o args= --ppid "$stack" | sed -nE 's/.* run ([a-z]+) .*/\1/p'); do
    [ -n "$next" ] && ((${killed[$type]:-0} >= ${killed[$next]:-0})) || next=$type
  done
  victim=$(pgrep -P "$stack" -f " run $next " | shuf -n 1) || continue
  killed[$next]=$((${killed[$next]:-0} + 1))
  echo "killing $next, process $victim"
  kill -KILL "$victim" || true # it may have ended
done
wait "$robots" || { robots=; echo "the robots did not get over it"; exit 1; }
robots=
if grep -qE 'panic|DATA RACE' "$work/stack.log"; then echo "the stack's log shows a panic or a race"; exit 1; fi
kill "$stack"
wait "$stack"
stack=
echo "the robots got over it"
