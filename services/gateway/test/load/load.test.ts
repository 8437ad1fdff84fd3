import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CoarseClock } from "../../src/coarse-clock.ts";
import type { LoadProbe, LoadReading } from "../../src/load/load-probe.ts";
import { startTestGateway, type TestGateway, type TestPolicy } from "../start-test-gateway.ts";
import { TestClient } from "../test-client.ts";

/** As loaded as the test says. */
class FakeProbe implements LoadProbe {
  reading: LoadReading = { delayMs: 0, memoryPercent: 0, loadAverage: 0 };
  #read: (() => void) | undefined;

  read(): LoadReading {
    this.#read?.();
    return this.reading;
  }

  /** Resolves when it has been read so often, and what was read is in force. */
  async beRead(times: number): Promise<void> {
    for (let i = 0; i < times; i++) {
      await new Promise<void>((resolve) => {
        this.#read = resolve;
      });
    }
  }

  stop(): void {
    this.#read = undefined;
  }
}

/** A clock that is put forward. */
class AheadClock extends CoarseClock {
  aheadMs = 0;

  override get nowMs(): number {
    return super.nowMs + this.aheadMs;
  }
}

const settings = { crowdedDelayMs: 500, overloadedDelayMs: 2_000 };
const LOOPBACK = "127.0.0.2";
const gatewayWith = (probe: FakeProbe, main = "", smtp: TestPolicy["smtp"] = {}): Promise<TestGateway> =>
  startTestGateway({ settings, probe, policy: { main, smtp } });

describe("a gateway with too much to do", () => {
  test("waits half as long for clients that say nothing", async () => {
    const [probe, clock] = [new FakeProbe(), new AheadClock()];
    const policy = { smtp: { receiveTimeoutMs: 300_000 } };
    await using gateway = await startTestGateway({ settings, probe, clock, policy });
    await using client = await gateway.session();
    clock.aheadMs = 200_000;
    await probe.beRead(2);
    await client.say("NOOP\r\n", 250);
    probe.reading = { delayMs: 600, memoryPercent: 0, loadAverage: 0 };
    await probe.beRead(2);
    clock.aheadMs += 200_000;
    assert.match(await client.expect(421), /SMTP command timeout/);
  });

  test("crowded: only smtp_reserve_hosts come in; overloaded: nobody's mail is taken, and it is not ready", async () => {
    const probe = new FakeProbe();
    await using gateway = await gatewayWith(probe, `smtp_reserve_hosts = ${LOOPBACK}`);
    await using before = await gateway.session();
    probe.reading = { delayMs: 600, memoryPercent: 0, loadAverage: 0 };
    await probe.beRead(2);

    await using refused = await gateway.connect();
    assert.match(await refused.expect(421), /^421 4\.3\.2 mx\.test Too much load; please try again later/);
    await refused.ended();
    await using reserved = await TestClient.connect(gateway.port, LOOPBACK);
    await reserved.expect(220);
    await before.say("MAIL FROM:<a@b.test>\r\nRSET\r\n", 250, 250);
    assert.equal(gateway.part.problem, undefined);
    const line = await gateway.event((event) => event.name === "smtp:reject");
    assert.partialDeepStrictEqual(line, { text: "too much load", ofConnection: true, clientAddress: "127.0.0.1" });

    probe.reading = { delayMs: 2_500, memoryPercent: 0, loadAverage: 0 };
    await probe.beRead(2);
    assert.match(await before.say("MAIL FROM:<a@b.test>\r\n", 452), /^452 4\.3\.2 Too much load/);
    await before.say("NOOP\r\n", 250);
    assert.match(gateway.part.problem ?? "", /^too much load: event loop 2500 ms late/);
    const metrics = await gateway.metrics.metrics();
    assert.match(metrics, /postbus_gateway_load_level 2\n/);
    assert.match(metrics, /postbus_gateway_turned_away_total\{reason="load"\} 1\n/);

    probe.reading = { delayMs: 0, memoryPercent: 0, loadAverage: 0 };
    await probe.beRead(5);
    await before.say("MAIL FROM:<a@b.test>\r\n", 250);
    assert.equal(gateway.part.problem, undefined);
  });

  test("smtp_load_reserve is about the machine", async () => {
    const probe = new FakeProbe();
    await using gateway = await gatewayWith(probe, `smtp_load_reserve = 5\nsmtp_reserve_hosts = ${LOOPBACK}`);
    probe.reading = { delayMs: 0, memoryPercent: 0, loadAverage: 5.5 };
    await probe.beRead(1);
    await using refused = await gateway.connect();
    await refused.expect(421);
    await using reserved = await TestClient.connect(gateway.port, LOOPBACK);
    await reserved.expect(220);
  });
});

describe("smtp_accept_reserve", () => {
  test("keeps places for smtp_reserve_hosts", async () => {
    const main = `smtp_accept_reserve = 2\nsmtp_reserve_hosts = ${LOOPBACK}`;
    await using gateway = await gatewayWith(new FakeProbe(), main, { acceptMax: 3 });
    await using first = await gateway.connect();
    await first.expect(220);
    await using second = await gateway.connect();
    assert.match(await second.expect(421), /Too many concurrent SMTP connections; please try again later/);
    await using third = await TestClient.connect(gateway.port, LOOPBACK);
    await third.expect(220);
    await using fourth = await TestClient.connect(gateway.port, LOOPBACK);
    await fourth.expect(220);
    await using fifth = await TestClient.connect(gateway.port, LOOPBACK);
    await fifth.expect(421);
  });

  test("without smtp_reserve_hosts they are for nobody", async () => {
    await using gateway = await gatewayWith(new FakeProbe(), "smtp_accept_reserve = 2", { acceptMax: 3 });
    await using first = await gateway.connect();
    await first.expect(220);
    await using second = await TestClient.connect(gateway.port, LOOPBACK);
    await second.expect(421);
  });
});

describe("smtp_accept_max_per_host", () => {
  test("may be another one for each", async () => {
    const main = `smtp_accept_max_per_host = \${if eq{$sender_host_address}{${LOOPBACK}}{1}{2}}`;
    await using gateway = await gatewayWith(new FakeProbe(), main);
    for (const [address, max] of [
      [LOOPBACK, 1],
      ["127.0.0.1", 2],
    ] as const) {
      await using clients = new AsyncDisposableStack();
      for (let i = 0; i < max; i++) {
        await clients.use(await TestClient.connect(gateway.port, address)).expect(220);
      }
      const refused = clients.use(await TestClient.connect(gateway.port, address));
      assert.match(await refused.expect(421), /from this IP address/);
    }
  });

  test("cannot be expanded: there is none", async () => {
    await using gateway = await gatewayWith(new FakeProbe(), "smtp_accept_max_per_host = $sender_host_address");
    await using first = await gateway.connect();
    await first.expect(220);
    await using second = await gateway.connect();
    await second.expect(220);
  });
});

test("of a flood, those above a bound are turned away without a word or a line in the log", async () => {
  await using gateway = await gatewayWith(new FakeProbe(), "", { acceptMax: 1 });
  await using first = await gateway.session();
  const COUNT = 600;
  const ends = Array.from({ length: COUNT }, async () => {
    const client = await TestClient.connect(gateway.port).catch(() => undefined);
    client?.socket.on("error", () => undefined);
    if (client !== undefined && !client.socket.destroyed)
      await new Promise((resolve) => client.socket.once("close", resolve).resume().end());
  });
  await first.say("NOOP\r\n", 250);
  await Promise.all(ends);
  const all = /turned_away_total\{reason="max"\} (\d+)/.exec(await gateway.metrics.metrics())?.[1];
  assert.equal(Number(all), COUNT);
  await first.say("MAIL FROM:<a@b.test>\r\n", 250);
});
