import type { BmiDestination, BmiSetup, BmiTest, BmiVerdictOctets } from "@postbus/contracts";
import type { Findings } from "./findings.ts";
import { matchesPattern } from "./matches-pattern.ts";

/** What engines have said, by their names; who has not been asked, or has not answered, is not in it. */
export type AllFindings = ReadonlyMap<string, Findings>;

/** The verdict for the recipients of one profile: which rules fire, and where the message goes. */
export function verdictOf(
  { rules, destinations }: Pick<BmiSetup, "rules" | "destinations">,
  profile: string,
  findings: AllFindings,
): Pick<BmiVerdictOctets, "d" | "f"> {
  const isFor = ({ profiles }: Pick<BmiDestination, "profiles">): boolean => profiles?.includes(profile) ?? true;
  const fired = new Set(rules.filter((rule) => isFor(rule) && holds(rule.test, findings)).map(({ number }) => number));
  const destination = destinations.find(
    (each) =>
      isFor(each) &&
      (each.rules?.some((number) => fired.has(number)) ?? true) &&
      (each.test === undefined || holds(each.test, findings)),
  );
  return { d: destination?.to ?? "default", f: [...fired].sort((a, b) => a - b) };
}

/** Whether one of the answers has all that is asked. */
function holds(test: BmiTest, findings: AllFindings): boolean {
  const { engines } = test;
  return [...findings].some(([name, found]) => (engines?.includes(name) ?? true) && fits(test, found));
}

function fits({ symbols, actions, isSpam, score, malware }: BmiTest, found: Findings): boolean {
  if (symbols !== undefined && !anyMatches(found.symbols, symbols)) return false;
  if (actions !== undefined && !actions.includes(found.action)) return false;
  if (isSpam !== undefined && found.isSpam !== isSpam) return false;
  if (score !== undefined && (found.score === undefined || found.score < score)) return false;
  return malware === undefined || (found.malware !== "" && anyMatches([found.malware], malware));
}

const anyMatches = (names: readonly string[], patterns: readonly string[]): boolean =>
  patterns.some((pattern) =>
    pattern.includes("*") ? names.some((name) => matchesPattern(name, pattern)) : names.includes(pattern),
  );
