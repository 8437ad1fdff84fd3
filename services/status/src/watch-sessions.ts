import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import type { Bus, Subscription } from "@postbus/bus";
import {
  WATCH_BEAT_MS,
  type WatchFilter,
  WatchReport,
  type WatchRequest,
  watchedSubject,
  watchSubject,
} from "@postbus/contracts";
import { Compile } from "typebox/compile";
import { inTime } from "./bus-deadline.ts";

/** Octets that wait for a slow reader; what comes then is dropped and counted. */
const MAX_WAITING = 524_288;
/** When the time is up, a reader gets so long for what it has not read yet. */
const LAST_READ_MS = 5_000;

const reportCheck = Compile(WatchReport);

export interface WatchOptions {
  readonly filter: WatchFilter;
  /** Of each gateway. */
  readonly sessions?: number | undefined;
  readonly forMs: number;
}

/**
 * What clients and the fleet's gateways say to each other from now on: one JSON object a line, a line of a session or how
 * many were left out. Empty lines show that it goes on. It ends when the time is up, or when it is destroyed; for who does not
 * read to the end, it is destroyed.
 *
 * @throws {BusUnavailableError}
 */
export async function watchSessions(
  bus: Pick<Bus, "listen" | "broadcast">,
  { filter, sessions, forMs }: WatchOptions,
): Promise<Readable> {
  const request: WatchRequest = { v: 1, id: randomUUID(), filter, ...(sessions === undefined ? {} : { sessions }) };
  let subscription: Subscription | undefined;
  let beat: NodeJS.Timeout | undefined;
  let end: NodeJS.Timeout | undefined;
  let dropped = 0;
  let isOver = false;
  const leave = (): void => {
    if (isOver) return;
    isOver = true;
    clearInterval(beat);
    bus.broadcast(watchSubject, { ...request, over: true } satisfies WatchRequest);
  };
  const lines = new Readable({
    encoding: "utf8",
    read: () => undefined,
    destroy(err, done) {
      clearTimeout(end);
      leave();
      // It stands for nothing any more; a bus that is away forgets it, too.
      subscription?.drain().catch(() => undefined);
      done(err);
    },
  });
  const isFull = (): boolean => lines.readableLength > MAX_WAITING;
  const tellDropped = (): void => {
    if (dropped > 0) lines.push(`${JSON.stringify({ dropped })}\n`);
    dropped = 0;
  };
  const listening = bus.listen(watchedSubject(request.id), (report) => {
    if (isOver || !reportCheck.Check(report)) return;
    for (const line of report.lines) {
      if (isFull()) dropped += 1;
      else {
        tellDropped();
        lines.push(`${JSON.stringify(line)}\n`);
      }
    }
    dropped += report.dropped;
    if (!isFull()) tellDropped();
  });
  try {
    subscription = await inTime(listening);
  } catch (err) {
    lines.destroy();
    listening.then((late) => late.drain()).catch(() => undefined);
    throw err;
  }
  const ask = (): void => {
    if (!isFull()) tellDropped();
    lines.push("\n");
    bus.broadcast(watchSubject, request);
  };
  beat = setInterval(ask, WATCH_BEAT_MS);
  end = setTimeout(() => {
    leave();
    tellDropped();
    lines.push(null);
    end = setTimeout(() => lines.destroy(), LAST_READ_MS);
  }, forMs);
  ask();
  return lines;
}
