import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compilePolicy } from "../../src/compile-policy.ts";
import { checkConfiguration } from "../../src/reader/check-configuration.ts";

const process = { hostname: "mx.test", localAddresses: [], environment: {} };

function policyOf(text: string) {
  const file = "/etc/postbus.conf";
  const { configuration, faults } = checkConfiguration({ file, readFile: () => Buffer.from(text), portable: true });
  if (configuration === undefined) throw new Error(faults.join("\n"));
  return compilePolicy({ configuration, file, process, programVersion: "4.100" });
}

describe("log_selector", () => {
  /** Exim's manual, "Reducing or increasing what is logged". */
  const cases = [
    { selector: "", on: ["msg_id", "tls_cipher", "size_reject", "lost_incoming_connection"], off: ["pid", "subject"] },
    { selector: "+subject -msg_id", on: ["subject", "tls_cipher"], off: ["msg_id"] },
    { selector: "+all", on: ["pid", "msg_id", "8bitmime", "smtp_connection"], off: ["all"] },
    { selector: "+all -pid", on: ["millisec"], off: ["pid"] },
    { selector: "-all +pid", on: ["pid"], off: ["msg_id", "tls_cipher"] },
    { selector: "-pid+pid", on: ["pid"], off: [] },
    { selector: "-rejected_headers", on: [], off: ["rejected_header"] },
  ];
  for (const { selector, on, off } of cases) {
    test(`"${selector}"`, () => {
      const { selectors } = policyOf(`log_selector = ${selector}\n`).log;
      assert.deepEqual(
        on.filter((name) => !selectors.has(name)),
        [],
      );
      assert.deepEqual(
        off.filter((name) => selectors.has(name)),
        [],
      );
    });
  }

  test("nothing more is found out of deliveries, unless something of the kind is selected", () => {
    assert.equal(policyOf("log_selector = +subject\n").log.ofDeliveries, undefined);
    assert.equal(policyOf("log_selector = +deliver_time\n").log.ofDeliveries?.has("deliver_time"), true);
  });
});

describe("log_file_path", () => {
  test("is expanded", async () => {
    const { filePath } = policyOf("log_file_path = /var/log/${lc:EXIM}/%slog-%D\n").log;
    assert.equal(await filePath?.(), "/var/log/exim/%slog-%D");
    assert.equal(policyOf("").log.filePath, undefined);
    assert.equal(await policyOf("log_file_path =\n").log.filePath?.(), undefined);
  });

  const wrong = [
    { text: "syslog", problem: /log_file_path: syslog is not available/ },
    { text: "/var/log/%slog : syslog", problem: /syslog is not available/ },
    { text: "/var/log/mail", problem: /an absolute path with "%s" is expected, not "\/var\/log\/mail"/ },
    { text: "log/%slog", problem: /an absolute path/ },
    { text: "/a/%slog : /b/%slog", problem: /one path is expected/ },
  ];
  for (const { text, problem } of wrong) {
    test(`"${text}" is an error`, () => assert.throws(() => policyOf(`log_file_path = ${text}\n`), problem));
  }
});

test("which deliveries show the mailbox, and which are not logged at all", () => {
  const { log } = policyOf(`
begin routers
quiet:
  driver = accept
  domains = quiet.test
  disable_logging
  transport = box
local:
  driver = accept
  domains = local.test
  transport = box
plain:
  driver = accept
  domains = plain.test
  log_as_local = false
  transport = box
away:
  driver = accept
  transport = out
begin transports
box:
  driver = appendfile
  directory = /var/mail/box
  maildir_format
out:
  driver = smtp
  hosts = 192.0.2.1
`);
  assert.deepEqual(
    [
      log.isAsLocal("local", "box"),
      log.isAsLocal("plain", "box"),
      log.isAsLocal("away", "out"),
      log.isAsLocal("gone", "box"),
    ],
    [true, false, false, false],
  );
  assert.deepEqual([log.isSilent("quiet", "box"), log.isSilent("local", "box")], [true, false]);
});
