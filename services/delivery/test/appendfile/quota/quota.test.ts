import assert from "node:assert/strict";
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { Mailboxes } from "../mailboxes.ts";

const MAILDIR = " directory = DIR/u1\n maildir_format\n";
const SIZES = `${MAILDIR} maildir_use_size_file\n`;

function maildir(files: Readonly<Record<string, string>>): Mailboxes {
  const boxes = new Mailboxes();
  for (const part of ["", "/cur", "/new", "/tmp", "/.Sent", "/.Sent/cur"]) mkdirSync(boxes.path(`u1${part}`));
  for (const [name, text] of Object.entries(files)) writeFileSync(boxes.path("u1", name), text);
  boxes.deps = { ...boxes.deps, now: Date.now };
  return boxes;
}

describe("a mailbox is full", () => {
  // The message has 23 octets, with line ends of one.
  const rows = [
    {
      name: "by what its folders hold",
      options: `${SIZES} quota = 44`,
      files: { "cur/a": "x".repeat(11), ".Sent/cur/b": "x".repeat(11) },
    },
    {
      name: "by what its directory holds",
      options: `${MAILDIR} quota = 44`,
      files: { "cur/a": "x".repeat(11), other: "x".repeat(11) },
    },
    {
      name: "by what the names of its files say",
      options: `${SIZES} quota = 44\n quota_size_regex = ,S=(\\d+)`,
      files: { "cur/a,S=22:2,S": "" },
    },
    {
      name: "by what the policy says",
      options: `${MAILDIR} quota = 44\n mailbox_size = 22\n mailbox_filecount = 0`,
      files: {},
    },
    { name: "in units", options: `${MAILDIR} quota = 1K`, files: { "cur/a": "x".repeat(1002) } },
  ];
  for (const { name, options, files } of rows) {
    test(name, async () => {
      using boxes = maildir(files);
      assert.match(
        await boxes.outcome({ options }),
        /^-22 mailbox is full \(MTA-imposed quota exceeded while writing to tmp\/\S+\)$/,
      );
      assert.deepEqual(readdirSync(boxes.path("u1/new")), []);
    });
    test(`${name}, and with one octet more it is not`, async () => {
      using boxes = maildir(files);
      const more = options.replace("44", "45").replace("mailbox_size = 22", "mailbox_size = 21").replace("1K", "1025");
      assert.equal(await boxes.outcome({ options: more }), "delivered");
    });
  }

  test("and the retry rules are told how long nobody has read it", async () => {
    using boxes = maildir({ "cur/a": "x".repeat(100) });
    const readAt = Date.now() / 1000 - 7_200;
    utimesSync(boxes.path("u1/new"), readAt, readAt);
    const [result] = await boxes.deliver({ options: `${MAILDIR} quota = 44` });
    assert.ok(result?.outcome === "deferred" && (result.unreadForMs ?? 0) >= 7_200_000, JSON.stringify(result));
  });

  test("of a folder, what counts is the whole Maildir, unless it is one that does not", async () => {
    using boxes = maildir({ "cur/a": "x".repeat(100), ".Sent/maildirfolder": "" });
    const folder = " directory = DIR/u1/.Sent\n maildir_format\n maildir_use_size_file\n quota = 100\n";
    assert.match(await boxes.outcome({ options: folder }), /^-22 /);
    assert.equal(boxes.read("u1/maildirsize"), "100S,0C\n100 1\n");
    assert.equal(
      await boxes.outcome({ options: `${folder} maildir_quota_directory_regex = ^(?:cur|new)$` }),
      "delivered",
    );
  });
});

describe("maildirsize", () => {
  const rows = [
    { name: "is believed", before: "1000S,0C\n300 3\n-100 -1\n", after: "1000S,0C\n300 3\n-100 -1\n23 1\n" },
    { name: "is made anew for another quota", before: "999S,0C\n300 3\n", after: "1000S,0C\n5 1\n23 1\n" },
    {
      name: "is made anew when it is too long",
      before: `1000S,0C\n${"1 1\n".repeat(1300)}`,
      after: "1000S,0C\n5 1\n23 1\n",
    },
    { name: "is made anew when it says nonsense", before: "1000S,0C\nx y\n", after: "1000S,0C\n5 1\n23 1\n" },
    { name: "is made anew when its last line is torn", before: "1000S,0C\n300 3\n10", after: "1000S,0C\n5 1\n23 1\n" },
    { name: "is made anew when it is below nothing", before: "1000S,0C\n-1 1\n", after: "1000S,0C\n5 1\n23 1\n" },
    {
      name: "is made anew when it says that the mailbox is full",
      before: "1000S,0C\n600 1\n600 1\n",
      after: "1000S,0C\n5 1\n23 1\n",
    },
    {
      name: "is believed when it says so in one line, and is young",
      before: "1000S,0C\n1200 1\n",
      after: "1000S,0C\n1200 1\n",
    },
    { name: "is not when it is old", before: "1000S,0C\n1200 1\n", age: 16 * 60, after: "1000S,0C\n5 1\n23 1\n" },
  ];
  for (const { name, before, after, age = 0 } of rows) {
    test(name, async () => {
      using boxes = maildir({ "cur/a": "12345", maildirsize: before });
      const at = Date.now() / 1000 - age;
      utimesSync(boxes.path("u1/maildirsize"), at, at);
      await boxes.deliver({ options: `${SIZES} quota = 1000` });
      assert.equal(boxes.read("u1/maildirsize"), after);
    });
  }
});

describe("a warning", () => {
  const WARN = " file = DIR/u1\n quota = 200\n quota_warn_threshold = 25%\n";

  test("is sent once, when the mailbox grows above the threshold", async () => {
    using boxes = new Mailboxes();
    const reports = [];
    for (const id of ["a_0_1", "b_0_1", "c_0_1"]) reports.push(await boxes.report({ options: WARN, id }));
    assert.deepEqual(
      reports.map(({ publish = [] }) => publish.length),
      [1, 0, 0],
    );
    const [publication] = reports[0]?.publish ?? [];
    const content = publication?.content;
    assert.partialDeepStrictEqual(publication?.header, {
      returnPath: "",
      recipients: [{ address: "u1@a.test" }],
      reception: { protocol: "local", about: "1vMhGf-0000000012a-0Ab3" },
    });
    const text = content?.kind === "inline" ? content.octets.toString("latin1") : "";
    assert.match(
      text,
      /^Received: by mx\.a\.test with local \(Postbus\)\r\n\tid \S+;\r\n\t.*\r\nAuto-Submitted: auto-replied\r\nFrom: Mail Delivery System <Mailer-Daemon@a\.test>\r\nTo: u1@a\.test\r\nSubject: Your mailbox\r\nMessage-Id: <E\S+@mx\.a\.test>\r\nDate: .*\r\n\r\nThis message is automatically created by mail delivery software\.\r\n\r\nThe size of your mailbox has exceeded/,
    );
    assert.partialDeepStrictEqual(reports[0]?.events, [{ name: "msg:received", recipients: ["u1@a.test"] }]);
  });

  test("says what the policy says, to whom it says, and a second run makes the same", async () => {
    const text = "From: me@a.test\\nTo: Ann <$local_part@$domain>, root\\nBcc: q@b.test\\nSubject: full\\n\\ntext";
    const options = ` file = DIR/u1\n quota_warn_threshold = 10\n quota_warn_message = "${text}"\n`;
    const made = async () => {
      using boxes = new Mailboxes();
      return (await boxes.report({ options })).publish?.[0];
    };
    const [first, second] = [await made(), await made()];
    assert.equal(first?.id, second?.id);
    assert.partialDeepStrictEqual(first?.header, {
      recipients: [{ address: "u1@a.test" }, { address: "root@a.test" }, { address: "q@b.test" }],
    });
    const octets = first?.content.kind === "inline" ? first.content.octets.toString("latin1") : "";
    assert.match(octets, /\r\nFrom: me@a\.test\r\nTo: Ann <u1@a\.test>, root\r\nSubject: full\r\nMessage-Id: /);
    assert.ok(!octets.includes("Bcc"));
  });

  test("that cannot be made does not undo the delivery", async () => {
    using boxes = new Mailboxes();
    const report = await boxes.report({
      options: ` file = DIR/u1\n quota_warn_threshold = 10\n quota_warn_message = \${if` + "}",
    });
    assert.deepEqual(report.results, [{ outcome: "delivered" }]);
    assert.match(report.notes[0] ?? "", /^Expansion of "\$\{if\}" \(warning message for t transport\) failed: /);
  });
});
