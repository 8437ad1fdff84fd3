import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { freePort, startPostbus, startSmtpPeer } from "@postbus/testkit";
import { speak } from "./examples/running-program.ts";
import { eventually } from "./support/eventually.ts";
import { temporaryDirectory } from "./support/fixture.ts";

/** b.test goes to a host that puts everything off, and c.test to one where nobody listens; each is tried again after a day. */
const policy = (busy: number, down: number): string => `daemon_smtp_ports = 0
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

test("behind a suspension, what waits is tried at once, whatever its retry time; before, the queue says why it waits", async (t) => {
  const data = await temporaryDirectory(t, "suspension");
  let isBusy = true;
  await using peer = await startSmtpPeer({
    answer: ({ moment }) => (isBusy && moment === "RCPT" ? "451 busy" : undefined),
  });
  await writeFile(join(data, "postbus.conf"), policy(peer.port, await freePort()), "latin1");
  const postbus = await startPostbus({ args: ["--data", data, "--config", join(data, "postbus.conf")] });
  t.after(() => postbus.stop());
  const ask = async (method: string, path: string, good: readonly number[] = [200]): Promise<string> => {
    const response = await fetch(`http://${postbus.addresses.get("http")}/v1${path}`, { method });
    const text = await response.text();
    assert.ok(good.includes(response.status), text);
    return text;
  };
  /** Why the only message to an address waits. */
  const why = async (address: string) => {
    const { items } = JSON.parse(await ask("GET", "/queue")) as { items: readonly Item[] };
    const item = items.find(({ recipients, state }) => recipients[0] === address && state === "deferred");
    return item?.suspended === undefined ? item?.lastError : `suspended: ${item.suspended}`;
  };
  const waits = (address: string, pattern: RegExp) =>
    eventually(async () => pattern.exec((await why(address)) ?? "") ?? undefined);
  const log = () => readFile(join(data, "log/mainlog"), "latin1").catch(() => "");
  const refusals = async () => [...(await log()).matchAll(/ == r@c\.test .*Connection refused/g)].length;
  const send = async (to: string): Promise<string> => {
    const lines = ["EHLO c.test", "MAIL FROM:<s@c.test>", `RCPT TO:<${to}>`, "DATA", "a: b\r\n\r\nx\r\n."];
    const [, id = ""] = /id=(\S+)/.exec((await speak(postbus.port("smtp"), lines)).at(-1) ?? "") ?? [];
    return id;
  };
  const delivered = () => peer.messages.filter(({ recipients }) => recipients.length > 0).length;

  const id = await send("r@b.test");
  await send("r@c.test");
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
