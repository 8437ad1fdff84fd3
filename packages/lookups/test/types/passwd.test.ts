import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { findUser } from "../../src/types/passwd.ts";

const FILE = `root:x:0:0:root:/root:/bin/bash
# none
+:::
ann:x:1001:100:Ann A,,,:/home/ann:
ann:x:1002:100:later:/home/later:/bin/sh
bad:x:one:100::/:/bin/sh
short:x:7:8
`;

/** Source of the data: `exim -be` (4.96, 4.100) for the first ones. */
const rows: [user: string, data: string | undefined][] = [
  ["root", "*:0:0:root:/root:/bin/bash"],
  ["ROOT", undefined],
  ["root:x", undefined],
  ["0", undefined],
  ["-1", undefined],
  ["nosuch", undefined],
  ["ann", "*:1001:100:Ann A,,,:/home/ann:"],
  ["bad", undefined],
  ["+", undefined],
  ["# none", undefined],
  ["", undefined],
  ["short", "*:7:8:::"],
];

let directory = "";
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "postbus-passwd-"));
  await writeFile(join(directory, "passwd"), FILE);
});
after(() => rm(directory, { recursive: true }));

for (const [user, data] of rows) {
  test(`${JSON.stringify(user)} is ${data ?? "nobody"}`, async () => {
    assert.equal((await findUser(user, join(directory, "passwd")))?.data, data);
  });
}

test("a file that cannot be read is a deferral", async () => {
  await assert.rejects(findUser("root", join(directory, "none")), {
    name: "LookupDefer",
    reason: `failed to open ${directory}/none: No such file or directory`,
  });
});
