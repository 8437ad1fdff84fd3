import assert from "node:assert/strict";
import { test } from "node:test";
import { AddressCache } from "../../src/smtp/address-cache.ts";

/** A resolver that counts, and what it is to say for each name. */
function counting(answers: Record<string, readonly string[] | string>) {
  const asked: string[] = [];
  const lookup = async (name: string) => {
    asked.push(name);
    const answer = answers[name] ?? "ENOTFOUND";
    if (typeof answer === "string") throw Object.assign(new Error(answer), { code: answer });
    return answer.map((address) => ({ address }));
  };
  return { asked, cache: new AddressCache(lookup) };
}

test("a literal address is not looked up", async () => {
  const { asked, cache } = counting({});
  assert.deepEqual(await cache.resolve("192.0.2.1"), { kind: "found", addresses: ["192.0.2.1"] });
  assert.deepEqual(await cache.resolve("2001:db8::1"), { kind: "found", addresses: ["2001:db8::1"] });
  assert.deepEqual(asked, []);
});

test("a name is asked for once, however many want it at the same time or soon after", async () => {
  const { asked, cache } = counting({ "mx.test": ["192.0.2.1", "2001:db8::1"] });
  const found = { kind: "found", addresses: ["192.0.2.1", "2001:db8::1"] };
  assert.deepEqual(await Promise.all([cache.resolve("mx.test"), cache.resolve("mx.test")]), [found, found]);
  assert.deepEqual(await cache.resolve("mx.test"), found);
  assert.deepEqual(asked, ["mx.test"]);
});

test("no such name is told from nobody could say; both are remembered for a moment", async () => {
  const { asked, cache } = counting({ "later.test": "EAI_AGAIN" });
  assert.deepEqual(await cache.resolve("none.test"), { kind: "none" });
  assert.deepEqual(await cache.resolve("later.test"), { kind: "again" });
  await cache.resolve("none.test");
  assert.deepEqual(asked, ["none.test", "later.test"]);
});

test("what is remembered is bounded", async () => {
  const { asked, cache } = counting({});
  for (let i = 0; i < 2_001; i++) await cache.resolve(`n${i}.test`);
  await cache.resolve("n2000.test");
  assert.equal(asked.length, 2_001);
  await cache.resolve("n0.test");
  assert.equal(asked.length, 2_002);
});

test("a name in UTF-8 is asked for as the DNS knows it", async () => {
  const { asked, cache } = counting({ "xn--bcher-kva.test": ["192.0.2.1"] });
  await cache.resolve(Buffer.from("bücher.test", "utf8").toString("latin1"));
  assert.deepEqual(asked, ["xn--bcher-kva.test"]);
});
