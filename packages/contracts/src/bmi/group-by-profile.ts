import type { BmiTask } from "../scan/bmi-scan.ts";
import type { BmiProfile, BmiSetup } from "./bmi-setup.ts";

/** Recipients for whom the message is looked at alike. */
export interface BmiGroup {
  readonly profile: BmiProfile;
  readonly recipients: string[];
}

/** Of those whom no profile of the file is for. */
const PLAIN: BmiProfile = { name: "default", optin: [] };

/** Opt-in strings that nobody knows are told, but not more of them. */
const MAX_UNKNOWN = 10;

/**
 * Who is looked at together, in the order in which profiles first come up; and opt-in strings that no profile has. Linear in the
 * number of strings: there may be as many as recipients.
 */
export function groupByProfile(
  { profiles }: Pick<BmiSetup, "profiles">,
  recipients: BmiTask["recipients"],
): { readonly groups: readonly BmiGroup[]; readonly unknown: readonly string[] } {
  const firstOf = new Map<string, number>();
  for (const [i, { optin }] of profiles.entries()) for (const text of optin) firstOf.getOrInsert(text, i);
  const all = profiles.findIndex(({ optin }) => optin.length === 0);
  const forAll = all === -1 ? profiles.length : all;
  const groups = new Map<number, BmiGroup>();
  const unknown = new Set<string>();
  for (const { address, optin } of recipients) {
    let first = forAll;
    for (const text of optin) {
      const of = firstOf.get(text);
      if (of === undefined) {
        if (unknown.size < MAX_UNKNOWN) unknown.add(text);
      } else if (of < first) first = of;
    }
    const group = groups.getOrInsertComputed(first, () => ({ profile: profiles[first] ?? PLAIN, recipients: [] }));
    group.recipients.push(address);
  }
  return { groups: [...groups.values()], unknown: [...unknown] };
}
