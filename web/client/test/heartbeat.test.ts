import assert from "node:assert/strict";
import { test } from "node:test";

import { Kind, header } from "../src/frame.js";
import { RoomInputSchema, SnapshotSchema } from "../src/game.js";
import { zone } from "./fakegate.js";
import { opened } from "./setup.js";

const heartbeatMs = 8_000;

test("a silent client pings, and one that sends need not", async () => {
  const { session, line, clock } = await opened({ heartbeatMs });
  for (let i = 0; i < 10; i++) {
    await clock.advance(2_000);
    session.send(RoomInputSchema, {}, { droppable: true });
    line.push(zone, SnapshotSchema, {});
    line.message(RoomInputSchema);
    assert.ok(line.silent);
  }
  await clock.advance(heartbeatMs / 2);
  const { header: h, body } = line.take(Kind.ping);
  assert.equal(body.length, 0);
  line.write({ ...header(Kind.pong), call: h.call }, body);
  assert.ok(line.silent);
  await clock.advance(heartbeatMs / 2);
  line.take(Kind.ping);
  session.close();
});

test("a gate that answers no Ping is left for another one", async () => {
  const { session, line, gates, clock, told } = await opened({ heartbeatMs });
  await clock.advance(heartbeatMs / 2);
  line.take(Kind.ping);
  await clock.advance(heartbeatMs - 1);
  assert.ok(!line.left);
  assert.ok(line.silent, "one Ping is enough");
  await clock.advance(1);
  assert.ok(line.left);
  assert.deepEqual(told.states, ["connecting", "open", "connecting"]);
  await clock.advance(1_000);
  assert.equal((await gates.next()).address, "ws://two/");
  session.close();
});

test("anything at all answers a Ping", async () => {
  const { session, line, clock } = await opened({ heartbeatMs });
  await clock.advance(heartbeatMs / 2);
  line.take(Kind.ping);
  await clock.advance(heartbeatMs - 1);
  line.push(zone, SnapshotSchema, {});
  await clock.advance(heartbeatMs - 1);
  assert.ok(!line.left);
  session.close();
});

test("a machine that has slept reads first what has come meanwhile", async () => {
  const { session, line, clock } = await opened({ heartbeatMs });
  await clock.advance(heartbeatMs / 2);
  line.take(Kind.ping);
  await clock.sleep(100_000);
  assert.ok(!line.left);
  line.push(zone, SnapshotSchema, {});
  await clock.advance(heartbeatMs / 4);
  assert.ok(!line.left);
  session.close();
});

test("a connection that cannot be written to is broken", async () => {
  const { session, line, clock, told } = await opened({ heartbeatMs });
  line.broken = true;
  session.send(RoomInputSchema, {});
  assert.ok(!line.left, "not while the game is sending");
  await clock.advance(0);
  assert.ok(line.left);
  assert.deepEqual(told.states, ["connecting", "open", "connecting"]);
  session.close();
});
