import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DeferError } from "@postbus/mail";
import { MessageVariables } from "../../../src/carried/message-variables.ts";
import type { MessageOptions } from "../../../src/policy.ts";
import { policyOf } from "../../policy-of.ts";

const message = {
  messageId: "m",
  returnPath: "s@x.test",
  errorsTo: "owner@a.test",
  receivedAtMs: 0,
  reception: { protocol: "esmtp", size: 1 },
};
const own = (address: string) => new MessageVariables(message, address);

async function optionsOf(text: string): Promise<MessageOptions | undefined> {
  const policy = policyOf(`begin transports\nt:\n driver = smtp\n hosts = out.test\n${text}`);
  const transport = await policy.transport("t").at(own, "r@b.test");
  return transport.message?.("r@b.test");
}

describe("what a transport changes of a message", () => {
  test("is nothing by itself", async () => assert.equal(await optionsOf(""), undefined));

  test("is the same object for every message where nothing is expanded", async () => {
    const transport = policyOf("begin transports\nt:\n driver = smtp\n hosts = a\n headers_add = A: 1\n").transport(
      "t",
    );
    assert.equal(transport.variables, undefined);
    assert.equal(transport.at(own, "r@b.test"), transport.at(own, "x@c.test"));
  });

  const cases: readonly [string, string, Partial<MessageOptions>][] = [
    ["lines are separated by line ends", ' headers_add = "A: 1\\nB: 2\\n"\n', { headersAdd: ["A: 1\n", "B: 2\n"] }],
    ["options add up", " headers_add = A: 1\n headers_add = B: 2\n", { headersAdd: ["A: 1\n", "B: 2\n"] }],
    ["a blank continues a line", ' headers_add = "A: 1\\n\\tmore"\n', { headersAdd: ["A: 1\n\tmore\n"] }],
    [
      "names are separated by colons",
      " headers_remove = A : b*\n headers_remove = C\n",
      { headersRemove: ["A", "b*", "C"] },
    ],
    ["lines are expanded", " headers_add = A: $local_part@$domain\n", { headersAdd: ["A: r@b.test\n"] }],
    ["what comes out empty is left out", " headers_add = ${if eq{$domain}{c}{A: 1}}\n", { headersAdd: [] }],
    ["what is made to fail is left out", " headers_add = ${if eq{$domain}{c}{A: 1}fail}\n", { headersAdd: [] }],
    ["names are expanded", " headers_remove = X-$domain : ${if eq{$domain}{c}{A}}\n", { headersRemove: ["X-b.test"] }],
    [
      "$return_path is what errors_to says",
      " headers_add = A: $return_path, $sender_address\n",
      {
        headersAdd: ["A: owner@a.test, s@x.test\n"],
      },
    ],
    [
      "or what return_path makes of it",
      " return_path = x-$return_path\n headers_add = A: $return_path\n",
      {
        returnPath: "x-owner@a.test",
        headersAdd: ["A: x-owner@a.test\n"],
      },
    ],
    [
      "a return_path that is made to fail changes nothing",
      " return_path = ${if eq{$domain}{c}{x}fail}\n",
      {
        returnPath: undefined,
      },
    ],
    ["headers_only", " headers_only\n", { only: "headers" }],
    ["body_only", " body_only\n", { only: "body" }],
    [
      "fields on top",
      " return_path_add\n delivery_date_add\n",
      {
        adds: { returnPath: true, envelopeTo: false, deliveryDate: true },
      },
    ],
  ];
  for (const [name, text, expected] of cases) {
    test(name, async () => assert.partialDeepStrictEqual(await optionsOf(text), expected));
  }

  for (const option of ["headers_add", "headers_remove", "return_path"]) {
    test(`a ${option} that cannot be expanded is a deferral`, async () => {
      await assert.rejects(optionsOf(` ${option} = \${lc:$domain}\${if >{x}{1}{a}{b}}\n`), DeferError);
    });
  }
});
