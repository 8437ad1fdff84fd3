import { hasDomain } from "@postbus/mail";
import {
  HEADER_PLACES,
  type HeaderQualifiers,
  type Policy,
  type RewriteContext,
  rewriteHeaderLine,
  type SmtpAcls,
} from "@postbus/policy";

export type RewritingPolicy = Pick<Policy, "rewriting" | "qualifyDomain" | "qualifyRecipient">;

/**
 * An address of the envelope by the policy's rewriting rules, before anybody is asked about it.
 *
 * @returns undefined: it stays as it is. @throws {DeferError} by the result: it cannot be said now.
 */
export function rewriteEnvelope(
  address: string,
  place: "F" | "T",
  policy: RewritingPolicy,
  acls: SmtpAcls,
): Promise<string | undefined> | undefined {
  const { rewriting } = policy;
  if (rewriting === undefined || !hasDomain(address) || !rewriting.concern([place])) return undefined;
  return rewriting.rewrite(address, place, contextOf(policy, acls)).then((rewritten) => rewritten?.address);
}

/**
 * What a client has said behind `MAIL FROM:` or `RCPT TO:` by the rules that are for that (`S`), whether or not it is an address.
 *
 * @returns undefined: it stays as it is. @throws {DeferError} by the result: it cannot be said now.
 */
export async function rewriteArgument(
  path: string,
  policy: RewritingPolicy,
  acls: SmtpAcls,
): Promise<string | undefined> {
  const rewritten = await policy.rewriting?.rewrite(path, "S", contextOf(policy, acls));
  return rewritten?.address;
}

/**
 * Those of the lines of a header section that the rules change, or that lack domains and may, folded with LF, and what they
 * are then. What signatures are verified on stays as it came.
 *
 * @throws {DeferError} by the result.
 */
export async function rewriteHeader(
  lines: readonly string[],
  policy: RewritingPolicy,
  acls: SmtpAcls,
): Promise<ReadonlyMap<string, string>> {
  const { rewriting } = policy;
  const changed = new Map<string, string>();
  const qualifiers = qualifiersOf(policy, acls);
  if (rewriting === undefined && qualifiers === undefined) return changed;
  const context = contextOf(policy, acls);
  for (const line of lines) {
    const rewritten = await rewriteHeaderLine(line, rewriting, context, qualifiers);
    if (rewritten !== undefined) changed.set(line, rewritten);
  }
  return changed;
}

/** Whether header lines have to be looked at: there are rules for them, or they may come without domains. */
export const rewritesHeaders = (policy: RewritingPolicy, acls: SmtpAcls): boolean =>
  policy.rewriting?.concern(HEADER_PLACES) === true || qualifiersOf(policy, acls) !== undefined;

/** Of a client in `sender_unqualified_hosts`, `recipient_unqualified_hosts`: as in Exim, its header lines get what its envelope gets. */
function qualifiersOf(
  { qualifyDomain, qualifyRecipient }: RewritingPolicy,
  { session: { connection } }: SmtpAcls,
): HeaderQualifiers | undefined {
  const { mayOmitSenderDomain, mayOmitRecipientDomain } = connection;
  if (!mayOmitSenderDomain && !mayOmitRecipientDomain) return undefined;
  return {
    ...(mayOmitSenderDomain ? { senders: qualifyDomain } : {}),
    ...(mayOmitRecipientDomain ? { recipients: qualifyRecipient } : {}),
  };
}

function contextOf({ qualifyRecipient }: RewritingPolicy, { session }: SmtpAcls): RewriteContext {
  return {
    around: session.evaluation.around,
    // As in Exim, of senders, too.
    qualifyDomain: qualifyRecipient,
    log: (text) => session.log(["main", "panic"], text),
    rewritten: (text) => session.log(["main"], text, { selector: "address_rewrite" }),
  };
}
