import assert from "node:assert/strict";

import type { MessageInitShape } from "@bufbuild/protobuf";

import { json, protobuf } from "../src/codec.js";
import { files } from "../src/game.js";
import { Fault, Session, type SessionOptions, type State, type StreamReset } from "../src/index.js";
import type { WelcomeSchema } from "../src/pb/wire_pb.js";
import { FakeClock } from "./fakeclock.js";
import { FakeGates } from "./fakegate.js";

/** A session with fake gates, that is not open yet, and what it has told its owner. */
export function setup(options: Partial<SessionOptions> = {}) {
  const gates = new FakeGates();
  const clock = new FakeClock();
  const told = { states: [] as State[], resets: [] as StreamReset[], startOvers: [] as Fault[] };
  const session = new Session({
    entrance: { token: "abc", gates: [{ ws: "ws://one/" }, { ws: "ws://two/" }] },
    files,
    version: "1.2.3",
    dialer: gates,
    clock,
    random: () => 1,
    onState: (state) => told.states.push(state),
    onReset: (reset) => told.resets.push(reset),
    onStartOver: (why) => told.startOvers.push(why),
    ...options,
  });
  return { gates, clock, told, session };
}

/** The same, open. */
export async function opened(welcome: MessageInitShape<typeof WelcomeSchema> = {}, options: Partial<SessionOptions> = {}) {
  const all = setup(options);
  const opening = all.session.open();
  const { line, hello } = await all.gates.hello(options.json ? json : protobuf);
  line.welcome(welcome);
  await opening;
  return { ...all, line, hello };
}

/** What a gate's Welcome says that resumes sessions. */
export const resumable = { graceMs: 60_000, resume: new Uint8Array([1, 2, 3]) };

/** Wants the promise to be rejected with a Fault of the code, and returns that. */
export async function faulted(promise: Promise<unknown>, code: number): Promise<Fault> {
  const why = await promise.then(
    () => assert.fail("it succeeded"),
    (error: unknown) => error,
  );
  assert.ok(why instanceof Fault, String(why));
  assert.equal(why.code, code, why.message);
  return why;
}
