import type { RoutedHost } from "./hosts/routed-host.ts";
import type { Delivery, RoutingOutcome, RoutingResult } from "./routing-result.ts";

/** The result in words, as Exim prints it when an address is tested (`exim -bt`); lines without their ends. */
export function formatRouting(address: string, { outcomes, rewrittenAs }: RoutingResult): string[] {
  const deliveries = outcomes.filter((outcome) => outcome.kind === "deliver");
  const mailboxes = deliveries.filter(({ to }) => to === "mailbox").toReversed();
  const lines = outcomes.flatMap(formatOther);
  // What was found last comes first, and local deliveries before others.
  lines.push(...mailboxes.filter(({ isLocal }) => isLocal).flatMap(formatDelivery));
  lines.push(...mailboxes.filter(({ isLocal }) => !isLocal).flatMap(formatDelivery));
  if (lines.length === 0) {
    const [first] = outcomes;
    // As it was qualified.
    lines.push(`mail to ${first?.parents.at(-1) ?? first?.address ?? address} is discarded`);
  }
  return rewrittenAs === undefined ? lines : [`Address rewritten as: ${rewrittenAs}`, ...lines];
}

/** The exit code that goes with it: 0 when all is well, 1 for a deferral, 2 for a failure, which counts more. */
export function routingExitCode({ outcomes }: RoutingResult): 0 | 1 | 2 {
  if (outcomes.some(({ kind }) => kind === "fail")) return 2;
  return outcomes.some(({ kind }) => kind === "defer") ? 1 : 0;
}

/** Everything that is not delivered to a mailbox. */
function formatOther(outcome: RoutingOutcome): string[] {
  const { address, parents } = outcome;
  const [parent] = parents;
  const ancestors = parents.map((one) => `    <-- ${one}`);
  switch (outcome.kind) {
    case "deliver":
      if (outcome.to === "mailbox") return [];
      return [`${parent} -> ${address}`, `  transport = ${outcome.transport}`];
    case "fail":
      if (isItem(address)) return [`${parent} -> ${address} *** forbidden ***`];
      return [`${address} is undeliverable: ${outcome.text}`, ...ancestors];
    case "defer":
      if (isItem(address)) {
        return [`${parent} -> ${address}`, "*** Error in setting up pipe, file, or autoreply:", outcome.text];
      }
      return [`${address} cannot be resolved at this time: ${outcome.text}`, ...ancestors];
    case "discard":
      return [];
    default:
      throw new Error(`unhandled outcome: ${JSON.stringify(outcome satisfies never)}`);
  }
}

/** A file or a pipe: an address that begins like one has a domain. */
const isItem = (address: string): boolean => /^[|/]/.test(address) && !/@[^/@]+$/.test(address);

function formatDelivery(delivery: Delivery): string[] {
  const { address, parents, router, transport, hosts, hostText, isDuplicate } = delivery;
  return [
    `${address}${isDuplicate ? "   [duplicate, would not be delivered]" : ""}`,
    ...parents.map((one) => `    <-- ${one}`),
    `  router = ${router}, transport = ${transport ?? "unset"}`,
    ...(transport === undefined || hosts === undefined ? [] : formatHosts(hosts)),
    ...(hostText === undefined ? [] : [`  host ${hostText}`]),
  ];
}

function formatHosts(hosts: readonly RoutedHost[]): string[] {
  const nameWidth = Math.max(...hosts.map(({ name }) => name.length));
  const addressWidth = Math.max(...hosts.map(({ address = "unknown" }) => address.length));
  return hosts.map(({ name, address, mx, port }) => {
    const shown = `[${address ?? "unknown"}]`.padEnd(addressWidth + 2);
    const preference = mx === undefined ? "" : ` MX=${mx}`;
    const at = port === undefined ? "" : ` port=${port}`;
    const unusable = address === undefined ? " ** unusable **" : "";
    return `  host ${name.padEnd(nameWidth)} ${shown}${preference}${at}${unusable}`.trimEnd();
  });
}
