import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { type PeerQuestion, runPostbus, startSmtpPeer } from "@postbus/testkit";
import { speak } from "../examples/running-program.ts";
import { eventually } from "../support/eventually.ts";
import { runningPostbus, temporaryDirectory } from "../support/fixture.ts";

/** HELO says which one is meant. */
const CONTROLS = {
  cutthrough: "cutthrough_delivery",
  pass: "cutthrough_delivery/defer=pass",
  spool: "cutthrough_delivery/defer=spool",
  flush: "no_callout_flush",
};

const policy = (port: number): string => `
primary_hostname = mx.test
local_interfaces = 127.0.0.1
daemon_smtp_ports = SMTP_PORT
acl_smtp_rcpt = r
begin acl
r:
${Object.entries(CONTROLS)
  .map(([helo, control]) => `  warn condition = \${if eq{$sender_helo_name}{${helo}}}\n       control = ${control}`)
  .join("\n")}
  require verify = recipient/callout=10s,no_cache
  accept
begin routers
back:
  driver = redirect
  domains = here.test
  data = :blackhole:
there:
  driver = manualroute
  route_data = 127.0.0.1::${port}
  self = send
  transport = t
begin transports
t:
  driver = smtp
  allow_localhost
begin retry
* * F,1h,1s
`;

/** How often the peer has been asked about an address: by a callout first. */
const asked = new Map<string, number>();

function answer({ moment, line }: PeerQuestion): string | undefined {
  if (moment !== "RCPT") return undefined;
  const [address = ""] = /<.*>/.exec(line) ?? [];
  const count = (asked.get(address) ?? 0) + 1;
  asked.set(address, count);
  if (address.startsWith("<refused.")) return "550 no such user";
  if (address.startsWith("<gone.") && count > 1) return "550 gone meanwhile";
  if (address.startsWith("<late.") && count === 2) return "451 later";
  return undefined;
}

const message = (...localParts: readonly string[]) => [
  "MAIL FROM:<s@here.test>",
  ...localParts.map((localPart) => `RCPT TO:<${localPart}@far.test>`),
  "DATA",
  "From: s@here.test\r\nSubject: x\r\n\r\ntext\r\n.",
];

describe("controls that cannot change anything here", async () => {
  const peer = await startSmtpPeer({ answer });
  after(() => peer[Symbol.asyncDispose]());
  const file = join(await temporaryDirectory({ after }, "policy"), "p.conf");
  await writeFile(file, policy(peer.port));
  const { postbus, data } = await runningPostbus({ after }, "--config", file);
  const log = (): Promise<string> => readFile(join(data, "log/mainlog"), "latin1");

  /** All that is seen of one client's messages: replies, what the next hop gets, and the log. */
  async function seenOf(helo: string): Promise<unknown> {
    const lines = [
      ...message(`good.${helo}`, `refused.${helo}`),
      ...message(`late.${helo}`),
      ...message(`gone.${helo}`),
      ...message(`good.${helo}`, `other.${helo}`),
    ];
    const replies = await speak(postbus.port("smtp"), [`EHLO ${helo}`, ...lines, "QUIT"]);
    const ids = replies.flatMap((reply) => / id=(\S+)/.exec(reply)?.[1] ?? []);
    assert.equal(ids.length, 4, replies.join("\n"));
    const text = await eventually(async () => {
      const whole = await log();
      return ids.every((id) => whole.includes(`${id} Completed`)) ? whole : undefined;
    });
    const own = (whole: string): string => whole.replaceAll(helo, "HELO");
    return {
      replies: replies.slice(2).map((reply) => own(reply).replace(/ id=\S+/, "")),
      // What comes at the same time comes in any order.
      messages: peer.messages
        .filter(({ recipients }) => recipients.some((address) => address.includes(`.${helo}@`)))
        .map(({ returnPath, recipients }) => own(`${returnPath} ${recipients}`))
        .sort(),
      // `*` says that the connection was there already.
      log: text
        .split("\n")
        .filter((line) => line.includes(`.${helo}@far.test`) && / (?:=>|->|\*\*|==) | rejected RCPT /.test(line))
        .map((line) =>
          own(line)
            .replace(/^.*?(?= =>| ->| \*\*| ==| H=)/, "")
            .replace("]* ", "] "),
        )
        .sort(),
    };
  }

  const plain = await seenOf("plain");
  assert.partialDeepStrictEqual(plain, {
    messages: [
      "s@here.test good.HELO@far.test",
      "s@here.test good.HELO@far.test,other.HELO@far.test",
      "s@here.test late.HELO@far.test",
    ],
  });
  // All of it has happened.
  for (const mark of ["== late.", "=> late.", "** gone.", "rejected RCPT <refused."])
    assert.ok(JSON.stringify(plain).includes(mark), mark);
  for (const [helo, control] of Object.entries(CONTROLS)) {
    test(`control = ${control}: all is as without it`, async () => {
      assert.deepEqual(await seenOf(helo), plain);
    });
  }

  test("and whoever runs the program is told of each", async () => {
    const { code, output } = await runPostbus({ command: "check", args: ["--config", file, "-DSMTP_PORT=0"] });
    assert.equal(code, 0);
    for (const control of Object.values(CONTROLS)) {
      const line = policy(0)
        .slice(0, policy(0).indexOf(`control = ${control}\n`))
        .split("\n").length;
      const [name = ""] = control.split("/");
      assert.match(output, new RegExp(`^notice: ${file}:${line}: control = ${name} has no effect: \\S.*$`, "m"));
    }
  });
});
