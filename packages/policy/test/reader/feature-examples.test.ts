import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readText } from "./read-text.ts";

/** What is around the examples: a small site with each section. */
function around(parts: {
  main?: string;
  rcpt?: string;
  data?: string;
  connect?: string;
  routers?: string;
  transports?: string;
}): string {
  return `
primary_hostname = mx.test.example
domainlist local_domains = test.example
domainlist relay_to_domains = relay.example
domainlist screwed_up_dmarc_records = bad.example
hostlist relay_from_hosts = 127.0.0.1
hostlist local_hosts = 127.0.0.1
acl_smtp_rcpt = acl_check_rcpt
acl_smtp_data = acl_check_data
acl_smtp_connect = acl_check_connect
${parts.main ?? ""}
begin acl
acl_check_connect:
${parts.connect ?? ""}
  accept
acl_check_rcpt:
${parts.rcpt ?? ""}
  accept
acl_check_data:
${parts.data ?? ""}
  accept

begin routers
${parts.routers ?? ""}
remote:
  driver = manualroute
  domains = ! +local_domains
  route_list = * 127.0.0.1
  self = send
  transport = remote_smtp
local:
  driver = accept
  transport = local_delivery

begin transports
remote_smtp:
  driver = smtp
${parts.transports ?? ""}
local_delivery:
  driver = appendfile
  file = ./mail/$local_part_data

begin retry
* * F,1h,5m
`;
}

/** Examples of the descriptions of the features, by their numbers: each loads as it is written. */
const examples: Readonly<Record<string, Parameters<typeof around>[0]>> = {
  "1.1 prdr_enable": { main: "prdr_enable = true" },
  "1.2 acl_data_smtp_prdr": { main: "acl_data_smtp_prdr = acl_check_rcpt" },
  "1.3 hosts_try_prdr": { transports: "  hosts_try_prdr = *" },
  "1.4 PRDR in $smtp_command": { rcpt: "  warn condition = ${if match{$smtp_command}{PRDR}}" },
  "2.1 tls_ocsp_file": { main: "tls_ocsp_file = ./ocsp.der" },
  "2.2 hosts_require_ocsp": {
    transports: "  hosts_require_ocsp = *\n  hosts_require_tls = *\n  tls_verify_certificates = ./ca.pem",
  },
  "2.3 hosts_request_ocsp": { transports: "  hosts_request_ocsp = *" },
  "3.1 bmi_config_file": { main: "bmi_config_file = /opt/brightmail/etc/brightmail.cfg" },
  "3.2 control = bmi_run": {
    rcpt: `
  accept  domains       = +local_domains
          endpass
          verify        = recipient
          control       = bmi_run

  accept  domains       = +relay_to_domains
          endpass
          verify        = recipient
          control       = bmi_run
`,
  },
  "3.3 bmi_dont_deliver": {
    routers: `
        # not for the BMI server
        bmi_blackhole:
          driver = redirect
          bmi_dont_deliver
          data = :blackhole:
        alternate:
          driver = redirect
          bmi_deliver_alternate
          data = :blackhole:
        default:
          driver = redirect
          bmi_deliver_default
          data = :blackhole:
`,
  },
  "3.4 bmi_rule": {
    routers: "bmi_rule_redirect:\n driver = redirect\n bmi_rule = 5:8:11\n data = postmaster@mydomain.com",
  },
  "3.5 verdict headers": {
    routers: `localuser:
          driver = accept
          check_local_user
          headers_add = X-Brightmail-Verdict: $bmi_base64_verdict
          headers_add = X-Brightmail-Tracker: $bmi_base64_tracker_verdict
          transport = local_delivery`,
  },
  "3.7 bmi_optin": {
    rcpt: `
    accept  domains       = +relay_to_domains
            endpass
            verify        = recipient
            bmi_optin     = \${lookup{$local_part@$domain}lsearch{/etc/exim/bmi_optin_data}}
            control       = bmi_run
`,
  },
  "4.1 spf": { rcpt: "  warn spf = fail : softfail\n  warn spf = !fail\n  warn spf = err_perm : err_temp" },
  "5.1 srs": { transports: "  return_path = ${srs_encode {SECRET}{$return_path}{$original_domain}}" },
  "6.1 dccifd on a socket": { main: "dccifd_address = /usr/local/dcc/var/dccifd" },
  "6.2 dccifd on TCP": { main: "dccifd_address = 127.0.0.1 6276" },
  "6.3 dcc": { data: "  deny !dcc = *" },
  "6.4 dcc with defer_ok": { data: "  deny !dcc = */defer_ok" },
  "6.5 greylisting": { data: "  defer   !dcc = *" },
  "6.6 dcc_direct_add_header": { main: "dcc_direct_add_header = true" },
  "6.7 acl_m_dcc_add_header": { data: "  warn set acl_m_dcc_add_header = x\n dcc = *" },
  "6.8 the client's address for DCC": {
    data: `
  warn    set acl_m_dcc_override_client_ip = \\
    \${lookup{$sender_helo_name}nwildlsearch{/etc/mail/multipleip_sites}{$value}{}}
          condition = \${if def:acl_m_dcc_override_client_ip}
          log_message = dbg: acl_m_dcc_override_client_ip set to \\
                        $acl_m_dcc_override_client_ip
`,
  },
  "7.1 dmarc options": {
    main: "dmarc_tld_file = /etc/tlds\ndmarc_history_file = /var/dmarc\ndmarc_forensic_sender = x@test.example",
  },
  "7.2 dmarc_disable_verify, both spellings": {
    rcpt: "  warn control = dmarc_disable_verify\n control = dmarc_verify_disable",
  },
  "7.3 dmarc_enable_forensic, both spellings": {
    rcpt: "  warn control = dmarc_enable_forensic\n control = dmarc_forensic_enable",
  },
  "7.4 RCPT ACL": {
    rcpt: `
  warn    domains        = +local_domains
          hosts          = +local_hosts
          control        = dmarc_disable_verify

  warn    !domains       = +screwed_up_dmarc_records
          control        = dmarc_enable_forensic

  warn    condition      = (lookup if destined to mailing list)
          set acl_m_mailing_list = 1
`,
  },
  "7.5 DATA ACL": {
    data: `
  warn    dmarc_status   = accept : none : off
          !authenticated = *
          log_message    = DMARC DEBUG: $dmarc_status $dmarc_used_domain
          add_header     = $dmarc_ar_header

  warn    dmarc_status   = quarantine
          !authenticated = *
          set $acl_m_quarantine = 1
          # Do something in a transport with this flag variable

  deny    condition      = \${if eq{$dmarc_domain_policy}{reject}}
          condition      = \${if eq{$acl_m_mailing_list}{1}}
          message        = Messages from $dmarc_used_domain break mailing lists

  deny    dmarc_status   = reject
          !authenticated = *
          message        = Message from $domain_used_domain failed sender's DMARC policy, REJECT

  warn    add_header     = :at_start:\${authresults {$primary_hostname}}
`,
  },
  "8.1 tpda_delivery_action": {
    transports: `
tpda_delivery_action = \\
\${lookup pgsql {SELECT * FROM record_Delivery( \\
    '\${quote_pgsql:$sender_address_domain}',\\
    '\${quote_pgsql:\${lc:$tpda_delivery_local_part}}', \\
    '\${quote_pgsql:$message_exim_id}')}}
`,
  },
  "8.2 tpda_host_defer_action": {
    transports:
      "tpda_host_defer_action = ${lookup mysql {insert into delivlog set deliverrno = '${quote_mysql:$tpda_defer_errno}'}}",
  },
  "8.3 event_action": {
    main: "event_action = ${if eq {msg:delivery}{$event_name} {${lookup pgsql {SELECT 1}}} {}}",
    transports: "event_action = ${if eq{$event_name}{msg:delivery}{${acl{log_it}{$domain}}}}",
  },
  "9.1 redis database": { main: "redis_servers = 127.0.0.1/10/" },
  "9.2 redis password": { main: "redis_servers = 127.0.0.1//password" },
  "9.3 redis default": { main: "redis_servers = 127.0.0.1//" },
  "9.4 a list from redis": { main: "hostlist relay_from_ips = <\\n ${lookup redis{SMEMBERS relay_from_ips}}" },
  "9.5 domains from redis": { main: "domainlist virtual_domains = ${lookup redis {HGET $domain domain}}" },
  "9.6 a command for redis": {
    main: "SPAMMER_SET = SET SPAMMER x",
    rcpt: "  warn set acl_c_spammer = ${if eq{${lookup redis{SPAMMER_SET}}}{OK}}",
  },
  "10.1 proxy_required_hosts": { main: "proxy_required_hosts = <; 10.0.0.0/8 ; ::1" },
  "10.2 log selector proxy": { main: "log_selector = +proxy" },
  "10.3 connect ACL": {
    connect: `
  warn    condition      = \${if and{ {bool{$proxy_session}} \\
                                     {eq{$proxy_host_address}{}} } }
          log_message    = Failed required proxy protocol negotiation \\
                           from $sender_host_name [$sender_host_address]

  warn    condition      = \${if and{ {bool{$proxy_session}} \\
                                     {!eq{$proxy_host_address}{}} } }
          # But don't log health probes from the proxy itself
          condition      = \${if eq{$proxy_host_address}{$sender_host_address} \\
                                {false}{true}}
          log_message    = Successfully proxied

  # Possibly more clear
  warn logwrite = Remote Source Address: $sender_host_address:$sender_host_port
       logwrite = Proxy Target Address: $proxy_target_address:$proxy_target_port
`,
  },
  "10.4 a macro inside of an ACL": {
    connect: `
     # Set max number of connections per host
     LIMIT = 5
     # Or do some kind of IP lookup in a flat file or database
     # LIMIT = \${lookup{$sender_host_address}iplsearch{/etc/exim/proxy_limits}}

     defer   message        = Too many connections from this IP right now
             ratelimit      = LIMIT / 5s / per_conn / strict
`,
  },
  "11.1 dsn_advertise_hosts": { main: "dsn_advertise_hosts = *" },
  "11.2 dsn_lasthop": { routers: "last:\n driver = accept\n dsn_lasthop\n transport = remote_smtp" },
  "12.1 tls_verify_cert_hostnames": {
    transports: "  tls_verify_hosts = *\n  tls_verify_certificates = ./ca.pem\n  tls_verify_cert_hostnames = *",
  },
  "13.1 hosts_request_ocsp with DANE": {
    transports: `
  hosts_request_ocsp = \${if or { {= {0}{$tls_out_tlsa_usage}} \\
                                 {= {4}{$tls_out_tlsa_usage}} } \\
                         {*}{}}
`,
  },
  "13.2 DANE": { transports: "  hosts_try_dane = *\n  hosts_require_dane = *\n  dnssec_request_domains = *" },
  "15.4 queuefile": {
    routers: "scan:\n   driver = accept\n   transport = scan",
    transports: "\nscan:\n  driver = queuefile\n  directory = /var/spool/baruwa-scanner/input\n",
  },
  "16.1 verify = arc": { data: "  warn verify = arc/pass:none" },
  "16.3 the oldest pass": {
    data: `
  warn logwrite = oldest-p-ams: <\${reduce {$lh_ARC-Authentication-Results:} \\
				{} \\
				{\${if = {$arc_oldest_pass} \\
					{\${extract {i}{\${extract {1}{;}{$item}}}}} \\
					{$item} {$value}}} \\
			    }>
`,
  },
  "16.4 arc_sign": { transports: "  arc_sign = mx.test.example : sel : ./arc.key : timestamps,expire=+3600" },
  "16.5 REQUIRETLS": { main: "tls_advertise_requiretls = *", rcpt: "  warn control = requiretls" },
};

describe("examples of the feature descriptions load as written", () => {
  for (const [name, parts] of Object.entries(examples)) {
    test(name, () => {
      const { of, configuration } = readText(around(parts));
      assert.deepEqual([...of("error"), ...of("machine")], []);
      assert.equal(configuration.acls.size, 3);
      assert.ok(configuration.routers.length >= 2);
    });
  }
});
