import { isAbsolute } from "node:path";
import type { AclSession } from "../acl/session.ts";
import { type Eventual, then } from "../expansion/code.ts";
import { compileExpansion } from "../expansion/compile-expansion.ts";
import { createEvaluation } from "../expansion/create-evaluation.ts";
import { parseMailbox } from "../expansion/mailbox.ts";
import { textOf } from "../expansion/value.ts";
import type { SharedSurroundings } from "../load/policy-surroundings.ts";
import type { Configuration } from "../reader/configuration.ts";
import { ProblemList } from "../reader/problem.ts";

/** Who a failure report is from. */
export interface ForensicSender {
  /** For the From field. */
  readonly from: string;
  /** Empty: the null reverse-path. */
  readonly returnPath: string;
}

/** What the file says about DMARC (Exim's manual, "DMARC"; names of the main options in comments). */
export interface DmarcPolicy {
  /** `dmarc_tld_file`, if `dmarc_mode` finds domains by it. */
  readonly suffixFile: (() => Eventual<string>) | undefined;
  /** `dmarc_history_file`; undefined, or of an empty text: none is written. */
  readonly historyFile: (() => Promise<string>) | undefined;
  /** `dmarc_aggregate_sender`; undefined, or of an empty text: no reports are sent. */
  readonly aggregateSender: (() => Promise<string>) | undefined;
  /** `dmarc_forensic_sender` */
  forensicSender(session: AclSession): Eventual<ForensicSender>;
}

type Names = Readonly<Record<"primaryHostname" | "qualifyDomain", string>>;

/** `dmarc_tld_file`, as in `DmarcPolicy`, for who needs no more. */
export const dmarcSuffixFile = (
  configuration: Pick<Configuration, "main">,
  shared: SharedSurroundings,
  names: Names,
): DmarcPolicy["suffixFile"] => dmarcPolicy(configuration, shared, names, new ProblemList()).suffixFile;

/** What the file says about DMARC. */
export function dmarcPolicy(
  { main }: Pick<Configuration, "main">,
  shared: SharedSurroundings,
  names: Names,
  problems: ProblemList,
): DmarcPolicy {
  const known: Readonly<Record<string, string>> = {
    primary_hostname: names.primaryHostname,
    qualify_domain: names.qualifyDomain,
  };
  const option = (name: "dmarc_tld_file" | "dmarc_history_file" | "dmarc_aggregate_sender") => {
    const source = main.get(name) ?? "";
    if (source === "") return undefined;
    const expansion = compileExpansion(source);
    const { constant } = expansion;
    const place = main.setting(name)?.place;
    if (name !== "dmarc_aggregate_sender" && constant !== undefined && !isAbsolute(constant) && place !== undefined) {
      problems.error(place, `${name}: an absolute path is expected, not "${constant}"`);
    }
    return (): Eventual<string> => {
      if (constant !== undefined) return constant;
      const evaluation = createEvaluation({ ...shared, variables: { get: (variable) => known[variable] } });
      return then(expansion.run(evaluation), textOf);
    };
  };
  const settled = (text: (() => Eventual<string>) | undefined) => text && (async () => text());
  const suffixFile = option("dmarc_tld_file");
  const mode = main.setting("dmarc_mode");
  const isBySuffixes = main.get("dmarc_mode") === "7489";
  if (isBySuffixes && suffixFile === undefined && mode !== undefined) {
    problems.error(mode.place, "dmarc_mode = 7489 needs a dmarc_tld_file");
  }
  const sender = compileExpansion(main.get("dmarc_forensic_sender"));
  const isSet = main.setting("dmarc_forensic_sender") !== undefined;
  return {
    suffixFile: isBySuffixes ? suffixFile : undefined,
    historyFile: settled(option("dmarc_history_file")),
    aggregateSender: settled(option("dmarc_aggregate_sender")),
    forensicSender: (session) =>
      then(sender.run(session.evaluation), (value) => {
        const from = textOf(value).replace(/[\r\n]+/g, " ");
        return { from, returnPath: isSet ? addressIn(from) : "" };
      }),
  };
}

/** What is no address cannot be a return path: then it is the null one. */
const addressIn = (text: string): string => parseMailbox(text)?.address ?? "";
