import { Code } from "./fault.js";

const firstPause = 500; // ms
const longestPause = 30_000; // ms

/** The pause before the next attempt to connect: random, and twice as long with each failure. */
export class Backoff {
  /** Failures in a row. */
  failures = 0;

  /** `random` is as Math.random. */
  constructor(private readonly random: () => number) {}

  /** Counts a failure, and says how many milliseconds to wait. */
  next(): number {
    const most = Math.min(longestPause, firstPause * 2 ** Math.min(this.failures, 16));
    this.failures++;
    return most * (0.5 + this.random() / 2);
  }
}

/** What a client does when its connection has ended with the code: as the protocol's table of Kicks says. */
export function afterwards(code: number): "again" | "renew" | "anew" | "stop" {
  switch (code) {
    case Code.unauthenticated:
      return "renew"; // needs a new token first
    case Code.start_over:
      return "anew"; // what was to be resumed is gone
    case Code.replaced:
    case Code.forbidden:
    case Code.version:
      return "stop"; // for the player to decide
    case Code.invalid:
    case Code.too_large:
    case Code.rate_limited:
      return "stop"; // would happen again: there is a bug
    default:
      return "again";
  }
}
