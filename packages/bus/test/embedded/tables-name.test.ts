import assert from "node:assert/strict";
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { giveTablesBack, takeTables } from "../../src/embedded/tables-name.ts";
import { openStore } from "./open-store.ts";

const plain = (directory: string): string => join(directory, "data.mdb");
const taken = (directory: string): string => join(directory, "tables.mdb");

/** As a build has left it that knew no journal, or this one when it was stopped in order. */
async function stopped(t: TestContext, value = "one"): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "postbus-name-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  takeTables(directory);
  const store = openStore(directory);
  await store.batch(() => store.tables.content.write("a", value));
  await store.close();
  giveTablesBack(directory);
  return directory;
}

async function content(directory: string): Promise<string | undefined> {
  const store = openStore(directory);
  const value = store.tables.content.get("a")?.toString();
  await store.close();
  return value;
}

test("while a process has them, the tables' place has a text; when it has stopped, the tables", async (t) => {
  const directory = await stopped(t);
  assert.ok(!existsSync(taken(directory)));
  takeTables(directory);
  assert.match(readFileSync(plain(directory), "latin1"), /^The tables are in tables\.mdb, .*journal-0/);
  assert.equal(await content(directory), "one");
  // Killed: the next one finds it so.
  takeTables(directory);
  assert.equal(await content(directory), "one");
  giveTablesBack(directory);
  takeTables(directory);
  assert.equal(await content(directory), "one");
});

test("whatever step a process has died behind, the next one goes on", async (t) => {
  const linked = await stopped(t);
  linkSync(plain(linked), taken(linked));
  takeTables(linked);
  assert.equal(await content(linked), "one");
  const unmarked = await stopped(t);
  renameSync(plain(unmarked), taken(unmarked));
  takeTables(unmarked);
  assert.equal(await content(unmarked), "one");
  assert.match(readFileSync(plain(unmarked), "latin1"), /^The tables are in/);
});

test("tables beside others, a journal without tables and files of others are refused", async (t) => {
  const [both, without, foreign] = [await stopped(t), await stopped(t), await stopped(t)];
  takeTables(both);
  renameSync(plain(await stopped(t, "two")), plain(both));
  assert.throws(() => takeTables(both), /has both data\.mdb and tables\.mdb: one of them must be moved away/);
  rmSync(plain(without));
  assert.throws(
    () => takeTables(without),
    /tables\.mdb is missing: it has the mail that was accepted, and a journal is there/,
  );
  writeFileSync(taken(without), "");
  assert.throws(() => takeTables(without), /tables\.mdb is empty: .*and a journal is there/);
  takeTables(foreign);
  writeFileSync(taken(foreign), "#!/bin/sh\n".padEnd(100));
  assert.throws(() => takeTables(foreign), /tables\.mdb is not a file of Postbus/);
});

test("where no first journal can be made, the tables are left as any build finds them", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "postbus-name-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  takeTables(directory);
  mkdirSync(join(directory, "journal-1.new"));
  assert.throws(() => openStore(directory), /EISDIR/);
  assert.ok(!existsSync(taken(directory)));
  rmdirSync(join(directory, "journal-1.new"));
  takeTables(directory);
  assert.equal(await content(directory), undefined);
});
