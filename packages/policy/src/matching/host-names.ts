import { isIPv4 } from "node:net";
import { recordsOf } from "@postbus/dns";
import type { Evaluation } from "../expansion/evaluation.ts";
import { groupsOf } from "../expansion/ip-address.ts";
import { sameAddress } from "./ip-network.ts";

/** Names that a zone of the reverse DNS may have us check. */
const MAX_NAMES = 10;

/** The addresses of a host; none: there is no such host. @throws {DeferError} the DNS does not say. */
export async function addressesOf(name: string, evaluation: Evaluation): Promise<string[]> {
  const { resolver, signal } = evaluation.around;
  if (resolver === undefined) return [];
  const options = signal === undefined ? {} : { signal };
  const [v6, v4] = await Promise.all([resolver.resolve(name, "AAAA", options), resolver.resolve(name, "A", options)]);
  return [...recordsOf(v6), ...recordsOf(v4)];
}

/** What the reverse DNS says of an address. */
export interface HostNames {
  /** Those that lead back to it. */
  readonly names: readonly string[];
  /** The first one, even if it does not. */
  readonly claimed: string | undefined;
}

/**
 * The names of a client by the reverse DNS, those only that lead back to its address: whoever owns an address may call it
 * what he likes.
 *
 * @param onNone Is called if there is no name at all, not even one that leads elsewhere.
 * @throws {DeferError} the DNS does not say.
 */
export async function namesOf(address: string, evaluation: Evaluation, onNone?: () => void): Promise<HostNames> {
  const { resolver, signal } = evaluation.around;
  if (resolver === undefined) return { names: [], claimed: undefined };
  const answer = await resolver.resolve(reverseName(address), "PTR", signal === undefined ? {} : { signal });
  const names: string[] = [];
  const all = recordsOf(answer);
  if (all.length === 0) onNone?.();
  for (const name of all.slice(0, MAX_NAMES)) {
    const addresses = await addressesOf(name, evaluation);
    if (addresses.some((found) => sameAddress(found, address))) names.push(name);
  }
  return { names, claimed: all[0] };
}

/** RFC 1035 §3.5, RFC 3596 §2.5. */
function reverseName(address: string): string {
  const [, plain = address] = /^::ffff:([0-9.]+)$/i.exec(address) ?? [];
  if (isIPv4(plain)) return `${plain.split(".").reverse().join(".")}.in-addr.arpa`;
  const nibbles = groupsOf(plain).map((group) => group.toString(16).padStart(4, "0"));
  return `${Array.from(nibbles.join("")).reverse().join(".")}.ip6.arpa`;
}
