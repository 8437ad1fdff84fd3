import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RouteItem } from "@postbus/contracts";
import { makeCertificate } from "@postbus/testkit";
import { Value } from "typebox/value";
import { startTestGateway, type TestGateway, type TestPolicy } from "./start-test-gateway.ts";
import type { TestClient } from "./test-client.ts";

const server = makeCertificate("mx.test");
const main = `tls_certificate = ${server.certificateFile}\ntls_privatekey = ${server.privateKeyFile}\ndsn_advertise_hosts = *`;
const EHLO = "EHLO client.example\r\n";

async function secured(gateway: TestGateway): Promise<TestClient> {
  const client = await gateway.session();
  await client.startTls();
  await client.say(EHLO, 250);
  return client;
}

async function sent(client: TestClient, gateway: TestGateway, parameters: string, header = "Subject: hi\r\n") {
  await client.say(`MAIL FROM:<s@a.test>${parameters}\r\nRCPT TO:<ann@example.org>\r\nDATA\r\n`, 250, 250, 354);
  await client.say(`${header}\r\nbody\r\n.\r\n`, 250);
  const { header: item, content } = await gateway.taken();
  return { item: Value.Parse(RouteItem, item), content };
}

const withAcls = (acls: TestPolicy["acls"]) => startTestGateway({ policy: { main, ...(acls && { acls }) } });

describe("REQUIRETLS", () => {
  test("goes with the message: the tag, RET=HDRS, P=esmtpS; and is over with it", async () => {
    await using gateway = await withAcls({});
    await using client = await secured(gateway);
    const { item, content } = await sent(client, gateway, " REQUIRETLS RET=FULL ENVID=x");
    assert.equal(item.requireTls, true);
    assert.deepEqual(item.notification, { ret: "HDRS", envid: "x" });
    assert.equal(item.reception.protocol, "esmtpS");
    assert.match(content, /\tby mx\.test with esmtpS \(TLS1\.3:/);
    const next = await sent(client, gateway, " RET=FULL");
    assert.equal(next.item.requireTls, undefined);
    assert.deepEqual(next.item.notification, { ret: "FULL" });
    assert.equal(next.item.reception.protocol, "esmtps");
    assert.match(next.content, /\tby mx\.test with ESMTPS \(TLS1\.3:/);
  });

  test("is neither offered nor taken in clear text", async () => {
    await using gateway = await withAcls({});
    await using client = await gateway.connect();
    await client.expect(220);
    assert.doesNotMatch(await client.say(EHLO, 250), /REQUIRETLS/);
    assert.match(await client.say("MAIL FROM:<s@a.test> REQUIRETLS\r\n", 555), /unadvertised MAIL option: REQUIRETLS/);
    await client.say("MAIL FROM:<s@a.test>\r\n", 250);
  });

  for (const [stage, statements] of [
    ["mail", "  accept control = requiretls"],
    ["rcpt", "  accept control = requiretls"],
    ["predata", "  accept control = requiretls"],
    ["data", "  accept control = requiretls"],
  ] as const) {
    test(`is what acl_smtp_${stage} says with control = requiretls, in clear text, too, and as esmtp`, async () => {
      await using gateway = await withAcls({ [stage]: statements });
      await using client = await gateway.session();
      const { item } = await sent(client, gateway, " RET=FULL");
      assert.equal(item.requireTls, true);
      assert.deepEqual(item.notification, { ret: "HDRS" });
      assert.equal(item.reception.protocol, "esmtp");
    });
  }

  test("a MAIL that was refused leaves nothing to the next one", async () => {
    await using gateway = await withAcls({
      mail: "  deny senders = bad@a.test\n       control = requiretls\n  accept",
    });
    await using client = await secured(gateway);
    await client.say("MAIL FROM:<bad@a.test> REQUIRETLS\r\n", 550);
    assert.equal((await sent(client, gateway, "")).item.requireTls, undefined);
  });
});

describe("TLS-Required", () => {
  test("No goes with the message, unless REQUIRETLS is said", async () => {
    await using gateway = await withAcls({});
    await using client = await secured(gateway);
    const field = "Subject: hi\r\ntls-required:\r\n NO\r\n";
    const { item, content } = await sent(client, gateway, "", field);
    assert.equal(item.tlsOptional, true);
    assert.match(content, /tls-required:\r\n NO\r\n/);
    const both = await sent(client, gateway, " REQUIRETLS", field);
    assert.equal(both.item.tlsOptional, undefined);
    assert.equal(both.item.requireTls, true);
    assert.match(both.content, /tls-required:\r\n NO\r\n/);
  });

  test("something else, or two of them, is logged and nothing more", async () => {
    await using gateway = await withAcls({});
    await using client = await gateway.session();
    for (const field of ["TLS-Required: Yes\r\n", "TLS-Required: No\r\nTLS-Required: No\r\n"]) {
      const { item } = await sent(client, gateway, "", field);
      assert.equal(item.tlsOptional, undefined);
      await gateway.event((event) => event.name === "msg:note" && /^TLS-Required: field ignored/.test(event.text));
    }
  });
});
