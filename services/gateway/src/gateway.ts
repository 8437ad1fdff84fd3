import type { Socket } from "node:net";
import type { Bus } from "@postbus/bus";
import { MessageIdGenerator } from "@postbus/mail";
import type { ClientEndpoint, SmtpPolicy } from "@postbus/policy";
import type { RateStore } from "@postbus/rates";
import type { Part } from "@postbus/service-kit";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { Admission, type Turned, turned } from "./admission.ts";
import { afterReading } from "./after-reading.ts";
import { peerOf } from "./client-address.ts";
import { CoarseClock, TICK_MS } from "./coarse-clock.ts";
import { Connection } from "./connection.ts";
import { ForensicReports } from "./dmarc/forensic-reports.ts";
import { FactQuestions } from "./facts/fact-questions.ts";
import { openListeners } from "./listeners.ts";
import { admitClient, onlyForReserved } from "./load/admit-client.ts";
import { LoadGauge } from "./load/load-gauge.ts";
import { type LoadProbe, startLoadProbe } from "./load/load-probe.ts";
import { refuseConnection } from "./load/refuse-connection.ts";
import { gatewayMetrics } from "./metrics.ts";
import { OctetBudget } from "./octet-budget.ts";
import type { PolicyParts } from "./policy-parts.ts";
import { identifyClient } from "./proxy/identify-client.ts";
import { Rejections } from "./rejections.ts";
import type { GatewaySettings } from "./settings.ts";
import type { Surroundings } from "./surroundings.ts";
import { certificateMetrics } from "./tls/certificate-metrics.ts";
import { MailDates } from "./trace/mail-dates.ts";
import type { Watchers } from "./watch/watchers.ts";

export interface GatewayDeps {
  readonly settings: Pick<
    GatewaySettings,
    | "factsTimeoutMs"
    | "transactionTimeoutMs"
    | "inFlightOctets"
    | "shutdownGraceMs"
    | "crowdedDelayMs"
    | "overloadedDelayMs"
    | "crowdedMemoryPercent"
    | "overloadedMemoryPercent"
    | "decisions"
    | "data"
  >;
  /** Looked at when a connection comes. */
  readonly inForce: { readonly current: PolicyParts };
  readonly rates?: RateStore | undefined;
  readonly watchers: Watchers;
  readonly bus: Pick<Bus, "publish" | "spool" | "request" | "events" | "keyValue">;
  readonly log: Logger;
  readonly metrics: Registry;
  /** Default: of this process. */
  readonly probe?: LoadProbe;
  /** Of the deadlines; absent: the machine's. */
  readonly clock?: CoarseClock;
}

/** Of the grace for all parts of the process, what sessions may use; the rest is for those who stop after us. */
const GRACE_SHARE = 0.6;

/** Connections that are turned away with a word, and a line in the log, in a tick: a flood must not cost the others anything. */
const MAX_POLITE = 500;

/** Opens the listeners; the part's `addresses` say where. */
export async function startGateway(deps: GatewayDeps): Promise<Part> {
  const {
    settings,
    inForce,
    rates,
    watchers,
    bus,
    log,
    metrics,
    clock = new CoarseClock(),
    probe = startLoadProbe(),
  } = deps;
  const { smtp } = inForce.current.policy;
  const admission = new Admission(smtp);
  const gauge = new LoadGauge({
    delayMs: [settings.crowdedDelayMs, settings.overloadedDelayMs],
    memoryPercent: [settings.crowdedMemoryPercent, settings.overloadedMemoryPercent],
  });
  let average = 0;
  const budget = new OctetBudget(settings.inFlightOctets);
  const rejections = new Rejections(bus.events, log);
  const forensics = new ForensicReports({
    ...{ bus, rates, log },
    hostname: () => inForce.current.policy.primaryHostname,
  });
  const ofAll: Omit<Surroundings, keyof PolicyParts> = {
    settings,
    rates,
    bus,
    questions: new FactQuestions(bus, log),
    forensics,
    messageIds: new MessageIdGenerator(),
    budget,
    clock,
    dates: new MailDates(),
    rejections,
    connections: () => admission.connections,
    load: {
      get level() {
        return gauge.level;
      },
      get average() {
        return average;
      },
    },
    watchers,
    metrics: gatewayMetrics(
      metrics,
      () => admission.connections,
      () => budget.used,
      () => gauge.rank,
    ),
    log,
  };
  certificateMetrics(metrics, () => inForce.current.tls?.certificates ?? []);
  let parts = inForce.current;
  let surroundings: Surroundings = { ...ofAll, ...parts };
  /** For a connection that comes now. */
  const present = (): Surroundings => {
    if (parts !== inForce.current) {
      parts = inForce.current;
      surroundings = { ...ofAll, ...parts };
      const now = parts.policy.smtp;
      admission.limit(now);
      if (placesOf(now) !== placesOf(smtp)) {
        log.warn({ places: placesOf(now) }, "other places to listen at are taken after a restart only");
      }
    }
    return surroundings;
  };
  const connections = new Set<Connection>();
  /** Of whom it is not known yet who they are. */
  const newcomers = new Set<Socket>();
  let onIdle: (() => void) | undefined;
  let isStopping = false;

  /** So many more are told why they are turned away, until the next tick. */
  let politeness = MAX_POLITE;
  const turnAway = (
    socket: Socket,
    client: ClientEndpoint,
    why: Turned,
    around: Surroundings,
    isTlsFirst: boolean,
  ): void => {
    politeness -= 1;
    refuseConnection(socket, client, why, around, { isTlsFirst, isSilent: politeness < 0 });
  };
  const onClosed = (connection: Connection, countedAs: string): void => {
    connections.delete(connection);
    admission.leave(countedAs);
    if (connections.size === 0) onIdle?.();
  };
  const onConnection = (socket: Socket, port: number): void => {
    // Gone again already: there is nobody to speak to.
    if (socket.remoteAddress === undefined) return void socket.destroy();
    const around = present();
    const peer = peerOf(socket);
    // Behind a proxy it is the client who is counted, not the one proxy of them all.
    const isKnown = around.policy.isProxy === undefined;
    const isTlsFirst = around.policy.smtp.tlsPorts.has(port);
    const why = isStopping ? turned.stopping : admission.enter();
    if (why !== undefined) {
      turnAway(socket, peer, why, around, isTlsFirst);
      return;
    }
    // Who the client is does not matter where nobody is reserved.
    const closed = around.policy.isReserved === undefined ? onlyForReserved(around, admission) : undefined;
    if (closed !== undefined) {
      admission.leave(undefined);
      turnAway(socket, peer, closed, around, isTlsFirst);
    } else if (isKnown) admit(socket, peer, around, isTlsFirst);
    else identify(socket, peer, around, isTlsFirst);
  };
  const identify = (socket: Socket, peer: ClientEndpoint, around: Surroundings, isTlsFirst: boolean): void => {
    newcomers.add(socket);
    identifyClient(socket, peer, around, {
      onKnown(client) {
        newcomers.delete(socket);
        admit(socket, client, around, isTlsFirst);
      },
      onGone() {
        newcomers.delete(socket);
        admission.leave(undefined);
      },
    });
  };
  const admit = (socket: Socket, client: ClientEndpoint, around: Surroundings, isTlsFirst: boolean): void => {
    const decide = (why: Turned | undefined): void => {
      if (why !== undefined) {
        admission.leave(undefined);
        turnAway(socket, client, why, around, isTlsFirst);
      } else if (socket.destroyed) admission.leave(client.address);
      else begin(socket, client, around, isTlsFirst);
    };
    const answer = admitClient(client, around, admission);
    if (!(answer instanceof Promise)) {
      decide(answer);
      return;
    }
    newcomers.add(socket);
    // Nobody else listens until it is decided.
    socket.on("error", (err) => log.debug({ err, clientAddress: client.address }, "connection lost"));
    answer
      .finally(() => newcomers.delete(socket))
      .then(decide, (err: unknown) => {
        log.error({ err, clientAddress: client.address }, "session failed");
        admission.leave(undefined);
        socket.destroy();
      });
  };
  const begin = (socket: Socket, client: ClientEndpoint, around: Surroundings, isTlsFirst: boolean): void => {
    const left = (closed: Connection): void => onClosed(closed, client.address);
    const connection = new Connection(socket, client, around, left, isTlsFirst);
    connections.add(connection);
    // Paused if something had to be read before.
    socket.resume();
    afterReading(() => {
      connection.start();
      if (isStopping) connection.shutDown();
    });
  };
  const sweep = setInterval(() => {
    clock.tick();
    politeness = MAX_POLITE;
    const reading = probe.read();
    average = reading.loadAverage;
    if (gauge.add(reading)) log.warn({ level: gauge.level, ...reading }, "the load is of another level");
    for (const connection of connections) connection.check(clock.nowMs);
  }, TICK_MS);

  try {
    const listeners = await openListeners(smtp.interfaces, smtp.ports, smtp, onConnection, (err) =>
      log.error({ err }, "listener"),
    );
    log.info({ addresses: listeners.addresses, policy: parts.policy.version }, "listening");
    return {
      name: "smtp",
      addresses: listeners.addresses,
      get problem() {
        return gauge.level === "overloaded" ? `too much load: ${gauge.problem}` : undefined;
      },
      get policyVersion() {
        return inForce.current.policy.version;
      },
      async stop() {
        isStopping = true;
        listeners.close();
        for (const connection of connections) connection.shutDown();
        for (const socket of newcomers) socket.destroy();
        await allClosed(connections, settings.shutdownGraceMs * GRACE_SHARE, (resolve) => {
          onIdle = resolve;
        });
        clearInterval(sweep);
        probe.stop();
        await rejections.stop();
        await forensics.stop();
      },
    };
  } catch (err) {
    clearInterval(sweep);
    probe.stop();
    throw err;
  }
}

const placesOf = ({ interfaces, ports }: SmtpPolicy): string => `${interfaces.join(" ")}: ${ports.join(" ")}`;

/** What is still open after the grace is cut off: such a transaction has not been answered, its client will try again. */
async function allClosed(
  connections: ReadonlySet<Connection>,
  graceMs: number,
  whenIdle: (resolve: () => void) => void,
): Promise<void> {
  if (connections.size === 0) return;
  const idle = new Promise<void>((resolve) => whenIdle(resolve));
  const timer = setTimeout(() => {
    for (const connection of connections) connection.destroy();
  }, graceMs);
  await idle;
  clearTimeout(timer);
}
