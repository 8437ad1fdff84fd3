import assert from "node:assert/strict";
import { test } from "node:test";
import { Acls } from "../../src/acl/acls.ts";
import { formatProblem } from "../../src/reader/problem.ts";
import { readConfiguration } from "../../src/reader/read-configuration.ts";

const text = `begin acl
a:
  warn spf = fail
  warn malware = *
  warn verify = arc/pass
  warn verify = csa
  warn condition = \${nosuch:x}
  warn ratelimit = x / 1h
  warn control = freeze/x
  warn message = \${if
`;

test("what can only fail is known at load", () => {
  const { configuration } = readConfiguration({ file: "/policy", readFile: () => Buffer.from(text) });
  assert.deepEqual(new Acls(configuration, new Set()).problems.map(formatProblem), [
    '/policy:7: unknown expansion operator "nosuch"',
    '/policy:8: error in arguments to "ratelimit" condition: malformed limit: "x / 1h"',
    '/policy:10: message: condition name expected, but found ""',
    "/policy:3: spf: there is nobody who could tell: the verifier does not do it",
    "/policy:4: malware: no av_scanner is set",
    "/policy:5: verify: there is nobody who could tell: the verifier does not do it",
    "/policy:6: verify = csa is not available: nobody publishes such records",
  ]);
});
