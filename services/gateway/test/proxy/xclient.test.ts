import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { RouteItem } from "@postbus/contracts";
import { makeCertificate } from "@postbus/testkit";
import { Value } from "typebox/value";
import { startTestGateway, type TestGateway, type TestPolicy } from "../start-test-gateway.ts";

const gatewayFor = (policy: TestPolicy = {}): Promise<TestGateway> =>
  startTestGateway({ policy: { ...policy, main: `hosts_xclient = 127.0.0.1\n${policy.main ?? ""}` } });

describe("a client named by XCLIENT", () => {
  test("is the sender of its mail", async () => {
    await using gateway = await gatewayFor({ smtp: { acceptMaxPerHost: 1 } });
    const client = await gateway.session();
    await client.say("XCLIENT NAME=c.example ADDR=198.51.100.7 PORT=40000\r\n", 220);
    assert.match(await client.say("EHLO c\r\n", 250), /Hello c\.example \[198\.51\.100\.7\]/);
    await client.say("MAIL FROM:<a@b.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n", 250, 250, 354);
    await client.say("Subject: x\r\n\r\n.\r\n", 250);
    const { reception } = Value.Parse(RouteItem, (await gateway.taken()).header);
    assert.equal(reception.clientAddress, "198.51.100.7");
    assert.equal(reception.clientPort, 40_000);

    client.socket.destroy();
    while (!(await gateway.metrics.metrics()).includes("postbus_gateway_connections 0\n")) await setImmediate();
    await using next = await gateway.session();
    await next.say("NOOP\r\n", 250);
  });

  const TOLD =
    "$sender_host_address:$sender_host_port $sender_host_name $proxy_local_address $proxy_external_address:$proxy_external_port $authenticated_id";
  const cases = [
    {
      words: "ADDR=IPV6:2001:db8::7 PORT=1 NAME=c.example DESTADDR=203.0.113.9 DESTPORT=587 LOGIN=ann",
      want: "2001:db8::7:1 c.example 127.0.0.1 203.0.113.9:587 ann",
    },
    { words: "ADDR=198.51.100.7", want: "198.51.100.7:0  127.0.0.1 :0" },
  ];
  for (const { words, want } of cases) {
    test(`is asked about as if it had connected: ${words}`, async () => {
      const connect = `  accept hosts = 127.0.0.1\n  deny message = ${TOLD}`;
      await using gateway = await gatewayFor({ acls: { connect } });
      await using client = await gateway.session();
      assert.equal((await client.say(`XCLIENT ${words}\r\n`, 550)).trimEnd(), `550 ${want}`);
      await client.ended();
    });
  }

  test("without an address has not that of its proxy", async () => {
    const rcpt = "  accept hosts = 127.0.0.1";
    await using gateway = await gatewayFor({ acls: { rcpt } });
    await using client = await gateway.session();
    await client.say("XCLIENT ADDR=[UNAVAILABLE]\r\n", 220);
    await client.say("EHLO c\r\n", 250);
    await client.say("MAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\n", 250, 550);
  });

  test("is nobody of whom the client before was said to be", async () => {
    const rcpt = "  accept authenticated = *\n  accept condition = ${if eq{$sender_host_name}{friend.example}}";
    await using gateway = await gatewayFor({ acls: { rcpt } });
    await using client = await gateway.session();
    await client.say("XCLIENT ADDR=[UNAVAILABLE] NAME=friend.example LOGIN=bob\r\n", 220);
    await client.say("XCLIENT ADDR=203.0.113.9 LOGIN=[UNAVAILABLE]\r\n", 220);
    await client.say("EHLO c\r\n", 250);
    await client.say("MAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\n", 250, 550);
  });

  test("may be told of in several commands", async () => {
    await using gateway = await gatewayFor({ acls: { rcpt: "  accept authenticated = xclient" } });
    await using client = await gateway.session();
    await client.say("XCLIENT ADDR=127.0.0.1\r\n", 220);
    await client.say("XCLIENT LOGIN=bob\r\n", 220);
    await client.say("EHLO c\r\n", 250);
    await client.say("MAIL FROM:<> AUTH=<>\r\nRCPT TO:<a@b.example>\r\n", 250, 250);
  });

  test("has its login under the TLS of its proxy, too", async () => {
    const { certificateFile, privateKeyFile } = makeCertificate("mx.test");
    const main = `tls_certificate = ${certificateFile}\ntls_privatekey = ${privateKeyFile}`;
    await using gateway = await gatewayFor({
      main,
      acls: { rcpt: "  accept authenticated = *\n         encrypted = *" },
    });
    await using client = await gateway.session();
    await client.startTls();
    await client.say("EHLO proxy.example\r\n", 250);
    await client.say("XCLIENT ADDR=203.0.113.9 LOGIN=bob\r\n", 220);
    await client.say("EHLO c\r\n", 250);
    await client.say("MAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\n", 250, 250);
  });

  test("leaves nothing that an ACL has remembered of its proxy", async () => {
    const acls = { connect: "  accept set acl_c_x = $acl_c_x+", helo: "  deny message = $acl_c_x" };
    await using gateway = await gatewayFor({ acls });
    await using client = await gateway.connect();
    await client.expect(220);
    await client.say("XCLIENT ADDR=198.51.100.7\r\n", 220);
    assert.match(await client.say("EHLO c\r\n", 550), / \+\r\n$/);
  });
});

test("whoever is not in hosts_xclient may not say who it is", async () => {
  await using gateway = await startTestGateway({ policy: { main: "hosts_xclient = 192.0.2.1\n" } });
  await using client = await gateway.session();
  await client.say("XCLIENT ADDR=198.51.100.7\r\n", 500);
});
