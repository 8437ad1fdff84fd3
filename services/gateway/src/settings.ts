import { commonSettings } from "@postbus/service-kit";
import { type Static, Type } from "typebox";

/** Settings of the process. Where SMTP listens and what happens to mail is in the policy file, not here. */
export const GatewaySettings = Type.Object({
  ...commonSettings,
  /** How long a client may wait for SPF, DKIM and DMARC at the final dot (the policy says it of scanners); without an answer then, 451 where the policy asks, and `temperror` elsewhere. RFC 5321 §4.5.3.2.6 gives us 10 minutes. */
  factsTimeoutMs: Type.Integer({ minimum: 100, maximum: 300_000, default: 10_000 }),
  /** Octets of messages in memory at one time, all connections together; above it new content gets 452. Spooled content does not count. */
  inFlightOctets: Type.Integer({ minimum: 1_048_576, default: 268_435_456 }),
  /** Milliseconds that the event loop is late, on average over a second, above which new connections get 421, but of `smtp_reserve_hosts`; 0: never. */
  crowdedDelayMs: Type.Integer({ minimum: 0, default: 500 }),
  /** The same, above which MAIL gets 452 as well, and the process is not ready. */
  overloadedDelayMs: Type.Integer({ minimum: 0, default: 2_000 }),
  /** Percent of the memory that the process may have (container, machine, or JavaScript heap), with the effect of `crowdedDelayMs`; 0: never. */
  crowdedMemoryPercent: Type.Integer({ minimum: 0, maximum: 100, default: 80 }),
  /** With the effect of `overloadedDelayMs`. */
  overloadedMemoryPercent: Type.Integer({ minimum: 0, maximum: 100, default: 90 }),
  /** For which messages it is recorded what each statement of the ACLs has said: `postbus trace` shows it. */
  decisions: Type.Union([Type.Literal("all"), Type.Literal("refused"), Type.Literal("none")], { default: "refused" }),
  /** A transaction that lasts longer, from MAIL to the final dot, is ended. */
  transactionTimeoutMs: Type.Integer({ minimum: 10_000, default: 3_600_000 }),
});
export type GatewaySettings = Static<typeof GatewaySettings>;
