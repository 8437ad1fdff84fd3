import { crc32c } from "./crc32c.ts";

/** What a binary header says besides addresses, as latin1 strings. Told by the proxy, chosen by the client in part. */
export interface ProxyDetails {
  /** The proxy's name for the connection. */
  readonly uniqueId?: string;
  /** The host name that the client asked for: SNI. */
  readonly authority?: string;
  /** The client's TLS, which ends at the proxy. */
  readonly tls?: ProxyTls;
}

export interface ProxyTls {
  /** `TLSv1.3` */
  readonly version: string;
  readonly cipher: string;
  /** Of the client's certificate; empty: it has shown none. */
  readonly commonName: string;
  /** The client has shown a certificate, on this connection or on the one it resumes, and the proxy has verified it. */
  readonly isVerified: boolean;
}

export const NO_DETAILS: ProxyDetails = {};

/** PROXY protocol §2.2: types of TLVs, and of those inside of the one about TLS. */
const AUTHORITY = 0x02;
const CRC32C = 0x03;
const UNIQUE_ID = 0x05;
const TLS = 0x20;
const TLS_VERSION = 0x21;
const TLS_COMMON_NAME = 0x22;
const TLS_CIPHER = 0x23;
/** §2.2.5: 128 octets at most. */
const MAX_UNIQUE_ID = 128;
/** RFC 1035 §2.3.4. */
const MAX_AUTHORITY = 255;
/** §2.2.6: a certificate was shown on this connection, or in this session. */
const CLIENT_CERTIFICATE = 0x02 | 0x04;

/**
 * Reads the TLVs behind the addresses (PROXY protocol §2.2). Unknown ones are skipped; what cannot be cut into TLVs ends
 * them, as Exim, which looks at none, takes such headers.
 *
 * @param header All of it. @param at Where the TLVs begin.
 * @returns What is wrong, as a string: the header was damaged on its way.
 */
export function parseProxyDetails(header: Buffer, at: number): ProxyDetails | string {
  const details: { -readonly [name in keyof ProxyDetails]: ProxyDetails[name] } = {};
  let hasChecksum = false;
  for (const { type, value, valueAt } of tlvs(header, at)) {
    switch (type) {
      case CRC32C:
        if (hasChecksum) return "two checksums";
        hasChecksum = true;
        if (value.length !== 4 || value.readUInt32BE(0) !== checksum(header, valueAt)) return "wrong checksum";
        break;
      case UNIQUE_ID:
        if (value.length <= MAX_UNIQUE_ID) details.uniqueId = value.toString("latin1");
        break;
      case AUTHORITY:
        if (value.length <= MAX_AUTHORITY) details.authority = value.toString("latin1");
        break;
      case TLS: {
        const tls = readTls(value);
        if (tls !== undefined) details.tls = tls;
        break;
      }
      default:
    }
  }
  return details;
}

/** Undefined: the client speaks no TLS. */
function readTls(value: Buffer): ProxyTls | undefined {
  if (value.length < 5) return undefined;
  const client = value.readUInt8(0);
  if ((client & 0x01) === 0) return undefined;
  const texts = new Map<number, string>();
  for (const { type, value: text } of tlvs(value, 5)) texts.set(type, text.toString("latin1"));
  return {
    version: texts.get(TLS_VERSION) ?? "",
    cipher: texts.get(TLS_CIPHER) ?? "",
    commonName: texts.get(TLS_COMMON_NAME) ?? "",
    isVerified: (client & CLIENT_CERTIFICATE) !== 0 && value.readUInt32BE(1) === 0,
  };
}

function* tlvs(octets: Buffer, start: number): Generator<{ type: number; value: Buffer; valueAt: number }> {
  let at = start;
  while (at + 3 <= octets.length) {
    const valueAt = at + 3;
    const end = valueAt + octets.readUInt16BE(at + 1);
    if (end > octets.length) return;
    yield { type: octets.readUInt8(at), value: octets.subarray(valueAt, end), valueAt };
    at = end;
  }
}

/** Over the whole header, with nothing where the checksum stands. */
function checksum(header: Buffer, at: number): number {
  const blank = Buffer.from(header);
  blank.fill(0, at, at + 4);
  return crc32c(blank);
}
