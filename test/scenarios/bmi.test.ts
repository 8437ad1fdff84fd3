import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { program } from "@postbus/testkit";
import { asked, field, given, recipientsOf, send, verdictIn } from "../support/bmi-mail.ts";
import { type BmiSite, startBmiSite } from "../support/bmi-site.ts";
import { eventually } from "../support/eventually.ts";

for (const isOnNats of [false, true]) {
  const bus = isOnNats ? "on NATS" : "embedded";
  const missing = isOnNats && program("nats-server") === undefined ? "nats-server is not on this machine" : false;
  describe(`BMI ${bus}`, { skip: missing }, () => {
    let site: BmiSite;
    const ends: (() => Promise<unknown>)[] = [];
    before(async () => {
      site = await startBmiSite({ after: (end) => void ends.push(end) }, { isOnNats });
    });
    after(async () => {
      for (const end of ends.toReversed()) await end();
    });

    test("3.2: goes to the engine once, with all who were accepted; other mail never does", async () => {
      const to = ["user1@test.example", "user2@relay.example", "nobody@test.example", "x@other.example"];
      const { rcpt, end } = await send(site, { to, subject: "two" });
      assert.deepEqual(
        [...rcpt, ...end].map((reply) => reply.slice(0, 3)),
        ["250", "250", "550", "550", "250"],
      );
      const [request, ...more] = asked(site, "two");
      assert.equal(more.length, 0);
      assert.deepEqual(given(request, "Rcpt"), ["<user1@test.example>", "<user2@relay.example>"]);
      assert.deepEqual(
        [given(request, "IP"), given(request, "Helo"), given(request, "From")],
        [["127.0.0.1"], ["c.example"], ["<a@b.example>"]],
      );
      // As it leaves: with what we have put on top.
      assert.match(request ?? "", /\r\n\r\nReceived: from [\s\S]*\r\nSubject: two\r\n\r\ntext\r\n$/);
      assert.deepEqual(recipientsOf(await site.delivered("two", 2)), to.slice(0, 2).sort());
      await send(site, { from: "a@unscanned.example", to: ["user1@test.example"], subject: "unscanned" });
      const [message] = await site.delivered("unscanned", 1);
      assert.deepEqual([asked(site, "unscanned"), field(message, "X-Brightmail-Verdict")], [[], ""]);
    });

    test("3.3: nobody gets what is not to be delivered", async () => {
      const header = ["X-Symbols: VIRUS"];
      await send(site, { to: ["user1@test.example"], subject: "virus", header });
      const line = await eventually(
        async () => /^.*=> :blackhole: <user1@test\.example> R=bmi_blackhole$/m.exec(await site.mainlog())?.[0],
      );
      assert.ok(line !== undefined);
    });

    test("3.4: one of the rules redirects, others do not", async () => {
      await send(site, { to: ["user1@test.example"], subject: "rule 8", header: ["X-Action: reject"] });
      assert.deepEqual(recipientsOf(await site.delivered("rule 8", 1)), ["postmaster@mydomain.com"]);
      await send(site, { to: ["user1@test.example"], subject: "rule 6", header: ["X-Symbols: OTHER"] });
      assert.deepEqual(recipientsOf(await site.delivered("rule 6", 1)), ["user1@test.example"]);
    });

    test("3.5, 3.6: what is delivered has the verdict about its recipient, and children have that of the recipient", async () => {
      await send(site, {
        to: ["User1@test.example", "alias@TEST.example"],
        subject: "fields",
        header: ["X-Symbols: OTHER"],
      });
      const messages = await site.delivered("fields", 3);
      const verdicts = messages.map((message) => [field(message, "X-To"), verdictIn(message)["r"]]).sort();
      assert.deepEqual(verdicts, [
        ["child1@test.example", ["alias@TEST.example"]],
        ["child2@test.example", ["alias@TEST.example"]],
        ["user1@test.example", ["User1@test.example"]],
      ]);
      assert.deepEqual(verdictIn(messages[0])["f"], [6]);
      const tracker = Buffer.from(field(messages[0], "X-Brightmail-Tracker") ?? "", "base64").toString();
      assert.equal(tracker, '{"f":[6]}');
    });

    test("3.7: who has opted in is looked at with other settings, once for all who have", async () => {
      const to = ["user1@mydomain.com", "user2@thatdomain.com", "user3@mydomain.com", "user4@test.example"];
      await send(site, { to, subject: "optin", header: ["X-Strict: reject"] });
      const questions = asked(site, "optin").map((request) => [given(request, "Settings-ID"), given(request, "Rcpt")]);
      assert.deepEqual(questions.sort(), [
        [[], ["<user3@mydomain.com>", "<user4@test.example>"]],
        [["strict"], ["<user1@mydomain.com>", "<user2@thatdomain.com>"]],
      ]);
      const messages = await site.delivered("optin", 4);
      const junk = messages.filter((message) => field(message, "X-Junk") === "yes");
      assert.deepEqual(recipientsOf(junk), ["user1@mydomain.com", "user2@thatdomain.com"]);
      assert.deepEqual(
        junk.map((message) => field(message, "X-Deliver")),
        ["1", "1"],
      );
      const unknown = await eventually(
        async () => /^.* bmi: no profile has the opt-in string "<OPTIN STRING2>"$/m.exec(await site.mainlog())?.[0],
      );
      assert.ok(unknown !== undefined);
    });

    test("one recipient's refusal is a line of its own, for a client that asks for it (PRDR)", async () => {
      const to = ["user1@mydomain.com", "user3@mydomain.com"];
      const { end } = await send(site, { to, subject: "prdr", header: ["X-Strict: reject"], prdr: true });
      assert.deepEqual(end.slice(0, 3), [
        "353 PRDR content analysis beginning",
        "550 5.0.0 not for user1: X-Junk: yes",
        "250 2.0.0 PRDR R=<user3@mydomain.com> acceptance",
      ]);
      assert.equal(asked(site, "prdr").length, 2);
      const [message] = await site.delivered("prdr", 1);
      assert.deepEqual([field(message, "X-To"), verdictIn(message)["r"]], [to[1], [to[1]]]);
    });

    for (const prdr of [false, true]) {
      test(`large content is scanned${prdr ? " before its recipients are answered" : ""}`, async () => {
        const subject = `large ${prdr}`;
        const body = `${"0123456789abcdef".repeat(4)}\r\n`.repeat(6_000);
        await send(site, {
          to: ["user3@mydomain.com", "user4@test.example"],
          subject,
          body,
          prdr,
          header: ["X-Symbols: OTHER"],
        });
        const [request = ""] = asked(site, subject);
        assert.equal(request.split(body).length, 2);
        assert.equal(request.length - request.indexOf("\r\n\r\n") - 4, Number(given(request, "Content-Length")[0]));
        const messages = await site.delivered(subject, 2);
        assert.deepEqual(
          messages.map((message) => verdictIn(message)["f"]),
          [[6], [6]],
        );
      });
    }
  });
}
