/** An address, its local part without quotes. */
export interface PlainAddress {
  readonly localPart: string;
  readonly domain: string;
}

/** Undefined: it has no domain. */
export function plainAddress(address: string): PlainAddress | undefined {
  const at = address.lastIndexOf("@");
  if (at <= 0 || at === address.length - 1) return undefined;
  const written = address.slice(0, at);
  const localPart = /^"[\s\S]*"$/.test(written) ? written.slice(1, -1).replace(/\\([\s\S])/g, "$1") : written;
  return { localPart, domain: address.slice(at + 1) };
}

const DOT_ATOM = /^[\w!#$%&'*+\-/=?^`{|}~]+(?:\.[\w!#$%&'*+\-/=?^`{|}~]+)*$/;

/** With quotes where the local part needs them (RFC 5321 §4.1.2). */
export function writtenAddress({ localPart, domain }: PlainAddress): string {
  const written = DOT_ATOM.test(localPart) ? localPart : `"${localPart.replace(/["\\]/g, "\\$&")}"`;
  return `${written}@${domain}`;
}

/** RFC 5321 §4.5.3.1 allows 64 octets before the `@`, which addresses of this kind cannot keep; hosts take more. */
export const MAX_ADDRESS = 512;
