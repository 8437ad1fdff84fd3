import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type BmiEngine, type BmiSetup, type BmiTask, decodeBmiVerdict } from "@postbus/contracts";
import { freePort, type ScriptedEngine, startScriptedEngine } from "@postbus/testkit";
import { inline, question, scansWith } from "../../scan-lab.ts";

const RSPAMD = 'HTTP/1.1 200 OK\r\n\r\n{"score":7,"required_score":5,"action":"reject","symbols":{"BULK":{"score":7}}}';
const SPAMD = "SPAMD/1.1 0 EX_OK\r\nSpam: True ; 6.5 / 5.0\r\n\r\nGTUBE,BULK\r\n";
const CLAMD = "stream: Eicar FOUND\0";

const hasContent = (request: string): boolean => request.includes(".dot line");
const isStreamed = (request: string): boolean => request.endsWith("\0\0\0\0");
const rspamd = () => startScriptedEngine({ isWhole: hasContent, answer: () => ({ answer: RSPAMD }) });
const spamd = () => startScriptedEngine({ answer: () => ({ answer: SPAMD }) });
const clamd = () => startScriptedEngine({ isWhole: isStreamed, answer: () => ({ answer: CLAMD }) });

type Limits = Partial<Pick<BmiEngine, "timeoutMs" | "maxOctets" | "isOptional">>;

function engine(driver: BmiEngine["driver"], port: number, limits: Limits = {}): BmiEngine {
  const common = { name: driver, server: { host: "127.0.0.1", port }, timeoutMs: 10_000, ...limits };
  return driver === "spamd" ? { driver, ...common, user: "nobody" } : { driver, ...common };
}

const taskOf = (setup: Partial<BmiSetup>, recipients: BmiTask["recipients"]): BmiTask => ({
  engine: "bmi",
  setup: { engines: [], profiles: [], rules: [], destinations: [], ...setup },
  recipients,
});

const to = (address: string, ...optin: string[]) => ({ address, optin });

/** What is said about a message of two lines. */
async function verdicts(setup: Partial<BmiSetup>, ...recipients: BmiTask["recipients"]) {
  const answer = await scansWith().scans.answer(question(taskOf(setup, recipients)), inline);
  if (answer.state === "failed") return { reason: answer.reason };
  assert.ok(answer.verdict.engine === "bmi");
  return { verdicts: answer.verdict.verdicts.map(decodeBmiVerdict), warnings: answer.verdict.warnings };
}

const given = ({ requests }: ScriptedEngine, name: string): readonly string[] =>
  requests.map((request) => new RegExp(`^${name}: (.*)\\r$`, "m").exec(request)?.[1] ?? "").sort();

describe("BMI engines", () => {
  test("are asked beside each other, and rules put together what they have said", async () => {
    await using one = await rspamd();
    await using two = await spamd();
    await using three = await clamd();
    const rules = [
      { number: 1, test: { symbols: ["GTUBE"] } },
      { number: 2, test: { isSpam: true, score: 7, symbols: ["BULK"], actions: ["reject"] } },
      { number: 3, test: { malware: ["Eicar"] } },
      { number: 4, test: { malware: ["Other"] } },
    ];
    const engines = [engine("rspamd", one.port), engine("spamd", two.port), engine("clamd", three.port)];
    const destinations = [{ name: "x", rules: [3], to: "drop" as const }];
    assert.deepEqual(await verdicts({ engines, rules, destinations }, to("a@x"), to("b@x")), {
      verdicts: [{ v: 1, r: ["a@x", "b@x"], d: "drop", f: [1, 2, 3], e: 0 }],
      warnings: [],
    });
    assert.deepEqual([one.requests.length, two.requests.length, three.requests.length], [1, 1, 1]);
  });

  test("are asked once for each way of looking at the message, not for each recipient", async () => {
    await using one = await rspamd();
    await using two = await spamd();
    await using three = await clamd();
    const engines = [engine("rspamd", one.port), engine("spamd", two.port), engine("clamd", three.port)];
    const profiles = [
      { name: "strict", optin: ["s"], settings: "strict", user: "fussy" },
      { name: "lax", optin: ["l"], settings: "lax", user: "fussy" },
      { name: "unseen", optin: ["u"], engines: ["clamd"] },
    ];
    const recipients = [to("a@x", "s"), to("b@x"), to("c@x", "l"), to("d@x", "s"), to("e@x", "u", "?")];
    const rules = [{ number: 7, test: { symbols: ["BULK"] } }];
    assert.deepEqual(await verdicts({ engines, profiles, rules }, ...recipients), {
      verdicts: [
        { v: 1, r: ["a@x", "d@x", "b@x", "c@x"], d: "default", f: [7], e: 0 },
        { v: 1, r: ["e@x"], d: "default", f: [], e: 0 },
      ],
      warnings: [],
    });
    assert.deepEqual(given(one, "Settings-ID"), ["", "lax", "strict"]);
    const strict = one.requests.find((request) => request.includes("Settings-ID: strict"));
    assert.deepEqual(strict?.match(/^Rcpt: .*(?=\r$)/gm), ["Rcpt: <a@x>", "Rcpt: <d@x>"]);
    assert.deepEqual(given(two, "User"), ["fussy", "nobody"]);
    assert.equal(three.requests.length, 1);
  });

  test("do not see what is too large for them", async () => {
    await using one = await rspamd();
    const engines = [engine("rspamd", one.port, { maxOctets: 10 })];
    const { verdicts: said } = await verdicts({ engines, rules: [{ number: 1, test: { score: 1 } }] }, to("a@x"));
    assert.deepEqual([said, one.requests.length], [[{ v: 1, r: ["a@x"], d: "default", f: [], e: 0 }], 0]);
  });

  test("that do not answer leave no verdict", async () => {
    await using one = await rspamd();
    const port = await freePort();
    const { reason } = await verdicts({ engines: [engine("rspamd", one.port), engine("clamd", port)] }, to("a@x"));
    assert.equal(reason, `clamd 127.0.0.1:${port}: cannot connect: ECONNREFUSED`);
  });

  test("that are optional may be away, and it is told", async () => {
    await using one = await rspamd();
    const port = await freePort();
    const engines = [engine("rspamd", one.port), engine("clamd", port, { isOptional: true })];
    assert.deepEqual(await verdicts({ engines, rules: [{ number: 1, test: { symbols: ["BULK"] } }] }, to("a@x")), {
      verdicts: [{ v: 1, r: ["a@x"], d: "default", f: [1], e: 0 }],
      warnings: [`clamd 127.0.0.1:${port}: cannot connect: ECONNREFUSED`],
    });
  });

  test("that say nothing keep no others from being asked, however much they are asked", async () => {
    await using one = await startScriptedEngine({ isWhole: hasContent, answer: () => ({ do: "hang" }) });
    await using two = await clamd();
    const isOptional = true;
    const engines = [engine("rspamd", one.port, { isOptional }), engine("clamd", two.port, { isOptional })];
    const names = Array.from({ length: 10 }, (_, i) => `p${i}`);
    const profiles = names.map((name) => ({ name, optin: [name], settings: name }));
    const rules = [{ number: 3, test: { malware: ["Eicar"] } }];
    const task = taskOf({ engines, profiles, rules, destinations: [{ name: "x", rules: [3], to: "drop" as const }] }, [
      ...names.map((name) => to(`${name}@x`, name)),
    ]);
    const answer = await scansWith().scans.answer(question(task, { timeoutMs: 2_000 }), inline);
    assert.ok(answer.state === "scanned" && answer.verdict.engine === "bmi");
    const said = answer.verdict.verdicts.map(decodeBmiVerdict);
    assert.deepEqual(said, [{ v: 1, r: names.map((name) => `${name}@x`), d: "drop", f: [3], e: 0 }]);
  });

  test("that say nothing have so long as their own time", async () => {
    await using one = await startScriptedEngine({ isWhole: hasContent, answer: () => ({ do: "hang" }) });
    const { reason } = await verdicts({ engines: [engine("rspamd", one.port, { timeoutMs: 200 })] }, to("a@x"));
    assert.match(reason ?? "", /no answer in time$/);
  });

  test("are not asked again about a message that comes again", async () => {
    await using one = await rspamd();
    const { scans, results } = scansWith();
    const task = taskOf({ engines: [engine("rspamd", one.port)] }, [to("a@x")]);
    await scans.answer(question(task), inline);
    await scans.answer(question(task, { messageId: "m2" }), inline);
    assert.deepEqual([results, one.requests.length], [["scanned", "kept"], 1]);
  });

  const forNow = ["greylist", "soft reject"] as const;
  for (const action of [...forNow, "an optional engine that is away"] as const) {
    test(`are asked again about a message that comes again after: ${action}`, async () => {
      const said = RSPAMD.replace('"reject"', JSON.stringify(forNow.find((each) => each === action) ?? "reject"));
      await using one = await startScriptedEngine({ isWhole: hasContent, answer: () => ({ answer: said }) });
      const away = engine("clamd", await freePort(), { isOptional: true });
      const { scans, results } = scansWith();
      const engines = [engine("rspamd", one.port), ...(said === RSPAMD ? [away] : [])];
      const task = taskOf({ engines }, [to("a@x")]);
      for (const messageId of ["m1", "m1", "m2"]) await scans.answer(question(task, { messageId }), inline);
      assert.deepEqual(results, ["scanned", "kept", "scanned"]);
    });
  }
});
