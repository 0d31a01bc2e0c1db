import { type DescMessage, type MessageInitShape, type MessageShape, create } from "@bufbuild/protobuf";

import type { Patience } from "./calls.js";
import { type Clock, systemClock } from "./clock.js";
import { type Codec, json, protobuf } from "./codec.js";
import { Connection, type Ending } from "./connection.js";
import { Code, Fault, codeName, faultOf } from "./fault.js";
import { Kind, encodeFrame, header, version } from "./frame.js";
import type { Entrance, SessionOptions, State } from "./options.js";
import { HelloSchema, type Welcome } from "./pb/wire_pb.js";
import { Pushes } from "./pushes.js";
import { Backoff, afterwards } from "./reconnect.js";
import { Registry } from "./registry.js";
import { safely } from "./safely.js";
import { type StreamReset, Traffic } from "./traffic.js";
import type { Dialer } from "./transport.js";
import { webSocket } from "./websocket.js";

/** A player's session, which outlives its connections: it connects again by itself, and goes on where it was if the gates allow it. */
export class Session {
  private readonly codec: Codec;
  private readonly clock: Clock;
  private readonly dialer: Dialer;
  private readonly report: (error: unknown) => void;
  private readonly pushes: Pushes;
  private readonly traffic: Traffic;
  private readonly backoff: Backoff;
  private entrance: Entrance;
  private current: State = "idle";
  private connection: Connection | undefined;
  private welcome: Welcome | undefined; // the last; undefined: there is no session
  private welcomedAt = 0;
  private gate = 0; // index of the gate to connect to
  private tries = 0; // gates that open() has tried
  private stale = false; // whether a new entrance is needed first
  private renewed = false; // whether the entrance is a new one that has not worked yet
  private lost: Fault | undefined; // why there is no session any more, when there was one
  private stopPause: (() => void) | undefined; // during a pause before the next attempt
  private graceOver = false; // whether the attempt that is under way is the last one to resume
  private stopGrace = () => {};
  private stopAcks = () => {};
  private opened: { resolve: () => void; reject: (why: Fault) => void } | undefined;
  private finish!: (why: Fault) => void;
  /** Resolved with the reason when the session has ended for good. */
  readonly closed: Promise<Fault>;

  /** Does not connect yet, so that handlers can be registered first. It throws when the files contradict each other. */
  constructor(private readonly options: SessionOptions) {
    this.entrance = options.entrance;
    this.codec = options.json ? json : protobuf;
    this.clock = options.clock ?? systemClock;
    this.dialer = options.dialer ?? webSocket();
    this.report = options.onError ?? ((error) => void Promise.reject(error));
    this.backoff = new Backoff(options.random ?? Math.random);
    this.pushes = new Pushes(this.clock, this.report);
    const reset = (r: StreamReset) => safely(() => options.onReset?.(r), this.report);
    this.traffic = new Traffic(new Registry(options.files), this.codec, this.clock, this.pushes, reset);
    this.closed = new Promise((resolve) => (this.finish = resolve));
  }

  /**
   * Connects to the first gate that lets the client in. It throws a Fault when none does; then the session is closed. Once open, the session
   * connects again for as long as it takes, until close() or a reason that rules it out.
   */
  open(): Promise<void> {
    if (this.current !== "idle") {
      return Promise.reject(new Fault(Code.failed_precondition, "a session is opened once"));
    }
    return new Promise((resolve, reject) => {
      this.opened = { resolve, reject };
      this.change("connecting");
      this.connect();
    });
  }

  /** Ends the session, for the server too, which keeps it for nobody. Calls that are unanswered end with `cancelled`. */
  close(): void {
    if (this.current === "open") {
      this.connection?.write(encodeFrame(header(Kind.leave), new Uint8Array(0)));
    }
    this.stop(new Fault(Code.cancelled, "closed by this client"));
  }

  get state(): State {
    return this.current;
  }

  /** The session's number, for logs and support; undefined: there is none. */
  get id(): bigint | undefined {
    return this.welcome?.session;
  }

  /** The gate's clock, as milliseconds since 1970 UTC, but for the time that Welcome took; undefined: there is no session. */
  get serverTime(): number | undefined {
    return this.welcome && Number(this.welcome.serverTimeMs) + this.clock.now() - this.welcomedAt;
  }

  /** The first violation of order by the server that was seen; undefined: there was none. */
  get disorder(): string | undefined {
    return this.traffic.disorder;
  }

  /**
   * Sends a message and waits for its answer. It throws a Fault: what the server answers, or `lost` (the request may have had its effect),
   * `deadline`, `cancelled`, `unavailable` (it was not sent) and others. While the connection is broken and the session not lost, the request
   * waits to be sent.
   */
  request<D extends DescMessage, R extends DescMessage>(
    schema: D,
    init: MessageInitShape<D>,
    reply: R,
    patience: Patience = {},
  ): Promise<MessageShape<R>> {
    return this.traffic.request(schema, init, reply, patience);
  }

  /**
   * Sends a message that is not answered. It throws a Fault when it cannot be sent. A droppable one is out of date soon: it is not sent
   * again, and does not wait for a broken connection.
   */
  send<D extends DescMessage>(schema: D, init: MessageInitShape<D>, { droppable = false } = {}): void {
    this.traffic.send(schema, init, droppable);
  }

  /** Calls the handler for each push of the type, in order, until the function that it returns is called. */
  on<D extends DescMessage>(schema: D, handler: (m: MessageShape<D>) => void): () => void {
    return this.pushes.on(schema, handler);
  }

  /**
   * The next push of the type: to be called before what leads to the push. It throws a Fault when the session is lost, and when patience
   * ends; by default that is after 10 seconds.
   */
  next<D extends DescMessage>(schema: D, patience: Patience = {}): Promise<MessageShape<D>> {
    return this.pushes.next(schema, patience);
  }

  /** Ends the pause before the next attempt to connect, because there is reason to hope: the device is online again. */
  hurry(): void {
    if (this.stopPause) {
      this.stopPause();
      this.connect();
    }
  }

  private change(state: State, why?: Fault): void {
    this.current = state;
    safely(() => this.options.onState?.(state, why), this.report);
  }

  private connect(): void {
    this.stopPause = undefined;
    if (this.current === "closed") {
      return;
    }
    if (this.stale) {
      this.renew();
      return;
    }
    const gates = this.entrance.gates.flatMap((gate) => this.dialer.address(gate) ?? []);
    const address = gates[this.gate % gates.length];
    if (address === undefined) {
      this.failed(new Fault(Code.unavailable, "no gate can be reached this way"), true);
      return;
    }
    const resume = this.welcome?.resume ?? new Uint8Array(0);
    const received = resume.length > 0 ? this.traffic.marks() : [];
    const hello = create(HelloSchema, {
      protocol: version, client: this.options.version, token: this.entrance.token, resume, received,
    });
    const connection: Connection = new Connection(this.dialer, address, this.codec, this.clock, hello, {
      welcome: (welcome) => this.welcomed(welcome, connection),
      frame: (h, body) => this.traffic.frame(h, body),
      ended: (ending) => this.ended(ending),
    });
    this.connection = connection;
    connection.start();
  }

  private renew(): void {
    const { renew } = this.options;
    if (!renew) {
      this.stop(new Fault(Code.unauthenticated, "the token is refused, and there is no way to a new one"));
      return;
    }
    const got = (entrance: Entrance) => {
      this.entrance = entrance;
      this.gate = 0;
      this.stale = false;
      this.renewed = true;
      this.connect();
    };
    const failed = (error: unknown) => {
      const why = faultOf(error, Code.unavailable);
      if (afterwards(why.code) === "again" && !this.opened) {
        this.pause();
      } else {
        this.stop(why);
      }
    };
    new Promise<Entrance>((resolve) => resolve(renew())).then(got, failed); // also when it throws
  }

  private welcomed(welcome: Welcome, connection: Connection): void {
    const write = (frame: Uint8Array) => connection.write(frame);
    if (!this.welcome) {
      this.traffic.begin(welcome, write);
    } else if (!this.traffic.resume(welcome, write)) {
      connection.close();
      this.connection = undefined;
      this.forsake(new Fault(Code.lost, "the session cannot go on without a gap"));
      this.connect();
      return;
    }
    this.stopGrace();
    this.graceOver = false;
    this.welcome = welcome;
    this.welcomedAt = this.clock.now();
    this.backoff.failures = 0;
    this.renewed = false;
    this.keepAcknowledging();
    this.change("open");
    this.opened?.resolve();
    this.opened = undefined;
    const { lost } = this;
    this.lost = undefined;
    if (lost && this.connection === connection) {
      safely(() => this.options.onStartOver?.(lost), this.report);
    }
  }

  private keepAcknowledging(): void {
    const ackAfter = 5_000; // ms
    this.stopAcks = this.clock.after(ackAfter, () => {
      this.traffic.acknowledge();
      this.keepAcknowledging();
    });
  }

  /** The connection is over. */
  private ended({ reason, elsewhere }: Ending): void {
    this.connection = undefined;
    if (this.current === "closed") {
      return;
    }
    if (this.current === "open") {
      this.stopAcks();
      this.traffic.pause();
      const { graceMs, resume } = this.welcome!;
      if (graceMs > 0 && resume.length > 0) {
        this.stopGrace = this.clock.after(graceMs, () => {
          this.graceOver = true;
          if (!this.connection) {
            this.forsake(reason);
          }
        });
      } else {
        this.forsake(reason);
      }
      this.change("connecting", reason);
    } else if (this.graceOver) {
      this.forsake(reason);
    }
    this.failed(reason, elsewhere);
  }

  /** Does what the reason, for which there is no connection, asks for. */
  private failed(reason: Fault, elsewhere: boolean): void {
    if (this.current === "closed") {
      return;
    }
    switch (afterwards(reason.code)) {
      case "stop":
        this.stop(reason);
        return;
      case "renew":
        if (!this.options.renew || (this.renewed && this.opened)) {
          this.stop(reason);
          return;
        }
        this.stale = true;
        if (!this.renewed) {
          this.connect();
          return;
        }
        break; // even the new token was refused: not so fast
      case "anew":
        if (this.welcome) {
          this.forsake(reason);
          this.connect();
          return;
        }
        break;
      case "again":
        if (elsewhere || this.opened) {
          this.gate++;
        }
    }
    if (!this.opened) {
      this.pause();
    } else if (++this.tries < this.entrance.gates.length) {
      this.connect();
    } else {
      this.stop(reason);
    }
  }

  private pause(): void {
    const gates = this.entrance.gates.length;
    this.stopPause = this.clock.after(this.backoff.next(), () => this.connect());
    if (this.options.renew && this.backoff.failures % (gates + 1) === 0) {
      this.stale = true; // the gates may be elsewhere by now
    }
  }

  /** Gives up what was to be resumed. */
  private forsake(why: Fault): void {
    this.stopGrace();
    this.graceOver = false;
    this.welcome = undefined;
    this.lost ??= why;
    this.traffic.end(new Fault(Code.lost, `the session is lost (${codeName(why.code)}): ${why.message}`));
  }

  private stop(why: Fault): void {
    if (this.current === "closed") {
      return;
    }
    this.stopPause?.();
    this.stopPause = undefined;
    this.stopGrace();
    this.stopAcks();
    this.connection?.close();
    this.connection = this.welcome = undefined;
    this.traffic.end(why);
    this.change("closed", why);
    this.opened?.reject(why);
    this.opened = undefined;
    this.finish(why);
  }
}
