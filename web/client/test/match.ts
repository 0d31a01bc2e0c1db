/**
 * Two players play a match against each other on a real stack, whose login web is at GAME_LOGIN, and on which nobody else plays: one over
 * WebSocket in protobuf, the other over TCP in JSON, whose connection breaks in the middle of the match. Exits with 0 when all went well.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import { WebSocket } from "ws";

import * as game from "../src/game.js";
import { Code, type Dialer, Fault, Login, Session, type Ticket, webSocket } from "../src/index.js";
import { tcp } from "../src/tcp.js";
import { Cuttable } from "./cut.js";
import { Room } from "./room.js";

const patience = { timeout: 60_000 };
const fullStick = 127;
const fire = 1 << 28;

class Player {
  readonly session: Session;
  readonly line: Cuttable;
  private ticket: Ticket;
  private room = new Room();
  private match: game.MatchFound | undefined;
  private inputs = 0;
  snapshots = 0;
  deltas = 0;
  startOvers = 0;
  returned: Promise<void> | undefined;
  private wake = () => {};
  /** Called with the number of snapshots that have come. */
  onSnapshot: (n: number) => void = () => {};

  constructor(
    readonly name: string,
    login: Login,
    ticket: Ticket,
    dialer: Dialer,
    json: boolean,
  ) {
    this.ticket = ticket;
    this.line = new Cuttable(dialer);
    this.session = new Session({
      entrance: ticket,
      renew: async () => (this.ticket = await login.refresh(this.ticket.refresh)),
      files: game.files,
      version: "1.0.0",
      dialer: this.line,
      json,
      onState: (state, why) => {
        this.say(`${state}${why ? `: ${why.message}` : ""}`);
        this.wake();
      },
      onReset: ({ type, reason }) => this.say(`the ${type} starts over: ${reason}`),
      onStartOver: () => {
        this.startOvers++;
        this.returned = this.comeBack();
        this.returned.catch(() => {}); // whoever awaits it is told
      },
    });
    this.session.on(game.SnapshotSchema, (m) => this.see(m));
  }

  get id(): bigint {
    return this.ticket.player;
  }

  say(what: string): void {
    console.log(`${this.name}: ${what}`);
  }

  /** Waits until the session is open, if it is not. */
  async connected(): Promise<void> {
    while (this.session.state !== "open") {
      if (this.session.state === "closed") {
        throw await this.session.closed;
      }
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  /** Enters the world, and goes back to the match if it is still on. */
  private async comeBack(): Promise<void> {
    const match = await this.enter();
    if (!match) {
      return;
    }
    try {
      await this.join(match);
    } catch (error) {
      const over: number[] = [Code.not_owner, Code.not_found, Code.failed_precondition, Code.lost];
      if (!(error instanceof Fault) || !over.includes(error.code)) {
        throw error;
      }
      this.say(`comes too late for the battle: ${error.message}`);
    }
  }

  /** Queues and enters the world. The match is one that the player is in already. */
  async enter(): Promise<game.MatchFound | undefined> {
    const admitted = this.session.next(game.AdmittedSchema, patience);
    const status = await this.session.request(game.EnterQueueSchema, {}, game.QueueStatusSchema);
    const pass = status.pass || (await admitted).pass;
    const { profile, match } = await this.session.request(game.EnterWorldSchema, { pass }, game.EnterWorldReplySchema);
    assert.equal(profile?.player, this.id);
    this.say(`is in the world as ${profile.name}`);
    return match;
  }

  /** Asks for a match and joins its room. */
  async seek(): Promise<game.MatchFound> {
    const found = this.session.next(game.MatchFoundSchema, patience);
    const { ticket } = await this.session.request(game.StartMatchSchema, { mode: "arena" }, game.StartMatchReplySchema);
    assert.ok(ticket > 2n ** 53n, `ticket ${ticket} would fit into a number`);
    await this.join(await found);
    return found;
  }

  private async join(match: game.MatchFound): Promise<void> {
    this.match = match;
    this.room = new Room();
    this.inputs = 0;
    const joined = await this.session.request(game.JoinRoomSchema, { room: match.room }, game.JoinRoomReplySchema);
    assert.equal(joined.room, match.room);
    assert.equal(joined.players[joined.ship], this.id);
    this.say(`flies ship ${joined.ship} in room ${joined.room}`);
  }

  private see(m: game.Snapshot): void {
    if (m.room !== this.match?.room) {
      return;
    }
    const { deltas } = this.room;
    this.room.apply(m);
    this.deltas += this.room.deltas - deltas;
    this.snapshots++;
    const input = (fullStick | (((this.room.tick * 64) % 4096) << 16) | fire) >>> 0;
    const said = { room: m.room, input, number: ++this.inputs, seen: this.room.tick };
    this.session.send(game.RoomInputSchema, said, { droppable: this.inputs % 2 === 0 });
    this.onSnapshot(this.snapshots);
  }

  /** Checks what the match has left behind. */
  async check(match: bigint): Promise<game.MatchResult> {
    const { matches } = await this.session.request(game.GetMatchesSchema, { limit: 1 }, game.GetMatchesReplySchema);
    const result = matches[0];
    assert.equal(result?.match, match);
    assert.equal(result.players, 2);
    const { entries } = await this.session.request(game.GetLedgerSchema, { limit: 200 }, game.GetLedgerReplySchema);
    const { profile } = await this.session.request(game.GetProfileSchema, {}, game.GetProfileReplySchema);
    for (const [currency, balance] of Object.entries(profile?.wallet ?? {})) {
      const sum = entries.filter(({ asset }) => asset === currency).reduce((sum, { amount }) => sum + amount, 0n);
      assert.equal(sum, balance, `the statement of ${currency} adds up`);
    }
    assert.equal(this.session.disorder, undefined);
    return result;
  }
}

async function main(): Promise<void> {
  const login = new Login(process.env.GAME_LOGIN ?? "http://127.0.0.1:8080");
  const guest = async (name: string, dialer: Dialer, json: boolean) =>
    new Player(name, login, await login.guest(`${name} ${randomUUID()}`), dialer, json);
  const ann = await guest("ann", webSocket((url) => new WebSocket(url)), false);
  const bob = await guest("bob", tcp(), true);
  const players = [ann, bob];

  let cuts = 0;
  bob.onSnapshot = (n) => {
    if (n === 10) {
      cuts++;
      bob.line.cut();
    }
  };
  await Promise.all(players.map((player) => player.session.open()));
  await Promise.all(players.map((player) => player.enter()));
  const annEnded = ann.session.next(game.MatchEndedSchema, { timeout: 300_000 });
  const bobEnded = new Promise<bigint>((resolve) => bob.session.on(game.MatchEndedSchema, (m) => resolve(m.result?.match ?? 0n)));
  const found = await Promise.all(players.map((player) => player.seek()));
  assert.equal(found[0]?.match, found[1]?.match, "both are in one match");
  const { match } = found[0]!;

  assert.equal((await annEnded).result?.match, match);
  await bob.connected();
  if (bob.startOvers > 0) {
    await bob.returned; // what he missed stands in his history
  } else {
    assert.equal(await bobEnded, match); // he missed nothing
  }
  const results = await Promise.all(players.map((player) => player.check(match)));
  const places = results.map(({ place }) => place).sort();
  assert.ok(places[0] === 1 && places[1]! <= 2, `places ${places} of two`);
  assert.equal(cuts, 1, "bob's connection was cut");
  assert.ok(ann.snapshots > 10 && ann.deltas > 0, `ann has seen ${ann.snapshots} snapshots, ${ann.deltas} of them deltas`);
  players.forEach((player, i) => {
    const { place, score, reward, ratingAfter } = results[i]!;
    const won = Object.entries(reward).map(([currency, amount]) => `${amount} ${currency}`);
    player.say(`place ${place}, score ${score}, rating ${ratingAfter}, won ${won.join(", ")}; ${player.snapshots} snapshots, ${player.deltas} deltas`);
    player.session.close();
  });
  console.log(`bob's session was ${bob.startOvers > 0 ? "begun anew" : "resumed"}`);
}

main().catch((error: unknown) => {
  console.error(error instanceof Fault ? `${error.message} (code ${error.code})` : error);
  process.exit(1);
});
