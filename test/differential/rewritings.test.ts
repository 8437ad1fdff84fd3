import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { freePort, startExim, startPostbus } from "@postbus/testkit";
import { speak } from "../examples/running-program.ts";
import { eventually } from "../support/eventually.ts";
import { temporaryDirectory } from "../support/fixture.ts";
import { needs } from "../support/programs.ts";

const policy = (mail: string): string => `
primary_hostname = mx.test
qualify_domain = q.test
log_selector = +address_rewrite

begin routers
alias:
  driver = redirect
  domains = alias.test
  data = kid@old.test
all:
  driver = accept
  transport = box

begin transports
box:
  driver = appendfile
  directory = ${mail}
  maildir_format
  headers_rewrite = *@tr.test there@trnew.test c
  EXIM_USER

begin rewrite
*@old.test $1@new.test
*@new.test $1@newer.test
*@same.test $1@same.test
*@rep.test "\${if eq{$1}{aaa}{$1@rep2.test}{a$1@rep.test}}" TR
*@qual.test $1 TQ
*@wq.test "Joe <$1>" tTwQ
*@seeq.test $1@q1.test TFq
*@seeq.test $1@q2.test TF
^<x.*@k.test> <x@y.test> S
*@stay.test *
*@stay.test $1@left.test
`;

const SESSION = [
  "EHLO c.test",
  "MAIL FROM:<xx@k.test>",
  "RSET",
  "MAIL FROM:<s@seeq.test>",
  ...[
    "r@old.test",
    "r@same.test",
    "xyz@k.test",
    "a@rep.test",
    "z@qual.test",
    "z@wq.test",
    "u@alias.test",
    "b@stay.test",
  ].map((address) => `RCPT TO:<${address}>`),
  "DATA",
  [
    "From: Joe <a@same.test>",
    "Sender: <a@old.test>",
    "To: b@wq.test, (x) <c@old.test>",
    "Cc: e@tr.test",
    "Bcc: b@old.test",
    "Reply-To: k@new.test",
    "Subject: m@old.test",
    "",
    "x",
    ".",
  ].join("\r\n"),
  "QUIT",
];

interface Server {
  readonly port: number;
  readonly log: string;
}

async function theirs(t: TestContext): Promise<Server> {
  const directory = await temporaryDirectory(t, "rewritings-exim");
  const mail = join(directory, "spool", "mail");
  const exim = await startExim("exim-4.98", policy(mail), { port: await freePort(), directory });
  t.after(() => exim.stop());
  return { port: exim.port, log: join(directory, "log/mainlog") };
}

async function ours(t: TestContext): Promise<Server> {
  const directory = await temporaryDirectory(t, "rewritings");
  const own = "daemon_smtp_ports = 0\nlocal_interfaces = 127.0.0.1\nacl_smtp_rcpt = accept\nacl_smtp_data = accept\n";
  const file = join(directory, "p.conf");
  await writeFile(file, own + policy(join(directory, "mail")).replaceAll("EXIM_USER", ""), "latin1");
  const postbus = await startPostbus({ args: ["--data", directory, "--config", file] });
  t.after(() => postbus.stop());
  return { port: postbus.port("smtp"), log: join(directory, "log/mainlog") };
}

/**
 * What the log says of addresses that were rewritten, without times and ids, sorted: Exim rewrites envelopes at the end.
 *
 * @param count Lines of a session may come behind `Completed`.
 */
async function rewritings({ port, log }: Server, count = 1): Promise<readonly string[]> {
  const replies = await speak(port, SESSION);
  assert.match(replies.at(-2) ?? "", /^250 /);
  return eventually(async () => {
    const text = await readFile(log, "latin1").catch(() => "");
    const found = [...text.matchAll(/".*" from .* rewritten as .*/g)].map(([line]) => line);
    return text.includes("Completed") && found.length >= count ? found.sort() : undefined;
  });
}

test("each rule that rewrites an address has its line in the log, as with Exim", async (t) => {
  if (needs(t, "exim-4.98") === undefined) return;
  const lines = await rewritings(await theirs(t));
  for (const where of ["env-from", "env-to", "from:", "sender:", "smtp recipient"]) {
    assert.ok(
      lines.some((line) => line.includes(` from ${where} rewritten `)),
      where,
    );
  }
  assert.deepEqual(await rewritings(await ours(t), lines.length), lines);
});
