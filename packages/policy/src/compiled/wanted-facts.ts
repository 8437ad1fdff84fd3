import type { Acl } from "../reader/acl-statement.ts";
import type { Configuration } from "../reader/configuration.ts";

/** What will be asked about every message that comes so far, so that it can be asked before an ACL has to wait for it. */
export interface WantedFacts {
  /** SPF, by an ACL at RCPT or behind it that there is for every message: to be asked at MAIL. */
  readonly spf: boolean;
  /** DKIM or DMARC, or the chain of seals, of the content. */
  readonly message: boolean;
  /** All about each signature. */
  readonly signatures: boolean;
  /** The verdict of BMI, by an ACL: before the first that can know it. */
  readonly bmi: boolean;
  /** The chain of seals. */
  readonly arc: boolean;
  /** All about DMARC. */
  readonly dmarc: boolean;
}

interface Wanted {
  readonly conditions: readonly string[];
  readonly variable: RegExp;
}

const SPF = { conditions: ["spf", "spf_guess"], variable: /\$\{?(?:def:)?spf_/ };
const MESSAGE = {
  conditions: ["dkim_status", "dmarc_status"],
  variable: /\$\{?(?:def:)?(?:dkim|dmarc|arc)_|\$\{authresults/,
};
const ARC = { conditions: [], variable: /\$\{?(?:def:)?arc_/ };
const SIGNATURES = { conditions: ["dkim_status"], variable: /\$\{authresults/ };
const DMARC = { conditions: ["dmarc_status"], variable: /\$\{?(?:def:)?dmarc_/ };
const BMI = { conditions: [] as string[], variable: /bmi_(?:deliver|alt_location|base64_)/ };

/** ACLs of the content. Where one of these is not the same for all messages, most may have none. */
const OF_CONTENT = ["acl_smtp_dkim", "acl_smtp_mime", "acl_smtp_data", "acl_smtp_data_prdr"] as const;

/** Reads it off the statements of the ACLs: whichever of them is reached, the answer is then on its way. */
export function wantedFacts({ acls, main }: Pick<Configuration, "acls" | "main">): WantedFacts {
  const all = [...acls.values()];
  const options = OF_CONTENT.map((name) => main.get(name) ?? "").filter((text) => text.includes("$"));
  const isOfSome = ({ name }: Acl): boolean => options.some((text) => words(text).has(name));
  const arc =
    isWanted(ARC, all) || all.some(({ statements }) => statements.some(({ items }) => items.some(verifiesArc)));
  return {
    spf: isWanted(
      SPF,
      all.filter((acl) => !isOfSome(acl)),
    ),
    message: isWanted(MESSAGE, all) || arc,
    arc,
    signatures: isWanted(SIGNATURES, all),
    dmarc: isWanted(DMARC, all),
    bmi: isWanted(BMI, all),
  };
}

const isWanted = ({ conditions, variable }: Wanted, acls: readonly Acl[]): boolean =>
  acls.some(({ statements }) =>
    statements.some(({ items }) => items.some(({ name, value }) => conditions.includes(name) || variable.test(value))),
  );

const words = (text: string): ReadonlySet<string> => new Set(text.split(/[^A-Za-z0-9_.-]+/));

const verifiesArc = ({ name, value }: { readonly name: string; readonly value: string }): boolean =>
  name === "verify" && /\barc\b/.test(value);
