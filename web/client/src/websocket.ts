import type { Dialer, Listener, Transport } from "./transport.js";

/** What is used of a WebSocket: that of browsers, of Cocos, of Node from version 22 on, and of the package ws. */
export interface Socket {
  binaryType: string;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(data: Uint8Array): void;
  close(): void;
  /** Ends the connection without waiting for the peer, where there is such a thing. */
  terminate?(): void;
}

/** Connects over WebSocket. `make` is needed where there is no global one: `(url) => new WebSocket(url)`, with that of the package ws. */
export function webSocket(make: (url: string) => Socket = globalSocket): Dialer {
  return {
    address: (gate) => gate.ws,
    dial: (address, listener) => open(make(address), listener),
  };
}

function globalSocket(url: string): Socket {
  if (typeof WebSocket === "undefined") {
    throw new Error("there is no WebSocket here: give webSocket() one");
  }
  return new WebSocket(url) as unknown as Socket;
}

function open(socket: Socket, listener: Listener): Transport {
  const silence = () => {
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.onerror = () => {}; // the package ws throws errors that nobody listens for
  };
  const end = (why: string) => {
    silence();
    socket.close();
    listener.closed(why);
  };
  socket.binaryType = "arraybuffer";
  socket.onopen = () => listener.opened();
  socket.onmessage = ({ data }: { data: unknown }) => {
    if (data instanceof ArrayBuffer) {
      listener.frame(new Uint8Array(data));
    } else {
      end("the gate sent a text message");
    }
  };
  socket.onclose = ({ code, reason }: { code: number; reason: string }) => {
    end(`the WebSocket was closed with code ${code}${reason ? `: ${reason}` : ""}`);
  };
  socket.onerror = ({ message }: { message?: string }) => end(message || "the WebSocket broke");
  return {
    send: (frame) => socket.send(frame),
    close: (atOnce) => {
      silence();
      if (atOnce && socket.terminate) {
        socket.terminate();
      } else {
        socket.close();
      }
    },
  };
}
