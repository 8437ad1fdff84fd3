import type { ScanRequest } from "@postbus/contracts";
import { type AclSession, textOf } from "@postbus/policy";

/** Who has brought a message, as engines are told. */
export function scanClient({ connection }: AclSession): ScanRequest["client"] {
  const { helo, hostName = "", authentication } = connection;
  const id = authentication?.id === undefined ? "" : textOf(authentication.id);
  return {
    address: connection.client.address,
    helo,
    ...(hostName === "" ? {} : { name: hostName }),
    ...(id === "" ? {} : { authenticatedId: id }),
  };
}
