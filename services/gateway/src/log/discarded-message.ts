import { firstItemId, type Received } from "@postbus/contracts";
import type { AclAnswer } from "@postbus/policy";
import type { Incoming } from "../incoming.ts";
import type { Surroundings } from "../surroundings.ts";

/**
 * In the log, a message that the policy throws away has come, and gone nowhere, as in Exim. Best effort, as with refusals.
 *
 * @param answer What has thrown it away; undefined: nobody was left who would get it.
 */
export function tellDiscarded(
  { acls }: Incoming,
  received: Received,
  answer: AclAnswer | undefined,
  { rejections }: Pick<Surroundings, "rejections">,
): void {
  const { messageId } = received;
  const { session } = acls;
  const stage = answer?.record.stage ?? "rcpt";
  // The ACL of MAIL has said it of everybody.
  const by = stage === "rcpt" && session.message.isDiscarded ? "MAIL" : stage.toUpperCase();
  const why = answer?.log === undefined ? "" : `: ${answer.log}`;
  rejections.add(received);
  session.log(["main"], `=> blackhole (${by} ACL discarded recipients)${why}`);
  rejections.add({
    v: 1,
    id: `${firstItemId(messageId)}/complete`,
    atMs: Date.now(),
    service: "gateway",
    name: "msg:complete",
    messageId,
  });
}
