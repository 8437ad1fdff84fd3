import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ScanTask, ScanVerdict } from "@postbus/contracts";
import { DeferError } from "@postbus/mail";
import type { AclHooks } from "../../../src/acl/hooks.ts";
import { contentOf, policySession, shown } from "../policy-session.ts";

type Scan = NonNullable<AclHooks["scan"]>;

interface Told {
  readonly said: string;
  readonly log: readonly string[];
  readonly asked: readonly { readonly task: ScanTask; readonly timeoutMs: number; readonly header: string }[];
  readonly added: readonly string[];
}

/** What the DATA ACL makes of a message about which engines say this. */
async function judge(
  statements: string,
  answer: ScanVerdict | "down" | ((task: ScanTask) => ScanVerdict),
  {
    main = "",
    stage = "data" as "data" | "data_prdr",
    recipients = ["a@y.test", "b@y.test"],
    returnPath = "s@x.test",
  } = {},
): Promise<Told & { readonly each: readonly string[] }> {
  const asked: { task: ScanTask; timeoutMs: number; header: string }[] = [];
  const scan: Scan = async (task, timeoutMs) => {
    asked.push({ task, timeoutMs, header: session.message.content?.headerLines.join("") ?? "" });
    if (answer === "down") throw new DeferError(task.engine, "clamd /x: cannot connect: ENOENT");
    return { verdict: typeof answer === "function" ? answer(task) : answer, recipients };
  };
  const { acls, session, log } = policySession(
    `${main}\nacl_smtp_rcpt = accept\nacl_smtp_${stage} = c\nbegin acl\nc:\n${statements}\n  accept\n`,
    { hooks: { scan }, address: "192.0.2.44" },
  );
  await acls.helo("helo.test", true);
  await acls.mail({ returnPath, isPrdr: true });
  for (const recipient of recipients) await acls.recipient(recipient);
  acls.content(contentOf("Received: x\nSubject: hello\n", "body\n"));
  const each: string[] = [];
  if (stage === "data_prdr") for await (const { answer } of acls.recipientsOfContent()) each.push(shown(answer));
  const said = stage === "data" ? shown(await acls.data()) : "";
  return { said, log, asked, each, added: session.message.addedHeaders.map(({ text }) => text) };
}

const found = (name: string): ScanVerdict => ({ engine: "malware", name });
const CLAMD = { main: "av_scanner = clamd:127.0.0.1 3310" };

// What Exim 4.98 does with an engine that says the same.
describe("malware", () => {
  const rows: readonly [condition: string, answer: ScanVerdict | "down", said: RegExp, log?: string[]][] = [
    ["malware = *", found("Eicar-Test"), /^550 Eicar-Test <Eicar-Test> <>$/],
    ["malware = TRUE", found("Eicar-Test"), /^550/],
    ["malware = Ei(.)", found("Eicar-Test"), /^550 Eicar-Test <Eic> <c>$/],
    ["malware = eicar", found("Eicar-Test"), /^accept/],
    ["malware = Worm", found("Eicar-Test"), /^accept/],
    ["malware = *", found(""), /^accept/],
    ["!malware = *", found(""), /^550/],
    ["malware = */foo", found("X"), /^550/],
    ["malware = *", "down", /^451/, ["main+panic: malware acl condition: clamd /x: cannot connect: ENOENT"]],
    [
      "malware = */defer_ok",
      "down",
      /^accept/,
      ["main+panic: malware acl condition: clamd /x: cannot connect: ENOENT"],
    ],
    ["malware = */tmo=5q", found("X"), /^451/],
  ];
  for (const [condition, answer, said, log = []] of rows) {
    test(`${condition}: ${answer === "down" ? answer : JSON.stringify(answer)}`, async () => {
      const told = await judge(`  deny ${condition}\n    message = $malware_name <$0> <$1>`, answer, CLAMD);
      assert.match(told.said, said);
      assert.deepEqual(
        told.log.filter((line) => line.includes("acl condition")),
        log,
      );
    });
  }

  for (const argument of ["false", "0", "${if eq{a}{b}{x}}"]) {
    test(`with "${argument}" nobody is asked`, async () => {
      const told = await judge(`  deny malware = ${argument}`, found("X"), CLAMD);
      assert.deepEqual([told.said, told.asked], ["accept", []]);
    });
  }

  test("the engine is asked once for several conditions, and waited for as long as the first says", async () => {
    const statements = "  warn malware = Worm/tmo=7s\n  deny malware = Eicar\n    message = $malware_name";
    const { said, asked } = await judge(statements, found("Eicar"), CLAMD);
    assert.equal(said, "550 Eicar");
    assert.deepEqual(
      asked.map(({ task, timeoutMs }) => [task, timeoutMs]),
      [
        [
          { engine: "malware", scanner: "clamd", servers: [{ server: { host: "127.0.0.1", port: 3310 }, retryMs: 0 }] },
          7_000,
        ],
      ],
    );
  });

  test("that it could not tell is not remembered", async () => {
    let count = 0;
    const { said } = await judge(
      "  warn malware = */defer_ok\n  deny malware = *",
      () => {
        count += 1;
        if (count === 1) throw new DeferError("clamd", "half an answer");
        return found("Worm");
      },
      CLAMD,
    );
    assert.match(said, /^550/);
  });

  test("the scanner may be chosen by an expansion; what is none defers", async () => {
    const main = "av_scanner = ${if eq{$sender_address}{s@x.test}{clamd:/a}{sophie:/b}}";
    const good = await judge("  deny malware = *", found("Worm"), { main });
    assert.partialDeepStrictEqual(good.asked[0]?.task, { servers: [{ server: { path: "/a" } }] });
    const bad = await judge("  deny malware = *", found("Worm"), { main, returnPath: "t@x.test" });
    assert.match(bad.said, /^451/);
    assert.match(bad.log.join(), /malware acl condition: scanner type 'sophie' is not available: clamd is/);
  });

  test("a scanner that is not available is refused at load, with its name", async () => {
    await assert.rejects(judge("  accept", found(""), { main: "av_scanner = sophie:/run/sophie" }), /sophie/);
  });
});

const scored = (score: number, threshold = 5, report = "Spam report\nline 2\n\n"): ScanVerdict => ({
  engine: "spam",
  score,
  threshold,
  action: score >= threshold ? "reject" : "no action",
  report,
});

describe("spam", () => {
  const shownAs = "    logwrite = $spam_score $spam_score_int $spam_bar $spam_action <$spam_report>";
  // Exim 4.98 with a spamd that says the same.
  const rows: readonly [score: number, variables: string][] = [
    [15.36, "15.4 153 +++++++++++++++ reject <Spam report\n line 2>"],
    [59.36, `59.4 593 ${"+".repeat(51)} reject <Spam report\n line 2>`],
    [-2.36, "-2.4 -23 -- no action <Spam report\n line 2>"],
    [0.96, "1.0 9 / no action <Spam report\n line 2>"],
    [5, "5.0 50 +++++ reject <Spam report\n line 2>"],
  ];
  for (const [score, variables] of rows) {
    test(`a score of ${score}`, async () => {
      const { log } = await judge(`  deny spam = nobody:true\n${shownAs}`, scored(score));
      assert.deepEqual(log, [`main: ${variables}`]);
      const alone = await judge("  deny spam = nobody", scored(score));
      assert.match(alone.said, score >= 5 ? /^550/ : /^accept/);
    });
  }

  test("a report is without the blanks around it, and an octet 0xA0 is none", async () => {
    const { log } = await judge(
      `  deny spam = nobody:true\n${shownAs}`,
      scored(5, 5, "\n \xc3\xa0 la carte, voil\xc3\xa0\n"),
    );
    assert.deepEqual(log, ["main: 5.0 50 +++++ reject <\xc3\xa0 la carte, voil\xc3\xa0>"]);
  });

  test("is asked for each user once", async () => {
    const { asked } = await judge("  warn spam = ann\n  warn spam = ann\n  warn spam = bob", scored(1), {
      main: "spamd_address = 127.0.0.1 783 tmo=10s : /run/spamd tmo=20s",
    });
    assert.deepEqual(
      asked.map(({ task, timeoutMs }) => [task.engine === "spam" && task.user, timeoutMs]),
      [
        ["ann", 30_000],
        ["bob", 30_000],
      ],
    );
  });

  const nobody: readonly [main: string, condition: string, said: RegExp, log: RegExp][] = [
    ["", "spam = false", /^accept/, /^$/],
    ["", "spam = ${if eq{a}{b}{x}}", /^accept/, /^$/],
    [
      "spamd_address = 127.0.0.1",
      "spam = x",
      /^451/,
      /invalid spamd address: '127\.0\.0\.1'.*no useable spamd server/s,
    ],
    ["spamd_address = ${if eq{a}{b}{x}", "spam = x", /^451/, /spamd_address starts with \$, but expansion failed/],
  ];
  for (const [main, condition, said, log] of nobody) {
    test(`${main} ${condition} asks nobody`, async () => {
      const told = await judge(`  deny ${condition}`, scored(9), { main });
      assert.match(told.said, said);
      assert.match(told.log.join("\n"), log);
      assert.deepEqual(told.asked, []);
    });
  }
});

const dccSays = (overall: string, recipients = "", header = ""): ScanVerdict => ({
  engine: "dcc",
  overall,
  recipients,
  header,
});

describe("dcc", () => {
  const HOST = "H=(helo.test) [192.0.2.44] F=<s@x.test>";
  const rows: readonly [overall: string, is: string, isNot: string, result: string, log: readonly string[]][] = [
    ["A", "550", "accept", "A", []],
    ["S", "550", "accept", "A", []],
    ["R", "accept", "550", "R", [`main: ${HOST}: rejected by DCC`]],
    ["G", "accept", "550", "G", []],
    ["T", "451", "451", "T", ["main: Temporary error with DCC: T"]],
    ["X", "451", "451", "T", ["main: Unknown DCC response: X"]],
    ["", "451", "451", "", []],
    ["Ab", "550", "accept", "A", ["main: Wrong header from DCC, output is Ab"]],
  ];
  for (const [overall, is, isNot, result, log] of rows) {
    test(`dccifd says ${JSON.stringify(overall)}`, async () => {
      const plain = await judge("  deny dcc = *\n    message = $dcc_result", dccSays(overall));
      assert.ok(plain.said.startsWith(is), plain.said);
      const negated = await judge("  deny !dcc = *\n    message = $dcc_result", dccSays(overall));
      assert.ok(negated.said.startsWith(isNot), negated.said);
      const tolerant = "  warn dcc = */defer_ok\n  deny message = <$dcc_result>";
      const { said, log: lines } = await judge(tolerant, dccSays(overall));
      assert.deepEqual([said, lines], [`550 <${result}>`, log]);
    });
  }

  test("dccifd is told of client, HELO and options; the policy may say which address", async () => {
    const main = "dccifd_address = 127.0.0.1 6276\ndccifd_options = header query\ndcc_timeout = 20s";
    const { asked } = await judge("  warn dcc = *", dccSays("A"), { main });
    const task = { engine: "dcc", server: { host: "127.0.0.1", port: 6276 }, options: "header query" };
    assert.deepEqual(
      asked.map(({ task, timeoutMs }) => [task, timeoutMs]),
      [[{ ...task, clientAddress: "192.0.2.44", helo: "helo.test" }, 20_000]],
    );
    const override = "  warn set acl_m_dcc_override_client_ip = 198.51.100.7\n    dcc = *";
    const other = await judge(override, dccSays("A"), { main: "dcc_helo = exim" });
    assert.deepEqual(other.asked[0]?.task, {
      engine: "dcc",
      server: { path: "/usr/local/dcc/var/dccifd" },
      options: "header",
      clientAddress: "198.51.100.7",
      helo: "HELO localhost",
    });
  });

  test("an address that is none, or a daemon that is away, is a temporary error", async () => {
    const none = await judge("  deny !dcc = *", dccSays("A"), { main: "dccifd_address = nowhere" });
    assert.match(none.said, /^451/);
    assert.deepEqual(none.log, ["main+panic: DCC: warning - invalid dccifd address: 'nowhere'"]);
    const down = await judge("  deny dcc = */defer_ok", "down");
    assert.deepEqual([down.said, down.log], ["accept", ["main+panic: DCC: clamd /x: cannot connect: ENOENT"]]);
  });

  const FIELD = "X-DCC-test-Metrics: h 1; Body=1";

  test("$dcc_header has its field, which the policy may add", async () => {
    const { added, asked } = await judge("  warn dcc = *\n    add_header = $dcc_header", dccSays("A", "AA", FIELD));
    assert.deepEqual(added, [`${FIELD}\n`]);
    assert.equal(asked.length, 1);
  });

  test("dcc_direct_add_header puts it, and more, where later conditions and scanners see it", async () => {
    const statements = `  warn set acl_m_dcc_add_header = X-More: one\\nX-Even-More: two
       dcc = *
  warn malware = *
  deny condition = \${if eq{$h_X-More:}{one}}
       message = $h_X-DCC-test-Metrics:`;
    const answer = (task: ScanTask) => (task.engine === "dcc" ? dccSays("R", "RR", FIELD) : found(""));
    const main = `${CLAMD.main}\ndcc_direct_add_header = true`;
    const { said, added, asked } = await judge(statements, answer, { main });
    assert.equal(said, "550 h 1; Body=1");
    assert.deepEqual(added, [`${FIELD}\n`, "X-More: one\n", "X-Even-More: two\n"]);
    assert.deepEqual(
      asked.map(({ header }) => header),
      ["Received: x\nSubject: hello\n", `Received: x\nSubject: hello\n${FIELD}\nX-More: one\nX-Even-More: two\n`],
    );
  });

  test("each recipient has its own answer where each is asked about, and dccifd is asked once", async () => {
    for (const main of ["", "dcc_direct_add_header = true"]) {
      const statements = "  deny !dcc = *\n    message = $dcc_result of $dcc_rcpt_results";
      const told = await judge(statements, dccSays("R", "RAR", FIELD), {
        main,
        stage: "data_prdr",
        recipients: ["a@y.test", "b@y.test", "c@y.test"],
      });
      assert.deepEqual(told.each, ["550 R of RAR", "accept", "550 R of RAR"]);
      assert.equal(told.asked.length, 1);
      assert.deepEqual(told.added, main === "" ? [] : [`${FIELD}\n`]);
      assert.equal(told.log.length, 1);
    }
  });
});
