import type { ArcFact } from "@postbus/contracts";
import { resultComment, resultValue } from "@postbus/mail";
import type { Fact } from "@postbus/policy";

/** The chain of seals, as the policy wants it (Exim's manual, "ARC"). @param clientAddress Of whom the message came from. */
export function arcFact(chain: ArcFact, clientAddress: string): Fact {
  const { result, reason = "", oldestPass, hops } = chain;
  const stated = result === "none" ? "" : ofChain(chain, clientAddress);
  return {
    result,
    variables: {
      arc_state: result,
      arc_state_reason: reason,
      arc_domains: hops.map(({ domain }) => domain.replaceAll(":", "::")).join(":"),
      arc_oldest_pass: oldestPass,
    },
    authenticationResult: `arc=${result}${stated}`,
  };
}

/** Of sets that are no chain we tell what is wrong with them: words of our own, with instances in them. */
function ofChain({ reason = "", instance, oldestPass, hops }: ArcFact, clientAddress: string): string {
  if (instance === 0) return ` (${PRINTABLE.test(reason) ? reason : resultComment(reason)})`;
  const words = resultComment(reason);
  const selector = hops.at(-1)?.selector ?? "";
  return [
    ` (i=${instance})${words === "" ? "" : `(${words})`}`,
    ...(TOKEN.test(selector) ? [`header.s=${selector}`] : []),
    `arc.oldest-pass=${oldestPass}`,
    `smtp.remote-ip=${resultValue(clientAddress)}`,
  ].join(" ");
}

const PRINTABLE = /^[ -~]*$/;

/** What may stand without quotes (RFC 8601 §2.2). */
const TOKEN = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;
