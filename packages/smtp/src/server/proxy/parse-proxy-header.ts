import type { ParsedProxyHeader } from "./proxy-header.ts";
import { parseProxyV1 } from "./proxy-header-v1.ts";
import { isProxyV2, parseProxyV2 } from "./proxy-header-v2.ts";

/**
 * Parses the header at the start of `input`, all that has been received so far. Looks at nothing behind it, never throws;
 * how the octets were cut into segments makes no difference.
 */
export function parseProxyHeader(input: Buffer): ParsedProxyHeader {
  if (input.length === 0) return { kind: "incomplete" };
  return isProxyV2(input) ? parseProxyV2(input) : parseProxyV1(input);
}
