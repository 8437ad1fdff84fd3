import { bodyDecoder, bodyLines, DeferError, type MimePart, type OctetSource } from "@postbus/mail";
import { ExpansionFailure } from "../../expansion/failures.ts";
import { splitList } from "../../matching/split-list.ts";
import type { SmtpMessage } from "../smtp/message.ts";
import type { ScanFiles } from "./scan-files.ts";

/** What `mime_regex` looks at, as in Exim. */
const HEAD_OCTETS = 32_766;
/** A name that a file of ours may have: it stays in our directory. */
const FILE_NAME = /^(?!\.\.?$)[^/\0]{1,200}$/;
/** Octets that are gathered before they are written. */
const PIECE_OCTETS = 64 * 1024;

/** Counts what conditions read of a message: of nested multiparts, the same octets again at each level. */
export interface WorkLimit {
  /** Octets that may still be read. */
  left: number;
  /** Of the next file without a name of its own. */
  nextFile: number;
}

/** The part that the MIME ACL is asked about, for its conditions. */
export class CurrentPart {
  readonly #part: MimePart;
  readonly #source: OctetSource;
  readonly #files: ScanFiles;
  readonly #message: SmtpMessage;
  readonly #limit: WorkLimit;
  #head: string | undefined;

  constructor(part: MimePart, source: OctetSource, files: ScanFiles, message: SmtpMessage, limit: WorkLimit) {
    this.#part = part;
    this.#source = source;
    this.#files = files;
    this.#message = message;
    this.#limit = limit;
  }

  /** Its body as it came, some lines at a time, without line ends. @throws {DeferError} too much has been read. */
  async *lines(): AsyncGenerator<readonly string[]> {
    for await (const lines of this.#lines()) {
      yield lines.map((line) => (line.endsWith("\n") ? line.slice(0, -1) : line));
    }
  }

  /**
   * `decode = name`: writes the body as it is without its transfer encoding.
   *
   * @param option `default` or empty: under a name of our own.
   * @returns false: it is not to be done.
   * @throws {DeferError} it cannot be written. @throws {ExpansionFailure} the name cannot be one.
   */
  async decode(option: string): Promise<boolean> {
    const [name = ""] = splitList(option).items;
    if (name === "false" || name === "0") return false;
    if (name !== "" && name !== "default" && !FILE_NAME.test(name)) {
      throw new ExpansionFailure(`decode: "${name}" is not the name of a file in the directory of the message`);
    }
    const isOwn = name !== "" && name !== "default";
    await this.#decodeTo(isOwn ? name : `${this.#message.messageId}-${numbered(this.#limit.nextFile++)}`);
    return true;
  }

  /** The beginning of the body without its transfer encoding. Decodes it, if that was not done yet. */
  async head(): Promise<string> {
    if (this.#head === undefined) await this.decode("");
    return this.#head ?? "";
  }

  /** Writes a part that is a message, for the walk through it. */
  async writeMessage(name: string): Promise<void> {
    await this.#files.write(
      name,
      this.#octets(() => undefined),
    );
  }

  async #decodeTo(name: string): Promise<void> {
    const { found } = this.#message;
    let head = "";
    let size = 0;
    const octets = this.#octets((anomaly, piece) => {
      size += piece.length;
      if (head.length < HEAD_OCTETS) head += piece.toString("latin1", 0, HEAD_OCTETS - head.length);
      if (anomaly === undefined) return;
      found.set("mime_anomaly_level", anomaly.level);
      found.set("mime_anomaly_text", anomaly.text);
    });
    await this.#files.write(name, octets);
    this.#head = head;
    found.set("mime_decoded_filename", `${this.#files.path}/${name}`);
    found.set("mime_content_size", Math.ceil(size / 1024));
  }

  async *#octets(
    onPiece: (anomaly: ReturnType<typeof bodyDecoder>["anomaly"], piece: Buffer) => void,
  ): AsyncGenerator<Buffer> {
    const decoder = bodyDecoder(this.#part.fields.transferEncoding);
    let gathered: Buffer[] = [];
    let octets = 0;
    const take = (): Buffer => {
      const piece = Buffer.concat(gathered, octets);
      gathered = [];
      octets = 0;
      onPiece(decoder.anomaly, piece);
      return piece;
    };
    for await (const lines of this.#lines()) {
      for (const line of lines) {
        const decoded = decoder.decode(line);
        gathered.push(decoded);
        octets += decoded.length;
      }
      if (octets >= PIECE_OCTETS) yield take();
    }
    const rest = decoder.end();
    gathered.push(rest);
    octets += rest.length;
    yield take();
  }

  async *#lines(): AsyncGenerator<readonly string[]> {
    for await (const lines of bodyLines(this.#source, this.#part)) {
      for (const line of lines) this.#limit.left -= line.length;
      if (this.#limit.left < 0) throw new DeferError("mime", "too much of the message would be read again and again");
      yield lines;
    }
  }
}

const numbered = (count: number): string => String(count).padStart(5, "0");
