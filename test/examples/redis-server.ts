import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { freePort, program } from "@postbus/testkit";
import { temporaryDirectory } from "../support/fixture.ts";

const START_TIMEOUT_MS = 60_000;

/** A real Redis (or Valkey) without persistence, until the test ends. Undefined: there is none here, and the test is skipped. */
export async function redisPort(t: TestContext, ...settings: readonly string[]): Promise<number | undefined> {
  const path = program("redis-server") ?? program("valkey-server");
  if (path === undefined) {
    t.skip("SKIPPED: neither redis-server nor valkey-server is on this machine");
    return undefined;
  }
  const directory = await temporaryDirectory(t, "redis");
  const port = await freePort();
  const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", directory];
  const child = spawn(path, [...args, ...settings], { stdio: "ignore" });
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  });
  const started = performance.now();
  while (!(await listens(port))) {
    if (performance.now() - started > START_TIMEOUT_MS) throw new Error("redis: not started");
    await delay(20);
  }
  return port;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false)); // Not there yet.
  });
}
