import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AttemptResult } from "@postbus/queue";
import { withSignatures } from "../../src/smtp/signed-hosts.ts";

const at = (host: string, hostAddress: string): AttemptResult => ({ outcome: "delivered", host, hostAddress });

describe("hosts that the DNS vouches for", () => {
  const results = [at("mx1.b.test", "192.0.2.1"), at("mx2.b.test", "192.0.2.2"), at("mx1.b.test", "192.0.2.3")];
  const item = { hosts: ["mx1.b.test", "mx2.b.test::587"], hostAddresses: ["192.0.2.1", "192.0.2.2"] };
  const rows: readonly [name: string, signed: boolean[] | undefined, marked: readonly boolean[]][] = [
    ["nobody wants to know", undefined, [false, false, false]],
    ["the first", [true, false], [true, false, false]],
    ["both, and none by another address", [true, true], [true, true, false]],
  ];
  for (const [name, signedHosts, marked] of rows) {
    test(name, () => {
      const told = withSignatures(results, { ...item, ...(signedHosts === undefined ? {} : { signedHosts }) });
      assert.deepEqual(
        told.map(({ isHostSigned = false }) => isHostSigned),
        marked,
      );
    });
  }
});
