import { reply } from "@postbus/mail";
import * as replies from "../replies.ts";
import type { SessionCore } from "../session-core.ts";
import type { SessionStep } from "../session-step.ts";
import { parseXclient } from "../xclient.ts";

/** Postfix's XCLIENT_README. */
export function xclient(core: SessionCore, argument: string): SessionStep | undefined {
  if (!core.standing.mayXclient) return core.unknownCommand();
  if (core.transaction !== undefined) return core.protocolError(replies.xclientInTransaction);
  const client = parseXclient(argument);
  if (typeof client === "string") return core.protocolError(reply(501, "5.5.4", client));
  return core.ask({ kind: "xclient", client }, "xclient asked");
}
