import { textOf } from "../../expansion/value.ts";
import type { AclSession } from "../session.ts";
import { comment, property } from "./property.ts";

/** `local`, `iprev`, `auth` (RFC 8601 §2.7): what is known of the client itself. */
export function clientResults(session: AclSession, id: string): readonly string[] {
  return [local(session, id), reverse(session), authentication(session)].filter((result) => result !== "");
}

function local({ connection }: AclSession, id: string): string {
  if (connection.client.address !== "") return "";
  return `local=pass (non-smtp, ${comment(id)})${property("u", connection.authentication?.id)}`;
}

/** Of the name by the reverse DNS, if somebody has looked for it. */
function reverse({ connection }: AclSession): string {
  const { hostName, isHostLookupDeferred, client } = connection;
  const address = property("smtp.remote-ip", client.address);
  if (hostName !== undefined && hostName !== "") return `iprev=pass (${comment(hostName)})${address}`;
  if (isHostLookupDeferred) return `iprev=temperror${address}`;
  return hostName === "" ? `iprev=fail${address}` : "";
}

function authentication({ connection, message }: AclSession): string {
  const { authentication: shown } = connection;
  if (shown === undefined) return "";
  const sender = property("smtp.mailfrom", message.authenticatedSender);
  const name = `auth=pass (${comment(shown.method)}`;
  if (shown.isByCertificate) return `${name})${property("x509.auth", shown.id) || " reason=x509.auth"}${sender}`;
  const isNamed = textOf(shown.id) !== "";
  return `${name}${isNamed ? `)${property("smtp.auth", shown.id)}` : ", no id saved)"}${sender}`;
}
