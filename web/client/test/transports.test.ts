import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, type Socket as TCPSocket, createServer } from "node:net";
import { test } from "node:test";

import { WebSocket, WebSocketServer } from "ws";

import { Kind, encodeFrame, header } from "../src/frame.js";
import { type Dialer, type Listener, type Transport, webSocket } from "../src/index.js";
import { tcp } from "../src/tcp.js";

/** A server of one transport. */
interface Server {
  address: string;
  /** The server's end of the next connection. */
  accept(): Promise<Peer>;
  stop(): Promise<unknown>;
}

interface Peer {
  /** Writes frames, in as unfortunate pieces as the transport allows. */
  write(...frames: Uint8Array[]): void;
  /** Writes what is no frame. */
  garbage(): void;
  /** The next n frames that came. */
  read(n: number): Promise<string[]>;
  close(): void;
  /** Resolved when the client has ended the connection. */
  gone: Promise<unknown>;
}

/** What is told of a connection, in order. */
class Told implements Listener {
  private readonly events: string[] = [];
  private wake = () => {};

  opened(): void {
    this.add("opened");
  }
  frame(bytes: Uint8Array): void {
    this.add(Buffer.from(bytes).toString("hex"));
  }
  closed(why: string): void {
    assert.notEqual(why, "");
    this.add("closed");
  }
  /** Everything told, when it is at least n things. */
  async all(n: number): Promise<string[]> {
    while (this.events.length < n) {
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    return this.events;
  }
  private add(event: string): void {
    this.events.push(event);
    this.wake();
  }
}

/** Frames that came, for those who wait for them. */
class Inbox {
  private readonly frames: string[] = [];
  private wake = () => {};

  add(bytes: Buffer): void {
    this.frames.push(bytes.toString("hex"));
    this.wake();
  }
  async read(n: number): Promise<string[]> {
    while (this.frames.length < n) {
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    return this.frames.splice(0, n);
  }
}

async function serveWebSocket(): Promise<Server> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    address: `ws://127.0.0.1:${port}/`,
    accept: async () => {
      const [socket] = (await once(server, "connection")) as [WebSocket];
      socket.on("error", () => {}); // the client has gone: close says so too
      const inbox = new Inbox();
      socket.on("message", (data) => inbox.add(data as Buffer));
      return {
        write: (...frames) => frames.forEach((frame) => socket.send(frame)),
        garbage: () => socket.send("text"),
        read: (n) => inbox.read(n),
        close: () => socket.close(),
        gone: new Promise((resolve) => socket.once("close", resolve)),
      };
    },
    stop: () => {
      server.clients.forEach((socket) => socket.terminate());
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

async function serveTCP(): Promise<Server> {
  const server = createServer();
  const sockets: TCPSocket[] = [];
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    accept: async () => {
      const [socket] = (await once(server, "connection")) as [TCPSocket];
      socket.on("error", () => {}); // the client has gone: close says so too
      sockets.push(socket);
      const inbox = new Inbox();
      let held = Buffer.alloc(0);
      socket.on("data", (chunk) => {
        held = Buffer.concat([held, chunk]);
        while (held.length >= 4 && held.length >= 4 + held.readUInt32BE(0)) {
          const size = 4 + held.readUInt32BE(0);
          inbox.add(held.subarray(0, size));
          held = held.subarray(size);
        }
      });
      return {
        write: (...frames) => {
          const bytes = Buffer.concat(frames);
          socket.setNoDelay(true);
          for (let at = 0; at < bytes.length; at += 7) {
            socket.write(bytes.subarray(at, at + 7));
          }
        },
        garbage: () => socket.write(Buffer.alloc(16, 0xff)),
        read: (n) => inbox.read(n),
        close: () => socket.end(),
        gone: new Promise((resolve) => socket.once("close", resolve)),
      };
    },
    stop: () => {
      sockets.forEach((socket) => socket.destroy());
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

const frames = [0, 1, 100, 70_000].map((size) => encodeFrame(header(Kind.pong, { call: size }), new Uint8Array(size).fill(size)));
const hex = frames.map((frame) => Buffer.from(frame).toString("hex"));

const transports: [string, () => Promise<Server>, () => Dialer][] = [
  ["WebSocket", serveWebSocket, () => webSocket((url) => new WebSocket(url))],
  ["TCP", serveTCP, tcp],
];
if (typeof globalThis.WebSocket !== "undefined") {
  transports.push(["the platform's WebSocket", serveWebSocket, () => webSocket()]);
}

for (const [name, serve, dialer] of transports) {
  /** Runs the test on an open connection. */
  const connected = (what: string, run: (peer: Peer, transport: Transport, told: Told) => Promise<void>) =>
    test(`${name}: ${what}`, async (t) => {
      const server = await serve();
      t.after(() => server.stop());
      const told = new Told();
      const accepting = server.accept();
      const transport = dialer().dial(server.address, told);
      const peer = await accepting;
      await told.all(1);
      await run(peer, transport, told);
      await peer.gone;
    });

  connected("frames arrive whole and in order, both ways", async (peer, transport, told) => {
    peer.write(...frames);
    assert.deepEqual(await told.all(1 + frames.length), ["opened", ...hex]);
    frames.forEach((frame) => transport.send(frame));
    assert.deepEqual(await peer.read(frames.length), hex);
    transport.close();
  });

  connected("what was sent before leaving arrives", async (peer, transport) => {
    transport.send(frames[3]!);
    transport.close();
    assert.deepEqual(await peer.read(1), [hex[3]]);
  });

  connected("a gate that closes is noticed, once", async (peer, transport, told) => {
    peer.write(frames[1]!);
    peer.close();
    await peer.gone;
    transport.close();
    assert.deepEqual(await told.all(3), ["opened", hex[1], "closed"]);
  });

  connected("what is no frame ends the connection", async (peer, _, told) => {
    peer.garbage();
    assert.deepEqual(await told.all(2), ["opened", "closed"]);
  });

  connected("after close nothing more is told", async (peer, transport, told) => {
    transport.close(true);
    peer.write(frames[0]!);
    await peer.gone;
    assert.deepEqual(await told.all(1), ["opened"]);
  });

  test(`${name}: where nobody listens, that is told`, async () => {
    const server = await serve();
    await server.stop();
    const told = new Told();
    dialer().dial(server.address, told);
    assert.deepEqual(await told.all(1), ["closed"]);
  });

  test(`${name}: a connection that is not made yet can be closed`, async () => {
    const server = await serve();
    const told = new Told();
    dialer().dial(server.address, told).close();
    await server.stop();
    assert.deepEqual(await told.all(0), []);
  });

  test(`${name}: an address that is none is refused`, () => {
    assert.throws(() => dialer().dial("nowhere", new Told()));
  });
}

test("a transport knows which of a gate's addresses is its own", () => {
  const gate = { tcp: "127.0.0.1:7001", ws: "ws://127.0.0.1:7002/" };
  assert.equal(webSocket().address(gate), gate.ws);
  assert.equal(tcp().address(gate), gate.tcp);
  assert.equal(webSocket().address({ tcp: gate.tcp }), undefined);
  assert.equal(tcp().address({ ws: gate.ws }), undefined);
});
