import * as replies from "../replies.ts";
import type { SessionCore } from "../session-core.ts";
import type { SessionStep } from "../session-step.ts";

/** RFC 3207. */
export function startTls(core: SessionCore, argument: string): SessionStep | undefined {
  if (argument !== "") return core.protocolError(replies.unexpectedArgument);
  if (!core.offersTls || !core.isExtended) return core.protocolError(replies.startTlsNotAdvertised);
  // Clear text behind STARTTLS would later count as said under TLS (CVE-2011-0411).
  if (core.input.length > 0) return core.outOfSync();
  return core.ask({ kind: "starttls" }, "starttls asked");
}
