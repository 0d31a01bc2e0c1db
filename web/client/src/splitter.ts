import { Code, Fault } from "./fault.js";
import { headerSize, maxBody, parseHeader } from "./frame.js";

/** Finds the frames in a stream of bytes, however they are split. It never keeps more than one frame that is not whole. */
export class Splitter {
  private held = new Uint8Array(0);

  /** Gives each frame that is whole now to `take`. It throws a Fault when what follows is no frame; then the stream is of no use any more. */
  push(chunk: Uint8Array, take: (frame: Uint8Array) => void): void {
    let bytes = chunk;
    if (this.held.length > 0) {
      bytes = new Uint8Array(this.held.length + chunk.length);
      bytes.set(this.held);
      bytes.set(chunk, this.held.length);
      this.held = new Uint8Array(0);
    }
    while (bytes.length >= headerSize) {
      const { size } = parseHeader(bytes);
      if (size > maxBody) {
        throw new Fault(Code.too_large, `a body of ${size} bytes is over the limit of ${maxBody}`);
      }
      if (bytes.length < headerSize + size) {
        break;
      }
      take(bytes.subarray(0, headerSize + size));
      bytes = bytes.subarray(headerSize + size);
    }
    this.held = bytes.slice();
  }
}
