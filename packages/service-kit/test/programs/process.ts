/** A process for the tests: `node process.ts SCENARIO`; what it says on standard output is what the tests wait for. */
import { createServer } from "node:http";
import { ConfigError } from "@postbus/mail";
import { Type } from "typebox";
import { commonSettings } from "../../src/common-settings.ts";
import { runServices } from "../../src/run-services.ts";
import type { Part, Service } from "../../src/service.ts";
import { idleBus } from "./idle-bus.ts";

const bus = idleBus();
const say = (text: string) => process.stdout.write(`${text}\n`);

/** Keeps the process alive, as a listener does. */
function listener(stop: () => Promise<void>): Promise<Part> {
  const server = createServer().listen(0, "127.0.0.1");
  const part: Part = {
    name: "smtp",
    addresses: ["127.0.0.1:2525"],
    policyVersion: "abc",
    stop: async () => {
      server.close();
      await stop();
      say("listener stopped");
    },
  };
  return new Promise((resolve) => server.once("listening", () => resolve(part)));
}

const scenarios: Record<string, () => Promise<readonly Part[]>> = {
  normal: async () => [await listener(async () => undefined)],
  hanging: async () => [await listener(() => new Promise(() => undefined))],
  unhandled: async () => {
    const part = await listener(async () => undefined);
    setImmediate(() => void Promise.reject(new Error("forgotten")));
    return [part];
  },
  misconfigured: async () => {
    throw new ConfigError("postbus.conf:3: unknown option\npostbus.conf:9: unknown router");
  },
  "never starting": () => new Promise(() => setInterval(() => undefined, 1_000)),
  buggy: async () => {
    throw new TypeError("x is undefined");
  },
};

const gateway: Service = {
  name: "gateway",
  settings: Type.Object(commonSettings),
  start() {
    say("starting");
    return (scenarios[process.argv[2] ?? ""] ?? scenarios["normal"] ?? (async () => []))();
  },
};

bus.isOk = process.argv[2] !== "bus not well";
await runServices([gateway], {
  logTo: 2,
  openBus: async () => bus,
  onReady: (parts) => say(`ready ${parts.flatMap((part) => part.addresses ?? []).join(" ")}`),
});
