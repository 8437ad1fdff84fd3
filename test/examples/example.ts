import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Site } from "./site.ts";

/** The parts of Postbus that are still to come, by the letters of their issues. */
const PARTS = {
  C: "comes with the SMTP edge (C)",
  D: "comes with routing, delivery and the queue (D)",
  E: "comes with verifier and scanner (E)",
  F: "comes with what protects mail on its way out (F)",
} as const;

/** Refusals of a policy that is correct: a later part will carry it out. */
const NOT_YET = /(delivery does not carry out this option|not carried out|not available) yet/;

/** What cannot be seen today, as a test that waits for its part. */
export interface Pending {
  readonly part: keyof typeof PARTS;
  readonly behaviour: string;
}

/** One of the numbered examples of the feature documents. */
export interface Example {
  /** The whole configuration. */
  readonly config: string;
  /** What can be seen today, beyond that it is read. */
  readonly shows?: (site: Site, t: TestContext) => void | Promise<void>;
  readonly pending?: Pending | readonly Pending[];
}

/** A test that has the example's number: it is read as it is written, does what it is for, and what has to wait is named. */
export function example(number: `${number}.${number}`, title: string, { config, shows, pending = [] }: Example): void {
  test(`${number} ${title}`, async (t) => {
    let site: Site | undefined;
    await t.test("is read as written", async () => {
      site = new Site(config);
      assert.deepEqual(
        (await site.refusals()).filter((line) => !NOT_YET.test(line)),
        [],
      );
    });
    if (site === undefined) return;
    const read = site;
    if (shows !== undefined) await t.test("does what it is for", (inner) => shows(read, inner));
    for (const { part, behaviour } of [pending].flat() as readonly Pending[]) {
      await t.test(behaviour, { todo: PARTS[part] });
    }
  });
}
