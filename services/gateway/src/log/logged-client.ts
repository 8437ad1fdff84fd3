import type { Rejected } from "@postbus/contracts";
import type { ClientEndpoint } from "@postbus/policy";

/** A client, as far as the log may tell of it. */
export interface LoggedClient {
  readonly endpoint: ClientEndpoint;
  readonly helo: string;
  /** By the reverse DNS, if somebody has asked. */
  readonly hostName: string | undefined;
  /** `$connection_id`; made when it is asked for. */
  readonly connectionId: string;
}

type Fields = Pick<
  Rejected,
  "clientAddress" | "clientPort" | "clientName" | "helo" | "connectionId" | "localAddress" | "localPort"
>;

/** What events say of the client: what only a selector wants is there only if it is on. */
export function loggedClient(client: LoggedClient, selectors: ReadonlySet<string>): Fields {
  const { endpoint, helo, hostName } = client;
  const { address: clientAddress, port: clientPort } = endpoint;
  return {
    clientAddress,
    clientPort,
    ...(helo === "" ? {} : { helo }),
    ...connectionFields({ endpoint, hostName }, selectors),
    ...(selectors.has("connection_id") ? { connectionId: client.connectionId } : {}),
  };
}

/** The same, without what a message's reception says already. */
export function connectionFields(
  { endpoint: { interfaceAddress, interfacePort }, hostName = "" }: Pick<LoggedClient, "endpoint" | "hostName">,
  selectors: ReadonlySet<string>,
): Pick<Fields, "clientName" | "localAddress" | "localPort"> {
  const isInterfaceLogged = interfaceAddress !== undefined && selectors.has("incoming_interface");
  return {
    ...(hostName === "" ? {} : { clientName: hostName }),
    ...(isInterfaceLogged ? { localAddress: interfaceAddress } : {}),
    ...(isInterfaceLogged && interfacePort !== undefined ? { localPort: interfacePort } : {}),
  };
}
