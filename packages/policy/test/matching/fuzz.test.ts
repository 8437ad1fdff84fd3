import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Tainted } from "../../src/expansion/value.ts";
import { compileList } from "../../src/matching/compile-list.ts";
import type { ListKind } from "../../src/matching/list-kind.ts";
import { countedSteps } from "../expansion/counted-steps.ts";
import { hostilePart, repeated } from "../expansion/hostile-values.ts";

const kinds: readonly ListKind[] = ["domain", "host", "address", "localpart", "string"];

describe("lists and what they are asked about", () => {
  for (const kind of kinds) {
    test(`a ${kind} list, however written, throws nothing but failures of our own`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(hostilePart, { maxLength: 6 }), hostilePart, async (items, subject) => {
          const list = compileList(kind, items.join(" : "));
          await countedSteps((around) => list.match(around, new Tainted(subject)), {});
        }),
        { numRuns: 150, seed: 11 },
      );
    });

    for (const source of ["$acl_m_p", `<, $acl_m_p`, `\${map{$acl_m_p}{*.$item}}`, "+local_domains : $acl_m_p"]) {
      test(`a ${kind} list out of a peer's words takes steps by its length: ${source}`, async () => {
        const list = compileList(kind, source);
        const steps = (text: string): Promise<number> =>
          countedSteps((around) => list.match(around, "q.example"), { acl_m_p: new Tainted(text) });
        await fc.assert(
          fc.asyncProperty(hostilePart, async (part) => {
            const [short, long] = [await steps(repeated(part, 500)), await steps(repeated(part, 2_000))];
            assert.ok(long <= short * 5 + 1_000, `${short} steps, then ${long}`);
          }),
          { numRuns: 15, seed: 4 },
        );
      });
    }

    test(`a subject of a ${kind} list takes steps by its length`, async () => {
      const list = compileList(kind, "a : *.b : ^[^@]*a@?b\\\\$ : !*c");
      const steps = (text: string): Promise<number> =>
        countedSteps((around) => list.match(around, new Tainted(text)), {});
      await fc.assert(
        fc.asyncProperty(hostilePart, async (part) => {
          const [short, long] = [await steps(repeated(part, 500)), await steps(repeated(part, 2_000))];
          assert.ok(long <= short * 5 + 1_000, `${short} steps, then ${long}`);
        }),
        { numRuns: 40, seed: 4 },
      );
    });
  }
});
