import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { runPostbus, startNats, startPostbus, startSmtpPeer } from "@postbus/testkit";
import { speak } from "../examples/running-program.ts";
import { temporaryDirectory } from "../support/fixture.ts";
import { needs } from "../support/programs.ts";

const PARALLEL = 4;
const RATE = { messages: 10, periodMs: 5_000 };
const MESSAGES = 40;
/** Of the fleet: so often each process says that it is there, and looks who else is. */
const FLEET_BEAT_MS = 5_000;
const PATIENCE_MS = 120_000;

const policy = (slow: number, counted: number, single: number): string => `daemon_smtp_ports = 0
local_interfaces = 127.0.0.1
primary_hostname = mx.test.example
retry_jitter = 0
acl_smtp_rcpt = accept
begin routers
slow:
  driver = accept
  domains = slow.test
  transport = slow
single:
  driver = accept
  domains = single.test
  transport = single
counted:
  driver = accept
  transport = counted
begin transports
slow:
  driver = smtp
  hosts = 127.0.0.1
  port = ${slow}
  max_parallel = ${PARALLEL}
counted:
  driver = smtp
  hosts = 127.0.0.1
  port = ${counted}
  max_rate = ${RATE.messages}/${RATE.periodMs / 1_000}s
single:
  driver = smtp
  hosts = 127.0.0.1
  port = ${single}
  serialize_hosts = *
begin retry
* * F,1h,1m
`;

test("max_parallel, max_rate and serialize_hosts hold for two delivery processes together", {
  timeout: 300_000,
}, async (t) => {
  if (needs(t, "nats-server") === undefined) return;
  const nats = await startNats();
  t.after(() => nats.stop());
  const data = await temporaryDirectory(t, "fleet-limits");

  let open = 0;
  let most = 0;
  await using slow = await startSmtpPeer({
    answer: ({ moment }) => {
      if (moment === "MAIL") most = Math.max(most, ++open);
      if (moment !== "end of data") return undefined;
      setTimeout(() => open--, 300);
      return { reply: "250 ok", afterMs: 300 };
    },
  });
  const arrivals: number[] = [];
  const ports = new Set<number>();
  await using counted = await startSmtpPeer({
    answer: ({ moment, connection }) => {
      if (moment === "end of data") arrivals.push(performance.now());
      if (moment === "end of data") ports.add(connection);
      return undefined;
    },
  });
  let openSingle = 0;
  let mostSingle = 0;
  await using single = await startSmtpPeer({
    answer: ({ moment }) => {
      if (moment === "connect") mostSingle = Math.max(mostSingle, ++openSingle);
      if (moment === "QUIT") openSingle--;
      return moment === "end of data" ? { reply: "250 ok", afterMs: 500 } : undefined;
    },
  });

  const config = join(data, "postbus.conf");
  await writeFile(config, policy(slow.port, counted.port, single.port));
  const env = { NATS_URL: nats.url, NATS_MONITOR_URL: nats.monitorUrl, POSTBUS_CONFIG: config };
  assert.equal((await runPostbus({ command: "provision", args: [], env })).code, 0);
  const start = async (name: string, ...services: string[]) => {
    const postbus = await startPostbus({ args: services, env: { ...env, POSTBUS_DATA: join(data, name) } });
    t.after(() => postbus.kill());
    return postbus;
  };
  const gateway = await start("edge", "gateway", "router", "logger");
  await start("first", "delivery");
  await start("second", "delivery");
  // Until each has been seen, and has seen the other: it looks once in a beat.
  await delay(3 * FLEET_BEAT_MS);

  for (let i = 0; i < MESSAGES; i++) {
    const to = ["slow.test", "counted.test", "slow.test", "counted.test", "single.test"][i % 5];
    const lines = ["EHLO c.test", "MAIL FROM:<s@c.test>", `RCPT TO:<u${i}@${to}>`, "DATA", "Subject: x\r\n\r\nx\r\n."];
    await speak(gateway.port("smtp"), lines);
  }
  const deadline = performance.now() + PATIENCE_MS;
  const count = () => slow.messages.length + arrivals.length + single.messages.length;
  const isDone = () => count() >= MESSAGES;
  while (!isDone() && performance.now() < deadline) await delay(200);
  t.diagnostic(
    `${slow.messages.length} and ${arrivals.length} messages; ${most} at one time; ${ports.size} connections`,
  );
  assert.equal(count(), MESSAGES);
  assert.ok(most <= PARALLEL, `${most} at one time`);
  assert.equal(mostSingle, 1);
  const worst = Math.max(
    ...arrivals.map((atMs) => arrivals.filter((t2) => t2 >= atMs && t2 < atMs + RATE.periodMs).length),
  );
  // One of each process may stand at either end of the span.
  assert.ok(worst <= RATE.messages + 2, `${worst} in ${RATE.periodMs} ms`);
});
