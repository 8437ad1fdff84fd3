import assert from "node:assert/strict";
import { test } from "node:test";
import { settledContent } from "../../src/filter/settled-content.ts";

const unread = { read: () => assert.fail("nothing is read from the spool") };
const large = { kind: "inline", octets: Buffer.alloc(300_000, "x") } as const;

test("a copy that cannot be removed keeps nobody from ending what was delivered", async () => {
  const written: Buffer[] = [];
  const settled = await settledContent(large, "1vMhGf-0000000012a-0Ab3", unread, {
    create: async (id) => ({
      write: async (octets) => void written.push(Buffer.from(octets)),
      finish: async () => ({ id, size: large.octets.length, sha256: "0" }),
      abort: async () => assert.fail("it was written"),
    }),
    remove: async () => {
      throw new Error("the bus is away");
    },
  });
  assert.equal(settled.content.kind, "spooled");
  assert.deepEqual(Buffer.concat(written), large.octets);
  await settled.release();
});
