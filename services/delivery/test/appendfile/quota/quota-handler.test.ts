import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import type { QuotaRequest } from "@postbus/contracts";
import { quotaHandler } from "../../../src/appendfile/quota/quota-handler.ts";
import { HOST, Mailboxes, policyOf } from "../mailboxes.ts";

async function answered(boxes: Mailboxes, options: string, size: number, request: Partial<QuotaRequest> = {}) {
  const policy = policyOf(
    `begin transports\nt:\n driver = appendfile\n${options.replaceAll("DIR", boxes.root)}\ns:\n driver = smtp\n`,
  );
  const handler = quotaHandler({
    policy: () => ({ primaryHostname: HOST, transport: (name) => policy.transport(name) }),
    mailboxes: boxes.deps,
  });
  const body: QuotaRequest = {
    v: 1,
    address: "u1@a.test",
    size,
    transport: "t",
    variables: { local_part_data: "u1" },
    ...request,
  };
  const { result, text = "" } = await handler({
    subject: "verify.quota",
    body,
    signal: new AbortController().signal,
  } as never);
  return text === "" ? result : `${result}: ${text.replaceAll(boxes.root, "DIR")}`;
}

describe("whether there is room in a mailbox", () => {
  const rows = [
    { name: "a file", options: " file = DIR/$local_part_data\n quota = 600", path: "u1" },
    {
      name: "a Maildir",
      options: " directory = DIR/$local_part_data\n maildir_format\n quota = 600",
      path: "u1/new/a",
    },
    {
      name: "a Maildir that keeps count",
      options: " directory = DIR/$local_part_data\n maildir_format\n maildir_use_size_file\n quota = 600",
      path: "u1/new/a",
    },
    { name: "a directory of files", options: " directory = DIR/$local_part_data\n quota = 600", path: "u1/a" },
  ];
  for (const { name, options, path } of rows) {
    test(name, async () => {
      using boxes = new Mailboxes();
      assert.equal(await answered(boxes, options, 600), "good");
      assert.match(await answered(boxes, options, 601), /^full: mailbox is full/);
      assert.deepEqual(boxes.tree(), []);
      if (path.includes("/"))
        for (const part of ["tmp", "new", "cur"]) mkdirSync(boxes.path("u1", part), { recursive: true });
      writeFileSync(boxes.path(path), "x".repeat(500));
      assert.equal(await answered(boxes, options, 100), "good");
      assert.match(
        await answered(boxes, options, 101),
        /^full: mailbox is full \(MTA-imposed quota exceeded while writing to DIR\/u1\)$/,
      );
    });
  }

  test("without a quota there always is", async () => {
    using boxes = new Mailboxes();
    assert.equal(await answered(boxes, " file = DIR/u1", 1e9), "good");
    assert.equal(await answered(boxes, " file = /dev/null\n quota = 1", 1e9), "good");
  });

  test("is not known of another kind of transport, of one that is not there, and where a path cannot be made", async () => {
    using boxes = new Mailboxes();
    const options = " file = DIR/$local_part\n quota = 1";
    assert.equal(await answered(boxes, options, 1, { transport: "s" }), "unknown: the s transport knows no quota");
    assert.equal(await answered(boxes, options, 1, { transport: "x" }), 'unknown: the policy has no transport "x"');
    assert.match(await answered(boxes, options, 1), /^unknown: Tainted /);
    assert.equal(
      await answered(boxes, " file = DIR/u1\n quota = 1K\n quota_warn_threshold = x", 1),
      'unknown: Malformed value "x" (expansion of "x") in t transport',
    );
  });
});
