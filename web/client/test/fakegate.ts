import assert from "node:assert/strict";

import { type DescMessage, type MessageInitShape, type MessageShape, create } from "@bufbuild/protobuf";

import { type Codec, protobuf } from "../src/codec.js";
import { type Header, Kind, encodeFrame, header, kindName, parseFrame } from "../src/frame.js";
import { files } from "../src/game.js";
import { Fault } from "../src/index.js";
import { AckSchema, ErrorSchema, HelloSchema, ResetSchema, WelcomeSchema } from "../src/pb/wire_pb.js";
import { Registry } from "../src/registry.js";
import type { Dialer, Listener, Transport } from "../src/transport.js";
import { settled } from "./fakeclock.js";

export const registry = new Registry(files);

/** The streams that a FakeGate names. */
export const streams = [
  { number: 1, type: "world" },
  { number: 2, type: "zone" },
  { number: 3, type: "queue" },
];
export const world = 1;
export const zone = 2;

/** Gates that do what a test says. */
export class FakeGates implements Dialer {
  readonly lines: FakeLine[] = [];
  private waiting: ((line: FakeLine) => void) | undefined;
  private taken = 0;

  address(gate: { ws?: string }): string | undefined {
    return gate.ws;
  }

  dial(address: string, listener: Listener): Transport {
    const line = new FakeLine(address, listener);
    this.lines.push(line);
    this.waiting?.(this.lines[this.taken++]!);
    this.waiting = undefined;
    return line;
  }

  /** The next connection that the client has begun, not accepted yet. */
  async next(): Promise<FakeLine> {
    await settled();
    assert.ok(this.taken < this.lines.length, "the client has not connected");
    return this.lines[this.taken++]!;
  }

  /** The next connection, accepted, with its Hello. */
  async hello(codec: Codec = protobuf): Promise<{ line: FakeLine; hello: MessageShape<typeof HelloSchema> }> {
    const line = await this.next();
    line.codec = codec;
    line.listener.opened();
    const { body } = line.take(Kind.hello);
    return { line, hello: codec.decode(HelloSchema, body) };
  }

  /** Whether there is no connection that next has not returned. */
  async quiet(): Promise<boolean> {
    await settled();
    return this.taken === this.lines.length;
  }
}

/** The gate's side of one connection. */
export class FakeLine implements Transport {
  codec: Codec = protobuf;
  /** Whether the client has ended the connection. */
  left = false;
  /** Makes the next frames that the client sends fail. */
  broken = false;
  private readonly sent: Uint8Array[] = [];
  private readonly numbers = new Map<number, number>();

  constructor(
    readonly address: string,
    readonly listener: Listener,
  ) {}

  send(frame: Uint8Array): void {
    if (this.broken) {
      throw new Error("broken pipe");
    }
    this.sent.push(frame);
  }

  close(): void {
    this.left = true;
  }

  /** The next frame that the client has sent, which must be of the kind. */
  take(kind: number): { header: Header; body: Uint8Array } {
    const bytes = this.sent.shift();
    assert.ok(bytes, `the client has sent no ${kindName(kind)} frame`);
    const frame = parseFrame(bytes);
    assert.equal(kindName(frame.header.kind), kindName(kind));
    return frame;
  }

  /** The next message that the client has sent, which must be of the type. */
  message<D extends DescMessage>(schema: D): { header: Header; message: MessageShape<D> } {
    const bytes = this.sent.shift();
    assert.ok(bytes, `the client has sent no ${schema.typeName}`);
    const { header: h, body } = parseFrame(bytes);
    assert.equal(registry.byId(h.message)?.schema.typeName, schema.typeName);
    return { header: h, message: this.codec.decode(schema, body) };
  }

  /** The marks of the next frame, which must be an Ack, by stream. */
  acks(): Record<number, number> {
    const { received } = this.codec.decode(AckSchema, this.take(Kind.ack).body);
    return Object.fromEntries(received.map(({ stream, sequence }) => [stream, sequence]));
  }

  /** Whether everything that the client has sent was taken. */
  get silent(): boolean {
    return this.sent.length === 0;
  }

  write(h: Header, body: Uint8Array): void {
    this.listener.frame(encodeFrame(h, body));
  }

  control<D extends DescMessage>(kind: number, schema: D, init: MessageInitShape<D>): void {
    this.write(header(kind), this.codec.encode(schema, create(schema, init)));
  }

  welcome(init: MessageInitShape<typeof WelcomeSchema> = {}): void {
    this.control(Kind.welcome, WelcomeSchema, { protocol: 1, session: 7n, heartbeatMs: 15_000, streams, ...init } as typeof init);
  }

  kick(code: number, message = ""): void {
    this.control(Kind.kick, ErrorSchema, { code, message });
    this.cut();
  }

  reset(stream: number, reason = "the node is gone"): void {
    this.numbers.delete(stream);
    this.control(Kind.reset, ResetSchema, { stream, reason });
  }

  /** Answers the request with the header, as the backend does. */
  reply<D extends DescMessage>(to: Header, schema: D, init: MessageInitShape<D>, sequence = this.number(to.stream)): void {
    const h = header(Kind.reply, { stream: to.stream, message: registry.of(schema)!.id, call: to.call, sequence });
    this.write(h, this.codec.encode(schema, create(schema, init)));
  }

  /** Refuses the request with the header: as the backend does, or, with number 0, as the gate itself does. */
  refuse(to: Header, fault: Fault, sequence = this.number(to.stream)): void {
    const h = header(Kind.error, { stream: to.stream, call: to.call, sequence });
    this.write(h, this.codec.encode(ErrorSchema, create(ErrorSchema, { code: fault.code, message: fault.message })));
  }

  push<D extends DescMessage>(stream: number, schema: D, init: MessageInitShape<D>, sequence?: number): void {
    const declared = registry.of(schema)!;
    const number = sequence ?? (declared.droppable ? 0 : this.number(stream));
    const h = header(Kind.push, { stream, message: declared.id, sequence: number });
    this.write(h, this.codec.encode(schema, create(schema, init)));
  }

  /** Breaks the connection. */
  cut(why = "cut"): void {
    if (!this.left) {
      this.listener.closed(why);
    }
  }

  /** Goes on with a stream of an earlier connection, after the number. */
  goOn(stream: number, sequence: number): void {
    this.numbers.set(stream, sequence);
  }

  private number(stream: number): number {
    const number = (this.numbers.get(stream) ?? 0) + 1;
    this.numbers.set(stream, number);
    return number;
  }
}
