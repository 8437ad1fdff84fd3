import type { MessageCheckOptions, SuffixFiles } from "@postbus/mail-auth";
import type { MessageAsked } from "./checks.ts";

/** How a message is to be looked at. @param files Of this thread. */
export function messageOptions(
  { headerOctets, spf, suffixFile, wantsArc, wantsSignatures }: MessageAsked,
  files: SuffixFiles,
): MessageCheckOptions {
  return {
    ...(headerOctets === undefined ? {} : { maxHeaderOctets: headerOctets }),
    ...(spf === undefined ? {} : { spf }),
    ...(suffixFile === undefined ? {} : { suffixes: () => files.of(suffixFile) }),
    ...(wantsArc === undefined ? {} : { wantsArc }),
    ...(wantsSignatures === undefined ? {} : { wantsSignatures }),
  };
}
