import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import {
  type EngineAction,
  freePort,
  type PostbusProcess,
  runPostbus,
  startNats,
  startPostbus,
  startScriptedEngine,
} from "@postbus/testkit";
import { speak } from "../examples/running-program.ts";
import { eventually } from "../support/eventually.ts";
import { temporaryDirectory } from "../support/fixture.ts";
import { needs } from "../support/programs.ts";

const LARGE = `${`${"x".repeat(70)}\r\n`.repeat(10_000)}.`;

/** Gateway and scanner as processes of their own, on a NATS server. */
async function startFleet(t: TestContext, policy: string) {
  const nats = await startNats();
  t.after(() => nats.stop());
  const data = await temporaryDirectory(t, "scanner-fleet");
  const config = join(data, "policy.conf");
  await writeFile(
    config,
    `primary_hostname = mx.test
daemon_smtp_ports = 0
local_interfaces = 127.0.0.1
${policy}`,
  );
  const env = { NATS_URL: nats.url, NATS_MONITOR_URL: nats.monitorUrl, POSTBUS_DATA: data };
  const { code, errors } = await runPostbus({ command: "provision", args: ["--replicas", "1"], env });
  assert.equal(code, 0, errors);
  const start = async (service: string, more: Record<string, string> = {}): Promise<PostbusProcess> => {
    const args = [service, "--data", data, "--config", config];
    const postbus = await startPostbus({ args, env: { ...env, ...more } });
    t.after(() => postbus.kill());
    return postbus;
  };
  return { start, gateway: await start("gateway") };
}

const bulkPolicy = (dccPort: number): string => `dccifd_address = 127.0.0.1 ${dccPort}
dcc_timeout = 3s
acl_smtp_rcpt = accept
acl_smtp_data = judge
begin acl
judge:
  deny dcc = *
       message = $dcc_result $dcc_header
  deny message = is bulk
`;

/** What a message is answered. */
async function message(gateway: PostbusProcess, body = "text\r\n."): Promise<string> {
  const commands = [
    "EHLO client.test",
    "MAIL FROM:<a@b.test>",
    "RCPT TO:<u@mx.test>",
    "DATA",
    `Subject: x\r\n\r\n${body}`,
  ];
  return (await speak(gateway.port("smtp"), commands)).at(-1) ?? "";
}

const GOOD: EngineAction = { answer: "A\nA\nX-DCC-test-Metrics: client.test 1000; Body=1\n\n" };
const BULK: EngineAction = { answer: "R\nR\n\n" };

test("in a fleet, engines are asked by the scanner that is there; what goes wrong is a temporary refusal", async (t) => {
  if (needs(t, "nats-server") === undefined) return;
  let action: EngineAction = GOOD;
  await using dccifd = await startScriptedEngine({ answer: () => action });
  const health = `127.0.0.1:${await freePort()}`;
  const ready = async () => (await fetch(`http://${health}/readyz`)).text();
  const { start, gateway } = await startFleet(t, bulkPolicy(dccifd.port));

  await t.test("nobody is there", async () => assert.match(await message(gateway), /^451 /));

  let scanner = await start("scanner", { POSTBUS_HEALTH: health });
  await t.test("a scanner is there", async () => {
    assert.match(await message(gateway), /^550 .*A X-DCC-test-Metrics: client\.test 1000; Body=1/);
    action = BULK;
    assert.match(await message(gateway), /^550 .*is bulk/);
  });

  await t.test("large content comes whole, out of the spool", async () => {
    assert.match(await message(gateway, LARGE), /^550 .*is bulk/);
    assert.ok(dccifd.requests.at(-1)?.endsWith(LARGE.slice(0, -1).replaceAll("\r\n", "\n")));
  });

  await t.test("the scanner dies in the middle, and the next one goes on", async () => {
    action = { do: "hang" };
    const before = dccifd.requests.length;
    const waiting = message(gateway);
    await eventually(async () => (dccifd.requests.length > before ? true : undefined));
    await scanner.kill();
    assert.match(await waiting, /^451 /);
    action = BULK;
    scanner = await start("scanner", { POSTBUS_HEALTH: health });
    assert.match(await message(gateway), /^550 .*is bulk/);
  });

  await t.test("an engine that fails is given up for a while, and /readyz names it", async () => {
    assert.equal(await ready(), "ready\n");
    action = { answer: "A" };
    const before = dccifd.requests.length;
    for (let i = 0; i < 7; i++) assert.match(await message(gateway, `text ${i}\r\n.`), /^451 /);
    // The last one is a message of scanner's own.
    assert.equal(dccifd.requests.length - before, 6);
    assert.match(await ready(), /dccifd 127\.0\.0\.1:\d+: not asked, after 6 failures: half an answer/);
  });
});

test("what one scanner has been told, the others need not ask: a message that is sent again is scanned once", async (t) => {
  if (needs(t, "nats-server") === undefined) return;
  const isWhole = (request: string): boolean => request.endsWith("\0\0\0\0");
  await using clamd = await startScriptedEngine({ isWhole, answer: () => ({ answer: "stream: Worm FOUND\0" }) });
  const policy = `av_scanner = clamd:127.0.0.1 ${clamd.port}
acl_smtp_rcpt = accept
acl_smtp_data = judge
begin acl
judge:
  deny malware = *
       message = $malware_name
  accept
`;
  const { start, gateway } = await startFleet(t, policy);
  const health = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  for (const address of health) await start("scanner", { POSTBUS_HEALTH: address });
  // Which of the two is asked is chance: each is, of so many.
  for (let i = 0; i < 24; i++) assert.match(await message(gateway), /^550 .*Worm/);
  const counts = health.map(async (address) =>
    (await (await fetch(`http://${address}/metrics`)).text()).match(/^postbus_scanner_scans_total\{.*$/gm),
  );
  assert.ok(
    (await Promise.all(counts)).every((lines) => lines !== null),
    "both were asked",
  );
  assert.equal(clamd.requests.length, 1);
});
