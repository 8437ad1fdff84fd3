import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Site } from "./site.ts";

/** Refusals of a policy that is correct: a later part will carry it out. */
const NOT_YET = /(delivery does not carry out this option|not carried out|not available) yet/;

/** One of the numbered examples of the feature documents. */
export interface Example {
  /** The whole configuration. */
  readonly config: string;
  /** What it does, beyond that it is read. */
  readonly shows?: (site: Site, t: TestContext) => void | Promise<void>;
  /** What it does not do yet. */
  readonly pending?: string | readonly string[];
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
    for (const behaviour of [pending].flat()) await t.test(behaviour, { todo: "not carried out yet" });
  });
}
