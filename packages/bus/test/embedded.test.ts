import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bus, openEmbeddedBus } from "../src/index.ts";
import { busContract } from "./contract.ts";

busContract("embedded", async (t) => {
  const root = await mkdtemp(join(tmpdir(), "postbus-bus-"));
  const options = { directory: join(root, "bus"), failurePausesMs: [10, 20] };
  let bus = await openEmbeddedBus(options);
  t.after(async () => {
    await bus.close();
    await rm(root, { recursive: true, force: true });
  });
  const reopen = async (): Promise<Bus> => {
    await bus.close();
    bus = await openEmbeddedBus(options);
    return bus;
  };
  return { bus, reopen };
});
