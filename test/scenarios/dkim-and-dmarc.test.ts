import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type DnsServer, type DnsZone, startDnsServer } from "@postbus/testkit";
import { around } from "../examples/around.ts";
import { type RunningProgram, runningProgram, speak } from "../examples/running-program.ts";
import { eventually } from "../support/eventually.ts";
import { type Scope, temporaryDirectory } from "../support/fixture.ts";
import { messagesIn } from "../support/mailbox.ts";

const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const KEY = `v=DKIM1; k=rsa; p=${publicKey.export({ type: "spki", format: "der" }).toString("base64")}`;

/** Mail of both domains comes from where it must not; one has a key, and both want failures refused and reported. */
const ZONE: DnsZone = {
  "signed.example": { TXT: ["v=spf1 -all"] },
  "sel._domainkey.signed.example": { TXT: [KEY] },
  "_dmarc.signed.example": { TXT: ["v=DMARC1; p=reject; rua=mailto:u@test.example; ruf=mailto:u@test.example"] },
  "signed.example._report._dmarc.test.example": { TXT: ["v=DMARC1"] },
};

const BODY = "text\r\n";

/** As it comes from a@signed.example, on one line each, which is its canonical form. */
function signedMessage(selector = "sel", version = "1"): string {
  const hash = createHash("sha256").update(BODY).digest("base64");
  const tags = `v=${version}; a=rsa-sha256; c=relaxed/relaxed; d=signed.example; s=${selector}; h=from; bh=${hash}; b=`;
  const signature = sign("sha256", Buffer.from(`from:a@signed.example\r\ndkim-signature:${tags}`), privateKey);
  return `DKIM-Signature: ${tags}${signature.toString("base64")}\r\nFrom: a@signed.example\r\nContent-Type: text/plain\r\n\r\n${BODY}`;
}

interface Site extends RunningProgram {
  readonly dns: DnsServer;
  /** What a message is answered. */
  said(sender: string, message?: string): Promise<string>;
}

/** The whole program under a policy, and the DNS that it asks. */
async function site(t: Scope, config: string): Promise<Site> {
  const dns = await startDnsServer(ZONE);
  t.after(() => dns.stop());
  const program = await runningProgram(t, config, { POSTBUS_DNS_SERVERS: dns.address });
  return {
    ...program,
    dns,
    async said(sender, message = signedMessage()) {
      const commands = ["EHLO client.example", `MAIL FROM:<${sender}>`, "RCPT TO:<u@test.example>", "DATA"];
      return (await speak(program.port, [...commands, `${message}.`])).at(-1) ?? "";
    },
  };
}

/** Authentication-Results on one line, without what is the same each time. */
const RESULTS =
  "${sg{${authresults{mx.test.example}}}{\\N^.*?;|public | too|: 2048 bits| (smtp|header)\\.[a-z]+=[^ ;\\n]+|[\\n\\t]\\N}{}}";

describe("what the operator does not take for a signature is none", () => {
  /** Of a message whose one signature is right. */
  const rows: readonly (readonly [main: string, said: string, line: string | undefined])[] = [
    ["", "pass accept spf=fail;dkim=pass;dmarc=pass", "verification succeeded"],
    [
      "dkim_verify_min_keysizes = rsa=4096",
      "fail reject spf=fail;dkim=fail (key short);dmarc=fail",
      "verification failed - signature invalid (key too short)",
    ],
    ["dkim_verify_keytypes = ed25519", "none reject spf=fail;dmarc=fail", undefined],
    ["dkim_verify_hashes = sha512", "none reject spf=fail;dmarc=fail", undefined],
  ];
  for (const [main, said, line] of rows) {
    test(`for conditions, variables, DMARC, Authentication-Results and the log: ${main}`, async (t) => {
      const data = `  warn dkim_status = *
  warn dmarc_status = *
  deny message = |$dkim_verify_status $dmarc_status ${RESULTS}
       dkim_status = pass : fail : none`;
      const { mainlog, said: answer } = await site(t, around({ main: `log_selector = +dkim_verbose\n${main}`, data }));
      assert.equal((await answer("a@signed.example")).replace(/^.*?\|/, ""), said);
      const log = await eventually(async () => {
        const text = await readFile(mainlog, "latin1").catch(() => "");
        return text.includes("rejected after DATA") ? text : undefined;
      });
      assert.equal(/ DKIM: d=signed\.example .* \[(.*)\]/.exec(log)?.[1], line);
    });
  }
});

test("Authentication-Results tell a key that is not there from one that is not known, and another version", async (t) => {
  const { said } = await site(t, around({ data: `  deny message = |${RESULTS}` }));
  assert.match(await said("a@signed.example", signedMessage("gone")), /\|dkim=permerror \(pubkey unavailable\)$/);
  assert.match(
    await said("a@signed.example", signedMessage("sel", "2")),
    /\|dkim=neutral \(unsupported DKIM version\)$/,
  );
});

test("what the policy has turned off is not looked at, told, recorded or reported", async (t) => {
  const directory = await temporaryDirectory(t, "off");
  const history = join(directory, "history");
  const { said, dns, mainlog, maildir } = await site(
    t,
    around({
      main: `log_selector = +dkim_verbose +dmarc_verbose
dmarc_history_file = ${history}
dmarc_aggregate_sender = dmarc@test.example
acl_smtp_mime = parts`,
      rcpt: `  warn senders = ^no-dkim@
       control = dkim_disable_verify
  warn control = dmarc_enable_forensic`,
      acls: `parts:
  warn senders = ^no-dmarc@
       control = dmarc_disable_verify
  warn senders = ^late@
       control = dkim_disable_verify
  accept
`,
      data: `  deny dmarc_status = reject
       message = refused|$dkim_verify_status|$dkim_signers|${RESULTS}
  warn dmarc_status = off
       add_header = X-Off: $dmarc_status|$dmarc_status_text|$dmarc_used_domain|
  warn dkim_status = pass
       add_header = X-Pass: yes
  warn add_header = X-Results: ${RESULTS}`,
    }),
  );
  const asked = (name: string): boolean => dns.queries.some((query) => query.endsWith(` ${name}`));

  // As if there were no signature: then nothing proves the author.
  assert.match(await said("no-dkim@signed.example"), /^550 .*refused\|\|\|spf=fail;dmarc=fail$/);
  assert.ok(!asked("sel._domainkey.signed.example"));
  const [first = ""] = (
    await eventually(async () => {
      const found = (await readFile(history, "latin1").catch(() => ""))
        .split(/^(?=job )/m)
        .filter((block) => block !== "");
      return found.length === 1 ? found : undefined;
    })
  ).map(String);
  assert.doesNotMatch(first, /^dkim /m);

  const unsigned = signedMessage().replace(/^.*\r\n/, "");
  assert.match(await said("no-dmarc@signed.example", unsigned), /^250/);
  assert.match(await said("late@signed.example"), /^250/, "it has been verified by then, and passes");
  const report = /DMARC Forensic Report/;
  const mail = (await messagesIn(maildir, 3)).toSorted();
  const [off = ""] = mail.filter((text) => /^X-Off:/m.test(text));
  assert.match(off, /^X-Off: off\|\|\|\n/m);
  assert.match(off, /^X-Results: spf=fail;dmarc=skipped\n/m);
  const [late = ""] = mail.filter((text) => /^X-Pass: yes/m.test(text));
  assert.match(late, /^X-Results: spf=fail;dkim=pass;dmarc=pass\n/m);
  assert.equal(mail.filter((text) => report.test(text)).length, 1, "of the refusal, and no other");
  const blocks = await eventually(async () => {
    const found = (await readFile(history, "latin1")).split(/^(?=job )/m);
    return found.length >= 2 ? found : undefined;
  });
  assert.deepEqual(
    blocks.map((block) => /^policy .*$/m.exec(block)?.[0]),
    ["policy 16", "policy 15"],
  );
  const log = await eventually(async () => {
    const text = await readFile(mainlog, "latin1");
    return (text.match(/ <= .*@signed\.example /g) ?? []).length === 2 ? text : undefined;
  });
  const arrival = (sender: string): string => new RegExp(` <= ${sender}@signed\\.example .*`).exec(log)?.[0] ?? "";
  assert.doesNotMatch(arrival("no-dmarc"), /DMARC/);
  assert.match(arrival("late"), / DKIM=signed\.example DMARC=accept/);
  assert.equal(log.match(/ DKIM: d=/g)?.length, 1, "of the signature that was verified");
});
