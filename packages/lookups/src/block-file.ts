import { type FileHandle, open } from "node:fs/promises";

const BLOCK_OCTETS = 4096;
/** So many blocks are kept, 1 MiB: the upper levels of a tree or a table of hashes, which each question reads. */
const MAX_BLOCKS = 256;
/** Longer parts are read past the blocks. */
const MAX_KEPT_OCTETS = 64 * 1024;

/** No file is longer; a damaged one may name any place. */
const MAX_FILE_OCTETS = 2 ** 47;

/** A file that is read in parts, here and there. */
export class BlockFile {
  readonly #handle: FileHandle;
  /** By number; the one used last is the last. */
  #blocks = new Map<number, Buffer>();
  /** When it was opened. */
  readonly size: number;

  private constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.size = size;
  }

  static async open(path: string): Promise<BlockFile> {
    const handle = await open(Buffer.from(path, "latin1"));
    try {
      return new BlockFile(handle, (await handle.stat()).size);
    } catch (err) {
      await handle.close();
      throw err;
    }
  }

  /** @returns fewer octets at the end of the file. */
  async read(at: number, octets: number): Promise<Buffer> {
    if (octets > MAX_KEPT_OCTETS) return this.readNow(at, octets);
    if (at + octets > MAX_FILE_OCTETS) return Buffer.alloc(0);
    const parts: Buffer[] = [];
    for (let number = Math.floor(at / BLOCK_OCTETS); number * BLOCK_OCTETS < at + octets; number++) {
      const start = number * BLOCK_OCTETS;
      const block = await this.#block(number);
      parts.push(block.subarray(Math.max(0, at - start), at + octets - start));
      if (block.length < BLOCK_OCTETS) break;
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }

  /** As `read`, from the file itself. */
  async readNow(at: number, octets: number): Promise<Buffer> {
    if (at + octets > MAX_FILE_OCTETS) return Buffer.alloc(0);
    const buffer = Buffer.allocUnsafe(octets);
    let length = 0;
    while (length < octets) {
      const { bytesRead } = await this.#handle.read(buffer, length, octets - length, at + length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return buffer.subarray(0, length);
  }

  /** The file has another content now. */
  forget(): void {
    this.#blocks = new Map();
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  async #block(number: number): Promise<Buffer> {
    // What was read before `forget` must not get among the blocks after it.
    const blocks = this.#blocks;
    const block = blocks.get(number) ?? (await this.readNow(number * BLOCK_OCTETS, BLOCK_OCTETS));
    blocks.delete(number);
    blocks.set(number, block);
    if (blocks.size > MAX_BLOCKS) {
      const oldest = blocks.keys().next();
      if (oldest.done !== true) blocks.delete(oldest.value);
    }
    return block;
  }
}
