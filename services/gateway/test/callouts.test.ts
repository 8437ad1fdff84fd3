import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type CalloutRequest, calloutSubject } from "@postbus/contracts";
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

/** By Exim 4.100, with these options of router and transport, for `MAIL FROM:<Sender@s.test>` and `RCPT TO:<Rcpt@b.test>`. */
const senders: readonly {
  readonly transport?: string;
  readonly router?: string;
  readonly option?: string;
  readonly from: string | undefined;
}[] = [
  {
    transport: "return_path = x+$local_part+$domain+$return_path+$sender_address+$host+$address_data@y.test",
    router: "address_data = ad",
    from: "x+rcpt+b.test+Sender@s.test+Sender@s.test+127.0.0.1+ad@y.test",
  },
  { from: "Sender@s.test" },
  { router: "errors_to = bounces@here.test", from: "bounces@here.test" },
  { transport: "return_path = ${if eq{1}{2}{a}fail}", from: "Sender@s.test" },
  { transport: "return_path = ${bad}", from: undefined },
  { transport: "return_path =", from: "" },
  { transport: "return_path = x@y.test", option: "use_tptsender,use_sender", from: "Sender@s.test" },
  { transport: "return_path = x@y.test", option: "no_cache", from: "" },
];

describe("callout=use_tptsender asks as the transport would send", () => {
  for (const { transport = "", router = "", option = "use_tptsender", from } of senders) {
    test(`${transport} ${router} ${option} → ${from}`, async (t) => {
      await using gateway = await startTestGateway({
        policy: {
          acls: { rcpt: `  require verify = recipient/callout=10s,${option}\n  accept` },
          sections: `begin routers
here:
  driver = accept
  domains = here.test
  transport = t
there:
  driver = manualroute
  route_data = 127.0.0.1
  self = send
  ${router}
  transport = t
begin transports
t:
  driver = smtp
  ${transport}
`,
        },
      });
      let asked: string | undefined;
      const subscription = await gateway.bus.serve(calloutSubject, { concurrency: 1 }, async ({ body }) => {
        asked = (body as CalloutRequest).mailFrom;
        return { v: 1, result: "good" };
      });
      t.after(() => subscription.drain());
      await using client = await gateway.session();
      await client.say("MAIL FROM:<Sender@s.test>\r\n", 250);
      await client.say("RCPT TO:<Rcpt@b.test>\r\n", from === undefined ? 451 : 250);
      assert.equal(asked, from);
    });
  }
});
