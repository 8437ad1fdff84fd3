import { DeferError } from "@postbus/mail";
import type { AclSession } from "../session.ts";
import { property } from "./property.ts";

/**
 * Of the last check that an ACL has asked for, or that DMARC has made; empty: there was none. (With Exim, DMARC knows of SPF
 * only what an ACL has found out before.)
 */
export async function spfResult({ connection, message, hooks }: AclSession): Promise<string> {
  const { found, facts, unanswered } = message;
  const result =
    found.get("spf_result") ??
    (unanswered.has("spf") ? "temperror" : facts.has("dmarc") ? await resultForDmarc(hooks) : undefined);
  if (result === undefined) return "";
  const guess = found.get("spf_result_guessed") === true ? " (best guess record for domain)" : "";
  const { returnPath = "" } = message;
  const at = returnPath.lastIndexOf("@");
  const identity =
    // In the letters of the client, as Exim has it.
    property("smtp.mailfrom", at < 0 ? "" : returnPath.slice(at + 1)) ||
    property("smtp.helo", connection.helo) ||
    " smtp.mailfrom=<>";
  return `spf=${String(result)}${guess}${identity}`;
}

async function resultForDmarc({ facts }: AclSession["hooks"]): Promise<string | undefined> {
  try {
    return (await facts?.spf?.(""))?.result;
  } catch (error) {
    if (error instanceof DeferError) return "temperror";
    throw error;
  }
}
