import assert from "node:assert/strict";
import { test } from "node:test";

import { Fault } from "../src/index.js";
import { Kind, encodeFrame, header, headerSize, maxBody } from "../src/frame.js";
import { Splitter } from "../src/splitter.js";

/** A generator of numbers from 0 to below n, the same in every run (xorshift32). */
function random(seed: number): (n: number) => number {
  let x = seed;
  return (n) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % n;
  };
}

test("frames are found however the stream is split", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const next = random(seed);
    const frames = Array.from({ length: 1 + next(8) }, () => {
      const body = Uint8Array.from({ length: next(3) === 0 ? next(2_000) : next(20) }, () => next(256));
      return encodeFrame(header(Kind.push, { stream: next(256), message: 1 + next(65_535), sequence: next(2 ** 31) }), body);
    });
    const bytes = Buffer.concat(frames);
    const splitter = new Splitter();
    const found: string[] = [];
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + next(next(4) === 0 ? 3_000 : 24);
      splitter.push(bytes.subarray(at, at + size), (frame) => found.push(Buffer.from(frame).toString("hex")));
      at += size;
    }
    assert.deepEqual(found, frames.map((frame) => Buffer.from(frame).toString("hex")), `seed ${seed}`);
  }
});

test("garbage is refused, and never anything but a Fault", () => {
  for (let seed = 1; seed <= 500; seed++) {
    const next = random(seed);
    const bytes = Uint8Array.from({ length: 16 + next(64) }, () => next(next(2) === 0 ? 4 : 256));
    try {
      new Splitter().push(bytes, () => {});
    } catch (error) {
      assert.ok(error instanceof Fault, String(error));
    }
  }
});

test("a frame that is too large is refused before it has come", () => {
  const frame = encodeFrame(header(Kind.pong), new Uint8Array(maxBody + 1));
  assert.throws(() => new Splitter().push(frame.subarray(0, headerSize), () => {}), /over the limit/);
  const largest = encodeFrame(header(Kind.pong), new Uint8Array(maxBody));
  let found = 0;
  new Splitter().push(largest, () => found++);
  assert.equal(found, 1);
});
