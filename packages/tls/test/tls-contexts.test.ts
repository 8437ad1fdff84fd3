import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { makeCertificate } from "@postbus/testkit";
import { TlsContexts } from "../src/index.ts";
import { meet } from "./tls-server.ts";

const root = mkdtempSync(join(tmpdir(), "postbus-tls-"));
after(() => rmSync(root, { recursive: true }));
const [first, second] = [makeCertificate("first.test"), makeCertificate("second.test")];

const never = (problem: unknown): never => assert.fail(String(problem));

/** Files of its own, with the first certificate in them. */
function place(name: string) {
  const directory = join(root, name);
  mkdirSync(directory);
  const certificateFile = join(directory, "certificate.pem");
  const privateKeyFile = join(directory, "key.pem");
  const put = (from: typeof first, what: "both" | "certificate" | "key" = "both"): void => {
    if (what !== "key") copyFileSync(from.certificateFile, certificateFile);
    if (what !== "certificate") copyFileSync(from.privateKeyFile, privateKeyFile);
  };
  put(first);
  return { put, certificateFile, settings: { certificateFiles: [certificateFile], privateKeyFiles: [privateKeyFile] } };
}

describe("contexts by their settings", () => {
  test("are made once, as long as the files are the same", async () => {
    const contexts = new TlsContexts(never, never);
    const { settings } = place("same");
    const one = contexts.get(settings);
    assert.equal(await contexts.get(settings), await one, "also while it is being made");
    assert.equal(contexts.get({ ...settings }), await one);
  });

  test("are made again when a file has changed", async () => {
    const contexts = new TlsContexts(never, never);
    const { settings, put } = place("changed");
    assert.equal((await meet({ context: await contexts.get(settings) })).subject, "CN=first.test");
    put(second);
    assert.equal((await meet({ context: await contexts.get(settings) })).subject, "CN=second.test");
  });

  test("are not looked at so soon again, where a limit is set", async () => {
    const contexts = new TlsContexts(never, never, undefined, { lookEveryMs: 3_600_000 });
    const { settings, put } = place("limited");
    const one = await contexts.get(settings);
    put(second);
    assert.equal(contexts.get(settings), one);
    // Of other settings nothing is known.
    assert.equal(
      (await meet({ context: await contexts.get({ ...settings, curves: "X25519" }) })).subject,
      "CN=second.test",
    );
  });

  test("stay as they are while the files cannot be used, which is told once", async () => {
    const problems: unknown[] = [];
    const contexts = new TlsContexts((problem) => problems.push(problem), never);
    const { settings, put, certificateFile } = place("broken");
    const old = await contexts.get(settings);
    put(second, "certificate");
    for (let i = 0; i < 3; i++) assert.equal(await contexts.get(settings), old);
    assert.equal(problems.length, 1);
    assert.match(String(problems[0]), /is not the key of the certificate/);
    writeFileSync(certificateFile, "-----BEGIN");
    assert.equal(await contexts.get(settings), old);
    rmSync(certificateFile);
    assert.equal(await contexts.get(settings), old);
    assert.equal(problems.length, 3);
    put(second);
    assert.notEqual(await contexts.get(settings), old);
    assert.equal(problems.length, 3);
  });

  test("that cannot be made are an error each time, and take no room", async () => {
    const contexts = new TlsContexts(never, never, undefined, { contexts: 1 });
    const { settings } = place("kept");
    const kept = await contexts.get(settings);
    for (let i = 0; i < 3; i++) {
      const missing = { ...settings, certificateFiles: [join(root, "none.pem")] };
      await assert.rejects(async () => contexts.get(missing), { name: "ConfigError" });
    }
    assert.equal((await contexts.get(settings)) === kept, false, "the bound of one is kept by whoever asks last");
  });

  test("that have not been wanted for the longest time go when there are too many", async () => {
    const contexts = new TlsContexts(never, never, undefined, { contexts: 2 });
    const [a, b, c] = [place("a").settings, place("b").settings, place("c").settings];
    const [ofA, ofB] = [await contexts.get(a), await contexts.get(b)];
    assert.equal(await contexts.get(a), ofA);
    await contexts.get(c);
    assert.equal(await contexts.get(a), ofA);
    assert.notEqual(await contexts.get(b), ofB);
  });
});
