import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { judgeContent } from "@postbus/policy";
import { startSmtpPeer } from "@postbus/testkit";
import { eventually } from "../support/eventually.ts";
import { around } from "./around.ts";
import { example } from "./example.ts";
import { programSession } from "./program-session.ts";
import { runningProgram, speak } from "./running-program.ts";

/** Refuses one of two recipients when the content is there. */
const REFUSES_ONE = `acl_check_prdr:
  deny  local_parts = b
        message     = not for $local_part
  accept
`;

example("1.1", "prdr_enable", {
  config: around({ main: "prdr_enable = true" }),
  async shows(_site, t) {
    const offered = async (config: string): Promise<boolean> => {
      const { output } = await programSession(t, config, { client: "192.0.2.1", lines: ["EHLO c", "QUIT"] });
      return /^250-PRDR\r$/m.test(output);
    };
    assert.equal(await offered(around({ main: "prdr_enable = true" })), true);
    assert.equal(await offered(around()), false);
  },
});

example("1.2", "acl_data_smtp_prdr, the old name of acl_smtp_data_prdr", {
  config: around({ main: "acl_data_smtp_prdr = acl_check_prdr", acls: REFUSES_ONE }),
  async shows(site) {
    assert.equal(site.configuration.main.get("acl_smtp_data_prdr"), "acl_check_prdr");
    const { acls, stop } = site.session();
    await acls.mail({ returnPath: "a@b.example", isPrdr: true });
    for (const address of ["a@test.example", "b@test.example"]) await acls.recipient(address);
    acls.session.message.messageId = "1xXH4e-000000001w9-2cSO";
    const said: string[] = [];
    const talk: Parameters<typeof judgeContent>[1] = {
      say: ({ code, lines }) => void said.push(`${code} ${lines.join(" ")}`),
      log: () => undefined,
    };
    const { reply } = await judgeContent(acls, talk);
    if (reply !== undefined) talk.say(reply);
    await stop();
    assert.deepEqual(said, [
      "353 PRDR content analysis beginning",
      "250 PRDR R=<a@test.example> acceptance",
      "550 not for b",
      "250 id=1xXH4e-000000001w9-2cSO message accepted for some recipients",
    ]);
  },
});

example("1.3", "hosts_try_prdr", {
  config: around({ smtp: "  hosts_try_prdr = *" }),
  async shows(_site, t) {
    const peer = await startSmtpPeer({
      keywords: ["PRDR"],
      answer({ moment }) {
        if (moment !== "end of data") return undefined;
        return { raw: ["353 go on", "250 good", "450 later", "550 never", "250 some"].join("\r\n").concat("\r\n") };
      },
    });
    t.after(() => peer[Symbol.asyncDispose]());
    const smtp = `  hosts_try_prdr = *\n  port = ${peer.port}\n  allow_localhost`;
    const { port, mainlog } = await runningProgram(t, around({ smtp }));
    const to = ["a", "b", "c"].map((name) => `RCPT TO:<${name}@relay.example>`);
    await speak(port, ["EHLO c", "MAIL FROM:<u@test.example>", ...to, "DATA", "Subject: x\r\n\r\nx\r\n."]);
    const results = await eventually(async () => {
      const log = await readFile(mainlog, "latin1");
      const lines = ["a", "b", "c"].map((name) => new RegExp(` (=>|==|\\*\\*) ${name}@.*`).exec(log)?.[0]);
      return lines.includes(undefined) ? undefined : lines;
    });
    assert.match(peer.commands.find((line) => line.startsWith("MAIL")) ?? "", / PRDR( |$)/);
    assert.match(results[0] ?? "", /^ => .* PRDR /);
    assert.match(results[1] ?? "", /^ == .* PRDR error after DATA: 450 later$/);
    assert.match(results[2] ?? "", /^ \*\* .* PRDR error after DATA: 550 never$/);
  },
});

example("1.4", "PRDR in $smtp_command", {
  config: around({
    mail: "  deny condition = ${if match{$smtp_command}{PRDR}}\n       message = $prdr_requested",
  }),
  async shows(site) {
    const prdr = await site.message({ mail: "<a@b.example> PRDR" });
    const other = await site.message({ mail: "<a@b.example>" });
    assert.deepEqual([prdr.said[1], other.said[1]], ["550 yes", "accept"]);
  },
});
