import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { runPostbus } from "@postbus/testkit";

const directory = await mkdtemp(join(tmpdir(), "postbus-expand-"));
after(() => rm(directory, { recursive: true }));

const expand = (args: readonly string[], input = "") => runPostbus({ command: "expand", args, input });

test("strings of the command line, under the policy and the macros that are named; octets stay octets", async () => {
  const file = join(directory, "my.conf");
  await writeFile(file, "SITE = a.test\nprimary_hostname = mx.SITE\ndomainlist local_domains = SITE\n");
  const words = ["$primary_hostname", "$" + "{if match_domain{b.test}{+local_domains}{yes}{no}}", "ü"];
  const { code, output } = await expand(["--config", file, "-DSITE=b.test", ...words]);
  assert.equal(output, "mx.b.test\nyes\nü\n");
  assert.equal(code, 0);
});

test("without a policy it is an empty one; lines of standard input, some of them continued; a failure is a result", async () => {
  const input = "$" + "{uc:ab\\\n  cd}\n\nNAME = x\n<NAME>\n$" + "{nosuch:a}\n";
  const { code, output } = await expand([], input);
  assert.match(output, /^ABCD\n(?:.*\n)?<x>\nFailed: .*nosuch.*\n$/);
  assert.equal(code, 0);
});
