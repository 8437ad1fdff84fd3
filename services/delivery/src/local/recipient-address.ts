import type { DeliveryItem } from "@postbus/contracts";

/**
 * The address of a recipient in an envelope that a local transport writes: without its prefix and suffix, unless
 * `rcpt_include_affixes` is set (Exim's manual, "Generic options for transports").
 */
export function recipientAddress(
  { recipients, addressVariables }: Pick<DeliveryItem, "recipients" | "addressVariables">,
  position: number,
  includesAffixes: boolean,
): string {
  const { address = "" } = recipients[position] ?? {};
  const variables = addressVariables?.[position];
  if (includesAffixes || variables === undefined) return address;
  const [prefix, suffix] = [lengthOf(variables["local_part_prefix"]), lengthOf(variables["local_part_suffix"])];
  if (prefix + suffix === 0) return address;
  const at = address.lastIndexOf("@");
  const end = at < 0 ? address.length : at;
  return prefix + suffix < end ? address.slice(prefix, end - suffix) + address.slice(end) : address;
}

const lengthOf = (value: string | { readonly tainted: string } | undefined): number =>
  (typeof value === "object" ? value.tainted : (value ?? "")).length;
