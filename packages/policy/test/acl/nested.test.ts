import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { askRcpt, policySession, shown } from "./policy-session.ts";

const LATER = "451 Temporary local problem - please try later";
const more = `
good:
  accept message = good
bad:
  deny message = bad
later:
  defer message = later
dropping:
  drop message = dropped
discarding:
  discard
telling:
  deny message = $acl_narg: $acl_arg1, $acl_arg2
loop:
  accept acl = loop
wide:
${"  warn acl = wide\n".repeat(10)}
`;

const rows: readonly [statement: string, said: string][] = [
  ["accept acl = good", "accept"],
  ["accept acl = bad\n deny message = next", "550 next"],
  ["accept acl = later", "451 later"],
  ["accept acl = dropping\n deny message = next", "550 next"],
  ["require acl = dropping", "drop 550 dropped"],
  ["require acl = bad", "550 bad"],
  ["deny !acl = dropping", "550 dropped"],
  ["deny acl = good", "550 good"],
  ["deny acl = good\n message = mine: $acl_verify_message", "550 mine: good"],
  ["accept acl = discarding", "discard"],
  ["discard acl = discarding", "discard"],
  ["deny acl = discarding", LATER],
  ['require acl = telling $local_part "two words"', "550 2: bob, two words"],
  ["accept acl = nosuch", LATER],
  ["accept acl = accept", "accept"],
  ['accept acl = "deny message = inline"\n deny message = next', "550 next"],
  ["accept acl = loop", LATER],
  ["accept acl = $local_part", LATER],
  ["accept condition = ${if acl{{good}}}", "accept"],
  ["deny message = ${acl{good}}", "550 good"],
  ["deny condition = ${if acl{{bad}}{no}{yes}}\n message = v=$value", "550 v="],
];

describe("called ACLs", () => {
  for (const [statement, wanted] of rows) {
    test(statement.replaceAll("\n", ";"), async () => {
      assert.equal((await askRcpt(`  ${statement.replaceAll("\n deny", "\n  deny")}`, { more })).said, wanted);
    });
  }

  test("arguments are gone when the call is over", async () => {
    const { said } = await askRcpt("  warn acl = good one\n  deny message = [$acl_narg$acl_arg1]", { more });
    assert.equal(said, "550 [0]");
  });

  test("an ACL that calls itself over and over ends", async () => {
    const started = performance.now();
    assert.equal((await askRcpt("  accept acl = wide", { more })).said, LATER);
    assert.ok(performance.now() - started < 60_000);
  });
});

describe("the option that names an ACL", () => {
  const ask = async (option: string, returnPath = "ann@out.example"): Promise<string> => {
    const { acls } = policySession(`acl_smtp_rcpt = ${option}\nbegin acl\nr_ann:\n  accept message = named\n`, {
      hooks: { readAclFile: async (path) => (path === "/etc/acl" ? "accept\n  message = from a file\n" : undefined) },
    });
    await acls.mail({ returnPath });
    return shown(await acls.recipient("bob@test.example"));
  };

  test("names one", async () => assert.equal(await ask("r_ann"), "accept 250 named"));
  test("is expanded", async () => assert.equal(await ask("${if eq{1}{1}{r_ann}{x}}"), "accept 250 named"));
  test("may be statements", async () => assert.equal(await ask("deny message = inline"), "550 inline"));
  test("may be a file", async () => assert.equal(await ask("/etc/acl"), "accept 250 from a file"));
  test("a file that is not there is an error", async () => assert.equal(await ask("/etc/nothing"), LATER));
  test("a name that does not exist is an error", async () => assert.equal(await ask("nosuch"), LATER));
  test("made to fail: nothing is checked", async () => assert.equal(await ask("${if eq{1}{2}{x}fail}"), "accept"));
  test("that cannot be expanded is an error", async () => assert.equal(await ask("${nosuch:x}"), LATER));
  test("that a peer has chosen is an error", async () =>
    assert.equal(await ask("r_$sender_address_local_part", "ann@x"), LATER));
});
