import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { TLSSocket } from "node:tls";
import { RouteItem } from "@postbus/contracts";
import { makeCertificate } from "@postbus/testkit";
import { Value } from "typebox/value";
import { startTestGateway, type TestGateway } from "./start-test-gateway.ts";

const EHLO = "EHLO client.example\r\n";
const ENVELOPE = "MAIL FROM:<s@a.test>\r\nRCPT TO:<ann@example.org>\r\n";
const server = makeCertificate("mx.test");
const main = `tls_certificate = ${server.certificateFile}\ntls_privatekey = ${server.privateKeyFile}`;

/** The reply to RCPT under an ACL that says what TLS it sees. */
const TELLS = `accept message = $tls_in_ver/$tls_in_cipher_std/$tls_in_bits/$tls_in_sni/\\
  $tls_in_certificate_verified/$received_protocol/$acl_c_kept/\${if def:tls_in_ourcert{own}}\${if def:tls_in_peercert{peer}}`;

async function handshakes({ metrics }: TestGateway): Promise<Record<string, number>> {
  const values = (await metrics.getSingleMetric("postbus_gateway_tls_handshakes_total")?.get())?.values ?? [];
  return Object.fromEntries(values.map(({ labels, value }) => [String(labels["result"]), value]));
}

describe("acl_smtp_starttls", () => {
  const verdicts: readonly [statement: string, reply: RegExp, text: string][] = [
    ["deny message = 550 no TLS\n log_message = because", /^550 .*no TLS/, "rejected STARTTLS : because"],
    ["deny", /^550 .*Administrative prohibition/, "rejected STARTTLS "],
    ["defer message = later", /^451 .*later/, "temporarily rejected STARTTLS : later"],
    ["accept condition = no", /^550 /, "rejected STARTTLS "],
    ["discard", /^451 /, 'temporarily rejected STARTTLS : "discard" verb not allowed in STARTTLS ACL'],
  ];
  for (const [starttls, reply, text] of verdicts) {
    test(`${starttls.replace("\n", ",")}: the session goes on in clear text`, async () => {
      await using gateway = await startTestGateway({ policy: { main, acls: { starttls } } });
      await using client = await gateway.session();
      const code = Number(reply.source.slice(1, 4));
      assert.match(await client.say("STARTTLS\r\n", code), reply);
      await client.say(ENVELOPE, 250, 250);
      const event = await gateway.event(({ name }) => name === "smtp:reject");
      assert.equal("text" in event && event.text, text);
    });
  }

  test("drop ends the session", async () => {
    await using gateway = await startTestGateway({ policy: { main, acls: { starttls: "drop message = gone" } } });
    await using client = await gateway.session();
    await client.say("STARTTLS\r\n", 550);
    await client.ended();
  });

  test("accept is 220, whatever its message, and sees what was said before", async () => {
    const starttls = "accept condition = ${if eq{$sender_helo_name}{client.example}}\n message = 299 hello";
    await using gateway = await startTestGateway({ policy: { main, acls: { starttls } } });
    await using client = await gateway.session();
    await client.startTls();
    await client.say(EHLO, 250);
  });

  test("is not asked where STARTTLS is not offered", async () => {
    const policy = { main: `${main}\ntls_advertise_hosts = !127.0.0.1 : *`, acls: { starttls: "accept" } };
    await using gateway = await startTestGateway({ policy });
    await using client = await gateway.connect();
    await client.expect(220);
    assert.doesNotMatch(await client.say(EHLO, 250), /STARTTLS/);
    await client.say("STARTTLS\r\n", 503);
  });
});

describe("what a policy sees of TLS", () => {
  test("is what was negotiated; what was said before is forgotten, but for acl_c variables (RFC 3207 section 4.2)", async () => {
    const acls = { starttls: "accept set acl_c_kept = kept", rcpt: TELLS };
    await using gateway = await startTestGateway({ policy: { main, acls } });
    await using client = await gateway.session();
    const plain = await client.say(ENVELOPE, 250, 250);
    assert.match(plain, /^250 2\.0\.0 \/\/0\/\/0\/esmtp\/\/\r\n$/);
    await client.startTls();
    await client.say("RCPT TO:<ann@example.org>\r\n", 503);
    await client.say(EHLO, 250);
    const secured = await client.say(ENVELOPE, 250, 250);
    assert.match(secured, /^250 2\.0\.0 TLS1\.3\/TLS_AES_\d+_GCM_SHA\d+\/\d+\/mx\.test\/0\/esmtps\/kept\/own\r\n$/);
    assert.deepEqual(await handshakes(gateway), { done: 1 });
  });

  test("encrypted = * and a list of ciphers", async () => {
    const rcpt = `deny !encrypted = *\n message = plain
      accept encrypted = TLS_AES_256_GCM_SHA384 : TLS_AES_128_GCM_SHA256`;
    await using gateway = await startTestGateway({ policy: { main, acls: { rcpt } } });
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 550);
    await client.startTls();
    await client.say(EHLO, 250);
    await client.say(ENVELOPE, 250, 250);
  });

  test("travels with the message", async () => {
    await using gateway = await startTestGateway({ policy: { main } });
    await using client = await gateway.session();
    await client.startTls();
    await client.say(EHLO, 250);
    await client.say(`${ENVELOPE}DATA\r\n`, 250, 250, 354);
    await client.say("\r\nx\r\n.\r\n", 250);
    const { reception } = Value.Parse(RouteItem, (await gateway.taken()).header);
    assert.equal(reception.certificateVerified, false);
    assert.equal(reception.serverName, "mx.test");
    assert.equal(reception.peerName, undefined);
  });
});

describe("client certificates", () => {
  const authority = makeCertificate("authority", { isAuthority: true });
  const member = makeCertificate("client.test", { issuer: authority });
  const nameless = makeCertificate("client.test", { issuer: authority, isNameless: true });
  const stranger = makeCertificate("client.test");
  const asks = (list: string) => `${main}\n${list} = 127.0.0.1\ntls_verify_certificates = ${authority.certificateFile}`;
  const rcpt = `accept verify = certificate\n message = $tls_in_peerdn/$tls_in_certificate_verified
    deny message = $tls_in_peerdn/$tls_in_certificate_verified`;
  const shown = ({ certificate, privateKey }: typeof member) => ({ cert: certificate, key: privateKey });

  const rows = [
    ["a good one", shown(member), 250, /\/CN=client\.test\/1/],
    ["a good one whose subject is empty", shown(nameless), 250, /250 [0-9. ]*\/1/],
    ["a bad one", shown(stranger), 550, /\/CN=client\.test\/0/],
    ["none", {}, 550, /550 [0-9. ]*\/0/],
  ] as const;
  for (const [name, options, code, reply] of rows) {
    test(`tls_try_verify_hosts takes ${name}, and tells the policy`, async () => {
      await using gateway = await startTestGateway({ policy: { main: asks("tls_try_verify_hosts"), acls: { rcpt } } });
      await using client = await gateway.session();
      await client.startTls(options);
      await client.say(EHLO, 250);
      assert.match(await client.say(ENVELOPE, 250, code), reply);
    });
  }

  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    test(`tls_verify_hosts takes a good one only (${maxVersion})`, async () => {
      await using gateway = await startTestGateway({ policy: { main: asks("tls_verify_hosts"), acls: { rcpt } } });
      await using good = await gateway.session();
      await good.startTls({ ...shown(member), maxVersion });
      await good.say(EHLO, 250);
      for (const options of [{}, shown(stranger)]) {
        await using client = await gateway.session();
        // With TLS 1.3, the client believes that all is well until it hears otherwise.
        await client.startTls({ ...options, maxVersion }).catch(() => undefined);
        await client.ended();
      }
      assert.deepEqual(await handshakes(gateway), { done: 1, failed: 2 });
      const event = await gateway.event((one) => one.name === "smtp:reject" && one.ofHandshake === true);
      assert.match(("text" in event && event.text) || "", /^\(SSL_accept\): peer did not return a certificate$/);
    });
  }
});

/** Exim's manual, "The tls authenticator". */
describe("an authenticator of driver tls", () => {
  const authority = makeCertificate("authority", { isAuthority: true });
  const member = makeCertificate("ann.test", { issuer: authority });
  const stranger = makeCertificate("ann.test");
  const policyOf = (own: string, acls: Record<string, string> = {}) => ({
    main: `${main}\ntls_try_verify_hosts = *\ntls_verify_certificates = ${authority.certificateFile}`,
    acls: {
      rcpt: "accept authenticated = *\n message = $authenticated_id by $sender_host_authenticated, $received_protocol\ndeny",
      ...acls,
    },
    sections: `begin authenticators\nby_certificate:\n driver = tls\n ${own}\n`,
  });
  const named = `server_param1 = \${certextract{subj_altname,dns}{$tls_in_peercert}}\n server_condition = \${if eq{$auth1}{ann.test}}\n server_set_id = $auth1`;
  const rows: readonly [name: string, own: string, shown: object, reply: RegExp, acls?: Record<string, string>][] = [
    ["lets in whose certificate it knows", named, member, /^250 [0-9. ]*ann\.test by by_certificate, esmtpsa/],
    ["does not let in whom it does not know", "server_condition = no", member, /^550/],
    ["does not let in whose certificate is not good", named, stranger, /^550/],
    ["does not let in who has none", named, {}, /^550/],
    ["asks acl_smtp_auth before", named, member, /^550/, { auth: "deny" }],
  ];
  for (const [name, own, shown, reply, acls] of rows) {
    test(name, async () => {
      await using gateway = await startTestGateway({ policy: policyOf(own, acls) });
      await using client = await gateway.session();
      const { certificate: cert, privateKey: key } = shown as Partial<typeof member>;
      await client.startTls(cert === undefined || key === undefined ? {} : { cert, key });
      assert.doesNotMatch(await client.say(EHLO, 250), /AUTH/);
      assert.match(await client.say(ENVELOPE, 250, Number(reply.source.slice(1, 4))), reply);
    });
  }
});

describe("TLS before the greeting (tls_on_connect_ports)", () => {
  const onConnect = `${main}\ntls_on_connect_ports = 0`;

  test("greets inside TLS, and the protocol has the same name", async () => {
    await using gateway = await startTestGateway({ policy: { main: onConnect, acls: { rcpt: TELLS } } });
    await using client = await gateway.connect();
    await client.secure();
    await client.expect(220);
    assert.doesNotMatch(await client.say(EHLO, 250), /STARTTLS/);
    assert.match(await client.say(ENVELOPE, 250, 250), /\/mx\.test\/0\/esmtps\//);
    await client.say("STARTTLS\r\nQUIT\r\n", 503, 221);
    await client.ended();
  });

  test("holds what the client sends while the connect ACL is asked, and greets as that says", async () => {
    const acls = { connect: "accept delay = 1s\n message = 220 good day" };
    await using gateway = await startTestGateway({ policy: { main: onConnect, acls } });
    await using client = await gateway.connect();
    await client.secure();
    assert.equal(await client.expect(220), "220 good day\r\n");
  });

  // With TLS 1.2 the server has the last word of a handshake, and its greeting comes with it.
  test("turns away who speaks before the greeting in the packet of the handshake's end", async () => {
    await using gateway = await startTestGateway({ policy: { main: onConnect } });
    await using client = await gateway.connect();
    await client.secure({ minVersion: "TLSv1.3" }, EHLO);
    await client.expect(554);
    await client.ended();
    const event = await gateway.event((event) => event.name === "log:line" && "before" in event);
    assert.match(("before" in event && event.before) || "", /synchronization error.*without waiting for greeting/);
  });

  test("lets hosts speak first that may", async () => {
    const policy = { main: `${onConnect}\npipelining_connect_advertise_hosts = *` };
    await using gateway = await startTestGateway({ policy });
    await using client = await gateway.connect();
    await client.secure({}, EHLO);
    await client.expect(220);
    await client.expect(250);
  });

  test("says nothing to a client that the connect ACL refuses", async () => {
    const policy = { main: onConnect, acls: { connect: "deny message = 554 not you" } };
    await using gateway = await startTestGateway({ policy });
    await using client = await gateway.connect();
    await client.ended();
    assert.equal(client.received, "");
    const event = await gateway.event(({ name }) => name === "smtp:reject");
    assert.match(("text" in event && event.text) || "", /^rejected connection in "connect" ACL/);
    assert.deepEqual(await handshakes(gateway), {});
  });

  test("is logged and counted when it fails, and costs nothing else", async () => {
    await using gateway = await startTestGateway({ policy: { main: onConnect } });
    await using talker = await gateway.connect();
    talker.socket.write(EHLO);
    await talker.ended();
    assert.equal(talker.received.includes("220"), false);
    const event = await gateway.event(({ name }) => name === "smtp:reject");
    assert.match(("text" in event && event.text) || "", /^\(SSL_accept\): /);
    assert.equal("ofHandshake" in event && event.ofHandshake, true);
    assert.deepEqual(await handshakes(gateway), { failed: 1 });
    await using client = await gateway.connect();
    await client.secure();
    await client.expect(220);
  });

  test("has a deadline", async () => {
    await using gateway = await startTestGateway({ policy: { main: onConnect, smtp: { receiveTimeoutMs: 100 } } });
    await using client = await gateway.connect();
    await client.ended();
    assert.equal(client.received, "");
    const event = await gateway.event(({ name }) => name === "smtp:reject");
    assert.equal("text" in event && event.text, "(SSL_accept): timed out");
  });

  test("ends quietly when the client goes away", async () => {
    await using gateway = await startTestGateway({ policy: { main: onConnect } });
    await using client = await gateway.connect();
    client.socket.end();
    const event = await gateway.event(({ name }) => name === "smtp:reject");
    assert.match(("text" in event && event.text) || "", /^\(SSL_accept\): the client has gone$/);
  });

  test("takes a client without TLS at the other ports", async () => {
    await using gateway = await startTestGateway({ policy: { main: `${main}\ntls_on_connect_ports = 465` } });
    await using client = await gateway.session();
    await client.startTls();
  });
});

describe("what goes wrong in TLS", () => {
  test("a client that goes away behind STARTTLS", async () => {
    await using gateway = await startTestGateway({ policy: { main } });
    await using client = await gateway.session();
    client.socket.end("STARTTLS\r\n");
    await client.expect(220);
    await client.ended();
    assert.deepEqual(await handshakes(gateway), { failed: 1 });
  });

  for (const [name, end] of [
    ["closed", (socket: TLSSocket) => socket.end()],
    ["cut", (socket: TLSSocket) => socket.destroy()],
  ] as const) {
    test(`a connection that is ${name} in mid-content leaves nothing`, async () => {
      await using gateway = await startTestGateway({ policy: { main } });
      const client = await gateway.session();
      await client.startTls();
      await client.say(EHLO, 250);
      await client.say(`${ENVELOPE}DATA\r\n`, 250, 250, 354);
      client.socket.write("Subject: x\r\n\r\nhalf a message\r\n.");
      assert.ok(client.socket instanceof TLSSocket);
      end(client.socket);
      await client.ended();
      // The next one is the first that comes to the bus.
      await using next = await gateway.session();
      await next.say(`${ENVELOPE}DATA\r\n`, 250, 250, 354);
      await next.say("Subject: next\r\n\r\n.\r\n", 250);
      assert.match((await gateway.taken()).content, /Subject: next/);
    });
  }

  test("clear text in the middle of TLS ends the connection, and only that", async () => {
    await using gateway = await startTestGateway({ policy: { main } });
    await using client = await gateway.session();
    const plain = client.socket;
    await client.startTls();
    await client.say(EHLO, 250);
    // Past the TLS of this side, into the same connection.
    plain.write("MAIL FROM:<s@a.test>\r\n");
    await client.ended();
    await using next = await gateway.session();
    await next.startTls();
  });

  test("renegotiation is not done", async () => {
    await using gateway = await startTestGateway({ policy: { main } });
    await using client = await gateway.session();
    await client.startTls({ maxVersion: "TLSv1.2" });
    await client.say(EHLO, 250);
    const { socket } = client;
    assert.ok(socket instanceof TLSSocket);
    // The client is told no, and its library gives up when it speaks again.
    socket.renegotiate({}, () => undefined);
    socket.write("NOOP\r\n");
    await client.ended();
    assert.equal(client.received, "");
    await using next = await gateway.session();
    await next.say("NOOP\r\n", 250);
  });

  test("a client that speaks another protocol as well (tls_alpn)", async () => {
    await using gateway = await startTestGateway({ policy: { main } });
    await using good = await gateway.session();
    await good.startTls({ ALPNProtocols: ["smtp"] });
    await using bad = await gateway.session();
    await assert.rejects(bad.startTls({ ALPNProtocols: ["http/1.1"] }));
    assert.deepEqual(await handshakes(gateway), { done: 1, failed: 1 });
  });
});

describe("files of TLS", () => {
  const directory = mkdtempSync(join(tmpdir(), "postbus-tls-"));
  after(() => rmSync(directory, { recursive: true }));
  const at = (name: string) => join(directory, name);
  const put = (from: typeof server, name: string): void => {
    copyFileSync(from.certificateFile, at(`${name}.pem`));
    copyFileSync(from.privateKeyFile, at(`${name}.key`));
  };
  const other = makeCertificate("other.test");
  const files = (name: string) => `tls_certificate = ${at(`${name}.pem`)}\ntls_privatekey = ${at(`${name}.key`)}`;

  test("by the name that the client asks for, and nothing for a name that has none", async () => {
    put(server, "mx.test");
    put(other, "other.test");
    const name = "${if eq{$tls_in_sni}{}{mx.test}{$tls_in_sni}}";
    await using gateway = await startTestGateway({ policy: { main: files(name), acls: { rcpt: TELLS } } });
    for (const [servername, subject] of [
      ["other.test", "CN=other.test"],
      ["OTHER.test", "CN=other.test"],
      ["", "CN=mx.test"],
    ] as const) {
      await using client = await gateway.session();
      assert.equal(await client.startTls({ servername }), subject);
      await client.say(EHLO, 250);
      assert.match(await client.say(ENVELOPE, 250, 250), new RegExp(`/${servername.toLowerCase()}/0/esmtps/`));
    }
    await using client = await gateway.session();
    await assert.rejects(client.startTls({ servername: "none.test" }), /alert internal error/);
    assert.deepEqual(await handshakes(gateway), { done: 3, failed: 1 });
  });

  const byName = files("${if eq{$tls_in_sni}{}{mx.test}{$tls_in_sni}}");
  const silent: readonly [name: string, octets: Buffer, ends: boolean, problem: RegExp][] = [
    ["says nothing", Buffer.alloc(0), false, /timed out$/],
    ["says half a hello", Buffer.from([22, 3, 1, 1, 0, 1]), false, /timed out$/],
    ["goes away in mid-hello", Buffer.from([22, 3, 1, 1, 0, 1]), true, /the client has gone$/],
    ["speaks clear text", Buffer.from(EHLO), false, /wrong version number|http request|unknown protocol/],
  ];
  for (const [name, octets, ends, problem] of silent) {
    test(`a client that ${name} where its name is waited for`, async () => {
      put(server, "mx.test");
      // A timeout is wanted where nothing else can end it.
      const smtp = { receiveTimeoutMs: problem.source.startsWith("timed") ? 100 : 60_000 };
      await using gateway = await startTestGateway({ policy: { main: byName, smtp } });
      await using client = await gateway.session();
      await client.say("STARTTLS\r\n", 220);
      if (ends) client.socket.end(octets);
      else client.socket.write(octets);
      await client.ended();
      assert.deepEqual(await handshakes(gateway), { failed: 1 });
      const event = await gateway.event((one) => one.name === "smtp:reject");
      assert.match(("text" in event && event.text) || "", problem);
    });
  }

  test("that are not there are 454 where they are expanded; the session goes on in clear text", async () => {
    const name = "${if eq{$sender_helo_name}{client.example}{none}{mx.test}}";
    put(server, "mx.test");
    await using gateway = await startTestGateway({ policy: { main: files(name) } });
    await using client = await gateway.session();
    assert.match(await client.say("STARTTLS\r\n", 454), /^454 4\.7\.0 TLS currently unavailable\r\n$/);
    await client.say(ENVELOPE, 250, 250);
    const event = await gateway.event((one) => one.name === "smtp:reject");
    assert.match(("text" in event && event.text) || "", /^tls_certificate: .*none\.pem: cannot be read/);
  });

  test("that are replaced count from one of the next handshakes on", async () => {
    put(server, "changing");
    await using gateway = await startTestGateway({ policy: { main: files("changing") } });
    await using old = await gateway.session();
    assert.equal(await old.startTls(), "CN=mx.test");
    put(other, "changing");
    let subject: string | undefined;
    for (let tries = 0; tries < 100 && subject !== "CN=other.test"; tries++) {
      await using next = await gateway.session();
      subject = await next.startTls();
    }
    assert.equal(subject, "CN=other.test");
    await old.say(EHLO, 250);
  });
});
