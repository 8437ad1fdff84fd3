import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "@postbus/testkit";
import { LookupDefer } from "../../src/lookup-defer.ts";
import type { LookupSettings } from "../../src/lookup-settings.ts";
import { parseLookupType } from "../../src/parse-lookup-type.ts";
import { redisWords } from "../../src/redis/redis-words.ts";
import { dataOf, disposable, newScope } from "../lookup-in-file.ts";
import { type RedisServer, redisIsMissing, startRedis } from "../redis-server.ts";

test("a command is split into words as Exim splits it", () => {
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ["HGET a b", ["HGET", "a", "b"]],
    ["  ECHO\t\n x  ", ["ECHO", "x"]],
    ["ECHO a\\ b\\\\c", ["ECHO", "a b\\c"]],
    ["ECHO a\\", ["ECHO", "a"]],
    ['ECHO "a b"', ["ECHO", '"a', 'b"']],
    ["", []],
    ["   ", []],
  ];
  for (const [command, words] of rows) assert.deepEqual(redisWords(command), words, command);
  assert.equal(redisWords("x ".repeat(40)).length, 32);
});

describe("redis", { skip: redisIsMissing ?? false }, () => {
  let server: RedisServer;
  let settings: LookupSettings;
  const ask = (query: string, type = "redis"): Promise<string | undefined> => dataOf(type, query, { settings });

  before(async () => {
    server = await startRedis();
    settings = { redisServers: `127.0.0.1::${server.port}//` };
    await server.client.mset("a", "va", "n", "5", "empty", "");
    await server.client.set("octets", Buffer.from([0xff, 0, 10, 0xc3, 0xbc]));
    await server.client.sadd("nets", "10.0.0.0/8");
  });
  after(() => server.stop());

  /** Source: Exim 4.100 with hiredis on the same commands. */
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["GET a", "va"],
    ["  GET a", "va"],
    ["GET octets", "\xff\0\n\xc3\xbc"],
    ["GET nokey", ""],
    ["GET empty", undefined],
    ["EXISTS a", "true"],
    ["EXISTS nokey", "false"],
    ["SET b x", "OK"],
    ["PING", "PONG"],
    ["SMEMBERS nets", "10.0.0.0/8"],
    ["SMEMBERS nokey", undefined],
    ["MGET a nokey n", "va\n\n5"],
    ["MGET nokey a", "va"],
    ["MGET nokey nokey a nokey", "va\n"],
    ["MGET nokey nokey", undefined],
    ["MGET empty a", "va"],
    ["EVAL return\\ {1,{2,'x',{3}},'y',{},{false,7},false} 0", "1\n\n2\nx\n\ny\n\n\n\n7\n"],
    ["EVAL return\\ {{'a','b'},'c'} 0", "a\nb\nc"],
    ["EVAL return\\ {'a',{'b','c'},{'d',{'e'},'f'},'g'} 0", "a\n\nb\nc\n\nd\n\nf\ng"],
    ["EVAL return\\ {{}} 0", undefined],
    ["EVAL return\\ {1,false,{false},2} 0", "1\n\n\n\n2"],
    ["EVAL return\\ -1 0", "true"],
    ["EVAL return\\ {ok='HI'} 0", "HI"],
    ["ECHO \xff\xfe", "\xff\xfe"],
    [`ECHO ${"x ".repeat(40)}`, "Failed: ERR wrong number"],
    ["NOSUCH", "Failed: ERR unknown command"],
  ];
  for (const [query, data] of rows) {
    test(`${query} gives ${JSON.stringify(data)}`, async () => {
      const answer = (await ask(query)) as string;
      if (data?.startsWith("Failed: ") !== true) assert.equal(answer, data);
      else assert.ok(answer?.includes(`gave DEFER: REDIS: lookup result failed: ${data.slice(8)}`), answer);
    });
  }

  test("an integer of 64 bits in an array keeps all its digits", async () => {
    assert.equal(await ask("BITFIELD big SET i64 0 9223372036854775807 GET i64 0"), "0\n9223372036854775807");
  });

  test("what was quoted is one word", async () => {
    const quote = parseLookupType("redis").type.quote;
    const text = "a b\tc\\d\ne";
    assert.equal(await ask(`ECHO ${quote?.(text, undefined)}`), text);
  });

  test("servers are chosen by name or given in full", async () => {
    const own = `127.0.0.1::${server.port}`;
    assert.equal(await ask("GET a", `redis,servers=${own}`), "va");
    assert.equal(await ask("GET a", `redis,servers=${own}/1/`), "");
    assert.equal(await ask(`servers=${own}; GET a`), "va");
    assert.match((await ask("GET a", "redis,servers=other")) ?? "", /Redis server "other" not found in redis_servers$/);
    assert.match((await ask("GET a", "redis,servers=other/")) ?? "", /incomplete Redis server data: other$/);
    assert.match((await ask("servers GET a")) ?? "", /missing = after "servers" in Redis lookup$/);
  });

  test("a query made of untrusted data does not choose servers", async () => {
    await using table = disposable(settings);
    const request = { spec: parseLookupType("redis"), key: "servers=192.0.2.1//; GET a", isTainted: true };
    await assert.rejects(async () => table.find(request, newScope()), LookupDefer);
  });

  test("no servers are an error of their own", async () => {
    const answer = await dataOf("redis", "GET a", { settings: {} });
    assert.equal(answer, 'Failed: lookup of "GET a" gave DEFER: no Redis servers defined (redis_servers option)');
  });

  test("a server that is down hands over to the next; the last one's trouble is told", async () => {
    const dead = `127.0.0.1::${await freePort()}//`;
    const both = { redisServers: `${dead} : 127.0.0.1::${server.port}//` };
    assert.equal(await dataOf("redis", "GET a", { settings: both }), "va");
    const answer = await dataOf("redis", "GET a", { settings: { redisServers: dead } });
    assert.equal(answer, 'Failed: lookup of "GET a" gave DEFER: REDIS: query failed: Connection refused');
  });

  test("a repeated query is answered within its scope, and asked again in another", async () => {
    await using table = disposable(settings);
    const find = (scope: ReturnType<typeof newScope>, type = "redis") =>
      table.find({ spec: parseLookupType(type), key: "GET changing" }, scope);
    const scope = newScope();
    await server.client.set("changing", "1");
    assert.deepEqual(await find(scope), { found: true, data: "1" });
    await server.client.set("changing", "2");
    assert.deepEqual(find(scope), { found: true, data: "1" }, "without a promise");
    assert.deepEqual(await find(scope, "redis,cache=no"), { found: true, data: "2" });
    assert.deepEqual(await find(newScope()), { found: true, data: "2" });
  });

  test("a wrong password is told by the refusal of the command, and never shown", async () => {
    const guarded = await startRedis("--requirepass", "opensesame");
    try {
      const right = { redisServers: `127.0.0.1::${guarded.port}/0/opensesame` };
      assert.equal(await dataOf("redis", "SET k v", { settings: right }), "OK");
      const wrong = { redisServers: `127.0.0.1::${guarded.port}/0/hunter2` };
      const answer = (await dataOf("redis", "GET k", { settings: wrong })) ?? "";
      assert.match(answer, /NOAUTH/);
      assert.doesNotMatch(answer, /hunter2/);
    } finally {
      await guarded.stop();
    }
  });

  test("a server that comes back is used again", async () => {
    const own = await startRedis();
    await using table = disposable({ redisServers: `127.0.0.1::${own.port}//` });
    const ping = async () => table.find({ spec: parseLookupType("redis"), key: "PING" }, newScope());
    try {
      assert.deepEqual(await ping(), { found: true, data: "PONG" });
      await own.kill();
      await assert.rejects(ping, LookupDefer);
      await own.start();
      assert.deepEqual(await ping(), { found: true, data: "PONG" });
    } finally {
      await own.stop();
    }
  });

  test("a server that does not answer defers after the deadline, and holds up nobody else", async () => {
    await using table = disposable({ ...settings, serverTimeoutMs: 200, maxConnections: 1 });
    const find = async (key: string) => table.find({ spec: parseLookupType("redis"), key }, newScope());
    const started = performance.now();
    await assert.rejects(find("BLPOP nolist 3"), /no answer in 200 ms/);
    assert.ok(performance.now() - started < 60_000);
    // For a second nobody waits for it; then it is tried again.
    await assert.rejects(find("PING"), LookupDefer);
    await delay(1_050);
    assert.deepEqual(await find("PING"), { found: true, data: "PONG" });
  });

  test("connections are bounded; more lookups wait for their turn", async () => {
    await using table = disposable({ ...settings, maxConnections: 3 });
    const find = async (i: number) => table.find({ spec: parseLookupType("redis"), key: `ECHO ${i}` }, newScope());
    const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => find(i)));
    assert.ok(answers.every((answer, i) => answer.found && answer.data === `${i}`));
    const clients = String(await server.client.client("LIST"))
      .trim()
      .split("\n").length;
    assert.ok(clients <= 4, `${clients} connections`);
  });

  test("a command that changes its connection concerns no other lookup", async () => {
    await using table = disposable({ ...settings, maxConnections: 1 });
    const find = async (key: string) => table.find({ spec: parseLookupType("redis"), key }, newScope());
    assert.deepEqual(await find("MULTI"), { found: true, data: "OK" });
    assert.deepEqual(await find("PING"), { found: true, data: "PONG" });
    assert.deepEqual(await find("SELECT 3"), { found: true, data: "OK" });
    assert.deepEqual(await find("GET a"), { found: true, data: "va" });
  });
});
