import type { DescMessage, Message, MessageShape } from "@bufbuild/protobuf";

import { type Patience, Wait } from "./calls.js";
import type { Clock } from "./clock.js";
import { Code, Fault } from "./fault.js";
import { safely } from "./safely.js";

/** Hands on what servers send unasked, by its type, in the order in which it came. */
export class Pushes {
  private readonly handlers = new Map<string, Set<(m: Message) => void>>();
  private readonly waits = new Map<string, Set<Wait<Message>>>();

  /** `report` is told what handlers throw. */
  constructor(
    private readonly clock: Clock,
    private readonly report: (error: unknown) => void,
  ) {}

  /** Calls the handler for each message of the type, until the function that it returns is called. */
  on<D extends DescMessage>(schema: D, handler: (m: MessageShape<D>) => void): () => void {
    const wrapped = (m: Message) => handler(m as MessageShape<D>);
    const handlers = entry(this.handlers, schema.typeName);
    handlers.add(wrapped);
    return () => void handlers.delete(wrapped);
  }

  /** The next message of the type. The promise may be left alone: its rejection is then nobody's concern. */
  next<D extends DescMessage>(schema: D, patience: Patience): Promise<MessageShape<D>> {
    if (patience.signal?.aborted) {
      return Promise.reject(new Fault(Code.cancelled, "the caller gave up"));
    }
    const waits = entry(this.waits, schema.typeName);
    const wait = new Wait<Message>(this.clock, patience, () => void waits.delete(wait));
    waits.add(wait);
    wait.promise.catch(() => {});
    return wait.promise as Promise<MessageShape<D>>;
  }

  dispatch(schema: DescMessage, m: Message): void {
    const waits = [...entry(this.waits, schema.typeName)];
    this.waits.delete(schema.typeName);
    for (const wait of waits) {
      wait.resolve(m);
    }
    for (const handler of [...entry(this.handlers, schema.typeName)]) {
      safely(() => handler(m), this.report);
    }
  }

  /** Ends all waiting. */
  fail(reason: Fault): void {
    const waits = [...this.waits.values()].flatMap((waits) => [...waits]);
    this.waits.clear();
    for (const wait of waits) {
      wait.reject(reason);
    }
  }
}

function entry<T>(map: Map<string, Set<T>>, name: string): Set<T> {
  let set = map.get(name);
  if (!set) {
    map.set(name, (set = new Set()));
  }
  return set;
}
