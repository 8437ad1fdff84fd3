import { Tainted } from "../../expansion/value.ts";
import type { Matched } from "../../matching/matched.ts";
import type { AclRun } from "../acl-run.ts";
import { isProxyItself } from "../smtp/proxy-view.ts";
import { listTest } from "./list-test.ts";

/** What the matching item says becomes a variable: a copy of a peer's word that the operator has vouched for. */
const keep =
  (name: string) =>
  ({ data }: Matched, { session }: AclRun): void => {
    if (data === undefined) session.message.found.delete(name);
    else session.message.found.set(name, data);
  };

/** `domains = list`: the recipient's. */
export const domains = listTest({
  kind: "domain",
  subject: ({ session }) => session.recipient && new Tainted(session.recipient.domain),
  onMatch: keep("domain_data"),
  captures: "set",
});

/** `local_parts = list` */
export const localParts = listTest({
  kind: "localpart",
  subject: ({ session }) => session.recipient && new Tainted(session.recipient.localPart),
  onMatch: keep("local_part_data"),
  captures: "set",
});

/** `recipients = list` */
export const recipients = listTest({
  kind: "address",
  subject: ({ session }) => session.recipient && new Tainted(session.recipient.address),
  onMatch: keep("recipient_data"),
  captures: "clear",
});

/** `senders = list`: the return path; the null one is the empty item. */
export const senders = listTest({
  kind: "address",
  subject: ({ session }) => new Tainted(session.message.returnPath ?? ""),
  onMatch: keep("sender_data"),
  captures: "clear",
});

/** `sender_domains = list` */
export const senderDomains = listTest({
  kind: "domain",
  subject: ({ session }) => {
    const address = session.message.returnPath ?? "";
    const at = address.lastIndexOf("@");
    return new Tainted(at === -1 ? "" : address.slice(at + 1));
  },
  captures: "set",
});

/** In no list but `*`: discard-only addresses (RFC 6666). */
const NOBODY = "100::";

/** `hosts = list`: the client. */
export const hosts = listTest({
  kind: "host",
  subject: ({ session: { connection } }) =>
    // A proxy that speaks for itself is nobody's client: what its address may do is not for those behind it.
    isProxyItself(connection.client) ? { address: NOBODY } : { address: connection.client.address, host: connection },
  onMatch: keep("host_data"),
  captures: "keep",
});

/** `authenticated = list`: the authenticator that the client has passed. */
export const authenticated = listTest({
  kind: "string",
  subject: ({ session }) => session.connection.authentication?.by,
  captures: "keep",
});

/** `encrypted = list`: the cipher, without version and length. */
export const encrypted = listTest({
  kind: "string",
  subject: ({ session }) => {
    const cipher = session.connection.tls?.cipher;
    if (cipher === undefined) return undefined;
    const [first = "", second] = cipher.split(":");
    return second ?? first;
  },
  captures: "keep",
});
