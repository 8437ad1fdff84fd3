import { constants } from "node:os";
import { PassThrough } from "node:stream";
import type { FilterOrder } from "@postbus/policy";
import { ContentEncoder } from "@postbus/smtp";
import { LeaseLostError } from "../lease-lost-error.ts";
import { checkDirectory } from "../local/check-directory.ts";
import { MailboxEncoder } from "../maildir/mailbox-content.ts";
import { feed } from "../programs/feed.ts";
import type { ProgramPipes } from "../programs/program-pipes.ts";
import { runAs } from "../programs/run-as.ts";
import { killGroup, type Program, startProgram } from "../programs/start-program.ts";
import { FilterError } from "./filter-error.ts";

interface Surroundings {
  /** Its name. */
  readonly transport: string;
  readonly pipes: ProgramPipes;
  /** Ends the program: nobody waits for it any more. */
  readonly signal: AbortSignal;
}

type Exit =
  | { readonly kind: "failed"; readonly err: Error }
  | { readonly kind: "ended"; readonly code: number | null; readonly signal: NodeJS.Signals | null };

const UMASK = 0o077;

/**
 * A message on its way through a program: it reads lines that end in LF, and what it writes is the message. The program runs from the
 * first piece to the last; whoever asks for no more has killed it.
 *
 * @returns Throws before its end if the program has not ended well, so that nobody takes a part of a message for one.
 * @throws {FilterError} @throws {LocalError} @throws {LeaseLostError} @throws what reading the input throws.
 */
export async function* filtered(
  input: Buffer | AsyncIterable<Buffer>,
  { words, timeoutMs, place }: FilterOrder,
  { transport, pipes, signal }: Surroundings,
): AsyncGenerator<Buffer> {
  const as = await runAs(place, transport);
  const directory = place.directory ?? place.home ?? "/";
  await checkDirectory(directory);
  const started = await start({ words, directory, umask: UMASK, runAs: as, environment: new Map() }, pipes);
  const { program, exit } = started;
  const onAbort = (): void => killGroup(program);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  const feeding = feed(program, withLf(input), () => undefined).then(
    () => undefined,
    (err: unknown) => {
      killGroup(program);
      return { err };
    },
  );
  let isTimeout = false;
  const within = async <T>(waiting: Promise<T>): Promise<T> => {
    const timer = setTimeout(() => {
      isTimeout = true;
      killGroup(program);
      // What it has left running may hold its output open.
      for (const stream of program.outputs) stream.destroy();
      started.output.end();
    }, timeoutMs);
    try {
      return await waiting;
    } finally {
      clearTimeout(timer);
    }
  };
  const encoder = new ContentEncoder(false);
  const pieces = started.output[Symbol.asyncIterator]();
  try {
    for (let next = await within(pieces.next()); next.done !== true; next = await within(pieces.next())) {
      yield encoder.encode(next.value as Buffer);
    }
    const end = await within(exit);
    if (signal.aborted) throw new LeaseLostError("the item was lost in its transport filter");
    if (isTimeout) throw FilterError.timedOut();
    if (end.kind === "failed") throw FilterError.notStarted(end.err);
    program.input.destroy();
    const fed = await feeding;
    if (fed !== undefined) throw fed.err;
    if (end.signal !== null) throw FilterError.ended(-constants.signals[end.signal]);
    if (end.code !== 0) throw FilterError.ended(end.code ?? 0);
    const rest = encoder.end();
    if (rest.length > 0) yield rest;
  } finally {
    signal.removeEventListener("abort", onAbort);
    killGroup(program);
    program.input.destroy();
    for (const stream of program.outputs) stream.destroy();
    started.output.destroy();
  }
}

async function start(
  order: Parameters<typeof startProgram>[0],
  pipes: ProgramPipes,
): Promise<{ readonly program: Program; readonly exit: Promise<Exit>; readonly output: PassThrough }> {
  // Exim looks for it nowhere.
  if (!order.words[0].startsWith("/")) throw FilterError.notStarted(undefined);
  let program: Program;
  try {
    program = startProgram(order, await pipes.open());
  } catch (err) {
    throw FilterError.notStarted(err);
  }
  const exit = new Promise<Exit>((resolve) => {
    program.child.once("error", (err) => resolve({ kind: "failed", err }));
    program.child.once("exit", (code, signal) => resolve({ kind: "ended", code, signal }));
  });
  return { program, exit, output: together(program) };
}

/** What it writes on its standard output and its standard error alike, as in Exim. */
function together({ outputs }: Program): PassThrough {
  const output = new PassThrough();
  let open = outputs.length;
  for (const stream of outputs) {
    stream.pipe(output, { end: false });
    // Whatever it was, there is no more to read.
    stream.on("error", () => stream.destroy());
    stream.once("close", () => {
      if (--open === 0) output.end();
    });
  }
  return output;
}

/** Its lines end as they do on this machine. Each piece holds until the next is asked for. */
async function* withLf(input: Buffer | AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const encoder = new MailboxEncoder();
  if (Buffer.isBuffer(input)) yield encoder.encode(input);
  else for await (const piece of input) yield encoder.encode(piece);
  yield encoder.end();
}
