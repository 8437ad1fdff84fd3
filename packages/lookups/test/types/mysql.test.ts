import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type MariadbServer, mariadbIsMissing, startMariadb } from "@postbus/testkit";
import { LookupDefer } from "../../src/lookup-defer.ts";
import type { LookupSettings } from "../../src/lookup-settings.ts";
import { parseLookupType } from "../../src/parse-lookup-type.ts";
import { dataOf, disposable, newScope } from "../lookup-in-file.ts";

describe("mysql", { skip: mariadbIsMissing ?? false }, () => {
  let server: MariadbServer;
  let settings: LookupSettings;
  const ask = (query: string): Promise<string | undefined> => dataOf("mysql", query, { settings });

  before(async () => {
    server = await startMariadb();
    await dataOf("mysql", "create database test", { settings: { mysqlServers: `127.0.0.1::${server.port}//root/` } });
    settings = { mysqlServers: `127.0.0.1::${server.port}/test/root/` };
    await ask("create table t(k text, n int, b blob)");
  });
  after(() => server.stop());

  /** Source of the data: `exim -be` (4.96, 4.100) on the same queries in the same order. */
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["create table if not exists u(k text)", "0"],
    ["insert into t values('a',1,'xy'),('b c',null,x'ff00')", "2"],
    ["select * from t", 'k=a n=1 b=xy \nk="b c" n="" b=\xff\0 '],
    ["select n from t", "1\n"],
    ["select n from t where k='b c'", undefined],
    ["select n from t where k='zz'", undefined],
    ["select null union all select 'a'", "a"],
    ["select '' union all select 'a'", "\na"],
    ["select ''", ""],
    ["update t set n=5 where k='zz'", "0"],
    ["update t set n=5", "2"],
    [
      "select 'gr\xc3\xbc' as x, 1.50, 2e3, true, null, date('2020-01-02')",
      `x=gr\xc3\xbc 1.50=1.50 2e3=2000 TRUE=1 NULL="" date('2020-01-02')=2020-01-02 `,
    ],
    ["set @a=1", "0"],
    ["select bad", `Failed: lookup of "select bad" gave DEFER: MYSQL: query failed: Unknown column 'bad' in 'SELECT'`],
  ];
  for (const [query, data] of rows) {
    test(`${query} gives ${JSON.stringify(data)}`, async () => assert.equal(await ask(query), data));
  }

  test("two statements are one too many", async () => {
    assert.match((await ask("select 1; select 2")) ?? "", /gave DEFER: MYSQL: query failed: You have an error/);
  });

  test("what was quoted is the string it was", async () => {
    const quote = parseLookupType("mysql").type.quote;
    const text = 'it\'s "so" \\ \n\t\r\b \xc3\xa9';
    assert.equal(await ask(`select '${quote?.(text, undefined)}'`), text);
  });

  test("a wrong database is told, a password never", async () => {
    const other = { mysqlServers: `127.0.0.1::${server.port}/none/root/hunter2` };
    const answer = await dataOf("mysql", "select 1", { settings: other });
    assert.equal(answer, `Failed: lookup of "select 1" gave DEFER: MYSQL connection failed: Unknown database 'none'`);
  });

  test("a server that is gone is a deferral", async () => {
    await using table = disposable(settings);
    const find = async () => table.find({ spec: parseLookupType("mysql"), key: "select 1" }, newScope());
    assert.deepEqual(await find(), { found: true, data: "1" });
    await server.stop();
    await assert.rejects(find, LookupDefer);
    await assert.rejects(find, /MYSQL connection failed: Connection refused/);
  });
});
