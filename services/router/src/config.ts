import { commonSettings } from "@postbus/service-kit";
import { type Static, Type } from "typebox";

/** Settings of the process. What happens to mail is in the policy file, not here. */
export const RouterSettings = Type.Object({
  ...commonSettings,
  /** Items in work at one time in this process. Each holds one message, 128 KiB of content at most. */
  routerConcurrency: Type.Integer({ minimum: 1, maximum: 10_000, default: 200 }),
});
export type RouterSettings = Static<typeof RouterSettings>;
