import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Msg, MsgHdrs } from "@nats-io/nats-core";
import { BusUnavailableError } from "../../src/index.ts";
import { BundleCommitter } from "../../src/nats/bundle-committer.ts";
import type { PublisherOptions } from "../../src/nats/committer.ts";
import { type Link, ReplyLostError } from "../../src/nats/link.ts";
import type { Message } from "../../src/nats/send-until-known.ts";

/** What becomes of one try: whether the server gets it, and whether its answer gets back; or the server refuses. */
type Fate = "fine" | "lost on the way" | "answer lost" | "refused" | "nobody there";

/** A server that keeps ids, behind a connection that does as it is told; whatever comes after the list is fine. */
class Wire {
  readonly stored = new Map<string, Uint8Array>();
  readonly #fates: Fate[];
  readonly connection = { info: { max_payload: 1024 ** 2 } };
  isClosed = false;
  /** Nothing gets through, and nobody hears of it. */
  isAway = false;
  /** Whatever is sent is stored, and no answer comes. */
  isMute = false;
  answersPings = true;
  /** How often it was asked whether there is a server: that is done when the budget is spent. */
  pings = 0;
  /** How long the connection was waited for, each time. */
  readonly patienceMs: number[] = [];

  constructor(...fates: Fate[]) {
    this.#fates = fates;
  }

  tooLarge(): undefined {
    return undefined;
  }

  onProblem(): void {}

  async isBack(leftMs: number): Promise<boolean> {
    this.patienceMs.push(leftMs);
    await new Promise((resolve) => setTimeout(resolve, this.isAway ? leftMs : 1));
    return !this.isAway;
  }

  async answers(): Promise<boolean> {
    this.pings++;
    return this.answersPings && !this.isAway;
  }

  async request(_subject: string, data: Uint8Array, headers?: MsgHdrs): Promise<Msg> {
    const fate = this.isAway ? "lost on the way" : (this.#fates.shift() ?? "fine");
    if (fate === "nobody there") throw new ReplyLostError(fate, { mayBeDone: false });
    if (fate === "lost on the way") throw new ReplyLostError(fate, { mayBeDone: true });
    if (fate === "refused") return answer({ error: { err_code: 10023, description: "insufficient resources" } });
    const id = headers?.get("Nats-Msg-Id") ?? "";
    const isDuplicate = this.stored.has(id);
    if (!isDuplicate) this.stored.set(id, data);
    if (fate === "answer lost" || this.isMute) throw new ReplyLostError(fate, { mayBeDone: true });
    return answer({ seq: this.stored.size, ...(isDuplicate && { duplicate: true }) });
  }

  /** Items that consumers would get. */
  get items(): string[] {
    return [...this.stored.values()].flatMap(
      (data) =>
        Buffer.from(data)
          .toString("latin1")
          .match(/item\d+/g) ?? [],
    );
  }
}

const answer = (what: object) => ({ data: Buffer.from(JSON.stringify(what)) }) as unknown as Msg;

const committer = (wire: Wire, options: PublisherOptions = {}) =>
  new BundleCommitter(wire as unknown as Link, "", "route", options);

const message = (n: number): Message => ({
  subject: `mail.route.0.m${n}.i${n}`,
  id: `i${n}`,
  payload: Buffer.from(`item${n}`),
});

const publishAll = (to: BundleCommitter, count: number) =>
  Promise.allSettled(Array.from({ length: count }, (_, n) => to.publish(message(n))));

/** The budget is over, and it goes on. */
async function spent(wire: Wire): Promise<void> {
  for (const endsAtMs = performance.now() + 60_000; wire.pings < 2; ) {
    assert.ok(performance.now() < endsAtMs, "nobody asks whether there is a server");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

const outcomes = (results: readonly PromiseSettledResult<unknown>[]): string[] => [
  ...new Set(results.map((result) => (result.status === "fulfilled" ? "stored" : result.reason.name))),
];

describe("of what a handler returned", () => {
  const rows: readonly { name: string; fates: readonly Fate[]; outcome: string; stored: number }[] = [
    { name: "an answer", fates: [], outcome: "stored", stored: 5 },
    { name: "the answer lost", fates: ["answer lost"], outcome: "stored", stored: 5 },
    { name: "the bundle lost", fates: ["lost on the way"], outcome: "BusUnavailableError", stored: 0 },
    {
      name: "the bundle lost, and the answer to the question what became of it",
      fates: ["lost on the way", "answer lost"],
      outcome: "BusUnavailableError",
      stored: 0,
    },
    {
      name: "the answer lost, and the question",
      fates: ["answer lost", "lost on the way"],
      outcome: "BusUnavailableError",
      stored: 5,
    },
    { name: "refused: each goes on its own", fates: ["refused"], outcome: "stored", stored: 5 },
  ];
  for (const { name, fates, outcome, stored } of rows) {
    test(name, async () => {
      const wire = new Wire(...fates);
      assert.deepEqual(outcomes(await publishAll(committer(wire), 5)), [outcome]);
      assert.equal(wire.items.length, stored);
    });
  }
});

describe("at the edge", () => {
  test("a bundle whose answer is lost is sent again under its id", async () => {
    const wire = new Wire("answer lost", "answer lost");
    assert.deepEqual(outcomes(await publishAll(committer(wire, { onUnknown: () => assert.fail("given up") }), 5)), [
      "stored",
    ]);
    assert.equal(wire.items.length, 5);
  });

  test("refused after a try without an answer: nobody goes on his own; given up, it is cancelled", async () => {
    const wire = new Wire("answer lost", ...Array<Fate>(10_000).fill("refused"));
    const cancelled: string[] = [];
    const options = { budgetMs: 500, onUnknown: ({ id = "" }: Message) => cancelled.push(id) };
    const published = publishAll(committer(wire, options), 5);
    await spent(wire);
    wire.isAway = true;
    assert.deepEqual(outcomes(await published), ["BusUnavailableError"]);
    assert.deepEqual(cancelled, [...wire.stored.keys()]);
    assert.equal(wire.stored.size, 1);
  });

  test("while there is a server to ask, it is asked beyond the budget, and who waits behind waits with it", async () => {
    const wire = new Wire();
    wire.isMute = true;
    const edge = committer(wire, { budgetMs: 100, onUnknown: () => assert.fail("given up") });
    const published = publishAll(edge, 5);
    const behind = edge.publish(message(5));
    await spent(wire);
    wire.isMute = false;
    assert.deepEqual(outcomes(await published), ["stored"]);
    await behind;
    assert.equal(wire.items.length, 6);
  });

  test("what has reached nobody is given up when there is no server, and there is nothing to be cancelled", async () => {
    for (const count of [5, 1]) {
      const wire = new Wire(...Array<Fate>(10_000).fill("nobody there"));
      const edge = committer(wire, { budgetMs: 100, onUnknown: () => assert.fail("cancelled") });
      const published = publishAll(edge, count);
      const behind = publishAll(edge, 1);
      await spent(wire);
      wire.answersPings = false;
      assert.deepEqual(outcomes([...(await published), ...(await behind)]), ["BusUnavailableError"]);
      assert.equal(wire.stored.size, 0);
    }
  });

  test("after an outage that was longer than the budget everybody is told, and publishing goes on", async () => {
    const wire = new Wire();
    wire.isAway = true;
    const edge = committer(wire, { budgetMs: 200, onUnknown: () => {} });
    const results = await publishAll(edge, 300);
    assert.ok(results.every((result) => result.status === "rejected" && result.reason instanceof BusUnavailableError));
    wire.isAway = false;
    await edge.publish(message(1_000));
    assert.deepEqual(wire.items, ["item1000"]);
  });

  test("who waits while another is tried has no more time for that", async () => {
    const wire = new Wire();
    wire.isAway = true;
    // Long enough that the second comes before the first gives up, however busy the machine is.
    const budgetMs = 3_000;
    const edge = committer(wire, { budgetMs, onUnknown: () => {} });
    const first = edge.publish(message(1)).catch((err: unknown) => err);
    await new Promise((resolve) => setTimeout(resolve, budgetMs / 2));
    const second = edge.publish(message(2)).catch((err: unknown) => err);
    assert.ok((await first) instanceof BusUnavailableError);
    assert.ok((await second) instanceof BusUnavailableError);
    assert.ok(wire.patienceMs.slice(1).every((leftMs) => leftMs < 0.75 * budgetMs));
  });
});
