import assert from "node:assert/strict";
import { test } from "node:test";

import { type DescFile, createFileRegistry, create } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema, file_google_protobuf_descriptor } from "@bufbuild/protobuf/wkt";

import { EnterWorldSchema, SnapshotSchema, ShipSchema, files } from "../src/game.js";
import { file_queue } from "../src/pb/queue_pb.js";
import { file_wire } from "../src/pb/wire_pb.js";
import { Registry } from "../src/registry.js";

test("the registry knows what the .proto files declare", () => {
  const registry = new Registry([...files, ...files]);
  assert.deepEqual(registry.of(EnterWorldSchema), { schema: EnterWorldSchema, id: 3001, fromClient: true, to: "world", droppable: false });
  assert.deepEqual(registry.byId(4005), { schema: SnapshotSchema, id: 4005, fromClient: false, to: "", droppable: true });
  assert.equal(registry.of(ShipSchema), undefined);
  assert.equal(registry.byId(1), undefined);
});

test("two messages with one number are a mistake", () => {
  const copy = { ...file_queue.proto, name: "copy.proto", package: "copy", messageType: [...file_queue.proto.messageType] };
  const set = create(FileDescriptorSetSchema, { file: [file_google_protobuf_descriptor.proto, file_wire.proto, rename(copy)] });
  const other = createFileRegistry(set).getFile("copy.proto") as DescFile;
  assert.throws(() => new Registry([file_queue, other]), /message number 12101 is used by game.EnterQueue and by copy.EnterQueue/);
});

/** The file with all its references to its own package renamed too. */
function rename<T>(proto: T): T {
  const text = JSON.stringify(proto, (_, value: unknown) =>
    typeof value === "bigint" ? { bigint: String(value) } : value instanceof Uint8Array ? { bytes: [...value] } : value,
  );
  return JSON.parse(text.split(`".game.`).join(`".copy.`), (_, value: { bigint?: string; bytes?: number[] } | null) => {
    if (value?.bigint !== undefined) {
      return BigInt(value.bigint);
    }
    return value?.bytes ? Uint8Array.from(value.bytes) : value;
  }) as T;
}
