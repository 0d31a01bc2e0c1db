import type { Dialer, Listener, Transport } from "../src/index.js";

/** A Dialer whose connections can be cut, as a bad network does it. */
export class Cuttable implements Dialer {
  private last: { transport: Transport; listener: Listener } | undefined;

  constructor(private readonly dialer: Dialer) {}

  address(gate: { tcp?: string; ws?: string }): string | undefined {
    return this.dialer.address(gate);
  }

  dial(address: string, listener: Listener): Transport {
    const transport = this.dialer.dial(address, listener);
    this.last = { transport, listener };
    return transport;
  }

  /** Cuts the connection that was made last. */
  cut(): void {
    this.last?.transport.close(true);
    this.last?.listener.closed("cut");
  }
}
