import assert from "node:assert/strict";
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Content } from "@postbus/contracts";
import { DeferError } from "@postbus/mail";
import type { MessageOptions } from "@postbus/policy";
import type { AttemptResult } from "@postbus/queue";
import { SpoolError } from "@postbus/spool";
import { deliverToMaildir, type MaildirDeps, maildirDeps } from "../../src/maildir/maildir-delivery.ts";
import { deliveryItem, inline } from "../smtp/rig.ts";

const HOST = "mx.a.test";
/** As Debian's maildir transports have it. */
const message = (): MessageOptions => ({
  headersAdd: [],
  headersRemove: [],
  only: undefined,
  returnPath: undefined,
  adds: { returnPath: true, envelopeTo: true, deliveryDate: true },
});
const CONTENT = "Subject: x\r\n\r\nhello\r\n.dot\r\n";
/** Local time, as Exim writes it. */
const now = () => new Date(2026, 10, 21, 1, 36, 36).getTime();

/** A directory of mailboxes, removed at the end. */
class Mailboxes {
  readonly root = mkdtempSync(join(tmpdir(), "postbus-maildir-"));
  deps: MaildirDeps = maildirDeps({ read: () => readPieces([]) }, now);

  async deliver(
    options: {
      readonly recipients?: readonly string[];
      readonly content?: Content;
      readonly handedOut?: number;
      readonly isHeld?: boolean;
      readonly id?: string;
    } = {},
  ): Promise<readonly AttemptResult[]> {
    const { recipients = ["u1@a.test"], content = inline(CONTENT), handedOut = 1, isHeld = true } = options;
    const { id = "1vMhGf-0000000012a-0Ab3_0_1" } = options;
    const work = { id, handedOut, isHeld: () => isHeld, signal: new AbortController().signal };
    const directory = (address: string): string => {
      if (address.startsWith("bad@")) throw new DeferError("maildir", "no mailbox can have the name of this address");
      return join(this.root, "a.test", address.split("@")[0] ?? "");
    };
    const attempt = { work, item: deliveryItem(recipients), content };
    const report = await deliverToMaildir(
      attempt,
      { driver: "appendfile", name: "t", directory, message },
      HOST,
      this.deps,
    );
    return report.results;
  }

  files(user: string, part: "tmp" | "new" | "cur"): string[] {
    return readdirSync(join(this.root, "a.test", user, part));
  }

  text(user: string, part: "new" | "cur"): string {
    const [name = ""] = this.files(user, part);
    return readFileSync(join(this.root, "a.test", user, part, name), "latin1");
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

async function* readPieces(pieces: readonly string[]): AsyncGenerator<Buffer> {
  const memory = Buffer.alloc(100);
  for (const piece of pieces) {
    yield memory.subarray(0, memory.write(piece, "latin1"));
    memory.fill(0);
  }
}

test("a message becomes a file in new, as Exim with Debian's maildir transport writes it", async () => {
  using boxes = new Mailboxes();
  assert.deepEqual(await boxes.deliver(), [{ outcome: "delivered" }]);
  const text = boxes.text("u1", "new");
  assert.match(
    text,
    /^Return-path: <s@a\.test>\nEnvelope-to: u1@a\.test\nDelivery-date: Sat, 21 Nov 2026 01:36:36 [+-]\d{4}\nSubject: x\n\nhello\n\.dot\n$/,
  );
  assert.deepEqual(boxes.files("u1", "new"), [
    `1795224996.M242000I1vMhGf-0000000012a-0Ab3_0_1Q0.mx.a.test,S=${text.length}`,
  ]);
  assert.deepEqual([boxes.files("u1", "tmp"), boxes.files("u1", "cur")], [[], []]);
});

test("directories are the owner's alone, and so is the file", async () => {
  using boxes = new Mailboxes();
  await boxes.deliver();
  const mode = (path: string) => statSync(join(boxes.root, "a.test/u1", path)).mode & 0o777;
  assert.deepEqual(["", "tmp", "new", "cur"].map(mode), Array(4).fill(0o700));
  assert.equal(mode(`new/${boxes.files("u1", "new")[0]}`), 0o600);
});

test("the null reverse-path is written as such", async () => {
  using boxes = new Mailboxes();
  const work = { id: "x_0_1", handedOut: 1, isHeld: () => true, signal: new AbortController().signal };
  const attempt = { work, item: deliveryItem(["u1@a.test"], { returnPath: "" }), content: inline(CONTENT) };
  const transport = {
    driver: "appendfile",
    name: "t",
    directory: () => join(boxes.root, "a.test/u1"),
    message,
  } as const;
  await deliverToMaildir(attempt, transport, HOST, boxes.deps);
  assert.match(boxes.text("u1", "new"), /^Return-path: <>\n/);
});

test("every recipient of an item gets a copy; one that cannot be served does not hold up the others", async () => {
  using boxes = new Mailboxes();
  const results = await boxes.deliver({ recipients: ["u1@a.test", "bad@a.test", "u2@a.test"] });
  assert.deepEqual(
    results.map(({ outcome }) => outcome),
    ["delivered", "deferred", "delivered"],
  );
  assert.deepEqual(results[1], {
    outcome: "deferred",
    errno: -1,
    text: "maildir: no mailbox can have the name of this address",
  });
  assert.match(boxes.text("u2", "new"), /^Envelope-to: u2@a\.test$/m);
});

test("the same recipient twice in an item gets two copies: duplicates are router's to drop", async () => {
  using boxes = new Mailboxes();
  await boxes.deliver({ recipients: ["u1@a.test", "u1@a.test"] });
  assert.equal(boxes.files("u1", "new").length, 2);
});

describe("an item that is handed out again", () => {
  test("does not double what is in new", async () => {
    using boxes = new Mailboxes();
    await boxes.deliver();
    const [name = ""] = boxes.files("u1", "new");
    const before = statSync(join(boxes.root, "a.test/u1/new", name));
    assert.deepEqual(await boxes.deliver({ handedOut: 2 }), [{ outcome: "delivered" }]);
    assert.deepEqual(boxes.files("u1", "new"), [name]);
    assert.equal(statSync(join(boxes.root, "a.test/u1/new", name)).ino, before.ino);
  });

  test("does not double what a reader has moved to cur and flagged", async () => {
    using boxes = new Mailboxes();
    await boxes.deliver();
    const [name = ""] = boxes.files("u1", "new");
    const mailbox = join(boxes.root, "a.test/u1");
    renameSync(join(mailbox, "new", name), join(mailbox, "cur", `${name}:2,S`));
    await boxes.deliver({ handedOut: 3 });
    assert.deepEqual([boxes.files("u1", "new"), boxes.files("u1", "cur").length], [[], 1]);
  });

  test("writes what the first holder left half done", async () => {
    using boxes = new Mailboxes();
    await boxes.deliver({ id: "other_0_1" });
    writeFileSync(
      join(boxes.root, "a.test/u1/tmp/1795224996.M242000I1vMhGf-0000000012a-0Ab3_0_1Q0.mx.a.test.P1H1"),
      "Ret",
    );
    await boxes.deliver({ handedOut: 2 });
    assert.equal(boxes.files("u1", "new").length, 2);
  });

  test("and a name that only starts the same is another item's", async () => {
    using boxes = new Mailboxes();
    await boxes.deliver({ id: "1vMhGf-0000000012a-0Ab3_0_12" });
    await boxes.deliver({ id: "1vMhGf-0000000012a-0Ab3_0_1", handedOut: 2 });
    assert.equal(boxes.files("u1", "new").length, 2);
  });
});

test("an item that is not held any more leaves nothing", async () => {
  using boxes = new Mailboxes();
  await assert.rejects(boxes.deliver({ isHeld: false }), { name: "LeaseLostError" });
  assert.deepEqual([boxes.files("u1", "tmp"), boxes.files("u1", "new")], [[], []]);
});

test("content from the spool is written piece by piece, line ends across the cuts included", async () => {
  using boxes = new Mailboxes();
  const pieces = ["Subject: x\r", "\n\r\nline\r\n", "", "bare\r", "cr\r\n\r", "\n"];
  boxes.deps = maildirDeps({ read: () => readPieces(pieces) }, now);
  await boxes.deliver({ content: { kind: "spooled", id: "x", size: 30, sha256: "0".repeat(64) } });
  assert.match(boxes.text("u1", "new"), /\nSubject: x\n\nline\nbare\rcr\n\n$/);
});

test("damaged content is never put into a mailbox", async () => {
  using boxes = new Mailboxes();
  async function* damaged(): AsyncGenerator<Buffer> {
    yield Buffer.from("Subject: x\r\n");
    throw new SpoolError("digest differs");
  }
  boxes.deps = maildirDeps({ read: damaged }, now);
  const content = { kind: "spooled", id: "x", size: 30, sha256: "0".repeat(64) } as const;
  await assert.rejects(boxes.deliver({ content }), { name: "SpoolError" });
  assert.deepEqual([boxes.files("u1", "tmp"), boxes.files("u1", "new")], [[], []]);
});

test("a mailbox that was removed meanwhile is made again", async () => {
  using boxes = new Mailboxes();
  await boxes.deliver();
  rmSync(join(boxes.root, "a.test"), { recursive: true });
  assert.deepEqual(await boxes.deliver(), [{ outcome: "delivered" }]);
  assert.equal(boxes.files("u1", "new").length, 1);
});

test("many messages for one mailbox at the same time all arrive", async () => {
  using boxes = new Mailboxes();
  await Promise.all(Array.from({ length: 50 }, (_, i) => boxes.deliver({ id: `m${i}_0_1` })));
  assert.equal(boxes.files("u1", "new").length, 50);
});

describe("what the operating system refuses is deferred in Exim's words", () => {
  test("a file stands where the directory should be", async () => {
    using boxes = new Mailboxes();
    writeFileSync(join(boxes.root, "a.test"), "");
    const [result] = await boxes.deliver();
    const directory = join(boxes.root, "a.test/u1");
    assert.deepEqual(result, {
      outcome: "deferred",
      errno: 20,
      text: `failed to create directories for ${directory}: Not a directory`,
    });
  });

  const isRoot = process.getuid?.() === 0;
  test("no permission", { skip: isRoot ? "root may write everywhere" : false }, async () => {
    using boxes = new Mailboxes();
    chmodSync(boxes.root, 0o500);
    const [result] = await boxes.deliver();
    assert.equal(result?.outcome === "deferred" && result.errno, 13);
    chmodSync(boxes.root, 0o700);
  });

  test("no space", async () => {
    using boxes = new Mailboxes();
    const full = Object.assign(new Error("ENOSPC"), { errno: -28, code: "ENOSPC" });
    boxes.deps = maildirDeps({ read: () => fails(full) }, now);
    const content = { kind: "spooled", id: "x", size: 30, sha256: "0".repeat(64) } as const;
    assert.deepEqual(await boxes.deliver({ content }), [{ outcome: "deferred", errno: 28, text: "mailbox is full" }]);
  });
});

async function* fails(err: Error): AsyncGenerator<Buffer> {
  yield Buffer.from("Subject: x\r\n");
  throw err;
}
