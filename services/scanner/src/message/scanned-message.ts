import { createHash } from "node:crypto";
import { type Content, contentSize, type ScanRequest } from "@postbus/contracts";
import type { Spool } from "@postbus/spool";

type Asked = Pick<ScanRequest, "messageId" | "client" | "returnPath" | "recipients" | "header">;

/** A message as engines get it: its envelope, the header section as ACLs have left it, the body that came. */
export class ScannedMessage {
  readonly messageId: string;
  readonly client: Asked["client"];
  readonly returnPath: string;
  readonly recipients: readonly string[];
  /** The header section with the blank line behind it: octets, CRLF line ends. */
  readonly header: Buffer;
  /** Octets of header section and body. */
  readonly size: number;
  readonly #content: Content;
  readonly #spool: Pick<Spool, "read">;
  readonly #replaces: number;

  constructor(asked: Asked, content: Content, spool: Pick<Spool, "read">) {
    const { messageId, client, returnPath, recipients, header } = asked;
    this.messageId = messageId;
    this.client = client;
    this.returnPath = returnPath;
    this.recipients = recipients;
    this.header = Buffer.from(header.text, "latin1");
    this.#content = content;
    this.#spool = spool;
    this.#replaces = Math.min(header.replaces, contentSize(content));
    this.size = this.header.length + contentSize(content) - this.#replaces;
  }

  /**
   * Header section and body, as often as one likes. Large content comes from the spool piece by piece, each used up when the
   * next one is asked for.
   */
  async *octets(): AsyncGenerator<Buffer> {
    yield this.header;
    yield* this.body();
  }

  /** What stands behind the blank line. */
  async *body(): AsyncGenerator<Buffer> {
    if (this.#content.kind === "inline") {
      yield this.#content.octets.subarray(this.#replaces);
      return;
    }
    let toSkip = this.#replaces;
    // From the beginning, since only then the digest is checked.
    for await (const octets of this.#spool.read(this.#content, { isTransient: true })) {
      const skipped = Math.min(toSkip, octets.length);
      toSkip -= skipped;
      if (skipped < octets.length) yield octets.subarray(skipped);
    }
  }

  /**
   * Names the message by what it says and who is to get it: that of one that is sent again is the same, though our own Received
   * field differs. SHA-256, hexadecimal.
   */
  digest(): string {
    const digest = createHash("sha256");
    const { client, returnPath, recipients } = this;
    digest.update(JSON.stringify([client, returnPath, recipients, withoutReceived(this.header.toString("latin1"))]));
    if (this.#content.kind === "spooled") digest.update(this.#content.sha256);
    else digest.update(this.#content.octets);
    return digest.digest("hex");
  }
}

/** Without its first Received field: ours. */
const withoutReceived = (header: string): string => header.replace(/(?<=^|\r\n)Received:.*\r\n(?:[ \t].*\r\n)*/, "");
