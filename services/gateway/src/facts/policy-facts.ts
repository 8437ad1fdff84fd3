import type { DkimFact, DmarcFact, SpfAnswer } from "@postbus/contracts";
import { DeferError } from "@postbus/mail";
import { type AclHooks, acceptedSignatures, type Configuration } from "@postbus/policy";
import type { TransactionFacts } from "./transaction-facts.ts";

type FactHooks = Required<Pick<AclHooks, "facts" | "signatures">>;

interface Transaction {
  readonly facts: TransactionFacts;
  readonly recipients: readonly string[];
}

/**
 * The facts as the policy's conditions and variables want them (Exim's manual, "DKIM, SPF, SRS and DMARC").
 *
 * @param transaction The one that runs.
 */
export function policyFacts(
  configuration: Pick<Configuration, "main">,
  transaction: () => Transaction | undefined,
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
  const scan = (name: string) => async () => {
    const { facts, recipients } = running(name);
    throw new DeferError(name, (await facts.scan(recipients)) ?? "no answer");
  };
  return {
    facts: {
      spf: async () => spfFact(await running("spf").facts.spf(), false),
      spf_guess: async (record) => spfFact(await running("spf_guess").facts.spfGuess(record), true),
      dkim: async () => dkimFact((await ofMessage("dkim")).dkim ?? []),
      dmarc: async () => dmarcFact((await ofMessage("dmarc")).dmarc),
      dcc: scan("dcc"),
      malware: scan("malware"),
      spam: scan("spam"),
    },
    async signatures() {
      const found = await running("authresults").facts.signatures();
      return found && acceptedSignatures(configuration, found);
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

function dmarcFact(fact: DmarcFact | undefined) {
  const { result = "none", domain = "", policy = "", comment = "" } = fact ?? {};
  const asked = policy === "reject" || policy === "quarantine" ? policy : "none";
  const status =
    result === "pass" ? "accept" : result === "fail" ? asked : result === "temperror" ? "temperror" : "none";
  return {
    result: status,
    variables: {
      dmarc_status: status,
      dmarc_status_text: comment,
      dmarc_used_domain: domain,
      dmarc_domain_policy: policy,
    },
    authenticationResult: `dmarc=${result}${domain === "" ? "" : ` header.from=${domain}`}`,
  };
}
