import { describe, type TestContext } from "node:test";
import type { Bus } from "../src/index.ts";
import { contentContract } from "./contract/content.ts";
import { eventLogContract } from "./contract/event-log.ts";
import { keyValueContract } from "./contract/key-value.ts";
import { outcomeContract } from "./contract/outcome.ts";
import { reopenContract } from "./contract/reopen.ts";
import { requestReplyContract } from "./contract/request-reply.ts";
import { waitingContract } from "./contract/waiting.ts";
import { workContract } from "./contract/work.ts";

export interface Opened {
  readonly bus: Bus;
  /** Closes the bus and opens it on the same storage; absent where that is not possible. */
  reopen?(): Promise<Bus>;
}

/**
 * A bus with nothing on it, closed by the opener after the test (`t.after`). Pauses after a handler's failure should be
 * milliseconds, since the tests wait for them.
 */
export type Open = (t: TestContext) => Promise<Opened>;

/** What every driver promises: the sentences of `Bus`, as tests. */
export function busContract(name: string, open: Open): void {
  describe(`the ${name} bus`, () => {
    describe("work", () => workContract(open));
    describe("outcomes", () => outcomeContract(open));
    describe("content", () => contentContract(open));
    describe("waiting items", () => waitingContract(open));
    describe("questions", () => requestReplyContract(open));
    describe("key-value", () => keyValueContract(open));
    describe("events", () => eventLogContract(open));
    describe("a later process", () => reopenContract(open));
  });
}
