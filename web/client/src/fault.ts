/**
 * What kind of failure an error is. Numbers are stable; those from 1,000 on are the game's own. A code that is not known here is to be treated
 * like `internal`.
 */
export const Code = {
  internal: 1,
  invalid: 2,
  unauthenticated: 3,
  forbidden: 4,
  not_found: 5,
  already_exists: 6,
  failed_precondition: 7,
  overloaded: 8,
  unavailable: 9,
  deadline: 10,
  cancelled: 11,
  not_owner: 12,
  fenced: 13,
  too_large: 14,
  rate_limited: 15,
  unimplemented: 16,
  version: 17,
  start_over: 18,
  lost: 19,
  replaced: 20,
  shutting_down: 21,
  slow: 22,
} as const;

const names = new Map<number, string>(Object.entries(Code).map(([name, code]) => [code, name]));
const codes = new Map<string, number>(Object.entries(Code));

/** The code's name, or "code_N" for a number that is not known here. */
export function codeName(code: number): string {
  return names.get(code) ?? `code_${code}`;
}

/** The code with the name; undefined if there is none. */
export function parseCode(name: string): number | undefined {
  return codes.get(name);
}

/** An error with a code: what a server refused, or what became of a call or of the connection. */
export class Fault extends Error {
  override readonly name = "Fault";

  /** `code` is one of Code, or a number of the game's own. */
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message === "" ? codeName(code) : message);
  }
}

/** The code of an error: `internal` for one that is not a Fault. */
export function codeOf(error: unknown): number {
  return error instanceof Fault ? error.code : Code.internal;
}

/** The error as a Fault. One that is none becomes a Fault with the given code. */
export function faultOf(error: unknown, code: number = Code.internal): Fault {
  if (error instanceof Fault) {
    return error;
  }
  return new Fault(code, error instanceof Error ? error.message : String(error));
}

/** What ends the session of a gate that does not keep to the protocol. */
export function violation(what: string): Fault {
  return new Fault(Code.invalid, `the gate breaks the protocol: ${what}`);
}
