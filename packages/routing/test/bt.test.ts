import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { createResolver, parseServers } from "@postbus/dns";
import { startDnsServer } from "@postbus/testkit";
import { RoutingMemory } from "../src/index.ts";
import { btFiles, comparable, placeBtFiles, SENDER, zone } from "./bt-files.ts";
import { routingOf, type TestRouting } from "./routing-of.ts";

/** As `exim -bv` prints it. */
async function verified(address: string, kind: "recipient" | "sender", { routing, context }: TestRouting) {
  const { result, log = "" } = await routing.verify({ kind, address, isGoodWhenRedirected: false }, context);
  if (result === "good") return `${address} verified`;
  return `${address} ${result === "bad" ? "failed to verify" : "cannot be resolved at this time"}: ${log}`;
}

/** Recorded with Exim 4.98; `exim.test.ts` compares the recordings with each Exim that is there. */
describe("addresses are routed as Exim routes them", () => {
  const files = placeBtFiles();
  after(() => files.remove());

  for (const { name, mode, text, addresses, expected, needsDns } of btFiles()) {
    test(`${name}: ${addresses.length} addresses`, async () => {
      const server = needsDns ? await startDnsServer(zone) : undefined;
      try {
        const resolver = server && createResolver({ servers: parseServers(server.address) });
        const routers = routingOf(files.placed(text), resolver === undefined ? {} : { resolver });
        const memory = new RoutingMemory();
        const actual: string[] = [];
        for (const address of addresses) {
          if (mode === "-bt") actual.push(...(await routers.lines(address, { returnPath: SENDER, memory })));
          else actual.push(await verified(address, mode === "-bv" ? "recipient" : "sender", routers));
        }
        assert.deepEqual(comparable(actual.join("\n"), files.directory), expected);
      } finally {
        await server?.stop();
      }
    });
  }
});
