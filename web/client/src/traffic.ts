import { type DescMessage, type Message, type MessageInitShape, type MessageShape, create } from "@bufbuild/protobuf";

import { Calls, type Patience, Wait } from "./calls.js";
import type { Clock } from "./clock.js";
import type { Codec } from "./codec.js";
import { checkControl } from "./connection.js";
import { Code, Fault, violation } from "./fault.js";
import { type Header, Kind, encodeFrame, header, kindName } from "./frame.js";
import { AckSchema, ErrorSchema, type Mark, MarkSchema, ResetSchema, type Welcome } from "./pb/wire_pb.js";
import type { Pushes } from "./pushes.js";
import type { Declared, Registry } from "./registry.js";
import { type Stream, Streams } from "./streams.js";

const ackEvery = 64; // reliable frames after which the server is told that they have come

/** A stream starts over: the node at its other end is gone, with what it had not delivered. */
export interface StreamReset {
  /** The type of node. */
  type: string;
  reason: string;
}

/** Writes a frame to the connection that there is now. */
export type Write = (frame: Uint8Array) => void;

/** What goes to and fro in a session, from its Welcome until it is lost; connections may come and go meanwhile. */
export class Traffic {
  private readonly calls = new Calls();
  private streams: Streams | undefined; // none: there is no session
  private write: Write | undefined; // none: there is no connection
  private maxBody = 0; // bytes; 0: not limited
  /** The first violation of order that was seen; undefined: there was none. */
  disorder: string | undefined;

  constructor(
    private readonly registry: Registry,
    private readonly codec: Codec,
    private readonly clock: Clock,
    private readonly pushes: Pushes,
    private readonly onReset: (reset: StreamReset) => void,
  ) {}

  /** Begins a new session. */
  begin(welcome: Welcome, write: Write): void {
    this.streams = new Streams(welcome.streams);
    this.maxBody = welcome.maxBody;
    this.write = write;
  }

  /** Goes on with the session, and sends again what is missing. false: it cannot go on without a gap. */
  resume(welcome: Welcome, write: Write): boolean {
    const missing = this.streams?.resumed(welcome.streams, welcome.received);
    if (!missing) {
      return false;
    }
    this.maxBody = welcome.maxBody;
    this.write = write;
    for (const kept of missing) {
      kept.written = true;
      write(kept.frame);
    }
    return true;
  }

  /** Notes that the connection is gone. Numbered frames wait for the next one. */
  pause(): void {
    this.write = undefined;
  }

  /** Gives the session up: nothing of it will be answered or sent any more. */
  end(reason: Fault): void {
    const streams = this.streams;
    this.streams = this.write = undefined;
    for (const { stream, sequence, wait } of this.calls.take()) {
      const at = streams?.at(stream);
      const written = !at || streams!.forget(at, sequence);
      wait.reject(written ? reason : new Fault(Code.unavailable, `never sent: ${reason.message}`));
    }
    this.pushes.fail(reason);
  }

  /** The last number received of each stream. */
  marks(): Mark[] {
    return this.streams?.marks() ?? [];
  }

  /** See Session.request. */
  request<D extends DescMessage, R extends DescMessage>(
    schema: D,
    init: MessageInitShape<D>,
    reply: R,
    patience: Patience,
  ): Promise<MessageShape<R>> {
    try {
      if (patience.signal?.aborted) {
        throw new Fault(Code.cancelled, "the caller gave up");
      }
      const { declared, stream } = this.route(schema);
      const call = this.calls.number();
      const sequence = this.sendNumbered(Kind.request, declared, stream, call, schema, init);
      const wait = new Wait<Message>(this.clock, patience, () => {
        this.calls.delete(call);
        this.streams?.forget(stream, sequence); // nobody wants it any more
      });
      this.calls.set(call, { stream: stream.number, sequence, reply, wait });
      return wait.promise as Promise<MessageShape<R>>;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** See Session.send. */
  send<D extends DescMessage>(schema: D, init: MessageInitShape<D>, droppable: boolean): void {
    if (droppable && !this.write) {
      return;
    }
    const { declared, stream } = this.route(schema);
    if (droppable) {
      const body = this.encode(schema, init);
      this.write?.(encodeFrame(header(Kind.send, { stream: stream.number, message: declared.id }), body));
    } else {
      this.sendNumbered(Kind.send, declared, stream, 0, schema, init);
    }
  }

  /** Tells the server what has come since it was last told. */
  acknowledge(): void {
    const received = this.write ? this.streams!.news() : [];
    if (received.length > 0) {
      this.ack(received);
    }
  }

  /** Takes a frame of the gate's. A Fault that it throws says how the gate breaks the protocol. */
  frame(h: Header, body: Uint8Array): void {
    if (h.kind === Kind.reset) {
      checkControl(h);
      this.reset(body);
      return;
    }
    const stream = this.check(h);
    if (stream && h.sequence !== 0) {
      const how = this.streams!.count(stream, h.sequence);
      if (how === "again") {
        return;
      }
      if (how === "gap") {
        this.disorder ??= `frame ${h.sequence} of stream ${h.stream} came, and others before it have not`;
      }
    }
    this.deliver(h, body);
    if ((this.streams?.unacked ?? 0) >= ackEvery) {
      this.acknowledge();
    }
  }

  private route(schema: DescMessage): { declared: Declared; stream: Stream } {
    const declared = this.registry.of(schema);
    if (!declared?.fromClient) {
      throw new Fault(Code.invalid, `${schema.typeName} is not declared for clients to send`);
    }
    if (!this.streams) {
      throw new Fault(Code.unavailable, "there is no session");
    }
    const stream = this.streams.of(declared.to);
    if (!stream) {
      throw new Fault(Code.unavailable, `${schema.typeName} goes to ${JSON.stringify(declared.to)}, which this gate does not reach`);
    }
    return { declared, stream };
  }

  private encode<D extends DescMessage>(schema: D, init: MessageInitShape<D>): Uint8Array {
    const body = this.codec.encode(schema, create(schema, init));
    if (this.maxBody > 0 && body.length > this.maxBody) {
      throw new Fault(Code.too_large, `a body of ${body.length} bytes is over the gate's limit of ${this.maxBody}`);
    }
    return body;
  }

  private sendNumbered<D extends DescMessage>(
    kind: number,
    declared: Declared,
    stream: Stream,
    call: number,
    schema: D,
    init: MessageInitShape<D>,
  ): number {
    const body = this.encode(schema, init);
    const sequence = stream.sent + 1;
    const frame = encodeFrame(header(kind, { stream: stream.number, message: declared.id, call, sequence }), body);
    if (!this.write) {
      this.streams!.mayWait(frame.length);
    }
    stream.sent = sequence;
    this.streams!.keep(stream, frame, this.write !== undefined);
    this.write?.(frame);
    return sequence;
  }

  private ack(received: Mark[]): void {
    const body = this.codec.encode(AckSchema, create(AckSchema, { received }));
    this.write?.(encodeFrame(header(Kind.ack), body));
  }

  /** Says what is wrong with a header that no gate sends; undefined is the stream of a broadcast. */
  private check(h: Header): Stream | undefined {
    const answers = h.kind === Kind.reply || h.kind === Kind.error;
    if (!answers && h.kind !== Kind.push) {
      throw violation(`it sends a ${kindName(h.kind)} frame`);
    }
    if (answers !== (h.call !== 0)) {
      throw violation(`a ${kindName(h.kind)} frame with call ${h.call}`);
    }
    if (h.kind === Kind.push && h.stream === 0 && h.sequence === 0) {
      return undefined;
    }
    const stream = this.streams?.at(h.stream);
    if (!stream) {
      throw violation(`a ${kindName(h.kind)} frame on stream ${h.stream}, which Welcome did not name`);
    }
    return stream;
  }

  private deliver(h: Header, body: Uint8Array): void {
    if (h.kind === Kind.error) {
      const { code, message } = this.codec.decode(ErrorSchema, body);
      this.answer(h, new Fault(code || Code.internal, message));
      return;
    }
    const declared = this.registry.byId(h.message);
    if (declared?.fromClient) {
      throw violation(`it sends ${declared.schema.typeName}, which only clients do`);
    }
    if (h.kind === Kind.push) {
      if (declared) {
        this.pushes.dispatch(declared.schema, this.codec.decode(declared.schema, body));
      } // else it is of a newer server
      return;
    }
    if (!declared) {
      this.answer(h, new Fault(Code.invalid, `the answer is message ${h.message}, which this client does not know`));
      return;
    }
    this.answer(h, this.codec.decode(declared.schema, body));
  }

  /** Ends a call. The late answer to one that was given up is dropped. */
  private answer(h: Header, result: Message | Fault): void {
    const call = this.calls.get(h.call);
    if (!call) {
      return;
    }
    if (call.stream !== h.stream) {
      throw violation(`call ${h.call} went to stream ${call.stream} and is answered on stream ${h.stream}`);
    }
    this.calls.delete(h.call);
    const stream = this.streams!.at(h.stream)!;
    if (h.sequence !== 0) {
      this.streams!.taken(stream, call.sequence); // by the backend, and with it everything before
    } else {
      this.streams!.forget(stream, call.sequence); // refused by the gate
    }
    if (result instanceof Fault) {
      call.wait.reject(result);
    } else if (result.$typeName !== call.reply.typeName) {
      call.wait.reject(new Fault(Code.invalid, `the answer is a ${result.$typeName}, and not a ${call.reply.typeName}`));
    } else {
      call.wait.resolve(result);
    }
  }

  /** Ends the calls of a stream whose other end is gone, and tells the gate so before anything else goes out. */
  private reset(body: Uint8Array): void {
    const { stream: number, reason } = this.codec.decode(ResetSchema, body);
    const stream = this.streams?.at(number);
    if (!stream) {
      throw violation(`it resets stream ${number}, which Welcome did not name`);
    }
    this.streams!.startOver(stream);
    this.ack([create(MarkSchema, { stream: number, sequence: 0 })]);
    const lost = this.calls.take(number);
    this.onReset({ type: stream.type, reason }); // first, so that whoever is told that a call is lost can know why
    for (const { wait } of lost) {
      wait.reject(new Fault(Code.lost, `the server behind the gate is gone: ${reason}`));
    }
  }
}
