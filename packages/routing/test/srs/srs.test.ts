import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { srsForward, srsForwardKey, srsKey } from "../../src/srs/srs-forward.ts";
import { srsHash } from "../../src/srs/srs-hash.ts";
import { srsReverse } from "../../src/srs/srs-reverse.ts";
import { type SrsSettings, srsSettings } from "../../src/srs/srs-settings.ts";
import { srsTimestamp } from "../../src/srs/srs-timestamp.ts";

const DAY = 86_400_000;
/** Day 298 of its 1024: `JK`. */
const NOW = Date.UTC(2026, 10, 21, 12);

const usual: SrsSettings = {
  ...{ secrets: ["mysecret"], maxAgeDays: 31, hashLength: 4, hashMin: 4 },
  ...{ usesTimestamp: true, usesHash: true, isHashSafe: false },
};

function forward(sender: string, alias: string, settings = usual, nowMs = NOW): string {
  const forwarded = srsForward(sender, alias, settings, nowMs);
  assert.ok("address" in forwarded, JSON.stringify(forwarded));
  return forwarded.address;
}

/** The values of Mail::SRS 0.31 with the secret `mysecret`. */
describe("the addresses of Mail::SRS", () => {
  const first = "SRS0=e6lT=JK=example.com=joe@fwd.example";
  const second = "SRS1=jtiZ=fwd.example==e6lT=JK=example.com=joe@second.example";
  const third = "SRS1=jtiZ=fwd.example==e6lT=JK=example.com=joe@third.example";

  test("hashes", () => {
    assert.equal(srsHash(usual, "JK", "example.com", "joe"), "e6lT");
    assert.equal(srsHash(usual, "fwd.example", "=e6lT=JK=example.com=joe"), "jtiZ");
  });

  test("of three forwarders, the first is kept", () => {
    assert.equal(forward("joe@example.com", "fwd.example"), first);
    assert.equal(forward(first, "second.example"), second);
    assert.equal(forward(second, "third.example"), third);
  });

  test("and back: to the first forwarder, then to the sender", () => {
    const address = (text: string) => ({ kind: "address", address: text, isFolded: false });
    assert.deepEqual(srsReverse(third, usual, NOW), address(first));
    assert.deepEqual(srsReverse(second, usual, NOW), address(first));
    assert.deepEqual(srsReverse(first, usual, NOW), address("joe@example.com"));
  });

  test("with another separator behind the first tag", () => {
    const rest = "+e6lT=JK=example.com=joe";
    const made = forward(`SRS0${rest}@fwd.example`, "second.example");
    assert.match(made, /^SRS1=....=fwd\.example=\+e6lT=JK=example\.com=joe@second\.example$/);
    assert.partialDeepStrictEqual(srsReverse(made, usual, NOW), { address: `SRS0${rest}@fwd.example` });
    assert.partialDeepStrictEqual(srsReverse(`SRS0${rest}@fwd.example`, usual, NOW), { address: "joe@example.com" });
  });
});

test("the day counts to 1023 and begins again", () => {
  assert.deepEqual(
    [0, 1, 31, 32, 1023, 1024, 1025].map((day) => srsTimestamp(day * DAY)),
    ["AA", "AB", "A7", "BA", "77", "AA", "AB"],
  );
  const last = 1023 * DAY;
  const made = forward("joe@example.com", "fwd.example", usual, last);
  for (const [days, kind] of [
    [0, "address"],
    [1, "address"],
    [31, "address"],
    [32, "bad"],
    [1024, "address"],
  ] as const) {
    assert.equal(srsReverse(made, usual, last + days * DAY).kind, kind, `${days} days later`);
  }
  assert.deepEqual(srsReverse(made, usual, last - DAY), { kind: "bad", why: "expired" });
});

describe("an address that comes back", () => {
  const made = forward("joe@example.com", "fwd.example");
  const others: readonly [name: string, address: string, settings: Partial<SrsSettings>, want: string][] = [
    ["is taken in lower case", made.toLowerCase(), {}, "address joe@example.com (folded)"],
    ["is refused with another secret", made, { secrets: ["other"] }, "badhash"],
    ["is taken with an old secret", made, { secrets: ["new", "mysecret"] }, "address joe@example.com"],
    ["is refused with another address", made.replace("joe", "jim"), {}, "badhash"],
    ["is refused with another day", made.replace("=JK=", "=JL="), {}, "badhash"],
    ["is refused with a shorter hash", made.replace("e6lT", "e6l"), {}, "badhash"],
    [
      "is taken with a hash as short as is allowed",
      made.replace("e6lT", "e6l"),
      { hashMin: 3 },
      "address joe@example.com",
    ],
    ["is none without its tag", "joe@fwd.example", {}, "none"],
    ["is none without its parts", "SRS0=e6lT=JK@fwd.example", {}, "none"],
    ["is none with a day that is none", made.replace("=JK=", "=J1="), {}, "none"],
    ["is none without a local part", "SRS0=e6lT=JK=example.com=@fwd.example", {}, "none"],
    ["is none as SRS1 without a host", "SRS1=jtiZ===e6lT=JK=example.com=joe@x.example", {}, "none"],
  ];
  for (const [name, address, settings, want] of others) {
    test(name, () => {
      const back = srsReverse(address, { ...usual, ...settings }, NOW);
      const said =
        back.kind === "bad"
          ? back.why
          : back.kind === "address"
            ? `address ${back.address}${back.isFolded ? " (folded)" : ""}`
            : back.kind;
      assert.equal(said.toLowerCase(), want);
    });
  }
});

describe("forwarding", () => {
  test("leaves a sender of the same domain as he is", () => {
    assert.equal(forward("joe@Fwd.example", "fwd.EXAMPLE"), "joe@Fwd.example");
  });

  test("quotes a local part that needs it, as a whole", () => {
    const made = forward('"a b\\"c"@example.com', "fwd.example");
    assert.match(made, /^"SRS0=....=JK=example\.com=a b\\"c"@fwd\.example$/);
    assert.partialDeepStrictEqual(srsReverse(made, usual, NOW), { address: '"a b\\"c"@example.com' });
    assert.partialDeepStrictEqual(srsReverse(forward('"joe"@example.com', "f.example"), usual, NOW), {
      address: "joe@example.com",
    });
  });

  test("leaves out what is not used", () => {
    const bare = { ...usual, usesHash: false, usesTimestamp: false };
    assert.equal(
      forward("joe@example.com", "f.example", { ...usual, usesHash: false }),
      "SRS0=JK=example.com=joe@f.example",
    );
    assert.match(
      forward("joe@example.com", "f.example", { ...usual, usesTimestamp: false }),
      /^SRS0=....=example\.com=joe@f\.example$/,
    );
    assert.equal(forward("joe@example.com", "f.example", bare), "SRS0=example.com=joe@f.example");
    assert.equal(forward("SRS0=x=y@b.example", "f.example", bare), "SRS1=b.example==x=y@f.example");
  });

  test("has a problem with what is no address, and with what is too long", () => {
    assert.deepEqual(srsForward("joe", "f.example", usual, NOW), { problem: '"joe" has no domain' });
    const long = `${"x".repeat(500)}@example.com`;
    assert.deepEqual(srsForward(long, "f.example", usual, NOW), { problem: "the rewritten address is too long" });
    assert.equal(forward(`${"x".repeat(200)}@example.com`, "f.example").length, 235);
  });

  test("by a key has no address in it", () => {
    const key = srsKey("joe@example.com", usual, NOW);
    assert.match(key, /^[a-z2-7]{16}$/);
    assert.equal(srsKey("joe@Example.com", usual, NOW + 1), key);
    assert.notEqual(srsKey("Joe@example.com", usual, NOW), key);
    assert.notEqual(srsKey("jim@example.com", usual, NOW), key);
    const made = srsForwardKey(key, "f.example", usual, NOW);
    assert.ok("address" in made);
    assert.match(made.address, /^SRS0=....=JK==[a-z2-7]{16}@f\.example$/);
    assert.deepEqual(srsReverse(made.address, usual, NOW), { kind: "key", key, isFolded: false });
  });

  const localPart = fc.stringMatching(/^[ -~]{1,40}$/);
  test("and back is where it began, whatever the local part; with safe characters, too", () => {
    fc.assert(
      fc.property(localPart, fc.boolean(), fc.integer({ min: 1, max: 20 }), (local, isHashSafe, hashLength) => {
        const settings = { ...usual, isHashSafe, hashLength, hashMin: hashLength };
        const made = forward(`"${local.replace(/["\\]/g, "\\$&")}"@example.com`, "f.example", settings);
        if (isHashSafe) assert.ok(!/^"?SRS0=[^=]*[/+]/.test(made));
        const back = srsReverse(made, settings, NOW);
        assert.ok(back.kind === "address");
        const at = back.address.lastIndexOf("@");
        const written = back.address.slice(0, at);
        assert.equal(written.startsWith('"') ? written.slice(1, -1).replace(/\\(.)/g, "$1") : written, local);
      }),
    );
  });

  test("never throws on what comes back", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^SRS[01][-+=][A-Za-z0-9=]{0,30}@x$/)), (text) => {
        assert.ok(["none", "bad", "address", "key"].includes(srsReverse(text, usual, NOW).kind));
      }),
    );
  });
});

describe("the options", () => {
  const defaults = {
    ...{ config: [], secrets: [], maxAgeDays: 31, hashLength: 6, hashMin: -1 },
    ...{ usesTimestamp: true, usesHash: true, isHashSafe: false },
  };

  test("srs_config counts more than the others, and its secret is the first", () => {
    const config = ["one", "10", "8", "0", "1"];
    assert.deepEqual(srsSettings({ ...defaults, config, secrets: ["two", "three"] }), {
      ...{ secrets: ["one", "two", "three"], maxAgeDays: 10, hashLength: 8, hashMin: 8 },
      ...{ usesTimestamp: false, usesHash: true, isHashSafe: false },
    });
    assert.deepEqual(srsSettings({ ...defaults, config: ["one"], hashMin: 4 }), {
      ...{ secrets: ["one"], maxAgeDays: 31, hashLength: 6, hashMin: 4 },
      ...{ usesTimestamp: true, usesHash: true, isHashSafe: false },
    });
  });

  const wrong: readonly [changes: object, text: string][] = [
    [{}, "No secret specified"],
    [{ secrets: [""] }, "No secret specified"],
    [{ secrets: ["x"], maxAgeDays: 366 }, "Invalid maximum timestamp age"],
    [{ config: ["x", "-1"] }, "Invalid maximum timestamp age"],
    [{ secrets: ["x"], hashLength: 0 }, "Invalid hash length"],
    [{ config: ["x", "", "21"] }, "Invalid hash length"],
  ];
  for (const [changes, text] of wrong) {
    test(`${JSON.stringify(changes)}: ${text}`, () => {
      assert.equal(srsSettings({ ...defaults, ...changes }), `SRS Configuration Error: ${text}`);
    });
  }
});
