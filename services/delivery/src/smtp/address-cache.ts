import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { asciiDomain } from "@postbus/mail";

export type Addresses =
  | { readonly kind: "found"; readonly addresses: readonly string[] }
  /** There is no such host. */
  | { readonly kind: "none" }
  /** Nobody could tell. */
  | { readonly kind: "again" };

/** The system's resolver tells no TTL; a minute is what most records live at least. */
const FOUND_MS = 60_000;
/** Short: a record that was missing may have been added because somebody saw the deferral. */
const NOT_FOUND_MS = 10_000;
/** Next hops of one process; beyond it, the oldest are looked up again. */
const MAX_ENTRIES = 2_000;
/** `getaddrinfo` keeps its own time (5 s per server and try); this is for the case that it does not. */
const LOOKUP_TIMEOUT_MS = 30_000;

type Lookup = (name: string) => Promise<readonly { readonly address: string }[]>;
type Entry = { readonly answer: Promise<Addresses>; expiresAtMs: number };

/** Addresses of next hops by name. Literal addresses never get here. */
export class AddressCache {
  readonly #entries = new Map<string, Entry>();
  readonly #lookup: Lookup;

  /** @param systemLookup A parameter for tests. */
  constructor(systemLookup: Lookup = (name) => lookup(name, { all: true, order: "verbatim" })) {
    this.#lookup = systemLookup;
  }

  /** Questions for the same name at the same time are one. */
  resolve(name: string): Addresses | Promise<Addresses> {
    if (isIP(name) !== 0) return { kind: "found", addresses: [name] };
    const nowMs = performance.now();
    const known = this.#entries.get(name);
    if (known !== undefined && known.expiresAtMs > nowMs) return known.answer;
    const entry: Entry = { answer: this.#ask(name), expiresAtMs: nowMs + LOOKUP_TIMEOUT_MS };
    this.#entries.delete(name);
    this.#entries.set(name, entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= MAX_ENTRIES) break;
      this.#entries.delete(oldest);
    }
    return this.#keep(entry);
  }

  async #keep(entry: Entry): Promise<Addresses> {
    const answer = await entry.answer;
    entry.expiresAtMs = performance.now() + (answer.kind === "found" ? FOUND_MS : NOT_FOUND_MS);
    return answer;
  }

  async #ask(name: string): Promise<Addresses> {
    const { promise: late, resolve } = Promise.withResolvers<Addresses>();
    const timer = setTimeout(() => resolve({ kind: "again" }), LOOKUP_TIMEOUT_MS);
    const asked = this.#lookup(asciiDomain(name) ?? name).then(
      (found): Addresses =>
        found.length === 0 ? { kind: "none" } : { kind: "found", addresses: found.map(({ address }) => address) },
      (err: NodeJS.ErrnoException): Addresses => ({ kind: err.code === "ENOTFOUND" ? "none" : "again" }),
    );
    try {
      return await Promise.race([asked, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
