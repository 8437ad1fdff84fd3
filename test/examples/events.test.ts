import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createSecureContext } from "node:tls";
import { type Surroundings, textOf } from "@postbus/policy";
import {
  freePort,
  makeCertificate,
  mariadbIsMissing,
  postgresIsMissing,
  startMariadb,
  startPostgres,
  startSmtpPeer,
} from "@postbus/testkit";
import { around } from "./around.ts";
import { example } from "./example.ts";
import { runningProgram, speak } from "./running-program.ts";
import { Site } from "./site.ts";
import { text } from "./text.ts";

/** Of one delivery, with a quote that must not end a string of SQL. */
const DELIVERY = {
  sender_address_domain: "b.example",
  sender_address_local_part: "O'Neill",
  message_exim_id: "1VdNti-0001OY-1V",
  local_part: "User1",
  domain: "relay.example",
  host: "MX.relay.example",
  host_address: "192.0.2.9",
  host_port: 25,
};
const OLD_NAMES = {
  tpda_delivery_local_part: DELIVERY.local_part,
  tpda_delivery_domain: DELIVERY.domain,
  tpda_delivery_fqdn: DELIVERY.host,
  tpda_delivery_ip: DELIVERY.host_address,
  tpda_delivery_port: "25",
  tpda_delivery_confirmation: "OK id=1",
  tpda_defer_errno: "111",
  tpda_defer_errstr: "Connection refused: it's closed",
};

/** What an option asks the SQL server, and what comes out of it. */
async function asked(source: string, site: Site, variables: Readonly<Record<string, string | number>>) {
  const queries: string[] = [];
  const lookups: Surroundings["lookups"] = {
    find({ key }) {
      queries.push(key);
      return { found: true, data: "1" };
    },
  };
  const result = await site.value(source, { ...DELIVERY, ...variables }, { lookups });
  return { queries: queries.map((query) => query.replaceAll(/\s+/g, " ").trim()), result };
}

const RECORD =
  "SELECT * FROM record_Delivery( 'b.example','o''neill', 'relay.example', 'user1', '192.0.2.9', 'mx.relay.example', '1VdNti-0001OY-1V')";

example("8.1", "tpda_delivery_action", {
  config: around({ smtp: text("8.1.conf") }),
  async shows(site) {
    const source = String(site.transportOption("remote_smtp", "tpda_delivery_action"));
    assert.deepEqual((await asked(source, site, OLD_NAMES)).queries, [RECORD]);
  },
});

example("8.2", "tpda_host_defer_action", {
  config: around({ smtp: text("8.2.conf") }),
  async shows(site) {
    const source = String(site.transportOption("remote_smtp", "tpda_host_defer_action"));
    assert.deepEqual((await asked(source, site, OLD_NAMES)).queries, [
      "insert into delivlog set msgid = '1VdNti-0001OY-1V', senderlp = 'o\\'neill', senderdom = 'b.example', " +
        "delivlp = 'user1', delivdom = 'relay.example', delivip = '192.0.2.9', delivport = '25', " +
        "delivfqdn = 'MX.relay.example', deliverrno = '111', deliverrstr = 'Connection refused: it\\'s closed'",
    ]);
  },
});

example("8.3", "event_action", {
  config: around({ main: text("8.3.conf"), smtp: text("8.3.conf") }),
  async shows(site) {
    const source = String(site.transportOption("remote_smtp", "event_action"));
    assert.equal(site.configuration.main.get("event_action"), source);
    assert.deepEqual((await asked(source, site, { event_name: "msg:delivery" })).queries, [RECORD]);
    assert.deepEqual(await asked(source, site, { event_name: "msg:complete" }), { queries: [], result: "" });
  },
});

const LOG_IT = "${if eq{$event_name}{msg:delivery}{${acl{log_it}{$domain}}}}";

example("8.4", "names of events, with an ACL that logs", {
  config: around({
    smtp: `  event_action = ${LOG_IT}`,
    acls: "log_it:\n  accept logwrite = delivered to $acl_arg1\n",
  }),
  async shows(site) {
    const called: string[] = [];
    const callAcl: Surroundings["callAcl"] = (name, { aclArguments }) => {
      called.push([name, ...aclArguments].map(textOf).join(" "));
      return { verdict: "accept" };
    };
    for (const event of ["msg:complete", "msg:delivery", "msg:host:defer", "tcp:connect"]) {
      await site.value(LOG_IT, { ...DELIVERY, event_name: event }, { callAcl });
    }
    assert.deepEqual(called, ["log_it relay.example"]);
  },
});

example("8.5", "variables of the first descriptions", {
  config: around({
    smtp: `  tpda_event_action = ${Object.keys(OLD_NAMES)
      .map((name) => `$${name}`)
      .join("|")}`,
  }),
  async shows(site) {
    const source = String(site.transportOption("remote_smtp", "event_action"));
    assert.equal(await site.value(source, OLD_NAMES), Object.values(OLD_NAMES).join("|"));
  },
});

/** One message from O'Neill to one recipient. */
const MESSAGE = [
  ...["EHLO c.example", "MAIL FROM:<O'Neill@b.example>", "RCPT TO:<User1@relay.example>", "DATA"],
  ...["Subject: x\r\n\r\nhello\r\n.", "QUIT"],
];

/** What is said when it is there. */
async function eventually(ask: () => Promise<string>, isThere: (text: string) => boolean): Promise<string> {
  for (let tries = 0; tries < 600; tries++) {
    const text = await ask();
    if (isThere(text)) return text;
    await delay(100);
  }
  return ask();
}

const noPostgres = (await postgresIsMissing()) ?? false;

describe("with a real PostgreSQL", { skip: noPostgres && `SKIPPED: ${noPostgres}` }, () => {
  for (const { number, option } of [
    { number: "8.1", option: "tpda_delivery_action" },
    { number: "8.3", option: "event_action" },
  ]) {
    test(`${number} ${option}: a delivery is one row, and goes on when the server says no`, async (t) => {
      const server = await startPostgres();
      t.after(() => server.stop());
      const { hostname, port } = new URL(server.url);
      const servers = `pgsql_servers = ${hostname}::${port}/postgres/postgres/`;
      const site = new Site(around({ main: servers }));
      const ask = (query: string) => site.value(`\${lookup pgsql{${query.replaceAll("}", "\\}")}}}`, {});
      await ask("create table deliveries (sender text, recipient text, host text, message text)");
      await ask(
        "create function record_Delivery(a text, b text, c text, d text, e text, f text, g text) returns integer as ' " +
          "insert into deliveries values (concat(b, chr(64), a), concat(d, chr(64), c), concat(f, chr(32), e), g) returning 1 ' language sql",
      );
      await using peer = await startSmtpPeer();
      const smtp = `${text(`${number}.conf`)}\n  port = ${peer.port}\n  allow_localhost\n`;
      const program = await runningProgram(t, around({ main: servers, smtp }));
      await speak(program.port, MESSAGE);
      const rows = () => ask("select sender || ' ' || recipient || ' ' || host from deliveries");
      assert.equal(
        await eventually(rows, (found) => found !== ""),
        "o'neill@b.example user1@relay.example 127.0.0.1 127.0.0.1",
      );
      await ask("drop table deliveries");
      await speak(program.port, MESSAGE);
      const log = await eventually(
        () => readFile(program.mainlog, "latin1"),
        (all) => all.match(/Completed/g)?.length === 2,
      );
      assert.match(log, new RegExp(`failed to expand ${option} msg:delivery in remote_smtp: .*deliveries`));
      assert.equal(peer.messages.length, 2);
      assert.equal(log.match(/ => User1@relay\.example R=remote T=remote_smtp /g)?.length, 2);
    });
  }
});

describe("with a real MariaDB", { skip: mariadbIsMissing !== undefined && `SKIPPED: ${mariadbIsMissing}` }, () => {
  test("8.2 tpda_host_defer_action: a host that nobody answers at is one row", async (t) => {
    const server = await startMariadb();
    t.after(() => server.stop());
    const servers = `mysql_servers = 127.0.0.1::${server.port}/test/root/`;
    const ask = (query: string, database = "test") =>
      new Site(around({ main: servers.replace("/test/", `/${database}/`) })).value(`\${lookup mysql{${query}}}`, {});
    await ask("create database test", "information_schema");
    await ask(
      "create table delivlog (msgid text, senderlp text, senderdom text, delivlp text, delivdom text, delivip text, " +
        "delivport text, delivfqdn text, deliverrno text, deliverrstr text)",
    );
    const port = await freePort();
    const smtp = `${text("8.2.conf")}\n  port = ${port}\n  allow_localhost\n`;
    const program = await runningProgram(t, around({ main: servers, smtp }));
    await speak(program.port, MESSAGE);
    const rows = () =>
      ask("select senderlp, senderdom, delivlp, delivdom, delivip, delivport, deliverrno, deliverrstr from delivlog");
    assert.equal(
      await eventually(rows, (found) => found !== ""),
      `senderlp=o'neill senderdom=b.example delivlp=user1 delivdom=relay.example delivip=127.0.0.1 delivport=${port} ` +
        'deliverrno=111 deliverrstr="Connection refused" ',
    );
  });

  test("8.3 event_action: ${lookup mysql{INSERT …}} inserts a row for each delivery", async (t) => {
    const server = await startMariadb();
    t.after(() => server.stop());
    const servers = `mysql_servers = 127.0.0.1::${server.port}/test/root/`;
    const ask = (query: string, database = "test") =>
      new Site(around({ main: servers.replace("/test/", `/${database}/`) })).value(`\${lookup mysql{${query}}}`, {});
    await ask("create database test", "information_schema");
    await ask(
      "create table deliveries (message varchar(40), sender text, recipient varchar(80), host text, confirmation text, " +
        "primary key (message, recipient))",
    );
    await using peer = await startSmtpPeer({
      answer: ({ moment }) => (moment === "end of data" ? "250 it's mine" : undefined),
    });
    const values = ["message_exim_id", "sender_address", "local_part@$domain", "host_address", "event_data"];
    const insert = `INSERT IGNORE INTO deliveries VALUES (${values.map((name) => `'\${quote_mysql:$${name}}'`).join(", ")})`;
    const smtp = `  event_action = \${if eq{$event_name}{msg:delivery}{\${lookup mysql{${insert}}}}}
  port = ${peer.port}
  allow_localhost
`;
    const program = await runningProgram(t, around({ main: servers, smtp }));
    await speak(program.port, MESSAGE);
    const rows = () => ask("select sender, recipient, host, confirmation from deliveries");
    assert.equal(
      await eventually(rows, (found) => found !== ""),
      `sender=O'Neill@b.example recipient=user1@relay.example host=127.0.0.1 confirmation="250 it's mine" `,
    );
    await speak(program.port, MESSAGE);
    const log = await eventually(
      () => readFile(program.mainlog, "latin1"),
      (all) => all.match(/Completed/g)?.length === 2,
    );
    const ids = [...log.matchAll(/(\S+) => User1@relay\.example /g)].map(([, id]) => id);
    assert.equal(ids.length, 2);
    assert.equal(await ask("select message from deliveries order by message"), ids.toSorted().join("\n"));
    assert.doesNotMatch(log, /failed to expand/);
  });
});

test("8.5 variables of the first descriptions are set while an event is handled", async (t) => {
  await using peer = await startSmtpPeer({
    answer: ({ moment }) => (moment === "end of data" ? "250 OK id=1" : undefined),
  });
  const names = Object.keys(OLD_NAMES).map((name) => `$${name}`);
  const smtp = `  tpda_event_action = \${if eq{$tpda_event}{msg:delivery}{\${acl{say}{${names.join("|")}}}}}\n  port = ${peer.port}\n  allow_localhost\n`;
  const program = await runningProgram(t, around({ smtp, acls: "say:\n  accept logwrite = told $acl_arg1\n" }));
  await speak(program.port, MESSAGE);
  const log = await eventually(
    () => readFile(program.mainlog, "latin1"),
    (all) => all.includes("Completed"),
  );
  assert.match(
    log,
    new RegExp(`told user1\\|relay\\.example\\|127\\.0\\.0\\.1\\|127\\.0\\.0\\.1\\|${peer.port}\\|250 OK id=1\\|\\|\n`),
  );
});

for (const { number, veto, want } of [
  { number: "8.3", veto: "${if eq{$event_data}{0}{no friend}}", want: "no" },
  { number: "8.4", veto: "", want: "yes" },
] as const) {
  test(`${number} tls:cert is told of each certificate${veto === "" ? "" : ", and an answer makes it a bad one"}`, async (t) => {
    const authority = makeCertificate("Authority", { isAuthority: true });
    const { certificate, privateKey } = makeCertificate("127.0.0.1", { issuer: authority });
    await using peer = await startSmtpPeer({
      tls: createSecureContext({ cert: certificate + authority.certificate, key: privateKey }),
    });
    const smtp = `  event_action = \${if eq{$event_name}{tls:cert}{\${acl{say}{$event_data}{\${certextract{subject}{$tls_out_peercert}}}}${veto}}}
  port = ${peer.port}
  allow_localhost
  tls_verify_certificates = ${authority.certificateFile}
  tls_verify_cert_hostnames =
`;
    const program = await runningProgram(
      t,
      around({ smtp, acls: "say:\n  accept logwrite = told $acl_arg1 $acl_arg2\n" }),
    );
    await speak(program.port, MESSAGE);
    const log = await eventually(
      () => readFile(program.mainlog, "latin1"),
      (all) => all.includes("Completed"),
    );
    assert.match(log, / told 1 CN=Authority\n(?:.*\n)*.* told 0 CN=127\.0\.0\.1\n/);
    assert.match(log, new RegExp(` => User1@relay\\.example .* X=.* CV=${want} `));
    const denial = " [127.0.0.1] SSL verify denied by event-action: depth=0 cert=/CN=127.0.0.1: no friend\n";
    assert.equal(log.includes(denial), veto !== "");
  });
}
