import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";

import { Code, Login } from "../src/index.js";
import { faulted } from "./setup.js";

const ticket = {
  account: "9007199254740993",
  player: "9223372036854775807",
  area: 3,
  token: "abc",
  expires_in: 600,
  refresh: "3.secret",
  gates: [{ tcp: "127.0.0.1:7001", ws: "ws://127.0.0.1:7002/" }, { ws: "wss://two/" }],
};

/** A login web that answers every request in one way, and notes it. */
async function serve(status: number, answer: string) {
  const requests: [string, unknown][] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
    request.on("end", () => {
      requests.push([`${request.method} ${request.url} ${request.headers["content-type"]}`, JSON.parse(body)]);
      response.writeHead(status, { "Content-Type": "application/json", Connection: "close" }).end(answer);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { base, requests, stop: () => new Promise((resolve) => server.close(resolve)) };
}

test("every way to log in is a request of its own", async () => {
  const { base, requests, stop } = await serve(200, JSON.stringify(ticket));
  const login = new Login(base + "/");
  const got = await login.guest("a device of sixteen bytes", 3);
  assert.deepEqual(got, {
    account: 9007199254740993n, player: 9223372036854775807n, area: 3, token: "abc", expiresIn: 600, refresh: "3.secret", gates: ticket.gates,
  });
  await login.register("ann", "secret", 3);
  await login.password("ann", "secret");
  await login.refresh("3.secret");
  assert.deepEqual(requests, [
    ["POST /v1/guest application/json", { device: "a device of sixteen bytes", area: 3 }],
    ["POST /v1/register application/json", { name: "ann", password: "secret", area: 3 }],
    ["POST /v1/login application/json", { name: "ann", password: "secret", area: 0 }],
    ["POST /v1/refresh application/json", { refresh: "3.secret" }],
  ]);
  await stop();
});

test("what the login web refuses is a fault", async () => {
  const { base, stop } = await serve(401, `{"error": {"code": "unauthenticated", "message": "wrong name or password"}}`);
  const why = await faulted(new Login(base).password("ann", "wrong"), Code.unauthenticated);
  assert.equal(why.message, "wrong name or password");
  await stop();
});

test("what is no login web is told from one", async () => {
  for (const [status, answer] of [[200, "<html>"], [200, "{}"], [200, "null"], [404, ""], [500, JSON.stringify(ticket)]] as const) {
    const { base, stop } = await serve(status, answer);
    assert.match((await faulted(new Login(base).guest("device"), Code.internal)).message, /is this the URL of a login web/);
    await stop();
  }
});

test("a login web that cannot be reached is unavailable", async () => {
  const { base, stop } = await serve(200, "{}");
  await stop();
  await faulted(new Login(base).guest("device"), Code.unavailable);
});
