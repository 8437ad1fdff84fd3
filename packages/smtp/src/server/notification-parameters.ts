import { isUtf8 } from "node:buffer";
import { isXtext, type Reply, reply } from "@postbus/mail";
import {
  type MessageNotification,
  NOTIFY_OCCASIONS,
  type NotifyOccasion,
  type RecipientNotification,
} from "../notification.ts";

/** RFC 3461 §4.4 */
const MAX_ENVID_OCTETS = 100;
/** RFC 3461 §4.2 */
const MAX_ORCPT_OCTETS = 500;

/**
 * Reads one parameter of MAIL that is about reports. Exim takes any ENVID; here it must be one that a report can quote.
 *
 * @returns undefined: it is about something else.
 */
export function parseMessageNotification(
  keyword: string,
  value: string | undefined,
): MessageNotification | Reply | undefined {
  switch (keyword) {
    case "RET": {
      const ret = value?.toUpperCase();
      return ret === "FULL" || ret === "HDRS" ? { ret } : reply(501, "5.5.4", "Value for RET is invalid");
    }
    case "ENVID": {
      const isGood = value !== undefined && value.length <= MAX_ENVID_OCTETS && isXtext(value);
      return isGood ? { envid: value } : reply(501, "5.5.4", "Value for ENVID is invalid");
    }
    default:
      return undefined;
  }
}

/** The same of RCPT. @param acceptsUtf8 The transaction is one of SMTPUTF8 (RFC 6533 §3). */
export function parseRecipientNotification(
  keyword: string,
  value: string | undefined,
  acceptsUtf8: boolean,
): RecipientNotification | Reply | undefined {
  switch (keyword) {
    case "NOTIFY": {
      const notify = occasions(value ?? "");
      return notify === undefined ? reply(501, "5.5.4", "Invalid value for NOTIFY parameter") : { notify };
    }
    case "ORCPT":
      return value !== undefined && isOriginalRecipient(value, acceptsUtf8)
        ? { originalRecipient: value }
        : reply(501, "5.5.4", "Value for ORCPT is invalid");
    default:
      return undefined;
  }
}

/** As in Exim, a word may be repeated and a comma may stand behind the last. */
function occasions(value: string): readonly NotifyOccasion[] | undefined {
  const words = new Set(value.toUpperCase().replace(/,$/, "").split(","));
  const found = NOTIFY_OCCASIONS.filter((occasion) => words.has(occasion));
  const isGood = found.length === words.size && (found.length === 1 || !words.has("NEVER"));
  return isGood ? found : undefined;
}

/** An atom (RFC 5322 §3.2.3, without `=`, which no value has), a semicolon, xtext. */
function isOriginalRecipient(value: string, acceptsUtf8: boolean): boolean {
  const [, type = "", address] = /^([A-Za-z0-9!#$%&'*+\-/?^_`{|}~]+);(.+)$/.exec(value) ?? [];
  if (address === undefined || value.length > MAX_ORCPT_OCTETS) return false;
  if (!acceptsUtf8 || type.toLowerCase() !== "utf-8") return isXtext(address);
  // RFC 6533 §3: utf-8-addr-unitext.
  return isUtf8(Buffer.from(address, "latin1")) && isXtext(address.replaceAll(/[\x80-\xff]/g, ""));
}
