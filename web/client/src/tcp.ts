import { connect } from "node:net";

import { Splitter } from "./splitter.js";
import type { Dialer, Listener, Transport } from "./transport.js";

/** Connects over TCP, from Node. */
export function tcp(): Dialer {
  return {
    address: (gate) => gate.tcp,
    dial: (address, listener) => dial(address, listener),
  };
}

/** `address` is host:port; an IPv6 host stands in brackets. */
function dial(address: string, listener: Listener): Transport {
  const parts = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(address);
  const host = parts?.[1] ?? parts?.[2];
  if (!parts || !host) {
    throw new Error(`${address} is not host:port`);
  }
  const socket = connect({ host, port: Number(parts[3]), noDelay: true });
  const splitter = new Splitter();
  let over = false;
  const end = (why: string) => {
    if (!over) {
      over = true;
      socket.destroy();
      listener.closed(why);
    }
  };
  socket.on("connect", () => listener.opened());
  socket.on("data", (chunk) => {
    try {
      splitter.push(chunk, (frame) => {
        if (!over) {
          listener.frame(frame);
        }
      });
    } catch (error) {
      end(String(error));
    }
  });
  socket.on("error", (error) => end(error.message));
  socket.on("close", () => end("the connection was closed"));
  return {
    send: (frame) => void socket.write(frame),
    close: (atOnce) => {
      over = true;
      if (atOnce || socket.connecting) {
        socket.destroy();
      } else {
        socket.end(() => socket.destroy()); // what was sent still goes out
      }
    },
  };
}
