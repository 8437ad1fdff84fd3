import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { freePort, startExim, startPostbus, startSmtpPeer } from "@postbus/testkit";
import { speak } from "../examples/running-program.ts";
import { eventually } from "../support/eventually.ts";
import { temporaryDirectory } from "../support/fixture.ts";
import { needs } from "../support/programs.ts";

/** Mail goes to a host that wants AUTH and refuses one address; what comes back to the sender goes there, too. */
const policy = (port: number): string => `
primary_hostname = mx.test
qualify_domain = mx.test
bounce_sender_authentication = reports+1@mx.test

begin routers
all:
  driver = manualroute
  route_list = * 127.0.0.1::${port}
  self = send
  transport = remote

begin transports
remote:
  driver = smtp
  allow_localhost
  hosts_require_auth = *
  EXIM_USER

begin retry
*  *  F,1h,1s

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  client_send = ^us^secret
`;

type Start = (t: TestContext, config: string) => Promise<number>;

const exim: Start = async (t, config) => {
  const directory = await temporaryDirectory(t, "bounce-auth-exim");
  const server = await startExim("exim-4.98", config, { port: await freePort(), directory });
  t.after(() => server.stop());
  return server.port;
};

const postbus: Start = async (t, config) => {
  const directory = await temporaryDirectory(t, "bounce-auth");
  const acls = "daemon_smtp_ports = 0\nlocal_interfaces = 127.0.0.1\nacl_smtp_rcpt = accept\nacl_smtp_data = accept\n";
  await writeFile(join(directory, "postbus.conf"), acls + config.replaceAll("EXIM_USER", ""), "latin1");
  const server = await startPostbus({ args: ["--data", directory, "--config", join(directory, "postbus.conf")] });
  t.after(() => server.stop());
  return server.port("smtp");
};

/** MAIL commands of a message from a client that is nobody, and of its bounce. */
async function mailCommands(t: TestContext, start: Start): Promise<readonly string[]> {
  await using peer = await startSmtpPeer({
    keywords: ["AUTH PLAIN"],
    answer: ({ moment, line }) =>
      moment === "AUTH" ? "235 ok" : moment === "RCPT" && line.includes("gone@") ? "550 no" : undefined,
  });
  const port = await start(t, policy(peer.port));
  await speak(port, ["EHLO c.test", "MAIL FROM:<s@c.test>", "RCPT TO:<gone@b.test>", "DATA", "a: b\r\n\r\nx\r\n."]);
  const mails = () => peer.commands.filter((command) => command.startsWith("MAIL "));
  return await eventually(async () => (mails().length === 2 ? mails() : undefined));
}

test("who bounces are sent as, where we authenticate, is what Exim says", async (t) => {
  if (needs(t, "exim-4.98") === undefined) return;
  const theirs = await mailCommands(t, exim);
  assert.deepEqual(theirs, ["MAIL FROM:<s@c.test>", "MAIL FROM:<> AUTH=reports+2B1@mx.test"]);
  assert.deepEqual(await mailCommands(t, postbus), theirs);
});
