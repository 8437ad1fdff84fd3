import assert from "node:assert/strict";
import { test } from "node:test";
import { program } from "@postbus/testkit";
import { asked, field, send } from "../support/bmi-mail.ts";
import { startBmiSite } from "../support/bmi-site.ts";
import { eventually } from "../support/eventually.ts";

const missing = program("nats-server") === undefined ? "nats-server is not on this machine" : false;

test("a scanner that dies keeps no mail away: it goes on without a verdict", { skip: missing }, async (t) => {
  const site = await startBmiSite(t, { isOnNats: true, timeout: "2s" });
  const sent = send(site, { to: ["user4@test.example"], subject: "killed", header: ["X-Hang: yes"] });
  await eventually(async () => asked(site, "killed")[0]);
  await site.killScanner();
  assert.match((await sent).end[0] ?? "", /^250 /);
  const [message] = await site.delivered("killed", 1);
  assert.equal(field(message, "X-Brightmail-Verdict"), "");
  await eventually(async () => /^.* bmi error: no answer from the scanner$/m.exec(await site.mainlog())?.[0]);
});
