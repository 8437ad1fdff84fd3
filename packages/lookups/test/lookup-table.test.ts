import assert from "node:assert/strict";
import { appendFile, readdir, readlink, rename, utimes, writeFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { LookupScope } from "../src/lookup.ts";
import { LookupDefer } from "../src/lookup-defer.ts";
import type { LookupTable } from "../src/lookup-table.ts";
import { parseLookupType } from "../src/parse-lookup-type.ts";
import { disposable, newScope, temporaryFiles } from "./lookup-in-file.ts";

const LARGE = Array.from({ length: 60_000 }, (_, i) => `key${i}.example.org: ${i}\n`).join("");

async function find(table: LookupTable, file: string, key: string, scope: LookupScope, type = "lsearch") {
  const outcome = await table.find({ spec: parseLookupType(type), key, file }, scope);
  return outcome.found ? outcome.data : undefined;
}

describe("a file", () => {
  test("is asked without waiting once the scope has seen it", async () => {
    const files = await temporaryFiles({ table: "a: 1\nb: 2\n" });
    await using table = disposable({});
    const scope = newScope();
    const spec = parseLookupType("lsearch");
    const file = `${files.directory}/table`;
    assert.ok(table.find({ spec, key: "a", file }, scope) instanceof Promise);
    await find(table, file, "a", scope);
    assert.deepEqual(table.find({ spec, key: "a", file }, scope), { found: true, data: "1" });
    assert.deepEqual(table.find({ spec, key: "b", file }, scope), { found: true, data: "2" });
    assert.deepEqual(table.find({ spec, key: "c", file }, scope), { found: false });
    await files.remove();
  });

  for (const [size, filler] of [
    ["small", ""],
    ["large", LARGE],
  ] as const) {
    test(`that has changed is read anew by the next scope, not by this one (${size})`, async () => {
      const files = await temporaryFiles({ table: `${filler}a: 1\n` });
      const file = `${files.directory}/table`;
      await using table = disposable({});
      const scope = newScope();
      assert.equal(await find(table, file, "a", scope), "1");
      await appendFile(file, "b: 2\n");
      assert.equal(await find(table, file, "a", scope), "1");
      assert.equal(await find(table, file, "b", newScope()), "2");
      await writeFile(`${files.directory}/new`, `${filler}a: 3\n`);
      await rename(`${files.directory}/new`, file);
      assert.equal(await find(table, file, "a", newScope()), "3");
      assert.equal(await find(table, file, "b", newScope()), undefined);
      await files.remove();
    });
  }

  test("that is overwritten at once, with the same size and time, is not mistaken for the old one", async () => {
    const files = await temporaryFiles({ table: "a: 1\n" });
    const file = `${files.directory}/table`;
    await using table = disposable({});
    for (let i = 2; i < 9; i++) {
      await find(table, file, "a", newScope());
      await writeFile(file, `a: ${i}\n`);
      assert.equal(await find(table, file, "a", newScope()), `${i}`);
    }
    await files.remove();
  });

  test("that comes and goes is seen each time", async () => {
    const files = await temporaryFiles({ table: "a: 1\n" });
    const file = `${files.directory}/table`;
    await using table = disposable({});
    assert.equal(await find(table, file, "a", newScope()), "1");
    await rename(file, `${file}.away`);
    await assert.rejects(find(table, file, "a", newScope()), /failed to open .* No such file or directory/);
    await rename(`${file}.away`, file);
    assert.equal(await find(table, file, "a", newScope()), "1");
    await files.remove();
  });

  test("that many ask for at the same time is read once for all", async () => {
    const files = await temporaryFiles({ table: `${LARGE}a: 1\n` });
    const file = `${files.directory}/table`;
    await utimes(file, 1_000_000_000, 1_000_000_000);
    await using table = disposable({});
    const answers = await Promise.all(Array.from({ length: 50 }, () => find(table, file, "a", newScope())));
    assert.ok(answers.every((answer) => answer === "1"));
    assert.equal(await openIn(files.directory), 1);
    await files.remove();
  });
});

/** How many files below the directory this process has open. */
async function openIn(directory: string): Promise<number> {
  const targets = (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ""));
  return (await Promise.all(targets)).filter((target) => target.startsWith(directory)).length;
}

test("no more files are open than allowed, and all are closed at the end", async () => {
  const names = Array.from({ length: 8 }, (_, i) => `table${i}`);
  const files = await temporaryFiles(Object.fromEntries(names.map((name) => [name, `${LARGE}name: ${name}\n`])));
  {
    await using table = disposable({ maxOpenFiles: 3 });
    const scope = newScope();
    for (let round = 0; round < 2; round++) {
      for (const name of names) assert.equal(await find(table, `${files.directory}/${name}`, "NAME", scope), name);
    }
    assert.equal(await find(table, `${files.directory}/table0`, "key7.example.org", scope), "7");
    assert.equal(await openIn(files.directory), 3);
    await Promise.all(names.map((name) => find(table, `${files.directory}/${name}`, "key1.example.org", newScope())));
    assert.ok((await openIn(files.directory)) <= 3);
  }
  assert.equal(await openIn(files.directory), 0);
  await files.remove();
});

describe("the cache of a scope", () => {
  const rows: readonly (readonly [string, string])[] = [
    ["lsearch", "old"],
    ["lsearch,cache=no_rd", "new"],
    ["lsearch,cache=no", "new"],
  ];
  for (const [type, expected] of rows) {
    test(`with ${type} a second lookup gives the ${expected} data`, async () => {
      // A driver of its own would be simpler; dsearch sees each change at once.
      const files = await temporaryFiles({});
      await using table = disposable({});
      const scope = newScope();
      const dsearch = type.replace("lsearch", "dsearch");
      assert.equal(await find(table, files.directory, "entry", scope, dsearch), undefined);
      await writeFile(`${files.directory}/entry`, "");
      const found = await find(table, files.directory, "entry", scope, dsearch);
      assert.equal(found, expected === "new" ? "entry" : undefined);
      await files.remove();
    });
  }

  test("keys with different options do not meet", async () => {
    const files = await temporaryFiles({ table: "a: 1\n" });
    const file = `${files.directory}/table`;
    await using table = disposable({});
    const scope = newScope();
    assert.equal(await find(table, file, "a", scope), "1");
    assert.equal(await find(table, file, "a", scope, "lsearch,ret=full"), "a: 1");
    assert.equal(await find(table, file, "a", scope, "lsearch,ret=key"), "a");
    await files.remove();
  });
});

test("an empty query is not found, and nobody is asked", async () => {
  await using table = disposable({});
  assert.deepEqual(table.find({ spec: parseLookupType("redis"), key: " \n" }, newScope()), { found: false });
});

test("an empty key is in no file, but takes the default", async () => {
  const files = await temporaryFiles({ table: "*: default\n: empty\n" });
  await using table = disposable({});
  const file = `${files.directory}/table`;
  assert.equal(await find(table, file, "", newScope()), undefined);
  assert.equal(await find(table, file, "", newScope(), "lsearch*"), "default");
  await assert.rejects(find(table, `${file}-absent`, "", newScope()), LookupDefer);
  await files.remove();
});

test("a key of thousands of components is refused, not searched for for ever", async () => {
  const files = await temporaryFiles({ table: "a: 1\n" });
  await using table = disposable({});
  const started = performance.now();
  const key = "a.".repeat(100_000);
  const file = `${files.directory}/table`;
  await assert.rejects(find(table, file, key, newScope(), "partial0-lsearch"), LookupDefer);
  assert.equal(await find(table, file, "a.".repeat(2_000), newScope(), "partial0-lsearch"), undefined);
  assert.equal(await find(table, file, key, newScope()), undefined);
  assert.ok(performance.now() - started < 60_000);
  await files.remove();
});

test("after close nothing is opened any more", async () => {
  const files = await temporaryFiles({ table: "a: 1\n" });
  const table = disposable({ redisServers: "127.0.0.1::1//" });
  await table.close();
  await assert.rejects(find(table, `${files.directory}/table`, "a", newScope()), LookupDefer);
  await assert.rejects(
    async () => table.find({ spec: parseLookupType("redis"), key: "PING" }, newScope()),
    LookupDefer,
  );
  await files.remove();
});

test("types that are known but not available defer", async () => {
  await using table = disposable({});
  await assert.rejects(
    async () => table.find({ spec: parseLookupType("ldap"), key: "ldap:///x" }, newScope()),
    /ldap lookups are not available/,
  );
});

test("whoever has no time left waits for nothing", async () => {
  const files = await temporaryFiles({ table: "a: 1\n" });
  await using table = disposable({});
  const scope = newScope({ signal: AbortSignal.abort() });
  await assert.rejects(find(table, `${files.directory}/table`, "a", scope), /the time for this lookup is over/);
  await delay(1);
  await files.remove();
});
