import { isIPv4, isIPv6 } from "node:net";

/**
 * What a record says, by type. Host names are in lower case, without the final dot, printable ASCII; the root is the
 * empty string (RFC 7505: an MX exchange of "" is the null MX).
 */
export interface RecordData {
  readonly A: string;
  readonly AAAA: string;
  readonly CNAME: string;
  readonly NS: string;
  readonly PTR: string;
  readonly MX: { readonly preference: number; readonly exchange: string };
  readonly SRV: { readonly priority: number; readonly weight: number; readonly port: number; readonly target: string };
  /** The character-strings of one record, latin1. */
  readonly TXT: readonly string[];
  /** As TXT; retired (RFC 7208 §3.1), but policies may still ask for it. */
  readonly SPF: readonly string[];
  readonly SOA: {
    readonly mname: string;
    readonly rname: string;
    readonly serial: number;
    readonly refresh: number;
    readonly retry: number;
    readonly expire: number;
    readonly minimum: number;
  };
  readonly TLSA: {
    readonly usage: number;
    readonly selector: number;
    readonly matchingType: number;
    readonly certificate: Buffer;
  };
}

export type RecordType = keyof RecordData;

const HOST = /^[\x21-\x7e]{1,253}$/;

/** A name out of a record. Whoever runs a zone chooses the octets in it: what is no printable ASCII is not let in. */
export function hostName(name: unknown): string | undefined {
  if (typeof name !== "string") return undefined;
  if (name === ".") return "";
  return HOST.test(name) ? name.toLowerCase() : undefined;
}

type Reader<T extends RecordType> = (data: unknown) => RecordData[T] | undefined;

const fields = (data: unknown): Readonly<Record<string, unknown>> =>
  typeof data === "object" && data !== null ? { ...data } : {};
const integer = (value: unknown): number => (typeof value === "number" ? value : 0);

/** From the codec's data to ours; undefined: the record is unusable and counts as not being there. */
const readers: { readonly [T in RecordType]: Reader<T> } = {
  A: (data) => (typeof data === "string" && isIPv4(data) ? data : undefined),
  AAAA: (data) => (typeof data === "string" && isIPv6(data) ? data : undefined),
  CNAME: hostName,
  NS: hostName,
  PTR: hostName,
  MX(data) {
    const { preference, exchange } = fields(data);
    const host = hostName(exchange);
    return host === undefined ? undefined : { preference: integer(preference), exchange: host };
  },
  SRV(data) {
    const { priority, weight, port, target } = fields(data);
    const host = hostName(target);
    if (host === undefined) return undefined;
    return { priority: integer(priority), weight: integer(weight), port: integer(port), target: host };
  },
  TXT(data) {
    if (!Array.isArray(data)) return undefined;
    return data.map((string: unknown) => (Buffer.isBuffer(string) ? string.toString("latin1") : ""));
  },
  SPF(data) {
    // The codec does not know it, and gives its octets: each string has its length before it (RFC 1035 §3.3).
    if (!Buffer.isBuffer(data)) return undefined;
    const strings: string[] = [];
    for (let at = 0; at < data.length; at += 1 + (data[at] ?? 0)) {
      strings.push(data.toString("latin1", at + 1, at + 1 + (data[at] ?? 0)));
    }
    return strings;
  },
  SOA(data) {
    const { mname, rname, serial, refresh, retry, expire, minimum } = fields(data);
    const server = hostName(mname);
    const mailbox = hostName(rname);
    if (server === undefined || mailbox === undefined) return undefined;
    return {
      mname: server,
      rname: mailbox,
      serial: integer(serial),
      refresh: integer(refresh),
      retry: integer(retry),
      expire: integer(expire),
      minimum: integer(minimum),
    };
  },
  TLSA(data) {
    const { usage, selector, matchingType, certificate } = fields(data);
    if (!Buffer.isBuffer(certificate)) return undefined;
    return {
      usage: integer(usage),
      selector: integer(selector),
      matchingType: integer(matchingType),
      // A copy: the codec's slice would keep the whole packet alive in the cache.
      certificate: Buffer.from(certificate),
    };
  },
};

export function readRecord<T extends RecordType>(type: T, data: unknown): RecordData[T] | undefined {
  return readers[type](data);
}
