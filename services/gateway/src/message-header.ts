import { type HeaderField, headerFields } from "@postbus/mail";
import { changedHeader } from "@postbus/policy";
import type { Top } from "./message-content.ts";
import { isForgedResult } from "./trace/forged-results.ts";

type Added = Parameters<typeof changedHeader>[1];

/** The header section of a message as it is to be passed on: our trace field on top, and what ACLs have changed. */
export class MessageHeader {
  readonly #received: string;
  readonly #header: Buffer;
  readonly #fields: readonly HeaderField[];
  /** Lines above the trace field, as long as nothing else was changed. */
  #above = "";
  /** All lines, folded with LF, as soon as something in them was changed. */
  #lines: readonly string[] | undefined;

  /**
   * @param received The trace field, with its CRLF.
   * @param header With its blank line.
   * @param fields Of the header, if they are known.
   * @param rewritten Lines that are others now.
   */
  constructor(
    received: string,
    header: Buffer,
    fields = headerFields(header),
    rewritten: ReadonlyMap<string, string> = NOTHING,
  ) {
    this.#received = received;
    this.#header = header;
    this.#fields = fields;
    if (rewritten.size === 0) return;
    this.#lines = this.lines.map((line) => rewritten.get(line) ?? line);
  }

  /** @throws {ExpansionFailure} a pattern of lines to be removed is none. */
  change(added: Added, removed: readonly string[]): void {
    if (added.length === 0 && removed.length === 0) return;
    if (this.#lines === undefined && removed.length === 0 && added.every(({ position }) => position === "at_start")) {
      for (const { text } of added) this.#above = `${text.replaceAll("\n", "\r\n")}${this.#above}`;
    } else {
      this.#lines = changedHeader(this.lines, added, removed);
    }
  }

  /** Takes out of what has come the results of others that have one of these names, in lower case. */
  removeResults(names: readonly string[]): void {
    const forged = this.#fields.filter((field) => isForgedResult(this.#header, field, names));
    if (forged.length === 0) return;
    const texts = new Set(forged.map((field) => this.#textOf(field)));
    this.#lines = this.lines.filter((line) => !texts.has(line));
  }

  #textOf({ start, end }: HeaderField): string {
    return this.#header.toString("latin1", start, end).replaceAll("\r\n", "\n");
  }

  /** Each line with its name, folded with LF. */
  get lines(): readonly string[] {
    if (this.#lines !== undefined) return this.#lines;
    const own = `${this.#above}${this.#received}`.replaceAll("\r\n", "\n").split(/(?<=\n)(?![ \t])/);
    const given = this.#fields.map((field) => this.#textOf(field));
    return [...own.filter((line) => line !== ""), ...given];
  }

  get top(): Top {
    if (this.#lines === undefined) {
      return { trace: Buffer.from(`${this.#above}${this.#received}`, "latin1"), header: this.#header };
    }
    const end = this.#fields.at(-1)?.end ?? 0;
    const trace = Buffer.from(this.#lines.join("").replaceAll("\n", "\r\n"), "latin1");
    return { trace, header: this.#header.subarray(end) };
  }
}

const NOTHING: ReadonlyMap<string, string> = new Map();
