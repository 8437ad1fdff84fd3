import { LookupDefer } from "../lookup-defer.ts";

/** The root of one state of the database, as of a committed transaction. */
export interface Snapshot {
  readonly pageOctets: number;
  /** Number of the root page of the unnamed database; undefined: it is empty. */
  readonly root: number | undefined;
  /** Where the meta page begins, and its octets: as long as they are the same, the pages of the state are in place. */
  readonly metaAt: number;
  readonly meta: Buffer;
}

/** Page header and `MDB_meta` of a file of data version 1 on a machine with 64 bits, little-endian. */
const META_OCTETS = 152;
const MAGIC_AT = 16;
const VERSION_AT = 20;
/** `md_pad` of the database of free pages holds the page size; flags and root of the unnamed database. */
const PAGE_OCTETS_AT = 40;
const MAIN_FLAGS_AT = 92;
const MAIN_ROOT_AT = 128;
const TXNID_AT = 144;

const USUAL_PAGE_OCTETS = 4096;
const MAGIC = 0xbeefc0de;
const NO_PAGE = 0xffff_ffff_ffff_ffffn;
/** `MDB_REVERSEKEY`, `MDB_INTEGERKEY`: keys in another order than that of octets. */
const OTHER_ORDERS = 0x02 | 0x08;

/** Reads octets from the file. */
type Read = (at: number, octets: number) => Promise<Buffer>;

/**
 * The newest state. LMDB has two meta pages, at the beginning of the first two pages, and commits to them in turn.
 *
 * @throws {LookupDefer} with the library's words: no database, or none that we can read.
 */
export async function newestSnapshot(read: Read): Promise<Snapshot> {
  const both = await read(0, USUAL_PAGE_OCTETS + META_OCTETS);
  const first = snapshotIn(both.subarray(0, META_OCTETS), 0);
  const at = first.pageOctets;
  const second = snapshotIn(at === USUAL_PAGE_OCTETS ? both.subarray(at) : await read(at, META_OCTETS), at);
  return first.meta.readBigUInt64LE(TXNID_AT) > second.meta.readBigUInt64LE(TXNID_AT) ? first : second;
}

/**
 * Whether the pages of a state are still what they were. A writer that knows of no reader takes the pages of a state for
 * new content only when two more have been committed, and the second of them overwrites the meta page.
 */
export async function isInPlace(read: Read, { metaAt, meta }: Snapshot): Promise<boolean> {
  return (await read(metaAt, META_OCTETS)).equals(meta);
}

function snapshotIn(meta: Buffer, metaAt: number): Snapshot {
  if (meta.length < META_OCTETS || meta.readUInt32LE(MAGIC_AT) !== MAGIC) {
    throw new LookupDefer("lmdb", "MDB_INVALID: File is not an LMDB file");
  }
  // The library's own next format, which npm's lmdb writes, has 2 here.
  if (meta.readUInt32LE(VERSION_AT) !== 1) {
    throw new LookupDefer("lmdb", "MDB_VERSION_MISMATCH: Database environment version mismatch");
  }
  const pageOctets = meta.readUInt32LE(PAGE_OCTETS_AT);
  const hasKnownOrder = (meta.readUInt16LE(MAIN_FLAGS_AT) & OTHER_ORDERS) === 0;
  if (pageOctets < 512 || pageOctets > 65_536 || (pageOctets & (pageOctets - 1)) !== 0 || !hasKnownOrder) {
    throw new LookupDefer("lmdb", "MDB_INCOMPATIBLE: Operation and DB incompatible, or DB flags changed");
  }
  const root = meta.readBigUInt64LE(MAIN_ROOT_AT);
  return { pageOctets, root: root === NO_PAGE ? undefined : Number(root), metaAt, meta };
}
