import assert from "node:assert/strict";
import { type Surroundings, textOf } from "@postbus/policy";
import { around } from "./around.ts";
import { example } from "./example.ts";
import type { Site } from "./site.ts";
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
  pending: { part: "D", behaviour: "a delivery asks the server once, and succeeds whatever it says" },
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
  pending: { part: "D", behaviour: "a host that defers is told to the server once" },
});

example("8.3", "event_action", {
  config: around({ main: text("8.3.conf"), smtp: text("8.3.conf") }),
  async shows(site) {
    const source = String(site.transportOption("remote_smtp", "event_action"));
    assert.equal(site.configuration.main.get("event_action"), source);
    assert.deepEqual((await asked(source, site, { event_name: "msg:delivery" })).queries, [RECORD]);
    assert.deepEqual(await asked(source, site, { event_name: "msg:complete" }), { queries: [], result: "" });
  },
  pending: [
    { part: "D", behaviour: "a delivery asks the server once, and succeeds whatever it says" },
    { part: "D", behaviour: "an answer at tcp:connect, smtp:connect or tls:cert stops the connection" },
  ],
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
  pending: [
    ...["msg:complete", "msg:delivery", "msg:host:defer", "msg:fail:delivery", "msg:fail:internal"],
    ...["tcp:connect", "tcp:close", "tls:cert", "smtp:connect"],
  ].map((name) => ({ part: "D" as const, behaviour: `${name} is raised, with its $event_data` })),
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
  pending: { part: "D", behaviour: "they are set while an event is handled" },
});
