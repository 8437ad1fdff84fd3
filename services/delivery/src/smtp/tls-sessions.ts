import type { SecureContext } from "node:tls";

/** Sessions kept at one time, some kilobytes each; the one used least recently goes first. */
const MAX_SESSIONS = 1_000;
/** As long as Exim keeps them; a host may want less, which is in the session itself. */
const MAX_AGE_MS = 7_200_000;

/** Bits of `$tls_out_resumption` (Exim's manual, "Resumption"): we could; we want tickets; have shown one; got one; it goes on. */
export const resumptionBits = { supported: 1, requested: 2, suggested: 4, ticket: 8, used: 16 } as const;

/** A session with a host that a later connection may go on with, and what its first handshake has found out. */
export interface KeptSession {
  /** Other files, or files that have changed since, make another context: what was true under this one need not be under that. */
  readonly context: SecureContext | undefined;
  readonly octets: Buffer;
  readonly isVerified: boolean;
  readonly peerName: string | undefined;
}

/** Of one host under the terms of one transport. */
export interface SessionPlace {
  find(context: SecureContext | undefined): KeptSession | undefined;
  keep(session: KeptSession): void;
  drop(): void;
}

/** `tls_resumption_hosts`: the last session with each host, in this process. */
export class TlsSessions {
  readonly #kept = new Map<string, KeptSession & { readonly untilMs: number }>();
  readonly #now: () => number;

  /** @param now Monotonic, in milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get count(): number {
    return this.#kept.size;
  }

  /** @param key Host, and all that a session depends on. */
  place(key: string): SessionPlace {
    return {
      find: (context) => this.#find(key, context),
      keep: (session) => this.#keep(key, session),
      drop: () => void this.#kept.delete(key),
    };
  }

  #find(key: string, context: SecureContext | undefined): KeptSession | undefined {
    const found = this.#kept.get(key);
    if (found === undefined) return undefined;
    this.#kept.delete(key);
    if (found.context !== context || found.untilMs <= this.#now()) return undefined;
    this.#kept.set(key, found);
    return found;
  }

  #keep(key: string, session: KeptSession): void {
    this.#kept.delete(key);
    this.#kept.set(key, { ...session, untilMs: this.#now() + MAX_AGE_MS });
    if (this.#kept.size <= MAX_SESSIONS) return;
    for (const oldest of this.#kept.keys()) {
      this.#kept.delete(oldest);
      break;
    }
  }
}
