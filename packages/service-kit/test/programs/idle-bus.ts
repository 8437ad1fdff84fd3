import type { Bus, Entry, KeyValue } from "@postbus/bus";

const unused = (): never => {
  throw new Error("this bus only holds values");
};

/** As much of a bus as the life of a process needs: values, health, an end. What happens to it is written to standard error. */
export function idleBus(): Bus & { isOk: boolean } {
  const values = new Map<string, Entry>();
  const keyValue: KeyValue = {
    get: async (key) => values.get(key),
    async put(key, value) {
      values.set(key, { key, value, revision: values.size });
      process.stderr.write(`put ${key} ${JSON.stringify(value)}\n`);
      return values.size;
    },
    create: unused,
    update: unused,
    async delete(key) {
      values.delete(key);
      process.stderr.write(`deleted ${key}\n`);
    },
    list: async () => [...values.values()],
  };
  return {
    isOk: true,
    publish: unused,
    consume: unused,
    request: unused,
    serve: unused,
    broadcast: unused,
    listen: unused,
    waiting: {
      counts: unused,
      messageCount: unused,
      list: unused,
      ofMessage: unused,
      takeNow: unused,
      freeze: unused,
      revise: unused,
      remove: unused,
    },
    events: { record: unused, follow: unused },
    spool: { create: unused, read: unused, remove: unused, sweep: unused },
    keyValue: () => keyValue,
    async health() {
      return { ok: this.isOk, text: this.isOk ? "idle" : "gone" };
    },
    async close() {
      process.stderr.write("bus closed\n");
    },
  };
}
