import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AdvertiseLists } from "../../src/acl/smtp/advertise-lists.ts";
import { readConfiguration } from "../../src/reader/read-configuration.ts";
import { policySession } from "./policy-session.ts";

const listsOf = (main: string): AdvertiseLists => {
  const { configuration } = readConfiguration({ file: "p.conf", readFile: () => Buffer.from(main) });
  return new AdvertiseLists(configuration);
};

/** Exim's manual, chapter "Main configuration", under each option. */
describe("hosts to which extensions are offered", () => {
  test("what is said to all needs no question", () => {
    assert.partialDeepStrictEqual(listsOf("").forAll, {
      chunking: true,
      pipelining: true,
      smtpUtf8: true,
      limits: true,
      dsn: false,
    });
    assert.ok(listsOf("").areSettled);
    const none = listsOf("chunking_advertise_hosts =\npipelining_advertise_hosts =\n");
    assert.partialDeepStrictEqual(none.forAll, { chunking: false, pipelining: false });
    assert.ok(none.areSettled);
    const some = listsOf("chunking_advertise_hosts = 192.0.2.1\n");
    assert.partialDeepStrictEqual(some.forAll, { chunking: false, pipelining: true });
    assert.ok(!some.areSettled);
  });

  const rows: readonly [config: string, offers: object][] = [
    ["", {}],
    ["chunking_advertise_hosts = 192.0.2.0/24", { chunking: true }],
    ["chunking_advertise_hosts = !192.0.2.1 : *", { chunking: false }],
    ["chunking_advertise_hosts = ${if eq{$sender_helo_name}{c.example}{*}}", { chunking: true }],
    ["chunking_advertise_hosts = ${if eq{$sender_helo_name}{d.example}{*}}", { chunking: false }],
    ["chunking_advertise_hosts = net-lsearch;/nonexistent/file", { chunking: false }],
    [
      "chunking_advertise_hosts = 192.0.2.1\npipelining_advertise_hosts = 192.0.2.2",
      { chunking: true, pipelining: false },
    ],
  ];
  for (const [config, offers] of rows) {
    test(`${config.replace("\n", ", ")}:`, async () => {
      const { acls, session } = policySession(config, { address: "192.0.2.1" });
      await acls.helo("c.example", true);
      assert.deepEqual(session.connection.standing.offers, offers);
    });
  }

  test("a refused EHLO asks for nothing, and each one that is accepted anew", async () => {
    const { acls, session } = policySession(
      "chunking_advertise_hosts = ${if eq{$sender_helo_name}{c.example}{*}}\nacl_smtp_helo = h\nbegin acl\nh:\n deny condition = ${if eq{$sender_helo_name}{bad}}\n accept",
      { address: "192.0.2.1" },
    );
    const offered = async (name: string) => {
      await acls.helo(name, true);
      return session.connection.standing.offers;
    };
    assert.deepEqual(await offered("bad"), {});
    assert.deepEqual(await offered("c.example"), { chunking: true });
    assert.deepEqual(await offered("bad"), { chunking: true });
    assert.deepEqual(await offered("d.example"), { chunking: false });
  });
});
