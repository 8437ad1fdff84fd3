import { ExpansionFailure } from "../../expansion/failures.ts";
import type { Control } from "./control.ts";

/** The message is kept until somebody thaws it. */
export const freeze: Control = ({ session }, options) => {
  if (options !== undefined && options !== "no_tell")
    throw new ExpansionFailure(`syntax error in "control=freeze/${options}"`);
  session.message.controls.freeze = { tells: options === undefined };
};

/** The message waits for the next look at the queue. */
export const queue: Control = ({ session }, options = "") => {
  const words = options === "" ? [] : options.split("/");
  const unknown = words.find((word) => word !== "only" && word !== "first_pass_route");
  if (unknown !== undefined) throw new ExpansionFailure(`syntax error in "control=queue/${options}"`);
  session.message.controls.queue = { routes: words.includes("first_pass_route") };
};

/** The message is passed on while it comes in, if there is only one recipient. */
export const cutthroughDelivery: Control = ({ session }, options) => {
  const [, onDefer] = /^defer=(pass|spool)$/.exec(options ?? "defer=spool") ?? [];
  if (onDefer === undefined) throw new ExpansionFailure(`syntax error in "control=cutthrough_delivery/${options}"`);
  session.message.controls.cutthrough = { onDefer: onDefer === "pass" ? "pass" : "spool" };
};
