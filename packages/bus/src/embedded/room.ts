import { statfs } from "node:fs/promises";
import { Reserve } from "./reserve.ts";

/** Of free pages of the file a third counts: what one transaction frees only the next but one may use. */
export const USABLE_PAGES = 1 / 3;

/** How much more the tables' file may grow, and what is done where that is too little. */
export class Room {
  readonly reserve: Reserve;
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    this.reserve = new Reserve(directory);
  }

  /** @returns Octets that are left on the disk. */
  async look(): Promise<number> {
    try {
      const { bavail, bsize } = await statfs(this.#directory);
      return bavail * bsize;
    } catch {
      // The directory is gone or out of reach: the commits will say so, and better.
      return Number.POSITIVE_INFINITY;
    }
  }

  /**
   * Sees to it that so many octets can be written, giving up the reserve if need be. LMDB is not to find it out: where it finds
   * no room it writes its complaint behind its own memory.
   *
   * @param inFile Octets of free pages of the file. @throws an error of the operating system's kind: ENOSPC.
   */
  async need(octets: number, inFile: number): Promise<void> {
    if ((await this.look()) + inFile * USABLE_PAGES >= octets) return;
    if (this.reserve.isThere) {
      await this.reserve.giveUp();
      if ((await this.look()) + inFile * USABLE_PAGES >= octets) return;
    }
    const left = await this.look();
    const text = `ENOSPC: no room for the tables' file: ${octets} octets may be needed, ${left} are left on the disk`;
    throw Object.assign(new Error(text), { code: "ENOSPC", errno: -28 });
  }
}
