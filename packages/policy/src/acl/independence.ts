import type { Acl, AclItem } from "../reader/acl-statement.ts";

/** What asks, or says something, and leaves nothing behind that another run could see. */
const HARMLESS: ReadonlySet<string> = new Set([
  ...[
    "authenticated",
    "condition",
    "dcc",
    "dkim_status",
    "dmarc_status",
    "domains",
    "encrypted",
    "hosts",
    "local_parts",
  ],
  ...["malware", "sender_domains", "senders", "spam", "spf", "spf_guess", "verify"],
  ...["delay", "endpass", "log_message", "log_reject_target", "logwrite", "message", "udpsend"],
]);

/** A text that runs an ACL, or is about which recipients are left. */
const DEPENDENT = /\$\{acl|\$acl_arg|recipients/;

/**
 * The ACLs whose runs for several recipients may go on beside each other: none of them can see what another one does.
 *
 * @param dccAddsHeader What `dcc` finds is put into the message.
 * @returns Their names.
 */
export function independentAcls(acls: ReadonlyMap<string, Acl>, dccAddsHeader = false): ReadonlySet<string> {
  const independent = new Set<string>();
  const isHarmless = ({ name, value }: AclItem): boolean =>
    !DEPENDENT.test(value) &&
    !(dccAddsHeader && name === "dcc") &&
    (name === "acl" ? independent.has(value.trim()) : HARMLESS.has(name));
  // An ACL that calls others is found when they have been; each turn finds one more, or it is the last.
  let found = -1;
  while (found < independent.size) {
    found = independent.size;
    for (const { name, statements } of acls.values()) {
      if (statements.every(({ items }) => items.every(isHarmless))) independent.add(name);
    }
  }
  return independent;
}
