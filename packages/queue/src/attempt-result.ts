/** What is known of the host and the connection; all of it goes into the log and the reports. */
interface Host {
  /** Name of the host as configured or found in DNS. */
  readonly host?: string;
  readonly hostAddress?: string;
  readonly hostPort?: number;
  /** The DNS has vouched for its name and address (`DS`). */
  readonly isHostSigned?: true;
  /** Of the SOCKS proxy that the connection goes through (`PRX=`). */
  readonly proxyAddress?: string;
  readonly proxyPort?: number;
  /** How the session came about (`PS=`); of the first recipient of the first transaction only. */
  readonly steps?: string;
  /** Our end of the connection (`I=`). */
  readonly localAddress?: string;
  readonly localPort?: number;
  /** The connection had carried a message before. */
  readonly reused?: boolean;
  readonly cipher?: string;
  /** `CV=` and `DN=` of the host's certificate. */
  readonly certificateVerified?: boolean;
  readonly peerName?: string;
  /** Bits of `$tls_out_resumption`. */
  readonly tlsResumption?: number;
  /** Name of the authenticator that was passed, and who we are by that (`A=`). */
  readonly authenticator?: string;
  readonly authenticatedId?: string;
  /** `L`, `PRDR`, `K`: what of SMTP was made use of. */
  readonly isPipelined?: boolean;
  readonly isPrdr?: boolean;
  readonly isChunked?: boolean;
  /** `domain:selector` of each DKIM signature that we have made (`DKIM=`). */
  readonly signers?: readonly string[];
  /** First lines of the greeting and of the reply to EHLO, cut at 128 octets; for reports. */
  readonly greeting?: string;
  readonly heloReply?: string;
}

/** What became of one recipient in one attempt. A crash is none of these: the bus hands the item out again. */
export type AttemptResult = Delivered | DeferredAttempt | FailedAttempt;

interface Delivered extends Host {
  readonly outcome: "delivered";
  /** The next hop's last reply, or what a local server has said. */
  readonly confirmation?: string;
  /** What a program has written that is to be reported to the sender. */
  readonly output?: string;
  /** Of several that the item took, which one; absent: the first. The log tells them apart (`=>`, `->`). */
  readonly transaction?: number;
  /** The host knows DSN and has been told what the sender wants: it makes the reports. */
  readonly isNotificationPassedOn?: true;
  /** `shadow_transport` and, in parentheses, why it could not deliver (`ST=`). */
  readonly shadow?: string;
}

export interface DeferredAttempt extends Host {
  readonly outcome: "deferred";
  /** The operating system's, or Exim's negative codes (its manual, "Retry configuration"). */
  readonly errno: number;
  readonly text: string;
  /** Of a 4xx reply, the last two digits: `rcpt_4dd` and its like in retry rules. */
  readonly replyDigits?: number;
  /** The host has refused or could not be reached, whatever the message: others for it wait, too. Absent: it is the message's or the address's. */
  readonly isHostError?: boolean;
  /** What retry records say of the hosts; absent: nobody has asked them. */
  readonly hosts?: HostsStand;
  /** Under which name the failure is remembered (`retryKeys`); absent: it is this recipient's alone. */
  readonly retryKey?: string;
  /** What stands there after the attempt; absent: nobody has asked. */
  readonly remembered?: Remembered;
  /** The domain or host to which an operator lets nothing be delivered. */
  readonly suspended?: string;
  /** The item waits for an operator. */
  readonly isFrozen?: boolean;
  /** Of a mailbox that is full: for so long nobody has read it (`quota_7d` in retry rules). */
  readonly unreadForMs?: number;
}

/** The hosts of a delivery, as their retry records have them after the attempt. */
export interface HostsStand {
  /** Milliseconds since the epoch: when the first of them may be tried again. */
  readonly nextTryAtMs: number;
  /** Between the last try of that host and the next one; where very much waits for it, more. */
  readonly gapMs: number;
  /** None has been tried. */
  readonly areAllSkipped: boolean;
  /** Names of their retry records; absent where no single host is meant. */
  readonly names?: readonly string[];
  /** All have been failing for longer than their rules say, and none was skipped. */
  readonly haveTimedOut: boolean;
}

/** The retry record of an address, or of a message at a host, after one more failure. */
export interface Remembered {
  /** Milliseconds since the epoch. */
  readonly nextTryAtMs: number;
  /** It has been failing for longer than the rules say, or there is no rule. */
  readonly hasTimedOut: boolean;
}

interface FailedAttempt extends Host {
  readonly outcome: "failed";
  readonly text: string;
  /** A reply as a host would have given it, for the report: `550 5.7.30 REQUIRETLS support required`. */
  readonly ownReply?: string;
  /** What of the text the sender may read in a report; absent: a remote host's reply in it, else nothing. */
  readonly textForSender?: string;
  /** What a program has written that is to be reported to the sender. */
  readonly output?: string;
}
