import { type ConsumerInfo, JetStreamApiError, type StreamInfo } from "@nats-io/jetstream";
import { ConfigError, DeferError } from "@postbus/mail";
import { checkVersion, consumerProblems, streamProblems } from "./check-server.ts";
import { type ConnectionOptions, openConnection } from "./connection.ts";
import { Link } from "./link.ts";
import { ServerApi } from "./server-api.ts";
import { isAlone, isNotFound } from "./server-error.ts";
import { type TopologyOptions, topology } from "./topology.ts";

/** What was done to each stream and consumer. */
export type ProvisionReport = readonly {
  readonly name: string;
  readonly done: "created" | "updated" | "unchanged";
}[];

/**
 * Makes or updates the streams and consumers on the server: `postbus provision`. Done again, it changes nothing.
 *
 * @throws {ConfigError} if the server is too old, refuses, or what came back is not what mail needs.
 * @throws {DeferError} no server answers, or it has no room now.
 */
export async function provisionNats(options: ConnectionOptions & TopologyOptions): Promise<ProvisionReport> {
  const connection = await openConnection(options);
  const link = new Link(connection, options.onProblem ?? warn);
  try {
    checkVersion(connection);
    const api = await ServerApi.open(link);
    const wanted = topology(options);
    const report: { name: string; done: "created" | "updated" | "unchanged" }[] = [];
    const problems: string[] = [];
    for (const stream of wanted.streams) {
      const before = await lookUp(() => api.call(`look up ${stream.name}`, ({ streams }) => streams.info(stream.name)));
      const after = await api.call(`make ${stream.name}`, ({ streams }) =>
        before === undefined ? streams.add(stream) : streams.update(stream.name, updatable(before, stream)),
      );
      problems.push(...streamProblems(stream, after.config));
      report.push({ name: stream.name, done: doneTo(before, after) });
    }
    for (const { stream, config } of wanted.consumers) {
      const name = config.durable_name;
      const before = await lookUp(() => api.call(`look up ${name}`, ({ consumers }) => consumers.info(stream, name)));
      const after = await api.call(`make ${name}`, ({ consumers }) => consumers.add(stream, config));
      problems.push(...consumerProblems(config, after.config));
      report.push({ name: `${stream}/${name}`, done: doneTo(before, after) });
    }
    if (problems.length > 0)
      throw new ConfigError(`NATS: the server did not take the settings:\n  ${problems.join("\n  ")}`);
    return report;
  } catch (err) {
    throw asProvisionError(err, options.replicas ?? 1);
  } finally {
    await link.close();
  }
}

/** Whatever the server says against it is the operator's to mend: words, not a stack. */
function asProvisionError(err: unknown, replicas: number): unknown {
  if (err instanceof ConfigError || err instanceof DeferError || !(err instanceof Error)) return err;
  if (isAlone(err)) {
    return new ConfigError(`NATS: --replicas ${replicas} needs a cluster of ${replicas} servers, this one is alone`, {
      cause: err,
    });
  }
  if (err instanceof JetStreamApiError)
    return new ConfigError(`NATS: the server refuses: ${err.message}`, { cause: err });
  return err;
}

async function lookUp<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (err) {
    if (isNotFound(err)) return undefined;
    throw err;
  }
}

/** What the server holds and we do not name stays as it is (an operator's placement, a description). */
function updatable(before: StreamInfo, wanted: object): object {
  return { ...before.config, ...wanted };
}

function doneTo(
  before: StreamInfo | ConsumerInfo | undefined,
  after: StreamInfo | ConsumerInfo,
): "created" | "updated" | "unchanged" {
  if (before === undefined) return "created";
  return JSON.stringify(before.config) === JSON.stringify(after.config) ? "unchanged" : "updated";
}

export const warn = (what: string, error: unknown): void => {
  process.emitWarning(`${what}: ${error instanceof Error ? error.message : String(error)}`, "PostbusBus");
};
