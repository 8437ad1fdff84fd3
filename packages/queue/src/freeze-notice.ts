import type { Publication } from "@postbus/bus";
import type { MailEvent, RouteItem } from "@postbus/contracts";
import { derivedMessageId } from "@postbus/mail";
import { ownMessage } from "./own-message.ts";

/** Recipients that are named in a notice, and octets of what is said of each. */
const MAX_NAMED = 50;
const MAX_TEXT = 500;

/** A message that waits for an operator from now on. */
export interface FrozenMessage {
  /** Of the item: the notice's own id derives from it. */
  readonly workId: string;
  readonly item: Pick<RouteItem, "messageId" | "returnPath" | "queuedAtMs" | "reception">;
  /** Who is told: `freeze_tell`. */
  readonly to: readonly string[];
  /** `Message frozen`, `Message frozen on arrival`. */
  readonly subject: string;
  /** Empty: none is known. */
  readonly reason: string;
  /** Who is still to get it, and what was met with each. */
  readonly waiting: readonly { readonly address: string; readonly text: string }[];
}

interface Maker {
  readonly service: string;
  readonly primaryHostname: string;
  readonly qualifyDomain: string;
  readonly nowMs: number;
  readonly authenticatedSender: string | undefined;
}

/**
 * The message of `freeze_tell` (Exim's manual, "Main configuration"). Nobody is told of a report that is frozen: there
 * would be no end of them.
 *
 * @returns undefined: nobody is to be told.
 */
export function freezeNotice(
  { workId, item, to, subject, reason, waiting }: FrozenMessage,
  { service, primaryHostname, qualifyDomain, nowMs, authenticatedSender }: Maker,
): { readonly publication: Publication; readonly received: MailEvent } | undefined {
  if (to.length === 0 || item.returnPath === "") return undefined;
  const messageId = derivedMessageId(`${workId}/frozen`, item.queuedAtMs);
  const { headerMessageId: references } = item.reception;
  const named = waiting.slice(0, MAX_NAMED).map(({ address, text }) => `  ${plain(address)}: ${plain(text)}`);
  const lines = [
    "Auto-Submitted: auto-replied",
    `From: Mail Delivery System <Mailer-Daemon@${qualifyDomain}>`,
    `To: ${to.map(plain).join(", ")}`,
    ...(references === undefined ? [] : [`References: <${plain(references).replace(/[<> ]/g, "")}>`]),
    `Subject: ${subject}`,
    `Message-ID: <E${messageId}@${primaryHostname}>`,
    `Date: ${new Date(nowMs).toUTCString().replace("GMT", "+0000")}`,
    "",
    `Message ${item.messageId} has been frozen${reason === "" ? "" : ` (${plain(reason)})`}.`,
    `The sender is <${plain(item.returnPath)}>.`,
    ...(named.length === 0 ? [] : ["", "It has still to be delivered to:", "", ...named]),
    "",
  ];
  const octets = Buffer.from(lines.join("\r\n"), "latin1");
  const about = item.messageId;
  const headerMessageId = `E${messageId}@${primaryHostname}`;
  return ownMessage({ messageId, octets, recipients: to, about, nowMs, headerMessageId, service, authenticatedSender });
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the point
const plain = (text: string): string => text.replace(/[\x00-\x1f\x7f]/g, " ").slice(0, MAX_TEXT);
