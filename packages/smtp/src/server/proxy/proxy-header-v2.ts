import { SocketAddress } from "node:net";
import { parseProxyDetails } from "./proxy-details.ts";
import type { ParsedProxyHeader, ProxyEndpoint } from "./proxy-header.ts";

const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const FIXED_OCTETS = 16;
/** Two Unix addresses take 216 octets, the rest is room for TLVs (a certificate's names, a token). Bounds what a peer can make us hold. */
const MAX_HEADER_OCTETS = 4_096;
/** Octets of an address, by family and protocol: mail comes over TCP. Unix sockets and datagrams are refused. */
const ADDRESS_OCTETS: Readonly<Record<number, number>> = { 17: 4, 33: 16 };
const UNSPEC = 0x00;

/** Whether the octets so far may be the beginning of a binary header. */
export function isProxyV2(input: Buffer): boolean {
  const seen = Math.min(input.length, SIGNATURE.length);
  return input.subarray(0, seen).equals(SIGNATURE.subarray(0, seen));
}

/**
 * The binary header (PROXY protocol §2.2), whose signature has been seen. One that is wrong is dropped to its end, which
 * it names itself: nothing of it is taken for commands.
 */
export function parseProxyV2(input: Buffer): ParsedProxyHeader {
  if (input.length < FIXED_OCTETS) return { kind: "incomplete" };
  const version = input.readUInt8(12) >> 4;
  const command = input.readUInt8(12) & 0x0f;
  const family = input.readUInt8(13);
  const consumed = FIXED_OCTETS + input.readUInt16BE(14);
  const invalid = (reason: string): ParsedProxyHeader => ({ kind: "invalid", reason, consumed });
  if (version !== 2) return invalid(`version ${version}`);
  if (command > 1) return invalid(`command ${command}`);
  if (consumed > MAX_HEADER_OCTETS) return invalid(`${consumed} octets`);
  if (input.length < consumed) return { kind: "incomplete" };
  // §2.2: LOCAL comes with any family, and whatever follows means nothing; UNSPEC is not for the receiver to refuse.
  if (command === 0 || family === UNSPEC) return { kind: "done", header: { command: "local" }, consumed };

  const width = ADDRESS_OCTETS[family];
  if (width === undefined) return invalid(`family 0x${family.toString(16).padStart(2, "0")}`);
  const body = input.subarray(FIXED_OCTETS, consumed);
  const addressOctets = 2 * width + 4;
  if (body.length < addressOctets) return invalid("addresses cut short");
  const details = parseProxyDetails(input.subarray(0, consumed), FIXED_OCTETS + addressOctets);
  if (typeof details === "string") return invalid(details);
  const source = endpoint(body.subarray(0, width), body.readUInt16BE(2 * width));
  const destination = endpoint(body.subarray(width, 2 * width), body.readUInt16BE(2 * width + 2));
  return { kind: "done", header: { command: "proxy", source, destination, details }, consumed };
}

function endpoint(octets: Buffer, port: number): ProxyEndpoint {
  if (octets.length === 4) return { address: octets.join("."), port };
  const groups = Array.from({ length: 8 }, (_, i) => octets.readUInt16BE(2 * i).toString(16));
  return { address: new SocketAddress({ family: "ipv6", address: groups.join(":") }).address, port };
}
