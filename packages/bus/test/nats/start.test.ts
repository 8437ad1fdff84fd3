import assert from "node:assert/strict";
import { createServer } from "node:net";
import { describe, test } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect, nanos } from "@nats-io/transport-node";
import { ConfigError } from "@postbus/mail";
import { freePort, startNats } from "@postbus/testkit";
import { BusUnavailableError, connectNatsBus, provisionNats } from "../../src/index.ts";
import { consumerProblems, streamProblems } from "../../src/nats/check-server.ts";
import { topology } from "../../src/nats/topology.ts";
import { EVENTS_OCTETS, skip, startFleet } from "./fleet.ts";

const wanted = topology();
const [route] = wanted.streams;
const deferred = wanted.streams.find(({ name }) => name === "MAIL_DEFERRED");
const [consumer] = wanted.consumers;
assert.ok(route && deferred && consumer);

describe("what came back from the server is what counts", () => {
  /** Settings that old servers take without a word, and settings that lose mail. */
  const streams = [
    ["as it was asked for", route, {}, undefined],
    ["allow_atomic ignored", route, { allow_atomic: false }, /allow_atomic/],
    ["schedules ignored", deferred, { allow_msg_schedules: undefined }, /allow_msg_schedules/],
    ["the oldest is discarded for new mail", route, { discard: "old" }, /discard is old/],
    ["deferred mail with a limit", deferred, { max_bytes: 1_000_000 }, /discards the oldest/],
    ["in memory", route, { storage: "memory" }, /storage/],
    ["acknowledged before the disk has it", route, { persist_mode: "async" }, /persist_mode/],
    ["mail with an age", route, { max_age: nanos(3_600_000) }, /max_age/],
    ["ids forgotten before the publish budget is spent", route, { duplicate_window: nanos(5_000) }, /duplicate_window/],
    ["a subject is missing", route, { subjects: ["mail.other.>"] }, /does not take mail.route/],
  ] as const;
  for (const [name, stream, difference, problem] of streams) {
    test(`stream: ${name}`, () => {
      const problems = streamProblems(stream, { ...stream, ...difference } as typeof stream);
      if (problem === undefined) assert.deepEqual(problems, []);
      else assert.match(problems.join("\n"), problem);
    });
  }

  const consumers = [
    ["as it was asked for", {}, undefined],
    ["a backoff, whose first step would replace ack_wait", { backoff: [nanos(1_000), nanos(5_000)] }, /backoff/],
    ["an end to handing out", { max_deliver: 5 }, /max_deliver/],
    ["items handed out again while they are worked on", { ack_wait: nanos(1_000) }, /ack_wait/],
    ["few items at a time for the whole fleet", { max_ack_pending: 1_000 }, /max_ack_pending/],
    ["no filter: it would get the schedules themselves", { filter_subject: undefined }, /filter_subject/],
    ["acknowledgements by count", { ack_policy: "all" }, /ack_policy/],
  ] as const;
  for (const [name, difference, problem] of consumers) {
    test(`consumer: ${name}`, () => {
      const actual = { ...consumer.config, ...difference } as typeof consumer.config;
      const problems = consumerProblems(consumer.config, actual);
      if (problem === undefined) assert.deepEqual(problems, []);
      else assert.match(problems.join("\n"), problem);
    });
  }
});

/** Says what an old server says, and answers pings. */
async function oldServer(version: string): Promise<{ readonly url: string; close(): void }> {
  const server = createServer((socket) => {
    const info = {
      server_id: "X",
      server_name: "old",
      version,
      headers: true,
      max_payload: 1_048_576,
      jetstream: true,
    };
    socket.write(`INFO ${JSON.stringify({ ...info, proto: 1, host: "127.0.0.1", port: 4222 })}\r\n`);
    socket.on("data", (data) => {
      if (data.includes("PING")) socket.write("PONG\r\n");
    });
    socket.on("error", () => socket.destroy());
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { url: `nats://127.0.0.1:${port}`, close: () => server.close() };
}

describe("starting", () => {
  for (const version of ["2.9.10", "2.14.5", "2.15.0", "1.99.99"]) {
    test(`a server of version ${version} is refused`, async (t) => {
      const server = await oldServer(version);
      t.after(() => server.close());
      await assert.rejects(
        connectNatsBus({ servers: [server.url] }),
        (err) => err instanceof ConfigError && /too old, at least 2\.15\.1/.test(err.message),
      );
    });
  }

  test("a server that is away is waited for, and then named", async () => {
    const url = `nats://127.0.0.1:${await freePort()}`;
    await assert.rejects(
      connectNatsBus({ servers: [url], startDeadlineMs: 300 }),
      (err) => err instanceof BusUnavailableError && /127\.0\.0\.1/.test(err.message),
    );
  });

  test("somebody who watches hears that it is waited, once and without the password", async () => {
    const port = await freePort();
    const said: string[] = [];
    await assert.rejects(
      connectNatsBus({
        servers: [`nats://me:secret@127.0.0.1:${port}`],
        startDeadlineMs: 1_500,
        onWaiting: (servers) => said.push(servers),
      }),
      BusUnavailableError,
    );
    assert.deepEqual(said, [`nats://127.0.0.1:${port}`]);
  });

  for (const address of ["nats://", "", "http://127.0.0.1:4222", "nats://a b", "nats://a:99999", "nats://a%zz@b"]) {
    test(`an address that is none: "${address}"`, async () => {
      await assert.rejects(connectNatsBus({ servers: [address] }), ConfigError);
    });
  }
});

describe("starting on a real server", { skip }, () => {
  test("without provisioning: the way out is named", async (t) => {
    const server = await startNats();
    t.after(() => server.stop());
    await assert.rejects(
      connectNatsBus({ servers: [server.url] }),
      (err) => err instanceof ConfigError && /postbus provision/.test(err.message),
    );
  });

  test("replicas on a server that is alone: one line that says how many servers it takes", async (t) => {
    const server = await startNats();
    t.after(() => server.stop());
    await assert.rejects(provisionNats({ servers: [server.url], replicas: 3 }), {
      name: "ConfigError",
      message: "NATS: --replicas 3 needs a cluster of 3 servers, this one is alone",
    });
  });

  test("provisioning twice changes nothing the second time", async (t) => {
    const server = await startNats();
    t.after(() => server.stop());
    const options = { servers: [server.url], eventsMaxOctets: EVENTS_OCTETS };
    const first = await provisionNats(options);
    assert.ok(first.every(({ done }) => done === "created"));
    const second = await provisionNats(options);
    assert.deepEqual([...new Set(second.map(({ done }) => done))], ["unchanged"]);
    const third = await provisionNats({ ...options, maxAcceptedOctets: 1_000_000 });
    assert.deepEqual(
      third.filter(({ done }) => done !== "unchanged"),
      [{ name: "MAIL_ROUTE", done: "updated" }],
    );
  });

  test("a server that does not sync is refused in one line, unless told by name", async (t) => {
    const { server, connect: open } = await startFleet(t, { syncAlways: false });
    await assert.rejects(
      open({ monitorUrl: server.monitorUrl }),
      (err) => err instanceof ConfigError && /not durable/.test(err.message) && !err.message.includes("\n"),
    );
    assert.equal((await (await open({ durability: "unsafe" })).health()).ok, true);
  });

  test("a single server whose settings cannot be seen is refused, unless told by name", async (t) => {
    const { server } = await startFleet(t);
    const options = { servers: [server.url] };
    await assert.rejects(
      connectNatsBus(options),
      (err) => err instanceof ConfigError && /r1-sync-always/.test(err.message),
    );
    const bus = await connectNatsBus({ ...options, durability: "r1-sync-always" });
    await bus.close();
  });

  test("a stream that somebody has changed since is refused", async (t) => {
    const { server, connect: open } = await startFleet(t);
    const connection = await connect({ servers: server.url });
    const manager = await jetstreamManager(connection);
    await manager.consumers.update("MAIL_ROUTE", "route", { max_deliver: 3, backoff: [nanos(1_000)] });
    await manager.streams.update("MAIL_DEFERRED", { max_bytes: 1_000_000 });
    await connection.close();
    await assert.rejects(
      open(),
      (err) =>
        err instanceof ConfigError && /backoff/.test(err.message) && /MAIL_DEFERRED: has a limit/.test(err.message),
    );
  });
});
