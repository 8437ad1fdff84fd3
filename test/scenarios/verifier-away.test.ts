import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import {
  type DnsZone,
  type PostbusProcess,
  runPostbus,
  startDnsServer,
  startNats,
  startPostbus,
} from "@postbus/testkit";
import { speak } from "../examples/running-program.ts";
import { eventually } from "../support/eventually.ts";
import { temporaryDirectory } from "../support/fixture.ts";
import { needs } from "../support/programs.ts";

const ZONE: DnsZone = {
  "a.example": { TXT: ["v=spf1 ip4:127.0.0.1 -all"] },
  "_dmarc.a.example": { TXT: ["v=DMARC1; p=reject"] },
  // Nothing is heard of anything below it.
  "servfail.example": "SERVFAIL",
  "_dmarc.servfail.example": "SERVFAIL",
  "sel._domainkey.servfail.example": "SERVFAIL",
};

/** Each sender is asked about by one condition; in the end the client is told the results of Authentication-Results. */
const ACLS = `acl_smtp_rcpt = check
acl_smtp_data = judge
begin acl
check:
  deny senders = ^spf@
       spf = fail
  accept
judge:
  deny senders = ^dmarc@
       dmarc_status = reject
  deny senders = ^dkim@
       dkim_status = fail
  deny senders = ^arc@
       !verify = arc
  warn spf = *
  warn dmarc_status = *
  deny message = \${sg{\${authresults{mx.test}}}{\\N^.*?;|\\([^)]*\\)| (smtp|header)\\.[a-z]+=[^ ;\\n]+|\\s\\N}{}}
`;
const DKIM_ACL = `acl_smtp_rcpt = accept
acl_smtp_dkim = signers
begin acl
signers:
  deny message = it is $dkim_verify_status
`;

/** Gateways with these policies and a verifier, each a process of its own, on a NATS server. */
async function startFleet(t: TestContext, ...policies: readonly string[]) {
  const nats = await startNats();
  t.after(() => nats.stop());
  const dns = await startDnsServer(ZONE);
  t.after(() => dns.stop());
  const env = {
    NATS_URL: nats.url,
    NATS_MONITOR_URL: nats.monitorUrl,
    POSTBUS_DNS_SERVERS: dns.address,
    POSTBUS_FACTS_TIMEOUT_MS: "1500",
  };
  const { code, errors } = await runPostbus({ command: "provision", args: ["--replicas", "1"], env });
  assert.equal(code, 0, errors);
  const start = async (service: string, policy: string): Promise<PostbusProcess> => {
    const data = await temporaryDirectory(t, "verifier-away");
    const config = join(data, "policy.conf");
    const main = "primary_hostname = mx.test\ndaemon_smtp_ports = 0\nlocal_interfaces = 127.0.0.1\n";
    await writeFile(config, main + policy);
    const postbus = await startPostbus({ args: [service, "--data", data, "--config", config], env });
    t.after(() => postbus.kill());
    return postbus;
  };
  const gateways: PostbusProcess[] = [];
  for (const policy of policies) gateways.push(await start("gateway", policy));
  return { gateways, verifier: await start("verifier", ACLS), start: () => start("verifier", ACLS) };
}

/** What a signed message of a sender is answered, at RCPT or behind it. */
async function message(gateway: PostbusProcess | undefined, sender: string): Promise<string> {
  const domain = sender.slice(sender.indexOf("@") + 1);
  const signature = `v=1; a=rsa-sha256; c=relaxed/relaxed; d=${domain}; s=sel; h=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=eA==`;
  const replies = await speak(gateway?.port("smtp") ?? 0, [
    ...["EHLO client.test", `MAIL FROM:<${sender}>`, "RCPT TO:<u@mx.test>", "DATA"],
    `DKIM-Signature: ${signature}\r\nFrom: ${sender}\r\n\r\n.`,
  ]);
  return replies[3]?.startsWith("250") === true ? (replies.at(-1) ?? "") : (replies[3] ?? "");
}

const ASKERS = ["spf", "dmarc", "dkim", "arc"];
const LATER = /^451 /;

test("where the verifier does not answer, what the policy needs to know puts mail off, and what it does not is temperror", async (t) => {
  if (needs(t, "nats-server") === undefined) return;
  const { gateways, verifier, start } = await startFleet(t, ACLS, DKIM_ACL);
  const [gateway, withDkimAcl] = gateways;

  // The DNS is another thing: what it does not say is a result.
  for (const asker of ASKERS) {
    assert.match(
      await message(gateway, `${asker}@servfail.example`),
      /^550 5\.0\.0 spf=temperror;dkim=temperror;dmarc=temperror(?:;arc=none)?$/,
      asker,
    );
  }
  assert.match(await message(gateway, "other@a.example"), /^550 5\.0\.0 spf=pass;dkim=permerror;dmarc=pass$/);
  assert.match(await message(withDkimAcl, "other@servfail.example"), /^550 .*it is invalid/);

  const isPutOff = async (): Promise<void> => {
    for (const asker of ASKERS) assert.match(await message(gateway, `${asker}@a.example`), LATER, asker);
    assert.match(await message(withDkimAcl, "other@a.example"), LATER);
    assert.match(
      await message(gateway, "other@a.example"),
      /^550 5\.0\.0 spf=temperror;dkim=temperror;dmarc=temperror(?:;arc=none)?$/,
    );
  };
  process.kill(verifier.pid, "SIGSTOP");
  await isPutOff();
  process.kill(verifier.pid, "SIGCONT");
  await eventually(async () => (/dmarc=pass/.test(await message(gateway, "other@a.example")) ? true : undefined));

  await verifier.kill();
  await isPutOff();
  await start();
  await eventually(async () => (/dmarc=pass/.test(await message(gateway, "other@a.example")) ? true : undefined));
});
