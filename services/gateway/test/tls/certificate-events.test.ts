import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { MailEvent } from "@postbus/contracts";
import { makeCertificate } from "@postbus/testkit";
import { startTestGateway, type TestGateway } from "../start-test-gateway.ts";

const authority = makeCertificate("Authority", { isAuthority: true });
const mx = makeCertificate("mx.test");
const known = makeCertificate("client.test", { issuer: authority });
const stranger = makeCertificate("stranger.test");
const acls = {
  rcpt: "  accept message = verified=$tls_in_certificate_verified\nev:\n  accept logwrite = EV $acl_arg1 [$acl_arg2] $acl_arg3\n",
};

/** @param veto What the action says; told of depth and names. */
const main = (option: string, veto = "") =>
  `event_action = \${if eq{$event_name}{tls:cert}{\${acl{ev}{$event_name}{$event_data}{\${certextract{subject}{$tls_in_peercert}}}}${veto}}}
tls_certificate = ${mx.certificateFile}
tls_privatekey = ${mx.privateKeyFile}
tls_verify_certificates = ${authority.certificateFile}
${option} = *`;

const linesOf = (events: readonly MailEvent[]): readonly string[] =>
  events.flatMap((event) => (event.name === "log:line" ? [event.text] : []));

async function verified(gateway: TestGateway, certificate: typeof known): Promise<string> {
  await using client = await gateway.session();
  const ca = authority.certificate;
  await client.startTls({ cert: certificate.certificate + ca, key: certificate.privateKey, maxVersion: "TLSv1.2" });
  await client.say("EHLO client.example\r\n", 250);
  await client.say("MAIL FROM:<s@a.test>\r\n", 250);
  return await client.say("RCPT TO:<a@example.org>\r\n", 250);
}

/** Exim's manual, "Events": `tls:cert` of the main section. */
describe("tls:cert of a client", () => {
  test("is raised for each certificate, the root first, and changes nothing by itself", async () => {
    await using gateway = await startTestGateway({ policy: { main: main("tls_try_verify_hosts"), acls } });
    assert.match(await verified(gateway, known), /verified=1/);
    await gateway.event((event) => linesOf([event]).join() === "EV tls:cert [1] CN=Authority");
    await gateway.event((event) => linesOf([event]).join() === "EV tls:cert [0] CN=client.test");
  });

  test("a veto makes a certificate that need not be good a bad one", async () => {
    const veto = "${if eq{$event_data}{1}{not this one}}";
    await using gateway = await startTestGateway({ policy: { main: main("tls_try_verify_hosts", veto), acls } });
    assert.match(await verified(gateway, known), /verified=0/);
    const want = "[127.0.0.1] SSL verify denied by event-action: depth=1 cert=/CN=Authority: not this one";
    await gateway.event((event) => linesOf([event]).join() === want);
    // What is behind it is shown, too.
    await gateway.event((event) => linesOf([event]).join() === "EV tls:cert [0] CN=client.test");
  });

  test("a bad one stays bad, whatever is said", async () => {
    await using gateway = await startTestGateway({ policy: { main: main("tls_try_verify_hosts"), acls } });
    assert.match(await verified(gateway, stranger), /verified=0/);
  });

  test("a veto ends the handshake of a client whose certificate has to be good", async () => {
    const veto = "${if eq{$event_data}{0}{no}}";
    await using gateway = await startTestGateway({ policy: { main: main("tls_verify_hosts", veto), acls } });
    await assert.rejects(verified(gateway, known));
    const want = "[127.0.0.1] SSL verify denied by event-action: depth=0 cert=/CN=client.test: no";
    await gateway.event((event) => linesOf([event]).join() === want);
  });
});
