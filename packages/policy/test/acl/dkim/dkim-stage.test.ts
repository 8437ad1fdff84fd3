import assert from "node:assert/strict";
import { test } from "node:test";
import { runDkimStage } from "../../../src/acl/dkim/dkim-stage.ts";
import type { Signature } from "../../../src/acl/dkim/signature.ts";
import { receivedContent } from "../../../src/acl/smtp/received-content.ts";
import { readConfiguration } from "../../../src/reader/read-configuration.ts";
import { policySession, shown } from "../policy-session.ts";

const signature = (domain: string, given: Partial<Signature> = {}): Signature => ({
  ...{ status: "pass", reason: "", domain, selector: "s", algorithm: "rsa-sha256", headerNames: "", copiedHeaders: "" },
  ...{ headerCanonicalization: "simple", bodyCanonicalization: "simple" },
  ...given,
});

async function ask(text: string, signatures: readonly Signature[], header = "DKIM-Signature: x\n") {
  const config = `acl_smtp_rcpt = accept\nacl_smtp_dkim = s\n${text}`;
  const { acls, session, log } = policySession(config);
  const { configuration } = readConfiguration({ file: "/p", readFile: () => Buffer.from(config) });
  await acls.mail({ returnPath: "a@b.example" });
  await acls.recipient("c@d.example");
  const body = { ...{ size: 0, lines: 0, longestLine: 0, zeros: 0, start: "", end: "" }, read: () => [] };
  acls.content(receivedContent([header], body));
  let questions = 0;
  const known = async () => {
    questions++;
    return signatures;
  };
  const answer = await runDkimStage(acls, { configuration, signatures: known });
  return { said: answer === undefined ? "accept" : shown(answer), session, log, questions };
}

const LOGGING = "begin acl\ns:\n  accept logwrite = $dkim_cur_signer $dkim_verify_status $dkim_domain\n";

test("domains and identities are signers, in the order of the signatures", async () => {
  const { session, log } = await ask(LOGGING, [
    signature("a.example", { identity: "x@a.example" }),
    signature("b.example"),
  ]);
  assert.equal(session.message.found.get("dkim_signers"), "a.example:x@a.example:b.example");
  const wanted = ["a.example pass a.example", "x@a.example pass a.example", "b.example pass b.example"];
  assert.deepEqual(
    log,
    wanted.map((line) => `main: ${line}`),
  );
  assert.equal(session.message.found.get("dkim_verify_status"), "pass:pass:pass");
});

test("a colon in an identity does not make two signers of it", async () => {
  const { log } = await ask(LOGGING, [signature("a.example", { identity: "x:y@a.example" })]);
  assert.deepEqual(log, ["main: a.example pass a.example", "main: x:y@a.example pass a.example"]);
});

test("nobody is asked about an unsigned message, unless the policy names a signer", async () => {
  const none = await ask(`dkim_verify_signers = $dkim_signers : bank.example\n${LOGGING}`, [], "From: x\n");
  assert.deepEqual([none.questions, none.log], [0, ["main: bank.example none "]]);
});

test("no message can name more than 100 signers", async () => {
  const signatures = Array.from({ length: 101 }, (_, i) => signature(`${i}.example`));
  await assert.rejects(ask(LOGGING, signatures), /more than 100 signers/);
});

test("the first refusal ends it", async () => {
  const deny = "begin acl\ns:\n  deny message = no $dkim_cur_signer\n";
  const { said, session } = await ask(deny, [signature("a.example"), signature("b.example")]);
  assert.deepEqual([said, session.message.found.get("dkim_verify_status")], ["550 no a.example", "pass"]);
});
