import type { AclModifierName } from "../../options/acl/modifiers.ts";
import { expandedTest, type TestKind } from "../test.ts";
import { bmiOptin } from "./bmi-optin.ts";
import { control } from "./control.ts";
import { delay } from "./delay.ts";
import { addHeader, removeHeader } from "./headers.ts";
import { logRejectTarget, logwrite } from "./log.ts";
import { queue } from "./queue.ts";
import { set } from "./set.ts";
import { udpsend } from "./udpsend.ts";

/** Every modifier but those that are part of the statement itself: `message`, `log_message`, `endpass`. */
export const modifiers: Readonly<Record<Exclude<AclModifierName, "message" | "log_message" | "endpass">, TestKind>> = {
  add_header: addHeader,
  bmi_optin: bmiOptin,
  /** Expanded for what its expansion does. */
  continue: expandedTest(() => "yes"),
  control,
  delay,
  log_reject_target: logRejectTarget,
  logwrite,
  queue,
  remove_header: removeHeader,
  set,
  udpsend,
};
