/** How the lines of a message are written. */
export interface LineForm {
  /** `use_crlf` */
  readonly usesCrlf: boolean;
  /** `use_bsmtp`: in a batch of SMTP commands. */
  readonly isBatched: boolean;
  /** `check_string` and `escape_string`: what begins with the one begins with the other; undefined: anything goes. */
  readonly escaped: { readonly from: string; readonly to: string } | undefined;
}
