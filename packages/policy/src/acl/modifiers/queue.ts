import { ExpansionFailure } from "../../expansion/failures.ts";
import { Tainted, textOf } from "../../expansion/value.ts";
import { expandedTest } from "../test.ts";

/** `queue = name`: the message goes to a queue of its own. */
export const queue = expandedTest((name, { session }) => {
  if (name instanceof Tainted) {
    throw new ExpansionFailure(`tainted queue name "${textOf(name)}" (in "queue" modifier)`);
  }
  if (name.includes("/")) throw new ExpansionFailure(`directory separator not permitted in queue name: "${name}"`);
  session.message.queueName = name;
  return "yes";
});
