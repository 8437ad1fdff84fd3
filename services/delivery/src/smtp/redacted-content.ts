import type { Content } from "@postbus/contracts";
import { redactedReport } from "@postbus/queue";

/** A report without what it quotes. @returns undefined: it is no report, or none whose parts can be told apart. */
export function redactedContent(content: Content): Content | undefined {
  if (content.kind !== "inline") return undefined;
  const octets = redactedReport(content.octets);
  return octets === undefined ? undefined : { kind: "inline", octets };
}
