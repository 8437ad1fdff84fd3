import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Bus } from "@postbus/bus";
import {
  busyAnswer,
  type DkimSignature,
  type Facts,
  type MessageAnswer,
  MessageRequest,
  RouteItem,
  type SpfAnswer,
  SpfRequest,
  verifyMessageSubject,
  verifySpfSubject,
} from "@postbus/contracts";
import { Value } from "typebox/value";
import { startTestGateway } from "./start-test-gateway.ts";
import type { TestClient } from "./test-client.ts";

const ENVELOPE = "MAIL FROM:<ann@b.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n";
const SMALL =
  "DKIM-Signature: v=1\r\nFrom: ann@b.example\r\nAuthentication-Results: mx.test; dkim=pass\r\n\r\nbody\r\n";
const LARGE = `${SMALL}${`${"x".repeat(98)}\r\n`.repeat(5_000)}`;

const facts: Facts = {
  spf: { result: "pass", domain: "b.example" },
  dkim: [{ result: "pass", domain: "b.example", selector: "s1" }],
  dmarc: { result: "pass", domain: "b.example", policy: "reject" },
};

const ADD = "add_header = :at_start:${authresults {$primary_hostname}}";
const RESULTS = { acls: { data: `warn spf = *\n\n  warn dmarc_status = *\n\n  accept ${ADD}` } };
const SPF_ALONE = { acls: { mail: `accept spf = *\n  ${ADD}` } };

const signature: DkimSignature = {
  ...{ status: "pass", reason: "", domain: "b.example", selector: "s1", algorithm: "rsa-sha256" },
  ...{ headerCanonicalization: "relaxed", bodyCanonicalization: "relaxed", headerNames: "from", copiedHeaders: "" },
};

interface Asked {
  spf?: SpfRequest;
  message?: MessageRequest;
  content?: string;
}

/** A verifier that always finds the same, and remembers what it was asked. */
async function serveFacts(bus: Bus): Promise<Asked> {
  const asked: Asked = {};
  await bus.serve(verifySpfSubject, { concurrency: 1 }, async ({ body }) => {
    asked.spf = Value.Parse(SpfRequest, body);
    return { v: 1, spf: facts.spf ?? assert.fail() } satisfies SpfAnswer;
  });
  await bus.serve(verifyMessageSubject, { concurrency: 1 }, async ({ body, content }) => {
    asked.message = Value.Parse(MessageRequest, body);
    const pieces: Buffer[] = [];
    if (content?.kind === "inline") pieces.push(content.octets);
    else if (content !== undefined) for await (const octets of bus.spool.read(content)) pieces.push(octets);
    asked.content = Buffer.concat(pieces).toString("latin1");
    const { dkim = [], dmarc = assert.fail() } = facts;
    const wanted = asked.message.wantsSignatures === true ? { signatures: [signature] } : {};
    return { v: 1, dkim, dmarc, ...wanted } satisfies MessageAnswer;
  });
  return asked;
}

describe("facts", () => {
  for (const [name, message] of Object.entries({ "small content": SMALL, "spooled content": LARGE })) {
    test(`of ${name} stand on top of the message and travel with it`, async () => {
      await using gateway = await startTestGateway({ policy: RESULTS });
      const asked = await serveFacts(gateway.bus);
      await using client = await gateway.session();
      await client.say(ENVELOPE, 250, 250, 354);
      await client.say(`${message}.\r\n`, 250);

      assert.partialDeepStrictEqual(asked.spf, {
        clientAddress: "127.0.0.1",
        helo: "client.example",
        returnPath: "ann@b.example",
      });
      assert.deepEqual(asked.message?.spf, facts.spf);
      assert.equal(asked.content, message, "what is verified is what was sent");

      const { header, content, isSpooled } = await gateway.taken();
      assert.deepEqual(Value.Parse(RouteItem, header).facts, facts);
      assert.equal(isSpooled, message === LARGE);
      assert.ok(
        content.startsWith(
          "Authentication-Results: mx.test;\r\n\tspf=pass smtp.mailfrom=b.example;\r\n" +
            "\tdkim=pass header.d=b.example header.s=s1 header.a=rsa-sha256;\r\n" +
            "\tdmarc=pass header.from=b.example\r\nReceived: ",
        ),
        content.slice(0, 300),
      );
      assert.equal(content.match(/^Authentication-Results/gm)?.length, 1, "the forged field is gone");
      assert.ok(content.endsWith(message.slice(message.indexOf("\r\n\r\n"))));
      await gateway.emptied();
    });
  }

  for (const [name, message] of Object.entries({ "small content": SMALL, "spooled content": LARGE })) {
    test(`of ${name} are told under a name that is known only then, and nobody else's are`, async () => {
      const data = "accept set acl_m_id = in.$sender_address_domain\n  add_header = ${authresults {$acl_m_id}}";
      await using gateway = await startTestGateway({ policy: { acls: { data } } });
      await serveFacts(gateway.bus);
      await using client = await gateway.session();
      await client.say(ENVELOPE, 250, 250, 354);
      const strange = ["IN.b.example", "in.c.example"].map((id) => `Authentication-Results: ${id}; dmarc=pass\r\n`);
      await client.say(`${strange.join("")}${message}.\r\n`, 250);
      const { content } = await gateway.taken();
      const ids = content.match(/^Authentication-Results: [^;]*/gm);
      assert.deepEqual(ids, ["Authentication-Results: in.c.example", "Authentication-Results: in.b.example"]);
      assert.match(content, /^Authentication-Results: in\.b\.example;\r\n\tdkim=pass header/m);
    });
  }

  test("SPF alone is known before large content is written", async () => {
    await using gateway = await startTestGateway({ policy: SPF_ALONE });
    await serveFacts(gateway.bus);
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(`${LARGE}.\r\n`, 250);
    assert.equal((await gateway.spooled()).length, 1);
    const { content } = await gateway.taken();
    assert.match(content, /^Authentication-Results: mx\.test;\r\n\tspf=pass smtp\.mailfrom=b\.example\r\nReceived: /);
  });

  test("that nobody gives are temporary errors, not silence and no refusal", async () => {
    await using gateway = await startTestGateway({ policy: RESULTS, settings: { factsTimeoutMs: 300 } });
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(`${SMALL}.\r\n`, 250);
    const { header, content } = await gateway.taken();
    const { facts: found } = Value.Parse(RouteItem, header);
    assert.equal(found?.spf?.result, "temperror");
    assert.equal(found?.dkim?.[0]?.result, "temperror");
    assert.equal(found?.dmarc?.result, "temperror");
    assert.match(
      content,
      /\tspf=temperror smtp\.mailfrom=b\.example;\r\n\tdkim=temperror \(no answer\);\r\n\tdmarc=temperror/,
    );
  });

  test("a check that was not made is no message without signatures: it is put off", async () => {
    const policy = { acls: { data: "deny dkim_status = none\n accept" } };
    await using gateway = await startTestGateway({ policy });
    await gateway.bus.serve(verifyMessageSubject, { concurrency: 1 }, async () => {
      return { v: 1, dkim: [], dmarc: { result: "temperror", domain: "", comment: "busy" } } satisfies MessageAnswer;
    });
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(`${SMALL}.\r\n`, 451);
  });

  for (const condition of ["dmarc_status = reject", "dkim_status = fail", "!verify = arc/pass"]) {
    test(`a client that asks too much does not choose to be let by: ${condition}`, async () => {
      await using gateway = await startTestGateway({ policy: { acls: { data: `deny ${condition}\n accept` } } });
      await gateway.bus.serve(verifyMessageSubject, { concurrency: 1 }, async () => busyAnswer);
      await using client = await gateway.session();
      await client.say(ENVELOPE, 250, 250, 354);
      await client.say(`${SMALL}.\r\n`, 451);
    });
  }

  test("who asks too much is let by where the policy needs no answer", async () => {
    const data = "accept condition = ${if eq{$sender_address}{ann@b.example}}\n deny dmarc_status = reject";
    await using gateway = await startTestGateway({ policy: { acls: { data } } });
    await gateway.bus.serve(verifyMessageSubject, { concurrency: 1 }, async () => busyAnswer);
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(`${SMALL}.\r\n`, 250);
    const { facts: found } = Value.Parse(RouteItem, (await gateway.taken()).header);
    assert.deepEqual([found?.dmarc?.result, found?.dkim?.[0]?.result], ["temperror", "temperror"]);
  });

  test("about SPF alone that nobody gives leave no author's policy open: the message is put off", async () => {
    await using gateway = await startTestGateway({ policy: { acls: { data: "deny dmarc_status = reject\n accept" } } });
    await gateway.bus.serve(verifySpfSubject, { concurrency: 1 }, () => Promise.reject(new Error("busy")));
    await gateway.bus.serve(verifyMessageSubject, { concurrency: 1 }, async () => {
      const dmarc = { result: "temperror", domain: "b.example", policy: "reject" } as const;
      return { v: 1, dkim: [], dmarc } satisfies MessageAnswer;
    });
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(`${SMALL}.\r\n`, 451);
  });

  test("cost DNS queries, which are counted for all questions about a message", async () => {
    const policy = { acls: { data: "warn spf_guess = *\n accept dmarc_status = *" } };
    await using gateway = await startTestGateway({ policy, settings: { factsTimeoutMs: 4_000 } });
    const asked: [number | undefined, number | undefined][] = [];
    await gateway.bus.serve(verifySpfSubject, { concurrency: 1 }, async ({ body }) => {
      const { spentQueries, withinMs } = Value.Parse(SpfRequest, body);
      asked.push([spentQueries, withinMs]);
      return { v: 1, spf: { result: "none", domain: "b.example" }, queries: 7 } satisfies SpfAnswer;
    });
    await gateway.bus.serve(verifyMessageSubject, { concurrency: 1 }, async ({ body }) => {
      const { spentQueries, withinMs = 0 } = Value.Parse(MessageRequest, body);
      assert.ok(withinMs <= 4_000);
      asked.push([spentQueries, undefined]);
      return { v: 1, dkim: [], dmarc: { result: "none", domain: "b.example" }, queries: 3 } satisfies MessageAnswer;
    });
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(`${SMALL}.\r\n`, 250);
    assert.deepEqual(asked, [
      [0, 4_000],
      [7, undefined],
      [10, 4_000],
    ]);
  });

  test("that a policy wants no more are not asked for", async () => {
    const rcpt = "accept control = dkim_disable_verify\n  control = dmarc_disable_verify";
    const data = "deny dkim_status = !none\n deny dmarc_status = !off\n accept";
    await using gateway = await startTestGateway({ policy: { acls: { rcpt, data } } });
    const asked = await serveFacts(gateway.bus);
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(`${SMALL}.\r\n`, 250);
    assert.equal(asked.message, undefined);
    assert.deepEqual(Value.Parse(RouteItem, (await gateway.taken()).header).facts, {});
  });

  test("SPF that is not answered leaves time for the author's policy", async () => {
    const policy = { acls: { data: "deny dmarc_status = reject\n accept" } };
    await using gateway = await startTestGateway({ policy, settings: { factsTimeoutMs: 2_000 } });
    await gateway.bus.serve(verifySpfSubject, { concurrency: 1 }, () => new Promise(() => undefined));
    let asked: MessageRequest | undefined;
    await gateway.bus.serve(verifyMessageSubject, { concurrency: 1 }, async ({ body }) => {
      asked = Value.Parse(MessageRequest, body);
      const dmarc = { result: "fail", domain: "b.example", policy: "reject" } as const;
      return { v: 1, dkim: [], dmarc } satisfies MessageAnswer;
    });
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(`${SMALL}.\r\n`, 550);
    assert.equal(asked?.spf?.result, "temperror");
  });

  test("answers that do not fit the contract are none", async () => {
    await using gateway = await startTestGateway({ policy: SPF_ALONE });
    await gateway.bus.serve(verifySpfSubject, { concurrency: 1 }, async () => ({ v: 1, spf: { result: "splendid" } }));
    await using client = await gateway.session();
    await client.say("MAIL FROM:<ann@b.example>\r\n", 451);
  });

  test("are asked before an ACL waits for them: SPF at MAIL", async () => {
    const rcpt = "warn condition = ${if eq{$local_part}{never}}\n spf = fail\n accept";
    await using gateway = await startTestGateway({ policy: { acls: { rcpt } } });
    const asked = Promise.withResolvers<void>();
    await gateway.bus.serve(verifySpfSubject, { concurrency: 1 }, async () => {
      asked.resolve();
      return { v: 1, spf: facts.spf ?? assert.fail() } satisfies SpfAnswer;
    });
    await using client = await gateway.session();
    await client.say("MAIL FROM:<ann@b.example>\r\nRCPT TO:<bob@example.org>\r\n", 250, 250);
    await asked.promise;
  });

  for (const [name, leave] of [
    ["resets", (client: TestClient) => client.say("RSET\r\n", 250)],
    ["begins another message", (client: TestClient) => client.say("RSET\r\nMAIL FROM:<x@y.example>\r\n", 250, 250)],
    [
      "greets again",
      async (client: TestClient) => {
        await client.say("EHLO client.example\r\n", 250);
        await client.say("MAIL FROM:<x@y.example>\r\n", 250);
      },
    ],
    ["leaves", (client: TestClient) => client[Symbol.asyncDispose]()],
  ] as const) {
    test(`are not looked for any longer when the client ${name}`, async () => {
      await using gateway = await startTestGateway({ policy: RESULTS, settings: { factsTimeoutMs: 600_000 } });
      const asked = Promise.withResolvers<AbortSignal>();
      await gateway.bus.serve(verifySpfSubject, { concurrency: 1 }, ({ signal }) => {
        asked.resolve(signal);
        return new Promise(() => undefined);
      });
      const client = await gateway.session();
      await client.say("MAIL FROM:<ann@b.example>\r\n", 250);
      const signal = await asked.promise;
      const aborted = new Promise((resolve) => signal.addEventListener("abort", resolve));
      await leave(client);
      await aborted;
      await client[Symbol.asyncDispose]();
    });
  }

  test("about signatures are lines of the log, where it is to have them, whether or not an ACL asks", async () => {
    await using gateway = await startTestGateway({ policy: { main: "log_selector = +dkim_verbose" } });
    const asked = await serveFacts(gateway.bus);
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(`${SMALL}.\r\n`, 250);
    assert.equal(asked.message?.wantsSignatureBits, true);
    const note = await gateway.event(({ name }) => name === "msg:note");
    assert.equal(
      note?.name === "msg:note" && note.text,
      "DKIM: d=b.example s=s1 c=relaxed/relaxed a=rsa-sha256 b=0 [verification succeeded]",
    );
  });

  for (const [selectors, spf] of [
    ["+spf_verbose", "pass"],
    ["+spf", "pass"],
    ["-spf", undefined],
  ] as const) {
    test(`of a sender who is refused are logged as ${selectors} says`, async () => {
      const policy = { main: `log_selector = ${selectors}`, acls: { rcpt: "deny spf = pass\n" } };
      await using gateway = await startTestGateway({ policy });
      await serveFacts(gateway.bus);
      await using client = await gateway.session();
      await client.say("MAIL FROM:<ann@b.example>\r\nRCPT TO:<bob@example.org>\r\n", 250, 550);
      const refusal = await gateway.event(({ name }) => name === "smtp:reject");
      assert.equal(refusal?.name === "smtp:reject" && refusal.spf, spf);
    });
  }

  test("are not asked by a policy that wants none, nor for content that no ACL looks at", async () => {
    const main = "acl_smtp_data = ${if eq{$sender_address}{ann@b.example}{accept}{look}}";
    const rcpt = "  accept\nlook:\n  deny dmarc_status = reject\n  accept";
    await using gateway = await startTestGateway({ policy: { main, acls: { rcpt } } });
    const asked = await serveFacts(gateway.bus);
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(`${SMALL}.\r\n`, 250);
    await gateway.taken();
    assert.deepEqual(asked, {});
    await client.say(`${ENVELOPE.replace("ann", "bob")}`, 250, 250, 354);
    await client.say(`${SMALL}.\r\n`, 250);
    assert.ok(asked.message !== undefined);
  });

  test("of large content are found while others look at it, too", async () => {
    await using gateway = await startTestGateway({
      policy: { acls: { data: "deny regex = ^EICAR\n deny dkim_status = fail\n accept" } },
    });
    const asked = await serveFacts(gateway.bus);
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(`${LARGE}.\r\n`, 250);
    assert.equal(asked.content, LARGE);
    const { content } = await gateway.taken();
    assert.ok(content.endsWith(LARGE.slice(LARGE.indexOf("\r\n\r\n"))));
    await gateway.emptied();
  });
});
