import type { DescFile } from "@bufbuild/protobuf";

import type { Clock } from "./clock.js";
import type { Fault } from "./fault.js";
import type { GateAddress } from "./login.js";
import type { StreamReset } from "./traffic.js";
import type { Dialer } from "./transport.js";

/** What opens a session: a Ticket is one. */
export interface Entrance {
  /** For the gate; "" is an anonymous session. */
  token: string;
  /** Where to go, the best first. At least one. */
  gates: GateAddress[];
}

/** idle: not opened yet. connecting: on the way to a gate, for the first time or again. closed: for good. */
export type State = "idle" | "connecting" | "open" | "closed";

export interface SessionOptions {
  entrance: Entrance;
  /** The files that declare the game's messages. */
  files: Iterable<DescFile>;
  /** The version of the game's client, as "1.2.3". */
  version: string;
  /**
   * Gets a new entrance: when the token is refused, and when no gate can be reached for a while. Without it the session ends when its token is
   * refused.
   */
  renew?: () => Promise<Entrance>;
  /** How to connect. Default: webSocket(). */
  dialer?: Dialer;
  /** Makes the session's bodies JSON. */
  json?: boolean;
  /** Told when the state changes; why says what ended the last connection, if one has ended. */
  onState?: (state: State, why?: Fault) => void;
  /** Told when a stream starts over: the game has to open it again. Calls on it end with `lost`. */
  onReset?: (reset: StreamReset) => void;
  /** Told when a new session stands in place of one that was lost: the game has to begin as it did after open(). */
  onStartOver?: (why: Fault) => void;
  /** Told what a handler of the game's has thrown. Default: it becomes an unhandled rejection. */
  onError?: (error: unknown) => void;
  /** For tests. */
  clock?: Clock;
  /** For tests. As Math.random. */
  random?: () => number;
}
