import { mailboxSpans, parseMailbox } from "../expansion/mailbox.ts";
import { lowerCase } from "../expansion/operators/case.ts";
import type { RewritePlace } from "../reader/rewrite-rule.ts";
import { type RewriteContext, type RewriteRules, type Rewritten, replacedMailbox } from "./rewrite-rules.ts";

/** The fields with addresses (RFC 5322 §3.6.2, §3.6.3), and what rules call them. */
const PLACES: ReadonlyMap<string, RewritePlace> = new Map([
  ["bcc", "b"],
  ["cc", "c"],
  ["from", "f"],
  ["reply-to", "r"],
  ["sender", "s"],
  ["to", "t"],
]);

/** For `RewriteRules.concern`: whether header lines need to be looked at. */
export const HEADER_PLACES: readonly RewritePlace[] = [...PLACES.values()];

/** A line may name as many as the message has octets; each costs all the rules. */
const MAX_ADDRESSES = 1_000;

/**
 * A header line with its addresses rewritten; names, comments and folding stay as they are (Exim's manual, "Rewriting flags
 * that specify which headers and envelope addresses to rewrite").
 *
 * @param line With its name, folded with LF.
 * @returns undefined: it stays as it is.
 * @throws {DeferError} it cannot be said now.
 */
export async function rewriteHeaderLine(
  line: string,
  rules: RewriteRules,
  context: RewriteContext,
): Promise<string | undefined> {
  const colon = line.indexOf(":");
  const place = PLACES.get(lowerCase(line.slice(0, colon).trimEnd()));
  if (colon === -1 || place === undefined || !rules.concern([place])) return undefined;
  const body = line.slice(colon + 1);
  let result = "";
  let done = 0;
  let count = 0;
  for (const { start, end } of mailboxSpans(body)) {
    if (++count > MAX_ADDRESSES) break;
    const text = body.slice(start, end);
    const mailbox = parseMailbox(text);
    if (mailbox === undefined || mailbox.domain === "") continue;
    const rewritten = await rules.rewrite(mailbox.address, place, context);
    if (rewritten === undefined) continue;
    result += body.slice(done, start) + replaced(text, mailbox.address, rewritten);
    done = end;
  }
  if (done === 0) return undefined;
  return `${line.slice(0, colon + 1)}${result}${body.slice(done)}`;
}

function replaced(text: string, old: string, { address, whole }: Rewritten): string {
  const [, before = "", inner = "", after = ""] = /^(\s*)([\s\S]*?)(\s*)$/.exec(text) ?? [];
  return before + (whole ?? replacedMailbox(inner, old, address)) + after;
}
