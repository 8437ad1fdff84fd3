import { type Eventual, then } from "../../expansion/code.ts";
import { ForcedFailure, failureText } from "../../expansion/failures.ts";
import { Tainted, textOf, type Value } from "../../expansion/value.ts";
import type { AclSession } from "../session.ts";
import { expandMacros } from "./expand-macros.ts";
import type { SpfFinding } from "./spf-finding.ts";
import { checkedAddress, checkedDomain, receivedSpf, type SpfAbout, spfHeaderComment } from "./spf-texts.ts";

/** Results of which `$spf_smtp_comment` says why. */
const EXPLAINED: ReadonlySet<string> = new Set(["fail", "softfail", "neutral"]);
/** Characters of an explanation: a reply must not be longer than a line (RFC 5321 §4.5.3.1.5). */
const MAX_EXPLANATION = 400;

/** Sets the variables of an SPF check (Exim's manual, "SPF": `$spf_result` and its like). */
export function setSpfVariables(result: string, finding: SpfFinding, session: AclSession): Eventual<void> {
  const { connection, message, names } = session;
  const about: SpfAbout = {
    receiver: names.primaryHostname,
    clientAddress: connection.client.address,
    helo: connection.helo,
    returnPath: message.returnPath ?? "",
  };
  const { found } = message;
  const comment = spfHeaderComment(result, finding, about);
  found.set("spf_result", result);
  found.set("spf_result_guessed", finding.isGuess === true);
  found.set("spf_used_domain", new Tainted(checkedDomain(about)));
  found.set("spf_header_comment", new Tainted(comment));
  found.set("spf_received", new Tainted(receivedSpf(result, comment, about)));
  if (!EXPLAINED.has(result)) {
    found.set("spf_smtp_comment", "");
    return undefined;
  }
  return then(template(session), (text) => {
    const explanation = expandMacros(textOf(text), {
      sender: checkedAddress(about),
      domain: checkedDomain(about),
      clientAddress: about.clientAddress,
      helo: about.helo,
      receiver: about.receiver,
      seconds: Math.floor(session.evaluation.around.now() / 1000),
    });
    const reason = finding.reason ?? "mechanism";
    found.set("spf_smtp_comment", new Tainted(`${explanation.slice(0, MAX_EXPLANATION)} : Reason: ${reason}`));
  });
}

/** `spf_smtp_comment_template`. One that cannot be expanded is told in the log, and says nothing. */
function template(session: AclSession): Eventual<Value> {
  const { spfComment } = session.names;
  if (spfComment.constant !== undefined) return spfComment.constant;
  const fail = (error: unknown): Value => {
    const text = failureText(error);
    if (text === undefined) throw error;
    if (!(error instanceof ForcedFailure)) {
      session.log(["main", "panic"], `expansion of spf_smtp_comment_template option failed: ${text}`);
    }
    return "";
  };
  try {
    const value = spfComment.run(session.evaluation);
    return value instanceof Promise ? value.catch(fail) : value;
  } catch (error) {
    return fail(error);
  }
}
