import type { Condition, Conditions } from "../condition.ts";
import { acl } from "./acl.ts";
import { isip, isip4, isip6 } from "./address-form.ts";
import { comparisons } from "./compare.ts";
import { crypteq } from "./crypteq.ts";
import { def } from "./def.ts";
import { exists } from "./exists.ts";
import { inlist, inlisti, loops } from "./in-list.ts";
import { and, bool, boolLax, or } from "./logic.ts";
import { match } from "./match.ts";
import { listConditions } from "./match-list.ts";
import { inboundSrs } from "./srs.ts";
import { excludedConditions, flags } from "./state.ts";

/** Every condition. Adding one = a file, a line here, rows in the test's table. */
const all: readonly Condition[] = [
  ...[acl, and, bool, boolLax, crypteq, def, exists, inboundSrs, inlist, inlisti, isip, isip4, isip6, match, or],
  ...comparisons,
  ...loops,
  ...listConditions,
  ...flags,
  ...excludedConditions,
];

export const conditions: Conditions = new Map(all.map((condition) => [condition.name, condition]));
