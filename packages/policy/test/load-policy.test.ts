import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { ConfigError } from "@postbus/mail";
import { program } from "@postbus/testkit";
import { defaultPolicyFile, loadPolicy } from "../src/load-policy.ts";

test("the file that comes with the program is sound, and listens on this machine only", async () => {
  const policy = await loadPolicy({ macros: "SMTP_PORT=0\n", data: "/data" });
  assert.deepEqual(policy.smtp.ports, [0]);
  assert.deepEqual(policy.smtp.interfaces, ["127.0.0.1", "::1"]);
  assert.partialDeepStrictEqual(policy.transport("smarthost_smtp"), { hosts: ["127.0.0.1::2526"] });
  const maildir = policy.transport("maildir");
  assert.equal(maildir.driver === "appendfile" && maildir.directory("a@localhost"), "/data/mail/localhost/a");
  assert.deepEqual(
    policy.notices.filter((notice) => !notice.includes("primary_hostname")),
    [],
  );
});

for (const version of ["4.96", "4.98", "4.100"]) {
  const exim = await program(`exim-${version}`);
  const skip = exim === undefined ? { skip: `exim-${version} is not here: not tried with it` } : {};
  test(`Exim ${version} reads the file as we do`, skip, () => {
    assert.ok(exim !== undefined);
    const args = ["-C", defaultPolicyFile, "-bP", "local_interfaces", "daemon_smtp_ports", "recipients_max"];
    const printed = execFileSync(exim, args, { encoding: "utf8" });
    assert.equal(printed, "local_interfaces = <; 127.0.0.1 ; ::1\ndaemon_smtp_ports = 2525\nrecipients_max = 5000\n");
  });
}

test("a file that is not there is an error of the configuration", async () => {
  await assert.rejects(
    loadPolicy({ file: "/nowhere/x.conf" }),
    (err) => err instanceof ConfigError && /^\/nowhere\/x\.conf: /.test(err.message),
  );
});
