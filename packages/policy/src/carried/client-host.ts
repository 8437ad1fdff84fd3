import { lowerCase } from "../expansion/operators/case.ts";
import { Tainted, type Value } from "../expansion/value.ts";

/** What is known of a client. */
export interface ClientHost {
  /** Empty: none. */
  readonly address: string;
  /** What it calls itself; empty: it has not said so. */
  readonly helo: string;
  /** By the reverse DNS. */
  readonly hostName: string | undefined;
}

/** `$sender_fullhost`: `host.example (helo.example) [192.0.2.1]`, as in Exim's log. */
export function fullHost({ helo, hostName, address }: ClientHost): Value {
  const literal = address === "" ? "" : `[${address}]`;
  const name = hostName === undefined || hostName === "" ? "" : `${hostName} `;
  return new Tainted(heloIsNews({ helo, hostName, address }) ? `${name}(${helo}) ${literal}` : name + literal);
}

/** `$sender_rcvhost`, as in the Received field. */
export function receivedHost({ helo, hostName, address }: ClientHost): Value {
  const literal = address === "" ? "" : `[${address}]`;
  const isNews = heloIsNews({ helo, hostName, address }) && !isLiteralOf(helo, address);
  const claim = isNews ? ` helo=${helo}` : "";
  if (hostName !== undefined && hostName !== "") return new Tainted(`${hostName} (${literal}${claim})`);
  return new Tainted(claim === "" ? literal : `${literal} (${claim.slice(1)})`);
}

/** Whether HELO has said more than the address and the name in the DNS do. */
const heloIsNews = ({ helo, hostName, address }: ClientHost): boolean =>
  hostName === undefined || hostName === ""
    ? helo !== ""
    : helo !== "" && lowerCase(hostName) !== lowerCase(helo) && !isLiteralOf(helo, address);

const isLiteralOf = (helo: string, address: string): boolean => /^\[(?:ipv[46]:)?(.*)\]$/i.exec(helo)?.[1] === address;
