import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { policySession } from "./policy-session.ts";

const zone = {
  "PTR 1.2.0.192.in-addr.arpa": ["client.example"],
  "A client.example": ["192.0.2.1"],
  "PTR 2.2.0.192.in-addr.arpa": "defer",
} as const;

async function standingOf(config: string, address = "192.0.2.1") {
  const { acls, session } = policySession(config, { zone, address });
  await acls.connect();
  return session.connection.standing;
}

/** Exim's manual, chapter "Main configuration", under each option. */
describe("host lists of the main section", () => {
  test("a client of which they say nothing", async () =>
    assert.deepEqual(await standingOf(""), {
      name: "",
      mechanisms: "",
      mayAuthenticateUnasked: false,
      mayOmitSenderDomain: false,
      mayOmitRecipientDomain: false,
      isNonmailLimited: true,
      isTlsOffered: true,
      wantsSingleLines: false,
      offers: {},
      isPipeliningOff: false,
      maySpeakFirst: false,
      mayXclient: false,
      mayGreetWithJunk: false,
      mayOmitHello: false,
      enforcesSync: undefined,
    }));

  const rows: readonly [config: string, standing: object, address?: string][] = [
    ["sender_unqualified_hosts = 192.0.2.0/24", { mayOmitSenderDomain: true, mayOmitRecipientDomain: false }],
    ["recipient_unqualified_hosts = 192.0.2.0/24", { mayOmitSenderDomain: false, mayOmitRecipientDomain: true }],
    ["sender_unqualified_hosts = !192.0.2.1 : *", { mayOmitSenderDomain: false }],
    ["sender_unqualified_hosts = net-lsearch;/nonexistent/file", { mayOmitSenderDomain: false }],
    ["sender_unqualified_hosts = ${if eq{$sender_host_address}{192.0.2.1}{*}}", { mayOmitSenderDomain: true }],
    ["smtp_accept_max_nonmail_hosts = !192.0.2.1 : *", { isNonmailLimited: false }],
    ["smtp_accept_max_nonmail_hosts = 192.0.2.9", { isNonmailLimited: false }],
    ["hosts_xclient = 192.0.2.0/24", { mayXclient: true }],
    ["hosts_xclient = 192.0.2.9", { mayXclient: false }],
    ["pipelining_connect_advertise_hosts = 192.0.2.0/24", { maySpeakFirst: true }],
    ["pipelining_connect_advertise_hosts = 192.0.2.9", { maySpeakFirst: false }],
    ["helo_accept_junk_hosts = 192.0.2.0/24", { mayGreetWithJunk: true }],
    ["helo_accept_junk_hosts = 192.0.2.9", { mayGreetWithJunk: false }],
    ["hosts_require_helo = !192.0.2.1 : *", { mayOmitHello: true }],
    ["hosts_require_helo =", { mayOmitHello: true }],
    ["hosts_require_helo = 192.0.2.0/24", { mayOmitHello: false }],
    ["hosts_require_helo =\nhelo_verify_hosts = 192.0.2.1", { mayOmitHello: false }],
    ["hosts_require_helo =\nhelo_verify_hosts = 192.0.2.9", { mayOmitHello: true }],
    // What cannot be decided is yes here.
    ["hosts_require_helo = net-lsearch;/nonexistent/file", { mayOmitHello: false }],
    ["tls_advertise_hosts = !192.0.2.1 : *", { isTlsOffered: false }],
    ["tls_advertise_hosts =", { isTlsOffered: false }],
    ["tls_advertise_hosts = 192.0.2.0/24", { isTlsOffered: true }],
    // What cannot be decided is yes here.
    ["tls_advertise_hosts = net-lsearch;/nonexistent/file", { isTlsOffered: true }],
    ["host_lookup = *", { name: "client.example" }],
    ["host_lookup = !192.0.2.1", { name: "" }],
    ["host_lookup = *", { name: "" }, "192.0.2.2"],
    ["host_lookup = *\nsender_unqualified_hosts = *.example", { name: "client.example", mayOmitSenderDomain: true }],
  ];
  for (const [config, standing, address] of rows) {
    test(`${config.replace("\n", ", ")}: ${address ?? ""}`, async () =>
      assert.partialDeepStrictEqual(await standingOf(config, address), standing));
  }

  test("controls of an ACL are part of it", async () =>
    assert.partialDeepStrictEqual(
      await standingOf(
        "acl_smtp_connect = a\nbegin acl\na:\n accept control = no_pipelining\n control = no_enforce_sync\n control = no_multiline_responses",
      ),
      { isPipeliningOff: true, enforcesSync: false, wantsSingleLines: true },
    ));
});
