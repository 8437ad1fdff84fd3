import type { Reply } from "@postbus/mail";
import type { SmtpAcls, TlsView } from "@postbus/policy";
import type { SessionDecisions } from "./decisions/session-decisions.ts";
import type { Envelope } from "./envelope.ts";

/** What a session knows of how the message comes in. */
export interface Incoming {
  readonly client: { readonly address: string; readonly port: number; readonly helo: string };
  readonly envelope: Envelope;
  /** As Exim logs it (`P=`). */
  readonly protocol: string;
  readonly tls: TlsView | undefined;
  /** By BDAT. */
  readonly isChunked: boolean;
  readonly acls: SmtpAcls;
  /** Says something to the client that is not the last word on the message. A promise: it does not read. */
  readonly say: (reply: Reply) => Promise<void> | undefined;
  /** Told what becomes of the message; undefined: nobody wants to know. */
  readonly decisions: SessionDecisions | undefined;
}
