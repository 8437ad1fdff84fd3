import type { MailEvent } from "@postbus/contracts";
import type { Outcome, Publication, Queue } from "../bus.ts";
import type { Publisher } from "./committer.ts";
import type { EventWriter } from "./event-writer.ts";
import { encodeItem, type ItemMeta, metaOf } from "./item-codec.ts";
import {
  deferredSubject,
  dueSubject,
  frozenSubject,
  type ItemName,
  idToken,
  queueOf,
  workSubject,
} from "./item-subject.ts";
import { MessageParts } from "./message-parts.ts";
import type { Presence } from "./presence.ts";
import type { Message } from "./send-until-known.ts";
import type { PubAck } from "./server-error.ts";

/** Which stream a message belongs to. */
export type Place = Queue | "deferred" | "frozen";

export interface ItemWriterParts {
  readonly prefix: string;
  /** Where what is published goes, together with other things. */
  readonly publishers: Readonly<Record<Place, Publisher>>;
  /** Messages under ids of their own: what is done twice under one id is done once. */
  readonly singly: Publisher;
  readonly presence: Presence;
  readonly parts: MessageParts;
  readonly events: EventWriter;
}

export interface Placed {
  readonly place: Place;
  readonly name: ItemName;
  readonly message: Message;
}

/** Puts items where they belong: ready, deferred or frozen; and an outcome's consequences in the order that is safe. */
export class ItemWriter {
  readonly #parts: ItemWriterParts;

  constructor(parts: ItemWriterParts) {
    this.#parts = parts;
  }

  publish(publication: Publication): Promise<PubAck> {
    return this.#publish(this.#placed(publication));
  }

  /** Sends an item of its own. @returns its sequence. */
  async put({ message }: Placed): Promise<number> {
    return (await this.#parts.singly.publish(message)).seq;
  }

  /**
   * Everything that follows from an item but its own end, which the caller reports when this has resolved. Done twice,
   * it is the same as done once.
   *
   * @param isRepeated Whether it may have been done before: then it is looked what is there already.
   * @returns whether the message is complete with it: then its content can go.
   */
  async commit(
    meta: Pick<ItemMeta, "messageId" | "part">,
    outcome: Outcome,
    { isRepeated }: { readonly isRepeated: boolean },
  ): Promise<boolean> {
    const { publish = [] } = outcome;
    const own = publish.filter(({ messageId }) => messageId === meta.messageId);
    const placed = await this.#withParts(meta.messageId, meta.part, own);
    if (own.length < publish.length) {
      const others = Map.groupBy(
        publish.filter(({ messageId }) => messageId !== meta.messageId),
        ({ messageId }) => messageId,
      );
      for (const [messageId, items] of others) placed.push(...(await this.#withParts(messageId, undefined, items)));
    }
    await Promise.all(placed.map((item) => (isRepeated ? this.#publishAgain(item) : this.#publish(item))));
    const isComplete = own.length === 0 && (await this.#parts.parts.close(meta.messageId, meta.part));
    await this.raise(outcome.events, isComplete ? outcome.eventsIfComplete : undefined);
    if (isComplete) outcome.whenComplete?.();
    return isComplete;
  }

  /** Resolves when they are on their way; what is sent afterwards does not arrive before them. */
  raise(first: readonly MailEvent[] = [], second: readonly MailEvent[] = []): Promise<void> {
    return this.#parts.events.write(second.length === 0 ? first : [...first, ...second]);
  }

  /** Items of one message; more than one are parts of it, written down before they can end. */
  async #withParts(messageId: string, part: string | undefined, items: readonly Publication[]): Promise<Placed[]> {
    if (items.length <= 1) return items.map((item) => this.#placed(item, part));
    const names = MessageParts.namesFor(part, items.length);
    await this.#parts.parts.split(messageId, part, names);
    return items.map((item, index) => this.#placed(item, names[index]));
  }

  #placed(publication: Publication, part?: string): Placed {
    const headerOctets = Buffer.from(JSON.stringify(publication.header));
    return place(
      this.#parts.prefix,
      metaOf(publication, part),
      headerOctets,
      publication.content,
      idToken(publication.id),
    );
  }

  #publish({ place, message }: Placed): Promise<PubAck> {
    return this.#parts.publishers[place].publish(message);
  }

  async #publishAgain({ name, message }: Placed): Promise<void> {
    if (!(await this.#parts.presence.has(name))) await this.#parts.singly.publish(message);
  }
}

/** @param msgId Stable, so that a repetition is dropped. */
export function place(
  prefix: string,
  meta: ItemMeta,
  headerOctets: Buffer,
  content: Publication["content"],
  msgId: string,
): Placed {
  const payload = encodeItem(meta, headerOctets, content);
  const name: ItemName = { queue: queueOf(meta.subject), messageId: meta.messageId, id: meta.id };
  if (meta.frozen !== undefined) {
    return { place: "frozen", name, message: { subject: frozenSubject(prefix, name), id: msgId, payload } };
  }
  if (meta.notBeforeMs !== undefined && meta.notBeforeMs > Date.now()) {
    const headers = scheduleHeaders(meta.notBeforeMs, dueSubject(prefix, name));
    return {
      place: "deferred",
      name,
      message: { subject: deferredSubject(prefix, name), id: msgId, payload, headers },
    };
  }
  return { place: name.queue, name, message: { subject: workSubject(prefix, meta.subject, name), id: msgId, payload } };
}

/** The server publishes the item on `target` at that time, and removes the schedule (ADR-51). */
export function scheduleHeaders(atMs: number, target: string): Readonly<Record<string, string>> {
  return { "Nats-Schedule": `@at ${new Date(atMs).toISOString()}`, "Nats-Schedule-Target": target };
}
