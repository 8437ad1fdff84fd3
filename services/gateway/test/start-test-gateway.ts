import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Bus, openEmbeddedBus } from "@postbus/bus";
import type { MailEvent } from "@postbus/contracts";
import { compilePolicy, type Policy, readConfiguration, type SmtpPolicy } from "@postbus/policy";
import type { Part } from "@postbus/service-kit";
import { pino } from "pino";
import { Registry } from "prom-client";
import type { CoarseClock } from "../src/coarse-clock.ts";
import { type GatewayDeps, startGateway } from "../src/gateway.ts";
import { policyParts } from "../src/policy-parts.ts";
import type { SharedTls } from "../src/tls/shared-tls.ts";
import { Watchers } from "../src/watch/watchers.ts";
import { TestClient } from "./test-client.ts";

const smtp: Partial<SmtpPolicy> = {
  interfaces: ["127.0.0.1"],
  ports: [0],
  messageSizeLimit: 50_000_000,
  recipientsMax: 100,
  acceptMax: 100,
  receiveTimeoutMs: 60_000,
};

/** Far above what it takes on a machine that has other things to do. */
const EMPTIED_MS = 60_000;

const SILENT = pino({ level: "silent" });

/** Takes mail for example.org and nothing else. */
const RCPT = `
  accept domains = example.org : mx.test
  deny   message = 550 5.7.1 relay not permitted
         log_message = relay not permitted
`;

/** A line of the log that begins so. */
export const isLine = (text: string) => (event: MailEvent) =>
  event.name === "log:line" && `${event.before ?? ""}${event.text}`.startsWith(text);

export interface TestPolicy {
  readonly smtp?: Partial<SmtpPolicy>;
  /** The statements of each stage: of `acl_smtp_<name>`. */
  readonly acls?: Readonly<Record<string, string>>;
  /** Lines of the main section. */
  readonly main?: string;
  /** Behind the ACLs. */
  readonly sections?: string;
  readonly startSession?: Policy["startSession"];
  /** Of the file `bmi.conf`. */
  readonly bmi?: string;
}

export function testPolicy({
  smtp: given,
  acls,
  main = "",
  sections: more = "",
  startSession,
  bmi,
}: TestPolicy = {}): Policy {
  const all = Object.entries({ rcpt: RCPT, ...acls });
  const options = all.map(([stage]) => `acl_smtp_${stage} = ${stage}\n`).join("");
  const sections = all.map(([stage, statements]) => `${stage}:\n${statements}\n`).join("");
  const text = `primary_hostname = mx.test\n${main}\n${options}begin acl\n${sections}\n${more}`;
  const { configuration, problems } = readConfiguration({
    file: "p.conf",
    readFile: (path) => (path === "bmi.conf" && bmi !== undefined ? Buffer.from(bmi) : Buffer.from(text)),
  });
  const errors = problems.filter(({ kind }) => kind === "error");
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  const process = { hostname: "mx.test", localAddresses: [], environment: {} };
  const policy = compilePolicy({ configuration, file: "p.conf", process, programVersion: "4.100" });
  return {
    ...policy,
    smtp: { ...policy.smtp, ...smtp, ...given },
    ...(startSession === undefined ? {} : { startSession }),
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
  /** Another policy for those who come from now on. */
  reload(policy: TestPolicy): Promise<void>;
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
  /** Resolves when nothing is in the spool: content goes a moment after the commit that has ended its last item. */
  emptied(): Promise<void>;
  /** Messages of which something unpacked is there. */
  scanned(): readonly string[];
}

export interface TestOptions {
  readonly policy?: TestPolicy;
  readonly settings?: Partial<GatewayDeps["settings"]>;
  readonly probe?: GatewayDeps["probe"];
  readonly clock?: CoarseClock;
  /** Stands in for parts of the bus. */
  readonly bus?: (bus: Bus) => Partial<GatewayDeps["bus"]>;
  readonly shared?: Partial<SharedTls>;
  readonly rates?: GatewayDeps["rates"];
}

export async function startTestGateway({
  policy = {},
  settings = {},
  clock,
  bus: replace,
  probe,
  shared,
  rates,
}: TestOptions = {}): Promise<TestGateway> {
  const directory = await mkdtemp(join(tmpdir(), "postbus-gateway-"));
  const bus = await openEmbeddedBus({ directory });
  const metrics = new Registry();
  const { publish, spool, request, events } = bus;
  const inForce = { current: await policyParts(testPolicy(policy), SILENT, shared) };
  const watchers = new Watchers(bus, "test");
  const watching = await watchers.start(bus);
  const part = await startGateway({
    settings: {
      factsTimeoutMs: 5_000,
      transactionTimeoutMs: 60_000,
      decisions: "all",
      inFlightOctets: 100_000_000,
      shutdownGraceMs: 5_000,
      crowdedDelayMs: 0,
      overloadedDelayMs: 0,
      crowdedMemoryPercent: 0,
      overloadedMemoryPercent: 0,
      data: directory,
      ...settings,
    },
    inForce,
    rates,
    watchers,
    bus: {
      publish: publish.bind(bus),
      request: request.bind(bus),
      keyValue: (name) => bus.keyValue(name),
      spool,
      events,
      ...replace?.(bus),
    },
    log: SILENT,
    metrics,
    ...(probe && { probe }),
    ...(clock === undefined ? {} : { clock }),
  });
  const port = Number(part.addresses?.[0]?.split(":").at(-1));
  const spooled = async (): Promise<readonly string[]> => {
    const entries = await readdir(join(directory, "spool"), { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
  };
  const connect = () => TestClient.connect(port);
  return {
    port,
    bus,
    part,
    metrics,
    async reload(other) {
      inForce.current = await policyParts(testPolicy(other), SILENT, shared);
    },
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
    spooled,
    async emptied() {
      const deadlineMs = performance.now() + EMPTIED_MS;
      for (let left = await spooled(); left.length > 0; left = await spooled()) {
        if (performance.now() > deadlineMs) throw new Error(`still in the spool: ${left.join(", ")}`);
        await delay(20);
      }
    },
    scanned: () => (existsSync(join(directory, "scan")) ? readdirSync(join(directory, "scan")) : []),
    async [Symbol.asyncDispose]() {
      await part.stop();
      await watching.stop();
      await bus.close();
      await rm(directory, { recursive: true });
    },
  };
}
