import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { type DescMessage, toJson } from "@bufbuild/protobuf";

import { type Codec, json, protobuf } from "../src/codec.js";
import { Fault, codeName } from "../src/fault.js";
import { Kind, encodeFrame, header, jsonFlag, kindName, parseFrame } from "../src/frame.js";
import { AckSchema, ErrorSchema, HelloSchema, ResetSchema, WelcomeSchema } from "../src/pb/wire_pb.js";

/** A frame of PROTOCOL.md's, as framework/gate/testdata/vectors.json has it. */
interface Vector {
  name: string;
  hex: string;
  invalid?: string;
  kind?: string;
  flags?: number;
  stream?: number;
  message?: number;
  call?: number;
  sequence?: number;
  body?: unknown;
  body_hex?: string;
}

// This file is web/client/dist/test/vectors.test.js when it runs.
const path = new URL("../../../../framework/gate/testdata/vectors.json", import.meta.url);
const vectors = JSON.parse(readFileSync(path, "utf8")) as Vector[];

const bodies = new Map<string, DescMessage>([
  ["hello", HelloSchema],
  ["welcome", WelcomeSchema],
  ["ack", AckSchema],
  ["kick", ErrorSchema],
  ["reset", ResetSchema],
  ["error", ErrorSchema],
]);

assert.ok(vectors.length >= 27, "the vectors are all there");

for (const v of vectors) {
  test(`vector: ${v.name}`, () => {
    const bytes = Uint8Array.from(Buffer.from(v.hex, "hex"));
    if (v.invalid) {
      assert.throws(
        () => parseFrame(bytes),
        (error) => error instanceof Fault && codeName(error.code) === v.invalid,
      );
      return;
    }
    const { header: h, body } = parseFrame(bytes);
    assert.equal(kindName(h.kind), v.kind);
    const { kind } = h;
    const { flags = 0, stream = 0, message = 0, call = 0, sequence = 0 } = v;
    assert.deepEqual(h, { kind, flags, stream, message, call, sequence });
    assert.equal(Buffer.from(body).toString("hex"), v.body_hex ?? "");
    assert.equal(Buffer.from(encodeFrame(h, body)).toString("hex"), v.hex);
    if (v.body === undefined) {
      return;
    }
    const schema = bodies.get(v.kind!);
    assert.ok(schema, `the test knows what the body of a ${v.kind} frame is`);
    const codec: Codec = flags === jsonFlag ? json : protobuf;
    const read = codec.decode(schema, body);
    assert.deepEqual(toJson(schema, read), v.body);
    assert.equal(Buffer.from(codec.encode(schema, read)).toString("hex"), v.body_hex);
  });
}

test("a frame must be as long as it says", () => {
  const frame = encodeFrame(header(Kind.pong), new Uint8Array(3));
  assert.throws(() => parseFrame(frame.subarray(0, 18)), Fault);
  assert.throws(() => parseFrame(new Uint8Array([...frame, 0])), Fault);
  assert.throws(() => parseFrame(frame.subarray(0, 15)), Fault);
  assert.throws(() => parseFrame(frame, 2), /over the limit/);
  assert.equal(parseFrame(frame, 3).body.length, 3);
});
