import { constants } from "node:os";
import { INLINE_LIMIT_OCTETS } from "@postbus/contracts";
import { derivedMessageId, hasDomain } from "@postbus/mail";
import type { AutoreplyTransport, Policy, Reply } from "@postbus/policy";
import { type AttemptResult, ownMessage } from "@postbus/queue";
import type { Spool } from "@postbus/spool";
import type { Attempt, AttemptReport } from "../attempt.ts";
import { LocalError } from "../local/local-error.ts";
import { deferredBy, refused } from "../local/local-failure.ts";
import { tooBig } from "../local/too-big.ts";
import { type RunAs, runAs } from "../programs/run-as.ts";
import { systemError } from "../system-error.ts";
import type { OnceStore } from "./once-store.ts";
import { openToRead } from "./owned-file.ts";
import { previouslySent, sentEntry, writeLog } from "./reply-log.ts";
import { replyMessage } from "./reply-message.ts";
import { returnedCopy } from "./returned-copy.ts";

export interface AutoreplyDeps {
  readonly spool: Pick<Spool, "read">;
  readonly once: OnceStore;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Of a file that a reply is made of. */
const MAX_FILE = 96 * 1024;

/**
 * Answers a message. The reply is a message of its own, published with the end of this delivery; its id derives from the item's, so
 * that an item that is handled twice makes one.
 */
export async function deliverByAutoreply(
  attempt: Attempt,
  transport: AutoreplyTransport,
  { primaryHostname, reports }: Pick<Policy, "primaryHostname" | "reports">,
  deps: AutoreplyDeps,
): Promise<AttemptReport> {
  const { item } = attempt;
  const all = (result: AttemptResult): AttemptReport => ({ results: item.recipients.map(() => result), notes: [] });
  try {
    const reply = await transport.reply({ user: item.user, group: item.group });
    if (reply.kind === "refused") return all(refused(reply));
    const tooLarge = tooBig(attempt.content, reply.place.sizeLimit);
    if (tooLarge !== undefined) return all(tooLarge);
    const { recipients } = reply;
    if (recipients === undefined) {
      return all({
        outcome: "deferred",
        errno: 0,
        text: `Failed to send message from ${transport.name} transport (1)`,
      });
    }
    if (recipients.length === 0) return all(DELIVERED);
    const as = await runAs(reply.place, transport.name);
    const { settings } = transport;
    const more = await textOfFile(reply, transport, as);
    const nowMs = deps.now();
    if (reply.once !== "" && reply.to !== "") {
      const isFirst = await deps.once.claim(reply.once, reply.to, attempt.work.id, reply.onceRepeatMs);
      if (!isFirst) {
        if (reply.log !== "") await writeLog(reply.log, settings.mode, previouslySent(reply), nowMs, as);
        return all(DELIVERED);
      }
    }
    const messageId = derivedMessageId(`${attempt.work.id}/reply`, item.queuedAtMs);
    const parts = { reply, messageId, nowMs, primaryHostname, qualifyDomain: settings.qualifyDomain };
    const octets = await composed(attempt, transport, { ...parts, more }, deps);
    if (octets.length > INLINE_LIMIT_OCTETS) {
      return all({
        outcome: "failed",
        text: `message of ${transport.name} transport is too long: ${octets.length} octets`,
      });
    }
    const { publication, received } = ownMessage({
      messageId,
      octets,
      recipients: recipients.map((address) =>
        hasDomain(address) ? address : `${address}@${settings.qualifyRecipient}`,
      ),
      about: item.messageId,
      nowMs,
      headerMessageId: `E${messageId}@${primaryHostname}`,
      service: "delivery",
      authenticatedSender: reports.authenticatedSender,
    });
    if (reply.log !== "") await writeLog(reply.log, settings.mode, sentEntry(reply), nowMs, as);
    return { ...all(DELIVERED), publish: [publication], events: [received] };
  } catch (err) {
    return all(deferredBy(err, `failed to answer by ${transport.name} transport`));
  }
}

const DELIVERED: AttemptResult = { outcome: "delivered" };

async function composed(
  attempt: Attempt,
  transport: AutoreplyTransport,
  parts: Parameters<typeof replyMessage>[0],
  deps: AutoreplyDeps,
): Promise<Buffer> {
  const octets = replyMessage(parts);
  if (!transport.settings.returnsMessage) return octets;
  const options = await transport.message?.(attempt.item.recipients[0]?.address ?? "");
  const room = Math.max(0, INLINE_LIMIT_OCTETS - octets.length - 1_000);
  const copy = await returnedCopy(attempt, options, transport.settings.returnLimit, room, deps);
  return replyMessage({ ...parts, more: parts.more + copy });
}

/** `file`, `file_expand`, `file_optional`. */
async function textOfFile(reply: Reply, transport: AutoreplyTransport, as: RunAs | undefined): Promise<string> {
  const { file: path } = reply;
  const { settings, name } = transport;
  if (path === "") return "";
  let text: string;
  try {
    await using file = await openToRead(path, as);
    const { size } = await file.stat();
    if (size > MAX_FILE) throw new LocalError(constants.errno.EFBIG, `File ${path} is too long for ${name} transport`);
    text = await file.readFile("latin1");
  } catch (err) {
    if (settings.isFileOptional) return "";
    const found = systemError(err);
    if (found === undefined || err instanceof LocalError) throw err;
    const what = `Failed to open file ${path} when sending message from ${name} transport`;
    throw new LocalError(found.errno, `${what}: ${found.text}`, { cause: err });
  }
  if (!settings.expandsFile) return ended(text);
  const lines: string[] = [];
  // What cannot be expanded stays as it is.
  for (const line of text.split(/(?<=\n)/)) lines.push((await reply.expandLine(line)) ?? line);
  return ended(lines.join(""));
}

const ended = (text: string): string => (text === "" || text.endsWith("\n") ? text : `${text}\n`);
