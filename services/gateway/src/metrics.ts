import { Counter, Gauge, Histogram, type Registry } from "prom-client";

export interface GatewayMetrics {
  /** Messages answered with 250, and with anything else after their content was read. */
  readonly messages: Counter<"result">;
  readonly recipients: Counter;
  readonly rejections: Counter<"stage">;
  /** Recipients that had an answer of their own when the content was there (PRDR): accept, discard, defer, refuse. */
  readonly prdr: Counter<"verdict">;
  /** What came where a PROXY header had to come; peers that say nothing at all are not counted. */
  readonly proxyHeaders: Counter<"result">;
  /** Connections that were turned away before anything was said: stopping, max, reserve, load, per_host. */
  readonly turnedAway: Counter<"reason">;
  /** TLS handshakes with clients: done, failed. */
  readonly handshakes: Counter<"result">;
  /** From the final dot's publication to stable storage. */
  readonly publishSeconds: Histogram;
}

/** Where a client was told no. */
export type RejectionStage = "connect" | "helo" | "auth" | "mail" | "rcpt" | "data" | "protocol";

export function gatewayMetrics(
  registry: Registry,
  connections: () => number,
  octetsInFlight: () => number,
  loadRank: () => number,
): GatewayMetrics {
  const registers = [registry];
  new Gauge({
    name: "postbus_gateway_connections",
    help: "SMTP connections that are open",
    registers,
    collect() {
      this.set(connections());
    },
  });
  new Gauge({
    name: "postbus_gateway_in_flight_octets",
    help: "octets of messages in memory",
    registers,
    collect() {
      this.set(octetsInFlight());
    },
  });
  new Gauge({
    name: "postbus_gateway_load_level",
    help: "0: normal, 1: new connections get 421 (crowded), 2: MAIL gets 452 as well (overloaded)",
    registers,
    collect() {
      this.set(loadRank());
    },
  });
  return {
    messages: new Counter({
      name: "postbus_gateway_messages_total",
      help: "messages whose content was read",
      labelNames: ["result"],
      registers,
    }),
    recipients: new Counter({
      name: "postbus_gateway_recipients_total",
      help: "recipients of accepted messages",
      registers,
    }),
    rejections: new Counter({
      name: "postbus_gateway_rejections_total",
      help: "commands and messages that were refused",
      labelNames: ["stage"],
      registers,
    }),
    prdr: new Counter({
      name: "postbus_gateway_prdr_recipients_total",
      help: "recipients that had an answer of their own when the content was there (PRDR)",
      labelNames: ["verdict"],
      registers,
    }),
    proxyHeaders: new Counter({
      name: "postbus_gateway_proxy_headers_total",
      help: "PROXY headers of peers that must send one",
      labelNames: ["result"],
      registers,
    }),
    turnedAway: new Counter({
      name: "postbus_gateway_turned_away_total",
      help: "connections that were turned away before anything was said",
      labelNames: ["reason"],
      registers,
    }),
    handshakes: new Counter({
      name: "postbus_gateway_tls_handshakes_total",
      help: "TLS handshakes with clients",
      labelNames: ["result"],
      registers,
    }),
    publishSeconds: new Histogram({
      name: "postbus_gateway_publish_seconds",
      help: "time until an accepted message was on stable storage",
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
      registers,
    }),
  };
}
