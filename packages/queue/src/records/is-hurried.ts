import type { RouteItem } from "@postbus/contracts";

/** Whether retry times mean nothing for this attempt: an operator wants it now, or what has kept it is over. */
export const isHurried = ({ isForced, isResumed }: Pick<RouteItem, "isForced" | "isResumed">): boolean =>
  isForced === true || isResumed === true;
