import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RouteItem } from "@postbus/contracts";
import { makeCertificate } from "@postbus/testkit";
import { Value } from "typebox/value";
import { startTestGateway } from "./start-test-gateway.ts";

const ENVELOPE = "MAIL FROM:<ann@b.example>\r\nRCPT TO:<bob@example.org>\r\n";
const MESSAGE = "Subject: hi\r\n\r\n.body\r\n.\r\n";

const bdat = (chunk: string, last = ""): string => `BDAT ${chunk.length}${last}\r\n${chunk}`;
const LAST = " LAST";

/** No two alike, so that one in the wrong place is seen. */
const numberedLines = (count: number): string =>
  Array.from({ length: count }, (_, n) => `${String(n).padStart(98, "x")}\r\n`).join("");

describe("a message by BDAT", () => {
  test("is taken in one go with its envelope, and says that it came so", async () => {
    await using gateway = await startTestGateway();
    await using client = await gateway.session();
    const last = await client.say(
      `${ENVELOPE}${bdat(MESSAGE.slice(0, 9))}${bdat(MESSAGE.slice(9), LAST)}`,
      250,
      250,
      250,
      250,
    );
    assert.match(last, /^250-2\.0\.0 16 byte chunk, total 25\r\n250 2\.0\.0 OK id=/);
    const { header, content } = await gateway.taken();
    assert.partialDeepStrictEqual(Value.Parse(RouteItem, header).reception, { protocol: "esmtp", isChunked: true });
    assert.ok(content.endsWith(MESSAGE), content);
  });

  test("of a megabyte goes through the spool, octet for octet, and what is sent with its end is another message", async () => {
    await using gateway = await startTestGateway();
    await using client = await gateway.session();
    const whole = `Subject: large\r\n\r\n${numberedLines(10_000)}`;
    const chunks = Array.from({ length: 11 }, (_, i) => whole.slice(i * 100_000, (i + 1) * 100_000));
    const stream = chunks.map((chunk, i) => bdat(chunk, i === 10 ? LAST : "")).join("");
    const small = Array.from(
      { length: 20 },
      (_, i) => `${ENVELOPE}${bdat(`Subject: ${i}\r\n\r\n${numberedLines(50)}`, LAST)}`,
    );
    const codes = new Array<number>(2 + 11 + 60).fill(250);
    await client.say(`${ENVELOPE}${stream}${small.join("")}`, ...codes);
    const large = await gateway.taken();
    assert.ok(large.isSpooled);
    assert.ok(large.content.endsWith(`\r\n${whole}`));
    for (let i = 0; i < 20; i++) {
      const { content } = await gateway.taken();
      assert.ok(content.endsWith(`\r\nSubject: ${i}\r\n\r\n${numberedLines(50)}`));
    }
  });

  test("that is reset or spoilt between its chunks leaves nothing behind", async () => {
    await using gateway = await startTestGateway();
    await using client = await gateway.session();
    const large = bdat(`Subject: large\r\n\r\n${numberedLines(10_000)}`);
    await client.say(`${ENVELOPE}${large}`, 250, 250, 250);
    await client.say("RSET\r\n", 250);
    // Answered when what came before it has been done.
    await client.say("NOOP\r\n", 250);
    assert.deepEqual(await gateway.spooled(), []);
    await client.say(`${ENVELOPE}${large}DATA\r\n`, 250, 250, 250, 503);
    await client.say("MAIL FROM:<ann@b.example>\r\nRSET\r\n", 503, 250);
    assert.deepEqual(await gateway.spooled(), []);
    await client.say(`${ENVELOPE}${bdat(MESSAGE, LAST)}`, 250, 250, 250);
    assert.ok((await gateway.taken()).content.endsWith(MESSAGE));
  });

  test("that ends in mid-chunk is none", async () => {
    await using gateway = await startTestGateway();
    {
      await using client = await gateway.session();
      await client.say(
        `${ENVELOPE}${bdat(`Subject: large\r\n\r\n${numberedLines(10_000)}`)}BDAT 100 LAST\r\nx`,
        250,
        250,
        250,
      );
      client.socket.end();
      await client.ended();
    }
    await using client = await gateway.session();
    await client.say(`${ENVELOPE}${bdat(MESSAGE, LAST)}`, 250, 250, 250);
    assert.ok((await gateway.taken()).content.endsWith(MESSAGE));
    await gateway.emptied();
  });

  test("whose TLS connection ends in mid-chunk is none, whatever is sent behind its end", async () => {
    const { certificateFile, privateKeyFile } = makeCertificate("mx.test");
    const main = `tls_certificate = ${certificateFile}\ntls_privatekey = ${privateKeyFile}`;
    await using gateway = await startTestGateway({ policy: { main } });
    await using client = await gateway.session();
    const plain = client.socket;
    await client.startTls();
    await client.say("EHLO client.example\r\n", 250);
    await client.say(`${ENVELOPE}${bdat(MESSAGE)}BDAT 100 LAST\r\nx`, 250, 250, 250);
    // It sends close_notify (RFC 8446 section 6.1).
    client.socket.end();
    if (plain.writable) plain.write("x".repeat(99));
    await client.ended();
    await using next = await gateway.session();
    await next.say(`${ENVELOPE}${bdat(MESSAGE, LAST)}`, 250, 250, 250);
    assert.partialDeepStrictEqual(Value.Parse(RouteItem, (await gateway.taken()).header), {
      reception: { protocol: "esmtp" },
    });
  });

  test("is shown to the DATA ACL with its last command, and predata is not asked", async () => {
    await using gateway = await startTestGateway({
      policy: {
        acls: {
          predata: "deny message = never\n",
          data: "accept condition = ${if eq{$smtp_command}{BDAT 0 LAST}}\ndeny message = $smtp_command\n",
        },
      },
    });
    await using client = await gateway.session();
    await client.say(`${ENVELOPE}${bdat(MESSAGE)}BDAT 0 LAST\r\n`, 250, 250, 250, 250);
    const refused = await client.say(`${ENVELOPE}${bdat(MESSAGE, LAST)}`, 250, 250, 550);
    assert.match(refused, /BDAT 25 LAST/);
    await client.say(`${ENVELOPE}DATA\r\n`, 250, 250, 550);
  });

  test("is taken from hosts in chunking_advertise_hosts only", async () => {
    for (const [hosts, isOffered] of [
      ["", false],
      ["127.0.0.0/8", true],
      ["192.0.2.1", false],
    ] as const) {
      await using gateway = await startTestGateway({ policy: { main: `chunking_advertise_hosts = ${hosts}` } });
      await using client = await gateway.connect();
      await client.expect(220);
      const offered = await client.say("EHLO client.example\r\n", 250);
      assert.equal(offered.includes("250-CHUNKING\r\n"), isOffered);
      await client.say(`${ENVELOPE}${bdat(MESSAGE, LAST)}`, 250, 250, isOffered ? 250 : 503);
      if (!isOffered) await client.ended();
    }
  });
});
