import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort, runPostbus } from "@postbus/testkit";

const root = resolve(import.meta.dirname, "../..");
const project = `postbus-test-${process.pid}`;

/** The first time, images are pulled and built. */
const UP_TIMEOUT_MS = 600_000;
const COMMAND_TIMEOUT_MS = 120_000;
/** After a server was killed: a new leader, and leases that run out. */
const PATIENCE_MS = 60_000;

const ports = { SMTP_PORT: String(await freePort()), HTTP_PORT: String(await freePort()) };

async function compose(words: readonly string[], timeoutMs = COMMAND_TIMEOUT_MS): Promise<string> {
  const args = ["compose", "--project-name", project, "--profile", "demo", ...words];
  const { stdout } = await promisify(execFile)("docker", args, {
    cwd: root,
    env: { ...process.env, ...ports },
    timeout: timeoutMs,
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}

const send = (...args: string[]) =>
  runPostbus({
    command: "send",
    args: ["--server", `127.0.0.1:${ports.SMTP_PORT}`, "--from", "me@example.org", ...args],
  });

/** Subjects that the sink has shown. */
async function received(): Promise<string[]> {
  const log = await compose(["logs", "--no-log-prefix", "sink"]);
  return [...log.matchAll(/octets, "(.*)"$/gm)].map((match) => match[1] ?? "");
}

async function eventually(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await sleep(500)) if (await isSo()) return;
  assert.fail(`not within ${PATIENCE_MS} ms: ${what}`);
}

const missing = await promisify(execFile)("docker", ["compose", "version"])
  .then(() => promisify(execFile)("docker", ["info"]))
  .then(
    () => false,
    (err: Error) => `no Docker engine with compose: ${err.message.split("\n")[0]}`,
  );

describe("docker-compose.yml", { skip: missing }, () => {
  before(() => compose(["up", "--build", "--detach", "--wait"], UP_TIMEOUT_MS));
  after(() => compose(["down", "--volumes", "--timeout", "40"]));

  test("mail goes through HAProxy and the fleet to the next hop and to a mailbox", async () => {
    const { code, output } = await send("--to", "you@example.net", "--to", "ann@example.test", "--subject", "through");
    assert.equal(code, 0, output);
    await eventually("the sink has it", async () => (await received()).includes("through"));
    await eventually("the mailbox has it", async () => {
      const files = await compose(["exec", "-T", "delivery", "find", "/data/mail/example.test/ann/new", "-type", "f"]);
      return files.trim().split("\n").length === 1;
    });
    await eventually("the log has its end", async () => {
      const log = await compose(["exec", "-T", "logger", "cat", "/data/log/mainlog"]);
      return /Completed$/m.test(log);
    });
    const log = await compose(["exec", "-T", "logger", "cat", "/data/log/mainlog"]);
    const [, client, proxy] = / <= me@example\.org H=.*\[(\S+)\] P=\S+ PRX=(\S+) /.exec(log) ?? [];
    assert.ok(client !== undefined && client !== proxy, "the log tells the client from HAProxy");
  });

  test("no process is root or could become it, and none can write to its image", async () => {
    const ids = (await compose(["ps", "--quiet", "gateway-a", "delivery", "status", "sink"])).trim().split("\n");
    for (const id of ids) {
      const { stdout } = await promisify(execFile)("docker", ["inspect", id]);
      const [{ Config, HostConfig }] = JSON.parse(stdout);
      assert.equal(Config.User, "1000:1000");
      assert.equal(HostConfig.ReadonlyRootfs, true);
      assert.deepEqual(HostConfig.CapDrop, ["ALL"]);
      assert.ok(HostConfig.SecurityOpt.includes("no-new-privileges:true"));
    }
  });

  test("delivery scales to three, and every message is delivered once", async () => {
    await compose(["up", "--detach", "--scale", "delivery=3", "--wait"]);
    assert.equal((await compose(["ps", "--quiet", "delivery"])).trim().split("\n").length, 3);
    const { code } = await send(
      "--to",
      "you@example.net",
      "--count",
      "100",
      "--connections",
      "5",
      "--subject",
      "scaled",
    );
    assert.equal(code, 0);
    const count = async () => (await received()).filter((subject) => subject === "scaled").length;
    await eventually("all are there", async () => (await count()) >= 100);
    assert.equal(await count(), 100);
  });

  test("one of three NATS servers dies, one gateway stops: mail goes on, nothing is lost", async () => {
    await compose(["kill", "--signal", "KILL", "nats-2"]);
    await compose(["stop", "gateway-a"]);
    const { code, output } = await send(
      "--to",
      "you@example.net",
      "--count",
      "50",
      "--connections",
      "5",
      "--subject",
      "survivors",
    );
    assert.equal(code, 0, output);
    await compose(["up", "--detach", "--wait", "--no-recreate"]);
    const count = async () => (await received()).filter((subject) => subject === "survivors").length;
    await eventually("all are there", async () => (await count()) >= 50);
    assert.equal(await count(), 50);
  });

  test("the services stop in time with exit code 0", async () => {
    const services = ["gateway-a", "gateway-b", "verifier", "scanner", "router", "delivery", "logger", "status"];
    await compose(["stop", ...services]);
    const states = (await compose(["ps", "--all", "--format", "{{.Service}} {{.ExitCode}}", ...services])).trim();
    for (const line of states.split("\n")) assert.match(line, / 0$/);
  });
});
