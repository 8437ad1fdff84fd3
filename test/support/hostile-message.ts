import type { DnsZone } from "@postbus/testkit";
import type { Chance } from "../fuzz/chance.ts";

const MANY = Array.from({ length: 12 }, (_, i) => `include:i${i}.bad.test`).join(" ");

/** What strangers may have in the DNS (the catalogues "Auth data" and "DNS"). */
export const HOSTILE_ZONE: DnsZone = {
  "loop.bad.test": { TXT: ["v=spf1 include:loop.bad.test -all"] },
  "redirect.bad.test": { TXT: ["v=spf1 redirect=redirect.bad.test"] },
  "many.bad.test": { TXT: [`v=spf1 ${MANY} -all`] },
  "void.bad.test": { TXT: ["v=spf1 a:v1.test a:v2.test a:v3.test mx:v4.test -all"] },
  "macro.bad.test": { TXT: ["v=spf1 exists:%{d999}.%{l9r-+,}.%{i}.bad.test -all"] },
  "two.bad.test": { TXT: ["v=spf1 -all", "v=spf1 +all"] },
  "long.bad.test": { TXT: [`v=spf1 ${"ip4:192.0.2.1 ".repeat(700)}-all`] },
  "junk.bad.test": { TXT: ["v=spf1 \u0000\u0001\u00ff ((( -all"] },
  "dead.bad.test": "SERVFAIL",
  "mx.bad.test": { TXT: ["v=spf1 mx ptr -all"], MX: Array.from({ length: 200 }, (_, i) => `${i} h${i}.bad.test`) },
  "cname.bad.test": { CNAME: "cname.bad.test" },
  "s._domainkey.bad.test": { TXT: ["v=DKIM1; k=rsa; p=AAAA"] },
  "e._domainkey.bad.test": { TXT: ["v=DKIM1; k=ed25519; p=AAAA"] },
  "big._domainkey.bad.test": { TXT: [`v=DKIM1; p=${"A".repeat(12_000)}`] },
  "revoked._domainkey.bad.test": { TXT: ["v=DKIM1; p="] },
  "loop._domainkey.bad.test": { CNAME: "loop._domainkey.bad.test" },
  "_dmarc.bad.test": { TXT: ["v=DMARC1; p=reject; rua=mailto:a@b; pct=abc"] },
  "_dmarc.many.bad.test": { TXT: ["v=DMARC1; p=reject; rua=mailto:a@b; np=;;;"] },
  "_dmarc.two.bad.test": { TXT: ["v=DMARC1; p=reject", "v=DMARC1; p=none"] },
  "_dmarc.junk.bad.test": { TXT: ["v=DMARC1 \u00ff; p = ; sp==reject"] },
  "_dmarc.dead.bad.test": "SERVFAIL",
};

const DOMAINS = [
  ...["loop", "redirect", "many", "void", "macro", "two", "long", "junk", "dead", "mx", "cname"].map(
    (name) => `${name}.bad.test`,
  ),
  ...["bad.test", "a.b.c.d.e.f.g.h.i.j.k.bad.test", "co.uk", "localhost", "xn--a.test", "[192.0.2.1]"],
] as const;
const WORDS = [
  ...[" ", "\t", "\r\n ", "\r\n\t", ";", ":", ",", "<", ">", "(", ")", '"', "\\", "@", "=", "[", "]", "%{i}", "\u00e4"],
  ...["a@bad.test", "=?utf-8?q?=61?=", "v=1", "i=1", "cv=fail", "b=", "bh=", "h=from", "d=bad.test", "mx.test"],
] as const;
/** Octets of a large field. */
const LARGE = [200, 2_000, 20_000, 90_000] as const;

const first = DOMAINS[0] ?? "";
const domain = (chance: Chance): string => chance.pick([first, ...DOMAINS.slice(1)]);
const words = (chance: Chance, most: number): string => chance.words([" ", ...WORDS], most);
const many = (chance: Chance, unit: string): string => unit.repeat(Math.floor(chance.pick(LARGE) / unit.length));

function from(chance: Chance): string {
  const unit = chance.pick([" ", ",", "(", '"', "<", "@a", "\r\n ", "a@b.test, ", "\\", "\u00c3\u00a4"]);
  const address = `a@${domain(chance)}`;
  const spoilt = chance.pick([address, `"${many(chance, unit)}" <${address}>`, `${many(chance, unit)}${address}`, ""]);
  return `From: ${spoilt}${chance.oneIn(3) ? words(chance, 5) : ""}\r\n`;
}

function signature(chance: Chance): string {
  const selector = chance.pick(["s", "e", "big", "revoked", "loop", "none"]);
  const algorithm = chance.pick(["rsa-sha256", "ed25519-sha256", "rsa-sha1", "x"]);
  const body = chance.pick(["47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "x", many(chance, " ")]);
  const tags = [
    ...["v=1", `a=${algorithm}`, `d=${domain(chance)}`, `s=${selector}`, `bh=${body}`, "h=from:from:from"],
    ...[`b=${chance.oneIn(4) ? many(chance, chance.pick([" ", ";", "A", "; b"])) : "QUJD"}`, "l=0", "x=1"],
  ];
  return `DKIM-Signature: ${tags.filter(() => !chance.oneIn(8)).join("; ")}${words(chance, 2)}\r\n`;
}

function seals(chance: Chance): string {
  let text = "";
  for (let i = chance.integer(chance.oneIn(10) ? 60 : 4); i > 0; i--) {
    const instance = chance.oneIn(8) ? chance.integer(70) : i;
    text += `ARC-Seal: i=${instance}; a=rsa-sha256; cv=${i === 1 ? "none" : "pass"}; d=bad.test; s=s; b=QUJD\r\n`;
    text += `ARC-Message-Signature: i=${instance}; a=rsa-sha256; d=bad.test; s=e; h=from; bh=QUJD; b=QUJD\r\n`;
    if (!chance.oneIn(5)) text += `ARC-Authentication-Results: i=${instance}; mx.test; arc=pass${words(chance, 3)}\r\n`;
  }
  return text;
}

function other(chance: Chance): string {
  switch (chance.integer(7)) {
    case 0:
      return `Authentication-Results: ${chance.pick(["mx.test", "MX.test 1", "(a)mx.test", '"mx.test"'])}; dmarc=pass\r\n`;
    case 1:
      return `X: y\r\n${many(chance, " \r\n")}\tz\r\n`;
    case 2:
      return "Y: z\r\n".repeat(chance.integer(900));
    case 3:
      return `Subject: ${many(chance, chance.pick(["=?utf-8?b?AAAA?= ", "=?", " ", "\u00ff"]))}\r\n`;
    case 4:
      return `To: ${many(chance, chance.pick([",", "(", "<a@b>,", '"']))}\r\n`;
    case 5:
      return from(chance) + `From: a@${domain(chance)}\r\n`.repeat(chance.integer(400));
    default:
      return `X${words(chance, 6)}\r\n`;
  }
}

/** A message, and who is said to have sent it. */
export interface HostileMail {
  readonly returnPath: string;
  /** What comes behind DATA, its dots doubled, without the final dot. */
  readonly content: string;
}

/** How many of a hundred messages are made of signed ones. */
const SIGNED_OF_100 = 25;

/** Mail as nobody sends it who means well (the catalogues "Message" and "Auth data"). @param signed Some are made of these. */
export function hostileMail(chance: Chance, signed: readonly [string, ...string[]]): HostileMail {
  const text = chance.integer(100) < SIGNED_OF_100 ? ofSigned(chance, chance.pick(signed)) : strange(chance);
  const sender = chance.oneIn(8) ? "engine" : "u";
  return {
    returnPath: chance.oneIn(10) ? "" : `${sender}@${domain(chance).replace(/^\[.*/, "bad.test")}`,
    content: `${text.replaceAll(/^\./gm, "..")}${text.endsWith("\r\n") ? "" : "\r\n"}`,
  };
}

/** As it is, with something before it, or with something changed in it. */
function ofSigned(chance: Chance, message: string): string {
  switch (chance.integer(4)) {
    case 0:
      return message;
    case 1:
      return other(chance) + message;
    case 2:
      return signature(chance) + seals(chance) + message;
    default:
      // A CR alone would end the session (it has tests of its own).
      return chance.spoilt(message, [" ", ...WORDS]).replaceAll(/\r(?!\n)|(?<!\r)\n/g, " ");
  }
}

function strange(chance: Chance): string {
  const parts = [from(chance)];
  for (let count = chance.integer(chance.oneIn(20) ? 50 : 3); count > 0; count--) parts.push(signature(chance));
  if (chance.oneIn(3)) parts.push(seals(chance));
  for (let count = chance.integer(4); count > 0; count--) parts.push(other(chance));
  if (chance.oneIn(10)) parts.push(from(chance));
  const body = chance.pick(["", "text\r\n", many(chance, " \t"), many(chance, "\r\n"), many(chance, "x\r\n")]);
  return `${parts.sort(() => chance.integer(3) - 1).join("")}\r\n${body}`;
}
