import { crc32 } from "node:zlib";

/** One change of a table. */
export interface JournalEntry {
  /** Its number; what a number means is the store's. */
  readonly table: number;
  readonly key: string;
  /** Undefined: the key goes. */
  readonly value: Buffer | string | undefined;
}

export interface JournalRecord {
  /** Grows from record to record. */
  readonly sequence: number;
  /** Of the record before this one. One that is not named so was not acknowledged. */
  readonly previous: number;
  readonly entries: readonly JournalEntry[];
  /** Where it ends in its file. */
  readonly end: number;
}

/** Checksum (4), octets of the entries (4), sequence (8), previous sequence (8). */
const HEAD_OCTETS = 24;
/** Table (1), whether there is a value (1), octets of the key (2) and of the value (4). */
const ENTRY_HEAD_OCTETS = 8;
/** Records begin at whole pages, so that writing one never touches the one before. */
const PAGE_OCTETS = 4_096;

/** Where the next record begins behind one that ends at `end`. */
export const nextPage = (end: number): number => Math.ceil(end / PAGE_OCTETS) * PAGE_OCTETS;

/** Entries as one record, whose head `seal` fills in. @returns Undefined: it has more than `maxOctets`. */
export function encodeEntries(entries: readonly JournalEntry[], maxOctets: number): Buffer | undefined {
  let size = HEAD_OCTETS;
  for (const { key, value } of entries) size += ENTRY_HEAD_OCTETS + key.length + lengthOf(value);
  if (size > maxOctets) return undefined;
  const record = Buffer.allocUnsafe(size);
  let at = HEAD_OCTETS;
  for (const { table, key, value } of entries) {
    const octets = lengthOf(value);
    record.writeUInt8(table, at);
    record.writeUInt8(value === undefined ? 0 : 1, at + 1);
    record.writeUInt16BE(key.length, at + 2);
    record.writeUInt32BE(octets, at + 4);
    at += ENTRY_HEAD_OCTETS;
    at += record.write(key, at, "latin1");
    if (typeof value === "string") at += record.write(value, at, "utf8");
    else if (value !== undefined) at += value.copy(record, at);
  }
  return record;
}

const lengthOf = (value: Buffer | string | undefined): number =>
  value === undefined ? 0 : typeof value === "string" ? Buffer.byteLength(value) : value.length;

/** @param storeId Goes into the checksum: a record of another store is none. */
export function seal(record: Buffer, sequence: number, previous: number, storeId: string): void {
  record.writeUInt32BE(record.length - HEAD_OCTETS, 4);
  record.writeBigUInt64BE(BigInt(sequence), 8);
  record.writeBigUInt64BE(BigInt(previous), 16);
  record.writeUInt32BE(checksum(record, storeId), 0);
}

const checksum = (record: Buffer, storeId: string): number => crc32(record.subarray(4), crc32(storeId));

/**
 * All records that a file holds and that are whole, page for page: also behind one that is not. That one was cut short by
 * the end of a process, or is damaged; which of the two tells who knows what must be there.
 */
export function decodeRecords(file: Buffer, storeId: string, settled: number): JournalRecord[] {
  const records: JournalRecord[] = [];
  for (let at = 0; at < file.length; ) {
    const record = recordAt(file, at, storeId);
    const head = record === undefined ? undefined : headOf(record);
    if (record !== undefined && head !== undefined && head.sequence > settled) {
      records.push({ ...head, entries: decodeEntries(record), end: at + record.length });
    }
    at = record === undefined ? at + PAGE_OCTETS : nextPage(at + record.length);
  }
  return records;
}

const headOf = (record: Buffer) => ({
  sequence: Number(record.readBigUInt64BE(8)),
  previous: Number(record.readBigUInt64BE(16)),
});

/** The octets of a record, if a whole one begins there. */
function recordAt(file: Buffer, at: number, storeId: string): Buffer | undefined {
  if (at + HEAD_OCTETS > file.length) return undefined;
  const end = at + HEAD_OCTETS + file.readUInt32BE(at + 4);
  if (end > file.length) return undefined;
  const record = file.subarray(at, end);
  const { sequence, previous } = headOf(record);
  // What is no head has a checksum worked out but seldom.
  if (!Number.isSafeInteger(sequence) || previous >= sequence) return undefined;
  return record.readUInt32BE(0) === checksum(record, storeId) ? record : undefined;
}

function decodeEntries(record: Buffer): JournalEntry[] {
  const entries: JournalEntry[] = [];
  for (let at = HEAD_OCTETS; at < record.length; ) {
    const keyAt = at + ENTRY_HEAD_OCTETS;
    const valueAt = keyAt + record.readUInt16BE(at + 2);
    const end = valueAt + record.readUInt32BE(at + 4);
    const value = record.readUInt8(at + 1) === 0 ? undefined : record.subarray(valueAt, end);
    entries.push({ table: record.readUInt8(at), key: record.toString("latin1", keyAt, valueAt), value });
    at = end;
  }
  return entries;
}
