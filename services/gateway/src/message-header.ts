import { type HeaderField, headerFields } from "@postbus/mail";
import { changedHeader } from "@postbus/policy";
import type { Top } from "./message-content.ts";
import { isForgedResult } from "./trace/forged-results.ts";

type Added = Parameters<typeof changedHeader>[1];

/** What has become of the lines that a client has sent, before any ACL looks at them. */
export interface MendedLines {
  /** What a line is now; empty: it is gone. */
  readonly changed: ReadonlyMap<string, string>;
  /** Those of the client's that are gone, though new ones may say the same. */
  readonly gone: ReadonlySet<string>;
  /** New ones, above those that came and behind them. */
  readonly first: readonly string[];
  readonly last: readonly string[];
}

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
   * @param mended Absent: the lines are as they came.
   */
  constructor(received: string, header: Buffer, fields = headerFields(header), mended?: MendedLines) {
    this.#received = received;
    this.#header = header;
    this.#fields = fields;
    if (mended === undefined) return;
    const { changed, gone, first, last } = mended;
    if (changed.size + gone.size + first.length + last.length === 0) return;
    const now = (lines: readonly string[]): string[] =>
      lines.map((line) => changed.get(line) ?? line).filter((line) => line !== "");
    const given = this.#givenLines.filter((line) => !gone.has(line));
    this.#lines = [...this.#ownLines, ...now(first), ...now(given), ...now(last)];
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
    const texts = new Set(foldedLines(this.#header, forged));
    this.#lines = this.lines.filter((line) => !texts.has(line));
  }

  /** Each line with its name, folded with LF. */
  get lines(): readonly string[] {
    return this.#lines ?? [...this.#ownLines, ...this.#givenLines];
  }

  get #ownLines(): string[] {
    const lines = `${this.#above}${this.#received}`.replaceAll("\r\n", "\n").split(/(?<=\n)(?![ \t])/);
    return lines.filter((line) => line !== "");
  }

  get #givenLines(): string[] {
    return foldedLines(this.#header, this.#fields);
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

/** Each line of a header section with its name, folded with LF. */
export function foldedLines(header: Buffer, fields: readonly HeaderField[]): string[] {
  return fields.map(({ start, end }) => header.toString("latin1", start, end).replaceAll("\r\n", "\n"));
}
