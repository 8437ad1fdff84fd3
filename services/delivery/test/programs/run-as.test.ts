import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type RunAs, runAs } from "../../src/programs/run-as.ts";

const ROOT: RunAs = { uid: 0, gid: 0 };
const US: RunAs = { uid: 1000, gid: 1001 };

const rows: readonly [string, string | undefined, string | undefined, RunAs, RunAs | undefined | RegExp][] = [
  ["nobody says, and we are root", undefined, undefined, ROOT, { uid: 65_534, gid: 65_534 }],
  ["nobody says, and we are not", undefined, undefined, US, undefined],
  ["by numbers", "4711", "4712", ROOT, { uid: 4711, gid: 4712 }],
  ["by names of this machine", "nobody", "daemon", ROOT, { uid: 65_534, gid: 1 }],
  ["a user's own group", "daemon", undefined, ROOT, { uid: 1, gid: 1 }],
  ["a group alone", undefined, "4712", ROOT, { uid: 65_534, gid: 4712 }],
  ["never root", "root", undefined, ROOT, /^User 0 set for t transport is on the never_users list$/],
  ["never root, by its number", "0", "0", ROOT, /^User 0 set for t transport/],
  ["ourselves, by number", "1000", undefined, US, undefined],
  ["ourselves, with our group", "1000", "1001", US, undefined],
  ["somebody else", "1002", undefined, US, /^unable to set gid or uid \(euid=1000\) for the t transport$/],
  ["another group", "1000", "4", US, /^unable to set gid or uid/],
  ["an unknown user", "no-such-user", undefined, ROOT, /^no user "no-such-user" for the t transport$/],
  ["an unknown group", "4711", "no-such-group", ROOT, /^no group "no-such-group" for the t transport$/],
];

describe("as whom a local delivery is made", () => {
  for (const [name, user, group, ours, expected] of rows) {
    test(name, async () => {
      const found = runAs({ user, group }, "t", ours);
      if (expected instanceof RegExp)
        await assert.rejects(found, { name: "LocalError", errno: -29, message: expected });
      else assert.deepEqual(await found, expected);
    });
  }
});
