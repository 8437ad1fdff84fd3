import assert from "node:assert/strict";
import { chmodSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { DeliveryItem, RouteItem } from "@postbus/contracts";
import { defaultReports } from "@postbus/queue";
import { Check } from "typebox/schema";
import type { AttemptReport } from "../../src/attempt.ts";
import { deliverByAutoreply } from "../../src/autoreply/autoreply-delivery.ts";
import { OnceStore } from "../../src/autoreply/once-store.ts";
import { AS_NOBODY, LocalRig, localItem } from "../local/local-rig.ts";
import { inline } from "../smtp/rig.ts";
import { MemoryValues } from "./memory-values.ts";

const MESSAGE =
  "Subject: t =?utf-8?Q?=41?=\r\nFrom: s@b.test\r\nMessage-ID: <m1@x>\r\nReferences: <r0@x> <r1@x>\r\n\r\nFrom me\r\n.dot\r\nbody\r\n";
const NOW = Date.UTC(2026, 10, 21, 1, 36, 36);

interface Options {
  readonly values?: MemoryValues;
  readonly now?: number;
  readonly workId?: string;
  readonly item?: Partial<DeliveryItem>;
  readonly message?: string;
}

async function answer(lines: readonly string[], options: Options = {}): Promise<AttemptReport> {
  const { values = new MemoryValues(), now = NOW, workId = "1vMhGf-0000000012a-0Ab3_0_1", message = MESSAGE } = options;
  await using rig = await LocalRig.start(`t:\n  driver = autoreply\n${AS_NOBODY}  ${lines.join("\n  ")}\n`);
  const item = localItem("t", ["u@d.test"], options.item);
  assert.ok(Check(DeliveryItem, item));
  const work = { id: workId, handedOut: 1, isHeld: () => true, signal: new AbortController().signal };
  const deps = { spool: { read: () => assert.fail() }, once: new OnceStore(values, () => now), now: () => now };
  return deliverByAutoreply(
    { work, item, content: inline(message) },
    await rig.transport("autoreply", item, inline(message)),
    { primaryHostname: "mx.a2.test", reports: defaultReports("a2.test") },
    deps,
  );
}

function replyOf({ publish = [] }: AttemptReport): { readonly text: string; readonly recipients: readonly string[] } {
  const [publication, ...more] = publish;
  assert.deepEqual(more, []);
  assert.ok(publication?.content.kind === "inline");
  const { header } = publication;
  assert.ok(Check(RouteItem, header));
  assert.equal(header.returnPath, "");
  const text = publication.content.octets.toString("latin1");
  assert.ok(!/[^\r]\n|\r(?!\n)/.test(text), "line ends");
  const general = text.replaceAll("\r\n", "\n").replaceAll(publication.messageId, "ID");
  return { text: general, recipients: header.recipients.map(({ address }) => address) };
}

const TO = "to = $sender_address";
const OURS = "Message-Id: <EID@mx.a2.test>\nFrom: Mailer-Daemon@q.test\nDate: Sat, 21 Nov 2026 01:36:36 +0000\n";
const ABOUT = "In-Reply-To: <m1@x>\nReferences: <r0@x> <r1@x> <m1@x>\nAuto-Submitted: auto-replied\n";

/** As real Exim 4.98 has made them (it says its own login where nobody says From). */
const replies: readonly [string, readonly string[], string, (readonly string[])?][] = [
  ["nothing but an address", [TO], `To: s@b.test\n${ABOUT}${OURS}\n`],
  [
    "all fields",
    [
      ...[TO, "reply_to = r@q.test", 'cc = c@b.test, "X, Y" <d@b.test>', "bcc = e@b.test"],
      ...['headers = "X-A: b\\nX-B: c\\n"', 'text = "t\\n"'],
    ],
    `Reply-To: r@q.test\nTo: s@b.test\nCc: c@b.test, "X, Y" <d@b.test>\n${ABOUT}X-A: b\nX-B: c\n${OURS}\n\nt\n`,
    ["s@b.test", "c@b.test", "d@b.test", "e@b.test"],
  ],
  [
    "a vacation message",
    ["from = vac@q.test", TO, "subject = Re: $h_subject:", "headers = X-H: 1", "text = I am away"],
    `From: vac@q.test\nTo: s@b.test\nSubject: Re: t A\n${ABOUT}X-H: 1\n${OURS.replace(/From.*\n/, "")}\nI am away\n`,
  ],
  ["a subject of two lines", [TO, 'subject = "a\\n b"'], `To: s@b.test\nSubject: a\n b\n${ABOUT}${OURS}\n`],
  ["a tabulator", [TO, 'subject = "a\\tb"'], `To: s@b.test\nSubject: a\tb\n${ABOUT}${OURS}\n`],
  ["a local part alone", ["to = joe", "subject = x"], `To: joe@q.test\nSubject: x\n${ABOUT}${OURS}\n`, ["joe@q.test"]],
  [
    "never_mail takes some",
    ["to = $sender_address, z@b.test", "cc = s@b.test", "never_mail = s@b.test"],
    `To:  z@b.test\n${ABOUT}${OURS}\n`,
    ["z@b.test"],
  ],
  ["a Bcc in headers", [TO, "headers = Bcc: other@b.test"], `To: s@b.test\n${ABOUT}${OURS}\n`],
  [
    "return_message",
    [TO, "text = x", "return_message"],
    `To: s@b.test\n${ABOUT}${OURS}\nx\n\n------ This is a copy of the message, including all the headers.\n\n${MESSAGE.replaceAll("\r", "")}`,
  ],
  [
    "headers_only",
    [TO, "text = x", "return_message", "headers_only"],
    `To: s@b.test\n${ABOUT}${OURS}\nx\n\n------ This is a copy of the message's header lines.\n\n${MESSAGE.replaceAll("\r", "").split("From me")[0]}`,
  ],
  [
    "body_only",
    [TO, "text = x", "return_message", "body_only"],
    `To: s@b.test\n${ABOUT}${OURS}\nx\n\n------ This is a copy of the body of the message, without the headers.\n\nFrom me\n.dot\nbody\n`,
  ],
  [
    "a copy with what the transport adds",
    [TO, "text = x", "return_message", "headers_add = X-Added: y", "return_path_add"],
    `To: s@b.test\n${ABOUT}${OURS}\nx\n\n------ This is a copy of the message, including all the headers.\n\nReturn-path: <s@b.test>\n${MESSAGE.replaceAll("\r", "").replace("\n\n", "\nX-Added: y\n\n")}`,
  ],
];

describe("a reply", () => {
  for (const [name, lines, text, recipients = ["s@b.test"]] of replies) {
    test(name, async () => {
      const report = await answer(lines);
      assert.deepEqual(report.results, [{ outcome: "delivered" }]);
      assert.deepEqual(replyOf(report), { text, recipients });
    });
  }

  test("is logged as a message that has come in, about the other one", async () => {
    const { publish = [], events = [] } = await answer([TO]);
    const [publication] = publish;
    assert.partialDeepStrictEqual(events, [
      {
        name: "msg:received",
        messageId: publication?.messageId,
        returnPath: "",
        recipients: ["s@b.test"],
        reception: { protocol: "local", about: "1vMhGf-0000000012a-0Ab3" },
      },
    ]);
  });

  test("is the same when its item is handled again, and another one for another item", async () => {
    const ids = async (workId: string) => (await answer([TO], { workId })).publish?.map(({ id }) => id);
    assert.deepEqual(await ids("a-b-c_0_1"), await ids("a-b-c_0_1"));
    assert.notDeepEqual(await ids("a-b-c_0_1"), await ids("a-b-c_1_1"));
  });

  test("has a copy that is cut at bounce_return_size_limit", async () => {
    const message = `Subject: t\r\n\r\n${"x".repeat(98).concat("\r\n").repeat(1_200)}`;
    const { text } = replyOf(await answer([TO, "return_message"], { message }));
    assert.match(
      text,
      /headers\.\n------ The body of the message is \d+ characters long; only the first\n------ 106000 or so are included here\.\n\nSubject: t\n/,
    );
    assert.ok(text.length > 100_000 && text.length < 105_000 && text.endsWith("x\n"));
  });
});

/** Texts of Exim 4.98. */
const refusals: readonly [string, readonly string[], object][] = [
  [
    "a line end in a header",
    [TO, 'subject = "a\\nb"'],
    { outcome: "failed", text: 'Expansion of "a\\nb" in t transport contains non-printing character 10' },
  ],
  [
    "octets above 127",
    [TO, "subject = a\xe4b"],
    { outcome: "failed", text: 'Expansion of "a\\344b" in t transport contains non-printing character 228' },
  ],
  [
    "a raw header, which ends in a line end",
    [TO, "subject = Re: $rh_subject:"],
    { outcome: "failed", text: 'Expansion of "Re: $rh_subject:" in t transport contains non-printing character 10' },
  ],
  [
    "a string that is wrong",
    [TO, "subject = ${bad"],
    {
      outcome: "failed",
      text: 'Expansion of "${bad" failed in t transport: "${bad" is not a known operator (or a } is missing in a variable reference)',
    },
  ],
  [
    "a string that is made to fail",
    [TO, "subject = ${if eq{a}{b}{x}fail}"],
    {
      outcome: "failed",
      text: 'Expansion of "${if eq{a}{b}{x}fail}" failed in t transport: "if" failed and "fail" requested',
    },
  ],
  [
    "a file that is not there",
    [TO, "file = /nonexist"],
    {
      outcome: "deferred",
      errno: 2,
      text: "Failed to open file /nonexist when sending message from t transport: No such file or directory",
    },
  ],
  [
    "what is no address",
    ["to = @@ <", "subject = x"],
    { outcome: "deferred", errno: 0, text: "Failed to send message from t transport (1)" },
  ],
];

describe("no reply, and why", () => {
  for (const [name, lines, expected] of refusals) {
    test(name, async () => {
      const { results, publish } = await answer(lines);
      assert.deepEqual(results, [expected]);
      assert.equal(publish, undefined);
    });
  }

  const silent: readonly [string, readonly string[], Partial<DeliveryItem>?][] = [
    ["everybody is in never_mail", [TO, "never_mail = *@b.test"]],
    ["there is nobody", ["subject = x"]],
    ["the address is empty", ["to =", "subject = x"]],
    ["the sender is the null sender", [TO], { returnPath: "" }],
  ];
  for (const [name, lines, item = {}] of silent) {
    test(`${name}: delivered without one`, async () => {
      const { results, publish } = await answer(lines, { item });
      assert.deepEqual(results, [{ outcome: "delivered" }]);
      assert.equal(publish, undefined);
    });
  }
});

describe("once", () => {
  test("a second message gets none, and the log says so", async () => {
    await using place = await LocalRig.start("");
    chmodSync(place.directory, 0o777);
    const log = join(place.directory, "log");
    const values = new MemoryValues();
    const lines = [
      "from = vac@q.test",
      TO,
      "subject = away",
      "headers = X-H: 1",
      "once = /var/vacation",
      `log = ${log}`,
    ];
    const first = await answer(lines, { values, workId: "a" });
    const second = await answer(lines, { values, workId: "b" });
    assert.equal(first.publish?.length, 1);
    assert.deepEqual(second, { results: [{ outcome: "delivered" }], notes: [] });
    assert.equal(
      readFileSync(log, "latin1").replaceAll(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/gm, "TIME"),
      "TIME\n  From: vac@q.test\n  To: s@b.test\n  Subject: away\n  X-H: 1\nTIME\n  previously sent to s@b.test\n",
    );
    assert.equal(statSync(log).mode & 0o777, 0o600);
  });

  test("once_repeat is expanded", async () => {
    const values = new MemoryValues();
    const lines = [TO, "once = /v", "once_repeat = ${eval:1+1}d"];
    assert.equal((await answer(lines, { values, workId: "a" })).publish?.length, 1);
    assert.equal((await answer(lines, { values, workId: "b", now: NOW + 86_400_000 })).publish, undefined);
    assert.equal((await answer(lines, { values, workId: "c", now: NOW + 2 * 86_400_000 })).publish?.length, 1);
  });
});

describe("a file", () => {
  test("stands below the text; with file_expand what can be expanded is", async () => {
    await using place = await LocalRig.start("");
    chmodSync(place.directory, 0o755);
    const file = join(place.directory, "text");
    writeFileSync(file, "file for $local_part\nline ${bad} two\nlast", { mode: 0o644 });
    const body = async (...more: string[]) =>
      replyOf(await answer([TO, `file = ${file}`, ...more])).text.split("\n\n")[1];
    assert.equal(await body(), "file for $local_part\nline ${bad} two\nlast\n");
    assert.equal(await body("file_expand", "text = first"), "first\nfile for u\nline ${bad} two\nlast\n");
  });

  test("that may be missing is", async () => {
    assert.match(replyOf(await answer([TO, "file = /nonexist", "file_optional", "text = x"])).text, /\n\nx\n$/);
  });

  test("that its user could not read is not read for it", {
    skip: process.geteuid?.() !== 0 && "we are not root",
  }, async () => {
    await using place = await LocalRig.start("");
    chmodSync(place.directory, 0o755);
    const [file, link] = [join(place.directory, "secret"), join(place.directory, "link")];
    writeFileSync(file, "secret", { mode: 0o600 });
    symlinkSync(file, link);
    const { results, publish } = await answer([TO, `file = ${link}`]);
    assert.partialDeepStrictEqual(results, [{ outcome: "deferred", errno: 13 }]);
    assert.equal(publish, undefined);
  });
});
