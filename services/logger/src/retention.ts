import { setTimeout as delay } from "node:timers/promises";
import type { History } from "@postbus/history";
import type { Part } from "@postbus/service-kit";
import type { Logger } from "pino";

const INTERVAL_MS = 60_000;
/** Between two steps, so that events are written meanwhile. */
const STEP_PAUSE_MS = 50;

/** What results for aggregate reports may take of the room for the history, before the oldest are dropped. */
const DMARC_SHARE = 0.25;
/** Steps at one time: what is still too much goes the next time. */
const DMARC_STEPS = 20;

export interface RetentionDeps {
  readonly history: Pick<History, "prune" | "limitDmarcResults">;
  readonly days: number;
  readonly maxOctets: number;
  readonly log: Logger;
}

/** Forgets what is too old, step by step. */
export function startRetention({ history, days, maxOctets, log }: RetentionDeps): Part {
  const stopping = new AbortController();
  const { signal } = stopping;
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        const beforeMs = Date.now() - days * 24 * 60 * 60 * 1_000;
        const isMore = await history.prune({ beforeMs, maxOctets });
        await limitDmarcResults({ history, log, maxOctets: Math.floor(maxOctets * DMARC_SHARE) }, signal);
        await delay(isMore ? STEP_PAUSE_MS : INTERVAL_MS, undefined, { signal });
      } catch (err) {
        if (signal.aborted) return;
        log.warn({ err }, "old messages are not forgotten");
        await delay(INTERVAL_MS, undefined, { signal }).catch(() => undefined); // stop() ends it.
      }
    }
  };
  const running = run();
  return {
    name: "retention",
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** Reports that are to be sent say how many messages they do not know any more. */
async function limitDmarcResults(
  { history, log, maxOctets }: Pick<RetentionDeps, "history" | "log" | "maxOctets">,
  signal: AbortSignal,
): Promise<void> {
  const domains = new Set<string>();
  let messages = 0;
  for (let step = 0; step < DMARC_STEPS; step++) {
    const dropped = await history.limitDmarcResults(maxOctets);
    if (dropped === undefined) break;
    messages += dropped.messages;
    domains.add(dropped.domain);
    await delay(STEP_PAUSE_MS, undefined, { signal });
  }
  if (messages === 0) return;
  const [domain] = domains;
  log.warn({ messages, domains: domains.size, domain }, "results for aggregate reports are dropped: too much room");
}
