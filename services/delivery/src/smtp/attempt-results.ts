import { isThisHost } from "@postbus/mail";
import type { SmtpTransport } from "@postbus/policy";
import type { AttemptResult } from "@postbus/queue";
import { errnos, type RecipientResult, type Trouble } from "@postbus/smtp";
import { strerror } from "../system-error.ts";
import type { HostFacts } from "./host-facts.ts";
import { hopLabel, type NextHop } from "./next-hop.ts";

/** What is known of a host before it has answered. */
export function hostFields(hop: NextHop): HostFacts {
  return { host: hop.name, hostAddress: hop.address, hostPort: hop.port };
}

/** The end of a recipient that the host has not taken. */
type Refused = Exclude<RecipientResult, { readonly outcome: "delivered" | "postponed" }>;

/** @param isHostError Others for the host wait, too. */
export function refusedResult(end: Refused, facts: HostFacts, isHostError: boolean): AttemptResult {
  const { text, replyCode = 0 } = end;
  if (end.outcome === "failed") return { outcome: "failed", text, ...facts };
  return {
    outcome: "deferred",
    errno: end.errno,
    text,
    ...facts,
    ...(replyCode >= 400 && replyCode < 500 ? { replyDigits: replyCode % 100 } : {}),
    ...(isHostError ? { isHostError } : {}),
  };
}

/** A line for the log: an error of a host, or of a message at it. */
export function noteOn(hop: NextHop, { errno, text }: Trouble): string {
  return `H=${hopLabel(hop)}: ${text}${errno > 0 ? `: ${strerror(errno)}` : ""}`;
}

/** A message that came to where it has come from would go round for ever. */
export const isOurs = ({ own }: Pick<SmtpTransport, "own">, { address, port }: NextHop): boolean =>
  own.ports.has(port) && (isThisHost(address) || own.addresses.includes(address));

/** What becomes of recipients when a host turns out to be this one. @param transport Its name. */
export function foundLocal(transport: string, hop: NextHop): AttemptResult {
  const text = `${transport} transport found host ${hop.name} to be local`;
  return { outcome: "deferred", errno: errnos.localHost, text, ...hostFields(hop) };
}

/** A temporary refusal of a recipient is worth a line of its own only when another host is asked after it. */
export function recipientNotes(
  results: readonly (AttemptResult | undefined)[],
  open: readonly number[],
): readonly string[] {
  return open.flatMap((position) => {
    const result = results[position];
    if (result?.outcome !== "deferred" || result.errno !== errnos.rcpt4xx) return [];
    return [`H=${result.host} [${result.hostAddress}]: ${result.text}`];
  });
}

/** Whether nothing more is to be tried. */
export function isFinal(result: AttemptResult | undefined): boolean {
  return result?.outcome === "delivered" || result?.outcome === "failed";
}
