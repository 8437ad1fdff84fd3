import type { MessageCheckOptions } from "@postbus/mail-auth";
import type { MessageAsked } from "./checks.ts";

/** How a message is to be looked at. */
export function messageOptions({ spf, wantsArc, wantsSignatures }: MessageAsked): MessageCheckOptions {
  return {
    ...(spf === undefined ? {} : { spf }),
    ...(wantsArc === undefined ? {} : { wantsArc }),
    ...(wantsSignatures === undefined ? {} : { wantsSignatures }),
  };
}
