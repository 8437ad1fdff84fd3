import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { join } from "node:path";
import { program } from "@postbus/testkit";

/*
 * dkimpy and Mail::DKIM, which know nothing of us: each takes a list of messages and gives a list of what it has made of them.
 */

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ed25519 = generateKeyPairSync("ed25519");

/** What all signers here sign with. */
export const signersKey = {
  pem: rsa.privateKey.export({ type: "pkcs1", format: "pem" }).toString(),
  /** Of the Ed25519 key, as dkimpy wants it. */
  seed: ed25519.privateKey.export({ type: "pkcs8", format: "der" }).subarray(-32).toString("base64"),
  /** `p=` */
  rsa: rsa.publicKey.export({ type: "spki", format: "der" }).toString("base64"),
  ed25519: ed25519.publicKey.export({ type: "spki", format: "der" }).subarray(-32).toString("base64"),
};

/** TXT records by name, each as its character-strings. */
export type Records = Readonly<Record<string, readonly string[]>>;

type Work = "sign" | "seal" | "verify" | "verify chain";
export type OtherSigner = (
  what: Work,
  cases: readonly { readonly message: string }[],
  records: Records,
) => readonly string[];

const runs =
  (command: string, script: string): OtherSigner =>
  (what, cases, records) => {
    if (cases.length === 0) return [];
    const { pem, seed } = signersKey;
    const input = JSON.stringify({ what, cases, records, pem, seed });
    const ran = spawnSync(command, [join(import.meta.dirname, script)], {
      input,
      timeout: 300_000,
      maxBuffer: 2 ** 30,
    });
    assert.equal(ran.status, 0, ran.stderr.toString());
    const answers: readonly string[] = JSON.parse(ran.stdout.toString());
    assert.equal(answers.length, cases.length);
    return answers;
  };

// The system's own, for which Debian's packages are; another one may come first in the PATH.
const python = ["/usr/bin/python3", program("python3") ?? ""].find(
  (path) => spawnSync(path, ["-c", "import dkim, nacl, authres"]).status === 0,
);
const perl = program("perl");
const hasMailDkim =
  perl !== undefined && spawnSync(perl, ["-MMail::DKIM::ARC::Signer", "-MNet::DNS", "-MJSON::PP", "-e1"]).status === 0;

/** Undefined: not installed. */
export const dkimpy = python === undefined ? undefined : runs(python, "with-dkimpy.py");
export const mailDkim = hasMailDkim ? runs(perl ?? "", "with-mail-dkim.pl") : undefined;
