import { closeSync, openSync, readFileSync, renameSync, unlinkSync, writeSync } from "node:fs";

/** Then the file is written anew, with the lines that still count only; later, if those alone are more than half of it. */
const MAX_OCTETS = 1024 * 1024;
/** When that has failed, on a full disk, it is not tried again before so long. */
const RETRY_MS = 1_000;

export interface PendingLinesOptions {
  readonly path: string;
  /** By id, what counts of the lines that an earlier process wrote. */
  readonly left?: ReadonlyMap<string, string>;
  /** Whoever reads the file has no other way to learn that a line has ended. */
  readonly writesEnds?: boolean;
}

/**
 * A file of lines that count until they are ended.
 *
 * A line is in the page cache at once, and so survives the end of the process, however it ends, though nothing is synced.
 * Gathered until the end of the turn of the event loop, lines would come too late for many a kill. After a power failure, or
 * on a full disk, they may be missing.
 */
export class PendingLines {
  readonly #path: string;
  readonly #pending: Map<string, string>;
  readonly #writesEnds: boolean;
  #file: number | undefined;
  #octets = 0;
  #limit = MAX_OCTETS;
  #retryAtMs = 0;
  /** The last write was cut short: the next begins a line of its own. */
  #isTorn = false;
  /** The ends of this turn of the event loop: there is no hurry with them. */
  #ends = "";

  constructor({ path, left = new Map(), writesEnds = false }: PendingLinesOptions) {
    this.#path = path;
    this.#pending = new Map(left);
    this.#writesEnds = writesEnds;
    this.#file = this.#rewritten();
  }

  /** @param line JSON of an object, with its end. */
  write(id: string, line: string): void {
    this.#pending.set(id, line);
    this.#append(line);
  }

  end(id: string): void {
    if (!this.#pending.delete(id) || !this.#writesEnds) return;
    if (this.#ends === "") setImmediate(() => this.#writeEnds());
    this.#ends += `${JSON.stringify({ end: id })}\n`;
  }

  /** Only what still counts is left in the file. */
  close(): void {
    if (this.#file === undefined) return;
    closeSync(this.#file);
    this.#file = undefined;
    try {
      closeSync(this.#rewritten());
    } catch {
      // The old file says the same, in more lines.
    }
  }

  #writeEnds(): void {
    this.#append(this.#ends);
    this.#ends = "";
  }

  #append(lines: string): void {
    if (this.#file === undefined) return;
    try {
      if (this.#octets > this.#limit && performance.now() > this.#retryAtMs) {
        this.#retryAtMs = performance.now() + RETRY_MS;
        const old = this.#file;
        this.#file = this.#rewritten();
        closeSync(old);
        return;
      }
      const octets = Buffer.from(this.#isTorn ? `\n${lines}` : lines);
      this.#isTorn = true;
      const written = writeSync(this.#file, octets);
      this.#octets += written;
      this.#isTorn = written < octets.length;
    } catch {
      // On a full disk. It costs only what the file is for; the work that is written down here must not wait for that.
    }
  }

  /** A new file takes the name of the old one when it is whole. */
  #rewritten(): number {
    const path = `${this.#path}.new`;
    const fresh = openSync(path, "w", 0o600);
    try {
      const octets = Buffer.from([...this.#pending.values()].join(""));
      if (writeSync(fresh, octets) < octets.length) throw new Error(`${path}: cut short`);
      renameSync(path, this.#path);
      this.#octets = octets.length;
      this.#limit = Math.max(MAX_OCTETS, 2 * octets.length);
      this.#retryAtMs = 0;
      return fresh;
    } catch (err) {
      closeSync(fresh);
      unlinkSync(path);
      throw err;
    }
  }
}

/** The lines of a file that were not ended in it, by id; none if there is no file. */
export function readPendingLines(path: string): Map<string, string> {
  return pendingLinesIn(textOf(path));
}

/** Lines that were cut short are none; all others are our own words. */
export function pendingLinesIn(text: string): Map<string, string> {
  const pending = new Map<string, string>();
  for (const line of text.match(/[^\n]*\n/g) ?? []) {
    const { id, end } = parse(line);
    if (end !== undefined) pending.delete(end);
    else if (id !== undefined) pending.set(id, line);
  }
  return pending;
}

function parse(line: string): { readonly id?: string; readonly end?: string } {
  if (!line.endsWith("}\n")) return {};
  try {
    return JSON.parse(line) as { readonly id?: string; readonly end?: string };
  } catch {
    return {}; // Cut short and, by chance, behind a brace.
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (err) {
    if (err instanceof Error && "code" in err && err.code === "ENOENT") return "";
    throw err;
  }
}
