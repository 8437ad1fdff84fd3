import assert from "node:assert/strict";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { ConfigError } from "@postbus/mail";
import { PolicyInForce, type ReloadLog } from "../../src/load/policy-in-force.ts";
import type { Policy } from "../../src/policy.ts";

/** Lines of the log; each can be waited for. */
class Lines implements ReloadLog {
  readonly all: { readonly level: string; readonly facts: object; readonly text: string }[] = [];
  #added = Promise.withResolvers<void>();

  info(facts: object, text: string): void {
    this.#add("info", facts, text);
  }

  warn(facts: object, text: string): void {
    this.#add("warn", facts, text);
  }

  error(facts: object, text: string): void {
    this.#add("error", facts, text);
  }

  async until(count: number): Promise<void> {
    while (this.all.length < count) await this.#added.promise;
  }

  #add(level: string, facts: object, text: string): void {
    this.all.push({ level, facts, text });
    this.#added.resolve();
    this.#added = Promise.withResolvers();
  }
}

/** From one moment to the next: a file that is being written may be seen, and read, when it is empty. */
async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

const named = (name: string): string => `primary_hostname = ${name}\n`;

async function started(
  t: TestContext,
  lookEveryMs: number,
  use: (policy: Policy) => string | Promise<string> = ({ primaryHostname }) => primaryHostname,
) {
  const directory = await mkdtemp(join(tmpdir(), "postbus-policy-"));
  t.after(() => rm(directory, { recursive: true }));
  const included = join(directory, "names.conf");
  const file = join(directory, "postbus.conf");
  await writeFile(file, `.include ${included}\n`);
  await writeFile(included, named("one.test"));
  const log = new Lines();
  const inForce = await PolicyInForce.start({ file, log, use, lookEveryMs });
  t.after(() => inForce.stop());
  return { inForce, log, file, included };
}

const NEVER_MS = 1_000_000;

describe("a policy in force", () => {
  test("is read again when an included file has changed", async (t) => {
    const { inForce, log, included } = await started(t, 5);
    const before = inForce.version;
    await replace(included, named("other.test"));
    await log.until(1);
    assert.equal(inForce.current, "other.test");
    assert.notEqual(inForce.version, before);
    assert.partialDeepStrictEqual(log.all, [
      { level: "info", text: "policy read again", facts: { before, policyVersion: inForce.version } },
    ]);
  });

  test("is read again on SIGHUP", async (t) => {
    const { inForce, log, included } = await started(t, NEVER_MS);
    await replace(included, named("other.test"));
    process.kill(process.pid, "SIGHUP");
    await log.until(1);
    assert.equal(inForce.current, "other.test");
  });

  test("stays when the new one is broken: one line for each problem, and once", async (t) => {
    const { inForce, log, included } = await started(t, 5);
    const before = inForce.version;
    await replace(included, "nonsense = 1\nrecipients_max = many\n");
    await log.until(2);
    assert.equal(inForce.current, "one.test");
    assert.equal(inForce.version, before);
    assert.deepEqual(
      log.all.map(({ level, text }) => `${level} ${text}`),
      Array(2).fill("error policy not read again: the old one stays in force"),
    );
    await replace(included, named("mended.test"));
    await log.until(3);
    assert.equal(inForce.current, "mended.test");
    assert.equal(log.all.length, 3);
  });

  test("stays when the service can make nothing of the new one", async (t) => {
    const { inForce, log, included } = await started(t, NEVER_MS, ({ primaryHostname }) => {
      if (primaryHostname === "bad.test") throw new ConfigError("the certificate is none");
      return primaryHostname;
    });
    await replace(included, named("bad.test"));
    await inForce.reload("test");
    assert.equal(inForce.current, "one.test");
    assert.partialDeepStrictEqual(log.all, [{ level: "error", facts: { problem: "the certificate is none" } }]);
  });

  test("says what a reload has come to", async (t) => {
    const { inForce, included } = await started(t, NEVER_MS);
    const before = inForce.version;
    await replace(included, "nonsense = 1\n");
    const broken = await inForce.reload("test");
    assert.equal(broken.version, before);
    assert.match(broken.problems.join("\n"), /^[^\n]*names\.conf:1: [^\n]*nonsense[^\n]*$/);
    await replace(included, named("other.test"));
    assert.deepEqual(await inForce.reload("test"), { before, version: inForce.version, problems: [] });
    assert.notEqual(inForce.version, before);
  });

  test("is read once more for who asks while it is being read", async (t) => {
    let mayGoOn: Promise<unknown> | undefined;
    const { inForce, log, included } = await started(t, NEVER_MS, async ({ primaryHostname }) => {
      await mayGoOn;
      return primaryHostname;
    });
    const { promise, resolve: goOn } = Promise.withResolvers<void>();
    mayGoOn = promise;
    const first = inForce.reload("first");
    await replace(included, named("other.test"));
    const others = [inForce.reload("second"), inForce.reload("third")];
    goOn();
    const versions = (await Promise.all([first, ...others])).map(({ version }) => version);
    assert.equal(inForce.current, "other.test");
    assert.deepEqual(versions.slice(1), [inForce.version, inForce.version]);
    assert.equal(log.all.length, 2);
  });

  test("must be sound in the beginning", async () => {
    const start = PolicyInForce.start({ file: "/nowhere/x.conf", log: new Lines(), use: () => 1 });
    await assert.rejects(start, ConfigError);
  });
});
