import { localPartOf } from "@postbus/mail";
import type { Route } from "../policy.ts";
import { mailboxName } from "./mailbox-path.ts";
import { domainFor, type Site } from "./site.ts";

const local: Route = { kind: "deliver", router: "local", transport: "maildir" };
const noMailbox: Route = { kind: "fail", router: "local", text: "restricted characters in address" };
const smarthost: Route = { kind: "deliver", router: "smarthost", transport: "smarthost_smtp" };
/** Exim's words for an address that every router declined. */
const unrouteable: Route = { kind: "fail", text: "Unrouteable address" };

/** Local domains to their Maildir, everything else to the smart host, whose hosts the transport knows. */
export function builtinRoute(site: Site): (address: string) => Route {
  return (address) => {
    if (site.isLocalDomain(domainFor(site, address))) {
      return mailboxName(localPartOf(address)) === undefined ? noMailbox : local;
    }
    return site.smarthosts.length === 0 ? unrouteable : smarthost;
  };
}
