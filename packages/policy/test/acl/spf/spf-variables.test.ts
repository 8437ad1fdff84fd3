import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Fact } from "../../../src/acl/facts.ts";
import { policySession, shown } from "../policy-session.ts";

interface Row {
  readonly returnPath: string;
  readonly fact: Fact;
  /** Of a domain without a record. */
  readonly guess?: Fact;
  readonly helo?: string;
  readonly address?: string;
  readonly template?: string;
  /** Result, header comment, comment for SMTP, Received-SPF, guessed, domain. */
  readonly want: readonly [string, string, string, string, string, string];
}

const fact = (result: string, spf: Partial<Fact["spf"]> = {}): Fact => ({
  ...{ result, variables: {} },
  spf: { domain: "d.example", ...spf },
});
const WHY = "Please see http://www.open-spf.org/Why : Reason:";
const CLIENT = "client-ip=192.0.2.1;";

/** A row for each result: what Exim 4.98 says in a session with the same records (recorded with `exim -bh`). */
const rows: readonly Row[] = [
  ["pass", "a@pass.ex", "", "domain of pass.ex designates 192.0.2.1 as permitted sender"],
  ["fail", "a@fail.ex", `${WHY} mechanism`, "domain of fail.ex does not designate 192.0.2.1 as permitted sender"],
  [
    ...(["softfail", "a@softfail.ex", `${WHY} mechanism`] as const),
    "transitioning domain of softfail.ex does not designate 192.0.2.1 as permitted sender",
  ],
  [
    ...(["neutral", "a@neutral.ex", `${WHY} mechanism`] as const),
    "192.0.2.1 is neither permitted nor denied by domain of neutral.ex",
  ],
  ["none", "a@nospf.ex", "", "domain of nospf.ex does not provide an SPF record"],
  ["temperror", "a@inctemp.ex", "", "encountered temporary error during SPF processing of domain of inctemp.ex"],
  ["permerror", "a@two.ex", "", "error in processing during lookup of domain of two.ex"],
].map(([result = "", returnPath = "", smtp = "", words = ""]): Row => {
  const pairs = `${CLIENT} envelope-from=${returnPath}; helo=helo.ex;`;
  const domain = returnPath.slice(2);
  const want = [
    result,
    `mx.test: ${words}`,
    smtp,
    `Received-SPF: ${result} (mx.test: ${words}) ${pairs}`,
    "no",
    domain,
  ];
  return { returnPath, fact: fact(result), want: want as never };
});

const designates = "mx.test: domain of helo.ex designates 192.0.2.1 as permitted sender";
const others: readonly (Row & { readonly name: string })[] = [
  {
    name: "the null reverse-path: it is about HELO (Exim 4.98)",
    ...{ returnPath: "", fact: fact("pass") },
    want: [
      ...(["pass", designates, ""] as const),
      `Received-SPF: pass (${designates}) ${CLIENT} envelope-from=postmaster@helo.ex; helo=helo.ex;`,
      ...(["no", "helo.ex"] as const),
    ],
  },
  {
    name: "no mechanism has matched (Exim 4.98)",
    ...{ returnPath: "a@default.ex", fact: fact("neutral", { reason: "default" }) },
    want: [
      "neutral",
      "mx.test: 192.0.2.1 is neither permitted nor denied by domain of default.ex",
      `${WHY} default`,
      `Received-SPF: neutral (mx.test: 192.0.2.1 is neither permitted nor denied by domain of default.ex) ${CLIENT} envelope-from=a@default.ex; helo=helo.ex;`,
      ...(["no", "default.ex"] as const),
    ],
  },
  {
    name: "letters of the client, a fault of the record, a template",
    ...{ returnPath: "X+y@FAIL.ex", fact: fact("fail"), template: "Hello%_%{d}%_%{S}" },
    want: [
      "fail",
      "mx.test: domain of FAIL.ex does not designate 192.0.2.1 as permitted sender",
      "Hello FAIL.ex X%2by%40FAIL.ex : Reason: mechanism",
      `Received-SPF: fail (mx.test: domain of FAIL.ex does not designate 192.0.2.1 as permitted sender) ${CLIENT} envelope-from=X+y@FAIL.ex; helo=helo.ex;`,
      ...(["no", "FAIL.ex"] as const),
    ],
  },
  {
    name: "an expansion in the template",
    ...{ returnPath: "a@fail.ex", fact: fact("fail"), template: "${uc:$sender_address_domain}" },
    want: [
      "fail",
      "mx.test: domain of fail.ex does not designate 192.0.2.1 as permitted sender",
      "FAIL.EX : Reason: mechanism",
      `Received-SPF: fail (mx.test: domain of fail.ex does not designate 192.0.2.1 as permitted sender) ${CLIENT} envelope-from=a@fail.ex; helo=helo.ex;`,
      ...(["no", "fail.ex"] as const),
    ],
  },
  {
    name: "what could end a value or a comment is quoted",
    ...{ returnPath: '"a; b)"@x.example', fact: fact("permerror", { problem: "bad (term)" }), helo: "h\u00ff" },
    want: [
      "permerror",
      "mx.test: error in processing during lookup of domain of x.example: bad (term)",
      "",
      `Received-SPF: permerror (mx.test: error in processing during lookup of domain of x.example: bad \\(term\\)) ${CLIENT} envelope-from="\\"a; b)\\"@x.example"; helo=h?;`,
      ...(["no", "x.example"] as const),
    ],
  },
  {
    name: "a guess (Exim 4.98)",
    ...{ returnPath: "a@nospf.ex", fact: fact("none"), guess: fact("neutral", { isGuess: true }) },
    want: [
      "neutral",
      "mx.test: 192.0.2.1 is neither permitted nor denied by domain of nospf.ex",
      `${WHY} mechanism`,
      `Received-SPF: neutral (mx.test: 192.0.2.1 is neither permitted nor denied by domain of nospf.ex) ${CLIENT} envelope-from=a@nospf.ex; helo=helo.ex;`,
      ...(["yes", "nospf.ex"] as const),
    ],
  },
];

const NAMES = ["result", "header_comment", "smtp_comment", "received", "result_guessed", "used_domain"];

async function variables({ returnPath, fact: found, guess, helo = "helo.ex", template }: Row, spf: string) {
  const asked: string[] = [];
  const facts = {
    spf: () => found,
    spf_guess: (record: string) => {
      asked.push(record);
      return guess ?? found;
    },
  };
  const main = template === undefined ? "" : `spf_smtp_comment_template = ${template}\n`;
  const message = NAMES.map((name) => `$spf_${name}`).join("|");
  const config = `${main}acl_smtp_rcpt = r\nbegin acl\nr:\n  warn ${spf} = *\n    logwrite = ${message}\n`;
  const { acls, session, log } = policySession(config, { hooks: { facts } });
  session.connection.helo = helo;
  await acls.mail({ returnPath });
  await acls.recipient("x@y");
  return { said: log.join("\n").replace("main: ", "").split("|"), asked };
}

describe("variables of SPF", () => {
  for (const row of rows) {
    test(`${row.fact.result}, as in Exim`, async () => {
      const { said, asked } = await variables(row, "spf");
      assert.deepEqual(said, row.want);
      assert.deepEqual(asked, []);
    });
  }
  for (const { name, ...row } of others) {
    test(name, async () => {
      assert.deepEqual((await variables(row, row.guess === undefined ? "spf" : "spf_guess")).said, row.want);
    });
  }

  test("the guess is made with spf_guess, and only for a domain without a record", async () => {
    const row = { returnPath: "a@b.example", want: rows[0]?.want ?? assert.fail() };
    const none = await variables({ ...row, fact: fact("none"), guess: fact("pass", { isGuess: true }) }, "spf_guess");
    assert.deepEqual(none.asked, ["v=spf1 a/24 mx/24 ptr ?all"]);
    assert.equal(none.said[0], "pass");
    const fails = await variables({ ...row, fact: fact("fail") }, "spf_guess");
    assert.deepEqual([fails.asked, fails.said[0], fails.said[4]], [[], "fail", "no"]);
  });

  test("before a check they are empty", async () => {
    const message = NAMES.map((name) => `<$spf_${name}>`).join("");
    const { acls } = policySession(`acl_smtp_rcpt = r\nbegin acl\nr:\n  deny message = ${message}\n`);
    await acls.mail({ returnPath: "a@b" });
    assert.equal(shown(await acls.recipient("x@y")), "550 <><><><><no><>");
  });

  test("a template that cannot be expanded is told, and says nothing", async () => {
    const facts = { spf: () => fact("fail") };
    const config =
      "spf_smtp_comment_template = ${lookup{a}lsearch{/nonexistent}}\nacl_smtp_rcpt = r\nbegin acl\nr:\n  deny spf = fail\n    message = $spf_smtp_comment\n";
    const { acls, log } = policySession(config, { hooks: { facts } });
    await acls.mail({ returnPath: "a@b" });
    assert.equal(shown(await acls.recipient("x@y")), "550  : Reason: mechanism");
    assert.match(log.join("\n"), /^main\+panic: expansion of spf_smtp_comment_template option failed: /);
  });
});
