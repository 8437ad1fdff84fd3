import { bmiDeliverAlternate, bmiDeliverDefault, bmiDontDeliver, bmiRule } from "./bmi.ts";
import { checkLocalUser } from "./check-local-user.ts";
import { condition } from "./condition.ts";
import { homeDirectory } from "./home-directory.ts";
import { domains, localParts, senders } from "./lists.ts";
import type { CompilePrecondition } from "./precondition.ts";
import { purpose } from "./purpose.ts";
import { requireFiles } from "./require-files.ts";

/** The preconditions of routers in the order in which they are tested, whatever the order in the file (Exim's manual). */
export const preconditions: readonly CompilePrecondition[] = [
  purpose,
  domains,
  localParts,
  checkLocalUser,
  homeDirectory,
  senders,
  requireFiles,
  condition,
  bmiRule,
  bmiDontDeliver,
  bmiDeliverAlternate,
  bmiDeliverDefault,
];
