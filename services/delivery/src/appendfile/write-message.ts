import type { FileHandle } from "node:fs/promises";
import { LineWriter } from "../local/line-writer.ts";
import { MailboxEncoder } from "../maildir/mailbox-content.ts";
import { messageAsSent } from "../message/message-as-sent.ts";
import { type OutgoingContent, outgoingContent, outgoingPieces, outgoingStream } from "../message/outgoing-content.ts";
import type { MailboxJob } from "./mailbox-job.ts";

/** A message as one mailbox gets it. */
interface MailboxMessage {
  /** The fields on top, without those that differ each time, and the rest. */
  readonly content: OutgoingContent;
  readonly returnPath: string;
  readonly hasHeader: boolean;
}

/** @param isWhole Without: what is the same however often it is delivered. */
async function messageOf(job: MailboxJob, isWhole: boolean): Promise<MailboxMessage> {
  const { transport, attempt, recipients, deps } = job;
  const options = await transport.message?.(job.address);
  const { changes, returnPath } = messageAsSent(attempt.item, options, recipients, deps.now());
  const wanted = isWhole || changes === undefined ? changes : { ...changes, top: "" };
  const hasHeader = changes?.only !== "body";
  return { returnPath, hasHeader, content: await outgoingContent(attempt.content, wanted, deps.spool, attempt) };
}

/**
 * Writes the message with what the transport puts around it. The file may have been written to before.
 *
 * @returns octets written; they need not be on stable storage yet.
 */
export async function writeMessage(job: MailboxJob, file: FileHandle): Promise<number> {
  const message = await messageOf(job, true);
  const { content, returnPath } = message;
  const { name } = job.transport;
  const more = { return_path: returnPath };
  const prefix = (await job.text("message_prefix", `(prefix for ${name} transport)`, more)) ?? "";
  const suffix = (await job.text("message_suffix", `(suffix for ${name} transport)`, more)) ?? "";
  const before = Buffer.from(prefix + commands(job, returnPath), "latin1");
  const after = Buffer.from(suffix + (job.transport.settings.isBatched ? lineEnd(job, ".") : ""), "latin1");

  const pieces = outgoingPieces(content);
  if (pieces !== undefined) return writeAll(file, [before, ...mailboxLines(lineWriterOf(job, message), pieces), after]);
  let size = await writeAll(file, [before]);
  for await (const piece of streamed(job, message)) size += await writeAll(file, [piece]);
  return size + (await writeAll(file, [after]));
}

/** What of the message is the same each time that it is delivered, as it stands in the mailbox, piece by piece. */
export async function* unchangingOctets(job: MailboxJob): AsyncGenerator<Buffer> {
  const message = await messageOf(job, false);
  const pieces = outgoingPieces(message.content);
  if (pieces === undefined) yield* streamed(job, message);
  else yield* mailboxLines(lineWriterOf(job, message), pieces);
}

/** RFC 5321's commands, without HELO: one transaction of a batch. */
function commands(job: MailboxJob, returnPath: string): string {
  if (!job.transport.settings.isBatched) return "";
  const recipients = job.recipients.map(({ address }) => lineEnd(job, `RCPT TO:<${address}>`));
  return [lineEnd(job, `MAIL FROM:<${returnPath}>`), ...recipients, lineEnd(job, "DATA")].join("");
}

const lineEnd = (job: MailboxJob, line: string): string => `${line}${job.transport.settings.usesCrlf ? "\r\n" : "\n"}`;

/** Each piece but the last ends in a line end, or is all there is. */
function mailboxLines(lines: LineWriter | undefined, pieces: readonly Buffer[]): Buffer[] {
  const out = pieces.flatMap((piece) => {
    const encoder = new MailboxEncoder();
    const octets = [encoder.encode(piece), encoder.end()];
    return lines === undefined ? octets : octets.map((some) => lines.write(some));
  });
  return lines === undefined ? out : [...out, lines.end()];
}

async function* streamed(job: MailboxJob, message: MailboxMessage): AsyncGenerator<Buffer> {
  const encoder = new MailboxEncoder();
  const lines = lineWriterOf(job, message);
  for await (const piece of outgoingStream(message.content, job.deps.spool)) {
    const octets = encoder.encode(piece);
    yield lines === undefined ? octets : lines.write(octets);
  }
  const rest = encoder.end();
  if (lines === undefined) yield rest;
  else yield Buffer.concat([lines.write(rest), lines.end()]);
}

/** Undefined: a Maildir with nothing special gets the lines as they are. */
function lineWriterOf({ transport: { settings } }: MailboxJob, message: MailboxMessage): LineWriter | undefined {
  const isPlain = settings.escaped === undefined && !settings.usesCrlf && settings.directoryFormat === "maildir";
  return isPlain ? undefined : new LineWriter(settings, message.hasHeader);
}

/** `write` may take less than it was given. */
async function writeAll(file: FileHandle, parts: readonly Buffer[]): Promise<number> {
  const octets = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  for (let at = 0; at < octets.length; ) {
    const { bytesWritten } = await file.write(octets, at);
    at += bytesWritten;
  }
  return octets.length;
}
