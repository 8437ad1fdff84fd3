import type { LmtpServer, LmtpTransport } from "@postbus/policy";
import type { AttemptResult } from "@postbus/queue";
import { ContentEncoder, isSafeAddress, LmtpDialogue, type LmtpTransaction, type Loss } from "@postbus/smtp";
import type { Attempt, AttemptReport } from "../attempt.ts";
import { LeaseLostError } from "../lease-lost-error.ts";
import { deferredBy, refused } from "../local/local-failure.ts";
import { recipientAddress } from "../local/recipient-address.ts";
import { tooBig } from "../local/too-big.ts";
import { messageAsSent } from "../message/message-as-sent.ts";
import { outgoingContent, readOutgoing } from "../message/outgoing-content.ts";
import type { ProgramDeps } from "../programs/program-deps.ts";
import { LmtpLine } from "./lmtp-line.ts";
import { openStream } from "./open-stream.ts";

/**
 * Gives a message to an LMTP server on this machine, with a result of its own for each recipient. A crash after the final dot makes
 * the server get it again, as from every client of SMTP; the outcome's journal keeps that window short.
 *
 * @throws {LeaseLostError} the item was somebody else's before the final dot.
 */
export async function deliverByLmtp(
  attempt: Attempt,
  transport: LmtpTransport,
  heloName: string,
  deps: ProgramDeps,
): Promise<AttemptReport> {
  const { item, content } = attempt;
  const all = (result: AttemptResult): AttemptReport => ({ results: item.recipients.map(() => result), notes: [] });
  try {
    const server = await transport.server({ user: item.user, group: item.group });
    if (server.kind === "refused") return all(refused(server));
    const tooLarge = tooBig(content, server.place.sizeLimit);
    if (tooLarge !== undefined) return all(tooLarge);
    // With a filter, there is room for both.
    const isProgram = "words" in server.at && attempt.filter === undefined;
    if (isProgram && !(await deps.slots.take())) {
      const text = `too many programs are running: none could be started for ${transport.name} transport`;
      return all({ outcome: "deferred", errno: 0, text });
    }
    try {
      return { results: await spoken(attempt, transport, server, heloName, deps), notes: [] };
    } finally {
      if (isProgram) deps.slots.give();
    }
  } catch (err) {
    return all(deferredBy(err, `failed to deliver by ${transport.name} transport`));
  }
}

async function spoken(
  attempt: Attempt,
  transport: LmtpTransport,
  server: LmtpServer,
  heloName: string,
  deps: ProgramDeps,
): Promise<readonly AttemptResult[]> {
  const { item, content, work } = attempt;
  const { settings } = transport;
  const options = await transport.message?.(item.recipients[0]?.address ?? "");
  const { returnPath, changes } = messageAsSent(item, options, item.recipients, deps.now());
  const transaction: LmtpTransaction = {
    heloName,
    returnPath,
    recipients: item.recipients.map((_, i) => recipientAddress(item, i, settings.includesAffixes)),
    ignoresQuota: settings.ignoresQuota,
  };
  if (![returnPath, ...transaction.recipients].every(isSafeAddress)) {
    return item.recipients.map(() => ({ outcome: "failed", text: "an address has control characters" }));
  }
  const outgoing = await outgoingContent(content, changes, deps.spool, attempt);
  const stream = await openStream(server, transport);
  const line = new LmtpLine(stream, settings.timeoutMs);
  const onAbort = (): void => line.cut();
  work.signal.addEventListener("abort", onAbort, { once: true });
  try {
    const dialogue = new LmtpDialogue(transaction);
    await converse(dialogue, line, () => sendContent(line, readOutgoing(outgoing, deps.spool), work));
    if (work.signal.aborted && dialogue.results.every(({ outcome }) => outcome !== "delivered")) {
      throw new LeaseLostError("the item was lost in its transaction");
    }
    return dialogue.results;
  } finally {
    work.signal.removeEventListener("abort", onAbort);
    await stream.close();
  }
}

/** For the answer to QUIT. */
const QUIT_MS = 1_000;

/** @param send The content. @returns Octets of it, or why it could not be sent. */
async function converse(dialogue: LmtpDialogue, line: LmtpLine, send: () => Promise<number | Loss>): Promise<void> {
  for (;;) {
    const heard = await line.reply();
    let step =
      heard.kind === "reply"
        ? dialogue.reply(heard.reply)
        : heard.kind === "malformed"
          ? dialogue.malformed(heard.text)
          : dialogue.lost(heard.loss);
    if (step.do === "send content") {
      const sent = await send();
      if (typeof sent === "number") {
        dialogue.contentSent(sent);
        continue;
      }
      step = dialogue.lost(sent);
    }
    if (step.do === "finish") {
      // Politeness: whatever it says to that, the results are there.
      if ((await line.write("QUIT\r\n")) === undefined) await line.reply(QUIT_MS);
      return;
    }
    if (step.do !== "write" || step.octets === "") continue;
    const loss = await line.write(step.octets);
    if (loss === undefined) continue;
    dialogue.lost(loss);
    return;
  }
}

async function sendContent(
  line: LmtpLine,
  content: Buffer | AsyncIterable<Buffer>,
  work: Attempt["work"],
): Promise<number | Loss> {
  const encoder = new ContentEncoder();
  let octets = 0;
  for await (const piece of Buffer.isBuffer(content) ? [content] : content) {
    const encoded = encoder.encode(piece);
    octets += encoded.length;
    const loss = await line.write(encoded);
    if (loss !== undefined) return loss;
  }
  if (!work.isHeld()) throw new LeaseLostError("the item was not held at the final dot");
  const end = encoder.end();
  return (await line.write(end)) ?? octets + end.length;
}
