import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "@postbus/testkit";
import { dataOf } from "../lookup-in-file.ts";
import { type RedisServer, redisIsMissing, startRedis } from "../redis-server.ts";

const NODES = 3;
const SLOTS = 16_384;

describe("a redis cluster", { skip: redisIsMissing ?? false }, () => {
  let nodes: RedisServer[];
  const list = (servers: readonly RedisServer[]): string =>
    servers.map(({ port }) => `127.0.0.1::${port}//`).join(" : ");

  before(async () => {
    const busPorts = await Promise.all(Array.from({ length: NODES }, freePort));
    const settings = ["--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1"];
    nodes = await Promise.all(busPorts.map((busPort) => startRedis(...settings, "--cluster-port", `${busPort}`)));
    for (const [i, { client }] of nodes.entries()) {
      await client.connect();
      const [from, to] = [Math.ceil((i * SLOTS) / NODES), Math.ceil(((i + 1) * SLOTS) / NODES) - 1];
      await client.call("CLUSTER", "ADDSLOTSRANGE", from, to);
      await client.call("CLUSTER", "MEET", "127.0.0.1", nodes[0]?.port ?? 0, busPorts[0] ?? 0);
    }
    for (const { client } of nodes) {
      const started = Date.now();
      while (
        !/cluster_state:ok[\s\S]*cluster_slots_assigned:16384/.test(String(await client.call("CLUSTER", "INFO")))
      ) {
        assert.ok(Date.now() - started < 60_000, "the cluster does not form");
        await delay(50);
      }
    }
  });
  after(() => Promise.all(nodes.map((node) => node.stop())));

  test("keys are found on whichever node has them", async () => {
    const settings = { redisServers: list(nodes) };
    for (let i = 0; i < 20; i++) {
      assert.equal(await dataOf("redis", `SET key${i} value${i}`, { settings }), "OK");
      assert.equal(
        await dataOf("redis", `GET key${i}`, { settings: { redisServers: list(nodes.toReversed()) } }),
        `value${i}`,
      );
    }
  });

  test("a node that is not in the list is not connected to: the lookup defers", async () => {
    const [first] = nodes;
    assert.ok(first !== undefined);
    const settings = { redisServers: list([first]) };
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => dataOf("redis", `GET key${i}`, { settings })),
    );
    assert.ok(answers.some((answer) => /^value/.test(answer ?? "")));
    assert.ok(answers.some((answer) => /gave DEFER: REDIS: cluster redirect MOVED/.test(answer ?? "")));
  });
});
