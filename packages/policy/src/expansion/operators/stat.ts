import { stat as readStat } from "node:fs/promises";
import { ExpansionFailure } from "../failures.ts";
import type { StateOperator } from "../operator.ts";
import { systemProblem } from "../system-problem.ts";
import { textOf } from "../value.ts";

/** `${stat:/path}`: what is known of a file, for use with `${extract`. A peer may have had a hand in the name: nothing is read. */
export const stat: StateOperator = {
  name: "stat",
  async run(subject) {
    const name = textOf(subject);
    try {
      const s = await readStat(Buffer.from(name, "latin1"));
      const seconds = (ms: number): number => Math.floor(ms / 1000);
      // Of the type of the file Exim prints all but the highest bit: nothing for a plain one, 4 for a directory.
      return (
        `mode=${(s.mode & 0o77777).toString(8).padStart(4, "0")} smode=${symbolic(s.mode)} inode=${s.ino} ` +
        `device=${s.dev} links=${s.nlink} uid=${s.uid} gid=${s.gid} size=${s.size} ` +
        `atime=${seconds(s.atimeMs)} mtime=${seconds(s.mtimeMs)} ctime=${seconds(s.ctimeMs)}`
      );
    } catch (error) {
      throw new ExpansionFailure(`stat(${name}) failed: ${systemProblem(error)}`, { cause: error });
    }
  },
};

const TYPES: ReadonlyMap<number, string> = new Map([
  [0o010, "p"],
  [0o020, "c"],
  [0o040, "d"],
  [0o060, "b"],
  [0o100, "-"],
  [0o120, "l"],
  [0o140, "s"],
]);

/** As `ls` prints it. */
function symbolic(mode: number): string {
  const special = [mode & 0o4000, mode & 0o2000, mode & 0o1000];
  const bits = [6, 3, 0].map((shift, i) => {
    const [r, w, x] = [(mode >> shift) & 4, (mode >> shift) & 2, (mode >> shift) & 1];
    const letter = i === 2 ? "t" : "s";
    const last = special[i] ? (x ? letter : letter.toUpperCase()) : x ? "x" : "-";
    return `${r ? "r" : "-"}${w ? "w" : "-"}${last}`;
  });
  return (TYPES.get((mode >> 9) & 0o170) ?? "?") + bits.join("");
}
