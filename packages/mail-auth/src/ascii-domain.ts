import { domainToASCII } from "node:url";
import { queryName } from "@postbus/dns";

/** As A-labels (RFC 8616 §4); undefined if it is no domain name. @param domain latin1: octets of a peer. */
export function asciiDomain(domain: string): string | undefined {
  const octets = Buffer.from(domain, "latin1");
  return queryName(octets.every((octet) => octet < 0x80) ? domain : domainToASCII(octets.toString("utf8")));
}
