import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BmiVerdict } from "@postbus/policy";
import { temporaryDirectory } from "../support/fixture.ts";
import { messagesIn } from "../support/mailbox.ts";
import { around } from "./around.ts";
import { example } from "./example.ts";
import { runningProgram, speak } from "./running-program.ts";
import { Site } from "./site.ts";
import { text } from "./text.ts";

// What the whole program makes of them, with an engine, is in ../bmi.test.ts by the same numbers.

const UNKNOWN_USER = `unknown:
  driver = redirect
  local_parts = nobody
  allow_fail
  data = :fail: Unknown user
`;

const verdict = (parts: Partial<BmiVerdict>) => ({
  bmiVerdict: (): BmiVerdict => ({
    deliver: "default",
    rules: [],
    alternateLocation: "",
    base64Verdict: "VERDICT",
    base64TrackerVerdict: "TRACKER",
    ...parts,
  }),
});

/** Where user@test.example goes: the first router that takes it, or `discarded`. */
async function goesTo(site: Site, parts?: Partial<BmiVerdict>): Promise<string> {
  const lines = await site.route("user@test.example", parts === undefined ? {} : verdict(parts));
  return /is discarded/.test(lines[0] ?? "") ? "discarded" : (/router = (\w+)/.exec(lines.join("\n"))?.[1] ?? "");
}

example("3.1", "bmi_config_file", {
  config: around({ main: "bmi_config_file = /opt/brightmail/etc/brightmail.cfg" }),
  shows({ configuration }) {
    const path = "/opt/brightmail/etc/brightmail.cfg";
    assert.equal(configuration.main.get("bmi_config_file"), path);
    assert.equal(new Site(around()).configuration.main.get("bmi_config_file"), path, "the default");
    // Of another program, or not there: told where messages are to be scanned, and mail goes on.
    const scanning = new Site(around({ main: `bmi_config_file = ${path}`, rcpt: text("3.2.conf") }));
    assert.match(
      scanning.notices.join("\n"),
      /brightmail\.cfg: there is no such file: "control = bmi_run" has no effect/,
    );
  },
});

example("3.2", "control = bmi_run for known recipients", {
  config: around({ rcpt: `${text("3.2.conf")}  deny`, routers: UNKNOWN_USER }),
  async shows(site) {
    const recipients = ["user1@test.example", "user2@relay.example", "nobody@test.example", "x@other.example"];
    const { said, session } = await site.message({ recipients });
    assert.deepEqual(said.slice(2, 6), ["accept", "accept", "550 Unknown user", "550 Administrative prohibition"]);
    assert.deepEqual(session.message.recipients, recipients.slice(0, 2));
    assert.equal(session.message.controls.runsBmi, true);
    const without = await new Site(around()).message({ recipients });
    assert.equal(without.session.message.controls.runsBmi, undefined);
  },
});

example("3.3", "bmi_dont_deliver", {
  config: around({ routers: text("3.3.conf") }),
  async shows(site) {
    assert.equal(await goesTo(site, { deliver: "none" }), "discarded");
    assert.equal(await goesTo(site, { deliver: "default" }), "local");
    assert.equal(await goesTo(site), "local", "nobody has looked at it");
    for (const [option, unscanned] of [
      ["bmi_deliver_default", "discarded"],
      ["bmi_deliver_alternate", "local"],
    ] as const) {
      const other = new Site(around({ routers: text("3.3.conf").replace("bmi_dont_deliver", option) }));
      assert.equal(await goesTo(other), unscanned, option);
      assert.equal(await goesTo(other, { deliver: "alternate" }), option.endsWith("default") ? "local" : "discarded");
    }
  },
});

example("3.4", "bmi_rule", {
  config: around({ routers: text("3.4.conf") }),
  async shows(site) {
    const lines = await site.route("user@test.example", verdict({ rules: [7, 8] }));
    assert.equal(lines[0], "postmaster@mydomain.com");
    assert.equal(await goesTo(site, { rules: [6, 7] }), "local");
    assert.equal(await goesTo(site), "local");
  },
});

for (const [number, header, value] of [
  ["3.5", "X-Brightmail-Verdict: $bmi_base64_verdict", "VERDICT"],
  ["3.6", "X-Brightmail-Tracker: $bmi_base64_tracker_verdict", "TRACKER"],
] as const) {
  const router = text("3.5.conf").replace(/X-Brightmail.*/, header);
  example(number, `headers_add = ${header}`, {
    config: around({ routers: router }),
    async shows(_site, t) {
      // Without the account, which need not be on this machine.
      const config = around({ routers: router.replace(/check_local_user/, "local_parts = user") });
      const site = new Site(config);
      const name = header.slice(0, header.indexOf(":"));
      const scanned = await site.deliveries("user@test.example", verdict({}));
      assert.deepEqual(scanned[0]?.headersAdd, [`${name}: ${value}\n`]);
      const unscanned = await site.deliveries("user@test.example");
      assert.deepEqual(unscanned[0]?.headersAdd, [`${name}: \n`]);
      // The copy that is delivered has the field.
      const { port, maildir } = await runningProgram(t, config);
      const message = ["DATA", "Subject: x\r\n\r\nx\r\n.", "QUIT"];
      await speak(port, ["EHLO c", "MAIL FROM:<a@b.example>", "RCPT TO:<user@test.example>", ...message]);
      const [delivered = ""] = await messagesIn(maildir);
      assert.ok(delivered.includes(`\nSubject: x\n`), delivered);
      assert.ok(delivered.includes(`\n${name}: \n`), delivered);
    },
  });
}

example("3.7", "bmi_optin", {
  config: around({ rcpt: text("3.7.conf") }),
  async shows(_site, t) {
    const file = join(await temporaryDirectory(t, "optin"), "bmi_optin_data");
    // As in the document, but for the blanks before each line, which would continue the line before.
    writeFileSync(file, text("3.7-data.txt").replaceAll(/^ +/gm, ""));
    const rcpt = text("3.7.conf").replace("/etc/exim/bmi_optin_data", file);
    const site = new Site(around({ rcpt }).replace("relay.example", "mydomain.com : thatdomain.com"));
    const recipients = ["user1@mydomain.com", "user2@thatdomain.com", "user3@mydomain.com"];
    const { session } = await site.message({ recipients });
    assert.deepEqual(
      [...(session.message.controls.bmiOptin ?? [])],
      [
        ["user1@mydomain.com", ["<OPTIN STRING1>", "<OPTIN STRING2>"]],
        ["user2@thatdomain.com", ["<OPTIN STRING3>"]],
      ],
    );
  },
});
