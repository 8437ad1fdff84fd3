import { Type } from "typebox";
import { ENDPOINT_PATTERN } from "./endpoint.ts";

/** Settings that every process has. What happens to mail is in the policy file, not here. */
export const commonSettings = {
  /** `nats://host:4222`, comma-separated; absent: the bus is embedded. */
  natsUrl: Type.Optional(Type.String({ env: "NATS_URL" })),
  /**
   * HTTP monitoring of a NATS server that is on its own, `http://host:8222`: the only place where one can see whether
   * it syncs every write. A cluster with three replicas needs none.
   */
  natsMonitorUrl: Type.Optional(
    Type.String({ env: "NATS_MONITOR_URL", pattern: "^https?://", wanted: "a URL like http://host:8222" }),
  ),
  /**
   * What the operator says of a single NATS server: `r1-sync-always` that it syncs every write, `unsafe` that
   * acknowledged mail may be lost. `checked` refuses to start on a bus that cannot be seen to be durable.
   */
  busDurability: Type.Union([Type.Literal("checked"), Type.Literal("r1-sync-always"), Type.Literal("unsafe")], {
    default: "checked",
  }),
  /** Put before every subject and stream name, with its dot, so that two fleets can share a server: `test.`. */
  busPrefix: Type.String({
    default: "",
    pattern: "^([a-z0-9_-]+\\.)?$",
    wanted: "a word with a dot behind it, like test.",
  }),
  /** PostgreSQL of the history; absent: SQLite in the data directory. */
  databaseUrl: Type.Optional(Type.String({ env: "DATABASE_URL" })),
  /** Shared rate limits and lookups. */
  redisUrl: Type.Optional(Type.String({ env: "REDIS_URL" })),
  logLevel: Type.String({ env: "LOG_LEVEL", default: "info", pattern: "^(trace|debug|info|warn|error|fatal|silent)$" }),
  /** The policy file, in Exim's language; absent: the example that comes with the program. */
  config: Type.Optional(Type.String({ minLength: 1 })),
  /** Macros that win over those of the policy file, one `NAME=value` a line (`-DNAME=value` on the command line). */
  macros: Type.String({ default: "" }),
  /** Data directory: the embedded bus, the history, the logs, the mailboxes of the example policy. */
  data: Type.String({ default: "./data" }),
  /** Health and metrics of this process, `host:port`; absent: none (the status service has them for a single process). */
  health: Type.Optional(Type.String({ pattern: ENDPOINT_PATTERN })),
  /** Resolvers, `host:port`, comma-separated; absent: the system's. */
  dnsServers: Type.Optional(Type.String()),
  /** Time for a graceful stop; less than the orchestrator's patience (Kubernetes: 30 s). */
  shutdownGraceMs: Type.Integer({ minimum: 100, maximum: 600_000, default: 25_000 }),
};
