import { DeferError } from "@postbus/mail";
import { namesOf } from "../../matching/host-names.ts";
import type { AclSession } from "../session.ts";

/** The client's name by the reverse DNS, for the variables that tell it. Without one, or without an answer, it has none. */
export async function lookUpHostName({ connection, evaluation }: AclSession): Promise<void> {
  const { address } = connection.client;
  if (address === "" || connection.hostName !== undefined) return;
  try {
    const [name = ""] = await namesOf(address, evaluation);
    connection.hostName = name;
    connection.isHostLookupDeferred = false;
  } catch (error) {
    if (!(error instanceof DeferError)) throw error;
    connection.isHostLookupDeferred = true;
  }
}
