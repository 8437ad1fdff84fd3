import { commonSettings, programSettings } from "@postbus/service-kit";
import { type Static, Type } from "typebox";

/** Settings of the process. What happens to mail is in the policy file, not here. */
export const DeliverySettings = Type.Object({
  ...commonSettings,
  ...programSettings,
  /** Items in work at one time in this process. Each holds one message (128 KiB at most in memory) and waits for one connection. */
  deliveryConcurrency: Type.Integer({ minimum: 1, maximum: 10_000, default: 100 }),
  /** Hosts that are asked at one time whether they would take mail for an address (`verify = …/callout`); more wait. */
  calloutConcurrency: Type.Integer({ minimum: 1, maximum: 10_000, default: 100 }),
  /** How long a connection to a next hop is kept for the next message. */
  deliveryIdleMs: Type.Integer({ minimum: 0, maximum: 300_000, default: 5_000 }),
});
export type DeliverySettings = Static<typeof DeliverySettings>;
