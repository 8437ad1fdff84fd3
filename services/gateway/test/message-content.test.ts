import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openFileSpool, type Spool } from "@postbus/spool";
import { MessageContent } from "../src/message-content.ts";

test("a client that goes away while its content is being stored leaves nothing open and nothing behind", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "postbus-content-"));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const files = await openFileSpool(directory);
  let open = 0;
  const { promise: isAsked, resolve: asked } = Promise.withResolvers<void>();
  const { promise: mayGoOn, resolve: goOn } = Promise.withResolvers<void>();
  /** Opening a file takes a while. */
  const slow: Pick<Spool, "create" | "read" | "remove"> = {
    read: (...given) => files.read(...given),
    remove: (id) => files.remove(id),
    async create(id) {
      asked();
      await mayGoOn;
      const writer = await files.create(id);
      open++;
      return {
        write: (octets) => writer.write(octets),
        finish: () => writer.finish(),
        abort: async () => {
          open--;
          await writer.abort();
        },
      };
    },
  };
  const content = new MessageContent(slow, "1vMhGf-00000000012-0Ab3", undefined);
  await content.addHeader(Buffer.from("Subject: x\r\n\r\n"));
  const storing = content.addBody(Buffer.alloc(200_000, "x"));
  await isAsked;
  await content.discard();
  goOn();
  await assert.rejects(storing ?? Promise.resolve(), { name: "DiscardedError" });
  assert.equal(open, 0);
  assert.deepEqual(
    (await readdir(directory, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()),
    [],
  );
});
