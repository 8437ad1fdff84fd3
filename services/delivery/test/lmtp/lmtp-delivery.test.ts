import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { promisify } from "node:util";
import type { DeliveryItem } from "@postbus/contracts";
import { eximCommand, program } from "@postbus/testkit";
import type { AttemptReport } from "../../src/attempt.ts";
import { deliverByLmtp } from "../../src/lmtp/lmtp-delivery.ts";
import { ProgramPipes } from "../../src/programs/program-pipes.ts";
import { ProgramSlots } from "../../src/programs/program-slots.ts";
import { AS_NOBODY, LocalRig, localItem } from "../local/local-rig.ts";
import { inline } from "../smtp/rig.ts";
import { type Script, ScriptedServer } from "./scripted-server.ts";

const pipes = new ProgramPipes();
after(() => pipes[Symbol.asyncDispose]());

/** A server in a few lines of shell. */
const LMTPD = `#!/bin/sh
echo "$1" > GOT
printf '220 hi\\r\\n'
while read -r line; do
  case "$line" in
  DATA*)
    printf '354 go\\r\\n'
    while read -r line; do
      printf '%s\\n' "$line" >> GOT
      case "$line" in .?) break ;; esac
    done
    printf '250 got it\\r\\n' ;;
  QUIT*) printf '221 bye\\r\\n'; exit 0 ;;
  *) printf '250 ok\\r\\n' ;;
  esac
done
`;

const MESSAGE = "Subject: t\r\n\r\n.dot\r\nbody\r\n";

interface Options {
  readonly item?: Partial<DeliveryItem>;
  readonly signal?: AbortSignal;
  readonly isHeld?: () => boolean;
}

async function deliver(
  lines: readonly string[],
  recipients: readonly string[],
  options: Options = {},
): Promise<AttemptReport> {
  const { signal = new AbortController().signal, isHeld = () => true } = options;
  await using rig = await LocalRig.start(
    `t:\n  driver = lmtp\n${AS_NOBODY}  batch_max = 10\n  ${lines.join("\n  ")}\n`,
  );
  const item = localItem("t", recipients, options.item);
  const work = { id: "1vMhGf-0000000012a-0Ab3_0_1", handedOut: 1, isHeld, signal };
  const deps = { spool: { read: () => assert.fail() }, slots: new ProgramSlots(1), pipes, now: Date.now };
  return deliverByLmtp({ work, item, content: inline(MESSAGE) }, await rig.transport("lmtp", item), "mx.a2.test", deps);
}

/** What the server says, and what Exim 4.98 logs of the recipients one@ and two@. */
const rows: readonly [name: string, script: Script, one: string, two: string][] = [
  ["all is well", {}, "=> 250 dot ok 0", "=> 250 dot ok 1"],
  ["a greeting of 421", { connect: "421 busy" }, "== (-1) LMTP error after initial connection: 421 busy", "same"],
  ["a greeting of 554", { connect: "554 no" }, "** LMTP error after initial connection: 554 no", "same"],
  ["no greeting", { connect: "close" }, "== (-1) LMTP connection closed after initial connection", "same"],
  ["LHLO refused", { LHLO: "500 what" }, "** LMTP error after LHLO mx.a2.test: 500 what", "same"],
  ["LHLO put off", { LHLO: "421 later" }, "== (-1) LMTP error after LHLO mx.a2.test: 421 later", "same"],
  [
    "MAIL put off",
    { MAIL: "450 mail later" },
    "== (-45) LMTP error after MAIL FROM:<s@b.test>: 450 mail later",
    "same",
  ],
  ["MAIL refused", { MAIL: "550 mail no" }, "** LMTP error after MAIL FROM:<s@b.test>: 550 mail no", "same"],
  [
    "one RCPT put off",
    { RCPT: ["450 later"] },
    "== (-44) LMTP error after RCPT TO:<one@D>: 450 later",
    "=> 250 dot ok 0",
  ],
  ["one RCPT refused", { RCPT: ["550 no"] }, "** LMTP error after RCPT TO:<one@D>: 550 no", "=> 250 dot ok 0"],
  [
    "all RCPT refused",
    { RCPT: ["550 no", "551 no two"] },
    "** LMTP error after RCPT TO:<one@D>: 550 no",
    "** LMTP error after RCPT TO:<two@D>: 551 no two",
  ],
  ["closed at RCPT", { RCPT: ["250 ok", "close"] }, "== (-1) LMTP connection closed after RCPT TO:<two@D>", "same"],
  ["DATA put off", { DATA: "451 data later" }, "== (-46) LMTP error after DATA: 451 data later", "same"],
  ["DATA refused", { DATA: "554 data no" }, "** LMTP error after DATA: 554 data no", "same"],
  [
    "each its own end",
    { ".": ["450 later", "550 5.1.1 never"] },
    "== (-46) LMTP error after end of data: 450 later",
    "** LMTP error after end of data: 550 5.1.1 never",
  ],
  [
    "closed between the ends",
    { ".": ["250 fine", "close"] },
    "=> 250 fine",
    "== (-1) LMTP connection closed after end of data",
  ],
  [
    "silent between the ends",
    { ".": ["250 fine", "silence"] },
    "=> 250 fine",
    "== (-1) LMTP timeout after end of data (N bytes written)",
  ],
  ["silent at MAIL", { MAIL: "silence" }, "== (-1) LMTP timeout after MAIL FROM:<s@b.test>", "same"],
  ["no LMTP", { MAIL: "hello" }, "== (-19) Malformed LMTP response after MAIL FROM:<s@b.test>: hello", "same"],
  [
    "replies of several lines",
    { ".": ["550-5.1.1 line one\r\n550 5.1.1 line two", "250-2.0.0 a\r\n250 2.0.0 done"] },
    "** LMTP error after end of data: 550-5.1.1 line one\\n550 5.1.1 line two",
    "=> 250-2.0.0 a\\n250 2.0.0 done",
  ],
  ["closed at MAIL", { MAIL: "close" }, "== (-1) LMTP connection closed after MAIL FROM:<s@b.test>", "same"],
  ["closed at DATA", { DATA: "close" }, "== (-1) LMTP connection closed after DATA", "same"],
];

const general = (text: string): string =>
  text.replace(/@d\d+\.test|@d\.test/g, "@D").replace(/\(\d+ bytes/, "(N bytes");

describe("an LMTP server on a socket", () => {
  const directory = mkdtempSync(join(tmpdir(), "postbus-lmtp-"));
  chmodSync(directory, 0o755);
  after(() => rmSync(directory, { recursive: true }));
  for (const [i, [name, script, one, two]] of rows.entries()) {
    test(name, async () => {
      await using server = await ScriptedServer.start(join(directory, `s${i}`), script);
      const { results } = await deliver([`socket = ${server.path}`, "timeout = 1s"], ["one@d.test", "two@d.test"]);
      const lines = results.map((result) => {
        if (result.outcome === "delivered") return `=> ${result.confirmation}`;
        return general(result.outcome === "failed" ? `** ${result.text}` : `== (${result.errno}) ${result.text}`);
      });
      assert.deepEqual(lines, [one, two === "same" ? one : two]);
    });
  }

  test("gets the commands and the content in this form", async () => {
    await using server = await ScriptedServer.start(join(directory, "form"), {});
    await deliver([`socket = ${server.path}`, "headers_add = X: y", "return_path_add"], ["one@d.test", "two@d.test"]);
    assert.deepEqual(server.commands, [
      ...["LHLO mx.a2.test", "MAIL FROM:<s@b.test>", "RCPT TO:<one@d.test>", "RCPT TO:<two@d.test>", "DATA", "QUIT"],
    ]);
    assert.equal(server.content, "Return-path: <s@b.test>\nSubject: t\nX: y\n\n..dot\nbody\n");
  });

  test("with ignore_quota, where it is offered", async () => {
    await using server = await ScriptedServer.start(join(directory, "quota"), {});
    await using other = await ScriptedServer.start(join(directory, "noquota"), { LHLO: "250 me" });
    for (const { path } of [server, other]) await deliver([`socket = ${path}`, "ignore_quota"], ["one@d.test"]);
    assert.ok(server.commands.includes("RCPT TO:<one@d.test> IGNOREQUOTA"));
    assert.ok(other.commands.includes("RCPT TO:<one@d.test>"));
  });

  test("addresses without their affixes, unless both are wanted", async () => {
    await using server = await ScriptedServer.start(join(directory, "affix"), {});
    const item = { addressVariables: [{ local_part_suffix: { tainted: "+x" } }] };
    await deliver([`socket = ${server.path}`], ["u+x@d.test"], { item });
    await deliver([`socket = ${server.path}`, "rcpt_include_affixes"], ["u+x@d.test"], { item });
    const recipients = server.commands.filter((command) => command.startsWith("RCPT"));
    assert.deepEqual(recipients, ["RCPT TO:<u@d.test>", "RCPT TO:<u+x@d.test>"]);
  });

  test("that is not there", async () => {
    const { results } = await deliver(["socket = /nonexist"], ["one@d.test"]);
    const text = "Failed to connect to socket /nonexist for t transport: No such file or directory";
    assert.deepEqual(results, [{ outcome: "deferred", errno: -1, text }]);
  });

  test("an item that was lost before the final dot: the server gets no end of data", async () => {
    await using server = await ScriptedServer.start(join(directory, "lost"), {});
    const lost = deliver([`socket = ${server.path}`], ["one@d.test"], { isHeld: () => false });
    await assert.rejects(lost, { name: "LeaseLostError" });
    assert.ok(!server.commands.includes("QUIT"));
  });

  test("that is silent when the item is lost: nobody waits for it", async () => {
    await using server = await ScriptedServer.start(join(directory, "abort"), { MAIL: "silence" });
    const controller = new AbortController();
    const lost = deliver([`socket = ${server.path}`], ["one@d.test"], { signal: controller.signal });
    setTimeout(() => controller.abort(), 100);
    await assert.rejects(lost, { name: "LeaseLostError" });
  });
});

describe("a program that speaks LMTP", () => {
  test("gets the message", async () => {
    await using place = await LocalRig.start("");
    chmodSync(place.directory, 0o777);
    const [file, got] = [join(place.directory, "lmtpd"), join(place.directory, "got")];
    writeFileSync(file, LMTPD.replaceAll("GOT", got), { mode: 0o755 });
    const { results } = await deliver([`command = /bin/sh ${file} "an argument"`], ["one@d.test"]);
    assert.deepEqual(results, [{ outcome: "delivered", confirmation: "250 got it" }]);
    assert.equal(readFileSync(got, "latin1").replaceAll("\r", ""), "an argument\nSubject: t\n\n..dot\nbody\n.\n");
  });

  for (const command of ["/no/such x", "/bin/false", "/bin/sleep 30"]) {
    test(`or does not: ${command}`, async () => {
      const { results } = await deliver([`command = ${command}`, "timeout = 1s"], ["one@d.test"]);
      const what = command.includes("sleep") ? "timeout" : "connection closed";
      assert.deepEqual(results, [{ outcome: "deferred", errno: -1, text: `LMTP ${what} after initial connection` }]);
    });
  }
});

describe("the same from real Exim", { skip: eximIsMissing() }, () => {
  test("writes these lines", async (t) => {
    const directory = mkdtempSync(join(tmpdir(), "postbus-lmtp-exim-"));
    t.after(() => rmSync(directory, { recursive: true }));
    const transports = rows.map(
      (_, i) =>
        `t${i}:\n  driver = lmtp\n${AS_NOBODY}  batch_max = 10\n  timeout = 1s\n  socket = ${directory}/s${i}\n`,
    );
    const [path = "", ...args] = eximCommand(
      "exim-4.98",
      `primary_hostname = mx.a2.test
begin routers
b:
  driver = redirect
  domains = b.test
  data = :blackhole:
r:
  driver = accept
  domains = ${rows.map((_, i) => `d${i}.test`).join(":")}
  transport = t\${sg{$domain_data}{\\\\D}{}}
begin transports
${transports.join("")}begin retry
* * F,1h,10m
`,
      { port: 0, directory },
    );
    const run = promisify(execFile);
    for (const [i, [, script]] of rows.entries()) {
      await using server = await ScriptedServer.start(`${directory}/s${i}`, script);
      assert.equal(server.path, `${directory}/s${i}`);
      const running = run(path, [...args, "-odi", "-oem", "-f", "s@b.test", `one@d${i}.test`, `two@d${i}.test`]);
      running.child.stdin?.end("Subject: t\n\n.dot\nbody\n");
      await running;
    }
    const log = readFileSync(join(directory, "log", "mainlog"), "latin1").split("\n");
    for (const [i, [name, , one, two]] of rows.entries()) {
      const lineOf = (localPart: string) => {
        const line = log.find(
          (entry) => entry.includes(` ${localPart}@d${i}.test`) || entry.includes(` <${localPart}@d${i}.test>`),
        );
        const [, confirmation] = / [-=]> .* C="(.*)"$/.exec(line ?? "") ?? [];
        if (confirmation !== undefined) return `=> ${confirmation.replaceAll("\\\\n", "\\n")}`;
        const [, failed] = / \*\* .*? T=t\d+: (.*)$/.exec(line ?? "") ?? [];
        if (failed !== undefined) return `** ${general(failed)}`;
        const [, errno, text = ""] = / == .*? T=t\d+ defer \((-?\d+)\): (.*)$/.exec(line ?? "") ?? [];
        return `== (${errno}) ${general(text)}`;
      };
      assert.deepEqual([lineOf("one"), lineOf("two")], [one, two === "same" ? one : two], name);
    }
  });
});

function eximIsMissing(): string | false {
  if (program("exim-4.98") === undefined) return "no exim-4.98 here (npm test fetches it)";
  return process.geteuid?.() === 0 ? false : "Exim delivers only as somebody else, and we are not root";
}
