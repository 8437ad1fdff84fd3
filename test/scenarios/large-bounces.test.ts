import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type PostbusProcess, runPostbus, startNats, startPostbus, startSmtpPeer } from "@postbus/testkit";
import { eventually } from "../support/eventually.ts";
import { runningPostbus, temporaryDirectory } from "../support/fixture.ts";
import { messagesIn } from "../support/mailbox.ts";
import { needs } from "../support/programs.ts";
import { runScript } from "../support/scripted-client.ts";

const policy = (peer: number, box: string): string => `
primary_hostname = mx.a.test
local_interfaces = 127.0.0.1
daemon_smtp_ports = 0
bounce_return_size_limit = 2M
acl_smtp_rcpt = accept
begin routers
far:
  driver = accept
  domains = far.test
  transport = far
near:
  driver = accept
  transport = near
begin transports
far:
  driver = smtp
  hosts = 127.0.0.1
  port = ${peer}
  allow_localhost
near:
  driver = appendfile
  directory = ${box}
  maildir_format
`;

/** Of the server's monitoring. */
interface Account {
  readonly stream_detail: readonly { readonly name: string; readonly state: { readonly messages: number } }[];
}

/** Above 128 KiB. */
const BODY = `${"0123456789".repeat(7)}\n`.repeat(10_000);

/** Sends it, and looks at the bounce in the sender's mailbox. */
async function refusedLarge(postbus: PostbusProcess, box: string): Promise<void> {
  const message = `Subject: a large one\nFrom: <ann@a.test>\n\n${BODY}.`;
  const replies = await runScript(postbus.port("smtp"), [
    ...["EHLO c.test", "MAIL FROM:<ann@a.test>", "RCPT TO:<nobody@far.test>", "DATA", message, "QUIT"],
  ]);
  assert.match(replies.join("\n"), /^250 2.0.0 OK id=/m);
  const [bounce = ""] = await messagesIn(box);
  const at = bounce.indexOf("Subject: a large one\n");
  assert.match(bounce.slice(0, at), /^Content-Type: message\/rfc822$/m);
  assert.ok(bounce.includes(`\n\n${BODY}\n--`), "the whole body, and the end of the report");
}

describe("a large message that is refused", () => {
  test("comes back whole where bounce_return_size_limit lets it, and leaves nothing behind", async (t) => {
    await using peer = await startSmtpPeer({
      answer: ({ moment }) => (moment === "RCPT" ? "550 no such user" : undefined),
    });
    const directory = await temporaryDirectory(t, "large-bounce");
    const config = join(directory, "postbus.conf");
    await writeFile(config, policy(peer.port, join(directory, "box")));
    const { postbus, data } = await runningPostbus(t, "--config", config);
    await refusedLarge(postbus, join(directory, "box"));
    await eventually(async () => ((await readdir(join(data, "bus", "spool"))).length === 0 ? true : undefined));
    const log = await readFile(join(data, "log", "mainlog"), "latin1");
    assert.match(log, /<= <> R=\S+ P=local S=7\d{5}\b/);
  });

  test("the same in a fleet, where the report is made far from where the message came in", async (t) => {
    if (needs(t, "nats-server") === undefined) return;
    await using peer = await startSmtpPeer({
      answer: ({ moment }) => (moment === "RCPT" ? "550 no such user" : undefined),
    });
    const nats = await startNats();
    t.after(() => nats.stop());
    const directory = await temporaryDirectory(t, "large-bounce-fleet");
    const config = join(directory, "postbus.conf");
    await writeFile(config, policy(peer.port, join(directory, "box")));
    const env = { NATS_URL: nats.url, NATS_MONITOR_URL: nats.monitorUrl };
    const { code, errors } = await runPostbus({ command: "provision", args: ["--replicas", "1"], env });
    assert.equal(code, 0, errors);
    const start = async (...services: string[]): Promise<PostbusProcess> => {
      const data = await temporaryDirectory(t, `large-bounce-${services[0]}`);
      const postbus = await startPostbus({ args: [...services, "--data", data, "--config", config], env });
      t.after(() => postbus.stop());
      return postbus;
    };
    await start("delivery");
    await refusedLarge(await start("gateway", "router"), join(directory, "box"));
    // Neither the message nor its report.
    await eventually(async () => {
      const answer = await fetch(`${nats.monitorUrl}/jsz?streams=true`);
      const { account_details } = (await answer.json()) as { account_details: readonly Account[] };
      const content = account_details
        .flatMap(({ stream_detail }) => stream_detail)
        .find(({ name }) => name === "MAIL_CONTENT");
      assert.ok(content !== undefined);
      return content.state.messages === 0 ? true : undefined;
    });
  });
});
