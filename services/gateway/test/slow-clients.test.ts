import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { makeCertificate } from "@postbus/testkit";
import { CoarseClock } from "../src/coarse-clock.ts";
import { startTestGateway, type TestGateway, type TestPolicy } from "./start-test-gateway.ts";

/** A clock that can be put forward. */
class FastClock extends CoarseClock {
  aheadMs = 0;
  #ticked: () => void = () => undefined;

  /** Resolves when all connections have been looked at once more. */
  swept(): Promise<void> {
    return new Promise((resolve) => {
      this.#ticked = resolve;
    });
  }

  override tick(): void {
    super.tick();
    this.#ticked();
  }

  override get nowMs(): number {
    return super.nowMs + this.aheadMs;
  }
}

const MINUTE_MS = 60_000;
const ENVELOPE = "MAIL FROM:<ann@b.example>\r\nRCPT TO:<bob@example.org>\r\n";

interface Slow extends AsyncDisposable {
  readonly gateway: TestGateway;
  wait(minutes: number): Promise<void>;
}

async function slowGateway(policy: TestPolicy = {}): Promise<Slow> {
  const clock = new FastClock();
  const smtp = { receiveTimeoutMs: 5 * MINUTE_MS, ...policy.smtp };
  const gateway = await startTestGateway({
    clock,
    policy: { ...policy, smtp },
    settings: { transactionTimeoutMs: 60 * MINUTE_MS },
  });
  return {
    gateway,
    wait(minutes) {
      clock.aheadMs += minutes * MINUTE_MS;
      return clock.swept();
    },
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  };
}

/** Each piece behind its pause; by then what was sent before has been read. */
async function drip({ gateway, wait }: Slow, pieces: readonly string[], minutes: number) {
  const client = await gateway.session();
  await client.say(`${ENVELOPE}DATA\r\n`, 250, 250, 354);
  for (const piece of pieces) {
    await client.say(piece);
    await passed(gateway);
    await wait(minutes);
  }
  return client;
}

/** Another client has been served, so the octets of the one before have been, too. */
async function passed(gateway: TestGateway): Promise<void> {
  await using other = await gateway.session();
  await other.say("QUIT\r\n", 221);
}

describe("a client that is slow on purpose is closed", () => {
  test("with content of an octet a minute", async () => {
    await using slow = await slowGateway();
    await using client = await drip(slow, ["a", "b"], 1.1);
    assert.match(await client.expect(421), /SMTP incoming data too slow/);
    await client.ended();
  });

  test("with a chunk of an octet a minute", async () => {
    await using slow = await slowGateway();
    await using client = await slow.gateway.session();
    await client.say(`${ENVELOPE}BDAT 1000 LAST\r\na`, 250, 250);
    await passed(slow.gateway);
    await slow.wait(2);
    assert.match(await client.expect(421), /SMTP incoming data too slow/);
    await client.ended();
  });

  test("with a chunk that nobody wants, of an octet in four minutes", async () => {
    await using slow = await slowGateway();
    await using client = await slow.gateway.session();
    for (const octet of ["BDAT 1000\r\na", "b"]) {
      await client.say(octet);
      await passed(slow.gateway);
      await slow.wait(4);
    }
    assert.match(await client.expect(421), /SMTP incoming data too slow/);
    await client.ended();
  });

  test("with a command of an octet in two minutes", async () => {
    await using slow = await slowGateway();
    await using client = await slow.gateway.session();
    for (const octet of "NOO") {
      await client.say(octet);
      await passed(slow.gateway);
      await slow.wait(2);
    }
    assert.match(await client.expect(421), /SMTP command timeout/);
    await client.ended();
  });

  test("with nothing before the greeting of TLS", async () => {
    const { certificateFile, privateKeyFile } = makeCertificate("mx.test");
    const main = `tls_certificate = ${certificateFile}\ntls_privatekey = ${privateKeyFile}`;
    await using slow = await slowGateway({ main });
    await using client = await slow.gateway.session();
    await client.say("STARTTLS\r\n", 220);
    client.socket.write("\x16\x03\x01");
    await passed(slow.gateway);
    await slow.wait(1.1);
    await client.ended();
  });
});

describe("a client that is slow is served", () => {
  test("with content of more than a kilobyte a minute", async () => {
    await using slow = await slowGateway();
    const line = `${"x".repeat(1_100)}\r\n`;
    await using client = await drip(slow, [line, line, line], 0.9);
    await client.say(".\r\n", 250);
  });

  test("with a chunk behind refused recipients, however long the server has run", async () => {
    await using slow = await slowGateway();
    await slow.wait(600);
    await using client = await slow.gateway.session();
    await client.say("MAIL FROM:<ann@b.example>\r\nRCPT TO:<x@elsewhere.example>\r\n", 250, 550);
    await client.say(`BDAT 100 LAST\r\n${"x".repeat(50)}`);
    await passed(slow.gateway);
    await slow.wait(0.5);
    await client.say("x".repeat(50), 503);
  });

  test("with a command each four minutes", async () => {
    await using slow = await slowGateway();
    await using client = await slow.gateway.session();
    for (let i = 0; i < 2; i++) {
      await client.say("RSET\r\nRS", 250);
      await slow.wait(4);
      await client.say("ET\r\n", 250);
    }
  });
});
