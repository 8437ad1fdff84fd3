import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bus, openEmbeddedBus } from "@postbus/bus";
import type { MailEvent } from "@postbus/contracts";
import { reply } from "@postbus/mail";
import type { Policy, SmtpPolicy } from "@postbus/policy";
import type { Part } from "@postbus/service-kit";
import { pino } from "pino";
import { Registry } from "prom-client";
import { type GatewayDeps, startGateway } from "../src/gateway.ts";
import { TestClient } from "./test-client.ts";

const smtp: SmtpPolicy = {
  interfaces: ["127.0.0.1"],
  ports: [0],
  messageSizeLimit: 50_000_000,
  recipientsMax: 100,
  receivedHeadersMax: 30,
  headerMaxOctets: 1_000_000,
  acceptMax: 100,
  acceptMaxPerHost: 0,
  maxSyntaxErrors: 3,
  maxUnknownCommands: 3,
  receiveTimeoutMs: 60_000,
};

export interface TestPolicy extends Partial<Pick<Policy, "acl" | "facts">> {
  readonly smtp?: Partial<SmtpPolicy>;
}

/** Takes mail for example.org and nothing else. */
export function testPolicy({ smtp: given, ...rest }: TestPolicy = {}): Policy {
  const unused = (): never => {
    throw new Error("gateway does not ask that");
  };
  return {
    version: "test",
    notices: [],
    primaryHostname: "mx.test",
    smtp: { ...smtp, ...given },
    acl: {
      connect: () => ({ verdict: "accept" }),
      mail: () => ({ verdict: "accept" }),
      recipient: (_client, _envelope, address) =>
        address.endsWith("@example.org") || address === "postmaster@mx.test"
          ? { verdict: "accept" }
          : { verdict: "refuse", reply: reply(550, "5.7.1", "relay not permitted"), log: "relay not permitted" },
    },
    facts: () => [],
    route: unused,
    transport: unused,
    retryRule: unused,
    ...rest,
  };
}

export interface Taken {
  readonly header: unknown;
  readonly content: string;
  readonly isSpooled: boolean;
}

/** A gateway on an embedded bus of its own, in a temporary directory. */
export interface TestGateway extends AsyncDisposable {
  readonly port: number;
  readonly bus: Bus;
  readonly part: Part;
  readonly metrics: Registry;
  connect(): Promise<TestClient>;
  /** Greets, says EHLO. */
  session(): Promise<TestClient>;
  /** The next message that comes to the bus. */
  taken(): Promise<Taken>;
  /** Resolves with the first event that fits. */
  event(fits: (event: MailEvent) => boolean): Promise<MailEvent>;
  /** Names of what is in the spool. */
  spooled(): Promise<readonly string[]>;
}

export interface TestOptions {
  readonly policy?: TestPolicy;
  readonly settings?: Partial<GatewayDeps["settings"]>;
  /** Stands in for parts of the bus. */
  readonly bus?: (bus: Bus) => Partial<GatewayDeps["bus"]>;
}

export async function startTestGateway({
  policy = {},
  settings = {},
  bus: replace,
}: TestOptions = {}): Promise<TestGateway> {
  const directory = await mkdtemp(join(tmpdir(), "postbus-gateway-"));
  const bus = await openEmbeddedBus({ directory });
  const metrics = new Registry();
  const { publish, spool, request, events } = bus;
  const part = await startGateway({
    settings: {
      factsTimeoutMs: 5_000,
      transactionTimeoutMs: 60_000,
      inFlightOctets: 100_000_000,
      shutdownGraceMs: 5_000,
      ...settings,
    },
    policy: testPolicy(policy),
    bus: {
      publish: publish.bind(bus),
      request: request.bind(bus),
      spool,
      events,
      ...replace?.(bus),
    },
    log: pino({ level: "silent" }),
    metrics,
  });
  const port = Number(part.addresses?.[0]?.split(":").at(-1));
  const connect = () => TestClient.connect(port);
  return {
    port,
    bus,
    part,
    metrics,
    connect,
    async session() {
      const client = await connect();
      await client.expect(220);
      await client.say("EHLO client.example\r\n", 250);
      return client;
    },
    async taken() {
      const item = Promise.withResolvers<Taken>();
      const subscription = await bus.consume("route", { concurrency: 1 }, async ({ header, content }) => {
        const pieces: Buffer[] = [];
        if (content.kind === "inline") pieces.push(content.octets);
        else for await (const octets of bus.spool.read(content)) pieces.push(octets);
        item.resolve({
          header,
          content: Buffer.concat(pieces).toString("latin1"),
          isSpooled: content.kind === "spooled",
        });
        return {};
      });
      const taken = await item.promise;
      await subscription.drain();
      return taken;
    },
    async event(fits) {
      const found = Promise.withResolvers<MailEvent>();
      const subscription = await bus.events.follow({}, async ({ events: batch }) => {
        const event = batch.find(fits);
        if (event !== undefined) found.resolve(event);
      });
      const event = await found.promise;
      await subscription.drain();
      return event;
    },
    async spooled() {
      const entries = await readdir(join(directory, "spool"), { recursive: true, withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
    },
    async [Symbol.asyncDispose]() {
      await part.stop();
      await bus.close();
      await rm(directory, { recursive: true });
    },
  };
}
