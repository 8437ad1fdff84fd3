import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AuthAnswer } from "../../../src/authenticators/auth-dialogue.ts";
import type { ClientStep } from "../../../src/authenticators/client/client-authenticator.ts";
import { scramClient } from "../../../src/authenticators/client/scram.ts";
import { compileExpansion } from "../../../src/expansion/compile-expansion.ts";
import { createEvaluation } from "../../../src/expansion/create-evaluation.ts";
import { policySession } from "../../acl/policy-session.ts";

const server = (hash: string, name: string) => `
acl_smtp_helo = accept
begin acl
begin authenticators
scram:
  driver = gsasl
  public_name = SCRAM-${hash}
  server_set_id = $auth1
  server_password = \${if eq{$auth1}{${name}}{pencil}fail}
`;

const base64 = (text: string): string => Buffer.from(text, "latin1").toString("base64");

/** Our client with our server, which is tested against the RFC's text elsewhere. */
async function authenticate(
  hash: "SHA-1" | "SHA-256",
  { name = "user", password = "pencil", tamper = (text: string) => text } = {},
) {
  const { acls, session } = policySession(server(hash, name.replaceAll(/(?=[,}])/g, "")));
  await acls.helo("client.test", true);
  const client = scramClient({
    hash: hash === "SHA-1" ? "sha1" : "sha256",
    name: compileExpansion(name),
    password: compileExpansion(password),
    authorization: undefined,
  });
  let step: ClientStep = await client(createEvaluation(session.evaluation.around), { values: [] });
  assert.ok(step.kind === "send" && step.octets !== undefined);
  let answer = (await acls.authenticate(`scram-${hash}`, base64(step.octets))) as AuthAnswer;
  while (answer.kind === "challenge") {
    assert.ok(step.kind === "send");
    step = await step.answered(tamper(Buffer.from(answer.text, "base64").toString("latin1")));
    if (step.kind !== "send") return { step, answer };
    answer = await acls.continueAuthentication(base64(step.octets ?? ""));
  }
  return { step, answer };
}

describe("SCRAM as a client (RFC 5802)", () => {
  for (const hash of ["SHA-1", "SHA-256"] as const) {
    test(`${hash}: who knows the password is let in`, async () => {
      const { answer } = await authenticate(hash);
      assert.ok(answer.kind === "end" && answer.isAuthenticated);
    });
    test(`${hash}: who does not is not`, async () => {
      const { answer } = await authenticate(hash, { password: "pen" });
      assert.ok(answer.kind === "end" && !answer.isAuthenticated);
    });
  }

  const lies: readonly (readonly [name: string, tamper: (text: string) => string, why: RegExp])[] = [
    [
      "that does not know the password",
      (text) => (text.startsWith("v=") ? `v=${base64("x".repeat(32))}` : text),
      /does not know the password/,
    ],
    ["that answers another client", (text) => text.replace(/^r=./, "r=~"), /no answer to ours/],
    ["that adds nothing to our number", (text) => text.replace(/^(r=.{24})[^,]*/, "$1"), /no answer to ours/],
    ["that wants us to work for ever", (text) => text.replace(/i=\d+/, "i=9999999"), /9999999 iterations/],
    ["that makes guessing easy", (text) => text.replace(/i=\d+/, "i=1"), /1 iterations/],
  ];
  for (const [name, tamper, why] of lies) {
    test(`a server ${name} is left`, async () => {
      const { step } = await authenticate("SHA-256", { tamper });
      assert.ok(step.kind === "cancel");
      assert.match(step.why ?? "", why);
    });
  }
});
