import assert from "node:assert/strict";
import { test } from "node:test";

import { json, protobuf } from "../src/codec.js";
import { Kind, header } from "../src/frame.js";
import { GreetReplySchema, GreetSchema } from "../src/game.js";
import { Code, type Entrance, Fault, codeName } from "../src/index.js";
import { ErrorSchema } from "../src/pb/wire_pb.js";
import { Backoff } from "../src/reconnect.js";
import { create } from "@bufbuild/protobuf";
import { faulted, opened, resumable, setup } from "./setup.js";

test("pauses double from half a second to half a minute, and are random", () => {
  const most = new Backoff(() => 1);
  const pauses = Array.from({ length: 9 }, () => most.next());
  assert.deepEqual(pauses, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  const least = new Backoff(() => 0);
  assert.deepEqual([least.next(), least.next()], [250, 500]);
});

test("open tries every gate once", async () => {
  const { gates, session, told, clock } = setup();
  const opening = session.open();
  (await gates.next()).cut("nobody listens");
  const second = await gates.next();
  assert.equal(second.address, "ws://two/");
  second.listener.opened();
  second.kick(Code.overloaded, "this gate is full");
  await faulted(opening, Code.overloaded);
  assert.equal((await session.closed).message, "this gate is full");
  assert.ok(await gates.quiet());
  assert.deepEqual(told.states, ["connecting", "closed"]);
  assert.equal(clock.running, 0);
});

test("open waits ten seconds for a gate", async () => {
  const { gates, session, clock } = setup();
  const opening = session.open();
  const { line } = await gates.hello();
  await clock.advance(9_999);
  assert.ok(!line.left);
  await clock.advance(1);
  assert.ok(line.left);
  const { line: second } = await gates.hello();
  second.welcome();
  await opening;
  session.close();
});

test("what is answered to Hello must be Welcome, of this version", async () => {
  const { gates, session } = setup();
  const opening = session.open();
  const { line } = await gates.hello();
  line.write(header(Kind.pong), new Uint8Array(0));
  await faulted(opening, Code.invalid);
  const other = setup();
  const otherOpening = other.session.open();
  const { line: otherLine } = await other.gates.hello();
  otherLine.welcome({ protocol: 2 });
  await faulted(otherOpening, Code.version);
  assert.ok(await other.gates.quiet());
});

test("a gate that turns a JSON client away without having read its Hello is understood", async () => {
  for (const codec of [protobuf, json]) {
    const { gates, session } = setup({ json: true });
    const opening = session.open();
    const line = await gates.next();
    line.write(header(Kind.kick), codec.encode(ErrorSchema, create(ErrorSchema, { code: Code.version, message: "too old" })));
    assert.equal((await faulted(opening, Code.version)).message, "too old");
  }
});

for (const code of [Code.replaced, Code.forbidden, Code.version, Code.invalid, Code.too_large, Code.rate_limited]) {
  test(`after Kick ${codeName(code)} a client stays away`, async () => {
    const { session, gates, line, clock, told } = await opened(resumable);
    const call = session.request(GreetSchema, {}, GreetReplySchema, { timeout: 0 });
    line.kick(code, "stay away");
    await faulted(call, code);
    const why = await session.closed;
    assert.deepEqual([why.code, why.message], [code, "stay away"]);
    assert.ok(line.left);
    await clock.advance(1_000_000);
    assert.ok(await gates.quiet());
    assert.equal(clock.running, 0);
    assert.deepEqual(told.states, ["connecting", "open", "connecting", "closed"]);
    await faulted(session.request(GreetSchema, {}, GreetReplySchema), Code.unavailable);
  });
}

for (const code of [Code.shutting_down, Code.overloaded, Code.unavailable, Code.lost, Code.slow, Code.deadline, Code.internal, 1001]) {
  test(`after Kick ${codeName(code)} a client comes again, to another gate`, async () => {
    const { session, gates, line, clock } = await opened();
    line.kick(code);
    await clock.advance(499);
    assert.ok(await gates.quiet());
    await clock.advance(1);
    const { line: next } = await gates.hello();
    assert.equal(next.address, "ws://two/");
    next.welcome();
    assert.equal(session.state, "open");
    session.close();
  });
}

test("failures in a row make longer pauses, at one gate after another", async () => {
  const { session, gates, line, clock } = await opened(resumable);
  line.cut();
  const addresses: string[] = [];
  for (const pause of [500, 1_000, 2_000, 4_000]) {
    await clock.advance(pause - 1);
    assert.ok(await gates.quiet());
    await clock.advance(1);
    const next = await gates.next();
    addresses.push(next.address);
    next.cut();
  }
  assert.deepEqual(addresses, ["ws://one/", "ws://two/", "ws://one/", "ws://two/"]);
  await clock.advance(8_000);
  const { line: next, hello } = await gates.hello();
  assert.deepEqual([...hello.resume], [1, 2, 3]);
  next.welcome(resumable);
  next.cut();
  await clock.advance(500);
  assert.ok(!(await gates.quiet()), "success makes pauses short again");
  session.close();
});

test("hurry ends a pause, and does nothing otherwise", async () => {
  const { session, gates, line } = await opened();
  session.hurry();
  assert.ok(await gates.quiet());
  line.cut();
  session.hurry();
  session.hurry();
  const { line: next } = await gates.hello();
  session.hurry();
  assert.ok(await gates.quiet());
  next.welcome();
  assert.equal(session.state, "open");
  session.close();
  session.hurry();
  assert.ok(await gates.quiet());
});

test("a refused token is renewed, and the session resumed with the new one", async () => {
  let renewals = 0;
  const renew = async (): Promise<Entrance> => ({ token: `new ${++renewals}`, gates: [{ ws: "ws://three/" }] });
  const { session, gates, line, clock } = await opened(resumable, { renew });
  line.cut();
  await clock.advance(500);
  (await gates.hello()).line.kick(Code.unauthenticated, "the token has expired");
  const { line: next, hello } = await gates.hello();
  assert.equal(next.address, "ws://three/");
  assert.equal(hello.token, "new 1");
  assert.deepEqual([...hello.resume], [1, 2, 3]);
  next.kick(Code.unauthenticated, "that one too");
  assert.ok(await gates.quiet(), "not so fast");
  await clock.advance(1_000);
  const { line: last, hello: again } = await gates.hello();
  assert.equal(again.token, "new 2");
  last.welcome(resumable);
  assert.equal(session.state, "open");
  session.close();
});

test("without a way to a new token, a session ends with the old one", async () => {
  const { session, line } = await opened();
  line.kick(Code.unauthenticated, "the token has expired");
  assert.equal((await session.closed).message, "the token has expired");
});

test("a login web that cannot be reached is tried again, and one that refuses is not", async () => {
  const answers = [new Fault(Code.unavailable, "down"), new Error("network"), new Fault(Code.unauthenticated, "used up")];
  const renew = () => Promise.reject(answers.shift());
  const { session, line, clock } = await opened({}, { renew });
  line.kick(Code.unauthenticated);
  await clock.advance(0);
  assert.equal(answers.length, 2);
  await clock.advance(500);
  assert.equal(answers.length, 1);
  assert.equal(session.state, "connecting");
  await clock.advance(1_000);
  assert.equal((await session.closed).message, "used up");
});

test("a way to a new token that throws is tried again", async () => {
  let renewals = 0;
  const renew = (): Promise<Entrance> => {
    if (++renewals === 1) {
      throw new Error("there is no ticket yet");
    }
    return Promise.resolve({ token: "new", gates: [{ ws: "ws://three/" }] });
  };
  const { session, gates, line, clock } = await opened({}, { renew });
  line.kick(Code.unauthenticated);
  await clock.advance(0);
  await clock.advance(500);
  assert.equal((await gates.next()).address, "ws://three/");
  session.close();
});

test("when no gate can be reached, others are asked for", async () => {
  const renew = async (): Promise<Entrance> => ({ token: "new", gates: [{ ws: "ws://three/" }] });
  const { session, gates, line, clock } = await opened(resumable, { renew });
  line.cut();
  for (const pause of [500, 1_000]) {
    await clock.advance(pause);
    (await gates.next()).cut();
  }
  await clock.advance(2_000);
  assert.equal((await gates.next()).address, "ws://three/");
  session.close();
});

test("gates that cannot be reached this way are passed over", async () => {
  const { gates, session } = setup({ entrance: { token: "", gates: [{ tcp: "one:1" }, { ws: "ws://two/" }] } });
  const opening = session.open();
  const { line, hello } = await gates.hello();
  assert.equal(line.address, "ws://two/");
  assert.equal(hello.token, "");
  line.welcome();
  await opening;
  session.close();
  const nowhere = setup({ entrance: { token: "", gates: [{ tcp: "one:1" }] } });
  await faulted(nowhere.session.open(), Code.unavailable);
});

test("closing while connecting ends open", async () => {
  const { gates, session, clock } = setup();
  const opening = session.open();
  const line = await gates.next();
  session.close();
  await faulted(opening, Code.cancelled);
  assert.ok(line.left);
  assert.equal(clock.running, 0);
});

test("a handler may close the session", async () => {
  let fed = () => {};
  const { session, line, clock, gates } = await opened({}, { onState: (state) => state === "connecting" && fed() });
  fed = () => session.close();
  line.cut();
  await clock.advance(100_000);
  assert.ok(await gates.quiet());
  assert.equal(session.state, "closed");
  assert.equal(clock.running, 0);
});
