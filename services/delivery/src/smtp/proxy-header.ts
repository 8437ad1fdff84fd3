import { isIPv4 } from "node:net";
import { addressOctets } from "./address-octets.ts";
import type { NextHop } from "./next-hop.ts";

/** "The PROXY protocol, versions 1 & 2", §2.2. */
const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");
const VERSION_2_PROXY = 0x21;
const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;

/**
 * The header that tells a proxy where its connection is to go, and where it is to come from.
 *
 * @param from Of the host's family; absent: as the proxy likes, told as the unspecified address. The port is the proxy's affair.
 */
export function proxyHeader({ address, port }: Pick<NextHop, "address" | "port">, from: string | undefined): Buffer {
  const isV4 = isIPv4(address);
  const source = addressOctets(from ?? (isV4 ? "0.0.0.0" : "::"));
  const ports = [0, 0, port >> 8, port & 0xff];
  const addresses = [...source, ...addressOctets(address), ...ports];
  const family = isV4 ? TCP_OVER_IPV4 : TCP_OVER_IPV6;
  return Buffer.from([...SIGNATURE, VERSION_2_PROXY, family, 0, addresses.length, ...addresses]);
}
