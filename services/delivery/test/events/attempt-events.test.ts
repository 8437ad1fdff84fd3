import assert from "node:assert/strict";
import { test } from "node:test";
import type { RaisedEvent } from "@postbus/policy";
import { AttemptEvents } from "../../src/events/attempt-events.ts";
import { AddressCache } from "../../src/smtp/address-cache.ts";
import { deliverBySmtp } from "../../src/smtp/smtp-delivery.ts";
import { deliveryItem, inline, Rig, smtpTransport } from "../smtp/rig.ts";

/** As exim-4.98 raises it for the hosts of a transport. */
for (const [code, reason] of [
  ["ENOTFOUND", "DNS_NOMATCH"],
  ["EAI_AGAIN", "DNS_AGAIN"],
]) {
  test(`dns:fail is told of a host of the transport that is not found: ${reason}`, async () => {
    const raised: RaisedEvent[] = [];
    const item = deliveryItem(["r@b.test"]);
    const events = new AttemptEvents("i", item, {
      isRemote: true,
      async raise(event) {
        raised.push(event);
        return "";
      },
    });
    await using rig = new Rig();
    const work = { id: "i", handedOut: 1, isHeld: () => true, signal: new AbortController().signal };
    const addresses = new AddressCache(() => Promise.reject(Object.assign(new Error("no"), { code })));
    const transport = smtpTransport(25, { hosts: ["nohost.test"] });
    const attempt = { work, item, content: inline("A: b\r\n\r\n"), events };
    const { results } = await deliverBySmtp(attempt, transport, { pool: rig.pool, addresses, spool: rig.spool });
    assert.equal(results[0]?.outcome, "deferred");
    assert.deepEqual(
      raised.map(({ name, data, variables }) => [name, data, variables?.["transport_name"], variables?.["host"]]),
      ["AAAA", "A"].map((type) => ["dns:fail", `${reason}:nohost.test:${type}`, "smarthost_smtp", ""]),
    );
  });
}
