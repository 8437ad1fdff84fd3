import type { Socket } from "node:net";
import type { Bus } from "@postbus/bus";
import { MessageIdGenerator } from "@postbus/mail";
import type { ClientEndpoint, SmtpPolicy } from "@postbus/policy";
import type { RateStore } from "@postbus/rates";
import type { Part } from "@postbus/service-kit";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { Admission } from "./admission.ts";
import { peerOf } from "./client-address.ts";
import { CoarseClock, TICK_MS } from "./coarse-clock.ts";
import { Connection } from "./connection.ts";
import { FactQuestions } from "./facts/fact-questions.ts";
import { openListeners } from "./listeners.ts";
import { gatewayMetrics } from "./metrics.ts";
import { OctetBudget } from "./octet-budget.ts";
import type { PolicyParts } from "./policy-parts.ts";
import { identifyClient } from "./proxy/identify-client.ts";
import { Rejections } from "./rejections.ts";
import type { GatewaySettings } from "./settings.ts";
import type { Surroundings } from "./surroundings.ts";
import { certificateMetrics } from "./tls/certificate-metrics.ts";
import type { Watchers } from "./watch/watchers.ts";

export interface GatewayDeps {
  readonly settings: Pick<
    GatewaySettings,
    "factsTimeoutMs" | "transactionTimeoutMs" | "decisions" | "inFlightOctets" | "shutdownGraceMs" | "data"
  >;
  /** Looked at when a connection comes. */
  readonly inForce: { readonly current: PolicyParts };
  readonly rates?: RateStore | undefined;
  readonly watchers: Watchers;
  readonly bus: Pick<Bus, "publish" | "spool" | "request" | "events">;
  readonly log: Logger;
  readonly metrics: Registry;
  /** Of the deadlines; absent: the machine's. */
  readonly clock?: CoarseClock;
}

/** Of the grace for all parts of the process, what sessions may use; the rest is for those who stop after us. */
const GRACE_SHARE = 0.6;

/** Opens the listeners; the part's `addresses` say where. */
export async function startGateway(deps: GatewayDeps): Promise<Part> {
  const { settings, inForce, rates, watchers, bus, log, metrics, clock = new CoarseClock() } = deps;
  const { smtp } = inForce.current.policy;
  const admission = new Admission(smtp.acceptMax, smtp.acceptMaxPerHost);
  const budget = new OctetBudget(settings.inFlightOctets);
  const rejections = new Rejections(bus.events, log);
  const ofAll: Omit<Surroundings, keyof PolicyParts> = {
    settings,
    rates,
    bus,
    questions: new FactQuestions(bus, log),
    messageIds: new MessageIdGenerator(),
    budget,
    clock,
    rejections,
    watchers,
    metrics: gatewayMetrics(
      metrics,
      () => admission.connections,
      () => budget.used,
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
      admission.limit(now.acceptMax, now.acceptMaxPerHost);
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
    const refusal = isStopping ? "service not available" : admission.enter(isKnown ? peer.address : undefined);
    const isTlsFirst = around.policy.smtp.tlsPorts.has(port);
    if (refusal !== undefined) refuse(socket, refusal, around, isTlsFirst);
    else if (isKnown) begin(socket, peer, around, isTlsFirst);
    else identify(socket, peer, around, isTlsFirst);
  };
  const identify = (socket: Socket, peer: ClientEndpoint, around: Surroundings, isTlsFirst: boolean): void => {
    newcomers.add(socket);
    identifyClient(socket, peer, around, {
      onKnown(client) {
        newcomers.delete(socket);
        const refusal = admission.identify(client.address);
        if (refusal === undefined) begin(socket, client, around, isTlsFirst);
        else {
          admission.leave(undefined);
          refuse(socket, refusal, around, isTlsFirst);
        }
      },
      onGone() {
        newcomers.delete(socket);
        admission.leave(undefined);
      },
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
    for (const connection of connections) connection.check(clock.nowMs);
  }, TICK_MS);

  try {
    const listeners = await openListeners(smtp.interfaces, smtp.ports, onConnection, (err) =>
      log.error({ err }, "listener"),
    );
    log.info({ addresses: listeners.addresses, policy: parts.policy.version }, "listening");
    return {
      name: "smtp",
      addresses: listeners.addresses,
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
        await rejections.stop();
      },
    };
  } catch (err) {
    clearInterval(sweep);
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

/**
 * Calls back when what a socket has received until now has been read: one round of the event loop, no pause. Early
 * talkers are those whose octets are there by then.
 */
function afterReading(callback: () => void): void {
  setImmediate(() => setImmediate(callback));
}

/** @param isTlsFirst The client waits for a handshake, and could not read a word. */
function refuse(socket: Socket, why: string, { metrics, policy }: Surroundings, isTlsFirst: boolean): void {
  metrics.rejections.inc({ stage: "connect" });
  // The client may be gone already, and that is all we want.
  socket.on("error", () => undefined);
  if (!isTlsFirst) socket.write(`421 4.3.2 ${policy.primaryHostname} ${why}\r\n`, "latin1");
  socket.destroySoon();
}
