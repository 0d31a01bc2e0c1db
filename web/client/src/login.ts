import { Code, Fault, faultOf, parseCode } from "./fault.js";

/** Where a gate is. */
export interface GateAddress {
  /** host:port; undefined: it does not speak TCP. */
  tcp?: string;
  /** URL; undefined: it does not speak WebSocket. */
  ws?: string;
  /** URL, kcp:// or kcps://, for clients that speak KCP; this one does not. */
  kcp?: string;
}

/** What a login gives. */
export interface Ticket {
  account: bigint;
  player: bigint;
  area: number;
  /** For the gate. */
  token: string;
  /** Seconds that `token` lives. */
  expiresIn: number;
  /** For the next login, once. */
  refresh: string;
  /** The best first. */
  gates: GateAddress[];
}

/** What is used of fetch. */
export type Fetch = (
  url: string,
  init: { method: string; headers: Record<string, string>; body: string },
) => Promise<{ status: number; text(): Promise<string> }>;

/**
 * Talks to the login web. What the server refuses is thrown as the Fault that it was; `unavailable` is thrown when it cannot be reached.
 * Area 0 is the first area.
 */
export class Login {
  private readonly base: string;

  /** `base` is the login web's URL, as "https://login.example.com". `fetch` is needed where there is no global one. */
  constructor(
    base: string,
    private readonly fetch: Fetch = (url, init) => globalThis.fetch(url, init),
  ) {
    this.base = base.replace(/\/+$/, "");
  }

  /** Logs in with a secret of the device's, at least 16 bytes; the account is made when it is first seen. */
  guest(device: string, area = 0): Promise<Ticket> {
    return this.post("/v1/guest", { device, area });
  }

  /** Makes an account. */
  register(name: string, password: string, area = 0): Promise<Ticket> {
    return this.post("/v1/register", { name, password, area });
  }

  /** Logs in with name and password. */
  password(name: string, password: string, area = 0): Promise<Ticket> {
    return this.post("/v1/login", { name, password, area });
  }

  /** Logs in with the refresh token of an earlier login, which is used up, to the same area. */
  refresh(refresh: string): Promise<Ticket> {
    return this.post("/v1/refresh", { refresh });
  }

  private async post(path: string, body: object): Promise<Ticket> {
    const url = this.base + path;
    let status: number;
    let text: string;
    try {
      const response = await this.fetch(url, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
      status = response.status;
      text = await response.text();
    } catch (error) {
      throw new Fault(Code.unavailable, `the login web cannot be reached: ${faultOf(error).message}`);
    }
    const answer = parse(text);
    const refused = refusal(answer);
    if (refused) {
      throw refused;
    }
    const ticket = status === 200 ? ticketOf(answer) : undefined;
    if (!ticket) {
      throw new Fault(Code.internal, `${url} answers with HTTP status ${status} and no ticket; is this the URL of a login web?`);
    }
    return ticket;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The error in an answer; undefined: there is none. */
function refusal(answer: unknown): Fault | undefined {
  const error = (answer as { error?: { code?: unknown; message?: unknown } } | null | undefined)?.error;
  if (typeof error?.code !== "string") {
    return undefined;
  }
  return new Fault(parseCode(error.code) ?? Code.internal, typeof error.message === "string" ? error.message : error.code);
}

/** The ticket in an answer, in which 64-bit ids are strings; undefined: it is something else. */
function ticketOf(answer: unknown): Ticket | undefined {
  const t = answer as Record<string, unknown> | null | undefined;
  if (typeof t !== "object" || t === null || typeof t.token !== "string" || t.token === "" || !Array.isArray(t.gates)) {
    return undefined;
  }
  try {
    return {
      account: BigInt(t.account as string),
      player: BigInt(t.player as string),
      area: Number(t.area),
      token: t.token,
      expiresIn: Number(t.expires_in),
      refresh: String(t.refresh ?? ""),
      gates: t.gates as GateAddress[],
    };
  } catch {
    return undefined;
  }
}
