import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { readText } from "../reader/read-text.ts";

const RUNS = "begin acl\na:\n  accept control = bmi_run\n";
const policy = (main = "bmi_config_file = /bmi.conf\n", acls = RUNS): string => main + acls;

const ENGINES = `begin engines
one:
  driver = rspamd
  server = 127.0.0.1 11333
`;

const problemsOf = (file: string, main?: string): readonly string[] =>
  readText({ text: policy(main), files: { "/bmi.conf": file } }).all;

describe("the file that bmi_config_file names", () => {
  test("describes engines, profiles, rules and destinations", () => {
    const file = `# what scans
${ENGINES}  timeout = 20s
two:
  driver = spamd
  server = localhost 783
  user = mail
  message_size_limit = 512K
  optional
three:
  driver = clamd
  server = /run/clamav/clamd.ctl

begin profiles
strict:
  optin = <OPTIN STRING1> : antispam
  settings = strict
  user = fussy
  engines = one : \\
            three

begin rules
5:
  symbol = BAYES_SPAM : FUZZY_*
8:
  engine = three
  malware = *
11:
  profile = strict : default
  score = 7.5
  no_spam

begin destinations
infected:
  rules = 8 : 5
  drop
junk:
  action = reject : add header
  alternate = X-Junk: yes
mine:
  profile = strict
  default
`;
    const { configuration, all } = readText({ text: policy(), files: { "/bmi.conf": file } });
    assert.deepEqual(all, []);
    assert.deepEqual(configuration.bmi, {
      engines: [
        { driver: "rspamd", name: "one", server: { host: "127.0.0.1", port: 11_333 }, timeoutMs: 20_000 },
        {
          ...{ driver: "spamd", name: "two", server: { host: "localhost", port: 783 }, timeoutMs: 30_000 },
          ...{ maxOctets: 524_288, isOptional: true, user: "mail" },
        },
        { driver: "clamd", name: "three", server: { path: "/run/clamav/clamd.ctl" }, timeoutMs: 30_000 },
      ],
      profiles: [
        {
          ...{ name: "strict", optin: ["<OPTIN STRING1>", "antispam"], settings: "strict", user: "fussy" },
          engines: ["one", "three"],
        },
      ],
      rules: [
        { number: 5, test: { symbols: ["BAYES_SPAM", "FUZZY_*"] } },
        { number: 8, test: { malware: ["*"], engines: ["three"] } },
        { number: 11, profiles: ["strict", "default"], test: { score: 7.5, isSpam: false } },
      ],
      destinations: [
        { name: "infected", rules: [8, 5], to: "drop" },
        { name: "junk", test: { actions: ["reject", "add header"] }, to: { alt: "X-Junk: yes" } },
        { name: "mine", profiles: ["strict"], to: "default" },
      ],
    });
  });

  test("is part of the policy: macros of both sides hold, and another content is another version", () => {
    const file = ENGINES.replace("127.0.0.1 11333", "ENGINE_HOST ENGINE_PORT");
    const read = (port: string) =>
      readText({
        text: policy(`ENGINE_PORT = ${port}\nbmi_config_file = /bmi.conf\n`),
        files: { "/bmi.conf": file },
        macros: { ENGINE_HOST: "h" },
      });
    const { configuration, all } = read("7");
    assert.deepEqual([all, configuration.bmi?.engines[0]?.server], [[], { host: "h", port: 7 }]);
    assert.deepEqual(
      configuration.files.map(({ path, isThere }) => [path, isThere]),
      [
        ["/c", true],
        ["/bmi.conf", true],
      ],
    );
    const other = readText({ text: policy(), files: { "/bmi.conf": `${ENGINES}# other\n` } });
    const same = readText({ text: policy(), files: { "/bmi.conf": ENGINES } });
    assert.notEqual(other.configuration.version, same.configuration.version);
  });

  test("may have a relative name", () => {
    const { configuration } = readText({
      text: policy("bmi_config_file = bmi/file\n"),
      files: { "/bmi/file": ENGINES },
    });
    assert.equal(configuration.bmi?.engines.length, 1);
  });

  for (const [what, line] of Object.entries({
    "no ACL that says bmi_run": "begin acl\na:\n  accept\n",
    "no ACL at all": "",
  })) {
    test(`is not read for a policy with ${what}`, () => {
      const { configuration, all } = readText({ text: policy(undefined, line), files: { "/bmi.conf": "nonsense" } });
      assert.deepEqual([configuration.bmi, configuration.files.length, all], [undefined, 1, []]);
    });
  }

  test("is told of where it is not there, and is awaited", () => {
    const { configuration, of } = readText(policy(""));
    assert.equal(configuration.bmi, undefined);
    assert.deepEqual(of("notice"), [
      '/c: bmi_config_file: /opt/brightmail/etc/brightmail.cfg: there is no such file: "control = bmi_run" has no effect',
    ]);
    assert.deepEqual(configuration.files.at(-1), { path: "/opt/brightmail/etc/brightmail.cfg", isThere: false });
  });

  test("must be there where messages must be scanned", () => {
    assert.deepEqual(readText(policy("bmi_on_error = defer\nbmi_config_file = /bmi.conf\n")).of("machine"), [
      "/c:2: bmi_config_file: /bmi.conf: there is no such file",
    ]);
  });
});

test("the file of the manual is right", () => {
  const manual = readFileSync(join(import.meta.dirname, "../../../../docs/bmi.md"), "latin1");
  const [file = ""] = /^begin engines\n[\s\S]*?(?=^```$)/m.exec(manual) ?? [];
  assert.ok(file.includes("begin destinations"));
  assert.deepEqual(problemsOf(file), []);
});

describe("what is wrong in it has its file and line", () => {
  for (const [what, file, ...expected] of [
    ["another program's", "<config>\n<engine/>\n", '1: "begin engines" is expected (docs/bmi.md), not "<config>"'],
    ["nothing", "", "no engine is defined"],
    ["an unknown section", "begin engine\n", '1: "engine" is not a known section name (did you mean engines?)'],
    ["a section twice", `${ENGINES}begin engines\n`, '5: "engines" section is repeated'],
    [
      "an unknown driver",
      "begin engines\na:\n  driver = rspamdd\n",
      '3: engine a: there is no engine driver "rspamdd" (did you mean rspamd?)',
    ],
    ["an unknown option", `${ENGINES}  serve = x\n`, '5: engine one: option "serve" unknown (did you mean server?)'],
    [
      "no server",
      "begin engines\na:\n  driver = clamd\n",
      '2: engine a: server: a path, or a host and a port ("localhost 783"), is expected',
    ],
    [
      "a wrong port",
      "begin engines\na:\n  driver = clamd\n  server = h 70000\n",
      '4: engine a: server: a path, or a host and a port ("localhost 783"), is expected',
    ],
    ["no time", `${ENGINES}  timeout = 0s\n`, "5: engine one: timeout: a time up to 5m is expected"],
    ["a wrong time", `${ENGINES}  timeout = 5\n`, '5: engine one: timeout: invalid time value "5" (like 5m or 1h30m)'],
    [
      "a block twice",
      `${ENGINES}begin profiles\na:\n  optin = x\na:\n  optin = y\n`,
      '8: there are two profiles called "a"',
    ],
    ["an option before any block", `${ENGINES}begin rules\nsymbol = X\n`, "6: rule name missing"],
    [
      "no option",
      `${ENGINES}begin rules\n1:\n  = X\n`,
      "7: rule 1: option setting expected: = X",
      "6: rule 1: it asks nothing: symbol, action, spam, score or malware is expected",
    ],
    [
      "a rule without a number",
      `${ENGINES}begin rules\nx:\n  symbol = X\n`,
      "6: rule x: its name must be a number, 1 or more",
    ],
    ["rule 0", `${ENGINES}begin rules\n0:\n  symbol = X\n`, "6: rule 0: its name must be a number, 1 or more"],
    [
      "an unknown engine",
      `${ENGINES}begin rules\n1:\n  engine = onne\n  symbol = X\n`,
      '7: rule 1: engine: there is no engine "onne" (did you mean one?)',
      "7: rule 1: engine: none of the engines gives an answer to all that is asked",
    ],
    [
      "a question to nobody",
      `${ENGINES}begin rules\n1:\n  malware = *\n`,
      "6: rule 1: engine: none of the engines gives an answer to all that is asked",
    ],
    [
      "an empty list",
      `${ENGINES}begin rules\n1:\n  symbol =\n`,
      "7: rule 1: symbol: a list with something in it is expected",
    ],
    [
      "an unknown profile",
      `${ENGINES}begin rules\n1:\n  profile = x\n  symbol = X\n`,
      '7: rule 1: profile: there is no profile "x"',
    ],
    [
      "an unknown rule",
      `${ENGINES}begin destinations\na:\n  rules = 7\n  drop\n`,
      '7: destination a: rules: there is no rule "7"',
    ],
    [
      "no way",
      `${ENGINES}begin destinations\na:\n  spam\n`,
      "6: destination a: one of drop, default and alternate is expected",
    ],
    [
      "two ways",
      `${ENGINES}begin destinations\na:\n  drop\n  alternate = x\n`,
      "6: destination a: one of drop, default and alternate is expected",
    ],
    [
      "a line end in a text",
      `${ENGINES}begin destinations\na:\n  alternate = "x\\ny"\n`,
      "7: destination a: alternate: control characters are not allowed",
    ],
    ["an unfinished condition", `${ENGINES}.ifdef X\n`, "5: end of the file: .endif is missing"],
  ] as const) {
    test(what, () => {
      const shown = expected.map((text) => (/^\d/.test(text) ? `/bmi.conf:${text}` : `/bmi.conf: ${text}`));
      assert.deepEqual(problemsOf(file), shown);
    });
  }

  test("too much of it", () => {
    const rules = Array.from({ length: 3_000 }, (_, i) => `${i + 1}:\n  symbol = SYMBOL_NUMBER_${i}\n`).join("");
    assert.deepEqual(problemsOf(`${ENGINES}begin rules\n${rules}`), ["/bmi.conf: more than 65536 octets are in it"]);
  });
});
