import { setTimeout as delay } from "node:timers/promises";
import type { History } from "@postbus/history";
import type { Part } from "@postbus/service-kit";
import type { Logger } from "pino";

const INTERVAL_MS = 60_000;
/** Between two steps, so that events are written meanwhile. */
const STEP_PAUSE_MS = 50;

export interface RetentionDeps {
  readonly history: History;
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
