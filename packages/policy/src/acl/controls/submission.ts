import { ExpansionFailure } from "../../expansion/failures.ts";
import type { Control } from "./control.ts";

/** The client is a user's program: the message is completed, and its sender checked (RFC 6409). */
export const submission: Control = ({ session }, options = "") => {
  const found: { keepsSender: boolean; domain?: string; name?: string } = { keepsSender: false };
  // A name is the last option: it may hold slashes.
  const [, before = options, name] = /^([\s\S]*?)(?:^|\/)name=([\s\S]*)$/.exec(options) ?? [];
  if (name !== undefined) found.name = name;
  for (const word of before.split("/").filter((one) => one !== "")) {
    if (word === "sender_retain") found.keepsSender = true;
    else if (word.startsWith("domain=")) found.domain = word.slice("domain=".length);
    else throw new ExpansionFailure(`syntax error in "control=submission/${options}"`);
  }
  session.message.controls.submission = found;
};
