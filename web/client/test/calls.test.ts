import assert from "node:assert/strict";
import { test } from "node:test";

import { json, protobuf } from "../src/codec.js";
import { Kind, header, jsonFlag } from "../src/frame.js";
import {
  EnterQueueSchema,
  EnterWorldReplySchema,
  GetProfileReplySchema,
  GetProfileSchema,
  GreetReplySchema,
  GreetSchema,
  MatchAbortedSchema,
  MatchFoundSchema,
  QueueUpdateSchema,
  RoomInputSchema,
  SnapshotSchema,
  StartMatchReplySchema,
  StartMatchSchema,
} from "../src/game.js";
import { Code, Fault } from "../src/index.js";
import { settled } from "./fakeclock.js";
import { world, zone } from "./fakegate.js";
import { faulted, opened, setup } from "./setup.js";

test("a session says who it is, and learns what it is", async () => {
  const { session, hello, told } = await opened({ session: 9007199254740993n, serverTimeMs: 1767225600000n });
  assert.equal(hello.protocol, 1);
  assert.equal(hello.client, "1.2.3");
  assert.equal(hello.token, "abc");
  assert.equal(hello.resume.length, 0);
  assert.deepEqual(hello.received, []);
  assert.equal(session.id, 9007199254740993n);
  assert.equal(session.serverTime, 1767225600000);
  assert.deepEqual(told.states, ["connecting", "open"]);
  await faulted(session.open(), Code.failed_precondition);
});

test("a request goes to its stream, numbered, and is answered", async () => {
  const { session, line } = await opened();
  const one = session.request(GreetSchema, { greeting: "one" }, GreetReplySchema);
  const two = session.request(GreetSchema, { greeting: "two" }, GreetReplySchema);
  const first = line.message(GreetSchema);
  const second = line.message(GreetSchema);
  assert.deepEqual(first.header, header(Kind.request, { stream: world, message: 3021, call: 1, sequence: 1 }));
  assert.deepEqual(second.header, header(Kind.request, { stream: world, message: 3021, call: 2, sequence: 2 }));
  line.reply(second.header, GreetReplySchema, { text: `hello ${second.message.greeting}` });
  line.reply(first.header, GreetReplySchema, { text: `hello ${first.message.greeting}` });
  assert.equal((await one).text, "hello one");
  assert.equal((await two).text, "hello two");
  assert.equal(session.disorder, undefined);
});

for (const codec of [protobuf, json]) {
  test(`64-bit integers survive in ${codec.json ? "JSON" : "protobuf"}`, async () => {
    const { session, line } = await opened({ session: 18446744073709551615n }, { json: codec.json });
    assert.equal(session.id, 18446744073709551615n);
    const profile = session.request(GetProfileSchema, {}, GetProfileReplySchema);
    const { header: h } = line.message(GetProfileSchema);
    const wallet = { gold: 9223372036854775807n, debt: -9223372036854775808n };
    line.reply(h, GetProfileReplySchema, { profile: { player: 9007199254740993n, wallet, items: [{ item: "key", count: 2n }] } });
    const got = (await profile).profile;
    assert.equal(got?.player, 9007199254740993n);
    assert.deepEqual(got?.wallet, wallet);
    assert.equal(got?.items[0]?.count, 2n);
    session.send(RoomInputSchema, { room: 9007199254740993n, input: 4294967295 });
    const { message } = line.message(RoomInputSchema);
    assert.equal(message.room, 9007199254740993n);
    assert.equal(message.input, 4294967295);
  });
}

test("a JSON session asks for it, and ignores fields that it does not know", async () => {
  const { gates, session } = setup({ json: true });
  const opening = session.open();
  const line = await gates.next();
  line.listener.opened();
  const { header: h, body } = line.take(Kind.hello);
  assert.equal(h.flags, jsonFlag);
  assert.deepEqual(JSON.parse(new TextDecoder().decode(body)), { protocol: 1, client: "1.2.3", token: "abc" });
  const welcome = { protocol: 1, session: "7", later: true, streams: [{ number: 1, type: "world", more: 1 }] };
  line.write(header(Kind.welcome), new TextEncoder().encode(JSON.stringify(welcome)));
  await opening;
  assert.equal(session.id, 7n);
});

test("an error is the fault that the server says, from the backend or from the gate", async () => {
  const { session, line } = await opened();
  const one = session.request(GreetSchema, {}, GreetReplySchema);
  line.refuse(line.message(GreetSchema).header, new Fault(Code.invalid, "a greeting has 1 to 64 characters"));
  assert.equal((await faulted(one, Code.invalid)).message, "a greeting has 1 to 64 characters");
  const two = session.request(GreetSchema, { greeting: "two" }, GreetReplySchema);
  line.refuse(line.message(GreetSchema).header, new Fault(Code.unavailable, ""), 0);
  await faulted(two, Code.unavailable);
  const three = session.request(GreetSchema, { greeting: "three" }, GreetReplySchema);
  line.refuse(line.message(GreetSchema).header, new Fault(1001, "the game's own"));
  await faulted(three, 1001);
});

test("a wrong answer is an error of its call", async () => {
  const { session, line } = await opened();
  const greet = session.request(GreetSchema, {}, GreetReplySchema);
  line.reply(line.message(GreetSchema).header, StartMatchReplySchema, {});
  await faulted(greet, Code.invalid);
  const again = session.request(GreetSchema, {}, GreetReplySchema);
  const { header: h } = line.message(GreetSchema);
  line.write({ ...h, kind: Kind.reply, message: 65535, sequence: 2 }, new Uint8Array(0));
  await faulted(again, Code.invalid);
  assert.equal(session.state, "open");
});

test("a call ends when its caller's patience does, and its late answer is nobody's", async () => {
  const { session, line, clock } = await opened();
  const abort = new AbortController();
  const cancelled = session.request(GreetSchema, {}, GreetReplySchema, { signal: abort.signal });
  const late = session.request(GreetSchema, {}, GreetReplySchema, { timeout: 3_000 });
  const usual = session.request(GreetSchema, {}, GreetReplySchema);
  const never = session.request(GreetSchema, {}, GreetReplySchema, { timeout: 0 });
  const headers = [1, 2, 3, 4].map(() => line.message(GreetSchema).header);
  abort.abort();
  await faulted(cancelled, Code.cancelled);
  await faulted(session.request(GreetSchema, {}, GreetReplySchema, { signal: abort.signal }), Code.cancelled);
  await clock.advance(2_999);
  let over = false;
  late.catch(() => (over = true));
  const usualEnd = faulted(usual, Code.deadline);
  await settled();
  assert.equal(over, false);
  await clock.advance(1);
  await faulted(late, Code.deadline);
  await clock.advance(7_000);
  await usualEnd;
  for (const h of headers) {
    line.reply(h, GreetReplySchema, { count: BigInt(h.call) });
  }
  assert.equal((await never).count, 4n);
  assert.equal(session.state, "open");
});

test("what cannot be sent is refused before it is", async () => {
  const { session, line } = await opened({ maxBody: 16, streams: [{ number: 9, type: "world" }] });
  await faulted(session.request(GreetSchema, { greeting: "more than sixteen bytes" }, GreetReplySchema), Code.too_large);
  await faulted(session.request(EnterQueueSchema, {}, GreetReplySchema), Code.unavailable);
  await faulted(session.request(GreetReplySchema, {}, GreetReplySchema), Code.invalid);
  assert.throws(() => session.send(RoomInputSchema, {}), Fault);
  void session.request(GreetSchema, { greeting: "fits" }, GreetReplySchema).catch(() => {});
  const { header: h } = line.message(GreetSchema);
  assert.equal(h.sequence, 1, "what was refused has used no number up");
  assert.equal(h.stream, 9);
  session.close();
});

test("sends are numbered, and droppable ones are not", async () => {
  const { session, line } = await opened();
  session.send(RoomInputSchema, { number: 1 });
  session.send(RoomInputSchema, { number: 2 }, { droppable: true });
  session.send(RoomInputSchema, { number: 3 });
  const sent = [1, 2, 3].map(() => line.message(RoomInputSchema));
  assert.deepEqual(sent.map(({ message }) => message.number), [1, 2, 3]);
  assert.deepEqual(sent.map(({ header }) => header.sequence), [1, 0, 2]);
  assert.ok(sent.every(({ header: h }) => h.kind === Kind.send && h.stream === zone && h.call === 0));
});

test("pushes are handed on in order, by type", async () => {
  const { session, line, clock } = await opened();
  const seen: string[] = [];
  const off = session.on(SnapshotSchema, (m) => seen.push(`snapshot ${m.tick}`));
  session.on(MatchFoundSchema, (m) => seen.push(`match ${m.match}`));
  const next = session.next(MatchAbortedSchema, { timeout: 0 });
  const never = session.next(QueueUpdateSchema);
  line.push(zone, SnapshotSchema, { tick: 1 });
  line.push(world, MatchFoundSchema, { match: 9007199254740993n });
  line.push(zone, SnapshotSchema, { tick: 2 });
  off();
  line.push(zone, SnapshotSchema, { tick: 3 });
  line.push(world, MatchAbortedSchema, { reason: "nobody is left" });
  line.push(0, QueueUpdateSchema, {}, 0); // a broadcast
  line.write(header(Kind.push, { stream: world, message: 60000, sequence: 3 }), new Uint8Array([1])); // of a newer server
  assert.deepEqual(seen, ["snapshot 1", "match 9007199254740993", "snapshot 2"]);
  assert.equal((await next).reason, "nobody is left");
  await never;
  assert.equal(session.state, "open");
  assert.equal(session.disorder, undefined);
  const late = session.next(QueueUpdateSchema, { timeout: 100 });
  await clock.advance(100);
  await faulted(late, Code.deadline);
});

test("a handler that throws harms nobody else", async () => {
  const bug = new Error("a bug in the game");
  const thrown: unknown[] = [];
  const { session, line } = await opened({}, { onError: (error) => thrown.push(error) });
  const seen: number[] = [];
  session.on(SnapshotSchema, () => {
    throw bug;
  });
  session.on(SnapshotSchema, (m) => seen.push(m.tick));
  line.push(zone, SnapshotSchema, { tick: 5 });
  assert.deepEqual(seen, [5]);
  assert.deepEqual(thrown, [bug]);
  assert.equal(session.state, "open");
});

test("what came is acknowledged after 64 frames, or after 5 seconds", async () => {
  const { session, line, clock } = await opened();
  for (let i = 0; i < 63; i++) {
    line.push(world, MatchFoundSchema, {});
  }
  assert.ok(line.silent);
  line.push(zone, MatchFoundSchema, {});
  assert.deepEqual(line.acks(), { 1: 63, 2: 1 });
  line.push(world, MatchFoundSchema, {});
  line.push(zone, SnapshotSchema, {});
  await clock.advance(4_999);
  assert.ok(line.silent);
  await clock.advance(1);
  assert.deepEqual(line.acks(), { 1: 64 });
  await clock.advance(5_000);
  assert.ok(line.silent, "and not when nothing has come");
  session.close();
});

test("a frame that came before is ignored, and a gap is noted", async () => {
  const { session, line } = await opened();
  const seen: bigint[] = [];
  session.on(MatchFoundSchema, (m) => seen.push(m.match));
  line.push(world, MatchFoundSchema, { match: 1n }, 1);
  line.push(world, MatchFoundSchema, { match: 1n }, 1);
  line.push(world, MatchFoundSchema, { match: 2n }, 2);
  line.push(world, MatchFoundSchema, { match: 1n }, 1);
  assert.deepEqual(seen, [1n, 2n]);
  assert.equal(session.disorder, undefined);
  line.push(world, MatchFoundSchema, { match: 4n }, 4);
  assert.deepEqual(seen, [1n, 2n, 4n]);
  assert.match(session.disorder ?? "", /frame 4 of stream 1/);
});

test("a reset ends the calls of its stream, is acknowledged first, and counts from 1", async () => {
  const { session, line, told } = await opened();
  const lost = session.request(GreetSchema, {}, GreetReplySchema);
  const kept = session.request(EnterQueueSchema, {}, EnterWorldReplySchema);
  const { header: lostHeader } = line.message(GreetSchema);
  const { header: keptHeader } = line.message(EnterQueueSchema);
  line.push(world, MatchFoundSchema, {});
  line.push(world, MatchFoundSchema, {});
  line.reset(world, "the world is gone");
  assert.deepEqual(told.resets, [{ type: "world", reason: "the world is gone" }]);
  const again = session.request(GreetSchema, { greeting: "again" }, GreetReplySchema);
  assert.deepEqual(line.acks(), { 1: 0 });
  const { header: h } = line.message(GreetSchema);
  assert.equal(h.sequence, 1);
  assert.notEqual(h.call, lostHeader.call);
  await faulted(lost, Code.lost);
  line.reply(h, GreetReplySchema, { text: "from the new world" }, 1);
  assert.equal((await again).text, "from the new world");
  line.reply(keptHeader, EnterWorldReplySchema, {});
  await kept;
  assert.equal(session.disorder, undefined);
});

test("a gate that breaks the protocol is left for good", async (t) => {
  const wrong: [string, (line: Awaited<ReturnType<typeof opened>>["line"]) => void][] = [
    ["garbage", (line) => line.listener.frame(new Uint8Array([1, 2, 3]))],
    ["a second Welcome", (line) => line.welcome()],
    ["a Hello", (line) => line.write(header(Kind.hello), new Uint8Array(0))],
    ["a stream that Welcome did not name", (line) => line.push(77, MatchFoundSchema, {})],
    ["a reset of such a stream", (line) => line.reset(77)],
    ["a client's message", (line) => line.push(world, StartMatchSchema, {})],
    ["an answer without a call", (line) => line.write(header(Kind.error, { stream: world }), new Uint8Array(0))],
    ["a push with a call", (line) => line.write(header(Kind.push, { stream: world, message: 3105, call: 1 }), new Uint8Array(0))],
    ["a body that is none", (line) => line.write(header(Kind.push, { stream: world, message: 3105 }), new Uint8Array([0xff]))],
    ["an answer on another stream", (line) => line.reply({ ...line.message(GreetSchema).header, stream: zone }, GreetReplySchema, {})],
    ["a body over a mebibyte", (line) => line.write(header(Kind.pong), new Uint8Array((1 << 20) + 1))],
  ];
  for (const [name, act] of wrong) {
    await t.test(name, async () => {
      const { session, line, gates, clock } = await opened();
      const call = session.request(GreetSchema, {}, GreetReplySchema, { timeout: 0 });
      act(line);
      const why = await session.closed;
      assert.ok(why.code === Code.invalid || why.code === Code.too_large, why.message);
      await faulted(call, Code.lost);
      assert.ok(line.left);
      await clock.advance(100_000);
      assert.ok(await gates.quiet());
      assert.equal(clock.running, 0);
    });
  }
});

test("closing ends what waits, and leaves nothing behind", async () => {
  const { session, line, clock, told } = await opened();
  const call = session.request(GreetSchema, {}, GreetReplySchema);
  const push = session.next(MatchFoundSchema);
  session.close();
  await faulted(call, Code.cancelled);
  await faulted(push, Code.cancelled);
  assert.equal((await session.closed).code, Code.cancelled);
  assert.ok(line.left);
  assert.equal(clock.running, 0);
  assert.deepEqual(told.states, ["connecting", "open", "closed"]);
  await faulted(session.request(GreetSchema, {}, GreetReplySchema), Code.unavailable);
});
