import assert from "node:assert/strict";
import { resolve, sep } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { MessageVariables } from "../../../src/carried/message-variables.ts";
import type { AppendfileTransport } from "../../../src/compiled/transports/appendfile-transport.ts";
import { failureText } from "../../../src/expansion/failures.ts";
import { Tainted, textOf, type Value } from "../../../src/expansion/value.ts";
import { readConfiguration } from "../../../src/reader/read-configuration.ts";
import { policyOf } from "../../policy-of.ts";

const message = { messageId: "m", returnPath: "s@x.test", receivedAtMs: 0, reception: { protocol: "esmtp", size: 1 } };
const own = (address: string) => new MessageVariables(message, address);

async function transportOf(options: string): Promise<AppendfileTransport> {
  const text = `begin transports\nt:\n driver = appendfile\n${options}\n`;
  const transport = await policyOf(text).transport("t").at(own, "ann@a.test");
  assert.ok(transport.driver === "appendfile");
  return transport;
}

async function directoryOf(directory: string, address: string): Promise<Value | undefined> {
  return (await transportOf(` maildir_format\n directory = ${directory}`)).expand("directory", address);
}

const MAILBOX = "/m/${file_name:$domain}/${file_name:$local_part}";
const fails = (err: unknown): boolean => failureText(err) !== undefined;

describe("the directory of a Maildir", () => {
  const cases = [
    { address: "ann@a.test", want: "/m/a.test/ann" },
    { address: "Ann@A.Test", want: "/m/a.test/ann" },
    { address: "...@a.test", want: "/m/a.test/..." },
    { address: "ann+news@a.test", want: "/m/a.test/ann+news" },
  ];
  for (const { address, want } of cases)
    test(address, async () => assert.equal(await directoryOf(MAILBOX, address), want));

  for (const address of [".@a.test", "..@a.test", "a/b@a.test", "a\0@a.test", "a\n@a.test", "ann@..", "a\\b@a.test"]) {
    test(`${JSON.stringify(address)} has none`, () => assert.rejects(directoryOf(MAILBOX, address), fails));
  }
  test("is known to be a peer's word", async () =>
    assert.ok((await directoryOf("/m/$local_part", "ann@a.test")) instanceof Tainted));

  test("whatever the address, it is two levels below the base or there is none", async () => {
    const part = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("..", ".", "/", '"..\\/"', "\0", "a/../.."));
    await fc.assert(
      fc.asyncProperty(part, part, async (local, domain) => {
        try {
          const path = await directoryOf(MAILBOX, `${local}@${domain}`);
          assert.ok(typeof path === "string");
          assert.equal(resolve(path), path);
          assert.equal(path.split(sep).length, 4);
        } catch (err) {
          if (!fails(err)) throw err;
        }
      }),
    );
  });
});

describe("what stands around a message", () => {
  const rows = [
    {
      options: " file = /m/x",
      prefix: /^From s@x\.test \w{3} \w{3} \d\d [0-9:]{8} \d{4}\n$/,
      suffix: "\n",
      escaped: { from: "From ", to: ">From " },
    },
    { options: " file = /m/x\n message_prefix =\n check_string =", prefix: /^$/, suffix: "\n", escaped: undefined },
    { options: " directory = /m/x", prefix: /^unset$/, suffix: undefined, escaped: undefined },
    {
      options: " file = /m/x\n use_bsmtp",
      prefix: /^unset$/,
      suffix: undefined,
      escaped: { from: ".", to: ".." },
    },
    // As with Exim: of a directory that a redirect list names, only the option for directories would tell.
    {
      options: "",
      prefix: /^From s@x\.test \w{3} \w{3} \d\d [0-9:]{8} \d{4}\n$/,
      suffix: "\n",
      escaped: { from: "From ", to: ">From " },
    },
  ];
  for (const { options, prefix, suffix, escaped } of rows) {
    test(options.trim().replaceAll("\n", ";") || "nothing is set", async () => {
      const transport = await transportOf(options);
      const begins = await transport.expand("message_prefix", "ann@a.test");
      assert.match(begins === undefined ? "unset" : textOf(begins), prefix);
      assert.equal(await transport.expand("message_suffix", "ann@a.test"), suffix);
      assert.deepEqual(transport.settings.escaped, escaped);
    });
  }
});

/** What is wrong with a transport, by reader or compiler. */
function problemsOf(options: string): string {
  const text = `begin transports\nt:\n driver = appendfile\n${options}\n`;
  const { problems } = readConfiguration({
    file: "p.conf",
    macros: new Map(),
    readFile: (path) => (path === "p.conf" ? Buffer.from(text) : undefined),
  });
  const found = problems.map((problem) => problem.text);
  try {
    policyOf(text);
  } catch (err) {
    found.push(String(err));
  }
  return found.join("\n");
}

describe("is refused at load", () => {
  const rows = [
    { options: " file = /m/x\n use_lockfile = false", problem: /the lock file is the only lock there is here/ },
    { options: " file = /m/x\n use_flock_lock", problem: /there are no flock\(\) locks here/ },
    { options: " directory = /m/x\n maildir_format\n quota_size_regex = (", problem: /quota_size_regex/ },
    { options: " file = /m/x\n maildir_format", problem: /a file is no maildir/ },
    { options: " directory = /m/x\n quota_filecount = 3", problem: /quota must be set if quota_filecount is set/ },
    { options: " file = /m/x\n quota_directory = /m", problem: /quota_directory must not be set without "directory"/ },
  ];
  for (const { options, problem } of rows) {
    test(options.trim().replaceAll("\n", ";"), () => assert.match(problemsOf(options), problem));
  }
  test("a directory needs no lock", async () =>
    assert.ok(await transportOf(" directory = /m/x\n use_lockfile = false")));
});

describe("a delivery takes along", () => {
  const NAMES = ["address_file", "home", "local_part_data", "domain"];
  const rows = [
    { options: " directory = /m/x\n maildir_format", want: undefined },
    { options: " directory = /m/$local_part_data\n maildir_format", want: ["local_part_data"] },
    { options: " file = /m/x\n create_file = belowhome\n message_prefix =", want: ["home"] },
    { options: " message_prefix =", want: ["address_file"] },
    { options: " directory = /m/x\n maildir_format\n headers_add = X: $domain", want: ["domain"] },
  ];
  for (const { options, want } of rows) {
    test(options.trim().replaceAll("\n", ";"), () => {
      const { variables: isNamed } = policyOf(`begin transports\nt:\n driver = appendfile\n${options}\n`).transport(
        "t",
      );
      assert.deepEqual(isNamed && NAMES.filter((name) => isNamed(name)), want);
    });
  }
});
