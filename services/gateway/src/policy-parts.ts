import type { Policy } from "@postbus/policy";
import { compileRouters, type Routing } from "@postbus/routing";
import { type SessionProfile, type SessionQuestion, sessionProfile } from "@postbus/smtp";
import type { Logger } from "pino";
import { SessionEvents } from "./log/session-events.ts";
import { ServerTls } from "./tls/server-tls.ts";
import type { SharedTls } from "./tls/shared-tls.ts";

/** What a gateway makes of a policy. A connection keeps those that were in force when it came. */
export interface PolicyParts {
  readonly policy: Policy;
  /** Of the policy: `verify = recipient`. */
  readonly routing: Pick<Routing, "verify">;
  readonly profile: SessionProfile;
  readonly events: SessionEvents;
  /** Absent: STARTTLS is not offered. */
  readonly tls: ServerTls | undefined;
}

/** What is not asked of the policy has an answer of its own (VRFY: 252) without it. */
const QUESTIONS = [
  "path",
  "helo",
  "vrfy",
  "expn",
  "etrn",
  "quit",
  "reset",
  "errors",
] as const satisfies readonly SessionQuestion[];

/**
 * @param log Told when files of TLS have changed and cannot be used.
 * @param shared Absent: no TLS session is resumed, no proof of a certificate is fetched.
 * @throws if the certificate or its key cannot be used.
 */
export async function policyParts(
  policy: Policy,
  log: Pick<Logger, "warn" | "error">,
  shared?: Partial<SharedTls>,
): Promise<PolicyParts> {
  const { smtp, primaryHostname: hostname } = policy;
  const tls = policy.tls === undefined ? undefined : await ServerTls.load(policy.tls, log, shared);
  const asks = new Set(QUESTIONS.filter((question) => isAsked(question, policy)));
  return {
    policy,
    routing: compileRouters(policy.configuration),
    profile: sessionProfile({
      ...smtp,
      hostname,
      offers: { ...policy.offers, prdr: smtp.offersPrdr },
      offersTls: tls !== undefined,
      commands: (["etrn", "vrfy", "expn"] as const).filter((stage) => policy.hasAcl(stage)),
      asks,
    }),
    tls,
    events: new SessionEvents(policy, log),
  };
}

/** Whether the log is to tell of ends of sessions what only QUIT can say. */
function tellsEnds({ log: { selectors } }: Policy): boolean {
  return selectors.has("smtp_connection") || selectors.has("smtp_incomplete_transaction");
}

/** Whether somebody wants to know of commands that have a wrong form or place. */
function tellsErrors({ log: { selectors }, events }: Policy): boolean {
  return events.main !== undefined || selectors.has("smtp_syntax_error") || selectors.has("smtp_protocol_error");
}

/** ACLs that are asked outside of transactions, and may look at the variables of one. */
const OUTSIDE = ["helo", "starttls", "auth", "vrfy", "expn", "etrn", "quit", "notquit"] as const;

/** QUIT is asked about, too, by a policy that wants to hear of all other ends. */
function isAsked(question: (typeof QUESTIONS)[number], policy: Policy): boolean {
  if (question === "helo") return policy.asksAtHelo;
  // Without an ACL they are refused, which the log tells.
  if (question === "etrn" || question === "expn") return true;
  if (question === "path") return policy.rewriting?.concern(["S"]) === true;
  // What is asked ahead is given up then, and nobody is to see what is left of a transaction that is over.
  if (question === "reset") {
    const isTold = policy.log.selectors.has("smtp_incomplete_transaction");
    return policy.wantedFacts.spf || isTold || OUTSIDE.some((stage) => policy.hasAcl(stage));
  }
  if (question === "errors") return tellsErrors(policy);
  if (question === "quit" && tellsEnds(policy)) return true;
  return policy.hasAcl(question) || (question === "quit" && policy.hasAcl("notquit"));
}
