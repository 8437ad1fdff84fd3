import assert from "node:assert/strict";
import { test } from "node:test";
import { checkMessage, type DkimSigner, readSigningKey, signMessage } from "../../src/index.ts";
import { ourKey } from "../arc/sealed.ts";
import { resolverFor } from "../dns-lab.ts";

const resolver = await resolverFor(ourKey.zone, 5_000);
const MESSAGE = "From: ann@hop.example\r\nSubject: hi\r\n\r\nHello.\r\n";

/** `+` signs one instance more than there is, so that none can be added. */
async function signed(text: string, ...fields: readonly string[]): Promise<string> {
  const key = readSigningKey(ourKey.pem.rsa);
  const signer: DkimSigner = {
    domain: "hop.example",
    selector: "rsa",
    key,
    canonicalization: "relaxed",
    hash: "sha256",
    fields,
  };
  const made = await signMessage(Buffer.from(text, "latin1"), { dkim: [signer] }, Date.now());
  assert.deepEqual(made.problems, []);
  return made.fields + text;
}

async function results(text: string): Promise<readonly string[]> {
  const { dkim } = await checkMessage(Buffer.from(text, "latin1"), {}, resolver);
  return dkim.map(({ result }) => result);
}

test("a signature is none of those that its h= names (RFC 6376 §3.5)", async () => {
  const first = await signed(MESSAGE, "From", "+DKIM-Signature");
  assert.match(first, /h=[^;]*DKIM-Signature/i);
  assert.deepEqual(await results(first), ["pass"]);
  const second = await signed(await signed(MESSAGE, "From"), "From", "+DKIM-Signature");
  assert.deepEqual(await results(second), ["pass", "pass"]);
});

test("wherever it stands", async () => {
  const [inner, outer] = [
    await signed(MESSAGE, "From"),
    await signed(await signed(MESSAGE, "From"), "From", "=DKIM-Signature"),
  ];
  const field = outer.slice(0, outer.length - inner.length);
  assert.deepEqual(await results(inner.replace("From:", `${field}From:`)), ["pass", "pass"]);
});

test("another one that was put before one which signs that there is none makes that void", async () => {
  const first = await signed(MESSAGE, "From", "+DKIM-Signature");
  assert.deepEqual(await results(await signed(first, "From")), ["pass", "fail"]);
});
