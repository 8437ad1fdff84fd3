import type { BmiProfile, BmiSetup, BmiTask } from "@postbus/contracts";

/** Recipients for whom the message is looked at alike. */
export interface ProfileGroup {
  readonly profile: BmiProfile;
  readonly recipients: string[];
}

/** Of those whom no profile of the file is for. */
const PLAIN: BmiProfile = { name: "default", optin: [] };

/** Opt-in strings that nobody knows are told, but not more of them. */
const MAX_UNKNOWN = 10;

/** Who is looked at together, in the order in which profiles first come up; and opt-in strings that no profile has. */
export function groupByProfile(
  { profiles }: Pick<BmiSetup, "profiles">,
  recipients: BmiTask["recipients"],
): { readonly groups: readonly ProfileGroup[]; readonly unknown: readonly string[] } {
  const groups = new Map<BmiProfile, ProfileGroup>();
  const unknown = new Set<string>();
  const known = new Set(profiles.flatMap((profile) => profile.optin));
  for (const { address, optin } of recipients) {
    const profile =
      profiles.find((each) => each.optin.length === 0 || each.optin.some((text) => optin.includes(text))) ?? PLAIN;
    groups.getOrInsertComputed(profile, () => ({ profile, recipients: [] })).recipients.push(address);
    for (const text of optin) if (!known.has(text) && unknown.size < MAX_UNKNOWN) unknown.add(text);
  }
  return { groups: [...groups.values()], unknown: [...unknown] };
}
