import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { authenticationResults } from "../../../src/acl/authentication-results/authentication-results.ts";
import type { Signature } from "../../../src/acl/dkim/signature.ts";
import type { AclSession } from "../../../src/acl/session.ts";
import { Tainted, textOf } from "../../../src/expansion/value.ts";
import { contentOf, policySession } from "../policy-session.ts";

const signature = (more: Partial<Signature>): Signature => ({
  ...{ status: "pass", reason: "", domain: "b.example", selector: "s1", algorithm: "rsa-sha256" },
  ...{ headerCanonicalization: "relaxed", bodyCanonicalization: "relaxed", headerNames: "from", copiedHeaders: "" },
  ...more,
});
const SIGNED = "DKIM-Signature: v=1\nFrom: a@b.example\n";

/** A session in a state. */
function sessionIn(change: (session: AclSession) => void, signatures?: readonly Signature[]): AclSession {
  const { session, acls } = policySession("acl_smtp_data = accept\n", {
    hooks: signatures === undefined ? {} : { signatures: async () => signatures },
  });
  session.message.returnPath = "a@b.example";
  session.connection.helo = "helo.ex";
  if (signatures !== undefined) acls.content(contentOf(SIGNED, "x\n"));
  change(session);
  return session;
}

const authenticated = (session: AclSession, id: string, isByCertificate = false): void => {
  session.connection.authentication = { by: "plain", method: "PLAIN", isByCertificate, id: new Tainted(id) };
};
const found = (values: Readonly<Record<string, string | boolean>>) => (session: AclSession) => {
  for (const [name, value] of Object.entries(values)) session.message.found.set(name, value);
};
const NO_CHANGE = (): void => undefined;
const verdict = (status: Signature["status"], reason: string, more: Partial<Signature> = {}) => [
  signature({ status, reason, ...more }),
];
const KEY = { testing: false, noSubdomains: false, length: 512 };
const PROPERTIES = "header.d=b.example header.s=s1 header.a=rsa-sha256";

/** Exim's texts: recorded sessions of 4.98, and its manual's chapter on DKIM and SPF. */
const rows: readonly [
  name: string,
  change: (session: AclSession) => void,
  want: readonly string[],
  signatures?: readonly Signature[],
][] = [
  [
    "a name by the reverse DNS",
    (s) => Object.assign(s.connection, { hostName: "h.example" }),
    ["iprev=pass (h.example) smtp.remote-ip=192.0.2.1"],
  ],
  ["no name", (s) => Object.assign(s.connection, { hostName: "" }), ["iprev=fail smtp.remote-ip=192.0.2.1"]],
  [
    "the reverse DNS cannot be asked",
    (s) => Object.assign(s.connection, { hostName: "", isHostLookupDeferred: true }),
    ["iprev=temperror smtp.remote-ip=192.0.2.1"],
  ],
  [
    "a name that looks like a result",
    (s) => Object.assign(s.connection, { hostName: "a;arc=pass.evil.example" }),
    ["iprev=pass (a?arc=pass.evil.example) smtp.remote-ip=192.0.2.1"],
  ],
  [
    "a client with an IPv6 address",
    (s) => Object.assign(s.connection, { hostName: "", client: { ...s.connection.client, address: "2001:db8::1" } }),
    ['iprev=fail smtp.remote-ip="2001:db8::1"'],
  ],
  ["an authenticated client", (s) => authenticated(s, "ann"), ["auth=pass (PLAIN) smtp.auth=ann"]],
  ["without a name", (s) => authenticated(s, ""), ["auth=pass (PLAIN, no id saved)"]],
  ["by its certificate", (s) => authenticated(s, "ann", true), ["auth=pass (PLAIN) x509.auth=ann"]],
  ["by a certificate without a name", (s) => authenticated(s, "", true), ["auth=pass (PLAIN) reason=x509.auth"]],
  [
    "a name that is no token",
    (s) => {
      authenticated(s, 'a"b c\n');
      s.message.authenticatedSender = "c@d";
    },
    ['auth=pass (PLAIN) smtp.auth="a\\"b c?" smtp.mailfrom=c@d'],
  ],
  ["SPF", found({ spf_result: "softfail" }), ["spf=softfail smtp.mailfrom=b.example"]],
  [
    "SPF, guessed",
    found({ spf_result: "neutral", spf_result_guessed: true }),
    ["spf=neutral (best guess record for domain) smtp.mailfrom=b.example"],
  ],
  [
    "SPF of the HELO name",
    (s) => {
      found({ spf_result: "pass" })(s);
      s.message.returnPath = "";
    },
    ["spf=pass smtp.helo=helo.ex"],
  ],
  [
    "SPF without any name",
    (s) => {
      found({ spf_result: "none" })(s);
      Object.assign(s.message, { returnPath: "" });
      s.connection.helo = "";
    },
    ["spf=none smtp.mailfrom=<>"],
  ],
  [
    "signatures that hold",
    NO_CHANGE,
    [`dkim=pass ${PROPERTIES}`, "dkim=pass header.d=c.example header.i=@c.example header.s=s1 header.a=rsa-sha256"],
    [signature({}), signature({ domain: "c.example", identity: "@c.example" })],
  ],
  [
    "another body",
    NO_CHANGE,
    [`dkim=fail (body hash mismatch; body probably modified in transit)\n\t\t ${PROPERTIES}`],
    verdict("fail", "bodyhash_mismatch"),
  ],
  [
    "another header",
    NO_CHANGE,
    [`dkim=fail (signature did not verify; headers probably modified in transit)\n\t\t ${PROPERTIES}`],
    verdict("fail", "signature_incorrect"),
  ],
  [
    "a short key",
    NO_CHANGE,
    [`dkim=fail (public key too short: 512 bits)\n\t\t ${PROPERTIES}`],
    verdict("fail", "pubkey_too_short", { key: KEY }),
  ],
  [
    "no key",
    NO_CHANGE,
    [`dkim=temperror (pubkey unavailable)\n\t\t ${PROPERTIES}`],
    verdict("invalid", "pubkey_unavailable"),
  ],
  [
    "a key that is not there",
    NO_CHANGE,
    [`dkim=permerror (pubkey unavailable)\n\t\t ${PROPERTIES}`],
    verdict("invalid", "pubkey_unavailable", { fault: "no key" }),
  ],
  [
    "a key whose record is too long",
    NO_CHANGE,
    [`dkim=permerror (overlong public key record)\n\t\t ${PROPERTIES}`],
    verdict("invalid", "pubkey_unavailable", { fault: "overlong key" }),
  ],
  [
    "another version",
    NO_CHANGE,
    [`dkim=neutral (unsupported DKIM version)\n\t\t ${PROPERTIES}`],
    verdict("invalid", "", { fault: "version" }),
  ],
  [
    "tags that make no sense",
    NO_CHANGE,
    [`dkim=neutral (signature tag missing or invalid)\n\t\t ${PROPERTIES}`],
    verdict("invalid", ""),
  ],
  [
    "a signature whose time has ended",
    NO_CHANGE,
    [`dkim=fail (signature expired)\n\t\t ${PROPERTIES}`],
    verdict("fail", "signature_expired"),
  ],
  [
    "a key with a fault",
    NO_CHANGE,
    [`dkim=neutral (public key record import problem)\n\t\t ${PROPERTIES}`],
    verdict("invalid", "pubkey_dns_syntax"),
  ],
  ["not looked at", NO_CHANGE, [`dkim=none ${PROPERTIES}`], verdict("none", "")],
  [
    "what the DKIM ACL has made of it",
    (s) => {
      const bad = signature({});
      s.message.signatures = [bad];
      s.message.overriddenSignatures = new Map([[bad, { status: "fail", reason: "not (you)" }]]);
    },
    [`dkim=policy (fail - not \\(you\\)) ${PROPERTIES}`],
    [signature({})],
  ],
  ["DKIM, switched off", (s) => Object.assign(s.message.controls, { isDkimOff: true }), ["none"], [signature({})]],
  ["nothing", NO_CHANGE, ["none"]],
];

const field = (want: readonly string[]): string =>
  want[0] === "none" ? "; none" : want.map((result) => `;\n\t${result}`).join("");

describe("authentication results", () => {
  for (const [name, change, want, signatures] of rows) {
    test(name, async () => {
      const session = sessionIn(change, signatures);
      assert.equal(textOf(await authenticationResults(session, "mx.test")), field(want));
    });
  }

  test("a message on standard input", async () => {
    const { session } = policySession("", { address: "" });
    authenticated(session, "ann");
    assert.equal(
      textOf(await authenticationResults(session, "mx.test")),
      ";\n\tlocal=pass (non-smtp, mx.test) u=ann;\n\tauth=pass (PLAIN) smtp.auth=ann",
    );
  });

  test("all of them, in Exim's order", async () => {
    const session = sessionIn(
      (s) => {
        s.connection.hostName = "h.example";
        authenticated(s, "ann");
        found({ spf_result: "pass" })(s);
        const fact = (authenticationResult: string) => ({ result: "", variables: {}, authenticationResult });
        s.message.facts.set("arc", fact("arc=none"));
        s.message.facts.set("dmarc", fact("dmarc=pass header.from=b.example"));
      },
      [signature({})],
    );
    assert.deepEqual(textOf(await authenticationResults(session, "mx.test")).match(/(?<=\t)[a-z]+/g), [
      "iprev",
      "auth",
      "spf",
      "dkim",
      "dmarc",
      "arc",
    ]);
  });

  test("the SPF check that DMARC has made", async () => {
    const spf = () => ({ result: "fail", variables: {} });
    const { session } = policySession("", { hooks: { facts: { spf } } });
    session.message.returnPath = "a@b.example";
    assert.equal(textOf(await authenticationResults(session, "mx.test")), "; none");
    session.message.facts.set("dmarc", { result: "reject", variables: {}, authenticationResult: "dmarc=fail" });
    const want = ";\n\tspf=fail smtp.mailfrom=b.example;\n\tdmarc=fail";
    assert.equal(textOf(await authenticationResults(session, "mx.test")), want);
  });

  test("what was asked, and not answered, is a temporary error", async () => {
    const session = sessionIn((s) => s.message.unanswered.add("spf").add("dmarc"));
    const want = ";\n\tspf=temperror smtp.mailfrom=b.example;\n\tdmarc=temperror";
    assert.equal(textOf(await authenticationResults(session, "mx.test")), want);
  });

  test("nobody knows about the signatures of a message that has one", async () => {
    const { session, acls } = policySession("acl_smtp_data = accept\n");
    session.message.returnPath = "a@b.example";
    acls.content(contentOf(SIGNED, "x\n"));
    assert.equal(textOf(await authenticationResults(session, "mx.test")), ";\n\tdkim=temperror (no answer)");
  });

  test("whatever peers write, it is one field of printable lines", async () => {
    const text = fc.string({ unit: "binary", maxLength: 600 });
    await fc.assert(
      fc.asyncProperty(text, text, async (a, b) => {
        const made = sessionIn(
          (s) => {
            s.connection.hostName = a;
            s.connection.helo = b;
            authenticated(s, b);
            found({ spf_result: "pass" })(s);
            s.message.returnPath = `${a}@${b}`;
          },
          [signature({ domain: a, selector: b, identity: a, algorithm: b })],
        );
        for (const line of textOf(await authenticationResults(made, "mx.test")).split("\n")) {
          assert.match(line, /^;?\t{0,2}[ -~]*$/);
        }
      }),
      { numRuns: 50 },
    );
  });
});
