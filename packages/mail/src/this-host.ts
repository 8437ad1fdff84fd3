import { BlockList, isIP } from "node:net";

const own = new BlockList();
own.addSubnet("127.0.0.0", 8);
own.addAddress("::1", "ipv6");
// The system connects these to this host, too (RFC 1122 §3.2.1.3, RFC 4291 §2.5.2).
own.addSubnet("0.0.0.0", 8);
own.addAddress("::", "ipv6");

/** Whether an IP address is this host on every system: loopback, and those that mean "this host"; also as IPv4 in IPv6. */
export function isThisHost(address: string): boolean {
  const version = isIP(address);
  return version !== 0 && own.check(address, version === 6 ? "ipv6" : "ipv4");
}
