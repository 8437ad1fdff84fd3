import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { connectNatsBus, provisionNats } from "@postbus/bus";
import { type PostbusProcess, program, startNats, startPostbus } from "@postbus/testkit";
import { checkedMessage } from "../../services/logger/test/dmarc/checked-message.ts";
import { temporaryDirectory } from "../support/fixture.ts";

const missing = program("nats-server") === undefined ? "SKIPPED: nats-server is not on this machine" : false;
const DEADLINE_MS = 60_000;

test("two logger processes on one NATS server and one history file, killed now and then: each check is in it once", {
  skip: missing,
}, async (t) => {
  const directory = await temporaryDirectory(t, "loggers");
  const nats = await startNats();
  t.after(() => nats.stop());
  await provisionNats({ servers: [nats.url], replicas: 1, eventsMaxOctets: 64 * 1024 ** 2 });
  const history = join(directory, "history.dat");
  const config = join(directory, "policy.conf");
  await writeFile(config, `primary_hostname = mx.test\ndmarc_history_file = ${history}\n`);
  const start = async (name: string): Promise<PostbusProcess> => {
    const env = { NATS_URL: nats.url, NATS_MONITOR_URL: nats.monitorUrl, POSTBUS_LOGGER_NAME: name };
    const args = ["logger", "--data", join(directory, name), "--config", config];
    const postbus = await startPostbus({ args, env });
    t.after(() => postbus.kill());
    return postbus;
  };
  const bus = await connectNatsBus({ servers: [nats.url], monitorUrl: nats.monitorUrl });
  t.after(() => bus.close());
  const loggers = await Promise.all([start("one"), start("two")]);
  const ROUNDS = 6;
  const EVENTS = 200;
  for (let round = 0; round < ROUNDS; round++) {
    const events = Array.from({ length: EVENTS }, (_, n) => checkedMessage(round * EVENTS + n));
    for (let from = 0; from < EVENTS; from += 10) await bus.events.record(events.slice(from, from + 10));
    const which = round % 2;
    await loggers[which]?.kill();
    loggers[which] = await start(which === 0 ? "one" : "two");
  }
  const jobs = async (): Promise<string[]> =>
    [...(await readFile(history, "latin1")).matchAll(/^job (.*)$/gm)].map(([, id = ""]) => id);

  const deadline = performance.now() + DEADLINE_MS;
  while ((await jobs()).length < ROUNDS * EVENTS && performance.now() < deadline) await delay(100);
  for (const logger of loggers) await logger.stop();
  const expected = Array.from({ length: ROUNDS * EVENTS }, (_, n) => checkedMessage(n).messageId);
  assert.deepEqual((await jobs()).toSorted(), expected.toSorted());
  assert.doesNotMatch(await readFile(history, "latin1"), /\n\n/);
});
