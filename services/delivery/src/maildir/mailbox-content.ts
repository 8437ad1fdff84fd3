import type { AppendfileTransport } from "@postbus/policy";

const CR = 13;
const LF = 10;

/**
 * Line ends as mailboxes have them: CRLF becomes LF, however the content is cut into chunks. A lone CR or LF stays.
 */
export class MailboxEncoder {
  /** The last chunk ended in CR: whether its LF follows is not known yet. */
  #owesCr = false;
  /** Of the last result, to be used for the next. */
  #out = Buffer.alloc(0);

  /** @returns Octets that hold until the next call. */
  encode(octets: Buffer): Buffer {
    if (this.#out.length <= octets.length) this.#out = Buffer.allocUnsafe(octets.length + 1);
    const out = this.#out;
    let length = 0;
    if (this.#owesCr && octets.length > 0) {
      if (octets[0] !== LF) out[length++] = CR;
      this.#owesCr = false;
    }
    let from = 0;
    for (let cr = octets.indexOf(CR); cr !== -1; cr = octets.indexOf(CR, cr + 1)) {
      const isLast = cr === octets.length - 1;
      if (!isLast && octets[cr + 1] !== LF) continue;
      length += octets.copy(out, length, from, cr);
      from = cr + 1;
      this.#owesCr = isLast;
    }
    length += octets.copy(out, length, from);
    return out.subarray(0, length);
  }

  end(): Buffer {
    return this.#owesCr ? Buffer.of(CR) : Buffer.alloc(0);
  }
}

/**
 * The fields that Debian's maildir transports put on top (`return_path_add`, `envelope_to_add`, `delivery_date_add`).
 *
 * Addresses come from peers: a line end in one would write fields of its own, so control characters become blanks.
 */
export function deliveryFields(returnPath: string, recipient: string, now: Date, adds = ALL): Buffer {
  const fields = [
    ...(adds.returnPath ? [`Return-path: <${oneLine(returnPath)}>`] : []),
    ...(adds.envelopeTo ? [`Envelope-to: ${oneLine(recipient)}`] : []),
    ...(adds.deliveryDate ? [`Delivery-date: ${rfc5322Date(now)}`] : []),
    "",
  ];
  return Buffer.from(fields.join("\n"), "latin1");
}

const ALL: NonNullable<AppendfileTransport["adds"]> = { returnPath: true, envelopeTo: true, deliveryDate: true };

// biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the point
const oneLine = (address: string): string => address.replace(/[\x00-\x1f\x7f]/g, " ");

const days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** RFC 5322 §3.3, in local time as Exim writes it: `Sat, 21 Nov 2026 01:36:36 +0000`. */
function rfc5322Date(date: Date): string {
  const two = (n: number): string => String(n).padStart(2, "0");
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? "-" : "+"}${two(Math.floor(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${days[date.getDay()]}, ${two(date.getDate())} ${months[date.getMonth()]} ${date.getFullYear()} ${time} ${zone}`;
}
