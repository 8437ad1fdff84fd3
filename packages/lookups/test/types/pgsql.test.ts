import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type PostgresServer, postgresIsMissing, startPostgres } from "@postbus/testkit";
import { LookupDefer } from "../../src/lookup-defer.ts";
import type { LookupSettings } from "../../src/lookup-settings.ts";
import { parseLookupType } from "../../src/parse-lookup-type.ts";
import { dataOf, disposable, newScope } from "../lookup-in-file.ts";

const missing = await postgresIsMissing();

describe("pgsql", { skip: missing ?? false }, () => {
  let server: PostgresServer;
  let settings: LookupSettings;
  const ask = (query: string): Promise<string | undefined> => dataOf("pgsql", query, { settings });

  before(async () => {
    server = await startPostgres();
    const { hostname, port } = new URL(server.url);
    settings = { pgsqlServers: `${hostname}::${port}/postgres/postgres/` };
    await ask("create table t(k text, n int)");
  });
  after(() => server.stop());

  /** Source of the data: `exim -be` (4.96) on the same queries in the same order. */
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["select 1", "1"],
    ["select 1 where 1=0", undefined],
    ["create table if not exists u(k text)", undefined],
    ["insert into t values('a',1),('b c',null)", "2"],
    ["select * from t", 'k=a n=1 \nk="b c" n="" '],
    ["select n from t", "1\n"],
    ["update t set n=5 where k='zz'", "0"],
    ["update t set n=5", "2"],
    ["select 1; select 2", "2"],
    ["select 1; update t set n=6", "2"],
    [";", undefined],
    [
      "select 'gr\xc3\xbc', true, 1.50, null::text, array[1,2]",
      '?column?=gr\xc3\xbc ?column?=t ?column?=1.50 text="" array={1,2} ',
    ],
    ["insert into t values('q') returning k", "q"],
    ["select", ""],
    ["listen x", undefined],
    [`select 'a\\tb' as "a b", 'x' as x`, "a b=a\\tb x=x "],
    [
      "select bad",
      'Failed: lookup of "select bad" gave DEFER: PGSQL: query failed: ERROR:  column "bad" does not exist (select bad)',
    ],
    [
      "select '\xff'",
      `Failed: lookup of "select '\\377'" gave DEFER: PGSQL: query failed: ERROR:  invalid byte sequence for encoding "UTF8"`,
    ],
  ];
  for (const [query, data] of rows) {
    test(`${query} gives ${JSON.stringify(data)}`, async () => assert.equal(await ask(query), data));
  }

  test("what was quoted is the string it was", async () => {
    const quote = parseLookupType("pgsql").type.quote;
    const text = 'it\'s "so" \\ \n\t\r\b \xc3\xa9';
    assert.equal(await ask(`select E'${quote?.(text, undefined)}'`), text);
  });

  test("a wrong database is told, a password never", async () => {
    const { pgsqlServers = "" } = settings;
    const other = pgsqlServers.replace("/postgres/postgres/", "/none/postgres/hunter2");
    const answer = (await dataOf("pgsql", "select 1", { settings: { pgsqlServers: other } })) ?? "";
    assert.match(
      answer,
      /PGSQL connection failed: connection to server at .* failed: FATAL: {2}database "none" does not exist$/,
    );
    assert.doesNotMatch(answer, /hunter2/);
    const incomplete = await dataOf("pgsql", "select 1", { settings: { pgsqlServers: "host/db/hunter2" } });
    assert.equal(incomplete, 'Failed: lookup of "select 1" gave DEFER: incomplete pgSQL server data: host/db');
  });

  test("a server that is down is a deferral, one that is back is asked again", async () => {
    await using table = disposable(settings);
    const find = async () => table.find({ spec: parseLookupType("pgsql"), key: "select 1" }, newScope());
    assert.deepEqual(await find(), { found: true, data: "1" });
    await server.kill();
    await assert.rejects(find, LookupDefer);
    await assert.rejects(find, /Connection refused/);
    await server.start();
    assert.deepEqual(await find(), { found: true, data: "1" });
  });

  test("a query that takes too long is a deferral, and its connection is not used again", async () => {
    await using table = disposable({ ...settings, serverTimeoutMs: 300, maxConnections: 1 });
    const find = async (key: string) => table.find({ spec: parseLookupType("pgsql"), key }, newScope());
    await assert.rejects(find("select pg_sleep(5)"), /no answer in 300 ms/);
  });

  test("whoever asks may give up before the answer", async () => {
    await using table = disposable(settings);
    const scope = newScope({ signal: AbortSignal.timeout(50) });
    const started = performance.now();
    const find = async () => table.find({ spec: parseLookupType("pgsql"), key: "select pg_sleep(2)" }, scope);
    await assert.rejects(find, /the time for this lookup is over/);
    assert.ok(performance.now() - started < 60_000);
  });
});
