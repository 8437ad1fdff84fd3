import { trim } from "@postbus/mail";
import { then } from "../../expansion/code.ts";
import { ExpansionFailure } from "../../expansion/failures.ts";
import { parseInterval } from "../../expansion/interval.ts";
import { textOf } from "../../expansion/value.ts";
import { readTest } from "../test.ts";

/** `delay = time` */
export const delay = readTest<number>(
  (value) => {
    const seconds = parseInterval(trim(textOf(value)));
    if (seconds === undefined)
      throw new ExpansionFailure(
        `syntax error in argument for "delay" modifier: "${textOf(value)}" is not a time value`,
      );
    return seconds;
  },
  (seconds, { session }) => {
    if (seconds === 0) return "yes";
    const isFlushed = session.connection.controls.isDelayFlushOff !== true;
    return then(session.hooks.delay?.(seconds, isFlushed), () => "yes");
  },
);
