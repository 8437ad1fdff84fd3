import { localPartOf, type Reply, reply } from "@postbus/mail";
import type { AclPolicy, Verdict } from "../policy.ts";
import { mailboxName } from "./mailbox-path.ts";
import { domainFor, type Site } from "./site.ts";

const accept: Verdict = { verdict: "accept" };

const refuse = (answer: Reply, log: string): Verdict => ({ verdict: "refuse", reply: answer, log });

/** The verdicts are the same objects every time: an ACL runs for every command of every session. */
const restrictedCharacters = refuse(
  reply(550, "5.1.3", "restricted characters in address"),
  "restricted characters in address",
);
const relayNotPermitted = refuse(reply(550, "5.7.1", "relay not permitted"), "relay not permitted");
const noRoute = refuse(reply(550, "5.1.2", "no route to this domain"), "no route to this domain");

/** Local domains from anybody, everything from those who may relay. No other checks: it must not become a relay for all. */
export function builtinAcl(site: Site): AclPolicy {
  return {
    connect: () => accept,
    mail: () => accept,
    recipient(client, _envelope, address) {
      if (site.isLocalDomain(domainFor(site, address))) {
        return mailboxName(localPartOf(address)) === undefined ? restrictedCharacters : accept;
      }
      if (!site.mayRelay(client.address)) return relayNotPermitted;
      return site.smarthosts.length === 0 ? noRoute : accept;
    },
  };
}
