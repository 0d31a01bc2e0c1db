import type { DescMessage, Message } from "@bufbuild/protobuf";

import type { Clock } from "./clock.js";
import { Code, Fault } from "./fault.js";

const maxCalls = 1024; // that may be unanswered

/** What is used of an AbortSignal. */
export interface Abort {
  readonly aborted: boolean;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

/** How long to wait. */
export interface Patience {
  /** Milliseconds after which to give up, with `deadline`; 0: never. Default 10,000. */
  timeout?: number;
  /** Gives up, with `cancelled`, when it is aborted. */
  signal?: Abort;
}

/** Waits for one thing, until it comes or the caller's patience ends. `givenUp` is called in the second case only. */
export class Wait<T> {
  readonly promise: Promise<T>;
  private settle!: (how: () => void) => void;
  private resolvePromise!: (value: T) => void;
  private rejectPromise!: (reason: Fault) => void;

  constructor(clock: Clock, { timeout = 10_000, signal }: Patience, givenUp: () => void) {
    this.promise = new Promise((resolve, reject) => {
      this.resolvePromise = resolve;
      this.rejectPromise = reject;
    });
    let over = false;
    let stopTimer = () => {};
    const giveUp = (why: Fault) => {
      givenUp();
      this.reject(why);
    };
    const aborted = () => giveUp(new Fault(Code.cancelled, "the caller gave up"));
    this.settle = (how) => {
      if (!over) {
        over = true;
        stopTimer();
        signal?.removeEventListener("abort", aborted);
        how();
      }
    };
    signal?.addEventListener("abort", aborted);
    if (timeout > 0) {
      stopTimer = clock.after(timeout, () => giveUp(new Fault(Code.deadline, `nothing came within ${timeout} ms`)));
    }
  }

  resolve(value: T): void {
    this.settle(() => this.resolvePromise(value));
  }

  reject(reason: Fault): void {
    this.settle(() => this.rejectPromise(reason));
  }
}

/** A request that waits for its answer. */
export interface Call {
  /** The stream that it went to, and its number there. */
  stream: number;
  sequence: number;
  /** What the answer must be. */
  reply: DescMessage;
  wait: Wait<Message>;
}

/** The requests of a session that are not answered. */
export class Calls {
  private readonly calls = new Map<number, Call>();
  private last = 0;

  /** A number that no unanswered call has. It throws a Fault, `overloaded`, when there are too many. */
  number(): number {
    if (this.calls.size >= maxCalls) {
      throw new Fault(Code.overloaded, `${maxCalls} requests are unanswered`);
    }
    do {
      this.last = this.last === 0xffff_ffff ? 1 : this.last + 1;
    } while (this.calls.has(this.last));
    return this.last;
  }

  set(number: number, call: Call): void {
    this.calls.set(number, call);
  }

  get(number: number): Call | undefined {
    return this.calls.get(number);
  }

  delete(number: number): void {
    this.calls.delete(number);
  }

  /** Takes out the calls on the stream; undefined: all. */
  take(stream?: number): Call[] {
    const taken: Call[] = [];
    for (const [number, call] of this.calls) {
      if (stream === undefined || call.stream === stream) {
        taken.push(call);
        this.calls.delete(number);
      }
    }
    return taken;
  }
}
