import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { policySession, shown } from "./policy-session.ts";

const zone = {
  "PTR 1.2.0.192.in-addr.arpa": ["client.example"],
  "A client.example": ["192.0.2.1"],
  "A other.example": ["192.0.2.1"],
  "A foreign.example": ["198.51.100.1"],
  "A broken.example": "defer",
} as const;

const NO = "550 EHLO argument does not match calling host";
const LATER = "451 EHLO argument does not match calling host";

/** Exim's manual, under both options; seen with exim-4.98 and exim-4.100 -bh. */
describe("names in HELO that have to be the client's", () => {
  const required = "helo_verify_hosts = 192.0.2.0/24";
  const tried = "helo_try_verify_hosts = *";
  const rows: readonly [config: string, name: string, said: string][] = [
    ["", "foreign.example", "accept 250 v=no"],
    [required, "client.example", "accept 250 v=yes"],
    [required, "Client.Example", "accept 250 v=yes"],
    [required, "other.example", "accept 250 v=yes"],
    [required, "[192.0.2.1]", "accept 250 v=yes"],
    [required, "foreign.example", NO],
    [required, "[192.0.2.2]", NO],
    [required, "nowhere.example", NO],
    [required, "broken.example", LATER],
    ["helo_verify_hosts = 198.51.100.0/24", "foreign.example", "accept 250 v=no"],
    [tried, "client.example", "accept 250 v=yes"],
    [tried, "foreign.example", "accept 250 v=no"],
    [tried, "broken.example", "accept 250 v=no"],
    [`${required}\n${tried}`, "foreign.example", NO],
  ];
  const acl =
    "acl_smtp_helo = check\nbegin acl\ncheck:\n accept message = v=${if bool{$sender_helo_verified}{yes}{no}}\n";
  for (const [config, name, said] of rows) {
    test(`${config.replace("\n", ", ")}: ${name}`, async () => {
      const { acls } = policySession(`${config}\n${acl}`, { zone });
      await acls.connect();
      assert.equal(shown(await acls.helo(name, true)), said);
    });
  }

  const lookedUp: readonly [config: string, name: string, hostName: string | undefined][] = [
    ["", "mx.test", undefined],
    ["helo_lookup_domains = @ : *.example", "mx.test", "client.example"],
    ["helo_lookup_domains = @ : *.example", "a.example", "client.example"],
    ["helo_lookup_domains = @ : *.example", "a.test", undefined],
    ["helo_lookup_domains = lsearch;/nonexistent/file", "a.test", undefined],
  ];
  for (const [config, name, hostName] of lookedUp) {
    test(`${config}: with HELO ${name}, the client's own name is ${hostName}`, async () => {
      const { acls, session } = policySession(config, { zone });
      await acls.connect();
      assert.equal(shown(await acls.helo(name, true)), "accept");
      assert.equal(session.connection.hostName, hostName);
    });
  }

  test("a name that is refused leaves the one before in force", async () => {
    const { acls, session } = policySession(required, { zone });
    await acls.connect();
    assert.equal(shown(await acls.helo("client.example", true)), "accept");
    assert.equal(shown(await acls.helo("foreign.example", false)), "550 HELO argument does not match calling host");
    assert.partialDeepStrictEqual(session.connection, { helo: "client.example", heloIsVerified: true });
  });
});
