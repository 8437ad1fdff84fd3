/** What the operator has to say about reports (Exim's manual, "Customizing messages"). Octets. */
export interface Wording {
  /** Value of From: `dsn_from`. */
  readonly from: string;
  /** `errors_reply_to` */
  readonly replyTo?: string | undefined;
  /** `bounce_charset` */
  readonly charset: string;
  /** Put behind the first sentence: `bounce_message_text`. */
  readonly text?: string | undefined;
  /** Items of `bounce_message_file` or `warn_message_file`, expanded; of an empty one, ours stands. */
  readonly template?: Template | undefined;
  /** `dsn_info`: what the host has said in all its steps. */
  readonly givesDetails: boolean;
}

export interface Template {
  /** Lines of the header section; a Subject, at least. */
  readonly header: string;
  /** Stands before the addresses. */
  readonly opening: string;
  /** In a bounce, stands before the output of programs; in a warning, behind the addresses. */
  readonly closing: string;
}
