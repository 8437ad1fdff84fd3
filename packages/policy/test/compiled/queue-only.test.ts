import assert from "node:assert/strict";
import { loadavg } from "node:os";
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

describe("whether new mail is only kept for now", () => {
  test("nobody is asked where no option is set", () => {
    assert.equal(policyOf("queue_only_override = false\n").waitsAtFirst, undefined);
    assert.equal(policyOf("queue_only = false\n").waitsAtFirst, undefined);
  });

  const busy = (loadavg()[0] ?? 0) + 1_000;
  const cases: readonly (readonly [string, RegExp | undefined])[] = [
    ["queue_only", /^$/],
    [`queue_only_file = /nonexistent:${import.meta.filename}`, /^$/],
    ["queue_only_file = /nonexistent", undefined],
    ["queue_only_load = -1", /^load average \d+\.\d\d$/],
    [`queue_only_load = ${busy.toFixed(1)}`, undefined],
  ];
  for (const [option, expected] of cases) {
    test(option.replace(import.meta.filename, "a file that is there"), async () => {
      const why = await policyOf(`${option}\n`).waitsAtFirst?.();
      if (expected === undefined) assert.equal(why, undefined);
      else assert.match(why ?? "not kept", expected);
    });
  }

  test("what would route mail and not deliver it is refused", () => {
    assert.throws(() => policyOf("queue_only_file = smtp/etc/hold\n"), /queue_only_file: with smtp before it/);
    assert.throws(
      () => policyOf("queue_smtp_domains = *.test\n"),
      /queue_smtp_domains: not available: .*queue_domains/,
    );
  });

  test("who is told of frozen messages, and how long queued mail waits", () => {
    const { queue } = policyOf("freeze_tell = a@b.test : c@d.test\nqueue_run_interval = 5m\n");
    assert.deepEqual(queue.freezeTell, ["a@b.test", "c@d.test"]);
    assert.equal(queue.queueRunIntervalMs, 300_000);
    assert.deepEqual(policyOf("").queue.freezeTell, []);
  });
});
