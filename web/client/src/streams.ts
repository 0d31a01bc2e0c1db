import { create } from "@bufbuild/protobuf";

import { Code, Fault, violation } from "./fault.js";
import { type Mark, MarkSchema, type Stream as Named } from "./pb/wire_pb.js";

/** Frames of one stream that are kept until the backend is known to have taken them. The oldest make room for new ones. */
const keptFrames = 256;
/** Bytes of one stream's kept frames. */
const keptBytes = 64 << 10;
/** Frames, of all streams, that may wait for a connection: a gate takes 100 at once. */
const waitingFrames = 64;
/** Bytes of them. */
const waitingBytes = 64 << 10;

/** A numbered frame that may have to be sent again. */
export interface Kept {
  sequence: number;
  frame: Uint8Array;
  /** Whether it was ever given to a connection. */
  written: boolean;
}

/** One session's numbering at one type of node. Both directions count from 1. */
export interface Stream {
  readonly number: number;
  readonly type: string;
  /** The last number given to a frame of the client's. */
  sent: number;
  /** The last number received. */
  received: number;
  /** The last number received that the server has been told of. */
  acked: number;
  /** The client's frames that the backend may not have taken, the oldest first. */
  kept: Kept[];
  /** Whether anything has gone over it, either way. */
  used: boolean;
  /** Resets that have come. */
  resets: number;
  /** The highest number that had to make room: a resume that needs it again is impossible. */
  dropped: number;
}

/** The streams of one session, as its Welcome named them. */
export class Streams {
  private readonly byNumber = new Map<number, Stream>();
  private readonly byType = new Map<string, Stream>();
  /** Reliable frames that have come since the last acknowledgement. */
  unacked = 0;

  /** It throws a Fault when the names make no sense. */
  constructor(named: Named[]) {
    for (const { number, type } of named) {
      if (number < 1 || number > 255 || this.byNumber.has(number)) {
        throw violation(`Welcome gives ${JSON.stringify(type)} stream ${number}`);
      }
      const stream = { number, type, sent: 0, received: 0, acked: 0, kept: [], used: false, resets: 0, dropped: 0 };
      this.byNumber.set(number, stream);
      this.byType.set(type, stream);
    }
  }

  at(number: number): Stream | undefined {
    return this.byNumber.get(number);
  }

  of(type: string): Stream | undefined {
    return this.byType.get(type);
  }

  /** Keeps a frame, which has just been numbered. */
  keep(stream: Stream, frame: Uint8Array, written: boolean): void {
    stream.kept.push({ sequence: stream.sent, frame, written });
    stream.used ||= written;
    let bytes = sum(stream.kept);
    while (stream.kept.length > keptFrames || bytes > keptBytes) {
      const gone = stream.kept.shift()!;
      stream.dropped = gone.sequence;
      bytes -= gone.frame.length;
    }
  }

  /** Throws a Fault, `overloaded`, when a frame of so many bytes is too much to wait for a connection with the others that do. */
  mayWait(size: number): void {
    let waiting: Kept[] = [];
    for (const stream of this.byNumber.values()) {
      waiting = waiting.concat(stream.kept.filter((kept) => !kept.written));
    }
    if (waiting.length >= waitingFrames || sum(waiting) + size > waitingBytes) {
      throw new Fault(Code.overloaded, "too much waits for the connection to come back");
    }
  }

  /** Notes that the backend has taken everything up to the number. */
  taken(stream: Stream, sequence: number): void {
    stream.kept = stream.kept.filter((kept) => kept.sequence > sequence);
  }

  /** Forgets the frame with the number, which is not to be sent again. It says whether it was ever sent, as far as is known. */
  forget(stream: Stream, sequence: number): boolean {
    const kept = stream.kept.find((kept) => kept.sequence === sequence);
    stream.kept = stream.kept.filter((other) => other !== kept);
    return kept?.written ?? true;
  }

  /** Counts a reliable frame in. "again" is one that has come before, "gap" one before which others are missing. */
  count(stream: Stream, sequence: number): "next" | "again" | "gap" {
    stream.used = true;
    if (sequence <= stream.received) {
      return "again";
    }
    const next = sequence === stream.received + 1;
    stream.received = sequence;
    this.unacked++;
    return next ? "next" : "gap";
  }

  /** What has come since this was last asked, for an Ack. */
  news(): Mark[] {
    const marks: Mark[] = [];
    for (const stream of this.byNumber.values()) {
      if (stream.received !== stream.acked) {
        stream.acked = stream.received;
        marks.push(create(MarkSchema, { stream: stream.number, sequence: stream.received }));
      }
    }
    this.unacked = 0;
    return marks;
  }

  /** What has been received of each stream on which anything has happened, for a Hello. */
  marks(): Mark[] {
    const used = [...this.byNumber.values()].filter((stream) => stream.used);
    return used.map((stream) => create(MarkSchema, { stream: stream.number, sequence: stream.received, resets: stream.resets }));
  }

  /** Takes a Reset: counts from 1 again, in both directions. */
  startOver(stream: Stream): void {
    stream.resets++;
    stream.sent = stream.received = stream.acked = stream.dropped = 0;
    stream.kept = [];
  }

  /**
   * What is to be sent after the session was resumed by a gate that names these streams and has taken so much of each. undefined: the session
   * cannot go on without a gap.
   */
  resumed(named: Named[], received: Mark[]): Kept[] | undefined {
    const missing: Kept[] = [];
    for (const stream of this.byNumber.values()) {
      const now = named.find(({ number }) => number === stream.number);
      if (now?.type !== stream.type) {
        return undefined;
      }
      const mark = received.find((mark) => mark.stream === stream.number)?.sequence;
      if (mark === undefined && stream.used) {
        continue; // it starts over: a Reset follows
      }
      if (mark !== undefined && (mark > stream.sent || mark < stream.dropped)) {
        return undefined;
      }
      this.taken(stream, mark ?? 0);
      missing.push(...stream.kept);
      stream.used ||= stream.kept.length > 0;
    }
    return missing;
  }
}

function sum(kept: Kept[]): number {
  return kept.reduce((bytes, { frame }) => bytes + frame.length, 0);
}
