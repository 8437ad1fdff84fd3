import assert from "node:assert/strict";
import { test } from "node:test";
import type { CompiledTransport } from "@postbus/policy";
import { DeliveryGroups } from "../src/delivery-groups.ts";

const delivery = { router: "r", to: "mailbox", parents: [], headersAdd: [], headersRemove: [], isLastHop: false };

test("multi_domain = false: recipients of different domains go apart, at whatever hosts", () => {
  const transport = { name: "t", driver: "smtp", maxRcpt: 100, hasOwnHosts: true, variables: undefined };
  for (const [isForOneDomain, want] of [
    [false, [["a@b.test", "c@d.test", "e@b.test"]]],
    [true, [["a@b.test", "e@b.test"], ["c@d.test"]]],
  ] as const) {
    const groups = new DeliveryGroups({
      transport: (): CompiledTransport => ({ ...transport, isForOneDomain, at: () => assert.fail() }) as never,
    });
    for (const [position, address] of ["a@b.test", "c@d.test", "e@b.test"].entries()) {
      groups.add({ ...delivery, address } as never, "t", { address }, position);
    }
    assert.deepEqual(
      groups.all.map(({ recipients }) => recipients.map((recipient) => recipient.address)),
      want,
    );
  }
});
