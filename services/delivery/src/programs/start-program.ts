import { type ChildProcess, spawn } from "node:child_process";
import { close } from "node:fs";
import { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { octetText } from "../octet-text.ts";
import type { ProgramPipe } from "./program-pipes.ts";
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

/** A program that was started, if it could be: `child` says `error` or `exit`. */
export interface Program {
  readonly child: ChildProcess;
  readonly input: Writable;
  /** Standard output, and standard error where that is apart. */
  readonly outputs: readonly Readable[];
}

/**
 * Starts a program in a process group of its own, with nothing of our environment. No shell reads its words.
 *
 * The umask belongs to the whole process, so it is changed for no longer than starting takes, in which nothing else of ours
 * runs; files that worker threads make meanwhile have modes of their own.
 *
 * @param output Becomes the program's; absent: sockets, with standard error apart.
 */
export function startProgram(
  { words, environment, directory, umask, runAs }: ProgramOrder,
  output?: ProgramPipe,
): Program {
  const [path, ...args] = words;
  const env = Object.fromEntries([...environment].map(([name, value]) => [octetText(name), octetText(value)]));
  const written: "pipe" | number = output?.theirs ?? "pipe";
  const before = process.umask(umask);
  try {
    const child = spawn(octetText(path), args.map(octetText), {
      env,
      cwd: octetText(directory),
      detached: true,
      stdio: ["pipe", written, written],
      ...(runAs === undefined ? {} : { uid: runAs.uid, gid: runAs.gid }),
    });
    return withStreams(child, output);
  } catch (err) {
    if (output !== undefined) closeDescriptor(output.ours);
    throw err;
  } finally {
    process.umask(before);
    if (output !== undefined) closeDescriptor(output.theirs);
  }
}

function withStreams(child: ChildProcess, output: ProgramPipe | undefined): Program {
  const { stdin, stdout, stderr } = child;
  const own =
    output === undefined ? [stdout, stderr] : [new Socket({ fd: output.ours, readable: true, writable: false })];
  const outputs = own.flatMap((stream): Readable[] => (stream === null ? [] : [stream]));
  if (stdin === null || outputs.length < own.length) throw new Error("a program was started without its streams");
  return { child, input: stdin, outputs };
}

/** It is ours and open; that it cannot be closed would be a bug elsewhere, and there is nobody to be told. */
const closeDescriptor = (descriptor: number): void => close(descriptor, () => {});

/** Ends a program and all that it has started in its group. */
export function killGroup({ child: { pid } }: Pick<Program, "child">): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (err) {
    // It has ended by itself.
    if (!(err instanceof Error && "code" in err && err.code === "ESRCH")) throw err;
  }
}
