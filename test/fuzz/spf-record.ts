import assert from "node:assert/strict";
import type { Answer, RecordType, Resolver } from "@postbus/dns";
import { checkSpf } from "@postbus/mail-auth";
import type { Chance } from "./chance.ts";
import type { FuzzTarget } from "./fuzz-target.ts";

const RESULTS = ["pass", "fail", "softfail", "neutral", "none", "temperror", "permerror"];
const SIGNS = { "": "pass", "+": "pass", "-": "fail", "~": "softfail", "?": "neutral" } as const;
const TERMS = [
  ...[
    "a",
    "mx",
    "ptr",
    "a:h.a.example",
    "mx/24",
    "a//64",
    "include:b.example",
    "exists:%{i}.x.example",
    "redirect=b.example",
  ],
  ...[
    "exp=e.example",
    "include:a.example",
    "exists:%{d999}.%{l9r-+,}",
    "redirect=a.example",
    "a:",
    "ip4:",
    "unknown=%{",
  ],
  ...["ip4:192.0.2.0/99", "ip6:::/0", "%", "%{", "all", "-all", "nonsense:x", "ptr:a.example", "v=spf1"],
] as const;
const TOKENS = [
  ":",
  "/",
  "%",
  "{",
  "}",
  "=",
  " ",
  "-",
  "\0",
  "\xe9",
  "%{h}",
  "%{i9999r.}",
  "x".repeat(300),
  "ip4:",
] as const;
const CLIENTS = ["192.0.2.7", "198.51.100.1", "2001:db8::7", "::ffff:192.0.2.7"] as const;

/** The check of SPF records (RFC 7208), whatever is in them, and in what they lead to. */
export const spfRecord: FuzzTarget = {
  name: "SPF check",
  shortCount: 3_000,
  async tryOne(chance) {
    const clientAddress = chance.pick(CLIENTS);
    const isPlain = chance.oneIn(3);
    const { record, expected } = isPlain
      ? plainRecord(chance, clientAddress)
      : { record: anyRecord(chance), expected: undefined };
    let asked = 0;
    const resolver: Resolver = {
      async resolve<T extends RecordType>(name: string, type: T): Promise<Answer<T>> {
        asked++;
        const of = type === "TXT" && (name === "a.example" || name === "b.example");
        const records: unknown[] = !of ? [] : [[name === "a.example" ? record : isPlain ? "" : anyRecord(chance)]];
        if (!isPlain && !of && chance.oneIn(3))
          records.push(
            type === "MX" ? { preference: 1, exchange: "h.a.example" } : type === "A" ? "192.0.2.7" : "h.a.example",
          );
        const common = { authenticated: false, ttlSeconds: 0 };
        if (records.length === 0) return { state: "no data", ...common };
        // Of the type that was asked for, or nearly.
        return { state: "found", records: records as never, name, ...common };
      },
    };
    const { result, comment = "" } = await checkSpf(
      { clientAddress, helo: "h.example", returnPath: "u@a.example" },
      resolver,
    );
    assert.ok(RESULTS.includes(result), result);
    assert.match(comment, /^[ -~]*$/);
    assert.ok(asked <= 150, `${asked} questions`);
    if (expected !== undefined) assert.equal(result, expected, `${record} for ${clientAddress}`);
  },
};

/** Terms that compare addresses, and `all`: what they come to is seen at once. */
function plainRecord(chance: Chance, client: string): { readonly record: string; readonly expected: string } {
  const isFour = client.includes(".");
  let expected: string | undefined;
  const terms = ["v=spf1"];
  for (let count = chance.integer(8); count > 0; count--) {
    const sign = chance.pick(["", "+", "-", "~", "?"] as const);
    const [term, matches] = chance.pick<readonly [term: string, matches: boolean | undefined]>([
      ["ip4:192.0.2.7", isFour && client.endsWith("192.0.2.7")],
      ["ip4:192.0.2.0/24", isFour && client.endsWith("192.0.2.7")],
      ["ip4:198.51.100.0/31", client === "198.51.100.1"],
      ["ip4:203.0.113.1", false],
      ["ip4:0.0.0.0/0", isFour],
      ["ip6:2001:db8::/32", !isFour],
      ["ip6:2001:db8::8", false],
      ["x-modifier=1", undefined],
      ["all", true],
    ]);
    terms.push(matches === undefined ? term : sign + term);
    if (matches === true) expected ??= SIGNS[sign];
  }
  return { record: terms.join(chance.pick([" ", "  "])), expected: expected ?? "neutral" };
}

function anyRecord(chance: Chance): string {
  const terms = Array.from({ length: chance.integer(14) }, () => chance.pick(TERMS));
  const record = ["v=spf1", ...terms, chance.pick(["-all", "~all", ""])].join(" ");
  if (chance.oneIn(20)) return chance.octets(300);
  return chance.oneIn(2) ? record : chance.spoilt(record, TOKENS);
}
