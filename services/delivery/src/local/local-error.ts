/** A local delivery that cannot be made now, in Exim's words. */
export class LocalError extends Error {
  override readonly name = "LocalError";
  /** The operating system's, or one of Exim's negative numbers. */
  readonly errno: number;

  constructor(errno: number, text: string, options?: ErrorOptions) {
    super(text, options);
    this.errno = errno;
  }
}
