import { AUTHENTIC_DATA, type Answer as CodecRecord, decode, type Packet } from "dns-packet";
import type { Answer } from "./answer.ts";
import type { QueryPacket } from "./question.ts";
import { hostName, type RecordData, type RecordType, readRecord } from "./record.ts";

/** Records in an answer. The largest honest sets (address pools, MX farms) have tens. */
const MAX_RECORDS = 512;
/** Aliases on the way to the records; BIND follows 16 itself. */
const MAX_ALIASES = 16;
/** A day. Nobody gains from keeping longer, and a mistake in a TTL of years heals (RFC 8767 §4 has a week). */
const MAX_TTL_SECONDS = 86_400;
/** RFC 2308 §5: one to three hours are sensible for "there is none". */
const MAX_NEGATIVE_TTL_SECONDS = 10_800;

const HEADER_OCTETS = 12;
/** Bits of the third octet (RFC 1035 §4.1.1). */
const RESPONSE = 0x80;
const TRUNCATED = 0x02;
const AUTHORITATIVE = 0x04;
/** Of the fourth. */
const RECURSION_AVAILABLE = 0x80;

/** A question as it was sent, with the type of its answer. */
export type TypedQuery<T extends RecordType> = QueryPacket & { readonly type: T };

/** What a packet from a server means to the question that was sent there. */
export type Response<T extends RecordType = RecordType> =
  | { readonly kind: "answer"; readonly answer: Answer<T>; readonly octets: number }
  /** Not an answer to this question: late, forged, or no DNS at all. To be ignored. */
  | { readonly kind: "stray" }
  /** To be asked again over TCP. */
  | { readonly kind: "truncated" }
  /** The server cannot tell; another one may. `isSilent`: nothing was heard of it. */
  | { readonly kind: "failure"; readonly reason: string; readonly isSilent: boolean };

const failure = (reason: string): Response<never> => ({ kind: "failure", reason, isSilent: false });

/**
 * Reads a packet as the response to `query`; never throws.
 *
 * @param isTrusted Whether this server's AD bit is believed.
 */
export function readResponse<T extends RecordType>(
  packet: Buffer,
  query: TypedQuery<T>,
  isTrusted: boolean,
): Response<T> {
  if (packet.length < HEADER_OCTETS || packet.readUInt16BE(0) !== query.id || (packet.readUInt8(2) & RESPONSE) === 0) {
    return { kind: "stray" };
  }
  if ((packet.readUInt8(2) & TRUNCATED) !== 0) return { kind: "truncated" };
  if (packet.readUInt16BE(6) + packet.readUInt16BE(8) > MAX_RECORDS) return failure("too many records");
  const mayHaveCode = packet.readUInt16BE(6) === 0 && packet.readUInt16BE(10) > 0;
  // Of the additional section we use the rest of the code alone, and so nothing else of it can make the others unreadable.
  packet.writeUInt16BE(0, 10);
  let decoded: Packet & { readonly rcode?: string };
  try {
    decoded = decode(packet);
    // The codec reads some records past the end of the packet.
    if ((decode.bytes ?? 0) > packet.length) return failure("unreadable answer (cut short)");
  } catch (err) {
    return failure(`unreadable answer (${err instanceof Error ? err.message : String(err)})`);
  }
  const question = decoded.questions?.[0];
  const isOurs =
    decoded.questions?.length === 1 && question?.type === query.type && hostName(question.name) === query.name;
  // A server that could not read the question may leave it out of its refusal.
  if (!isOurs && (decoded.questions?.length !== 0 || decoded.rcode === "NOERROR")) return { kind: "stray" };
  if (decoded.rcode !== "NOERROR" && decoded.rcode !== "NXDOMAIN") return failure(String(decoded.rcode));
  const authenticated = isTrusted && ((decoded.flags ?? 0) & AUTHENTIC_DATA) !== 0;
  if (mayHaveCode && hasFurtherCode(packet.subarray(decode.bytes))) return failure(BAD_VERSION);
  if (isReferral(packet, decoded)) return failure("it does not ask others");
  const answer = readAnswer(decoded, decoded.rcode === "NXDOMAIN", query, authenticated);
  return answer === undefined ? failure("alias loop") : { kind: "answer", answer, octets: packet.length };
}

/** RFC 6891 §9: the one code that looks like NOERROR in the header. */
const BAD_VERSION = "BADVERS";

/** Whether an OPT record stands there that has the upper bits of a code (RFC 6891 §6.1.3). */
const hasFurtherCode = (additional: Buffer): boolean =>
  additional.length >= 11 && additional.readUIntBE(0, 3) === 41 && additional.readUInt8(5) !== 0;

/** From a server that is asked in vain: it answers for its own zones alone. Who knows that there is nothing says it with an SOA. */
const isReferral = (
  packet: Buffer,
  { answers = [], authorities = [], ...decoded }: Packet & { rcode?: string },
): boolean =>
  decoded.rcode === "NOERROR" &&
  answers.length === 0 &&
  (packet.readUInt8(2) & AUTHORITATIVE) === 0 &&
  (packet.readUInt8(3) & RECURSION_AVAILABLE) === 0 &&
  !authorities.some(({ type }) => type === "SOA");

/** @returns undefined if the aliases in the answer do not end. */
function readAnswer<T extends RecordType>(
  packet: Packet,
  isNameError: boolean,
  query: TypedQuery<T>,
  authenticated: boolean,
): Answer<T> | undefined {
  const chain = followAliases(packet.answers ?? [], query);
  if (chain === undefined) return undefined;
  const records: RecordData[T][] = [];
  let ttlSeconds = Math.min(chain.ttlSeconds, MAX_TTL_SECONDS);
  for (const record of packet.answers ?? []) {
    if (record.type !== query.type || !("data" in record) || hostName(record.name) !== chain.name) continue;
    const data = readRecord(query.type, record.data);
    if (data === undefined) continue;
    records.push(data);
    ttlSeconds = Math.min(ttlSeconds, ttlOf(record));
  }
  if (records.length > 0) return { state: "found", records, name: chain.name, authenticated, ttlSeconds };
  const state = isNameError ? "no such name" : "no data";
  return { state, authenticated, ttlSeconds: Math.min(ttlSeconds, negativeTtlSeconds(packet.authorities ?? [])) };
}

/** The name at the end of the CNAMEs (RFC 1034 §3.6.2), which the server has put into the answer. */
function followAliases(
  answers: readonly CodecRecord[],
  query: QueryPacket,
): { readonly name: string; readonly ttlSeconds: number } | undefined {
  let name = query.name;
  let ttlSeconds = MAX_TTL_SECONDS;
  if (query.type === "CNAME") return { name, ttlSeconds };
  const aliases = new Map<string, { readonly target: string; readonly ttlSeconds: number }>();
  for (const record of answers) {
    const owner = hostName(record.name);
    if (record.type !== "CNAME" || owner === undefined || aliases.has(owner)) continue;
    const target = hostName(record.data);
    if (target !== undefined) aliases.set(owner, { target, ttlSeconds: ttlOf(record) });
  }
  for (let steps = 0; steps <= MAX_ALIASES; steps++) {
    const alias = aliases.get(name);
    if (alias === undefined) return { name, ttlSeconds };
    name = alias.target;
    ttlSeconds = Math.min(ttlSeconds, alias.ttlSeconds);
  }
  return undefined;
}

/** RFC 2181 §8: a TTL with its highest bit set counts as 0. */
function ttlOf(record: CodecRecord): number {
  const ttl = "ttl" in record && typeof record.ttl === "number" ? record.ttl : 0;
  return ttl > 0x7fff_ffff ? 0 : ttl;
}

/** RFC 2308 §5: the lesser of the SOA's TTL and its last field; without SOA, absence is not kept. */
function negativeTtlSeconds(authorities: readonly CodecRecord[]): number {
  for (const record of authorities) {
    if (record.type !== "SOA") continue;
    return Math.min(ttlOf(record), record.data.minimum ?? 0, MAX_NEGATIVE_TTL_SECONDS);
  }
  return 0;
}
