import { Type } from "typebox";

/** Settings of those who deliver, and of those who say whether a policy can be delivered by. */
export const programSettings = {
  /**
   * Programs that transports may run at one time, in each process (`pipe`, `command` of `lmtp`). With 0 none is run, and a policy in
   * which one could be reached is refused: a policy file that somebody has brought along must not start programs unasked.
   */
  deliveryPrograms: Type.Integer({ minimum: 0, maximum: 10_000, default: 0 }),
};
