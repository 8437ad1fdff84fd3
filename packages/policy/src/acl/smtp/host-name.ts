import { DeferError } from "@postbus/mail";
import { namesOf } from "../../matching/host-names.ts";
import type { AclSession } from "../session.ts";

/** The client's name by the reverse DNS, for the variables that tell it. Without one, or without an answer, it has none. */
export async function lookUpHostName(session: AclSession): Promise<void> {
  const { connection, evaluation } = session;
  const { address } = connection.client;
  if (address === "" || connection.hostName !== undefined) return;
  try {
    connection.rememberNames(await namesOf(address, evaluation, () => noName(session, address)));
  } catch (error) {
    if (!(error instanceof DeferError)) throw error;
    connection.isHostLookupDeferred = true;
  }
}

/** `host_lookup_failed` */
export function noName(session: Pick<AclSession, "log">, address: string): void {
  session.log(["main"], `no host name found for IP address ${address}`, { selector: "host_lookup_failed" });
}
