import type { LineForm } from "@postbus/policy";
import { LineWriter } from "../local/line-writer.ts";
import { MailboxEncoder } from "../maildir/mailbox-content.ts";

export interface PipeInput {
  readonly form: LineForm;
  readonly prefix: string;
  readonly suffix: string;
  readonly returnPath: string;
  /** For the envelope, if there is one. */
  readonly recipients: readonly string[];
  /** Of the content there is no header section: `body_only`. */
  readonly hasHeader: boolean;
}

/** What a program gets to read: prefix, envelope, message, suffix. Each piece holds until the next one is asked for. */
export async function* pipeInput(content: Buffer | AsyncIterable<Buffer>, input: PipeInput): AsyncGenerator<Buffer> {
  const { form, prefix, suffix, returnPath, recipients, hasHeader } = input;
  const envelope = [`MAIL FROM:<${returnPath}>`, ...recipients.map((address) => `RCPT TO:<${address}>`), "DATA", ""];
  yield octets(prefix + (form.isBatched ? envelope.join("\n") : ""));
  const encoder = new MailboxEncoder();
  // The usual form is that already.
  const lines = form.usesCrlf || form.escaped !== undefined ? new LineWriter(form, hasHeader) : undefined;
  const written = (some: Buffer): Buffer => lines?.write(some) ?? some;
  if (Buffer.isBuffer(content)) yield written(encoder.encode(content));
  else for await (const piece of content) yield written(encoder.encode(piece));
  yield written(encoder.end());
  if (lines !== undefined) yield lines.end();
  yield octets(suffix + (form.isBatched ? ".\n" : ""));
}

const octets = (text: string): Buffer => Buffer.from(text, "latin1");
