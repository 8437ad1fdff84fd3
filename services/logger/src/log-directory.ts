import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { MailEvent } from "@postbus/contracts";
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import { type FileMark, LogFile } from "./log-file.ts";
import { logLine } from "./log-line.ts";
import { logTime } from "./log-time.ts";

const Mark = Type.Object({ inode: Type.Number(), bornAtMs: Type.Number(), size: Type.Integer() });
/** What is kept with the reader's position (`Appended.note`). */
const Marks = Type.Object({ mainlog: Mark, rejectlog: Mark });
const checkMarks = Compile(Marks);

/** Exim's three log files. All lines of a batch are one write. */
export class LogDirectory {
  readonly #mainlog: LogFile;
  readonly #rejectlog: LogFile;

  private constructor(mainlog: LogFile, rejectlog: LogFile) {
    this.#mainlog = mainlog;
    this.#rejectlog = rejectlog;
  }

  /**
   * Makes what is missing, and cuts back what was written but not committed.
   *
   * @param note As committed with the last batch.
   */
  static async open(directory: string, note: string | undefined, now: () => number): Promise<LogDirectory> {
    const committed = parseNote(note);
    await mkdir(directory, { recursive: true, mode: 0o750 });
    // Nothing is ever written to it: monitoring looks whether it is empty, and must find it.
    await (await LogFile.open(join(directory, "paniclog"))).close();
    const mainlog = await LogFile.open(join(directory, "mainlog"), committed?.mainlog, now);
    const rejectlog = await LogFile.open(join(directory, "rejectlog"), committed?.rejectlog, now);
    if (mainlog.isShorterThan(committed?.mainlog)) await mainlog.append(lines([gapLine("the end of this file")]));
    return new LogDirectory(mainlog, rejectlog);
  }

  /** To be committed with the batch that was written. */
  get note(): string {
    return JSON.stringify({ mainlog: this.#mainlog.mark, rejectlog: this.#rejectlog.mark } satisfies Static<
      typeof Marks
    >);
  }

  /** @returns True: a file was begun anew, and the new note must be committed before anything is written. */
  async followRotation(): Promise<boolean> {
    const main = await this.#mainlog.followRotation();
    return (await this.#rejectlog.followRotation()) || main;
  }

  /** @param gap Events before these are lost; that is written, too. */
  async write(events: readonly MailEvent[], gap: boolean): Promise<void> {
    const main = gap ? [gapLine("some events")] : [];
    const rejects: string[] = [];
    for (const event of events) {
      const line = logLine(event);
      if (line !== "") main.push(line);
      // As in Exim, what no command was refused for is in the mainlog only.
      if (event.name === "smtp:reject" && event.ofHandshake !== true && event.ofConnection !== true) rejects.push(line);
    }
    if (main.length > 0) await this.#mainlog.append(lines(main));
    if (rejects.length > 0) await this.#rejectlog.append(lines(rejects));
  }

  async close(): Promise<void> {
    await this.#mainlog.close();
    await this.#rejectlog.close();
  }
}

/** Log lines are octets in latin1 strings. */
const lines = (texts: readonly string[]): Buffer => Buffer.from(texts.join(""), "latin1");

const gapLine = (what: string): string =>
  `${logTime(Date.now())} ${what} could not be read: lines are missing before this one\n`;

/** A note that is none of ours (another version's) means: append to what is there. */
function parseNote(note: string | undefined): { readonly mainlog: FileMark; readonly rejectlog: FileMark } | undefined {
  if (note === undefined) return undefined;
  const marks: unknown = JSON.parse(note);
  return checkMarks.Check(marks) ? marks : undefined;
}
