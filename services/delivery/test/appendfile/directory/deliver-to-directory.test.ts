import assert from "node:assert/strict";
import { mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { Mailboxes } from "../mailboxes.ts";

const FILES = " directory = DIR/u1";
const NAMED = `${FILES}\n directory_file = m-$message_exim_id`;
const MAILSTORE = `${FILES}\n mailstore_format`;

describe("a file for each message", () => {
  test("has a name of its own, and nothing else is left", async () => {
    using boxes = new Mailboxes();
    boxes.deps = { ...boxes.deps, now: Date.now };
    await boxes.deliver({ options: FILES });
    await boxes.deliver({ options: FILES, id: "other_0_1" });
    const names = readdirSync(boxes.path("u1"));
    assert.equal(names.length, 2);
    for (const name of names) assert.match(name, /^q[0-9A-Za-z]{6}-\d+$/);
  });

  test("that is handed out again is found under whatever name it has", async () => {
    using boxes = new Mailboxes();
    await boxes.deliver({ options: FILES, item: { queuedAtMs: Date.now() } });
    renameSync(boxes.path("u1", readdirSync(boxes.path("u1"))[0] ?? ""), boxes.path("u1", "seen"));
    assert.equal(await boxes.outcome({ options: FILES, handedOut: 2, item: { queuedAtMs: Date.now() } }), "delivered");
    assert.deepEqual(readdirSync(boxes.path("u1")), ["seen"]);
  });

  test("whose name is taken waits, and gives up when it stays so", async () => {
    using boxes = new Mailboxes();
    mkdirSync(boxes.path("u1"));
    writeFileSync(boxes.path("u1", "m-1vMhGf-0000000012a-0Ab3"), "old");
    const given = new AbortController();
    const outcome = boxes.deliver({ options: NAMED, signal: given.signal });
    given.abort();
    await assert.rejects(outcome, { name: "LeaseLostError" });
    assert.deepEqual(readdirSync(boxes.path("u1")), ["m-1vMhGf-0000000012a-0Ab3"]);
  });

  for (const name of ["a/b", "..", "."]) {
    test(`is not called ${name}`, async () => {
      using boxes = new Mailboxes();
      const outcome = await boxes.outcome({ options: `${FILES}\n directory_file = ${name}` });
      assert.equal(outcome, `-1 directory_file: "${name}" is no name of a file`);
      assert.deepEqual(readdirSync(boxes.path("u1")), []);
    });
  }
});

describe("mailstore", () => {
  test("has the envelope beside the message", async () => {
    using boxes = new Mailboxes();
    await boxes.deliver({ options: `${MAILSTORE}\n batch_max = 2`, recipients: ["u1@a.test", "u2@a.test"] });
    const [envelope = "", message = ""] = readdirSync(boxes.path("u1")).sort();
    assert.equal(envelope.replace(/env$/, "msg"), message);
    assert.equal(boxes.read("u1", envelope), "s@a.test\nu1@a.test\nu2@a.test\n");
    assert.equal(boxes.read("u1", message), "Subject: x\n\nhello\n.dot\n");
  });

  test("is not doubled by a second run", async () => {
    using boxes = new Mailboxes();
    await boxes.deliver({ options: MAILSTORE });
    await boxes.deliver({ options: MAILSTORE, handedOut: 2 });
    assert.equal(readdirSync(boxes.path("u1")).length, 2);
  });
});
