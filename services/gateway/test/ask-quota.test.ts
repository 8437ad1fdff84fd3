import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DeferError } from "@postbus/mail";
import { Tainted } from "@postbus/policy";
import type { Delivery } from "@postbus/routing";
import { askQuota } from "../src/ask-quota.ts";

const delivery = {
  address: "r@b.test",
  transport: "local",
  variables: new Map<string, string | Tainted>([
    ["local_part", new Tainted("r")],
    ["home", "/home/r"],
  ]),
  user: "r",
  group: undefined,
} as unknown as Delivery;

test("delivery is asked with what the transport has to know", async () => {
  const asked: unknown[] = [];
  const request = async (subject: string, body: object) => {
    asked.push(subject, body);
    return { v: 1, result: "good" };
  };
  assert.deepEqual(await askQuota(delivery, 500, { request }), { result: "good" });
  assert.deepEqual(asked, [
    "verify.quota",
    {
      v: 1,
      address: "r@b.test",
      size: 500,
      transport: "local",
      variables: { local_part: { tainted: "r" }, home: "/home/r" },
      user: "r",
    },
  ]);
});

describe("what it answers", () => {
  const problem = "Could not complete recipient verify callout";
  const rows = [
    {
      name: "is a refusal where there is no room",
      answer: { v: 1, result: "full", text: "x" },
      want: { result: "bad", failure: "quota", log: "Over quota" },
    },
    {
      name: "is a deferral where nobody knows",
      answer: { v: 1, result: "unknown", text: "why" },
      want: { result: "unknown", failure: "quota", text: problem, log: `${problem}: why` },
    },
    {
      name: "is a deferral where it makes no sense",
      answer: { v: 2 },
      want: {
        result: "unknown",
        failure: "quota",
        text: problem,
        log: `${problem}: the answer does not fit its contract`,
      },
    },
  ];
  for (const { name, answer, want } of rows) {
    test(name, async () => assert.deepEqual(await askQuota(delivery, -1, { request: async () => answer }), want));
  }

  test("or does not answer, is a deferral", async () => {
    const request = () => Promise.reject(new DeferError("bus", "no answer"));
    assert.partialDeepStrictEqual(await askQuota(delivery, 0, { request }), { result: "unknown" });
  });
});
