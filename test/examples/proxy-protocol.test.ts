import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

import { around } from "./around.ts";
import { example } from "./example.ts";
import { runningProgram, speak } from "./running-program.ts";
import type { Site } from "./site.ts";
import { text } from "./text.ts";

const HEADER = "PROXY TCP4 198.51.100.7 203.0.113.9 40000 25\r\n";
const PATIENCE_MS = 60_000;

/** Of a log that is being written. */
async function lineOf(file: string, words: string): Promise<string> {
  for (const deadline = performance.now() + PATIENCE_MS; ; await delay(50)) {
    const line = (await readFile(file, "latin1").catch(() => "")).split("\n").find((one) => one.includes(words));
    if (line !== undefined) return line;
    assert.ok(performance.now() < deadline, `no line with ${words}`);
  }
}

example("10.1", "proxy_required_hosts, the old name of hosts_proxy", {
  config: around({ main: "proxy_required_hosts = <; 10.0.0.0/8 ; ::1" }),
  async shows({ configuration }, t) {
    assert.equal(configuration.main.get("hosts_proxy"), "<; 10.0.0.0/8 ; ::1");
    const { port } = await runningProgram(t, around({ main: "proxy_required_hosts = <; 127.0.0.0/8 ; ::1" }));
    const proxied = await speak(port, ["HELO c", "QUIT"], HEADER);
    assert.match(proxied.join(), /^220 .*,250 .* Hello c \[198\.51\.100\.7\],221 /);
    // Without one, the greeting comes behind its 3 s.
    const silent = await speak(port, ["HELO c", "NOOP", "QUIT"]);
    assert.match(silent.join(), /^220 .*,503 .*,503 .*,221 /);
  },
});

example("10.2", "log_selector = +proxy", {
  config: around({ main: "log_selector = +proxy" }),
  async shows({ configuration }, t) {
    assert.match(JSON.stringify(configuration.main.get("log_selector")), /proxy/);
    const config = around({ main: "log_selector = +proxy\nhosts_proxy = 127.0.0.1" });
    const { port, mainlog } = await runningProgram(t, config);
    const message = ["EHLO c", "MAIL FROM:<a@b.example>", "RCPT TO:<u@test.example>", "DATA", "Subject: x\r\n\r\n."];
    assert.match((await speak(port, message, HEADER)).at(-1) ?? "", /^250 /);
    const line = await lineOf(mainlog, " <= ");
    assert.match(line, / <= a@b\.example H=\(c\) \[198\.51\.100\.7\] P=esmtp PRX=127\.0\.0\.1 S=\d+/);
  },
});

const QUIET = { proxy: { localAddress: "192.0.2.1", externalAddress: "203.0.113.5" } };

example("10.3", "an ACL for connections through a proxy", {
  config: around({ connect: text("10.3.conf") }),
  async shows(site, t) {
    const log = async (options: Parameters<Site["message"]>[0]) => {
      const told = await site.message(options);
      assert.equal(told.said[0], "accept");
      return told.log.filter((line) => !line.startsWith("main: no host name found"));
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

    // The same values, told to the client of a real header.
    const values = [...text("10.3.conf").matchAll(/logwrite = .*: (.*)/g)].map(([, value = ""]) => value);
    const connect = `  deny message = ${values.join(" ")}`;
    const { port } = await runningProgram(t, around({ main: "hosts_proxy = 127.0.0.1", connect }));
    const [told = ""] = await speak(port, [], HEADER);
    const proxy = told.split(" ")[3] ?? "";
    assert.match(proxy, /^127\.0\.0\.1:\d+$/);
    assert.equal(told, `550 198.51.100.7:40000 203.0.113.9:25 ${proxy} 127.0.0.1:${port}`);
  },
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
  async shows(_site, t) {
    const { port } = await runningProgram(t, around({ main: "hosts_proxy = *" }));
    const said = await speak(port, ["EHLO c", "QUIT"], "EHLO c\r\n");
    assert.match(said[0] ?? "", /^220 mx\.test\.example ESMTP /);
    assert.equal(said[1], "503 Command refused, required Proxy negotiation failed");
    assert.match(said[2] ?? "", /^221 .*mx\.test\.example closing connection$/);
  },
});
