import type { MessageCheckOptions, SuffixFiles } from "@postbus/mail-auth";
import type { MessageAsked } from "./checks.ts";

/** How a message is to be looked at. @param files Of this thread. */
export function messageOptions({ spf, suffixFile }: MessageAsked, files: SuffixFiles): MessageCheckOptions {
  return {
    ...(spf === undefined ? {} : { spf }),
    ...(suffixFile === undefined ? {} : { suffixes: () => files.of(suffixFile) }),
  };
}
