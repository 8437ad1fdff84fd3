import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  freePort,
  type NatsServer,
  type PostbusProcess,
  program,
  runPostbus,
  startNats,
  startPostbus,
} from "@postbus/testkit";

const root = resolve(import.meta.dirname, "../..");
const PATIENCE_MS = 60_000;
const missing = program("nats-server") === undefined ? "no nats-server on this machine" : false;

describe("the services apart, on a NATS server", { skip: missing }, () => {
  let nats: NatsServer;
  let data: string;
  let env: Record<string, string>;

  before(async () => {
    nats = await startNats();
    data = await mkdtemp(join(tmpdir(), "postbus-fleet-"));
    env = { NATS_URL: nats.url, NATS_MONITOR_URL: nats.monitorUrl, POSTBUS_DATA: data };
  });
  after(async () => {
    await nats.stop();
    await rm(data, { recursive: true });
  });

  type Scope = { after(end: () => Promise<unknown>): void };
  const macros = ["-DSMTP_PORT=0", "-DSMARTHOST="];

  async function start(t: Scope, services: readonly string[], more: Record<string, string> = {}) {
    const postbus = await startPostbus({ args: [...services, ...macros], env: { ...env, ...more } });
    t.after(() => postbus.kill());
    return postbus;
  }

  async function eventually(what: string, isSo: () => Promise<boolean>): Promise<void> {
    for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await sleep(50)) if (await isSo()) return;
    assert.fail(`not within ${PATIENCE_MS} ms: ${what}`);
  }

  test("before `postbus provision` nothing starts, and the line says what to do", async () => {
    const { code, errors } = await runPostbus({ command: "start", args: ["scanner"], env });
    assert.match(errors, /^postbus: NATS: not provisioned: run `postbus provision`$/m);
    assert.equal(code, 78);
  });

  test("provision on a server that is not known to sync: what was made, then why the fleet would not start", async (t) => {
    const other = await startNats();
    t.after(() => other.stop());
    const { code, output, errors } = await runPostbus({ command: "provision", args: [], env: { NATS_URL: other.url } });
    assert.match(output, /^MAIL_ROUTE created$/m);
    assert.match(errors, /^postbus: NATS: not known to be durable: .*\n$/);
    assert.equal(code, 78);
  });

  test("provision makes the streams, and the second time changes nothing", async () => {
    const first = await runPostbus({ command: "provision", args: [], env });
    assert.equal(first.code, 0, first.errors);
    assert.match(first.output, /^MAIL_ROUTE created$/m);
    const second = await runPostbus({ command: "provision", args: [], env });
    assert.equal(second.code, 0);
    assert.ok(
      second.output.split("\n").every((line) => line === "" || line.endsWith(" unchanged")),
      second.output,
    );
  });

  describe("mail, reload and watch, one fleet for all", () => {
    const TOKEN = { POSTBUS_HTTP_TOKEN: "correct-horse" };
    let config: string;
    let text: string;
    let gateway: PostbusProcess;
    let others: readonly PostbusProcess[] = [];
    let sent: Awaited<ReturnType<typeof runPostbus>>;
    let smtp: string;
    let server: readonly string[];
    const ends: (() => Promise<unknown>)[] = [];
    const scope: Scope = { after: (end) => void ends.push(end) };
    after(() => Promise.all(ends.map((end) => end())));
    const ask = (command: string, ...args: string[]) => runPostbus({ command, args: [...args, ...server], env: TOKEN });

    before(async () => {
      config = join(data, "my.conf");
      text = await readFile(join(root, "deploy/policies/postbus.conf"), "latin1");
      await writeFile(config, text, "latin1");
      const where = { POSTBUS_CONFIG: config };
      gateway = await start(scope, ["gateway"], where);
      smtp = gateway.addresses.get("smtp") ?? "";
      sent = await runPostbus({ command: "send", args: ["--server", smtp, "--to", "ann@localhost"] });
      // Accepted although nobody routes or delivers yet: it waits on the bus.
      others = await Promise.all([
        start(scope, ["router", "delivery"], where),
        start(scope, ["logger", "status"], { ...where, ...TOKEN }),
      ]);
      server = ["--server", `http://${others[1]?.addresses.get("http")}`];
    });

    test("mail goes through services in processes of their own, in whatever order they come", async () => {
      assert.equal(sent.code, 0, sent.output);
      const mailbox = join(data, "mail", "localhost", "ann", "new");
      await eventually("it is in the mailbox", async () => (await readdir(mailbox).catch(() => [])).length === 1);
      await eventually("the fleet sees five services", async () => / 5\/5$/m.test((await ask("top", "--once")).output));
    });

    test("watch shows sessions of gateways in other processes; a refused transaction has a trace, wherever status runs", async () => {
      const send = (from: string) =>
        runPostbus({ command: "send", args: ["--server", smtp, "--from", from, "--to", "x@other.example"] });

      let isOver = false;
      const watching = ask("watch", "--from", "127.0.0.0/8", "--sender", "ann@", "--limit", "2").finally(() => {
        isOver = true;
      });
      // It cannot be known when the gateway has heard of it.
      await eventually("sessions are seen to their ends", async () => {
        assert.equal((await send("eve@out.example")).code, 69);
        assert.equal((await send("ann@out.example")).code, 69);
        return isOver;
      });
      const { code, output, errors } = await watching;
      assert.equal(code, 0, errors);
      // The first one may have been seen from its middle on.
      const session = / ([0-9.:]+) [^\n]*\n$/.exec(output)?.[1] ?? "";
      const last = output.split("\n").filter((line) => line.includes(` ${session} `));
      for (const line of [
        /> EHLO /,
        /> MAIL FROM:<ann@out\.example>\n/,
        /< 550 5\.1\.2 no route to this domain\n/,
        /\* the connection is closed\n$/,
      ]) {
        assert.match(`${last.join("\n")}\n`, line);
      }
      assert.doesNotMatch(output, /eve@/);

      let id = "";
      await eventually("the refusal is known", async () => {
        const headers = { authorization: `Bearer ${TOKEN.POSTBUS_HTTP_TOKEN}` };
        const answer = await fetch(`${server[1]}/v1/messages?state=refused&sender=ann@`, { headers });
        const { messages } = (await answer.json()) as { messages: { id: string }[] };
        id = messages[0]?.id ?? "";
        return id !== "";
      });
      const trace = await ask("trace", id);
      assert.match(trace.output, /rcpt x@other\.example: refused: 550 5\.1\.2 no route to this domain \([0-9]+ us\)\n/);
      assert.match(trace.output, /\* \S+my\.conf:[0-9]+ acl_check_rcpt: deny: condition = … -> yes; yes\n/);
      assert.match(trace.output, new RegExp(`${id}: refused\n$`));
    });

    test("reload reaches the services wherever they run, and says who keeps the old policy and why", async () => {
      const reload = (token = TOKEN.POSTBUS_HTTP_TOKEN) =>
        runPostbus({ command: "reload", args: server, env: { POSTBUS_HTTP_TOKEN: token } });

      await writeFile(config, text.replace("recipients_max = 5000", "recipients_max = 4000"), "latin1");
      const done = await reload();
      assert.match(
        done.output,
        /^(?:\w+ \S+: policy [0-9a-f]{16} is in force(?: already|, before: [0-9a-f]{16})\n){4}$/,
      );
      assert.equal(done.code, 0, done.errors);

      await writeFile(config, "nonsense = 1\n");
      const broken = await reload();
      assert.match(broken.output, /^(?:\w+ \S+: keeps policy [0-9a-f]{16}\n){4}$/);
      assert.match(broken.errors, /^postbus: \S+my\.conf:1: .*nonsense.*\n$/);
      assert.equal(broken.code, 78);

      const refused = await reload("wrong-horse");
      assert.deepEqual([refused.code, refused.output], [69, ""]);
    });

    test("each process ends with 0", async () => {
      for (const postbus of [gateway, ...others]) assert.equal(await postbus.stop(), 0);
    });
  });

  test("each service is a program by itself: ready over HTTP, JSON log on standard output, SIGTERM → 0", async (t) => {
    const alone = async (name: string): Promise<void> => {
      const health = `127.0.0.1:${await freePort()}`;
      const own = { POSTBUS_HEALTH: health, POSTBUS_MACROS: "SMTP_PORT=0\nSMARTHOST=" };
      const http = name === "status" ? { POSTBUS_HTTP: "127.0.0.1:0" } : {};
      const child = spawn(process.execPath, [join(root, "services", name, "src/main.ts")], {
        env: { PATH: process.env["PATH"] ?? "", ...env, ...own, ...http },
        stdio: ["ignore", "pipe", "pipe"],
      });
      t.after(() => child.kill("SIGKILL"));
      let log = "";
      let errors = "";
      child.stdout.on("data", (text: Buffer) => {
        log += text.toString();
      });
      child.stderr.on("data", (text: Buffer) => {
        errors += text.toString();
      });
      const closed = once(child, "close");
      const get = (path: string) => fetch(`http://${health}${path}`).catch(() => undefined);
      await eventually(`${name} is ready ${errors}`, async () => (await get("/readyz"))?.status === 200);
      assert.equal((await get("/healthz"))?.status, 200);
      assert.match((await (await get("/metrics"))?.text()) ?? "", /^process_cpu_seconds_total/m);
      child.kill("SIGTERM");
      assert.deepEqual(await closed, [0, null], `${name}: ${errors}`);
      assert.equal(errors, "", name);
      for (const line of log.trim().split("\n")) assert.equal(typeof JSON.parse(line).msg, "string", line);
      assert.match(log, /"msg":"ready"/);
    };
    await Promise.all(["gateway", "verifier", "scanner", "router", "delivery", "logger", "status"].map(alone));
  });
});
