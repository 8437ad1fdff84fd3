import type { OctetSource } from "@postbus/mail";

/** Where parts of the message that is looked at are written, each to a file of its own. Whoever gives it, clears it. */
export interface ScanFiles {
  /** Of the directory, for `$mime_decoded_filename`. */
  readonly path: string;
  /**
   * Writes a file, over one of the same name.
   *
   * @param name Without slashes.
   * @throws {DeferError} no room, or none that this message may take.
   */
  write(name: string, octets: AsyncIterable<Buffer>): Promise<void>;
  /** What was written. */
  source(name: string): OctetSource;
  remove(name: string): Promise<void>;
}
