import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { provisionNats } from "@postbus/bus";
import { freePort, runPostbus, startNats } from "@postbus/testkit";
import { runningPostbus, temporaryDirectory } from "../support/fixture.ts";
import { startOldNats } from "../support/old-nats.ts";
import { noOwnDisk, onOwnDisk } from "../support/own-disk.ts";
import { needs } from "../support/programs.ts";

/** sysexits.h: a restart does not help; a restart may help. */
const EX_CONFIG = 78;
const EX_TEMPFAIL = 75;

interface Start {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly commandPrefix?: readonly string[];
}

/** `postbus start` that must end by itself, with exactly one line that says why. */
async function refuses(start: Start, code: number, line: RegExp): Promise<void> {
  // Notices (a host without a domain) are not what this is about.
  const env = { LOG_LEVEL: "error", ...start.env };
  const ended = await runPostbus({ command: "start", ...start, env });
  assert.match(ended.errors, line);
  assert.equal(ended.errors.trimEnd().split("\n").length, 1, `one line:\n${ended.errors}`);
  assert.doesNotMatch(ended.output, /postbus ready/);
  assert.equal(ended.code, code);
}

const everything = (data: string): string[] => ["--data", data, "-DSMTP_PORT=0"];

async function occupiedPort(t: TestContext): Promise<number> {
  const occupant = createServer().listen(0, "127.0.0.1");
  t.after(() => occupant.close());
  await once(occupant, "listening");
  return (occupant.address() as AddressInfo).port;
}

describe("the data directory", { concurrency: 2 }, () => {
  test("in use by another process", async (t) => {
    const { postbus, data } = await runningPostbus(t);
    const line = new RegExp(`^postbus: .*${data}.* is in use by process ${postbus.pid}\\n$`);
    await refuses({ args: everything(data) }, EX_TEMPFAIL, line);
  });

  test("where there can be no directories", async () => {
    await refuses(
      { args: everything("/proc/x") },
      EX_CONFIG,
      /^postbus: bus: \/proc\/x\/bus cannot be used: ENOENT.*\n$/,
    );
  });

  test("on a read-only disk", async (t) => {
    const missing = await noOwnDisk();
    if (missing !== undefined) return t.skip(missing);
    const data = await temporaryDirectory(t, "read-only");
    const start = { args: everything(data), commandPrefix: onOwnDisk(data, "ro") };
    await refuses(start, EX_CONFIG, /^postbus: .* is on a read-only file system\n$/);
  });

  test("on a full disk", async (t) => {
    const missing = await noOwnDisk();
    if (missing !== undefined) return t.skip(missing);
    const data = await temporaryDirectory(t, "full");
    const start = { args: everything(data), commandPrefix: onOwnDisk(data, "size=16k") };
    await refuses(start, EX_TEMPFAIL, /^postbus: .* is full.*\n$/);
  });

  test("of somebody else", async (t) => {
    if (process.getuid?.() !== 0 || needs(t, "setpriv") === undefined) return t.skip("SKIPPED: needs two users");
    const data = await temporaryDirectory(t, "others");
    await chmod(data, 0o700);
    const commandPrefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    const line = /^postbus: .*\/bus cannot be made: user 65534 may not write to .*\n$/;
    await refuses({ args: everything(data), commandPrefix }, EX_CONFIG, line);
  });

  test("a file in its place", async (t) => {
    const data = join(await temporaryDirectory(t, "file"), "data");
    await writeFile(data, "");
    await refuses({ args: everything(data) }, EX_CONFIG, /^postbus: .*\/data.* is not a directory\n$/);
  });
});

describe("ports and settings", { concurrency: 2 }, () => {
  test("the SMTP port in use", async (t) => {
    const port = await occupiedPort(t);
    const args = [...everything(await temporaryDirectory(t, "port")), `-DSMTP_PORT=${port}`];
    await refuses({ args }, EX_TEMPFAIL, new RegExp(`^postbus: .*127\\.0\\.0\\.1:${port}.*in use.*\\n$`));
  });

  test("the HTTP port in use", async (t) => {
    const port = await occupiedPort(t);
    const env = { POSTBUS_HTTP: `127.0.0.1:${port}` };
    const args = everything(await temporaryDirectory(t, "port"));
    await refuses({ args, env }, EX_TEMPFAIL, new RegExp(`^postbus: .*127\\.0\\.0\\.1:${port}.*in use.*\\n$`));
  });

  test("the health port in use", async (t) => {
    const port = await occupiedPort(t);
    const env = { POSTBUS_HEALTH: `127.0.0.1:${port}` };
    const args = everything(await temporaryDirectory(t, "port"));
    await refuses({ args, env }, EX_TEMPFAIL, new RegExp(`^postbus: .*127\\.0\\.0\\.1:${port}.*in use.*\\n$`));
  });

  test("a setting that nobody knows", async (t) => {
    const env = { POSTBUS_DELIVERY_CONCURENCY: "5" };
    const line = /^postbus: POSTBUS_DELIVERY_CONCURENCY: unknown \(did you mean POSTBUS_DELIVERY_CONCURRENCY\?\)\n$/;
    await refuses({ args: everything(await temporaryDirectory(t, "setting")), env }, EX_CONFIG, line);
  });

  test("an option that the policy file does not have", async (t) => {
    const directory = await temporaryDirectory(t, "policy");
    const policy = join(directory, "my.conf");
    await writeFile(policy, "primary_hostname = mx.example.org\nacl_smtp_data_typo = accept\n");
    const args = [...everything(directory), "--config", policy];
    await refuses({ args }, EX_CONFIG, /^postbus: .*my\.conf.*2.*acl_smtp_data_typo.*\n$/);
  });
});

describe("a NATS server", { concurrency: 3 }, () => {
  const env = (url: string, more: Readonly<Record<string, string>> = {}) => ({ NATS_URL: url, ...more });

  test("too old", async (t) => {
    const url = await startOldNats(t, "2.9.10");
    const line = /^postbus: NATS: server 2\.9\.10 is too old, at least 2\.15\.1 is needed\n$/;
    await refuses({ args: ["router"], env: env(url) }, EX_CONFIG, line);
  });

  test("away", { timeout: 180_000 }, async () => {
    const url = `nats://127.0.0.1:${await freePort()}`;
    await refuses({ args: ["router"], env: env(url) }, EX_TEMPFAIL, /^postbus: .*no NATS server answers at .*\n$/);
  });

  test("that does not sync every write, and one that nobody can ask about it", async (t) => {
    if (needs(t, "nats-server") === undefined) return;
    const nats = await startNats({ syncAlways: false });
    t.after(() => nats.stop());
    await refuses({ args: ["router"], env: env(nats.url) }, EX_CONFIG, /^postbus: NATS: not provisioned: .*\n$/);
    await provisionNats({ servers: [nats.url], eventsMaxOctets: 16 * 1024 ** 2 });
    const monitored = env(nats.url, { NATS_MONITOR_URL: nats.monitorUrl });
    await refuses({ args: ["router"], env: monitored }, EX_CONFIG, /^postbus: NATS: not durable: .*sync_interval.*\n$/);
    await refuses(
      { args: ["router"], env: env(nats.url) },
      EX_CONFIG,
      /^postbus: NATS: not known to be durable: .*\n$/,
    );
  });
});
