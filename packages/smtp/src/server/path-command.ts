import {
  decodeXtext,
  hasDomain,
  isXtext,
  NOT_ASCII,
  type ParsedPath,
  type PathLeniency,
  parsePath,
  type Reply,
  reply,
  trim,
} from "@postbus/mail";
import type { MessageNotification, RecipientNotification } from "../notification.ts";
import { parseMessageNotification, parseRecipientNotification } from "./notification-parameters.ts";

/** What MAIL says (RFC 5321 §4.1.1.2). */
export interface MailCommand {
  /** Empty for the null reverse-path. */
  readonly returnPath: string;
  /** RFC 1870 SIZE, octets; a number beyond the safe integers is only known to be large. */
  readonly size?: number;
  /** RFC 6152 BODY. */
  readonly eightBit: boolean;
  readonly sevenBit?: true;
  /** RFC 3461; absent: nothing was asked for. */
  readonly notification?: MessageNotification;
  /** RFC 6531: addresses and header section may be in UTF-8. */
  readonly smtpUtf8?: true;
  /** An answer for each recipient is asked for (draft-hall-prdr-00). */
  readonly prdr?: true;
  /** RFC 8689 */
  readonly requireTls?: true;
  /** Whom the client says it speaks for (RFC 4954 §5); empty: nobody. For a policy to believe or not. */
  readonly authenticatedSender?: string;
}

/** What RCPT says (RFC 5321 §4.1.1.3). */
export interface RcptCommand {
  /** `postmaster` comes without a domain (RFC 5321 §4.5.1). */
  readonly address: string;
  /** RFC 3461; absent: nothing was asked for. */
  readonly notification?: RecipientNotification;
}

/** What the syntax of a path depends on. */
export interface PathRules extends PathLeniency {
  /** The session began with EHLO: parameters belong to extensions (RFC 5321 §2.2.1). */
  readonly isExtended: boolean;
  /** `user@[192.0.2.1]` is taken. */
  readonly acceptsLiterals: boolean;
  /** An address may come without a domain; without this, only `postmaster` as a recipient (RFC 5321 §4.5.1). */
  readonly mayOmitDomain: boolean;
  /** The parameters of DSN are taken (RFC 3461). */
  readonly offersDsn: boolean;
  /** PRDR counts; where it was not offered, it is taken and does nothing, as in Exim. */
  readonly offersPrdr: boolean;
  /** REQUIRETLS is taken (RFC 8689). */
  readonly offersRequireTls: boolean;
  /** BODY is taken (RFC 6152). */
  readonly offersEightBitMime: boolean;
  /** AUTH is taken (RFC 4954 §5). */
  readonly offersAuth: boolean;
  /** Addresses may be in UTF-8 (RFC 6531): if MAIL says so, or because it has. */
  readonly allowsUtf8: boolean;
}

/** The path as such is good; it only lacks a domain, which this client may not leave out. */
export interface Unqualified {
  readonly kind: "unqualified";
  readonly reply: Reply;
}

/** Reads what stands behind `MAIL FROM:`. */
export function parseMail(argument: string, rules: PathRules): MailCommand | Reply | Unqualified {
  const { isExtended, acceptsLiterals, mayOmitDomain, offersDsn, offersPrdr, offersAuth, allowsUtf8 } = rules;
  const path = parsePath(argument, 0, rules);
  if (path.kind === "invalid") return badPath(argument, path.reason);
  const { address, end } = path;
  if (!acceptsLiterals && address.endsWith("]")) return badPath(argument, NO_LITERALS);
  if (address !== "" && !hasDomain(address) && !mayOmitDomain) return unqualified(argument, "sender");
  const isAscii = !/[\x80-\xff]/.test(address);
  if (end === argument.length) return isAscii ? { returnPath: address, eightBit: false } : badPath(argument, NOT_ASCII);

  const parameters = parseParameters(argument, path, isExtended);
  if (!(parameters instanceof Map)) return parameters;
  let size: number | undefined;
  let eightBit = false;
  let sevenBit = false;
  let authenticatedSender: string | undefined;
  let notification: MessageNotification | undefined;
  const smtpUtf8 = allowsUtf8 && parameters.has("SMTPUTF8");
  if (!isAscii && !smtpUtf8) return badPath(argument, NOT_ASCII);
  for (const [keyword, value] of parameters) {
    switch (keyword) {
      case "SIZE":
        // RFC 1870 §4: 1*20DIGIT.
        if (!/^[0-9]{1,20}$/.test(value ?? "")) return reply(501, "5.5.4", "invalid data for SIZE");
        size = Number(value);
        break;
      case "BODY":
        if (!rules.offersEightBitMime) return unknownParameter(keyword);
        if (!/^(?:7BIT|8BITMIME)$/i.test(value ?? "")) return reply(501, "5.5.4", "invalid data for BODY");
        eightBit = value?.length === "8BITMIME".length;
        sevenBit = !eightBit;
        break;
      case "AUTH":
        if (!offersAuth) return unknownParameter(keyword);
        if (value === undefined || value === "" || !isXtext(value)) return reply(501, "5.5.4", "invalid data for AUTH");
        authenticatedSender = value === "<>" ? "" : decodeXtext(value);
        break;
      case "PRDR":
        // As in Exim, whatever value it has.
        break;
      case "REQUIRETLS":
        // In the words of the Exim that had it.
        if (!rules.offersRequireTls) return reply(555, "5.5.4", `unadvertised MAIL option: ${keyword}`);
        if (value !== undefined) return reply(501, "5.5.4", "invalid data for REQUIRETLS");
        break;
      case "SMTPUTF8":
        if (!allowsUtf8) return unknownParameter(keyword);
        if (value !== undefined) return reply(501, "5.5.4", "invalid data for SMTPUTF8");
        break;
      default: {
        const asked = offersDsn ? parseMessageNotification(keyword, value) : undefined;
        if (asked === undefined) return unknownParameter(keyword);
        if ("code" in asked) return asked;
        notification = { ...notification, ...asked };
      }
    }
  }
  return {
    returnPath: address,
    eightBit,
    ...(sevenBit ? { sevenBit } : {}),
    ...(size === undefined ? {} : { size }),
    ...(authenticatedSender === undefined ? {} : { authenticatedSender }),
    ...(notification === undefined ? {} : { notification }),
    ...(smtpUtf8 ? { smtpUtf8 } : {}),
    ...(offersPrdr && parameters.has("PRDR") ? { prdr: true } : {}),
    ...(parameters.has("REQUIRETLS") ? { requireTls: true } : {}),
  };
}

/** Reads what stands behind `RCPT TO:`. */
export function parseRcpt(argument: string, rules: PathRules): RcptCommand | Reply | Unqualified {
  const { isExtended, acceptsLiterals, mayOmitDomain, offersDsn, allowsUtf8 } = rules;
  const path = parsePath(argument, 0, rules);
  if (path.kind === "invalid") return badPath(argument, path.reason);
  const { address, end } = path;
  if (!acceptsLiterals && address.endsWith("]")) return badPath(argument, NO_LITERALS);
  if (address === "") return badPath(argument, "missing or malformed local part");
  if (!mayOmitDomain && lacksDomain(address)) return unqualified(argument, "recipient");
  if (end === argument.length) return { address };
  const parameters = parseParameters(argument, path, isExtended);
  if (!(parameters instanceof Map)) return parameters;
  let notification: RecipientNotification | undefined;
  for (const [keyword, value] of parameters) {
    const asked = offersDsn ? parseRecipientNotification(keyword, value, allowsUtf8) : undefined;
    if (asked === undefined) return unknownParameter(keyword);
    if ("code" in asked) return asked;
    notification = { ...notification, ...asked };
  }
  return notification === undefined ? { address } : { address, notification };
}

const lacksDomain = (address: string): boolean => !hasDomain(address) && address.toLowerCase() !== "postmaster";

const unqualified = (argument: string, what: "sender" | "recipient"): Unqualified => ({
  kind: "unqualified",
  reply: badPath(argument, `${what} address must contain a domain`),
});

/**
 * Whom VRFY asks about (RFC 5321 §4.1.1.6): an address, in angle brackets or not, with a name before it or not. A user's
 * name alone is an address without a domain, as in Exim.
 */
export function parseVrfy(argument: string, mayOmitDomain: boolean): string | Reply | Unqualified {
  const text = trim(argument);
  if (text === "") return reply(501, "5.5.4", "empty address");
  const path = text.slice(PHRASE.exec(text)?.[0].length ?? 0);
  const parsed = parsePath(path);
  if (parsed.kind === "invalid") return reply(501, "5.5.4", parsed.reason);
  const { address, end } = parsed;
  if (address === "") return reply(501, "5.5.4", "missing or malformed local part");
  if (!/^[ \t]*(?:\([^()]*\))?$/.test(path.slice(end))) return reply(501, "5.5.4", "malformed address");
  return !mayOmitDomain && lacksDomain(address) ? unqualified(text, "recipient") : address;
}

/** A name before an address: words, or a quoted string. */
const PHRASE = /^(?:"[^"\\]*"|[^<>"@(),:;\\[\]]+)[ \t]*(?=<)/;

/** Exim's words where `allow_domain_literals` is not set. */
const NO_LITERALS = "domain literals not allowed";

/** RFC 5321 §4.1.2: esmtp-keyword, and esmtp-value without `=`, blanks and control characters; RFC 6531 §3.3: or UTF-8. */
const PARAMETER = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~\x80-\xff]+))?$/;

function parseParameters(
  argument: string,
  { end }: Extract<ParsedPath, { kind: "path" }>,
  isExtended: boolean,
): Map<string, string | undefined> | Reply {
  const parameters = new Map<string, string | undefined>();
  if (argument[end] !== " ") return badPath(argument, "malformed address");
  for (const word of argument.slice(end).split(" ")) {
    if (word === "") continue;
    const [, keyword, value] = PARAMETER.exec(word) ?? [];
    if (keyword === undefined) return reply(501, "5.5.4", `malformed parameter ${shown(word)}`);
    // RFC 5321 §4.1.1.11: parameters of extensions that were not offered are unknown ones.
    if (!isExtended) return unknownParameter(keyword.toUpperCase());
    const name = keyword.toUpperCase();
    if (parameters.has(name)) return reply(501, "5.5.4", `${shown(name)} can be specified once only`);
    parameters.set(name, value);
  }
  return parameters;
}

/** RFC 5321 §4.1.1.11. */
const unknownParameter = (keyword: string): Reply => reply(555, "5.5.4", `parameter ${shown(keyword)} not recognized`);

function badPath(argument: string, reason: string): Reply {
  // RFC 6531 §3.5
  if (reason === NOT_ASCII) return reply(553, "5.6.7", NOT_ASCII);
  return reply(501, "5.5.4", `${shown(argument)}: ${reason}`);
}

/** A reply line is bounded by 512 octets (RFC 5321 §4.5.3.1.5); peers choose what we quote. */
const MAX_SHOWN = 200;

function shown(text: string): string {
  const printable = text.replace(/[^ -~]/g, "?");
  return printable.length <= MAX_SHOWN ? printable : `${printable.slice(0, MAX_SHOWN)}...`;
}
