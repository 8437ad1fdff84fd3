import type { DeliveryItem } from "@postbus/contracts";
import { domainOf } from "@postbus/mail";
import { type MessageContent, MessageVariables, type Transport, type Variables } from "@postbus/policy";

/**
 * The variables of an item's recipients, for the options of its transport. One transaction for several has no `$local_part`, and a
 * `$domain` only where it is the same for all of them, as in Exim; a transport that delivers to each apart asks for each.
 *
 * @param content If an option names anything of it.
 */
export function recipientVariables(
  item: DeliveryItem,
  driver: Transport["driver"],
  content: MessageContent | undefined,
  now: () => number,
): (address: string) => Variables {
  const { recipients, addressVariables } = item;
  const isTogether = driver === "smtp" && recipients.length > 1;
  return (address) => {
    const position = recipients.findIndex((recipient) => recipient.address === address);
    const owned = addressVariables?.[position];
    const variables = new MessageVariables(item, address, owned, content, now);
    return isTogether ? withoutLocalPart(variables, hasOneDomain(recipients)) : variables;
  };
}

const hasOneDomain = (recipients: DeliveryItem["recipients"]): boolean =>
  recipients.every(({ address }) => domainOf(address) === domainOf(recipients[0]?.address ?? ""));

const OF_ONE: ReadonlySet<string> = new Set([
  ...["local_part", "local_part_data", "local_part_prefix", "local_part_prefix_v", "local_part_suffix"],
  ...["local_part_suffix_v", "original_local_part", "original_domain", "parent_local_part", "parent_domain"],
]);

const withoutLocalPart = (variables: Variables, hasDomain: boolean): Variables => ({
  get: (name) => (OF_ONE.has(name) || (name === "domain" && !hasDomain) ? undefined : variables.get(name)),
  headers: variables.headers,
});
