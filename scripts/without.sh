#!/usr/bin/env bash
# Proves that types of node can be deleted: each by itself, its package, its file in game/app and its line in the table, and the rest still
# compiles. With -test, the tests of the rest pass too. Nothing is written: the compiler is shown a tree without them.
#
#	scripts/without.sh                       each type that can go
#	scripts/without.sh -test charge,gm       one tree without both
set -euo pipefail
cd "$(dirname "$0")/.."

test=
[ "${1:-}" != -test ] || { test=1; shift; }
[ $# -gt 0 ] || set -- rpcgate config public match zone account charge keypoint gm log robot

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
module=$(go list -m)

for types in "$@"; do
  echo "without $types"
  without=()                     # files that are deleted
  mkdir "$work/$types"
  cp game/app/table.go "$work/$types/table.go"
  cp configs/local.yaml "$work/$types/local.yaml"
  for type in ${types//,/ }; do
    dir=game/$type
    [ -d "$dir" ] || dir=web/$type
    [ -f "game/app/type_$type.go" ] || { echo "there is no game/app/type_$type.go"; exit 2; }
    mapfile -t -O "${#without[@]}" without < <(
      git ls-files "$dir" "game/app/type_$type.go" | grep '\.go$'
      git grep -lF "\"$module/$dir\"" -- '*_test.go' ":!$dir" || true # tests of others that have its node play along
    )
    grep -qiE "^[[:space:]]Type$type +\`" "$work/$types/table.go" || { echo "the table has no line of its own for $type"; exit 1; }
    sed -i "/^\tType${type}  *\`/Id" "$work/$types/table.go"
    sed -i -E "s/\b$type: [0-9]+(, )?//; /^$type:/,/^\$/d" "$work/$types/local.yaml"
  done
  {
    printf '{"Replace": {'
    printf '"%s": "", ' "${without[@]/#/$PWD/}"
    printf '"%s": "%s", ' "$PWD/game/app/table.go" "$work/$types/table.go"
    printf '"%s": "%s"}}' "$PWD/configs/local.yaml" "$work/$types/local.yaml"
  } >"$work/$types/overlay.json"
  mapfile -t packages < <(go list -overlay "$work/$types/overlay.json" ./game/... ./web/... ./robot/...)
  go vet -overlay "$work/$types/overlay.json" "${packages[@]}"
  [ -z "$test" ] || go test -overlay "$work/$types/overlay.json" "${packages[@]}"
done
