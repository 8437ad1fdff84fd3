import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { runPostbus } from "@postbus/testkit";

const CONFIGURATION = `
primary_hostname = mx.test.example
begin routers
alias:
  driver = redirect
  domains = alias.test
  senders = \${if eq{$sender_address}{}{:}{*@s.test}}
  data = SITE@local.test
local:
  driver = accept
  domains = local.test
  local_parts = ! none
  transport = mailbox
busy:
  driver = redirect
  domains = busy.test
  allow_defer
  data = :defer: later
begin transports
mailbox:
  driver = appendfile
  file = /nowhere
`;

let directory = "";
let config = "";
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "postbus-route-"));
  config = join(directory, "postbus.conf");
  await writeFile(config, CONFIGURATION);
});
after(() => rm(directory, { recursive: true }));

const route = (args: readonly string[], input = "") =>
  runPostbus({ command: "route", args: ["--config", config, "-DSITE=ann", ...args], input });

test("addresses of the command line are routed; the worst of them makes the exit code", async () => {
  const { code, output } = await route(["a@alias.test", "b@local.test", "c@busy.test", "none@local.test", "a@b@c"]);
  assert.equal(
    output,
    `ann@local.test
    <-- a@alias.test
  router = local, transport = mailbox
b@local.test
  router = local, transport = mailbox
c@busy.test cannot be resolved at this time: later
none@local.test is undeliverable: Unrouteable address
syntax error: malformed address: @c may not follow a@b
`,
  );
  assert.equal(code, 2);
});

test("lines of standard input are addresses where the command line has none", async () => {
  const { code, output } = await route([], "b@local.test\n\nc@busy.test\n");
  assert.match(output, /^b@local\.test\n {2}router = local, .*\nc@busy\.test cannot be resolved/);
  assert.equal(code, 1);
});

test("--trace says what each router said, --from who sends", async () => {
  const { errors, output } = await route(["--trace", "--from", "x@other.test", "a@alias.test"]);
  assert.match(errors, /^a@alias\.test: .*postbus\.conf:\d+ alias: skipped: senders$/m);
  assert.match(output, /^a@alias\.test is undeliverable/);
});

test("a configuration that cannot be used is told as by check", async () => {
  const { code, errors } = await runPostbus({ command: "route", args: ["--config", "/nowhere/x.conf", "a@b.test"] });
  assert.equal(code, 78);
  assert.match(errors, /\/nowhere\/x\.conf/);
});
