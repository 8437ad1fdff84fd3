import assert from "node:assert/strict";
import { around } from "./around.ts";
import { example } from "./example.ts";
import { text } from "./text.ts";

example("11.1", "dsn_advertise_hosts", {
  config: around({ main: "dsn_advertise_hosts = *" }),
  shows: ({ configuration }) => assert.equal(configuration.main.get("dsn_advertise_hosts"), "*"),
});

example("11.2", "dsn_lasthop", {
  config: around({
    routers: "last:\n  driver = accept\n  domains = relay.example\n  dsn_lasthop\n  transport = remote_smtp\n",
  }),
  async shows(site) {
    assert.equal((await site.deliveries("u@relay.example"))[0]?.isLastHop, true);
    assert.equal((await site.deliveries("u@other.example"))[0]?.isLastHop, false);
  },
  pending: { part: "D", behaviour: "NOTIFY=SUCCESS is answered with a report (relayed) and not passed on" },
});

// The documents show fields of a report, and no configuration.
example("14.1", "fields of a bounce that tell what the host has said", {
  config: around(),
  shows() {
    const fields = text("14-fields.txt").trimEnd().split("\n");
    assert.deepEqual(
      fields.map((line) => /^ {2}([\w-]+): X-(ip|str); ./.exec(line)?.[1]),
      ["Remote-MTA", "X-Remote-MTA-smtp-greeting", "X-Remote-MTA-helo-response", "X-Exim-Diagnostic"],
    );
  },
  pending: { part: "D", behaviour: "a bounce for a 550 of a host has these four fields" },
});
