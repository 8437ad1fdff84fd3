import { type HelloWishes, readHelloWishes } from "./hello-wishes.ts";

/**
 * What the first octets of a client are: a hello, or something else (`none`: the library will say what is wrong with it).
 * `needs`: it cannot be known before there are so many octets.
 */
export type ClientHello = { readonly needs: number } | "none" | HelloWishes;

/** A hello with post-quantum keys has some 2 kB; what is larger than this is left to the library. */
const MAX_OCTETS = 32_768;
const HANDSHAKE = 22;
const CLIENT_HELLO = 1;

/**
 * Reads a client's hello (RFC 8446 §4.1.2) before the handshake begins.
 *
 * Node.js has a callback for the server's name in it, but takes only one certificate from what that returns, and leaves
 * those of other key types as they were: a client could be shown another server's. Known early, the name chooses the whole
 * context.
 */
export function readClientHello(octets: Buffer): ClientHello {
  const message = handshakeMessage(octets);
  if (message === "none") return message;
  if (typeof message === "number") return message > MAX_OCTETS ? "none" : { needs: message };
  try {
    return readHelloWishes(message);
  } catch (err) {
    if (err instanceof RangeError) return "none";
    throw err;
  }
}

/** A hello in more records than these is made to be work. */
const MAX_RECORDS = 16;

/** The body of the first handshake message, which may be in several records; or how many octets there must be for it. */
function handshakeMessage(octets: Buffer): Buffer | number | "none" {
  const parts: Buffer[] = [];
  let held = 0;
  for (let at = 0; parts.length <= MAX_RECORDS; ) {
    const end = held < 4 ? 4 : 4 + lengthIn(parts);
    if (held >= 4 && held >= end) return Buffer.concat(parts).subarray(4, end);
    if (octets.length > at && octets[at] !== HANDSHAKE) return "none";
    // One record may have all the rest.
    if (octets.length < at + 5) return at + 5 + end - held;
    const length = octets.readUInt16BE(at + 3);
    // A hello has no empty records, which would be work without an end.
    if (length === 0) return "none";
    at += 5;
    const part = octets.subarray(at, at + length);
    if (held === 0 && part.length > 0 && part[0] !== CLIENT_HELLO) return "none";
    parts.push(part);
    held += part.length;
    at += length;
    if (at > octets.length) {
      const wanted = held < 4 ? 4 : 4 + lengthIn(parts);
      const end = octets.length + wanted - held;
      // Whatever its records are: what is said of it must not depend on how much of it has come.
      if (end > MAX_OCTETS) return "none";
      // Of the record's end, no more is needed than the message has.
      if (held < wanted) return Math.min(at, end);
    }
  }
  return "none";
}

/** Of a message whose first four octets are there. */
function lengthIn(parts: readonly Buffer[]): number {
  const [first] = parts;
  const start = first !== undefined && first.length >= 4 ? first : Buffer.concat(parts.slice(0, 4));
  return start.readUIntBE(1, 3);
}
