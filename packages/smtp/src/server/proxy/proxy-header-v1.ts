import { isIPv4, isIPv6, SocketAddress } from "node:net";
import { NO_DETAILS } from "./proxy-details.ts";
import type { ParsedProxyHeader, ProxyEndpoint } from "./proxy-header.ts";

/** Of the longest line that may come, CRLF included (PROXY protocol §2.1). */
const MAX_LINE_OCTETS = 107;

/**
 * The header as a line of text (PROXY protocol §2.1): `PROXY TCP4 192.0.2.1 198.51.100.1 4000 25` and CRLF.
 *
 * A first line that is none is swallowed as a whole. A bare LF ends nothing.
 */
export function parseProxyV1(input: Buffer): ParsedProxyHeader {
  const end = input.subarray(0, MAX_LINE_OCTETS).indexOf("\r\n", "latin1");
  if (end < 0) {
    if (input.length < MAX_LINE_OCTETS) return { kind: "incomplete" };
    return { kind: "invalid", reason: `no line end within ${MAX_LINE_OCTETS} octets`, consumed: MAX_LINE_OCTETS };
  }
  const consumed = end + 2;
  const invalid = (reason: string): ParsedProxyHeader => ({ kind: "invalid", reason, consumed });
  const line = input.toString("latin1", 0, end);
  // §2.1: whatever stands behind UNKNOWN means nothing.
  if (/^PROXY UNKNOWN(?: |$)/.test(line)) return { kind: "done", header: { command: "local" }, consumed };

  const [word, family, source = "", destination = "", sourcePort = "", destinationPort = "", ...more] = line.split(" ");
  if (word !== "PROXY") return invalid("no PROXY header");
  if (family !== "TCP4" && family !== "TCP6") return invalid("unknown protocol");
  if (more.length > 0) return invalid("too many words");
  const isAddress = family === "TCP4" ? isIPv4 : isPlainIPv6;
  if (!isAddress(source) || !isAddress(destination)) return invalid(`an address is none of ${family}`);
  if (!isPort(sourcePort) || !isPort(destinationPort)) return invalid("a port is none");
  const endpoint = (address: string, port: string): ProxyEndpoint => ({
    address: family === "TCP4" ? address : canonicalIPv6(address),
    port: Number(port),
  });
  return {
    kind: "done",
    consumed,
    header: {
      command: "proxy",
      source: endpoint(source, sourcePort),
      destination: endpoint(destination, destinationPort),
      details: NO_DETAILS,
    },
  };
}

/** Zones mean something on the proxy only. */
const isPlainIPv6 = (text: string): boolean => isIPv6(text) && !text.includes("%");

/** Whoever counts by addresses must not see one client as many. */
const canonicalIPv6 = (address: string): string => new SocketAddress({ family: "ipv6", address }).address;

/** §2.1: decimal, without leading zeros. A TCP connection has no port 0. */
const isPort = (text: string): boolean => /^[1-9][0-9]{0,4}$/.test(text) && Number(text) <= 65_535;
