import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { Fact } from "../../src/acl/facts.ts";
import type { AclHooks } from "../../src/acl/hooks.ts";
import { type ProxyView, withoutProxiedClient } from "../../src/acl/smtp/proxy-view.ts";
import type { AddressVerdict, VerifyAddressRequest } from "../../src/acl/verify-address.ts";
import { contentOf, policySession, shown } from "./policy-session.ts";

// The ACLs of the feature descriptions; numbers as there.
const MAIN = `domainlist local_domains = test.example
domainlist relay_to_domains = relay.example
hostlist local_hosts = 127.0.0.1
domainlist screwed_up_dmarc_records = screwed.example
acl_smtp_connect = acl_check_connect
acl_smtp_rcpt = acl_check_rcpt
acl_smtp_data = acl_check_data
begin acl
`;
const EMPTY = { connect: "  accept\n", rcpt: "  accept\n", data: "  accept\n" };

const knows = ({ address }: VerifyAddressRequest): AddressVerdict =>
  address.startsWith("user1@") ? { result: "good" } : { result: "bad", text: "Unrouteable address" };
const fact = (result: string, variables: Fact["variables"] = {}): Fact => ({ result, variables });

async function session(acls: Partial<typeof EMPTY>, hooks: AclHooks = {}, address = "192.0.2.1", proxy?: ProxyView) {
  const { connect, rcpt, data } = { ...EMPTY, ...acls };
  const text = `${MAIN}acl_check_connect:\n${connect}acl_check_rcpt:\n${rcpt}acl_check_data:\n${data}`;
  return policySession(text, { hooks: { verifyAddress: knows, ...hooks }, address, proxy });
}

/** A message to one recipient: what each stage said. */
async function message(acls: Partial<typeof EMPTY>, hooks: AclHooks = {}, recipient = "user1@test.example") {
  const made = await session(acls, hooks);
  const said = [shown(await made.acls.connect())];
  await made.acls.helo("mout.gmx.net", true);
  made.acls.command("MAIL FROM:<a@b.example> PRDR", "FROM:<a@b.example> PRDR");
  await made.acls.mail({ returnPath: "a@b.example", isPrdr: true });
  said.push(shown(await made.acls.recipient(recipient)));
  made.acls.content(contentOf("From: a@b.example\nSubject: x\n"));
  said.push(shown(await made.acls.data()));
  return { ...made, said };
}

describe("the feature descriptions' ACLs", () => {
  const directory = mkdtempSync(join(tmpdir(), "postbus-acl-"));
  after(() => rmSync(directory, { recursive: true, force: true }));

  test("1.4 PRDR in $smtp_command", async () => {
    const made = await session({});
    const { acls } = policySession(
      "acl_smtp_mail = c\nbegin acl\nc:\n  deny condition = ${if match{$smtp_command}{PRDR}}\n  accept\n",
    );
    assert.ok(made);
    acls.command("MAIL FROM:<a@b> PRDR", "FROM:<a@b> PRDR");
    assert.match(shown(await acls.mail({ returnPath: "a@b" })), /^550/);
    acls.command("MAIL FROM:<a@b>", "FROM:<a@b>");
    assert.equal(shown(await acls.mail({ returnPath: "a@b" })), "accept");
  });

  test("3.2 bmi_run for known recipients", async () => {
    const rcpt =
      "  accept  domains       = +local_domains\n          endpass\n          verify        = recipient\n          control       = bmi_run\n" +
      "  accept  domains       = +relay_to_domains\n          endpass\n          verify        = recipient\n          control       = bmi_run\n  deny\n";
    const known = await message({ rcpt });
    assert.deepEqual([known.said[1], known.session.message.controls.runsBmi], ["accept", true]);
    const unknown = await message({ rcpt }, {}, "nobody@test.example");
    assert.deepEqual(
      [unknown.said[1], unknown.session.message.controls.runsBmi],
      ["550 Unrouteable address", undefined],
    );
  });

  test("3.7 bmi_optin out of a file", async () => {
    const file = join(directory, "optin");
    writeFileSync(file, "    \nuser1@relay.example: <OPTIN STRING1>:<OPTIN STRING2>\n");
    const rcpt = `    accept  domains       = +relay_to_domains\n            endpass\n            verify        = recipient\n            bmi_optin     = \${lookup{$local_part@$domain}lsearch{${file}}}\n            control       = bmi_run\n`;
    const { session: made } = await message({ rcpt }, {}, "user1@relay.example");
    assert.deepEqual(
      [...(made.message.controls.bmiOptin ?? [])],
      [["user1@relay.example", ["<OPTIN STRING1>", "<OPTIN STRING2>"]]],
    );
  });

  test("4.1 spf: lists, negation, old names", async () => {
    const rows: readonly [list: string, result: string, isTrue: boolean][] = [
      ["fail : softfail", "softfail", true],
      ["fail : softfail", "pass", false],
      ["!fail", "neutral", true],
      ["!fail", "fail", false],
      ["err_perm", "permerror", true],
      ["err_temp", "temperror", true],
    ];
    for (const [list, result, isTrue] of rows) {
      const { said } = await message(
        { rcpt: `  deny spf = ${list}\n    message = $spf_result\n  accept\n` },
        { facts: { spf: () => fact(result, { spf_result: result }) } },
      );
      assert.equal(said[1], isTrue ? `550 ${result}` : "accept", `${list} ${result}`);
    }
  });

  test("6.3, 6.4, 6.5 dcc", async () => {
    const rows: readonly [statement: string, overall: string, said: RegExp][] = [
      ["  accept dcc = *\n", "A", /^accept/],
      ["  accept dcc = *\n", "R", /^550/],
      ["  accept dcc = *\n", "T", /^451/],
      ["  accept dcc = */defer_ok\n  accept message = anyway\n", "T", /^accept 250 anyway/],
      ["  defer   !dcc = *\n  accept\n", "R", /^451/],
      ["  defer   !dcc = *\n  accept\n", "A", /^accept$/],
    ];
    for (const [data, overall, wanted] of rows) {
      const verdict = { engine: "dcc", overall, recipients: overall, header: "" } as const;
      const { said } = await message({ data }, { scan: async () => ({ verdict, recipients: [] }) });
      assert.match(said[2] ?? "", wanted, `${data} ${overall}`);
    }
  });

  test("6.8 the client's address for DCC out of an nwildlsearch file", async () => {
    const file = join(directory, "multipleip_sites");
    writeFileSync(
      file,
      "# cat /etc/mail/multipleip_sites\nmout-xforward.gmx.net           82.165.159.12\nmout.gmx.net                    212.227.15.16\n",
    );
    const data = `  warn    set acl_m_dcc_override_client_ip = \\
    \${lookup{$sender_helo_name}nwildlsearch{${file}}{$value}{}}
          condition = \${if def:acl_m_dcc_override_client_ip}
          log_message = dbg: acl_m_dcc_override_client_ip set to \\
                        $acl_m_dcc_override_client_ip
  accept
`;
    assert.deepEqual((await message({ data })).log, [
      "main: Warning: dbg: acl_m_dcc_override_client_ip set to 212.227.15.16",
    ]);
  });

  test("7.2, 7.3, 7.4 DMARC at RCPT", async () => {
    const rcpt = `  warn    domains        = +local_domains
          hosts          = +local_hosts
          control        = dmarc_disable_verify

  warn    !domains       = +screwed_up_dmarc_records
          control        = dmarc_enable_forensic

  warn    condition      = (lookup if destined to mailing list)
          set acl_m_mailing_list = 1

  accept
`;
    const { said, session: made, log } = await message({ rcpt });
    assert.equal(said[1], "accept");
    assert.deepEqual(made.message.controls, { sendsDmarcReports: true });
    assert.equal(made.message.variables.size, 0);
    assert.match(log.join(), /skipped: condition test deferred: invalid "condition" value "\(lookup if/);
  });

  test("7.5 DMARC behind DATA", async () => {
    const data = `  warn    dmarc_status   = accept : none : off
          !authenticated = *
          log_message    = DMARC DEBUG: $dmarc_status $dmarc_used_domain

  warn    dmarc_status   = !accept
          !authenticated = *
          log_message    = DMARC DEBUG: '$dmarc_status' for $dmarc_used_domain

  warn    dmarc_status   = quarantine
          !authenticated = *
          set $acl_m_quarantine = 1
          # Do something in a transport with this flag variable

  deny    condition      = \${if eq{$dmarc_domain_policy}{reject}}
          condition      = \${if eq{$acl_m_mailing_list}{1}}
          message        = Messages from $dmarc_used_domain break mailing lists

  deny    dmarc_status   = reject
          !authenticated = *
          message        = Message from $dmarc_used_domain failed sender's DMARC policy, REJECT

  warn    add_header     = :at_start:\${authresults {$primary_hostname}}
  accept
`;
    const ask = async (status: string, policy: string, rcpt = EMPTY.rcpt) => {
      const variables = { dmarc_status: status, dmarc_used_domain: "b.example", dmarc_domain_policy: policy };
      return message({ rcpt, data }, { facts: { dmarc: () => fact(status, variables) } });
    };
    const good = await ask("accept", "none");
    assert.deepEqual([good.said[2], good.log], ["accept", ["main: Warning: DMARC DEBUG: accept b.example"]]);
    assert.match(good.session.message.addedHeaders[0]?.text ?? "", /^Authentication-Results: mx\.test/);
    assert.equal(good.session.message.addedHeaders[0]?.position, "at_start");
    assert.equal(
      (await ask("reject", "reject")).said[2],
      "550 Message from b.example failed sender's DMARC policy, REJECT",
    );
    const quarantined = await ask("quarantine", "quarantine");
    assert.equal(quarantined.said[2], "accept");
    assert.deepEqual([...quarantined.session.message.variables], [["acl_m_quarantine", "1"]]);
    const listed = await ask("accept", "reject", "  accept set acl_m_mailing_list = 1\n");
    assert.equal(listed.said[2], "550 Messages from b.example break mailing lists");
  });

  test("10.3 PROXY at connect", async () => {
    const connect = `  warn    condition      = \${if and{ {bool{$proxy_session}} \\
                                     {eq{$proxy_host_address}{}} } }
          log_message    = Failed required proxy protocol negotiation \\
                           from $sender_host_name [$sender_host_address]

  warn    condition      = \${if and{ {bool{$proxy_session}} \\
                                     {!eq{$proxy_host_address}{}} } }
          # But don't log health probes from the proxy itself
          condition      = \${if eq{$proxy_host_address}{$sender_host_address} \\
                                {false}{true}}
          log_message    = Successfully proxied from $sender_host_name \\
                           [$sender_host_address] through proxy protocol \\
                           host $proxy_host_address

  # Possibly more clear
  warn logwrite = Remote Source Address: $sender_host_address:$sender_host_port
       logwrite = Proxy Target Address: $proxy_target_address:$proxy_target_port
       logwrite = Proxy Internal Address: $proxy_host_address:$proxy_host_port
       logwrite = Internal Server Address: $received_ip_address:$received_port
  accept
`;
    const proxied = { localAddress: "10.0.0.1", localPort: 50, externalAddress: "203.0.113.5", externalPort: 25 };
    const good = await session({ connect }, {}, "192.0.2.1", { result: "ok", ...proxied });
    assert.equal(shown(await good.acls.connect()), "accept");
    assert.deepEqual(good.log, [
      "main: no host name found for IP address 192.0.2.1",
      "main: Warning: Successfully proxied from  [192.0.2.1] through proxy protocol host 10.0.0.1",
      "main: Remote Source Address: 192.0.2.1:4000",
      "main: Proxy Target Address: 203.0.113.5:25",
      "main: Proxy Internal Address: 10.0.0.1:50",
      "main: Internal Server Address: :-1",
    ]);
    const failed = await session({ connect }, {}, "192.0.2.1", withoutProxiedClient("failed"));
    await failed.acls.connect();
    assert.match(failed.log[1] ?? "", /Failed required proxy protocol negotiation from {2}\[192\.0\.2\.1\]$/);
  });

  test("10.4 connections are limited, with a macro inside of the ACL", async () => {
    const connect = `     # Set max number of connections per host
     LIMIT = 2
     # Or do some kind of IP lookup in a flat file or database
     # LIMIT = \${lookup{$sender_host_address}iplsearch{/etc/exim/proxy_limits}}

     defer   message        = Too many connections from this IP right now
             ratelimit      = LIMIT / 5s / per_conn / strict
     accept
`;
    let rate = 0;
    const rates = { rate: async () => ++rate, seen: async () => undefined };
    const said: string[] = [];
    for (let i = 0; i < 3; i++) said.push(shown(await (await session({ connect }, { rates })).acls.connect()));
    assert.deepEqual(said, [
      "accept",
      "451 Too many connections from this IP right now",
      "451 Too many connections from this IP right now",
    ]);
  });

  test("16.1 verify = arc", async () => {
    const ask = async (condition: string, state: string) =>
      (await message({ data: `  accept verify = ${condition}\n` }, { facts: { arc: () => fact(state) } })).said[2];
    assert.equal(await ask("arc/pass:none", "pass"), "accept");
    assert.equal(await ask("arc/pass:none", "fail"), "550 Administrative prohibition");
    assert.equal(await ask("arc", "none"), "accept");
    assert.equal(await ask("arc/none:fail:pass", "fail"), "accept");
  });

  test("16.3 logs the header of the oldest pass", async () => {
    const data = `  warn verify = arc
  logwrite = oldest-p-ams: <\${reduce {$lh_ARC-Authentication-Results:} \\
				{} \\
				{\${if = {$arc_oldest_pass} \\
					{\${extract {i}{\${extract {1}{;}{$item}}}}} \\
					{$item} {$value}}} \\
			    }>
  accept
`;
    const made = await session({ data }, { facts: { arc: () => fact("pass", { arc_oldest_pass: 2 }) } });
    await made.acls.mail({ returnPath: "" });
    await made.acls.recipient("user1@test.example");
    made.acls.content(
      contentOf(
        "ARC-Authentication-Results: i=1; a.example; spf=pass\nARC-Authentication-Results: i=2; b.example; spf=none\n",
      ),
    );
    assert.equal(shown(await made.acls.data()), "accept");
    assert.deepEqual(made.log, ["main: oldest-p-ams: <i=2; b.example; spf=none>"]);
  });
});
