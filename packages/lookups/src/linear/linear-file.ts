import { type FileHandle, open } from "node:fs/promises";
import { LookupDefer } from "../lookup-defer.ts";
import { beginsWithKey, type Entry, type LineKey, readEntry, readKey } from "./line.ts";

/** Up to here a file is kept in memory, and asked without waiting. */
const MAX_KEPT_OCTETS = 1024 * 1024;
const CHUNK_OCTETS = 256 * 1024;
/** First read of an entry of a file that is not in memory. */
const ENTRY_OCTETS = 4 * 1024;
/** Longer than any list or set of addresses that anybody keeps on a line. */
const MAX_ENTRY_OCTETS = 1024 * 1024;
/** A line whose key is longer has no key: nobody asks for it. */
const MAX_KEY_OCTETS = 64 * 1024;

/** A file of lines `key: data`. A small one is in memory, of a large one only what is asked for. */
export class LinearFile {
  /** The whole file as octets. */
  readonly text: string | undefined;
  readonly size: number;
  readonly #handle: FileHandle | undefined;
  readonly #type: string;

  private constructor(type: string, size: number, content: string | FileHandle) {
    this.#type = type;
    this.size = size;
    this.text = typeof content === "string" ? content : undefined;
    this.#handle = typeof content === "string" ? undefined : content;
  }

  /** @param type Name of the lookup type, for errors. */
  static async open(path: string, type: string): Promise<LinearFile> {
    const handle = await open(Buffer.from(path, "latin1"));
    try {
      const { size } = await handle.stat();
      if (size > MAX_KEPT_OCTETS) return new LinearFile(type, size, handle);
      const octets = await readUpTo(handle, MAX_KEPT_OCTETS + 1);
      // It has grown meanwhile.
      if (octets.length > MAX_KEPT_OCTETS) return new LinearFile(type, octets.length, handle);
      const file = new LinearFile(type, octets.length, octets.toString("latin1"));
      await handle.close();
      return file;
    } catch (err) {
      await handle.close();
      throw err;
    }
  }

  async close(): Promise<void> {
    await this.#handle?.close();
  }

  /** The keys of all lines in order, of a file in memory. */
  keysInText(): readonly LineKey[] {
    const keys: LineKey[] = [];
    const text = this.text ?? "";
    keysOf(text, 0, text.length, 0, keys);
    return keys;
  }

  /** The keys of all lines in order, by parts, of a file that is not in memory. @param from Start of a line. */
  async *keysInFile(from = 0): AsyncGenerator<readonly LineKey[]> {
    const handle = this.#handle;
    if (handle === undefined) return;
    const buffer = Buffer.allocUnsafe(CHUNK_OCTETS);
    let carried = "";
    /** The line that is carried was too long, and its rest means nothing. */
    let isSkipping = false;
    let position = from;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, CHUNK_OCTETS, position);
      const text = carried + buffer.toString("latin1", 0, bytesRead);
      const base = position - carried.length;
      position += bytesRead;
      let start = 0;
      if (isSkipping) {
        const end = text.indexOf("\n");
        start = end === -1 ? text.length : end + 1;
        isSkipping = end === -1;
      }
      const end = bytesRead === 0 ? text.length : text.lastIndexOf("\n") + 1;
      const keys: LineKey[] = [];
      if (end > start) keysOf(text, start, end, base, keys);
      carried = text.slice(Math.max(start, end));
      if (carried.length > MAX_KEY_OCTETS) {
        keysOf(carried, 0, carried.length, base + text.length - carried.length, keys);
        carried = "";
        isSkipping = true;
      }
      yield keys;
      if (bytesRead === 0) return;
    }
  }

  /**
   * The file by parts that begin and end with lines (the last may lack its newline), for whoever reads lines faster than
   * `keysInFile`. Each part is valid until the next is asked for. A line that is too long comes without its rest.
   */
  async *parts(): AsyncGenerator<{ readonly octets: Buffer; readonly offset: number }> {
    const handle = this.#handle;
    if (handle === undefined) {
      yield { octets: Buffer.from(this.text ?? "", "latin1"), offset: 0 };
      return;
    }
    const buffer = Buffer.allocUnsafe(CHUNK_OCTETS + MAX_KEY_OCTETS);
    let kept = 0;
    let offset = 0;
    let isSkipping = false;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, kept, CHUNK_OCTETS, offset + kept);
      const filled = kept + bytesRead;
      let start = 0;
      if (isSkipping) {
        const newline = buffer.subarray(0, filled).indexOf(NEWLINE);
        start = newline === -1 ? filled : newline + 1;
        isSkipping = newline === -1;
      }
      const end = bytesRead === 0 ? filled : Math.max(start, buffer.subarray(0, filled).lastIndexOf(NEWLINE) + 1);
      if (end > start) yield { octets: buffer.subarray(start, end), offset: offset + start };
      if (bytesRead === 0) return;
      kept = filled - end;
      if (kept > MAX_KEY_OCTETS) {
        yield { octets: buffer.subarray(end, filled), offset: offset + end };
        kept = 0;
        isSkipping = true;
      }
      buffer.copyWithin(0, filled - kept, filled);
      offset += filled - kept;
    }
  }

  /** The entry at the offset of a `LineKey`. @throws {LookupDefer} it is too long. */
  entryAt(at: number): Entry | Promise<Entry> {
    return this.text === undefined ? this.#readEntry(at) : (readEntry(this.text, at, true) ?? NO_ENTRY);
  }

  async #readEntry(at: number): Promise<Entry> {
    const handle = this.#handle;
    if (handle === undefined) return NO_ENTRY;
    for (let octets = ENTRY_OCTETS; octets <= MAX_ENTRY_OCTETS; octets *= 4) {
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(octets), 0, octets, at);
      const entry = readEntry(buffer.toString("latin1", 0, bytesRead), 0, bytesRead < octets);
      if (entry !== undefined) return entry;
    }
    throw new LookupDefer(this.#type, `an entry has more than ${MAX_ENTRY_OCTETS} octets`);
  }
}

const NEWLINE = 10;
const NO_ENTRY: Entry = { key: "", data: "", full: "" };

/** @param base Offset of the text in the file. */
function keysOf(text: string, from: number, to: number, base: number, keys: LineKey[]): void {
  for (let at = from; at < to; ) {
    const newline = text.indexOf("\n", at);
    const end = newline === -1 || newline > to ? to : newline;
    if (end > at && beginsWithKey(text, at)) keys.push({ key: readKey(text, at, end).key, at: base + at });
    at = end + 1;
  }
}

async function readUpTo(handle: FileHandle, octets: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(octets);
  let length = 0;
  while (length < octets) {
    const { bytesRead } = await handle.read(buffer, length, octets - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}
