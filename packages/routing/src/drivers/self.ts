import { localPartOf } from "@postbus/mail";
import type { Attempt } from "../attempt.ts";
import { type DriverResult, deferred } from "../driver-result.ts";
import type { RoutedHost } from "../hosts/routed-host.ts";
import { RoutedAddress } from "../routed-address.ts";

/** The first host is this one: what `self` says. Undefined: deliver there all the same. */
export function selfResult(attempt: Attempt, host: Pick<RoutedHost, "name" | "mx">): DriverResult | undefined {
  const { address, router } = attempt;
  const text =
    host.mx === undefined ? "remote host address is the local host" : "lowest numbered MX record points to local host";
  switch (router.self.kind) {
    case "send":
      return undefined;
    case "freeze":
      return { ...deferred(text), isFrozen: true };
    case "defer":
      return deferred(text);
    case "fail":
      return { kind: "failed", text };
    case "pass":
      address.message = text;
      address.selfHostname = host.name;
      return { kind: "passed", why: text };
    case "reroute":
      return { kind: "rerouted", child: underDomain(attempt, router.self.domain) };
    default:
      throw new Error(`unhandled action: ${JSON.stringify(router.self satisfies never)}`);
  }
}

/** The same local part at another domain, to be routed from the beginning. */
export function underDomain({ address }: Attempt, domain: string): RoutedAddress {
  const text = `${localPartOf(address.text)}@${domain}`;
  return new RoutedAddress(text, "mailbox", { parent: address, inherited: address.inherited });
}
