#!/usr/bin/env bash
# Generates the Go code of every .proto file, and the TypeScript code of those that clients speak. The module's path comes from go.mod, so a
# renamed project needs no edit here, and none in the .proto files. Run it as `task gen`.
set -euo pipefail
cd "$(dirname "$0")/.."

module=$(go list -m)
tool() { go tool -modfile="$PWD/scripts/tools/go.mod" "$@"; }
plugin=$(tool -n protoc-gen-go)

# generate SOURCE OUT: the .proto files of one folder into one Go package.
generate() {
  local options='"paths=source_relative","Mwire.proto='$module'/framework/wire/wirepb"' file
  options+=',"Mlinetest.proto='$module'/framework/line/internal/linepb","Mgatetest.proto='$module'/framework/gate/internal/gatepb"'
  options+=',"Mbench.proto='$module'/scripts/bench/benchpb"'
  for file in game/proto/*.proto; do
    options+=',"M'$(basename "$file")'='$module'/game/pb"'
  done
  tool buf generate "$1" --config scripts/buf.yaml --template \
    '{"version":"v2","plugins":[{"local":"'"$plugin"'","out":"'"$2"'","opt":['"$options"']}]}'
}

tool buf lint --config scripts/buf.yaml
generate framework/wire/proto framework/wire/wirepb
generate framework/line/internal/proto framework/line/internal/linepb # messages for tests
generate framework/gate/internal/proto framework/gate/internal/gatepb
generate game/proto game/pb
generate scripts/bench/proto scripts/bench/benchpb

# typescript SOURCE [buf's arguments]: the .proto files of one folder into the client library.
typescript() {
  tool buf generate "$@" --config scripts/buf.yaml --template '{"version":"v2","plugins":[
    {"local":"web/client/node_modules/.bin/protoc-gen-es","out":"web/client/src/pb","opt":["target=ts","import_extension=js"]}]}'
}

if ! command -v npm >/dev/null; then
  echo "gen.sh: npm is not installed, so web/client/src/pb stays as it is; CI will notice if that is not what the .proto files say" >&2
  exit
fi
scripts/client.sh install
typescript framework/wire/proto
peers=() # what is not for clients
for file in game/proto/owner.proto game/proto/rpc*.proto game/proto/*_rpc.proto; do
  [ ! -e "$file" ] || peers+=(--exclude-path "$file")
done
typescript game/proto "${peers[@]}"
