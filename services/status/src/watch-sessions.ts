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

const reportCheck = Compile(WatchReport);

export interface WatchOptions {
  readonly filter: WatchFilter;
  /** Of each gateway. */
  readonly sessions?: number | undefined;
  readonly forMs: number;
}

/**
 * What clients and the fleet's gateways say to each other from now on: one JSON object a line, a line of a session or how
 * many were left out. Empty lines show that it goes on. It ends when the time is up, or when it is destroyed.
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
  const lines = new Readable({
    encoding: "utf8",
    read: () => undefined,
    destroy(err, done) {
      clearInterval(beat);
      clearTimeout(end);
      bus.broadcast(watchSubject, { ...request, over: true } satisfies WatchRequest);
      // It stands for nothing any more; a bus that is away forgets it, too.
      subscription?.drain().catch(() => undefined);
      done(err);
    },
  });
  const push = (object: object): void => {
    if (lines.readableLength > MAX_WAITING) dropped += 1;
    else lines.push(`${JSON.stringify(object)}\n`);
  };
  const listening = bus.listen(watchedSubject(request.id), (report) => {
    if (lines.destroyed || !reportCheck.Check(report)) return;
    for (const line of report.lines) push(line);
    const missed = report.dropped + dropped;
    if (missed === 0) return;
    dropped = 0;
    push({ dropped: missed });
  });
  try {
    subscription = await inTime(listening);
  } catch (err) {
    lines.destroy();
    listening.then((late) => late.drain()).catch(() => undefined);
    throw err;
  }
  const ask = (): void => {
    lines.push("\n");
    bus.broadcast(watchSubject, request);
  };
  beat = setInterval(ask, WATCH_BEAT_MS);
  end = setTimeout(() => lines.push(null), forMs);
  ask();
  return lines;
}
