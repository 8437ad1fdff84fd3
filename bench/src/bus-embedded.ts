import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bus, openEmbeddedBus, type Publication } from "@postbus/bus";
import { deliverySubject, firstItemId, type MailEvent, nextItemId, routeSubject } from "@postbus/contracts";
import { MessageIdGenerator } from "@postbus/mail";

const CONTENT_OCTETS = 4_096;
const WARM_UP_MESSAGES = 3_000;

/**
 * What the embedded bus alone costs: publish → route handler → deliver handler → done, three events a message.
 *
 *     node bench/src/bus-embedded.ts [messages] [in flight]
 */
const [messages = 20_000, inFlight = 100] = process.argv.slice(2).map(Number);
const directory = await mkdtemp(join(process.env["BENCH_DIR"] ?? tmpdir(), "postbus-bench-"));
try {
  const bus = await openEmbeddedBus({ directory });
  await run(bus, WARM_UP_MESSAGES, inFlight);
  const cpu = process.cpuUsage();
  const started = performance.now();
  await run(bus, messages, inFlight);
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  process.stdout.write(
    `embedded bus: ${messages} messages, ${inFlight} in flight: ${Math.round(messages / seconds)}/s, ` +
      `${((user + system) / messages).toFixed(1)} µs CPU a message (${(user / messages).toFixed(1)} user)\n`,
  );
  await bus.close();
} finally {
  await rm(directory, { recursive: true, force: true });
}

/** A message is in flight from its publication to the end of its delivery. */
async function run(bus: Bus, total: number, atOnce: number): Promise<void> {
  const ids = new MessageIdGenerator();
  const { promise: finished, resolve } = Promise.withResolvers<void>();
  let started = 0;
  let ended = 0;
  const start = async (): Promise<void> => {
    started++;
    const item = first(ids.next());
    await bus.publish(item, [event(item.messageId, "arrived")]);
  };
  const end = (): void => {
    ended++;
    if (started < total) void start();
    if (ended === total) resolve();
  };
  const route = await bus.consume("route", { concurrency: 1_000 }, async (work) => ({
    publish: [
      {
        ...first(work.messageId),
        subject: deliverySubject("smtp", "example.org"),
        id: nextItemId(work.id),
        content: work.content,
      },
    ],
  }));
  const deliver = await bus.consume("deliver", { concurrency: 1_000 }, async (work) => {
    setImmediate(end);
    return { events: [event(work.messageId, "delivered")], eventsIfComplete: [event(work.messageId, "completed")] };
  });
  for (let i = 0; i < atOnce; i++) void start();
  await finished;
  await route.drain();
  await deliver.drain();
}

function first(messageId: string): Publication {
  return {
    subject: routeSubject(),
    id: firstItemId(messageId),
    messageId,
    header: {
      v: 1,
      messageId,
      returnPath: "bounces+12345@lists.example.com",
      recipients: [{ address: "somebody@example.org" }],
      receivedAtMs: Date.now(),
      queuedAtMs: Date.now(),
      attempt: 1,
      reception: {
        protocol: "esmtps",
        clientAddress: "192.0.2.17",
        clientPort: 43_210,
        helo: "mail.example.com",
        cipher: "TLS1.3:TLS_AES_256_GCM_SHA384:256",
        size: CONTENT_OCTETS,
      },
    },
    content: { kind: "inline", octets: Buffer.alloc(CONTENT_OCTETS, "0123456789abcde\n") },
  };
}

function event(messageId: string, text: string): MailEvent {
  const common = { v: 1, id: `${messageId}/${text}`, atMs: Date.now(), service: "bench", messageId } as const;
  return text === "completed" ? { ...common, name: "msg:complete" } : { ...common, name: "msg:note", text };
}
