import type { Evaluation } from "../../expansion/evaluation.ts";
import { lowerCase } from "../../expansion/operators/case.ts";
import { addressesOf, namesOf } from "../../matching/host-names.ts";
import { sameAddress } from "../../matching/ip-network.ts";
import type { SmtpConnection } from "./connection.ts";

/**
 * Whether the name in HELO is the client's address, its name, or a name with its address (RFC 5321 §4.1.4). What is found
 * out holds until the next HELO.
 *
 * @throws {DeferError} the DNS does not say.
 */
export async function verifyHelo(connection: SmtpConnection, evaluation: Evaluation): Promise<boolean> {
  connection.heloIsVerified ??= await isOfClient(connection, evaluation);
  return connection.heloIsVerified;
}

async function isOfClient(connection: SmtpConnection, evaluation: Evaluation): Promise<boolean> {
  const { client, helo: name } = connection;
  if (name === "") return false;
  const [, literal] = /^\[(?:ipv6:)?([^\]]*)\]$/i.exec(name) ?? [];
  if (literal !== undefined) return sameAddress(literal, client.address);
  if (lowerCase(await clientName(connection, evaluation)) === lowerCase(name)) return true;
  const addresses = await addressesOf(name, evaluation);
  return addresses.some((address) => sameAddress(address, client.address));
}

/** The client's name; empty: it has none. @throws {DeferError} */
export async function clientName(connection: SmtpConnection, evaluation: Evaluation): Promise<string> {
  if (connection.hostName === undefined) {
    const [name = ""] = await namesOf(connection.client.address, evaluation);
    connection.hostName = name;
  }
  return connection.hostName;
}
