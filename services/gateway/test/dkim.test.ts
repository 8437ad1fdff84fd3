import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Bus } from "@postbus/bus";
import {
  type DkimSignature,
  type MessageAnswer,
  MessageRequest,
  type SpfAnswer,
  verifyMessageSubject,
  verifySpfSubject,
} from "@postbus/contracts";
import { Value } from "typebox/value";
import { startTestGateway } from "./start-test-gateway.ts";

const ENVELOPE = "MAIL FROM:<ann@b.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n";
const SIGNED = "DKIM-Signature: v=1; d=b.example\r\nFrom: ann@b.example\r\n\r\nbody\r\n.\r\n";
const UNSIGNED = "From: ann@b.example\r\n\r\nbody\r\n.\r\n";

const signature = (domain: string, status: DkimSignature["status"]): DkimSignature => ({
  ...{ status, reason: "", domain, selector: "s", algorithm: "rsa-sha256", headerNames: "From", copiedHeaders: "" },
  ...{ headerCanonicalization: "relaxed", bodyCanonicalization: "simple", created: 1_715_000_000 },
});

/** A verifier that has found these. @returns the questions. */
async function serve(bus: Bus, signatures: readonly DkimSignature[]): Promise<MessageRequest[]> {
  const asked: MessageRequest[] = [];
  await bus.serve(verifySpfSubject, { concurrency: 1 }, async () => {
    return { v: 1, spf: { result: "none", domain: "" } } satisfies SpfAnswer;
  });
  await bus.serve(verifyMessageSubject, { concurrency: 1 }, async ({ body }) => {
    const request = Value.Parse(MessageRequest, body);
    asked.push(request);
    const dkim = signatures.map(({ domain, selector }) => ({ result: "pass" as const, domain, selector }));
    const wanted = request.wantsSignatures === true ? { signatures: [...signatures] } : {};
    return { v: 1, dkim, dmarc: { result: "none", domain: "b.example" }, ...wanted } satisfies MessageAnswer;
  });
  return asked;
}

const DKIM = `
  deny   condition = \${if eq{$dkim_verify_status}{fail}}
         message = $dkim_cur_signer $dkim_algo $dkim_canon_headers/$dkim_canon_body $dkim_created
  accept add_header = X-Signer: $dkim_cur_signer $dkim_verify_status
`;
const POLICY = {
  acls: { dkim: DKIM, data: "accept dmarc_status = norecord\n  add_header = X-All: $dkim_verify_status $h_x-signer:" },
};

describe("acl_smtp_dkim in the gateway", () => {
  test("each signer is asked about, with one question to the verifier; the DATA ACL knows all results", async () => {
    await using gateway = await startTestGateway({ policy: POLICY });
    const asked = await serve(gateway.bus, [signature("b.example", "pass"), signature("c.example", "invalid")]);
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(SIGNED, 250);
    const { content } = await gateway.taken();
    assert.match(content, /\r\nX-Signer: b\.example pass\r\nX-Signer: c\.example invalid\r\n/);
    assert.match(content, /\r\nX-All: pass:invalid b\.example pass/);
    assert.deepEqual(
      asked.map(({ wantsSignatures }) => wantsSignatures),
      [true],
    );
  });

  test("a signer that the policy refuses refuses the message", async () => {
    await using gateway = await startTestGateway({ policy: POLICY });
    await serve(gateway.bus, [signature("b.example", "pass"), signature("c.example", "fail")]);
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    const refused = gateway.event(({ name }) => name === "smtp:reject");
    const answer = await client.say(SIGNED, 550);
    assert.match(answer, /^550 5\.0\.0 c\.example rsa-sha256 relaxed\/simple 1715000000\r\n/);
    const event = await refused;
    assert.match("text" in event ? String(event.text) : "", /^rejected DKIM : c\.example/);
  });

  test("a message without a signature costs no question", async () => {
    await using gateway = await startTestGateway({ policy: { acls: { dkim: "deny" } } });
    const asked = await serve(gateway.bus, []);
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(UNSIGNED, 250);
    assert.deepEqual(asked, []);
  });

  test("nor does one whose verification is turned off", async () => {
    const acls = { rcpt: "accept control = dkim_disable_verify", dkim: "deny" };
    await using gateway = await startTestGateway({ policy: { acls } });
    const asked = await serve(gateway.bus, [signature("b.example", "pass")]);
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(SIGNED, 250);
    assert.deepEqual(asked, []);
  });

  test("without an answer a signed message is to come again", async () => {
    await using gateway = await startTestGateway({ policy: POLICY, settings: { factsTimeoutMs: 300 } });
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(SIGNED, 451);
    assert.deepEqual(await gateway.spooled(), []);
  });

  test("a verifier that could look at none of the signatures gives no answer", async () => {
    await using gateway = await startTestGateway({ policy: POLICY });
    await gateway.bus.serve(verifyMessageSubject, { concurrency: 1 }, async () => {
      const dmarc = { result: "temperror", domain: "", comment: "the check took too long" } as const;
      return { v: 1, dkim: [], dmarc } satisfies MessageAnswer;
    });
    await using client = await gateway.session();
    await client.say(ENVELOPE, 250, 250, 354);
    await client.say(SIGNED, 451);
  });
});
