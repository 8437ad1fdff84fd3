import { trim } from "@postbus/mail";
import { parseVrfy } from "../path-command.ts";
import * as replies from "../replies.ts";
import type { SessionCore } from "../session-core.ts";
import type { SessionStep } from "../session-step.ts";

export function rset(core: SessionCore, argument: string): SessionStep | undefined {
  if (argument !== "") return core.protocolError(replies.unexpectedArgument);
  const isContentVoid = core.reading !== undefined;
  core.forgetTransaction();
  core.isOutOfOrder = false;
  core.say(replies.resetOk);
  core.mustNotBePipelined();
  return isContentVoid || core.asks("reset") ? { kind: "reset" } : undefined;
}

export function quit(core: SessionCore, argument: string): SessionStep | undefined {
  if (argument !== "") return core.protocolError(replies.unexpectedArgument);
  core.hasQuit = true;
  if (core.asks("quit")) return core.ask({ kind: "quit" }, "quit asked");
  core.output += core.profile.closing;
  core.phase = "closing";
  return undefined;
}

/** Wrong syntax is not counted among the errors, as in Exim: people ask so. */
export function vrfy(core: SessionCore, argument: string): SessionStep | undefined {
  const address = parseVrfy(argument, core.standing.mayOmitRecipientDomain);
  if (typeof address !== "string") return void ("kind" in address ? core.unqualified(address) : core.say(address));
  if (core.asks("vrfy")) return core.ask({ kind: "vrfy", address }, "other asked");
  return void core.say(replies.vrfyAnswer);
}

export function expn(core: SessionCore, argument: string): SessionStep | undefined {
  if (core.asks("expn")) return core.ask({ kind: "expn", argument: trim(argument) }, "other asked");
  return void core.say(replies.expnRefused);
}

/** RFC 1985. Nobody is served by it who is not let in by an ACL. */
export function etrn(core: SessionCore, argument: string): SessionStep | undefined {
  if (core.transaction !== undefined) return core.protocolError(replies.etrnInTransaction);
  if (core.asks("etrn")) return core.ask({ kind: "etrn", argument: trim(argument) }, "other asked");
  return void core.say(replies.etrnRefused);
}
