/** What a client's hello says that decides with what a handshake is made. */
export interface HelloWishes {
  /** RFC 6066 §3 */
  readonly serverName: string | undefined;
  /** Cipher suites, by their numbers, in the client's order. */
  readonly ciphers: readonly number[];
  /** Curves and other groups that it knows (RFC 8422 §5.1.1, RFC 8446 §4.2.7). */
  readonly groups: readonly number[];
  /** Of a session that it would resume: the name of the key which its ticket is sealed with. */
  readonly ticketName: Buffer | undefined;
}

const SERVER_NAME = 0;
const GROUPS = 10;
const SESSION_TICKET = 35;
const PRE_SHARED_KEY = 41;
const HOST_NAME = 0;
/** OpenSSL's tickets, and ours, begin with it. */
const TICKET_NAME_OCTETS = 16;

/** Reads the body of a hello (RFC 8446 §4.1.2). @throws {RangeError} a length leads beyond the end. */
export function readHelloWishes(hello: Buffer): HelloWishes {
  // Version, random, session.
  let at = 2 + 32;
  at += 1 + hello.readUInt8(at);
  const ciphers = numbersIn(hello, at);
  at += 2 + hello.readUInt16BE(at);
  at += 1 + hello.readUInt8(at);
  let serverName: string | undefined;
  let groups: readonly number[] = [];
  let ticketName: Buffer | undefined;
  // A hello of TLS 1.2 may end here.
  const end = at === hello.length ? at : at + 2 + hello.readUInt16BE(at);
  at += 2;
  while (at < end) {
    const type = hello.readUInt16BE(at);
    const length = hello.readUInt16BE(at + 2);
    at += 4;
    const value = hello.subarray(at, at + length);
    if (type === SERVER_NAME) serverName ??= hostNameIn(value);
    else if (type === GROUPS) groups = numbersIn(value, 0);
    // RFC 5077 §3.2
    else if (type === SESSION_TICKET) ticketName ??= nameOf(value);
    // The first identity: RFC 8446 §4.2.11.
    else if (type === PRE_SHARED_KEY) ticketName = nameOf(value.subarray(4));
    at += length;
  }
  return { serverName, ciphers, groups, ticketName };
}

/** A list of numbers of two octets behind its length. */
function numbersIn(octets: Buffer, at: number): readonly number[] {
  const end = at + 2 + octets.readUInt16BE(at);
  const numbers: number[] = [];
  for (let i = at + 2; i + 1 < end; i += 2) numbers.push(octets.readUInt16BE(i));
  return numbers;
}

const nameOf = (ticket: Buffer): Buffer | undefined =>
  ticket.length < TICKET_NAME_OCTETS ? undefined : ticket.subarray(0, TICKET_NAME_OCTETS);

function hostNameIn(list: Buffer): string | undefined {
  for (let at = 2; at < list.length; ) {
    const type = list.readUInt8(at);
    const length = list.readUInt16BE(at + 1);
    at += 3;
    if (type === HOST_NAME) return list.toString("latin1", at, at + length);
    at += length;
  }
  return undefined;
}
