import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { globSync } from "node:fs";
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { program } from "@postbus/testkit";
import { expressionNotices } from "../../src/compiled/expression-notices.ts";
import { readText } from "./read-text.ts";

const run = promisify(execFile);

/** Where `fetch-servers.sh` unpacks Debian's packages, which it also keeps; none if they were not fetched. */
const servers = ["exim-4.100", "exim-4.98", "exim-4.96"]
  .map((name) => program(name))
  .find((path) => path !== undefined);
const fetched = servers === undefined ? "/nowhere" : dirname(dirname(servers));
const packages = globSync(join(fetched, "apt/*/archives/exim4-base_*.deb"));
const roots = globSync(join(fetched, "root/*/etc/exim4/conf.d")).map((path) => dirname(dirname(dirname(path))));
const skip = (found: readonly string[]) =>
  found.length === 0 ? "SKIPPED: Debian's exim4 packages are not there" : false;

/** The answers to the package's questions; the file it keeps them in. */
const answers = (type: string, isSplit: boolean): string => `
dc_eximconfig_configtype='${type}'
dc_other_hostnames='mx.test.ex'
dc_local_interfaces='127.0.0.1 ; ::1'
dc_readhost='test.ex'
dc_relay_domains='relay.test'
dc_minimaldns='false'
dc_relay_nets='10.0.0.0/8'
dc_smarthost='smart.test::587'
CFILEMODE='644'
dc_use_split_config='${isSplit}'
dc_hide_mailname='true'
dc_mailname_in_oh='true'
dc_localdelivery='maildir_home'
`;

/** Accounts that these configurations name. */
const files = { "/etc/passwd": "mail:x:8:8::/:/bin/sh\n", "/etc/group": "mail:x:8:\n" };

/** What Debian's own program makes of its parts and those answers. */
async function generated(root: string, type: string, isSplit: boolean): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "postbus-debian-"));
  try {
    const parts = join(directory, "exim4");
    await cp(join(root, "etc/exim4"), parts, { recursive: true });
    await writeFile(join(parts, "update-exim4.conf.conf"), answers(type, isSplit));
    // It gives the file to a group that this machine may not have.
    const bin = join(directory, "bin");
    await mkdir(bin);
    await writeFile(join(bin, "chown"), "#!/bin/sh\n");
    await chmod(join(bin, "chown"), 0o755);
    const output = join(directory, "exim.conf");
    await run("bash", [join(root, "usr/sbin/update-exim4.conf"), "--confdir", parts, "--output", output], {
      env: { ...process.env, PATH: `${bin}:${process.env["PATH"]}` },
    });
    return await readFile(output, "latin1");
  } finally {
    await rm(directory, { recursive: true });
  }
}

describe("Debian's configuration loads without an error", { skip: skip(roots) }, () => {
  for (const root of roots) {
    for (const [type, isSplit] of [
      ["internet", true],
      ["smarthost", false],
    ] as const) {
      test(`${basename(root)}, ${type}, ${isSplit ? "split" : "one file"}`, async () => {
        const { of, configuration } = readText({ text: await generated(root, type, isSplit), files });
        assert.deepEqual([...of("error"), ...of("machine"), ...expressionNotices(configuration)], []);
        assert.equal(configuration.main.get("acl_smtp_rcpt"), "acl_check_rcpt");
        assert.ok(configuration.acls.size >= 3);
        assert.ok(configuration.routers.length >= 5);
        assert.ok(configuration.transports.size >= 8);
      });
    }
  }
});

describe("Exim's example configuration loads without an error", { skip: skip(packages) }, () => {
  for (const file of packages) {
    test(basename(file), async () => {
      const { stdout } = await run(
        "sh",
        ["-c", 'dpkg-deb --fsys-tarfile "$1" | tar -xO ./usr/share/doc/exim4-base/examples/example.conf', "sh", file],
        { encoding: "latin1" },
      );
      const { of, configuration } = readText({ text: stdout, files });
      assert.deepEqual([...of("error"), ...of("machine"), ...expressionNotices(configuration)], []);
      assert.deepEqual([...configuration.acls.keys()], ["acl_check_rcpt", "acl_check_prdr", "acl_check_data"]);
      assert.deepEqual(
        configuration.routers.map(({ name }) => name),
        ["dnslookup", "system_aliases", "userforward", "localuser"],
      );
      assert.equal(configuration.retry.length, 1);
    });
  }
});
