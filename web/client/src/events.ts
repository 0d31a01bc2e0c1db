import { type Clock, systemClock } from "./clock.js";
import type { Fetch } from "./login.js";
import { Backoff } from "./reconnect.js";
import { safely } from "./safely.js";

/** What can be set of Events. */
export interface EventsOptions {
  /** Most events in a request; the server takes 500. Default 100. */
  batch?: number;
  /** Milliseconds after which a batch that is not full is sent. Default 5,000. */
  every?: number;
  /** Most events that wait; later ones are lost. Default 1,000. */
  waiting?: number;
  /** Told of events that are lost for good: too many wait, they are no JSON, or the server refuses them. Default: nobody is told; see `Events.lost`. */
  onLost?: (count: number, why: string) => void;
  /** Needed where there is no global one. */
  fetch?: Fetch;
  clock?: Clock;
  /** As Math.random. */
  random?: () => number;
}

/**
 * Tells the keypoint web what players do, in batches. An event keeps its id however often it is sent, and is stored once; it waits in memory until the server has
 * it, over broken connections too, but not over the end of the program: `close` sends what is left.
 */
export class Events {
  /** Events that were lost for good. */
  lost = 0;

  private readonly url: string;
  private readonly batch: number;
  private readonly every: number;
  private readonly waiting: number;
  private readonly fetch: Fetch;
  private readonly clock: Clock;
  private readonly random: () => number;
  private readonly backoff: Backoff;
  private queue: string[] = []; // of events, in JSON
  private sending: Promise<void> | undefined;
  private stopTimer: (() => void) | undefined;
  private pausing = false;
  private closed = false;

  /** `base` is the keypoint web's URL, `key` the write key, which is no secret. */
  constructor(
    base: string,
    private readonly key: string,
    private readonly options: EventsOptions = {},
  ) {
    this.url = base.replace(/\/+$/, "") + "/v1/events";
    this.batch = options.batch ?? 100;
    this.every = options.every ?? 5_000;
    this.waiting = options.waiting ?? 1_000;
    this.fetch = options.fetch ?? ((url, init) => globalThis.fetch(url, init));
    this.clock = options.clock ?? systemClock;
    this.random = options.random ?? Math.random;
    this.backoff = new Backoff(this.random);
  }

  /** Tells of an event, which configs/events.csv declares; a bigint is sent as a number. `player` is an opaque id, and nothing else may say who it is. */
  add(name: string, player: string, fields?: Record<string, unknown>): void {
    if (this.closed || this.queue.length >= this.waiting) {
      this.lose(1, this.closed ? "closed" : "too many wait");
      return;
    }
    const event = { id: this.newId(), name, player, at: Date.now(), fields };
    try {
      this.queue.push(JSON.stringify(event, (_, value: unknown) => (typeof value === "bigint" ? Number(value) : value)));
    } catch (error) {
      this.lose(1, `no JSON: ${String(error)}`);
      return;
    }
    if (this.queue.length >= this.batch && !this.pausing) {
      void this.flush();
    } else if (!this.stopTimer) {
      this.wait(this.every);
    }
  }

  /** Sends what waits, and settles when the server has it or does not take it now. It never throws. */
  flush(): Promise<void> {
    this.sending ??= this.sendAll().finally(() => (this.sending = undefined));
    return this.sending;
  }

  /** Sends what is left, once. What the server does not take then is lost. */
  async close(): Promise<void> {
    this.closed = true;
    await this.sending;
    await this.flush();
    this.stopTimer?.();
    this.stopTimer = undefined;
    if (this.queue.length > 0) {
      this.lose(this.queue.splice(0).length, "closed");
    }
  }

  private async sendAll(): Promise<void> {
    this.stopTimer?.();
    this.stopTimer = undefined;
    this.pausing = false;
    while (this.queue.length > 0) {
      const batch = this.queue.slice(0, this.batch);
      const taken = await this.send(batch);
      if (!taken) {
        this.pausing = true;
        this.wait(this.backoff.next());
        return;
      }
      this.backoff.failures = 0;
      this.queue.splice(0, batch.length);
    }
  }

  /** Sends a batch; false: it is to be sent again. */
  private async send(batch: string[]): Promise<boolean> {
    let status: number;
    let text: string;
    try {
      const response = await this.fetch(this.url, {
        method: "POST",
        headers: { "Content-Type": "application/json", Authorization: `Bearer ${this.key}` },
        body: `{"sent":${Date.now()},"events":[${batch.join(",")}]}`,
      });
      status = response.status;
      text = await response.text();
    } catch {
      return false;
    }
    if (status === 202) {
      for (const r of rejected(text)) {
        this.lose(1, r);
      }
      return true;
    }
    if (status === 408 || status === 429 || status >= 500) {
      return false;
    }
    this.lose(batch.length, `HTTP status ${status}`); // it would be refused again
    return true;
  }

  private wait(ms: number): void {
    this.stopTimer?.();
    this.stopTimer = this.clock.after(ms, () => {
      this.stopTimer = undefined;
      void this.flush();
    });
  }

  private lose(count: number, why: string): void {
    this.lost += count;
    safely(() => this.options.onLost?.(count, why), (error) => console.error(error));
  }

  /** A UUID of version 7, which is stored best. */
  private newId(): string {
    const digits = (n: number) => Array.from({ length: n }, () => Math.floor(this.random() * 16).toString(16)).join("");
    const time = Date.now().toString(16).padStart(12, "0");
    const variant = (8 + Math.floor(this.random() * 4)).toString(16);
    return `${time.slice(0, 8)}-${time.slice(8)}-7${digits(3)}-${variant}${digits(3)}-${digits(12)}`;
  }
}

/** Why the server has put events of a batch into quarantine, one text each. */
function rejected(text: string): string[] {
  try {
    const list = (JSON.parse(text) as { rejected?: { reason?: unknown; detail?: unknown }[] }).rejected ?? [];
    return list.map((r) => `${String(r.reason)}: ${String(r.detail)}`);
  } catch {
    return [];
  }
}
