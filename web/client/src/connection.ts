import type { Clock } from "./clock.js";
import { type Codec, protobuf } from "./codec.js";
import { Code, Fault, faultOf, violation } from "./fault.js";
import { type Header, Kind, encodeFrame, header, jsonFlag, kindName, maxBody, parseFrame, version } from "./frame.js";
import { ErrorSchema, type Hello, HelloSchema, type Welcome, WelcomeSchema } from "./pb/wire_pb.js";
import type { Dialer, Transport } from "./transport.js";

const handshakeTimeout = 10_000; // ms from dialing to Welcome
const usualBeat = 15_000; // ms, where a gate asks for none
const shortestBeat = 20; // ms, whatever a gate asks for

/** What a connection tells its owner. */
export interface Owner {
  /** The gate has let the client in. */
  welcome(welcome: Welcome): void;
  /** A Reset, Reply, Error or Push, or what should not have come. A Fault that it throws ends the connection. */
  frame(h: Header, body: Uint8Array): void;
  /** The connection is over; the last that is told, once, unless the owner has closed it. */
  ended(ending: Ending): void;
}

/** Why a connection is over. */
export interface Ending {
  reason: Fault;
  /** Whether another gate is the better choice: this one cannot be reached, is silent, or has said so. */
  elsewhere: boolean;
}

/** One connection to a gate: it shakes hands, keeps alive, and notices when the gate is gone. */
export class Connection {
  private transport: Transport | undefined;
  private phase: "greeting" | "open" | "over" = "greeting";
  private sentAt = 0;
  private seenAt = 0;
  private pingedAt: number | undefined; // when the Ping was sent that nothing has followed yet
  private stopTimer: () => void = () => {};

  constructor(
    private readonly dialer: Dialer,
    private readonly address: string,
    private readonly codec: Codec,
    private readonly clock: Clock,
    private readonly hello: Hello,
    private readonly owner: Owner,
  ) {}

  /** Begins to connect. */
  start(): void {
    this.stopTimer = this.clock.after(handshakeTimeout, () => {
      this.end(new Fault(Code.deadline, "the gate did not answer in time"), { elsewhere: true });
    });
    try {
      this.transport = this.dialer.dial(this.address, {
        opened: () => this.greet(),
        frame: (bytes) => this.take(bytes),
        closed: (why) => this.closed(why),
      });
    } catch (error) {
      this.end(new Fault(Code.unavailable, `the gate cannot be reached: ${faultOf(error).message}`), { elsewhere: true });
    }
  }

  /** Sends a frame. One that cannot be sent ends the connection, after the caller has returned. */
  write(frame: Uint8Array): void {
    if (this.phase === "over") {
      return;
    }
    this.sentAt = this.clock.now();
    try {
      this.transport?.send(frame);
    } catch (error) {
      const why = new Fault(Code.lost, `the connection is broken: ${faultOf(error).message}`);
      void Promise.resolve().then(() => this.end(why));
    }
  }

  /** Ends the connection without a word to its owner. */
  close(): void {
    if (this.phase !== "over") {
      this.phase = "over";
      this.stopTimer();
      this.transport?.close();
    }
  }

  private end(reason: Fault, { elsewhere = false, atOnce = false } = {}): void {
    if (this.phase !== "over") {
      this.phase = "over";
      this.stopTimer();
      this.transport?.close(atOnce);
      this.owner.ended({ reason, elsewhere });
    }
  }

  private closed(why: string): void {
    if (this.phase === "greeting") {
      this.end(new Fault(Code.unavailable, `the gate cannot be reached: ${why}`), { elsewhere: true });
    } else {
      this.end(new Fault(Code.lost, `the connection is broken: ${why}`));
    }
  }

  private greet(): void {
    const flags = this.codec.json ? jsonFlag : 0;
    this.write(encodeFrame(header(Kind.hello, { flags }), this.codec.encode(HelloSchema, this.hello)));
  }

  private take(bytes: Uint8Array): void {
    if (this.phase === "over") {
      return;
    }
    this.seenAt = this.clock.now();
    this.pingedAt = undefined;
    try {
      const { header: h, body } = parseFrame(bytes, maxBody);
      if (h.kind === Kind.kick) {
        checkControl(h);
        this.kicked(body);
      } else if (this.phase === "greeting") {
        this.welcomed(h, body);
      } else if (h.kind === Kind.pong) {
        checkControl(h);
      } else {
        this.owner.frame(h, body);
      }
    } catch (error) {
      this.end(faultOf(error));
    }
  }

  /** A gate that turns a client away before it has read its Hello cannot know of JSON. */
  private kicked(body: Uint8Array): void {
    let why;
    try {
      why = this.codec.decode(ErrorSchema, body);
    } catch (error) {
      if (!this.codec.json) {
        throw error;
      }
      why = protobuf.decode(ErrorSchema, body);
    }
    this.end(new Fault(why.code || Code.internal, why.message), { elsewhere: true });
  }

  private welcomed(h: Header, body: Uint8Array): void {
    if (h.kind !== Kind.welcome) {
      throw violation(`it answers Hello with a ${kindName(h.kind)} frame`);
    }
    checkControl(h);
    const welcome = this.codec.decode(WelcomeSchema, body);
    if (welcome.protocol !== version) {
      throw new Fault(Code.version, `the gate speaks version ${welcome.protocol} of the protocol, and this client version ${version}`);
    }
    this.phase = "open";
    this.stopTimer();
    this.beat(welcome.heartbeatMs > 0 ? Math.max(welcome.heartbeatMs, shortestBeat) : usualBeat);
    this.owner.welcome(welcome);
  }

  /** Looks four times a heartbeat whether it is time for a Ping, and whether the last one was answered by anything at all. */
  private beat(every: number): void {
    const pause = every / 4;
    const due = this.clock.now() + pause;
    this.stopTimer = this.clock.after(pause, () => {
      const now = this.clock.now();
      const late = now - due > pause; // the machine has slept, or was busy: what has come meanwhile may not have been read yet
      if (this.pingedAt === undefined) {
        if (now - this.sentAt >= every / 2 || now - this.seenAt >= every) {
          this.pingedAt = now;
          this.write(encodeFrame(header(Kind.ping), new Uint8Array(0)));
        }
      } else if (now - this.pingedAt >= every && !late) {
        this.end(new Fault(Code.lost, "the gate is silent"), { elsewhere: true, atOnce: true });
      }
      if (this.phase === "open") {
        this.beat(every);
      }
    });
  }
}

/** Control frames are of no stream and have no numbers, but that a Pong has the call of its Ping. */
export function checkControl(h: Header): void {
  if (h.stream !== 0 || h.sequence !== 0 || (h.call !== 0 && h.kind !== Kind.pong)) {
    throw violation(`a ${kindName(h.kind)} frame on stream ${h.stream} with call ${h.call} and sequence ${h.sequence}`);
  }
}
