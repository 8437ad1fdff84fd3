import type { Bus } from "@postbus/bus";
import type { Logger } from "pino";
import { collectDefaultMetrics, Registry } from "prom-client";
import type { Static, TObject } from "typebox";
import type { commonSettings } from "./common-settings.ts";
import { parseEndpoint } from "./endpoint.ts";
import { startFailure } from "./exit-code.ts";
import { type Announcement, instanceName, startAnnouncing } from "./fleet-announcement.ts";
import { fleetVariables } from "./fleet-variables.ts";
import { startHealthServer } from "./health-server.ts";
import { endOnBugs, outliveHangUp, stopAll, stopSignal, whenAborted } from "./lifecycle.ts";
import { createLogger } from "./logger.ts";
import { openBus } from "./open-bus.ts";
import type { Part, Service, ServiceContext, ServiceName } from "./service.ts";
import { joinSettings, readSettings } from "./settings.ts";

/** How often the event loop's delay is sampled for `/metrics`; the default, 10 ms, wakes an idle process 100 times a second. */
const EVENT_LOOP_SAMPLE_MS = 100;

/** Where the address of a service's listener is set. */
const listenSettings: Partial<Record<ServiceName, string>> = { gateway: "daemon_smtp_ports", status: "POSTBUS_HTTP" };

type CommonSettings = Static<TObject<typeof commonSettings>>;

export interface RunOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Where the log goes: 1 for a service, 2 where standard output belongs to the program's answers. */
  readonly logTo: 1 | 2;
  /** @throws {ConfigError | DeferError} */
  readonly openBus: (settings: CommonSettings, log: Logger) => Promise<Bus>;
  /** Aborted when the process is to stop; absent: by SIGTERM and SIGINT from now on. */
  readonly stopping: AbortSignal | undefined;
  /** Every listener is open. */
  readonly onReady: (parts: readonly Part[]) => void;
}

const defaults: RunOptions = { env: process.env, logTo: 1, openBus, stopping: undefined, onReady: () => undefined };

/**
 * The life of a process: read settings, open the bus, start the services in order, be ready, wait for SIGTERM or
 * SIGINT, stop everything in reverse order within `shutdownGraceMs`, exit.
 *
 * Exit codes: 0, or 1 if something did not stop in time; when it cannot start, one line for each problem on standard
 * error and 78 (the configuration), 75 (something is in use or away: try again) or 70 (a bug).
 *
 * @param services In the order in which they lean on each other: who takes mail in comes last and stops first.
 */
export async function runServices(services: readonly Service[], options: Partial<RunOptions> = {}): Promise<never> {
  const run = { ...defaults, ...options };
  const stopping = run.stopping ?? stopSignal();
  const parts: Part[] = [];
  let log: Logger | undefined;
  let graceMs = 0;
  const progress: Progress = { listenSetting: undefined };
  try {
    const settings = settingsOf(services, run.env);
    graceMs = settings.shutdownGraceMs;
    log = createLogger({ level: settings.logLevel, fd: run.logTo, readable: run.logTo === 2 && process.stderr.isTTY });
    endOnBugs(log);
    outliveHangUp(log);
    const state = await Promise.race([
      start(services, settings, log, run, parts, progress),
      whenAborted(stopping).then(() => undefined),
    ]);
    if (state !== undefined) {
      log.info("ready");
      run.onReady(parts);
      await whenAborted(stopping);
      state.stopping();
    }
    log.info({ signal: stopping.reason }, "stopping");
    // Not process.exitCode: a part that would not stop could hold the process open for ever.
    const exitCode = await stopAll(parts, graceMs, log);
    if (exitCode === 0) log.info("stopped");
    process.exit(exitCode);
  } catch (err) {
    const failure = startFailure(err, progress.listenSetting);
    if (failure.isBug) log?.fatal({ err }, "cannot start");
    for (const line of failure.lines) process.stderr.write(`postbus: ${line}\n`);
    if (log !== undefined) await stopAll(parts, graceMs, log);
    process.exit(failure.exitCode);
  }
}

/**
 * The settings of all services, checked before anything is opened.
 *
 * @throws {ConfigError} all that is wrong with them, one a line.
 */
export function settingsOf(services: readonly Service[], env: NodeJS.ProcessEnv): CommonSettings {
  const schema = joinSettings(services.map((service) => service.settings));
  const settings = readSettings(schema, env, fleetVariables) as CommonSettings;
  for (const service of services) service.check?.(settings);
  return settings;
}

interface Progress {
  /** What the listener being opened just now takes its address from. */
  listenSetting: string | undefined;
}

/** Opens everything, in order, and adds each part to `parts` as soon as it is there: what was started can be stopped. */
async function start(
  services: readonly Service[],
  settings: CommonSettings,
  log: Logger,
  run: RunOptions,
  parts: Part[],
  progress: Progress,
): Promise<{ stopping(): void }> {
  const metrics = new Registry();
  collectDefaultMetrics({ register: metrics, eventLoopMonitoringPrecision: EVENT_LOOP_SAMPLE_MS });
  let state: "starting" | "ready" | "stopping" = "starting";
  let bus: Bus | undefined;

  if (settings.health !== undefined) {
    const endpoint = parseEndpoint(settings.health, "POSTBUS_HEALTH");
    progress.listenSetting = "POSTBUS_HEALTH";
    const busHealth = async () => (await bus?.health()) ?? { ok: false, text: "not open" };
    const problem = () => {
      const part = parts.find((one) => one.problem !== undefined);
      return part === undefined ? undefined : `${part.name}: ${part.problem}`;
    };
    parts.push(await startHealthServer(endpoint, { isReady: () => state === "ready", problem, busHealth, metrics }));
  }
  const opened = await run.openBus(settings, log);
  bus = opened;
  parts.push({ name: "bus", stop: () => opened.close() });
  // A disk that is nearly full keeps nobody from starting, but mail from being taken.
  void opened.health().then(({ ok, text }) => {
    if (!ok) log.warn({ bus: text }, "the bus is not well");
  });

  const instance = instanceName();
  const announcements: Announcement[] = [];
  for (const service of services) {
    const own: Part[] = [];
    const announcement = startAnnouncing(
      opened,
      {
        service: service.name,
        instance,
        state: () => state,
        policyVersion: () => own.find((part) => part.policyVersion !== undefined)?.policyVersion,
      },
      log,
    );
    announcements.push(announcement);
    parts.push(announcement);
    void announcement.announce();
    const context: ServiceContext = {
      settings,
      bus: opened,
      log: log.child({ service: service.name }),
      metrics,
      instance,
    };
    progress.listenSetting = listenSettings[service.name];
    own.push(...(await service.start(context)));
    parts.push(...own);
  }
  const announceAll = () => {
    for (const announcement of announcements) void announcement.announce();
  };
  state = "ready";
  announceAll();
  return {
    stopping() {
      state = "stopping";
      announceAll();
    },
  };
}
