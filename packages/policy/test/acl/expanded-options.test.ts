import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { policySession, shown } from "./policy-session.ts";

/** Says one thing of 192.0.2.1, and another of everybody else. */
const of = (one: string, others: string): string => `\${if eq{$sender_host_address}{192.0.2.1}{${one}}{${others}}}`;

async function termsOf(config: string, address?: string) {
  const { acls, session, log } = policySession(config, address === undefined ? {} : { address });
  return { said: shown(await acls.connect()), terms: session.connection.terms, log };
}

/** Exim's manual, chapter "Main configuration"; seen with exim-4.98 and exim-4.100 -bh. */
describe("options of the main section that are expanded for each client", () => {
  const rows: readonly [config: string, terms: object, address?: string][] = [
    ["", {}],
    ["message_size_limit = 20K", {}],
    [`message_size_limit = ${of("10K", "0")}`, { messageSizeLimit: 10_240 }],
    [`message_size_limit = ${of("10K", "0")}`, { messageSizeLimit: 0 }, "192.0.2.2"],
    [`recipients_max = ${of("2", "3")}`, { recipientsMax: 2 }],
    [`smtp_accept_max_per_connection = ${of("1", "3")}`, { mailMax: 1 }],
    [`smtp_receive_timeout = ${of("30s", "5m")}`, { receiveTimeoutMs: 30_000 }],
    [`smtp_active_hostname = ${of("one.test", "two.test")}`, { hostname: "one.test" }],
    ["smtp_active_hostname = ${if eq{1}{2}{x}fail}", {}],
    [
      "smtp_active_hostname = one.test\nsmtp_banner = $smtp_active_hostname hi",
      { hostname: "one.test", banner: ["one.test hi"] },
    ],
    ["smtp_banner = $smtp_active_hostname hi", { banner: ["mx.test hi"] }],
    ["smtp_banner = a\\nb  \\n  \\n", { banner: ["a", "b"] }],
    ["smtp_banner = ${if eq{1}{2}{x}fail}", {}],
  ];
  for (const [config, terms, address] of rows) {
    test(`${config.replace("\n", ", ")} ${address ?? ""}`, async () => {
      const { said, terms: found } = await termsOf(config, address);
      assert.equal(said, "accept");
      assert.partialDeepStrictEqual(found, terms);
      assert.deepEqual(Object.keys(found).sort(), Object.keys(terms).sort());
    });
  }

  const faults: readonly [config: string, log: RegExp][] = [
    [`message_size_limit = ${of("x", "x")}`, /main\+panic: invalid message_size_limit: .*"x"/],
    [`recipients_max = ${of("-1", "-1")}`, /main\+panic: invalid recipients_max: .*"-1"/],
    ["smtp_banner = ${lookup{x}lsearch{/nonexistent}}", /main\+panic: failed to expand smtp_banner: /],
  ];
  for (const [config, line] of faults) {
    test(`what cannot be found out turns the client away for now: ${config}`, async () => {
      const { said, log } = await termsOf(config);
      assert.equal(said, "drop 421 Temporary local problem - please try later");
      assert.match(log.join("\n"), line);
    });
  }

  test("host_reject_connection turns its hosts away, and nobody else", async () => {
    const config = "host_reject_connection = 192.0.2.1\nacl_smtp_connect = accept message = hello";
    assert.equal((await termsOf(config)).said, "drop 554 SMTP service not available");
    assert.equal((await termsOf(config, "192.0.2.2")).said, "accept 220 hello");
  });
});
