import { fixSubmitted, type HeaderFixups, type SmtpAcls } from "@postbus/policy";
import type { MendedLines } from "./message-header.ts";
import { type RewritingPolicy, rewriteHeader } from "./rewriting.ts";

/** With what refuses the message, if anything does. */
export type MendedHeader = MendedLines & Pick<HeaderFixups, "refusal">;

/**
 * What a header section becomes by submission mode, if an ACL wants that, and by rewriting rules, for which what has been added
 * is like the rest. The session has the message's sender then.
 *
 * @param lines As they came: with their names, folded with LF. @param date For a message that lacks one.
 * @throws {DeferError} by the result.
 */
export async function mendHeader(
  lines: readonly string[],
  policy: RewritingPolicy,
  acls: SmtpAcls,
  date: string,
): Promise<MendedHeader> {
  const { gone = [], first = [], last = [], refusal } = (await fixSubmitted(acls.session, lines, date)) ?? {};
  const changed = await rewriteHeader([...first, ...lines, ...last], policy, acls);
  return { changed, gone: new Set(gone), first, last, ...(refusal === undefined ? {} : { refusal }) };
}
