import { after, before, describe, type TestContext } from "node:test";
import { type NatsServer, program, startNats } from "@postbus/testkit";
import { type Bus, connectNatsBus, provisionNats } from "../src/index.ts";
import { busContract, type Opened } from "./contract.ts";

const skip = program("nats-server") === undefined ? "there is no nats-server on this machine" : false;

describe("on a real nats-server that syncs always", { skip }, () => {
  let server: NatsServer;
  let count = 0;
  before(async () => {
    server = await startNats();
  });
  after(() => server.stop());

  busContract("NATS", async (t: TestContext): Promise<Opened> => {
    const options = {
      servers: [server.url],
      prefix: `t${count++}.`,
      eventsMaxOctets: 16 * 1024 ** 2,
      monitorUrl: server.monitorUrl,
      failurePauseMs: 5,
    };
    await provisionNats(options);
    const open = () => connectNatsBus({ ...options, onProblem: (what, err) => t.diagnostic(`${what}: ${err}`) });
    let bus: Bus = await open();
    t.after(() => bus.close());
    return {
      bus,
      reopen: async () => {
        await bus.close();
        bus = await open();
        return bus;
      },
    };
  });
});
