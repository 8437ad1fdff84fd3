import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { SigningKeys } from "../../../src/message/signing/signing-keys.ts";

const directory = mkdtempSync(join(tmpdir(), "postbus-keys-"));
after(() => rmSync(directory, { recursive: true }));
const pem = (): string => generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();

const textOf = async (keys: SigningKeys, file: string): Promise<string> => {
  const found = await keys.get({ file });
  return found instanceof Error ? found.message : found.key.export({ type: "pkcs8", format: "pem" }).toString();
};

test("a key is read once, and again when its file has changed", async () => {
  let now = 0;
  const keys = new SigningKeys(() => now);
  const file = join(directory, "changing");
  const [first, second] = [pem(), pem()];
  writeFileSync(file, first);
  assert.equal(await textOf(keys, file), first);
  assert.equal(await keys.get({ file }), await keys.get({ file }), "it is the same");
  writeFileSync(`${file}.new`, second);
  renameSync(`${file}.new`, file);
  assert.equal(await textOf(keys, file), first, "within the second nobody looks");
  now += 1_001;
  assert.equal(await textOf(keys, file), second);
});

test("a file that is not there, or is none, is an error until it is one", async () => {
  let now = 0;
  const keys = new SigningKeys(() => now);
  const file = join(directory, "late");
  assert.equal(
    await textOf(keys, file),
    `unable to open file '${file}' for reading: ENOENT: no such file or directory`,
  );
  writeFileSync(file, "nonsense");
  utimesSync(file, 1_000, 1_000);
  now += 1_001;
  await assert.rejects(
    keys.get({ file }),
    { name: "DeferError" },
    "it has changed a moment ago, and may be complete soon",
  );
  const key = pem();
  writeFileSync(file, key);
  now += 1_001;
  assert.equal(await textOf(keys, file), key);
});

test("a file in the policy that is none, and changes no more, is an error", async () => {
  assert.match(await textOf(new SigningKeys(), "/etc/hostname"), /^(cannot use the private key|unable to open file)/);
});

test("a file that is being written, or gone, leaves the last key in force, which is told once", async () => {
  let now = 0;
  const told: string[] = [];
  const keys = new SigningKeys(
    () => now,
    (text) => told.push(text),
  );
  const file = join(directory, "rewritten");
  const [first, second] = [pem(), pem()];
  writeFileSync(file, first);
  assert.equal(await textOf(keys, file), first);
  for (const state of ["", second.slice(0, 40), "gone", second.slice(0, 60)]) {
    if (state === "gone") rmSync(file);
    else writeFileSync(file, state);
    now += 1_001;
    assert.equal(await textOf(keys, file), first, state);
  }
  assert.equal(told.length, 1);
  assert.match(told[0] ?? "", /^cannot use the private key: .*: the key that was there before is used$/);
  writeFileSync(file, second);
  now += 1_001;
  assert.equal(await textOf(keys, file), second);
  rmSync(file);
  now += 1_001;
  assert.equal(await textOf(keys, file), second);
  assert.equal(told.length, 2, "another time, it is told again");
});

test("many who want a key at once read the file once", async () => {
  const keys = new SigningKeys();
  const file = join(directory, "wanted");
  writeFileSync(file, pem());
  const found = await Promise.all(Array.from({ length: 50 }, () => keys.get({ file })));
  assert.equal(new Set(found).size, 1);
});

test("a key in the policy itself needs no file; what is wrong with it says nothing of it", async () => {
  const keys = new SigningKeys();
  const key = pem();
  assert.equal(await keys.get({ pem: key }), await keys.get({ pem: key }));
  const bad = await keys.get({ pem: "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----" });
  assert.ok(bad instanceof Error && !bad.message.includes("secret"), "the key is not named");
});
