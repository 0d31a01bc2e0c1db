import { type DescMessage, type MessageShape, fromBinary, fromJsonString, toBinary, toJsonString } from "@bufbuild/protobuf";

import { Code, Fault } from "./fault.js";

/** How the bodies of a session are written: all alike, in both directions. Both keep 64-bit integers whole, as bigint. */
export interface Codec {
  readonly json: boolean;
  encode<D extends DescMessage>(schema: D, message: MessageShape<D>): Uint8Array;
  /** Fields that are not known are ignored. It throws a Fault, `invalid`, for a body that cannot be read. */
  decode<D extends DescMessage>(schema: D, body: Uint8Array): MessageShape<D>;
}

export const protobuf: Codec = {
  json: false,
  encode: (schema, message) => toBinary(schema, message),
  decode: (schema, body) => reading(schema, "protobuf", () => fromBinary(schema, body, { readUnknownFields: false })),
};

export const json: Codec = {
  json: true,
  encode: (schema, message) => new TextEncoder().encode(toJsonString(schema, message)),
  decode: (schema, body) =>
    reading(schema, "JSON", () => {
      const text = body.length === 0 ? "{}" : new TextDecoder("utf-8", { fatal: true }).decode(body);
      return fromJsonString(schema, text, { ignoreUnknownFields: true });
    }),
};

function reading<T>(schema: DescMessage, format: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Fault(Code.invalid, `a body is not a ${schema.name} in ${format}: ${String(error)}`);
  }
}
