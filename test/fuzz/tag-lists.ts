import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describeSignature } from "../../packages/mail-auth/src/dkim/describe-signature.ts";
import { readKey } from "../../packages/mail-auth/src/dkim/key-records.ts";
import { readSignature } from "../../packages/mail-auth/src/dkim/read-signature.ts";
import { strictTags } from "../../packages/mail-auth/src/dkim/strict-tags.ts";
import { readRecord } from "../../packages/mail-auth/src/dmarc/read-record.ts";
import { slowKey } from "../support/slow-key.ts";
import type { Chance } from "./chance.ts";
import type { FuzzTarget } from "./fuzz-target.ts";

const spki = (type: "rsa" | "ed25519", bits = 2048): Buffer => {
  const { publicKey } =
    type === "rsa" ? generateKeyPairSync("rsa", { modulusLength: bits }) : generateKeyPairSync("ed25519");
  return publicKey.export({ type: "spki", format: "der" });
};
const RSA = spki("rsa").toString("base64");
const SHORT = spki("rsa", 512).toString("base64");
const SLOW = slowKey().toString("base64");
const ED25519 = spki("ed25519").subarray(-32).toString("base64");

const SIGNATURES = [
  "v=1; a=rsa-sha256; q=dns/txt; c=relaxed/relaxed; d=a.example; s=s1; h=From:To; bh=QUJD; b=QUJD",
  "v=1; a=ed25519-sha256; d=xn--bcher-kva.example; s=a.b; t=1; x=2; l=5; i=@m.xn--bcher-kva.example;\r\n\th=From; bh=QUJD;\r\n\tb=QU\r\n\t JD;",
  "v=1;a=rsa-sha1;d=a.example;s=s;h=from;bh=QUJD;b=QUJD;z=From:a|To:b",
] as const;
const KEYS = [
  `v=DKIM1; k=rsa; p=${RSA}`,
  `p=${RSA}`,
  `v=DKIM1; h=sha256:sha1; s=email; t=y:s; n=note; p=${RSA.replace(/(.{70})/g, "$1 ")}`,
  `v=DKIM1; k=ed25519; p=${ED25519}`,
  `v=DKIM1; k=rsa; p=${SHORT}`,
  `v=DKIM1; p=${SLOW}`,
  "v=DKIM1; p=",
] as const;
const RECORDS = [
  "v=DMARC1; p=reject; sp=quarantine; np=none; adkim=s; aspf=r; fo=1:d; pct=50; t=y; rua=mailto:a@b.example!10m,mailto:c@d; ruf=mailto:r@b",
  "v=DMARC1;p=none",
  "v=DMARC1; p=quarantine; rua=mailto:a@b.example; psd=n;",
] as const;
const TOKENS = [
  ...[";", "=", ";;", "; ", " ;", " = ", "\r\n\t", "\r\n ", "\t", ":", "/", "\0", "\xe9", "\xc3\xa9", "%", "b=", "bh="],
  ...[
    "; d=b.example",
    "d=",
    "; p=",
    "; _=1",
    "; 1=1",
    "; A=1",
    "h=",
    "=41",
    "l=99999999999999999999",
    "x=-1",
    "i=@",
    "*",
  ],
  ...["x".repeat(300), "; ".repeat(50), " \r\n".repeat(40), "mailto:a@b,".repeat(12), "v=DKIM1", "v=DMARC1"],
] as const;

/** Blanks, as DKIM has them. */
const BLANK = " \t\r\n";

/**
 * The tags of a list (RFC 6376 §3.2), character by character; undefined: it is none, or has a tag twice.
 *
 * @param mayBeEmpty Between two semicolons there may be nothing.
 */
function naiveTags(text: string, mayBeEmpty = false): Map<string, string> | undefined {
  const tags = new Map<string, string>();
  let rest = text;
  while ([...rest].some((char) => !BLANK.includes(char))) {
    const end = rest.indexOf(";");
    const one = end === -1 ? rest : rest.slice(0, end);
    rest = end === -1 ? "" : rest.slice(end + 1);
    if (mayBeEmpty && bare(one) === "") continue;
    const equals = one.indexOf("=");
    if (equals === -1) return undefined;
    const strip = (part: string): string => {
      const chars = [...part];
      while (chars.length > 0 && BLANK.includes(chars[0] ?? "x")) chars.shift();
      while (chars.length > 0 && BLANK.includes(chars.at(-1) ?? "x")) chars.pop();
      return chars.join("");
    };
    const name = strip(one.slice(0, equals));
    if (!/^[A-Za-z]\w*$/.test(name) || tags.has(name)) return undefined;
    tags.set(name, strip(one.slice(equals + 1)));
  }
  return tags;
}

const bare = (text = ""): string => [...text].filter((char) => !BLANK.includes(char)).join("");

const made = (chance: Chance, good: readonly [string, ...string[]]): string => {
  if (chance.oneIn(10)) return chance.words(TOKENS, 30);
  if (chance.oneIn(20)) return chance.octets(200);
  return chance.oneIn(6) ? chance.pick(good) : chance.spoilt(chance.pick(good), TOKENS);
};

/** The readers of DKIM-Signature (RFC 6376 §3.5) and of lists of tags. */
export const dkimSignature: FuzzTarget = {
  name: "DKIM-Signature reader",
  shortCount: 20_000,
  tryOne(chance) {
    const text = made(chance, SIGNATURES);
    const tags = naiveTags(text);
    assert.deepEqual(strictTags(text), tags, "the tags");
    const { domain, selector, algorithm, tags: read } = readSignature(text);
    if (typeof read === "string") assert.match(read, /^[a-zA-Z0-9 ]+$/);
    else {
      assert.ok(tags !== undefined, "what can be verified is a list of tags");
      assert.match(domain, /^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/);
      assert.ok(domain.length <= 1_000 && selector.length > 0);
      assert.equal(algorithm, bare(tags.get("a")).toLowerCase());
      assert.equal(tags.get("v"), "1");
      assert.ok(
        read.names.some((name) => name.toLowerCase() === "from"),
        "the author is signed",
      );
      assert.equal(read.names.join(":"), bare(tags.get("h")));
      assert.equal(read.bodyHash, bare(tags.get("bh")));
      const identity = read.identityDomain;
      if (identity !== undefined) assert.ok(`.${identity}`.endsWith(`.${domain}`), `${identity} is not in ${domain}`);
    }
    const shown = describeSignature(text, { result: "neutral", comment: "", keyRecord: undefined });
    if (shown !== undefined) assert.match(JSON.stringify(shown), /^[ -~]*$/);
  },
};

/** The reader of keys in the DNS (RFC 6376 §3.6.1, RFC 8463). */
export const dkimKey: FuzzTarget = {
  name: "DKIM key reader",
  shortCount: 5_000,
  tryOne(chance) {
    const text = made(chance, KEYS);
    const answer = readKey(text);
    assert.notEqual(answer.kind, "unknown", "a record says something");
    if (answer.kind !== "key") return;
    const tags = naiveTags(text, true);
    assert.ok(tags !== undefined);
    assert.ok(["rsa", "ed25519"].includes(answer.type) && answer.key.asymmetricKeyType === answer.type);
    assert.equal(answer.type, (tags.get("k") ?? "rsa").toLowerCase());
    if (answer.type === "rsa") {
      const { modulusLength: bits = 0 } = answer.key.asymmetricKeyDetails ?? {};
      assert.ok(bits >= 1024 && bits <= 8192, "neither too short nor too long");
    }
    assert.ok((answer.key.asymmetricKeyDetails?.publicExponent ?? 0n) <= 2n ** 64n, "not too slow");
    const der = answer.key.export({ type: "spki", format: "der" });
    assert.ok(der.includes(Buffer.from(bare(tags.get("p")), "base64")) || answer.type === "rsa", "it is that key");
    assert.ok(tags.get("v") === undefined || tags.get("v") === "DKIM1");
    const flags = bare(tags.get("t")).toLowerCase().split(":");
    assert.equal(answer.isForDomainAlone, flags.includes("s"));
  },
};

/** The reader of DMARC records (RFC 9989 §4.7). */
export const dmarcRecord: FuzzTarget = {
  name: "DMARC record reader",
  shortCount: 20_000,
  tryOne(chance) {
    const text = made(chance, RECORDS);
    const tags = naiveTags(text);
    const policy = chance.pick(["none", "reject", "quarantine", "x", ""]);
    const record = readRecord(text, {
      domain: chance.octets(10),
      p: policy,
      sp: undefined,
      np: policy,
      isBySuffixes: false,
    });
    assert.ok(record.percent >= 0 && record.percent <= 100 && Number.isInteger(record.percent));
    assert.equal(record.p, ["reject", "quarantine"].includes(policy) ? policy : "none");
    for (const uris of [record.rua, record.ruf]) {
      assert.ok(uris.length <= 10);
      for (const uri of uris) assert.match(uri, /^[!-+\--~]{1,500}$/);
    }
    assert.match(JSON.stringify(record), /^[ -~]*$/);
    // Other blanks than a tag list has: some readers take them off.
    if (tags === undefined || /[\v\f]/.test(text)) return;
    const word = (name: string): string => (tags.get(name) ?? "").toLowerCase();
    assert.equal(record.adkim, word("adkim") === "s" ? "s" : "r");
    assert.equal(record.aspf, word("aspf") === "s" ? "s" : "r");
    assert.equal(record.isTest === true, word("t") === "y");
    const listed = (tags.get("rua") ?? "").split(",").map(bare);
    for (const uri of record.rua) assert.ok(listed.includes(uri), `${uri} was published`);
  },
};
