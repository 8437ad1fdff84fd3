import assert from "node:assert/strict";
import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { describe, test } from "node:test";
import { ADDS, Mailboxes } from "./mailboxes.ts";

describe("what a redirect list has named is where it goes", () => {
  const rows = [
    { name: "a file", to: "file", path: "/box", want: ["box 600"] },
    { name: "a directory, by its last slash", to: "directory", path: "/box/", want: ["box 700"] },
    {
      name: "a Maildir",
      to: "directory",
      path: "/box",
      options: " maildir_format",
      want: ["box 700", "box/cur 700", "box/new 700", "box/tmp 700"],
    },
  ] as const;
  for (const row of rows) {
    test(row.name, async () => {
      using boxes = new Mailboxes();
      const { to, path, want } = row;
      const options = "options" in row ? row.options : "";
      const file = `${boxes.root}${path}`;
      const given = { options, recipients: [file], item: { to }, variables: { address_file: file } };
      assert.equal(await boxes.outcome(given), "delivered");
      const made = boxes.tree().filter((line) => !/\/q|\.M/.test(line));
      assert.deepEqual(made, want);
    });
  }

  test("a peer's word is none", async () => {
    using boxes = new Mailboxes();
    for (const variables of [{ address_file: { tainted: boxes.path("box") } }, {}]) {
      const outcome = await boxes.outcome({ recipients: [boxes.path("box")], item: { to: "file" }, variables });
      assert.equal(outcome, "-1 Tainted 'DIR/box' (file or directory name for t transport) not permitted");
    }
    assert.deepEqual(boxes.tree(), []);
  });

  test("without one, and without an option, nobody knows where", async () => {
    using boxes = new Mailboxes();
    assert.equal(
      await boxes.outcome({ options: "" }),
      "-1 Mandatory file or directory option missing from t transport",
    );
  });
});

test("recipients share a copy up to batch_max, and each has its result", async () => {
  using boxes = new Mailboxes();
  const options = ` file = DIR/u\n batch_max = 2\n${ADDS}`;
  const results = await boxes.deliver({ options, recipients: ["a@a.test", "b@a.test", "c@b.test"] });
  assert.equal(results.length, 3);
  assert.deepEqual(
    boxes
      .read("u")
      .match(/^Envelope-to: .*\n(?: .*\n)*/gm)
      ?.sort(),
    ["Envelope-to: a@a.test,\n b@a.test\n", "Envelope-to: c@b.test\n"],
  );
});

const isRoot = process.getuid?.() === 0;

describe("the mailbox of another user", { skip: isRoot ? false : "only root can deliver for others" }, () => {
  const OWNER = " user = 65533\n group = 65533\n";
  const prepared = (): Mailboxes => {
    const boxes = new Mailboxes();
    chmodSync(boxes.root, 0o755);
    mkdirSync(boxes.path("home"), 0o700);
    chownSync(boxes.path("home"), 65_533, 65_533);
    return boxes;
  };
  const formats = [
    " file = DIR/home/mail/u1",
    " directory = DIR/home/mail\n maildir_format\n quota = 1M\n maildir_use_size_file",
    " directory = DIR/home/mail",
    " directory = DIR/home/mail\n mailstore_format",
  ];
  for (const format of formats) {
    test(`is that user's: ${format.trim().replaceAll("\n", ";")}`, async () => {
      using boxes = prepared();
      assert.equal(await boxes.outcome({ options: `${OWNER}${format}` }), "delivered");
      const all = readdirSync(boxes.path("home"), { recursive: true, encoding: "utf8" });
      assert.ok(all.length > 1);
      for (const name of all) {
        const { uid, gid } = lstatSync(boxes.path("home", name));
        assert.deepEqual([name, uid, gid], [name, 65_533, 65_533]);
      }
    });

    test(`leads nowhere else: ${format.trim().replaceAll("\n", ";")}`, async () => {
      using boxes = prepared();
      mkdirSync(boxes.path("roots"), 0o700);
      symlinkSync(boxes.path("roots"), boxes.path("home/mail"));
      const outcome = await boxes.outcome({ options: `${OWNER}${format}` });
      assert.match(outcome, /^(?:20|40) failed to open directory DIR\/home\/mail/);
      assert.deepEqual(readdirSync(boxes.path("roots")), []);
    });
  }

  test("is not made where that user may not write", async () => {
    using boxes = prepared();
    mkdirSync(boxes.path("roots"), 0o755);
    assert.equal(
      await boxes.outcome({ options: `${OWNER} file = DIR/roots/u1` }),
      "13 may not write to directory DIR/roots",
    );
    assert.match(await boxes.outcome({ options: `${OWNER} file = DIR/roots/x/u1` }), /^13 /);
    assert.deepEqual(readdirSync(boxes.path("roots")), []);
  });

  test("is not a link to somebody else's file", async () => {
    using boxes = prepared();
    symlinkSync("/etc/passwd", boxes.path("home/u1"));
    const before = readFileSync("/etc/passwd");
    assert.match(
      await boxes.outcome({ options: `${OWNER} file = DIR/home/u1` }),
      /^-6 mailbox .* \(symlink\) has wrong uid/,
    );
    assert.deepEqual(readFileSync("/etc/passwd"), before);
  });

  test("needs a user that there is", async () => {
    using boxes = prepared();
    assert.equal(
      await boxes.outcome({ options: " user = ${lc:NOBODY-HERE}\n file = DIR/u1" }),
      '-29 no user "nobody-here" for t transport',
    );
    assert.equal(
      await boxes.outcome({ options: " user = 65533\n file = DIR/u1" }),
      "-29 User set without group for t transport",
    );
  });
});
