import { createHash } from "node:crypto";
import type { KeyValue } from "@postbus/bus";

/** Without `once_repeat` nobody is answered twice, for as long as this; forever would be a store that only grows. */
const KEPT_MS = 365 * 24 * 3_600_000;

interface Sent {
  readonly sentAtMs: number;
  /** The item whose reply it was. */
  readonly by: string;
}

/** Who has got a reply of whom, shared by all who deliver. */
export class OnceStore {
  readonly #values: KeyValue;
  readonly #now: () => number;

  constructor(values: KeyValue, now: () => number) {
    this.#values = values;
    this.#now = now;
  }

  /**
   * Whether this item may send its reply; if so, it is kept that it has. An item that is handled again after a crash may: it
   * makes the same message.
   *
   * @param store Its name: `once` of the transport. @param to The reply's `to`.
   * @throws {BusUnavailableError}
   */
  async claim(store: string, to: string, by: string, repeatMs: number): Promise<boolean> {
    const key = `${digest(store)}/${digest(to)}`;
    const value: Sent = { sentAtMs: this.#now(), by };
    const options = { ttlMs: repeatMs === 0 ? KEPT_MS : repeatMs };
    const found = await this.#values.get(key);
    if (found === undefined) {
      if ((await this.#values.create(key, value, options)) !== undefined) return true;
      // Somebody else was faster, perhaps ourselves before a crash.
      const other = await this.#values.get(key);
      return other !== undefined && sentOf(other.value)?.by === by;
    }
    const sent = sentOf(found.value);
    if (sent?.by === by) return true;
    if (sent !== undefined && (repeatMs === 0 || this.#now() - sent.sentAtMs < repeatMs)) return false;
    return (await this.#values.update(key, value, found.revision, options)) !== undefined;
  }
}

const digest = (text: string): string => createHash("sha256").update(text, "latin1").digest("hex").slice(0, 40);

function sentOf(value: unknown): Sent | undefined {
  if (typeof value !== "object" || value === null || !("sentAtMs" in value) || !("by" in value)) return undefined;
  const { sentAtMs, by } = value;
  return typeof sentAtMs === "number" && typeof by === "string" ? { sentAtMs, by } : undefined;
}
