import { domainOf, localPartOf } from "@postbus/mail";
import { deliveryStatus, rfc5322Date } from "./delivery-status.ts";
import { explanation } from "./explanation.ts";
import { reportFields } from "./header-fields.ts";
import { foldedField, isAscii, plainText } from "./plain-text.ts";
import type { Report } from "./report.ts";
import { MAX_ADDRESS } from "./reported-address.ts";
import { fitsLimits, headersOnly, type ReturnedMessage, wholeMessage } from "./returned-message.ts";

export interface Composed {
  /** Header section and body, CRLF line ends. */
  readonly octets: Buffer;
  /** The message that is returned stands between `octets` and these; absent: it is in them, or not returned. */
  readonly behindMessage?: Buffer;
  /** Has octets above 127: to be sent with BODY=8BITMIME (RFC 6152). */
  readonly eightBit: boolean;
  /** Has UTF-8 in its header section: to be sent with SMTPUTF8 (RFC 6531). */
  readonly smtpUtf8: boolean;
}

/** Boundaries, part headers and the header section, but for X-Failed-Recipients, which is shorter than the explanation. */
const FRAME_OCTETS = 16 * 1024;

/**
 * The report: multipart/report with an explanation, message/delivery-status and the message or its headers
 * (RFC 6522, RFC 3464, RFC 6533). Equal arguments give equal octets. Everything that peers wrote is taken as hostile.
 */
export async function composeReport(report: Report): Promise<Composed> {
  // Loaded with the first report: most processes never make one, and it costs 50 ms and 18 MB.
  const [{ default: MimeNode }, qp] = await Promise.all([
    import("nodemailer/lib/mime-node"),
    import("nodemailer/lib/qp"),
  ]);
  const quotedPrintable = (octets: Buffer) => Buffer.from(qp.wrap(qp.encode(octets)), "latin1");
  // Who has an address in UTF-8 reads UTF-8; to all others, a report goes that every host takes.
  const isUtf8 = !isAscii(report.to);
  const text = textPart(report, quotedPrintable);
  const status = Buffer.from(deliveryStatus(report, isUtf8), "latin1");
  const left = report.maxOctets - FRAME_OCTETS - 2 * text.length - status.length;
  const { returned, cutsMessage } = whatIsReturned(report, left);
  const hasEightBits = returned !== undefined && returned.kind !== "headers" && returned.eightBit;
  const eightBit = hasEightBits || isUtf8;

  const fields = reportFields(report, cutsMessage);
  const names = new Map(fields.map(({ name }) => [name.toLowerCase(), name]));
  const root = new MimeNode("multipart/report; report-type=delivery-status", {
    baseBoundary: report.id,
    boundaryPrefix: "=_postbus-",
    disableFileAccess: true,
    disableUrlAccess: true,
    // The library has capitals where it likes them.
    normalizeHeaderKey: (name: string) => names.get(name.toLowerCase()) ?? name,
  });
  // `prepared`: goes out as it is, cleaned and folded here.
  const set = (name: string, value: string) =>
    root.setHeader(name, { prepared: true, value: foldedValue(name, value) });
  for (const { name, value } of fields) {
    if (AS_IT_IS.has(name)) set(name, value);
    else root.setHeader(name, fromOctets(value));
  }
  setFrom(report.wording.from, root, set);
  root.setHeader("To", { address: fromOctets(plainText(report.to, MAX_ADDRESS, isUtf8)) });
  root.setHeader("Date", rfc5322Date(report.nowMs));
  if (eightBit) set("Content-Transfer-Encoding", "8bit");

  root.createChild().setRaw(text);
  root.createChild().setRaw(part(isUtf8 ? "message/global-delivery-status" : "message/delivery-status", status));
  if (returned !== undefined) root.createChild().setRaw(returnedPart(returned, report, quotedPrintable));
  const octets = await root.build();
  if (returned?.kind !== "large message") return { octets, eightBit, smtpUtf8: isUtf8 };
  const at = octets.lastIndexOf(placeholder(report));
  const behindMessage = octets.subarray(at + placeholder(report).length);
  return { octets: octets.subarray(0, at), behindMessage, eightBit, smtpUtf8: isUtf8 };
}

/** Where the message is to be put in: in the last part, so that nothing behind it is like it. */
const placeholder = ({ id }: Report): string => `=_postbus-message-${id}`;

/** Fields that the library would read, and write in its own way. */
const AS_IT_IS: ReadonlySet<string> = new Set(["X-Failed-Recipients", "In-Reply-To", "Message-ID"]);

/** The library writes UTF-8. */
const fromOctets = (octets: string): string => Buffer.from(octets, "latin1").toString("utf8");

const foldedValue = (name: string, value: string): string => foldedField(name, value).slice(name.length + 2, -2);

const FROM = /^\s*(?:"((?:[^"\\]|\\.)*)"|([^"<>]*?))\s*<([^<>\s]+)>\s*$/;

function setFrom(
  from: string,
  root: { setHeader(name: string, value: { name: string; address: string }): unknown },
  set: (name: string, value: string) => void,
): void {
  const [, quoted, plain = "", address] = FROM.exec(from) ?? [];
  if (address === undefined) {
    set("From", plainText(from, MAX_ADDRESS));
    return;
  }
  const name = quoted?.replace(/\\(.)/g, "$1") ?? plain;
  const written = `${plainText(localPartOf(address), MAX_ADDRESS)}@${plainText(domainOf(address), MAX_ADDRESS)}`;
  root.setHeader("From", { name: plainText(fromOctets(name), MAX_ADDRESS, true), address: written });
}

function textPart(report: Report, quotedPrintable: (octets: Buffer) => Buffer): Buffer {
  const text = explanation(report);
  const octets = Buffer.from(text, "latin1");
  const type = `text/plain; charset=${plainText(report.wording.charset, 60).replace(/[^A-Za-z0-9._-]/g, "")}`;
  const isPlain = /^[\t\r\n -~]*$/.test(text) && text.split("\r\n").every(({ length }) => length <= MAX_LINE);
  return isPlain ? part(type, octets) : part(type, quotedPrintable(octets), "quoted-printable");
}

const MAX_LINE = 998;

/** @property octets With the return path on top. */
type Returned = ReturnedMessage & { readonly octets: Buffer };

/** @returns cutsMessage: the sender would have got more, had the operator not set limits. */
function whatIsReturned(
  report: Report,
  maxOctets: number,
): { readonly returned: Returned | undefined; readonly cutsMessage: boolean } {
  const { kind, limits, ret, original, mayBeLarge } = report;
  if (!limits.returnsMessage && kind === "failure") return { returned: undefined, cutsMessage: false };
  const returnPath = returnPathField(report);
  const left = maxOctets - returnPath.length;
  const wantsAll = kind === "failure" && ret !== "HDRS";
  const whole =
    wantsAll && limits.returnsBody && fitsLimits(original, limits)
      ? wholeMessage(original, left, mayBeLarge)
      : undefined;
  const returned = whole ?? headersOnly(original, left);
  const cutsMessage = wantsAll && whole === undefined && (limits.returnsBody || ret === "FULL");
  const octets = returned.kind === "large message" ? Buffer.from(placeholder(report)) : returned.octets;
  return { returned: { ...returned, octets: Buffer.concat([returnPath, octets]) }, cutsMessage };
}

/** As a final delivery would have it (RFC 5321 §4.4): it tells of whom the message was. */
function returnPathField({ returnPath }: Report): Buffer {
  if (!isAscii(returnPath)) return Buffer.alloc(0);
  return Buffer.from(foldedField("Return-path", `<${plainText(returnPath, MAX_ADDRESS)}>`), "latin1");
}

type Encoding = "7bit" | "8bit" | "quoted-printable";

function part(
  contentType: string,
  body: Buffer,
  encoding: Encoding = body.some((octet) => octet > 0x7f) ? "8bit" : "7bit",
): Buffer {
  const head = `Content-Type: ${contentType}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, "latin1"), body]);
}

function returnedPart(returned: Returned, { isSmtpUtf8 }: Report, quotedPrintable: (octets: Buffer) => Buffer): Buffer {
  const { octets } = returned;
  if (returned.kind !== "headers") {
    return part(isSmtpUtf8 ? "message/global" : "message/rfc822", octets, returned.eightBit ? "8bit" : "7bit");
  }
  if (returned.isPlain) return part("text/rfc822-headers", octets, "7bit");
  // Disorderly lines and 8-bit fields would not survive every host on the way (RFC 6522 §4 wants 7-bit).
  const type = isSmtpUtf8 ? "message/global-headers" : "text/rfc822-headers; charset=unknown-8bit";
  return part(type, quotedPrintable(octets), "quoted-printable");
}
