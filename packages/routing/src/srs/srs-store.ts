import { DeferError } from "@postbus/mail";

/** Of the bus: senders of messages that were forwarded, by the key that stands for each in the new return path. */
export const srsBucket = "srs";

/** For the store to answer: while it does not, the message waits, or the client is told to come again. */
const DEADLINE_MS = 5_000;
/** As `srsKey` makes them, whatever hosts on the way have made of the letters. */
const KEY = /^[a-z2-7]{16}$/i;

/** `srs_dbinsert = builtin`, `srs_dbselect = builtin`: senders that all processes know. */
export interface SrsStore {
  /** Durable when it resolves. @throws {DeferError} it cannot be kept now. */
  keep(key: string, address: string, ttlMs: number): Promise<void>;
  /** @returns undefined: it is not known, or not any more. @throws {DeferError} nobody can say now. */
  find(key: string): Promise<string | undefined>;
}

interface Values {
  get(key: string): Promise<{ readonly value: unknown } | undefined>;
  put(key: string, value: unknown, options: { readonly ttlMs: number }): Promise<unknown>;
}

/** @param open The bucket; it is opened when it is needed. */
export function srsStore(open: () => Values): SrsStore {
  return {
    async keep(key, address, ttlMs) {
      await inTime(open().put(key, { address }, { ttlMs }));
    },
    async find(key) {
      if (!KEY.test(key)) return undefined;
      const value = (await inTime(open().get(key.toLowerCase())))?.value;
      if (typeof value !== "object" || value === null || !("address" in value)) return undefined;
      return typeof value.address === "string" ? value.address : undefined;
    },
  };
}

async function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DeferError("srs", `no answer in ${DEADLINE_MS} ms`)), DEADLINE_MS);
  });
  try {
    return await Promise.race([answer, late]);
  } catch (err) {
    throw err instanceof DeferError ? err : new DeferError("srs", "the store cannot be asked", { cause: err });
  } finally {
    clearTimeout(timer);
  }
}
