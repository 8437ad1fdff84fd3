import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { type FileMark, findFile, isSame, markOf, openForAppending } from "../file-mark.ts";
import { withLock } from "./with-lock.ts";

/** Octets that one write has at most, so that a block never ends in the middle of one: others append, too. */
const WRITE_OCTETS = 64 * 1024;
const READ_OCTETS = 1024 * 1024;
/** Blocks of others that are remembered; the oldest go. */
const MAX_FOUND = 100_000;

/**
 * A history that others write, too: other programs (Exim, OpenDMARC), a second logger, or one that has died and does not know
 * it. So nothing is ever cut off. What is behind the place up to which we know the file is read before anything is appended:
 * a block that stands there already is not written again, and one that a crash has cut short is continued.
 */
export class DmarcHistoryFile {
  readonly #path: () => string;
  #openPath: string;
  #handle: FileHandle;
  /** Of the file that is open; `size`: what has been read. */
  #known: FileMark;
  /** Digests of blocks that stand behind the committed place, and where they begin, in this order. */
  readonly #found = new Map<string, number>();
  /** What has been read of the last block. */
  #last = "";

  private constructor(path: string, source: () => string, handle: FileHandle, known: FileMark) {
    this.#openPath = path;
    this.#path = source;
    this.#handle = handle;
    this.#known = known;
  }

  /**
   * @param path Asked again later: with another policy, it may be another one.
   * @param committed The last mark that was stored; the file it means may have been renamed since.
   */
  static async open(path: () => string, committed?: FileMark): Promise<DmarcHistoryFile> {
    const at = path();
    const { handle, mark } = await openForAppending(at, "a+");
    const file = new DmarcHistoryFile(at, path, handle, { ...mark, size: 0 });
    const before = committed === undefined ? undefined : await findFile(at, committed);
    if (committed === undefined || before === undefined || before.mark.size < committed.size) return file;
    if (isSame(before.mark, mark)) {
      file.#known = committed;
      return file;
    }
    const renamed = await open(before.path, "r");
    try {
      await file.#readFrom(renamed, committed.size);
    } finally {
      await renamed.close();
    }
    file.#restart(mark);
    return file;
  }

  /** To be committed: what stands before it need not be read again. */
  get mark(): FileMark {
    const [first] = this.#found.values();
    return { ...this.#known, size: first ?? this.#known.size };
  }

  /** @param blocks Each ends in a line end, and is the same when it is made again. */
  async append(blocks: readonly string[]): Promise<void> {
    // Each time, and not once a second: whoever else writes must find our blocks where it looks for them.
    await this.followRotation();
    await withLock(`${this.#openPath}.lock`, async () => {
      await this.#catchUp();
      const missing = blocks.filter((block) => !this.#found.delete(digestOf(block)));
      for (const octets of this.#pieces(missing)) await this.#write(octets);
      const { size } = await this.#handle.stat();
      this.#known = { ...this.#known, size };
      this.#last = missing.at(-1) ?? this.#last;
    });
  }

  /** @returns True: another file has the name now, which is empty or was begun by others. */
  async followRotation(): Promise<boolean> {
    const path = this.#path();
    const found = path === this.#openPath ? await markOf(path) : undefined;
    if (found !== undefined && isSame(found, this.#known)) {
      if (found.size >= this.#known.size) return false;
      this.#restart(found); // Emptied in place.
      return true;
    }
    // Somebody may have written to the one before until now.
    await this.#catchUp();
    const previous = this.#handle;
    const { handle, mark } = await openForAppending(path, "a+");
    this.#handle = handle;
    this.#openPath = path;
    this.#restart(mark);
    await previous.close();
    return true;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  /** What was found in the file before still counts as written; where it stood does not matter any more. */
  #restart(mark: FileMark): void {
    for (const digest of this.#found.keys()) this.#found.set(digest, 0);
    this.#known = { ...mark, size: 0 };
    this.#last = "";
  }

  /** Reads what others have written since. */
  async #catchUp(): Promise<void> {
    const { size } = await this.#handle.stat();
    if (size === this.#known.size) return;
    this.#known = { ...this.#known, size: await this.#readFrom(this.#handle, this.#known.size) };
  }

  /** @returns where it ends. */
  async #readFrom(file: FileHandle, from: number): Promise<number> {
    const memory = Buffer.allocUnsafe(READ_OCTETS);
    let at = from;
    this.#last = "";
    for (;;) {
      const { bytesRead } = await file.read(memory, 0, READ_OCTETS, at);
      if (bytesRead === 0) break;
      at += bytesRead;
      const blocks = (this.#last + memory.toString("latin1", 0, bytesRead)).split(/(?<=\n)(?=job )/);
      let begin = at - blocks.reduce((sum, { length }) => sum + length, 0);
      this.#last = blocks.pop() ?? "";
      for (const block of blocks) {
        this.#remember(block, begin);
        begin += block.length;
      }
      // Something that is no block.
      if (this.#last.length > READ_OCTETS) this.#last = "";
    }
    if (this.#last.endsWith("\n")) this.#remember(this.#last, at - this.#last.length);
    return at;
  }

  #remember(block: string, begin: number): void {
    this.#found.set(digestOf(block), begin);
    const [oldest] = this.#found.keys();
    if (this.#found.size > MAX_FOUND && oldest !== undefined) this.#found.delete(oldest);
  }

  /** Whole blocks; first the rest of one that was cut short, if it is one of these. */
  *#pieces(blocks: readonly string[]): Generator<Buffer> {
    const last = this.#last;
    let piece = "";
    let rest = blocks;
    if (blocks.length > 0 && last !== "" && !last.endsWith("\n")) {
      const cut = blocks.find((block) => block.startsWith(last));
      piece = cut === undefined ? "\n" : cut.slice(last.length);
      rest = blocks.filter((block) => block !== cut);
    }
    for (const block of rest) {
      if (piece.length + block.length > WRITE_OCTETS && piece !== "") {
        yield Buffer.from(piece, "latin1");
        piece = "";
      }
      piece += block;
    }
    if (piece !== "") yield Buffer.from(piece, "latin1");
  }

  async #write(octets: Buffer): Promise<void> {
    for (let at = 0; at < octets.length; ) {
      const { bytesWritten } = await this.#handle.write(octets, at);
      at += bytesWritten;
    }
  }
}

const digestOf = (block: string): string => createHash("sha1").update(block, "latin1").digest("latin1");
