/** An engine has not done what it was asked: it is away, too slow, or says what nobody understands. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  /** It works, but not with this message: that is no reason not to ask it about the next one. */
  readonly isRefusal: boolean;

  constructor(
    message: string,
    { isRefusal = false, ...options }: ErrorOptions & { readonly isRefusal?: boolean } = {},
  ) {
    super(message, options);
    this.isRefusal = isRefusal;
  }
}
