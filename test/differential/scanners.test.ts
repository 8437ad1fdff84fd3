import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { eximCommand, startScriptedEngine } from "@postbus/testkit";
import { around } from "../examples/around.ts";
import { runningProgram, speak } from "../examples/running-program.ts";
import { eventually } from "../support/eventually.ts";
import { temporaryDirectory } from "../support/fixture.ts";
import { needs } from "../support/programs.ts";

interface Row {
  /** Statements of the DATA ACL; what they log is compared, and the code of the reply. */
  readonly acl: string;
  /** What the engine says; absent: it closes without a word. */
  readonly says?: string;
}

const SPAM =
  "spamd score=<$spam_score> int=<$spam_score_int> bar=<$spam_bar> action=<$spam_action> report=<$spam_report>";
const spamd = (score: string, threshold = "5.0"): string =>
  `SPAMD/1.1 0 EX_OK\r\nSpam: True ; ${score} / ${threshold}\r\n\r\nSpam report\r\n  line 2 \r\n\r\n`;
const scored = (condition: string) =>
  `  warn ${condition}\n  logwrite = true\n  warn logwrite = ${SPAM}\n  deny ${condition}`;
const named = (condition: string) =>
  `  warn ${condition}\n  logwrite = true <$0> <$1>\n  warn logwrite = name=<$malware_name>\n  deny ${condition}`;

const spamScores = [
  "15.36",
  "59.36",
  "50.9",
  "51.0",
  "-2.36",
  "-0.4",
  "0.96",
  "1.0",
  "0",
  "4.96",
  "4.94",
  "5.0",
  "100",
  "+5.0",
  ".5",
  "1e3",
];
const GOOD: Row = { acl: scored("!spam = nobody"), says: spamd("1.0") };
const CLEAN: Row = { acl: named("!malware = *"), says: "stream: OK\0" };

/** Each with a good answer behind it: an engine that fails again and again is given up for a while, unlike by Exim. */
const failures = (conditions: readonly string[], says: readonly (string | undefined)[], then: Row): Row[] =>
  says.flatMap((text) =>
    conditions.flatMap((condition) => {
      const acl = condition.includes("spam") ? scored(condition) : named(condition);
      return [text === undefined ? { acl } : { acl, says: text }, then];
    }),
  );

const rows: readonly Row[] = [
  ...spamScores.map((score) => ({ acl: scored("spam = nobody"), says: spamd(score) })),
  ...[
    "SPAMD/1.1 0 EX_OK\nSpam: True ; 6.0 / 5.0\n\nLF only\n",
    "SPAMD/1.1 0 EX_OK\r\nSpam: True ; 6.0 / 5.0\r\n\r\n\r\n\t lead\r\n",
  ].map((says) => ({ acl: scored("spam = nobody"), says })),
  ...["nobody:true", "nobody : TRUE", "nobody:x", "false", "0", "FALSE", "nobody/defer_ok", "nobody/x"].map(
    (value) => ({
      acl: scored(`spam = ${value}`),
      says: spamd("1.0"),
    }),
  ),
  ...failures(
    ["spam = nobody", "spam = nobody/defer_ok"],
    ["garbage", "SPAMD/1.1 0 EX_OK\r\nSpam: Tr", "SPAMD/1.1 76 EX_PROTOCOL\r\n\r\n", undefined],
    GOOD,
  ),
  ...[
    "*",
    "true",
    "1",
    "Eicar",
    "eicar",
    "E(i)car",
    "^Test",
    "false",
    "0",
    "*/defer_ok",
    "*/tmo=5s",
    "*/tmo=x",
    "(",
  ].map((value) => ({ acl: named(`malware = ${value}`), says: "stream: Eicar-Test FOUND\0" })),
  ...["stream: OK\0", "stream: Test.Name(44d88612:68) FOUND\0", "stream: Odd FOUND name FOUND\0"].map((says) => ({
    acl: named("malware = *"),
    says,
  })),
  ...failures(
    ["malware = *", "malware = */defer_ok"],
    ["INSTREAM size limit exceeded. ERROR\0", "stream: cannot ERROR\0", "nonsense\0", undefined],
    CLEAN,
  ),
];

const nameOf = (index: number): string => `r${index}`;
const isClamd = (request: string): boolean => request.startsWith("zINSTREAM");

/** One engine for both protocols, since each question says which it is. */
async function engine() {
  let says: string | undefined;
  const answer = () => (says === undefined ? ({ do: "cut" } as const) : { answer: says });
  const isWhole = (request: string) => (isClamd(request) ? request.endsWith("\0\0\0\0") : isComplete(request));
  const started = await startScriptedEngine({ isWhole, answer });
  return {
    port: started.port,
    say(text: string | undefined) {
      says = text;
    },
    [Symbol.asyncDispose]: () => started[Symbol.asyncDispose](),
  };
}

function isComplete(request: string): boolean {
  const [, length] = /^Content-length: (\d+)\r$/m.exec(request) ?? [];
  const end = request.indexOf("\r\n\r\n");
  return length !== undefined && end !== -1 && request.length >= end + 4 + Number(length);
}

const config = (port: number): string => {
  const names = rows.map((_row, i) => `${nameOf(i)}=${nameOf(i)}`).join(" ");
  const acls = rows.map(({ acl }, i) => `${nameOf(i)}:\n${acl}\n  accept\n`).join("");
  const main = `spamd_address = 127.0.0.1 ${port}\nav_scanner = clamd:127.0.0.1 ${port}`;
  const chosen = `acl_smtp_data = \${extract{$sender_address_local_part}{${names}}}`;
  return around({ main, acls }).replace("acl_smtp_data = acl_check_data", chosen);
};

const session = (name: string): string[] => [
  ...["EHLO client.test", `MAIL FROM:<${name}@b.test>`, "RCPT TO:<u@test.example>", "DATA"],
  "Subject: x\r\n\r\ntext\r\n.",
];

interface Told {
  readonly code: string;
  readonly lines: readonly string[];
}

/** What the statements log, without what each adds of its own. */
const linesIn = (log: string): string[] =>
  [...log.matchAll(/ (true(?: <.*)?|spamd score=.*|name=<.*)$/gm)].map(([, line = ""]) => line.replaceAll("\\n", "\n"));

async function askExim([file = "", ...args]: readonly string[], name: string): Promise<Told> {
  const exim = spawn(file, [...args, "-bh", "127.0.0.1"], { stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  let log = "";
  exim.stdout.on("data", (octets: Buffer) => {
    said += octets.toString("latin1");
  });
  exim.stderr.on("data", (octets: Buffer) => {
    log += octets.toString("latin1");
  });
  exim.stdin.end(`${[...session(name), "QUIT"].join("\r\n")}\r\n`);
  await once(exim, "close");
  const replies = said.split(/\r?\n/).filter((line) => /^\d{3} /.test(line));
  const ours = log.split("\n").filter((line) => line.startsWith("LOG: "));
  return { code: replies.at(-2)?.slice(0, 3) ?? "", lines: linesIn(ours.join("\n")) };
}

test("spam and malware say what they say in a real Exim, whatever the engine says", async (t: TestContext) => {
  if (needs(t, "exim-4.98") === undefined) return;
  await using scanner = await engine();
  const directory = await temporaryDirectory(t, "scanners");
  const command = eximCommand("exim-4.98", config(scanner.port), { port: 0, directory });
  const program = await runningProgram(t, config(scanner.port));
  let seen = 0;
  const differences: string[] = [];
  for (const [i, { acl, says }] of rows.entries()) {
    scanner.say(says);
    const exim = await askExim(command, nameOf(i));
    const code = (await speak(program.port, session(nameOf(i)))).at(-1)?.slice(0, 3);
    const lines = await eventually(async () => {
      const all = linesIn(readFileSync(program.mainlog, "latin1"));
      return all.length >= seen + exim.lines.length ? all.slice(seen) : undefined;
    }).catch(() => linesIn(readFileSync(program.mainlog, "latin1")).slice(seen));
    seen += lines.length;
    const [ours, theirs] = [{ code, lines }, exim].map((told) => JSON.stringify(told));
    if (ours !== theirs) differences.push(`${acl}\n  ${JSON.stringify(says)}\n  Exim: ${theirs}\n  ours: ${ours}`);
  }
  assert.deepEqual(differences, []);
});
