import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { calloutSubject } from "@postbus/contracts";
import { startTestGateway } from "./start-test-gateway.ts";

const policy = {
  acls: { rcpt: "  require verify = recipient/callout=1s,maxwait=1s,no_cache\n  accept" },
  sections: `begin routers
there:
  driver = manualroute
  route_data = 127.0.0.1
  self = send
  transport = t
begin transports
t:
  driver = smtp
`,
};

/** Who is asked is another process, which may die: nobody's mail is refused for that. */
describe("a callout that delivery does not answer is a temporary failure", () => {
  test("when there is no delivery", async () => {
    await using gateway = await startTestGateway({ policy });
    await using client = await gateway.session();
    await client.say("MAIL FROM:<s@a.test>\r\n", 250);
    assert.match(await client.say("RCPT TO:<u@b.test>\r\n", 451), /verify/);
    // The session goes on.
    await client.say("RSET\r\nMAIL FROM:<s@a.test>\r\n", 250, 250);
  });

  test("when it falls silent with the question in hand", async (t) => {
    await using gateway = await startTestGateway({ policy });
    let isAsked = false;
    const { promise: answer, resolve } = Promise.withResolvers<object>();
    const subscription = await gateway.bus.serve(calloutSubject, { concurrency: 1 }, () => {
      isAsked = true;
      return answer;
    });
    t.after(async () => {
      resolve({});
      await subscription.drain();
    });
    await using client = await gateway.session();
    await client.say("MAIL FROM:<s@a.test>\r\n", 250);
    assert.match(await client.say("RCPT TO:<u@b.test>\r\n", 451), /verify/);
    assert.ok(isAsked);
  });
});
