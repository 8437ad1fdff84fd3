import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { askRcpt, policySession, shown } from "./policy-session.ts";

const LATER = "451 Temporary local problem - please try later";
const PROHIBITED = "550 Administrative prohibition";

/** Each verb with a condition that is true, false, undecided, and wrong; a last statement says `550 next`. */
const table: Readonly<Record<string, readonly [string, string, string, string]>> = {
  accept: ["accept", "550 next", LATER, LATER],
  deny: [PROHIBITED, "550 next", LATER, LATER],
  defer: [LATER, "550 next", LATER, LATER],
  drop: [`drop ${PROHIBITED}`, "550 next", LATER, LATER],
  discard: ["discard", "550 next", LATER, LATER],
  require: ["550 next", PROHIBITED, LATER, LATER],
  warn: ["550 next", "550 next", "550 next", LATER],
};

describe("verbs", () => {
  for (const [verb, wanted] of Object.entries(table)) {
    for (const [i, condition] of ["yes", "no", "(to be decided)", "${nosuch:x}"].entries()) {
      test(`${verb} with a condition that is ${condition}`, async () => {
        const { said } = await askRcpt(`  ${verb} condition = ${condition}\n  deny message = next`);
        assert.equal(said, wanted[i]);
      });
    }
  }

  test("the end of an ACL denies, and so does an empty one", async () => {
    assert.equal((await askRcpt("  warn")).said, PROHIBITED);
    assert.equal((await askRcpt("")).said, PROHIBITED);
  });

  test("conditions are tested in their order, and modifiers behind the first false one do not run", async () => {
    const { session } = await askRcpt("  warn set acl_m_a = 1\n    condition = no\n    set acl_m_b = 1\n  accept");
    assert.deepEqual([...session.message.variables.keys()], ["acl_m_a"]);
  });

  test("a forced failure makes a condition count for nothing, even a negated one", async () => {
    assert.equal((await askRcpt("  accept condition = ${if eq{1}{2}{x}fail}")).said, "accept");
    assert.equal((await askRcpt("  accept !condition = ${if eq{1}{2}{x}fail}")).said, "accept");
  });

  for (const value of ["1", "007", "TRUE", "Yes"]) {
    test(`condition = ${value} is true`, async () =>
      assert.equal((await askRcpt(`  accept condition = ${value}`)).said, "accept"));
  }
  for (const value of ["0", "000", "No", "FALSE", ""]) {
    test(`condition = ${value} is false`, async () =>
      assert.equal((await askRcpt(`  accept condition = ${value}`)).said, PROHIBITED));
  }
});

describe("endpass", () => {
  const rows: readonly [name: string, statement: string, wanted: string][] = [
    ["false before it: the next statement", "condition = no\n endpass\n condition = no", "550 next"],
    ["false behind it: denied", "condition = yes\n endpass\n condition = no", PROHIBITED],
    ["first of all: any false condition denies", "endpass\n condition = no", PROHIBITED],
    ["success ignores every message", "message = m\n endpass\n message = n\n condition = yes", "accept"],
    ["a failure uses the last message seen, wherever it stands", "message = m\n endpass\n condition = no", "550 m"],
    ["a message behind the false condition is not seen", "endpass\n condition = no\n message = m", PROHIBITED],
    ["a called ACL that drops, drops", "endpass\n acl = dropping", "drop 550 dropped"],
  ];
  for (const [name, items, wanted] of rows) {
    test(name, async () => {
      const { said } = await askRcpt(`  accept ${items}\n  deny message = next`, {
        more: "dropping:\n  drop message = dropped\n",
      });
      assert.equal(said, wanted);
    });
  }
});

describe("where nothing is set", () => {
  test("RCPT, VRFY, EXPN and ETRN are refused, everything else is accepted", async () => {
    const { acls } = policySession("");
    assert.equal(shown(await acls.connect()), "accept");
    assert.equal(shown(await acls.helo("c.example", true)), "accept");
    assert.equal(shown(await acls.mail({ returnPath: "" })), "accept");
    assert.equal(shown(await acls.recipient("a@b.example")), PROHIBITED);
    assert.equal(shown(await acls.predata()), "accept");
    assert.equal(shown(await acls.vrfy("a@b.example")), "252 Administrative prohibition");
    assert.equal(shown(await acls.other("expn")), PROHIBITED);
    assert.equal(shown(await acls.other("etrn")), "458 Administrative prohibition");
    assert.equal(shown(await acls.other("starttls")), "accept");
    assert.equal(shown(await acls.other("quit")), "accept");
  });
});

describe("stages", () => {
  test("discard needs a message: elsewhere it is an error", async () => {
    const { acls } = policySession("acl_smtp_helo = discard\nacl_smtp_predata = discard\nacl_smtp_mail = discard\n");
    assert.equal(shown(await acls.helo("c.example", true)), LATER);
    assert.equal(shown(await acls.mail({ returnPath: "" })), "discard");
    assert.equal(shown(await acls.recipient("a@b.example")), "discard");
    assert.equal(shown(await acls.predata()), LATER);
  });

  test("QUIT cannot be refused, but what is said of it is shown", async () => {
    const { acls } = policySession("acl_smtp_quit = q\nbegin acl\nq:\n  deny message = do stay\n");
    const answer = await acls.other("quit");
    assert.equal(shown(answer), "accept 221 do stay");
    assert.equal(answer.record.verdict, "error");
  });

  test("an accepted connection and HELO may be greeted otherwise", async () => {
    const { acls } = policySession(
      "acl_smtp_connect = c\nacl_smtp_helo = h\nbegin acl\nc:\n  accept message = here\nh:\n  accept message = good day\n",
    );
    assert.equal(shown(await acls.connect()), "accept 220 here");
    assert.equal(shown(await acls.helo("c.example", true)), "accept 250 good day");
  });

  const forbidden: readonly [stage: "helo" | "mail" | "vrfy", item: string][] = [
    ["helo", "senders = *"],
    ["helo", "domains = *"],
    ["helo", "add_header = A: b"],
    ["helo", "control = freeze"],
    ["mail", "recipients = *"],
    ["mail", "control = caseful_local_part"],
    ["mail", "verify = recipient"],
    ["mail", "verify = header_syntax"],
    ["mail", "spam = x"],
    ["vrfy", "senders = *"],
  ];
  for (const [stage, item] of forbidden) {
    test(`${item} is an error in the ${stage} ACL`, async () => {
      const { acls } = policySession(`acl_smtp_${stage} = check\nbegin acl\ncheck:\n  warn ${item}\n  accept\n`);
      const asked = {
        helo: () => acls.helo("c.example", true),
        mail: () => acls.mail({ returnPath: "" }),
        vrfy: () => acls.vrfy("a@b"),
      };
      const answer = await asked[stage]();
      assert.equal(shown(answer), LATER);
      assert.match(answer.log ?? "", /^cannot /);
    });
  }
});
