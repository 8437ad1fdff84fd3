import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { PostgresServer } from "./postgres.ts";

const IMAGE = "postgres:18";
const ENGINE_TIMEOUT_MS = 5_000;

/** Whether `docker info` answers. */
export async function hasContainerEngine(): Promise<boolean> {
  try {
    await promisify(execFile)("docker", ["info"], { timeout: ENGINE_TIMEOUT_MS });
    return true;
  } catch {
    return false; // No client, no engine, or not for us.
  }
}

/** PostgreSQL in a container, for machines that have an engine and no server. */
export async function startPostgresContainer(): Promise<PostgresServer> {
  // The package starts a container that cleans up after the others, from an image that may be out of reach; ours are
  // stopped by whoever started them.
  process.env["TESTCONTAINERS_RYUK_DISABLED"] ??= "true";
  const { GenericContainer, Wait } = await import("testcontainers");
  const container = await new GenericContainer(IMAGE)
    .withEnvironment({ POSTGRES_HOST_AUTH_METHOD: "trust" })
    .withExposedPorts(5432)
    .withCommand(["postgres", "-c", "fsync=off"])
    .withWaitStrategy(Wait.forLogMessage(/listening on IPv4 address "0\.0\.0\.0"/))
    .start();
  return {
    // The port may be another after a restart.
    get url() {
      return `postgres://postgres@${container.getHost()}:${container.getMappedPort(5432)}/postgres`;
    },
    kill: async () => {
      await promisify(execFile)("docker", ["kill", "--signal=QUIT", container.getId()]);
      await promisify(execFile)("docker", ["wait", container.getId()]);
    },
    start: () => container.restart(),
    stop: async () => {
      await container.stop();
    },
  };
}
