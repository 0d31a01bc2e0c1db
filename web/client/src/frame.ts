import { Code, Fault } from "./fault.js";

/** What a frame is for. */
export const Kind = {
  hello: 1,
  welcome: 2,
  ping: 3,
  pong: 4,
  ack: 5,
  kick: 6,
  reset: 7,
  leave: 8,
  send: 16,
  request: 17,
  reply: 18,
  error: 19,
  push: 20,
} as const;

const kindNames = new Map<number, string>(Object.entries(Kind).map(([name, kind]) => [kind, name]));

/** The kind's name, or "kind_N" for a number that has none. */
export function kindName(kind: number): string {
  return kindNames.get(kind) ?? `kind_${kind}`;
}

/** The version of the protocol that is spoken here. */
export const version = 1;
/** Bytes of a frame's header. */
export const headerSize = 16;
/** Bytes of the largest body that is taken from a gate. */
export const maxBody = 1 << 20;
/** In a Hello's flags: the bodies of this session are JSON, this one's included. */
export const jsonFlag = 0x20;

const largestBody = 16 << 20; // bytes; no frame at all may have more
const sizeField = 4; // bytes, which the size does not count
const kindMask = 0x1f;
const reservedFlags = 0xc0;

/** What stands before a frame's body. */
export interface Header {
  kind: number;
  flags: number;
  /** Who is at the other end: 0 is the gate itself, any other the number that Welcome gave to a type of node. */
  stream: number;
  /** The number of the message in its .proto; 0 in control frames and in Error. */
  message: number;
  /** Joins an answer with its request; 0: none. */
  call: number;
  /** The number of a reliable frame, from 1; 0: not numbered. */
  sequence: number;
}

/** A header of the kind, with the fields given and all others 0. */
export function header(kind: number, fields: Partial<Header> = {}): Header {
  return { kind, flags: 0, stream: 0, message: 0, call: 0, sequence: 0, ...fields };
}

/** One whole frame. */
export function encodeFrame(h: Header, body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(headerSize + body.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, headerSize - sizeField + body.length);
  view.setUint8(4, (h.kind & kindMask) | h.flags);
  view.setUint8(5, h.stream);
  view.setUint16(6, h.message);
  view.setUint32(8, h.call);
  view.setUint32(12, h.sequence);
  frame.set(body, headerSize);
  return frame;
}

/**
 * Reads the header at the beginning of `bytes`, which are at least 16, and the size of the body that follows it. It throws a Fault, `invalid` or
 * `too_large`, for a header that no gate sends, but does not look at whether frames of the kind come from gates.
 */
export function parseHeader(bytes: Uint8Array): { header: Header; size: number } {
  if (bytes.length < headerSize) {
    throw new Fault(Code.invalid, "a frame is shorter than its header");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, headerSize);
  const size = view.getUint32(0) - (headerSize - sizeField);
  const kind = view.getUint8(4) & kindMask;
  const flags = view.getUint8(4) & ~kindMask;
  const message = view.getUint16(6);
  if (size < 0) {
    throw new Fault(Code.invalid, "a frame is shorter than its header");
  }
  if (size > largestBody) {
    throw new Fault(Code.too_large, `a frame with a body of ${size} bytes is larger than any may be`);
  }
  if (!kindNames.has(kind)) {
    throw new Fault(Code.invalid, `no frame is of kind ${kind}`);
  }
  if ((flags & reservedFlags) !== 0) {
    throw new Fault(Code.invalid, `flags 0x${flags.toString(16)} are reserved`);
  }
  if ((flags & jsonFlag) !== 0 && kind !== Kind.hello) {
    throw new Fault(Code.invalid, `a ${kindName(kind)} frame cannot ask for JSON`);
  }
  if (carries(kind) === (message === 0)) {
    throw new Fault(Code.invalid, `a ${kindName(kind)} frame with message number ${message}`);
  }
  const h = { kind, flags, stream: view.getUint8(5), message, call: view.getUint32(8), sequence: view.getUint32(12) };
  return { header: h, size };
}

/** Reads `bytes` as exactly one frame, or throws a Fault as parseHeader does. The body is a part of `bytes`. */
export function parseFrame(bytes: Uint8Array, limit = largestBody): { header: Header; body: Uint8Array } {
  const { header, size } = parseHeader(bytes);
  if (size > limit) {
    throw new Fault(Code.too_large, `a body of ${size} bytes is over the limit of ${limit}`);
  }
  if (bytes.length !== headerSize + size) {
    throw new Fault(Code.invalid, `a frame of ${bytes.length} bytes says that it has ${headerSize + size}`);
  }
  return { header, body: bytes.subarray(headerSize) };
}

/** Whether frames of the kind carry a message that its .proto gives a number. */
function carries(kind: number): boolean {
  return kind === Kind.send || kind === Kind.request || kind === Kind.reply || kind === Kind.push;
}
