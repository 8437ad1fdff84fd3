import type { Configuration } from "../reader/configuration.ts";

/** What will be asked about every message that comes so far, so that it can be asked before an ACL has to wait for it. */
export interface WantedFacts {
  /** SPF, by an ACL at RCPT or behind it: to be asked at MAIL. */
  readonly spf: boolean;
  /** DKIM or DMARC, or the chain of seals, of the content. */
  readonly message: boolean;
  /** The verdict of BMI, by an ACL: before the first that can know it. */
  readonly bmi: boolean;
  /** The chain of seals. */
  readonly arc: boolean;
  /** All about DMARC. */
  readonly dmarc: boolean;
}

const SPF = { conditions: ["spf"], variable: /\$\{?(?:def:)?spf_/ };
const MESSAGE = {
  conditions: ["dkim_status", "dmarc_status"],
  variable: /\$\{?(?:def:)?(?:dkim|dmarc|arc)_|\$\{authresults/,
};
const ARC = { conditions: [], variable: /\$\{?(?:def:)?arc_|\$\{authresults/ };
const DMARC = { conditions: ["dmarc_status"], variable: /\$\{?(?:def:)?dmarc_/ };
const BMI = { conditions: [] as string[], variable: /bmi_(?:deliver|alt_location|base64_)/ };

/** Reads it off the statements of the ACLs: whichever of them is reached, the answer is then on its way. */
export function wantedFacts({ acls }: Pick<Configuration, "acls">): WantedFacts {
  const items = [...acls.values()].flatMap(({ statements }) => statements.flatMap((statement) => statement.items));
  const isWanted = ({ conditions, variable }: typeof SPF): boolean =>
    items.some(({ name, value }) => conditions.includes(name) || variable.test(value));
  const arc = isWanted(ARC) || items.some(verifiesArc);
  const message = isWanted(MESSAGE) || arc;
  return { spf: isWanted(SPF), message, dmarc: isWanted(DMARC), arc, bmi: isWanted(BMI) };
}

const verifiesArc = ({ name, value }: { readonly name: string; readonly value: string }): boolean =>
  name === "verify" && /\barc\b/.test(value);
