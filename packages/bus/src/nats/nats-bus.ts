import type { MailEvent } from "@postbus/contracts";
import type { Spool } from "@postbus/spool";
import type { Bus, BusHealth, ConsumeOptions, Handler, Publication, Queue, Subscription } from "../bus.ts";
import type { EventLog } from "../event-log.ts";
import type { KeyValue } from "../key-value.ts";
import type { Question, RequestOptions } from "../request-reply.ts";
import type { Waiting } from "../waiting.ts";
import type { Cancellations } from "./cancellations.ts";
import { ContentSweep } from "./content-sweep.ts";
import type { EventWriter } from "./event-writer.ts";
import type { Holders } from "./holders.ts";
import type { ItemWriter } from "./item-writer.ts";
import { JournalDirectory } from "./journal-directory.ts";
import type { Link } from "./link.ts";
import type { NatsRequestReply } from "./nats-request-reply.ts";
import type { ServerApi } from "./server-api.ts";
import type { Names } from "./topology.ts";
import { WorkConsumer, type WorkConsumerParts } from "./work-consumer.ts";

/** At the end, for events and cancellations that the server has not answered for. */
const FLUSH_MS = 5_000;

export interface NatsBusParts {
  readonly link: Link;
  readonly api: ServerApi;
  readonly names: Names;
  /** For what comes from outside; handlers' outcomes have another. */
  readonly edgeWriter: ItemWriter;
  readonly cancellations: Cancellations;
  readonly eventWriter: EventWriter;
  readonly events: EventLog;
  readonly waiting: Waiting;
  readonly spool: Spool;
  readonly requests: NatsRequestReply;
  readonly holders: Holders;
  readonly consumers: Set<WorkConsumer>;
  readonly journals: Set<JournalDirectory>;
  readonly forConsumers: Omit<WorkConsumerParts, "journal">;
  readonly bucket: (name: string) => KeyValue;
}

/** The bus of the fleet, on NATS JetStream. Made by `connectNatsBus`. */
export class NatsBus implements Bus {
  readonly waiting: Waiting;
  readonly events: EventLog;
  readonly spool: Spool;
  readonly #parts: NatsBusParts;
  readonly #contentSweep: ContentSweep;

  constructor(parts: NatsBusParts) {
    this.#parts = parts;
    this.#contentSweep = new ContentSweep(parts);
    this.waiting = parts.waiting;
    this.events = parts.events;
    this.spool = parts.spool;
  }

  async publish(publication: Publication, events?: readonly MailEvent[]): Promise<void> {
    const { edgeWriter } = this.#parts;
    await edgeWriter.publish(publication);
    await edgeWriter.raise(events);
  }

  async consume(queue: Queue, options: ConsumeOptions, handler: Handler): Promise<Subscription> {
    const { forConsumers, consumers } = this.#parts;
    const journal = options.journal === undefined ? undefined : await this.#journalIn(options.journal);
    const consumer = new WorkConsumer({ ...forConsumers, journal }, queue, options, handler);
    consumers.add(consumer);
    if (queue === "route") this.#contentSweep.start();
    return {
      drain: async () => {
        await consumer.drain();
        consumers.delete(consumer);
      },
    };
  }

  /** Without a journal mail goes through as well; a `kill -9` may double more of it. */
  async #journalIn(directory: string): Promise<JournalDirectory | undefined> {
    const { journals, link } = this.#parts;
    try {
      const journal = await JournalDirectory.open(directory);
      journals.add(journal);
      return journal;
    } catch (err) {
      link.onProblem(`what is done is not written down before it is committed: ${directory}`, err);
      return undefined;
    }
  }

  request(subject: string, body: object, options: RequestOptions): Promise<unknown> {
    return this.#parts.requests.request(subject, body, options);
  }

  serve(
    subject: string,
    options: { readonly concurrency: number },
    handler: (question: Question) => Promise<object>,
  ): Promise<Subscription> {
    return this.#parts.requests.serve(subject, options, handler);
  }

  broadcast(subject: string, body: object): void {
    this.#parts.requests.broadcast(subject, body);
  }

  listen(subject: string, handler: (body: unknown) => void): Promise<Subscription> {
    return this.#parts.requests.listen(subject, handler);
  }

  keyValue(name: string): KeyValue {
    return this.#parts.bucket(name);
  }

  async health(): Promise<BusHealth> {
    const { link, api, names, eventWriter } = this.#parts;
    const { server_name: server = "NATS", version = "" } = link.connection.info ?? {};
    if (link.disconnectedAt !== undefined) return { ok: false, text: `${server}: no connection` };
    try {
      await api.call("look at the stream", ({ streams }) => streams.info(names.work.route));
    } catch (err) {
      return { ok: false, text: `${server}: ${err instanceof Error ? err.message : String(err)}` };
    }
    const lost = eventWriter.dropped === 0 ? "" : `, ${eventWriter.dropped} events lost`;
    return { ok: true, text: `${server} ${version}${lost}` };
  }

  async close(): Promise<void> {
    const { consumers, holders, eventWriter, cancellations, journals, link } = this.#parts;
    for (const consumer of consumers) consumer.abort();
    holders.stop();
    this.#contentSweep.stop();
    await Promise.all([eventWriter.flush(FLUSH_MS), cancellations.settled(FLUSH_MS)]);
    await link.close();
    // What was not committed by now stays there for the next process.
    for (const journal of journals) journal.close();
  }
}
