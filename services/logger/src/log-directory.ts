import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { MailEvent } from "@postbus/contracts";
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import { historyBlock } from "./dmarc/history-block.ts";
import { DmarcHistoryFile } from "./dmarc/history-file.ts";
import type { FileMark } from "./file-mark.ts";
import { LogFile } from "./log-file.ts";
import { logLine } from "./log-line.ts";
import type { LogName, LogSettings } from "./log-settings.ts";
import type { LogStyle } from "./log-style.ts";
import { logTime } from "./log-time.ts";
import { rejectLines } from "./reject-lines.ts";

const Mark = Type.Object({ inode: Type.Number(), bornAtMs: Type.Number(), size: Type.Integer() });
/** What is kept with the reader's position (`Appended.note`). */
const Marks = Type.Object({
  mainlog: Mark,
  rejectlog: Mark,
  paniclog: Type.Optional(Mark),
  dmarcHistory: Type.Optional(Mark),
});
type Marks = Static<typeof Marks>;
const checkMarks = Compile(Marks);

const NAMES = ["mainlog", "rejectlog", "paniclog"] as const satisfies readonly LogName[];

/** Exim's three log files, and the history of DMARC. All lines of a batch are one write for each of them. */
export class LogDirectory {
  readonly #files: Readonly<Record<LogName, LogFile>>;
  readonly #settings: () => LogSettings;
  /** While the policy has one. */
  #dmarcHistory: DmarcHistoryFile | undefined;

  private constructor(
    files: Readonly<Record<LogName, LogFile>>,
    dmarcHistory: DmarcHistoryFile | undefined,
    settings: () => LogSettings,
  ) {
    this.#files = files;
    this.#dmarcHistory = dmarcHistory;
    this.#settings = settings;
  }

  /**
   * Makes what is missing, and cuts back what was written but not committed. The paniclog is there though nothing may ever be
   * written to it: monitoring looks whether it is empty.
   *
   * @param settings Asked for each batch.
   * @param note As committed with the last batch.
   */
  static async open(settings: () => LogSettings, note: string | undefined, now: () => number): Promise<LogDirectory> {
    const committed = parseNote(note);
    const files: Partial<Record<LogName, LogFile>> = {};
    for (const name of NAMES) {
      const path = (): string => settings().path(name, now());
      await mkdir(dirname(path()), { recursive: true, mode: 0o750 });
      files[name] = await LogFile.open(path, committed?.[name], now);
    }
    const { mainlog, rejectlog, paniclog } = files as Record<LogName, LogFile>;
    if (mainlog.isShorterThan(committed?.mainlog)) {
      await mainlog.append(octets([gapLine("the end of this file", settings(), now())]));
    }
    const dmarcHistory = await openDmarcHistory(settings, committed?.dmarcHistory);
    return new LogDirectory({ mainlog, rejectlog, paniclog }, dmarcHistory, settings);
  }

  /** To be committed with the batch that was written. */
  get note(): string {
    const { mainlog, rejectlog, paniclog } = this.#files;
    return JSON.stringify({
      mainlog: mainlog.mark,
      rejectlog: rejectlog.mark,
      paniclog: paniclog.mark,
      ...(this.#dmarcHistory && { dmarcHistory: this.#dmarcHistory.mark }),
    } satisfies Marks);
  }

  /** @returns True: a file was begun anew, and the new note must be committed before anything is written. */
  async followRotation(): Promise<boolean> {
    let isNew = false;
    for (const name of NAMES) isNew = (await this.#files[name].followRotation()) || isNew;
    if ((this.#dmarcHistory === undefined) === (this.#settings().dmarcHistory === undefined)) {
      return (await this.#dmarcHistory?.followRotation()) === true || isNew;
    }
    // The policy has got one, or has none any more.
    await this.#dmarcHistory?.close();
    this.#dmarcHistory = await openDmarcHistory(this.#settings, undefined);
    return true;
  }

  /** @param gap Events before these are lost; that is written, too. */
  async write(events: readonly MailEvent[], gap: boolean): Promise<void> {
    const settings = this.#settings();
    const lines: Record<LogName, string[]> = { mainlog: [], rejectlog: [], paniclog: [] };
    if (gap) lines.mainlog.push(gapLine("some events", settings, Date.now()));
    const checks: string[] = [];
    for (const event of events) {
      if (event.name === "dmarc:check") {
        if (settings.dmarcHistory !== undefined) checks.push(historyBlock(event, settings.dmarcHistory.reporter));
        continue;
      }
      const line = logLine(event, settings);
      if (line !== "") lines.mainlog.push(line);
      if (event.name !== "smtp:reject" && event.name !== "log:line") continue;
      if (settings.writesRejectlog) lines.rejectlog.push(...rejectLines(event, settings));
      if (event.targets?.includes("panic")) lines.paniclog.push(line);
    }
    for (const name of NAMES) {
      if (lines[name].length > 0) await this.#files[name].append(octets(lines[name]));
    }
    if (checks.length > 0) await this.#dmarcHistory?.append(checks);
  }

  async close(): Promise<void> {
    for (const name of NAMES) await this.#files[name].close();
    await this.#dmarcHistory?.close();
  }
}

/** Log lines are octets in latin1 strings. */
const octets = (texts: readonly string[]): Buffer => Buffer.from(texts.join(""), "latin1");

const gapLine = (what: string, style: LogStyle, atMs: number): string =>
  `${logTime(atMs, style)} ${what} could not be read: lines are missing before this one\n`;

/** @param committed As with the last batch. */
async function openDmarcHistory(
  settings: () => LogSettings,
  committed: FileMark | undefined,
): Promise<DmarcHistoryFile | undefined> {
  let path = settings().dmarcHistory?.path;
  if (path === undefined) return undefined;
  // One that the policy does not name any more is closed at the next look.
  return DmarcHistoryFile.open(() => (path = settings().dmarcHistory?.path ?? path ?? ""), committed);
}

/** A note that is none of ours (another version's) means: append to what is there. */
function parseNote(
  note: string | undefined,
): { readonly [name in LogName | "dmarcHistory"]?: FileMark | undefined } | undefined {
  if (note === undefined) return undefined;
  const marks: unknown = JSON.parse(note);
  return checkMarks.Check(marks) ? marks : undefined;
}
