import { readFile, stat } from "node:fs/promises";
import { PublicSuffixes } from "./public-suffixes.ts";

/** How often it is looked whether a file has changed. */
const LOOK_EVERY_MS = 1_000;
/** The list of 2026 has 300 KB. */
const MAX_OCTETS = 16 * 1024 * 1024;

interface ReadFile {
  readonly suffixes: PublicSuffixes;
  readonly changed: string;
  /** Monotonic. */
  lookedAtMs: number;
}

/** Lists of public suffixes (`dmarc_tld_file`), each read again when it has changed. */
export class SuffixFiles {
  readonly #now: () => number;
  readonly #files = new Map<string, ReadFile>();
  readonly #reading = new Map<string, Promise<PublicSuffixes>>();

  /** @param now Milliseconds, monotonic. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** A file that has gone, or has no rules any more, leaves those that were read. @throws {Error} there are none. */
  async of(path: string): Promise<PublicSuffixes> {
    const known = this.#files.get(path);
    if (known !== undefined && this.#now() - known.lookedAtMs < LOOK_EVERY_MS) return known.suffixes;
    let reading = this.#reading.get(path);
    if (reading === undefined) {
      reading = this.#look(path, known).finally(() => this.#reading.delete(path));
      this.#reading.set(path, reading);
    }
    return reading;
  }

  async #look(path: string, known: ReadFile | undefined): Promise<PublicSuffixes> {
    try {
      const { mtimeMs, size, ino } = await stat(path);
      const changed = `${mtimeMs} ${size} ${ino}`;
      if (known !== undefined && known.changed === changed) {
        known.lookedAtMs = this.#now();
        return known.suffixes;
      }
      if (size > MAX_OCTETS) throw new Error(`more than ${MAX_OCTETS} octets`);
      const suffixes = new PublicSuffixes(await readFile(path, "utf8"));
      if (suffixes.size === 0) throw new Error("no rules are in it");
      this.#files.set(path, { suffixes, changed, lookedAtMs: this.#now() });
      return suffixes;
    } catch (err) {
      if (known === undefined) {
        const why = err instanceof Error ? err.message : String(err);
        throw new Error(`dmarc_tld_file: ${path}: ${why}`, { cause: err });
      }
      known.lookedAtMs = this.#now();
      return known.suffixes;
    }
  }
}
