import type { Bus } from "@postbus/bus";
import type { RouteItem } from "@postbus/contracts";
import type { AclSession, Policy } from "@postbus/policy";
import { freezeNotice } from "@postbus/queue";
import type { Logger } from "pino";

type Controls = AclSession["message"]["controls"];

/** When a message that has been accepted is tried. */
interface When {
  /** Milliseconds since the epoch; absent: at once. */
  readonly notBeforeMs?: number;
  readonly frozen?: string;
}

/**
 * Whether a message waits: for an operator (`control = freeze`), or for a while (`control = queue`, `queue_only` and its relatives).
 *
 * @param note Takes the line of the log that says why. @returns A promise only where it has to be found out.
 */
export function whenTried(
  { freeze, queue }: Controls,
  policy: Pick<Policy, "waitsAtFirst" | "queue">,
  note: (text: string) => void,
): When | Promise<When> {
  if (freeze !== undefined) {
    note("frozen by ACL");
    return { frozen: "frozen by an ACL" };
  }
  if (queue === undefined && policy.waitsAtFirst === undefined) return {};
  return queuedUntil(queue === undefined ? policy.waitsAtFirst?.() : "queued by ACL", policy, note);
}

async function queuedUntil(
  asked: ReturnType<NonNullable<Policy["waitsAtFirst"]>>,
  { queue }: Pick<Policy, "queue">,
  note: (text: string) => void,
): Promise<When> {
  const why = await asked;
  if (why === undefined) return {};
  if (why !== "") note(`no immediate delivery: ${why}`);
  return { notBeforeMs: Date.now() + queue.queueRunIntervalMs };
}

/**
 * `freeze_tell`, for a message that an ACL has frozen. A notice that is lost does not make it refused: it is in the queue.
 *
 * @param workId Of its item.
 */
export async function tellOfFreezing(
  item: RouteItem,
  workId: string,
  policy: Pick<Policy, "primaryHostname" | "qualifyDomain" | "queue" | "reports">,
  { bus, log }: { readonly bus: Pick<Bus, "publish">; readonly log: Logger },
): Promise<void> {
  const { primaryHostname, qualifyDomain } = policy;
  const { freezeTell: to } = policy.queue;
  const { authenticatedSender } = policy.reports;
  const frozen = { workId, item, to, subject: "Message frozen on arrival", reason: "", waiting: [] };
  try {
    const maker = { service: "gateway", nowMs: Date.now(), primaryHostname, qualifyDomain, authenticatedSender };
    const notice = freezeNotice(frozen, maker);
    if (notice !== undefined) await bus.publish(notice.publication, [notice.received]);
  } catch (err) {
    log.warn({ err, messageId: item.messageId }, "nobody is told of a message that was frozen");
  }
}
