/** The client library: see README.md. */
export type { Abort, Patience } from "./calls.js";
export { Events, type EventsOptions } from "./events.js";
export { Code, Fault, codeName, codeOf } from "./fault.js";
export { type Fetch, type GateAddress, Login, type Ticket } from "./login.js";
export type { Entrance, SessionOptions, State } from "./options.js";
export { Session } from "./session.js";
export type { StreamReset } from "./traffic.js";
export type { Dialer, Listener, Transport } from "./transport.js";
export { type Socket, webSocket } from "./websocket.js";
