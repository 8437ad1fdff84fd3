import assert from "node:assert/strict";
import { startSmtpPeer } from "@postbus/testkit";
import { eventually } from "../support/eventually.ts";
import { messagesIn } from "../support/mailbox.ts";
import { around } from "./around.ts";
import { example } from "./example.ts";
import { runningProgram, speak } from "./running-program.ts";
import { text } from "./text.ts";

example("11.1", "dsn_advertise_hosts", {
  config: around({ main: "dsn_advertise_hosts = *" }),
  shows: ({ configuration }) => assert.equal(configuration.main.get("dsn_advertise_hosts"), "*"),
});

const LAST = "last:\n  driver = accept\n  domains = relay.example\n  dsn_lasthop\n  transport = remote_smtp\n";

example("11.2", "dsn_lasthop", {
  config: around({ routers: LAST }),
  async shows(site, t) {
    assert.equal((await site.deliveries("u@relay.example"))[0]?.isLastHop, true);
    assert.equal((await site.deliveries("u@other.example"))[0]?.isLastHop, false);

    const commands: string[] = [];
    const peer = await startSmtpPeer({
      keywords: ["DSN"],
      answer({ moment, line }) {
        if (moment === "RCPT") commands.push(line);
        return undefined;
      },
    });
    t.after(() => peer[Symbol.asyncDispose]());
    const smtp = `  hosts = 127.0.0.1\n  allow_localhost\n  port = ${peer.port}`;
    const config = around({ main: "dsn_advertise_hosts = *", smtp, routers: LAST });
    const { port, maildir } = await runningProgram(t, config);
    const asked = ["u@relay.example", "u@other.example"].map((to) => `RCPT TO:<${to}> NOTIFY=SUCCESS`);
    await speak(port, ["EHLO c", "MAIL FROM:<a@test.example>", ...asked, "DATA", "Subject: x\r\n\r\nx\r\n."]);
    const [report = "", ...more] = await messagesIn(maildir);
    assert.deepEqual(more, []);
    assert.match(report, /^Action: relayed\nFinal-Recipient: rfc822;u@relay\.example$/m);
    await eventually(async () => (commands.length === 2 ? true : undefined));
    assert.deepEqual(commands.toSorted(), [
      "RCPT TO:<u@other.example> NOTIFY=SUCCESS ORCPT=rfc822;u@other.example",
      "RCPT TO:<u@relay.example>",
    ]);
  },
});

// The documents show fields of a report, and no configuration.
example("14.1", "fields of a bounce that tell what the host has said", {
  config: around(),
  async shows(_site, t) {
    const fields = text("14-fields.txt").trimEnd().split("\n");
    assert.deepEqual(
      fields.map((line) => /^ {2}([\w-]+): X-(ip|str); ./.exec(line)?.[1]),
      ["Remote-MTA", "X-Remote-MTA-smtp-greeting", "X-Remote-MTA-helo-response", "X-Exim-Diagnostic"],
    );
    const peer = await startSmtpPeer({ answer: ({ moment }) => (moment === "RCPT" ? "550 hard error" : undefined) });
    t.after(() => peer[Symbol.asyncDispose]());
    const { port, maildir } = await runningProgram(t, around({ smtp: `  port = ${peer.port}` }));
    const message = ["DATA", "Subject: x\r\n\r\nx\r\n."];
    await speak(port, ["EHLO c", "MAIL FROM:<a@test.example>", "RCPT TO:<d3@other.example>", ...message]);
    const [report = ""] = await messagesIn(maildir);
    const status = report.replace(/\n[ \t]+/g, " ");
    assert.ok(status.includes(`\nRemote-MTA: X-ip; [127.0.0.1]:${peer.port}\n`));
    const said = "SMTP error from remote mail server after RCPT TO:<d3@other.example>: 550 hard error";
    assert.ok(status.includes("\nX-Remote-MTA-smtp-greeting: X-str; 220 peer.test ESMTP\n"));
    assert.match(status, /\nX-Remote-MTA-helo-response: X-str; 250-\S/);
    assert.ok(status.includes(`\nX-Exim-Diagnostic: X-str; ${said}\nDiagnostic-Code: smtp; 550 hard error\n`));
  },
});
