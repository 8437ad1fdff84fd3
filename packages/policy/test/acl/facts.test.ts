import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DeferError } from "@postbus/mail";
import type { Fact, FactName } from "../../src/acl/facts.ts";
import { askRcpt, contentOf, policySession, shown } from "./policy-session.ts";

const LATER = /^451/;

async function askData(
  condition: string,
  name: FactName,
  fact: Fact | "defer",
): Promise<{ said: string; asked: string[] }> {
  const asked: string[] = [];
  const answer = async (argument: string): Promise<Fact> => {
    asked.push(argument);
    if (fact === "defer") throw new DeferError("scanner", "no answer");
    return fact;
  };
  const { acls } = policySession(
    `acl_smtp_rcpt = accept\nacl_smtp_data = c\nbegin acl\nc:\n  warn ${condition}\n    set acl_m_x = 1\n  deny ${condition}\n    message = yes $spf_result$dmarc_status$arc_state\n  accept\n`,
    { hooks: { facts: { [name]: answer } } },
  );
  await acls.mail({ returnPath: "a@b.example" });
  await acls.recipient("x@y");
  acls.content(contentOf("Subject: hello\n", "first line\nsecond line 42\n"));
  return { said: shown(await acls.data()), asked };
}

const fact = (result: string, variables: Fact["variables"] = {}): Fact => ({ result, variables });

describe("conditions that ask others", () => {
  const rows: readonly [condition: string, name: FactName, answer: Fact | "defer", said: RegExp][] = [
    ["spf = fail : softfail", "spf", fact("fail", { spf_result: "fail" }), /^550 yes fail/],
    ["spf = !fail", "spf", fact("fail"), /^accept/],
    ["spf = !fail", "spf", fact("none"), /^550/],
    ["spf = err_perm", "spf", fact("permerror"), /^550/],
    ["spf = err_temp", "spf", fact("temperror"), /^550/],
    ["spf = pass", "spf", "defer", LATER],
    ["spf_guess = pass", "spf_guess", fact("pass"), /^550/],
    ["dkim_status = pass : none", "dkim", fact("none"), /^550/],
    ["dmarc_status = !accept", "dmarc", fact("reject", { dmarc_status: "reject" }), /^550 yes reject/],
    ["verify = arc", "arc", fact("none", { arc_state: "none" }), /^550 yes none/],
    ["verify = arc/pass:fail", "arc", fact("none"), /^accept/],
    ["regex = ^second : ^nothing", "spf", fact(""), /^550/],
    ["regex = ^Subject:: hello", "spf", fact(""), /^550/],
    // Exim 4.98: passed over, with a line in the log.
    ["regex = (", "spf", fact(""), /^accept/],
    ["regex = ( : ^second", "spf", fact(""), /^550/],
    ["regex = FALSE : 0", "spf", fact(""), /^accept/],
  ];
  for (const [condition, name, answer, said] of rows) {
    test(`${condition} with ${answer === "defer" ? "no answer" : answer.result || "nothing"}`, async () => {
      assert.match((await askData(condition, name, answer)).said, said);
    });
  }

  test("each is asked once for a message", async () => {
    assert.deepEqual((await askData("spf = pass", "spf", fact("pass"))).asked, [""]);
  });

  test("what is not set up defers", async () => assert.match((await askRcpt("  accept spf = pass")).said, LATER));
});
