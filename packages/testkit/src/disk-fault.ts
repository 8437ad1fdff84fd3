import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { program } from "./program.ts";

/** Files of the embedded bus, as the library knows them. */
export const diskFiles = { tables: 1, journal0: 2, journal1: 3, notes: 4 } as const;
const KINDS = { pages: 1, root: 2, sync: 4 } as const;
const EIO = 5;

export interface FaultyWrites {
  readonly files: readonly (keyof typeof diskFiles)[];
  /** Of the tables, `root` is what makes a transaction valid; everything else that is written is `pages`. */
  readonly kinds: readonly (keyof typeof KINDS)[];
  /** Every one from now on, if there is no number. */
  readonly times?: number;
}

/** What a process wrote, in order: `W` is begun, `D` durable, `S` and `E` are the beginning and the end of a sync. */
export interface DiskStep {
  readonly what: "W" | "D" | "S" | "E";
  readonly file: number;
  /** -1: at the end. */
  readonly at: number;
  readonly octets: Buffer;
}

/** Stands between a process and the disk for the files of one directory; see `disk-fault.c`. */
export interface DiskFault {
  /** For the process: its writes go through the library. */
  readonly env: Readonly<Record<string, string>>;
  /** From now on these writes fail with EIO; none any more, without an argument. */
  fail(what?: FaultyWrites): void;
  close(): void;
}

/**
 * @param notes Where the control file is and, if `trace` is given, what `readDiskSteps` reads.
 * @returns Undefined: there is no C compiler here, and the test is to be skipped, saying so.
 */
export async function diskFault(directory: string, notes: string, trace?: string): Promise<DiskFault | undefined> {
  const library = await build();
  if (library === undefined) return undefined;
  const path = join(notes, `control-${process.pid}-${performance.now()}`);
  writeFileSync(path, Buffer.alloc(4_096));
  const control = openSync(path, "r+");
  return {
    env: {
      LD_PRELOAD: library,
      DISK_FAULT_BELOW: directory,
      DISK_FAULT_CONTROL: path,
      ...(trace === undefined ? {} : { DISK_FAULT_TRACE: trace }),
    },
    fail: (what) => {
      const files = what?.files.reduce((sum, name) => sum | (1 << diskFiles[name]), 0) ?? 0;
      const kinds = what?.kinds.reduce((sum, name) => sum | KINDS[name], 0) ?? 0;
      const words = Int32Array.of(files, kinds, EIO, what === undefined ? 0 : (what.times ?? -1), 0);
      writeSync(control, new Uint8Array(words.buffer), 0, words.byteLength, 0);
    },
    close: () => closeSync(control),
  };
}

/** Of a process that may have been killed while it wrote: an end that was cut off is left out. */
export function readDiskSteps(trace: string): DiskStep[] {
  const file = readFileSync(trace);
  const steps: DiskStep[] = [];
  for (let from = 0; from + HEAD_OCTETS <= file.length; ) {
    const length = file.readUInt32LE(from + 10);
    const end = from + HEAD_OCTETS + length;
    if (end > file.length) break;
    const at = file.readBigInt64LE(from + 2);
    steps.push({
      what: String.fromCharCode(file.readUInt8(from)) as DiskStep["what"],
      file: file.readUInt8(from + 1),
      at: Number(at),
      octets: file.subarray(from + HEAD_OCTETS, end),
    });
    from = end;
  }
  return steps;
}

/** What (1), file (1), place (8), length (4). */
const HEAD_OCTETS = 14;

async function build(): Promise<string | undefined> {
  const compiler = program("gcc") ?? program("cc");
  if (compiler === undefined || process.platform !== "linux") return undefined;
  const source = join(import.meta.dirname, "disk-fault.c");
  const hash = createHash("sha256").update(readFileSync(source)).digest("hex").slice(0, 16);
  const library = join(tmpdir(), `postbus-disk-fault-${hash}.so`);
  if (existsSync(library)) return library;
  const fresh = `${library}.${process.pid}`;
  await promisify(execFile)(compiler, ["-shared", "-fPIC", "-O1", "-o", fresh, source, "-ldl"]);
  renameSync(fresh, library);
  return library;
}
