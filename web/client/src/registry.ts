import { type DescFile, type DescMessage, getOption, hasOption } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";

import { Delivery, From, message } from "./pb/wire_pb.js";

/** A message that may cross a gate, as its .proto declares it. */
export interface Declared {
  schema: DescMessage;
  /** The number in frames. */
  id: number;
  /** Whether clients send it, or servers. */
  fromClient: boolean;
  /** The type of node that receives it, for messages from clients. */
  to: string;
  /** Whether a client may miss it. */
  droppable: boolean;
}

/** Every message that may cross a gate. */
export class Registry {
  private readonly byNumber = new Map<number, Declared>();
  private readonly byName = new Map<string, Declared>();

  /** Collects the messages that the files declare with the option (wire.message). It throws when two have the same number. */
  constructor(files: Iterable<DescFile>) {
    for (const file of new Set(files)) {
      for (const type of nestedTypes(file)) {
        if (type.kind === "message" && hasOption(type, message)) {
          this.add(type);
        }
      }
    }
  }

  /** The message with the number. */
  byId(id: number): Declared | undefined {
    return this.byNumber.get(id);
  }

  /** The message of the type. */
  of(schema: DescMessage): Declared | undefined {
    return this.byName.get(schema.typeName);
  }

  private add(schema: DescMessage): void {
    const { id, from, to, delivery } = getOption(schema, message);
    const other = this.byNumber.get(id);
    if (other) {
      throw new Error(`message number ${id} is used by ${other.schema.typeName} and by ${schema.typeName}`);
    }
    const declared = { schema, id, fromClient: from === From.CLIENT, to, droppable: delivery === Delivery.DROPPABLE };
    this.byNumber.set(id, declared);
    this.byName.set(schema.typeName, declared);
  }
}
