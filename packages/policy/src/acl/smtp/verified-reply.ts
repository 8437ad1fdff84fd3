import { DeferError, type Reply } from "@postbus/mail";
import type { Eventual } from "../../expansion/code.ts";
import { textOf } from "../../expansion/value.ts";
import type { AclSession } from "../session.ts";
import type { AddressVerdict } from "../verify-address.ts";

/** What VRFY is answered (RFC 5321 §3.5.3) once its ACL has let it through, with Exim's words. */
export function verifiedReply(address: string, { hooks }: AclSession): Eventual<Reply> {
  const request = {
    kind: "recipient",
    address,
    isGoodWhenRedirected: false,
    callout: undefined,
    quota: undefined,
  } as const;
  const undecided = (error: unknown): Reply => {
    if (!(error instanceof DeferError)) throw error;
    hooks.log?.(["main"], `VRFY <${address}>: ${error.message}`);
    return replyTo(address, { result: "unknown" });
  };
  try {
    const verdict = hooks.verifyAddress?.(request);
    if (verdict instanceof Promise) return verdict.then((later) => replyTo(address, later), undecided);
    return replyTo(address, verdict);
  } catch (error) {
    return undecided(error);
  }
}

function replyTo(address: string, verdict: AddressVerdict | undefined): Reply {
  const one = (code: number, text: string): Reply => ({ code, lines: [text.replaceAll(/[\r\n]+/g, " ")] });
  if (verdict === undefined) return one(252, `<${address}> cannot be verified`);
  const { result, text = "", isTextForClient = false } = verdict;
  switch (result) {
    case "good":
      return one(250, `<${address}> is deliverable`);
    case "bad":
      return one(550, `<${address}> ${textOf(text)}`);
    case "unknown":
      return one(451, `<${address}> ${isTextForClient ? textOf(text) : "Cannot resolve at this time"}`);
    default:
      throw new Error(`unhandled verdict: ${JSON.stringify(result satisfies never)}`);
  }
}
