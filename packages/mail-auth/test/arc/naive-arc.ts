import { createHash, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";

/*
 * ARC (RFC 8617) once more, in the plainest way and with nothing of ours in it, so that a mistake of ours is not made twice. A set is
 * made of templates, in which anything may be changed before it is signed, and behind that.
 */

/** A key that was made for a test, and its record. */
export interface NaiveKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly record: string;
}

export function naiveKey(bits: number): NaiveKey {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: bits });
  const p = publicKey.export({ type: "spki", format: "der" }).toString("base64");
  return { privateKey, publicKey, record: `v=DKIM1; k=rsa; p=${p}` };
}

type Edit = (field: string) => string;

/** How one hop differs from the usual. */
export interface NaiveHop {
  /** The field of the results; undefined: there is none. */
  readonly results?: string | undefined;
  /** Templates (`%B%`, `%BH%`) before they are signed. */
  readonly message?: Edit;
  readonly seal?: Edit;
  /** The fields behind that; of the message signature, before the seal is made. Nothing left: it is not there. */
  readonly messageAfter?: Edit;
  readonly sealAfter?: Edit;
  readonly key?: NaiveKey;
  readonly cv?: string;
}

const fieldsOf = (message: string): string[] => {
  const end = message.startsWith("\r\n") ? 0 : message.indexOf("\r\n\r\n");
  const header = end === -1 ? message : message.slice(0, end);
  return header === "" ? [] : header.split(/\r\n(?![ \t])/).filter((field) => field !== "");
};
const bodyOf = (message: string): string => {
  const end = message.startsWith("\r\n") ? -2 : message.indexOf("\r\n\r\n");
  return end === -1 ? "" : message.slice(end + 4);
};
const nameOf = (field: string): string => field.slice(0, field.indexOf(":")).trim().toLowerCase();

function relaxedField(field: string): string {
  const value = field.slice(field.indexOf(":") + 1);
  return `${nameOf(field)}:${value
    .replace(/\r\n/g, "")
    .replace(/[ \t]+/g, " ")
    .trim()}\r\n`;
}

function canonicalBody(body: string, how: string): string {
  let lines = body.split("\r\n");
  if (lines.at(-1) === "") lines.pop();
  if (how === "relaxed") lines = lines.map((line) => line.replace(/[ \t]+/g, " ").replace(/ $/, ""));
  while (lines.at(-1) === "") lines.pop();
  if (lines.length === 0) return how === "relaxed" ? "" : "\r\n";
  return `${lines.join("\r\n")}\r\n`;
}

/** The value of a tag; undefined: it is not there. */
export const tagOf = (field: string, name: string): string | undefined =>
  new RegExp(`[:;]\\s*${name}\\s*=([^;]*)`).exec(field)?.[1]?.replace(/\s+/g, "");

const emptied = (field: string): string => field.replace(/([:;]\s*b\s*=)[^;]*/, "$1");

/** What a message signature is over. */
function signedOfMessage(field: string, message: string): Buffer {
  const how = (tagOf(field, "c") ?? "simple").split("/")[0];
  const canonical = (text: string): string => (how === "relaxed" ? relaxedField(text) : `${text}\r\n`);
  const left = fieldsOf(message);
  let text = "";
  for (const name of (tagOf(field, "h") ?? "").toLowerCase().split(":")) {
    const at = left.findLastIndex((each) => nameOf(each) === name);
    if (at === -1) continue;
    text += canonical(left[at] ?? "");
    left.splice(at, 1);
  }
  return Buffer.from((text + canonical(emptied(field))).replace(/\r\n$/, ""), "latin1");
}

const bodyHash = (field: string, message: string): string =>
  createHash("sha256")
    .update(canonicalBody(bodyOf(message), (tagOf(field, "c") ?? "simple").split("/")[1] ?? "simple"), "latin1")
    .digest("base64");

const PARTS = ["arc-authentication-results", "arc-message-signature", "arc-seal"];

/** What the seal of a set is over, which is the last of the message's. */
function signedOfSeal(seal: string, message: string, instance: number): Buffer {
  let text = "";
  for (let i = 1; i <= instance; i++) {
    for (const part of PARTS) {
      if (i === instance && part === "arc-seal") continue;
      const field = fieldsOf(message).find((each) => nameOf(each) === part && tagOf(each, "i") === String(i));
      if (field !== undefined) text += relaxedField(field);
    }
  }
  return Buffer.from((text + relaxedField(emptied(seal))).replace(/\r\n$/, ""), "latin1");
}

const digestOf = (field: string): string => (tagOf(field, "a")?.endsWith("sha1") ? "sha1" : "sha256");

/** The message with one set more. */
export function naivelySealed(message: string, instance: number, usual: NaiveKey, hop: NaiveHop = {}): string {
  const { key = usual, cv = instance === 1 ? "none" : "pass" } = hop;
  const results =
    "results" in hop
      ? hop.results
      : `ARC-Authentication-Results: i=${instance}; lists.example.org;\r\n\tspf=pass smtp.mfrom=jqd@d1.example;\r\n\tdmarc=pass`;
  const withResults = (results === undefined ? "" : `${results}\r\n`) + message;
  const unedited = (text: string): string => text;
  const ofMessage = (hop.message ?? unedited)(
    `ARC-Message-Signature: a=rsa-sha256; b=%B%; bh=%BH%; c=relaxed/relaxed;\r\n\td=example.org; h=from:to:date:subject:mime-version:arc-authentication-results;\r\n\ti=${instance}; s=dummy; t=12345`,
  ).replace("%BH%", bodyHashOf);
  function bodyHashOf(): string {
    return bodyHash(hop.message?.("ARC-Message-Signature: a=x; c=relaxed/relaxed; ") ?? ":c=relaxed/relaxed", message);
  }
  const signature = sign(
    digestOf(ofMessage),
    signedOfMessage(ofMessage.replace("%B%", ""), withResults),
    key.privateKey,
  ).toString("base64");
  const messageField = (hop.messageAfter ?? unedited)(ofMessage.replace("%B%", signature));
  const withMessage = (messageField === "" ? "" : `${messageField}\r\n`) + withResults;
  const ofSeal = (hop.seal ?? unedited)(
    `ARC-Seal: a=rsa-sha256; b=%B%; cv=${cv}; d=example.org; i=${instance}; s=dummy;\r\n\tt=12345`,
  );
  const seal = (hop.sealAfter ?? unedited)(
    ofSeal.replace(
      "%B%",
      sign(digestOf(ofSeal), signedOfSeal(ofSeal.replace("%B%", ""), withMessage, instance), key.privateKey).toString(
        "base64",
      ),
    ),
  );
  return (seal === "" ? "" : `${seal}\r\n`) + withMessage;
}

/** Whether the newest set, of which all fields must be there, is over this message. */
export function naivelyHolds(message: string, instance: number, key: NaiveKey): { message: boolean; seal: boolean } {
  const part = (name: string): string =>
    fieldsOf(message).find((each) => nameOf(each) === name && tagOf(each, "i") === String(instance)) ?? "";
  const [ofMessage, ofSeal] = [part("arc-message-signature"), part("arc-seal")];
  const holds = (signed: Buffer, field: string): boolean =>
    verify("sha256", signed, key.publicKey, Buffer.from(tagOf(field, "b") ?? "", "base64"));
  return {
    message:
      tagOf(ofMessage, "bh") === bodyHash(ofMessage, message) && holds(signedOfMessage(ofMessage, message), ofMessage),
    seal: holds(signedOfSeal(ofSeal, message, instance), ofSeal),
  };
}
