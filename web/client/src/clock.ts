/** Time, as a session sees it. */
export interface Clock {
  /** Milliseconds since whenever, which nobody can set back. */
  now(): number;
  /** Calls `then` once, `ms` from now, unless the function that it returns is called before. */
  after(ms: number, then: () => void): () => void;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => (typeof performance === "undefined" ? Date.now() : performance.now()),
  after: (ms, then) => {
    const timer = setTimeout(then, ms);
    return () => clearTimeout(timer);
  },
};
