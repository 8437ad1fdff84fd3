import { endOf, type LogStyle, ownEnd } from "../log-style.ts";
import { printable } from "../printable.ts";

/** Of a client, what events say. */
export interface LoggedClient {
  readonly clientAddress?: string;
  readonly clientPort?: number;
  readonly clientName?: string;
  readonly helo?: string;
  readonly connectionId?: string;
  readonly localAddress?: string;
  readonly localPort?: number;
}

/** `name (helo) [ip]:port I=[ip]:port Ci=id`: in parentheses is what nobody has verified. */
export function client(from: LoggedClient, style: LogStyle): string {
  const { clientAddress = "", clientPort, clientName = "", helo = "", connectionId } = from;
  const port = style.selectors.has("incoming_port") ? clientPort : undefined;
  const isSame =
    helo.toLowerCase() === clientName.toLowerCase() || (clientName !== "" && isLiteralOf(helo, clientAddress));
  const said = helo === "" || isSame ? "" : `(${printable(helo)}) `;
  const name = clientName === "" ? "" : `${printable(clientName)} `;
  const id = connectionId === undefined ? "" : ` Ci=${connectionId}`;
  return `${name}${said}${endOf(printable(clientAddress), port)}${ownEnd(from)}${id}`;
}

const isLiteralOf = (helo: string, address: string): boolean =>
  helo.startsWith("[") && /^\[(?:ipv[46]:)?(.*)\]$/i.exec(helo)?.[1] === address;
