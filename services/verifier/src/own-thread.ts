import type { Resolver } from "@postbus/dns";
import { checkMessage, checkSpf, type SuffixFiles } from "@postbus/mail-auth";
import type { Checks } from "./checks.ts";
import { boundsOf, messageOptions } from "./message-options.ts";

/** Checks in the thread that asks: the least memory, for a process that does nothing else. */
export function ownThread(resolver: Resolver, files: SuffixFiles): Checks {
  return {
    spf: (request, signal) => checkSpf(request, resolver, { signal, ...boundsOf(request) }),
    message: (asked, content, signal) => checkMessage(content, { signal, ...messageOptions(asked, files) }, resolver),
    stop: async () => undefined,
  };
}
