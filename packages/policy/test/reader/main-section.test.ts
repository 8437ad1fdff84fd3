import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readText } from "./read-text.ts";

describe("main options", () => {
  test("what is set is known, and what is not has its default", () => {
    const { configuration, all } = readText(
      "prdr_enable\nsmtp_accept_max = 2K\nauto_thaw = 1h30m\nno_accept_8bitmime\n",
    );
    const { main } = configuration;
    assert.deepEqual(all, []);
    assert.equal(main.get("prdr_enable"), true);
    assert.equal(main.get("accept_8bitmime"), false);
    assert.equal(main.get("smtp_accept_max"), 2048);
    assert.equal(main.get("auto_thaw"), 5_400_000);
    assert.equal(main.get("retry_interval_max"), 86_400_000);
    assert.deepEqual(main.get("delay_warning"), [86_400_000]);
    assert.equal(main.get("acl_smtp_rcpt"), undefined);
    assert.equal(main.setting("retry_interval_max"), undefined);
  });

  /** Each is one line; the problem, or none. All but those marked with * are the verdicts of Exim 4.98. */
  const lines: readonly (readonly [line: string, problem?: string])[] = [
    ["smtp_banner ="],
    ["smtp_banner", "smtp_banner: a value is expected"],
    ["smtp_banner a", 'smtp_banner: a "=" is expected'],
    ["no_smtp_banner", "no_smtp_banner: a negation prefix is for boolean options only"],
    ["smtp_banner =a = b"],
    ["prdr_enable ="],
    ["not_prdr_enable"],
    ["no_prdr_enable = true", "no_prdr_enable: a negated option has no value"],
    ["prdr_enable x", "prdr_enable: characters after the name of a boolean option"],
    ["Prdr_enable", "malformed macro definition"],
    ["hide smtp_banner = x"],
    ["hide no_prdr_enable"],
    ["hide hide smtp_banner = x", 'option "hide" unknown'],
    [". x", "option setting expected: . x"],
    ["smtp_bannner = x", 'option "smtp_bannner" unknown (did you mean smtp_banner?)'],
    ["domain list x = a", 'option "domain" unknown'],
    ["log_selector = +all -pid"],
    ["log_selector = +nix", "log_selector: unknown log_selector setting: +nix"],
    ["log_selector = pid", "log_selector: unknown log_selector setting: pid"],
    ["openssl_options = +no_tlsv1"], // *: Debian's Exim is built with GnuTLS
    [
      "perl_startup = x",
      "perl_startup: embedded Perl is not offered: what it computes can be written with ${if}, ${sg}, ${map} and lookups",
    ], // *
    ["perl_startup ="],
    [
      "ldap_default_servers = x",
      "ldap_default_servers: not available: LDAP lookups; keep that data where lsearch, cdb, redis or an SQL lookup finds it",
    ], // *
    ["system_filter ="],
    ["allow_insecure_tainted_data = no"],
    ["dmarc_mode = 7489"], // *
    ["dmarc_mode = x", 'dmarc_mode: 9989, 7489 is expected, not "x"'], // *
  ];
  for (const [line, problem] of lines) {
    test(`${line} ${problem === undefined ? "is taken" : "is refused"}`, () => {
      assert.deepEqual(readText(line).of("error"), problem === undefined ? [] : [`/c:1: ${problem}`]);
    });
  }

  test("an option is set once", () => {
    assert.deepEqual(readText("prdr_enable\nno_prdr_enable\nsmtp_banner = a\nsmtp_banner = a").all, [
      '/c:2: "prdr_enable" option set for the second time',
      '/c:4: "smtp_banner" option set for the second time',
    ]);
  });

  test("all problems are found in one run", () => {
    assert.equal(
      readText("a = 1\nb = 2\nsmtp_accept_max = x\nbegin nix\nq\nbegin retry\n* *\n* nix\n").of("error").length,
      5,
    );
  });

  test("options without meaning in a fleet are taken, with one notice for all", () => {
    const { all } = readText(
      "spool_directory = /x\nexim_user = nobody-here\nbegin routers\na:\n driver = accept\n verify_only\n debug_print = x",
    );
    assert.deepEqual(all, [
      "/c: these options have no meaning here and were ignored: debug_print, exim_user, spool_directory",
    ]);
  });

  test("other names of options are taken for them", () => {
    const { main } = readText(
      "acl_data_smtp_prdr = a\nproxy_required_hosts = *\nreturn_size_limit = 5K\ntpda_event_action = x",
    ).configuration;
    assert.equal(main.get("acl_smtp_data_prdr"), "a");
    assert.equal(main.get("hosts_proxy"), "*");
    assert.equal(main.get("bounce_return_size_limit"), 5120);
    assert.equal(main.get("event_action"), "x");
  });

  test("hidden values are marked", () => {
    const { main } = readText("hide pgsql_servers = a/b/c/secret\nsmtp_banner = x").configuration;
    assert.equal(main.setting("pgsql_servers")?.isHidden, true);
    assert.equal(main.setting("smtp_banner")?.isHidden, false);
  });

  test("an ACL that is not there is noticed, a text or an expansion is not", () => {
    const { all } = readText(
      "acl_smtp_rcpt = nix\nacl_smtp_data = accept\nacl_smtp_mail = ${x}\nacl_smtp_helo = deny hosts = *",
    );
    assert.deepEqual(all, ['/c:1: acl_smtp_rcpt: there is no ACL "nix": what it decides about is deferred']);
  });

  test("a certificate that is not on this machine is a problem of its own kind", () => {
    const files = { "/there.pem": "x" };
    const { all, of } = readText({
      text: "tls_certificate = /there.pem : /away.pem\ntls_privatekey = $x\ntls_crl = ./x",
      files,
    });
    assert.deepEqual(all, ["/c:1: tls_certificate: /away.pem: there is no such file"]);
    assert.deepEqual(of("machine"), all);
  });
});

describe("named lists", () => {
  test("each kind has its names", () => {
    const { configuration, all } = readText(
      'domainlist a = x : y\nhostlist a = "z"\nhide addresslist_cache b =\nlocalpartlist c=x\n',
    );
    assert.deepEqual(all, []);
    const { domain, host, address, localpart } = configuration.namedLists;
    assert.equal(domain.get("a")?.text, "x : y");
    assert.equal(host.get("a")?.text, "z");
    assert.deepEqual(host.get("a")?.place, { file: "/c", line: 2 });
    assert.equal(address.get("b")?.isCached, true);
    assert.equal(address.get("b")?.isHidden, true);
    assert.equal(localpart.get("c")?.isCached, false);
  });

  test("what is wrong with them", () => {
    assert.deepEqual(
      readText('domainlist a = x\ndomainlist a = y\ndomainlist b\nhostlist c-d = x\nhostlist e = "x" y').all,
      [
        '/c:2: duplicate name "a" for a named domain list',
        '/c:3: missing "=" after "b"',
        '/c:4: missing "=" after "c"',
        "/c:5: hostlist e: characters after the closing quote of the string",
      ],
    );
  });
});
