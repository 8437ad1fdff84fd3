import { isIPv6 } from "node:net";

/** A host as configured. */
export interface HostSpec {
  readonly name: string;
  readonly port: number;
}

/** One address of a host: where a connection goes. */
export interface NextHop extends HostSpec {
  readonly address: string;
}

/** As Exim names a host in its texts. */
export const hopLabel = ({ name, address }: Omit<NextHop, "port">): string => `${name} [${address}]`;

/** `host`, `host::port`, `[address]:port` (Exim specification, "The smtp transport", `hosts`). */
export function hostSpec(text: string, defaultPort: number): HostSpec {
  if (isIPv6(text)) return { name: text, port: defaultPort };
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?:::?([0-9]{1,5}))?$/.exec(text) ?? [];
  return { name: bracketed ?? plain ?? text, port: port === undefined ? defaultPort : Number(port) };
}
