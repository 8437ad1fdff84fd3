import { hasDomain, parsePath, type Reply, reply } from "@postbus/mail";
import { headerName } from "../acl/smtp/header-changes.ts";
import { parseMailbox } from "../expansion/mailbox.ts";
import { lowerCase } from "../expansion/operators/case.ts";
import { quotedLocalPart } from "../expansion/operators/quote.ts";
import { phrase } from "./phrase.ts";

/** Options of `control = submission`. */
export interface Submission {
  /** `sender_retain`: Sender, and the sender of the envelope, stay as they are. */
  readonly keepsSender: boolean;
  /** Undefined: `qualify_domain`; empty: the user's id is a whole address. */
  readonly domain?: string | undefined;
  /** The user's, as it was written. */
  readonly name?: string | undefined;
}

/** A message that a user's program hands in. */
export interface SubmittedMessage extends Submission {
  /** The header section as it came: each line with its name, folded with LF. */
  readonly lines: readonly string[];
  /** Empty: the null reverse-path. */
  readonly returnPath: string;
  /** `$authenticated_id`; empty: nobody knows who it is. */
  readonly authenticatedId: string;
  readonly qualifyDomain: string;
  /** `headers_charset` */
  readonly charset: string;
  /** Addresses may be those of RFC 6531. */
  readonly allowsUtf8: boolean;
  /** For a message without them: `<id@domain>`, and the time. */
  readonly messageId: string;
  readonly date: string;
}

/** What a header section lacks, or should not have. Lines have their names, and end with LF. */
export interface HeaderFixups {
  /** Lines that go. */
  readonly gone: ReadonlySet<string>;
  /** Above what came, and behind it. */
  readonly first: readonly string[];
  readonly last: readonly string[];
  readonly returnPath: string;
  /** For the log: what could not be done. */
  readonly problem?: string;
  /** The sender would be whoever the client says: the message is not taken. */
  readonly refusal?: Reply;
}

const NO_ADDRESS = "no address can be made of the authenticated id";

/**
 * Completes a message that a user's program hands in (Exim's manual, "Submission mode"; RFC 6409 §8): Date, Message-ID and From
 * where they are missing, and Sender, and the sender of the envelope, by who has authenticated. A message that is sent again
 * gets the fields of that, Resent-Date and so on (RFC 5322 §3.6.6).
 */
export function submittedHeader(message: SubmittedMessage): HeaderFixups {
  const { lines, returnPath, keepsSender } = message;
  const names = lines.map(headerName);
  const isResent = names.some((name) => name.startsWith("resent-"));
  const prefix = isResent ? "Resent-" : "";
  const has = (name: string): boolean => names.includes(lowerCase(prefix + name));
  const own = message.authenticatedId === "" ? undefined : ownAddress(message);
  const first: string[] = [];
  const last: string[] = [];
  if (!has("Message-Id")) (isResent ? first : last).push(`${prefix}Message-Id: ${message.messageId}\n`);
  // As in Exim, the last one counts.
  let from = lines.findLast((_, i) => names[i] === lowerCase(`${prefix}From`));
  const author = returnPath === "" ? own : returnPath;
  if (from === undefined && author !== undefined && author !== null) {
    from = `${prefix}From: ${named(author, message)}\n`;
    last.push(from);
  }
  if (!keepsSender && own && from !== undefined && !isFrom(from, own)) {
    last.push(`${prefix}Sender: ${named(own, message)}\n`);
  }
  if (!has("Date")) {
    if (isResent) first.unshift(`Resent-Date: ${message.date}\n`);
    else last.push(`Date: ${message.date}\n`);
  }
  const senders = keepsSender ? [] : lines.filter((_, i) => names[i] === lowerCase(`${prefix}Sender`));
  return {
    gone: new Set(senders),
    first,
    last,
    returnPath: keepsSender || !own || returnPath === "" ? returnPath : own,
    ...(own === null ? { problem: `submission mode: ${NO_ADDRESS}` } : {}),
    ...(own === null && !keepsSender ? { refusal: refusalOf(message) } : {}),
  };
}

/** Who has authenticated; null: their id makes no address. */
function ownAddress({ authenticatedId: id, domain, qualifyDomain, allowsUtf8 }: SubmittedMessage): string | null {
  const isWhole = domain === "" && hasDomain(id);
  const address = isWhole
    ? id
    : `${quotedLocalPart(id)}@${domain === undefined || domain === "" ? qualifyDomain : domain}`;
  const path = `<${address}>`;
  const parsed = parsePath(path, 0, { allowsUtf8 });
  // An id is a client's words: what is no address does not get into envelopes and headers.
  return parsed.kind === "path" && parsed.end === path.length && parsed.address === address ? address : null;
}

/** An id in UTF-8 makes an address for a client that says so (RFC 6531 §3.5). */
function refusalOf(message: SubmittedMessage): Reply {
  const isAddressOfUtf8 = !message.allowsUtf8 && ownAddress({ ...message, allowsUtf8: true }) !== null;
  return isAddressOfUtf8 ? reply(553, "5.6.7", `${NO_ADDRESS} without SMTPUTF8`) : reply(550, "5.7.1", NO_ADDRESS);
}

function named(address: string, { name, charset }: SubmittedMessage): string {
  return name === undefined ? address : `${phrase(name, charset)} <${address}>`;
}

const isFrom = (line: string, address: string): boolean => {
  const mailbox = parseMailbox(line.slice(line.indexOf(":") + 1));
  return mailbox !== undefined && lowerCase(mailbox.address) === lowerCase(address);
};
