import { DeferError } from "@postbus/mail";
import type { AclRun } from "../acl-run.ts";
import type { Said } from "../outcome.ts";
import type { SmtpConnection } from "../smtp/connection.ts";
import { clientName, verifyHelo } from "../smtp/verify-helo.ts";
import type { Verification } from "./verification.ts";

/** `reverse_host_lookup`: the client has a name that leads back to its address. */
export const reverseHostLookup: Verification = async (run, { options }) => {
  const { connection } = run.session;
  if (connection.client.address === "") return "yes";
  try {
    if ((await clientName(run.session)) !== "") return "yes";
    run.log = `host lookup failed for reverse lookup check (${whyNoName(connection)})`;
    return "no";
  } catch (error) {
    if (!(error instanceof DeferError)) throw error;
    if (options.some((option) => option.toLowerCase() === "defer_ok")) return "yes";
    run.log = "host lookup deferred for reverse lookup check";
    return "defer";
  }
};

const whyNoName = ({ claimedName, client }: SmtpConnection): string =>
  claimedName === undefined
    ? "failed to find host name from IP address"
    : `${client.address} does not match any IP address for ${claimedName}`;

/** `helo`: the name in HELO is the client's address, its name, or a name with its address (RFC 5321 §4.1.4). */
export const helo: Verification = async (run) => {
  try {
    return (await verifyHelo(run.session)) ? "yes" : "no";
  } catch (error) {
    if (!(error instanceof DeferError)) throw error;
    run.log = error.message;
    return "defer";
  }
};

/** `certificate`: the client has shown a certificate that we trust. */
export const certificate: Verification = (run) =>
  run.session.connection.tls?.isVerified === true ? "yes" : refuse(run, "no verified certificate");

function refuse(run: AclRun, text: string): Said {
  run.message = text;
  run.log = text;
  return "no";
}
