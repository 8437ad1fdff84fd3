import type { CheckOptions, MessageCheckOptions, SuffixFiles } from "@postbus/mail-auth";
import type { MessageAsked } from "./checks.ts";

/** How a message is to be looked at. @param files Of this thread. */
export function messageOptions(asked: MessageAsked, files: SuffixFiles): MessageCheckOptions {
  const { dkimLimits, headerOctets, skipsDkim, skipsDmarc, spf, suffixFile, wantsArc, wantsSignatures } = asked;
  return {
    ...boundsOf(asked),
    ...(dkimLimits && { dkimLimits }),
    ...(headerOctets && { maxHeaderOctets: headerOctets }),
    ...(skipsDkim && { skipsDkim }),
    ...(skipsDmarc && { skipsDmarc }),
    ...(spf && { spf }),
    ...(suffixFile && { suffixes: () => files.of(suffixFile) }),
    ...(wantsArc && { wantsArc }),
    ...(wantsSignatures && { wantsSignatures }),
  };
}

/** Of the asker's time, what a check may take: the answer has to get there. */
const SHARE = 0.95;

/** What a check may cost. */
export function boundsOf({
  withinMs,
  spentQueries,
}: Pick<MessageAsked, "withinMs" | "spentQueries">): Pick<CheckOptions, "timeoutMs" | "spentQueries"> {
  return {
    ...(withinMs && { timeoutMs: withinMs * SHARE }),
    ...(spentQueries && { spentQueries }),
  };
}
