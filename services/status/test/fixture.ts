import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bus, openEmbeddedBus } from "@postbus/bus";
import type { Deferred, MailEvent, Received, RouteItem } from "@postbus/contracts";
import { firstItemId, routeSubject } from "@postbus/contracts";
import { type History, type HistoryReader, openHistory } from "@postbus/history";
import { MessageIdGenerator } from "@postbus/mail";
import type { FastifyInstance } from "fastify";
import { pino } from "pino";
import { Registry } from "prom-client";
import { createApp } from "../src/app.ts";

const ids = new MessageIdGenerator();

/** The API over a real bus and a real history, in a directory that is removed. */
export interface Fixture {
  readonly app: FastifyInstance;
  readonly bus: Bus;
  readonly history: History;
  /** Puts events into the history, as logger does. */
  store(events: readonly MailEvent[]): Promise<void>;
  /** A message of which one item waits on the bus, and whose arrival and first attempt are recorded. @returns its id. */
  defer(recipients?: readonly string[]): Promise<string>;
  stop(): Promise<void>;
}

export async function startFixture({ token }: { readonly token?: string } = {}): Promise<Fixture> {
  const directory = await mkdtemp(join(tmpdir(), "postbus-status-"));
  const bus = await openEmbeddedBus({ directory: join(directory, "bus") });
  const history = await openHistory({ directory });
  const app = await createApp({ bus, history, metrics: new Registry(), log: pino({ level: "silent" }), token });
  let reader: HistoryReader | undefined;
  const store = async (events: readonly MailEvent[]): Promise<void> => {
    reader ??= await history.openReader("logger");
    await reader.append(events, { position: "1", note: "" });
  };
  return {
    app,
    bus,
    history,
    store,
    async defer(recipients = ["rcpt@example.net"]) {
      const messageId = ids.next();
      const item = routeItem(messageId, recipients);
      await bus.publish({
        subject: routeSubject(),
        id: firstItemId(messageId),
        messageId,
        header: item,
        content: { kind: "inline", octets: Buffer.from("Subject: x\r\n\r\nx\r\n") },
        notBeforeMs: Date.now() + 3_600_000,
      });
      await store([received(messageId, recipients), ...recipients.map((recipient) => deferred(messageId, recipient))]);
      return messageId;
    },
    async stop() {
      await app.close();
      await history.close();
      await bus.close();
      await rm(directory, { recursive: true });
    },
  };
}

export const newId = (): string => ids.next();

export function received(messageId: string, recipients: readonly string[] = ["rcpt@example.net"]): Received {
  return {
    v: 1,
    id: `${messageId}:received`,
    atMs: Date.now(),
    service: "gateway",
    messageId,
    name: "msg:received",
    returnPath: "sender@example.org",
    recipients: [...recipients],
    reception: { protocol: "esmtp", clientAddress: "192.0.2.1", helo: "client.example.org", size: 4_321 },
  };
}

export function deferred(messageId: string, recipient: string): Deferred {
  return {
    v: 1,
    id: `${messageId}:defer:${recipient}`,
    atMs: Date.now(),
    service: "delivery",
    messageId,
    name: "msg:defer",
    recipient,
    returnPath: "sender@example.org",
    host: "mx.example.net",
    errno: 111,
    text: "Connection refused",
    nextTryAtMs: Date.now() + 3_600_000,
  };
}

function routeItem(messageId: string, recipients: readonly string[]): RouteItem {
  const now = Date.now();
  return {
    v: 1,
    messageId,
    returnPath: "sender@example.org",
    recipients: recipients.map((address) => ({ address, lastError: "Connection refused" })),
    receivedAtMs: now,
    queuedAtMs: now,
    attempt: 2,
    reception: { protocol: "esmtp", size: 18 },
  };
}
