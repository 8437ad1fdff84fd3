import { ExpansionFailure } from "../failures.ts";
import { formatInterval, parseInterval } from "../interval.ts";
import type { PureOperator } from "../operator.ts";

/** `${time_eval:1d2h}` → `93600`. */
export const timeEval: PureOperator = {
  name: "time_eval",
  apply(subject) {
    const seconds = parseInterval(subject);
    if (seconds === undefined) {
      throw new ExpansionFailure(`string "${subject}" is not an Exim time interval in "time_eval" operator`);
    }
    return String(seconds);
  },
};

/** `${time_interval:93600}` → `1d2h`. */
export const timeInterval: PureOperator = {
  name: "time_interval",
  apply(subject) {
    if (!/^[0-9]{0,15}$/.test(subject)) {
      throw new ExpansionFailure(`string "${subject}" is not a positive number in "time_interval" operator`);
    }
    return formatInterval(Number(subject));
  },
};
