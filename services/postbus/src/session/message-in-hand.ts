import { type Unwanted, withoutUnwanted } from "@postbus/gateway";
import { headerFields, type OctetSource } from "@postbus/mail";
import { receivedContent } from "@postbus/policy";

/** The content of the message that is being received. It is held whole: a session that queues nothing has one at a time. */
export class MessageInHand {
  #header: Buffer = Buffer.alloc(0);
  readonly #body: Buffer[] = [];

  header(octets: Buffer): void {
    this.#header = octets;
  }

  body(octets: Buffer): void {
    this.#body.push(octets);
  }

  /** Each header line that stays with the message, with its name, folded with LF. */
  headerLines(unwanted: Unwanted): string[] {
    const header = withoutUnwanted(this.#header, headerFields(this.#header), unwanted);
    return headerFields(header).map(({ start, end }) => header.toString("latin1", start, end).replaceAll("\r\n", "\n"));
  }

  get headerOctets(): number {
    return this.#header.length;
  }

  /** The message as it came. */
  get octets(): Buffer {
    return Buffer.concat([this.#header, ...this.#body]);
  }

  get source(): OctetSource {
    const { octets } = this;
    return { read: (start) => [octets.subarray(start)] };
  }

  /** @param visible Octets of the body that policies see at either end: `message_body_visible`. */
  content(headerLines: readonly string[], visible: number): ReturnType<typeof receivedContent> {
    const body = Buffer.concat(this.#body);
    const text = body.toString("latin1").replaceAll("\r\n", "\n");
    return receivedContent(headerLines, {
      size: body.length,
      ...measured(text),
      start: text.slice(0, visible),
      end: text.slice(-visible),
      read: () => text.split("\n"),
    });
  }
}

function measured(text: string): { lines: number; longestLine: number; zeros: number } {
  const lines = text.split("\n");
  const longestLine = lines.reduce((longest, line) => Math.max(longest, line.length), 0);
  return { lines: lines.length - 1, longestLine, zeros: text.split("\0").length - 1 };
}
