import type { ConsumerConfig, StreamConfig } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { ConfigError } from "@postbus/mail";
import { ACK_WAIT_MIN_MS } from "./lease.ts";
import { ID_MEMORY_MS } from "./send-until-known.ts";

/** Before it, inline compaction ignored `sync_interval: always` (nats-server #8475) and batches were not synced as one (#8539). */
const MINIMUM = [2, 15, 1] as const;
const NANOSECONDS = 1_000_000;

/** @throws {ConfigError} if the server is too old, or has no JetStream. */
export function checkVersion(connection: NatsConnection): void {
  const { version = "unknown", jetstream } = connection.info ?? {};
  const parts = version.split(/[.-]/).slice(0, MINIMUM.length).map(Number);
  for (const [index, least] of MINIMUM.entries()) {
    const part = parts[index] ?? 0;
    if (part > least) break;
    if (part < least || Number.isNaN(part)) {
      throw new ConfigError(`NATS: server ${version} is too old, at least ${MINIMUM.join(".")} is needed`);
    }
  }
  if (jetstream !== true) throw new ConfigError("NATS: JetStream is not enabled on the server");
}

/**
 * What differs between what a stream is and what mail needs. Old servers take settings that they do not know without
 * a word, so what came back is what counts.
 */
export function streamProblems(wanted: Partial<StreamConfig>, actual: Partial<StreamConfig>): string[] {
  const problems: string[] = [];
  const name = wanted.name ?? "";
  const expect = (key: keyof StreamConfig, value: unknown) => {
    if (actual[key] !== value) problems.push(`${name}: ${key} is ${String(actual[key])}, must be ${String(value)}`);
  };
  expect("storage", wanted.storage);
  expect("retention", wanted.retention);
  expect("discard", wanted.discard);
  for (const key of [
    "allow_atomic",
    "allow_rollup_hdrs",
    "allow_msg_schedules",
    "allow_msg_ttl",
    "allow_direct",
  ] as const) {
    if (wanted[key] === true) expect(key, true);
  }
  if (wanted.max_msgs_per_subject !== undefined) expect("max_msgs_per_subject", wanted.max_msgs_per_subject);
  const subjects = actual.subjects ?? [];
  for (const subject of wanted.subjects ?? []) {
    if (!subjects.includes(subject)) problems.push(`${name}: does not take ${subject}`);
  }
  if (wanted.max_age !== undefined) return problems; // Events: they may go with age, and are not synced.
  // `persist_mode: async` acknowledges before the disk has it, whatever the server's sync_interval says (ADR-56).
  if (actual.persist_mode === "async") problems.push(`${name}: persist_mode is async: acknowledged mail could be lost`);
  if ((actual.max_age ?? 0) !== 0) problems.push(`${name}: max_age is set: mail would vanish`);
  if (
    wanted.max_bytes === undefined &&
    actual.discard === "old" &&
    ((actual.max_bytes ?? -1) >= 0 || (actual.max_msgs ?? -1) >= 0)
  ) {
    problems.push(`${name}: has a limit and discards the oldest: accepted mail would vanish`);
  }
  const windowMs = (actual.duplicate_window ?? 0) / NANOSECONDS;
  if (wanted.duplicate_window !== undefined && windowMs <= ID_MEMORY_MS) {
    problems.push(`${name}: duplicate_window is ${windowMs} ms, must be above ${ID_MEMORY_MS}`);
  }
  return problems;
}

/** As `streamProblems`, for a consumer. */
export function consumerProblems(wanted: Partial<ConsumerConfig>, actual: Partial<ConsumerConfig>): string[] {
  const problems: string[] = [];
  const name = wanted.durable_name ?? "";
  const expect = (key: keyof ConsumerConfig, value: unknown) => {
    if (actual[key] !== value)
      problems.push(`consumer ${name}: ${key} is ${String(actual[key])}, must be ${String(value)}`);
  };
  expect("filter_subject", wanted.filter_subject);
  expect("ack_policy", wanted.ack_policy);
  expect("max_deliver", wanted.max_deliver);
  const ackWaitMs = (actual.ack_wait ?? 0) / NANOSECONDS;
  if (ackWaitMs < ACK_WAIT_MIN_MS) {
    problems.push(`consumer ${name}: ack_wait is ${ackWaitMs} ms, must be ${ACK_WAIT_MIN_MS} at least`);
  }
  // Its first step replaces ack_wait: items would be handed out again while they are worked on.
  if ((actual.backoff ?? []).length > 0) problems.push(`consumer ${name}: has a backoff, must have none`);
  if ((actual.max_ack_pending ?? 0) < (wanted.max_ack_pending ?? 0)) {
    problems.push(`consumer ${name}: max_ack_pending is ${actual.max_ack_pending}, must be ${wanted.max_ack_pending}`);
  }
  if (actual.headers_only === true) problems.push(`consumer ${name}: headers_only`);
  return problems;
}

/** How well what the server acknowledges is kept. */
export type Durability =
  /** Every stream has three replicas or more: no single machine's loss is a loss of mail. */
  | "replicated"
  /** One replica, each write synced before it is acknowledged. */
  | "synced"
  | "unsafe";

/** What an operator says of a server on its own, whose settings a client cannot see. */
export type DurabilityOption = "checked" | "r1-sync-always" | "unsafe";

/**
 * @param replicas The least that any stream has.
 * @param monitorUrl The server's HTTP monitoring, `http://host:8222`: the only place where its sync_interval can be seen.
 * @throws {ConfigError} if what is acknowledged could be lost, and nobody said that this is meant to be.
 */
export async function checkDurability(
  replicas: number,
  option: DurabilityOption,
  monitorUrl: string | undefined,
): Promise<Durability> {
  if (replicas >= 3) return "replicated";
  if (option === "unsafe") return "unsafe";
  if (option === "r1-sync-always") return "synced";
  if (monitorUrl === undefined) {
    throw new ConfigError(
      `NATS: not known to be durable: ${replicas} replica, and without NATS_MONITOR_URL its sync_interval cannot be seen;` +
        ' if it is "always", say POSTBUS_BUS_DURABILITY=r1-sync-always',
    );
  }
  if (await syncsAlways(monitorUrl)) return "synced";
  throw new ConfigError(
    `NATS: not durable: ${replicas} replica and sync_interval is not "always" (POSTBUS_BUS_DURABILITY=unsafe to lose mail knowingly)`,
  );
}

const MONITOR_TIMEOUT_MS = 5_000;

async function syncsAlways(monitorUrl: string): Promise<boolean> {
  const url = new URL("/varz", monitorUrl);
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(MONITOR_TIMEOUT_MS) });
    const varz = (await answer.json()) as { jetstream?: { config?: { sync_always?: boolean } } };
    return varz.jetstream?.config?.sync_always === true;
  } catch (err) {
    throw new ConfigError(`NATS: cannot ask ${url.href} for sync_interval: ${String(err)}`, { cause: err });
  }
}
