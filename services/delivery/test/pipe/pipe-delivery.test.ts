import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Content, DeliveryItem } from "@postbus/contracts";
import { program } from "@postbus/testkit";
import type { AttemptReport } from "../../src/attempt.ts";
import { deliverToPipe } from "../../src/pipe/pipe-delivery.ts";
import { ProgramPipes } from "../../src/programs/program-pipes.ts";
import { ProgramSlots } from "../../src/programs/program-slots.ts";
import { AS_NOBODY, LocalRig, localItem } from "../local/local-rig.ts";
import { inline } from "../smtp/rig.ts";

const pipes = new ProgramPipes();
after(() => pipes[Symbol.asyncDispose]());

const MESSAGE = "Received: by x\r\nSubject: t\r\n\r\nFrom me\r\n.dot\r\nbody\r\n";
const noSpool = { read: () => assert.fail("nothing was spooled") };

interface Options {
  readonly content?: Content;
  readonly slots?: ProgramSlots;
  readonly signal?: AbortSignal;
  readonly isHeld?: () => boolean;
}

async function deliver(rig: LocalRig, item: DeliveryItem, options: Options = {}): Promise<AttemptReport> {
  const { content = inline(MESSAGE), slots = new ProgramSlots(4), isHeld = () => true } = options;
  const { signal = new AbortController().signal } = options;
  const work = { id: "1vMhGf-0000000012a-0Ab3_0_1", handedOut: 1, isHeld, signal };
  const deps = { spool: noSpool, slots, pipes, now: () => 1_795_225_000_000 };
  return deliverToPipe({ work, item, content }, await rig.transport("pipe", item), deps);
}

const pipe = (...options: string[]): string => `t:\n  driver = pipe\n${AS_NOBODY}  ${options.join("\n  ")}\n`;

/** What `command = /bin/cat` and `return_output` give back. */
async function outputOf(options: readonly string[], item: DeliveryItem, main = ""): Promise<string> {
  await using rig = await LocalRig.start(pipe(...options, "return_output"), main);
  const { results } = await deliver(rig, item);
  const [result] = results;
  return result?.outcome === "failed" ? (result.output ?? "") : JSON.stringify(result);
}

const HEADER = "Received: by x\nSubject: t\n";
const BODY = "From me\n.dot\nbody\n";

/** As real Exim 4.98 gives them to a program. */
const messages: readonly [string, readonly string[], string][] = [
  ["by default, as in a mailbox", [], `From s@b.test DATE\n${HEADER}\n${BODY}\n`],
  ["prefix and suffix", ["message_prefix =", 'message_suffix = "end\\n"'], `${HEADER}\n${BODY}end\n`],
  [
    "use_crlf: not of prefix and suffix",
    ["use_crlf"],
    `From s@b.test DATE\n${`${HEADER}\n${BODY}`.replaceAll("\n", "\r\n")}\n`,
  ],
  ["check_string", ["check_string = From ", "escape_string = >From "], `From s@b.test DATE\n${HEADER}\n>${BODY}\n`],
  ["use_bsmtp", ["use_bsmtp"], `MAIL FROM:<s@b.test>\nRCPT TO:<u@d.test>\nDATA\n${HEADER}\nFrom me\n..dot\nbody\n.\n`],
  ["headers_only", ["headers_only", "message_prefix =", "message_suffix ="], `${HEADER}\n`],
  [
    "body_only",
    ["body_only", "message_prefix =", "message_suffix =", "check_string = Fr", "escape_string = >Fr"],
    `>${BODY}`,
  ],
  [
    "what the transport adds and removes",
    [
      ...["message_prefix =", "message_suffix =", "headers_add = X: y", "headers_remove = received"],
      ...["return_path_add", "envelope_to_add"],
    ],
    `Return-path: <s@b.test>\nEnvelope-to: u@d.test\nSubject: t\nX: y\n\n${BODY}`,
  ],
  [
    "return_path",
    ["return_path = other@b.test", "return_path_add", "message_prefix ="],
    `Return-path: <other@b.test>\n${HEADER}\n${BODY}\n`,
  ],
];

describe("a program reads the message", () => {
  for (const [name, options, expected] of messages) {
    test(name, async () => {
      const text = await outputOf(["command = /bin/cat", ...options], localItem("t", ["u@d.test"]));
      assert.equal(text.replace(/^(From s@b\.test) .*/, "$1 DATE"), expected);
    });
  }

  test("from the null sender", async () => {
    const item = localItem("t", ["u@d.test"], { returnPath: "", errorsTo: "owner@d.test" });
    assert.match(
      await outputOf(["command = /usr/bin/head -n1"], item),
      /^From (MAILER-DAEMON|owner@d\.test) \w{3} \w{3} [ \d]\d /,
    );
  });

  test("and answers on both outputs, in order", async () => {
    const options = ['command = /bin/sh -c "cat >/dev/null; echo a; echo b >&2; echo c > /dev/stdout; echo d >&2"'];
    assert.equal(await outputOf(options, localItem("t", ["u@d.test"])), "a\nb\nc\nd\n");
  });

  test("of several megabytes", async () => {
    await using rig = await LocalRig.start(
      pipe("command = /usr/bin/wc -c", "message_prefix =", "message_suffix =", "return_output"),
    );
    const body = "x".repeat(998).concat("\r\n").repeat(4_000);
    const { results } = await deliver(rig, localItem("t", ["u@d.test"]), { content: inline(`A: b\r\n\r\n${body}`) });
    assert.partialDeepStrictEqual(results, [{ output: `${6 + 4_000 * 999}\n` }]);
  });
});

describe("its environment", () => {
  const variables = {
    local_part: "u",
    local_part_prefix: "pre-",
    local_part_suffix: "+ext",
    domain: "d.test",
    home: "/usr",
  };
  const item = localItem("t", ["pre-u+ext@d.test"], { addressVariables: [variables], hostText: "h1:h2" });

  test("is what Exim's manual lists, and nothing of ours", async () => {
    process.env["POSTBUS_TEST_SECRET"] = "x";
    const text = await outputOf(["command = /usr/bin/env"], item);
    assert.deepEqual(text.trimEnd().split("\n").sort(), [
      "DOMAIN=d.test",
      "HOME=/usr",
      "HOST=h1:h2",
      "LOCAL_PART=u",
      "LOCAL_PART_PREFIX=pre-",
      "LOCAL_PART_SUFFIX=+ext",
      "LOGNAME=u",
      "MESSAGE_ID=1vMhGf-0000000012a-0Ab3",
      "PATH=/bin:/usr/bin",
      "QUALIFY_DOMAIN=q.test",
      "RECIPIENT=pre-u+ext@d.test",
      "SENDER=s@b.test",
      "SHELL=/bin/sh",
      "USER=u",
    ]);
  });

  test("with what the transport sets, and the time zone of the policy", async () => {
    const options = [
      "command = /usr/bin/env",
      "environment = FOO=a b:HOME=/x:ME=$local_part@$domain",
      "path = /opt:/bin",
    ];
    const text = await outputOf(options, item, "timezone = Europe/Vienna\n");
    for (const line of ["FOO=a b", "HOME=/x", "ME=u@d.test", "PATH=/opt:/bin", "TZ=Europe/Vienna"]) {
      assert.ok(text.split("\n").includes(line), line);
    }
  });

  test("the umask is the option's, and ours is as it was", async () => {
    const before = process.umask();
    assert.equal(await outputOf(['command = /bin/sh -c "umask"', "umask = 027"], item), "0027\n");
    assert.equal(process.umask(), before);
  });

  test("octets that are no ASCII reach it as they are", async () => {
    const word = Buffer.from("Grüße", "utf8").toString("latin1");
    assert.equal(await outputOf([`command = /bin/echo ${word}`], item), `${word}\n`);
  });
});

describe("commands that a redirect list names", () => {
  const item = localItem("t", ["|/bin/echo $local_part 'a  b'"], {
    to: "pipe",
    recipients: [{ address: "|/bin/echo $local_part 'a  b'", origin: { parents: ["list@d.test"] } }],
  });

  test("are run as they stand", async () => {
    assert.equal(await outputOf([], item), "$local_part a  b\n");
  });

  test("are logged by what was written", async () => {
    await using rig = await LocalRig.start(pipe("log_output"));
    const { notes } = await deliver(rig, item);
    assert.deepEqual(notes, ["<|/bin/echo $local_part 'a  b'>: t transport output: $local_part a  b"]);
  });

  test("come after the transport's, if that is forced", async () => {
    const options = ["command = /bin/echo forced $address_pipe", "force_command"];
    assert.equal(await outputOf(options, item), "forced /bin/echo $local_part a  b\n");
  });

  test("the transport's own is not used otherwise", async () => {
    assert.equal(await outputOf(["command = /bin/echo own"], item), "$local_part a  b\n");
  });
});

describe("several recipients", () => {
  test("have one program, and one result", async () => {
    await using rig = await LocalRig.start(pipe("command = /bin/echo $pipe_addresses", "batch_max = 5", "log_output"));
    const { results, notes } = await deliver(rig, localItem("t", ["u@d.test", "v@d.test"]));
    assert.deepEqual(results, [{ outcome: "delivered" }, { outcome: "delivered" }]);
    assert.equal(notes[0], "<u@d.test>: t transport output: u@d.test v@d.test");
  });

  const rows: readonly [string, readonly string[], number][] = [
    ["batch_max", ["command = /bin/cat", "batch_max = 7"], 7],
    ["without it, one at a time", ["command = /bin/cat"], 1],
    ["a command that names the local part, one at a time", ["command = /bin/x ${lc:$local_part}", "batch_max = 7"], 1],
  ];
  for (const [name, options, expected] of rows) {
    test(name, async () => {
      await using rig = await LocalRig.start(pipe(...options));
      assert.equal(rig.policy.transport("t").maxRcpt, expected);
    });
  }
});

describe("a program that should not run any more", () => {
  test("is killed with all that it has started when its item is lost", async () => {
    await using rig = await LocalRig.start("");
    // The shell writes its process id where the test can read it.
    const { directory } = rig;
    chmodSync(directory, 0o777);
    const script = join(directory, "run");
    writeFileSync(
      script,
      `#!/bin/sh\necho $$ > ${directory}/pid.new\nmv ${directory}/pid.new ${directory}/pid\nsleep 60 &\nwait\n`,
    );
    chmodSync(script, 0o755);
    await using other = await LocalRig.start(pipe(`command = ${script}`));
    const controller = new AbortController();
    const running = deliver(other, localItem("t", ["u@d.test"]), { signal: controller.signal });
    while (!existsSync(join(directory, "pid"))) await pause(10);
    const pid = Number(readFileSync(join(directory, "pid"), "latin1"));
    controller.abort();
    await assert.rejects(running, { name: "LeaseLostError" });
    while (await isGroupAlive(pid)) await pause(10);
  });

  test("is not even started when the item is somebody else's", async () => {
    await using rig = await LocalRig.start(pipe("command = /bin/touch DIR/ran"));
    const running = deliver(rig, localItem("t", ["u@d.test"]), { isHeld: () => false });
    await assert.rejects(running, { name: "LeaseLostError" });
  });

  test("what it leaves behind does not hold up the delivery", async () => {
    await using rig = await LocalRig.start(pipe('command = /bin/sh -c "sleep 20 & exit 0"'));
    const { results } = await deliver(rig, localItem("t", ["u@d.test"]));
    assert.deepEqual(results, [{ outcome: "delivered" }]);
  });
});

test("when too many programs run, mail waits for the next attempt", async () => {
  await using rig = await LocalRig.start(pipe("command = /bin/true"));
  const slots = new ProgramSlots(1, 20);
  assert.equal(await slots.take(), true);
  const { results } = await deliver(rig, localItem("t", ["u@d.test"]), { slots });
  assert.deepEqual(results, [
    { outcome: "deferred", errno: 0, text: "too many programs are running: none could be started for t transport" },
  ]);
  slots.give();
  const again = await deliver(rig, localItem("t", ["u@d.test"]), { slots });
  assert.deepEqual(again.results, [{ outcome: "delivered" }]);
});

describe("configurations as they are found", () => {
  test("Mailman's: a command of a suffix, in single quotes, and a checked local part", async () => {
    const command =
      "command = /bin/echo '${if def:local_part_suffix {${sg{$local_part_suffix}{-(\\\\w+)(\\\\+.*)?}{\\$1}}} {post}}' $local_part_data";
    const options = [command, "home_directory = /usr", "current_directory = /usr"];
    const variables = { local_part: "list", local_part_data: "list", domain: "d.test" };
    const item = (own: Record<string, string>) =>
      localItem("t", ["u@d.test"], { addressVariables: [{ ...variables, ...own }] });
    assert.equal(await outputOf(options, item({})), "post list\n");
    assert.equal(await outputOf(options, item({ local_part_suffix: "-bounces+x=y" })), "bounces list\n");
  });

  const rows: readonly { readonly name: string; readonly options: (home: string) => readonly string[] }[] = [
    {
      name: "procmail",
      options: (home) => [
        `command = /usr/bin/procmail ${home}/.procmailrc`,
        "message_prefix =",
        "message_suffix =",
        "return_path_add",
      ],
    },
    {
      name: "maildrop",
      options: (home) => [
        ...[`command = /usr/bin/maildrop -V 0 ${home}/.mailfilter`, "message_prefix =", "message_suffix ="],
        ...["return_path_add", "delivery_date_add", "envelope_to_add"],
      ],
    },
    {
      name: "dovecot-lda",
      options: (home) => [
        ...[`command = /usr/lib/dovecot/dovecot-lda -c ${home}/dovecot.conf -f $sender_address_data -e`],
        ...[
          "message_prefix =",
          "message_suffix =",
          "log_output",
          "temp_errors = 64 : 69 : 70 : 71 : 72 : 73 : 74 : 75 : 78",
        ],
      ],
    },
  ];
  for (const { name, options } of rows) {
    const path = name === "dovecot-lda" ? "/usr/lib/dovecot/dovecot-lda" : program(name);
    const isThere = path !== undefined && existsSync(path);
    test(name, { skip: isThere ? false : `no ${name} here (Debian: apt-get install ${name})` }, async () => {
      await using place = await LocalRig.start("");
      const home = place.directory;
      writeFileSync(join(home, ".procmailrc"), `DEFAULT=${home}/mail/\n`);
      writeFileSync(join(home, ".mailfilter"), `to "${home}/mail/."\n`);
      writeFileSync(
        join(home, "dovecot.conf"),
        `mail_location = maildir:${home}/mail\nprotocols =\nlog_path = /dev/stderr\npostmaster_address = p@d.test\nauth_socket_path = ${home}/no\n`,
      );
      for (const part of ["mail", "mail/new", "mail/cur", "mail/tmp"]) mkdirSync(join(home, part));
      for (const file of [".procmailrc", ".mailfilter"]) chmodSync(join(home, file), 0o600);
      // They are particular about whose a home is.
      const user = process.geteuid?.() === 0 ? "  user = nobody\n" : "";
      if (user !== "") execFileSync("chown", ["-R", "nobody:nogroup", home]);
      const text = `t:\n  driver = pipe\n${user}  home_directory = ${home}\n  return_fail_output\n  ${options(home).join("\n  ")}\n`;
      await using rig = await LocalRig.start(text);
      const item = localItem("t", ["u@d.test"], { addressVariables: [{ local_part: "u", domain: "d.test" }] });
      const { results } = await deliver(rig, item, { content: inline("Subject: t\r\nFrom: a@b.test\r\n\r\nbody\r\n") });
      assert.deepEqual(results, [{ outcome: "delivered" }]);
      const [file = ""] = await readdir(join(home, "mail", "new"));
      assert.match(readFileSync(join(home, "mail", "new", file), "latin1"), /Subject: t\n[\s\S]*\n\nbody\n/);
    });
  }
});

async function isGroupAlive(group: number): Promise<boolean> {
  try {
    process.kill(-group, 0);
    return true;
  } catch {
    return false;
  }
}
