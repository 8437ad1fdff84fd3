import { lowerCase } from "../../expansion/operators/case.ts";
import { addressesOf, namesOf } from "../../matching/host-names.ts";
import { sameAddress } from "../../matching/ip-network.ts";
import type { AclSession } from "../session.ts";
import { noName } from "./host-name.ts";

type Asking = Pick<AclSession, "connection" | "evaluation" | "log">;

/**
 * Whether the name in HELO is the client's address, its name, or a name with its address (RFC 5321 §4.1.4). What is found
 * out holds until the next HELO.
 *
 * @throws {DeferError} the DNS does not say.
 */
export async function verifyHelo(session: Asking): Promise<boolean> {
  const { connection } = session;
  connection.heloIsVerified ??= await isOfClient(session);
  return connection.heloIsVerified;
}

async function isOfClient(session: Asking): Promise<boolean> {
  const { connection, evaluation } = session;
  const { client, helo: name } = connection;
  if (name === "") return false;
  const [, literal] = /^\[(?:ipv6:)?([^\]]*)\]$/i.exec(name) ?? [];
  if (literal !== undefined) return sameAddress(literal, client.address);
  if (lowerCase(await clientName(session)) === lowerCase(name)) return true;
  const addresses = await addressesOf(name, evaluation);
  return addresses.some((address) => sameAddress(address, client.address));
}

/** The client's name; empty: it has none. @throws {DeferError} */
export async function clientName(session: Asking): Promise<string> {
  const { connection, evaluation } = session;
  if (connection.hostName === undefined) {
    const { address } = connection.client;
    connection.rememberNames(await namesOf(address, evaluation, () => noName(session, address)));
  }
  return connection.hostName ?? "";
}
