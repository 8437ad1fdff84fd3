import assert from "node:assert/strict";
import { around } from "./around.ts";
import { example } from "./example.ts";
import { programSession } from "./program-session.ts";
import { redisPort } from "./redis-server.ts";
import { Site } from "./site.ts";

/** The same servers on the port of the test's own. */
const servers = (value: string, port: number): string =>
  `redis_servers = ${value.replace("127.0.0.1", `127.0.0.1::${port}`)}\n`;
const DEFAULT = "127.0.0.1//";

for (const [number, title, value, settings, other] of [
  ["9.1", "database 10, no password", "127.0.0.1/10/", [], "127.0.0.1//"],
  ["9.2", "default database, password", "127.0.0.1//password", ["--requirepass", "password"], "127.0.0.1//wrong"],
  ["9.3", "default database, no password", DEFAULT, [], "127.0.0.1/10/"],
] as const) {
  example(number, `redis_servers = ${value}: ${title}`, {
    config: around({ main: `redis_servers = ${value}` }),
    async shows(_site, t) {
      const port = await redisPort(t, ...settings);
      if (port === undefined) return;
      const here = new Site(around({ main: servers(value, port) }));
      const there = new Site(around({ main: servers(other, port) }));
      const get = "[${lookup redis{GET k}}]";
      assert.deepEqual(await here.expand("${lookup redis{SET k v}}", get), ["OK", "[v]"]);
      const [found = ""] = await there.expand(get);
      assert.match(found, number === "9.2" ? /^Failed: / : /^\[\]$/, "another database, or another password");
    },
  });
}

const RELAY = "hostlist relay_from_ips = <\\n ${lookup redis{SMEMBERS relay_from_ips}}\n";

example("9.4", "a host list from a set", {
  config: around({ main: `${RELAY}redis_servers = ${DEFAULT}`, rcpt: "  deny !hosts = +relay_from_ips" }),
  async shows(_site, t) {
    const port = await redisPort(t);
    if (port === undefined) return;
    const main = `${RELAY}${servers(DEFAULT, port)}`;
    const site = new Site(around({ main, rcpt: "  deny !hosts = +relay_from_ips" }));
    const from = async (address: string) => (await site.message({ address })).said[2];
    assert.equal(await from("192.168.0.7"), "550 Administrative prohibition", "an empty set");
    await site.expand("${lookup redis{SADD relay_from_ips 192.168.0.0/24 2001:db8::/32}}");
    assert.equal(await from("192.168.0.7"), "accept");
    assert.equal(await from("2001:db8::7"), "accept");
    assert.equal(await from("192.168.1.7"), "550 Administrative prohibition");
  },
});

const VIRTUAL = "domainlist virtual_domains = ${lookup redis {HGET $domain domain}}\n";

example("9.5", "a domain list from hashes", {
  config: around({ main: `${VIRTUAL}redis_servers = ${DEFAULT}`, rcpt: "  deny !domains = +virtual_domains" }),
  async shows(_site, t) {
    const port = await redisPort(t);
    if (port === undefined) return;
    const rcpt = "  deny !domains = +virtual_domains";
    const site = new Site(around({ main: `${VIRTUAL}${servers(DEFAULT, port)}`, rcpt }));
    await site.expand(
      "${lookup redis{HSET v.example domain v.example}}",
      "${lookup redis{HSET w.example domain other.example}}",
    );
    const recipients = ["u@v.example", "u@w.example", "u@x.example"];
    const { said } = await site.message({ recipients });
    assert.deepEqual(said.slice(2, 5), ["accept", "550 Administrative prohibition", "550 Administrative prohibition"]);
  },
});

/** The macro's name is an operator's; where it is used is the document's. */
const SPAMMER = "SPAMMER_SET = SET SPAMMER yes\n";
const SET_SPAMMER = "  warn set acl_c_spammer = ${if eq{${lookup redis{SPAMMER_SET}}}{OK}}\n";

example("9.6", "a command that writes, out of a macro", {
  config: around({ main: `${SPAMMER}redis_servers = ${DEFAULT}`, rcpt: SET_SPAMMER }),
  async shows(_site, t) {
    const port = await redisPort(t);
    if (port === undefined) return;
    const main = `${SPAMMER}${servers(DEFAULT, port)}`;
    const site = new Site(around({ main, rcpt: SET_SPAMMER }));
    const { session } = await site.message();
    assert.deepEqual([...session.connection.variables], [["acl_c_spammer", "true"]]);
    assert.deepEqual(await site.expand("${lookup redis{GET SPAMMER}}"), ["yes"]);
    const exists = new Site(around({ main: main.replace("SPAMMER yes", "SPAMMER yes NX"), rcpt: SET_SPAMMER }));
    const again = await exists.message();
    assert.deepEqual([...again.session.connection.variables], [["acl_c_spammer", ""]]);
  },
});

const SPAM_HOST = "  warn set acl_c_spam_host = ${lookup redis{GET SPAMMER}}\n";

example("9.7", "a command that reads", {
  config: around({ main: `redis_servers = ${DEFAULT}`, rcpt: SPAM_HOST }),
  async shows(_site, t) {
    const port = await redisPort(t);
    if (port === undefined) return;
    const main = servers(DEFAULT, port);
    const config = around({ main, rcpt: `${SPAM_HOST}  deny message = found: $acl_c_spam_host.` });
    const ask = async () => {
      const lines = ["EHLO client.example", "MAIL FROM:<a@b.example>", "RCPT TO:<u@test.example>", "QUIT"];
      return (await programSession(t, config, { client: "192.0.2.1", lines })).replies[3];
    };
    assert.equal(await ask(), "550 found: .", "there is no such key");
    await new Site(config).expand("${lookup redis{SET SPAMMER 192.0.2.66}}");
    assert.equal(await ask(), "550 found: 192.0.2.66.");
  },
});
