import { dirname, isAbsolute, join } from "node:path";
import type { Place } from "./problem.ts";
import { ValueError } from "./value-error.ts";

/**
 * The content of a file; undefined if there is none of that name. Throws if it is there and cannot be read. Synchronous,
 * because an include stands in the middle of a line that is being put together.
 */
export type ReadFile = (path: string) => Uint8Array | undefined;

/** A file that was read, or looked for in vain: when one of them changes, the configuration has to be read again. */
export interface SourceFile {
  readonly path: string;
  readonly isThere: boolean;
}

/** A file that a configuration includes is not on this machine. */
export class MissingFile extends ValueError {}

interface OpenFile {
  readonly path: string;
  readonly text: string;
  offset: number;
  line: number;
}

/** Files inside of files. */
const MAX_DEPTH = 50;
/** All files that are read in one run, the same one counted each time. */
const MAX_FILES = 1_000;
/** Octets of all files that are read in one run. */
const MAX_OCTETS = 32 * 1024 * 1024;

/** The physical lines of a file and of those it includes, in the order in which they are read. */
export class SourceFiles {
  readonly #readFile: ReadFile;
  readonly #open: OpenFile[] = [];
  readonly #seen = new Map<string, SourceFile>();
  #count = 0;
  #octets = 0;
  #last: Place;

  constructor(file: string, readFile: ReadFile) {
    this.#readFile = readFile;
    this.#last = { file, line: 0 };
    this.#push(file);
  }

  /** Where the line stands that `next` gave last. */
  get place(): Place {
    return this.#last;
  }

  get files(): readonly SourceFile[] {
    return [...this.#seen.values()];
  }

  /** The next line without its end; undefined when all files are read. */
  next(): string | undefined {
    for (;;) {
      const top = this.#open.at(-1);
      if (top === undefined) return undefined;
      if (top.offset < top.text.length) {
        const end = top.text.indexOf("\n", top.offset);
        const line = top.text.slice(top.offset, end < 0 ? undefined : end);
        top.offset = end < 0 ? top.text.length : end + 1;
        this.#last = { file: top.path, line: ++top.line };
        return line;
      }
      this.#open.pop();
    }
  }

  /**
   * Goes on with another file, and afterwards with this one.
   *
   * @param name Relative to the directory of the including file.
   * @throws {ValueError} the name cannot be used; {MissingFile} there is no such file, or it cannot be read.
   */
  include(name: string): void {
    if (name === "") throw new ValueError(".include: a file name is expected");
    this.#push(isAbsolute(name) ? name : join(dirname(this.#last.file), name));
  }

  /** The same, if the file exists. @param name Absolute. */
  includeIfExists(name: string): void {
    if (!isAbsolute(name)) throw new ValueError(`.include_if_exists: "${name}" is not an absolute path`);
    try {
      this.#push(name);
    } catch (err) {
      if (!(err instanceof MissingFile) || this.#seen.get(name)?.isThere === true) throw err;
    }
  }

  #push(path: string): void {
    if (this.#open.length >= MAX_DEPTH) this.#giveUp(`${path}: more than ${MAX_DEPTH} files included by each other`);
    if (++this.#count > MAX_FILES) this.#giveUp(`${path}: more than ${MAX_FILES} files are included`);
    const text = this.#read(path);
    this.#octets += text.length;
    if (this.#octets > MAX_OCTETS) this.#giveUp(`${path}: all files together are larger than ${MAX_OCTETS} octets`);
    this.#open.push({ path, text, offset: 0, line: 0 });
  }

  /** Files that include each other without end are left; only the rest of the first is read. */
  #giveUp(problem: string): never {
    this.#count = MAX_FILES;
    this.#open.length = Math.min(1, this.#open.length);
    throw new ValueError(problem);
  }

  #read(path: string): string {
    this.#seen.set(path, { path, isThere: true });
    let content: Uint8Array | undefined;
    try {
      content = this.#readFile(path);
    } catch (err) {
      throw new MissingFile(`${path}: cannot be read: ${err instanceof Error ? err.message : String(err)}`, {
        cause: err,
      });
    }
    if (content === undefined) {
      this.#seen.set(path, { path, isThere: false });
      throw new MissingFile(`${path}: there is no such file`);
    }
    return Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString("latin1");
  }
}
