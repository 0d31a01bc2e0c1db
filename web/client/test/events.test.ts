import assert from "node:assert/strict";
import { test } from "node:test";

import { Events, type EventsOptions } from "../src/index.js";
import { FakeClock, settled } from "./fakeclock.js";

interface Sent {
  id: string;
  name: string;
  player: string;
  fields?: unknown;
}

/** Events to a server that answers as `answers` say, the last of them from then on; 0: it cannot be reached, or its answer is lost. */
function setup(answers: (number | [number, string])[], options: EventsOptions = {}) {
  const clock = new FakeClock();
  const batches: Sent[][] = [];
  const losses: [number, string][] = [];
  const events = new Events("http://keypoint/", "the key", {
    batch: 3, every: 1_000, waiting: 5, clock, random: () => 0.5, onLost: (...loss) => losses.push(loss), ...options,
    fetch: async (url, init) => {
      assert.equal(`${init.method} ${url} ${init.headers.Authorization}`, "POST http://keypoint/v1/events Bearer the key");
      batches.push((JSON.parse(init.body) as { events: Sent[] }).events);
      const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
      const [status, text] = typeof answer === "number" ? [answer, `{"accepted": 1, "rejected": []}`] : answer;
      if (status === 0) {
        throw new Error("no network");
      }
      return { status, text: async () => text };
    },
  });
  return { events, clock, batches, losses };
}

const players = (batches: Sent[][]) => batches.map((b) => b.map((e) => e.player).join(" "));

test("events are sent when there are enough of them, or after a while", async () => {
  const { events, clock, batches, losses } = setup([202]);
  events.add("login", "1");
  events.add("match_start", "2", { mode: "duel" });
  await clock.advance(999);
  assert.deepEqual(players(batches), []);
  await clock.advance(1);
  assert.deepEqual(players(batches), ["1 2"]);
  assert.deepEqual(batches[0]![1]!.fields, { mode: "duel" });
  for (const p of ["3", "4", "5", "6"]) {
    events.add("login", p);
  }
  await settled();
  assert.deepEqual(players(batches).slice(1), ["3 4 5", "6"]);
  assert.deepEqual(losses, []);
  const ids = batches.flat().map((e) => e.id);
  assert.ok(ids.every((id) => /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id)), ids.join());
});

test("a batch that may have been lost is sent again with its ids, after pauses, and nothing before it", async () => {
  const { events, clock, batches, losses } = setup([0, 503, 429, 202], { random: Math.random });
  events.add("login", "1");
  await clock.advance(1_000);
  events.add("login", "2");
  events.add("login", "3"); // enough to be sent, but the server is not to be bothered
  await settled();
  assert.equal(batches.length, 1);
  await clock.advance(60_000);
  assert.deepEqual(players(batches), ["1", "1 2 3", "1 2 3", "1 2 3"]);
  assert.equal(new Set(batches.flat().map((e) => e.id)).size, 3);
  assert.deepEqual(losses, []);
  assert.equal(clock.running, 0);
});

test("what is lost is counted and told", async () => {
  const malformed = `{"accepted": 0, "rejected": [{"index": 0, "reason": "fields", "detail": "mode is missing"}]}`;
  const { events, clock, batches, losses } = setup([[202, malformed], 401, 0]);
  events.add("match_start", "1");
  await clock.advance(1_000);
  events.add("login", "2");
  await clock.advance(1_000);
  for (const p of ["3", "4", "5", "6", "7", "8", "9"]) {
    events.add("login", p); // of which five may wait
  }
  await events.close();
  events.add("login", "10");
  assert.deepEqual(losses, [[1, "fields: mode is missing"], [1, "HTTP status 401"], [1, "too many wait"], [1, "too many wait"], [5, "closed"], [1, "closed"]]);
  assert.equal(events.lost, 10);
  assert.equal(batches.at(-1)!.length, 3);
  assert.equal(clock.running, 0);
});

test("64-bit integers are numbers, and what is no JSON keeps nothing from being sent", async () => {
  const { events, clock, batches, losses } = setup([202]);
  events.add("match_end", "1", { place: 1n });
  const round: Record<string, unknown> = {};
  round.itself = round;
  events.add("match_end", "2", round);
  events.add("login", "3");
  await clock.advance(1_000);
  assert.deepEqual(players(batches), ["1 3"]);
  assert.deepEqual(batches[0]![0]!.fields, { place: 1 });
  assert.equal(losses.length, 1);
  assert.match(losses[0]![1], /^no JSON: /);
});

test("what comes while a slow server is asked is sent afterwards, and what comes then too", async () => {
  const clock = new FakeClock();
  const batches: string[] = [];
  let answer = () => {};
  const events = new Events("http://keypoint", "the key", {
    batch: 3, every: 1_000, clock,
    fetch: async (_, init) => {
      batches.push((JSON.parse(init.body) as { events: Sent[] }).events.map((e) => e.player).join(" "));
      await new Promise<void>((resolve) => (answer = resolve));
      return { status: 202, text: async () => "{}" };
    },
  });
  events.add("login", "1");
  await clock.advance(1_000);
  events.add("login", "2");
  await clock.advance(5_000);
  assert.deepEqual(batches, ["1"]);
  answer();
  await settled();
  answer();
  await settled();
  events.add("login", "3");
  await clock.advance(1_000);
  answer();
  await events.close();
  assert.deepEqual(batches, ["1", "2", "3"]);
});
