import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkLocalDeliveries, type DeliveryAbilities } from "../../src/compiled/check-local-deliveries.ts";
import { formatProblem, ProblemList } from "../../src/reader/problem.ts";
import { readConfiguration } from "../../src/reader/read-configuration.ts";

function problemsOf(text: string, abilities: DeliveryAbilities): string[] {
  const readFile = (path: string) => (path === "/f" ? Buffer.from(text, "latin1") : undefined);
  const { configuration, problems } = readConfiguration({ file: "/f", macros: new Map(), readFile });
  assert.ok(configuration, problems.map(formatProblem).join("\n"));
  const list = new ProblemList();
  checkLocalDeliveries(configuration, abilities, list);
  return list.all.map(formatProblem);
}

const routers = (lines: string) => `begin routers\n${lines}begin transports\n`;
const accept = (transport: string) => routers(`r:\n  driver = accept\n  transport = ${transport}\n`);
const redirect = (lines: string) => routers(`r:\n  driver = redirect\n  data = x\n  pipe_transport = p\n${lines}`);
const pipe = "p:\n  driver = pipe\n  command = /bin/true\n";
const appendfile = "m:\n  driver = appendfile\n  directory = /m\n  maildir_format\n";
const OFF = "no programs may be run here: set POSTBUS_DELIVERY_PROGRAMS to how many at one time (20)";

const rows: readonly [string, string, DeliveryAbilities, RegExp | undefined][] = [
  [
    "a pipe that a router chooses",
    accept("p") + pipe,
    { runsPrograms: false },
    /^\/f:6: transport p: no programs may be run here: set POSTBUS_DELIVERY_PROGRAMS/,
  ],
  ["with the setting, nothing is wrong", accept("p") + pipe, { runsPrograms: true }, undefined],
  [
    "a pipe for the commands of redirect lists",
    redirect("") + pipe,
    { runsPrograms: false },
    /transport p: no programs/,
  ],
  ["where these are forbidden", redirect("  forbid_pipe\n") + pipe, { runsPrograms: false }, undefined],
  ["a pipe that nobody uses", accept("m") + appendfile + pipe, { runsPrograms: false }, undefined],
  [
    "a name that is expanded may be any",
    accept("${if eq{a}{b}{m}{p}}") + appendfile + pipe,
    { runsPrograms: false },
    /transport p: no programs/,
  ],
  [
    "a pipe as a shadow",
    `${accept("m") + appendfile}  shadow_transport = p\n${pipe}`,
    { runsPrograms: false },
    /transport p: no programs/,
  ],
  [
    "lmtp with a command",
    `${accept("l")}l:\n  driver = lmtp\n  command = /bin/lmtpd\n`,
    { runsPrograms: false },
    /transport l: no programs/,
  ],
  [
    "lmtp with a socket",
    `${accept("l")}l:\n  driver = lmtp\n  socket = /run/lmtp\n`,
    { runsPrograms: false },
    undefined,
  ],
  [
    "somebody else's mailbox",
    `${accept("m") + appendfile}  user = 4711\n`,
    { runsPrograms: false, uid: 1000 },
    /^\/f:10: transport m: user: delivery runs as user 1000 and cannot become "4711"/,
  ],
  ["our own", `${accept("m") + appendfile}  user = 1000\n`, { runsPrograms: false, uid: 1000 }, undefined],
  ["root becomes anybody", `${accept("m") + appendfile}  user = 4711\n`, { runsPrograms: false, uid: 0 }, undefined],
  [
    "root by its name",
    `${accept("m") + appendfile}  user = root\n`,
    { runsPrograms: false, uid: 1000 },
    /cannot become "root"/,
  ],
];

describe("deliveries that a process cannot make are refused with its policy", () => {
  for (const [name, text, abilities, expected] of rows) {
    test(name, () => {
      const problems = problemsOf(text, abilities);
      if (expected === undefined) assert.deepEqual(problems, []);
      else assert.match(problems.join("\n"), expected);
    });
  }

  test("the line names the setting", () => {
    assert.ok(problemsOf(accept("p") + pipe, { runsPrograms: false })[0]?.endsWith(OFF));
  });
});
