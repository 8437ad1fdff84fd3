import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { compileExpansion } from "../../src/expansion/compile-expansion.ts";
import type { Headers } from "../../src/expansion/evaluation.ts";
import { operators } from "../../src/expansion/operators/index.ts";
import { Tainted } from "../../src/expansion/value.ts";
import { countedSteps } from "./counted-steps.ts";
import { hostilePart, repeated } from "./hostile-values.ts";

/** As a policy uses what a peer sends, in `$acl_m_p`. */
const expressions = [
  ...[...operators.keys()].map((name) => `\${${name}:$acl_m_p}`),
  `\${map{$acl_m_p}{x\${lc:$item}}}`,
  `\${filter{$acl_m_p}{match{$item}{^a+b?\\$}}}`,
  `\${reduce{$acl_m_p}{0}{\${eval10:1+$value}}}`,
  `\${sort{$acl_m_p}{lt}{$item}}`,
  `\${listextract{-2}{$acl_m_p}}`,
  `\${extract{2}{:,}{$acl_m_p}}`,
  `\${extract{zz}{$acl_m_p}}`,
  `\${extract json{zz}{$acl_m_p}}`,
  `\${extract jsons{99999}{$acl_m_p}}`,
  `\${sg{$acl_m_p}{(.)x?}{<\\$1>}}`,
  `\${tr{$acl_m_p}{a:}{b;}}`,
  `\${hmac{sha256}{k}{$acl_m_p}}`,
  `\${imapfolder{$acl_m_p}}`,
  `\${prvscheck{$acl_m_p}{k}}`,
  `\${srs_encode{k}{$acl_m_p}{x.example}}`,
  `\${if inbound_srs{$acl_m_p}{k}{y}{n}}`,
  `\${if match{$acl_m_p}{\\N^[^:]*:(.*)$\\N}{$1}{n}}`,
  `\${if match_address{$acl_m_p}{a@b:*@c:^.*d@:*x@*.y}{y}{n}}`,
  `\${if match_domain{$acl_m_p}{+local_domains:*.a}{y}{n}}`,
  `\${if match_ip{$acl_m_p}{10.0.0.0/8}{y}{n}}`,
  `\${if inlisti{q}{$acl_m_p}{y}{n}}`,
  `\${if forany{$acl_m_p}{eq{$item}{q}}{y}{n}}`,
  `\${if forall_json{$acl_m_p}{!eq{$item}{q}}{y}{n}}`,
  `\${if >{$acl_m_p}{1}{y}{n}}`,
  `\${if bool{$acl_m_p}{y}{n}}`,
  "$h_x:$rh_x:$bh_x:$lh_x:",
] as const;

describe("values of a peer in ordinary expressions", () => {
  for (const source of expressions) {
    test(`only failures of our own, and four times the value at most five times the steps: ${source}`, async () => {
      const expansion = compileExpansion(source);
      const steps = (text: string): Promise<number> => {
        const headers: Headers = { occurrences: () => [` ${text}\n`] };
        return countedSteps((around) => expansion.run(around), { acl_m_p: new Tainted(text) }, { headers });
      };
      await fc.assert(
        fc.asyncProperty(hostilePart, async (part) => {
          const [short, long] = [await steps(repeated(part, 500)), await steps(repeated(part, 2_000))];
          assert.ok(long <= short * 5 + 1_000, `${short} steps, then ${long}`);
        }),
        { numRuns: 12, seed: 3 },
      );
    });
  }
});
