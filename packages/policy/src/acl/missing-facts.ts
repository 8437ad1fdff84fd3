import type { AclItem } from "../reader/acl-statement.ts";
import type { Configuration } from "../reader/configuration.ts";
import type { Problem } from "../reader/problem.ts";
import type { FactName } from "./facts.ts";

const NEEDS: ReadonlyMap<string, FactName> = new Map<string, FactName>([
  ["spf", "spf"],
  ["spf_guess", "spf_guess"],
  ["dkim_status", "dkim"],
  ["dmarc_status", "dmarc"],
]);

/** Conditions whose part is not set up: they could only defer, and the operator should know it before the first message. */
export function* missingFacts(
  { acls, main }: Pick<Configuration, "acls" | "main">,
  facts: ReadonlySet<FactName>,
): Generator<Problem> {
  // It has found out what conditions of later ACLs want to know.
  const hasDkimAcl = main.get("acl_smtp_dkim") !== undefined;
  for (const { statements } of acls.values()) {
    for (const item of statements.flatMap(({ items }) => items)) {
      const fact = item.name === "dkim_status" && hasDkimAcl ? undefined : factFor(item);
      if (fact !== undefined && !facts.has(fact)) {
        yield {
          kind: "error",
          place: item.place,
          text: `${item.name}: there is nobody who could tell: ${REASONS[fact]}`,
        };
      } else if (item.name === "malware" && main.get("av_scanner") === undefined) {
        yield { kind: "error", place: item.place, text: "malware: no av_scanner is set" };
      } else if (item.name === "verify" && /^csa\b/.test(item.value)) {
        yield {
          kind: "error",
          place: item.place,
          text: "verify = csa is not available: nobody publishes such records",
        };
      }
    }
  }
}

function factFor({ name, value }: AclItem): FactName | undefined {
  return name === "verify" && /^arc\b/.test(value) ? "arc" : NEEDS.get(name);
}

const VERIFIER = "the verifier does not do it";
const REASONS: Readonly<Record<FactName, string>> = {
  spf: VERIFIER,
  spf_guess: VERIFIER,
  dkim: VERIFIER,
  dmarc: VERIFIER,
  arc: VERIFIER,
};
