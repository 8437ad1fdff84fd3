import { constants } from "node:os";
import { type SystemError, systemError } from "../system-error.ts";
import { feed } from "./feed.ts";
import { ProgramOutput } from "./program-output.ts";
import type { ProgramPipes } from "./program-pipes.ts";
import { killGroup, type Program, type ProgramOrder, startProgram } from "./start-program.ts";

export interface ProgramRun extends ProgramOrder {
  readonly input: Iterable<Buffer> | AsyncIterable<Buffer>;
  /** For it to take something of what it is given; and again, to end when it has all. */
  readonly timeoutMs: number;
  /** Octets; more is the program's end. */
  readonly maxOutput: number;
  /** For its output. */
  readonly pipes: ProgramPipes;
  /** Ends the program: nobody waits for it any more. */
  readonly signal: AbortSignal;
}

/** How a program has ended. */
export type ProgramEnd = { readonly output: Buffer } & (
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "signalled"; readonly signal: number }
  /** @property whileWriting It did not take what it was given. */
  | { readonly kind: "timed out"; readonly whileWriting: boolean }
  /** There is no such program, or it may not be run. */
  | { readonly kind: "not started"; readonly error: SystemError }
  /** `signal` has ended it. */
  | { readonly kind: "aborted" }
);

/** What it has left running may hold its output open; for so long that is read. */
const LINGER_MS = 2_000;

/**
 * Runs a program, gives it its input and takes what it writes. That it does not read all of the input is no error. When this
 * resolves, it has ended, or been killed with its whole group.
 *
 * @throws what reading the input throws; the program is killed.
 */
export async function runProgram(run: ProgramRun): Promise<ProgramEnd> {
  let program: Program;
  try {
    program = startProgram(run, await run.pipes.open());
  } catch (err) {
    return notStarted(err);
  }
  const output = new ProgramOutput(program, run.maxOutput);
  const exit = Promise.withResolvers<Exit>();
  program.child.once("error", (err) => exit.resolve({ kind: "failed", err }));
  program.child.once("exit", (code, signal) => exit.resolve({ kind: "ended", code, signal }));
  const clock = new Clock(run, program);
  try {
    const feeding = feed(program, run.input, () => clock.restart());
    // An error of the input must not wait for the program.
    await Promise.race([feeding, exit.promise]);
    clock.startWaiting();
    const end = await exit.promise;
    await output.ended(LINGER_MS);
    const written = output.octets();
    if (clock.stoppedBy === "signal") return { kind: "aborted", output: written };
    if (clock.stoppedBy !== undefined) {
      return { kind: "timed out", whileWriting: clock.stoppedBy === "writing", output: written };
    }
    if (end.kind === "failed") return notStarted(end.err);
    if (end.signal !== null) return { kind: "signalled", signal: constants.signals[end.signal], output: written };
    return { kind: "exited", code: end.code ?? 0, output: written };
  } catch (err) {
    killGroup(program);
    await exit.promise;
    throw err;
  } finally {
    clock.stop();
    output.close();
    program.input.destroy();
  }
}

type Exit =
  | { readonly kind: "failed"; readonly err: Error }
  | { readonly kind: "ended"; readonly code: number | null; readonly signal: NodeJS.Signals | null };

/** @throws what is no answer of the operating system: a bug. */
function notStarted(err: unknown): ProgramEnd {
  const error = systemError(err);
  if (error === undefined) throw err;
  return { kind: "not started", error, output: Buffer.alloc(0) };
}

/** Kills the program when its time is over. */
class Clock {
  readonly #program: Program;
  readonly #signal: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  readonly #onAbort = (): void => this.#kill("signal");
  #phase: "writing" | "waiting" = "writing";
  stoppedBy: "writing" | "waiting" | "signal" | undefined;

  constructor({ timeoutMs, signal }: ProgramRun, program: Program) {
    this.#program = program;
    this.#signal = signal;
    // 0: no limit of its own; the lease of the item remains.
    this.#timer = setTimeout(
      () => this.#kill(this.#phase),
      timeoutMs === 0 ? MAX_TIMER_MS : Math.min(timeoutMs, MAX_TIMER_MS),
    );
    if (signal.aborted) this.#onAbort();
    else signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  restart(): void {
    if (this.stoppedBy === undefined) this.#timer.refresh();
  }

  startWaiting(): void {
    this.#phase = "waiting";
    this.restart();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener("abort", this.#onAbort);
  }

  #kill(by: NonNullable<Clock["stoppedBy"]>): void {
    this.stoppedBy ??= by;
    killGroup(this.#program);
  }
}

/** The longest time that a timer of Node.js knows. */
const MAX_TIMER_MS = 2 ** 31 - 1;
