import assert from "node:assert/strict";
import { test } from "node:test";
import { reloadedSubject, reloadSubject } from "@postbus/contracts";
import { type Reloadable, startReloadListener } from "../src/reload-listener.ts";

/** Hears and says. */
class Air {
  readonly said: { readonly subject: string; readonly body: object }[] = [];
  #handler: ((body: unknown) => void) | undefined;

  async listen(subject: string, handler: (body: unknown) => void) {
    assert.equal(subject, reloadSubject);
    this.#handler = handler;
    return {
      drain: async () => {
        this.#handler = undefined;
      },
    };
  }

  broadcast(subject: string, body: object): void {
    this.said.push({ subject, body });
  }

  async ask(body: unknown): Promise<void> {
    this.#handler?.(body);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function started(problems: readonly string[]) {
  const air = new Air();
  let reloads = 0;
  const policy: Reloadable = {
    async reload() {
      reloads++;
      return { before: "a", version: problems.length === 0 ? "b" : "a", problems };
    },
  };
  const part = await startReloadListener({ bus: air, service: "router", instance: "host-1", policy });
  return { air, part, reloads: () => reloads };
}

test("a request is answered with the version before and after", async () => {
  const { air, part, reloads } = await started([]);
  await air.ask({ v: 1, id: "x" });
  assert.equal(reloads(), 1);
  const names = { service: "router", instance: "host-1" };
  assert.deepEqual(air.said, [
    {
      subject: reloadedSubject,
      body: { v: 1, requestId: "x", ...names, before: "a", policyVersion: "b", problems: [] },
    },
  ]);
  await part.stop();
  await air.ask({ v: 1, id: "y" });
  assert.equal(reloads(), 1);
});

test("a request without an id is obeyed, and nobody told", async () => {
  const { air, reloads } = await started([]);
  for (const body of [{}, undefined, { v: 1, id: 7 }]) await air.ask(body);
  assert.equal(reloads(), 3);
  assert.deepEqual(air.said, []);
});

test("a report is small however much is wrong", async () => {
  const { air } = await started(Array.from({ length: 5_000 }, (_, i) => `file:${i}: ${"x".repeat(9_000)}`));
  await air.ask({ v: 1, id: "x" });
  assert.ok(JSON.stringify(air.said).length < 100_000);
  assert.match(JSON.stringify(air.said), /and 4900 more, which are in the log/);
});
