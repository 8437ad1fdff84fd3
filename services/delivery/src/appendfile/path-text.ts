import { isUtf8 } from "node:buffer";

/** A policy's paths are octets, Node's are text that it writes as UTF-8; octets that are no UTF-8 are left to it one by one. */
export function pathText(octets: string): string {
  const path = Buffer.from(octets, "latin1");
  return isUtf8(path) ? path.toString("utf8") : octets;
}
