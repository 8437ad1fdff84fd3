import { trim } from "@postbus/mail";
import type { Evaluation } from "../../expansion/evaluation.ts";
import { type Mailbox, mailboxes, parseMailbox } from "../../expansion/mailbox.ts";
import { lowerCase } from "../../expansion/operators/case.ts";
import type { AclRun } from "../acl-run.ts";
import type { Said } from "../outcome.ts";
import type { ReceivedContent } from "../smtp/message.ts";
import type { Verification } from "./verification.ts";

const ADDRESS_FIELDS = ["from", "reply-to", "sender", "to", "cc", "bcc"] as const;
const TITLES: Readonly<Record<string, string>> = {
  from: "From:",
  "reply-to": "Reply-To:",
  sender: "Sender:",
  to: "To:",
  cc: "Cc:",
  bcc: "Bcc:",
};
/** Addresses looked at in one field: more is no header that a person reads. */
const MAX_ADDRESSES = 100_000;

/** `header_syntax`: the addresses in the header can be read, and have a domain. */
export const headerSyntax: Verification = async (run) => {
  const { content } = run.session.message;
  if (content === undefined) return "yes";
  for await (const { field, text } of addressTexts(content, ADDRESS_FIELDS, run.evaluation)) {
    const fault = faultOf(text);
    if (fault === undefined) continue;
    const shown = trim(text).slice(0, MAX_SHOWN);
    return refuse(run, `${fault}: failing address in "${TITLES[field]}" header is: ${shown}`);
  }
  return "yes";
};

/** In the words of Exim. */
function faultOf(text: string): string | undefined {
  const mailbox = parseMailbox(text);
  if (mailbox === undefined) return "malformed address";
  if (mailbox.address === "") return "missing or malformed local part";
  return mailbox.domain === "" ? "unqualified address not permitted" : undefined;
}

const MAX_SHOWN = 100;

/** `header_names_ascii`: so that names are what they look like (RFC 5322 §2.2). */
export const headerNamesAscii: Verification = (run) => {
  for (const line of run.session.message.content?.headerLines ?? []) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    if (colon > 0 && !/^[!-~]*$/.test(name)) {
      return refuse(run, `Invalid character in header "${name.slice(0, 100)}" found`);
    }
  }
  return "yes";
};

/** `not_blind`: each recipient is named in To or Cc. */
export const notBlind: Verification = async (run, { options }) => {
  const { content, recipients } = run.session.message;
  if (content === undefined) return "yes";
  const isCaseless = options.includes("case_insensitive");
  const named = new Set<string>();
  for await (const { localPart, domain } of mailboxesIn(content, ["to", "cc"], run.evaluation)) {
    named.add(nameOf(localPart, domain, isCaseless));
  }
  const isBlind = recipients.some((address) => {
    const at = address.lastIndexOf("@");
    return !named.has(nameOf(address.slice(0, Math.max(at, 0)), address.slice(at + 1), isCaseless));
  });
  return isBlind ? refuse(run, "bcc recipient detected") : "yes";
};

const nameOf = (localPart: string, domain: string, isCaseless: boolean): string =>
  `${isCaseless ? lowerCase(localPart) : localPart}@${lowerCase(domain)}`;

/** The mailboxes in some fields; what is none is left out. */
export async function* mailboxesIn(
  content: ReceivedContent,
  fields: readonly string[],
  evaluation: Evaluation,
): AsyncGenerator<Mailbox> {
  for await (const { text } of addressTexts(content, fields, evaluation)) {
    const mailbox = parseMailbox(text);
    if (mailbox !== undefined) yield mailbox;
  }
}

/** What stands for an address in some fields, read or not. A header section may have a megabyte of them: others are let run. */
async function* addressTexts(
  content: ReceivedContent,
  fields: readonly string[],
  evaluation: Evaluation,
): AsyncGenerator<{ readonly field: string; readonly text: string }> {
  let octets = 0;
  for (const field of fields) {
    for (const value of content.headers.occurrences(field)) {
      let count = 0;
      for (const text of mailboxes(value)) {
        if (++count > MAX_ADDRESSES) break;
        octets += text.length + 1;
        if (octets > PAUSE_OCTETS) {
          octets = 0;
          await evaluation.pause();
        }
        if (trim(text) !== "") yield { field, text };
      }
    }
  }
}

/** Some milliseconds, if each address has a few octets only. */
const PAUSE_OCTETS = 16 * 1024;

/** The client is told no more than that; the log, and `$acl_verify_message`, say why. */
function refuse(run: AclRun, text: string): Said {
  run.log = text;
  run.session.verifyMessage = text;
  run.note = text;
  return "no";
}
