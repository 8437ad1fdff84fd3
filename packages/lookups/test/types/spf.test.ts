import assert from "node:assert/strict";
import { test } from "node:test";
import { LookupCache, LookupDefer, type LookupSettings, LookupTable, parseLookupType } from "../../src/index.ts";

async function find(key: string, file: string, settings: LookupSettings = {}): Promise<unknown> {
  const table = new LookupTable(settings);
  try {
    return await table.find({ spec: parseLookupType("spf", "single-key"), key, file }, { cache: new LookupCache() });
  } finally {
    await table.close();
  }
}

test("the result is a word, asked for once", async () => {
  const asked: string[] = [];
  const checkSpf = async (address: string, client: string): Promise<string> => {
    asked.push(`${address} ${client}`);
    return client === "192.0.2.1" ? "pass" : "fail";
  };
  const table = new LookupTable({ checkSpf });
  const scope = { cache: new LookupCache() };
  const spec = parseLookupType("spf", "single-key");
  for (const [file, data] of [
    ["192.0.2.1", "pass"],
    ["192.0.2.1", "pass"],
    ["2001:db8::1", "fail"],
  ] as const) {
    assert.deepEqual(await table.find({ spec, key: "a@b.example", file }, scope), { found: true, data });
  }
  assert.deepEqual(asked, ["a@b.example 192.0.2.1", "a@b.example 2001:db8::1"]);
  await table.close();
});

test("an empty address has no result (Exim 4.100)", async () => {
  assert.deepEqual(await find("", "192.0.2.1", { checkSpf: async () => assert.fail() }), { found: false });
});

test("what is no IP address is told in Exim's words", async () => {
  await assert.rejects(
    find("a@b", "nonsense", { checkSpf: async () => "pass" }),
    (err: unknown) => err instanceof LookupDefer && err.message.includes("invalid IP address 'nonsense'"),
  );
});

test("without a resolver nobody can tell", async () => {
  await assert.rejects(find("a@b", "192.0.2.1"), LookupDefer);
});
