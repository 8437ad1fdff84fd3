import assert from "node:assert/strict";
import { domainOf, hasDomain, localPartOf, type ParsedPath, parsePath } from "@postbus/mail";
import { isSafeAddress } from "@postbus/smtp";
import type { Chance } from "./chance.ts";
import type { FuzzTarget } from "./fuzz-target.ts";

const PATHS = [
  "<>",
  "<a@b.example>",
  "<postmaster>",
  "<@a,@b.example:u@d>",
  '<"a b\\"\\\\@"@d.example>',
  "<u@[192.0.2.1]>",
  "<u@[IPv6:2001:db8::1]>",
  "<u@xn--bcher-kva.example>",
  "<j\xc3\xb6@b\xc3\xbccher.example>",
  "a@b.example",
] as const;
const TOKENS = [
  "\0",
  ...'<>@.",:;\\[]() \t\r\n+-_%!|/$',
  "IPv6:",
  "::",
  "1.2.3.4",
  "xn--",
  "\xc3\xb6",
  "\xe4\xbe\x8b",
  "\xc2\x85",
  "\xff",
  "a".repeat(63),
  "a.".repeat(60),
  '"\\',
  "${run{id}}",
] as const;

/** The parser of paths behind MAIL FROM and RCPT TO (RFC 5321 §4.1.2, RFC 6531 §3.3). */
export const addressPath: FuzzTarget = {
  name: "address parser",
  shortCount: 40_000,
  tryOne(chance) {
    const path = made(chance);
    const before = chance.oneIn(4) ? chance.words(TOKENS, 3) : "";
    const text = before + path + (chance.oneIn(4) ? " SIZE=1" : "");
    const leniency = {
      allowsUtf8: chance.oneIn(2),
      stripsTrailingDot: chance.oneIn(2),
      stripsExcessBrackets: chance.oneIn(2),
    };
    const parsed = parsePath(text, before.length, leniency);
    if (parsed.kind === "invalid") assert.match(parsed.reason, /^[ -~]+$/);
    else check(parsed, text, before.length, leniency);
  },
};

function made(chance: Chance): string {
  const path = chance.pick(PATHS);
  switch (chance.integer(8)) {
    case 0:
      return path;
    case 1:
      return chance.words(TOKENS, 12);
    case 2:
      return `<${chance.octets(20)}>`;
    case 3:
      return chance.spoilt(path, TOKENS) + chance.pick(TOKENS).repeat(chance.integer(1_000));
    default:
      return chance.spoilt(path, TOKENS);
  }
}

function check(
  parsed: Extract<ParsedPath, { kind: "path" }>,
  text: string,
  start: number,
  { allowsUtf8, stripsExcessBrackets }: Readonly<Record<"allowsUtf8" | "stripsExcessBrackets", boolean>>,
): void {
  const { address, end } = parsed;
  assert.ok(end > start && end <= text.length, "its end");
  if (address === "") {
    assert.match(text.slice(start, end), stripsExcessBrackets ? /^<+>+$/ : /^<>$/);
    return;
  }
  assert.ok(text.slice(start, end).includes(address), "it is what was written");
  // What we take, we can send.
  assert.ok(isSafeAddress(address), "no control characters");
  if (!allowsUtf8) assert.match(address, /^[ -~]+$/);
  const domain = domainOf(address);
  const localPart = localPartOf(address);
  assert.ok(localPart !== "", "a local part");
  if (!localPart.startsWith('"')) assert.doesNotMatch(localPart, /[ "(),:;<>@[\\\]]/);
  assert.doesNotMatch(domain, /[ "(),;<>@\\]/);
  if (hasDomain(address)) assert.ok(address.length <= 256, "its length");
  const again = parsePath(`<${address}>`, 0, { allowsUtf8 });
  assert.deepEqual(again, { kind: "path", address, end: address.length + 2 }, "it is taken again");
}
