import { isIPv4 } from "node:net";
import { DeferError } from "@postbus/mail";
import { BusyError } from "./busy-error.ts";

/** Of all places, those that questions about one client or one domain may have. */
const SHARE = 4;

/** About whom a question is. */
export interface About {
  readonly clientAddress?: string | undefined;
  /** The domain that the client names. */
  readonly domain?: string | undefined;
}

interface Waiting {
  readonly keys: readonly string[];
  readonly begin: () => void;
}

/**
 * So many questions at one time; of those about one client or one domain, a quarter. Most of the time a question waits for
 * name servers, and whoever names domains whose servers are dead could have all places else.
 *
 * What finds no place waits in line; who has a quarter of the line already is told so at once.
 */
export class FairPlaces {
  readonly #size: number;
  readonly #share: number;
  readonly #lineShare: number;
  readonly #waitMs: number | undefined;
  readonly #running = new Map<string, number>();
  readonly #inLine = new Map<string, number>();
  readonly #line = new Set<Waiting>();
  #free: number;

  /**
   * @param lineLength Questions that wait at the most; more must not be brought here.
   * @param waitMs So long a question stays in line; absent: as long as somebody waits for its answer.
   */
  constructor(size: number, lineLength: number, waitMs?: number) {
    this.#size = size;
    this.#free = size;
    this.#share = Math.ceil(size / SHARE);
    this.#waitMs = waitMs;
    this.#lineShare = Math.ceil(lineLength / SHARE);
  }

  /** Places that are taken. */
  get taken(): number {
    return this.#size - this.#free;
  }

  /**
   * @param signal Nobody waits for the answer any more.
   * @throws {BusyError} there is no place, and will not be soon. @throws {DeferError} nobody waits.
   */
  async run<R>(about: About, signal: AbortSignal, work: () => Promise<R>): Promise<R> {
    const keys = keysOf(about);
    if (this.#hasRoom(keys)) this.#take(keys);
    else await this.#wait(keys, signal);
    try {
      return await work();
    } finally {
      this.#free++;
      for (const key of keys) subtract(this.#running, key);
      this.#next();
    }
  }

  #hasRoom(keys: readonly string[]): boolean {
    return this.#free > 0 && keys.every((key) => (this.#running.get(key) ?? 0) < this.#share);
  }

  #take(keys: readonly string[]): void {
    this.#free--;
    for (const key of keys) add(this.#running, key);
  }

  #wait(keys: readonly string[], signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw left();
    if (keys.some((key) => (this.#inLine.get(key) ?? 0) >= this.#lineShare)) throw new BusyError();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting: Waiting = { keys, begin: resolve };
    for (const key of keys) add(this.#inLine, key);
    this.#line.add(waiting);
    const leave = (why: DeferError): void => {
      // Who has got a place meanwhile keeps it.
      if (this.#line.delete(waiting)) reject(why);
    };
    const onAbort = (): void => leave(left());
    signal.addEventListener("abort", onAbort, { once: true });
    const timer = this.#waitMs === undefined ? undefined : setTimeout(() => leave(new BusyError()), this.#waitMs);
    return promise.finally(() => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      for (const key of keys) subtract(this.#inLine, key);
    });
  }

  /** Those in the line whose senders have not too many already. */
  #next(): void {
    for (const waiting of this.#line) {
      if (this.#free === 0) return;
      if (!this.#hasRoom(waiting.keys)) continue;
      this.#line.delete(waiting);
      this.#take(waiting.keys);
      waiting.begin();
    }
  }
}

const left = (): DeferError => new DeferError("verifier", "nobody waits for the answer any more");

function keysOf({ clientAddress, domain }: About): readonly string[] {
  const keys: string[] = [];
  if (clientAddress !== undefined) keys.push(isIPv4(clientAddress) ? clientAddress : networkOf(clientAddress));
  // Who has a domain has all names below it.
  if (domain !== undefined && domain !== "") keys.push(`@${registered(domain.toLowerCase())}`);
  return keys;
}

/** Below which countries let others register. */
const SHARED = /^(?:ac|co|com|edu|go|gob|gouv|gov|gv|ltd|me|mil|ne|net|nom|or|org|plc|sch)$/;

/** What somebody has registered, as far as that can be guessed. */
function registered(domain: string): string {
  const labels = domain.split(".");
  const isShared = labels.at(-1)?.length === 2 && SHARED.test(labels.at(-2) ?? "");
  return labels.slice(isShared ? -3 : -2).join(".");
}

/** A client with IPv6 has a network of 64 bits at the least. */
function networkOf(address: string): string {
  const [head = [], tail = []] = address.split("::").map((part) => part.split(":").filter((group) => group !== ""));
  const zeros = Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => "0");
  const groups = [...head, ...zeros, ...tail].slice(0, 4);
  return groups.map((group) => Number.parseInt(group, 16).toString(16)).join(":");
}

const add = (counts: Map<string, number>, key: string): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1);
};

function subtract(counts: Map<string, number>, key: string): void {
  const count = (counts.get(key) ?? 0) - 1;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
