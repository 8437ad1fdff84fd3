import type { KeyValue } from "@postbus/bus";
import { isKeyOf, makeTicketKey, type TicketKey, ticketKeyOf } from "@postbus/tls";
import type { Logger } from "pino";
import { type Static, Type } from "typebox";
import { Value } from "typebox/value";

/** In the key-value store that gateways share. */
const KEY = "ticket-keys";

/** How long a key seals new tickets, and how long after that it opens them: with a session's 2 hours, none is shorter. */
const ROTATION_MS = 3_600_000;
const OPENS_MS = 7_200_000;
/** A new key is there so long before it seals: by then, every gateway has seen it. */
const AHEAD_MS = 300_000;
/** The store is asked after so long; a handshake waits for the answer only if the last one is older than that. */
const LOOK_MS = 60_000;
const STALE_MS = 900_000;
const WAIT_MS = 1_000;
/** Other gateways may write at the same time. */
const MAX_ATTEMPTS = 5;

const StoredKeys = Type.Object(
  {
    v: Type.Literal(1),
    /** The newest last. */
    keys: Type.Array(Type.Object({ octets: Type.String({ maxLength: 100 }), fromMs: Type.Integer() }), {
      maxItems: 16,
    }),
  },
  { additionalProperties: false },
);
type StoredKey = Static<typeof StoredKeys>["keys"][number];

interface DatedKey extends TicketKey {
  readonly fromMs: number;
}

/**
 * The keys of session tickets, the same at all gateways, so that a client that comes back to another one may resume.
 * They are looked at when somebody comes; who finds that it is time for a new one puts it into the store, and of several one
 * wins (compare-and-set). Keys are dropped three hours after their beginning: what was recorded cannot be opened with them
 * any more. Without the store, nobody gets tickets, and handshakes are whole ones.
 */
export class TicketKeys {
  readonly #values: Pick<KeyValue, "get" | "create" | "update">;
  readonly #log: Pick<Logger, "warn">;
  readonly #now: () => number;
  #keys: readonly DatedKey[] = [];
  #lookedAtMs = -Infinity;
  #triedAtMs = -Infinity;
  #look: Promise<void> | undefined;

  constructor(
    values: Pick<KeyValue, "get" | "create" | "update">,
    log: Pick<Logger, "warn">,
    now: () => number = Date.now,
  ) {
    this.#values = values;
    this.#log = log;
    this.#now = now;
  }

  /** To be called before a handshake. It does not fail, and takes a second at most. */
  async refresh(): Promise<void> {
    const nowMs = this.#now();
    // A store that is away costs one look a minute, and not each handshake a second.
    if (nowMs - this.#triedAtMs >= LOOK_MS && this.#look === undefined) {
      this.#triedAtMs = nowMs;
      this.#look = this.#read()
        .catch((err: unknown) => this.#log.warn({ err }, "keys of session tickets: the store does not answer"))
        .finally(() => {
          this.#look = undefined;
        });
    }
    if (this.#look === undefined || nowMs - this.#lookedAtMs < STALE_MS) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, WAIT_MS);
    await Promise.race([this.#look, promise]);
    clearTimeout(timer);
  }

  /** What seals the tickets of a session that begins now. */
  get current(): TicketKey | undefined {
    const nowMs = this.#now();
    return this.#keys.findLast(({ fromMs }) => fromMs <= nowMs && nowMs < fromMs + ROTATION_MS + OPENS_MS);
  }

  /** What opens a client's ticket. */
  of(ticketName: Buffer): TicketKey | undefined {
    const nowMs = this.#now();
    return this.#keys.find((key) => nowMs < key.fromMs + ROTATION_MS + OPENS_MS && isKeyOf(key, ticketName));
  }

  async #read(): Promise<void> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const entry = await this.#values.get(KEY);
      const stored = Value.Check(StoredKeys, entry?.value) ? entry.value.keys : [];
      const keys = withNext(stored, this.#now());
      if (keys !== stored) {
        const value = { v: 1, keys };
        const options = { ttlMs: ROTATION_MS + OPENS_MS };
        const revision =
          entry === undefined
            ? await this.#values.create(KEY, value, options)
            : await this.#values.update(KEY, value, entry.revision, options);
        // Somebody else has put one there.
        if (revision === undefined) continue;
      }
      this.#keys = keys.flatMap(({ octets, fromMs }) => {
        const key = ticketKeyOf(Buffer.from(octets, "base64"));
        return key === undefined ? [] : [{ ...key, fromMs }];
      });
      this.#lookedAtMs = this.#now();
      return;
    }
  }
}

/** The keys that still count, with a new one if it is time; the same array: it is not. */
function withNext(keys: readonly StoredKey[], nowMs: number): readonly StoredKey[] {
  const newest = keys.at(-1);
  const endsMs = newest === undefined ? -Infinity : newest.fromMs + ROTATION_MS;
  if (nowMs < endsMs - AHEAD_MS) return keys;
  // After a pause, or in the beginning, there is nobody who could know it before.
  const fromMs = Math.max(nowMs, endsMs);
  const left = keys.filter((key) => nowMs < key.fromMs + ROTATION_MS + OPENS_MS);
  return [...left, { octets: makeTicketKey().octets.toString("base64"), fromMs }];
}
