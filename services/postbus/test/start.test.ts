import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type PostbusProcess, runPostbus, startPostbus } from "@postbus/testkit";

/** A loaded machine may take its time; what is waited for comes in milliseconds. */
const PATIENCE_MS = 60_000;

/** Removed when all tests are over: each stops its programs in a hook of its own, and they write until then. */
const directories: string[] = [];
after(() => Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true }))));

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "postbus-start-"));
  directories.push(directory);
  return directory;
}

/** Everything on free ports, and nobody behind the smart host's. */
const words = (data: string): string[] => ["--data", data, "-DSMTP_PORT=0", "-DSMARTHOST=127.0.0.1::1"];

async function start(t: TestContext, data: string): Promise<PostbusProcess> {
  const postbus = await startPostbus({ args: words(data) });
  t.after(() => postbus.kill());
  return postbus;
}

const sendTo = (postbus: PostbusProcess, ...to: string[]) =>
  runPostbus({
    command: "send",
    args: [
      "--server",
      postbus.addresses.get("smtp") ?? "",
      "--from",
      "me@example.org",
      ...to.flatMap((a) => ["--to", a]),
    ],
  });

async function eventually<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await sleep(20)) {
    const seen = await look();
    if (seen !== undefined) return seen;
  }
  throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
}

test("a message for a local domain is in its Maildir, and SIGTERM ends the program with 0", async (t) => {
  const data = await temporaryDirectory();
  const postbus = await start(t, data);
  assert.match(postbus.addresses.get("smtp") ?? "", /^127\.0\.0\.1:\d+$/);
  assert.match(postbus.addresses.get("http") ?? "", /^127\.0\.0\.1:\d+$/);

  const { code, output } = await sendTo(postbus, "ann@localhost");
  assert.match(output, /^250 /);
  assert.equal(code, 0);
  const mailbox = join(data, "mail", "localhost", "ann", "new");
  const file = await eventually(mailbox, async () => (await readdir(mailbox).catch(() => []))[0]);
  assert.match(await readFile(join(mailbox, file), "latin1"), /^Subject: Test, /m);
  assert.equal(await postbus.stop(), 0);
});

test("a policy that has changed is in force for the next session, and one that is broken never is", async (t) => {
  const data = await temporaryDirectory();
  const config = join(data, "my.conf");
  const text = await readFile(new URL("../../../deploy/policies/postbus.conf", import.meta.url), "latin1");
  await writeFile(config, text, "latin1");
  const postbus = await startPostbus({ args: [...words(data), "--config", config] });
  t.after(() => postbus.kill());
  const answer = async () => (await sendTo(postbus, "ann@localhost")).output;
  assert.match(await answer(), /^250 /);
  await writeFile(
    config,
    text
      .replace("begin acl\n\n", "begin acl\n\nclosed:\n  deny message = 550 5.7.1 closed\n\n")
      .replace("= acl_check_rcpt", "= closed"),
    "latin1",
  );
  process.kill(postbus.pid, "SIGHUP");
  await eventually("the new policy", async () => ((await answer()).includes("closed") ? true : undefined));
  await writeFile(config, "nonsense = 1\n");
  process.kill(postbus.pid, "SIGHUP");
  await eventually("the log", async () => (postbus.errors().includes("the old one stays in force") ? true : undefined));
  assert.match(await answer(), /closed/);
});

test("reload: every service says which policy it has, and of a broken one what is wrong with it", async (t) => {
  const data = await temporaryDirectory();
  const config = join(data, "my.conf");
  const text = await readFile(new URL("../../../deploy/policies/postbus.conf", import.meta.url), "latin1");
  await writeFile(config, text, "latin1");
  const postbus = await startPostbus({ args: [...words(data), "--config", config] });
  t.after(() => postbus.kill());
  const server = ["--server", `http://${postbus.addresses.get("http")}`];
  const reload = (...more: string[]) => runPostbus({ command: "reload", args: [...server, ...more] });

  const same = await reload();
  assert.match(
    same.output,
    /^(?:(?:delivery|gateway|logger|router) \S+: policy [0-9a-f]{16} is in force already\n){4}$/,
  );
  assert.equal(same.code, 0);

  await writeFile(config, text.replace("begin acl", "acl_smtp_mail = deny message = closed\n\nbegin acl"), "latin1");
  const { code, output } = await reload("--json");
  assert.equal(code, 0, output);
  const { services } = JSON.parse(output);
  const versions = new Set(services.map((one: { policyVersion: string }) => one.policyVersion));
  assert.deepEqual([services.length, versions.size], [4, 1]);
  assert.match((await sendTo(postbus, "ann@localhost")).output, /closed/);

  await writeFile(config, "nonsense = 1\nrecipients_max = many\n");
  const broken = await reload();
  assert.equal(broken.code, 78);
  assert.match(broken.output, /^(?:\w+ \S+: keeps policy [0-9a-f]{16}\n){4}$/);
  assert.match(broken.errors, /^postbus: \S+my\.conf:1: .*nonsense.*\npostbus: \S+my\.conf:2: .*\n$/);
  assert.match((await sendTo(postbus, "ann@localhost")).output, /closed/);
});

test("the queue's commands: what cannot be delivered is listed, frozen, thawed, tried and removed", async (t) => {
  const postbus = await start(t, await temporaryDirectory());
  const server = ["--server", `http://${postbus.addresses.get("http")}`];
  const queue = (...args: string[]) => runPostbus({ command: "queue", args: [...args, ...server] });

  await sendTo(postbus, "bob@elsewhere.example");
  const line = await eventually("the item is deferred", async () =>
    (await queue("list")).output.split("\n").find((text) => text.includes("again in")),
  );
  assert.match(line, /^\S+ deferred +\S+ +\d+ <me@example\.org> → bob@elsewhere\.example {2}again in \d+m/);
  const items = (await queue("list", "--json")).output.trim().split("\n");
  const { id, messageId } = JSON.parse(items[0] ?? "");
  assert.equal(line.split(" ")[0], messageId);

  assert.equal((await queue("freeze", id)).output, `${id}: is frozen\n`);
  assert.match((await queue("list")).output, / frozen .* frozen by operator$/m);
  assert.match((await queue("count")).output, /^frozen {3}1$/m);
  assert.equal((await queue("thaw", id)).code, 0);
  await eventually("it is deferred again", async () =>
    (await queue("count")).output.includes("deferred 1") ? true : undefined,
  );
  assert.match((await queue("show", messageId)).output, /bob@elsewhere\.example deferred/);
  assert.equal((await queue("now", messageId)).output, `${messageId}: will be tried now\n`);
  await eventually("it is deferred once more", async () =>
    (await queue("count")).output.includes("deferred 1") ? true : undefined,
  );
  assert.equal((await queue("remove", messageId)).code, 0);
  const empty = await queue("list");
  assert.equal(empty.output, "");
  assert.equal(empty.errors, "nothing waits\n");
  const gone = await queue("remove", messageId);
  assert.equal(gone.code, 69);
  assert.match(gone.errors, /is not in the queue\n$/);

  const story = await eventually("the end is in the history", async () => {
    const { output } = await runPostbus({ command: "trace", args: [messageId, ...server] });
    return output.includes("msg:complete") ? output : undefined;
  });
  assert.match(story, /gateway +msg:received.*delivery +msg:defer.*status +msg:note.*msg:complete/s);
  const counters = await runPostbus({ command: "top", args: ["--once", ...server] });
  assert.match(counters.output, / 7\/7$/m);
});

test("a second program on the same data directory says so in one line and ends with 75", async (t) => {
  const data = await temporaryDirectory();
  await start(t, data);
  const { code, errors } = await runPostbus({ command: "start", args: words(data) });
  assert.match(errors, /^postbus: .*is in use by process \d+\n$/);
  assert.equal(code, 75);
});

test("an SMTP port in use: one line, exit code 75, and the data directory is free again", async (t) => {
  const data = await temporaryDirectory();
  const occupant = createServer().listen(0, "127.0.0.1");
  t.after(() => occupant.close());
  await once(occupant, "listening");
  const address = occupant.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const { code, errors } = await runPostbus({ command: "start", args: [...words(data), `-DSMTP_PORT=${port}`] });
  assert.match(errors, new RegExp(`^postbus: .*127\\.0\\.0\\.1:${port} \\(daemon_smtp_ports\\): .*\\n$`));
  assert.equal(code, 75);
  const after = await start(t, data);
  assert.equal(await after.stop(), 0);
});
