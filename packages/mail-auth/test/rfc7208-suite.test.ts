import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import type { Answer, RecordType, Resolver } from "@postbus/dns";
import { checkSpf } from "../src/index.ts";

/** `TIMEOUT`: questions for types that the name does not have are not answered. */
type Data = string | Readonly<Record<string, unknown>>;

interface Scenario {
  readonly description: string;
  readonly tests: Readonly<Record<string, Case>>;
  readonly zonedata: Readonly<Record<string, readonly Data[]>>;
}

interface Case {
  /** Section of RFC 7208. */
  readonly spec: string;
  readonly helo: string;
  readonly host: string;
  readonly mailfrom: string;
  /** Any of these is right. */
  readonly result: readonly string[];
}

/** The openspf test suite for RFC 7208, release 2014.04, as JSON; its licence is beside it. */
const suite: readonly Scenario[] = JSON.parse(
  readFileSync(new URL("./vectors/rfc7208-tests.json", import.meta.url), "utf8"),
);

const EMPTY = { authenticated: false, ttlSeconds: 0 } as const;
const MAX_ALIASES = 10;

/** The suite's zone. TXT records that it gives as type SPF only count as TXT, as its own driver has it. */
function resolverOf(zonedata: Scenario["zonedata"]): Resolver {
  const zone = new Map(Object.entries(zonedata).map(([name, data]) => [name.toLowerCase(), data]));
  const answer = (name: string, type: RecordType): Answer => {
    let owner = name.toLowerCase();
    for (let steps = 0; steps < MAX_ALIASES; steps++) {
      const data = zone.get(owner);
      if (data === undefined) return { state: "no such name", ...EMPTY };
      const alias = dataOf(data, "CNAME")[0];
      if (alias === undefined || type === "CNAME") return answerOf(owner, type, data);
      owner = String(alias).toLowerCase();
    }
    throw new Error("alias loop");
  };
  // The type of the answer is that of the question.
  return { resolve: async (name, type) => answer(name, type) as Answer<typeof type> };
}

function answerOf(name: string, type: RecordType, data: readonly Data[]): Answer {
  const own = dataOf(data, type);
  const found = type === "TXT" && own.length === 0 ? dataOf(data, "SPF") : own;
  // `NONE`: there is no copy of the records of type SPF.
  const records = found.filter((record) => record !== "NONE").map((record) => recordOf(type, record));
  if (records.length === 0 && data.includes("TIMEOUT")) throw new Error("no answer");
  // As above: each record is of that type.
  return records.length === 0
    ? { state: "no data", ...EMPTY }
    : { state: "found", records: records as never, name, ...EMPTY };
}

const dataOf = (data: readonly Data[], type: string): readonly unknown[] =>
  data.flatMap((entry) => (typeof entry === "string" || entry[type] === undefined ? [] : [entry[type]]));

function recordOf(type: RecordType, record: unknown): unknown {
  if (type === "MX" && Array.isArray(record)) return { preference: record[0], exchange: record[1] };
  return type === "TXT" ? [record].flat().map((text) => Buffer.from(String(text), "utf8").toString("latin1")) : record;
}

for (const { description, tests, zonedata } of suite) {
  describe(`RFC 7208 suite: ${description}`, () => {
    for (const [name, { spec, host, helo, mailfrom, result }] of Object.entries(tests)) {
      test(`${name} (§${spec}): ${result.join(" or ")}`, async () => {
        const question = { clientAddress: host, helo, returnPath: mailfrom };
        const fact = await checkSpf(question, resolverOf(zonedata));
        assert.ok(result.includes(fact.result), `${fact.result} ${fact.comment}`);
      });
    }
  });
}

test("the suite is whole", () => {
  assert.equal(
    suite.reduce((count, { tests }) => count + Object.keys(tests).length, 0),
    203,
  );
});
