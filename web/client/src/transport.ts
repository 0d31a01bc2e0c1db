import type { GateAddress } from "./login.js";

/** One connection, which carries whole frames. */
export interface Transport {
  /** Sends one frame. It is called after `opened`, and not after `closed`. */
  send(frame: Uint8Array): void;
  /** Ends the connection. The listener hears nothing more. `at once` does not wait for a peer that does not answer. */
  close(atOnce?: boolean): void;
}

/** What is told of a connection, never before `dial` has returned it. */
export interface Listener {
  opened(): void;
  /** A whole frame, unless the peer has sent something else. */
  frame(bytes: Uint8Array): void;
  /** The connection is gone, or was never made. It is the last that is told. */
  closed(why: string): void;
}

/** A way to connect to gates. */
export interface Dialer {
  /** Where the gate is to be reached this way; undefined: it is not. */
  address(gate: GateAddress): string | undefined;
  /** Begins to connect. It throws for an address that is none. */
  dial(address: string, listener: Listener): Transport;
}
