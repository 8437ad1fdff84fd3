import type { MessageOptions, PipeOrder, PipeTransport, Refusal } from "@postbus/policy";
import type { AttemptResult } from "@postbus/queue";
import type { Attempt, AttemptReport } from "../attempt.ts";
import { FilterError } from "../filter/filter-error.ts";
import { LeaseLostError } from "../lease-lost-error.ts";
import { checkDirectory } from "../local/check-directory.ts";
import { deferredBy, refused } from "../local/local-failure.ts";
import { recipientAddress } from "../local/recipient-address.ts";
import { tooBig } from "../local/too-big.ts";
import { messageAsSent } from "../message/message-as-sent.ts";
import { outgoingContent, readOutgoing } from "../message/outgoing-content.ts";
import { findProgram } from "../programs/find-program.ts";
import type { ProgramDeps } from "../programs/program-deps.ts";
import { runAs } from "../programs/run-as.ts";
import { type ProgramEnd, runProgram } from "../programs/run-program.ts";
import { pipeInput } from "./pipe-input.ts";
import { pipeResult } from "./pipe-result.ts";
import { withOutput } from "./with-output.ts";

/**
 * Gives a message to a program, once for all recipients of the item.
 *
 * A crash while the program runs makes it run again: what it has done cannot be known. A crash after its end does not, if the
 * outcome was written down in the bus's journal.
 *
 * @throws {LeaseLostError} the item is somebody else's; the program was killed.
 */
export async function deliverToPipe(
  attempt: Attempt,
  transport: PipeTransport,
  deps: ProgramDeps,
): Promise<AttemptReport> {
  const { item } = attempt;
  const { result, logged } = await delivered(attempt, transport, deps);
  const notes = logged === undefined ? [] : item.recipients.map(({ address }) => noteOf(address, transport, logged));
  return { results: item.recipients.map(() => result), notes };
}

const noteOf = (address: string, { name }: PipeTransport, text: string): string =>
  `<${address}>: ${name} transport output: ${text}`;

interface Delivered {
  readonly result: AttemptResult;
  readonly logged?: string | undefined;
}

async function delivered(attempt: Attempt, transport: PipeTransport, deps: ProgramDeps): Promise<Delivered> {
  const { item, work } = attempt;
  try {
    const order = await orderOf(attempt, transport);
    if (order.kind === "refused") return { result: refused(order) };
    const tooLarge = tooBig(attempt.content, order.place.sizeLimit);
    if (tooLarge !== undefined) return { result: tooLarge };
    const program = await findProgram(order.words[0], order.searchPath);
    if (program === undefined) {
      const text = `"${order.words[0]}" command not found for ${transport.name} transport`;
      return { result: { outcome: "failed", text } };
    }
    if (!(await deps.slots.take())) {
      const text = `too many programs are running: none could be started for ${transport.name} transport`;
      return { result: { outcome: "deferred", errno: 0, text } };
    }
    try {
      if (!work.isHeld()) throw new LeaseLostError("the item was not held when its program was to be started");
      const end = await run(attempt, transport, { ...order, program }, deps);
      if (end.kind === "aborted") throw new LeaseLostError("the item was lost while its program ran");
      const { settings, name } = transport;
      const result = pipeResult(end, settings, { transport: name, command: order.command, program });
      return withOutput(result, end.output, settings, (item.errorsTo ?? item.returnPath) !== "");
    } finally {
      deps.slots.give();
    }
  } catch (err) {
    if (err instanceof FilterError) return { result: filterFailed(err, transport.settings) };
    return { result: deferredBy(err, `failed to run a program for ${transport.name} transport`) };
  }
}

/** As in Exim, its time is a part of the time of the command. */
function filterFailed(err: FilterError, { defersTimeout }: PipeTransport["settings"]): AttemptResult {
  if (!err.isTimeout) return { outcome: "deferred", errno: err.errno, text: `T${err.message.slice(1)}` };
  const text = `${err.message} while writing to pipe`;
  return defersTimeout ? { outcome: "deferred", errno: err.errno, text } : { outcome: "failed", text };
}

function orderOf({ item }: Attempt, transport: PipeTransport): Promise<PipeOrder | Refusal> {
  const addresses = item.recipients.map(({ address }) => address);
  const pipe = item.to === "pipe" ? (addresses[0] ?? "").slice(1) : undefined;
  return transport.order({
    pipe,
    // The address of a command is the one that it was made of.
    addresses:
      pipe === undefined ? addresses : item.recipients.map(({ origin, address }) => origin?.parents[0] ?? address),
    host: item.hostText,
    user: item.user,
    group: item.group,
  });
}

async function run(
  attempt: Attempt,
  transport: PipeTransport,
  order: PipeOrder & { readonly program: string },
  deps: ProgramDeps,
): Promise<ProgramEnd> {
  const { item, content, work } = attempt;
  const { settings, name } = transport;
  const { place, words, program, environment, prefix, suffix } = order;
  const directory = place.directory ?? place.home ?? "/";
  const options: MessageOptions | undefined = await transport.message?.(item.recipients[0]?.address ?? "");
  const { returnPath, changes } = messageAsSent(item, options, item.recipients, deps.now());
  const as = await runAs(place, name);
  await checkDirectory(directory);
  const outgoing = await outgoingContent(content, changes, deps.spool, attempt);
  return runProgram({
    words: [program, ...words.slice(1)],
    environment,
    directory,
    umask: settings.umask,
    runAs: as,
    input: pipeInput(readOutgoing(outgoing, deps.spool), {
      form: settings.lines,
      prefix,
      suffix,
      returnPath,
      recipients: item.recipients.map((_, i) => recipientAddress(item, i, settings.includesAffixes)),
      hasHeader: options?.only !== "body",
    }),
    timeoutMs: settings.timeoutMs,
    maxOutput: settings.maxOutput,
    pipes: deps.pipes,
    signal: work.signal,
  });
}
