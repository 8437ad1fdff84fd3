import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { octetText } from "../octet-text.ts";
import type { RunAs } from "./run-as.ts";

/** A program as it is to be started; strings are octets. */
export interface ProgramOrder {
  /** An absolute path, and its arguments. */
  readonly words: readonly [string, ...string[]];
  readonly environment: ReadonlyMap<string, string>;
  readonly directory: string;
  readonly umask: number;
  /** Undefined: as whom we run. */
  readonly runAs: RunAs | undefined;
}

export type Program = ChildProcessByStdio<Writable, Readable, Readable>;

/**
 * Starts a program in a process group of its own, with nothing of our environment. No shell reads its words.
 *
 * The umask belongs to the whole process, so it is changed for no longer than starting takes, in which nothing else of ours
 * runs; files that worker threads make meanwhile have modes of their own.
 */
export function startProgram({ words, environment, directory, umask, runAs }: ProgramOrder): Program {
  const [path, ...args] = words;
  const env = Object.fromEntries([...environment].map(([name, value]) => [octetText(name), octetText(value)]));
  const before = process.umask(umask);
  try {
    return spawn(octetText(path), args.map(octetText), {
      env,
      cwd: octetText(directory),
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
      ...(runAs === undefined ? {} : { uid: runAs.uid, gid: runAs.gid }),
    });
  } finally {
    process.umask(before);
  }
}

/** Ends a program and all that it has started in its group. */
export function killGroup({ pid }: Pick<Program, "pid">): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (err) {
    // It has ended by itself.
    if (!(err instanceof Error && "code" in err && err.code === "ESRCH")) throw err;
  }
}
