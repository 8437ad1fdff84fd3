import { Tainted, textOf, type Value } from "../../expansion/value.ts";
import type { AclSession } from "../session.ts";
import { clientResults } from "./client-results.ts";
import { dkimResults } from "./dkim-results.ts";
import { spfResult } from "./spf-result.ts";

/**
 * What stands behind the name in `${authresults}`: the results of all methods that have been used so far, in Exim's order
 * and words, each on a line of its own (RFC 8601 §2.2). What was asked and not answered, and was not needed, is temperror.
 *
 * @param id The name, for the result that repeats it.
 */
export async function authenticationResults(session: AclSession, id: Value): Promise<Value> {
  const { facts, unanswered, authservIds } = session.message;
  const [name = ""] = textOf(id).trim().toLowerCase().split(/\s/);
  if (name !== "") authservIds.add(name);
  const results = [
    ...clientResults(session, textOf(id)),
    await spfResult(session),
    ...(await dkimResults(session)),
    facts.get("dmarc")?.authenticationResult ?? (unanswered.has("dmarc") ? "dmarc=temperror" : ""),
    facts.get("arc")?.authenticationResult ?? "",
  ].filter((result) => result !== "");
  return results.length === 0 ? "; none" : new Tainted(results.map((result) => `;\n\t${result}`).join(""));
}
