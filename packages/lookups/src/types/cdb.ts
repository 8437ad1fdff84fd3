import { BlockFile } from "../block-file.ts";
import { LookupDefer } from "../lookup-defer.ts";
import type { FileLookupType, Finding } from "../lookup-type.ts";

/** 256 pairs of place and length of a table of hashes. */
const HEADER_OCTETS = 2048;
const SLOT_OCTETS = 8;
/** Of a table that are read at once. */
const SLOTS_AT_ONCE = 32;
/** A value that nobody keeps in such a file. */
const MAX_DATA_OCTETS = 16 * 1024 * 1024;

/**
 * D. J. Bernstein's constant database (<https://cr.yp.to/cdb/cdb.txt>): keys are octets, without a NUL at the end, and
 * case counts; the first record of a key is found.
 */
export const cdb: FileLookupType = {
  name: "cdb",
  style: "single-key",
  wants: "regular file",
  openFailure: (path, problem) => `failed to open ${path} for cdb lookup: ${problem}`,
  async open(path) {
    const file = await BlockFile.open(path);
    if (file.size < HEADER_OCTETS) {
      await file.close();
      throw new LookupDefer("cdb", `failed to open ${path} too short for cdb lookup`, { isOpenFailure: true });
    }
    return { find: (key) => findRecord(file, key), close: () => file.close() };
  },
};

/** Numbers are little-endian and have 32 bits. */
function hashOf(key: Buffer): number {
  let hash = 5381;
  for (const octet of key) hash = (Math.imul(hash, 33) ^ octet) >>> 0;
  return hash;
}

async function findRecord(file: BlockFile, text: string): Promise<Finding | undefined> {
  const key = Buffer.from(text, "latin1");
  const hash = hashOf(key);
  const entry = await readWhole(file, (hash & 0xff) * SLOT_OCTETS, SLOT_OCTETS);
  const table = entry.readUInt32LE(0);
  const slots = entry.readUInt32LE(4);
  if (slots === 0) return undefined;
  const first = (hash >>> 8) % slots;
  for (let probe = 0; probe < slots; ) {
    // From the first slot to the end of the table, then from its beginning.
    const slot = (first + probe) % slots;
    const count = Math.min(SLOTS_AT_ONCE, slots - slot, slots - probe);
    const part = await readWhole(file, table + slot * SLOT_OCTETS, count * SLOT_OCTETS);
    for (let at = 0; at < part.length; at += SLOT_OCTETS) {
      const record = part.readUInt32LE(at + 4);
      if (record === 0) return undefined;
      if (part.readUInt32LE(at) !== hash) continue;
      const data = await readRecord(file, record, key);
      if (data !== undefined) return { data: data.toString("latin1") };
    }
    probe += count;
  }
  return undefined;
}

/** The data, if the record is of this key. */
async function readRecord(file: BlockFile, at: number, key: Buffer): Promise<Buffer | undefined> {
  const head = await readWhole(file, at, 8);
  if (head.readUInt32LE(0) !== key.length) return undefined;
  if (!(await readWhole(file, at + 8, key.length)).equals(key)) return undefined;
  return readWhole(file, at + 8 + key.length, head.readUInt32LE(4));
}

/** Offsets and lengths come from the file: they may be wrong. */
async function readWhole(file: BlockFile, at: number, octets: number): Promise<Buffer> {
  if (octets > MAX_DATA_OCTETS || at + octets > file.size) throw new LookupDefer("cdb", "the file is damaged");
  const part = await file.read(at, octets);
  if (part.length < octets) throw new LookupDefer("cdb", "the file has become shorter");
  return part;
}
