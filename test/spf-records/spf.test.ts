import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import type { Answer, RecordType, Resolver } from "@postbus/dns";
import { checkSpf } from "@postbus/mail-auth";
import { program } from "@postbus/testkit";
import { Chance } from "../fuzz/chance.ts";
import { randomSpf, type SpfCase, type Zone } from "./random-spf.ts";

/** POSTBUS_TEST_MESSAGES=20000 for a night's run; each takes about 2 ms. */
const count = Number(process.env["POSTBUS_TEST_MESSAGES"] ?? 1000);
const firstSeed = Number(process.env["POSTBUS_TEST_SEED"] ?? 1);

// The system's own, for which Debian's packages are; another one may come first in the PATH.
const python = ["/usr/bin/python3", program("python3") ?? ""].find(
  (path) => spawnSync(path, ["-c", "import spf"]).status === 0,
);

const MAX_ALIASES = 10;
const EMPTY = { authenticated: false, ttlSeconds: 0 } as const;

function resolverOf(zone: Zone): Resolver {
  const answer = (name: string, type: RecordType): Answer => {
    let owner = name.toLowerCase();
    for (let steps = 0; steps < MAX_ALIASES; steps++) {
      const entry = zone[owner];
      if (entry === undefined) return { state: "no such name", ...EMPTY };
      if (entry === "SERVFAIL") throw new Error(`${type} ${owner}: SERVFAIL`);
      if (!("CNAME" in entry))
        return answerOf(owner, type, new Map<string, readonly unknown[]>(Object.entries(entry)).get(type));
      owner = entry.CNAME;
    }
    throw new Error("alias loop");
  };
  // The type of the answer is that of the question.
  return { resolve: async (name, type) => answer(name, type) as Answer<typeof type> };
}

function answerOf(name: string, type: RecordType, data: readonly unknown[] = []): Answer {
  if (data.length === 0) return { state: "no data", ...EMPTY };
  const records = data.map((record) => {
    const [preference, exchange] = String(record).split(" ");
    return type === "MX" ? { preference: Number(preference), exchange } : record;
  });
  // As above: each record is of that type.
  return { state: "found", records: records as never, name, ...EMPTY };
}

/** Where pyspf 2.0.14 does not do what RFC 7208 says. @param said The result, and why. */
function isPyspfWrong({ zone }: SpfCase, said: string): boolean {
  return (
    // §4.6.4 counts terms that find nothing; it counts each host of an MX, and each name of a client, too.
    said.includes("Void lookup limit") ||
    // A record that includes itself is not wrong as long as it does not come to that.
    said.includes("trivial recursion") ||
    // §6: only redirect= and exp= may not be there twice.
    /(?!redirect|exp)\S+= MUST appear at most once/.test(said) ||
    // §5.5: a name of the client that cannot be looked up is passed over.
    (said.startsWith("temperror") && /ptr|%\{p/i.test(JSON.stringify(zone)))
  );
}

test(`${count} generated records and zones: we say what pyspf says`, {
  skip: python === undefined && "python3-spf is not installed",
}, async () => {
  const cases = Array.from({ length: count }, (_, n) => ({
    seed: firstSeed + n,
    ...randomSpf(new Chance(firstSeed + n)),
  }));
  const script = join(import.meta.dirname, "with-pyspf.py");
  const ran = spawnSync(python ?? "", [script], { input: JSON.stringify(cases), timeout: 300_000, maxBuffer: 2 ** 30 });
  assert.equal(ran.status, 0, ran.stderr.toString());
  const answers: readonly string[] = JSON.parse(ran.stdout.toString());
  const found = new Map<string, number>();
  for (const [n, question] of cases.entries()) {
    const said = answers[n] ?? "";
    const { client, helo, sender, zone } = question;
    const fact = await checkSpf({ clientAddress: client, helo, returnPath: sender }, resolverOf(zone));
    const [theirs = ""] = said.split(" ");
    if (fact.result !== theirs && isPyspfWrong(question, said)) continue;
    assert.equal(fact.result, theirs, JSON.stringify({ ...question, ours: fact, pyspf: said }, undefined, 1));
    found.set(fact.result, (found.get(fact.result) ?? 0) + 1);
  }
  for (const result of ["pass", "fail", "softfail", "neutral", "none", "permerror", "temperror"])
    assert.ok((found.get(result) ?? 0) > count / 100, `${result}: ${found.get(result) ?? 0} times`);
});
