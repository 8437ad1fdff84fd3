import type { Received } from "@postbus/contracts";
import type { Reply } from "@postbus/mail";
import type { SmtpAcls, TlsView } from "@postbus/policy";
import type { SessionDecisions } from "./decisions/session-decisions.ts";
import type { Envelope } from "./envelope.ts";
import type { LoggedClient } from "./log/logged-client.ts";

/** What a session knows of how the message comes in. */
export interface Incoming {
  readonly client: LoggedClient & { readonly address: string; readonly port: number };
  /** What of pipelining the client was offered, and has used. */
  readonly pipelining: Received["pipelining"];
  readonly envelope: Envelope;
  /** As Exim logs it (`P=`). */
  readonly protocol: string;
  readonly tls: TlsView | undefined;
  /** By BDAT. */
  readonly isChunked: boolean;
  readonly acls: SmtpAcls;
  /** Nobody is there any more to hear the reply. */
  readonly isGone: () => boolean;
  /** Says something to the client that is not the last word on the message. A promise: it does not read. */
  readonly say: (reply: Reply) => Promise<void> | undefined;
  /** Told what becomes of the message; undefined: nobody wants to know. */
  readonly decisions: SessionDecisions | undefined;
}
