import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { appendFileSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { SpoolError } from "@postbus/spool";
import { Mailboxes, readPieces } from "../mailboxes.ts";

const FILE = " file = DIR/u1";
const SPOOLED = { kind: "spooled", id: "x", size: 30, sha256: "0".repeat(64) } as const;
const OURS = /^From s@a\.test .*\nSubject: x\n\nhello\n\.dot\n\n$/;
const messages = (text: string): number => text.match(/^From /gm)?.length ?? 0;

test("many messages for one mailbox at the same time stand in it one behind the other", async () => {
  using boxes = new Mailboxes();
  const ids = Array.from({ length: 30 }, (_, i) => `m${i}_0_1`);
  const outcomes = await Promise.all(ids.map((id) => boxes.outcome({ options: FILE, id })));
  assert.deepEqual(new Set(outcomes), new Set(["delivered"]));
  const parts = boxes.read("u1").split(/^(?=From )/m);
  assert.equal(parts.length, 30);
  for (const part of parts) assert.match(part, OURS);
  assert.deepEqual(boxes.tree(), ["u1 600"]);
});

test("content from the spool is appended piece by piece", async () => {
  using boxes = new Mailboxes();
  boxes.deps = {
    ...boxes.deps,
    spool: { read: () => readPieces(["Subject: x\r", "\n\r\nFro", "m a\r\nb\r", "cr\r\n"]) },
  };
  await boxes.deliver({ options: FILE, content: SPOOLED });
  assert.match(boxes.read("u1"), /\nSubject: x\n\n>From a\nb\rcr\n\n$/);
});

test("who looks for new mail sees that it has not been read", async () => {
  using boxes = new Mailboxes();
  writeFileSync(boxes.path("u1"), "old\n", { mode: 0o600 });
  utimesSync(boxes.path("u1"), 1_000, 1_000);
  await boxes.deliver({ options: FILE });
  const { atimeMs, mtimeMs } = statSync(boxes.path("u1"));
  assert.deepEqual([atimeMs, mtimeMs], [1_000_000, boxes.deps.now()]);
});

describe("what fails leaves the mailbox as it was", () => {
  const rows = [
    { name: "damaged content", error: new SpoolError("digest differs"), rejects: "SpoolError" },
    {
      name: "a full disk",
      error: Object.assign(new Error("ENOSPC"), { errno: -28, code: "ENOSPC" }),
      outcome: "28 mailbox is full",
    },
  ];
  for (const { name, error, rejects, outcome } of rows) {
    test(name, async () => {
      using boxes = new Mailboxes();
      writeFileSync(boxes.path("u1"), "old\n", { mode: 0o600 });
      async function* read(): AsyncGenerator<Buffer> {
        yield Buffer.from(`Subject: x\r\n\r\n${"y".repeat(100_000)}`);
        throw error;
      }
      boxes.deps = { ...boxes.deps, spool: { read } };
      const delivered = boxes.outcome({ options: FILE, content: SPOOLED });
      if (rejects === undefined) assert.equal(await delivered, outcome);
      else await assert.rejects(delivered, { name: rejects });
      assert.equal(boxes.read("u1"), "old\n");
      assert.deepEqual(boxes.tree(), ["u1 600"]);
    });
  }

  test("an item that is not held any more", async () => {
    using boxes = new Mailboxes();
    await assert.rejects(boxes.deliver({ options: FILE, isHeld: false }), { name: "LeaseLostError" });
    assert.equal(boxes.read("u1"), "");
  });
});

describe("an item that is handed out again", () => {
  test("does not double what it has appended", async () => {
    using boxes = new Mailboxes();
    await boxes.deliver({ options: FILE });
    await boxes.deliver({
      options: FILE,
      id: "other_0_1",
      content: { kind: "inline", octets: Buffer.from("Subject: y\r\n\r\n") },
    });
    assert.equal(await boxes.outcome({ options: FILE, handedOut: 2 }), "delivered");
    assert.equal(messages(boxes.read("u1")), 2);
  });

  test("however long the message is, and wherever it stands", async () => {
    using boxes = new Mailboxes();
    const body = Array.from({ length: 20_000 }, (_, i) => `line ${i} of many\r\n`).join("");
    const read = () => readPieces(["Subject: long\r\n\r\n", ...(body.match(/[\s\S]{1,50000}/g) ?? [])]);
    boxes.deps = { ...boxes.deps, spool: { read } };
    await boxes.deliver({ options: FILE, content: SPOOLED });
    await boxes.deliver({ options: FILE, id: "other_0_1" });
    const before = boxes.read("u1");
    await boxes.deliver({ options: FILE, content: SPOOLED, handedOut: 2 });
    assert.equal(boxes.read("u1"), before);
  });

  test("appends what is not there, whatever looks like it", async () => {
    using boxes = new Mailboxes();
    writeFileSync(boxes.path("u1"), "From x\nSubject: x\n\nhello\n", { mode: 0o600 });
    await boxes.deliver({ options: FILE, handedOut: 2 });
    assert.equal(messages(boxes.read("u1")), 2);
  });
});

describe("a lock file", () => {
  test("of somebody else is respected: the message waits", async () => {
    using boxes = new Mailboxes();
    writeFileSync(boxes.path("u1.lock"), "");
    boxes.deps = { ...boxes.deps, now: Date.now };
    const options = `${FILE}\n lock_retries = 2\n lock_interval = 0s`;
    assert.equal(await boxes.outcome({ options }), "-9 failed to lock mailbox DIR/u1 (lock file)");
    assert.deepEqual(boxes.tree(), ["u1.lock 644"]);
  });

  test("that has been forgotten is taken away", async () => {
    using boxes = new Mailboxes();
    writeFileSync(boxes.path("u1.lock"), "");
    boxes.deps = { ...boxes.deps, now: () => Date.now() + 31 * 60_000 };
    assert.equal(await boxes.outcome({ options: `${FILE}\n lock_retries = 1` }), "delivered");
    assert.deepEqual(boxes.tree(), ["u1 600"]);
  });

  test("of a process of ours that runs is respected, however much it looks like a dead one's", async () => {
    using boxes = new Mailboxes();
    const { host, pid, instance } = boxes.deps.process;
    boxes.deps = { ...boxes.deps, now: Date.now };
    for (const record of [
      { host, pid, instance },
      { host: "other", pid: 1, instance: "x" },
      { host, pid: process.ppid, instance: "x" },
    ]) {
      writeFileSync(boxes.path("u1.lock"), `postbus-lock-1 ${JSON.stringify(record)}\n`);
      assert.equal(
        await boxes.outcome({ options: `${FILE}\n lock_retries = 1` }),
        "-9 failed to lock mailbox DIR/u1 (lock file)",
      );
    }
  });
});

describe("a process that dies while it appends", () => {
  function killed(): Mailboxes {
    const boxes = new Mailboxes();
    writeFileSync(boxes.path("u1"), "From a\n\nold\n\n", { mode: 0o600 });
    const { signal } = spawnSync(process.execPath, [join(import.meta.dirname, "killed-append.ts"), boxes.root]);
    assert.equal(signal, "SIGKILL");
    assert.match(
      readFileSync(boxes.path("u1"), "latin1"),
      /^From a\n\nold\n\nFrom s@a\.test .*\nSubject: torn\n\nx{70000}\n$/,
    );
    boxes.deps = { ...boxes.deps, now: Date.now };
    return boxes;
  }

  test("leaves half a message, which the next one cuts off without waiting", async () => {
    using boxes = killed();
    assert.equal(await boxes.outcome({ options: `${FILE}\n lock_retries = 1`, handedOut: 2 }), "delivered");
    assert.match(boxes.read("u1"), /^From a\n\nold\n\nFrom s@a\.test .*\nSubject: x\n\nhello\n\.dot\n\n$/);
    assert.deepEqual(boxes.tree(), ["u1 600"]);
  });

  test("and what somebody has appended without asking for the lock is kept", async () => {
    using boxes = killed();
    appendFileSync(boxes.path("u1"), "\nFrom b\n\nnew\n\n");
    assert.equal(await boxes.outcome({ options: `${FILE}\n lock_retries = 1` }), "delivered");
    assert.match(boxes.read("u1"), /x{70000}\n\nFrom b\n\nnew\n\nFrom s@a\.test /);
  });
});
