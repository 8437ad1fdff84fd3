import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { RouteItem } from "@postbus/contracts";
import { makeCertificate } from "@postbus/testkit";
import { Value } from "typebox/value";
import { startTestGateway } from "./start-test-gateway.ts";

const CERTIFICATE = makeCertificate("mx.test");
const tls = `tls_certificate = ${CERTIFICATE.certificateFile}\ntls_privatekey = ${CERTIFICATE.privateKeyFile}\n`;
const RCPT = "accept";

/** Each as seen with Exim 4.98. */
describe("options of the main section about sessions", () => {
  test("hosts_require_helo: who is not in it need not greet", async () => {
    await using gateway = await startTestGateway({ policy: { main: "hosts_require_helo =", acls: { rcpt: RCPT } } });
    await using client = await gateway.connect();
    await client.expect(220);
    // Without EHLO there are no parameters, whatever they are.
    await client.say("MAIL FROM:<a@b.test> SIZE=3\r\n", 555);
    await client.say("MAIL FROM:<a@b.test>\r\n", 250);
    await client.say("RCPT TO:<c@b.test>\r\n", 250);
    await client.say("DATA\r\n", 354);
    await client.say("Subject: x\r\n\r\nbody\r\n.\r\n", 250);
    const { header, content } = await gateway.taken();
    assert.equal(Value.Parse(RouteItem, header).reception.protocol, "smtp");
    assert.match(content, /^Received: from \[127\.0\.0\.1\]\r\n\tby mx\.test with SMTP/);
  });

  test("hosts_require_helo: who is in it must", async () => {
    await using gateway = await startTestGateway({ policy: { main: "hosts_require_helo = 127.0.0.1" } });
    await using client = await gateway.connect();
    await client.expect(220);
    await client.say("MAIL FROM:<a@b.test>\r\n", 503);
  });

  test("strip_trailing_dot and strip_excess_angle_brackets: the addresses are those without", async () => {
    const main = "strip_trailing_dot\nstrip_excess_angle_brackets\n";
    await using gateway = await startTestGateway({ policy: { main, acls: { rcpt: RCPT } } });
    await using client = await gateway.session();
    await client.say(
      "MAIL FROM:<<a@b.test.>> SIZE=10\r\nRCPT TO:<c@b.test.>\r\nRCPT TO:<<<d@b.test>>>\r\n",
      250,
      250,
      250,
    );
    await client.say("RCPT TO:<c@b.test..>\r\n", 501);
    await client.say("DATA\r\n", 354);
    await client.say("\r\n.\r\n", 250);
    const { returnPath, recipients } = Value.Parse(RouteItem, (await gateway.taken()).header);
    assert.deepEqual([returnPath, ...recipients.map(({ address }) => address)], ["a@b.test", "c@b.test", "d@b.test"]);
  });

  test("header_line_maxsize: a longer field is refused, and the session goes on", async () => {
    await using gateway = await startTestGateway({
      policy: { main: "header_line_maxsize = 10", acls: { rcpt: RCPT } },
    });
    await using client = await gateway.session();
    const envelope = "MAIL FROM:<a@b.test>\r\nRCPT TO:<c@b.test>\r\n";
    for (const [field, code] of [
      ["X: 2345678", 552],
      ["X:\r\n 345678", 552],
      ["X: 234567", 250],
    ] as const) {
      await client.say(envelope, 250, 250);
      await client.say("DATA\r\n", 354);
      const answer = await client.say(`${field}\r\n\r\nthis is the body\r\n.\r\n`, code);
      if (code === 552) assert.match(answer, /A message header line is too long/);
    }
  });

  test("control = utf8_downconvert goes with the message", async () => {
    await using gateway = await startTestGateway({
      policy: { acls: { rcpt: "accept control = utf8_downconvert/-1" } },
    });
    await using client = await gateway.session();
    await client.say("MAIL FROM:<a@b.test> SMTPUTF8\r\nRCPT TO:<c@b.test>\r\nDATA\r\n", 250, 250, 354);
    await client.say("\r\n.\r\n", 250);
    assert.equal(Value.Parse(RouteItem, (await gateway.taken()).header).utf8Downconvert, -1);
  });

  test("control = dscp: the class of our packets, in the clear and over TLS", async (t) => {
    const tosOf = (port: number): string | undefined => {
      const { stdout, error } = spawnSync("ss", ["-tnH", "--tos", `sport = :${port}`], { encoding: "latin1" });
      if (error !== undefined) t.skip("SKIPPED: ss is not on this machine (Debian: iproute2)");
      return error === undefined ? (/tos:(\w+)/.exec(stdout)?.[1] ?? "none") : undefined;
    };
    const acls = {
      helo: "accept control = dscp/ef",
      mail: "accept control = dscp/10",
      rcpt: "warn control = dscp/x99\n  accept",
    };
    await using gateway = await startTestGateway({ policy: { main: tls, acls } });
    await using client = await gateway.connect();
    await client.expect(220);
    assert.ok(["none", "0", undefined].includes(tosOf(gateway.port)));
    await client.say("EHLO x\r\n", 250);
    assert.ok(["0xb8", undefined].includes(tosOf(gateway.port)));
    await client.startTls();
    await client.say("EHLO x\r\n", 250);
    await client.say("MAIL FROM:<a@b.test>\r\n", 250);
    assert.ok(["0x28", undefined].includes(tosOf(gateway.port)));
    await client.say("RCPT TO:<a@b.test>\r\n", 451);
  });

  test("tls_remember_esmtp: behind the handshake, mail goes on without EHLO", async () => {
    await using gateway = await startTestGateway({
      policy: { main: `${tls}tls_remember_esmtp`, acls: { rcpt: RCPT } },
    });
    await using client = await gateway.session();
    await client.startTls();
    await client.say("MAIL FROM:<a@b.test> SIZE=3\r\nRCPT TO:<c@b.test>\r\nBDAT 2 LAST\r\n\r\n", 250, 250, 250);
    const { header } = await gateway.taken();
    assert.equal(Value.Parse(RouteItem, header).reception.protocol, "esmtps");
  });

  test("without it, EHLO is wanted again", async () => {
    await using gateway = await startTestGateway({ policy: { main: tls } });
    await using client = await gateway.session();
    await client.startTls();
    await client.say("MAIL FROM:<a@b.test>\r\n", 503);
  });

  for (const [list, isServed] of [
    ["127.0.0.1", false],
    ["*", false],
    ["192.0.2.1", true],
  ] as const) {
    test(`hosts_require_alpn = ${list}: a client that names no protocol is ${isServed ? "served" : "turned away"}`, async () => {
      await using gateway = await startTestGateway({ policy: { main: `${tls}hosts_require_alpn = ${list}` } });
      await using good = await gateway.session();
      await good.startTls({ ALPNProtocols: ["smtp"] });
      await good.say("EHLO client.test\r\n", 250);
      await using bad = await gateway.session();
      const refused = isServed
        ? undefined
        : gateway.event((event) => "text" in event && /ALPN required but not negotiated/.test(event.text ?? ""));
      // With TLS 1.3, the client's handshake is over before the server has looked.
      await bad.startTls().catch(() => undefined);
      if (isServed) await bad.say("EHLO client.test\r\n", 250);
      else await Promise.all([bad.ended(), refused]);
    });
  }

  describe("received_header_text", () => {
    const cases: readonly [text: string, top: RegExp][] = [
      [
        "Received: mine $message_exim_id for $received_for $received_protocol\\n\\tby $primary_hostname",
        /^Received: mine \S+ for c@b\.test esmtp\r\n\tby mx\.test;\r\n\t\w{3}, [^\r]+ \+0000\r\nSubject: x\r\n/,
      ],
      ["${if eq{a}{b}{x}}", /^Subject: x\r\n/],
      ["no field", /^Subject: x\r\n/],
      // Whatever it gives, the header section goes on behind it.
      ["Received: a\\n\\nb\\r\\n: c", /^Received: a\r\n\tb\r\n\t: c;\r\n\t[^\r]+\r\nSubject: x\r\n/],
    ];
    for (const [text, top] of cases) {
      test(text, async () => {
        const main = `received_header_text = ${text}`;
        await using gateway = await startTestGateway({ policy: { main, acls: { rcpt: RCPT } } });
        await using client = await gateway.session();
        await client.say("MAIL FROM:<a@b.test>\r\nRCPT TO:<c@b.test>\r\n", 250, 250);
        await client.say("DATA\r\n", 354);
        await client.say("Subject: x\r\n\r\nbody\r\n.\r\n", 250);
        assert.match((await gateway.taken()).content, top);
      });
    }
  });

  for (const isRemoved of [true, false]) {
    test(`return_path_remove and its like are ${isRemoved}`, async () => {
      const names = ["return_path", "envelope_to", "delivery_date"];
      const main = isRemoved ? "" : names.map((name) => `${name}_remove = false\n`).join("");
      const acls = { rcpt: RCPT, data: "accept add_header = X-Seen: <$h_return-path:>" };
      await using gateway = await startTestGateway({ policy: { main, acls } });
      await using client = await gateway.session();
      await client.say("MAIL FROM:<a@b.test>\r\nRCPT TO:<c@b.test>\r\n", 250, 250);
      await client.say("DATA\r\n", 354);
      const fields = "Return-Path: <x@y>\r\nEnvelope-To: x@y\r\nSubject: s\r\nDelivery-Date: now\r\n";
      await client.say(`${fields}\r\nbody\r\n.\r\n`, 250);
      const { content } = await gateway.taken();
      assert.equal(/^(?:return-path|envelope-to|delivery-date):/im.test(content), !isRemoved);
      assert.match(content, isRemoved ? /^X-Seen: <>\r$/m : /^X-Seen: <<x@y>>\r$/m);
      assert.match(content, /^Subject: s\r$/m);
    });
  }

  for (const isUnlogged of [true, false]) {
    test(`hosts_connection_nolog: a client is ${isUnlogged ? "" : "not "}in it`, async () => {
      const main = `log_selector = +smtp_connection +smtp_no_mail\nhosts_connection_nolog = ${isUnlogged ? "127.0.0.1" : "192.0.2.1"}`;
      await using gateway = await startTestGateway({ policy: { main } });
      const lines: string[] = [];
      // The last line of a session is told either way.
      const last = gateway.event((event) => {
        if (event.name === "log:line") lines.push(`${"before" in event ? event.before : ""}…${event.text}`);
        return event.name === "log:line" && "before" in event && /^no MAIL/.test(event.before ?? "");
      });
      await using client = await gateway.session();
      await client.say("QUIT\r\n", 221);
      await last;
      const about = lines.filter((line) => line.startsWith("SMTP connection"));
      assert.deepEqual(
        about.map((line) => line.replace(/[0-9]+/, "N")),
        isUnlogged
          ? []
          : ["SMTP connection from … (TCP/IP connection count = N)", "SMTP connection from … closed by QUIT"],
      );
    });
  }
});
