import type { Clock } from "../src/clock.js";

/** A clock that stands until it is told to go on. */
export class FakeClock implements Clock {
  private time = 0;
  private timers = new Set<{ at: number; then: () => void }>();

  now(): number {
    return this.time;
  }

  after(ms: number, then: () => void): () => void {
    const timer = { at: this.time + ms, then };
    this.timers.add(timer);
    return () => void this.timers.delete(timer);
  }

  /** Lets time go by, and everything happen that is due, in order. */
  async advance(ms: number): Promise<void> {
    const end = this.time + ms;
    for (;;) {
      const due = [...this.timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) {
        break;
      }
      this.timers.delete(due);
      this.time = Math.max(this.time, due.at);
      due.then();
      await settled();
    }
    this.time = end;
    await settled();
  }

  /** Lets time go by at once, as for a machine that sleeps: what was due happens late. */
  async sleep(ms: number): Promise<void> {
    this.time += ms;
    await this.advance(0);
  }

  /** Timers that run. */
  get running(): number {
    return this.timers.size;
  }
}

/** Waits until everything that was to happen at once has happened. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
