import assert from "node:assert/strict";
import type { HeaderField } from "@postbus/mail";
import { readArcChain } from "../../packages/mail-auth/src/arc/arc-chain.ts";
import { statedArcResult } from "../../packages/mail-auth/src/arc/stated-result.ts";
import { readHeaderSection } from "../../packages/mail-auth/src/header-section.ts";
import { isForgedResult } from "../../services/gateway/src/trace/forged-results.ts";
import { bufferOf, type Chance } from "./chance.ts";
import type { FuzzTarget } from "./fuzz-target.ts";

const TOKENS = [
  ...["i=1", "i=2;", "i=51;", "i=0;", "i=01;", "i=", "; i=3", "i = 1 ;", ";", "=", ",", " ", "\t", "\r\n ", "\r\n\t"],
  ...["ARC-Seal:", "ARC-Seal :", "arc-message-signature:", "ARC-Authentication-Results: i=1;", "(", ")", "\\", '"'],
  ...["arc=pass", "arc=fail", "mx.test", "\xe9", "\0", "x".repeat(400), ";;".repeat(40), "(".repeat(60), "\r\n"],
] as const;

const PARTS = ["ARC-Seal", "ARC-Message-Signature", "ARC-Authentication-Results"] as const;

function setOf(chance: Chance, instance: number): string {
  const tags = `a=rsa-sha256; d=a.example; s=s; cv=pass; b=QUJD; bh=QUJD; h=from`;
  return PARTS.filter(() => !chance.oneIn(12))
    .map((name) => `${name}: i=${instance}; ${name === "ARC-Authentication-Results" ? "mx.test; arc=pass" : tags}\r\n`)
    .join("");
}

/** The reader of ARC's fields (RFC 8617 §4.1). */
export const arcFields: FuzzTarget = {
  name: "ARC reader",
  shortCount: 10_000,
  tryOne(chance) {
    let text = "From: a@b.example\r\n";
    for (let i = chance.integer(chance.oneIn(30) ? 60 : 5); i > 0; i--)
      text += setOf(chance, chance.oneIn(15) ? chance.integer(60) : i);
    if (!chance.oneIn(4)) text = chance.spoilt(text, TOKENS);
    const octets = bufferOf(text);
    const section = readHeaderSection(octets);
    const fields = section.kind === "unusable" ? [] : section.fields;
    const textOf = ({ start, end }: { readonly start: number; readonly end: number }): string => text.slice(start, end);
    const chain = readArcChain(fields, textOf);
    const named = fields.filter(({ name }) => PARTS.some((part) => part.toLowerCase() === name));
    if (chain.kind === "broken") {
      assert.match(chain.reason, /^collecting headers: inserting A(AR|M?S): [a-z ]+$/);
      assert.ok(chain.sets.every(({ instance }) => instance <= 50) && named.length > 0);
      return;
    }
    // Every field is in one set, and the sets are in order.
    assert.equal(
      chain.sets.reduce(
        (sum, { results, message, seal }) => sum + [results, message, seal].filter((one) => one).length,
        0,
      ),
      named.length,
    );
    let before = 0;
    for (const { instance, results, message, seal } of chain.sets) {
      assert.ok(instance > before && instance <= 50);
      before = instance;
      for (const part of [results, message, seal])
        if (part !== undefined)
          assert.match(
            textOf(part.field),
            new RegExp(`[:;]\\s*i\\s*=\\s*0*${[...String(instance)].join("\\s*")}\\s*(;|$)`),
          );
    }
  },
};

const COMMENTS = ["", " ", " (arc=fail)", " (a (b; arc=fail) c)", "\r\n\t(\\) arc=fail; \\()"] as const;
const OTHERS = [
  "spf=pass smtp.mailfrom=a.example",
  'auth=pass smtp.auth="x; arc=fail"',
  "dkim=pass (arc=fail; ok) header.d=a",
  'x="\\"; arc=fail"',
  "dmarc=none",
] as const;

/** The reader of what Authentication-Results say of a chain (RFC 8601 §2.2). */
export const statedResults: FuzzTarget = {
  name: "Authentication-Results reader",
  shortCount: 20_000,
  tryOne(chance) {
    const states: string[] = [];
    const parts: string[] = [];
    for (let count = chance.integer(6); count > 0; count--) {
      if (!chance.oneIn(3)) parts.push(chance.pick(OTHERS));
      else {
        const state = chance.pick(["pass", "fail", "none"]);
        states.push(state);
        parts.push(
          `${chance.pick([" ", "\r\n\t", ""])}arc${chance.pick(["=", " = "])}${state}${chance.pick(COMMENTS)}`,
        );
      }
    }
    const text = parts.map((part) => part + chance.pick(COMMENTS)).join(";");
    const [only, ...more] = new Set(states);
    assert.equal(statedArcResult(text), more.length === 0 ? only : undefined, text);
    const spoilt = statedArcResult(chance.spoilt(text, TOKENS));
    assert.ok(spoilt === undefined || ["pass", "fail", "none"].includes(spoilt));
  },
};

const OURS = ["mx.test", "b.example"] as const;
const NAMES = ["mx.test", "MX.Test", "other.example", "mx.test.other.example", "xmx.test", "b.example"] as const;

/** The reader that finds results which strangers have put under our name (RFC 8601 §5). */
export const forgedResults: FuzzTarget = {
  name: "reader of forged results",
  shortCount: 20_000,
  tryOne(chance) {
    const name = chance.pick(NAMES);
    const before = chance.pick(["", " ", "\t", " (a) ", " (a (b) \\) c) (d) ", "\r\n ", "\r\n\t(x)\r\n "]);
    const value = `${before}${name}${chance.pick([";", " ;", " 1;", "(x);", ""])} spf=pass`;
    const isOurs = OURS.some((ours) => ours === name.toLowerCase());
    assert.equal(isForged(value), isOurs, value);
    const spoilt = chance.spoilt(value, TOKENS);
    // What has nothing of our names in it is nobody's forgery; folds may not hide them.
    if (!OURS.some((ours) => spoilt.replaceAll("\r\n", "").toLowerCase().includes(ours)))
      assert.equal(isForged(spoilt), false);
  },
};

function isForged(value: string): boolean {
  const octets = bufferOf(`Authentication-Results:${value}\r\n`);
  const field: HeaderField = { name: "authentication-results", start: 0, valueStart: 23, end: octets.length };
  return isForgedResult(octets, field, OURS);
}
