import assert from "node:assert/strict";
import { test } from "node:test";

import { Kind } from "../src/frame.js";
import {
  EnterQueueSchema,
  GreetReplySchema,
  GreetSchema,
  JoinRoomReplySchema,
  JoinRoomSchema,
  MatchFoundSchema,
  QueueStatusSchema,
  RoomInputSchema,
} from "../src/game.js";
import { Code, Fault } from "../src/index.js";
import { world, zone } from "./fakegate.js";
import { faulted, opened, resumable } from "./setup.js";

test("a session that is resumed misses nothing and repeats nothing", async () => {
  const { session, gates, line, clock, told } = await opened(resumable);
  const seen: bigint[] = [];
  session.on(MatchFoundSchema, (m) => seen.push(m.match));

  const answered = session.request(GreetSchema, { greeting: "answered" }, GreetReplySchema, { timeout: 0 });
  line.reply(line.message(GreetSchema).header, GreetReplySchema, { text: "answered" });
  await answered;
  line.push(world, MatchFoundSchema, { match: 2n });
  const unanswered = session.request(GreetSchema, { greeting: "taken" }, GreetReplySchema, { timeout: 0 });
  const { header: taken } = line.message(GreetSchema);
  const untaken = session.request(GreetSchema, { greeting: "on its way" }, GreetReplySchema, { timeout: 0 });
  session.send(RoomInputSchema, { number: 1 });
  session.send(RoomInputSchema, { number: 2 }, { droppable: true });
  line.cut();
  assert.equal(session.state, "connecting");
  const waiting = session.request(GreetSchema, { greeting: "waits" }, GreetReplySchema, { timeout: 0 });
  session.send(RoomInputSchema, { number: 3 });
  session.send(RoomInputSchema, { number: 4 }, { droppable: true });

  await clock.advance(500);
  const { line: next, hello } = await gates.hello();
  assert.equal(next.address, "ws://one/", "the gate may well be there still");
  assert.equal(hello.token, "abc");
  assert.deepEqual([...hello.resume], [1, 2, 3]);
  assert.deepEqual(hello.received.map(({ stream, sequence }) => [stream, sequence]), [[world, 2], [zone, 0]]);
  assert.ok(next.silent, "nothing is sent before Welcome says what is missing");

  next.welcome({ ...resumable, resume: new Uint8Array([4, 5]), received: [{ stream: world, sequence: 2 }, { stream: zone, sequence: 0 }] });
  const resent = next.message(GreetSchema);
  assert.equal(resent.message.greeting, "on its way");
  assert.equal(resent.header.sequence, 3);
  const late = next.message(GreetSchema);
  assert.equal(late.message.greeting, "waits");
  assert.equal(late.header.sequence, 4);
  const inputs = [next.message(RoomInputSchema), next.message(RoomInputSchema)];
  assert.deepEqual(inputs.map(({ header, message }) => [header.sequence, message.number]), [[1, 1], [2, 3]]);
  assert.ok(next.silent);

  next.push(world, MatchFoundSchema, { match: 2n }, 2); // which was seen
  next.goOn(world, 2);
  next.push(world, MatchFoundSchema, { match: 3n });
  assert.deepEqual(seen, [2n, 3n]);
  next.reply(taken, GreetReplySchema, { text: "1" });
  next.reply(resent.header, GreetReplySchema, { text: "2" });
  next.reply(late.header, GreetReplySchema, { text: "3" });
  assert.deepEqual((await Promise.all([unanswered, untaken, waiting])).map(({ text }) => text), ["1", "2", "3"]);
  session.send(RoomInputSchema, { number: 5 });
  assert.equal(next.message(RoomInputSchema).header.sequence, 3);
  assert.equal(session.disorder, undefined);
  assert.deepEqual(told.states, ["connecting", "open", "connecting", "open"]);
  assert.equal(told.startOvers.length, 0);

  next.kick(Code.shutting_down);
  await clock.advance(500);
  const { line: third, hello: again } = await gates.hello();
  assert.equal(third.address, "ws://two/", "a gate that shuts down is not the one to try");
  assert.deepEqual([...again.resume], [4, 5]);
  assert.deepEqual(again.received.map(({ stream, sequence }) => [stream, sequence]), [[world, 6], [zone, 0]]);
  third.welcome({ ...resumable, received: [{ stream: world, sequence: 4 }, { stream: zone, sequence: 3 }] });
  assert.ok(third.silent);
  session.close();
});

test("what the gate has refused, or nobody waits for, is not sent again", async () => {
  const { session, gates, line, clock } = await opened(resumable);
  const abort = new AbortController();
  const refused = session.request(GreetSchema, { greeting: "refused" }, GreetReplySchema);
  line.refuse(line.message(GreetSchema).header, new Fault(Code.rate_limited, "wait"), 0);
  const cancelled = session.request(GreetSchema, { greeting: "cancelled" }, GreetReplySchema, { signal: abort.signal });
  await faulted(refused, Code.rate_limited);
  const wanted = session.request(GreetSchema, { greeting: "wanted" }, GreetReplySchema);
  abort.abort();
  await faulted(cancelled, Code.cancelled);
  line.cut();
  await clock.advance(500);
  const { line: next } = await gates.hello();
  next.welcome({ ...resumable, received: [{ stream: world, sequence: 0 }] });
  const { header: h, message } = next.message(GreetSchema);
  assert.equal(message.greeting, "wanted");
  assert.equal(h.sequence, 3);
  assert.ok(next.silent);
  next.reply(h, GreetReplySchema, {});
  await wanted;
});

test("what the backend has answered, and all before it, is not kept", async () => {
  const { session, gates, line, clock } = await opened(resumable);
  session.send(RoomInputSchema, { number: 1 });
  line.message(RoomInputSchema);
  const join = session.request(JoinRoomSchema, {}, JoinRoomReplySchema);
  line.reply(line.message(JoinRoomSchema).header, JoinRoomReplySchema, {});
  await join;
  session.send(RoomInputSchema, { number: 2 });
  line.cut();
  await clock.advance(500);
  const { line: next } = await gates.hello();
  next.welcome({ ...resumable, received: [{ stream: zone, sequence: 0 }] });
  assert.equal(next.message(RoomInputSchema).message.number, 2);
  assert.ok(next.silent);
  session.close();
});

test("a stream that is reset after a resume starts over, and the others go on", async () => {
  const { session, gates, line, clock, told } = await opened(resumable);
  line.push(world, MatchFoundSchema, {});
  const lost = session.request(GreetSchema, {}, GreetReplySchema);
  line.cut();
  await clock.advance(500);
  const { line: next } = await gates.hello();
  next.welcome({ ...resumable, received: [{ stream: world, sequence: 1 }] });
  next.reset(world);
  await faulted(lost, Code.lost);
  assert.deepEqual(next.acks(), { 1: 0 });
  assert.deepEqual(told.resets.map(({ type }) => type), ["world"]);
  session.send(RoomInputSchema, {});
  next.message(RoomInputSchema);
  next.push(world, MatchFoundSchema, {}, 1);
  next.cut();
  await clock.advance(500);
  const { hello } = await gates.hello();
  assert.deepEqual(hello.received.map(({ stream, sequence, resets }) => [stream, sequence, resets]), [[world, 1, 1], [zone, 0, 0]]);
  assert.equal(session.disorder, undefined);
  session.close();
});

test("start_over ends what waits, and begins a new session at once", async () => {
  const { session, gates, line, clock, told } = await opened(resumable);
  const sent = session.request(GreetSchema, { greeting: "sent" }, GreetReplySchema);
  const found = session.next(MatchFoundSchema, { timeout: 0 });
  line.push(world, MatchFoundSchema, {});
  await found;
  const never = session.next(MatchFoundSchema, { timeout: 0 });
  line.cut();
  const unsent = session.request(GreetSchema, { greeting: "unsent" }, GreetReplySchema);
  await clock.advance(500);
  const { line: refusing } = await gates.hello();
  refusing.kick(Code.start_over, "the session cannot be resumed");
  await Promise.all([faulted(sent, Code.lost), faulted(unsent, Code.unavailable), faulted(never, Code.lost)]);
  await faulted(session.request(GreetSchema, {}, GreetReplySchema), Code.unavailable);
  session.send(RoomInputSchema, {}, { droppable: true }); // which is nobody's concern

  const { line: next, hello } = await gates.hello();
  assert.equal(hello.resume.length, 0);
  assert.deepEqual(hello.received, []);
  assert.equal(told.startOvers.length, 0);
  next.welcome({ session: 8n, streams: [{ number: 5, type: "queue" }] });
  assert.equal(session.id, 8n);
  assert.equal(told.startOvers.length, 1);
  assert.equal(told.startOvers[0]?.code, Code.start_over);
  assert.deepEqual(told.states, ["connecting", "open", "connecting", "open"]);
  const enter = session.request(EnterQueueSchema, {}, QueueStatusSchema);
  const { header: h } = next.message(EnterQueueSchema);
  assert.deepEqual([h.stream, h.sequence], [5, 1]);
  next.reply(h, QueueStatusSchema, { pass: "p" });
  assert.equal((await enter).pass, "p");
});

test("where gates do not resume, a broken connection ends the session, and a new one follows", async () => {
  const { session, gates, line, clock, told } = await opened({ resume: new Uint8Array([1]), graceMs: 0 });
  const call = session.request(GreetSchema, {}, GreetReplySchema);
  line.cut();
  await faulted(call, Code.lost);
  await faulted(session.request(GreetSchema, {}, GreetReplySchema), Code.unavailable);
  assert.equal(session.id, undefined);
  await clock.advance(500);
  const { line: next, hello } = await gates.hello();
  assert.equal(hello.resume.length, 0);
  next.welcome();
  assert.deepEqual(told.startOvers.map(({ code }) => code), [Code.lost]);
  session.close();
});

test("after the grace period there is nothing to resume", async () => {
  const { session, gates, line, clock, told } = await opened({ ...resumable, graceMs: 600 });
  const call = session.request(GreetSchema, {}, GreetReplySchema, { timeout: 0 });
  line.cut();
  await clock.advance(500);
  (await gates.next()).cut();
  const ended = faulted(call, Code.lost);
  await clock.advance(100);
  await ended;
  await clock.advance(900);
  const { line: next, hello } = await gates.hello();
  assert.equal(hello.resume.length, 0);
  next.welcome();
  assert.equal(told.startOvers.length, 1);
  session.close();
});

test("an attempt to resume that the grace period ends in still counts", async () => {
  for (const succeeds of [true, false]) {
    const { session, gates, line, clock, told } = await opened({ ...resumable, graceMs: 600 });
    const call = session.request(GreetSchema, {}, GreetReplySchema, { timeout: 0 });
    const { header: h } = line.message(GreetSchema);
    line.cut();
    await clock.advance(500);
    const { line: next } = await gates.hello();
    await clock.advance(1_000);
    if (succeeds) {
      next.welcome({ ...resumable, received: [{ stream: world, sequence: 1 }] });
      next.reply(h, GreetReplySchema, { text: "just in time" });
      assert.equal((await call).text, "just in time");
      await clock.advance(10_000);
      assert.equal(session.state, "open");
    } else {
      const ended = faulted(call, Code.lost);
      next.cut();
      await ended;
    }
    assert.equal(told.startOvers.length, 0);
    session.close();
  }
});

test("a session that cannot go on without a gap starts over", async (t) => {
  const cases: [string, Parameters<typeof opened>[0] & object, number][] = [
    ["the gate has taken more than was sent", { received: [{ stream: zone, sequence: 9999 }] }, 1],
    ["the gate names other streams", { streams: [{ number: world, type: "zone" }, { number: zone, type: "world" }] }, 1],
    ["a frame that it has not taken had to make room", { received: [{ stream: zone, sequence: 43 }] }, 300],
  ];
  for (const [name, welcome, inputs] of cases) {
    await t.test(name, async () => {
      const { session, gates, line, clock, told } = await opened(resumable);
      const call = session.request(GreetSchema, {}, GreetReplySchema);
      for (let i = 0; i < inputs; i++) {
        session.send(RoomInputSchema, {});
      }
      line.cut();
      await clock.advance(500);
      const { line: refused } = await gates.hello();
      refused.welcome({ ...resumable, ...welcome });
      await faulted(call, Code.lost);
      assert.ok(refused.left);
      assert.ok(refused.silent);
      const { line: next, hello } = await gates.hello();
      assert.equal(hello.resume.length, 0);
      next.welcome();
      assert.equal(told.startOvers.length, 1);
      assert.equal(session.state, "open");
      session.close();
    });
  }
});

test("the newest frames are kept, as many as are needed", async () => {
  const { session, gates, line, clock, told } = await opened(resumable);
  for (let i = 1; i <= 300; i++) {
    session.send(RoomInputSchema, { number: i });
  }
  line.cut();
  await clock.advance(500);
  const { line: next } = await gates.hello();
  next.welcome({ ...resumable, received: [{ stream: zone, sequence: 44 }] });
  for (let i = 45; i <= 300; i++) {
    const { header: h, message } = next.message(RoomInputSchema);
    assert.deepEqual([h.sequence, message.number], [i, i]);
  }
  assert.equal(told.startOvers.length, 0);
  session.close();
});

test("only so much waits for a connection", async () => {
  const { session, line } = await opened(resumable);
  line.cut();
  const calls = Array.from({ length: 64 }, () => session.request(GreetSchema, {}, GreetReplySchema, { timeout: 0 }));
  await faulted(session.request(GreetSchema, {}, GreetReplySchema), Code.overloaded);
  assert.throws(() => session.send(RoomInputSchema, {}), { code: Code.overloaded });
  session.close();
  await Promise.all(calls.map((call) => faulted(call, Code.unavailable)));
});

test("only so many bytes wait for a connection", async () => {
  const { session, line } = await opened(resumable);
  line.cut();
  const large = { greeting: "x".repeat(30_000) };
  session.send(RoomInputSchema, {});
  const calls = [1, 2].map(() => session.request(GreetSchema, large, GreetReplySchema, { timeout: 0 }));
  await faulted(session.request(GreetSchema, large, GreetReplySchema), Code.overloaded);
  session.close();
  await Promise.all(calls.map((call) => faulted(call, Code.unavailable)));
});

test("a client that closes says that it will not come back", async () => {
  const { session, line } = await opened(resumable);
  session.close();
  assert.equal(line.take(Kind.leave).body.length, 0);
});
