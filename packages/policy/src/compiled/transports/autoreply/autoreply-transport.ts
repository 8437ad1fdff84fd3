import type { Headers } from "../../../expansion/evaluation.ts";
import type { AnyTransport } from "../../../policy.ts";
import type { DeliveryPlace, RoutedPlace } from "../local/delivery-place.ts";
import type { Refusal } from "../local/refusal.ts";

/** Answers with a message of its own (Exim's manual, "The autoreply transport"; names of its options in comments). */
export interface AutoreplyTransport extends AnyTransport {
  readonly driver: "autoreply";
  readonly settings: AutoreplySettings;
  /** All that has to be expanded. */
  reply(request: RoutedPlace): Promise<Reply | Refusal>;
}

export interface AutoreplySettings {
  /** `file_expand`, `file_optional` */
  readonly expandsFile: boolean;
  readonly isFileOptional: boolean;
  /** `return_message` */
  readonly returnsMessage: boolean;
  /** `bounce_return_size_limit` of the main section, octets. */
  readonly returnLimit: number;
  /** `mode`: of the log. */
  readonly mode: number;
  /** `qualify_domain` and `qualify_recipient` */
  readonly qualifyDomain: string;
  readonly qualifyRecipient: string;
}

/** A reply as it is to be made; what is undefined or empty is left out. Octets. */
export interface Reply {
  readonly kind: "reply";
  readonly from: string;
  readonly replyTo: string;
  readonly to: string;
  readonly cc: string;
  readonly bcc: string;
  readonly subject: string;
  /** Lines, each with its LF but perhaps the last. */
  readonly headers: string;
  readonly text: string;
  /** A file whose text follows. */
  readonly file: string;
  /** A file that gets to know of it. */
  readonly log: string;
  /** Where it is kept who has got one; empty: nowhere. */
  readonly once: string;
  /** 0: never again. */
  readonly onceRepeatMs: number;
  readonly place: DeliveryPlace;
  /** Of the message that is answered. */
  readonly original: Headers | undefined;
  /** Whom `to`, `cc` and `bcc` name; undefined: one of them is no list of addresses. */
  readonly recipients: readonly string[] | undefined;
  /** Of a line of the file; undefined: it cannot be expanded. */
  expandLine(line: string): Promise<string | undefined>;
}
