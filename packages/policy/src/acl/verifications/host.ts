import { DeferError } from "@postbus/mail";
import { lowerCase } from "../../expansion/operators/case.ts";
import { addressesOf, namesOf } from "../../matching/host-names.ts";
import { sameAddress } from "../../matching/ip-network.ts";
import type { AclRun } from "../acl-run.ts";
import type { Said } from "../outcome.ts";
import type { Verification } from "./verification.ts";

/** `reverse_host_lookup`: the client has a name that leads back to its address. */
export const reverseHostLookup: Verification = async (run, { options }) => {
  const { connection } = run.session;
  if (connection.client.address === "") return "yes";
  try {
    if ((await hostName(run)) !== "") return "yes";
    return refuse(run, "host lookup failed");
  } catch (error) {
    if (!(error instanceof DeferError)) throw error;
    if (options.some((option) => option.toLowerCase() === "defer_ok")) return "yes";
    run.message = `host lookup deferred`;
    run.log = error.message;
    return "defer";
  }
};

/** The client's name; empty: it has none. @throws {DeferError} */
async function hostName({ session, evaluation }: AclRun): Promise<string> {
  const { connection } = session;
  if (connection.hostName === undefined) {
    const [name = ""] = await namesOf(connection.client.address, evaluation);
    connection.hostName = name;
  }
  return connection.hostName;
}

/** `helo`: the name in HELO is the client's address, its name, or a name with its address (RFC 5321 §4.1.4). */
export const helo: Verification = async (run) => {
  const { connection } = run.session;
  if (connection.heloIsVerified === undefined) {
    try {
      connection.heloIsVerified = await isOfClient(run);
    } catch (error) {
      if (!(error instanceof DeferError)) throw error;
      run.log = error.message;
      return "defer";
    }
  }
  return connection.heloIsVerified ? "yes" : "no";
};

async function isOfClient(run: AclRun): Promise<boolean> {
  const { client, helo: name } = run.session.connection;
  if (name === "") return false;
  const [, literal] = /^\[(?:ipv6:)?([^\]]*)\]$/i.exec(name) ?? [];
  if (literal !== undefined) return sameAddress(literal, client.address);
  if (lowerCase(await hostName(run)) === lowerCase(name)) return true;
  const addresses = await addressesOf(name, run.evaluation);
  return addresses.some((address) => sameAddress(address, client.address));
}

/** `certificate`: the client has shown a certificate that we trust. */
export const certificate: Verification = (run) =>
  run.session.connection.tls?.isVerified === true ? "yes" : refuse(run, "no verified certificate");

function refuse(run: AclRun, text: string): Said {
  run.message = text;
  run.log = text;
  return "no";
}
