/** What is wrong with the encoding of a part, as Exim numbers and words it. */
export type BodyAnomaly =
  | { readonly level: 1; readonly text: "Broken Quoted-Printable encoding detected" }
  | { readonly level: 2; readonly text: "Broken BASE64 encoding detected" };

/** Undoes a transfer encoding, line by line. What is not base64 or quoted-printable stays as it is. */
export interface BodyDecoder {
  /** @param line With its LF, if it has one; latin1. */
  decode(line: string): Buffer;
  /** What is left at the end. */
  end(): Buffer;
  readonly anomaly: BodyAnomaly | undefined;
}

/** @param encoding In lower case, as in Content-Transfer-Encoding (RFC 2045 §6). */
export function bodyDecoder(encoding: string): BodyDecoder {
  if (encoding === "base64") return new Base64Decoder();
  return encoding === "quoted-printable" ? new QuotedPrintableDecoder() : AS_IT_IS;
}

const NOTHING = Buffer.alloc(0);

const AS_IT_IS: BodyDecoder = { decode: (line) => Buffer.from(line, "latin1"), end: () => NOTHING, anomaly: undefined };

class QuotedPrintableDecoder implements BodyDecoder {
  anomaly: BodyAnomaly | undefined;

  decode(line: string): Buffer {
    if (!line.includes("=")) return Buffer.from(line, "latin1");
    const body = line.replace(/=[ \t\r]{0,998}\n$/, "");
    const text = body.replaceAll(/=(?:([0-9A-Fa-f]{2})|)/g, (written, digits: string | undefined) => {
      if (digits !== undefined) return String.fromCharCode(Number.parseInt(digits, 16));
      this.anomaly = { level: 1, text: "Broken Quoted-Printable encoding detected" };
      return written;
    });
    return Buffer.from(text, "latin1");
  }

  end(): Buffer {
    return NOTHING;
  }
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PADDING = 0x3d;
const UNKNOWN = 255;
const VALUES = new Uint8Array(256).fill(UNKNOWN);
for (let i = 0; i < ALPHABET.length; i++) VALUES[ALPHABET.charCodeAt(i)] = i;

/** Lenient as mail programs are: what is not base64 is passed over, and padding may stand in the middle. */
class Base64Decoder implements BodyDecoder {
  anomaly: BodyAnomaly | undefined;
  /** Characters of the group of four that have come. */
  #count = 0;
  /** The octet of which bits are missing. */
  #open = 0;

  decode(line: string): Buffer {
    const octets = Buffer.allocUnsafe(line.length);
    let length = 0;
    for (let i = 0; i < line.length; i++) {
      const code = line.charCodeAt(i);
      if (code === 0x0a || code === 0x0d) break;
      const value = VALUES[code] ?? UNKNOWN;
      if (code === PADDING) this.#count++;
      else if (value === UNKNOWN) this.anomaly = { level: 2, text: "Broken BASE64 encoding detected" };
      else {
        const place = this.#count++ & 3;
        if (place > 0) octets[length++] = this.#open | (value >> (6 - 2 * place));
        this.#open = (value << (2 + 2 * place)) & 0xff;
      }
    }
    return octets.subarray(0, length);
  }

  end(): Buffer {
    return (this.#count & 3) === 0 ? NOTHING : Buffer.from([this.#open]);
  }
}
