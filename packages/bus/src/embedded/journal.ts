import { existsSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "@postbus/mail";
import { GIVE_UP, JOURNAL_FILE_OCTETS, JournalFile, MAX_RECORD_OCTETS } from "./journal-file.ts";
import {
  encodeEntries,
  type JournalContents,
  type JournalEntry,
  type JournalRecord,
  nextPage,
  roomFor,
  seal,
} from "./journal-record.ts";
import { syncDirectory } from "./sync-directory.ts";

const NAMES = ["journal-0", "journal-1"] as const;
/** Put there by the operator: the journal is lost or damaged, and what it holds is given up. */
const FORGET = "forget-journal";

/** Where records of up to so many octets are put together: memory that is new each time costs more than what goes there. */
const USUAL_ROOM_OCTETS = 1024 * 1024;

export interface JournalOptions {
  readonly directory: string;
  /** Of the tables' file, to which the journal belongs. */
  readonly storeId: string;
  /** Number of the last record that is in the tables' file; undefined: it never had a journal. */
  readonly settled: number | undefined;
}

/**
 * What was committed and is not in the tables' file yet: two files that are filled in turn. A record is on stable storage
 * when `append` resolves: one write that needs no room on the disk, and nothing else.
 *
 * A file is used again from its beginning once all its records are settled, i.e. in the tables' file.
 */
export class Journal {
  readonly #files: readonly [JournalFile, JournalFile];
  #active: 0 | 1 = 0;
  #last: number;
  /** The last one that was given to a record, acknowledged or not. */
  #number: number;
  #settled: number;
  #isAppending = false;
  #unsettledOctets = 0;
  #left: readonly JournalRecord[];
  readonly #room = Buffer.allocUnsafeSlow(USUAL_ROOM_OCTETS);

  /**
   * @throws {ConfigError} a file is missing or another's; a record behind `settled` is missing. @throws the disk's errors.
   */
  constructor({ directory, storeId, settled: known }: JournalOptions) {
    const settled = known ?? 0;
    this.#settled = settled;
    const paths = NAMES.map((name) => join(directory, name));
    const forget = join(directory, FORGET);
    const isForgotten = existsSync(forget);
    if (known === undefined || isForgotten) for (const path of paths) JournalFile.make(path, storeId);
    if (isForgotten) {
      unlinkSync(forget);
      syncDirectory(directory);
    }
    const [first, second] = paths.map((path) => new JournalFile(path, storeId));
    if (first === undefined || second === undefined) throw new Error("two names, two files");
    this.#files = [first, second];
    const contents = this.#files.map((file) => file.read(settled));
    this.#left = chain(
      contents.flatMap(({ records }) => records),
      settled,
      directory,
    );
    if (second.last > first.last) this.#active = 1;
    this.#last = this.#left.at(-1)?.sequence ?? settled;
    // No number is used twice: what was cut short and is read in another way some day must not be taken for what followed.
    this.#number = Math.max(settled, ...contents.map(({ last }) => last));
    this.#secureLast(contents);
  }

  /** Records of an earlier process that are not settled, in order: once, and to be applied before the first `append`. */
  takeLeft(): readonly JournalRecord[] {
    const left = this.#left;
    this.#left = [];
    return left;
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

  /** What records have taken up since the last `turn`. */
  get unsettledOctets(): number {
    return this.#unsettledOctets;
  }

  /** Whether a record is on its way to the disk. */
  get isAppending(): boolean {
    return this.#isAppending;
  }

  /** Whether half of it is used up by what is not settled. */
  get isHalfFull(): boolean {
    const used = this.#files.reduce((sum, file) => sum + (this.#isFree(file) ? 0 : file.at), 0);
    return used >= JOURNAL_FILE_OCTETS;
  }

  /** To be appended before the next is encoded. @returns Undefined: larger than any file. */
  encode(entries: readonly JournalEntry[]): Buffer | undefined {
    const room = roomFor(entries);
    // Of which a third at least is used.
    if (room > 3 * MAX_RECORD_OCTETS) return undefined;
    const isUsual = room <= USUAL_ROOM_OCTETS && !this.#isAppending;
    const record = encodeEntries(entries, isUsual ? this.#room : Buffer.allocUnsafe(room));
    return record.length > MAX_RECORD_OCTETS ? undefined : record;
  }

  /** Whether a record can be appended; if not, something must be settled. */
  hasRoom({ length }: Buffer): boolean {
    return this.#files[this.#active].fits(length) || this.#isFree(this.#other);
  }

  /** One at a time. When it rejects, the record may be there or not, and counts if no other follows. */
  async append(record: Buffer): Promise<void> {
    if (!this.#files[this.#active].fits(record.length)) this.turn();
    const file = this.#files[this.#active];
    if (!file.fits(record.length)) throw new Error("journal: no room");
    this.#number += 1;
    const sequence = this.#number;
    seal(record, sequence, this.#last, file.secret);
    file.last = sequence;
    this.#isAppending = true;
    try {
      await file.write(record);
    } finally {
      this.#isAppending = false;
    }
    const end = nextPage(file.at + record.length);
    this.#unsettledOctets += end - file.at;
    file.at = end;
    this.#last = sequence;
  }

  /** What follows goes to the other file, if that is free: the one that was filled can be free soon. */
  turn(): void {
    this.#unsettledOctets = 0;
    const other = this.#other;
    if (!this.#isFree(other)) return;
    this.#active = this.#active === 0 ? 1 : 0;
    other.rewind();
  }

  /** All records up to this one are in the tables' file, on stable storage. */
  settle(sequence: number): void {
    this.#settled = sequence;
  }

  close(): void {
    // Its number could be another file's while the disk still takes its time.
    if (this.#isAppending) return;
    for (const file of this.#files) file.close();
  }

  get #other(): JournalFile {
    return this.#files[this.#active === 0 ? 1 : 0];
  }

  #isFree({ last }: JournalFile): boolean {
    return last <= this.#settled;
  }

  /** Only the last one can have been under way when the process before this one ended. */
  #secureLast(contents: readonly JournalContents[]): void {
    for (const [at, { records }] of contents.entries()) {
      const last = records.find(({ sequence }) => sequence === this.#last);
      if (last !== undefined) this.#files[at]?.writeAgain(last.at, last.end);
    }
  }
}

/**
 * Of the records behind `settled`, those that are in force, in order: the last one, the one that it names, and so on. One that
 * is not named was not acknowledged, for another followed the same one.
 */
function chain(records: readonly JournalRecord[], settled: number, directory: string): JournalRecord[] {
  const byNumber = new Map(records.map((record) => [record.sequence, record]));
  const found: JournalRecord[] = [];
  let next = records.reduce((last, { sequence }) => Math.max(last, sequence), settled);
  while (next > settled) {
    const record = byNumber.get(next);
    if (record === undefined) {
      throw new ConfigError(
        `bus: ${directory}: its journal is damaged or younger than the tables: record ${next} is missing, mail that was accepted last is in it. ${GIVE_UP}`,
      );
    }
    found.push(record);
    next = record.previous;
  }
  return found.reverse();
}
