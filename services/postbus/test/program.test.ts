import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { runPostbus } from "@postbus/testkit";
import manifest from "../package.json" with { type: "json" };

const root = resolve(import.meta.dirname, "../../..");
/** Of a start that gets as far as that. */
const data = await mkdtemp(join(tmpdir(), "postbus-program-"));
after(() => rm(data, { recursive: true }));

/** One row per way to be wrong on the command line; 64 is EX_USAGE, 78 EX_CONFIG (sysexits.h). */
const mistakes: readonly { words: readonly string[]; code: number; says: RegExp; env?: Record<string, string> }[] = [
  { words: ["snd"], code: 64, says: /^postbus: unknown command "snd" \(did you mean send\?\)$/m },
  { words: ["constructor"], code: 64, says: /^postbus: unknown command "constructor"$/m },
  { words: ["help", "nothing"], code: 64, says: /^postbus: unknown command "nothing"$/m },
  { words: ["start", "gatway"], code: 64, says: /^postbus: unknown service "gatway" \(did you mean gateway\?\)$/m },
  { words: ["start", "--verbose"], code: 64, says: /^postbus: Unknown option '--verbose'/m },
  { words: ["start", "-Dlower=1"], code: 64, says: /^postbus: -Dlower=1: must be NAME=value/m },
  { words: ["start", "router"], code: 78, says: /^postbus: NATS_URL: is not set; "router" on its own needs .*\n$/ },
  {
    words: ["start"],
    env: { POSTBUS_CONFG: "x" },
    code: 78,
    says: /^postbus: POSTBUS_CONFG: unknown \(did you mean POSTBUS_CONFIG\?\)\n$/,
  },
  {
    words: ["start", "--config", "/nowhere/postbus.conf"],
    env: { POSTBUS_HTTP: "banana", LOG_LEVEL: "loud" },
    code: 78,
    says: /^(postbus: LOG_LEVEL: "loud" is none of trace, .*\n|postbus: POSTBUS_HTTP: "banana" is not host:port\n){2}postbus: \/nowhere\/postbus\.conf: .*\n$/,
  },
  {
    words: ["start"],
    env: { POSTBUS_MACROS: "SMTP_PORT" },
    code: 78,
    says: /^postbus: POSTBUS_MACROS: "SMTP_PORT" is not NAME=value\n$/m,
  },
  {
    words: ["provision"],
    env: { NATS_URL: "http://127.0.0.1:4222" },
    code: 78,
    says: /^postbus: NATS_URL: "http:\/\/127\.0\.0\.1:4222" is not a server's address like nats:\/\/host:4222\n$/,
  },
  {
    words: ["start", "--config", "/nowhere/postbus.conf"],
    code: 78,
    says: /^postbus: .*\/nowhere\/postbus\.conf.*\n$/,
  },
  {
    words: ["start", "--config", "/nowhere/postbus.conf"],
    env: { POSTBUS_HTTP: "0.0.0.0:8089" },
    code: 78,
    says: /^postbus: POSTBUS_HTTP: 0\.0\.0\.0 can be reached .*\npostbus: \/nowhere\/postbus\.conf: .*\n$/,
  },
  {
    words: ["check", "--config", "/nowhere/postbus.conf"],
    code: 78,
    says: /^postbus: .*\/nowhere\/postbus\.conf.*\n$/,
  },
  { words: ["provision"], code: 78, says: /^postbus: NATS_URL: is not set/m },
  { words: ["send", "--count", "0"], code: 64, says: /^postbus: --count 0: must be a number above 0$/m },
  {
    words: ["send", "--to", "a b@example.test"],
    code: 64,
    says: /^postbus: --to "a b@example\.test": is no address$/m,
  },
  { words: ["send", "--to", ""], code: 64, says: /^postbus: --to "": is no address$/m },
  { words: ["send", "--from", "a@b@example.test"], code: 64, says: /^postbus: --from "a@b@example\.test": is no/m },
  {
    words: ["send", "--to", '"a b"@ex.test', "--to", "Ann <ä@ex.test>", "--to", "root", "--server", "127.0.0.1:1"],
    code: 75,
    says: /ECONNREFUSED/,
  },
  { words: ["send", "--server", "here"], code: 78, says: /^postbus: --server: "here" is not host:port\n$/ },
  { words: ["send", "--file", "a", "--body", "b"], code: 64, says: /^postbus: --file is the whole message/m },
  {
    words: ["send", "--file", "/nowhere/mail"],
    code: 78,
    says: /^postbus: \/nowhere\/mail: no such file or directory\n$/,
  },
  { words: ["send", "--server", "127.0.0.1:1"], code: 75, says: /^postbus: .*ECONNREFUSED 127\.0\.0\.1:1\n$/ },
  { words: ["sink", "--listen", "192.0.2.1:2526"], code: 78, says: /^postbus: 192\.0\.2\.1:2526: this host does not/m },
  { words: ["queue", "explode"], code: 64, says: /^postbus: unknown queue command "explode"/m },
  { words: ["queue", "show"], code: 64, says: /^postbus: queue show: which one\?/m },
  { words: ["queue", "--server", "http://127.0.0.1:1"], code: 75, says: /^postbus: .*127\.0\.0\.1:1.*\n$/ },
  { words: ["reload", "--server", "http://127.0.0.1:1"], code: 75, says: /^postbus: .*127\.0\.0\.1:1.*\n$/ },
  { words: ["reload", "now"], code: 64, says: /^postbus: Unexpected argument 'now'/m },
  { words: ["session"], code: 64, says: /^postbus: --from IP\[:PORT\] says/m },
  { words: ["route", "--config", "/nowhere/x"], code: 78, says: /^postbus: \/nowhere\/x: .*\n$/ },
  { words: ["expand", "-Dlower=1", "x"], code: 64, says: /^postbus: -Dlower=1: must be NAME=value/m },
  { words: ["trace", "abc"], code: 64, says: /^postbus: abc is not a message id$/m },
  { words: ["queue", "now", "abc"], code: 64, says: /^postbus: abc is not a message id$/m },
  { words: ["trace"], code: 64, says: /^postbus: trace: which message\?/m },
];

for (const { words, code, says, env = {} } of mistakes) {
  test(`postbus ${words.join(" ")}: exit code ${code} and a line that says why`, async () => {
    const [command = "", ...args] = words;
    const ended = await runPostbus({ command, args, env: { POSTBUS_DATA: data, ...env } });
    assert.match(ended.errors, says);
    assert.equal(ended.code, code);
  });
}

const COMMANDS = "start check session expand route exim options provision send sink reload queue trace top".split(" ");

test("without words it shows every command", async () => {
  const { code, output } = await runPostbus({ command: "help", args: [] });
  assert.equal(code, 0);
  for (const name of COMMANDS) {
    assert.match(output, new RegExp(`^ {2}postbus ${name} +\\S`, "m"));
  }
});

test("every command explains its options", async () => {
  for (const name of COMMANDS) {
    const { code, output } = await runPostbus({ command: "help", args: [name] });
    assert.equal(code, 0, name);
    assert.match(output, new RegExp(`^postbus ${name} `));
    assert.equal((await runPostbus({ command: name, args: ["--help"] })).output, output);
  }
});

test("bin/postbus works through symbolic links, absolute and relative, from any directory", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "postbus-bin-"));
  t.after(() => rm(directory, { recursive: true }));
  await symlink(join(root, "bin/postbus"), join(directory, "absolute"));
  await symlink("absolute", join(directory, "relative"));
  const { stdout } = await promisify(execFile)(join(directory, "relative"), ["--version"], { cwd: "/" });
  assert.equal(stdout, `postbus ${manifest.version}\n`);
});
