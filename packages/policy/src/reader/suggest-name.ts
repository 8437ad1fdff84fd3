import { nearestName } from "@postbus/mail";

/** Names longer than this are no misspelt ones. */
const MAX_NAME_OCTETS = 64;
/** `nearestName` finds names with up to so many edits. */
const MAX_EDITS = 3;

/** ` (did you mean x?)`, or nothing. Bounded for any name, since the file decides what is asked about. */
export function suggestName(name: string, names: Iterable<string>): string {
  if (name.length > MAX_NAME_OCTETS) return "";
  // Names are in lower case.
  const near = nearestName(
    name.toLowerCase(),
    [...names].filter((known) => Math.abs(known.length - name.length) <= MAX_EDITS),
  );
  return near === undefined ? "" : ` (did you mean ${near}?)`;
}
