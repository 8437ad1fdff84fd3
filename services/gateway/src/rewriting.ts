import { type HeaderField, hasDomain } from "@postbus/mail";
import { HEADER_PLACES, type Policy, type RewriteContext, rewriteHeaderLine, type SmtpAcls } from "@postbus/policy";

export type RewritingPolicy = Pick<Policy, "rewriting" | "qualifyRecipient">;

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
 * The lines of a header section that the rules change, folded with LF, and what they are then. What signatures are verified on stays as it came.
 *
 * @returns undefined: there are no such rules. @throws {DeferError} by the result.
 */
export function rewriteHeader(
  header: Buffer,
  fields: readonly HeaderField[],
  policy: RewritingPolicy,
  acls: SmtpAcls,
): Promise<ReadonlyMap<string, string>> | undefined {
  const { rewriting } = policy;
  if (rewriting === undefined || !rewriting.concern(HEADER_PLACES)) return undefined;
  const context = contextOf(policy, acls);
  const changed = async (): Promise<ReadonlyMap<string, string>> => {
    const lines = new Map<string, string>();
    for (const { start, end } of fields) {
      const line = header.toString("latin1", start, end).replaceAll("\r\n", "\n");
      const rewritten = await rewriteHeaderLine(line, rewriting, context);
      if (rewritten !== undefined) lines.set(line, rewritten);
    }
    return lines;
  };
  return changed();
}

function contextOf({ qualifyRecipient }: RewritingPolicy, { session }: SmtpAcls): RewriteContext {
  return {
    around: session.evaluation.around,
    // As in Exim, of senders, too.
    qualifyDomain: qualifyRecipient,
    log: (text) => session.log(["main", "panic"], text),
  };
}
