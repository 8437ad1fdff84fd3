import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  unlinkSync,
  write,
  writeSync,
} from "node:fs";
import { basename, dirname } from "node:path";
import { ConfigError } from "@postbus/mail";
import { decodeRecords, type JournalContents, nextPage, PAGE_OCTETS, SECRET_OCTETS } from "./journal-record.ts";
import { syncDirectory } from "./sync-directory.ts";

/** Of each file, whose first page says whose it is. */
export const JOURNAL_FILE_OCTETS = 4 * 1024 * 1024;
/** For the operator. */
export const GIVE_UP = "An empty file forget-journal beside it gives that mail up";
/** What a record may have at most. */
export const MAX_RECORD_OCTETS = JOURNAL_FILE_OCTETS - PAGE_OCTETS;
/** The number is that of the format: a build that knows another one refuses the file. */
const HEADING = /^postbus journal 1 ([0-9a-f]+) ([0-9a-f]+)\n/;

/**
 * One of the two files of the journal. It is made with all its octets, so that a write to it needs no room on the disk and
 * changes nothing but itself; and it is opened so that a write returns when it is on stable storage.
 */
export class JournalFile {
  /** Where the next record goes. */
  at: number = PAGE_OCTETS;
  /** Number of the last record that is in it, or on its way into it. */
  last = 0;
  readonly secret: Buffer;
  readonly #descriptor: number;

  /**
   * @param storeId Whose it must be.
   * @throws {ConfigError} it is missing, or is somebody else's.
   */
  constructor(path: string, storeId: string) {
    const name = basename(path);
    const refuse = (what: string): ConfigError =>
      new ConfigError(`bus: ${dirname(path)}: ${name} ${what}: mail that was accepted last is in it. ${GIVE_UP}`);
    this.#descriptor = openExisting(path, refuse("is missing"));
    const heading = Buffer.alloc(PAGE_OCTETS);
    readSync(this.#descriptor, heading, 0, PAGE_OCTETS, 0);
    const [, store, secret] = HEADING.exec(heading.toString("latin1")) ?? [];
    const problem =
      store !== storeId || secret === undefined
        ? "is not of this directory or of this version"
        : fstatSync(this.#descriptor).size === JOURNAL_FILE_OCTETS
          ? undefined
          : "is not whole";
    if (problem !== undefined) {
      closeSync(this.#descriptor);
      throw refuse(problem);
    }
    this.secret = Buffer.from(secret ?? "", "hex");
  }

  /** Makes a new one with nothing in it, or puts it in the place of another. @throws no room. */
  static make(path: string, storeId: string): void {
    const fresh = `${path}.new`;
    const file = openSync(fresh, "w", 0o600);
    try {
      const octets = Buffer.alloc(JOURNAL_FILE_OCTETS);
      octets.write(`postbus journal 1 ${storeId} ${randomBytes(SECRET_OCTETS).toString("hex")}\n`, "latin1");
      for (let done = 0; done < octets.length; ) done += writeSync(file, octets, done);
      fsyncSync(file);
    } catch (err) {
      unlinkSync(fresh);
      throw err;
    } finally {
      closeSync(file);
    }
    renameSync(fresh, path);
    syncDirectory(dirname(path));
  }

  /** What it held is settled. */
  rewind(): void {
    this.at = PAGE_OCTETS;
  }

  /** Whether so many octets have room behind what it holds. */
  fits(octets: number): boolean {
    return this.at + octets <= JOURNAL_FILE_OCTETS;
  }

  /** @param settled Records up to this one count no more. */
  read(settled: number): JournalContents {
    const file = Buffer.alloc(JOURNAL_FILE_OCTETS);
    for (let done = 0; done < file.length; ) {
      const octets = readSync(this.#descriptor, file, done, file.length - done, done);
      if (octets === 0) throw new Error("its journal has become shorter");
      done += octets;
    }
    const contents = decodeRecords(file, this.secret, settled);
    for (const { sequence, end } of contents.records) {
      this.last = Math.max(this.last, sequence);
      this.at = Math.max(this.at, nextPage(end));
    }
    return contents;
  }

  /** On stable storage when it resolves. When it rejects, any part of it may be there. */
  write(octets: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const next = (done: number): void => {
        write(this.#descriptor, octets, done, octets.length - done, this.at + done, (err, written) => {
          if (err !== null) reject(err);
          else if (done + written === octets.length) resolve();
          else next(done + written);
        });
      };
      next(0);
    });
  }

  /**
   * Writes once more what is there: what was on its way to the disk when the process before was killed can be read, and would
   * be gone after a power failure.
   */
  writeAgain(from: number, end: number): void {
    const octets = Buffer.alloc(end - from);
    if (readSync(this.#descriptor, octets, 0, octets.length, from) !== octets.length) {
      throw new Error("its journal could not be read again");
    }
    for (let done = 0; done < octets.length; ) {
      done += writeSync(this.#descriptor, octets, done, octets.length - done, from + done);
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

function openExisting(path: string, missing: ConfigError): number {
  try {
    return openSync(path, constants.O_RDWR | (constants.O_DSYNC ?? constants.O_SYNC));
  } catch (err) {
    if (err instanceof Error && "code" in err && err.code === "ENOENT") throw missing;
    throw err;
  }
}
