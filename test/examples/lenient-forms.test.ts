import assert from "node:assert/strict";
import { around } from "./around.ts";
import { example } from "./example.ts";
import { Site } from "./site.ts";

// What the feature documents write in another way than Exim's releases do: it is taken.

example("17.1", "set $acl_m_quarantine: the dollar is dropped, with a notice", {
  config: around({ rcpt: "  warn set $acl_m_quarantine = 1" }),
  async shows(site) {
    assert.equal(site.notices.length, 1);
    assert.match(site.notices[0] ?? "", /acl_m_quarantine/);
    assert.deepEqual([...(await site.message()).session.message.variables], [["acl_m_quarantine", "1"]]);
  },
});

example("17.2", "a macro between the statements of an ACL, at the beginning of any line of any section", {
  config: around({
    rcpt: "  deny local_parts = x\n  MACRO = one\n       message = MACRO",
    routers:
      "  WHERE = scan.example\nscan:\n  driver = accept\n  NAME = remote_smtp\n  domains = WHERE\n  transport = NAME\n",
  }),
  async shows(site) {
    assert.equal((await site.message({ recipients: ["x@test.example"] })).said[2], "550 one");
    assert.equal((await site.deliveries("u@scan.example"))[0]?.router, "scan");
  },
});

example("17.3", "old names of the PROXY protocol", {
  config: around({
    main: "proxy_required_hosts = 10.0.0.1",
    connect: "  warn message = $proxy_host_address:$proxy_host_port $proxy_target_address:$proxy_target_port",
  }),
  async shows() {
    const old = "$proxy_host_address:$proxy_host_port $proxy_target_address:$proxy_target_port";
    const now = "$proxy_local_address:$proxy_local_port $proxy_external_address:$proxy_external_port";
    const site = new Site(around({ connect: `  deny message = ${old} = ${now}` }));
    const { said } = await site.message({ proxy: { localAddress: "10.0.0.1", externalAddress: "203.0.113.5" } });
    const both = "10.0.0.1:50 203.0.113.5:25";
    assert.equal(said[0], `550 ${both} = ${both}`);
  },
});

example("17.4", "$dmarc_ar_header", {
  config: around({ data: "  warn add_header = $dmarc_ar_header" }),
  async shows() {
    const site = new Site(around({ data: "  warn dmarc_status = reject\n       add_header = $dmarc_ar_header" }));
    const field = "Authentication-Results: mx.test.example; dmarc=fail header.from=b.example";
    const fact = { result: "reject", variables: { dmarc_status: "reject", dmarc_ar_header: field } };
    const { session } = await site.message({ hooks: { facts: { dmarc: () => fact } } });
    assert.match(session.message.addedHeaders[0]?.text ?? "", new RegExp(`^${field}\n?$`));
    // Before the question, as it is written.
    const early = await new Site(around({ data: "  warn add_header = $dmarc_ar_header" })).message();
    assert.match(
      early.session.message.addedHeaders[0]?.text ?? "",
      /^Authentication-Results: mx\.test\.example; dmarc=skipped/,
    );
  },
});

example("17.5", "names that begin with tpda", {
  config: around({
    smtp: "  tpda_delivery_action = ${lookup pgsql{SELECT '$tpda_delivery_ip'}}\n  tpda_event_action = $tpda_event",
  }),
  // That their actions run is seen with 8.1, 8.2 and 8.5.
  shows: (site) => assert.equal(site.transportOption("remote_smtp", "event_action"), "$tpda_event"),
});

example("17.6", "old names of controls and of an ACL", {
  config: around({
    main: "acl_data_smtp_prdr = acl_check_data",
    rcpt: "  warn control = dmarc_forensic_enable\n       control = dmarc_verify_disable",
  }),
  async shows(site) {
    assert.equal(site.configuration.main.get("acl_smtp_data_prdr"), "acl_check_data");
    const { session } = await site.message();
    assert.deepEqual(session.message.controls, { sendsDmarcReports: true, isDmarcOff: true });
  },
});

example("17.7", "a condition in prose skips its statement, and is logged", {
  config: around({ rcpt: "  deny condition = (lookup if destined to mailing list)\n  warn condition = (prose)\n" }),
  async shows() {
    const site = new Site(
      around({ rcpt: "  warn condition = (lookup if destined to mailing list)\n       logwrite = seen" }),
    );
    const { said, log } = await site.message();
    assert.equal(said[2], "accept");
    assert.deepEqual(log.length, 1);
    assert.match(log[0] ?? "", /skipped.*invalid "condition" value "\(lookup if destined to mailing list\)"/);
  },
});

example("17.8", "$domain_used_domain in a message: the default is sent, the failure is logged", {
  config: around({ rcpt: "  deny message = Message from $domain_used_domain failed" }),
  async shows(site) {
    const { said, log } = await site.message();
    assert.equal(said[2], "550 Administrative prohibition");
    assert.match(log.join("\n"), /domain_used_domain/);
  },
});

example("17.9", "err_perm and err_temp of SPF", {
  config: around({ rcpt: "  deny spf = err_perm : err_temp" }),
  async shows(site) {
    for (const [result, said] of [
      ["permerror", "550 Administrative prohibition"],
      ["temperror", "550 Administrative prohibition"],
      ["pass", "accept"],
    ] as const) {
      const facts = { spf: () => ({ result, variables: {} }) };
      assert.equal((await site.message({ hooks: { facts } })).said[2], said, result);
    }
  },
});

example("17.10", "BMI without an engine: nothing has been looked at", {
  config: around({
    rcpt: "  warn control = bmi_run",
    routers:
      "scanned:\n  driver = accept\n  domains = +local_domains\n  bmi_deliver_default\n  transport = remote_smtp\n",
  }),
  async shows(site) {
    assert.equal((await site.deliveries("u@test.example"))[0]?.router, "scanned");
    assert.deepEqual(
      await site.expand("$bmi_deliver|$bmi_alt_location|$bmi_base64_verdict|$bmi_base64_tracker_verdict"),
      ["1|||"],
    );
  },
});
