import { compileExpansion } from "../../../expansion/compile-expansion.ts";
import type { Evaluation } from "../../../expansion/evaluation.ts";
import type { Expansion } from "../../../expansion/expansion.ts";
import { mailboxes } from "../../../expansion/mailbox.ts";
import { Tainted, textOf } from "../../../expansion/value.ts";
import { type CompiledList, compileList } from "../../../matching/compile-list.ts";
import type { autoreplyTransport } from "../../../options/transports/autoreply.ts";
import type { OptionSet } from "../../../reader/option-set.ts";
import { readTime } from "../../../reader/option-value.ts";
import { ValueError } from "../../../reader/value-error.ts";
import type { PlacedDelivery } from "../local/delivery-place.ts";
import { deferredBy, expandOption, failedBy, type Refusal } from "../local/refusal.ts";
import type { Reply } from "./autoreply-transport.ts";
import { readRecipients } from "./read-recipients.ts";
import { printable, unprintable } from "./unprintable.ts";

/** Options in the order in which Exim expands them, and what must not be in their values. */
const HEADERS = ["from", "reply_to", "to", "cc", "bcc", "subject"] as const;
const TEXTS = ["headers", "text"] as const;
const FILES = ["file", "log", "once"] as const;
type Name = (typeof HEADERS)[number] | (typeof TEXTS)[number] | (typeof FILES)[number];

/** The operating system's number for `Permission denied`. */
const EACCES = 13;

/** Makes the replies of one transport. */
export class Replies {
  readonly #transport: string;
  readonly #texts: ReadonlyMap<Name, Expansion>;
  readonly #neverMail: CompiledList | undefined;
  readonly #onceRepeat: Expansion | number;

  constructor(transport: string, options: Pick<OptionSet<(typeof autoreplyTransport)["options"]>, "get">) {
    this.#transport = transport;
    const names: readonly Name[] = [...HEADERS, ...TEXTS, ...FILES];
    this.#texts = new Map(
      names.flatMap((name) => {
        const text = options.get(name);
        return text === undefined ? [] : [[name, compileExpansion(text)] as const];
      }),
    );
    const neverMail = options.get("never_mail");
    this.#neverMail = neverMail === undefined ? undefined : compileList("address", neverMail);
    const repeat = options.get("once_repeat");
    this.#onceRepeat = typeof repeat === "number" ? repeat : compileExpansion(repeat);
  }

  async reply({ place, variables }: PlacedDelivery, evaluation: Evaluation): Promise<Reply | Refusal> {
    const values = new Map<Name, string>();
    for (const [name, expansion] of this.#texts) {
      const value = await this.#expanded(name, expansion, evaluation);
      if (typeof value !== "string") return value;
      values.set(name, value);
    }
    const onceRepeatMs = await this.#repeat(evaluation);
    if (typeof onceRepeatMs !== "number") return onceRepeatMs;
    const get = (name: Name): string => values.get(name) ?? "";
    const [to, cc, bcc] = await Promise.all(
      (["to", "cc", "bcc"] as const).map((name) => this.#withoutNeverMail(get(name), evaluation)),
    );
    return {
      kind: "reply",
      from: get("from"),
      replyTo: get("reply_to"),
      to: to ?? "",
      cc: cc ?? "",
      bcc: bcc ?? "",
      subject: get("subject"),
      headers: get("headers"),
      text: get("text"),
      file: get("file"),
      log: get("log"),
      once: get("once"),
      onceRepeatMs,
      place,
      original: variables.headers,
      recipients: readRecipients([to ?? "", cc ?? "", bcc ?? ""]),
      async expandLine(line) {
        const found = await expandOption(compileExpansion(line), evaluation);
        return found.kind === "value" ? textOf(found.value) : undefined;
      },
    };
  }

  async #expanded(name: Name, expansion: Expansion, evaluation: Evaluation): Promise<string | Refusal> {
    const found = await expandOption(expansion, evaluation);
    const what = `Expansion of "${printable(expansion.source)}"`;
    if (found.kind === "unexpanded") return failedBy(`${what} failed in ${this.#transport} transport: ${found.text}`);
    const text = textOf(found.value);
    const isFile = FILES.some((one) => one === name);
    if (isFile && name !== "once" && found.value instanceof Tainted) {
      const noun = name === "log" ? "logfile" : name;
      return deferredBy(`Tainted '${text}' (${noun} for ${this.#transport} transport) not permitted`, EACCES);
    }
    if (TEXTS.some((one) => one === name)) return text;
    const octet = unprintable(text, { mayFold: !isFile, topBit: evaluation.around.settings.printsTopBit });
    if (octet === undefined) return text;
    return failedBy(`${what} in ${this.#transport} transport contains non-printing character ${octet}`);
  }

  async #repeat(evaluation: Evaluation): Promise<number | Refusal> {
    if (typeof this.#onceRepeat === "number") return this.#onceRepeat;
    const { source } = this.#onceRepeat;
    const found = await expandOption(this.#onceRepeat, evaluation);
    if (found.kind === "unexpanded") {
      return failedBy(`Expansion of "${printable(source)}" failed in ${this.#transport} transport: ${found.text}`);
    }
    const text = textOf(found.value);
    try {
      return readTime(text);
    } catch (err) {
      if (!(err instanceof ValueError)) throw err;
      return failedBy(`Invalid time value "${text}" for "once_repeat" in ${this.#transport} transport`);
    }
  }

  /** A list of addresses without those that must not get anything; what is left stays as it was written. */
  async #withoutNeverMail(text: string, evaluation: Evaluation): Promise<string> {
    if (this.#neverMail === undefined || text === "") return text;
    const left: string[] = [];
    for (const mailbox of mailboxes(text)) {
      const [address] = readRecipients([mailbox]) ?? [];
      if (address !== undefined && (await this.#neverMail.match(evaluation, new Tainted(address))) !== undefined)
        continue;
      left.push(mailbox);
    }
    return left.join(",");
  }
}
