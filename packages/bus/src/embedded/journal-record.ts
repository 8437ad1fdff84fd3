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
  /** Where it begins and ends in its file. */
  readonly at: number;
  readonly end: number;
}

/** What a file of the journal holds behind a given number. */
export interface JournalContents {
  /** Those that are whole. */
  readonly records: readonly JournalRecord[];
  /** The greatest number that any of its heads bears, whether its record is whole or not. */
  readonly last: number;
}

/** Drawn for each file and kept in its first page: what begins otherwise is no record, whatever mail may contain. */
export const SECRET_OCTETS = 8;
/** Secret (8), sequence (8), previous sequence (8), octets of the entries (4), their checksum (4), that of the head (4). */
const HEAD_OCTETS = SECRET_OCTETS + 28;
const HEAD_SUMMED = HEAD_OCTETS - 4;
/** Table (1), whether there is a value (1), octets of the key (2) and of the value (4). */
const ENTRY_HEAD_OCTETS = 8;
/** Records begin at whole pages, so that writing one never touches the one before. */
export const PAGE_OCTETS = 4_096;

/** Where the next record begins behind one that ends at `end`. */
export const nextPage = (end: number): number => Math.ceil(end / PAGE_OCTETS) * PAGE_OCTETS;

/** More than the record of such entries can have. */
export function roomFor(entries: readonly JournalEntry[]): number {
  let room = HEAD_OCTETS;
  for (const { key, value } of entries) {
    // A UTF-16 code unit becomes three octets at most.
    const octets = typeof value === "string" ? 3 * value.length : (value?.length ?? 0);
    room += ENTRY_HEAD_OCTETS + key.length + octets;
  }
  return room;
}

/** Entries as one record, whose head `seal` fills in. @param room As `roomFor` says. @returns A part of `room`. */
export function encodeEntries(entries: readonly JournalEntry[], room: Buffer): Buffer {
  let at = HEAD_OCTETS;
  for (const { table, key, value } of entries) {
    const valueAt = at + ENTRY_HEAD_OCTETS + room.write(key, at + ENTRY_HEAD_OCTETS, "latin1");
    let end = valueAt;
    if (typeof value === "string") end += room.write(value, valueAt, "utf8");
    else if (value !== undefined) end += value.copy(room, valueAt);
    room.writeUInt8(table, at);
    room.writeUInt8(value === undefined ? 0 : 1, at + 1);
    room.writeUInt16BE(key.length, at + 2);
    room.writeUInt32BE(end - valueAt, at + 4);
    at = end;
  }
  return room.subarray(0, at);
}

/** @param secret Of the file that it goes to. */
export function seal(record: Buffer, sequence: number, previous: number, secret: Buffer): void {
  secret.copy(record, 0, 0, SECRET_OCTETS);
  record.writeBigUInt64BE(BigInt(sequence), 8);
  record.writeBigUInt64BE(BigInt(previous), 16);
  record.writeUInt32BE(record.length - HEAD_OCTETS, 24);
  record.writeUInt32BE(crc32(record.subarray(HEAD_OCTETS)), 28);
  record.writeUInt32BE(crc32(record.subarray(0, HEAD_SUMMED)), HEAD_SUMMED);
}

/**
 * All that a file holds, page for page: also behind a record that is not whole. That one was cut short by the end of a
 * process, or is damaged; which of the two tells who knows what must be there.
 */
export function decodeRecords(file: Buffer, secret: Buffer, settled: number): JournalContents {
  const records: JournalRecord[] = [];
  let last = 0;
  for (let at = PAGE_OCTETS; at < file.length; ) {
    const head = headAt(file, at, secret);
    if (head === undefined || head.sequence <= settled) {
      at += PAGE_OCTETS;
      continue;
    }
    last = Math.max(last, head.sequence);
    const { sequence, previous, end } = head;
    const isWhole = crc32(file.subarray(at + HEAD_OCTETS, end)) === head.checksum;
    if (isWhole) records.push({ sequence, previous, at, end, entries: decodeEntries(file.subarray(at, end)) });
    at = isWhole ? nextPage(end) : at + PAGE_OCTETS;
  }
  return { records, last };
}

interface Head {
  readonly sequence: number;
  readonly previous: number;
  readonly end: number;
  readonly checksum: number;
}

function headAt(file: Buffer, at: number, secret: Buffer): Head | undefined {
  const head = file.subarray(at, at + HEAD_OCTETS);
  if (head.length < HEAD_OCTETS || !secret.equals(head.subarray(0, SECRET_OCTETS))) return undefined;
  if (crc32(head.subarray(0, HEAD_SUMMED)) !== head.readUInt32BE(HEAD_SUMMED)) return undefined;
  return {
    sequence: Number(head.readBigUInt64BE(8)),
    previous: Number(head.readBigUInt64BE(16)),
    end: Math.min(file.length, at + HEAD_OCTETS + head.readUInt32BE(24)),
    checksum: head.readUInt32BE(28),
  };
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
