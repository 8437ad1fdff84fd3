import type { ScanTask } from "@postbus/contracts";
import type { RateStore } from "@postbus/rates";
import type { Eventual } from "../expansion/code.ts";
import type { Variables } from "../expansion/evaluation.ts";
import type { AclAnswer } from "./answer.ts";
import type { Signature } from "./dkim/signature.ts";
import type { Facts } from "./facts.ts";
import type { ScanFindings } from "./scans/ask-scanner.ts";
import type { AddressVerdict, VerifyAddressRequest } from "./verify-address.ts";

export type LogTarget = "main" | "reject" | "panic";

export interface DecisionListener {
  /** A clock that only goes forward, milliseconds with fractions. */
  nowMs(): number;
  /**
   * The ACL of a stage has been run, or refuses for want of one.
   *
   * @param tookUs Microseconds, waiting included. @param about The recipient that it was asked about.
   */
  decided(answer: AclAnswer, tookUs: number, about: string | undefined): void;
}

/** What more is to be known of a line of the log. */
export interface LogAbout {
  /** The line is written only if this selector is on (`log_selector`). */
  readonly selector?: string;
  /** It begins with the client: `H=name (helo) [address]`. */
  readonly isOfClient?: true;
  /** The same in another form: it begins with this, behind which stand the client and the text. */
  readonly before?: string;
}

/** What ACLs need from whoever runs them. What is absent is not available: its use defers. */
export interface AclHooks {
  readonly facts?: Facts;
  /** All DKIM signatures of the message, from the top, as the policy takes them (`dkimLimits`); undefined: nobody knows. */
  signatures?(): Promise<readonly Signature[] | undefined>;
  /**
   * A program that looks into messages is asked about this one, as its header section is by now.
   *
   * @throws {DeferError} no verdict, for now.
   */
  scan?(task: ScanTask, timeoutMs: number): Promise<ScanFindings>;
  verifyAddress?(request: VerifyAddressRequest): Eventual<AddressVerdict>;
  /** Known besides those of the session, and before them. */
  readonly variables?: Variables;
  /** Counters of `ratelimit`, times of `seen`. */
  readonly rates?: RateStore;
  /** `delay =`; ends early when the client goes away. @param isFlushed Whether replies so far are to be written first. */
  delay?(seconds: number, isFlushed: boolean): Eventual<void>;
  /** `control = dscp/…`: of which class our packets to the client are from now on (RFC 2474), six bits. */
  classify?(dscp: number): void;
  /** `udpsend =`. @throws {DeferError} it cannot be sent. */
  sendDatagram?(host: string, port: number, data: string): Promise<void>;
  /** The last verbs of the session, comma-separated. */
  commandHistory?(): string;
  log?(targets: readonly LogTarget[], text: string, about?: LogAbout): void;
  /** Who wants to know of every decision. Absent: nothing is timed. */
  readonly decisions?: DecisionListener;
  /** ACLs in files. @returns undefined: there is none. */
  readAclFile?(path: string): Eventual<string | undefined>;
}
