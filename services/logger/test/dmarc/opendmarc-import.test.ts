import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { mariadbIsMissing, program, serversDirectory, startMariadb } from "@postbus/testkit";
import { historyBlock } from "../../src/dmarc/history-block.ts";
import { checkedMessage } from "./checked-message.ts";

const run = promisify(execFile);
const TIMEOUT_MS = 60_000;

/** Where Debian's package and `.ci/run` put the tables of OpenDMARC. */
const SCHEMAS = [
  "/usr/share/dbconfig-common/data/opendmarc/install/mysql",
  join(serversDirectory(), "share/opendmarc-schema.mysql"),
];

/** Runs statements that are separated by `;` at the end of a line, and prints the rows of the last one. */
const SQL = `use strict; use DBI;
my ($port, $database) = splice @ARGV, 0, 2;
my $db = DBI->connect("DBI:mysql:database=$database;host=127.0.0.1;port=$port", "root", "", { RaiseError => 1 });
my $text = join "", <STDIN>;
$text =~ s/^--.*$//mg;
my $last;
for my $sql (grep { /\\S/ } split /;\\s*$/m, $text) { ($last = $db->prepare($sql))->execute; }
if ($last->{NUM_OF_FIELDS}) { print join("|", @$_), "\\n" for @{ $last->fetchall_arrayref }; }`;

const checks = [
  checkedMessage(1, { status: "accept" }),
  checkedMessage(2, { status: "reject" }),
  checkedMessage(3, { status: "temperror", outcome: "deferred" }),
  sealed(4),
  checkedMessage(5, { status: "none" }),
];

function sealed(n: number) {
  const hops = [
    { domain: "test.ex", selector: "sel", clientAddress: "192.0.2.1" },
    { domain: "b.ex", selector: "s2" },
  ];
  const { facts } = checkedMessage(n);
  const arc = { result: "pass" as const, instance: 2, oldestPass: 1, hops };
  return checkedMessage(n, { status: "quarantine", arc: "pass", facts: { ...facts, arc } });
}

test("opendmarc-import reads the history, seals included, and leaves out what came to nothing for now", async (t) => {
  const parts = await found(t);
  if (parts === undefined) return;
  const directory = await mkdtemp(join(tmpdir(), "postbus-opendmarc-"));
  const server = await startMariadb();
  try {
    const sql = (database: string, text: string) => statements(server.port, database, text);
    await sql("", parts.schema);
    const history = join(directory, "history");
    await writeFile(history, checks.map((check) => historyBlock(check, "mx.test")).join(""));
    const host = ["--dbhost=127.0.0.1", `--dbport=${server.port}`, "--dbuser=root", "--dbname=opendmarc"];
    const { stderr } = await run("perl", [parts.importer, ...host, `--input=${history}`], { timeout: TIMEOUT_MS });
    assert.equal(stderr, "opendmarc-import: failed to insert message: Column 'policy' cannot be null\n");

    const rows = "SELECT jobid, policy, disp, arc, arc_policy, sigcount FROM messages ORDER BY id";
    assert.deepEqual(await sql("opendmarc", rows), [
      `${checks[0]?.messageId}|15|2|11|1|1`,
      `${checks[1]?.messageId}|16|0|11|1|1`,
      `${checks[3]?.messageId}|17|4|0|0|1`,
      `${checks[4]?.messageId}|18|2|11|1|1`,
    ]);
    const seals =
      "SELECT d.name, s.name, a.instance, r.arc_client_addr FROM arcseals a JOIN domains d ON d.id = a.domain " +
      "JOIN selectors s ON s.id = a.selector JOIN arcauthresults r USING (message, instance) ORDER BY a.instance";
    assert.deepEqual(await sql("opendmarc", seals), ["test.ex|sel|1|192.0.2.1", "b.ex|s2|2|"]);
  } finally {
    await server.stop();
    await rm(directory, { recursive: true });
  }
});

async function statements(port: number, database: string, text: string): Promise<readonly string[]> {
  const running = run("perl", ["-e", SQL, String(port), database], { timeout: TIMEOUT_MS });
  running.child.stdin?.end(text);
  const { stdout } = await running;
  return stdout.split("\n").filter((line) => line !== "");
}

async function found(t: TestContext): Promise<{ readonly importer: string; readonly schema: string } | undefined> {
  const importer = program("opendmarc-import");
  const texts = await Promise.all(SCHEMAS.map((path) => readFile(path, "utf8").catch(() => undefined)));
  const schema = texts.find((text) => text !== undefined);
  const hasModules = await run("perl", ["-MDBI", "-MDBD::mysql", "-MSwitch", "-MJSON", "-e1"]).then(
    () => true,
    () => false,
  );
  if (mariadbIsMissing !== undefined) t.skip(mariadbIsMissing);
  else if (importer === undefined || schema === undefined) t.skip("opendmarc-import of Debian's opendmarc is not here");
  else if (!hasModules) t.skip("perl has no DBI, DBD::mysql, Switch or JSON");
  else return { importer, schema };
  return undefined;
}
