import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ScanTask } from "@postbus/contracts";
import { type EngineAction, freePort, startScriptedEngine } from "@postbus/testkit";
import { inline, question, scansWith } from "./scan-lab.ts";

const TASKS: Readonly<Record<string, { task: (port: number) => ScanTask; good: string; half: string }>> = {
  dccifd: {
    task: (port) => ({
      engine: "dcc",
      server: { host: "127.0.0.1", port },
      options: "header",
      clientAddress: "192.0.2.1",
      helo: "h",
    }),
    good: "A\nAA\n\n",
    half: "A\nA",
  },
  clamd: {
    task: (port) => ({
      engine: "malware",
      scanner: "clamd",
      servers: [{ server: { host: "127.0.0.1", port }, retryMs: 0 }],
    }),
    good: "stream: OK\0",
    half: "stream: O",
  },
  spamd: {
    task: (port) => ({ engine: "spam", user: "nobody", servers: [spamServer(port, "spamd")] }),
    good: "SPAMD/1.1 0 EX_OK\r\nSpam: False ; 0.5 / 5.0\r\n\r\nfine\r\n",
    half: "SPAMD/1.1 0 EX_OK\r\nSpam: Fal",
  },
  rspamd: {
    task: (port) => ({ engine: "spam", user: "nobody", servers: [spamServer(port, "rspamd")] }),
    good: 'HTTP/1.1 200 OK\r\n\r\n{"score":1,"required_score":15,"action":"no action"}',
    half: 'HTTP/1.1 200 OK\r\n\r\n{"score":1,"requi',
  },
};

const spamServer = (port: number, protocol: "spamd" | "rspamd") => ({
  server: { host: "127.0.0.1", port },
  protocol,
  priority: 1,
  weight: 1,
  retryMs: 0,
  timeoutMs: 10_000,
});

for (const [program, { task, good, half }] of Object.entries(TASKS)) {
  describe(`${program} with faults`, () => {
    const faults: Readonly<Record<string, { action: EngineAction; reason: RegExp; timeoutMs?: number }>> = {
      "half an answer": { action: { answer: half }, reason: /half|no JSON/ },
      "not a word": { action: { answer: "" }, reason: /without an answer|half|no HTTP|understands/ },
      garbage: { action: { answer: "\0\xff\xfe garbage\r\n" }, reason: /understands|half|no HTTP/ },
      "an answer of 10 MB": { action: { answer: "A".repeat(10_000_000) }, reason: /longer than \d+ octets/ },
      "no answer": { action: { do: "hang" }, reason: /no answer in time/, timeoutMs: 300 },
      "an octet now and then": {
        action: { drip: good, everyMs: 50 },
        reason: /no answer in time/,
        timeoutMs: 400,
      },
    };
    for (const [fault, { action, reason, timeoutMs = 20_000 }] of Object.entries(faults)) {
      test(`${fault}: a temporary error with its reason, and the connection is closed`, async () => {
        let isWell = false;
        // The others are told of the end by ours.
        const knowsEnd = program === "clamd" || program === "rspamd";
        await using engine = await startScriptedEngine({
          ...(knowsEnd ? { isWhole: (request: string) => request.includes(".dot line") } : {}),
          answer: () => (isWell ? { answer: good } : action),
        });
        const { scans, results } = scansWith();
        const asked = { timeoutMs };
        const answer = await scans.answer(question(task(engine.port), asked), inline);
        assert.equal(answer.state, "failed");
        assert.match(answer.state === "failed" ? answer.reason : "", reason);
        assert.match(answer.state === "failed" ? answer.reason : "", new RegExp(`^${program} 127\\.0\\.0\\.1:\\d+: `));
        isWell = true;
        // Nothing of the failure is kept.
        assert.equal((await scans.answer(question(task(engine.port)), inline)).state, "scanned");
        assert.deepEqual(results, ["failed", "scanned"]);
      });
    }

    test("nobody listens, or the connection is cut", async () => {
      const { scans } = scansWith();
      const refused = await scans.answer(question(task(await freePort())), inline);
      assert.match(refused.state === "failed" ? refused.reason : "", /cannot connect: ECONNREFUSED/);
      await using engine = await startScriptedEngine({ isWhole: () => true, answer: () => ({ do: "cut" }) });
      const answer = await scans.answer(question(task(engine.port)), inline);
      assert.match(answer.state === "failed" ? answer.reason : "", /connection was lost|without an answer/);
    });
  });
}

describe("an engine that fails", () => {
  const DCC = TASKS["dccifd"]?.task ?? assert.fail();
  const CLAMD = TASKS["clamd"]?.task ?? assert.fail();

  test("is not asked any more after a while, and others are", async () => {
    await using broken = await startScriptedEngine({ answer: () => ({ answer: "A" }) });
    await using good = await startScriptedEngine({ answer: () => ({ answer: "A\nAA\n\n" }) });
    const { scans, hosts } = scansWith();
    for (let i = 0; i < 8; i++) {
      const asked = question(DCC(broken.port), { messageId: `m${i}`, returnPath: `s${i}@insecure.test` });
      const answer = await scans.answer(asked, inline);
      assert.equal(answer.state, "failed");
    }
    // The last one is a message of our own, which is not to be counted.
    assert.equal(broken.requests.length, 6);
    assert.match(broken.requests[5] ?? "", /^header query\n127\.0\.0\.1\nlocalhost\n<>\npostmaster@localhost\n\n/);
    assert.match(hosts.problem ?? "", /^dccifd 127\.0\.0\.1:\d+: not asked, after 6 failures: half an answer$/);
    assert.equal((await scans.answer(question(DCC(good.port)), inline)).state, "scanned");
  });

  for (const [program, { task, good }] of Object.entries(TASKS)) {
    test(`with messages that are made for it (${program}) is asked about all others`, async () => {
      const isWhole = (request: string) => /is anybody there\?|\.dot line/.test(request);
      const knowsEnd = program === "clamd" || program === "rspamd";
      await using engine = await startScriptedEngine({
        ...(knowsEnd ? { isWhole } : {}),
        answer: (request: string) => (request.includes("choke") ? { do: "hang" } : { answer: good }),
      });
      const { scans, hosts } = scansWith();
      const bad = (i: number) =>
        question(task(engine.port), { messageId: `m${i}`, returnPath: `choke${i}@a.test`, timeoutMs: 150 });
      for (let i = 0; i < 7; i++) {
        const header = { text: `Subject: choke ${i}\r\n\r\n`, replaces: 18 };
        assert.equal((await scans.answer({ ...bad(i), header }, inline)).state, "failed");
      }
      assert.equal((await scans.answer(question(task(engine.port)), inline)).state, "scanned");
      assert.equal(hosts.problem, undefined);
    });
  }

  test("that hangs holds so many connections and no more, and others are not kept waiting", async () => {
    await using hanging = await startScriptedEngine({ answer: () => ({ do: "hang" }) });
    const isWhole = (request: string) => request.endsWith("\0\0\0\0");
    await using good = await startScriptedEngine({ isWhole, answer: () => ({ answer: "stream: OK\0" }) });
    const { scans, results } = scansWith({ concurrency: 8, connections: 3 });
    // The others have gone before the first ones give their connections back: the engine may see the end of one later than
    // the beginning of the next.
    const asked = Array.from({ length: 12 }, (_, i) =>
      scans.answer(question(DCC(hanging.port), { messageId: `m${i}`, timeoutMs: i < 3 ? 3_000 : 500 }), inline),
    );
    assert.equal((await scans.answer(question(CLAMD(good.port)), inline)).state, "scanned");
    const answers = await Promise.all(asked);
    assert.ok(answers.every(({ state }) => state === "failed"));
    assert.equal(hanging.mostOpen, 3);
    assert.equal(results.filter((result) => result === "busy").length, 4);
  });

  test("of several servers the next one is asked", async () => {
    await using good = await startScriptedEngine({
      answer: () => ({ answer: "SPAMD/1.1 0 EX_OK\r\nSpam: True ; 6 / 5\r\n\r\n" }),
    });
    const servers = [
      { ...spamServer(await freePort(), "spamd"), priority: 2 },
      { ...spamServer(good.port, "spamd"), priority: 1 },
    ];
    const { scans } = scansWith();
    const answer = await scans.answer(question({ engine: "spam", user: "u", servers }), inline);
    assert.deepEqual(answer.state === "scanned" && answer.verdict, {
      engine: "spam",
      score: 6,
      threshold: 5,
      action: "reject",
      report: "",
    });
  });
});

describe("a question that comes again", () => {
  const SUBJECT = "Received: from elsewhere\r\n\tby y; later\r\nSubject: hello\r\n\r\n";
  const CLAMD = TASKS["clamd"]?.task ?? assert.fail();
  const isWhole = (request: string) => request.endsWith("\0\0\0\0");

  test("about the same message is answered once, even at the same time", async () => {
    await using engine = await startScriptedEngine({ answer: () => ({ answer: "G\nGG\n\n" }) });
    const asked = question(TASKS["dccifd"]?.task(engine.port) ?? assert.fail());
    const { scans, results } = scansWith();
    const [one, two] = await Promise.all([scans.answer(asked, inline), scans.answer(asked, inline)]);
    const three = await scans.answer(asked, inline);
    assert.deepEqual([two, three], [one, one]);
    assert.equal(engine.requests.length, 1);
    assert.deepEqual(results.toSorted(), ["kept", "kept", "scanned"]);
  });

  test("for a message that is sent again, clamd is not asked again, and the DCC is, which counts", async () => {
    await using clamd = await startScriptedEngine({ isWhole, answer: () => ({ answer: "stream: OK\0" }) });
    await using dccifd = await startScriptedEngine({ answer: () => ({ answer: "G\nGG\n\n" }) });
    const { scans } = scansWith();
    for (const messageId of ["first", "second"]) {
      const header = { text: messageId === "first" ? question(CLAMD(1)).header.text : SUBJECT, replaces: 18 };
      await scans.answer(question(CLAMD(clamd.port), { messageId, header }), inline);
      await scans.answer(question(TASKS["dccifd"]?.task(dccifd.port) ?? assert.fail(), { messageId, header }), inline);
    }
    assert.deepEqual([clamd.requests.length, dccifd.requests.length], [1, 2]);
  });

  test("for a message that is sent again, rspamd is asked again if it has said that it should be", async () => {
    for (const [action, asked] of [
      ["no action", 1],
      ["greylist", 2],
      ["soft reject", 2],
    ] as const) {
      const { task, good } = TASKS["rspamd"] ?? assert.fail();
      await using engine = await startScriptedEngine({
        isWhole: (request: string) => request.includes(".dot line"),
        answer: () => ({ answer: good.replace("no action", action) }),
      });
      const { scans } = scansWith();
      for (const messageId of ["m1", "m2", "m2"]) {
        await scans.answer(question(task(engine.port), { messageId }), inline);
      }
      assert.equal(engine.requests.length, asked, action);
    }
  });

  test("of another content, to other recipients, or with another header is another one", async () => {
    await using clamd = await startScriptedEngine({ isWhole, answer: () => ({ answer: "stream: OK\0" }) });
    const { scans } = scansWith();
    const task = CLAMD(clamd.port);
    const changes = [
      { recipients: ["c@good.test"] },
      { header: { text: SUBJECT.replace("hello", "other"), replaces: 18 } },
      { client: { address: "192.0.2.45", helo: "x" } },
      {},
    ];
    for (const [i, change] of changes.entries()) {
      await scans.answer(question(task, { messageId: `m${i}`, ...change }), inline);
    }
    const other = { kind: "inline", octets: Buffer.from("Subject: hello\r\n\r\nanother\r\n") } as const;
    await scans.answer(question(task, { messageId: "m9" }), other);
    assert.equal(clamd.requests.length, 5);
  });
});
