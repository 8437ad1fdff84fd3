import assert from "node:assert/strict";

import { around } from "./around.ts";
import { example } from "./example.ts";
import { runningProgram, speak } from "./running-program.ts";
import type { Site } from "./site.ts";
import { text } from "./text.ts";

example("10.1", "proxy_required_hosts, the old name of hosts_proxy", {
  config: around({ main: "proxy_required_hosts = <; 10.0.0.0/8 ; ::1" }),
  shows: ({ configuration }) => assert.equal(configuration.main.get("hosts_proxy"), "<; 10.0.0.0/8 ; ::1"),
  pending: [
    { part: "C", behaviour: "such a host must begin with a PROXY header within 3 s" },
    { part: "C", behaviour: "without one, every command but QUIT is answered 503" },
  ],
});

example("10.2", "log_selector = +proxy", {
  config: around({ main: "log_selector = +proxy" }),
  shows: ({ configuration }) => assert.match(JSON.stringify(configuration.main.get("log_selector")), /proxy/),
  pending: { part: "C", behaviour: "the line of the reception has PRX=, the proxy's address" },
});

const QUIET = { proxy: { localAddress: "192.0.2.1", externalAddress: "203.0.113.5" } };

example("10.3", "an ACL for connections through a proxy", {
  config: around({ connect: text("10.3.conf") }),
  async shows(site) {
    const log = async (options: Parameters<Site["message"]>[0]) => {
      const told = await site.message(options);
      assert.equal(told.said[0], "accept");
      return told.log;
    };
    const proxied = { localAddress: "10.0.0.1", externalAddress: "203.0.113.5" };
    const addresses = [
      "main: Remote Source Address: 192.0.2.1:4000",
      "main: Proxy Target Address: 203.0.113.5:25",
      "main: Proxy Internal Address: 10.0.0.1:50",
      "main: Internal Server Address: :-1",
    ];
    assert.deepEqual(await log({ proxy: proxied }), [
      "main: Warning: Successfully proxied from  [192.0.2.1] through proxy protocol host 10.0.0.1",
      ...addresses,
    ]);
    assert.doesNotMatch((await log(QUIET)).join(), /Warning/, "the proxy looks whether we live");
    const failed = await log({ proxy: { localAddress: "", externalAddress: "" } });
    assert.equal(failed[0], "main: Warning: Failed required proxy protocol negotiation from  [192.0.2.1]");
    assert.equal((await log({})).length, 4, "no proxy");
  },
  pending: { part: "C", behaviour: "the values are those of a real PROXY header" },
});

example("10.4", "connections are limited, with a macro inside of the ACL", {
  config: around({ connect: text("10.4.conf") }),
  async shows(_site, t) {
    const { port } = await runningProgram(t, around({ connect: text("10.4.conf") }));
    const said: string[] = [];
    // The sixth at the latest on a machine that has time: what has been counted fades within 5 s.
    while (said.length < 20 && !(said.at(-1) ?? "").startsWith("4")) said.push(...(await speak(port, [])));
    assert.ok(said.length > 5, said.join());
    assert.ok(
      said.slice(0, -1).every((line) => line.startsWith("220 ")),
      said.join(),
    );
    assert.equal(said.at(-1), "451 Too many connections from this IP right now");
  },
});

example("10.5", "the text of the session", {
  config: around({ main: "hosts_proxy = *" }),
  pending: {
    part: "C",
    behaviour: "banner, 503 Command refused, required Proxy negotiation failed, 221 closing connection",
  },
});
