import { readFile, stat } from "node:fs/promises";
import { DeferError } from "@postbus/mail";
import { readSigningKey, type SigningKey } from "@postbus/mail-auth";
import type { KeySource } from "@postbus/policy";

/** Keys that are held; a policy with more of them reads them again. */
const MAX_KEYS = 1_000;
/** How long a file is taken for unchanged without a look at it. */
const LOOK_AGAIN_MS = 1_000;
/** A private key is 3 KB; what is much larger is none. */
const MAX_KEY_OCTETS = 64 * 1024;
/** Within that time a file may change once more, and look the same: file systems' clocks tick. */
const SETTLED_MS = 3_000;

interface Held {
  /** Of the file; empty: it changes no more. */
  readonly version: string;
  readonly key: SigningKey | Error;
  /** The file has become none since: that has been told. */
  readonly isKept?: boolean;
  lookedAtMs: number;
}

/**
 * The keys to sign with: read on first use, and again when the file has changed; no message waits for more than a look at it.
 * A file that is being written, or gone, leaves the key in force that was read of it last.
 */
export class SigningKeys {
  readonly #held = new Map<string, Held>();
  readonly #reading = new Map<string, Promise<Held>>();
  readonly #now: () => number;
  readonly #onKept: (text: string) => void;

  /** @param now Milliseconds, of any beginning. @param onKept Is told once why a file's last key stays in force. */
  constructor(now: () => number = () => performance.now(), onKept: (text: string) => void = () => undefined) {
    this.#now = now;
    this.#onKept = onKept;
  }

  /**
   * @returns an error: there is no key, and that is why.
   * @throws {DeferError} there has been none yet, and its file is still being written.
   */
  async get(source: KeySource): Promise<SigningKey | Error> {
    const name = "file" in source ? source.file : source.pem;
    const held = this.#held.get(name);
    if (held !== undefined && (held.version === "" || this.#now() - held.lookedAtMs < LOOK_AGAIN_MS)) return held.key;
    if ("pem" in source) return this.#hold(name, { version: "", key: read(source.pem), lookedAtMs: 0 }).key;
    const reading = this.#reading.get(name) ?? this.#look(source.file, held);
    this.#reading.set(name, reading);
    try {
      return (await reading).key;
    } finally {
      this.#reading.delete(name);
    }
  }

  async #look(file: string, held: Held | undefined): Promise<Held> {
    const lookedAtMs = this.#now();
    try {
      const { dev, ino, size, mtimeMs, ctimeMs } = await stat(file);
      const isSettled = Date.now() - Math.max(mtimeMs, ctimeMs) > SETTLED_MS;
      // A version of its own, so that the next look is a new one.
      const version = `${dev}:${ino}:${size}:${mtimeMs}:${ctimeMs}${isSettled ? "" : ` ${lookedAtMs}`}`;
      if (held?.version === version) {
        held.lookedAtMs = lookedAtMs;
        return held;
      }
      if (size > MAX_KEY_OCTETS) throw new Error("too large for a private key");
      const key = read(await readFile(file, "latin1"));
      if (!(key instanceof Error)) return this.#hold(file, { version, key, lookedAtMs });
      if (!isSettled && !isGood(held)) throw new DeferError(`key file ${file}`, key.message, { cause: key });
      return this.#without(file, { version, key, lookedAtMs }, held);
    } catch (err) {
      if (err instanceof DeferError) throw err;
      const text = err instanceof Error ? err.message.replace(/, (?:stat|open) .*$/, "") : String(err);
      const key = new Error(`unable to open file '${file}' for reading: ${text}`, { cause: err });
      return this.#without(file, { version: "unreadable", key, lookedAtMs }, held);
    }
  }

  /** There is no key in the file. @param held What there was. */
  #without(file: string, found: Held & { readonly key: Error }, held: Held | undefined): Held {
    if (!isGood(held)) return this.#hold(file, found);
    if (held.isKept !== true) this.#onKept(`${found.key.message}: the key that was there before is used`);
    return this.#hold(file, { ...found, key: held.key, isKept: true });
  }

  #hold(name: string, held: Held): Held {
    this.#held.delete(name);
    const [oldest] = this.#held.keys();
    if (this.#held.size >= MAX_KEYS && oldest !== undefined) this.#held.delete(oldest);
    this.#held.set(name, held);
    return held;
  }
}

const isGood = (held: Held | undefined): held is Held & { readonly key: SigningKey } =>
  held !== undefined && !(held.key instanceof Error);

function read(pem: string): SigningKey | Error {
  try {
    return readSigningKey(pem);
  } catch (err) {
    // Of the key itself nothing is said.
    const text = err instanceof Error ? err.message : "no private key";
    return new Error(`cannot use the private key: ${text.split("\n")[0]}`, { cause: err });
  }
}
