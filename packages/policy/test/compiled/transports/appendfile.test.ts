import assert from "node:assert/strict";
import { resolve, sep } from "node:path";
import { describe, test } from "node:test";
import { DeferError } from "@postbus/mail";
import fc from "fast-check";
import { MessageVariables } from "../../../src/carried/message-variables.ts";
import { policyOf } from "../../policy-of.ts";

const message = { messageId: "m", returnPath: "s@x.test", receivedAtMs: 0, reception: { protocol: "esmtp", size: 1 } };
const own = (address: string) => new MessageVariables(message, address);

async function directoryOf(directory: string, address: string): Promise<string> {
  const text = `begin transports\nt:\n driver = appendfile\n maildir_format\n directory = ${directory}\n`;
  const transport = await policyOf(text).transport("t").at(own, address);
  assert.ok(transport.driver === "appendfile");
  return transport.directory(address);
}

const MAILBOX = "/m/${file_name:$domain}/${file_name:$local_part}";

describe("the directory of a Maildir", () => {
  const cases = [
    { address: "ann@a.test", want: "/m/a.test/ann" },
    { address: "Ann@A.Test", want: "/m/a.test/ann" },
    { address: "...@a.test", want: "/m/a.test/..." },
    { address: "ann+news@a.test", want: "/m/a.test/ann+news" },
  ];
  for (const { address, want } of cases)
    test(address, async () => assert.equal(await directoryOf(MAILBOX, address), want));

  for (const address of [".@a.test", "..@a.test", "a/b@a.test", "a\0@a.test", "a\n@a.test", "ann@..", "a\\b@a.test"]) {
    test(`${JSON.stringify(address)} has none`, () => assert.rejects(directoryOf(MAILBOX, address), DeferError));
  }
  test("may not be a peer's word", () => assert.rejects(directoryOf("/m/$local_part", "ann@a.test"), /tainted/));
  test("is absolute", () => assert.rejects(directoryOf("m/x", "ann@a.test"), /no absolute path/));

  test("whatever the address, it is two levels below the base or there is none", async () => {
    const part = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("..", ".", "/", '"..\\/"', "\0", "a/../.."));
    await fc.assert(
      fc.asyncProperty(part, part, async (local, domain) => {
        try {
          const path = await directoryOf(MAILBOX, `${local}@${domain}`);
          assert.equal(resolve(path), path);
          assert.equal(path.split(sep).length, 4);
        } catch (err) {
          assert.ok(err instanceof DeferError);
        }
      }),
    );
  });
});
