import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { eximCommand, program } from "@postbus/testkit";
import { deliverToPipe } from "../../src/pipe/pipe-delivery.ts";
import { ProgramPipes } from "../../src/programs/program-pipes.ts";
import { ProgramSlots } from "../../src/programs/program-slots.ts";
import { AS_NOBODY, LocalRig, localItem } from "../local/local-rig.ts";
import { inline } from "../smtp/rig.ts";

const pipes = new ProgramPipes();
after(() => pipes[Symbol.asyncDispose]());

/** Long enough to fill a pipe that nobody reads: a quarter of a million octets. */
const LONG = `message_suffix = \${sg{${"x".repeat(125)}}{x}{${"y".repeat(2_000)}}}`;

/** Options of the transport, and the lines of the log as Exim 4.98 writes them, from `R=r T=t` on, without the transport's name. */
const rows: readonly [name: string, options: readonly string[], log: readonly string[]][] = [
  ["ends well", ["command = /bin/true"], ["=>"]],
  [
    "return_output, and output",
    ["command = /bin/echo hello there", "return_output", "log_output"],
    ["transport output: hello there", "** return message generated (output)"],
  ],
  [
    "log_output: the first line",
    ['command = /bin/sh -c "echo line one; echo line two"', "log_output"],
    ["transport output: line one", "=>"],
  ],
  ["an empty first line", ['command = /bin/sh -c "echo; echo second"', "log_output"], ["transport output: ", "=>"]],
  [
    "exit code",
    ['command = /bin/sh -c "exit 1"'],
    ["** Child process of T transport returned 1 from command: /bin/sh"],
  ],
  ...(
    [
      [64, "usage or syntax error"],
      [69, "service or program unavailable"],
      [77, "permission denied"],
      [78, "configuration error"],
      [127, "unable to exec or command does not exist"],
      [130, "shell command ended by signal 2 (Interrupt)"],
      [200, "shell command ended by signal 72 (Unknown signal 72)"],
    ] as const
  ).map(([code, meaning]): [string, string[], string[]] => [
    `exit code ${code}`,
    [`command = /bin/sh -c "exit ${code}"`],
    [`** Child process of T transport returned ${code} (could mean ${meaning}) from command: /bin/sh`],
  ]),
  [
    "exit code without a meaning",
    ['command = /bin/sh -c "exit 79"'],
    ["** Child process of T transport returned 79 from command: /bin/sh"],
  ],
  [
    "a temporary error",
    ['command = /bin/sh -c "exit 75"'],
    ["== (0) Child process of T transport returned 75 (could mean temporary error) from command: /bin/sh"],
  ],
  [
    "the other one",
    ['command = /bin/sh -c "exit 73"'],
    ["== (0) Child process of T transport returned 73 (could mean can't create output file) from command: /bin/sh"],
  ],
  [
    "temp_errors = *",
    ['command = /bin/sh -c "exit 3"', "temp_errors = *"],
    ["== (0) Child process of T transport returned 3 from command: /bin/sh"],
  ],
  [
    "temp_errors",
    ['command = /bin/sh -c "exit 3"', "temp_errors = 3 : 4"],
    ["== (0) Child process of T transport returned 3 from command: /bin/sh"],
  ],
  ["ignore_status", ['command = /bin/sh -c "exit 3"', "ignore_status"], ["=>"]],
  ["ignore_status, and a signal", ["command = DIR/sig 9", "ignore_status"], ["=>"]],
  [
    "a signal",
    ["command = DIR/sig 9"],
    ['** Child process of T transport (running command "DIR/sig 9") was terminated by signal 9 (Killed)'],
  ],
  [
    "freeze_signal",
    ["command = DIR/sig 11", "freeze_signal"],
    [
      '== (0) Child process of T transport (running command "DIR/sig 11") was terminated by signal 11 (Segmentation fault)',
      "Frozen",
    ],
  ],
  ["timeout", ["command = /bin/sleep 30", "timeout = 1s"], ["** pipe delivery process timed out"]],
  [
    "timeout_defer",
    ["command = /bin/sleep 30", "timeout = 1s", "timeout_defer"],
    ["== (0) pipe delivery process timed out"],
  ],
  [
    "timeout while it does not read",
    ["command = /bin/sleep 30", "timeout = 1s", LONG],
    ["** pipe delivery process timed out (preceded by timeout while writing to pipe)"],
  ],
  ["not in the path", ["command = nosuchcmd a b"], ['** "nosuchcmd" command not found for T transport']],
  [
    "not there",
    ["command = /no/such/cmd a b"],
    [
      "** Child process of T transport returned 127 (could mean unable to exec or command does not exist) from command: /no/such/cmd",
    ],
  ],
  [
    "freeze_exec_fail",
    ["command = /no/such/cmd a b", "freeze_exec_fail"],
    ['== (0) pipe process failed to exec "/no/such/cmd a b"', "Frozen"],
  ],
  [
    "found in the path, and no program",
    ["command = passwd", "path = /nowhere:/etc"],
    [
      "** Child process of T transport returned 127 (could mean unable to exec or command does not exist) from command: /etc/passwd",
    ],
  ],
  [
    "restrict_to_path",
    ["command = /bin/true", "restrict_to_path"],
    ['** "/" found in "/bin/true" (command for T transport) - failed for security reasons'],
  ],
  ["restrict_to_path, without a slash", ["command = true", "restrict_to_path"], ["=>"]],
  [
    "allow_commands",
    ["command = /bin/true", "allow_commands = /bin/false"],
    ['** "/bin/true" command not permitted by T transport'],
  ],
  ["allow_commands allows it", ["command = /bin/true", "allow_commands = /bin/false : /bin/true"], ["=>"]],
  [
    "allow_commands before restrict_to_path",
    ["command = /bin/true", "allow_commands = /bin/true", "restrict_to_path"],
    ["=>"],
  ],
  [
    "allow_commands that fails",
    ["command = /bin/true", "allow_commands = ${if eq{a}{b}{x}fail}"],
    ['== (0) failed to expand string "${if eq{a}{b}{x}fail}" for T transport: "if" failed and "fail" requested'],
  ],
  [
    "braces do not keep words together",
    ["command = /bin/echo ${if eq{a}{b}{x}fail}"],
    [
      '== (0) Expansion of "${if" from command "/bin/echo ${if eq{a}{b}{x}fail}" in T transport failed: condition name expected, but found ""',
    ],
  ],
  ["what a peer has chosen", ["command = /bin/echo $local_part"], ["** Tainted arg 1 for T transport command: 'L'"]],
  ["a program that a peer has chosen", ["command = $local_part x"], ["** Tainted arg 0 for T transport command: 'L'"]],
  ["no command", ["batch_max = 1"], ["== (0) no command specified for T transport"]],
  [
    "max_output",
    ['command = /bin/sh -c "yes"', "return_fail_output"],
    [
      '** Child process of T transport (running command "/bin/sh -c "yes"") was terminated by signal 9 (Killed) (output)',
    ],
  ],
  [
    "return_fail_output",
    ['command = /bin/sh -c "echo why; echo more >&2; exit 2"', "return_fail_output"],
    ["** Child process of T transport returned 2 from command: /bin/sh (output)"],
  ],
  [
    "log_fail_output",
    ['command = /bin/sh -c "echo why; exit 2"', "log_fail_output"],
    ["transport output: why", "** Child process of T transport returned 2 from command: /bin/sh"],
  ],
  [
    "log_defer_output",
    ['command = /bin/sh -c "echo why; exit 75"', "log_defer_output"],
    [
      "transport output: why",
      "== (0) Child process of T transport returned 75 (could mean temporary error) from command: /bin/sh",
    ],
  ],
  [
    "return_output makes a failure of a temporary error",
    ['command = /bin/sh -c "echo why; exit 75"', "return_output"],
    ["** Child process of T transport returned 75 (could mean temporary error) from command: /bin/sh (output)"],
  ],
  ["does not read, and ends well", ['command = /bin/sh -c "exec <&-; exit 0"', LONG], ["=>"]],
  [
    "does not read, and fails",
    ['command = /bin/sh -c "exec <&-; exit 1"', LONG],
    ["** Child process of T transport returned 1 from command: /bin/sh"],
  ],
  [
    "use_shell",
    ["command = echo $local_part | tr a-z A-Z; exit 5", "use_shell", "log_output"],
    ["transport output: L", "** Child process of T transport returned 5 from command: /bin/sh"],
  ],
  [
    "use_shell, and a string that is wrong",
    ["command = echo ${bad", "use_shell"],
    [
      '== (0) Expansion of command "echo ${bad" in T transport failed: "${bad" is not a known operator (or a } is missing in a variable reference)',
    ],
  ],
  [
    "current_directory",
    ["command = /bin/pwd", "current_directory = /usr", "log_output"],
    ["transport output: /usr", "=>"],
  ],
  [
    "home_directory",
    ["command = DIR/home", "home_directory = /usr", "log_output"],
    ["transport output: /usr /usr", "=>"],
  ],
  [
    "a directory that is not there",
    ["command = /bin/pwd", "current_directory = /nonexistent"],
    ["== (2) failed to chdir to /nonexistent"],
  ],
  [
    "a home that is no path",
    ["command = /bin/true", "home_directory = usr"],
    ['== (-21) home directory path "usr" is not absolute for T transport'],
  ],
  [
    "a prefix that is wrong",
    ["command = /bin/cat", "message_prefix = ${bad"],
    [
      '== (0) Expansion of "${bad" (prefix for T transport) failed: "${bad" is not a known operator (or a } is missing in a variable reference)',
    ],
  ],
  [
    "message_size_limit",
    ["command = /bin/true", "message_size_limit = 10"],
    ["** message is too big (transport limit = 10)"],
  ],
  [
    "$pipe_addresses",
    ["command = /bin/echo x $pipe_addresses y", "log_output"],
    ["transport output: x L@d.test y", "=>"],
  ],
  [
    "quotes",
    [`command = /bin/echo "a  b" c'd "e\\"f" 'g  h'`, "log_output"],
    [`transport output: a  b c'd e"f g  h`, "=>"],
  ],
];

const named = rows.map(([name, options, log], i) => ({ name, options, log, transport: `t${i}`, localPart: `p${i}` }));

const transportsIn = (directory: string): string =>
  named
    .map(({ transport, options }) => `${transport}:\n  driver = pipe\n${AS_NOBODY}  ${options.join("\n  ")}\n`)
    .join("")
    .replaceAll("DIR", directory);

/** Programs that are awkward to write in a configuration. */
function writePrograms(directory: string): void {
  chmodSync(directory, 0o755);
  for (const [name, text] of [
    ["sig", "trap - TERM\nkill -$1 $$"],
    ["home", 'echo "$(pwd) $HOME"'],
  ] as const) {
    writeFileSync(join(directory, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(directory, name), 0o755);
  }
}

const general = (line: string, { transport, localPart }: (typeof named)[number], directory: string): string =>
  line
    .replaceAll(directory, "DIR")
    .replaceAll(new RegExp(`\\b${transport}\\b`, "g"), "T")
    .replaceAll(new RegExp(`\\b${localPart}\\b`, "gi"), "L");

test("outcomes of pipes, in the words of Exim's log", async (t) => {
  const programs = mkdtempSync(join(tmpdir(), "postbus-pipe-"));
  t.after(() => rmSync(programs, { recursive: true }));
  writePrograms(programs);
  await using rig = await LocalRig.start(transportsIn(programs));
  const deps = { spool: { read: () => assert.fail() }, slots: new ProgramSlots(4), pipes, now: Date.now };
  for (const row of named) {
    await t.test(row.name, async () => {
      const item = localItem(row.transport, [`${row.localPart}@d.test`]);
      const work = {
        id: "1vMhGf-0000000012a-0Ab3_0_1",
        handedOut: 1,
        isHeld: () => true,
        signal: new AbortController().signal,
      };
      const transport = await rig.transport("pipe", item);
      const { results, notes } = await deliverToPipe(
        { work, item, content: inline("A: b\r\n\r\nhi\r\n") },
        transport,
        deps,
      );
      const lines = notes.map((note) => note.replace(/^<\S+>: \S+ /, ""));
      for (const result of results) {
        if (result.outcome === "delivered") lines.push("=>");
        if (result.outcome === "failed")
          lines.push(`** ${result.text}${result.output === undefined ? "" : " (output)"}`);
        if (result.outcome === "deferred") lines.push(`== (${result.errno}) ${result.text}`);
        if (result.outcome === "deferred" && result.isFrozen === true) lines.push("Frozen");
      }
      assert.deepEqual(
        lines.map((line) => general(line, row, programs)),
        row.log,
      );
    });
  }
});

describe("the same from real Exim", { skip: eximIsMissing() }, () => {
  const directory = mkdtempSync(join(tmpdir(), "postbus-pipe-exim-"));
  const routes = `begin routers\nb:\n  driver = redirect\n  domains = b.test\n  data = :blackhole:\nr:\n  driver = accept\n  domains = d.test\n  local_parts = ${named.map(({ localPart }) => localPart).join(":")}\n  transport = t\${sg{$local_part_data}{p}{}}\n`;
  writePrograms(directory);
  const command = eximCommand(
    "exim-4.98",
    `primary_hostname = mx.a2.test\nqualify_domain = q.test\nbounce_return_size_limit = 1K\n${routes}begin transports\n${transportsIn(directory)}begin retry\n* * F,1h,10m\n`,
    { port: 0, directory },
  );
  test("writes these lines", (t) => {
    t.after(() => rmSync(directory, { recursive: true }));
    const [path = "", ...args] = command;
    for (const { localPart } of named) {
      execFileSync(path, [...args, "-odi", "-oem", "-f", "s@b.test", `${localPart}@d.test`], {
        input: "A: b\n\nhi\n",
        stdio: ["pipe", "ignore", "ignore"],
      });
    }
    const log = readFileSync(join(directory, "log", "mainlog"), "latin1").split("\n");
    for (const row of named) {
      const at = log.findIndex((line) => line.includes(` T=${row.transport}`));
      const id = log[at]?.split(" ")[2] ?? "";
      const lines = log.filter((line) => line.includes(` ${id} `)).flatMap(eximLine);
      assert.deepEqual(
        lines.map((line) => general(line, row, directory)),
        row.log.map((line) => line.replace(/ \(output\)$/, "")),
        row.name,
      );
    }
  });
});

/** A line of Exim's log as the table has it. */
function eximLine(line: string): string[] {
  const output = /transport output: .*$/.exec(line);
  if (output !== null) return [output[0]];
  if (/ => /.test(line)) return ["=>"];
  if (line.endsWith(" Frozen")) return ["Frozen"];
  const failed = / \*\* .* T=\S+: (.*)$/.exec(line);
  if (failed !== null) return [`** ${failed[1]}`];
  const deferred = / == .* T=\S+ defer \((-?\d+)\): (?:No such file or directory: )?(.*)$/.exec(line);
  return deferred === null ? [] : [`== (${deferred[1]}) ${deferred[2]}`];
}

function eximIsMissing(): string | false {
  if (program("exim-4.98") === undefined) return "no exim-4.98 here (npm test fetches it)";
  return process.geteuid?.() === 0 ? false : "Exim runs programs only as somebody else, and we are not root";
}
