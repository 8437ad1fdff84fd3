import { execFile } from "node:child_process";
import { close, constants, open } from "node:fs";
import { mkdtemp, rm, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/** One pipe: the program's end, and ours, which never waits. File descriptors; whoever has them closes them. */
export interface ProgramPipe {
  readonly theirs: number;
  readonly ours: number;
}

/** Pipes made at one time: each time costs a process. */
const BATCH = 32;
const { O_RDONLY, O_WRONLY, O_RDWR, O_NONBLOCK } = constants;
const [openFile, closeFile, run] = [promisify(open), promisify(close), promisify(execFile)];

/**
 * Real pipes for what programs write. What Node.js gives a program by itself are two sockets: what is written to one and the other
 * comes out of order then, and `/dev/stdout` cannot be opened. So these are made of named pipes, whose names are gone before a
 * program begins. (For its input that is no way: `/dev/stdin` would be opened, and waited at, when all is written and we have
 * closed it.)
 */
export class ProgramPipes implements AsyncDisposable {
  #directory: Promise<string> | undefined;
  #making: Promise<void> | undefined;
  readonly #ready: string[] = [];
  #made = 0;
  /** There is no `mkfifo` here: sockets must do. */
  #isMissing = false;

  /** @returns undefined: none can be made on this machine. */
  async open(): Promise<ProgramPipe | undefined> {
    const path = await this.#take();
    if (path === undefined) return undefined;
    // With both ends open, neither of the others waits for its opposite.
    const both = await openFile(path, O_RDWR | O_NONBLOCK);
    try {
      return { theirs: await openFile(path, O_WRONLY), ours: await openFile(path, O_RDONLY | O_NONBLOCK) };
    } finally {
      await Promise.all([closeFile(both), unlink(path)]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isMissing = true;
    await this.#making;
    if (this.#directory !== undefined) await rm(await this.#directory, { recursive: true, force: true });
  }

  async #take(): Promise<string | undefined> {
    while (this.#ready.length === 0) {
      if (this.#isMissing) return undefined;
      this.#making ??= this.#make().finally(() => {
        this.#making = undefined;
      });
      await this.#making;
    }
    return this.#ready.pop();
  }

  async #make(): Promise<void> {
    this.#directory ??= mkdtemp(join(tmpdir(), "postbus-pipes-"));
    const directory = await this.#directory;
    const names = Array.from({ length: BATCH }, () => join(directory, String(this.#made++)));
    try {
      // Whoever a program runs as may open its own descriptors again; to others the directory is closed.
      await run("mkfifo", ["-m", "666", ...names], { timeout: 10_000 });
      this.#ready.push(...names);
    } catch {
      // What is lost is convenience of programs.
      this.#isMissing = true;
    }
  }
}
