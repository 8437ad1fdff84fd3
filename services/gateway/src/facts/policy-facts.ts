import type { DkimSignature, SpfAnswer } from "@postbus/contracts";
import { DeferError } from "@postbus/mail";
import type { AclHooks, AclSession, Policy } from "@postbus/policy";
import { arcFact } from "./arc-fact.ts";
import { dmarcFact, dmarcOff } from "./dmarc-fact.ts";
import { NoAnswerError } from "./no-answer-error.ts";
import type { TransactionFacts } from "./transaction-facts.ts";
import { whyNoDmarc } from "./why-no-dmarc.ts";

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
  { primaryHostname: hostname }: Pick<Policy, "primaryHostname">,
  transaction: () => Transaction | undefined,
  session: () => AclSession,
): FactHooks {
  const running = (name: string): Transaction => {
    const found = transaction();
    if (found === undefined) throw new DeferError(name, "there is no message yet");
    return found;
  };
  return {
    facts: {
      spf: async () => spfFact(await running("spf").facts.spf(), false),
      spf_guess: async (record) => spfFact(await running("spf_guess").facts.spfGuess(record), true),
      dkim: async () => {
        const found = await running("dkim").facts.signatures();
        if (found === undefined) throw new DeferError("dkim", "the message is not there yet");
        return dkimFact(found);
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
      try {
        return await running("authresults").facts.signatures();
      } catch (err) {
        if (err instanceof NoAnswerError) return undefined;
        throw err;
      }
    },
  };
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
function dkimFact(signatures: readonly DkimSignature[]) {
  const best = signatures.find(({ status }) => status === "pass") ?? signatures[0];
  const result = best?.status ?? "none";
  return {
    result,
    variables: {
      dkim_verify_status: result,
      dkim_verify_reason: best?.reason ?? "",
      dkim_domain: best?.domain ?? "",
      dkim_selector: best?.selector ?? "",
      dkim_algo: best?.algorithm ?? "",
      dkim_signers: [...new Set(signatures.map(({ domain }) => domain))].join(":"),
    },
  };
}
