import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import {
  freePort,
  type PeerAction,
  type PeerMessage,
  type PeerQuestion,
  type SmtpPeer,
  startExim,
  startPostbus,
  startSmtpPeer,
} from "@postbus/testkit";
import nodemailer from "nodemailer";
import { eventually } from "../support/eventually.ts";
import { temporaryDirectory } from "../support/fixture.ts";
import { needs } from "../support/programs.ts";

/** Routers and transports that change what they hand on; the same for Exim and for us. */
const sections = (port: number): string => `
begin routers
list:
  driver = redirect
  domains = a.test
  local_parts = list
  errors_to = owner@a.test
  headers_add = X-List: of $local_part@$domain from $sender_address\\nX-Second: 2
  headers_add = X-Third: $h_subject:
  headers_remove = X-Gone : x-multi*
  headers_remove = X-Odd
  address_data = data of $local_part
  set = r_list = $local_part
  data = one@b.test, two@b.test, silent@a.test, copied@a.test
silent:
  driver = redirect
  domains = a.test
  local_parts = silent
  errors_to =
  data = three@b.test
copied:
  driver = accept
  domains = a.test
  local_parts = copied
  unseen
  headers_add = X-Copy: yes
  transport = out
owner:
  driver = accept
  domains = a.test
  headers_add = X-Last: $return_path, $address_data, $r_list, $original_local_part, $parent_local_part
  transport = out
others:
  driver = accept
  domains = b.test
  headers_add = X-Last: $return_path, $address_data, $r_list, $original_local_part, $parent_local_part
  transport = apart

begin transports
out:
  driver = smtp
  hosts = 127.0.0.1
  port = ${port}
  allow_localhost
  max_rcpt = 1
  EXIM_USER
apart:
  driver = smtp
  hosts = 127.0.0.1
  port = ${port}
  allow_localhost
  max_rcpt = 1
  return_path_add
  envelope_to_add
  headers_add = X-Transport: $return_path for $local_part
  headers_add = X-Again: $sender_address
  headers_remove = X-Tgone : Message-ID
  EXIM_USER

begin retry
* * F,1h,1s
`;

const MAIN = "primary_hostname = mx.a.test\nkeep_environment =\n";
const MESSAGE = [
  "From: s@x.test",
  "Subject: hello",
  "Date: Sat, 21 Nov 2026 01:36:36 +0000",
  "Message-ID: <1@x.test>",
  "X-Gone: 1",
  "X-Multi-A: 1",
  "X-MULTI-B: 2",
  "\tfolded",
  "X-Odd : 3",
  "X-Tgone: 4",
  "",
  "body",
  ".dot",
  "",
].join("\r\n");

async function send(port: number, ...to: string[]): Promise<void> {
  const transport = nodemailer.createTransport({ host: "127.0.0.1", port, ignoreTLS: true });
  await transport.sendMail({ envelope: { from: "s@x.test", to }, raw: MESSAGE });
  transport.close();
}

async function postbusWith(t: TestContext, text: string): Promise<number> {
  const data = await temporaryDirectory(t, "carried");
  const config = join(data, "policy.conf");
  await writeFile(config, text);
  const postbus = await startPostbus({ args: ["--data", data, "--config", config] });
  t.after(() => postbus.kill());
  return postbus.port("smtp");
}

const ours = (port: number): string =>
  `${MAIN}local_interfaces = 127.0.0.1\ndaemon_smtp_ports = 0\nacl_smtp_rcpt = accept\n${sections(port).replaceAll("EXIM_USER", "")}`;

/** By recipient; without what differs from run to run. */
function shown(peer: SmtpPeer): Record<string, unknown> {
  const rows = received(peer).map(({ returnPath, recipients, content }): [string, unknown] => [
    `${recipients} from ${returnPath}, ${/^X-Copy/m.test(content) ? "copy" : "itself"}`,
    content.replace(/^Received: .*\r\n(?:[ \t].*\r\n)*/m, ""),
  ]);
  return Object.fromEntries(rows.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

const sent = (peer: SmtpPeer, count: number): Promise<readonly PeerMessage[]> =>
  eventually(async () => (received(peer).length >= count ? received(peer) : undefined));

/** A transaction whose recipients were all refused ends in an empty message, if DATA was sent with them. */
const received = ({ messages }: SmtpPeer): readonly PeerMessage[] =>
  messages.filter(({ recipients }) => recipients.length > 0);

const COUNT = 6;

describe("what routers and transports say of a delivery", () => {
  for (const name of ["exim-4.96", "exim-4.98", "exim-4.100"]) {
    test(`reaches the next hop as from ${name}`, async (t) => {
      if (needs(t, name) === undefined) return;
      await using theirPeer = await startSmtpPeer();
      await using ourPeer = await startSmtpPeer();
      const directory = await temporaryDirectory(t, "carried-exim");
      const exim = await startExim(name, `${MAIN}${sections(theirPeer.port)}`, { port: await freePort(), directory });
      try {
        await send(exim.port, "list@a.test", "direct@b.test");
        await sent(theirPeer, COUNT);
      } finally {
        await exim.stop();
      }
      await send(await postbusWith(t, ours(ourPeer.port)), "list@a.test", "direct@b.test");
      await sent(ourPeer, COUNT);
      assert.deepEqual(shown(ourPeer), shown(theirPeer));
    });
  }

  test("is the same when it is tried again, for those who were deferred alone", async (t) => {
    await using atOnce = await startSmtpPeer();
    await using later = await startSmtpPeer({ answer: busyFor(2) });
    for (const peer of [atOnce, later]) {
      await send(await postbusWith(t, ours(peer.port)), "list@a.test", "direct@b.test");
      await sent(peer, COUNT);
    }
    assert.deepEqual(shown(later), shown(atOnce));
    assert.equal(received(later).length, COUNT);
    const asked = later.commands.filter((command) => /^RCPT TO:<two@b\.test>/.test(command));
    assert.equal(asked.length, 3);
  });
});

/** Everybody but one is busy, so many times. */
function busyFor(times: number) {
  const asked = new Map<string, number>();
  return ({ moment, line }: PeerQuestion): PeerAction | undefined => {
    if (moment !== "RCPT" || line.includes("one@")) return undefined;
    const count = asked.get(line) ?? 0;
    asked.set(line, count + 1);
    // The copy and what it was made of have the same name.
    return count < times * (line.includes("copied@") ? 2 : 1) ? "450 4.2.0 busy" : undefined;
  };
}
