import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { freePort, type SmtpPeer, startPostbus, startSmtpPeer } from "@postbus/testkit";
import { speak } from "../examples/running-program.ts";
import { eventually } from "../support/eventually.ts";
import { temporaryDirectory } from "../support/fixture.ts";
import { startFleet } from "../support/fleet-processes.ts";
import { needs } from "../support/programs.ts";

/** b.test goes to a host that puts everything off, and c.test to one where nobody listens; each is tried again after a day. */
const policy = (busy: number, down: number): string => `daemon_smtp_ports = SMTP_PORT
local_interfaces = 127.0.0.1
primary_hostname = mx.test.example
acl_smtp_rcpt = accept
acl_smtp_data = accept
begin routers
r:
  driver = manualroute
  route_list = b.test 127.0.0.1::${busy} ; c.test 127.0.0.1::${down}
  self = send
  transport = t
begin transports
t:
  driver = smtp
  allow_localhost
begin retry
* * F,9d,1d
`;

interface Item {
  readonly recipients: readonly string[];
  readonly state: string;
  readonly lastError?: string;
  readonly suspended?: string;
}

/** What an operator does and sees. */
interface Desk {
  ask(method: string, path: string, good?: readonly number[]): Promise<string>;
  /** Why the only message to an address waits. */
  why(address: string): Promise<string | undefined>;
  /** Until it waits for that. */
  waits(address: string, pattern: RegExp): Promise<unknown>;
  /** How often the host of c.test was tried in vain. */
  refusals(): Promise<number>;
}

function desk(http: () => string, data: string): Desk {
  const ask: Desk["ask"] = async (method, path, good = [200]) => {
    const response = await fetch(`http://${http()}/v1${path}`, { method });
    const text = await response.text();
    assert.ok(good.includes(response.status), text);
    return text;
  };
  const why: Desk["why"] = async (address) => {
    const { items } = JSON.parse(await ask("GET", "/queue")) as { items: readonly Item[] };
    const item = items.find(({ recipients, state }) => recipients[0] === address && state === "deferred");
    return item?.suspended === undefined ? item?.lastError : `suspended: ${item.suspended}`;
  };
  const waits: Desk["waits"] = (address, pattern) =>
    eventually(async () => pattern.exec((await why(address)) ?? "") ?? undefined);
  const log = () => readFile(join(data, "log/mainlog"), "latin1").catch(() => "");
  const refusals = async () => [...(await log()).matchAll(/ == r@c\.test .*Connection refused/g)].length;
  return { ask, why, waits, refusals };
}

/** @returns the id. */
async function send(port: number, to: string): Promise<string> {
  const lines = ["EHLO c.test", "MAIL FROM:<s@c.test>", `RCPT TO:<${to}>`, "DATA", "a: b\r\n\r\nx\r\n."];
  const [, id = ""] = /id=(\S+)/.exec((await speak(port, lines)).at(-1) ?? "") ?? [];
  return id;
}

/** @returns an address of b.test for which mail waits because of that: delivery has heard of it. */
async function putOff(port: number, { ask }: Desk, target: string): Promise<string> {
  let count = 0;
  return await eventually(async () => {
    await send(port, `${target}-${count++}@b.test`);
    const { items } = JSON.parse(await ask("GET", "/queue")) as { items: readonly Item[] };
    return items.find(({ suspended }) => suspended === target)?.recipients[0];
  });
}

const hasGot = (peer: SmtpPeer, address: string) =>
  eventually(async () => peer.messages.some(({ recipients }) => recipients.includes(address)) || undefined);

test("behind a suspension, what waits is tried at once, whatever its retry time; before, the queue says why it waits", async (t) => {
  const data = await temporaryDirectory(t, "suspension");
  let isBusy = true;
  await using peer = await startSmtpPeer({
    answer: ({ moment }) => (isBusy && moment === "RCPT" ? "451 busy" : undefined),
  });
  await writeFile(join(data, "postbus.conf"), policy(peer.port, await freePort()), "latin1");
  const postbus = await startPostbus({
    args: ["-DSMTP_PORT=0", "--data", data, "--config", join(data, "postbus.conf")],
  });
  t.after(() => postbus.stop());
  const { ask, why, waits, refusals } = desk(() => postbus.addresses.get("http") ?? "", data);
  const delivered = () => peer.messages.filter(({ recipients }) => recipients.length > 0).length;

  const id = await send(postbus.port("smtp"), "r@b.test");
  await send(postbus.port("smtp"), "r@c.test");
  await waits("r@b.test", /451 busy/);
  await waits("r@c.test", /Connection refused/);

  await ask("POST", "/suspensions/b.test");
  await ask("POST", "/suspensions/127.0.0.1");
  // That an operator wants one message to be tried does not end what holds all.
  await eventually(async () => {
    // While it is in work, nothing can be done about it.
    await ask("POST", `/queue/${id}/now`, [200, 409]);
    return (await why("r@b.test")) === "suspended: b.test" ? true : undefined;
  });
  isBusy = false;
  await ask("DELETE", "/suspensions/b.test");
  await waits("r@b.test", /suspended: 127\.0\.0\.1/);
  assert.equal(delivered(), 0);
  assert.equal(await refusals(), 1);
  await ask("DELETE", "/suspensions/127.0.0.1");
  await eventually(async () => (delivered() === 1 ? true : undefined));
  // Nobody has looked at it since it failed.
  await eventually(async () => ((await refusals()) === 2 ? true : undefined));
});

test("the same where another process has put it off", async (t) => {
  const data = await temporaryDirectory(t, "suspension-restart");
  await using peer = await startSmtpPeer();
  await writeFile(join(data, "p.conf"), policy(peer.port, await freePort()), "latin1");
  const start = () => startPostbus({ args: ["-DSMTP_PORT=0", "--data", data, "--config", join(data, "p.conf")] });
  let postbus = await start();
  t.after(() => postbus.stop());
  const there = desk(() => postbus.addresses.get("http") ?? "", data);
  const { ask, waits, refusals } = there;
  await send(postbus.port("smtp"), "r@c.test");
  await waits("r@c.test", /Connection refused/);
  await ask("POST", "/suspensions/127.0.0.1");
  const held = await putOff(postbus.port("smtp"), there, "127.0.0.1");
  await postbus.stop();
  postbus = await start();
  await ask("DELETE", "/suspensions/127.0.0.1");
  await hasGot(peer, held);
  await eventually(async () => ((await refusals()) === 2 ? true : undefined));
});

test("the same in a fleet, also where delivery was away when the suspension ended", async (t) => {
  if (needs(t, "nats-server") === undefined) return;
  await using peer = await startSmtpPeer();
  const config = join(await temporaryDirectory(t, "suspension-fleet"), "p.conf");
  await writeFile(config, policy(peer.port, await freePort()), "latin1");
  const fleet = await startFleet({ sinkPort: peer.port, config });
  t.after(() => fleet.end());
  const there = desk(() => fleet.http, fleet.data);
  const { ask, waits, refusals } = there;
  await send(fleet.smtpPort, "r@c.test");
  await waits("r@c.test", /Connection refused/);
  await ask("POST", "/suspensions/b.test");
  const held = await putOff(fleet.smtpPort, there, "b.test");
  await fleet.stop("delivery");
  await ask("DELETE", "/suspensions/b.test");
  await fleet.start("delivery");
  await hasGot(peer, held);
  assert.equal(await refusals(), 1);
  await ask("POST", "/suspensions/127.0.0.1");
  await putOff(fleet.smtpPort, there, "127.0.0.1");
  await ask("DELETE", "/suspensions/127.0.0.1");
  await eventually(async () => ((await refusals()) === 2 ? true : undefined));
});
