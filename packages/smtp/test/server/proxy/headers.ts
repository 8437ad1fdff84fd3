import { crc32c } from "../../../src/server/proxy/crc32c.ts";
import type { ParsedProxyHeader } from "../../../src/server/proxy/proxy-header.ts";

const SIGNATURE = "0d0a0d0a000d0a515549540a";

/** Source and destination of a binary header: 192.0.2.1:4000 → 198.51.100.1:25, and 2001:db8::1 → 2001:db8::2. */
export const TCP4 = "c0000201c63364010fa00019";
export const TCP6 = `20010db8${"0".repeat(23)}120010db8${"0".repeat(23)}20fa00019`;

/** A binary header: version and command, family, and what follows, as hexadecimal digits. */
export function binaryHeader(versionAndFamily: string, body: string, octets = body.length / 2): Buffer {
  return Buffer.from(SIGNATURE + versionAndFamily + octets.toString(16).padStart(4, "0") + body, "hex");
}

export function tlv(type: number, value: Buffer | string): string {
  const octets = typeof value === "string" ? Buffer.from(value, "latin1") : value;
  return Buffer.concat([Buffer.from([type, octets.length >> 8, octets.length & 0xff]), octets]).toString("hex");
}

/** With its checksum behind all else. */
export function withChecksum(versionAndFamily: string, body: string): Buffer {
  const header = binaryHeader(versionAndFamily, body + tlv(0x03, Buffer.alloc(4)));
  header.writeUInt32BE(crc32c(header), header.length - 4);
  return header;
}

/** `192.0.2.1:4000 > 198.51.100.1:25`, `local`, `invalid: why`, `incomplete`. */
export function shown(parsed: ParsedProxyHeader): string {
  if (parsed.kind === "incomplete") return "incomplete";
  if (parsed.kind === "invalid") return `invalid: ${parsed.reason}`;
  const { header } = parsed;
  if (header.command === "local") return "local";
  const { source, destination } = header;
  return `${source.address}:${source.port} > ${destination.address}:${destination.port}`;
}
