import assert from "node:assert/strict";

import type { Ship, Snapshot, Thing } from "../src/game.js";

const held = 64; // states that later snapshots may build on

interface State {
  tick: number;
  ships: Map<number, Ship>;
  shards: Map<number, Thing>;
  bullets: Map<number, Thing>;
}

/** What a player knows of the room, from its snapshots: see Snapshot in zone.proto. */
export class Room {
  private states: State[] = [];
  /** Snapshots that built on an earlier one. */
  deltas = 0;

  /** The tick of the newest snapshot, for RoomInput.seen. */
  get tick(): number {
    return this.states[this.states.length - 1]?.tick ?? 0;
  }

  /** The ships that are near, by number. */
  get ships(): ReadonlyMap<number, Ship> {
    return this.states[this.states.length - 1]?.ships ?? new Map<number, Ship>();
  }

  /** Takes a snapshot in. It throws when the snapshot builds on one that the player has not said to have. */
  apply(m: Snapshot): void {
    if (m.tick <= this.tick) {
      return;
    }
    const base = this.states.find(({ tick }) => tick === m.since);
    assert.ok(m.since === 0 || base, `the snapshot of tick ${m.tick} builds on tick ${m.since}, which is not here`);
    this.deltas += base ? 1 : 0;
    const ticks = m.tick - m.since;
    this.states.push({
      tick: m.tick,
      ships: patch(base?.ships, m.ships, ({ ship }) => ship, m.goneShips, (ship) => ship),
      shards: patch(base?.shards, m.shards, ({ id }) => id, m.goneShards, (shard) => flown(shard, ticks)),
      bullets: patch(base?.bullets, m.bullets, ({ id }) => id, m.goneBullets, (bullet) => flown(bullet, ticks)),
    });
    this.states.splice(0, this.states.length - held);
  }
}

function patch<T>(base: Map<number, T> | undefined, said: T[], key: (t: T) => number, gone: number[], later: (t: T) => T): Map<number, T> {
  const now = new Map<number, T>();
  base?.forEach((t, id) => now.set(id, later(t)));
  for (const id of gone) {
    assert.ok(now.delete(id), `${id} is gone, which was not there`);
  }
  said.forEach((t) => now.set(key(t), t));
  return now;
}

function flown(thing: Thing, ticks: number): Thing {
  return { ...thing, x: thing.x + thing.vx * ticks, y: thing.y + thing.vy * ticks };
}
