import { contentSize } from "@postbus/contracts";
import type { MessageOptions } from "@postbus/policy";
import type { Spool } from "@postbus/spool";
import type { Attempt } from "../attempt.ts";
import { messageAsSent } from "../message/message-as-sent.ts";
import { outgoingContent, readOutgoing } from "../message/outgoing-content.ts";

/** Exim counts in blocks of this size. */
const BLOCK = 8_192;

const RUBRICS = {
  headers: "------ This is a copy of the message's header lines.\n",
  body: "------ This is a copy of the body of the message, without the headers.\n",
  all: "------ This is a copy of the message, including all the headers.\n",
} as const;

/**
 * What `return_message` puts below a reply: a line that says what follows, and the message, cut where it is too long.
 *
 * @param limit `bounce_return_size_limit`; 0: none. @param room Octets that the reply has left.
 */
export async function returnedCopy(
  { item, content, note: noteInLog }: Attempt,
  options: MessageOptions | undefined,
  limit: number,
  room: number,
  deps: { readonly spool: Pick<Spool, "read">; readonly now: () => number },
): Promise<string> {
  const { changes } = messageAsSent(item, options, item.recipients, deps.now());
  const source = readOutgoing(await outgoingContent(content, changes, deps.spool, { note: noteInLog }), deps.spool);
  const rubric = RUBRICS[options?.only ?? "all"];
  const cut = options?.only === "headers" ? room : Math.min(limit === 0 ? room : limit, room);
  const max = (Math.floor(limit / BLOCK) + 1) * BLOCK;
  const isLong = limit > 0 && options?.only !== "headers" && contentSize(content) > max;
  const note = isLong
    ? `${rubric}------ The body of the message is ${contentSize(content)} characters long; only the first\n` +
      `------ ${Math.floor(max / 1000) * 1000} or so are included here.\n`
    : rubric;
  let text = "";
  for await (const piece of Buffer.isBuffer(source) ? [source] : source) {
    text += piece.toString("latin1");
    if (text.length > cut) break;
  }
  // Whole lines: what comes behind the last one would be a line of our own.
  const whole = text.length <= cut ? text : text.slice(0, text.lastIndexOf("\n", cut - 1) + 1);
  return `\n${note}\n${whole.replaceAll("\r\n", "\n")}`;
}
