import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DeferError } from "@postbus/mail";
import { MessageVariables } from "../../../src/carried/message-variables.ts";
import { policyOf } from "../../policy-of.ts";

const message = { messageId: "m", returnPath: "s@x.test", receivedAtMs: 0, reception: { protocol: "esmtp", size: 1 } };
const own = (address: string) => new MessageVariables(message, address, { r_port: "26" });
const transport = (options: string) => policyOf(`begin transports\nt:\n driver = smtp\n${options}`).transport("t");
const at = (options: string) => transport(options).at(own, "r@b.test");

describe("an smtp transport", () => {
  test("has Exim's defaults, and is the same object for every message", () => {
    const constant = transport(" hosts = out.test\n");
    assert.deepEqual(constant.at(own, "r@b.test"), {
      driver: "smtp",
      name: "t",
      hosts: ["out.test"],
      port: 25,
      connectTimeoutMs: 300_000,
      commandTimeoutMs: 300_000,
      dataTimeoutMs: 300_000,
      finalTimeoutMs: 600_000,
      maxRcpt: 100,
      connectionMaxMessages: 500,
      maxConnections: 20,
      requireTls: false,
      authorities: "system",
      verifiesRequireTls: true,
      redactsBounces: true,
    });
    assert.equal(constant.at(own, "r@b.test"), constant.at(own, "x@c.test"));
    assert.equal(constant.variables, undefined);
    assert.equal(constant.hasOwnHosts, true);
  });

  const hosts = [
    { text: "127.0.0.1::2526", want: ["127.0.0.1::2526"] },
    { text: "mx1.a.test : mx2.a.test::587", want: ["mx1.a.test", "mx2.a.test::587"] },
    { text: "<; [::1]:25 ; 2001:db8::1 ; a.test:26", want: ["[::1]:25", "2001:db8::1", "a.test::26"] },
    { text: "a : + : b", want: ["a", "b"] },
  ];
  for (const { text, want } of hosts) {
    test(`hosts = ${text}`, async () => {
      const { hosts: found } = { hosts: [], ...(await at(` hosts = ${text}\n`)) };
      assert.deepEqual(found, want);
    });
  }

  test("may depend on the message", async () => {
    const found = await at(" hosts = mx.$domain\n port = $r_port\n max_rcpt = ${if eq{$domain}{b.test}{7}{8}}\n");
    assert.partialDeepStrictEqual(found, { hosts: ["mx.b.test"], port: 26, maxRcpt: 7 });
    const {
      variables: isNamed,
      hasOwnHosts,
      maxRcpt,
    } = transport(" hosts = mx.$domain\n max_rcpt = ${if bool{1}{7}{$home}}\n");
    assert.ok(isNamed?.("domain") && !isNamed("address_data"));
    assert.equal(hasOwnHosts, false);
    assert.equal(maxRcpt, 7);
  });

  test("defers what does not come out as it should", async () => {
    for (const options of [
      " port = $r_nothing\n",
      " port = ${nonsense}\n",
      " hosts_require_tls = ${lc:A.TEST}$domain\n",
    ]) {
      await assert.rejects(async () => at(options), DeferError, options);
    }
  });

  test("may want TLS", async () => {
    assert.partialDeepStrictEqual(await at(" hosts_require_tls = *\n"), { requireTls: true });
    assert.throws(() => transport(" hosts_require_tls = a.test\n"), /only "\*" is available/);
  });
});
