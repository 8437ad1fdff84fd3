import assert from "node:assert/strict";
import { test } from "node:test";
import { DeferError } from "@postbus/mail";
import type { Question } from "../../src/index.ts";
import type { Open } from "../contract.ts";
import { eventually, gate } from "../contract-items.ts";

const isDefer = (err: unknown): boolean => err instanceof DeferError;

export function requestReplyContract(open: Open): void {
  test("a question is answered, with its content at hand", async (t) => {
    const { bus } = await open(t);
    const questions: Question[] = [];
    await bus.serve("verify.message", { concurrency: 5 }, async (question) => {
      questions.push(question);
      return { v: 1, answer: 42 };
    });
    const content = { kind: "inline", octets: Buffer.from("Subject: x\r\n\r\nÿ\r\n", "latin1") } as const;
    const answer = await bus.request("verify.message", { v: 1, q: "?" }, { timeoutMs: 5_000, content });
    assert.deepEqual(answer, { v: 1, answer: 42 });
    assert.deepEqual(questions[0]?.body, { v: 1, q: "?" });
    const got = questions[0]?.content;
    assert.ok(got?.kind === "inline" && got.octets.equals(content.octets));
  });

  test("a question without content, and one whose content is spooled", async (t) => {
    const { bus } = await open(t);
    const contents: unknown[] = [];
    await bus.serve("verify.message", { concurrency: 5 }, async ({ content }) => {
      contents.push(content);
      return {};
    });
    const content = { kind: "spooled", id: "1vMhGf-0000000012a-0Ab3", size: 7, sha256: "0".repeat(64) } as const;
    await bus.request("verify.message", {}, { timeoutMs: 5_000 });
    await bus.request("verify.message", {}, { timeoutMs: 5_000, content });
    assert.deepEqual(contents, [undefined, content]);
  });

  test("no answer in time is a DeferError, and the service learns that nobody waits", async (t) => {
    const { bus } = await open(t);
    const aborted = gate();
    await bus.serve("verify.spf", { concurrency: 1 }, ({ signal }) => {
      signal.addEventListener("abort", aborted.open);
      return new Promise(() => {});
    });
    await assert.rejects(bus.request("verify.spf", {}, { timeoutMs: 200 }), isDefer);
    await aborted.opened;
  });

  test("who does not want the answer any more is not kept waiting, and the service learns that", async (t) => {
    const { bus } = await open(t);
    const begun = gate();
    const aborted = gate();
    await bus.serve("verify.spf", { concurrency: 1 }, ({ signal }) => {
      signal.addEventListener("abort", aborted.open);
      begun.open();
      return new Promise(() => {});
    });
    const leaver = new AbortController();
    const asked = assert.rejects(bus.request("verify.spf", {}, { timeoutMs: 60_000, signal: leaver.signal }), isDefer);
    await begun.opened;
    leaver.abort();
    await asked;
    await aborted.opened;
  });

  test("a question that is not wanted any more when its turn comes is not begun", async (t) => {
    const { bus } = await open(t);
    const begun = gate();
    const free = gate();
    const bodies: unknown[] = [];
    await bus.serve("verify.spf", { concurrency: 1 }, async ({ body }) => {
      bodies.push(body);
      begun.open();
      await free.opened;
      return {};
    });
    await bus.serve("scan.content", { concurrency: 1 }, async () => ({}));
    const first = bus.request("verify.spf", { first: true }, { timeoutMs: 60_000 });
    await begun.opened;
    const leaver = new AbortController();
    const left = [1, 2, 3].map((unwanted) =>
      assert.rejects(bus.request("verify.spf", { unwanted }, { timeoutMs: 60_000, signal: leaver.signal }), isDefer),
    );
    // What was said before this was answered has been heard.
    await bus.request("scan.content", {}, { timeoutMs: 30_000 });
    leaver.abort();
    await Promise.all(left);
    await bus.request("scan.content", {}, { timeoutMs: 30_000 });
    free.open();
    await first;
    await bus.request("verify.spf", { last: true }, { timeoutMs: 30_000 });
    await assert.rejects(bus.request("verify.spf", {}, { timeoutMs: 30_000, signal: leaver.signal }), isDefer);
    assert.deepEqual(bodies, [{ first: true }, { last: true }]);
  });

  test("a subject that nobody serves is a DeferError", async (t) => {
    const { bus } = await open(t);
    await assert.rejects(bus.request("verify.nobody", {}, { timeoutMs: 500 }), isDefer);
  });

  test("a handler that throws makes the request fail with its text, and the service goes on", async (t) => {
    const { bus } = await open(t);
    let asked = 0;
    await bus.serve("scan.content", { concurrency: 1 }, async () => {
      if (++asked === 1) throw new Error("engine is away");
      return { asked };
    });
    await assert.rejects(
      bus.request("scan.content", {}, { timeoutMs: 5_000 }),
      (err) => isDefer(err) && /engine is away/.test((err as Error).message),
    );
    assert.deepEqual(await bus.request("scan.content", {}, { timeoutMs: 5_000 }), { asked: 2 });
  });

  test("never more questions at a time than asked for; the others wait", async (t) => {
    const { bus } = await open(t);
    let running = 0;
    let most = 0;
    await bus.serve("scan.content", { concurrency: 3 }, async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
      return {};
    });
    await Promise.all(Array.from({ length: 20 }, () => bus.request("scan.content", {}, { timeoutMs: 10_000 })));
    assert.ok(most <= 3, `${most} at one time`);
  });

  test("a drained service answers what it has and takes no more", async (t) => {
    const { bus } = await open(t);
    const entered = gate();
    const held = gate();
    const service = await bus.serve("scan.content", { concurrency: 2 }, async () => {
      entered.open();
      await held.opened;
      return { last: true };
    });
    const asked = bus.request("scan.content", {}, { timeoutMs: 10_000 });
    await entered.opened;
    const drained = service.drain();
    held.open();
    assert.deepEqual(await asked, { last: true });
    await drained;
    await assert.rejects(bus.request("scan.content", {}, { timeoutMs: 500 }), isDefer);
  });

  test("a broadcast reaches everybody who listens, and nobody who has stopped", async (t) => {
    const { bus } = await open(t);
    const heard: string[] = [];
    await bus.listen("control.reload", (body) => heard.push(`a ${JSON.stringify(body)}`));
    const second = await bus.listen("control.reload", (body) => heard.push(`b ${JSON.stringify(body)}`));
    await bus.listen("control.other", () => heard.push("other"));
    bus.broadcast("control.reload", { n: 1 });
    await eventually(() => assert.deepEqual(heard.toSorted(), ['a {"n":1}', 'b {"n":1}']));
    await second.drain();
    bus.broadcast("control.reload", { n: 2 });
    await eventually(() => assert.equal(heard.length, 3));
    assert.equal(heard[2], 'a {"n":2}');
  });
}
