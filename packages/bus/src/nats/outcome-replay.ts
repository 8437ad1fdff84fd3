import type { Spool } from "@postbus/spool";
import type { Outcome } from "../bus.ts";
import { BusUnavailableError } from "../bus-error.ts";
import { type JournalLine, OutcomeJournal } from "../outcome-journal.ts";
import { readPendingLines } from "../pending-lines.ts";
import type { Claims } from "./claims.ts";
import type { DoneLog } from "./done-log.ts";
import { decodeItems } from "./item-codec.ts";
import type { ItemWriter } from "./item-writer.ts";
import { type JournalSlot, takeSlots } from "./journal-slots.ts";
import type { Link } from "./link.ts";
import type { ServerApi } from "./server-api.ts";

/** How long the server is waited for; what it has not taken by then, the next process tries again. */
const REPLAY_MS = 30_000;
const RETRY_PAUSE_MS = 500;

export interface ReplayParts {
  readonly link: Link;
  readonly api: ServerApi;
  readonly claims: Claims;
  readonly done: DoneLog;
  readonly writer: ItemWriter;
  readonly spool: Spool;
}

export interface OwnJournal {
  readonly journal: OutcomeJournal;
  close(): void;
}

/**
 * Commits what dead processes had done and not recorded (their journals lie in `directory`), before the server hands
 * the same items to somebody else; then opens a journal for this process.
 *
 * @throws {Error} the directory cannot be written.
 */
export async function replayOutcomes(directory: string, parts: ReplayParts): Promise<OwnJournal> {
  const [own, ...others] = await takeSlots(directory, parts.claims.holder);
  for (const slot of others) {
    const journal = await replay(slot, parts);
    journal.close();
    slot.lock.release();
  }
  const journal = await replay(own, parts);
  return {
    journal,
    close() {
      journal.close();
      own.lock.release();
    },
  };
}

async function replay({ path, dead }: JournalSlot, parts: ReplayParts): Promise<OutcomeJournal> {
  const { link, done } = parts;
  const giveUpAtMs = performance.now() + REPLAY_MS;
  const ids = readPendingLines<JournalLine>(path).map(({ value }) => value.id);
  const ended = new Set<string>();
  await persist(giveUpAtMs, parts, "reading the ends of items", async () => {
    for (const id of ids.length === 0 ? [] : await done.endedOf(ids)) ended.add(id);
  });
  const journal = new OutcomeJournal(path, (id) => !ended.has(id));
  const messages = Map.groupBy(journal.allLeft, ({ stream, seq }) => `${stream} ${seq}`);
  for (const [message, lines] of messages) {
    const isDone = await persist(giveUpAtMs, parts, `committing what was done with ${message}`, () =>
      replayMessage(lines, journal, dead, parts),
    );
    if (isDone) for (const { id } of lines) journal.end(id);
    if (link.isClosed) break;
  }
  return journal;
}

/** The items that were handed out in one message of the server's. */
async function replayMessage(
  lines: readonly JournalLine[],
  journal: OutcomeJournal,
  dead: string | undefined,
  parts: ReplayParts,
): Promise<void> {
  const { api, claims, done, writer, spool, link } = parts;
  const { stream, seq } = lines[0] ?? {};
  if (stream === undefined || seq === undefined) return;
  const message = await api.bySeq(stream, seq);
  // It came to its end after all, or an operator has moved it.
  if (message === undefined) return;
  // Somebody else has begun with it: what happens to it is up to them.
  if (!(await claims.claim(stream, seq, dead))) return;
  const ended = new Set(await done.endedOf(lines.map(({ id }) => id)));
  for (const { meta, content } of decodeItems(message.data)) {
    const outcome: Outcome | undefined = journal.left(meta.id, meta.messageId, content);
    if (outcome === undefined || ended.has(meta.id)) continue;
    const isComplete = await writer.commit(meta, outcome, { isRepeated: true });
    await done.write(meta.id);
    if (!isComplete || meta.spooled === undefined) continue;
    const { id } = meta.spooled;
    await spool.remove(id).catch((err: unknown) => link.onProblem(`removing the content ${id}`, err));
  }
  await claims.release(stream, seq);
}

/** @returns whether nothing is left to be tried; a fault that is not the server's being away is reported and not repeated. */
async function persist(
  giveUpAtMs: number,
  { link }: ReplayParts,
  what: string,
  act: () => Promise<void>,
): Promise<boolean> {
  for (;;) {
    try {
      await act();
      return true;
    } catch (err) {
      link.onProblem(what, err);
      if (!(err instanceof BusUnavailableError)) return true;
      if (link.isClosed || performance.now() > giveUpAtMs) return false;
      await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS));
    }
  }
}
