import { LookupDefer } from "../lookup-defer.ts";
import type { Snapshot } from "./meta-page.ts";

/** Reads octets from the file. */
type Read = (at: number, octets: number) => Promise<Buffer>;

const HEADER_OCTETS = 16;
/** `mp_pad`, where a page of equally long keys has their length; flags; the end of the node pointers. */
const KEY_OCTETS_AT = 8;
const FLAGS_AT = 10;
const LOWER_AT = 12;

const BRANCH = 0x01;
const LEAF = 0x02;
const OVERFLOW = 0x04;
const LEAF2 = 0x20;
/** Flags of a node in a leaf. */
const BIG_DATA = 0x01;
const SUB_DATABASE = 0x02;
const DUPLICATES = 0x04;

/** Head of a node: two halves of a length or page number, flags, length of the key. */
const NODE_HEAD_OCTETS = 8;
/** Where a record of a database, `MDB_db`, has its root. */
const ROOT_AT = 40;
/** `CURSOR_STACK`: deeper trees do not exist. */
const MAX_DEPTH = 32;
const MAX_DATA_OCTETS = 16 * 1024 * 1024;

/** The data of a key in one state of the database, the first of several. @throws {LookupDefer} the file is damaged. */
export async function findInTree(read: Read, snapshot: Snapshot, key: Buffer): Promise<Buffer | undefined> {
  if (snapshot.root === undefined) return undefined;
  const page = await leafOf(read, snapshot, snapshot.root, key);
  const index = lowerBound(page, key);
  if (index >= countOf(page)) return undefined;
  const node = nodeAt(page, index);
  return node.key.equals(key) ? dataOf(read, snapshot, node) : undefined;
}

/** Goes down to the leaf that has the key, or the first key if none is given. */
async function leafOf(read: Read, { pageOctets }: Snapshot, root: number, key: Buffer | undefined): Promise<Buffer> {
  let number = root;
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const page = await read(number * pageOctets, pageOctets);
    if (page.length < pageOctets) throw damaged();
    const flags = page.readUInt16LE(FLAGS_AT);
    if ((flags & LEAF) !== 0) return page;
    const count = countOf(page);
    if ((flags & BRANCH) === 0 || count === 0) throw damaged();
    // The first node of a branch page has no key: it stands for all that is less than the second one's.
    let index = 0;
    if (key !== undefined) {
      index = lowerBound(page, key, 1);
      if (index >= count || !nodeAt(page, index).key.equals(key)) index--;
    }
    const node = nodeAt(page, index);
    number = node.length + node.flags * 2 ** 32;
  }
  throw damaged();
}

interface Node {
  /** Of the data; in a branch page, the low half of the page number. */
  readonly length: number;
  readonly flags: number;
  readonly key: Buffer;
  /** The page from the data on. */
  readonly rest: Buffer;
}

function countOf(page: Buffer): number {
  const lower = page.readUInt16LE(LOWER_AT);
  if (lower < HEADER_OCTETS || lower > page.length) throw damaged();
  return (lower - HEADER_OCTETS) >> 1;
}

function nodeAt(page: Buffer, index: number): Node {
  const at = page.readUInt16LE(HEADER_OCTETS + 2 * index);
  if (at + NODE_HEAD_OCTETS > page.length) throw damaged();
  const dataAt = at + NODE_HEAD_OCTETS + page.readUInt16LE(at + 6);
  if (dataAt > page.length) throw damaged();
  return {
    length: page.readUInt32LE(at),
    flags: page.readUInt16LE(at + 4),
    key: page.subarray(at + NODE_HEAD_OCTETS, dataAt),
    rest: page.subarray(dataAt),
  };
}

/** The first node from `low` on whose key is not less. */
function lowerBound(page: Buffer, key: Buffer, low = 0): number {
  let high = countOf(page);
  while (low < high) {
    const middle = (low + high) >> 1;
    if (Buffer.compare(nodeAt(page, middle).key, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

async function dataOf(read: Read, snapshot: Snapshot, node: Node): Promise<Buffer> {
  if ((node.flags & DUPLICATES) !== 0) return firstDuplicate(read, snapshot, node);
  if ((node.flags & BIG_DATA) === 0) return partOf(node.rest, node.length);
  // Data that does not fit lies in pages of its own, behind one header.
  const at = pageNumberIn(node.rest, 0) * snapshot.pageOctets;
  if (node.length > MAX_DATA_OCTETS) throw new LookupDefer("lmdb", `LMDB: a value of ${node.length} octets`);
  const pages = await read(at, HEADER_OCTETS + node.length);
  if (pages.length < HEADER_OCTETS + node.length || (pages.readUInt16LE(FLAGS_AT) & OVERFLOW) === 0) throw damaged();
  return pages.subarray(HEADER_OCTETS);
}

/** Several data of one key are the keys of a small page within the node, or of a tree of their own. */
async function firstDuplicate(read: Read, snapshot: Snapshot, node: Node): Promise<Buffer> {
  const page =
    (node.flags & SUB_DATABASE) === 0
      ? partOf(node.rest, node.length)
      : await leafOf(read, snapshot, pageNumberIn(node.rest, ROOT_AT), undefined);
  if (page.length < HEADER_OCTETS || countOf(page) === 0) throw damaged();
  if ((page.readUInt16LE(FLAGS_AT) & LEAF2) === 0) return nodeAt(page, 0).key;
  return partOf(page.subarray(HEADER_OCTETS), page.readUInt16LE(KEY_OCTETS_AT));
}

function partOf(octets: Buffer, length: number): Buffer {
  if (length > octets.length) throw damaged();
  return octets.subarray(0, length);
}

function pageNumberIn(octets: Buffer, at: number): number {
  if (at + 8 > octets.length) throw damaged();
  return Number(octets.readBigUInt64LE(at));
}

function damaged(): LookupDefer {
  return new LookupDefer("lmdb", "LMDB: MDB_CORRUPTED: Located page was wrong type");
}
