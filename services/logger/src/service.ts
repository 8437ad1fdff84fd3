import { join } from "node:path";
import { openHistory } from "@postbus/history";
import type { Service } from "@postbus/service-kit";
import { LoggerConfig } from "./config.ts";
import { EventReader } from "./event-reader.ts";
import { loggerMetrics } from "./logger-metrics.ts";
import { startRetention } from "./retention.ts";

const OCTETS_PER_MEGABYTE = 1_000_000;

/** events → mainlog, rejectlog, history database. */
export const logger: Service<typeof LoggerConfig> = {
  name: "logger",
  settings: LoggerConfig,
  async start({ settings, bus, log, metrics }) {
    const { databaseUrl, data } = settings;
    const history = await openHistory({ databaseUrl, directory: data });
    const { countBatch } = loggerMetrics(metrics);
    const reader = new EventReader({
      events: bus.events,
      history,
      name: settings.loggerName,
      directory: join(data, "log"),
      log,
      onBatch: countBatch,
    });
    // Not waited for when it fails: a database that is away keeps no mail from flowing.
    await reader.started;
    const maxOctets = settings.historyMegabytes * OCTETS_PER_MEGABYTE;
    return [
      { name: "history", stop: () => history.close() },
      startRetention({ history, days: settings.historyDays, maxOctets, log }),
      {
        name: "event reader",
        get problem() {
          return reader.problem;
        },
        stop: () => reader.stop(),
      },
    ];
  },
};
