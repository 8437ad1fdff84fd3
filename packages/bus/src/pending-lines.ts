import { closeSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";

/** Then the file is written anew, with the lines that still count only. */
const MAX_OCTETS = 4 * 1024 * 1024;

/**
 * A file of lines that count until they are ended.
 *
 * A line is in the page cache when its turn of the event loop is over, the first of a turn at once: so it survives the
 * end of the process, however it ends, though nothing is synced. After a power failure lines may be missing. Ends are not
 * written; whoever reads the file finds out which lines still count.
 */
export class PendingLines {
  readonly #path: string;
  readonly #pending: Map<string, string>;
  #file: number;
  #octets = 0;
  /** Of this turn of the event loop: the first line is written at once, those that follow it go together. */
  #lines: string | undefined;

  /** @param left By id, what counts of the lines that an earlier process wrote. */
  constructor(path: string, left: ReadonlyMap<string, string> = new Map()) {
    this.#path = path;
    this.#pending = new Map(left);
    this.#file = this.#rewrite();
  }

  /** @param line With its end. */
  write(id: string, line: string): void {
    this.#pending.set(id, line);
    if (this.#lines !== undefined) {
      this.#lines += line;
      return;
    }
    this.#append(line);
    this.#lines = "";
    setImmediate(() => {
      const lines = this.#lines ?? "";
      this.#lines = undefined;
      if (lines !== "") this.#append(lines);
    });
  }

  end(id: string): void {
    this.#pending.delete(id);
  }

  close(): void {
    this.#append(this.#lines ?? "");
    this.#lines = "";
    closeSync(this.#file);
  }

  #append(lines: string): void {
    try {
      if (this.#octets > MAX_OCTETS) this.#file = this.#rewrite(this.#file);
      else this.#octets += writeSync(this.#file, lines);
    } catch {
      // On a full disk. It costs only what the file is for; the work that is written down here must not wait for that.
    }
  }

  /** A new file takes the name of the old one when it is whole. */
  #rewrite(old?: number): number {
    const fresh = openSync(`${this.#path}.new`, "w", 0o600);
    this.#octets = writeSync(fresh, [...this.#pending.values()].join(""));
    renameSync(`${this.#path}.new`, this.#path);
    if (old !== undefined) closeSync(old);
    return fresh;
  }
}

/** A line as it stands in the file, and the JSON value in it. */
export interface PendingLine<T> {
  readonly line: string;
  readonly value: T;
}

/** The lines of an earlier process, none if there is no file. Lines that were cut short are none; all others are our own words. */
export function readPendingLines<T>(path: string): readonly PendingLine<T>[] {
  const lines = textOf(path).match(/[^\n]*\n/g) ?? [];
  return lines.flatMap((line) => {
    const value = parse(line);
    return value === undefined ? [] : [{ line, value: value as T }];
  });
}

function parse(line: string): unknown {
  if (!line.endsWith("}\n")) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // Cut short and, by chance, behind a brace.
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
