import { closeSync, constants, fsyncSync, openSync, readFileSync, write } from "node:fs";
import { join } from "node:path";
import {
  decodeRecords,
  encodeEntries,
  type JournalEntry,
  type JournalRecord,
  nextPage,
  seal,
} from "./journal-record.ts";

/** Of each of the two files; also what a record may have at most. */
const FILE_OCTETS = 8 * 1024 * 1024;
const NAMES = ["journal-0", "journal-1"] as const;

interface JournalFile {
  readonly descriptor: number;
  /** Where the next record goes. */
  at: number;
  /** Number of the last record that is in it, or on its way into it. */
  last: number;
}

/**
 * What was committed and is not in the tables' file yet: two files that are filled in turn. A record is on stable storage
 * when `append` resolves: the files are opened so that a write returns with its octets there, and after a first way through
 * them they grow no more, so that one write is one sync and nothing else.
 *
 * A file is used again from its beginning once all its records are settled, i.e. in the tables' file.
 */
export class Journal {
  readonly #storeId: string;
  readonly #files: readonly [JournalFile, JournalFile];
  #active: 0 | 1 = 0;
  #last: number;
  /** The last one that was given to a record, acknowledged or not. */
  #number: number;
  #settled: number;
  #isAppending = false;
  #unsettledOctets = 0;
  #left: readonly JournalRecord[];

  /** @param settled Number of the last record that is in the tables' file. @throws a record behind it is missing. */
  constructor(directory: string, storeId: string, settled: number) {
    this.#storeId = storeId;
    this.#settled = settled;
    const paths = NAMES.map((name) => join(directory, name));
    const flags = constants.O_RDWR | constants.O_CREAT | (constants.O_DSYNC ?? constants.O_SYNC);
    const [first, second] = paths.map((path) => ({ descriptor: openSync(path, flags, 0o600), at: 0, last: 0 }));
    if (first === undefined || second === undefined) throw new Error("two names, two files");
    this.#files = [first, second];
    // That the files are there must outlive a power failure, too.
    const parent = openSync(directory, "r");
    fsyncSync(parent);
    closeSync(parent);
    const records = paths.map((path) => decodeRecords(readFileSync(path), storeId, settled));
    this.#left = chain(records.flat(), settled);
    for (const [at, file] of this.#files.entries()) {
      for (const { sequence, end } of records[at] ?? []) {
        file.last = Math.max(file.last, sequence);
        file.at = Math.max(file.at, nextPage(end));
      }
    }
    if (second.last > first.last) this.#active = 1;
    this.#last = this.#left.at(-1)?.sequence ?? settled;
    this.#number = this.#last;
  }

  /** Records of an earlier process that are not settled, in order: once, and to be settled before the first `append`. */
  takeLeft(): readonly JournalRecord[] {
    const left = this.#left;
    this.#left = [];
    return left;
  }

  /** Number of the last record. */
  get last(): number {
    return this.#last;
  }

  /**
   * The number that the tables' file gets with all that was acknowledged: so that what was rejected, and may be there all the
   * same, is never taken for something that came later.
   */
  get ended(): number {
    return this.#isAppending ? this.#last : this.#number;
  }

  /** Number of the last record that is in the tables' file. */
  get settled(): number {
    return this.#settled;
  }

  /** Octets of records since the last `turn`. */
  get unsettledOctets(): number {
    return this.#unsettledOctets;
  }

  /** @returns Undefined: larger than any file. */
  encode(entries: readonly JournalEntry[]): Buffer | undefined {
    return encodeEntries(entries, FILE_OCTETS);
  }

  /** Whether a record can be appended; if not, something must be settled. */
  hasRoom(record: Buffer): boolean {
    return this.#fits(record) || this.#isFree(this.#other);
  }

  /** One at a time. When it rejects, the record may be there or not, and counts if no other follows. */
  async append(record: Buffer): Promise<void> {
    if (!this.#fits(record)) this.turn();
    const file = this.#files[this.#active];
    if (file.at + record.length > FILE_OCTETS) throw new Error("journal: no room");
    this.#number += 1;
    const sequence = this.#number;
    seal(record, sequence, this.#last, this.#storeId);
    file.last = sequence;
    this.#isAppending = true;
    try {
      await writeWhole(file.descriptor, record, file.at);
    } finally {
      this.#isAppending = false;
    }
    file.at = nextPage(file.at + record.length);
    this.#last = sequence;
    this.#unsettledOctets += record.length;
  }

  /** What follows goes to the other file, if that is free: the one that was filled can be free soon. */
  turn(): void {
    this.#unsettledOctets = 0;
    const other = this.#other;
    if (!this.#isFree(other)) return;
    this.#active = this.#active === 0 ? 1 : 0;
    other.at = 0;
  }

  /** All records up to this one are in the tables' file, on stable storage. */
  settle(sequence: number): void {
    this.#settled = sequence;
  }

  close(): void {
    for (const { descriptor } of this.#files) closeSync(descriptor);
  }

  get #other(): JournalFile {
    return this.#files[this.#active === 0 ? 1 : 0];
  }

  #isFree({ last }: JournalFile): boolean {
    return last <= this.#settled;
  }

  #fits(record: Buffer): boolean {
    return this.#files[this.#active].at + record.length <= FILE_OCTETS;
  }
}

/**
 * Of the records behind `settled`, those that are in force, in order: the last one, the one that it names, and so on. One that
 * is not named was not acknowledged, for another followed the same one.
 */
function chain(records: readonly JournalRecord[], settled: number): JournalRecord[] {
  const byNumber = new Map(records.map((record) => [record.sequence, record]));
  const found: JournalRecord[] = [];
  let next = records.reduce((last, { sequence }) => Math.max(last, sequence), settled);
  while (next > settled) {
    const record = byNumber.get(next);
    if (record === undefined) throw new Error(`its journal is damaged: record ${next} is missing`);
    found.push(record);
    next = record.previous;
  }
  return found.reverse();
}

function writeWhole(descriptor: number, octets: Buffer, at: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const next = (done: number): void => {
      write(descriptor, octets, done, octets.length - done, at + done, (err, written) => {
        if (err !== null) reject(err);
        else if (done + written === octets.length) resolve();
        else next(done + written);
      });
    };
    next(0);
  });
}
