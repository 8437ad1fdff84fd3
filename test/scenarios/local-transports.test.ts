import assert from "node:assert/strict";
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { runPostbus, startPostbus } from "@postbus/testkit";

/** A loaded machine may take its time; what is waited for comes in milliseconds. */
const PATIENCE_MS = 60_000;

/** As Debian's split configuration has them, with a vacation message. */
const policy = (directory: string): string => `
primary_hostname = mx.a2.test
qualify_domain = a2.test
daemon_smtp_ports = 0
local_interfaces = 127.0.0.1
acl_smtp_rcpt = accept
domainlist local_domains = a2.test
begin routers
system_aliases:
  driver = redirect
  domains = +local_domains
  data = \${lookup{$local_part}lsearch{${directory}/aliases}}
  pipe_transport = address_pipe
vacation:
  driver = accept
  domains = +local_domains
  local_parts = away
  senders = ! ^.*-request@ : ! :
  condition = \${if !def:h_List-Id:}
  transport = vacation_reply
  unseen
mailbox:
  driver = accept
  domains = +local_domains
  local_part_suffix = +*
  local_part_suffix_optional
  transport = mailbox
begin transports
address_pipe:
  driver = pipe
  return_output
  log_output
vacation_reply:
  driver = autoreply
  from = $local_part@$domain
  to = $sender_address
  subject = Re: $h_Subject:
  text = I am away.
  once = /var/vacation/$local_part
  once_repeat = 7d
mailbox:
  driver = appendfile
  directory = ${directory}/mail/\${lookup{$local_part}lsearch{${directory}/users}}
  maildir_format
  shadow_transport = copy
  shadow_condition = \${if eq{$local_part}{away}}
copy:
  driver = pipe
  command = /bin/sh ${directory}/copy
begin retry
* * F,1h,10m
`;

async function started(t: TestContext): Promise<{ readonly directory: string; readonly smtp: string }> {
  const directory = await mkdtemp(join(tmpdir(), "postbus-local-"));
  // What writes there is stopped by a later hook.
  t.after(() => rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }));
  await chmod(directory, 0o777);
  await writeFile(
    join(directory, "aliases"),
    `prog: "|/bin/sh ${directory}/program 'two words'"\nbad: "|/bin/sh -c 'echo sorry; exit 1'"\n`,
  );
  await writeFile(join(directory, "users"), "away: away\nann: ann\n");
  await writeFile(
    join(directory, "program"),
    `cat > ${directory}/got.new\necho "$1 $RECIPIENT $SENDER" >> ${directory}/got.new\nmv ${directory}/got.new ${directory}/got\n`,
  );
  await writeFile(join(directory, "copy"), `cat >> ${directory}/copied\n`);
  await writeFile(join(directory, "policy.conf"), policy(directory));
  const args = ["--config", join(directory, "policy.conf"), "--data", join(directory, "data")];
  const postbus = await startPostbus({ args, env: { POSTBUS_DELIVERY_PROGRAMS: "2" } });
  t.after(() => postbus.kill());
  return { directory, smtp: postbus.addresses.get("smtp") ?? "" };
}

async function send(smtp: string, from: string, to: string): Promise<void> {
  const { code, output } = await runPostbus({ command: "send", args: ["--server", smtp, "--from", from, "--to", to] });
  assert.equal(code, 0, output);
}

async function eventually<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await sleep(20)) {
    const seen = await look();
    if (seen !== undefined) return seen;
  }
  throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
}

/** Of a file, when this is in it: a shell makes the file first, and its program writes later. */
async function textWith(pattern: RegExp, file: string): Promise<string | undefined> {
  const text = await readFile(file, "latin1").catch(() => "");
  return pattern.test(text) ? text : undefined;
}

test("aliases that are programs, a vacation message, and a shadow: through the whole program", async (t) => {
  const { directory, smtp } = await started(t);
  const maildir = (user: string) => join(directory, "mail", user, "new");
  const messages = async (user: string) => {
    const names = await readdir(maildir(user)).catch(() => []);
    return Promise.all(names.map((name) => readFile(join(maildir(user), name), "latin1")));
  };

  await send(smtp, "ann@a2.test", "prog@a2.test");
  const got = await eventually("the program has got it", () => textWith(/\ntwo words .*\n$/, join(directory, "got")));
  assert.match(got, /^From ann@a2\.test \w{3} \w{3} .*\n/);
  assert.match(got, /^Subject: Test, /m);
  assert.match(got, /\ntwo words prog@a2\.test ann@a2\.test\n$/);

  await send(smtp, "ann@a2.test", "away@a2.test");
  const [reply = ""] = await eventually("a reply", async () => {
    const found = await messages("ann");
    return found.length > 0 ? found : undefined;
  });
  assert.match(
    reply,
    /^From: away@a2\.test\nTo: ann@a2\.test\nSubject: Re: Test, .*\nIn-Reply-To: <.*>\nReferences: <.*>\nAuto-Submitted: auto-replied\nMessage-Id: /m,
  );
  assert.match(reply, /\n\nI am away\.\n$/);
  await eventually("the shadow", () => textWith(/^Subject: Test, /m, join(directory, "copied")));

  await send(smtp, "ann@a2.test", "away@a2.test");
  await eventually("the second message", async () => ((await messages("away")).length === 2 ? true : undefined));

  await send(smtp, "ann@a2.test", "bad@a2.test");
  const log = join(directory, "data", "log", "mainlog");
  const lines = await eventually("a bounce", async () => {
    const text = await textWith(/ <= <> R=\S+ [\s\S]* <= <> R=/, log);
    return (await messages("ann")).length === 2 ? text : undefined;
  });
  assert.match(lines, / <\|\/bin\/sh -c 'echo sorry; exit 1'>: address_pipe transport output: sorry\n/);
  assert.match(
    lines,
    / \*\* .*T=address_pipe ?: Child process of address_pipe transport returned 1 from command: \/bin\/sh\n/,
  );
  assert.match(lines, / <= <> R=\S+ /);
  const bounce = (await messages("ann")).find((text) => text.includes("multipart/report")) ?? "";
  assert.match(bounce, /\n------ \|\/bin\/sh .* ------\n\nsorry\n/);
  assert.doesNotMatch(bounce, /Child process/, "what is about our machine is not for the sender");
});
