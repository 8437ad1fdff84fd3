import type { Bounce } from "./bounce.ts";
import { deliveryStatus, rfc5322Date } from "./delivery-status.ts";
import { explanation } from "./explanation.ts";
import { foldedField, plainText } from "./plain-text.ts";
import { type ReturnedMessage, returnedMessage } from "./returned-message.ts";

export interface Composed {
  /** Header section and body, CRLF line ends. */
  readonly octets: Buffer;
  /** Has octets above 127: to be sent with BODY=8BITMIME (RFC 6152). */
  readonly eightBit: boolean;
}

/** Boundaries, part headers and the header section, but for X-Failed-Recipients, which is shorter than the explanation. */
const FRAME_OCTETS = 8 * 1024;
/** Of addresses, ids and host names in one field; RFC 5322 §2.1.1 allows 998 octets in a line. */
const MAX_NAME = 500;

/**
 * The bounce: multipart/report with an explanation, message/delivery-status and the message or its headers
 * (RFC 6522, RFC 3464). Equal arguments give equal octets. Everything that peers wrote is taken as hostile.
 */
export async function composeBounce(bounce: Bounce): Promise<Composed> {
  // Loaded with the first bounce: most processes never make one, and it costs 50 ms and 18 MB.
  const [{ default: MimeNode }, qp] = await Promise.all([
    import("nodemailer/lib/mime-node"),
    import("nodemailer/lib/qp"),
  ]);
  const text = explanation(bounce);
  const status = deliveryStatus(bounce);
  const left = bounce.maxOctets - FRAME_OCTETS - 2 * text.length - status.length;
  const returned = returnedMessage(bounce.original, left);
  const eightBit = returned.kind === "message" && returned.eightBit;

  const root = new MimeNode("multipart/report; report-type=delivery-status", {
    baseBoundary: bounce.id,
    boundaryPrefix: "=_postbus-",
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  // `prepared`: goes out as it is, cleaned and folded here. The library has its own way with address fields and Date.
  const set = (name: string, value: string) =>
    root.setHeader(name, { prepared: true, value: foldedValue(name, value) });
  set("X-Failed-Recipients", bounce.recipients.map(({ address }) => plainText(address, MAX_NAME)).join(", "));
  set("Auto-Submitted", "auto-replied");
  root.setHeader("From", {
    name: "Mail Delivery System",
    address: `Mailer-Daemon@${plainText(bounce.qualifyDomain, MAX_NAME)}`,
  });
  root.setHeader("To", { address: plainText(bounce.to, MAX_NAME) });
  const about = plainText(bounce.about ?? "", MAX_NAME).replace(/[<> ]/g, "");
  if (about !== "") set("In-Reply-To", `<${about}>`);
  if (about !== "") root.setHeader("References", `<${about}>`);
  set("Message-ID", `<E${bounce.id}@${plainText(bounce.primaryHostname, MAX_NAME)}>`);
  root.setHeader("Date", rfc5322Date(bounce.nowMs));
  set("Subject", "Mail delivery failed: returning message to sender");
  if (eightBit) set("Content-Transfer-Encoding", "8bit");

  root.createChild().setRaw(part("text/plain; charset=us-ascii", "7bit", Buffer.from(text, "latin1")));
  root.createChild().setRaw(part("message/delivery-status", "7bit", Buffer.from(status, "latin1")));
  root.createChild().setRaw(returnedPart(returned, (octets) => qp.wrap(qp.encode(octets))));
  return { octets: await root.build(), eightBit };
}

const foldedValue = (name: string, value: string): string => foldedField(name, value).slice(name.length + 2, -2);

function part(contentType: string, encoding: "7bit" | "8bit" | "quoted-printable", body: Buffer): Buffer {
  const head = `Content-Type: ${contentType}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, "latin1"), body]);
}

function returnedPart(returned: ReturnedMessage, quotedPrintable: (octets: Buffer) => string): Buffer {
  if (returned.kind === "message") return part("message/rfc822", returned.eightBit ? "8bit" : "7bit", returned.octets);
  if (returned.isPlain) return part("text/rfc822-headers", "7bit", returned.octets);
  // Disorderly lines and 8-bit fields would not survive every host on the way (RFC 6522 §4 wants 7-bit).
  const encoded = Buffer.from(quotedPrintable(returned.octets), "latin1");
  return part("text/rfc822-headers; charset=unknown-8bit", "quoted-printable", encoded);
}
