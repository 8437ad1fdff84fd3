import type { ArcFact } from "@postbus/contracts";
import { resultComment, resultValue } from "@postbus/mail";
import type { Fact } from "@postbus/policy";

/** The chain of seals, as the policy wants it (Exim's manual, "ARC"). @param clientAddress Of whom the message came from. */
export function arcFact({ result, reason = "", instance, oldestPass, hops }: ArcFact, clientAddress: string): Fact {
  return {
    result,
    variables: {
      arc_state: result,
      arc_state_reason: reason,
      arc_domains: hops.map(({ domain }) => domain.replaceAll(":", "::")).join(":"),
      arc_oldest_pass: oldestPass,
    },
    authenticationResult: `arc=${result}${ofChain(result, reason, instance)}${ofHop(hops, oldestPass, clientAddress)}`,
  };
}

function ofChain(result: ArcFact["result"], reason: string, instance: number): string {
  if (result === "none") return "";
  const words = resultComment(reason);
  return ` (i=${instance})${words === "" ? "" : `(${words})`}`;
}

function ofHop(hops: ArcFact["hops"], oldestPass: number, clientAddress: string): string {
  const newest = hops.at(-1);
  if (newest === undefined) return "";
  const selector = TOKEN.test(newest.selector) ? ` header.s=${newest.selector}` : "";
  const oldest = oldestPass === 0 ? "" : ` arc.oldest-pass=${oldestPass}`;
  return `${selector}${oldest} smtp.remote-ip=${resultValue(clientAddress)}`;
}

/** What may stand without quotes (RFC 8601 §2.2). */
const TOKEN = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;
