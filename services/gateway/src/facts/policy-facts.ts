import type { DkimFact, SpfAnswer } from "@postbus/contracts";
import { DeferError } from "@postbus/mail";
import { type AclHooks, type AclSession, acceptedSignatures, type Policy } from "@postbus/policy";
import { arcFact } from "./arc-fact.ts";
import { dmarcFact, dmarcOff, type NoDmarc } from "./dmarc-fact.ts";
import type { TransactionFacts } from "./transaction-facts.ts";

type FactHooks = Required<Pick<AclHooks, "facts" | "signatures">>;

interface Transaction {
  readonly facts: TransactionFacts;
}

/**
 * The facts as the policy's conditions and variables want them (Exim's manual, "DKIM, SPF, SRS and DMARC").
 *
 * @param transaction The one that runs. @param session That of the policy.
 */
export function policyFacts(
  { configuration, primaryHostname: hostname }: Pick<Policy, "configuration" | "primaryHostname">,
  transaction: () => Transaction | undefined,
  session: () => AclSession,
): FactHooks {
  const running = (name: string): Transaction => {
    const found = transaction();
    if (found === undefined) throw new DeferError(name, "there is no message yet");
    return found;
  };
  const ofMessage = async (name: string) => {
    const found = await running(name).facts.message();
    if (found === undefined) throw new DeferError(name, "the message is not there yet");
    return found;
  };
  return {
    facts: {
      spf: async () => spfFact(await running("spf").facts.spf(), false),
      spf_guess: async (record) => spfFact(await running("spf_guess").facts.spfGuess(record), true),
      dkim: async () => {
        const { dkim = [], dmarc } = await ofMessage("dkim");
        // Without signatures and without an author, nothing was looked at.
        if (dkim.length === 0 && dmarc?.result === "temperror" && dmarc.domain === "") {
          throw new DeferError("dkim", dmarc.comment ?? "the message could not be checked");
        }
        return dkimFact(dkim);
      },
      arc: async () => {
        const { facts } = running("arc");
        const found = await facts.arc();
        if (found === undefined) throw new DeferError("arc", "nobody knows the chain of the message");
        return arcFact(found, facts.clientAddress);
      },
      dmarc: async () => {
        const why = whyNoDmarc(session());
        if (why !== undefined) return dmarcOff(why, hostname);
        const judged = await running("dmarc").facts.dmarc();
        if (judged === undefined) throw new DeferError("dmarc", "the message is not there yet");
        return dmarcFact(judged, hostname);
      },
    },
    async signatures() {
      const found = await running("authresults").facts.signatures();
      return found && acceptedSignatures(configuration, found);
    },
  };
}

function whyNoDmarc({ message, connection }: AclSession): NoDmarc | undefined {
  if (message.controls.isDmarcOff === true) return "disabled";
  return connection.authentication === undefined ? undefined : "authenticated";
}

const spfFact = (
  { spf: { result, domain, comment }, reason }: Pick<SpfAnswer, "spf" | "reason">,
  isGuess: boolean,
) => ({
  result,
  variables: {},
  spf: {
    domain,
    isGuess,
    ...(comment === undefined ? {} : { problem: comment }),
    ...(reason === undefined ? {} : { reason }),
  },
});

/** Of several signatures, the best: one that holds is enough. */
function dkimFact(signatures: readonly DkimFact[]) {
  const best = signatures.find(({ result }) => result === "pass") ?? signatures[0];
  const result = best === undefined ? "none" : DKIM_STATUS[best.result];
  return {
    result,
    variables: {
      dkim_verify_status: result,
      dkim_verify_reason: best?.comment ?? "",
      dkim_domain: best?.domain ?? "",
      dkim_selector: best?.selector ?? "",
      dkim_algo: best?.algorithm ?? "",
      dkim_signers: [...new Set(signatures.map(({ domain }) => domain))].join(":"),
    },
  };
}

const DKIM_STATUS: Readonly<Record<DkimFact["result"], string>> = {
  none: "none",
  pass: "pass",
  fail: "fail",
  softfail: "fail",
  neutral: "invalid",
  policy: "invalid",
  temperror: "invalid",
  permerror: "invalid",
};
