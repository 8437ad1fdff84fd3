import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { promisify } from "node:util";
import { eximAsClient, eximCommand, freePort, postfixIsMissing, postfixSendmail, startPostfix } from "@postbus/testkit";
import nodemailer from "nodemailer";
import { eventually } from "../support/eventually.ts";
import { runningPostbus, temporaryDirectory } from "../support/fixture.ts";
import { messagesIn } from "../support/mailbox.ts";
import { needs } from "../support/programs.ts";

const run = promisify(execFile);

const running = await runningPostbus({ after });

describe("independent software sends us mail, and it is in the mailbox as it was sent", () => {
  const port = (): number => running.postbus.port("smtp");

  test("swaks", async (t) => {
    const swaks = needs(t, "swaks");
    if (swaks === undefined) return;
    const { stdout } = await run(swaks, [
      ...["--server", `127.0.0.1:${port()}`, "--to", "swaks@example.test", "--from", "a@sender.test"],
      ...["--header", "Subject: by swaks", "--body", "first\\n.leading dot\\n..two"],
    ]);
    assert.match(stdout, /<-\s+250 .*id=/);
    const [message = ""] = await messagesIn(running.mailbox("swaks"));
    assert.match(message, /^Subject: by swaks$/m);
    assert.match(message, /^first\n\.leading dot\n\.\.two$/m);
    assert.match(message, /^Received: from .*\[127\.0\.0\.1\]/m);
  });

  test("Python's smtplib, several recipients in one transaction", async (t) => {
    const python = needs(t, "python3");
    if (python === undefined) return;
    const script = `
import smtplib
with smtplib.SMTP("127.0.0.1", ${port()}) as s:
    s.ehlo()
    assert s.has_extn("pipelining") and s.has_extn("size") and s.has_extn("8bitmime"), s.esmtp_features
    refused = s.sendmail("a@sender.test", ["p1@example.test", "p2@example.test", "x/../y@example.test"], "Subject: by smtplib\\r\\n\\r\\nbody\\r\\n")
    print(sorted(refused), [code for code, text in refused.values()])
`;
    const { stdout } = await run(python, ["-c", script]);
    assert.match(stdout, /^\['x\/\.\.\/y@example\.test'\] \[55\d\]/);
    for (const mailbox of ["p1", "p2"]) {
      const [message = ""] = await messagesIn(running.mailbox(mailbox));
      assert.match(message, /^Subject: by smtplib$/m);
    }
  });

  test("nodemailer, with 8-bit text and an attachment", async () => {
    const transport = nodemailer.createTransport({ host: "127.0.0.1", port: port(), ignoreTLS: true });
    const info = await transport.sendMail({
      from: "a@sender.test",
      to: "nodemailer@example.test",
      subject: "by nodemailer: Grüße",
      text: "Grüße\n",
      attachments: [{ filename: "a.bin", content: Buffer.alloc(50_000, 7) }],
    });
    transport.close();
    assert.match(info.response, /^250 /);
    const [message = ""] = await messagesIn(running.mailbox("nodemailer"));
    assert.match(message, /multipart\/mixed/);
    assert.ok(message.length > 60_000);
  });

  test("Exim", async (t) => {
    if (needs(t, "exim-4.96") === undefined) return;
    const directory = await temporaryDirectory(t, "exim-client");
    const config = eximAsClient(port(), "hosts_try_chunking =");
    const [command = "", ...args] = eximCommand("exim-4.96", config, { port: await freePort(), directory });
    const child = run(command, [...args, "-odi", "-f", "a@exim.test", "exim1@example.test", "exim2@example.test"]);
    child.child.stdin?.end("Subject: by Exim\n\nbody\n");
    await child;
    for (const mailbox of ["exim1", "exim2"]) {
      const [message = ""] = await messagesIn(running.mailbox(mailbox));
      assert.match(message, /^Subject: by Exim$/m);
    }
  });

  for (const version of ["exim-4.96", "exim-4.100"] as const) {
    test(`${version} in chunks`, async (t) => {
      if (needs(t, version) === undefined) return;
      const directory = await temporaryDirectory(t, "exim-chunks");
      const config = eximAsClient(port(), "hosts_try_chunking = *");
      const [command = "", ...args] = eximCommand(version, config, { port: await freePort(), directory });
      const mailbox = `chunks-${version.replace(".", "-")}`;
      const body = Array.from({ length: 20_000 }, (_, n) => `.${n}\n`).join("");
      const child = run(command, [...args, "-odi", "-f", "a@exim.test", `${mailbox}@example.test`]);
      child.child.stdin?.end(`Subject: in chunks\n\n${body}`);
      await child;
      const [message = ""] = await messagesIn(running.mailbox(mailbox));
      assert.ok(message.endsWith(`\n\n${body}`));
      await eventually(async () => {
        const log = await readFile(join(running.data, "log", "mainlog"), "latin1");
        return /<= a@exim\.test .* P=esmtps? .*K S=[0-9]{6}/.test(log) || undefined;
      });
    });
  }

  test("Postfix", async (t) => {
    const missing = postfixIsMissing();
    if (missing !== undefined) return t.skip(`SKIPPED: ${missing}`);
    const directory = await temporaryDirectory(t, "postfix-client");
    const main = `myhostname = postfix.test\nmydestination =\nrelayhost = [127.0.0.1]:${port()}`;
    const postfix = await startPostfix(main, { port: await freePort(), directory });
    try {
      postfixSendmail(postfix, ["-f", "a@postfix.test", "postfix@example.test"], "Subject: by Postfix\n\nbody\n");
      const [message = ""] = await messagesIn(running.mailbox("postfix"));
      assert.match(message, /^Subject: by Postfix$/m);
    } finally {
      await postfix.stop();
    }
  });

  test("the log tells Exim's tools about all of them", async (t) => {
    const path = join(running.data, "log", "mainlog");
    for (const [tool, pattern] of [
      ["exigrep", /by swaks|=> swaks/],
      ["eximstats", /Received/],
    ] as const) {
      const script = needs(t, tool);
      if (script === undefined) return;
      const { stdout } = await run(script, tool === "exigrep" ? ["swaks@example.test", path] : [path]);
      assert.match(stdout, pattern);
    }
  });
});
