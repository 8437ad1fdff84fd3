import type { Publication, WorkItem } from "@postbus/bus";
import type { MailEvent, RouteItem } from "@postbus/contracts";
import { derivedMessageId } from "@postbus/mail";
import { ownMessage } from "@postbus/queue";
import type { SyntaxErrors } from "@postbus/routing";

/** Of an item that is wrong, in octets. */
const MAX_ITEM = 300;
/** Of the operator's text, in octets. */
const MAX_TEXT = 16 * 1024;

interface Made {
  readonly publish: readonly Publication[];
  readonly events: readonly MailEvent[];
}

interface SyntaxErrorContext {
  readonly work: Pick<WorkItem, "id">;
  readonly item: RouteItem;
  readonly primaryHostname: string;
  readonly qualifyDomain: string;
  readonly nowMs: number;
  readonly authenticatedSender: string | undefined;
}

/**
 * What a redirect list with errors leads to, besides what is right in it: a line of the log for each error, and, if
 * `syntax_errors_to` is set, a message to that address (Exim's manual, "The redirect router").
 */
export function syntaxErrorMessage(found: SyntaxErrors, number: number, context: SyntaxErrorContext): Made {
  const { work, item, nowMs: atMs } = context;
  const { messageId } = item;
  const notes = found.errors.map((error, i): MailEvent => {
    const text = `${found.router} router: skipped error: ${plain(error)}`;
    const id = `${work.id}:msg:note:syntax${number}.${i}`;
    return { v: 1, id, atMs, service: "router", messageId, name: "msg:note", text };
  });
  if (found.to === undefined) return { publish: [], events: notes };
  const own = derivedMessageId(`${work.id}/syntax${number}`, item.queuedAtMs);
  const octets = Buffer.from(messageText(found, found.to, own, context), "latin1");
  const { publication, received } = ownMessage({
    messageId: own,
    octets,
    recipients: [found.to],
    about: messageId,
    nowMs: atMs,
    headerMessageId: `E${own}@${context.primaryHostname}`,
    service: "router",
    authenticatedSender: context.authenticatedSender,
  });
  return { publish: [publication], events: [...notes, received] };
}

function messageText(found: SyntaxErrors, to: string, own: string, context: SyntaxErrorContext): string {
  const { item, nowMs, primaryHostname, qualifyDomain } = context;
  const about = item.reception.headerMessageId;
  const lines = [
    "Auto-Submitted: auto-replied",
    `From: Mail Delivery System <Mailer-Daemon@${qualifyDomain}>`,
    `To: ${plain(to)}`,
    "Subject: error(s) in forwarding or filtering",
    `Message-ID: <E${own}@${primaryHostname}>`,
    ...(about === undefined ? [] : [`References: <${plain(about).replace(/[<> ]/g, "")}>`]),
    `Date: ${new Date(nowMs).toUTCString().replace("GMT", "+0000")}`,
    "",
    ...(found.text === undefined || found.text === "" ? [] : [...found.text.slice(0, MAX_TEXT).split(/\r?\n/), ""]),
    `The ${found.router} router encountered the following error(s):`,
    "",
    ...found.errors.flatMap((error) => [...wrongItem(error), ""]),
    found.hasOthers ? "Other addresses were processed normally." : "No valid addresses were generated.",
    "",
  ];
  return lines.join("\r\n");
}

/** `REASON in "ITEM"` on two lines. */
function wrongItem(error: string): string[] {
  const [, reason = error, text] = /^(.*?) in ("[\s\S]*")$/.exec(error) ?? [];
  return text === undefined
    ? [`  ${plain(reason)}`]
    : [`  ${plain(reason)} in the address`, `  ${plain(text).slice(0, MAX_ITEM)}`];
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the point
const plain = (text: string): string => text.replace(/[\x00-\x1f\x7f]/g, " ").slice(0, 2 * MAX_ITEM);
