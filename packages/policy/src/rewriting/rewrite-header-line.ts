import { mailboxSpans, parseMailbox } from "../expansion/mailbox.ts";
import { lowerCase } from "../expansion/operators/case.ts";
import type { RewritePlace } from "../reader/rewrite-rule.ts";
import { type RewriteContext, type RewriteRules, type Rewritten, replacedMailbox } from "./rewrite-rules.ts";

const NAMES = [
  ["bcc", "b"],
  ["cc", "c"],
  ["from", "f"],
  ["reply-to", "r"],
  ["sender", "s"],
  ["to", "t"],
] as const;

/** The fields with addresses (RFC 5322 §3.6.2, §3.6.3, §3.6.6), and what rules call them. */
const PLACES: ReadonlyMap<string, RewritePlace> = new Map(
  NAMES.flatMap(([name, place]) => [[name, place] as const, [`resent-${name}`, place] as const]),
);

/** Those of them that name who receives. */
const OF_RECIPIENTS: ReadonlySet<RewritePlace> = new Set(["b", "c", "t"]);

/** What stands behind addresses without a domain, in fields that name senders, and recipients; absent: nothing. */
export interface HeaderQualifiers {
  readonly senders?: string;
  readonly recipients?: string;
}

/** For `RewriteRules.concern`: whether header lines need to be looked at. */
export const HEADER_PLACES: readonly RewritePlace[] = [...PLACES.values()];

/** A line may name as many as the message has octets; each costs all the rules. */
const MAX_ADDRESSES = 1_000;

/**
 * A header line with its addresses qualified and rewritten; names, comments and folding stay as they are (Exim's manual,
 * "Rewriting flags that specify which headers and envelope addresses to rewrite").
 *
 * @param line With its name, folded with LF.
 * @param rules Absent: there are none.
 * @returns undefined: it stays as it is.
 * @throws {DeferError} it cannot be said now.
 */
export async function rewriteHeaderLine(
  line: string,
  rules: RewriteRules | undefined,
  context: RewriteContext,
  qualifiers: HeaderQualifiers = {},
): Promise<string | undefined> {
  const colon = line.indexOf(":");
  const place = PLACES.get(lowerCase(line.slice(0, colon).trimEnd()));
  if (colon === -1 || place === undefined) return undefined;
  const qualifier = OF_RECIPIENTS.has(place) ? qualifiers.recipients : qualifiers.senders;
  const isRuled = rules?.concern([place]) === true;
  if (!isRuled && qualifier === undefined) return undefined;
  const body = line.slice(colon + 1);
  let result = "";
  let done = 0;
  let count = 0;
  for (const { start, end } of mailboxSpans(body)) {
    if (++count > MAX_ADDRESSES) break;
    const text = body.slice(start, end);
    const mailbox = parseMailbox(text);
    if (mailbox === undefined || mailbox.address === "") continue;
    const isQualified = mailbox.domain !== "";
    if (!isQualified && qualifier === undefined) continue;
    const address = isQualified ? mailbox.address : `${mailbox.address}@${qualifier}`;
    const ruled = isRuled ? await rules.rewrite(address, place, context) : undefined;
    const rewritten = ruled ?? (isQualified ? undefined : { address });
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
