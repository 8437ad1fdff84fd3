import assert from "node:assert/strict";
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { describe, test } from "node:test";
import type { AuthAnswer } from "../../src/authenticators/auth-dialogue.ts";
import { policySession } from "../acl/policy-session.ts";

const config = (own: string): string => `
acl_smtp_helo = accept
begin acl
begin authenticators
scram:
  driver = gsasl
  public_name = SCRAM-SHA-256
  server_set_id = $auth1
${own}`;
const WITH_PASSWORD = config("  server_password = ${if eq{$auth1}{user}{pencil}fail}\n");

const base64 = (text: string): string => Buffer.from(text, "latin1").toString("base64");
const hmac = (key: Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

interface Flaws {
  readonly password?: string;
  readonly binding?: string;
  readonly nonce?: string;
}

/** A client of RFC 5802 §3, written from its text. @returns the server's last words. */
async function authenticate(policy: string, name: string, flaws: Flaws = {}) {
  const { acls, session } = policySession(policy);
  await acls.helo("client.test", true);
  const challenge = (answer: unknown): string => {
    const { kind, text } = answer as Extract<AuthAnswer, { kind: "challenge" }>;
    assert.equal(kind, "challenge", JSON.stringify(answer));
    return Buffer.from(text, "base64").toString("latin1");
  };
  const bare = `n=${name},r=rOprNGfwEbeRWgbNEkqO`;
  const serverFirst = challenge(await acls.authenticate("scram-sha-256", base64(`n,,${bare}`)));
  const [, nonce = "", salt = "", iterations = ""] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(serverFirst) ?? [];
  assert.ok(nonce.startsWith("rOprNGfwEbeRWgbNEkqO") && nonce.length > 40, serverFirst);
  const { password = "pencil", binding = "n,,", nonce: given = nonce } = flaws;
  const salted = pbkdf2Sync(password, Buffer.from(salt, "base64"), Number(iterations), 32, "sha256");
  const clientKey = hmac(salted, "Client Key");
  const withoutProof = `c=${base64(binding)},r=${given}`;
  const authMessage = `${bare},${serverFirst},${withoutProof}`;
  const signature = hmac(createHash("sha256").update(clientKey).digest(), authMessage);
  const proof = Buffer.from(clientKey.map((octet, i) => octet ^ (signature[i] ?? 0))).toString("base64");
  const last = await acls.continueAuthentication(base64(`${withoutProof},p=${proof}`));
  if (last.kind !== "challenge") return { last, session };
  assert.equal(challenge(last), `v=${hmac(hmac(salted, "Server Key"), authMessage).toString("base64")}`);
  return { last: await acls.continueAuthentication(""), session };
}

const codeOf = (answer: AuthAnswer): number | undefined => (answer.kind === "end" ? answer.reply.code : undefined);

describe("SCRAM-SHA-256", () => {
  test("lets in who knows the password, and proves that the server does", async () => {
    const { last, session } = await authenticate(WITH_PASSWORD, "user");
    assert.equal(codeOf(last), 235);
    assert.equal(session.connection.authentication?.by, "scram");
  });

  const refused: readonly (readonly [what: string, name: string, flaws: Flaws])[] = [
    ["another password", "user", { password: "pen" }],
    ["another user", "somebody", {}],
    ["a nonce that is not ours", "user", { nonce: "rOprNGfwEbeRWgbNEkqO" }],
    ["another channel binding than it began with", "user", { binding: "y,," }],
    ["a name with a stray =", "us=er", {}],
  ];
  for (const [what, name, flaws] of refused) {
    test(`refuses ${what}`, async () => {
      if (name.includes("=")) return assert.rejects(authenticate(WITH_PASSWORD, name, flaws), /535/);
      const { last, session } = await authenticate(WITH_PASSWORD, name, flaws);
      assert.equal(codeOf(last), 535);
      assert.equal(session.connection.authentication, undefined);
    });
  }

  test("wants no password where the keys are stored (RFC 5802 §3), as RFC 7677 §3 has them", async () => {
    const salt = "W22ZaJ0SNY7soEsUEjb6gQ==";
    const salted = pbkdf2Sync("pencil", Buffer.from(salt, "base64"), 4096, 32, "sha256");
    const stored = createHash("sha256").update(hmac(salted, "Client Key")).digest("base64");
    const server = hmac(salted, "Server Key").toString("base64");
    // The values that PostgreSQL and others store for this example.
    assert.equal(stored, "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=");
    const own = `  server_key = ${stored}\n  server_skey = ${server}\n  server_scram_salt = ${salt}\n`;
    assert.equal(codeOf((await authenticate(config(own), "user")).last), 235);
    assert.equal(codeOf((await authenticate(config(own), "user", { password: "pen" })).last), 535);
  });

  test("a stored key that is none lets nobody in, and is no error", async () => {
    for (const key of ["", "AAAA"]) {
      const own = `  server_key = \${if eq{1}{1}{${key}}}\n  server_skey = ${key}x\n`;
      assert.equal(codeOf((await authenticate(config(own), "user")).last), 535);
    }
  });

  test("nobody has an empty password: a lookup that found nobody gives one", async () => {
    const own = "  server_password = ${if eq{$auth1}{user}{}}\n";
    assert.equal(codeOf((await authenticate(config(own), "user", { password: "" })).last), 535);
  });

  test("a name with a NUL in it is none (RFC 5802 §7)", async () => {
    await assert.rejects(authenticate(WITH_PASSWORD, "user\0x"), /535/);
  });

  test("a number of rounds that would stall the server defers", async () => {
    const { acls } = policySession(`${WITH_PASSWORD}  server_scram_iter = 999999999\n`);
    await acls.helo("client.test", true);
    const answer = (await acls.authenticate("SCRAM-SHA-256", base64("n,,n=user,r=abc"))) as AuthAnswer;
    assert.equal(codeOf(answer), 435);
  });
});
