import { join } from "node:path";
import { openHistory } from "@postbus/history";
import { PolicyInForce } from "@postbus/policy";
import { type Service, startReloadListener } from "@postbus/service-kit";
import { LoggerConfig } from "./config.ts";
import { AggregateReports } from "./dmarc/aggregate-reports.ts";
import { EventReader } from "./event-reader.ts";
import { logSettings } from "./log-settings.ts";
import { loggerMetrics } from "./logger-metrics.ts";
import { startRetention } from "./retention.ts";

const OCTETS_PER_MEGABYTE = 1_000_000;

/** events → mainlog, rejectlog, history database. */
export const logger: Service<typeof LoggerConfig> = {
  name: "logger",
  settings: LoggerConfig,
  async start({ settings, bus, log, metrics, instance }) {
    const { config: file, macros, databaseUrl, data } = settings;
    const policy = await PolicyInForce.start({
      ...{ file, macros, data, log },
      use: (loaded) => logSettings(loaded, join(data, "log")),
    });
    const control = await startReloadListener({ bus, service: "logger", instance, policy });
    const history = await openHistory({ databaseUrl, directory: data });
    const { countBatch } = loggerMetrics(metrics);
    const reader = new EventReader({
      events: bus.events,
      history,
      name: settings.loggerName,
      settings: () => policy.current,
      log,
      onBatch: countBatch,
    });
    // Not waited for when it fails: a database that is away keeps no mail from flowing.
    await reader.started;
    const aggregates = new AggregateReports({
      ...{ history, bus, log },
      settings: () => policy.current.aggregates,
      isUpToDate: () => reader.problem === undefined,
    }).start();
    const maxOctets = settings.historyMegabytes * OCTETS_PER_MEGABYTE;
    return [
      control,
      {
        name: "policy",
        get policyVersion() {
          return policy.version;
        },
        stop: () => policy.stop(),
      },
      { name: "history", stop: () => history.close() },
      aggregates,
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
