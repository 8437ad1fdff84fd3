import { closeSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";

/** Then the journal is written anew, with what is in work only. */
const MAX_OCTETS = 512 * 1024;

/** An exception that nobody caught, with the item in work: it, or one of those beside it, is the cause. */
const CRASH = 4;
/** The process was gone without a word: killed from outside, or out of memory. The two look the same. */
const SILENT_DEATH = 1;
const CRASH_LINE = "crash\n";

/** What an item has been through. */
export interface WorkRecord {
  /** How often it was handed out. */
  readonly handedOut: number;
  /** Points for every death of the process while the item was in work. */
  readonly suspicion: number;
}

/**
 * Which items are in work, so that a later process knows what its predecessor may have begun: one line when an item is
 * handed out, before its handler runs.
 *
 * Written to the page cache and not synced: that survives the end of the process, however it ends, and costs no durable
 * write. After a power failure the count starts again at one, as it would without a journal. That an item has ended
 * needs no line, for it is gone from its table then.
 */
export class WorkJournal {
  readonly #path: string;
  readonly #onCrash = (): void => this.write(CRASH_LINE);
  readonly #inWork = new Map<string, WorkRecord>();
  readonly #left: Map<string, WorkRecord>;
  #file: number;
  #octets = 0;

  /** @param isReady Whether an item that was in work then still is to be done. */
  constructor(directory: string, isReady: (id: string) => boolean) {
    this.#path = join(directory, "in-work");
    this.#left = new Map([...readLines(this.#path)].filter(([id]) => isReady(id)));
    this.#file = this.#rewrite();
    // Only listens: what becomes of the process is decided elsewhere.
    process.on("uncaughtExceptionMonitor", this.#onCrash);
  }

  /** What an earlier process has left; undefined: it never had the item in work. */
  left(id: string): WorkRecord | undefined {
    return this.#left.get(id);
  }

  /** @returns The line to be written. */
  handOut(id: string, record: WorkRecord): string {
    this.#left.delete(id);
    this.#inWork.set(id, record);
    return `${id} ${record.handedOut} ${record.suspicion}\n`;
  }

  /** The handler has failed, or was left by a bus that closes: whatever comes, it is not the cause. */
  giveBack(id: string): void {
    const record = this.#inWork.get(id);
    if (record === undefined) return;
    this.#inWork.delete(id);
    this.#left.set(id, record);
    this.write(backLine(id, record));
  }

  end(id: string): void {
    this.#inWork.delete(id);
    this.#left.delete(id);
  }

  write(lines: string): void {
    if (lines === "") return;
    try {
      if (this.#octets > MAX_OCTETS) this.#file = this.#rewrite(this.#file);
      this.#octets += writeSync(this.#file, lines);
    } catch {
      // On a full disk. It costs only the knowledge that an item was handed out before; mail must not wait for that.
    }
  }

  close(): void {
    for (const id of [...this.#inWork.keys()]) this.giveBack(id);
    process.off("uncaughtExceptionMonitor", this.#onCrash);
    closeSync(this.#file);
  }

  /** A new file takes the name of the old one when it is whole. */
  #rewrite(old?: number): number {
    const fresh = openSync(`${this.#path}.new`, "w", 0o600);
    let lines = "";
    for (const [id, record] of this.#left) lines += backLine(id, record);
    for (const [id, { handedOut, suspicion }] of this.#inWork) lines += `${id} ${handedOut} ${suspicion}\n`;
    this.#octets = writeSync(fresh, lines);
    renameSync(`${this.#path}.new`, this.#path);
    if (old !== undefined) closeSync(old);
    return fresh;
  }
}

const backLine = (id: string, { handedOut, suspicion }: WorkRecord): string => `${id} ${handedOut} ${suspicion} back\n`;

/** The last line of an item counts. A line that was cut short is none. */
function readLines(path: string): Map<string, WorkRecord> {
  const records = new Map<string, WorkRecord>();
  const inWork = new Map<string, number>();
  for (const line of textOf(path).split("\n")) {
    if (`${line}\n` === CRASH_LINE) for (const id of inWork.keys()) inWork.set(id, CRASH);
    const match = /^(\S+) (\d+) (\d+)( back)?$/.exec(line);
    if (match === null) continue;
    const [, id = "", handedOut, suspicion, back] = match;
    records.set(id, { handedOut: Number(handedOut), suspicion: Number(suspicion) });
    if (back === undefined) inWork.set(id, SILENT_DEATH);
    else inWork.delete(id);
  }
  for (const [id, points] of inWork) {
    const { handedOut = 1, suspicion = 0 } = records.get(id) ?? {};
    records.set(id, { handedOut, suspicion: suspicion + points });
  }
  return records;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch (err) {
    if (err instanceof Error && "code" in err && err.code === "ENOENT") return "";
    throw err;
  }
}
