import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { MailEvent } from "@postbus/contracts";
import { isLine, startTestGateway } from "./start-test-gateway.ts";

const main = (answer = "") =>
  `event_action = \${acl{ev}{$event_name}{$event_data}{$sender_host_address}{$sender_helo_name}}${answer}\nauth_advertise_hosts = *`;
const acls = { rcpt: "  accept\nev:\n  accept logwrite = EV $acl_arg1 [$acl_arg2] $acl_arg3 $acl_arg4\n" };
const sections =
  "begin authenticators\nplain:\n  driver = plaintext\n  public_name = PLAIN\n  server_prompts = :\n  server_condition = ${if eq{$auth3}{secret}}\n";

const textOf = (event: MailEvent): string => ("text" in event ? event.text : "");

/** Exim's manual, "Events"; `smtp:fail:…` told apart by what is wrong. */
describe("event_action of the main section is told", () => {
  test("of commands of a wrong form, and in a wrong place", async () => {
    await using gateway = await startTestGateway({ policy: { main: main(), acls, sections } });
    const client = await gateway.session();
    await client.say("FOO\r\n", 500);
    assert.equal(
      textOf(await gateway.event(isLine("EV smtp:fail:syntax"))),
      "EV smtp:fail:syntax [unrecognized command] 127.0.0.1 client.example",
    );
    await client.say("RCPT TO:<a@example.org>\r\n", 503);
    assert.equal(
      textOf(await gateway.event(isLine("EV smtp:fail:protocol"))),
      "EV smtp:fail:protocol [sender not yet given] 127.0.0.1 client.example",
    );
    await client.say("QUIT\r\n", 221);
  });

  test("of a login that fails, and may say what is logged of it", async () => {
    const own = "${if eq{$event_name}{auth:fail}{no good password}}";
    await using gateway = await startTestGateway({ policy: { main: main(own), acls, sections } });
    const client = await gateway.session();
    await client.say(`AUTH PLAIN ${Buffer.from("\0ann\0wrong").toString("base64")}\r\n`, 535);
    assert.match(textOf(await gateway.event(isLine("EV auth:fail"))), /^EV auth:fail \[535 /);
    assert.equal(textOf(await gateway.event(isLine("no good password"))), "no good password");
    await client.say("QUIT\r\n", 221);
  });

  test("of nothing that is well", async () => {
    await using gateway = await startTestGateway({ policy: { main: main(), acls, sections } });
    const client = await gateway.session();
    await client.say("MAIL FROM:<s@a.test>\r\nRCPT TO:<a@example.org>\r\n", 250, 250);
    await client.say("NIX\r\n", 500);
    assert.match(textOf(await gateway.event(isLine("EV"))), /^EV smtp:fail:syntax/);
    await client.say("QUIT\r\n", 221);
  });
});
