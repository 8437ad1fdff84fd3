import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { stopAll } from "../src/lifecycle.ts";

const log = pino({ level: "silent" });

function recorder() {
  const stopped: string[] = [];
  const part = (name: string, stop = async (): Promise<void> => undefined) => ({
    name,
    stop: () => {
      stopped.push(name);
      return stop();
    },
  });
  return { stopped, part };
}

test("parts stop in reverse order of starting", async () => {
  const { stopped, part } = recorder();
  assert.equal(await stopAll([part("bus"), part("consumer"), part("listener")], 1_000, log), 0);
  assert.deepEqual(stopped, ["listener", "consumer", "bus"]);
});

test("a part that fails keeps nobody from being stopped, and shows in the exit code", async () => {
  const { stopped, part } = recorder();
  const failing = part("listener", () => Promise.reject(new Error("no")));
  assert.equal(await stopAll([part("bus"), failing], 1_000, log), 1);
  assert.deepEqual(stopped, ["listener", "bus"]);
});

test("a part that throws instead of returning a promise is no different", async () => {
  const { stopped, part } = recorder();
  const throwing = part("listener", () => {
    throw new Error("no");
  });
  assert.equal(await stopAll([part("bus"), throwing], 1_000, log), 1);
  assert.deepEqual(stopped, ["listener", "bus"]);
});

test("a part that hangs is left behind at the deadline, and the others are still stopped", async () => {
  const { stopped, part } = recorder();
  const hanging = part("consumer", () => new Promise(() => undefined));
  assert.equal(await stopAll([part("bus"), hanging, part("listener")], 20, log), 1);
  assert.deepEqual(stopped, ["listener", "consumer", "bus"]);
});
