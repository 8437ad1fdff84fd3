import { QUEUES, type Queue } from "../bus.ts";
import type { DoneLog } from "./done-log.ts";
import { deferredSubject, dueSubject, frozenSubject, type ItemName, tail } from "./item-subject.ts";
import type { ReadyIndex } from "./ready-index.ts";
import type { ServerApi } from "./server-api.ts";
import type { Names } from "./topology.ts";

interface Parts {
  readonly api: ServerApi;
  readonly names: Names;
  readonly done: DoneLog;
  readonly ready: Readonly<Record<Queue, ReadyIndex>>;
}

/**
 * Whether an item was published, and where it has got to. Asked before an item is handled, or what came of it
 * published, a second time: in a bundle the server cannot recognise it by its id.
 */
export class Presence {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** @throws {BusUnavailableError} */
  async has(name: ItemName): Promise<boolean> {
    const { ready, api, names, done } = this.#parts;
    const itemTail = tail(name);
    await Promise.all(QUEUES.map((queue) => ready[queue].read()));
    if (QUEUES.some((queue) => ready[queue].seqOf(itemTail) !== undefined)) return true;
    const p = names.subject;
    const [waiting, frozen] = await Promise.all([
      api.lastOfMany(names.deferred, [deferredSubject(p, name), dueSubject(p, name)]),
      api.lastOfMany(names.frozen, [frozenSubject(p, name)]),
    ]);
    if (waiting.length + frozen.length > 0) return true;
    // Last: what was ready before and is not any more, has ended.
    return done.hasAny([name.id]);
  }
}
