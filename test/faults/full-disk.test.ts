import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { provisionNats } from "@postbus/bus";
import { freePort, startNats, startPostbus, startRecordingSink } from "@postbus/testkit";
import { fillUp, sendOne } from "../support/fill-up.ts";
import { temporaryDirectory } from "../support/fixture.ts";
import { noOwnDisk, onOwnDisk } from "../support/own-disk.ts";
import { needs } from "../support/programs.ts";

/** How long it may take until the mail is delivered that waited. */
const PATIENCE_MS = 60_000;

/** How long it may take until there is room again: the disk is looked at every 5 s. */
const ROOM_MS = 10_000;

/** Resolves when mail is taken again. */
async function isTakenAgain(smtpPort: number, id: string): Promise<string> {
  for (const end = performance.now() + ROOM_MS; ; await delay(200)) {
    const refusal = await sendOne(smtpPort, id);
    if (refusal === undefined) return `${id} user@sink.test`;
    if (performance.now() > end) throw new Error(`still refused after ${ROOM_MS} ms: ${refusal}`);
  }
}

test("a disk that fills up: 452, and what was accepted is delivered", async (t) => {
  const missing = await noOwnDisk();
  if (missing !== undefined) return t.skip(missing);
  const data = await temporaryDirectory(t, "full-disk");
  const sinkPort = await freePort();
  const postbus = await startPostbus({
    args: ["--data", data, "-DSMTP_PORT=0", `-DSMARTHOST=127.0.0.1::${sinkPort}`, "-DRETRY=F,1h,1s"],
    commandPrefix: onOwnDisk(data, "size=110m"),
  });
  t.after(() => postbus.kill());
  const { acknowledged, refusal } = await fillUp(postbus.port("smtp"), "disk");
  t.diagnostic(`${acknowledged.length} messages taken, then: ${refusal}`);
  assert.match(refusal, /^452 4\.3\.1 /);

  const sink = await startRecordingSink({ port: sinkPort });
  t.after(() => sink.stop());
  await sink.waitFor(acknowledged, PATIENCE_MS);
  // The file of the embedded bus does not shrink, and its free pages do not count as room.
  await t.test("then mail is taken again", async () => {
    await sink.waitFor([await isTakenAgain(postbus.port("smtp"), "again")], PATIENCE_MS);
  });
  assert.deepEqual(
    [...sink.received].filter(([, count]) => count !== 1),
    [],
    "doubled",
  );
  assert.equal(await postbus.stop(), 0);
});

test("a bus that is full: 452, what was accepted is delivered, and then mail is taken again", async (t) => {
  if (needs(t, "nats-server") === undefined) return;
  const nats = await startNats();
  t.after(() => nats.stop());
  await provisionNats({ servers: [nats.url], maxAcceptedOctets: 4_000_000, eventsMaxOctets: 16 * 1024 ** 2 });
  const sink = await startRecordingSink();
  t.after(() => sink.stop());
  const data = await temporaryDirectory(t, "full-bus");
  const env = { NATS_URL: nats.url, NATS_MONITOR_URL: nats.monitorUrl, POSTBUS_DATA: data };
  const macros = ["-DSMTP_PORT=0", `-DSMARTHOST=127.0.0.1::${sink.port}`];
  const gateway = await startPostbus({ args: ["gateway", ...macros], env });
  t.after(() => gateway.kill());
  const { acknowledged, refusal } = await fillUp(gateway.port("smtp"), "bus");
  t.diagnostic(`${acknowledged.length} messages taken, then: ${refusal}`);
  assert.match(refusal, /^452 4\.3\.1 /);

  const others = await startPostbus({ args: ["router", "delivery", ...macros], env });
  t.after(() => others.kill());
  await sink.waitFor(acknowledged, PATIENCE_MS);
  await sink.waitFor([await isTakenAgain(gateway.port("smtp"), "again")], PATIENCE_MS);
  assert.deepEqual(
    [...sink.received].filter(([, count]) => count !== 1),
    [],
    "doubled",
  );
  assert.equal(await gateway.stop(), 0);
  assert.equal(await others.stop(), 0);
});
