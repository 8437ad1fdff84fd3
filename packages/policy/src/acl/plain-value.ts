const MAX_LENGTH = 100;

/**
 * A condition's value for people who are not to see all: as written, up to where something is expanded or looked up.
 * Passwords of databases stand behind that; in front of it are names of lists, domains, networks.
 *
 * @returns undefined: nothing of it is for everybody.
 */
export function plainValue(name: string, isModifier: boolean, value: string): string | undefined {
  // What is set, added or sent may be anything; what a control is called may not.
  if (isModifier && name !== "control") return undefined;
  const words = value.trim();
  // `<;` in front of a list says what separates it.
  const from = words.startsWith("<") ? 2 : 0;
  const end = words.slice(from).search(/[$;]/);
  const head = end === -1 ? words : words.slice(0, from + end);
  const shown = name === "dnslists" ? withoutKeys(head) : head;
  if (shown.length > MAX_LENGTH) return `${shown.slice(0, MAX_LENGTH)}…`;
  return end === -1 ? shown : `${shown}…`;
}

/** Lists in the DNS that are sold have the customer's key in their domain, as a label of some 26 letters and digits. */
export const withoutKeys = (domains: string): string =>
  domains.replaceAll(/(?<![a-z0-9-])[a-z0-9]{20,63}(?=\.)/gi, "…");
