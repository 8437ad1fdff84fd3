import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { BusFullError, BusUnavailableError } from "@postbus/bus";
import { firstItemId, Received, RouteItem, verifySpfSubject } from "@postbus/contracts";
import { makeCertificate } from "@postbus/testkit";
import { Value } from "typebox/value";
import { startTestGateway } from "./start-test-gateway.ts";

const ENVELOPE = "MAIL FROM:<ann@b.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n";
const MESSAGE = "From: ann@b.example\r\nMessage-ID: <1@b.example>\r\nSubject: hi\r\n\r\n..body\r\n.\r\n";
const idOf = (text: string): string => / id=(\S+)/.exec(text)?.[1] ?? "";

/** No two alike, so that one in the wrong place is seen. */
const numberedLines = (count: number): string =>
  Array.from({ length: count }, (_, n) => `${String(n).padStart(98, "x")}\r\n`).join("");

describe("a message", () => {
  test("is on the bus when the client reads 250, with its trace field and without stuffed dots", async () => {
    await using gateway = await startTestGateway();
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    const messageId = idOf(await client.say(MESSAGE, 250));

    const [waiting] = await gateway.bus.waiting.ofMessage(messageId);
    assert.equal(waiting?.id, firstItemId(messageId));
    const { header, content, isSpooled } = await gateway.taken();
    const item = Value.Parse(RouteItem, header);
    assert.partialDeepStrictEqual(item, {
      messageId,
      returnPath: "ann@b.example",
      recipients: [{ address: "bob@example.org" }],
      attempt: 1,
      reception: {
        protocol: "esmtp",
        clientAddress: "127.0.0.1",
        helo: "client.example",
        headerMessageId: "1@b.example",
        size: content.length,
      },
    });
    assert.ok(!isSpooled);
    assert.match(
      content,
      /^Received: from client\.example \(\[127\.0\.0\.1\]\)\r\n\tby mx\.test with ESMTP \(Postbus\)\r\n\tid \S+\r\n\tfor <bob@example\.org>;\r\n\t\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000\r\nFrom: /,
    );
    assert.ok(content.endsWith("\r\nSubject: hi\r\n\r\n.body\r\n"));
  });

  test("is told to the event log in the same breath", async () => {
    await using gateway = await startTestGateway();
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    const messageId = idOf(await client.say(MESSAGE, 250));
    const event = Value.Parse(Received, await gateway.event(({ name }) => name === "msg:received"));
    assert.partialDeepStrictEqual(event, { messageId, returnPath: "ann@b.example", recipients: ["bob@example.org"] });
  });

  test("of ten thousand lines goes through the spool, octet for octet", async () => {
    await using gateway = await startTestGateway();
    await using client = await gateway.session();
    const body = numberedLines(10_000);
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(`Subject: large\r\n\r\n${body}.\r\n`, 250);
    const { content, isSpooled } = await gateway.taken();
    assert.ok(isSpooled);
    assert.equal(content.slice(content.indexOf("Subject: large")), `Subject: large\r\n\r\n${body}`);
    assert.ok(content.startsWith("Received: from client.example"));
  });

  test("reaches a spool that takes its time, octet for octet, and what is pipelined behind it is answered", async () => {
    await using gateway = await startTestGateway({
      bus: ({ spool }) => ({
        spool: {
          read: (reference, options) => spool.read(reference, options),
          remove: (id) => spool.remove(id),
          sweep: async () => 0,
          async create(id) {
            const writer = await spool.create(id);
            return {
              async write(octets) {
                await setImmediate();
                await writer.write(octets);
              },
              finish: () => writer.finish(),
              abort: () => writer.abort(),
            };
          },
        },
      }),
    });
    await using client = await gateway.session();
    const body = numberedLines(20_000);
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(`A: b\r\n\r\n${body}.\r\nMAIL FROM:<ann@b.example>\r\nRSET\r\nQUIT\r\n`, 250, 250, 250, 221);
    const { content } = await gateway.taken();
    assert.ok(content.endsWith(`A: b\r\n\r\n${body}`));
  });

  test("with a header section above the inline limit goes through the spool, too", async () => {
    await using gateway = await startTestGateway();
    await using client = await gateway.session();
    const header = `${`X-Long: ${"y".repeat(900)}\r\n`.repeat(200)}`;
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(`${header}\r\nbody\r\n.\r\n`, 250);
    const { content, isSpooled } = await gateway.taken();
    assert.ok(isSpooled);
    assert.ok(content.endsWith(`${header}\r\nbody\r\n`));
  });

  test("has each recipient once, letters' cases apart; postmaster gets a domain", async () => {
    await using gateway = await startTestGateway();
    await using client = await gateway.session();
    const recipients = ["bob@example.org", "Bob@example.org", "bob@example.org", "postmaster"];
    await client.say("MAIL FROM:<>\r\n", 250);
    for (const recipient of recipients) await client.say(`RCPT TO:<${recipient}>\r\n`, 250);
    await client.say("DATA\r\n", 354);
    await client.say(MESSAGE, 250);
    const { header, content } = await gateway.taken();
    assert.deepEqual(Value.Parse(RouteItem, header).recipients, [
      { address: "bob@example.org" },
      { address: "Bob@example.org" },
      { address: "postmaster@mx.test" },
    ]);
    assert.doesNotMatch(content, /\tfor </);
  });

  test("loses fields that claim to be our Authentication-Results", async () => {
    await using gateway = await startTestGateway();
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(
      "Authentication-Results: mx.test;\r\n dmarc=pass\r\nAuthentication-Results: other.test; spf=pass\r\n\r\n.\r\n",
      250,
    );
    const { content } = await gateway.taken();
    assert.doesNotMatch(content, /dmarc=pass/);
    assert.match(content, /other\.test; spf=pass/);
  });
});

describe("what goes wrong on our side is 4xx, and leaves nothing in the spool", () => {
  const large = `Subject: x\r\n\r\n${"z".repeat(998)}\r\n`.repeat(200);
  const troubles = [
    { name: "a full bus", error: new BusFullError("no room"), code: 452 },
    { name: "a bus out of reach", error: new BusUnavailableError("away"), code: 451 },
  ];
  for (const { name, error, code } of troubles) {
    for (const content of [MESSAGE, `${large}.\r\n`]) {
      test(`${name}: ${code} for ${content.length} octets, and the session goes on`, async () => {
        await using gateway = await startTestGateway({ bus: () => ({ publish: () => Promise.reject(error) }) });
        await using client = await gateway.session();
        await client.say(ENVELOPE, 250, 250, 354);
        await client.say(content, code);
        assert.deepEqual(await gateway.spooled(), []);
        await client.say("RSET\r\n", 250);
      });
    }
  }

  test("a bug is 451", async () => {
    await using gateway = await startTestGateway({
      bus: () => ({ publish: () => Promise.reject(new TypeError("x")) }),
    });
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(MESSAGE, 451);
  });

  test("a spool that fails is 451 at the end of the content", async () => {
    await using gateway = await startTestGateway({
      bus: ({ spool }) => ({
        spool: {
          create: () => Promise.reject(new BusUnavailableError("no spool")),
          read: (reference) => spool.read(reference),
          remove: (id) => spool.remove(id),
          sweep: async () => 0,
        },
      }),
    });
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(`${large}.\r\n`, 451);
    await client.say("NOOP\r\n", 250);
  });

  test("too many octets in memory are 452, and their room is given back", async () => {
    await using gateway = await startTestGateway({ settings: { inFlightOctets: 2_000 } });
    await using client = await gateway.session();
    for (let i = 0; i < 3; i++) {
      await client.say(ENVELOPE, 250, 250, 354);
      await client.say(`A: b\r\n\r\n${"z".repeat(3_000)}\r\n.\r\n`, 452);
      await client.say(ENVELOPE, 250, 250, 354);
      await client.say(`A: b\r\n\r\n${"z".repeat(1_500)}\r\n.\r\n`, 250);
    }
  });

  test("fields of a header section count for more than their octets", async () => {
    await using gateway = await startTestGateway({ settings: { inFlightOctets: 20_000 } });
    await using client = await gateway.session();
    for (let i = 0; i < 3; i++) {
      await client.say(ENVELOPE, 250, 250, 354);
      await client.say(`${"a:\r\n".repeat(1_000)}\r\n.\r\n`, 452);
      await client.say(ENVELOPE, 250, 250, 354);
      await client.say(`A: ${"b".repeat(4_000)}\r\n\r\n.\r\n`, 250);
    }
  });

  test("a header section that is still coming counts, too", async () => {
    await using gateway = await startTestGateway({ settings: { inFlightOctets: 2_000 } });
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    client.socket.write(`A: ${"z".repeat(3_000)}\r\n`);
    const event = await gateway.event(({ name }) => name === "smtp:reject");
    assert.partialDeepStrictEqual(event, { text: "temporarily rejected after DATA: content could not be stored" });
    await client.say(".\r\n", 452);
  });

  test("a client that goes away in mid-message leaves nothing", async () => {
    const aborted = Promise.withResolvers<void>();
    await using gateway = await startTestGateway({
      bus: ({ spool }) => ({
        spool: {
          read: (reference) => spool.read(reference),
          sweep: async () => 0,
          remove: (id) => spool.remove(id),
          async create(id) {
            const writer = await spool.create(id);
            return {
              write: (octets) => writer.write(octets),
              finish: () => writer.finish(),
              async abort() {
                await writer.abort();
                aborted.resolve();
              },
            };
          },
        },
      }),
    });
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(large);
    client.socket.destroy();
    await aborted.promise;
    assert.deepEqual(await gateway.spooled(), []);
  });
});

describe("policy", () => {
  test("what was said of a MAIL that was refused is not said of the next one", async () => {
    const mail =
      "  warn senders = bad@b.example\n    set acl_m0 = SET\n    control = fakereject\n  deny senders = bad@b.example\n  accept";
    const rcpt = "  accept message = m0=<$acl_m0> as=<$authenticated_sender>";
    await using gateway = await startTestGateway({ policy: { acls: { mail, rcpt, mailauth: "  accept" } } });
    await using client = await gateway.session();
    await client.say("MAIL FROM:<bad@b.example>\r\n", 550);
    await client.say("RSET\r\n", 250);
    await client.say("MAIL FROM:<ann@b.example>\r\n", 250);
    assert.match(await client.say("RCPT TO:<bob@example.org>\r\n", 250), /m0=<> as=<>/);
    await client.say("DATA\r\n", 354);
    await client.say("Subject: hi\r\n\r\nhi\r\n.\r\n", 250);
  });

  test("refuses a recipient, and that is an event", async () => {
    await using gateway = await startTestGateway();
    await using client = await gateway.session();
    await client.say("MAIL FROM:<ann@b.example>\r\n", 250);
    await client.say("RCPT TO:<x@elsewhere.example>\r\n", 550);
    const event = await gateway.event(({ name }) => name === "smtp:reject");
    assert.partialDeepStrictEqual(event, {
      clientAddress: "127.0.0.1",
      helo: "client.example",
      returnPath: "ann@b.example",
      text: "rejected RCPT <x@elsewhere.example>: relay not permitted",
    });
  });

  test("may let addresses come without a domain, and they get one", async () => {
    const main = [
      "sender_unqualified_hosts = 127.0.0.1\nrecipient_unqualified_hosts = 127.0.0.1",
      "qualify_domain = own.example\nqualify_recipient = rcpt.example",
    ].join("\n");
    const says = "message = $sender_address $local_part@$domain";
    const acls = { rcpt: `accept ${says}`, vrfy: `deny ${says}` };
    await using gateway = await startTestGateway({ policy: { main, acls } });
    await using client = await gateway.session();
    await client.say("MAIL FROM:<ann>\r\n", 250);
    assert.match(await client.say("RCPT TO:<bob>\r\n", 250), /ann@own\.example bob@rcpt\.example/);
    assert.match(await client.say("VRFY carl\r\n", 252), /ann@own\.example carl@rcpt\.example/);
    // As Exim does, its header lines likewise.
    await client.say("DATA\r\n", 354);
    await client.say("From: Ann <ann>\r\nTo: bob,\r\n carl@b.example\r\nSubject: ann\r\n\r\nbob\r\n.\r\n", 250);
    const { content } = await gateway.taken();
    assert.match(
      content,
      /^From: Ann <ann@own\.example>\r\nTo: bob@rcpt\.example,\r\n carl@b\.example\r\nSubject: ann\r\n/m,
    );
  });

  test("knows the commands of the session", async () => {
    await using gateway = await startTestGateway({
      policy: { acls: { rcpt: "accept message = $smtp_command_history" } },
    });
    await using client = await gateway.session();
    await client.say("MAIL FROM:<>\r\nRSET\r\n", 250, 250);
    await client.say("FOO\r\n", 500);
    await client.say("MAIL FROM:<>\r\n", 250);
    assert.match(await client.say("RCPT TO:<a@b>\r\n", 250), /EHLO,MAIL,RSET,MAIL,RCPT\r\n$/);
  });

  test("may turn pipelining off, and say who may send many other commands", async () => {
    const main = "smtp_accept_max_nonmail_hosts = !127.0.0.1 : *";
    const acls = { connect: "accept control = no_pipelining" };
    await using gateway = await startTestGateway({ policy: { main, acls } });
    await using client = await gateway.connect();
    await client.expect(220);
    assert.doesNotMatch(await client.say("EHLO c.example\r\n", 250), /PIPELINING/);
    for (let i = 0; i < 20; i++) await client.say("NOOP\r\n", 250);
  });

  test("has VRFY answered by the routers once its ACL lets the question through", async () => {
    await using gateway = await startTestGateway({ policy: { acls: { vrfy: "accept" } } });
    await using client = await gateway.session();
    assert.match(await client.say("VRFY x@y.example\r\n", 550), /<x@y\.example> Unrouteable address/);
    await client.say("EXPN x\r\n", 550);
  });

  test("refuses a connection", async () => {
    await using gateway = await startTestGateway({ policy: { acls: { connect: "deny message = 550 5.7.1 no" } } });
    await using client = await gateway.connect();
    await client.expect(550);
    await client.ended();
  });

  test("may take its time, and what is pipelined waits in order", async () => {
    const asks = "accept spf = pass";
    await using gateway = await startTestGateway({ policy: { acls: { mail: asks, rcpt: asks } } });
    const spf = { result: "pass" as const, domain: "client.example" };
    await gateway.bus.serve(verifySpfSubject, { concurrency: 1 }, async () => ({ v: 1, spf }));
    await using client = await gateway.session();
    await client.say(
      `MAIL FROM:<>\r\nRCPT TO:<a@b>\r\nRCPT TO:<bad\r\nRCPT TO:<c@d>\r\nDATA\r\n`,
      250,
      250,
      501,
      250,
      354,
    );
    await client.say(`${MESSAGE}QUIT\r\n`, 250, 221);
    await client.ended();
  });

  test("that fails is 451", async () => {
    await using gateway = await startTestGateway({ policy: { acls: { mail: "accept condition = ${nosuch}" } } });
    await using client = await gateway.session();
    await client.say("MAIL FROM:<>\r\n", 451);
    await client.say("NOOP\r\n", 250);
  });

  test("that throws ends the session with 421, not the process", async () => {
    const startSession = () => {
      throw new Error("broken");
    };
    await using gateway = await startTestGateway({ policy: { startSession } });
    await using client = await gateway.session();
    await client.say("MAIL FROM:<>\r\n", 421);
    await client.ended();
    await using next = await gateway.session();
    await next.say("NOOP\r\n", 250);
  });

  test("closes the connection behind a refusal that says drop", async () => {
    await using gateway = await startTestGateway({ policy: { acls: { helo: "drop message = go away" } } });
    await using client = await gateway.connect();
    await client.expect(220);
    await client.say("EHLO client.example\r\n", 550);
    await client.ended();
  });

  test("looks at the whole message before it is taken", async () => {
    const data = `
  deny message = 554 5.6.0 no advertisements
       condition = \${if match{$h_subject:}{buy}}
  accept`;
    await using gateway = await startTestGateway({ policy: { acls: { data } } });
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say("Subject: buy it\r\n\r\nx\r\n.\r\n", 554);
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say("Subject: hello\r\n\r\nx\r\n.\r\n", 250);
    assert.match((await gateway.taken()).content, /Subject: hello/);
    assert.deepEqual(await gateway.spooled(), []);
  });

  test("adds and removes header lines", async () => {
    const acls = {
      rcpt: "accept add_header = X-Rcpt: $local_part\n remove_header = X-Secret",
      data: "accept add_header = :after_received:X-Data: $h_x-rcpt:",
    };
    await using gateway = await startTestGateway({ policy: { acls } });
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say("Subject: hello\r\nX-Secret: a\r\n b\r\n\r\nx\r\n.\r\n", 250);
    const { content } = await gateway.taken();
    assert.match(content, /^Received: [\s\S]*\r\nX-Data: bob\r\nSubject: hello\r\nX-Rcpt: bob\r\n\r\nx\r\n$/);
  });

  test("has variables that travel with the message, and are gone with the next", async () => {
    const acls = { rcpt: "accept set acl_m_who = $local_part\n set acl_c_count = ${eval:0$acl_c_count+1}" };
    await using gateway = await startTestGateway({ policy: { acls } });
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(MESSAGE, 250);
    const first = Value.Parse(RouteItem, (await gateway.taken()).header);
    assert.deepEqual(first.aclVariables, { acl_m_who: { tainted: "bob" }, acl_c_count: "1" });
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(MESSAGE, 250);
    const second = Value.Parse(RouteItem, (await gateway.taken()).header);
    assert.deepEqual(second.aclVariables?.["acl_c_count"], "2");
  });

  test("that is read again is for new connections; the others go on with theirs", async () => {
    await using gateway = await startTestGateway();
    await using before = await gateway.session();
    await before.say("MAIL FROM:<>\r\n", 250);
    await gateway.reload({ acls: { rcpt: "deny message = 550 5.7.1 closed" } });
    await before.say("RCPT TO:<bob@example.org>\r\n", 250);
    await using after = await gateway.session();
    await after.say("MAIL FROM:<>\r\nRCPT TO:<bob@example.org>\r\n", 250, 550);
  });

  test("throws a message away and says that all is well", async () => {
    await using gateway = await startTestGateway({ policy: { acls: { rcpt: "discard" } } });
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(MESSAGE, 250);
    assert.deepEqual(await gateway.spooled(), []);
    await client.say("QUIT\r\n", 221);
  });

  test("takes a message that it seems to refuse, and freezes it", async () => {
    const data = "accept control = fakereject/550 no, really\n control = freeze";
    await using gateway = await startTestGateway({ policy: { acls: { data } } });
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(MESSAGE, 550);
    const items = await gateway.bus.waiting.list({ state: "frozen", limit: 10 });
    assert.equal(items.length, 1);
  });
});

describe("connections", () => {
  test("above the limits are turned away with 421, and places become free", async () => {
    await using gateway = await startTestGateway({ policy: { smtp: { acceptMaxPerHost: 1 } } });
    const first = await gateway.session();
    await using second = await gateway.connect();
    await second.expect(421);
    await second.ended();
    await first.say("QUIT\r\n", 221);
    first.socket.destroy();
    while (!(await gateway.metrics.metrics()).includes("postbus_gateway_connections 0\n")) await setImmediate();
    await using third = await gateway.session();
    await third.say("NOOP\r\n", 250);
  });

  test("that are closed on the client's side behind QUIT are still answered", async () => {
    await using gateway = await startTestGateway();
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    client.socket.end(`${MESSAGE}QUIT\r\n`, "latin1");
    await client.expect(250);
    await client.expect(221);
    await client.ended();
  });

  test("that say nothing are closed after smtp_receive_timeout", async () => {
    await using gateway = await startTestGateway({ policy: { smtp: { receiveTimeoutMs: 1 } } });
    await using client = await gateway.connect();
    await client.expect(220);
    assert.match(await client.expect(421), /SMTP command timeout/);
    await client.ended();
  });

  test("are counted", async () => {
    await using gateway = await startTestGateway();
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(MESSAGE, 250);
    const text = await gateway.metrics.metrics();
    assert.match(text, /postbus_gateway_connections 1\n/);
    assert.match(text, /postbus_gateway_messages_total\{result="accepted"\} 1\n/);
    assert.match(text, /postbus_gateway_recipients_total 1\n/);
    assert.match(text, /postbus_gateway_publish_seconds_count 1\n/);
    assert.match(text, /postbus_gateway_in_flight_octets 0\n/);
  });

  test("a port in use is the operating system's error", async () => {
    await using gateway = await startTestGateway();
    await assert.rejects(startTestGateway({ policy: { smtp: { ports: [gateway.port] } } }), { code: "EADDRINUSE" });
  });
});

describe("stopping", () => {
  test("lets a transaction finish, says 421 then, and takes no new connection", async () => {
    await using gateway = await startTestGateway();
    await using busy = await gateway.session();
    await using idle = await gateway.session();
    await busy.say(ENVELOPE, 250, 250, 354);
    const stopped = gateway.part.stop();
    await idle.expect(421);
    await idle.ended();
    await assert.rejects(gateway.connect());
    await busy.say(MESSAGE, 250, 421);
    await busy.ended();
    await stopped;
  });

  test("cuts off what is not done within the grace", async () => {
    await using gateway = await startTestGateway({ settings: { shutdownGraceMs: 100 } });
    await using busy = await gateway.session();
    await busy.say(ENVELOPE, 250, 250, 354);
    await gateway.part.stop();
    await busy.ended();
  });
});

describe("STARTTLS", () => {
  const { certificateFile, privateKeyFile } = makeCertificate("mx.test");
  const main = `tls_certificate = ${certificateFile}\ntls_privatekey = ${privateKeyFile}`;

  test("the message says what protected it", async () => {
    await using gateway = await startTestGateway({ policy: { main } });
    await using client = await gateway.session();
    await client.startTls();
    assert.doesNotMatch(await client.say("EHLO client.example\r\n", 250), /STARTTLS/);
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(`${MESSAGE}QUIT\r\n`, 250, 221);
    await client.ended();
    const { header, content } = await gateway.taken();
    const { reception } = Value.Parse(RouteItem, header);
    assert.equal(reception.protocol, "esmtps");
    assert.match(reception.cipher ?? "", /^TLS1\.3:TLS_AES_\d+_GCM_SHA\d+:\d+$/);
    assert.match(content, /by mx\.test with ESMTPS \(TLS1\.3:/);
  });

  test("large content comes through it", async () => {
    await using gateway = await startTestGateway({ policy: { main } });
    await using client = await gateway.session();
    await client.startTls();
    await client.say("EHLO client.example\r\n", 250);
    await client.say(ENVELOPE, 250, 250, 354);
    const body = numberedLines(20_000);
    await client.say(`\r\n${body}.\r\n`, 250);
    assert.ok((await gateway.taken()).content.endsWith(body));
  });
});

describe("what the sender wants of reports (RFC 3461)", () => {
  const envelope =
    "MAIL FROM:<ann@b.example> RET=HDRS ENVID=QQ1\r\nRCPT TO:<bob@example.org> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b@x.test\r\n" +
    "RCPT TO:<carol@example.org>\r\nRCPT TO:<dora@example.org> NOTIFY=SUCCESS,FAILURE\r\nDATA\r\n";
  const main = "dsn_advertise_hosts = 127.0.0.1";

  test("is in the item", async () => {
    await using gateway = await startTestGateway({ policy: { main } });
    await using client = await gateway.session();
    await client.say(envelope, 250, 250, 250, 250, 354);
    await client.say(MESSAGE, 250);
    const item = Value.Parse(RouteItem, (await gateway.taken()).header);
    assert.deepEqual(item.notification, { ret: "HDRS", envid: "QQ1" });
    assert.deepEqual(item.recipients, [
      {
        address: "bob@example.org",
        notification: { notify: ["SUCCESS", "DELAY"], originalRecipient: "rfc822;b@x.test" },
      },
      { address: "carol@example.org" },
      { address: "dora@example.org", notification: { notify: ["SUCCESS", "FAILURE"] } },
    ]);
  });

  test("must not show that a refusal was a fake", async () => {
    await using gateway = await startTestGateway({
      policy: { main, acls: { data: "accept control = fakereject\n" } },
    });
    await using client = await gateway.session();
    await client.say(envelope, 250, 250, 250, 250, 354);
    await client.say(MESSAGE, 550);
    const item = Value.Parse(RouteItem, (await gateway.taken()).header);
    assert.deepEqual(
      item.recipients.map(({ notification }) => notification?.notify),
      [["NEVER"], undefined, ["FAILURE"]],
    );
  });
});

describe("SMTPUTF8", () => {
  const utf8 = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

  test("addresses go along as octets, and the trace field, the log and the policy know", async () => {
    await using gateway = await startTestGateway({
      policy: {
        acls: { rcpt: "accept condition = ${if eq{$received_protocol/$message_smtputf8}{utf8esmtp/yes}}\n" },
      },
    });
    await using client = await gateway.session();
    const envelope = utf8("MAIL FROM:<jö@bücher.example> SMTPUTF8\r\nRCPT TO:<bö@example.org>\r\nDATA\r\n");
    await client.say(envelope, 250, 250, 354);
    await client.say(utf8("Subject: Grüße\r\n\r\n.\r\n"), 250);
    const { header, content } = await gateway.taken();
    assert.partialDeepStrictEqual(Value.Parse(RouteItem, header), {
      smtpUtf8: true,
      returnPath: utf8("jö@bücher.example"),
      recipients: [{ address: utf8("bö@example.org") }],
      reception: { protocol: "utf8esmtp" },
    });
    assert.match(content, /with UTF8ESMTP /);
    assert.ok(content.includes(utf8("for <bö@example.org>;")));
  });

  test("is not offered to hosts that are not in smtputf8_advertise_hosts", async () => {
    await using gateway = await startTestGateway({ policy: { main: "smtputf8_advertise_hosts = 192.0.2.1" } });
    await using client = await gateway.session();
    await client.say("MAIL FROM:<a@b.example> SMTPUTF8\r\n", 555);
  });
});

describe("the reply to EHLO", () => {
  const offered = async (main: string): Promise<readonly string[]> => {
    await using gateway = await startTestGateway({ policy: { main } });
    await using client = await gateway.connect();
    await client.expect(220);
    const reply = await client.say("EHLO client.example\r\n", 250);
    return reply
      .trimEnd()
      .split("\r\n")
      .slice(1)
      .map((line) => line.slice(4));
  };

  test("without a word in the policy", async () => {
    assert.deepEqual(await offered(""), [
      "SIZE 50000000",
      "LIMITS RCPTMAX=100",
      "8BITMIME",
      "PIPELINING",
      "CHUNKING",
      "ENHANCEDSTATUSCODES",
      "SMTPUTF8",
      "HELP",
    ]);
  });

  test("as the policy's lists say", async () => {
    const lists = ["chunking", "pipelining", "smtputf8", "limits", "dsn"].map((name) => `${name}_advertise_hosts`);
    const bare = ["SIZE 50000000", "8BITMIME", "ENHANCEDSTATUSCODES", "HELP"];
    assert.deepEqual(await offered(lists.map((name) => `${name} =`).join("\n")), bare);
    assert.deepEqual(await offered(lists.map((name) => `${name} = !127.0.0.1 : *`).join("\n")), bare);
    const all = lists.map((name) => `${name} = 192.0.2.1 : 127.0.0.1`).join("\n");
    assert.deepEqual(await offered(`${all}\nsmtp_accept_max_per_connection = 5`), [
      "SIZE 50000000",
      "LIMITS MAILMAX=5 RCPTMAX=100",
      "8BITMIME",
      "DSN",
      "PIPELINING",
      "CHUNKING",
      "ENHANCEDSTATUSCODES",
      "SMTPUTF8",
      "HELP",
    ]);
  });
});
